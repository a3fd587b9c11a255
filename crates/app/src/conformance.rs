//! `salescommand connector check`: what an instance has published, against what is asked of every producer.
//!
//! Only what the log shows can be checked: a producer that has never changed a record shows nothing about changes, and
//! the check says so.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use salescommand_domain::raw::{Digest, Envelope, InstanceName, Payload, RawPosition, content_digest};
use salescommand_epochs::last_stored;
use salescommand_eventlog::StoredMessage;
use salescommand_normalizer::{RawMessage, Verdict, judge, load_mappings};
use serde::Serialize;

use crate::cli::{self, Output};
use crate::code::rooms;
use crate::config::Config;
use crate::{connections, epochs, listing, mappings};

/// One requirement and how the log stands to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    check: &'static str,
    state: &'static str,
    detail: String,
}

impl Check {
    fn of(check: &'static str, faults: &[String], fine: String) -> Self {
        match faults.first() {
            None => Self { check, state: "pass", detail: fine },
            Some(first) => {
                let detail = format!("{} events, the first: {first}", faults.len());
                Self { check, state: "fail", detail }
            }
        }
    }

    fn unseen(check: &'static str, detail: &str) -> Self {
        Self { check, state: "not seen", detail: detail.to_owned() }
    }
}

/// `salescommand connector …`.
pub async fn connector(config: &Config, command: &cli::Connector, output: Output) -> Result<()> {
    let cli::Connector::Check { name, last } = command;
    let instance = InstanceName::new(name)?;
    let log = connections::log_for_command(config).await?;
    let events = last_stored(&log, &*epochs::archives(config), &instance, *last).await?;
    let place = |(position, stored)| (RawPosition { instance: instance.clone(), position }, stored);
    let events: Vec<(RawPosition, StoredMessage)> = events.into_iter().map(place).collect();
    if events.is_empty() {
        bail!("{instance} has published nothing; see `salescommand source add --help`");
    }
    let readable = epochs::readable(config, &log);
    let mappers = load_mappings(&*readable, rooms(), mappings::compile, None).await?;
    let mut checks = history_checks(&instance, &events);
    let verdicts = events.iter().map(|(raw, stored)| {
        let message = RawMessage { raw: raw.clone(), message: stored.message.clone() };
        (raw, judge(&message, &mappers))
    });
    let refused: Vec<String> = verdicts
        .filter_map(|(raw, verdict)| match verdict {
            Verdict::Rejected(rejection) => Some(format!("{raw}: {rejection}")),
            _ => None,
        })
        .collect();
    checks.push(Check::of("accepted", &refused, format!("all of {} events", events.len())));
    listing::print(output, &["check", "state", "detail"], &checks)?;
    if checks.iter().any(|check| check.state == "fail") {
        bail!("{instance} does not do what is asked of a producer; see docs/how-to/foreign-producer.md");
    }
    Ok(())
}

/// What is known of a record's events so far.
#[derive(Default)]
struct Record {
    contents: Vec<Digest>,
}

/// Envelopes, subjects, ids, and what the histories of records show.
fn history_checks(instance: &InstanceName, events: &[(RawPosition, StoredMessage)]) -> Vec<Check> {
    let (mut unreadable, mut misplaced, mut without_id, mut repeated, mut unchanged) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (raw, stored) in events {
        let message = &stored.message;
        match &stored.message_id {
            None => without_id.push(raw.to_string()),
            Some(id) if !ids.insert(id.clone()) => {
                repeated.push(format!("{raw} has the id {id} of an earlier one"))
            }
            Some(_) => {}
        }
        let envelope = match Envelope::decode(&message.payload, message.content_type.as_deref()) {
            Ok(envelope) => envelope,
            Err(error) => {
                unreadable.push(format!("{raw}: {error}"));
                continue;
            }
        };
        if envelope.subject() != message.subject || envelope.instance != *instance {
            misplaced.push(format!("{raw}: on {}, belongs on {}", message.subject, envelope.subject()));
        }
        let Payload::Inline(payload) = &envelope.payload else { continue };
        let content = content_digest(envelope.operation, payload, &[]);
        let record = records.entry(message.subject.clone()).or_default();
        if record.contents.last() == Some(&content) {
            unchanged.push(format!("{raw}: the record's event before says the same"));
        }
        record.contents.push(content);
    }
    let count = events.len();
    vec![
        Check::of("envelopes", &unreadable, format!("all of {count} can be read")),
        Check::of("subjects", &misplaced, "each record's history is one subject".to_owned()),
        Check::of(
            "message ids",
            &[without_id, repeated].concat(),
            "every event has one of its own".to_owned(),
        ),
        Check::of("unchanged", &unchanged, "no event says what the one before said".to_owned()),
        came_back(&records),
    ]
}

/// A record that went back to an earlier content: without the previous event in its id, the broker would have taken the
/// third event for the first one.
fn came_back(records: &BTreeMap<String, Record>) -> Check {
    let changed = records.values().filter(|record| record.contents.len() > 1).count();
    let back = records.values().filter(|record| {
        let (contents, distinct) = (&record.contents, record.contents.iter().collect::<BTreeSet<_>>());
        distinct.len() < contents.len()
    });
    match (changed, back.count()) {
        (0, _) => Check::unseen("back to an earlier content", "no record has changed yet"),
        (_, 0) => {
            let detail =
                "no record has gone back yet; change one and change it back within the duplicate window";
            Check::unseen("back to an earlier content", detail)
        }
        (_, back) => {
            Check::of("back to an earlier content", &[], format!("{back} records have, and it was kept"))
        }
    }
}
