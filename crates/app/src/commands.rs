//! Commands for operators: accounts, sources, and the doctor.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use salescommand_connectors::usual_schedule;
use salescommand_domain::access::Role;
use salescommand_domain::audit::{Action, Details, Target};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_domain::schedule::{Cadence, Schedule};
use salescommand_epochs::{Alarm, Pressure};
use salescommand_eventlog::{EventLog, Health};
use salescommand_ingest::Ports;
use salescommand_query::accounts::{AccountSummary, Accounts, NewAccount};
use salescommand_query::connectors::{Connectors as _, works};
use salescommand_query::sources::{NewSource, OpenedSource, SourceSummary, Sources};
use salescommand_query::{SystemClock, SystemIds};
use salescommand_store::{Documents, Ops, ScopedReads};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::json;

use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::probes::Registry;
use crate::processes::sources;
use crate::{config_events, connections, epochs, listing, mappings, syncs};

/// The cadence of an object that has none of its own.
const INHERIT: &str = "inherit";

/// A secret from standard input, without the line's end.
fn secret_from_stdin(what: &str) -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .with_context(|| format!("the {what} cannot be read from standard input"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        bail!("the {what} is empty; give it on standard input, never as an argument");
    }
    Ok(SecretString::from(text))
}

fn role(word: &str) -> Result<Role> {
    let known: Vec<_> = Role::ALL.iter().map(|role| serde_json::json!(role)).collect();
    let found = Role::ALL.into_iter().find(|role| serde_json::json!(role) == word);
    found.with_context(|| format!("there is no role {word:?}; known: {}", serde_json::json!(known)))
}

/// `salescommand user …`.
pub async fn user(config: &Config, command: cli::User, output: Output) -> Result<()> {
    let store = connections::store(config).await?;
    Ops::ensure_ops(&store).await?;
    let shell = Shell::new(&store);
    let accounts = Accounts::new(Arc::new(store), Arc::new(SystemClock), Arc::new(SystemIds))?;
    let changed = match command {
        cli::User::Create { email, name, role: word } => {
            let role = role(&word)?;
            let password = secret_from_stdin("password")?;
            let entry = Shell::entry(Action::AccountCreated).detailed(Details::default().of_role(role));
            let create = async { Ok(accounts.create(NewAccount { email, name, role, password }).await?) };
            let target = |made: &AccountSummary| Some(Target::account(&made.id));
            let created = shell.audited_making(entry, create, target).await?;
            let log = connections::log_for_command(config).await?;
            // Who somebody is, is an input of the pipeline: it joins the account with the same person in a source.
            config_events::publish(&Ports::system(&log), vec![config_events::account(&created)]).await?;
            vec![created]
        }
        cli::User::List => accounts.list().await?,
        cli::User::SetPassword { email } => {
            let password = secret_from_stdin("password")?;
            let entry = Shell::entry(Action::PasswordChanged).on(account_of(&accounts, &email).await?.0);
            let set = async { Ok(accounts.set_password(&email, password).await?) };
            return shell.audited(entry, set).await;
        }
        cli::User::SetRole { email, role: word } => {
            let role = role(&word)?;
            let (target, before) = account_of(&accounts, &email).await?;
            let details = Details::default().role(before, role);
            let entry = Shell::entry(Action::AccountRoleChanged).on(target).detailed(details);
            let set = async { Ok(accounts.set_role(&email, role).await?) };
            vec![shell.audited(entry, set).await?]
        }
        cli::User::Link { email, provider, tenant, object_id } => {
            let identity = config.auth.identity(&provider, tenant, object_id)?;
            let entry = Shell::entry(Action::IdentityLinked).on(account_of(&accounts, &email).await?.0);
            let link = async { Ok(accounts.link(&email, identity).await?) };
            let linked = shell.audited(entry.detailed(Details::default().by(&provider)), link).await?;
            let log = connections::log_for_command(config).await?;
            let told = [Some(&linked.account), linked.former.as_ref()].into_iter().flatten();
            config_events::publish(&Ports::system(&log), told.map(config_events::account).collect()).await?;
            vec![linked.account]
        }
    };
    listing::print(output, &["email", "name", "role", "disabled", "id"], &changed)
}

/// The account with an address, and its role.
async fn account_of(accounts: &Accounts, email: &str) -> Result<(Target, Role)> {
    let email = email.trim().to_lowercase();
    let found = accounts.list().await?.into_iter().find(|account| account.email == email);
    let account = found.with_context(|| format!("there is no account {email}"))?;
    Ok((Target::account(&account.id), account.role))
}

/// `salescommand source …`.
pub async fn source(config: &Config, command: cli::Source, output: Output) -> Result<()> {
    let store = connections::store(config).await?;
    Ops::ensure_ops(&store).await?;
    let sources = sources(config, &store)?;
    let shell = Shell::new(&store);
    let shown = match command {
        cli::Source::Add { kind, name, .. } if kind == "foreign" => {
            let log = connections::log_for_command(config).await?;
            mappings::prepare(&Ports::system(&log), &InstanceName::new(&*name)?).await?;
            eprintln!(
                "the log of {name} is there; give its producer a user in nats.conf, and set its mapping"
            );
            return Ok(());
        }
        cli::Source::Add { kind, name, url, database, login, tenant, client_id, more, schedule: cadence } => {
            let secret = match std::env::var("SALESCOMMAND_SOURCE_SECRET") {
                Ok(secret) => SecretString::from(secret),
                Err(_) => secret_from_stdin("source's password or API key")?,
            };
            let own = [
                ("url", url),
                ("database", database),
                ("login", login),
                ("tenant", tenant),
                ("client_id", client_id),
            ];
            // What is not said is no setting.
            let settings = own.into_iter().filter(|(_, value)| !value.is_empty());
            let settings = settings.map(|(key, value)| (key.to_owned(), value));
            let settings: BTreeMap<_, _> = more.into_iter().chain(settings).collect();
            let product = Registry::new(config.reach()?).check_settings(&kind, &settings, &secret)?;
            let name = InstanceName::new(name)?;
            let title = format!("{product} ({name})");
            let usual = || usual_schedule(&kind, &settings);
            let schedule = cadence.map_or_else(usual, |cadence| Schedule { cadence, ..Schedule::default() });
            let entry = Shell::entry(Action::SourceAdded).on(Target::source(name.as_str()));
            let entry = entry.detailed(Details::default().kind(&kind));
            let new = NewSource { name, kind, title, settings, secret, schedule };
            vec![shell.audited(entry, async { Ok(sources.add(new).await?) }).await?]
        }
        cli::Source::Schedule { name, cadence, objects } => {
            let entry = Shell::entry(Action::SourceChanged).on(Target::source(&name));
            let entry = entry.detailed(Details::default().names(["schedule"]));
            vec![shell.audited(entry, set_schedule(&sources, &name, &cadence, objects)).await?]
        }
        cli::Source::Hook { name, off: true, .. } => {
            let entry = Shell::entry(Action::HookClosed).on(Target::source(&name));
            vec![shell.audited(entry, async { Ok(sources.close_hook(&name).await?) }).await?]
        }
        cli::Source::Hook { name, rotate, .. } => {
            let entry = Shell::entry(Action::HookMade).on(Target::source(&name));
            return shell.audited(entry, make_hook(config, &sources, (&name, rotate), output)).await;
        }
        cli::Source::List => sources.list().await?,
        cli::Source::Test { name } => {
            return test_source(Registry::new(config.reach()?), sources.open(&name).await?, output).await;
        }
        cli::Source::Discover { name } => {
            return discover_source(Registry::new(config.reach()?), sources.open(&name).await?, output).await;
        }
        cli::Source::Cursors { name } => {
            sources.show(&name).await?;
            return syncs::show_cursors(config, name, output).await;
        }
        cli::Source::Reset { name, objects } => {
            sources.show(&name).await?;
            let entry = Shell::entry(Action::SyncCursorReset).on(Target::source(&name));
            let entry = entry.detailed(Details::default().names(objects.iter().map(String::as_str)));
            return shell.audited(entry, syncs::reset(config, name, objects, output)).await;
        }
        cli::Source::Remove { name } => {
            let entry = Shell::entry(Action::SourceRemoved).on(Target::source(&name));
            return shell.audited(entry, async { Ok(sources.remove(&name).await?) }).await;
        }
    };
    listing::print(output, &["name", "kind", "title", "settings", "schedule", "hooked_at"], &shown)
}

/// Sets the cadence of a source, or of some of its objects.
async fn set_schedule(
    sources: &Sources,
    name: &str,
    cadence: &str,
    objects: Vec<String>,
) -> Result<SourceSummary> {
    let objects: Vec<_> = objects.into_iter().map(ObjectName::new).collect::<Result<_, _>>()?;
    if cadence == INHERIT {
        if objects.is_empty() {
            bail!("{INHERIT} is for objects: name them with --object");
        }
        let inherit =
            |schedule: &mut Schedule| schedule.objects.retain(|object, _| !objects.contains(object));
        return Ok(sources.set_schedule(name, inherit).await?);
    }
    let cadence: Cadence = cadence.parse()?;
    let set = |schedule: &mut Schedule| {
        if objects.is_empty() {
            schedule.cadence = cadence.clone();
        }
        schedule.objects.extend(objects.iter().map(|object| (object.clone(), cadence.clone())));
    };
    Ok(sources.set_schedule(name, set).await?)
}

/// Gives a source a web hook. What is printed is nowhere else.
async fn make_hook(
    config: &Config,
    sources: &Sources,
    (name, rotate): (&str, bool),
    output: Output,
) -> Result<()> {
    let address = config.public_url()?;
    if let Some(since) = sources.show(name).await?.hooked_at.filter(|_| !rotate) {
        bail!(
            "{name} has a web hook since {since}, whose key is not kept; --rotate replaces it, --off takes it away"
        );
    }
    let (source, key) = sources.rotate_hook(name).await?;
    let url = format!("{address}{}", key.path(&source.name));
    listing::print(output, &["source", "url"], &[json!({"source": source.name, "url": url})])?;
    eprintln!("it is shown this once; the address before /api is http.public_url");
    Ok(())
}

async fn test_source(connectors: Registry, opened: OpenedSource, output: Output) -> Result<()> {
    let checks = connectors.test(opened).await?;
    listing::print(output, &["step", "outcome", "detail"], &checks)?;
    if works(&checks) { Ok(()) } else { bail!("the source does not work yet") }
}

/// An object of a source, in a line.
#[derive(Serialize)]
struct ObjectRow {
    object: String,
    records: Option<u64>,
    fields: usize,
    read: usize,
    custom: usize,
    calls: Option<u64>,
    seconds: Option<f64>,
    problem: Option<String>,
}

/// In columns a line for each object; otherwise everything.
async fn discover_source(connectors: Registry, opened: OpenedSource, output: Output) -> Result<()> {
    let objects = connectors.discover(opened).await?;
    if matches!(output, Output::Json | Output::Jsonl) {
        return listing::print(output, &[], &objects);
    }
    let rows: Vec<_> = objects
        .into_iter()
        .map(|object| ObjectRow {
            fields: object.fields.len(),
            read: object.fields.iter().filter(|field| field.read).count(),
            custom: object.fields.iter().filter(|field| field.custom).count(),
            object: object.object,
            records: object.records,
            calls: object.calls,
            seconds: object.seconds.map(|seconds| (seconds * 10.0).round() / 10.0),
            problem: object.problem,
        })
        .collect();
    let columns = ["object", "records", "fields", "read", "custom", "calls", "seconds", "problem"];
    listing::print(output, &columns, &rows)
}

/// See [`doctor_mongo_cache`].
const LEAST_CACHE: u64 = 1 << 30;

#[derive(Serialize)]
struct Finding {
    check: &'static str,
    state: &'static str,
    detail: String,
}

/// `salescommand doctor`: read-only; fails if something is wrong.
pub async fn doctor(config: &Config, output: Output) -> Result<()> {
    let finding = |check, outcome: Result<String>| match outcome {
        Ok(detail) => Finding { check, state: "pass", detail },
        Err(error) => Finding { check, state: "fail", detail: format!("{error:#}") },
    };
    let keys = config.require_keys().map(|()| "session and master key are set".to_owned());
    let findings = [
        finding("keys", keys),
        finding("nats", doctor_nats(config).await),
        finding("mongodb", doctor_mongo(config).await),
        doctor_mongo_cache(config).await,
        doctor_room(config).await,
        finding("readers outside", doctor_relay(config).await),
    ];
    let failed = findings.iter().any(|finding| finding.state == "fail");
    listing::print(output, &["check", "state", "detail"], &findings)?;
    if failed { bail!("something needs attention; see above") } else { Ok(()) }
}

async fn doctor_nats(config: &Config) -> Result<String> {
    let log = connections::log_for_command(config).await?;
    let round_trip = log.ping().await?;
    let ports = Ports::system(&log);
    let raw = ports.log.streams("RAW_").await?;
    let events: u64 = raw.iter().map(|stream| stream.messages).sum();
    let time = format!("{:.1} ms", round_trip.as_secs_f64() * 1e3);
    Ok(format!("answers in {time}; {} raw logs with {events} events", raw.len()))
}

/// How far readers outside were told.
async fn doctor_relay(config: &Config) -> Result<String> {
    let log = connections::log_for_command(config).await?;
    let active = Documents::active(&connections::store(config).await?).await?;
    let Some(told) = salescommand_generations::relayed(&log).await? else {
        return Ok("nothing was told yet".to_owned());
    };
    let of = |sequence| format!("g{} is told up to event {sequence}", told.generation);
    if active.is_some_and(|active| active.canonical != told.generation) {
        return Ok(format!("{}; a switch is still to be told", of(told.sequence)));
    }
    if told.comparing {
        return Ok(format!("what differs in g{} is being told", told.generation));
    }
    let stream = log.stream(&salescommand_normalizer::canonical_stream(told.generation)).await?;
    let behind = stream.map_or(0, |status| status.last_sequence.saturating_sub(told.sequence));
    Ok(format!("{}, {behind} are to come", of(told.sequence)))
}

/// Whether the raw zone has room. A warning is no failure yet.
async fn doctor_room(config: &Config) -> Finding {
    let look = async {
        let log = connections::log_for_command(config).await?;
        Ok(epochs::Look::new(config, &log)?.alarms().await?)
    };
    let alarms: Result<Vec<Alarm>> = look.await;
    let (state, detail) = match alarms.as_ref().map(|alarms| alarms.first()) {
        Ok(None) => ("pass", "there is room".to_owned()),
        Ok(Some(worst)) if worst.pressure == Pressure::Urgent => {
            ("fail", format!("{}. {}", worst.text, epochs::MAKE_ROOM))
        }
        Ok(Some(worst)) => ("warn", format!("{}. {}", worst.text, epochs::MAKE_ROOM)),
        Err(error) => ("fail", format!("{error:#}")),
    };
    Finding { check: "raw zone", state, detail }
}

/// Whether MongoDB has the cache that the writers of this program need together. With less it goes on, but may stand still
/// for a minute under load (`docs/explanation/fault-model.md`).
async fn doctor_mongo_cache(config: &Config) -> Finding {
    let look = async { Ok(connections::store(config).await?.cache_bytes().await?) };
    let found: Result<Option<u64>> = look.await;
    let (state, detail) = match found {
        Ok(None) => ("pass", "its size is not told to this user".to_owned()),
        Ok(Some(bytes)) => {
            let size = format!("{} MiB", bytes >> 20);
            let advice = "under load MongoDB may stand still for a minute at a time; start mongod with \
                          --wiredTigerCacheSizeGB 1 or more";
            if bytes < LEAST_CACHE { ("warn", format!("{size}: {advice}")) } else { ("pass", size) }
        }
        Err(error) => ("fail", format!("{error:#}")),
    };
    Finding { check: "mongodb cache", state, detail }
}

async fn doctor_mongo(config: &Config) -> Result<String> {
    let store = connections::store(config).await?;
    ScopedReads::ping(&store).await?;
    let positions = ScopedReads::positions(&store).await?;
    Ok(format!("answers; {} consumers have a position", positions.len()))
}
