//! The contract between a room and its driver.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::{Mapper, PayloadSchema};
use salescommand_domain::raw::ObjectName;
use salescommand_domain::schedule::TimeRange;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Reach;

/// A connector kind: how to open it and how to map what it reads.
#[derive(Debug)]
pub struct Descriptor {
    /// The kind's word, as in `--kind odoo` and in envelopes.
    pub kind: &'static str,
    /// The product's name, for people.
    pub title: &'static str,
    /// Opens a source; none for kinds that are only published by SalesCommand itself. Does no I/O.
    pub open: Option<Open>,
    /// Version of the mapper: raised when what it makes of a raw event changes, so that a replay with the new
    /// definition is built beside the old one.
    pub version: u32,
    /// The objects that its sources may have, as far as the program knows them, and what becomes of their fields.
    pub objects: &'static [ObjectMapping],
    /// Objects that are read more often than the others unless somebody says otherwise, and their cadences.
    pub often: &'static [(&'static str, &'static str)],
    /// Objects whose payload has had more than one shape; the others are at version 1.
    pub schemas: &'static [PayloadSchema],
    /// Maps its raw events.
    pub map: Mapper,
}

/// An object that is known, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectMapping {
    /// The object.
    pub object: &'static str,
    /// The canonical entities that its records become; also reference data, such as `stage`.
    pub entities: &'static [&'static str],
    /// Its fields that have a meaning, by name; one that goes to several places is named once for each. Custom fields go to
    /// `custom` under their own names, and are not listed.
    pub fields: &'static [MappedField],
}

/// Where a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappedField {
    /// The field, as the source calls it.
    pub field: &'static str,
    /// The canonical field that it, or it among others, decides. `custom.…` and `history.…` are within those; `entity` says
    /// that it decides what the record becomes, or whether it becomes anything.
    pub canonical: &'static str,
}

/// Opens a source from its configuration.
pub type Open = fn(Settings) -> Result<Box<dyn Source>, ConfigError>;

/// Opened configuration of a source instance.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Settings that may be shown: `url`, `database`, `login`, ….
    pub plain: BTreeMap<String, String>,
    /// The secret: password or API key.
    pub secret: SecretString,
    /// Where the source may be.
    pub reach: Reach,
}

/// A setting that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("setting {setting}: {problem}")]
pub struct ConfigError {
    /// Which setting.
    pub setting: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

/// An object that a source reads, in the order of reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPlan {
    /// The object.
    pub object: ObjectName,
    /// Version of the payload's shape.
    pub payload_schema: u32,
    /// Top-level payload fields that are recomputed at every read and never make a change.
    pub volatile: &'static [&'static str],
    /// Fields that were wanted and that the source does not have or does not let us read.
    pub missing_fields: Vec<String>,
    /// The fields that are read, as a digest of their names and types: what was read with other fields has to be read
    /// again as a whole, since a record does not change by it. Empty if they are always the same.
    pub fields: String,
    /// The fields that are read, by name, so that a change of them is noticed; empty for sources that do not describe them.
    pub schema: BTreeMap<String, FieldSchema>,
    /// How changes are read, if the source can be asked for what has changed since a moment.
    pub incremental: Option<Incremental>,
    /// When what is gone is looked for, if the source has a census.
    pub sweep: Sweep,
    /// Records of it are merged: of what is gone, the census is asked whether it went into another one.
    pub merges: bool,
    /// The source keeps places in its history for us: it is not read by [`Source::page`] but followed ([`Feeds`]).
    pub followed: Option<Followed>,
}

/// How an object with places is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Followed {
    /// How often everything is listed all the same, because a place may have missed something.
    pub full_every: Duration,
}

/// A field that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSchema {
    /// Its type, in the source's words.
    pub kind: String,
    /// Whether its object is read no further, should the field go away or change its type, until somebody accepts it: a value
    /// that is no longer sent looks like one that was emptied.
    pub guarded: bool,
}

/// When the records that are there are compared with those that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// After each reading.
    AfterEveryReading,
    /// After readings of all records only, where it takes the source long.
    AfterFullReadings,
}

/// How the changes of an object are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incremental {
    /// How far before a moment one has to ask for what has changed since: a change becomes visible only when its
    /// transaction ends, and bears the moment when that began.
    pub overlap: Duration,
    /// How often all records are read all the same, because the source does not mark every change.
    pub full_every: Duration,
}

impl ObjectPlan {
    /// An object that is always read as a whole, at the first version of its payload.
    pub fn new(object: ObjectName) -> Self {
        Self {
            object,
            payload_schema: 1,
            volatile: &[],
            missing_fields: Vec::new(),
            fields: String::new(),
            schema: BTreeMap::new(),
            incremental: None,
            sweep: Sweep::AfterEveryReading,
            merges: false,
            followed: None,
        }
    }
}

/// What signing in found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// What can be read, in the order of reading.
    pub plans: Vec<ObjectPlan>,
    /// The source's own clock, at this moment or a little before; none if it does not tell.
    pub clock: Option<Timestamp>,
}

/// Which records of an object a reading asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of them.
    All,
    /// Those that have changed at this moment of the source's clock, or later.
    ChangedSince(Timestamp),
    /// Those that have last changed within this range of the source's clock.
    ChangedWithin(TimeRange),
}

/// A record as the source sent it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Permanent key within the object.
    pub key: String,
    /// When the source says it last changed.
    pub source_modified: Option<Timestamp>,
    /// People whose personal data it holds.
    pub subjects: Vec<String>,
    /// The record.
    pub payload: Value,
}

impl Record {
    /// What stands for a record that is not there any more.
    pub fn gone(key: String) -> Self {
        Self { key, source_modified: None, subjects: Vec::new(), payload: Value::Null }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// Its records, in the order of their keys as the source sorts them.
    pub records: Vec<Record>,
    /// Where the next page begins; none after the last one. Opaque to the driver, which stores it.
    pub next: Option<Value>,
    /// How many records the object has in all, if the source said so.
    pub total: Option<u64>,
    /// Requests made for this page.
    pub calls: u32,
}

/// A field of an object, as the source describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Its type, in the source's words.
    pub kind: String,
    /// Whether somebody added it to the product.
    pub custom: bool,
    /// Whether it is read.
    pub read: bool,
}

/// Whether one step of a connection test passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// Works.
    Passed,
    /// Works in part; the detail says what is lost.
    Warning,
    /// Does not work.
    Failed,
    /// Not tried, because an earlier step failed.
    NotTried,
}

/// One step of a connection test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `reachable`, `version`, `database`, `login`, `rights: crm.lead`, ….
    pub step: String,
    /// Its outcome.
    pub state: CheckState,
    /// What was found; on failure the cause and what to do.
    pub detail: String,
}

/// Why a source gave no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// Not reachable, too slow, overloaded: worth trying again.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// When the source asked to be left alone until.
        retry_after: Option<Duration>,
    },
    /// Wrong address, database, login or rights: a person has to do something.
    #[error("{message}")]
    Permanent {
        /// A stable word: `wrong-url`, `unknown-database`, `login-refused`, `not-allowed`, `unexpected-answer`, ….
        code: &'static str,
        /// What happened.
        message: String,
        /// What to do about it.
        fix: String,
    },
}

/// A permanent error.
pub(crate) fn permanent(
    code: &'static str,
    message: impl Into<String>,
    fix: impl Into<String>,
) -> SourceError {
    SourceError::Permanent { code, message: message.into(), fix: fix.into() }
}

/// A transient error.
pub(crate) fn transient(message: impl Into<String>) -> SourceError {
    SourceError::Transient { message: message.into(), retry_after: None }
}

/// An opened source.
#[async_trait]
pub trait Source: Send + Sync {
    /// Signs in and finds out what can be read. Called before the first page of a run.
    async fn connect(&mut self) -> Result<Connected, SourceError>;

    /// Reads one page of an object; `from` is the `next` of the page before, none for the first. Only an
    /// object whose plan is incremental is asked for less than all.
    async fn page(
        &mut self,
        object: &ObjectName,
        extent: Extent,
        from: Option<&Value>,
    ) -> Result<Page, SourceError>;

    /// Tells which records are there, where deleted ones leave no trace that could be read; none for sources that
    /// report deletions themselves, or never delete.
    fn census(&mut self) -> Option<&mut dyn Census> {
        None
    }

    /// Tells what happened behind a place; none for sources that keep no places.
    fn feeds(&mut self) -> Option<&mut dyn Feeds> {
        None
    }

    /// Bytes of all answers since it was opened, as they came; none for sources that do not count them.
    fn received(&self) -> Option<u64> {
        None
    }

    /// The fields of an object of a connected source, for a person to look at. Empty for sources that do not describe them.
    async fn fields(&mut self, _object: &ObjectName) -> Result<Vec<Field>, SourceError> {
        Ok(Vec::new())
    }

    /// Tests the connection step by step, for a person to read. Never fails as a whole.
    async fn check(&mut self) -> Vec<Check>;
}

/// Which records of a connected source are there. Its keys are numbers, in decimal without leading zeros.
#[async_trait]
pub trait Census: Send {
    /// How many records with keys in a range can be read.
    async fn count(&mut self, object: &ObjectName, keys: RangeInclusive<u32>) -> Result<u64, SourceError>;

    /// The keys in a range, at most 65,536 of them, of the records that can be read.
    async fn keys(&mut self, object: &ObjectName, keys: RangeInclusive<u32>)
    -> Result<Vec<u32>, SourceError>;

    /// Those of some keys, at most [`MOST_ASKED`], whose records exist, whether they can be read or not.
    async fn existing(&mut self, object: &ObjectName, keys: &[u32]) -> Result<Vec<u32>, SourceError>;

    /// The records of some keys, at most [`MOST_ASKED`]. Those that are gone or cannot be read are left out.
    async fn read(&mut self, object: &ObjectName, keys: &[u32]) -> Result<Vec<Record>, SourceError>;

    /// Which of some records that are gone, at most [`MOST_ASKED`], were merged into another one that is there, as far as the
    /// source's traces prove it: where they leave a doubt, nothing is said. The records are as they were last read; all of them
    /// were there at `since`, by the source's clock, if that is known. Only asked of objects whose plan says that they are
    /// merged.
    async fn merged(
        &mut self,
        _object: &ObjectName,
        _gone: &[Record],
        _since: Option<Timestamp>,
    ) -> Result<Vec<Merged>, SourceError> {
        Ok(Vec::new())
    }
}

/// A record whose content went into another record of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Key of the one that is gone.
    pub key: String,
    /// Key of the one that is left.
    pub into: String,
    /// What proves it, for people. No personal data.
    pub evidence: String,
}

/// Keys that a [`Census`] is asked about at once.
pub const MOST_ASKED: usize = 500;

/// What happens in a connected source, told from a place on that it hands out, deletions included.
#[async_trait]
pub trait Feeds: Send {
    /// The parts of an object that have places of their own, such as mailboxes; a single one with an empty name for an object
    /// without parts.
    async fn parts(&mut self, object: &ObjectName) -> Result<Vec<String>, SourceError>;

    /// A page of what happened in a part behind a place; of all that is there, if there is none. A part that cannot be read
    /// while others can is [`PART_NOT_READABLE`].
    async fn changes(
        &mut self,
        object: &ObjectName,
        part: &str,
        from: Option<&Value>,
    ) -> Result<Changes, SourceError>;

    /// Those of some keys, at most [`MOST_ASKED`], whose records exist, in whichever part and whether they are still read or
    /// not. With `unlisted_in`, all that is to be told of that part was listed without them.
    async fn existing(
        &mut self,
        object: &ObjectName,
        keys: &[String],
        unlisted_in: Option<&str>,
    ) -> Result<Vec<There>, SourceError>;
}

/// A record that exists.
#[derive(Debug, Clone, PartialEq)]
pub struct There {
    /// Its key.
    pub key: String,
    /// As it is now, if it was not listed and no other part tells of it: what was told before may not be true any more.
    pub record: Option<Record>,
}

/// A page of what happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes {
    /// Records that are there, as they are now; each once.
    pub records: Vec<Record>,
    /// Keys of records that are gone, and of none of those above. They may never have been there.
    pub gone: Vec<String>,
    /// Records that are there and belong to the part no more: told only of those that were told before.
    pub left: Vec<Record>,
    /// What comes behind this page.
    pub then: Then,
    /// Requests made for this page.
    pub calls: u32,
}

/// What comes behind a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Then {
    /// More, from this place on.
    More(Value),
    /// Nothing yet: the next reading begins at this place; at the beginning, if there is none.
    Until(Option<Value>),
    /// The source no longer knows the place: everything has to be listed anew. Nothing was read.
    Anew,
}

/// The code of a part that cannot be read while others can: an account without a mailbox, one that is kept back.
pub const PART_NOT_READABLE: &str = "part-not-readable";
