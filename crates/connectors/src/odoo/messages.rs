//! `mail.message`: which are read, and what is added to them.
//!
//! A message names its author by contact and the kind of what was done by an id of `mail.activity.type`. Both are looked up
//! while reading and written beside the fields, since a mapper sees one record: the user behind the author, and category,
//! icon and name of the type. The type is taken as it was when the message was first read, and so is the name of the record
//! it is about: what is renamed later does not change what was done, so these members make no change.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::client::Client;
use super::fault::CallError;
use super::source::rows_of;

/// The object.
pub(super) const OBJECT: &str = "mail.message";

/// Member that holds the id of the author's user.
pub(super) const AUTHOR_USER: &str = "@author_user";
/// Member that holds the category of the type of what was done.
pub(super) const CATEGORY: &str = "@activity_category";
/// Member that holds its icon.
pub(super) const ICON: &str = "@activity_icon";
/// Member that holds its name.
pub(super) const TYPE_NAME: &str = "@activity_type";
/// What other records are called, which may change without the message.
pub(super) const VOLATILE: &[&str] = &[CATEGORY, ICON, TYPE_NAME, "record_name"];

/// Messages about deals and customers that say what somebody did. What the system notes, such as each change of a deal, is
/// most of the table and left out.
pub(super) fn terms() -> Vec<Json> {
    vec![
        json!(["model", "in", ["crm.lead", "res.partner"]]),
        json!("|"),
        json!(["mail_activity_type_id", "!=", false]),
        json!(["message_type", "in", ["comment", "email", "email_outgoing"]]),
    ]
}

/// What is added to messages, as far as it has been looked up.
#[derive(Debug, Default)]
pub(super) struct Additions {
    /// Users by the contact that they are. A run looks them up once.
    users: Option<BTreeMap<i64, i64>>,
    /// Category, icon and name of types; none for those that are gone.
    types: BTreeMap<i64, Option<Map<String, Json>>>,
}

impl Additions {
    /// Adds to some messages; gives the requests that took.
    pub async fn add_to(
        &mut self,
        client: &Client,
        uid: i64,
        messages: &mut [Map<String, Json>],
    ) -> Result<u32, CallError> {
        if messages.is_empty() {
            return Ok(0);
        }
        let mut calls = 0;
        if self.users.is_none() {
            let rows = users(client, uid).await?;
            self.put_users(&rows);
            calls += 2;
        }
        let types = messages.iter().filter_map(|message| id(message, "mail_activity_type_id"));
        let unknown: BTreeSet<i64> = types.filter(|kind| !self.types.contains_key(kind)).collect();
        if !unknown.is_empty() {
            let rows = read(client, uid, "mail.activity.type", json!(unknown), TYPE_FIELDS).await?;
            self.types.extend(unknown.iter().map(|kind| (*kind, None)));
            self.put_types(rows);
            calls += 1;
        }
        messages.iter_mut().for_each(|message| self.complete(message));
        Ok(calls)
    }

    /// Takes types from the rows of an answer.
    pub fn put_types(&mut self, rows: Vec<Map<String, Json>>) {
        for mut row in rows {
            let Some(kind) = id(&row, "id") else { continue };
            let names = [(CATEGORY, "category"), (ICON, "icon"), (TYPE_NAME, "name")];
            let member = |(member, field): (&str, &str)| Some((member.to_owned(), row.remove(field)?));
            let members = names.into_iter().filter_map(member).collect();
            self.types.insert(kind, Some(members));
        }
    }

    /// Takes users from the rows of an answer. Of several behind one contact the first that is active counts, else the
    /// first.
    pub fn put_users(&mut self, rows: &[Map<String, Json>]) {
        let users = self.users.insert(BTreeMap::new());
        for active in [true, false] {
            let these = rows.iter().filter(|row| row.get("active") == Some(&Json::Bool(active)));
            for (partner, user) in these.filter_map(|row| id(row, "partner_id").zip(id(row, "id"))) {
                users.entry(partner).or_insert(user);
            }
        }
    }

    /// Adds to one message what is known.
    pub fn complete(&self, message: &mut Map<String, Json>) {
        let author = id(message, "author_id");
        let user = author.and_then(|author| self.users.as_ref()?.get(&author).copied());
        message.extend(user.map(|user| (AUTHOR_USER.to_owned(), Json::from(user))));
        let kind = id(message, "mail_activity_type_id").and_then(|kind| self.types.get(&kind)?.clone());
        message.extend(kind.into_iter().flatten());
    }
}

const TYPE_FIELDS: &[&str] = &["category", "icon", "name"];
const USER_FIELDS: &[&str] = &["active", "partner_id"];

/// Users who are no customers, archived ones too.
async fn users(client: &Client, uid: i64) -> Result<Vec<Map<String, Json>>, CallError> {
    let colleagues = json!([[["share", "=", false]]]);
    let kwargs = json!({ "order": "id asc", "context": { "active_test": false } });
    let found = client.execute(uid, "res.users", "search", colleagues, kwargs).await?;
    read(client, uid, "res.users", found, USER_FIELDS).await
}

/// Rows by their ids; those that are gone are left out.
async fn read(
    client: &Client,
    uid: i64,
    model: &str,
    ids: Json,
    fields: &[&str],
) -> Result<Vec<Map<String, Json>>, CallError> {
    let kwargs = json!({ "fields": fields, "load": false });
    rows_of(client.execute(uid, model, "read", json!([ids]), kwargs).await?)
}

/// The id in a field; 0 and `false` are none.
pub(super) fn id(row: &Map<String, Json>, field: &str) -> Option<i64> {
    row.get(field).and_then(Json::as_i64).filter(|id| *id > 0)
}
