//! `replay` and `generation`.

use clap::{Args, Subcommand};
use salescommand_domain::raw::{InstanceName, NameError};

/// `replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Read only the raw log of this source instance, with today's mappers; the others are taken over as they are read.
    #[arg(long, value_name = "NAME", value_parser = instance, conflicts_with = "projection")]
    pub source: Option<InstanceName>,
    /// Only this projection, from the canonical stream.
    #[arg(long)]
    pub projection: Option<String>,
    /// Switch to what was built if the gate is open: if it is equal, or a changed definition explains every difference.
    #[arg(long)]
    pub switch: bool,
    /// Do not wait for the end.
    #[arg(long)]
    pub detach: bool,
}

/// `generation`.
#[derive(Debug, Subcommand)]
pub enum Generation {
    /// List generations.
    List,
    /// What the comparison of a replay has shown.
    Diff {
        /// The replay; the newest that was compared if there is none.
        replay: Option<String>,
    },
    /// Compare once more, and switch to what a replay has built.
    Switch {
        /// The replay; the one that is ready if there is none.
        replay: Option<String>,
        /// Switch in spite of differences that nothing explains, for this reason.
        #[arg(long, value_name = "REASON")]
        accept_unexplained: Option<String>,
    },
    /// Go back to the generations that were read before the last switch.
    Rollback,
    /// Give the way back up: drop the generations that were read before the last switch, with their canonical stream.
    DropPrevious,
    /// Stop a replay and drop what it has built.
    Cancel {
        /// The replay.
        replay: String,
    },
}

fn instance(name: &str) -> Result<InstanceName, NameError> {
    InstanceName::new(name)
}
