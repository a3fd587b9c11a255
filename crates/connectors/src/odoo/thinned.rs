//! Pages of objects from which the server takes records after it has applied the limit.
//!
//! A page of them is right as far as it goes: whatever is behind its last record has not been read. Only an empty one tells
//! nothing, neither that there is nothing more nor how far it went. Then ids are asked for with ever higher limits, until
//! some come or the limit is above every id. So many records that cannot be read in a row cost a few requests.

use serde_json::json;

use super::fault;
use super::objects::Object;
use super::search::behind;
use super::source::{Cursor, OdooSource};
use crate::{Extent, Page, SourceError};

/// How much higher the next limit is. The ids that come are at most so many times those that were passed over.
const FACTOR: u32 = 8;
/// Ids are 32-bit integers of PostgreSQL.
const HIGHEST: u32 = i32::MAX.unsigned_abs();

impl OdooSource {
    /// The next page with records behind a place where a page came empty; the end if there are none.
    pub(super) async fn look_further(
        &mut self,
        object: &'static Object,
        extent: Extent,
        cursor: Cursor,
        mut calls: u32,
    ) -> Result<Page, SourceError> {
        let further = json!(behind(object, extent, cursor.after));
        let mut limit = cursor.limit;
        while limit < HIGHEST {
            limit = limit.saturating_mul(FACTOR).min(HIGHEST);
            let asked = [("limit", json!(limit)), ("order", json!("id asc"))];
            calls += 1;
            let found = self.ask_about(object, "search", further.clone(), &asked).await?;
            let mut ids: Vec<i64> = serde_json::from_value(found).map_err(|_| unexpected(object))?;
            ids.truncate(cursor.limit as usize);
            let Some(last) = ids.last() else { continue };
            let domain = [json!(["id", "in", ids])];
            let rows = self.rows(object, &domain, ids.len(), &mut calls).await;
            let rows = rows.map_err(|error| error.into_source_error(Some(object.name)))?;
            let (_, records) = self.records(object, cursor.after, rows)?;
            let next = Some(json!(Cursor { after: *last, ..cursor }));
            return Ok(Page { records, next, total: cursor.total, calls });
        }
        Ok(Page { records: Vec::new(), next: None, total: cursor.total, calls })
    }
}

fn unexpected(object: &Object) -> SourceError {
    fault::permanent(
        "unexpected-answer",
        format!("{}: Odoo's answer to search is no list of ids", object.name),
        "look for a module that changes this method of the object",
    )
}
