//! Serving documents: what projections write and dashboards read.
//!
//! Nothing in them depends on the present moment; each has a scope key.

mod buckets;
mod directory;
mod feed;
mod history;

pub use buckets::{
    Cell, CellKey, Day, DayBuckets, DealFacts, Measure, StageSummary, SumDocument, Sums, day_cells,
    stage_cell,
};
pub use directory::{DirectoryEntry, DirectoryFact};
pub use feed::FeedItem;
pub use history::OpportunityVersion;
