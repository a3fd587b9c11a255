//! Everybody in the directory, listed once in a run that reads more than users and groups: who manages whom, which mailboxes there are, and whose address it is.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value as Json, json};

use super::client::Client;
use super::fault;
use super::links;
use super::objects::{self, MANAGERS};
use super::record;
use crate::{Record, SourceError};

/// One of them.
pub(super) struct Person {
    /// What is kept of them.
    fields: Map<String, Json>,
    /// The account may be used, belongs to a colleague, and has an address.
    pub has_mailbox: bool,
}

/// Everybody.
#[derive(Default)]
pub(super) struct Roster {
    people: BTreeMap<String, Person>,
    by_address: HashMap<String, String>,
    /// Where the listing goes on; none before it has begun.
    next: Option<String>,
    pub complete: bool,
}

impl Roster {
    /// Lists everybody; goes on where it was interrupted.
    pub async fn list(&mut self, client: &mut Client) -> Result<(), SourceError> {
        let object = objects::object(MANAGERS);
        while !self.complete {
            let page = match &self.next {
                Some(link) => client.follow(&link.clone()).await,
                None => client.get(&first(client)).await,
            };
            let page = page.map_err(|error| error.into_source_error(object))?;
            let rows = page.get("value").and_then(Json::as_array);
            let rows = rows.ok_or_else(|| fault::unexpected("a listing without records"))?;
            rows.iter().for_each(|row| self.take(row));
            let next = links::of(&page, "@odata.nextLink");
            if next.is_some() && next == self.next.as_deref() {
                return Err(fault::unexpected("a page that leads to itself"));
            }
            self.complete = next.is_none();
            self.next = next.map(str::to_owned);
        }
        Ok(())
    }

    fn take(&mut self, row: &Json) {
        let Some(id) = row.get("id").and_then(Json::as_str) else { return };
        let text = |name: &str| row.get(name).and_then(Json::as_str);
        let is_colleague = text("userType") != Some("Guest");
        let enabled = row.get("accountEnabled").and_then(Json::as_bool) == Some(true);
        let mail = text("mail").map(str::to_lowercase);
        for address in addresses(row).into_iter().chain(mail) {
            self.by_address.insert(address, id.to_owned());
        }
        let manager = row.pointer("/manager/id").map_or(Json::Null, |id| json!({"id": id}));
        let mut fields = Map::from_iter([("id".to_owned(), Json::from(id)), ("manager".to_owned(), manager)]);
        if let Some(kind) = row.get("userType").filter(|kind| !kind.is_null()) {
            fields.insert("userType".to_owned(), kind.clone());
        }
        let has_mailbox = is_colleague && enabled && text("mail").is_some();
        self.people.insert(id.to_owned(), Person { fields, has_mailbox });
    }

    /// Whether somebody is there.
    pub fn has(&self, id: &str) -> bool {
        self.people.contains_key(id)
    }

    /// Ids of those who have a mailbox.
    pub fn with_mailbox(&self) -> impl Iterator<Item = &String> {
        self.people.iter().filter(|(_, person)| person.has_mailbox).map(|(id, _)| id)
    }

    /// Whether somebody has a mailbox.
    pub fn has_mailbox(&self, id: &str) -> bool {
        self.people.get(id).is_some_and(|person| person.has_mailbox)
    }

    /// The user of an address.
    pub fn of_address(&self, address: &str) -> Option<&String> {
        self.by_address.get(&address.trim().to_lowercase())
    }

    /// A page of who manages whom, behind an id; all of them if that is empty.
    pub fn managers(&self, after: &str, size: usize) -> (Vec<Record>, Option<String>) {
        let behind = self.people.range(after.to_owned()..).filter(|(id, _)| id.as_str() > after);
        let records: Vec<Record> =
            behind.take(size).map(|(id, person)| record::plain(id, person.fields.clone())).collect();
        let next = records.last().filter(|_| records.len() == size).map(|record| record.key.clone());
        (records, next)
    }
}

/// Where the listing begins.
fn first(client: &Client) -> String {
    let select = objects::object(MANAGERS).map(|object| object.select).unwrap_or_default();
    let size = client.config().page_size;
    format!("/users?$select={select}&$expand=manager($select=id)&$top={size}")
}

/// The addresses that the tenant's administrators have given somebody, in lower case: the name to sign in with, whose domain is
/// always the tenant's own, and those of the mailbox, of which that is true as well.
pub(super) fn addresses(row: &Json) -> Vec<String> {
    let name = row.get("userPrincipalName").and_then(Json::as_str);
    let proxies = row.get("proxyAddresses").and_then(Json::as_array).into_iter().flatten();
    let proxies = proxies.filter_map(Json::as_str).filter_map(|proxy| {
        let (kind, address) = proxy.split_once(':')?;
        kind.eq_ignore_ascii_case("smtp").then_some(address)
    });
    let mut found: Vec<String> = name.into_iter().chain(proxies).map(str::to_lowercase).collect();
    found.sort();
    found.dedup();
    found
}
