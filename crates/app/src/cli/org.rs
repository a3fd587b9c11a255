//! `salescommand org`: its arguments.

use clap::Subcommand;
use salescommand_domain::Date;

/// `org`.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "A person is an e-mail address, <instance>/<object>/<key>, the id of one of their records, or a full name."
)]
pub enum Org {
    /// Who reports to whom on a day, and by what that is known.
    #[command(after_help = "Example: salescommand org tree --under ann@example.com --day 2026-08-12")]
    Tree {
        /// Only this person and everyone below.
        #[arg(long)]
        under: Option<String>,
        /// The day; today, if nothing is said.
        #[arg(long)]
        day: Option<Date>,
    },
    /// Declare who somebody reports to, from one day to another; it goes before what directories and sources say.
    #[command(
        after_help = "Example: salescommand org set-manager bob@example.com ann@example.com --from 2026-08-01 --until 2026-08-31\nSay nobody for somebody who reports to nobody."
    )]
    SetManager {
        /// The person.
        person: String,
        /// The manager, or nobody.
        manager: String,
        /// The first day; ever since, if nothing is said.
        #[arg(long)]
        from: Option<Date>,
        /// The last day; from then on, if nothing is said.
        #[arg(long)]
        until: Option<Date>,
        /// Why.
        #[arg(long)]
        note: Option<String>,
    },
    /// Take back what was declared of somebody's manager from a day on.
    UnsetManager {
        /// The person.
        person: String,
        /// The first day of what was declared, if it has one.
        #[arg(long)]
        from: Option<Date>,
    },
    /// Let somebody see what somebody else sees, for some days.
    #[command(
        after_help = "Example: salescommand org delegate ann@example.com bob@example.com --last 2026-08-12"
    )]
    Delegate {
        /// Who delegates.
        from: String,
        /// Who is to see more.
        to: String,
        /// The first day; today, if nothing is said.
        #[arg(long)]
        first: Option<Date>,
        /// The last day.
        #[arg(long)]
        last: Date,
        /// Why.
        #[arg(long)]
        note: Option<String>,
    },
    /// Delegations that are not over.
    Delegations,
    /// Withdraw a delegation.
    Withdraw {
        /// Its id.
        id: String,
    },
}
