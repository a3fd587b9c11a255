//! Dashboards.

mod figures;
pub(crate) mod overview;
