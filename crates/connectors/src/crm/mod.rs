//! What people write in SalesCommand, as a source: edits of opportunities, and opportunities made here.
//!
//! The query service publishes these events, so there is nothing to open. Both ends share this room: [`payload`] is
//! what is written, the mapper what is read; `schemas/crm-opportunity.json` says the same for other programs.
//!
//! | object | key | payload |
//! |---|---|---|
//! | `opportunity` | id of the facet that is edited (UUIDv5) | `{kind: "edit", fields}` |
//! | `opportunity` | UUIDv7 made by the service; UUIDv8 of author and key, if the author gave one | `{kind: "deal", fields}` |
//!
//! `fields` holds each field as `{value, at, by}`: `null` clears it, a field that is not there is not edited. A deal
//! begins with what it was made with; later changes are edits of it. A delete withdraws the edit, or deletes the deal.

mod payload;

use salescommand_domain::canonical::{
    CalendarFacet, CrmOpportunity, FacetBody, IdentityKey, Mapped, OpportunityEdit, OpportunityFacet,
    OpportunityKind, OutcomeRule, Rejection, Status,
};
use salescommand_domain::raw::{Envelope, Payload};

pub use payload::{payload, read};

use crate::Descriptor;

#[cfg(test)]
mod tests;

/// Version of the payload's shape.
pub const PAYLOAD_SCHEMA: u32 = 1;

/// The connector kind `crm`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    kind: "crm",
    title: "SalesCommand edits",
    open: None,
    version: 1,
    objects: &[],
    often: &[],
    schemas: &[],
    map,
};

fn map(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    if envelope.object.as_str() != CrmOpportunity::OBJECT {
        let detail = format!("nobody writes {} in SalesCommand", envelope.object);
        return Err(Rejection::new("unknown_object", "", detail));
    }
    let Payload::Inline(value) = &envelope.payload else {
        return Err(Rejection::new("wrong_type", "", "expected a record"));
    };
    let Some(record) = CrmOpportunity::of_key(&envelope.key) else {
        return Err(Rejection::new("key_mismatch", "", "the key is neither a facet id nor a UUID"));
    };
    let fields = payload::read(value, record)?;
    if let Some(problem) = fields.problems().into_iter().next() {
        return Err(Rejection::new(
            "out_of_range",
            format!("/fields/{}/value", problem.field),
            problem.problem,
        ));
    }
    // The stage brings its outcome along, the calendar turns moments into days.
    let stage = fields.stage.as_ref().and_then(|stage| stage.value);
    let refs = stage.into_iter().chain([CalendarFacet::source().facet_id()]).collect();
    Ok(Some(match record {
        CrmOpportunity::Edit(target) => {
            let keys = vec![IdentityKey::facet(target)];
            Mapped { body: FacetBody::OpportunityEdit(fields), keys, refs }
        }
        CrmOpportunity::Deal(_) => {
            Mapped { body: FacetBody::Opportunity(deal(fields)?), keys: Vec::new(), refs }
        }
    }))
}

/// A deal as it was made: open unless its stage is a winning one, or as its maker said.
fn deal(fields: OpportunityEdit) -> Result<OpportunityFacet, Rejection> {
    let missing = || Rejection::new("missing_field", "/fields/name", "is absent");
    let name = fields.name.ok_or_else(missing)?;
    let status = fields.status.and_then(|status| status.value);
    let outcome = OutcomeRule {
        in_won_stage: status.unwrap_or(Status::Won),
        elsewhere: status.unwrap_or(Status::Open),
        ambiguous_in_won_stage: false,
    };
    Ok(OpportunityFacet {
        opportunity_kind: OpportunityKind::Opportunity,
        name: name.value.unwrap_or_default(),
        partner: None,
        stage: fields.stage.and_then(|stage| stage.value),
        outcome,
        amount: fields.amount.and_then(|amount| amount.value),
        probability_ppm: fields.probability_ppm.and_then(|probability| probability.value),
        owner: fields.owner.and_then(|owner| owner.value),
        team: None,
        company: None,
        close_date: fields.close_date.and_then(|date| date.value),
        created_at: Some(name.at),
        closed_at: Some(name.at),
        staged_at: None,
        assigned_at: None,
        tracked: None,
        recurring: None,
        labels: Default::default(),
        custom: Default::default(),
    })
}
