//! Mapping of the fixtures and of awkward records.

use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, CurrencySource, Entity, FacetBody, Mapped, OpportunityFacet,
    SourceRef, Status,
};
use salescommand_domain::raw::{InstanceName, ObjectName};
use serde_json::{Map, Value as Json, json};

use super::super::messages::Additions;
use super::super::objects::OBJECTS;
use super::{fixture_records, map};
use crate::Record;

pub(super) fn record(payload: Json) -> Record {
    let key = payload.get("id").map(Json::to_string).unwrap_or_default();
    Record { key, source_modified: None, subjects: Vec::new(), payload }
}

pub(super) fn mapped(object: &str, payload: Json) -> Mapped {
    map(object, record(payload)).unwrap().unwrap()
}

/// The reason and place of a rejection.
pub(super) fn rejected(object: &str, payload: Json) -> (&'static str, String) {
    let rejection = map(object, record(payload)).unwrap_err();
    (rejection.reason, rejection.path)
}

pub(super) fn lead(change: Json) -> OpportunityFacet {
    let mut payload =
        json!({"id": 1, "name": "Deal", "type": "opportunity", "active": true, "probability": 10.0});
    payload.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    match mapped("crm.lead", payload).body {
        FacetBody::Opportunity(facet) => facet,
        other => panic!("{other:?}"),
    }
}

pub(super) fn facet_id(object: &str, id: i64) -> salescommand_domain::canonical::FacetId {
    let instance = InstanceName::new("nordwind").unwrap();
    SourceRef { instance, object: ObjectName::new(object).unwrap(), key: id.to_string() }.facet_id()
}

/// Every fixture record: what was read of it and what it maps to.
#[test]
fn fixtures_map_as_recorded() {
    for object in OBJECTS {
        let told: Vec<Json> = fixture_records(object.name)
            .into_iter()
            .map(|record| {
                let read = json!({ "key": record.key, "modified": record.source_modified, "subjects": record.subjects });
                let mapped = map(object.name, record).unwrap().map(|mapped| {
                    json!({ "body": mapped.body, "keys": mapped.keys, "refs": mapped.refs })
                });
                json!({ "record": read, "mapped": mapped })
            })
            .collect();
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!(object.name, told);
        });
    }
}

#[test]
fn outcome_follows_stage_archive_and_probability() {
    let outcome = |active: bool, probability: f64| {
        let outcome = lead(json!({ "active": active, "probability": probability })).outcome;
        (outcome.in_won_stage, outcome.elsewhere, outcome.ambiguous_in_won_stage)
    };
    assert_eq!(outcome(true, 50.0), (Status::Won, Status::Open, false));
    assert_eq!(outcome(true, 0.0), (Status::Won, Status::Open, false));
    assert_eq!(outcome(false, 0.0), (Status::Lost, Status::Lost, true));
    assert_eq!(outcome(false, 100.0), (Status::Won, Status::Archived, false));
    let unknown = lead(json!({ "active": false, "probability": null })).outcome;
    assert_eq!((unknown.elsewhere, unknown.ambiguous_in_won_stage), (Status::Archived, true));
}

#[test]
fn nothing_entered_is_unvalued_and_no_company_means_no_currency() {
    assert_eq!(lead(json!({ "expected_revenue": 0.0 })).amount, None);
    assert_eq!(lead(json!({ "expected_revenue": 0 })).amount, None);
    assert_eq!(lead(json!({})).amount, None);
    let amount = lead(json!({ "expected_revenue": 10.005, "company_id": false })).amount.unwrap();
    assert_eq!((amount.value.to_string().as_str(), amount.currency), ("10.005", None));
    let amount = lead(json!({ "expected_revenue": -3, "company_id": [2, "Nordwind Japan"] })).amount.unwrap();
    assert_eq!(amount.currency, Some(CurrencySource::Company(facet_id("res.company", 2))));
}

#[test]
fn probability_is_parts_per_million_rounded_half_even() {
    let ppm = |percent: f64| lead(json!({ "probability": percent })).probability_ppm.unwrap();
    assert_eq!(ppm(33.33335), 333_334);
    assert_eq!(ppm(33.33345), 333_334);
    assert_eq!(ppm(99.99999), 1_000_000);
    assert_eq!(ppm(1e-5), 0);
    for wrong in [100.1, -1.0, 1e300] {
        let payload = json!({ "id": 1, "name": "x", "probability": wrong });
        assert_eq!(rejected("crm.lead", payload), ("out_of_range", "/probability".to_owned()));
    }
}

#[test]
fn references_do_not_depend_on_how_they_are_written() {
    let plain = lead(json!({ "stage_id": 4, "user_id": 7 }));
    let labelled = lead(json!({ "stage_id": [4, "Signed"], "user_id": [7, "Freya"] }));
    assert_eq!(plain, labelled);
    assert_eq!(plain.owner, Some(facet_id("res.users", 7)));
    let empty = lead(json!({ "stage_id": false, "user_id": 0, "partner_id": null }));
    assert_eq!((empty.stage, empty.owner, empty.partner), (None, None, None));
}

#[test]
fn a_person_belongs_to_the_company_above() {
    let account = |change: Json| {
        let mut payload = json!({ "id": 21, "name": "Lena", "is_company": false });
        payload.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        match mapped("res.partner", payload).body {
            FacetBody::Contact(contact) => contact.account,
            other => panic!("{other:?}"),
        }
    };
    let company = Some(facet_id("res.partner", 20));
    assert_eq!(account(json!({ "commercial_partner_id": 20, "parent_id": 22 })), company);
    assert_eq!(account(json!({ "commercial_partner_id": 21, "parent_id": 20 })), company);
    assert_eq!(account(json!({ "commercial_partner_id": 21, "parent_id": false })), None);
    assert_eq!(account(json!({ "parent_id": [20, "Kunde"] })), company);
}

#[test]
fn a_user_is_known_by_login_or_address_and_customers_are_none() {
    let user = |payload: Json| match mapped("res.users", payload).body {
        FacetBody::User(user) => user,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        user(json!({ "id": 1, "login": "a@x.example", "email": "b@x.example" })).email.as_deref(),
        Some("a@x.example")
    );
    assert_eq!(
        user(json!({ "id": 1, "login": "ann", "email": "Ann <b@x.example>" })).email.as_deref(),
        Some("b@x.example")
    );
    assert_eq!(user(json!({ "id": 1, "login": "ann", "email": false })).email, None);
    assert!(!user(json!({ "id": 1, "login": "ann", "active": false })).active);
    assert_eq!(map("res.users", record(json!({ "id": 1, "login": "c", "share": true }))), Ok(None));
}

#[test]
fn decimals_of_a_currency_come_from_whatever_is_there() {
    let exponent = |payload: Json| match mapped("res.currency", payload).body {
        FacetBody::Currency(currency) => currency.exponent,
        other => panic!("{other:?}"),
    };
    assert_eq!(exponent(json!({ "id": 1, "name": "KWD", "decimal_places": 3, "rounding": 0.01 })), 3);
    assert_eq!(exponent(json!({ "id": 1, "name": "JPY", "rounding": 1.0 })), 0);
    assert_eq!(exponent(json!({ "id": 1, "name": "CHF", "rounding": 0.05 })), 2);
    assert_eq!(exponent(json!({ "id": 1, "name": "XXX", "rounding": 0.25 })), 1);
    assert_eq!(exponent(json!({ "id": 1, "name": "USD" })), 2);
    assert_eq!(
        rejected("res.currency", json!({ "id": 1, "name": "Points" })),
        ("out_of_range", "/name".to_owned())
    );
    for rounding in [0.0, -1.0, 1e-20] {
        let payload = json!({ "id": 1, "name": "USD", "rounding": rounding });
        assert_eq!(rejected("res.currency", payload), ("out_of_range", "/rounding".to_owned()));
    }
}

#[test]
fn activities_tell_kind_state_and_subject() {
    let activity = |payload: Json| match mapped("mail.activity", payload).body {
        FacetBody::Activity(activity) => activity,
        other => panic!("{other:?}"),
    };
    let done = activity(
        json!({ "id": 1, "active": false, "date_done": "2026-06-08", "icon": "fa-envelope", "summary": "" , "display_name": "Email",
                "res_model": "project.task", "res_id": 3 }),
    );
    assert_eq!(
        (done.activity_kind, done.state, done.subject.as_str()),
        (ActivityKind::Email, ActivityState::Done, "Email")
    );
    // Odoo 14 has neither `active` nor `date_done`.
    let open = activity(
        json!({ "id": 1, "activity_category": "phonecall", "res_model": "res.partner", "res_id": 21, "res_name": "Lena" }),
    );
    assert_eq!(
        (open.activity_kind, open.state, open.subject.as_str()),
        (ActivityKind::Call, ActivityState::Open, "Lena")
    );
    assert_eq!(
        open.related.map(|related| (related.entity, related.id)),
        Some((Entity::Account, facet_id("res.partner", 21)))
    );
    assert_eq!(activity(json!({ "id": 1, "active": false })).state, ActivityState::Cancelled);
    assert_eq!(activity(json!({ "id": 1, "res_model": "project.task", "res_id": 3 })).related, None);
}

#[test]
fn what_another_record_tells_is_not_told_twice() {
    let says_something = |payload: Json| map("mail.activity", record(payload)).unwrap().is_some();
    let done =
        json!({ "id": 1, "active": false, "date_done": "2026-06-08", "res_model": "crm.lead", "res_id": 4 });
    assert!(!says_something(done.clone()), "its message says when and by whom");
    let called_off = json!({ "id": 1, "active": false, "res_model": "crm.lead", "res_id": 4 });
    assert!(says_something(called_off));
    assert!(!says_something(json!({ "id": 1, "calendar_event_id": 7 })), "the event is the meeting");
    assert!(says_something(json!({ "id": 1, "calendar_event_id": 0 })));
}

fn message(change: Json) -> Option<Activity> {
    let mut payload = json!({ "id": 1, "message_type": "comment", "date": "2026-06-10 22:30:05", "model": "crm.lead", "res_id": 4 });
    payload.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    map("mail.message", record(payload)).unwrap().map(|mapped| match mapped.body {
        FacetBody::Activity(activity) => activity,
        other => panic!("{other:?}"),
    })
}

#[test]
fn messages_tell_what_was_done_and_by_whom() {
    let kind = |change: Json| message(change).map(|activity| activity.activity_kind);
    assert_eq!(kind(json!({ "message_type": "comment" })), Some(ActivityKind::Note));
    assert_eq!(kind(json!({ "message_type": "email" })), Some(ActivityKind::Email));
    assert_eq!(kind(json!({ "message_type": "email_outgoing" })), Some(ActivityKind::Email));
    for system in ["notification", "auto_comment", "user_notification", "sms"] {
        assert_eq!(kind(json!({ "message_type": system })), None, "{system}");
    }
    let done = |category: Json, icon: Json| {
        kind(
            json!({ "message_type": "notification", "mail_activity_type_id": 2, "@activity_category": category, "@activity_icon": icon }),
        )
    };
    assert_eq!(done(json!("phonecall"), json!("fa-phone")), Some(ActivityKind::Call));
    assert_eq!(done(json!("meeting"), json!("fa-users")), Some(ActivityKind::Meeting));
    assert_eq!(done(json!("default"), json!("fa-envelope")), Some(ActivityKind::Email));
    assert_eq!(done(json!("default"), json!("fa-phone")), Some(ActivityKind::Call), "Odoo 14");
    assert_eq!(done(json!(null), json!(null)), Some(ActivityKind::Task), "a type that is gone");

    let own = message(
        json!({ "author_id": 4, "@author_user": 5, "@activity_type": "Call", "record_name": "Deal" }),
    )
    .unwrap();
    assert_eq!((own.state, own.subject.as_str()), (ActivityState::Done, "Call"));
    assert_eq!(own.done_at.unwrap().to_string(), "2026-06-10T22:30:05Z");
    assert_eq!((own.owner, own.done_on), (Some(facet_id("res.users", 5)), None));
    assert_eq!(
        own.related.map(|it| (it.entity, it.id)),
        Some((Entity::Opportunity, facet_id("crm.lead", 4)))
    );
    let customers = message(json!({ "author_id": 22, "subject": "Re: the offer" })).unwrap();
    assert_eq!((customers.owner, customers.participants), (None, vec![facet_id("res.partner", 22)]));
}

#[test]
fn of_several_users_behind_a_contact_an_active_one_is_the_author() {
    let user = |id: i64, active: bool| {
        let row = json!({ "id": id, "active": active, "partner_id": 9 });
        serde_json::from_value::<Map<String, Json>>(row).unwrap()
    };
    let mut additions = Additions::default();
    additions.put_users(&[user(3, false), user(5, true), user(7, true)]);
    let mut row = serde_json::from_value(json!({ "id": 1, "author_id": 9 })).unwrap();
    additions.complete(&mut row);
    assert_eq!(Json::from(row), json!({ "id": 1, "author_id": 9, "@author_user": 5 }));
}

#[test]
fn meetings_have_a_time_and_people() {
    let meeting = |payload: Json| match mapped("calendar.event", payload).body {
        FacetBody::Activity(activity) => activity,
        other => panic!("{other:?}"),
    };
    let held = meeting(json!({
        "id": 1, "name": "Demo", "active": true, "start": "2026-06-11 08:00:00", "stop": "2026-06-11 09:30:00", "user_id": 5,
        "opportunity_id": 4, "res_model": "res.partner", "res_id": 20, "partner_ids": [21, 4],
    }));
    assert_eq!(
        (held.activity_kind, held.state, held.due),
        (ActivityKind::Meeting, ActivityState::Open, None)
    );
    assert_eq!(
        held.related.map(|related| related.id),
        Some(facet_id("crm.lead", 4)),
        "the opportunity comes first"
    );
    assert_eq!(held.ends_at.unwrap().duration_since(held.starts_at.unwrap()).as_mins(), 90);
    assert_eq!(held.participants.len(), 2);
    assert!(held.participants.is_sorted());
    assert_eq!(meeting(json!({ "id": 1, "name": "x", "active": false })).state, ActivityState::Cancelled);
}

#[test]
fn impossible_payloads_are_rejected_with_their_place() {
    assert_eq!(rejected("crm.lead", json!({ "id": 1, "name": true })), ("wrong_type", "/name".to_owned()));
    assert_eq!(rejected("crm.lead", json!({ "id": 1, "name": " " })), ("missing_field", "/name".to_owned()));
    assert_eq!(
        rejected("crm.lead", json!({ "id": 1, "name": "x", "date_deadline": "soon" })),
        ("out_of_range", "/date_deadline".to_owned())
    );
    assert_eq!(
        rejected("crm.lead", json!({ "id": 1, "name": "x", "stage_id": "Won" })),
        ("wrong_type", "/stage_id".to_owned())
    );
    assert_eq!(
        rejected("crm.lead", json!({ "id": 1, "name": "x", "type": "idea" })),
        ("out_of_range", "/type".to_owned())
    );
    assert_eq!(
        rejected("crm.lead", json!({ "id": 1, "name": "x", "expected_revenue": "NaN" })),
        ("wrong_type", "/expected_revenue".to_owned())
    );
    assert_eq!(rejected("crm.lead", json!([1])), ("wrong_type", String::new()));
    assert_eq!(
        rejected("crm.team", json!({ "id": 1, "name": "x", "member_ids": [1, "b"] })),
        ("wrong_type", "/member_ids".to_owned())
    );
    assert_eq!(rejected("sale.order", json!({ "id": 1 })), ("unknown_object", String::new()));
    let mut other = record(json!({ "id": 1, "name": "x" }));
    other.key = "2".to_owned();
    assert_eq!(map("crm.stage", other).unwrap_err().reason, "key_mismatch");
}
