//! `lead_properties`: fields that a team has defined for its leads.
//!
//! They cannot be asked for with a page: one lead of such a team that was written last before one of them was defined makes the
//! whole answer fail, since XML-RPC has no word for its empty value. So they are read apart, of the leads of teams that have
//! defined some, and where the answer fails, once more over JSON-RPC, which has that word. Where something in front of Odoo
//! lets no JSON-RPC through, they are read by halves, down to the lead that makes the answer fail: what that one has cannot be
//! read. A database in which no team has defined any pays one request a run for it, and most have the field not at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::client::Client;
use super::fault::CallError;
use super::messages::id;
use super::source::rows_of;

/// The object.
pub(super) const OBJECT: &str = "crm.lead";
/// Its field, and the member of the payload.
pub(super) const FIELD: &str = "lead_properties";
/// Where they are defined.
const TEAMS: &str = "crm.team";
/// The definition.
pub(super) const DEFINITION: &str = "lead_properties_definition";

/// The teams that have defined properties.
pub(super) async fn defining_teams(client: &Client, uid: i64) -> Result<BTreeSet<i64>, CallError> {
    let kwargs = json!({ "fields": [DEFINITION], "order": "id asc", "context": { "active_test": false } });
    let teams = match client.execute(uid, TEAMS, "search_read", json!([[]]), kwargs).await {
        // That teams may not be read is told where they are.
        Err(CallError::Fault(fault)) if fault.keeps_back_object() => return Ok(BTreeSet::new()),
        teams => rows_of(teams?)?,
    };
    let defines = |team: &Map<String, Json>| {
        team.get(DEFINITION).and_then(Json::as_array).is_some_and(|properties| !properties.is_empty())
    };
    Ok(teams.iter().filter(|team| defines(team)).filter_map(|team| id(team, "id")).collect())
}

/// Adds their properties to those of some leads that have any; gives the requests that took.
pub(super) async fn add_to(
    client: &Client,
    uid: i64,
    teams: &BTreeSet<i64>,
    leads: &mut [Map<String, Json>],
) -> Result<u32, CallError> {
    // Whose team may not be read may have one that defines some.
    let concerned = |lead: &&mut Map<String, Json>| {
        !lead.contains_key("team_id") || id(lead, "team_id").is_some_and(|team| teams.contains(&team))
    };
    let mut leads: Vec<_> = leads.iter_mut().filter(concerned).collect();
    let ids: Vec<i64> = leads.iter().filter_map(|lead| id(lead, "id")).collect();
    let (mut found, calls) = read(client, uid, &ids).await?;
    for lead in &mut leads {
        let properties = id(lead, "id").and_then(|id| found.remove(&id));
        let Some(Json::Array(mut properties)) = properties else { continue };
        // One that was defined after the lead was written last has an empty value.
        properties.retain(|property| property.get("value").is_some_and(|value| !value.is_null()));
        if !properties.is_empty() {
            lead.insert(FIELD.to_owned(), Json::Array(properties));
        }
    }
    Ok(calls)
}

/// The field of some leads, by id, and the requests that took.
async fn read(client: &Client, uid: i64, ids: &[i64]) -> Result<(BTreeMap<i64, Json>, u32), CallError> {
    if ids.is_empty() {
        return Ok((BTreeMap::new(), 0));
    }
    if let Some(rows) = sendable(client, uid, ids).await? {
        return Ok((by_id(rows), 1));
    }
    match client.execute_in_json(uid, OBJECT, "read", json!([ids]), kwargs()).await {
        Ok(answer) => Ok((by_id(rows_of(answer)?), 2)),
        Err(error) if error.is_transient() => Err(error),
        Err(_) => {
            let (found, calls) = read_by_halves(client, uid, ids).await?;
            Ok((found, calls + 2))
        }
    }
}

/// The same of leads that cannot be read together: half by half, as far as their answers can be sent.
async fn read_by_halves(
    client: &Client,
    uid: i64,
    ids: &[i64],
) -> Result<(BTreeMap<i64, Json>, u32), CallError> {
    let (mut found, mut unsendable, mut calls) = (BTreeMap::new(), vec![ids], 0);
    while let Some(ids) = unsendable.pop() {
        if ids.len() < 2 {
            continue;
        }
        let (one, other) = ids.split_at(ids.len() / 2);
        for half in [one, other] {
            calls += 1;
            match sendable(client, uid, half).await? {
                Some(rows) => found.extend(by_id(rows)),
                None => unsendable.push(half),
            }
        }
    }
    Ok((found, calls))
}

/// The rows of some leads; none if one of them has an empty value, which XML-RPC cannot send.
async fn sendable(
    client: &Client,
    uid: i64,
    ids: &[i64],
) -> Result<Option<Vec<Map<String, Json>>>, CallError> {
    match client.execute(uid, OBJECT, "read", json!([ids]), kwargs()).await {
        Err(CallError::Fault(fault)) if fault.is_unsendable() => Ok(None),
        answer => rows_of(answer?).map(Some),
    }
}

/// Without `load`: the names of records that properties point to come along.
fn kwargs() -> Json {
    json!({ "fields": [FIELD] })
}

fn by_id(rows: Vec<Map<String, Json>>) -> BTreeMap<i64, Json> {
    rows.into_iter().filter_map(|mut row| id(&row, "id").zip(row.remove(FIELD))).collect()
}
