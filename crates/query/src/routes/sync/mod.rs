//! Sources and their runs.

pub(crate) mod history;
pub(crate) mod status;
pub(crate) mod trigger;
