//! `salescommand org`: who reports to whom, and who stands in for whom.
//!
//! Who reports to whom is declared by raw events of `config`, as links are; delegations are operational state of the
//! query service.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bson::Bson;
use salescommand_domain::Date;
use salescommand_domain::audit::{Action, Details, Target};
use salescommand_domain::canonical::{
    Entity, Facet, FacetId, IdentityKey, ManagerEdge, ManagerEdgeFacet, ManagerEvidence, SourceRef,
};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_ingest::{Clock as _, Ports, SystemClock};
use salescommand_query::SystemIds;
use salescommand_query::accounts::{AccountSummary, Accounts};
use salescommand_query::delegations::{self, Delegation, Delegations, NewDelegation};
use salescommand_query::organisation::{Organisation, TreeRow, particulars};
use salescommand_store::work::decode;
use salescommand_store::{Condition, Documents, Ops, Query, facets_collection};
use salescommand_store_mongo::MongoStore;
use serde::Serialize;

use crate::audit::active;
use crate::audit_log::Shell;
use crate::cli::{self, Output};
use crate::config::Config;
use crate::{config_events, connections, listing};

/// What stands for the manager of somebody who reports to nobody.
const NOBODY: &str = "nobody";

/// A person of the tree, as the listing shows them.
#[derive(Serialize)]
struct Row {
    name: String,
    manager: Option<String>,
    evidence: Option<serde_json::Value>,
    from: Option<Date>,
    until: Option<Date>,
    reports: u64,
    level: usize,
    id: String,
}

/// A declaration, as it is shown.
#[derive(Serialize)]
struct Declared {
    person: String,
    manager: String,
    from: Option<Date>,
    until: Option<Date>,
}

/// A delegation, as it is shown.
#[derive(Serialize)]
struct Delegated {
    id: String,
    from: String,
    to: String,
    first: Date,
    last: Date,
    note: Option<String>,
}

/// `salescommand org …`.
pub async fn org(config: &Config, command: cli::Org, output: Output) -> Result<()> {
    let store = connections::store(config).await?;
    let organisation = Organisation::read(&store, SystemClock.now()).await?;
    let people = People { store: &store, organisation: &organisation };
    match command {
        cli::Org::Tree { under, day } => tree(&people, (under, day), output).await,
        cli::Org::SetManager { person, manager, from, until, note } => {
            let (person, manager) = (people.find(&person).await?, people.manager(&manager).await?);
            let edge = ManagerEdge { person, manager, evidence: ManagerEvidence::Manual, from, until };
            set_manager(config, &people, (edge, note), output).await
        }
        cli::Org::UnsetManager { person, from } => {
            let person = people.find(&person).await?;
            let evidence = ManagerEvidence::Manual;
            let key = ManagerEdge { person, manager: None, evidence, from, until: None }.source().key;
            let log = connections::log_for_command(config).await?;
            let details = Details::default().days(from, None);
            let entry = Shell::entry(Action::ManagerTakenBack).on(Target::person(person)).detailed(details);
            let ports = Ports::system(&log);
            people.shell().await?.audited(entry, config_events::retract_edge(&ports, &key)).await.map(drop)
        }
        cli::Org::Delegate { from, to, first, last, note } => {
            let (from, to) = (people.account(&from).await?, people.account(&to).await?);
            let today = organisation.day();
            let (days, note) = ((first.unwrap_or(today), last), note.as_deref());
            let new = NewDelegation { from: &from, to: &to, days, note, made_by: None };
            let entry = Shell::entry(Action::DelegationMade).on(Target::account(&to.id));
            let entry = entry.detailed(delegations::particulars(&from.id, days));
            let kept = kept(config, &store)?;
            let make = async { Ok(kept.make(new, today).await?) };
            let made = people.shell().await?.audited(entry, make).await?;
            print(&organisation, vec![made], output)
        }
        cli::Org::Delegations => {
            let mut open = kept(config, &store)?.all().await?;
            open.retain(|delegation| delegation.last >= organisation.day());
            print(&organisation, open, output)
        }
        cli::Org::Withdraw { id } => {
            let kept = kept(config, &store)?;
            let Some(found) = kept.find(&id).await? else {
                bail!("there is no delegation {id}; `salescommand org delegations` lists them");
            };
            let entry = Shell::entry(Action::DelegationWithdrawn).on(Target::account(&found.to));
            let days = (found.first, found.last);
            let entry = entry.detailed(delegations::particulars(&found.from, days));
            let withdraw = async { Ok(kept.withdraw(&id).await?) };
            people.shell().await?.audited(entry, withdraw).await.map(drop)
        }
    }
}

async fn tree(
    people: &People<'_>,
    (under, day): (Option<String>, Option<Date>),
    output: Output,
) -> Result<()> {
    let organisation = day.map_or_else(|| people.organisation.clone(), |day| people.organisation.on(day));
    let under = match under {
        Some(person) => Some(people.find(&person).await?),
        None => None,
    };
    let row = |TreeRow { level, person }: TreeRow| {
        let indent = if output == Output::Table { "  ".repeat(level) } else { String::new() };
        Row {
            name: format!("{indent}{}", person.name),
            manager: person.manager.map(|manager| manager.name),
            evidence: person.evidence.map(|evidence| serde_json::json!(evidence)),
            from: person.from,
            until: person.until,
            reports: person.reports,
            level,
            id: person.id,
        }
    };
    let rows: Vec<_> = organisation.rows(under).into_iter().map(row).collect();
    for refused in organisation.refused() {
        eprintln!("refused, since it would close a circle: {refused}");
    }
    listing::print(output, &["name", "manager", "evidence", "from", "until", "reports", "id"], &rows)
}

async fn set_manager(
    config: &Config,
    people: &People<'_>,
    (edge, note): (ManagerEdge, Option<String>),
    output: Output,
) -> Result<()> {
    let declared = ManagerEdgeFacet { edge, note, set_by: None, set_at: Some(SystemClock.now()) };
    if let Err((field, problem)) = declared.check() {
        bail!("{field}: {problem}");
    }
    if let Some(path) = people.organisation.circle(&declared.edge) {
        bail!("this would close a circle. {path} Give one of them another manager first.");
    }
    let log = connections::log_for_command(config).await?;
    let entry = Shell::entry(Action::ManagerDeclared).on(Target::person(declared.edge.person));
    let (ports, events) = (Ports::system(&log), vec![config_events::manager_edge(&declared)]);
    let publish = config_events::publish(&ports, events);
    people.shell().await?.audited(entry.detailed(particulars(&declared.edge)), publish).await?;
    let edge = declared.edge;
    let name = |id| people.organisation.person(id).map(|person| person.name).unwrap_or_default();
    let manager = edge.manager.map_or_else(|| NOBODY.to_owned(), name);
    let shown = Declared { person: name(edge.person), manager, from: edge.from, until: edge.until };
    listing::print(output, &["person", "manager", "from", "until"], &[shown])
}

fn kept(config: &Config, store: &MongoStore) -> Result<Delegations> {
    let (ops, clock) = (Arc::new(store.clone()), Arc::new(salescommand_query::SystemClock));
    Ok(Delegations::new(ops, clock, Arc::new(SystemIds), config.delegation_days()?))
}

fn print(organisation: &Organisation, found: Vec<Delegation>, output: Output) -> Result<()> {
    let name =
        |facet: FacetId, account: String| organisation.person(facet).map_or(account, |person| person.name);
    let shown: Vec<_> = found
        .into_iter()
        .map(|delegation| Delegated {
            id: delegation.id,
            from: name(delegation.delegator, delegation.from),
            to: name(delegation.delegate, delegation.to),
            first: delegation.first,
            last: delegation.last,
            note: delegation.note,
        })
        .collect();
    listing::print(output, &["id", "from", "to", "first", "last", "note"], &shown)
}

/// Finds people by what an operator calls them.
struct People<'a> {
    store: &'a MongoStore,
    organisation: &'a Organisation,
}

impl People<'_> {
    /// Writes down what this command does.
    async fn shell(&self) -> Result<Shell> {
        Ops::ensure_ops(self.store).await?;
        Ok(Shell::new(self.store))
    }

    async fn manager(&self, text: &str) -> Result<Option<FacetId>> {
        if text == NOBODY { Ok(None) } else { self.find(text).await.map(Some) }
    }

    /// The golden id of a person.
    async fn find(&self, text: &str) -> Result<FacetId> {
        let known = |facet| self.organisation.person(facet).and_then(|person| person.id.parse().ok());
        let found = match record(text) {
            Some(facet) => known(facet),
            None if text.contains('@') => self.by_address(text).await?.into_iter().find_map(known),
            None => {
                let mut named = self.organisation.named(text);
                if named.len() > 1 {
                    bail!("{} people are called {text:?}: say which by an address or an id", named.len());
                }
                named.pop().and_then(|person| person.id.parse().ok())
            }
        };
        found.with_context(|| format!("nobody is known as {text:?}; `salescommand org tree` lists everybody"))
    }

    /// Records with an address.
    async fn by_address(&self, address: &str) -> Result<Vec<FacetId>> {
        let Some(key) = IdentityKey::email(Entity::User, address) else { return Ok(Vec::new()) };
        let facets = facets_collection(active(self.store).await?.canonical);
        let query = Query::all().with(Condition::Eq("keys".to_owned(), Bson::from(key.as_str())));
        let found = Documents::find(self.store, &facets, &query).await?;
        found.iter().map(|document| Ok(decode::<Facet>(&facets, document)?.id)).collect()
    }

    /// The account by which a person signs in.
    async fn account(&self, text: &str) -> Result<AccountSummary> {
        Ops::ensure_ops(self.store).await?;
        let person = self.find(text).await?;
        let clock = Arc::new(salescommand_query::SystemClock);
        let accounts = Accounts::new(Arc::new(self.store.clone()), clock, Arc::new(SystemIds))?;
        let found = accounts.of_person(self.organisation.facets(person)).await?;
        found.into_iter().next().with_context(|| format!("{text} has no account here"))
    }
}

/// A record by its id or by where it comes from.
fn record(text: &str) -> Option<FacetId> {
    if let Ok(facet) = text.parse() {
        return Some(facet);
    }
    let mut parts = text.splitn(3, '/');
    let (instance, object, key) = (parts.next()?, parts.next()?, parts.next()?);
    let (instance, object) = (InstanceName::new(instance).ok()?, ObjectName::new(object).ok()?);
    Some(SourceRef { instance, object, key: key.to_owned() }.facet_id())
}
