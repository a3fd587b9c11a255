//! What is in mailboxes: contacts, folder by folder, and the calendar, within dates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::config::Mailboxes;
use super::directory::users_in;
use super::fault::{self, CallError};
use super::feeds::{Told, anew};
use super::links;
use super::objects::{CONTACTS, Object};
use super::record::{self, item_key, lacks_series};
use super::source::GraphSource;
use crate::{Changes, Record, SourceError};

/// The usual folder of contacts, which no listing of folders tells.
const USUAL_FOLDER: &str = "contacts";

impl GraphSource {
    /// Ids of the users whose mailboxes are read.
    pub(super) async fn mailboxes(&mut self) -> Result<Vec<String>, SourceError> {
        let chosen: Vec<String> = match self.client.config().mailboxes.clone() {
            Mailboxes::All => return Ok(self.roster.with_mailbox().cloned().collect()),
            Mailboxes::Group(group) => self.in_group(&group).await?,
            Mailboxes::Listed(names) => {
                let id = |name: String| match self.roster.of_address(&name) {
                    Some(id) => id.clone(),
                    None => name.to_lowercase(),
                };
                names.into_iter().map(id).collect()
            }
        };
        let mut chosen: Vec<String> = chosen.into_iter().filter(|id| self.roster.has_mailbox(id)).collect();
        chosen.sort();
        chosen.dedup();
        Ok(chosen)
    }

    /// Everybody in a group, and in groups in it.
    async fn in_group(&mut self, group: &str) -> Result<Vec<String>, SourceError> {
        let of_group = |error: CallError| match error {
            CallError::Refused(refusal) if refusal.is_gone() => fault::permanent(
                "unknown-group",
                "the group that the setting `mailboxes` names is not there",
                "check its object id",
            ),
            error => error.into_source_error(None),
        };
        let path = format!("/groups/{group}/transitiveMembers?$select=id&$top=999");
        let mut page = self.client.get(&path).await.map_err(of_group)?;
        let mut found = users_in(&page)?;
        while let Some(link) = links::of(&page, "@odata.nextLink").map(str::to_owned) {
            page = self.client.follow(&link).await.map_err(of_group)?;
            found.extend(users_in(&page)?);
        }
        Ok(found)
    }

    /// The folders of contacts of all mailboxes, as `<user>/<folder>`.
    pub(super) async fn folders(&mut self, object: &'static Object) -> Result<Vec<String>, SourceError> {
        let mailboxes = self.mailboxes().await?;
        let paths = mailboxes
            .iter()
            .map(|id| format!("/users/{}/contactFolders?$select=id&$top=250", links::escaped(id)));
        let paths: Vec<String> = paths.collect();
        let (answers, _) =
            self.ask_all(&paths).await.map_err(|error| error.into_source_error(Some(object)))?;
        let mut parts = Vec::new();
        for (mailbox, answer) in mailboxes.iter().zip(answers) {
            parts.push(item_key(mailbox, USUAL_FOLDER));
            // One that cannot be read says so when it is.
            let Ok(page) = answer else { continue };
            let rows = page.get("value").and_then(Json::as_array).into_iter().flatten();
            let ids = rows.filter_map(|row| row.get("id")?.as_str());
            parts.extend(ids.map(|id| item_key(mailbox, id)));
        }
        Ok(parts)
    }

    /// A page of what happened in a folder of contacts. One that was moved to another folder is removed from this one.
    pub(super) async fn contacts(
        &mut self,
        object: &'static Object,
        part: &str,
        from: Option<&Json>,
    ) -> Result<Changes, SourceError> {
        let (mailbox, folder) = record::item_of(part).unwrap_or((part, USUAL_FOLDER));
        let first = |_: &Self| {
            let (mailbox, folder) = (links::escaped(mailbox), links::escaped(folder));
            format!("/users/{mailbox}/contactFolders/{folder}/contacts/delta?$select={}", object.select)
        };
        let told = self.told(from, first).await.map_err(|error| error.into_part_error(object))?;
        let Some(Told { rows, removed, then }) = told else { return Ok(anew()) };
        let (there, calls) = self.still_there(object, mailbox, &removed).await?;
        let gone = removed.iter().filter(|id| !there.contains_key(*id)).map(|id| item_key(mailbox, id));
        let records = rows.iter().map(|(id, row)| record::contact(object, mailbox, id, row)).collect();
        Ok(Changes { records, gone: gone.collect(), left: Vec::new(), then, calls: calls + 1 })
    }

    /// A page of what happened in a calendar. Whatever was changed outside of the dates that are followed is said to be
    /// removed, too.
    pub(super) async fn events(
        &mut self,
        object: &'static Object,
        mailbox: &str,
        from: Option<&Json>,
    ) -> Result<Changes, SourceError> {
        let of_part = |error: CallError| error.into_part_error(object);
        let window = self.window()?;
        let first = |_: &Self| {
            let (start, end) = window;
            format!(
                "/users/{}/calendarView/delta?startDateTime={start}&endDateTime={end}",
                links::escaped(mailbox)
            )
        };
        let Some(Told { rows, removed, then }) = self.told(from, first).await.map_err(of_part)? else {
            return Ok(anew());
        };
        let (there, mut calls) = self.still_there(object, mailbox, &removed).await?;
        let gone =
            removed.iter().filter(|id| !there.contains_key(*id)).map(|id| item_key(mailbox, id)).collect();
        let (series, more) = self.series(object, mailbox, rows.values().chain(there.values())).await?;
        calls += more + 1;
        let made = |(id, row): (&String, &Json)| {
            let series = lacks_series(row).and_then(|id| rows.get(id).or_else(|| series.get(id)));
            record::event(object, (mailbox, id), row, series, &self.roster)
        };
        let (records, left) = (rows.iter().map(made).collect(), there.iter().map(made).collect());
        Ok(Changes { records, gone, left, then, calls })
    }

    /// Meetings of a calendar from rows by their ids, by key.
    pub(super) async fn meetings(
        &mut self,
        object: &'static Object,
        mailbox: &str,
        rows: &BTreeMap<String, Json>,
    ) -> Result<BTreeMap<String, Record>, SourceError> {
        let (series, _) = self.series(object, mailbox, rows.values()).await?;
        let made = rows.iter().map(|(id, row)| {
            let series = lacks_series(row).and_then(|id| rows.get(id).or_else(|| series.get(id)));
            let record = record::event(object, (mailbox, id), row, series, &self.roster);
            (record.key.clone(), record)
        });
        Ok(made.collect())
    }

    /// The dates that are followed from now on.
    fn window(&self) -> Result<(Timestamp, Timestamp), SourceError> {
        let config = self.client.config();
        // A day's begin, so that two readings in a row ask for the same.
        let now = self.client.clock().unwrap_or_default().as_second();
        let today = Timestamp::from_second(now - now.rem_euclid(86_400)).unwrap_or_default();
        let start = today.checked_sub(config.past);
        let end = today.checked_add(config.future);
        let dates = start.ok().zip(end.ok());
        dates.ok_or_else(|| fault::unexpected("a date that is out of range"))
    }

    /// Those of some items of a mailbox that are there all the same, as they are now.
    async fn still_there(
        &mut self,
        object: &'static Object,
        mailbox: &str,
        ids: &[String],
    ) -> Result<(BTreeMap<String, Json>, u32), SourceError> {
        if !self.roster.has(mailbox) {
            return Ok((BTreeMap::new(), 0));
        }
        let select = if object.name == CONTACTS { "?$select=id" } else { "" };
        let path = |id: &String| {
            format!("/users/{}/{}/{}{select}", links::escaped(mailbox), object.name, links::escaped(id))
        };
        let paths: Vec<String> = ids.iter().map(path).collect();
        let (answers, calls) = self.ask_all(&paths).await.map_err(|error| error.into_part_error(object))?;
        let mut there = BTreeMap::new();
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Ok(row) => drop(there.insert(id.clone(), row)),
                Err(refusal) if refusal.is_gone() => {}
                Err(refusal) => return Err(CallError::Refused(refusal).into_part_error(object)),
            }
        }
        Ok((there, calls))
    }

    /// The series that occurrences belong to and that are not among the rows themselves.
    async fn series(
        &mut self,
        object: &'static Object,
        mailbox: &str,
        rows: impl Iterator<Item = &Json>,
    ) -> Result<(BTreeMap<String, Json>, u32), SourceError> {
        let mut wanted: Vec<String> = rows.filter_map(lacks_series).map(str::to_owned).collect();
        wanted.sort();
        wanted.dedup();
        self.still_there(object, mailbox, &wanted).await
    }
}
