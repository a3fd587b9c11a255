//! Mappings of foreign instances: set, show, try out.
//!
//! A mapping is checked before it is published; it takes effect with the next generation.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use salescommand_connectors::foreign;
use salescommand_domain::raw::{InstanceName, Position, RawPosition};
use salescommand_eventlog::EventLog;
use salescommand_ingest::{Ports, RawWriter};
use salescommand_normalizer::{Mapping, StoredMapping, Verdict, judge, last_events, stored_mappings};
use serde::Serialize;

use crate::cli::{self, Output};
use crate::code::rooms;
use crate::config::Config;
use crate::{config_events, connections, epochs, listing};

/// The connector's word under which the platform makes a foreign instance's log; nothing is published with it.
const WORD: &str = "foreign";
/// Rejects that are shown per reason and field.
const SAMPLES: usize = 3;

/// Compiles a mapping's program for the normalizer.
pub fn compile(program: &str) -> Result<Mapping, String> {
    foreign::compile(program).map_err(|error| error.to_string())
}

/// Makes the log of a foreign instance if there is none, so that its producer can publish.
pub async fn prepare(ports: &Ports, instance: &InstanceName) -> Result<()> {
    if matches!(instance.as_str(), "config" | "crm") {
        bail!("{instance} is SalesCommand's own; give the source another name");
    }
    RawWriter::open(ports, instance, WORD, 0).await.context("the raw log cannot be made")?;
    Ok(())
}

/// A mapping, as the listing shows it.
#[derive(Serialize)]
struct Row {
    instance: String,
    position: String,
    bytes: usize,
    description: Option<String>,
}

/// `salescommand mapping …`.
pub async fn mapping(config: &Config, command: &cli::Mapping, output: Output) -> Result<()> {
    let broker = connections::log_for_command(config).await?;
    let log = epochs::readable(config, &broker);
    match command {
        cli::Mapping::Set { name, file, description, last } => {
            let (instance, program) = (InstanceName::new(name)?, read(file)?);
            let report = try_out(&*log, &instance, &program, *last).await?;
            let ports = Ports::system(&broker);
            prepare(&ports, &instance).await?;
            let record = config_events::mapping(&instance, &program, description.as_deref());
            config_events::publish(&ports, vec![record]).await?;
            report.print(output)?;
            if let Some(stored) = newest(&*log, &instance).await? {
                eprintln!(
                    "the mapping stands at {}; it takes effect with the next generation: \
                     `salescommand replay --switch`",
                    stored.position
                );
            }
            Ok(())
        }
        cli::Mapping::Show { name } => {
            let instance = InstanceName::new(name)?;
            let stored = newest(&*log, &instance).await?;
            let stored = stored.with_context(|| format!("{instance} has no mapping; see `mapping set`"))?;
            listing::print_raw(&stored.program);
            Ok(())
        }
        cli::Mapping::List => {
            let mut newest = BTreeMap::new();
            for stored in stored_mappings(&*log).await? {
                newest.insert(stored.instance.clone(), stored);
            }
            let rows: Vec<Row> = newest.into_values().map(Row::from).collect();
            listing::print(output, &["instance", "position", "bytes", "description"], &rows)
        }
        cli::Mapping::Check { name, file, last } => {
            let instance = InstanceName::new(name)?;
            let program = match file {
                Some(file) => read(file)?,
                None => {
                    let stored = newest(&*log, &instance).await?;
                    stored
                        .with_context(|| format!("{instance} has no mapping; give one with --file"))?
                        .program
                }
            };
            let report = try_out(&*log, &instance, &program, *last).await?;
            report.print(output)?;
            if report.rejected() > 0 {
                bail!("{} events would be rejected", report.rejected())
            } else {
                Ok(())
            }
        }
    }
}

impl From<StoredMapping> for Row {
    fn from(stored: StoredMapping) -> Self {
        Self {
            instance: stored.instance.to_string(),
            position: stored.position.to_string(),
            bytes: stored.program.len(),
            description: stored.description,
        }
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// The newest mapping of an instance.
pub async fn newest(log: &dyn EventLog, instance: &InstanceName) -> Result<Option<StoredMapping>> {
    let stored = stored_mappings(log).await?;
    Ok(stored.into_iter().rfind(|stored| stored.instance == *instance))
}

/// One line of a report: how many events had this outcome, and some of them.
#[derive(Debug, Clone, Default, Serialize)]
struct Line {
    outcome: String,
    path: String,
    events: usize,
    samples: String,
    #[serde(skip)]
    is_reject: bool,
}

/// What a mapping makes of events.
pub struct Report(Vec<Line>);

impl Report {
    /// Prints it.
    pub fn print(&self, output: Output) -> Result<()> {
        listing::print(output, &["outcome", "path", "events", "samples"], &self.0)
    }

    /// How many events it rejects.
    pub fn rejected(&self) -> usize {
        self.0.iter().filter(|line| line.is_reject).map(|line| line.events).sum()
    }
}

/// Runs a program over the last events of an instance.
pub async fn try_out(
    log: &dyn EventLog,
    instance: &InstanceName,
    program: &str,
    last: usize,
) -> Result<Report> {
    let compiled =
        compile(program).map_err(|problem| anyhow::anyhow!("the mapping cannot be used: {problem}"))?;
    let nowhere = RawPosition { instance: InstanceName::config(), position: Position::START };
    let mappers = rooms().with_mapping(instance.clone(), nowhere, compiled);
    let mut lines: BTreeMap<(String, String), Line> = BTreeMap::new();
    for message in last_events(log, instance, last).await? {
        let (outcome, path, sample, is_reject) = match judge(&message, &mappers) {
            Verdict::Accepted(says) => (format!("accepted: {says}"), String::new(), String::new(), false),
            Verdict::Deleted => ("deleted".to_owned(), String::new(), String::new(), false),
            Verdict::Silent => ("says nothing".to_owned(), String::new(), String::new(), false),
            Verdict::Rejected(rejection) => {
                let sample = format!("{}: {}", message.raw, rejection.detail);
                (format!("rejected: {}", rejection.reason), rejection.path, sample, true)
            }
        };
        let line = lines.entry((outcome.clone(), path.clone())).or_default();
        if is_reject && line.events < SAMPLES {
            line.samples.push_str(if line.samples.is_empty() { "" } else { "; " });
            line.samples.push_str(&sample);
        }
        (line.outcome, line.path, line.is_reject) = (outcome, path, is_reject);
        line.events += 1;
    }
    Ok(Report(lines.into_values().collect()))
}
