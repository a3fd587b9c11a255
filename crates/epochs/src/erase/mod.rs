//! Erasing a person from the raw zone.
//!
//! Each epoch that holds the person is written anew, event for event: same sequences, same event ids, other payloads.
//! It becomes an archive first, which is read back; then the broker's stream is deleted and built from it. What has been
//! done stands in a work stream, so an erasure that was interrupted anywhere is taken up by the same command again.
//! At its end a receipt goes into a stream that is only ever appended to, and the work stream is deleted, and with it the
//! salt of the words that stand for the person's strings.
//!
//! Canonical documents and streams are not touched here: they are made of raw events and have to be built anew. What was
//! changed is handed to whoever has that done, before the receipt is written; the receipt is complete only when nothing
//! that was built before is left.

mod person;
mod redact;
mod run;
mod state;

#[cfg(test)]
mod tests;

pub use person::{NotASubject, Subject};
pub use run::{Erased, Request, erase, to_rebuild};
pub use state::{ERASURES_STREAM, EpochReceipt, Receipt, complete, receipts};
