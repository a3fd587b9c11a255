//! Opportunities: lists, single records, and what people write over them.

pub(super) mod change;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod history;
pub(super) mod list;
pub(super) mod patch;
mod record;
mod shown;
