//! The command line. Names are fixed, so that scripts can rely on them.

mod audit;
mod generations;
mod org;
mod sources;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use audit::Audit;
pub use generations::{Generation, Replay};
pub use org::Org;
pub use sources::{Source, Sync};

/// SalesCommand: sales intelligence whose every number can prove itself.
#[derive(Debug, Parser)]
#[command(name = "salescommand", version, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 not reachable.")]
pub struct Cli {
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "SALESCOMMAND_CONFIG")]
    pub config: Option<PathBuf>,
    /// How to print listings.
    #[arg(long, global = true, value_enum, default_value = "table")]
    pub output: Output,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// A form of listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run every process in one.
    All(All),
    /// Run the query service.
    Query,
    /// Run the normalizer.
    Normalizer,
    /// Run the projector.
    Projector,
    /// Run the connectors.
    Connect,
    /// Say what is reachable, configured and lagging, and what to do.
    Doctor,
    /// Accounts of SalesCommand.
    #[command(subcommand)]
    User(User),
    /// Source instances.
    #[command(subcommand)]
    Source(Source),
    /// Syncs.
    #[command(subcommand)]
    Sync(Sync),
    /// Print documents as JSON Lines, ordered by id, for audits.
    #[command(after_help = "Example: salescommand export canonical opportunities")]
    Export(Export),
    /// The raw events that made a canonical record.
    #[command(
        after_help = "Example: salescommand lineage opportunities 80ac86f3-7999-545a-9e59-6333c2cb2c64 --field amount --output json"
    )]
    Lineage(Lineage),
    /// Raw events that were not accepted, and why.
    #[command(subcommand)]
    Quarantine(Quarantine),
    /// Mappings of foreign instances: jq programs.
    #[command(subcommand)]
    Mapping(Mapping),
    /// Producers of raw events.
    #[command(subcommand)]
    Connector(Connector),
    /// Links: records that somebody has declared to be one thing.
    #[command(subcommand)]
    Link(Link),
    /// The organisation: who reports to whom, and who stands in for whom.
    #[command(subcommand)]
    Org(Org),
    /// Ignored keys: identity keys that somebody has declared to join nothing.
    #[command(subcommand)]
    IgnoredKey(IgnoredKey),
    /// Epochs: the streams that a raw log consists of.
    #[command(subcommand)]
    Epoch(Epoch),
    /// Erase a person from the raw logs, their archives, and all that is made of them; writes a receipt.
    #[command(
        after_help = "Examples: salescommand erase --subject ann@example.com\n          salescommand erase --subject res.partner:17\n          salescommand erase --receipts\n\nErase the person at the source first: what it still has, the next sync brings back.\nThe normalizer's process builds anew what is read and drops what was; the receipt is complete when nothing is left."
    )]
    Erase(Erase),
    /// Build new generations from raw beside those that are read, and compare.
    #[command(
        after_help = "Examples: salescommand replay --switch\n          salescommand replay --source odoo-eu\n\nThe normalizer's process does the work; this command follows it, and leaves it alone when it is interrupted."
    )]
    Replay(Replay),
    /// Generations: what is read, what was read before, what is being built.
    #[command(subcommand)]
    Generation(Generation),
    /// Rebuild everything from raw into a scratch generation and prove that it equals what is read.
    Verify,
    /// The audit log: who did what.
    #[command(subcommand)]
    Audit(Audit),
    /// Configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Prepare a development MongoDB: replica set and user.
    #[command(hide = true)]
    DevInitMongo,
}

impl Command {
    /// Whether it runs until it is stopped.
    pub fn is_process(&self) -> bool {
        matches!(self, Self::All(_) | Self::Query | Self::Normalizer | Self::Projector | Self::Connect)
    }
}

/// `all`.
#[derive(Debug, Args)]
pub struct All {
    /// Demo accounts, a demo source and a first sync. Never in production.
    #[arg(long)]
    pub demo: bool,
}

/// `user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Create an account; the password is read from standard input.
    #[command(
        after_help = "Example: printf %s \"$PASSWORD\" | salescommand user create ann@example.com --name 'Ann' --role sales_manager"
    )]
    Create {
        /// E-mail address.
        email: String,
        /// Display name.
        #[arg(long)]
        name: String,
        /// super_admin, executive, sales_manager, account_manager, sales_user or viewer.
        #[arg(long)]
        role: String,
    },
    /// List accounts.
    List,
    /// Set an account's password, read from standard input.
    SetPassword {
        /// E-mail address.
        email: String,
    },
    /// Set an account's role.
    SetRole {
        /// E-mail address.
        email: String,
        /// super_admin, executive, sales_manager, account_manager, sales_user or viewer.
        role: String,
    },
    /// Let somebody at a sign-in provider into an existing account, with the role that the account has.
    #[command(
        after_help = "Example: salescommand user link ann@example.com --provider ms365 --tenant 11111111-2222-3333-4444-555555555555 --object-id 66666666-7777-8888-9999-000000000000"
    )]
    Link {
        /// E-mail address of the account.
        email: String,
        /// The provider's name in the configuration; ms365 for Microsoft 365.
        #[arg(long)]
        provider: String,
        /// The directory, for a provider that has several: of Microsoft 365 the tenant's id.
        #[arg(long)]
        tenant: Option<String>,
        /// Who, there: of Microsoft 365 the user's object id, of others the subject.
        #[arg(long, alias = "subject")]
        object_id: String,
    },
}

/// `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Which zone.
    #[arg(value_enum)]
    pub zone: Zone,
    /// canonical: accounts, contacts, opportunities, activities, users, teams, facets, links, history,
    /// quarantine;
    /// serving: a collection of a projection, such as dashboard_stats.
    pub collection: String,
}

/// `lineage`.
#[derive(Debug, Args)]
pub struct Lineage {
    /// accounts, contacts, opportunities, activities, users or teams.
    pub entity: String,
    /// Id of the record, or of any source record joined in it; former ids lead to the present record.
    pub id: String,
    /// Why this field is what it is: who won, by which rule, and who lost.
    #[arg(long)]
    pub field: Option<String>,
}

/// `quarantine`.
#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// List what waits for a fix.
    List {
        /// Also what a later version has superseded, and what was waived.
        #[arg(long)]
        all: bool,
        /// Only with this reason.
        #[arg(long)]
        reason: Option<String>,
        /// Only of this source instance.
        #[arg(long)]
        source: Option<String>,
    },
    /// Show one reject with its raw event.
    Show {
        /// Its id: `<instance>/<epoch>/<sequence>`.
        id: String,
    },
    /// Read rejected events again, with the mappers of the program that runs now.
    #[command(
        after_help = "Examples: salescommand quarantine retry odoo-eu/1/4711\n          salescommand quarantine retry --reason mapper_panic"
    )]
    Retry {
        /// Their ids: `<instance>/<epoch>/<sequence>`.
        #[arg(required_unless_present = "reason")]
        ids: Vec<String>,
        /// All open ones with this reason.
        #[arg(long, conflicts_with = "ids")]
        reason: Option<String>,
    },
    /// Leave rejected events out for good.
    #[command(after_help = "Example: salescommand quarantine waive odoo-eu/1/4711 --reason 'test record'")]
    Waive {
        /// Their ids: `<instance>/<epoch>/<sequence>`.
        #[arg(required = true)]
        ids: Vec<String>,
        /// Why, for those who ask later.
        #[arg(long)]
        reason: String,
    },
}

/// `mapping`.
#[derive(Debug, Subcommand)]
pub enum Mapping {
    /// Check a mapping, try it on what the instance has published, and set it.
    #[command(after_help = "Example: salescommand mapping set tickets --file tickets.jq")]
    Set {
        /// The foreign instance. Its log is made if there is none.
        name: String,
        /// The jq program.
        #[arg(long)]
        file: PathBuf,
        /// What it is, for people.
        #[arg(long)]
        description: Option<String>,
        /// On how many of the newest events it is tried.
        #[arg(long, default_value_t = 1_000)]
        last: usize,
    },
    /// Print the newest mapping of an instance.
    Show {
        /// The foreign instance.
        name: String,
    },
    /// List the newest mapping of every instance.
    List,
    /// Try a mapping on what the instance has published; fails if an event would be rejected.
    #[command(after_help = "Example: salescommand mapping check tickets --file tickets.jq --last 10000")]
    Check {
        /// The foreign instance.
        name: String,
        /// The jq program; without it, the newest mapping.
        #[arg(long)]
        file: Option<PathBuf>,
        /// How many of the newest events.
        #[arg(long, default_value_t = 1_000)]
        last: usize,
    },
}

/// `connector`.
#[derive(Debug, Subcommand)]
pub enum Connector {
    /// Check what an instance has published against what is asked of every producer.
    #[command(after_help = "Example: salescommand connector check tickets")]
    Check {
        /// The source instance.
        name: String,
        /// How many of the newest events, over all epochs.
        #[arg(long, default_value_t = 10_000)]
        last: usize,
    },
}

/// `link`.
#[derive(Debug, Subcommand)]
pub enum Link {
    /// Declare that two records are one thing.
    #[command(
        after_help = "Example: salescommand link add odoo-eu/res.partner/7 odoo-us/res.partner/31\nA record is <instance>/<object>/<key> or a facet id."
    )]
    Add {
        /// One record.
        a: String,
        /// The other.
        b: String,
    },
    /// Take a declaration back: what it alone had joined comes apart.
    Remove {
        /// One record.
        a: String,
        /// The other.
        b: String,
    },
    /// The declarations in force.
    List,
}

/// `ignored-key`.
#[derive(Debug, Subcommand)]
pub enum IgnoredKey {
    /// Declare that an identity key joins nothing: what it alone had joined comes apart.
    #[command(
        after_help = "Example: salescommand ignored-key add user:email:front-desk@example.com\nA key is <entity>:<kind>:<value>, as the facets of the joined records hold it."
    )]
    Add {
        /// The key.
        key: String,
    },
    /// Take a declaration back.
    Remove {
        /// The key.
        key: String,
    },
    /// The declarations in force.
    List,
}

/// `epoch`.
#[derive(Debug, Subcommand)]
pub enum Epoch {
    /// List the epochs of every raw log.
    List,
    /// Seal the open epoch of a raw log and open the next.
    #[command(after_help = "Example: salescommand epoch seal odoo-eu")]
    Seal {
        /// The source instance, or crm or config.
        name: String,
    },
    /// Write sealed epochs into the folder raw.archive_dir, and read them back.
    #[command(after_help = "Example: salescommand epoch archive odoo-eu --epoch 3")]
    Archive {
        /// The source instance, or crm or config.
        name: String,
        /// Only this epoch; without it, every sealed one.
        #[arg(long)]
        epoch: Option<u32>,
    },
    /// Make the stream of an archived epoch again: same sequences, same bytes.
    #[command(after_help = "Example: salescommand epoch restore odoo-eu --epoch 3")]
    Restore {
        /// The source instance, or crm or config.
        name: String,
        /// Which epoch.
        #[arg(long)]
        epoch: u32,
    },
    /// Delete a sealed epoch from the broker, after comparing it with its archive.
    #[command(after_help = "Example: salescommand epoch delete odoo-eu --epoch 3")]
    Delete {
        /// The source instance, or crm or config.
        name: String,
        /// Which epoch.
        #[arg(long)]
        epoch: u32,
    },
}

/// `erase`.
#[derive(Debug, Args)]
pub struct Erase {
    /// Whom: an e-mail address, or a record as `<object>:<key>`.
    #[arg(long, required_unless_present = "receipts")]
    pub subject: Option<String>,
    /// Who asks for it, for the receipt.
    #[arg(long, default_value = "command line")]
    pub by: String,
    /// Do not wait for what is made of the raw logs to be built anew.
    #[arg(long)]
    pub detach: bool,
    /// List the receipts of earlier erasures instead.
    #[arg(long, conflicts_with = "subject")]
    pub receipts: bool,
}

/// A zone with documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Zone {
    /// Golden records, facets, links, history, quarantine.
    Canonical,
    /// Prepared documents.
    Serving,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the settings in force; secrets are masked.
    Show,
}
