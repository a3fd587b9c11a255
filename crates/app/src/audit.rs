//! Commands for audits: documents as they are, and the raw events behind a record.

use anyhow::{Context, Result, bail};
use salescommand_domain::audit::{Action, Target, TargetKind};
use salescommand_domain::canonical::{Entity, FacetId, Golden};
use salescommand_domain::raw::{Envelope, Payload, RawPosition, raw_stream};
use salescommand_eventlog::{BatchLimit, EventLog};
use salescommand_store::work::decode;
use salescommand_store::{
    Active, Condition, Direction, Documents, Query, ScopedReads, canonical_collection, facets_collection,
    history_collection, links_collection, quarantine_collection, serving_collection,
};
use salescommand_store_mongo::MongoStore;
use serde::Serialize;

use crate::audit_log::Shell;
use crate::cli::{self, Output, Zone};
use crate::config::Config;
use crate::{connections, epochs, listing, reasons};

/// Documents per read of an export.
const EXPORT_PAGE: usize = 500;
/// Longest wait for one raw event.
const READ_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// The switch.
pub async fn active(store: &MongoStore) -> Result<Active> {
    ScopedReads::active(store).await?.context("nothing has been built yet: start the projector")
}

/// `salescommand export …`.
pub async fn export(config: &Config, export: &cli::Export) -> Result<()> {
    let store = connections::store(config).await?;
    let active =
        ScopedReads::active(&store).await?.context("nothing has been built yet: start the projector")?;
    let collection = export_collection(export, &active)?;
    let entry = Shell::entry(Action::ExportMade).on(Target::new(TargetKind::Collection, &collection));
    Shell::open(config).await?.record(entry).await?;
    let mut after: Option<String> = None;
    loop {
        let page = export_page(&store, &collection, after.as_deref()).await?;
        for document in &page {
            let document = bson::Document::try_from(document.clone())?;
            after = Some(document.get_str("_id")?.to_owned());
            listing::print_raw(&format!("{}\n", serde_json::to_string(&document)?));
        }
        if page.len() < EXPORT_PAGE {
            return Ok(());
        }
    }
}

async fn export_page(
    store: &MongoStore,
    collection: &str,
    after: Option<&str>,
) -> Result<Vec<bson::RawDocumentBuf>> {
    let mut query = Query::all().sorted("_id", Direction::Ascending).limited(EXPORT_PAGE);
    if let Some(after) = after {
        query = query.with(Condition::Gt("_id".to_owned(), after.into()));
    }
    Ok(Documents::find(store, collection, &query).await?)
}

fn export_collection(export: &cli::Export, active: &Active) -> Result<String> {
    let name = export.collection.as_str();
    match export.zone {
        Zone::Canonical => Ok(match name {
            "facets" => facets_collection(active.canonical),
            "links" => links_collection(active.canonical),
            "history" => history_collection(active.canonical),
            "quarantine" => quarantine_collection(active.canonical),
            entity => match Entity::from_plural(entity) {
                Some(entity) => canonical_collection(entity, active.canonical),
                None => {
                    bail!("there is no canonical collection {entity:?}; see `salescommand export --help`")
                }
            },
        }),
        Zone::Serving => match active.serving.get(name) {
            Some(generation) => Ok(serving_collection(name, *generation)),
            None => {
                let known: Vec<_> = active.serving.keys().cloned().collect();
                bail!("there is no projection {name:?}; known: {}", known.join(", "))
            }
        },
    }
}

/// A raw event that a record was made of.
#[derive(Serialize)]
pub struct Contribution {
    instance: String,
    epoch: u32,
    sequence: u64,
    object: String,
    key: String,
    operation: serde_json::Value,
    source_modified: Option<String>,
    observed: String,
    event_id: String,
    payload: serde_json::Value,
}

/// `salescommand lineage …`: the raw events that made a canonical record, the reference data among them.
pub async fn lineage(config: &Config, lineage: &cli::Lineage, output: Output) -> Result<()> {
    let store = connections::store(config).await?;
    let generation = active(&store).await?.canonical;
    let entity = Entity::from_plural(&lineage.entity).with_context(|| {
        format!("there is no entity {:?}; say accounts, opportunities, …", lineage.entity)
    })?;
    let golden = golden(&store, entity, generation, &lineage.id).await?;
    if let Some(field) = &lineage.field {
        let rows = reasons::of_field(&store, generation, &golden, field).await?;
        return listing::print(output, &reasons::COLUMNS, &rows);
    }
    let log = epochs::readable(config, &connections::log_for_command(config).await?);
    let mut contributions = Vec::new();
    for position in &golden.version {
        contributions.push(contribution(&*log, position).await?);
    }
    let columns =
        ["instance", "epoch", "sequence", "object", "key", "operation", "source_modified", "observed"];
    listing::print(output, &columns, &contributions)
}

/// A golden record by its id or by the id of any record joined in it.
async fn golden(store: &MongoStore, entity: Entity, generation: u32, id: &str) -> Result<Golden> {
    let id: FacetId =
        id.parse().with_context(|| format!("{id:?} is no id; see `salescommand export canonical`"))?;
    let collection = canonical_collection(entity, generation);
    for field in ["_id", "facets.id"] {
        let query = Query::all().with(Condition::Eq(field.to_owned(), id.to_string().into())).limited(1);
        if let Some(document) = Documents::find(store, &collection, &query).await?.first() {
            return Ok(decode(&collection, document)?);
        }
    }
    bail!("there is no {entity} {id}")
}

/// A raw event by its position.
pub async fn contribution(log: &dyn EventLog, raw: &RawPosition) -> Result<Contribution> {
    let stream = raw_stream(&raw.instance, raw.position.epoch);
    let sequence = raw.position.sequence;
    let mut reader = log.read_after(&stream, sequence - 1).await?;
    let found = reader.next(BatchLimit { messages: 1, bytes: 1, wait: READ_WITHIN }).await?;
    let message = found.first().with_context(|| format!("{stream} does not hold event {sequence}"))?;
    let envelope = Envelope::decode(&message.payload, message.content_type.as_deref())?;
    Ok(Contribution {
        instance: raw.instance.to_string(),
        epoch: raw.position.epoch,
        sequence,
        object: envelope.object.to_string(),
        key: envelope.key,
        operation: serde_json::to_value(envelope.operation)?,
        source_modified: envelope.source_modified.map(|at| at.to_string()),
        observed: envelope.observed.to_string(),
        event_id: envelope.event_id.to_string(),
        payload: match envelope.payload {
            Payload::Inline(payload) => payload,
            Payload::Stored(reference) => serde_json::to_value(reference)?,
        },
    })
}
