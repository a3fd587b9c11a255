//! The raw log of a source instance as a chain of epochs: streams `RAW_<INSTANCE>_E1`, `…_E2`, ….
//!
//! One epoch of a chain is open, the newest; all others are sealed. What is about whole epochs lives here: sealing the
//! open one and opening the next, the heads that carry each record's digest chain over the border, reading from any
//! position to the end of the chain.
//!
//! It knows envelopes, no source, no database, no canonical document. Only the platform seals and opens; connectors
//! follow, and need no rights for it.
//!
//! Invariants: a position (epoch, sequence) means the same event for ever; a sealed epoch never changes under its
//! position; an epoch is sealed before the next is opened, so no two epochs of a chain take events at once; the heads
//! of an epoch are complete before it may go.

mod archive;
mod archives;
mod chain;
mod erase;
mod error;
mod heads;
mod last;
mod reader;
mod roll;
mod room;

#[cfg(test)]
pub(crate) mod tests;

pub use archive::{FolderArchives, Manifest, archive, delete, restore};
pub use archives::{ArchivedLog, Archives, NoArchives};
pub use chain::{Chain, Epoch};
pub use erase::{
    ERASURES_STREAM, EpochReceipt, Erased, NotASubject, Receipt, Request, Subject, complete, erase, receipts,
    to_rebuild,
};
pub use error::Error;
pub use heads::{Head, cover, covered, heads_end, heads_stream, heads_through};
pub use last::last_stored;
pub use reader::{ChainReader, Portion};
pub use roll::{DUPLICATE_WINDOW, maintain, open_newest, seal};
pub use room::{Alarm, Pressure, Room};

use salescommand_eventlog::{Administration, EventLog};

/// A log whose streams can be administered.
pub trait Broker: EventLog + Administration {}

impl<L: EventLog + Administration + ?Sized> Broker for L {}
