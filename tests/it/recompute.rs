//! The slow, obvious oracle: what every document must be, recomputed from scratch from the complete list of accepted
//! versions.
//!
//! Shares with the product what is pure and proven elsewhere: the mappers, the merge of given facets, what a facet
//! states of its tracked fields, and the shapes of documents. Everything else is done again, naively: which versions
//! count, identity by comparing every pair, history by sorting and comparing, sums by adding up all deals.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::Timestamp;
use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::history::{HistoryStatement, HistoryVersion};
use salescommand_domain::canonical::{
    Entity, Facet, FacetBody, FacetId, Golden, GoldenBody, IdentityKey, LastVersion, Mapped, OpportunityKind,
    Rejection, Role, SourceRef, Status, merge,
};
use salescommand_domain::raw::{Envelope, Operation, Payload, Position, RawPosition};
use salescommand_domain::serving::{
    Day, DayBuckets, DirectoryEntry, DirectoryFact, FeedItem, Measure, OpportunityVersion, StageSummary, Sums,
};
use salescommand_normalizer::{QuarantineState, Quarantined, RawMessage};
use serde::Serialize;

use crate::oracle::Compared;

mod history;

/// One accepted version of a record; none within is a deletion.
struct Accepted {
    raw: RawPosition,
    source: SourceRef,
    modified: Option<Timestamp>,
    observed: Timestamp,
    says: Option<Mapped>,
    /// The record that took its content in, if a deletion names one.
    into: Option<FacetId>,
}

impl Accepted {
    fn valid(&self) -> Timestamp {
        self.modified.unwrap_or(self.observed)
    }
}

/// A rejected version.
struct Rejected {
    raw: RawPosition,
    subject: String,
    facet: FacetId,
    why: Rejection,
}

/// Everything that was ever said.
#[derive(Default)]
struct World {
    accepted: BTreeMap<FacetId, Vec<Accepted>>,
    rejected: Vec<Rejected>,
}

/// The documents that a set of raw events comes to, in whatever order they are given.
pub fn documents(messages: &[RawMessage]) -> Compared {
    let mut world = World::default();
    let mut messages: Vec<_> = messages.iter().collect();
    messages.sort_by(|a, b| a.raw.cmp(&b.raw));
    for message in messages {
        world.hear(message);
    }
    let facets = world.facets();
    let groups = groups(&facets);
    let goldens = goldens(&facets, &groups);
    let history = world.history();
    let mut found = Compared::new();
    put(&mut found, "canonical_facets", facets.values().map(|facet| (facet.id.to_string(), facet)));
    put(&mut found, "canonical_links", links(&facets, &groups));
    put(&mut found, "canonical_quarantine", world.quarantine());
    put(&mut found, "canonical_history", history.iter().map(|version| (version.id.clone(), version)));
    for golden in &goldens {
        let name = format!("canonical_{}", golden.entity().plural());
        put(&mut found, &name, [(golden.id.to_string(), golden)]);
    }
    put(&mut found, "serving_directory", directory(&facets, &goldens));
    put(
        &mut found,
        "serving_activity_feed",
        goldens.iter().filter_map(|golden| Some((golden.id.to_string(), FeedItem::of(golden)?))),
    );
    put(&mut found, "serving_dashboard_stats", day_sums(&goldens));
    put(&mut found, "serving_pipeline_summary", stage_sums(&goldens));
    put(&mut found, "serving_opportunity_history", served_history(history, &goldens));
    found
}

fn put<T: Serialize>(found: &mut Compared, name: &str, documents: impl IntoIterator<Item = (String, T)>) {
    for (id, document) in documents {
        let bytes = bson::serialize_to_raw_document_buf(&document).unwrap().into_bytes();
        let earlier = found.entry(format!("{name}_g1")).or_default().insert(id, bytes);
        assert!(earlier.is_none(), "the oracle made a document of {name} twice");
    }
}

impl World {
    fn hear(&mut self, message: &RawMessage) {
        let envelope = Envelope::decode(&message.message.payload, None).unwrap();
        let source = SourceRef {
            instance: envelope.instance.clone(),
            object: envelope.object.clone(),
            key: envelope.key.clone(),
        };
        let (raw, facet) = (message.raw.clone(), source.facet_id());
        let into = match &envelope.payload {
            Payload::Inline(payload) if envelope.operation == Operation::Delete => {
                payload["merged_into"].as_str().filter(|key| *key != source.key)
            }
            _ => None,
        };
        let into = into.map(|key| SourceRef { key: key.to_owned(), ..source.clone() }.facet_id());
        let says = match envelope.operation {
            Operation::Delete => Ok(None),
            Operation::Upsert => {
                (salescommand_connectors::descriptor(&envelope.connector).unwrap().map)(&envelope)
            }
        };
        match says {
            Ok(says) => self.accepted.entry(facet).or_default().push(Accepted {
                raw,
                source,
                modified: envelope.source_modified,
                observed: envelope.observed,
                says,
                into,
            }),
            Err(why) => {
                let subject = message.message.subject.clone();
                self.rejected.push(Rejected { raw, subject, facet, why });
            }
        }
    }

    /// The latest accepted version of each record.
    fn facets(&self) -> BTreeMap<FacetId, Facet> {
        let mut facets = BTreeMap::new();
        for (id, versions) in &self.accepted {
            let Some(last) = versions.iter().rposition(|version| version.says.is_some()) else { continue };
            let said = versions[last].says.clone().unwrap();
            let deleted = last + 1 < versions.len();
            let declares = matches!(said.body, FacetBody::Link(_) | FacetBody::IgnoredKey(_));
            let keys: BTreeSet<IdentityKey> =
                said.keys.into_iter().filter(|_| !(deleted && declares)).collect();
            let refs: BTreeSet<FacetId> = said.refs.into_iter().collect();
            let facet = Facet {
                id: *id,
                source: versions[last].source.clone(),
                position: versions.last().unwrap().raw.position,
                source_modified: versions[last].modified,
                deleted,
                merged_into: versions.last().unwrap().into.filter(|_| deleted),
                stated: deleted.then_some(versions[last].raw.position),
                last_version: last_version(&said.body, versions),
                body: said.body,
                keys: keys.into_iter().collect(),
                refs: refs.into_iter().collect(),
            };
            facets.insert(*id, facet);
        }
        facets
    }

    fn quarantine(&self) -> Vec<(String, Quarantined)> {
        let entry = |reject: &Rejected| {
            let mut entry = Quarantined::new(
                reject.raw.clone(),
                reject.subject.clone(),
                Some(reject.facet),
                reject.why.clone(),
            );
            let versions = self.accepted.get(&reject.facet).into_iter().flatten();
            let later: Vec<_> =
                versions.filter(|version| version.raw.position > reject.raw.position).collect();
            if !later.is_empty() {
                (entry.state, entry.superseded) = (QuarantineState::Superseded, true);
            }
            let gone = later.iter().filter(|version| version.says.is_none());
            let last = gone.max_by_key(|version| version.raw.position);
            entry.gone_at = last.map(|version| version.raw.position);
            entry.merged_into = last.and_then(|version| version.into);
            (entry.id.clone(), entry)
        };
        self.rejected.iter().map(entry).collect()
    }

    /// Each record's versions, sorted, and what differs from one to the next.
    fn history(&self) -> Vec<HistoryVersion> {
        let mut documents = Vec::new();
        for (facet, versions) in &self.accepted {
            let opportunity = |version: &Accepted| {
                version.says.as_ref().is_some_and(|said| said.body.entity() == Some(Entity::Opportunity))
            };
            if !versions.iter().any(opportunity) {
                continue;
            }
            let mut sorted: Vec<&Accepted> = versions.iter().collect();
            sorted.sort_by_key(|version| (version.valid(), version.raw.position));
            for (index, version) in sorted.iter().enumerate() {
                let times = (version.valid(), version.observed);
                let statement = version.says.as_ref().map(|said| HistoryStatement::of(&said.body).unwrap());
                let mut document = HistoryVersion::new(*facet, version.raw.clone(), times, statement);
                document.merged_into = version.into;
                document.gaps = self.gaps(*facet, version.raw.position);
                document.changes = history::changes(&sorted, index, !document.gaps.is_empty());
                documents.push(document);
            }
        }
        documents
    }

    /// Rejects behind the accepted version that came before this one.
    fn gaps(&self, facet: FacetId, position: Position) -> Vec<Position> {
        let before = self.accepted[&facet].iter().map(|version| version.raw.position);
        let before = before.filter(|before| *before < position).max();
        let rejects = self.rejected.iter().filter(|reject| reject.facet == facet);
        rejects.map(|reject| reject.raw.position).filter(|at| *at < position && Some(*at) > before).collect()
    }
}

fn last_version(body: &FacetBody, versions: &[Accepted]) -> Option<LastVersion> {
    if body.entity() != Some(Entity::Opportunity) {
        return None;
    }
    let latest = versions.iter().max_by_key(|version| (version.valid(), version.raw.position)).unwrap();
    let first = versions.iter().position(|version| version.says.is_some()).unwrap();
    let earliest =
        |index: usize| versions[..index].iter().all(|before| before.valid() <= versions[index].valid());
    let in_order = (first..versions.len()).all(earliest) && history::goes_on(versions);
    Some(LastVersion { valid_at: latest.valid(), known_at: latest.observed, in_order })
}

/// Who is the same thing as whom, per entity: the facets and, with them, the link records.
type Groups = Vec<BTreeSet<FacetId>>;

fn groups(facets: &BTreeMap<FacetId, Facet>) -> Groups {
    let ignored: BTreeSet<&IdentityKey> = facets
        .values()
        .filter(|facet| facet.body.role() == Role::Ignores)
        .flat_map(|facet| &facet.keys)
        .collect();
    let mut groups = Groups::new();
    for entity in Entity::ALL {
        let side = |facet: &&Facet| facet.body.entity() == Some(entity) || facet.body.role() == Role::Link;
        let held = |facet: &Facet| {
            let joins = |key: &&IdentityKey| match key.as_facet() {
                Some(target) => facets.get(&target).is_none_or(|it| it.body.entity() == Some(entity)),
                None => {
                    facets.values().filter(|it| it.body.entity().is_some() && it.keys.contains(key)).count()
                        <= 10
                }
            };
            let listed = facet.keys.iter().filter(|key| !ignored.contains(key)).filter(joins).cloned();
            let own = facet.body.entity().is_some().then(|| IdentityKey::facet(facet.id));
            listed.chain(own).collect::<BTreeSet<_>>()
        };
        let mut rest: Vec<(FacetId, BTreeSet<IdentityKey>)> =
            facets.values().filter(side).map(|facet| (facet.id, held(facet))).collect();
        while let Some((first, mut keys)) = rest.pop() {
            let mut group = BTreeSet::from([first]);
            while let Some(at) = rest.iter().position(|(_, others)| !others.is_disjoint(&keys)) {
                let (id, others) = rest.remove(at);
                group.insert(id);
                keys.extend(others);
            }
            groups.push(group);
        }
    }
    groups
}

#[derive(Serialize)]
struct Link {
    #[serde(rename = "_id")]
    facet: FacetId,
    golden: FacetId,
}

fn links(facets: &BTreeMap<FacetId, Facet>, groups: &Groups) -> Vec<(String, Link)> {
    let mut links = Vec::new();
    for group in groups {
        let ids: Vec<FacetId> =
            group.iter().copied().filter(|id| facets[id].body.entity().is_some()).collect();
        let link = |facet: &FacetId| (facet.to_string(), Link { facet: *facet, golden: ids[0] });
        links.extend(ids.iter().skip(1).map(link));
    }
    links
}

fn members<'a>(facets: &'a BTreeMap<FacetId, Facet>, group: &BTreeSet<FacetId>) -> Vec<&'a Facet> {
    group.iter().map(|id| &facets[id]).collect()
}

fn goldens(facets: &BTreeMap<FacetId, Facet>, groups: &Groups) -> Vec<Golden> {
    groups.iter().filter_map(|group| merge(&members(facets, group), facets)).collect()
}

fn directory(facets: &BTreeMap<FacetId, Facet>, goldens: &[Golden]) -> Vec<(String, DirectoryEntry)> {
    let mut facts: Vec<(FacetId, DirectoryFact)> = Vec::new();
    for golden in goldens {
        match &golden.body {
            GoldenBody::User(user) => facts.push((
                golden.id,
                DirectoryFact::Person {
                    name: user.name.clone(),
                    active: user.active && !golden.deleted,
                    facets: golden.facets.iter().map(|facet| facet.id).collect(),
                    manager: user.manager,
                    accounts: user.directory_accounts.clone(),
                },
            )),
            GoldenBody::Team(team) if !golden.deleted => facts.push((
                golden.id,
                DirectoryFact::Team {
                    name: team.name.clone(),
                    leader: team.leader,
                    members: team.members.clone(),
                },
            )),
            _ => {}
        }
    }
    for facet in facets.values() {
        let fact = match &facet.body {
            FacetBody::Stage(stage) => DirectoryFact::Stage {
                name: stage.name.clone(),
                order: stage.order,
                is_won: stage.is_won,
                source: facet.source.instance.clone(),
            },
            FacetBody::Label(label) if !facet.deleted => DirectoryFact::Label { name: label.name.clone() },
            FacetBody::Company(company) => DirectoryFact::Company { name: company.name.clone() },
            FacetBody::Calendar(calendar) => DirectoryFact::Calendar(calendar.clone()),
            FacetBody::ManagerEdge(declared) if !facet.deleted => {
                DirectoryFact::ManagerEdge(declared.edge.clone())
            }
            _ => continue,
        };
        facts.push((facet.id, fact));
    }
    let entry = |(id, fact): (FacetId, _)| {
        (id.to_string(), DirectoryEntry { id, scope_key: ScopeKey::public(), fact })
    };
    facts.into_iter().map(entry).collect()
}

/// The deals that count.
fn deals(
    goldens: &[Golden],
) -> impl Iterator<Item = (&Golden, &salescommand_domain::canonical::Opportunity)> {
    goldens.iter().filter(|golden| !golden.deleted).filter_map(|golden| match &golden.body {
        GoldenBody::Opportunity(deal) if deal.opportunity_kind == OpportunityKind::Opportunity => {
            Some((golden, &**deal))
        }
        _ => None,
    })
}

fn add(sums: &mut Sums, deal: &salescommand_domain::canonical::Opportunity) {
    sums.count += 1;
    match deal.amount {
        None => sums.unvalued += 1,
        Some(money) => {
            let key = format!("{}{}", money.currency.code, money.currency.exponent);
            let units = sums.currencies.entry(key).or_default();
            units.count += 1;
            units.amount += money.minor;
            units.weighted += deal.weighted.map_or(0, |weighted| weighted.minor);
        }
    }
}

fn day_sums(goldens: &[Golden]) -> BTreeMap<String, DayBuckets> {
    let mut documents = BTreeMap::new();
    for (golden, deal) in deals(goldens) {
        let mut count = |measure: Measure, word: &str, day: Option<jiff::civil::Date>| {
            let month = day.map_or("undated".to_owned(), |day| day.strftime("%Y-%m").to_string());
            let id = format!("{}|{word}|{month}", golden.scope_key);
            let empty = DayBuckets {
                id: id.clone(),
                scope_key: golden.scope_key.clone(),
                measure,
                month,
                days: BTreeMap::new(),
            };
            let document: &mut DayBuckets = documents.entry(id).or_insert(empty);
            add(document.days.entry(Day::from(day)).or_default(), deal);
        };
        count(Measure::CreatedByCreatedOn, "created_by_created_on", deal.created_on);
        match deal.status {
            Status::Open => count(Measure::OpenByCloseDate, "open_by_close_date", deal.close_date),
            Status::Won => count(Measure::WonByClosedOn, "won_by_closed_on", deal.closed_on),
            Status::Lost => count(Measure::LostByClosedOn, "lost_by_closed_on", deal.closed_on),
            Status::Archived => {}
        }
    }
    documents
}

fn stage_sums(goldens: &[Golden]) -> BTreeMap<String, StageSummary> {
    let mut documents = BTreeMap::new();
    for (golden, deal) in deals(goldens).filter(|(_, deal)| deal.status == Status::Open) {
        let stage = deal.stage.map_or("none".to_owned(), |stage| stage.to_string());
        let id = format!("{}|{stage}", golden.scope_key);
        let scope_key = golden.scope_key.clone();
        let empty = StageSummary { id: id.clone(), scope_key, stage: deal.stage, sums: Sums::default() };
        let document: &mut StageSummary = documents.entry(id).or_insert(empty);
        add(&mut document.sums, deal);
    }
    documents
}

fn served_history(history: Vec<HistoryVersion>, goldens: &[Golden]) -> Vec<(String, OpportunityVersion)> {
    let serve = |version: HistoryVersion| {
        let joined = |golden: &&Golden| {
            golden.entity() == Entity::Opportunity && golden.facets.iter().any(|it| it.id == version.facet)
        };
        let golden = goldens.iter().find(joined);
        let (opportunity, scope_key) = (golden.map(|it| it.id), golden.map(|it| it.scope_key.clone()));
        (version.id.clone(), OpportunityVersion { opportunity, scope_key, version })
    };
    history.into_iter().map(serve).collect()
}
