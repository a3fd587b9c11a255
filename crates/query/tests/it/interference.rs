//! Property: what is outside a reader's scope changes no byte of any answer to that reader.
//!
//! An invented organisation with invented records stands in the store, and a reader asks everything that a reader can
//! ask. Then whatever the reader may not see is changed: records are edited, deleted, re-owned and added, people
//! outside are called otherwise and report to others, others delegate otherwise, delegations to the reader that were over
//! are gone or there. The same questions must get the same answers: status, headers,
//! body, order, pages, entity tags. Who sees what is worked out here anew, in the simplest way, and not by the code
//! under test.
//!
//! What every signed-in user may know is declared in `salescommand_query::PUBLIC_FACTS`; there is no other exception.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::http::Method;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use salescommand_domain::access::{Role, ScopeKey};
use salescommand_domain::canonical::history::{HistoryField, HistoryStatement, HistoryVersion, derive};
use salescommand_domain::canonical::{
    Account, Activity, Contact, Entity, FacetId, Golden, GoldenBody, Opportunity, Related, SourceRef, Status,
    Team,
};
use salescommand_domain::raw::{Position, RawPosition};
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact, OpportunityVersion};
use salescommand_query::SystemIds;
use salescommand_query::delegations::{Delegations, NewDelegation};
use salescommand_store::{
    Active, Documents, Ops, canonical_collection, facets_collection, serving_collection,
};
use serde_json::json;

use crate::records;
use crate::world::{Answer, Browser, NOW, World};

/// Those who read. The others see everything.
const READERS: [Role; 4] = [Role::SalesManager, Role::AccountManager, Role::SalesUser, Role::Viewer];
/// Readers and the people around them.
const PEOPLE: usize = 10;
const TEAMS: usize = 3;
/// Most records of before; those that are added have the numbers from here on.
const RECORDS: usize = 16;
const PROJECTIONS: [&str; 5] =
    ["directory", "dashboard_stats", "pipeline_summary", "activity_feed", "opportunity_history"];

/// An organisation. Everybody's manager, and every team's leader, stands before them in `order`: no cycles.
#[derive(Debug, Clone)]
struct Organisation {
    order: Vec<usize>,
    /// By person: a place in `order` before the person's own, if it is one.
    managers: Vec<Option<usize>>,
    names: Vec<u8>,
    teams: Vec<BTreeSet<usize>>,
    /// Who lets whom see what they see, among those who read, and when.
    delegations: BTreeMap<(usize, usize), When>,
}

/// The one day of a delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Yesterday,
    Today,
    Tomorrow,
}

impl When {
    fn day(self) -> Date {
        let today = NOW.parse::<Timestamp>().unwrap().to_zoned(TimeZone::UTC).date();
        match self {
            Self::Yesterday => today.yesterday().unwrap(),
            Self::Today => today,
            Self::Tomorrow => today.tomorrow().unwrap(),
        }
    }
}

/// What the records are of, by their numbers; half of them are deals.
const ENTITIES: [Entity; 8] = [
    Entity::Opportunity,
    Entity::Account,
    Entity::Opportunity,
    Entity::Activity,
    Entity::Opportunity,
    Entity::Contact,
    Entity::Opportunity,
    Entity::Activity,
];

/// A record: whose it is, and the rest of it.
#[derive(Debug, Clone)]
struct Record {
    owner: Option<usize>,
    team: Option<usize>,
    status: Status,
    minor: i64,
    day: Option<i8>,
    name: u8,
    /// The record, by number, that an activity is about, a deal was merged into, or that is a deal's account. It may not be
    /// there.
    other: usize,
    deleted: bool,
}

/// What becomes of a record that the reader may not see.
#[derive(Debug, Clone)]
enum Change {
    Stay,
    Go,
    Become(Record),
}

#[derive(Debug, Clone)]
struct Case {
    reader: usize,
    organisation: Organisation,
    records: Vec<Record>,
    changes: Vec<Change>,
    more: Vec<Record>,
    other_managers: Vec<Option<usize>>,
    other_names: Vec<u8>,
    other_teams: Vec<BTreeSet<usize>>,
    other_delegations: BTreeMap<(usize, usize), When>,
}

impl Organisation {
    fn place(&self, person: usize) -> usize {
        self.order.iter().position(|at| *at == person).unwrap()
    }

    /// The first of the members in the order leads a team.
    fn leader(&self, team: &BTreeSet<usize>) -> Option<usize> {
        self.order.iter().copied().find(|person| team.contains(person))
    }

    fn named(&self, person: usize) -> Option<usize> {
        self.managers[person].filter(|at| *at < self.place(person)).map(|at| self.order[at])
    }

    /// The manager: who is named, else whoever leads the team with the smallest id.
    fn manager(&self, person: usize) -> Option<usize> {
        let mut teams: Vec<_> = self.teams.iter().enumerate().collect();
        teams.sort_by_key(|(number, _)| team_id(*number));
        let led = teams.into_iter().filter(|(_, team)| team.contains(&person));
        let mut leaders = led.filter_map(|(_, team)| self.leader(team)).filter(|leader| *leader != person);
        self.named(person).or_else(|| leaders.next())
    }

    /// Whether somebody is the other, or above them.
    fn is_above(&self, above: usize, person: usize) -> bool {
        let mut at = Some(person);
        while let Some(person) = at {
            if person == above {
                return true;
            }
            at = self.manager(person);
        }
        false
    }

    /// Whether somebody's records are seen by a reader: below them, or below whoever delegates to them.
    fn is_seen(&self, reader: usize, person: usize) -> bool {
        let to_reader = |((_, to), when): &(&(usize, usize), &When)| *to == reader && **when == When::Today;
        let delegators = self.delegations.iter().filter(to_reader).map(|((from, _), _)| *from);
        delegators.chain([reader]).any(|root| self.is_above(root, person))
    }

    /// Whether a reader sees a record among others.
    fn sees(&self, reader: usize, number: usize, record: &Record, others: &BTreeMap<usize, &Record>) -> bool {
        self.sees_as_its_own(reader, number, record)
            || matches!(entity(number), Entity::Account | Entity::Contact)
                && others.iter().any(|(deal, of)| {
                    entity(*deal) == Entity::Opportunity
                        && of.other == number
                        && !of.deleted
                        && self.sees_as_its_own(reader, *deal, of)
                })
    }

    fn sees_as_its_own(&self, reader: usize, number: usize, record: &Record) -> bool {
        match (entity(number), record.owner, record.team) {
            (_, Some(owner), _) => self.is_seen(reader, owner),
            // Only deals go to a team's inbox.
            (Entity::Opportunity, None, Some(team)) => {
                self.leader(&self.teams[team]).is_some_and(|leader| self.is_seen(reader, leader))
            }
            _ => false,
        }
    }
}

impl Case {
    /// The records of before and of after, by their numbers.
    fn records(&self, after: bool) -> BTreeMap<usize, &Record> {
        let mut records: BTreeMap<_, _> = self.records.iter().enumerate().collect();
        if after {
            let before = records.clone();
            let is_hidden = |number: usize, record: &Record| {
                !self.organisation.sees(self.reader, number, record, &before)
            };
            for (number, change) in self.changes.iter().enumerate().take(self.records.len()) {
                let hidden = is_hidden(number, &self.records[number]);
                match change {
                    Change::Go if hidden => drop(records.remove(&number)),
                    Change::Become(record) if hidden && is_hidden(number, record) => {
                        records.insert(number, record);
                    }
                    Change::Stay | Change::Go | Change::Become(_) => {}
                }
            }
            let more = self.more.iter().enumerate().map(|(more, record)| (RECORDS + more, record));
            records.extend(more.filter(|(number, record)| is_hidden(*number, record)));
        }
        records
    }

    /// The organisation of after: people outside the reader's tree among themselves.
    fn reorganised(&self) -> Organisation {
        let before = &self.organisation;
        let outside = |person: usize| !before.is_seen(self.reader, person);
        let mut after = before.clone();
        let records = self.records(false);
        let seen =
            records.iter().filter(|(number, record)| before.sees(self.reader, **number, record, &records));
        let owners: BTreeSet<usize> = seen.filter_map(|(_, record)| record.owner).collect();
        for person in (0..PEOPLE).filter(|person| outside(*person)) {
            let manager = self.other_managers[person].filter(|at| outside(before.order[*at]));
            after.managers[person] = manager.or(before.managers[person]);
            // Names are public; whose delegations the reader is told of, and who owns an account of a visible deal, is called by
            // them.
            let mut told = before.delegations.iter().filter(|(who, when)| self.is_told(**who, **when));
            if !told.any(|((from, to), _)| [*from, *to].contains(&person)) && !owners.contains(&person) {
                after.names[person] = self.other_names[person];
            }
        }
        for team in 0..TEAMS {
            let (old, new) = (&before.teams[team], &self.other_teams[team]);
            if old.iter().chain(new).all(|person| outside(*person)) {
                after.teams[team].clone_from(new);
            }
        }
        // Losing a named manager, or another team, may put somebody under the reader; then nothing is reorganised.
        let same = (0..PEOPLE)
            .all(|person| before.is_seen(self.reader, person) == after.is_seen(self.reader, person));
        let delegations = self.delegations_after();
        Organisation { delegations, ..if same { after } else { before.clone() } }
    }

    /// Whether a reader is told of a delegation: of their own and those to them, as long as they are not over.
    fn is_told(&self, (from, to): (usize, usize), when: When) -> bool {
        [from, to].contains(&self.reader) && when != When::Yesterday
    }

    /// The delegations of after: those of which the reader is not told are others.
    fn delegations_after(&self) -> BTreeMap<(usize, usize), When> {
        let told = self.organisation.delegations.iter().filter(|(who, when)| self.is_told(**who, **when));
        let others = self.other_delegations.iter().filter(|(who, when)| !self.is_told(**who, **when));
        others.chain(told).map(|(who, when)| (*who, *when)).collect()
    }
}

fn person_name(person: usize) -> String {
    format!("person{person}")
}

fn person_facet(person: usize) -> FacetId {
    records::seller(&person_name(person))
}

fn team_id(team: usize) -> FacetId {
    records::source("crm.team", &team.to_string()).facet_id()
}

fn entity(number: usize) -> Entity {
    ENTITIES[number % ENTITIES.len()]
}

fn source_of(number: usize) -> SourceRef {
    records::source(entity(number).plural(), &number.to_string())
}

/// The golden record, with the scope key that the merge gives it.
fn golden(number: usize, record: &Record) -> Golden {
    let (owner, team) = (record.owner.map(person_facet), record.team.map(team_id));
    let other = (record.other != number).then(|| (source_of(record.other).facet_id(), entity(record.other)));
    let other_of = |entity: Entity| other.filter(|(_, of)| *of == entity).map(|(id, _)| id);
    let date = record.day.map(|day| format!("2026-11-{day:02}"));
    let (name, key) = (format!("Record {}", record.name), number.to_string());
    let account = other_of(Entity::Account);
    let (team_of_deal, body) = match entity(number) {
        Entity::Opportunity => {
            let deal = records::deal(&key, "x", record.status, Some((record.minor, "USD")), date.as_deref());
            let GoldenBody::Opportunity(deal) = deal.body else { panic!("a deal") };
            let contact = other_of(Entity::Contact);
            let deal = Opportunity { name, owner, team, account, contact, ..*deal };
            (team, GoldenBody::Opportunity(Box::new(deal)))
        }
        Entity::Account => {
            let account = Account { name, owner, parent: account, active: true, ..Account::default() };
            (None, GoldenBody::Account(account))
        }
        Entity::Contact => {
            let contact = Contact { name, owner, account, active: true, ..Contact::default() };
            (None, GoldenBody::Contact(contact))
        }
        Entity::Activity => {
            let about = records::deal("0", "x", Status::Open, None, None);
            let at = format!("2026-11-{:02}T09:00:00Z", record.day.unwrap_or(1));
            let GoldenBody::Activity(call) = records::call(&key, "x", &at, &about).body else {
                panic!("a call")
            };
            let related = other.map(|(id, entity)| Related { entity, id });
            (None, GoldenBody::Activity(Activity { subject: name, owner, related, ..call }))
        }
        Entity::User | Entity::Team => panic!("no record here"),
    };
    let source = source_of(number);
    let scope_key = ScopeKey::of(owner, team_of_deal, None, &source.instance);
    let mut golden = records::golden(source, scope_key, body);
    golden.deleted = record.deleted;
    golden.merged_into = other_of(Entity::Opportunity).filter(|_| record.deleted);
    golden
}

/// What the history projection has of a deal: two versions.
fn versions(golden: &Golden, record: &Record) -> Vec<(String, OpportunityVersion)> {
    let stated = |sequence: u64, at: &str, amount: i64| {
        let fields = BTreeMap::from([(HistoryField::Amount, json!(amount.to_string()))]);
        let statement = HistoryStatement { fields, ..HistoryStatement::default() };
        let raw = RawPosition {
            instance: golden.facets[0].source.instance.clone(),
            position: Position { epoch: 1, sequence },
        };
        HistoryVersion::new(golden.id, raw, (at.parse().unwrap(), at.parse().unwrap()), Some(statement))
    };
    let mut versions =
        [stated(1, "2026-01-01T00:00:00Z", 1), stated(2, "2026-02-01T00:00:00Z", record.minor)];
    derive(&mut versions);
    let served = versions.into_iter().map(|version| {
        let (opportunity, scope_key) = (Some(golden.id), Some(golden.scope_key.clone()));
        (version.id.clone(), OpportunityVersion { version, opportunity, scope_key })
    });
    served.collect()
}

/// Puts one of the two states into the store, in the place of whatever is there.
async fn furnish(world: &World, organisation: &Organisation, records: &BTreeMap<usize, &Record>) {
    let mut collections: Vec<_> = PROJECTIONS.map(|name| serving_collection(name, 1)).into();
    collections.extend(Entity::ALL.map(|entity| canonical_collection(entity, 1)));
    collections.push(facets_collection(1));
    let seeds: Vec<_> = collections.iter().map(|name| format!("seed {name}")).collect();
    world.store.drop_generation(&collections, &seeds).await.unwrap();
    let mut all: Vec<_> = records.iter().map(|(number, record)| golden(*number, record)).collect();
    let served: Vec<_> = all
        .iter()
        .zip(records.values())
        .filter(|(golden, _)| golden.entity() == Entity::Opportunity)
        .flat_map(|(golden, record)| versions(golden, record))
        .collect();
    records::put(&world.store, &serving_collection("opportunity_history", 1), served).await;
    let mut entries: Vec<DirectoryEntry> =
        vec![records::stage_entry("1", "Proposal", 2), records::stage_entry("4", "Won", 9)];
    for person in 0..PEOPLE {
        let (facet, name) = (person_facet(person), format!("Name {}", organisation.names[person]));
        let manager = organisation.named(person).map(person_facet);
        let account = READERS.get(person).map(|role| world.people[role]);
        let mut facets: Vec<_> = account.into_iter().chain([facet]).collect();
        facets.sort();
        entries.push(records::person(facets[0], facets, &name, manager));
        all.push(records::user(&person_name(person), &name));
    }
    for (number, members) in organisation.teams.iter().enumerate() {
        let leader = organisation.leader(members).map(person_facet);
        let members: Vec<_> = members.iter().copied().map(person_facet).collect();
        let name = format!("Team {number}");
        let fact = DirectoryFact::Team { name: name.clone(), leader, members };
        entries.push(DirectoryEntry { id: team_id(number), scope_key: ScopeKey::public(), fact });
        // The team's own record is public by declaration, with its leader; that one stays the same here.
        let mut team = records::team(&number.to_string(), &name);
        team.body = GoldenBody::Team(Team { name, active: true, ..Team::default() });
        all.push(team);
    }
    let entries = entries.into_iter().map(|entry| (entry.id.to_string(), entry));
    records::put(&world.store, &serving_collection("directory", 1), entries.collect()).await;
    records::put_golden(&world.store, all).await;
    delegate(world, organisation).await;
    world.project(7).await;
}

fn delegations_of(world: &World) -> Delegations {
    let (ops, clock): (Arc<dyn Ops>, _) = (Arc::new(world.store.clone()), Arc::new(world.clock.clone()));
    Delegations::new(ops, clock, Arc::new(SystemIds), 90)
}

/// Makes and withdraws delegations until they are those of the organisation; what stays is not touched.
async fn delegate(world: &World, organisation: &Organisation) {
    let delegations = delegations_of(world);
    let accounts = world.accounts.list().await.unwrap();
    let account = |reader: usize| accounts.iter().find(|account| account.role == READERS[reader]).unwrap();
    let mut missing = organisation.delegations.clone();
    for former in delegations.all().await.unwrap() {
        let same = |((from, to), when): &(&(usize, usize), &When)| {
            former.from == account(*from).id && former.to == account(*to).id && former.first == when.day()
        };
        let stays = missing.iter().find(same).map(|(who, _)| *who);
        match stays {
            Some(who) => drop(missing.remove(&who)),
            None => assert!(delegations.withdraw(&former.id).await.unwrap()),
        }
    }
    for ((from, to), when) in missing {
        let (from, to, day) = (account(from), account(to), when.day());
        let new = NewDelegation { from, to, days: (day, day), note: Some("Away"), made_by: None };
        delegations.make(new, day).await.unwrap();
    }
}

/// Withdrawals of what others have delegated to others.
async fn withdrawals(world: &World, reader: usize) -> Vec<(Method, String)> {
    let accounts = world.accounts.list().await.unwrap();
    let own = &accounts.iter().find(|account| account.role == READERS[reader]).unwrap().id;
    let all = delegations_of(world).all().await.unwrap();
    let others = all.into_iter().filter(|one| one.from != *own && one.to != *own);
    others.map(|one| (Method::DELETE, format!("/api/org/delegations/{}", one.id))).collect()
}

/// Everything that a reader can ask, of everything that there is before or after, or never was.
fn questions(case: &Case) -> Vec<(Method, String)> {
    let mut ids: BTreeSet<_> = [FacetId(uuid::Uuid::from_u128(7)).to_string()].into();
    for after in [false, true] {
        let records = case.records(after);
        ids.extend(records.keys().map(|number| source_of(*number).facet_id().to_string()));
    }
    let people: Vec<_> = (0..PEOPLE).map(|person| person_facet(person).to_string()).collect();
    let mut paths: Vec<String> = ["overview", "overview?period=2026-Q3", "overview?period=2026-Q4"]
        .map(|path| format!("/api/dashboard/{path}"))
        .into();
    paths.extend(
        ["sync/status", "sync/history", "data-lake/stats", "data-lake/health", "auth/me"]
            .map(|path| format!("/api/{path}")),
    );
    paths.extend(["delegations", "delegations?all=true", "edges"].map(|path| format!("/api/org/{path}")));
    for entity in Entity::ALL {
        paths.push(format!("/api/data-lake/entities/{}?limit=2", entity.plural()));
        paths.extend(ids.iter().map(|id| format!("/api/data-lake/lineage/{}/{id}", entity.plural())));
    }
    for filter in ["", "&status=open", "&status=won", "&stage=none"] {
        paths.push(format!("/api/opportunities?limit=2{filter}"));
    }
    paths.push(format!("/api/opportunities?stage={}", records::stage("1")));
    paths.extend(people.iter().map(|id| format!("/api/opportunities?owner={id}")));
    let mut writes = Vec::new();
    for id in &ids {
        paths.push(format!("/api/opportunities/{id}"));
        paths.push(format!("/api/opportunities/{id}/history"));
        writes.push((Method::PATCH, format!("/api/opportunities/{id}")));
        writes.push((Method::DELETE, format!("/api/opportunities/{id}")));
    }
    for owner in &people {
        for cell in [format!("{}", records::stage("1")), "none".to_owned()] {
            paths.push(format!("/api/data-lake/lineage/serving/pipeline_summary/owner:{owner}%7C{cell}"));
        }
        paths.push(format!(
            "/api/data-lake/lineage/serving/dashboard_stats/owner:{owner}%7Copen_by_close_date%7C2026-11"
        ));
    }
    paths.into_iter().map(|path| (Method::GET, path)).chain(writes).collect()
}

/// What the reader is told, in full: only what is drawn for each request anew is left out.
fn told(answer: &Answer) -> String {
    let headers: Vec<_> = answer.headers.iter().filter(|(name, _)| *name != "x-request-id").collect();
    let body = answer.text().replace(answer.header("x-request-id"), "-");
    format!("{} {headers:?}\n{body}", answer.status)
}

/// All answers; pages are followed to their end.
async fn answers(reader: &mut Browser, questions: &[(Method, String)]) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for (method, path) in questions {
        let mut asked = path.clone();
        loop {
            let answer = match *method {
                Method::GET => reader.get(&asked).await,
                // A change that its author has seen no version of: whoever may see the deal is told so.
                ref changing => reader.send_json(changing.clone(), &asked, &json!({ "name": "x" })).await,
            };
            let next = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
            let next = next.and_then(|page| page["next_cursor"].as_str().map(str::to_owned));
            answers.insert(format!("{method} {asked}"), told(&answer));
            let Some(next) = next else { break };
            let separator = if path.contains('?') { '&' } else { '?' };
            asked = format!("{path}{separator}cursor={next}");
        }
    }
    answers
}

fn organisation() -> impl Strategy<Value = Organisation> {
    let order = Just((0..PEOPLE).collect::<Vec<_>>()).prop_shuffle();
    (order, managers(), names(), teams(), delegations()).prop_map(
        |(order, managers, names, teams, delegations)| Organisation {
            order,
            managers,
            names,
            teams,
            delegations,
        },
    )
}

fn delegations() -> impl Strategy<Value = BTreeMap<(usize, usize), When>> {
    let when = prop_oneof![1 => Just(When::Yesterday), 3 => Just(When::Today), 1 => Just(When::Tomorrow)];
    prop::collection::btree_map((0..READERS.len(), 0..READERS.len()), when, 0..5).prop_map(
        |mut delegations| {
            delegations.retain(|(from, to), _| from != to);
            delegations
        },
    )
}

fn managers() -> impl Strategy<Value = Vec<Option<usize>>> {
    prop::collection::vec(prop::option::of(0..PEOPLE), PEOPLE)
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), PEOPLE)
}

fn teams() -> impl Strategy<Value = Vec<BTreeSet<usize>>> {
    prop::collection::vec(prop::collection::btree_set(0..PEOPLE, 0..4), TEAMS)
}

fn record() -> impl Strategy<Value = Record> {
    let status = prop::sample::select(vec![Status::Open, Status::Won, Status::Lost, Status::Archived]);
    let whose = (prop::option::weighted(0.8, 0..PEOPLE), prop::option::of(0..TEAMS));
    let rest = (1i64..1_000_000, prop::option::of(1i8..29), any::<u8>(), 0..RECORDS + 6);
    (whose, status, rest, prop::bool::weighted(0.2)).prop_map(
        |((owner, team), status, (minor, day, name, other), deleted)| Record {
            owner,
            team,
            status,
            minor,
            day,
            name,
            other,
            deleted,
        },
    )
}

fn case() -> impl Strategy<Value = Case> {
    let change = prop_oneof![
        1 => Just(Change::Stay),
        2 => Just(Change::Go),
        5 => record().prop_map(Change::Become),
    ];
    let records = (
        prop::collection::vec(record(), 4..RECORDS),
        prop::collection::vec(change, RECORDS),
        prop::collection::vec(record(), 0..6),
    );
    let others = (managers(), names(), teams(), delegations());
    (0..READERS.len(), organisation(), records, others).prop_map(
        |(reader, organisation, (records, changes, more), others)| {
            let (other_managers, other_names, other_teams, other_delegations) = others;
            Case {
                reader,
                organisation,
                records,
                changes,
                more,
                other_managers,
                other_names,
                other_teams,
                other_delegations,
            }
        },
    )
}

/// How many organisations are invented: `SALESCOMMAND_TEST_CASES`, else some.
fn cases() -> u32 {
    std::env::var("SALESCOMMAND_TEST_CASES").ok().map_or(40, |cases| cases.parse().unwrap())
}

#[test]
fn what_is_outside_a_scope_changes_no_byte_of_an_answer() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (world, browsers) = runtime.block_on(async {
        let world = World::with_accounts().await;
        let serving = PROJECTIONS.map(|name| (name.to_owned(), 1)).into();
        world.store.set_active(&Active { canonical: 1, serving, org_version: 1, previous: None }).unwrap();
        world.add_source("odoo").await;
        world.finish_run("odoo", "2026-11-23T07:00:00Z", 7).await;
        let mut browsers = Vec::new();
        for role in READERS {
            browsers.push(world.signed_in(role).await);
        }
        (world, browsers)
    });
    let (browsers, seen) =
        (std::cell::RefCell::new(browsers), std::cell::Cell::new((0_usize, 0_usize, 0_usize, 0_usize)));
    let mut runner = TestRunner::new(Config {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    });
    let outcome = runner.run(&case(), |case| {
        let mut questions = questions(&case);
        let (before, after) = (case.records(false), case.records(true));
        let reorganised = case.reorganised();
        let reader = &mut browsers.borrow_mut()[case.reader];
        let (first, second) = runtime.block_on(async {
            furnish(&world, &case.organisation, &before).await;
            questions.extend(withdrawals(&world, case.reader).await);
            let first = answers(reader, &questions).await;
            furnish(&world, &reorganised, &after).await;
            (first, answers(reader, &questions).await)
        });
        let visible = before
            .iter()
            .filter(|(number, record)| case.organisation.sees(case.reader, **number, record, &before))
            .count();
        let shown = first.values().filter(|told| told.starts_with("200")).count();
        let (records, answers, changed, redelegated) = seen.get();
        let others = usize::from(case.organisation.delegations != reorganised.delegations);
        let changed = changed + usize::from(before.len() != after.len());
        seen.set((records + visible, answers + shown, changed, redelegated + others));
        for (question, answer) in &first {
            prop_assert_eq!(second.get(question), Some(answer), "{}", question);
        }
        prop_assert_eq!(first.len(), second.len());
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // A reader who sees nothing, or a world in which nothing changes, would prove nothing. In the mean a reader sees one record
    // and more, and 26 questions have an answer; the bounds are far enough below that chance does not reach them.
    let (records, answers, changed, redelegated) = seen.get();
    let cases = cases() as usize;
    let changes = changed > cases / 3 && redelegated > cases / 3;
    assert!(records > cases / 8 && answers > 10 * cases && changes, "{:?}", seen.get());
}
