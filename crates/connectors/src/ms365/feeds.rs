//! Delta rounds: one page behind a link, sorted into what is there and what is said to be gone.

use std::collections::BTreeMap;

use async_trait::async_trait;
use salescommand_domain::raw::ObjectName;
use serde_json::Value as Json;

use super::fault::{self, CallError};
use super::links;
use super::objects::{CONTACTS, EVENTS, GROUPS, MANAGERS, Object, USERS};
use super::record;
use super::source::{GraphSource, known};
use crate::{Changes, Feeds, SourceError, Then, There};

/// A page of a delta round: the last that it says of each record, since it may say more than one thing.
pub(super) struct Told {
    /// Rows of records that are there, by id.
    pub rows: BTreeMap<String, Json>,
    /// Ids of those that are said to be removed.
    pub removed: Vec<String>,
    /// What comes behind it.
    pub then: Then,
}

impl GraphSource {
    /// Reads a page of a delta round: behind a place, or the first one of a path. None if the place is not known any more.
    pub(super) async fn told(
        &mut self,
        from: Option<&Json>,
        first: impl FnOnce(&Self) -> String,
    ) -> Result<Option<Told>, CallError> {
        let link = from.and_then(|place| place.get("link")).and_then(Json::as_str);
        let page = match (from, link) {
            (None, _) => self.client.get(&first(self)).await,
            // A place of another address, or of another time of this program.
            (Some(_), None) => return Ok(None),
            (Some(_), Some(link)) if links::followed(&self.client.config().graph, link).is_err() => {
                return Ok(None);
            }
            (Some(_), Some(link)) => self.client.follow(link).await,
        };
        let page = match page {
            Err(CallError::Refused(refusal)) if from.is_some() && refusal.is_lost_place() => return Ok(None),
            page => page?,
        };
        Ok(Some(self.sorted(&page)?))
    }

    fn sorted(&self, page: &Json) -> Result<Told, SourceError> {
        let value = page.get("value").and_then(Json::as_array);
        let value = value.ok_or_else(|| fault::unexpected("a page without records"))?;
        let (mut rows, mut removed) = (BTreeMap::new(), BTreeMap::new());
        for row in value {
            let (id, is_removed) =
                record::id(row).ok_or_else(|| fault::unexpected("a record without an id"))?;
            if is_removed {
                rows.remove(id);
                removed.insert(id.to_owned(), ());
            } else {
                removed.remove(id);
                rows.insert(id.to_owned(), row.clone());
            }
        }
        let graph = &self.client.config().graph;
        let next = links::of(page, "@odata.nextLink").map(|link| (true, link));
        let link = next.or_else(|| links::of(page, "@odata.deltaLink").map(|link| (false, link)));
        let (more, link) = link.ok_or_else(|| fault::unexpected("a page that leads nowhere"))?;
        // Looked at here as well, so that no place that leads elsewhere is ever stored.
        links::followed(graph, link)?;
        let place = record::place(link);
        let then = if more { Then::More(place) } else { Then::Until(Some(place)) };
        Ok(Told { rows, removed: removed.into_keys().collect(), then })
    }

    /// The parts of an object.
    async fn parts_of(&mut self, object: &'static Object) -> Result<Vec<String>, SourceError> {
        match object.name {
            CONTACTS => self.folders(object).await,
            EVENTS => self.mailboxes().await,
            _ => Ok(vec![String::new()]),
        }
    }
}

/// What is to be done about a place that is not known any more.
pub(super) fn anew() -> Changes {
    Changes { records: Vec::new(), gone: Vec::new(), left: Vec::new(), then: Then::Anew, calls: 1 }
}

#[async_trait]
impl Feeds for GraphSource {
    async fn parts(&mut self, object: &ObjectName) -> Result<Vec<String>, SourceError> {
        let object = known(object)?;
        self.ready_for(object).await?;
        self.parts_of(object).await
    }

    async fn changes(
        &mut self,
        object: &ObjectName,
        part: &str,
        from: Option<&Json>,
    ) -> Result<Changes, SourceError> {
        let object = known(object)?;
        self.ready_for(object).await?;
        match object.name {
            USERS => self.users(object, from).await,
            MANAGERS => Ok(self.managers(from)),
            GROUPS => self.groups(object, from).await,
            CONTACTS => self.contacts(object, part, from).await,
            _ => self.events(object, part, from).await,
        }
    }

    async fn existing(
        &mut self,
        object: &ObjectName,
        keys: &[String],
        unlisted_in: Option<&str>,
    ) -> Result<Vec<There>, SourceError> {
        let object = known(object)?;
        self.ready_for(object).await?;
        // A calendar is listed within its dates. What is there and was not listed has been moved out of them, and perhaps been
        // changed since.
        let calendar = unlisted_in.filter(|_| object.name == EVENTS);
        let select = if calendar.is_some() { "" } else { "?$select=id" };
        let path = |key: &String| match (object.name, record::item_of(key)) {
            (CONTACTS | EVENTS, Some((mailbox, id))) => {
                format!("/users/{}/{}/{}{select}", links::escaped(mailbox), object.name, links::escaped(id))
            }
            (GROUPS, _) => format!("/groups/{}{select}", links::escaped(key)),
            _ => format!("/users/{}{select}", links::escaped(key)),
        };
        let paths: Vec<String> = keys.iter().map(path).collect();
        let (answers, _) =
            self.ask_all(&paths).await.map_err(|error| error.into_source_error(Some(object)))?;
        let (mut there, mut rows) = (Vec::new(), BTreeMap::new());
        for (key, answer) in keys.iter().zip(answers) {
            match (answer, record::item_of(key)) {
                (Err(refusal), _) if refusal.is_gone() => continue,
                (Ok(row), Some((_, id))) if calendar.is_some() => drop(rows.insert(id.to_owned(), row)),
                _ => {}
            }
            there.push(There { key: key.clone(), record: None });
        }
        if let Some(mailbox) = calendar {
            let mut records = self.meetings(object, mailbox, &rows).await?;
            for there in &mut there {
                there.record = records.remove(&there.key);
            }
        }
        Ok(there)
    }
}
