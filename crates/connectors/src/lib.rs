//! Connectors: one room per source. A room reads a vendor's API page by page and maps its raw events to facets.
//!
//! A room never publishes, never sleeps, never retries and never sees another room: `ingest` drives it. Adding a
//! source is a folder here, a `mod` line and an entry in [`DESCRIPTORS`].

pub mod config;
pub mod crm;
mod discover;
pub mod foreign;
mod ms365;
mod odoo;
mod reach;
mod source;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;

use salescommand_domain::raw::ObjectName;
use salescommand_domain::schedule::Schedule;

pub use discover::{Discovered, Estimate, discover};
pub use reach::{Reach, ReachError};
pub use source::{
    Census, Changes, Check, CheckState, ConfigError, Connected, Descriptor, Extent, Feeds, Field,
    FieldSchema, Followed, Incremental, MOST_ASKED, MappedField, Merged, ObjectMapping, ObjectPlan, Open,
    PART_NOT_READABLE, Page, Record, Settings, Source, SourceError, Sweep, Then, There,
};

/// Every connector kind this program has.
pub static DESCRIPTORS: &[&Descriptor] =
    &[&config::DESCRIPTOR, &crm::DESCRIPTOR, &ms365::DESCRIPTOR, &odoo::DESCRIPTOR];

/// When a new source of a kind is read, by its settings, unless somebody says otherwise.
pub fn usual_schedule(kind: &str, settings: &BTreeMap<String, String>) -> Schedule {
    // What the settings leave out is not asked for.
    let chosen: Option<Vec<&str>> =
        settings.get("objects").map(|text| text.split(',').map(str::trim).collect());
    let often = descriptor(kind).map_or(&[][..], |room| room.often);
    let read =
        often.iter().filter(|(object, _)| chosen.as_ref().is_none_or(|chosen| chosen.contains(object)));
    let own =
        read.filter_map(|(object, cadence)| Some((ObjectName::new(*object).ok()?, cadence.parse().ok()?)));
    Schedule { objects: own.collect(), ..Schedule::default() }
}

/// The descriptor of a kind.
pub fn descriptor(kind: &str) -> Option<&'static Descriptor> {
    DESCRIPTORS.iter().copied().find(|descriptor| descriptor.kind == kind)
}
