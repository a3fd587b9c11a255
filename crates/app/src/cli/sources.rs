//! `source` and `sync`.

use clap::Subcommand;
use salescommand_domain::schedule::Cadence;
use salescommand_domain::{Date, Timestamp};
use uuid::Uuid;

/// `source`.
#[derive(Debug, Subcommand)]
pub enum Source {
    /// Add a source instance; its password or API key is read from standard input or SALESCOMMAND_SOURCE_SECRET.
    #[command(
        after_help = "Examples: printf %s \"$KEY\" | salescommand source add --kind odoo --name odoo-eu --url https://erp.example.com --database prod --login api@example.com\n          printf %s \"$SECRET\" | salescommand source add --kind ms365 --name ms365 --tenant <tenant id> --client-id <application id>"
    )]
    Add {
        /// The connector kind: `odoo`, `ms365`; `foreign` for a producer of your own, whose log is made.
        #[arg(long)]
        kind: String,
        /// A name of its own: a-z, 0-9 and '-'.
        #[arg(long)]
        name: String,
        /// Address; of Odoo.
        #[arg(long, default_value = "")]
        url: String,
        /// Database; of Odoo.
        #[arg(long, default_value = "")]
        database: String,
        /// Login of the API user; of Odoo.
        #[arg(long, default_value = "")]
        login: String,
        /// Directory (tenant) id; of Microsoft 365.
        #[arg(long, default_value = "")]
        tenant: String,
        /// Application (client) id; of Microsoft 365.
        #[arg(long, default_value = "")]
        client_id: String,
        /// A further setting of the connector (`docs/reference/odoo.md` and `docs/reference/ms365.md` list them).
        #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
        more: Vec<(String, String)>,
        /// When it is read by itself: `manual`, `webhook` (when it hints at a change, and only then), an interval, or five crontab
        /// fields with a time zone. If nothing is said: every 15 minutes, and users of Microsoft 365 every 30 seconds.
        #[arg(long, value_name = "CADENCE")]
        schedule: Option<Cadence>,
    },
    /// Set when a source is read by itself.
    #[command(
        after_help = "Examples: salescommand source schedule odoo-eu 30m\n          salescommand source schedule odoo-eu --object crm.lead 5m\n          salescommand source schedule odoo-eu '*/10 7-19 * * MON-FRI Europe/Zurich'\n          salescommand source schedule odoo-eu webhook\n          salescommand source schedule odoo-eu manual"
    )]
    Schedule {
        /// The source.
        name: String,
        /// `manual`, `webhook`, an interval (30s, 15m, 2h, 1d), or five crontab fields with a time zone (UTC if none is given);
        /// `inherit` with --object for what the source has.
        cadence: String,
        /// Only of these objects; without it, of all that have none of their own.
        #[arg(long = "object")]
        objects: Vec<String>,
    },
    /// Give a source a web hook, by which it may say that something has changed: prints its address once. What it says is a hint; the
    /// source is asked what has changed. See docs/how-to/odoo-webhook.md.
    #[command(
        after_help = "Examples: salescommand source hook odoo-eu\n          salescommand source hook odoo-eu --rotate\n          salescommand source hook odoo-eu --off"
    )]
    Hook {
        /// The source.
        name: String,
        /// Replace the key that there is; it is worth nothing any more.
        #[arg(long, conflicts_with = "off")]
        rotate: bool,
        /// Take the hook away.
        #[arg(long)]
        off: bool,
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
    /// How far each object of a source has been read.
    Cursors {
        /// Its name.
        name: String,
    },
    /// Make the next run read everything again. What has not changed is not published a second time.
    #[command(
        after_help = "Examples: salescommand source reset odoo-eu\n          salescommand source reset odoo-eu --object crm.lead"
    )]
    Reset {
        /// The source.
        name: String,
        /// Only of these objects.
        #[arg(long = "object")]
        objects: Vec<String>,
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
    #[command(
        after_help = "Examples: salescommand sync run odoo-eu --follow\n          salescommand sync run odoo-eu --from 2026-11-01 --to 2026-11-07 --object crm.lead"
    )]
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
        /// Only what has last changed since then: a date (its beginning, in UTC) or a moment (2026-11-01T08:00:00Z). No cursor
        /// moves, and nothing is retracted.
        #[arg(long, value_name = "DATE", value_parser = parse_from, requires = "to", conflicts_with_all = ["full", "accept_deletions"])]
        from: Option<Timestamp>,
        /// And before then: a date (its end, in UTC) or a moment.
        #[arg(long, value_name = "DATE", value_parser = parse_to, requires = "from")]
        to: Option<Timestamp>,
        /// Wait for its end, showing progress: bars on a terminal, else lines; with `--output json` a JSON object in a line at
        /// each change.
        #[arg(long)]
        follow: bool,
    },
    /// Cancel a run. What it has published stays, and the next run goes on from there.
    Cancel {
        /// Its id.
        run: Uuid,
    },
    /// What a run had to say: waits, requests made again, what was not read and why.
    Log {
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

/// The beginning of a date, or a moment.
fn parse_from(text: &str) -> Result<Timestamp, String> {
    parse_moment(text, Ok::<_, std::convert::Infallible>)
}

/// The end of a date, or a moment.
fn parse_to(text: &str) -> Result<Timestamp, String> {
    parse_moment(text, Date::tomorrow)
}

fn parse_moment<E>(text: &str, of_date: fn(Date) -> Result<Date, E>) -> Result<Timestamp, String> {
    let wrong = || "write a date such as 2026-11-01, or a moment such as 2026-11-01T08:00:00Z".to_owned();
    match text.parse::<Date>() {
        // A moment is a date as well, for the parser.
        Ok(date) if !text.contains(['T', 't', ' ']) => {
            let date = of_date(date).map_err(|_| wrong())?;
            format!("{date}T00:00:00Z").parse().map_err(|_| wrong())
        }
        _ => text.parse().map_err(|_| wrong()),
    }
}

/// `KEY=VALUE`. The value may hold a `=`.
fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, such as overlap_seconds=900".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_whole_of_it() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(parse_from("2026-11-01").unwrap(), at("2026-11-01T00:00:00Z"));
        assert_eq!(parse_to("2026-11-30").unwrap(), at("2026-12-01T00:00:00Z"));
        assert_eq!(parse_to("2026-11-01T08:00:00+01:00").unwrap(), at("2026-11-01T07:00:00Z"));
        for wrong in ["", "yesterday", "2026-13-01", "2026-11-01T08:00"] {
            assert!(parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
