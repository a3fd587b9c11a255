//! The merge and its reasons: properties over arbitrary deals, edits and people.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, Amount, CalendarFacet, CurrencySource, DirectoryAccount, Edited,
    Entity, Facet, FacetBody, FacetId, Golden, GoldenBody, IdentityKey, Label, Labels, Opportunity,
    OpportunityEdit, OpportunityFacet, OpportunityKind, OutcomeRule, PlanFacet, RecurringAmount, Rule,
    SourceRef, StageFacet, Status, TermSource, User, explain, merge,
};
use salescommand_domain::money::CurrencyCode;
use salescommand_domain::raw::{InstanceName, ObjectName, Position};
use serde_json::Value;

fn source(instance: &str, object: &str, key: &str) -> SourceRef {
    let (instance, object) = (InstanceName::new(instance).unwrap(), ObjectName::new(object).unwrap());
    SourceRef { instance, object, key: key.to_owned() }
}

fn facet(source: SourceRef, modified: Option<i64>, deleted: bool, body: FacetBody) -> Facet {
    Facet {
        id: source.facet_id(),
        source,
        position: Position { epoch: 1, sequence: modified.unwrap_or(0) as u64 + 1 },
        source_modified: modified.map(at),
        deleted,
        merged_into: None,
        stated: None,
        body,
        keys: Vec::new(),
        refs: Vec::new(),
        last_version: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

fn stage(number: u8) -> FacetId {
    source("odoo", "crm.stage", &number.to_string()).facet_id()
}

fn plan() -> FacetId {
    source("odoo", "crm.recurring.plan", "2").facet_id()
}

/// Stages 1 and 2 of which the second is a winning one, and a yearly plan.
fn stages() -> BTreeMap<FacetId, Facet> {
    let stage = |number: u8| {
        let body = StageFacet { name: format!("Stage {number}"), order: number.into(), is_won: number == 2 };
        facet(source("odoo", "crm.stage", &number.to_string()), None, false, FacetBody::Stage(body))
    };
    let yearly = FacetBody::Plan(PlanFacet { name: "Yearly".to_owned(), months: 12 });
    let yearly = facet(source("odoo", "crm.recurring.plan", "2"), None, false, yearly);
    [stage(1), stage(2), yearly].map(|facet| (facet.id, facet)).into()
}

fn amount(units: i64) -> Amount {
    Amount { value: units.into(), currency: Some(CurrencySource::Iso(CurrencyCode::new("EUR").unwrap(), 2)) }
}

fn label() -> impl Strategy<Value = Label> {
    let record = |n: u8| Label::Record(source("odoo", "crm.tag", &n.to_string()).facet_id());
    prop_oneof![(0u8..4).prop_map(record), "[a-z]{1,4}".prop_map(Label::Name)]
}

fn labels() -> impl Strategy<Value = Labels> {
    let one = || prop::option::of(label());
    (one(), one(), one(), one(), prop::collection::vec(label(), 0..3)).prop_map(
        |(lost_reason, source, medium, campaign, tags)| Labels {
            lost_reason,
            source,
            medium,
            campaign,
            tags,
        },
    )
}

fn recurring() -> impl Strategy<Value = Option<RecurringAmount>> {
    let term = prop_oneof![
        Just(None),
        Just(Some(TermSource::Plan(plan()))),
        Just(Some(TermSource::Plan(stage(1)))),
        (1u32..40).prop_map(|months| Some(TermSource::Months(months))),
    ];
    let amount = (0i64..500).prop_map(amount);
    prop::option::of((amount, term).prop_map(|(amount, term)| RecurringAmount { amount, term }))
}

fn deal() -> impl Strategy<Value = OpportunityFacet> {
    let amounts = prop::option::of((0i64..500).prop_map(amount));
    let owner = prop::option::of(0u8..3).prop_map(|n| n.map(person));
    let closed = prop::option::of(0i64..900);
    let more = (labels(), recurring());
    (0u8..3, amounts, owner, prop::option::of(0u32..1_000_000), any::<bool>(), closed, more).prop_map(
        |(stage_number, amount, owner, probability_ppm, active, closed, (labels, recurring))| {
            OpportunityFacet {
                opportunity_kind: OpportunityKind::Opportunity,
                name: format!("Deal {stage_number}"),
                partner: None,
                stage: (stage_number > 0).then(|| stage(stage_number)),
                outcome: OutcomeRule {
                    in_won_stage: if active { Status::Won } else { Status::Archived },
                    elsewhere: if active { Status::Open } else { Status::Lost },
                    ambiguous_in_won_stage: !active,
                },
                amount,
                probability_ppm,
                owner,
                team: None,
                company: None,
                close_date: closed.map(|n| at(n * 86_400).to_zoned(jiff::tz::TimeZone::UTC).date()),
                created_at: closed.map(|n| at(n - 1_000)),
                closed_at: closed.map(at),
                staged_at: None,
                assigned_at: None,
                tracked: None,
                recurring,
                labels,
                custom: closed.into_iter().map(|n| ("x_field".to_owned(), Value::from(n))).collect(),
            }
        },
    )
}

fn person(number: u8) -> FacetId {
    source("odoo", "res.users", &number.to_string()).facet_id()
}

fn edited<T: std::fmt::Debug>(
    value: impl Strategy<Value = Option<T>>,
) -> impl Strategy<Value = Option<Edited<T>>> {
    prop::option::of((value, 0i64..900).prop_map(|(value, second)| Edited {
        value,
        at: at(second),
        by: person(9),
    }))
}

fn edit() -> impl Strategy<Value = OpportunityEdit> {
    let statuses = prop::sample::select(vec![Status::Open, Status::Won, Status::Lost, Status::Archived]);
    (
        edited("[A-Z][a-z]{1,5}".prop_map(Some)),
        edited((0u8..3).prop_map(|n| (n > 0).then(|| stage(n)))),
        edited(statuses.prop_map(Some)),
        edited(prop::option::of((0i64..500).prop_map(amount))),
        edited(prop::option::of(0u32..1_000_000)),
        edited(prop::option::of((0u8..3).prop_map(person))),
    )
        .prop_map(|(name, stage, status, amount, probability_ppm, owner)| OpportunityEdit {
            name,
            stage,
            status,
            amount,
            probability_ppm,
            owner,
            close_date: None,
        })
}

/// One to three source records of one deal, some deleted.
fn deals() -> impl Strategy<Value = Vec<Facet>> {
    let one = (deal(), prop::option::of(0i64..3), any::<bool>());
    prop::collection::vec(one, 1..4).prop_map(|deals| {
        let made = deals.into_iter().enumerate().map(|(index, (deal, modified, deleted))| {
            let key = index.to_string();
            facet(source("odoo", "crm.lead", &key), modified, deleted, FacetBody::Opportunity(deal))
        });
        made.collect()
    })
}

fn edit_facet(edit: OpportunityEdit, withdrawn: bool) -> Facet {
    facet(source("crm", "opportunity", "the-deal"), Some(950), withdrawn, FacetBody::OpportunityEdit(edit))
}

fn merged(facets: &[Facet]) -> Option<Golden> {
    merge(&facets.iter().collect::<Vec<_>>(), &stages())
}

fn body(golden: &Golden) -> Value {
    serde_json::to_value(&golden.body).unwrap()
}

fn checked_explanation(facets: &[Facet]) {
    let references: Vec<&Facet> = facets.iter().collect();
    let explained = explain(&references, &stages()).unwrap();
    assert_eq!(Some(&explained.golden), merge(&references, &stages()).as_ref(), "explaining changes nothing");
    let mut body = body(&explained.golden);
    let mut fields = std::mem::take(body.as_object_mut().unwrap());
    fields.remove("entity");
    for (name, value) in std::mem::take(
        fields.get_mut("custom").and_then(Value::as_object_mut).unwrap_or(&mut serde_json::Map::new()),
    ) {
        fields.insert(format!("custom.{name}"), value);
    }
    fields.remove("custom");
    for (name, value) in &fields {
        let line = explained.fields.iter().find(|line| line.field == *name);
        let line = line.unwrap_or_else(|| panic!("{name} is not explained"));
        assert_eq!(&line.value, value, "{name}");
    }
    let mut names: Vec<_> = explained.fields.iter().map(|line| &line.field).collect();
    names.dedup();
    assert_eq!(names.len(), explained.fields.len(), "each field once");
    for line in &explained.fields {
        let empty = line.value.is_null() || fields.contains_key(&line.field);
        assert!(
            empty || ["deleted", "merged_into", "updated_at", "scope_key"].contains(&line.field.as_str()),
            "{line:?}"
        );
        assert_eq!(
            line.rule == Rule::OnlyStatement,
            line.winner.is_some() && line.losers.is_empty(),
            "{line:?}"
        );
        // Amounts are stated as decimals and become money.
        if line.inputs.is_empty()
            && !["amount", "recurring"].contains(&line.field.as_str())
            && let Some(winner) = &line.winner
        {
            assert_eq!(winner.value, line.value);
        }
    }
}

proptest! {
    #[test]
    fn the_order_of_facets_does_not_matter(
        mut facets in deals(), edit in edit(), withdrawn in any::<bool>(), turn in 0usize..4,
    ) {
        facets.push(edit_facet(edit, withdrawn));
        let golden = merged(&facets);
        let turn = turn % facets.len();
        facets.rotate_left(turn);
        prop_assert_eq!(&golden, &merged(&facets));
        facets.reverse();
        prop_assert_eq!(&golden, &merged(&facets));
    }

    #[test]
    fn every_field_is_explained_by_what_the_merge_did(
        mut facets in deals(), edit in edit(), withdrawn in any::<bool>(),
    ) {
        checked_explanation(&facets);
        facets.push(edit_facet(edit, withdrawn));
        checked_explanation(&facets);
    }

    #[test]
    fn an_edit_wins_field_by_field_until_it_is_withdrawn(mut facets in deals(), edit in edit()) {
        let alone = merged(&facets).unwrap();
        facets.push(edit_facet(edit.clone(), false));
        let over = merged(&facets).unwrap();
        let (GoldenBody::Opportunity(before), GoldenBody::Opportunity(after)) = (&alone.body, &over.body) else {
            panic!("deals are deals");
        };
        prop_assert_eq!(&after.name, edit.name.as_ref().and_then(|e| e.value.as_ref()).unwrap_or(&before.name));
        prop_assert_eq!(after.stage, edit.stage.as_ref().map_or(before.stage, |e| e.value));
        prop_assert_eq!(after.owner, edit.owner.as_ref().map_or(before.owner, |e| e.value));
        prop_assert_eq!(after.probability_ppm, edit.probability_ppm.as_ref().map_or(before.probability_ppm, |e| e.value));
        if let Some(status) = &edit.status {
            prop_assert_eq!(Some(after.status), status.value);
        }
        match &edit.amount {
            Some(edit) => prop_assert_eq!(after.amount.map(|m| m.minor), edit.value.map(|a| {
                i64::try_from(a.value * rust_decimal::Decimal::from(100)).unwrap()
            })),
            None => prop_assert_eq!(after.amount, before.amount),
        }
        let closed = matches!(after.status, Status::Won | Status::Lost);
        prop_assert_eq!(after.closed_at.is_some() || over.flags.contains(&"closed_without_date".to_owned()), closed);
        if let Some(status) = edit.status.as_ref().filter(|_| closed) {
            prop_assert_eq!(after.closed_at, Some(status.at));
        }
        // An edit says nothing about existence.
        prop_assert_eq!(over.deleted, alone.deleted);
        let withdrawn = facets.last_mut().unwrap();
        withdrawn.deleted = true;
        let again = merged(&facets).unwrap();
        prop_assert_eq!(&again.body, &alone.body);
        prop_assert_eq!((&again.scope_key, &again.flags, again.deleted), (&alone.scope_key, &alone.flags, alone.deleted));
        prop_assert_ne!(again.version_digest(), alone.version_digest(), "the withdrawal is a version");
    }
}

#[test]
fn an_edit_waits_for_its_deal() {
    let edit = OpportunityEdit {
        name: Some(Edited { value: Some("New".to_owned()), at: at(1), by: person(1) }),
        ..OpportunityEdit::default()
    };
    assert_eq!(merged(&[edit_facet(edit, false)]), None);
}

fn plain_deal() -> OpportunityFacet {
    OpportunityFacet {
        stage: Some(stage(1)),
        closed_at: None,
        staged_at: None,
        assigned_at: None,
        tracked: None,
        outcome: OutcomeRule {
            in_won_stage: Status::Won,
            elsewhere: Status::Open,
            ambiguous_in_won_stage: false,
        },
        opportunity_kind: OpportunityKind::Opportunity,
        name: "Deal".to_owned(),
        partner: None,
        amount: None,
        probability_ppm: None,
        owner: None,
        team: None,
        company: None,
        close_date: None,
        created_at: None,
        recurring: None,
        labels: Labels::default(),
        custom: BTreeMap::new(),
    }
}

#[test]
fn a_deal_that_was_merged_is_deleted_and_names_the_one_that_is_left() {
    let record = |key: &str| {
        facet(source("odoo", "crm.lead", key), Some(5), false, FacetBody::Opportunity(plain_deal()))
    };
    let (gone_at, survivor) = (Position { epoch: 1, sequence: 9 }, record("17").id);
    let merged_away = record("1").gone(gone_at, Some(survivor));
    let golden = merged(std::slice::from_ref(&merged_away)).unwrap();
    assert_eq!((golden.deleted, golden.merged_into), (true, Some(survivor)));
    checked_explanation(std::slice::from_ref(&merged_away));
    let explained = explain(&[&merged_away], &stages()).unwrap();
    let line = explained.fields.iter().find(|line| line.field == "merged_into").unwrap();
    assert_eq!(line.value, serde_json::json!(survivor));
    // Deleted without a trace; still there in another source; merged into a record that it is joined with.
    let others: [&[Facet]; 3] = [
        &[record("1").gone(gone_at, None)],
        &[merged_away.clone(), record("2")],
        &[merged_away.clone(), record("17").gone(gone_at, None)],
    ];
    for facets in others {
        assert_eq!(merged(facets).unwrap().merged_into, None);
    }
    // Of several deleted records, any may know.
    let both = [record("0").gone(gone_at, None), merged_away];
    assert_eq!(merged(&both).unwrap().merged_into, Some(survivor));
}

#[test]
fn a_stage_that_an_edit_wins_closes_the_deal_when_it_was_edited() {
    let open = plain_deal();
    let edit = OpportunityEdit {
        stage: Some(Edited { value: Some(stage(2)), at: at(77), by: person(1) }),
        ..OpportunityEdit::default()
    };
    let deal = |open: OpportunityFacet| {
        facet(source("odoo", "crm.lead", "1"), Some(5), false, FacetBody::Opportunity(open))
    };
    let golden = merged(&[deal(open.clone()), edit_facet(edit.clone(), false)]).unwrap();
    let GoldenBody::Opportunity(won) = &golden.body else { panic!("a deal") };
    assert_eq!((won.status, won.closed_at), (Status::Won, Some(at(77))));
    // The source follows: from then on it is its own statement that counts, with the source's time.
    let moved = OpportunityFacet { stage: Some(stage(2)), closed_at: Some(at(90)), ..open };
    let golden = merged(&[deal(moved), edit_facet(edit, false)]).unwrap();
    let GoldenBody::Opportunity(won) = &golden.body else { panic!("a deal") };
    assert_eq!((won.status, won.closed_at), (Status::Won, Some(at(90))));
}

#[test]
fn losers_say_by_which_rule_they_lost() {
    let user = |instance: &str, name: &str, modified, deleted| {
        let body = User {
            name: name.to_owned(),
            email: None,
            active: true,
            manager: Some(person(1)),
            directory: false,
            directory_accounts: Vec::new(),
        };
        facet(source(instance, "user", name), modified, deleted, FacetBody::User(body))
    };
    let facets = [
        user("config", "Ann C.", Some(9), false),
        user("odoo-a", "Ann A.", Some(2), false),
        user("odoo-b", "Ann B.", Some(1), false),
        user("odoo-c", "Ann Z.", Some(8), true),
    ];
    let explained = explain(&facets.iter().collect::<Vec<_>>(), &stages()).unwrap();
    let name = explained.fields.iter().find(|line| line.field == "name").unwrap();
    let losers: Vec<_> =
        name.losers.iter().map(|l| (l.statement.value.as_str().unwrap(), l.lost_by)).collect();
    assert_eq!((name.value.as_str(), name.rule), (Some("Ann A."), Rule::MostRecent));
    assert_eq!(
        losers,
        [
            ("Ann B.", Rule::MostRecent),
            ("Ann C.", Rule::SourcePriority),
            ("Ann Z.", Rule::ExistingBeforeDeleted),
        ]
    );
    let manager = explained.fields.iter().find(|line| line.field == "manager").unwrap();
    let winner = manager.winner.as_ref().unwrap();
    assert_eq!((manager.rule, winner.source.instance.as_str()), (Rule::ConfigurationFirst, "config"));
}

/// What sources say of it stands in the order of all else; only what is configured goes before.
#[test]
fn of_the_managers_that_sources_name_the_most_recent_one_counts() {
    let user = |instance: &str, number: u8, modified| {
        let manager = Some(person(number));
        let directory = instance == "directory";
        let body = User {
            name: instance.to_owned(),
            email: None,
            active: true,
            manager,
            directory,
            directory_accounts: Vec::new(),
        };
        facet(source(instance, "user", "1"), Some(modified), false, FacetBody::User(body))
    };
    let manager = |facets: &[Facet]| {
        let explained = explain(&facets.iter().collect::<Vec<_>>(), &stages()).unwrap();
        let line = explained.fields.into_iter().find(|line| line.field == "manager").unwrap();
        let GoldenBody::User(user) = explained.golden.body else { panic!("no user") };
        (user.manager, line.rule)
    };
    let mut facets = vec![user("odoo-a", 1, 5), user("odoo-b", 2, 7)];
    assert_eq!(manager(&facets), (Some(person(2)), Rule::MostRecent));
    facets.push(user("directory", 4, 2));
    assert_eq!(manager(&facets), (Some(person(4)), Rule::DirectoryFirst), "however old what it says is");
    facets.push(user("config", 3, 1));
    assert_eq!(manager(&facets), (Some(person(3)), Rule::ConfigurationFirst));
}

/// A record that says so closes the account, one that is gone does, and nothing but records of the directory itself opens it.
#[test]
fn an_account_of_the_directory_is_enabled_if_every_record_of_it_says_so() {
    let record = |instance: &str, object: &str, (active, directory, deleted): (bool, bool, bool)| {
        let body = User { name: "Ann".to_owned(), active, directory, ..User::default() };
        let mut facet = facet(source(instance, "users", object), Some(5), deleted, FacetBody::User(body));
        facet.keys = vec![IdentityKey::directory_object(Entity::User, "t", object).unwrap()];
        facet
    };
    let accounts = |facets: &[Facet]| {
        checked_explanation(facets);
        let GoldenBody::User(user) = merged(facets).unwrap().body else { panic!("no user") };
        let told = |account: DirectoryAccount| (account.key.as_str().to_owned(), account.enabled);
        user.directory_accounts.into_iter().map(told).collect::<Vec<_>>()
    };
    let (one, two) = ("user:directory:t:1".to_owned(), "user:directory:t:2".to_owned());
    let there = record("ms365", "1", (true, true, false));
    let elsewhere = facet(
        source("odoo", "res.users", "7"),
        Some(9),
        false,
        FacetBody::User(User { active: true, ..User::default() }),
    );
    let local = record("config", "1", (true, false, false));
    assert_eq!(accounts(std::slice::from_ref(&local)), [], "an account here is none of the directory's");
    assert_eq!(accounts(&[there.clone(), local.clone()]), [(one.clone(), true)]);
    let disabled = record("ms365", "1", (false, true, false));
    assert_eq!(accounts(&[disabled, elsewhere.clone(), local.clone()]), [(one.clone(), false)]);
    let gone = record("ms365", "1", (true, true, true));
    assert_eq!(accounts(&[gone.clone(), elsewhere, local]), [(one.clone(), false)]);
    assert_eq!(accounts(std::slice::from_ref(&gone)), [(one.clone(), false)]);
    let behind = record("directory", "1", (false, true, false));
    assert_eq!(accounts(&[there.clone(), behind]), [(one.clone(), false)]);
    assert_eq!(accounts(&[there, record("ms365", "2", (false, true, false))]), [(one, true), (two, false)]);
}

/// The only facet of a deal, merged.
fn alone(deal: OpportunityFacet) -> Opportunity {
    let facet = facet(source("odoo", "crm.lead", "1"), Some(5), false, FacetBody::Opportunity(deal));
    match merged(&[facet]).unwrap().body {
        GoldenBody::Opportunity(deal) => *deal,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn a_months_share_of_a_recurring_revenue_is_rounded_once(
        deal in deal(), minor in 0i64..1_000_000, months in 1u32..61,
    ) {
        let value = rust_decimal::Decimal::new(minor, 3);
        let amount = Amount { value, ..amount(0) };
        let of = |term| alone(OpportunityFacet { recurring: Some(RecurringAmount { amount, term }), ..deal.clone() });
        let recurring = of(Some(TermSource::Months(months))).recurring.unwrap();
        prop_assert_eq!(recurring.months, Some(months));
        // Thousandths of a unit divided by months, to hundredths, half to even.
        let (whole, rest) = (minor / (10 * i64::from(months)), minor % (10 * i64::from(months)));
        let up = match (2 * rest).cmp(&(10 * i64::from(months))) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => whole % 2,
            std::cmp::Ordering::Greater => 1,
        };
        prop_assert_eq!(recurring.mrr.unwrap().minor, whole + up);
        prop_assert_eq!(of(Some(TermSource::Plan(plan()))).recurring.unwrap().months, Some(12));
        for unknown in [None, Some(TermSource::Plan(person(1)))] {
            let recurring = of(unknown).recurring.unwrap();
            prop_assert_eq!((recurring.months, recurring.mrr), (None, None));
        }
    }
}

/// Nine in the evening in Greenwich is the next day in Tokyo.
#[test]
fn what_has_a_time_was_done_on_that_day_of_the_reporting_calendar() {
    let done = |done_on, done_at| {
        let body = Activity {
            activity_kind: ActivityKind::Call,
            subject: "Call".to_owned(),
            state: ActivityState::Done,
            due: None,
            done_on,
            done_at,
            starts_at: None,
            ends_at: None,
            owner: None,
            related: None,
            participants: Vec::new(),
            created_at: None,
        };
        facet(source("odoo", "mail.message", "1"), Some(1), false, FacetBody::Activity(body))
    };
    let calendar = CalendarFacet { time_zone: "Asia/Tokyo".to_owned(), fiscal_year_start: 1 };
    let calendar = facet(CalendarFacet::source(), Some(2), false, FacetBody::Calendar(calendar));
    let calendars = BTreeMap::from([(calendar.id, calendar)]);
    let day = |facet: Facet, lookup: &BTreeMap<FacetId, Facet>| {
        let golden = merge(&[&facet], lookup).unwrap();
        let GoldenBody::Activity(activity) = golden.body else { panic!("no activity") };
        (activity.done_on.unwrap().to_string(), golden.version.len())
    };
    let evening: Timestamp = "2026-06-10T21:00:00Z".parse().unwrap();
    assert_eq!(day(done(None, Some(evening)), &calendars), ("2026-06-11".to_owned(), 2));
    assert_eq!(day(done(None, Some(evening)), &BTreeMap::new()), ("2026-06-10".to_owned(), 1));
    let said = Some("2026-06-09".parse().unwrap());
    assert_eq!(day(done(said, None), &calendars), ("2026-06-09".to_owned(), 1), "the source's own word");
    let facet = done(None, Some(evening));
    let explained = explain(&[&facet], &calendars).unwrap();
    let field = explained.fields.iter().find(|field| field.field == "done_on").unwrap();
    assert_eq!((&field.value, field.inputs.len()), (&Value::from("2026-06-11"), 2), "{field:?}");
}
