//! What is searched for: the terms of Odoo's domains.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::objects::Object;
use crate::Extent;

/// The terms of a search for an object's records.
pub(super) fn domain(object: &Object, extent: Extent) -> Vec<Json> {
    let mut terms = (object.terms)();
    match extent {
        Extent::All => {}
        Extent::ChangedSince(moment) => terms.push(json!(["write_date", ">=", text(moment)])),
        Extent::ChangedWithin(range) => {
            terms.push(json!(["write_date", ">=", text(range.from())]));
            terms.push(json!(["write_date", "<", text(next_second(range.to()))]));
        }
    }
    terms
}

/// The terms of a search for those behind an id.
pub(super) fn behind(object: &Object, extent: Extent, id: i64) -> Vec<Json> {
    let mut terms = domain(object, extent);
    if id > 0 {
        terms.push(json!(["id", ">", id]));
    }
    terms
}

/// A moment as Odoo takes it: in UTC, to the second.
fn text(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The moment itself if it is a whole second, else the next one that is: the end of a range may be late, not early.
fn next_second(moment: Timestamp) -> Timestamp {
    if moment.subsec_nanosecond() == 0 {
        return moment;
    }
    moment.checked_add(Duration::from_secs(1)).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use salescommand_domain::schedule::TimeRange;

    use super::super::objects::object;
    use super::*;

    #[test]
    fn a_range_has_all_of_its_seconds() {
        let lead = object("crm.lead").unwrap();
        let terms = |from: &str, to: &str| {
            let range = TimeRange::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
            behind(lead, Extent::ChangedWithin(range), 7)
        };
        let whole = [
            json!(["write_date", ">=", "2026-11-01 00:00:00"]),
            json!(["write_date", "<", "2026-11-02 00:00:00"]),
            json!(["id", ">", 7]),
        ];
        assert!(terms("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z").ends_with(&whole));
        assert!(terms("2026-11-01T00:00:00.9Z", "2026-11-01T23:59:59.1Z").ends_with(&whole));
    }
}
