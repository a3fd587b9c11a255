//! `source` and `sync`.

use clap::Subcommand;
use salescommand_domain::schedule::Cadence;
use uuid::Uuid;

/// `source`.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// Add a source instance; its password or API key is read from standard input or SALESCOMMAND_SOURCE_SECRET.
    #[command(
        after_help = "Example: printf %s \"$KEY\" | salescommand source add --kind odoo --name odoo-eu --url https://erp.example.com --database prod --login api@example.com"
    )]
    Add {
        /// The connector kind: `odoo`; `foreign` for a producer of your own, whose log is made.
        #[arg(long)]
        kind: String,
        /// A name of its own: a-z, 0-9 and '-'.
        #[arg(long)]
        name: String,
        /// Address; not for `foreign`.
        #[arg(long, default_value = "")]
        url: String,
        /// Database; not for `foreign`.
        #[arg(long, default_value = "")]
        database: String,
        /// Login of the API user; not for `foreign`.
        #[arg(long, default_value = "")]
        login: String,
        /// A further setting of the connector (`docs/reference/odoo.md` lists Odoo's).
        #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
        more: Vec<(String, String)>,
        /// When it is read by itself: `manual`, an interval, or five crontab fields with a time zone.
        #[arg(long, value_name = "CADENCE", default_value = "15m")]
        schedule: Cadence,
    },
    /// Set when a source is read by itself.
    #[command(
        after_help = "Examples: salescommand source schedule odoo-eu 30m\n          salescommand source schedule odoo-eu --object crm.lead 5m\n          salescommand source schedule odoo-eu '*/10 7-19 * * MON-FRI Europe/Zurich'\n          salescommand source schedule odoo-eu manual"
    )]
    Schedule {
        /// The source.
        name: String,
        /// `manual`, an interval (15m, 2h, 1d), or five crontab fields with a time zone (UTC if none is given); `inherit`
        /// with --object for what the source has.
        cadence: String,
        /// Only of these objects; without it, of all that have none of their own.
        #[arg(long = "object")]
        objects: Vec<String>,
    },
    /// List source instances.
    List,
    /// Test a source's connection step by step.
    Test {
        /// Its name.
        name: String,
    },
    /// What a source has: objects, fields, and what reading all of it takes. `--output json` has each field and a sample.
    Discover {
        /// Its name.
        name: String,
    },
    /// Forget a source's configuration and credentials. Its raw events stay.
    Remove {
        /// Its name.
        name: String,
    },
}

/// `sync`.
#[derive(Debug, Subcommand)]
pub enum Sync {
    /// Start a sync.
    Run {
        /// The source.
        name: String,
        /// Only these objects.
        #[arg(long = "object")]
        objects: Vec<String>,
        /// Read all records, and not only what has changed since the last run.
        #[arg(long)]
        full: bool,
        /// Retract what is gone from the source, even if that is a large share of its records.
        #[arg(long)]
        accept_deletions: bool,
        /// Read objects although fields of theirs are gone, no longer permitted, or have another type.
        #[arg(long)]
        accept_schema: bool,
        /// Wait for its end, showing progress.
        #[arg(long)]
        follow: bool,
    },
    /// Cancel a run. What it has published stays, and the next run goes on from there.
    Cancel {
        /// Its id.
        run: Uuid,
    },
    /// The present and last run of every source.
    Status,
    /// Finished runs, newest first.
    History {
        /// Only of this source.
        name: Option<String>,
    },
}

/// `KEY=VALUE`. The value may hold a `=`.
fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as overlap_seconds=900".to_owned()),
    }
}
