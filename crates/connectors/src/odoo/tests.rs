//! Tests of the Odoo room. The fixtures are written by hand in the shapes a server sends; the pages of a real
//! server are held against the code as well where `ODOO_RECORDINGS` names a folder of them.

mod apart;
mod check;
mod client;
mod describe;
mod json_2;
mod labels;
mod mapping;
mod merges;
mod paging;
mod properties;
mod recordings;
mod server;
mod settings;
mod simulator;
mod thinned;
mod tracking;
mod wire;

use std::collections::BTreeMap;

use salescommand_domain::canonical::{Mapped, Rejection};
use salescommand_domain::raw::Envelope;
use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};

use super::messages::Additions;
use super::objects::{self, Object};
use super::wire::{Answer, parse};
use super::{DESCRIPTOR, record};
use crate::Reach;
use crate::{Record, Settings, testing};

/// The own fixture of an object: a whole answer to `search_read`.
fn fixture(object: &str) -> &'static str {
    match object {
        "res.currency" => include_str!("fixtures/res.currency.xml"),
        "res.company" => include_str!("fixtures/res.company.xml"),
        "res.users" => include_str!("fixtures/res.users.xml"),
        "hr.employee" => include_str!("fixtures/hr.employee.xml"),
        "crm.team" => include_str!("fixtures/crm.team.xml"),
        "crm.stage" => include_str!("fixtures/crm.stage.xml"),
        "crm.tag" => include_str!("fixtures/crm.tag.xml"),
        "crm.lost.reason" => include_str!("fixtures/crm.lost.reason.xml"),
        "crm.recurring.plan" => include_str!("fixtures/crm.recurring.plan.xml"),
        "utm.source" => include_str!("fixtures/utm.source.xml"),
        "utm.medium" => include_str!("fixtures/utm.medium.xml"),
        "utm.campaign" => include_str!("fixtures/utm.campaign.xml"),
        "res.partner" => include_str!("fixtures/res.partner.xml"),
        "crm.lead" => include_str!("fixtures/crm.lead.xml"),
        "mail.activity" => include_str!("fixtures/mail.activity.xml"),
        "calendar.event" => include_str!("fixtures/calendar.event.xml"),
        "mail.message" => include_str!("fixtures/mail.message.xml"),
        other => panic!("no fixture of {other}"),
    }
}

/// The custom fields in the fixtures.
fn custom_fields(object: &str) -> BTreeMap<String, String> {
    let fields: &[(&str, &str)] = match object {
        "crm.lead" => &[("x_budget", "monetary"), ("x_note", "char")],
        "res.partner" => &[
            ("x_tier", "selection"),
            ("x_credit_ok", "boolean"),
            ("x_headcount", "integer"),
            ("x_since", "date"),
        ],
        _ => &[],
    };
    fields.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

/// The rows of an answer, as raw records.
fn records(object: &'static Object, custom: &BTreeMap<String, String>, answer: &str) -> Vec<Record> {
    let Answer::Value(Json::Array(rows)) = parse(answer).unwrap() else { panic!("not a list") };
    let row = |row: Json| serde_json::from_value(row).unwrap();
    rows.into_iter().map(|it| record::record(object, custom, row(it)).unwrap().1).collect()
}

/// What is added to messages of the fixtures.
fn additions() -> Additions {
    let mut additions = Additions::default();
    additions.put_users(&fixture_users());
    additions.put_types(activity_types());
    additions
}

/// The users of the fixtures that are no customers.
fn fixture_users() -> Vec<Map<String, Json>> {
    let Answer::Value(Json::Array(rows)) = parse(fixture("res.users")).unwrap() else { panic!("not a list") };
    let rows = rows.into_iter().map(|row| serde_json::from_value::<Map<String, Json>>(row).unwrap());
    rows.filter(|row| row["share"] == false).collect()
}

/// The types of activities on the server of the fixtures.
fn activity_types() -> Vec<Map<String, Json>> {
    let call = json!({ "id": 2, "category": "phonecall", "icon": "fa-phone", "name": "Call" });
    vec![serde_json::from_value(call).unwrap()]
}

fn fixture_records(name: &str) -> Vec<Record> {
    let mut records = records(objects::object(name).unwrap(), &custom_fields(name), fixture(name));
    if name == "mail.message" {
        let additions = additions();
        records.iter_mut().for_each(|record| additions.complete(record.payload.as_object_mut().unwrap()));
    }
    records
}

fn envelope(object: &str, record: Record) -> Envelope {
    testing::envelope(("nordwind", "odoo"), object, record)
}

fn map(object: &str, record: Record) -> Result<Option<Mapped>, Rejection> {
    (DESCRIPTOR.map)(&envelope(object, record))
}

fn settings(url: &str, more: &[(&str, &str)]) -> Settings {
    let own = [("url", url), ("database", "nordwind"), ("login", "api@nordwind.example")];
    let plain =
        own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings { plain, secret: SecretString::from("s3cret-key"), reach: Reach::Any }
}
