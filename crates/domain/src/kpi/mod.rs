//! KPI arithmetic: periods, rates, and the figures of the overview, from prepared buckets.
//!
//! Every figure is a function of (period, scope, as-of, definition version); the scope is in the choice of
//! buckets, `now` is a parameter. Formulas and rules R1 to R10 are explained in `docs/reference/kpis.md`.

mod overview;
mod period;
mod rate;

pub use overview::{Figure, OverviewFigures, StageFigure, overview, pipeline_by_stage};
pub use period::{Period, PeriodError};
pub use rate::{Rate, rate};

/// Version of the definitions in this module; echoed in every answer. Raise it when a formula changes.
pub const DEFINITION_VERSION: u32 = 1;
