//! What Graph sent as a raw record: the members that are kept and have a value.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::objects::{CONTACTS, Object, USERS};
use super::roster::{Roster, addresses};
use crate::Record;

/// Member that holds a user's tenant.
pub(super) const TENANT: &str = "@tenant";
/// Member that holds whose mailbox a contact or meeting is in.
pub(super) const MAILBOX: &str = "@mailbox";
/// Member that holds the user behind the organizer's address.
pub(super) const ORGANIZER: &str = "@organizer";
/// Member that holds the users behind the addresses of those invited.
pub(super) const ATTENDEES: &str = "@attendees";
/// Member that holds the universal id of the series that an occurrence belongs to.
pub(super) const SERIES: &str = "@series";

/// What an occurrence does not say for itself, and its series does.
const OF_SERIES: [&str; 6] = ["attendees", "isAllDay", "isCancelled", "organizer", "sensitivity", "subject"];
/// What is kept of a private meeting: whose it is, and when.
const OF_PRIVATE: [&str; 12] = [
    "createdDateTime",
    "end",
    "iCalUId",
    "id",
    "isAllDay",
    "isCancelled",
    "isDraft",
    "lastModifiedDateTime",
    "organizer",
    "originalStart",
    "sensitivity",
    "seriesMasterId",
];

/// The members that are kept and have a value.
fn kept(object: &Object, row: &Json) -> Map<String, Json> {
    let members = row.as_object().into_iter().flatten();
    let kept = members.filter(|(name, value)| object.members.contains(&name.as_str()) && !value.is_null());
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The id of a row, and whether it says that the record was removed.
pub(super) fn id(row: &Json) -> Option<(&str, bool)> {
    let id = row.get("id").and_then(Json::as_str).filter(|id| !id.is_empty())?;
    Some((id, row.get("@removed").is_some()))
}

/// A record that is its members.
pub(super) fn plain(id: &str, fields: Map<String, Json>) -> Record {
    let subjects = vec![format!("{USERS}:{id}")];
    Record { key: id.to_owned(), source_modified: None, subjects, payload: Json::Object(fields) }
}

/// A user of a tenant.
pub(super) fn user(object: &Object, tenant: &str, id: &str, row: &Json) -> Record {
    let mut fields = kept(object, row);
    fields.insert(TENANT.to_owned(), tenant.into());
    let subjects = [vec![format!("{USERS}:{id}")], addresses(row)].concat();
    Record { subjects, ..plain(id, fields) }
}

/// A group with its members, by their ids.
pub(super) fn group(object: &Object, id: &str, row: &Json, mut members: Vec<String>) -> Record {
    members.sort();
    members.dedup();
    let subjects = members.iter().map(|member| format!("{USERS}:{member}")).collect();
    let mut fields = kept(object, row);
    fields.insert("members".to_owned(), members.into());
    Record { subjects, ..plain(id, fields) }
}

/// The key of an item of a mailbox.
pub(super) fn item_key(mailbox: &str, id: &str) -> String {
    format!("{mailbox}/{id}")
}

/// Mailbox and id of an item's key.
pub(super) fn item_of(key: &str) -> Option<(&str, &str)> {
    key.split_once('/')
}

/// A contact of a mailbox. When it was changed is left out: what a CRM says of the same person counts before it.
pub(super) fn contact(object: &Object, mailbox: &str, id: &str, row: &Json) -> Record {
    let mut fields = kept(object, row);
    fields.insert(MAILBOX.to_owned(), mailbox.into());
    let addresses = row.get("emailAddresses").and_then(Json::as_array).into_iter().flatten();
    let addresses = addresses.filter_map(|it| it.get("address")?.as_str()).map(str::to_lowercase);
    let subjects = [format!("{CONTACTS}:{}", item_key(mailbox, id))].into_iter().chain(addresses).collect();
    Record { key: item_key(mailbox, id), source_modified: None, subjects, payload: Json::Object(fields) }
}

/// A meeting in a calendar; `series` is what it belongs to, if that is known.
pub(super) fn event(
    object: &Object,
    (mailbox, id): (&str, &str),
    row: &Json,
    series: Option<&Json>,
    roster: &Roster,
) -> Record {
    let mut fields = kept(object, row);
    if let Some(series) = series {
        for name in OF_SERIES {
            if let Some(value) = series.get(name).filter(|value| !value.is_null()) {
                fields.entry(name).or_insert_with(|| value.clone());
            }
        }
        if let Some(uid) = series.get("iCalUId") {
            fields.insert(SERIES.to_owned(), uid.clone());
        }
    }
    let user = |person: &Json| roster.of_address(person.pointer("/emailAddress/address")?.as_str()?).cloned();
    let organizer = fields.get("organizer").and_then(user);
    if is_private(&fields) {
        fields.retain(|name, _| {
            OF_PRIVATE.contains(&name.as_str()) || name == "start" || name == "type" || name == SERIES
        });
    }
    let invited = fields.get("attendees").and_then(Json::as_array).into_iter().flatten();
    let mut attendees: Vec<String> = invited.filter_map(user).collect();
    attendees.sort();
    attendees.dedup();
    let subjects = subjects(mailbox, &fields);
    fields.insert(MAILBOX.to_owned(), mailbox.into());
    fields.insert(ATTENDEES.to_owned(), attendees.into());
    if let Some(organizer) = organizer {
        fields.insert(ORGANIZER.to_owned(), organizer.into());
    }
    let modified = fields.get("lastModifiedDateTime").and_then(Json::as_str);
    let source_modified = modified.and_then(|at| at.parse::<Timestamp>().ok());
    Record { key: item_key(mailbox, id), source_modified, subjects, payload: Json::Object(fields) }
}

/// Whether a meeting is nobody else's business.
pub(super) fn is_private(fields: &Map<String, Json>) -> bool {
    !matches!(fields.get("sensitivity").and_then(Json::as_str), None | Some("normal"))
}

/// Whose personal data a meeting holds.
fn subjects(mailbox: &str, fields: &Map<String, Json>) -> Vec<String> {
    let people = fields.get("attendees").and_then(Json::as_array).into_iter().flatten();
    let people = people.chain(fields.get("organizer"));
    let addresses =
        people.filter_map(|it| it.pointer("/emailAddress/address")?.as_str()).map(str::to_lowercase);
    let mut subjects: Vec<String> = addresses.chain([format!("{USERS}:{mailbox}")]).collect();
    subjects.sort();
    subjects.dedup();
    subjects
}

/// What a place says to the driver: a link, and of a calendar the dates that it is bound to.
pub(super) fn place(link: &str) -> Json {
    json!({"link": link})
}

/// The series of an occurrence that does not say all of itself.
pub(super) fn lacks_series(row: &Json) -> Option<&str> {
    let is_occurrence = row.get("type").and_then(Json::as_str) == Some("occurrence");
    let series = row.get("seriesMasterId").and_then(Json::as_str)?;
    (is_occurrence && row.get("organizer").is_none()).then_some(series)
}
