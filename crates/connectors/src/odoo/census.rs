//! Which records are there. A deleted record leaves no trace that could be read.
//!
//! What a search does not find may also be hidden: record rules filter silently. `exists` asks the table itself, whatever
//! the user may read.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::raw::ObjectName;
use serde_json::{Value as Json, json};

use super::fault;
use super::objects::Object;
use super::search::domain;
use super::source::{OdooSource, known};
use crate::{Census, Extent, Merged, Record, SourceError};

#[async_trait]
impl Census for OdooSource {
    async fn count(&mut self, object: &ObjectName, keys: RangeInclusive<u32>) -> Result<u64, SourceError> {
        let object = known(object)?;
        let count = self.ask_about(object, "search_count", within(object, &keys), &[]).await?;
        count.as_u64().ok_or_else(|| unexpected(object, "search_count"))
    }

    async fn keys(
        &mut self,
        object: &ObjectName,
        keys: RangeInclusive<u32>,
    ) -> Result<Vec<u32>, SourceError> {
        let object = known(object)?;
        let found =
            self.ask_about(object, "search", within(object, &keys), &[("order", json!("id asc"))]).await?;
        ids(object, "search", found)
    }

    async fn existing(&mut self, object: &ObjectName, keys: &[u32]) -> Result<Vec<u32>, SourceError> {
        let object = known(object)?;
        let found = self.ask_about(object, "exists", json!(keys), &[]).await?;
        ids(object, "exists", found)
    }

    async fn read(&mut self, object: &ObjectName, keys: &[u32]) -> Result<Vec<Record>, SourceError> {
        let object = known(object)?;
        let mut domain = domain(object, Extent::All);
        domain.push(json!(["id", "in", keys]));
        let rows = self.rows(object, &domain, keys.len().max(1), &mut 0).await;
        let rows = rows.map_err(|error| error.into_source_error(Some(object.name)))?;
        Ok(self.records(object, 0, rows)?.1)
    }

    async fn merged(
        &mut self,
        object: &ObjectName,
        gone: &[Record],
        since: Option<Timestamp>,
    ) -> Result<Vec<Merged>, SourceError> {
        self.merges(object, gone, since).await
    }
}

/// The records of an object in a range of keys. Ids are 32-bit integers of PostgreSQL: none is above [`i32::MAX`], and a
/// search for one above it fails.
fn within(object: &Object, keys: &RangeInclusive<u32>) -> Json {
    let most = i32::MAX.unsigned_abs();
    let mut domain = domain(object, Extent::All);
    domain.push(json!(["id", ">=", (*keys.start()).min(most)]));
    domain.push(json!(["id", "<=", (*keys.end()).min(most)]));
    json!(domain)
}

fn ids(object: &Object, method: &str, answer: Json) -> Result<Vec<u32>, SourceError> {
    serde_json::from_value(answer).map_err(|_| unexpected(object, method))
}

fn unexpected(object: &Object, method: &str) -> SourceError {
    fault::permanent(
        "unexpected-answer",
        format!("{}: Odoo's answer to {method} is none", object.name),
        "look for a module that changes this method of the object",
    )
}
