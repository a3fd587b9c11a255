//! The history that Odoo keeps of leads: read with them, and mapped.

use jiff::civil::date;
use salescommand_domain::canonical::history::{HistoryField, TrackedChange, either_closed};
use salescommand_odoo_simulator::{Config, Level, Seed, Simulator};
use serde_json::{Value as Json, json};

use super::super::tracking::Tracking;
use super::mapping::{facet_id, lead, rejected};
use super::server::{Reply, Server, odoo};
use super::settings;
use super::simulator::{API, everything, source};
use crate::Extent;
use crate::odoo::DESCRIPTOR;

fn row(id: i64, field: &str, at: &str, (old, new): (Json, Json)) -> Json {
    json!({
        "id": id, "@field": field, "create_date": format!("2026-11-20 {at}"), "create_uid": 7, "mail_message_id": id / 10,
        "old_value_integer": old, "new_value_integer": new,
    })
}

fn changes(more: Json, rows: &[Json]) -> Vec<TrackedChange> {
    let mut change = json!({ "@tracking": rows, "write_date": "2026-11-20 12:00:00", "stage_id": 3 });
    change.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    lead(change).tracked.unwrap()
}

fn ids(changes: &[TrackedChange]) -> Vec<u64> {
    changes.iter().map(|change| change.id).collect()
}

#[test]
fn a_change_has_its_moment_its_author_and_both_values() {
    let stage = |id: i64| Some(json!(facet_id("crm.stage", id)));
    let found = changes(json!({}), &[row(1, "stage_id", "10:00:00", (json!(0), json!(3)))]);
    let expected = TrackedChange {
        id: 1,
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
        by: Some(facet_id("res.users", 7)),
        field: HistoryField::Stage,
        from: None,
        to: stage(3),
    };
    assert_eq!(found, [expected]);
    assert_eq!(lead(json!({})).tracked, None, "no right to read it");
    assert_eq!(changes(json!({}), &[row(1, "email_from", "10:00:00", (json!(0), json!(0)))]), []);
}

#[test]
fn a_revenue_of_nothing_is_none_in_every_version() {
    for column in ["value_float", "value_monetary"] {
        let mut revenue = row(1, "expected_revenue", "10:00:00", (json!(0), json!(0)));
        revenue[format!("old_{column}")] = json!(0.0);
        revenue[format!("new_{column}")] = json!(1200.5);
        let found = changes(json!({ "expected_revenue": 1200.5 }), &[revenue]);
        assert_eq!((&found[0].from, &found[0].to), (&None, &Some(json!("1200.5"))), "{column}");
    }
}

#[test]
fn what_was_put_away_with_a_reason_was_lost() {
    let away = |id| row(id, "active", "10:00:00", (json!(1), json!(0)));
    let reason = row(11, "lost_reason_id", "10:00:00", (json!(0), json!(2)));
    let status = |rows: &[Json]| changes(json!({ "active": false, "probability": 0.0 }), rows)[0].to.clone();
    assert_eq!(status(&[away(10), reason.clone()]), Some(json!("lost")));
    assert_eq!(status(&[away(20), reason]), Some(either_closed()), "a reason of another message");
    let back = changes(json!({}), &[row(1, "active", "10:00:00", (json!(0), json!(1)))]);
    assert_eq!(back[0].to, Some(json!({ "in_won_stage": "won", "elsewhere": "open" })));
}

#[test]
fn what_happened_after_the_lead_was_read_comes_with_its_next_version() {
    let step = |id: i64, at: &str, from: i64, to: i64| row(id, "stage_id", at, (json!(from), json!(to)));
    let now = |rows: &[Json]| ids(&changes(json!({}), rows));
    let before = step(1, "11:00:00", 1, 2);
    assert_eq!(now(&[before.clone(), step(2, "12:00:00", 2, 3)]), [1, 2], "the lead's own");
    assert_eq!(now(&[before.clone(), step(2, "12:00:00", 2, 3), step(3, "12:00:00", 3, 4)]), [1, 2]);
    assert_eq!(now(&[step(2, "12:00:00", 2, 3), step(3, "12:00:07", 3, 4), before.clone()]), [1, 2]);
    assert_eq!(now(&[step(1, "11:00:00", 1, 3), step(2, "12:00:09", 3, 4)]), [1]);
    // Nothing is left out only because it does not fit.
    assert_eq!(now(&[before, step(2, "12:00:00", 5, 6)]), [1, 2]);
}

#[test]
fn what_is_no_list_of_changes_is_rejected_where_it_stands() {
    let rejected =
        |tracking: Json| rejected("crm.lead", json!({ "id": 1, "name": "x", "@tracking": tracking }));
    assert_eq!(rejected(json!("none")), ("wrong_type", "/@tracking".to_owned()));
    assert_eq!(rejected(json!([1])), ("wrong_type", "/@tracking".to_owned()));
    let odd = row(1, "stage_id", "10:00:00", (json!("x"), json!(1)));
    assert_eq!(rejected(json!([odd])), ("wrong_type", "/@tracking/old_value_integer".to_owned()));
    let odd = row(1, "stage_id", "25:00:00", (json!(1), json!(2)));
    assert_eq!(rejected(json!([odd])), ("out_of_range", "/@tracking/create_date".to_owned()));
}

#[test]
fn up_to_odoo_16_the_field_stands_in_another_column() {
    let registered = [json!({ "id": 9, "name": "stage_id" }).as_object().unwrap().clone()];
    let old = Tracking::of(&registered, &json!({ "field": {}, "old_value_monetary": {}, "create_date": {} }));
    assert!(format!("{old:?}").contains(r#"field_column: "field""#), "{old:?}");
    let new = Tracking::of(&registered, &json!({ "field_id": {}, "create_date": {} }));
    assert!(format!("{new:?}").contains(r#"field_column: "field_id""#), "{new:?}");
    assert_eq!(Tracking::of(&registered, &json!({ "create_date": {} })), None);
}

#[tokio::test]
async fn the_history_of_every_lead_is_read_by_whoever_may() {
    let seed = Seed { leads: 80, partners: 30, activities: 20, ..Seed::new(42, date(2026, 11, 23)) };
    let handle = Simulator::start(Config::new(seed).password(API, "secret")).await.unwrap();
    let leads = |all: Vec<(String, Vec<crate::Record>)>| {
        all.into_iter().find(|(object, _)| object == "crm.lead").unwrap().1
    };
    let without = leads(everything(&mut *source(&handle, API, 30)).await.0);
    assert!(without.iter().all(|lead| lead.payload.get("@tracking").is_none()));
    handle.data().set_level(API, Level::Settings).unwrap();
    let found = leads(everything(&mut *source(&handle, API, 30)).await.0);
    let rows = handle.data().snapshot();
    let mut told = 0;
    for record in &found {
        let lead: i64 = record.key.parse().unwrap();
        let own = |row: &salescommand_odoo_simulator::Record| {
            row.get("model").as_text() == Some("crm.lead") && row.get("res_id").as_int() == Some(lead)
        };
        let messages = rows.ids_where("mail.message", own);
        let values = rows.ids_where("mail.tracking.value", |row| {
            let field = row.get("field_id").as_int().and_then(|id| rows.row("ir.model.fields", id));
            let name = field.and_then(|field| field.get("name").as_text()).unwrap_or_default();
            super::super::tracking::TRACKED.contains(&name)
                && row.get("mail_message_id").as_int().is_some_and(|id| messages.contains(&id))
        });
        let read = record.payload["@tracking"].as_array().unwrap();
        let read: Vec<i64> = read.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(read, values, "lead {lead}");
        told += read.len();
        super::map("crm.lead", record.clone()).unwrap();
    }
    assert!(told > 50, "{told} changes");
}

#[tokio::test]
async fn who_may_not_read_it_pays_one_request() {
    let server = Server::start(odoo).await;
    let mut source = DESCRIPTOR.open.unwrap()(settings(&server.url, &[])).unwrap();
    let plans = source.connect().await.unwrap().plans;
    let lead = plans.iter().find(|plan| plan.object.as_str() == "crm.lead").unwrap();
    source.page(&lead.object, Extent::All, None).await.unwrap();
    let asked = server.calls().into_iter().filter(|call| call.model() == "mail.tracking.value").count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_right_that_comes_or_goes_makes_all_leads_be_read_again() {
    let fields = async |answer: fn(&super::server::Call) -> Reply| {
        let server = Server::start(answer).await;
        let mut source = DESCRIPTOR.open.unwrap()(settings(&server.url, &[])).unwrap();
        let plans = source.connect().await.unwrap().plans;
        plans.into_iter().find(|plan| plan.object.as_str() == "crm.lead").unwrap().fields
    };
    let readable = fields(|call| match (call.model(), call.verb()) {
        ("mail.tracking.value", "search") => Reply::Value(json!([1])),
        ("mail.tracking.value", "fields_get") => Reply::Value(json!({ "field_id": { "type": "many2one" } })),
        ("ir.model.fields", "search_read") => Reply::Value(json!([{ "id": 9, "name": "stage_id" }])),
        _ => odoo(call),
    });
    assert_ne!(readable.await, fields(odoo).await);
}
