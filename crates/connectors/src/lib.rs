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

/// The descriptor of a kind.
pub fn descriptor(kind: &str) -> Option<&'static Descriptor> {
    DESCRIPTORS.iter().copied().find(|descriptor| descriptor.kind == kind)
}
