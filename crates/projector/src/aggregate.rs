//! Sums over deals: takes a deal's former contribution out and puts the present one in.
//!
//! What a deal contributed is kept per deal, with the sequence that was applied; an event that is not newer is
//! passed over.

use std::collections::BTreeMap;

use salescommand_domain::canonical::{CanonicalEvent, Entity, FacetId};
use salescommand_domain::serving::{Cell, DealFacts, SumDocument};
use salescommand_store::Documents;
use salescommand_store::work::Work;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What is kept per deal.
#[derive(Debug, Serialize, Deserialize)]
struct Contribution {
    #[serde(rename = "_id")]
    id: FacetId,
    /// Sequence of the event that is in.
    applied: i64,
    /// What is in the sums; none if the deal does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    facts: Option<DealFacts>,
}

/// A change of the sums: a cell goes out (-1) or in (1).
struct Move {
    cell: Cell,
    sign: i64,
}

/// Works out the moves of some events and remembers the contributions in the collection `state`.
async fn moves(
    store: &dyn Documents,
    work: &mut Work,
    state: &str,
    events: &[(i64, &CanonicalEvent)],
    cells: fn(&DealFacts) -> Vec<Cell>,
) -> Result<Vec<Move>, Error> {
    let changes: Vec<_> =
        events.iter().filter_map(|(sequence, event)| Some((*sequence, change(event)?))).collect();
    work.load(store, state, changes.iter().map(|(_, (id, _))| id.to_string())).await?;
    let mut moves = Vec::new();
    for (sequence, (id, facts)) in changes {
        let held: Option<Contribution> = work.get(state, &id.to_string())?;
        if held.as_ref().is_some_and(|held| held.applied >= sequence) {
            continue;
        }
        let former = held.and_then(|held| held.facts);
        if former != facts {
            let out = former.iter().flat_map(cells).map(|cell| Move { cell, sign: -1 });
            let into = facts.iter().flat_map(cells).map(|cell| Move { cell, sign: 1 });
            moves.extend(out.chain(into));
        }
        work.put(state, &id.to_string(), &Contribution { id, applied: sequence, facts })?;
    }
    Ok(moves)
}

fn change(event: &CanonicalEvent) -> Option<(FacetId, Option<DealFacts>)> {
    match event {
        CanonicalEvent::Upserted { golden } if golden.entity() == Entity::Opportunity => {
            Some((golden.id, DealFacts::of(golden)))
        }
        CanonicalEvent::Gone { entity: Entity::Opportunity, id } => Some((*id, None)),
        _ => None,
    }
}

/// The moves by the document they go to, in the order of ids.
fn by_document(moves: Vec<Move>) -> BTreeMap<String, Vec<Move>> {
    let mut documents: BTreeMap<String, Vec<Move>> = BTreeMap::new();
    for step in moves {
        documents.entry(step.cell.document_id()).or_default().push(step);
    }
    documents
}

/// Brings events into the sums of a collection; a document that comes to nothing is removed.
pub async fn bring_in<D: SumDocument + Serialize + DeserializeOwned>(
    store: &dyn Documents,
    work: &mut Work,
    (collection, state): (&str, &str),
    events: &[(i64, &CanonicalEvent)],
    cells: fn(&DealFacts) -> Vec<Cell>,
) -> Result<(), Error> {
    let documents = by_document(moves(store, work, state, events, cells).await?);
    work.load(store, collection, documents.keys().cloned()).await?;
    for (id, moves) in documents {
        let mut held: Option<D> = work.get(collection, &id)?;
        for step in &moves {
            let Some(mut document) = held.take().or_else(|| D::empty(&step.cell)) else { continue };
            document.apply(&step.cell, step.sign).map_err(|error| Error::State(error.to_string()))?;
            held = Some(document);
        }
        match held.filter(|document| !document.is_empty()) {
            Some(document) => {
                work.put(collection, &id, &document)?;
            }
            None => {
                work.remove(collection, &id);
            }
        }
    }
    Ok(())
}
