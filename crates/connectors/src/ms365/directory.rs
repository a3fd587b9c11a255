//! The directory's own objects: users, who manages whom, and groups.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::fault::{self, CallError};
use super::feeds::{Told, anew};
use super::links;
use super::objects::Object;
use super::record;
use super::source::GraphSource;
use crate::{Changes, SourceError, Then};

/// Managers on a page; they have been listed before.
const MANAGERS_AT_ONCE: usize = 500;

impl GraphSource {
    /// A page of what happened to users.
    pub(super) async fn users(
        &mut self,
        object: &'static Object,
        from: Option<&Json>,
    ) -> Result<Changes, SourceError> {
        let first = |_: &Self| format!("/users/delta?$select={}", object.select);
        let told = self.told(from, first).await.map_err(|error| error.into_source_error(Some(object)))?;
        let Some(Told { rows, removed, then }) = told else { return Ok(anew()) };
        let tenant = self.client.config().tenant.to_string();
        let records = rows.iter().map(|(id, row)| record::user(object, &tenant, id, row)).collect();
        Ok(Changes { records, gone: removed, left: Vec::new(), then, calls: 1 })
    }

    /// A page of who manages whom, as it was listed when the run connected. There are no places: each reading tells all.
    pub(super) fn managers(&self, from: Option<&Json>) -> Changes {
        let after = from.and_then(Json::as_str).unwrap_or_default();
        let (records, next) = self.roster.managers(after, MANAGERS_AT_ONCE);
        let then = next.map_or(Then::Until(None), |next| Then::More(next.into()));
        Changes { records, gone: Vec::new(), left: Vec::new(), then, calls: 0 }
    }

    /// A page of what happened to groups, each with all its members.
    pub(super) async fn groups(
        &mut self,
        object: &'static Object,
        from: Option<&Json>,
    ) -> Result<Changes, SourceError> {
        let of_group = |error: CallError| error.into_source_error(Some(object));
        let first = |source: &Self| {
            let ids = source.client.config().groups.iter().map(|id| format!("id eq '{id}'"));
            let filter = ids.collect::<Vec<_>>().join(" or ").replace(' ', "%20");
            let filter = if filter.is_empty() { filter } else { format!("&$filter={filter}") };
            format!("/groups/delta?$select={}{filter}", object.select)
        };
        let Some(told) = self.told(from, first).await.map_err(of_group)? else { return Ok(anew()) };
        let ids: Vec<&String> = told.rows.keys().collect();
        let (members, mut calls) = self.members(&ids).await.map_err(of_group)?;
        calls += 1;
        let mut changes =
            Changes { records: Vec::new(), gone: told.removed, left: Vec::new(), then: told.then, calls };
        for (id, row) in &told.rows {
            match members.get(id) {
                Some(members) => changes.records.push(record::group(object, id, row, members.clone())),
                // Deleted since the page was made.
                None => changes.gone.push(id.clone()),
            }
        }
        Ok(changes)
    }

    /// The users in some groups; of those that are gone, nothing.
    async fn members(&mut self, ids: &[&String]) -> Result<(BTreeMap<String, Vec<String>>, u32), CallError> {
        let paths =
            ids.iter().map(|id| format!("/groups/{}/members?$select=id&$top=999", links::escaped(id)));
        let paths: Vec<String> = paths.collect();
        let (answers, mut calls) = self.ask_all(&paths).await?;
        let mut members = BTreeMap::new();
        for (id, answer) in ids.iter().zip(answers) {
            let mut page = match answer {
                Ok(page) => page,
                Err(refusal) if refusal.is_gone() => continue,
                Err(refusal) => return Err(CallError::Refused(refusal)),
            };
            let mut found = Vec::new();
            loop {
                found.extend(users_in(&page)?);
                let Some(link) = links::of(&page, "@odata.nextLink").map(str::to_owned) else { break };
                calls += 1;
                page = self.client.follow(&link).await?;
            }
            members.insert((*id).clone(), found);
        }
        Ok((members, calls))
    }
}

/// Ids of the users on a page of members, which may be groups and machines as well.
pub(super) fn users_in(page: &Json) -> Result<Vec<String>, SourceError> {
    let rows = page.get("value").and_then(Json::as_array);
    let rows = rows.ok_or_else(|| fault::unexpected("a listing without records"))?;
    let users = rows.iter().filter(|row| {
        row.get("@odata.type").and_then(Json::as_str).is_none_or(|kind| kind == "#microsoft.graph.user")
    });
    Ok(users.filter_map(|row| row.get("id")?.as_str()).map(str::to_owned).collect())
}
