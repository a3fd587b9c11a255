//! Lineage: from a record to the source records and raw events behind it, and from a figure to its records.

pub(crate) mod record;
pub(crate) mod serving;
mod shown;
mod sums;
