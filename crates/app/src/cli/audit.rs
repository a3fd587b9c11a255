//! `audit`: the log of who did what.

use clap::{Args, Subcommand};
use salescommand_audit::Filter;
use salescommand_domain::Timestamp;
use salescommand_domain::audit::{Actor, Head};

/// `audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List entries, the newest first.
    #[command(after_help = "Example: salescommand audit list --action account. --from 2026-11-01T00:00:00Z")]
    List {
        /// Which ones.
        #[command(flatten)]
        filter: AuditFilter,
        /// Most entries.
        #[arg(long, default_value_t = 50, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
        limit: usize,
    },
    /// Print entries as JSON Lines, the oldest first, byte for byte as the chain has them; with `--output csv` as CSV.
    #[command(
        after_help = "Example: salescommand audit export --from 2026-11-01T00:00:00Z > audit.jsonl\nAn export is an entry itself."
    )]
    Export {
        /// Which ones; without conditions all, so that the chain can be checked in the file as well.
        #[command(flatten)]
        filter: AuditFilter,
    },
    /// Check that nothing was changed, taken out or put in; prints the head, to be kept elsewhere.
    #[command(
        after_help = "Example: salescommand audit verify --since 4711:9f86d081…\nA head that was kept shows that nothing up to it was changed since. Exit code 1 at a break."
    )]
    Verify {
        /// A head that was kept: POSITION:HASH. The chain is checked from that entry on.
        #[arg(long)]
        since: Option<Head>,
    },
}

/// Which entries.
#[derive(Debug, Clone, Args)]
pub struct AuditFilter {
    /// By whom: account:ID, person:ID, shell:NAME, scim:PROVIDER, system or anonymous.
    #[arg(long)]
    actor: Option<Actor>,
    /// Beginning of the action, such as `source.` or `session.refused`.
    #[arg(long)]
    action: Option<String>,
    /// Id of what something was done to.
    #[arg(long)]
    target: Option<String>,
    /// At this moment or later.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Before this moment.
    #[arg(long)]
    to: Option<Timestamp>,
}

impl From<AuditFilter> for Filter {
    fn from(filter: AuditFilter) -> Self {
        let AuditFilter { actor, action, target, from, to } = filter;
        Self { actor: actor.map(|actor| actor.to_string()), action, target, from, to }
    }
}
