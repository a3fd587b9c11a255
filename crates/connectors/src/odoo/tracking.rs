//! `mail.tracking.value`: the history of leads that Odoo keeps itself.
//!
//! Odoo writes down, with a message on the lead, how the fields that it tracks have changed. Who may read it (Settings, in
//! all versions) gets it with the lead, as the member [`MEMBER`]: a change of a tracked field is a change of the lead, made in
//! the same transaction, so each version of a lead brings all of its history up to then. It takes three requests a page.
//!
//! Merging leads moves the messages of the others to the one that is kept, and gives them a subject, which a message with
//! tracked values otherwise has none of. What those tell happened to another lead, and is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::client::Client;
use super::fault::CallError;
use super::messages::id;
use super::source::rows_of;

/// The object whose history it is.
pub(super) const OBJECT: &str = "crm.lead";
/// Member of the payload that holds the history: rows of `mail.tracking.value`, each with the name of its field.
pub(super) const MEMBER: &str = "@tracking";
/// Member of such a row that holds the name of its field.
pub(super) const FIELD: &str = "@field";
/// Where it is kept.
const VALUES: &str = "mail.tracking.value";
/// Where fields are registered.
const FIELDS: &str = "ir.model.fields";
/// The fields whose history is read.
pub(super) const TRACKED: [&str; 6] =
    ["active", "expected_revenue", "lost_reason_id", "stage_id", "team_id", "user_id"];
/// The columns that hold such values. A revenue stands in `…_monetary` up to Odoo 16.
const COLUMNS: [&str; 10] = [
    "create_date",
    "create_uid",
    "mail_message_id",
    "new_value_float",
    "new_value_integer",
    "new_value_monetary",
    "old_value_float",
    "old_value_integer",
    "old_value_monetary",
    "field",
];

/// Which history can be read.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tracking {
    /// Names of the tracked fields, by the ids that they are registered under.
    fields: BTreeMap<i64, String>,
    /// The columns to read.
    columns: Vec<String>,
    /// The column that says which field changed: `field_id`, up to Odoo 16 `field`.
    field_column: &'static str,
}

impl Tracking {
    /// What the API user may read; none if that is nothing.
    pub async fn discover(client: &Client, uid: i64) -> Result<Option<Self>, CallError> {
        let known = json!([["model", "=", OBJECT], ["name", "in", TRACKED]]);
        let kwargs = json!({ "fields": ["name"], "order": "id asc" });
        let first = json!({ "limit": 1, "order": "id asc" });
        let kept_back = |answer: Result<Json, CallError>| match answer {
            Err(CallError::Fault(fault)) if fault.keeps_back_object() => Ok(None),
            answer => answer.map(Some),
        };
        let readable = kept_back(client.execute(uid, VALUES, "search", json!([[]]), first).await)?;
        let registered = match readable {
            None => None,
            Some(_) => kept_back(client.execute(uid, FIELDS, "search_read", json!([known]), kwargs).await)?,
        };
        let Some(registered) = registered else { return Ok(None) };
        let attributes = json!({ "attributes": ["type"] });
        let columns = client.execute(uid, VALUES, "fields_get", json!([]), attributes).await?;
        Ok(Self::of(&rows_of(registered)?, &columns))
    }

    /// What registered fields and columns come to; none if changes do not say of which field they are.
    pub fn of(registered: &[Map<String, Json>], columns: &Json) -> Option<Self> {
        let named = registered.iter().filter_map(|row| {
            let name = row.get("name").and_then(Json::as_str)?;
            Some((id(row, "id")?, name.to_owned()))
        });
        let has = |column: &&str| columns.get(column).is_some();
        let field_column = ["field_id", "field"].into_iter().find(has)?;
        let mut wanted: Vec<_> = COLUMNS.into_iter().filter(has).map(str::to_owned).collect();
        wanted.retain(|column| column != "field");
        wanted.push(field_column.to_owned());
        Some(Self { fields: named.collect(), columns: wanted, field_column })
    }

    /// Adds their history to some leads; gives the requests that took.
    pub async fn add_to(
        &self,
        client: &Client,
        uid: i64,
        leads: &mut [Map<String, Json>],
    ) -> Result<u32, CallError> {
        let ids: Vec<i64> = leads.iter().filter_map(|lead| id(lead, "id")).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let about = json!([["model", "=", OBJECT], ["res_id", "in", ids]]);
        let kwargs = json!({ "fields": ["res_id", "subject"], "order": "id asc" });
        let messages = client.execute(uid, "mail.message", "search_read", json!([about]), kwargs).await?;
        let leads_of = Self::leads_of(&rows_of(messages)?);
        let mut calls = 1;
        let mut found = BTreeMap::new();
        if !leads_of.is_empty() && !self.fields.is_empty() {
            let ids: Vec<i64> = leads_of.keys().copied().collect();
            let fields: Vec<i64> = self.fields.keys().copied().collect();
            let of_these = json!([["mail_message_id", "in", ids], [self.field_column, "in", fields]]);
            let order = json!({ "order": "id asc" });
            let ids = client.execute(uid, VALUES, "search", json!([of_these]), order).await?;
            // Not in one step: `search_read` knows no `load` before Odoo 15, and names of messages are of no use.
            let kwargs = json!({ "fields": self.columns, "load": false });
            let mut rows = rows_of(client.execute(uid, VALUES, "read", json!([ids]), kwargs).await?)?;
            rows.sort_by_key(|row| id(row, "id"));
            found = self.by_lead(rows, &leads_of);
            calls += 2;
        }
        for lead in leads {
            let history = id(lead, "id").and_then(|id| found.remove(&id)).unwrap_or_default();
            lead.insert(MEMBER.to_owned(), Json::Array(history));
        }
        Ok(calls)
    }

    /// The leads of some messages that were on them from the beginning.
    pub fn leads_of(messages: &[Map<String, Json>]) -> BTreeMap<i64, i64> {
        let moved = |message: &Map<String, Json>| {
            message.get("subject").and_then(Json::as_str).is_some_and(|subject| !subject.trim().is_empty())
        };
        let own = messages.iter().filter(|message| !moved(message));
        own.filter_map(|message| id(message, "id").zip(id(message, "res_id"))).collect()
    }

    /// Changes by the lead that they are of, each with the name of its field.
    fn by_lead(
        &self,
        rows: Vec<Map<String, Json>>,
        leads_of: &BTreeMap<i64, i64>,
    ) -> BTreeMap<i64, Vec<Json>> {
        let mut found: BTreeMap<i64, Vec<Json>> = BTreeMap::new();
        for mut row in rows {
            let name = id(&row, self.field_column).and_then(|field| self.fields.get(&field));
            let lead = id(&row, "mail_message_id").and_then(|message| leads_of.get(&message));
            if let (Some(name), Some(lead)) = (name, lead) {
                row.remove(self.field_column);
                row.insert(FIELD.to_owned(), Json::from(name.as_str()));
                found.entry(*lead).or_default().push(Json::Object(row));
            }
        }
        found
    }
}
