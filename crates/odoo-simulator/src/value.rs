//! What a stored field holds, and the text forms of dates and times.
//!
//! Datetimes are kept with microseconds and sent without them, which is the trap a connector must survive: never
//! round on the way in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// One stored value. Absence of a value is `Null`, whatever the field's type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL.
    #[default]
    Null,
    /// A boolean column.
    Bool(bool),
    /// An integer, or the id a many2one points at.
    Int(i64),
    /// A float or an amount, unrounded.
    Float(f64),
    /// Text of any kind, also a selection key. May be empty, which is not the same as `Null`.
    Text(String),
    /// A calendar date.
    Date(Date),
    /// A moment, microseconds kept.
    Instant(Timestamp),
    /// The ids of a many2many, as a set in ascending order.
    Ids(Vec<i64>),
    /// Seconds per record id: time spent in each stage.
    Durations(BTreeMap<i64, i64>),
    /// A JSON document: properties and their definitions.
    Json(serde_json::Value),
}

impl Value {
    /// Text, or `Null` for an absent one.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// A reference, or `Null`.
    pub fn reference(id: Option<i64>) -> Self {
        id.map_or(Self::Null, Self::Int)
    }

    /// The integer or referenced id.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The amount; NULL reads as zero.
    pub fn as_float(&self) -> f64 {
        match self {
            Self::Float(value) => *value,
            #[expect(clippy::cast_precision_loss, reason = "an integer column read as a float")]
            Self::Int(value) => *value as f64,
            _ => 0.0,
        }
    }

    /// The boolean; NULL reads as false.
    pub fn as_bool(&self) -> bool {
        matches!(self, Self::Bool(true))
    }

    /// The date.
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Self::Date(date) => Some(*date),
            _ => None,
        }
    }

    /// The moment.
    pub fn as_instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(*at),
            _ => None,
        }
    }

    /// The ids of a many2many; NULL is the empty set.
    pub fn as_ids(&self) -> &[i64] {
        match self {
            Self::Ids(ids) => ids,
            _ => &[],
        }
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// `YYYY-MM-DD HH:MM:SS` in UTC, the fraction cut off.
pub fn instant_text(at: Timestamp) -> String {
    let moment = Offset::UTC.to_datetime(at);
    format!("{} {:02}:{:02}:{:02}", moment.date(), moment.hour(), moment.minute(), moment.second())
}

/// The UTC calendar date of a moment.
pub fn utc_date(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}

/// A civil time read as UTC. Out-of-range years give nothing.
pub fn utc_instant(at: DateTime) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(at).ok()
}

/// Reads a datetime literal: blank or `T` between date and time, any fraction, and a zone that is ignored.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let date = parse_date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return utc_instant(date.at(0, 0, 0, 0));
    }
    let clock = rest.strip_prefix([' ', 'T'])?;
    // PostgreSQL reads a zone into a column without time zone and drops it; so does this.
    let clock = clock.split(['Z', '+', '-']).next()?.trim();
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':').map(str::parse::<i8>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    let nanos = format!("{fraction:0<9}").get(..9)?.parse::<i32>().ok()?;
    let time = jiff::civil::Time::new(hour, minute, second, nanos).ok()?;
    utc_instant(date.to_datetime(time))
}

/// Reads `YYYY-MM-DD`, ignoring whatever follows.
pub fn parse_date(text: &str) -> Option<Date> {
    text.trim().get(..10)?.parse().ok()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Instant(at)
    }
}

impl From<Vec<i64>> for Value {
    fn from(mut ids: Vec<i64>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() { Self::Null } else { Self::Ids(ids) }
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(i64::from(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datetime_literals_lose_their_zone_and_keep_their_fraction() {
        let micros = |text: &str| parse_instant(text).map(|at| at.to_string());
        assert_eq!(micros("2026-11-23 13:47:18.925372").as_deref(), Some("2026-11-23T13:47:18.925372Z"));
        for text in [
            "2026-11-23 13:47:18",
            "2026-11-23T13:47:18Z",
            "2026-11-23 13:47:18+02:00",
            "2026-11-23 13:47:18-05",
        ] {
            assert_eq!(micros(text).as_deref(), Some("2026-11-23T13:47:18Z"), "{text}");
        }
        assert_eq!(micros("2026-11-23").as_deref(), Some("2026-11-23T00:00:00Z"));
        for text in ["", "soon", "2026-13-01 00:00:00", "2026-11-23 25:00:00", "2026-11-23x"] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_sent_cut_to_the_second() {
        let at = parse_instant("2026-11-23 23:59:59.999999").unwrap_or_default();
        assert_eq!(instant_text(at), "2026-11-23 23:59:59");
    }
}
