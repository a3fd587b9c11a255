//! What a source has, and what reading all of it takes: for a person who is about to add it.

use std::time::{Duration, Instant};

use salescommand_domain::raw::ObjectName;
use serde_json::Value;

use crate::{Extent, Field, Source, SourceError};

/// An object of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Discovered {
    /// The object.
    pub object: ObjectName,
    /// How many records can be read, if the source says so.
    pub records: Option<u64>,
    /// Its fields, by name; empty if the source does not describe them.
    pub fields: Vec<Field>,
    /// One record, as it would be published; none if there is none.
    pub sample: Option<Value>,
    /// What reading all of it takes, if the number of records is known.
    pub estimate: Option<Estimate>,
    /// Why it cannot be read, if so.
    pub problem: Option<SourceError>,
}

/// What reading all records of an object takes, by its first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Requests.
    pub calls: u64,
    /// Time on the wire and in the source.
    pub takes: Duration,
}

/// Connects and reads the first page of each object. An object that cannot be read says why; an error says that the source
/// as a whole cannot.
pub async fn discover(source: &mut dyn Source) -> Result<Vec<Discovered>, SourceError> {
    let connected = source.connect().await?;
    let mut found = Vec::with_capacity(connected.plans.len());
    for plan in connected.plans {
        found.push(look_at(source, plan.object).await);
    }
    Ok(found)
}

async fn look_at(source: &mut dyn Source, object: ObjectName) -> Discovered {
    let begun = Instant::now();
    let mut discovered =
        Discovered { object, records: None, fields: Vec::new(), sample: None, estimate: None, problem: None };
    let page = match source.page(&discovered.object, Extent::All, None).await {
        Ok(page) => page,
        Err(problem) => return Discovered { problem: Some(problem), ..discovered },
    };
    let took = begun.elapsed();
    discovered.records = page.total;
    discovered.estimate =
        page.total.map(|total| estimate(total, page.records.len() as u64, page.calls, took));
    discovered.sample = page.records.into_iter().next().map(|record| record.payload);
    match source.fields(&discovered.object).await {
        Ok(fields) => Discovered { fields, ..discovered },
        Err(problem) => Discovered { problem: Some(problem), ..discovered },
    }
}

/// Pages of the same length, each as long as the first one.
fn estimate(total: u64, read: u64, calls: u32, took: Duration) -> Estimate {
    let pages = total.div_ceil(read.max(1)).max(1);
    let takes = took.saturating_mul(u32::try_from(pages).unwrap_or(u32::MAX));
    Estimate { calls: pages.saturating_mul(u64::from(calls)), takes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_that_of_pages_like_the_first() {
        let second = Duration::from_secs(1);
        let of = |total, read| estimate(total, read, 2, second);
        assert_eq!(of(0, 0), Estimate { calls: 2, takes: second }, "nothing is asked for, too");
        assert_eq!(of(500, 500), Estimate { calls: 2, takes: second });
        assert_eq!(of(501, 500), Estimate { calls: 4, takes: second * 2 });
        assert_eq!(of(u64::MAX, 1).calls, u64::MAX);
    }
}
