//! One opportunity to its reader: found by any of its ids, answered with its version as ETag.
//!
//! The ETag is a digest of the body and, sealed, the version of the edit that a change would continue. A change says
//! it in `If-Match`; then the broker decides whether that version is still the newest. What a source changes in the
//! meantime is no conflict: an edit lies over it, field by field.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use salescommand_domain::canonical::{
    CrmOpportunity, Entity, Facet, FacetBody, FacetId, Golden, OpportunityEdit,
};
use salescommand_domain::raw::Position;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::shown::{OpportunityItem, crm_facets, shown};
use crate::access::Allowed;
use crate::error::ApiError;
use crate::freshness::Meta;
use crate::merged::MergedRecord;
use crate::reply::{Reply, digest_of};
use crate::viewer::Viewer;
use crate::writes::{Ticket, WriteAccepted, WriteState};

/// The purpose of sealed versions.
const PURPOSE: &str = "etag";

/// One opportunity.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpportunityAnswer {
    /// Freshness.
    pub meta: Meta,
    /// The record.
    pub opportunity: OpportunityItem,
    /// The opportunities that were merged into it at their source, as far as the reader may see them.
    pub merged_from: Vec<MergedRecord>,
    /// Where the write is whose token was sent as `written`.
    pub write: Option<WriteState>,
}

/// What an ETag holds of the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// The golden record.
    id: FacetId,
    /// The facet that a change edits.
    edits: FacetId,
    /// The edit's version; none if nobody has edited it yet.
    at: Option<Position>,
}

/// A record with what was written over it.
pub(super) struct Record {
    pub(super) golden: Golden,
    written: BTreeMap<FacetId, Facet>,
}

impl Record {
    /// The record that a facet belongs to, if the reader may see it: the same problem for absent and forbidden ones.
    pub(super) async fn find(viewer: &Viewer, id: &str) -> Result<Self, ApiError> {
        let unknown = || ApiError::unknown_record(Entity::Opportunity);
        let id: FacetId = id.parse().map_err(|_| unknown())?;
        let golden = viewer.record(Entity::Opportunity, id).await?.ok_or_else(unknown)?;
        let written = crm_facets(viewer, std::slice::from_ref(&golden)).await?;
        Ok(Self { golden, written })
    }

    /// The problem of a record that was merged into another one.
    pub(super) async fn not_merged_away(&self, viewer: &Viewer) -> Result<(), ApiError> {
        if self.golden.merged_into.is_none() {
            return Ok(());
        }
        let survivor = viewer.survivor(&self.golden).await?;
        let unknown = || ApiError::unknown_record(Entity::Opportunity);
        Err(survivor.map_or_else(unknown, |survivor| ApiError::merged_away(survivor.id)))
    }

    /// The facet that a change edits: the one that is edited already, else the smallest that is no edit itself.
    pub(super) fn target(&self) -> FacetId {
        let facets = &self.golden.facets;
        let edited = facets.iter().find_map(|facet| match CrmOpportunity::of(&facet.source)? {
            CrmOpportunity::Edit(target) => facets.iter().any(|other| other.id == target).then_some(target),
            CrmOpportunity::Deal(_) => None,
        });
        let is_edit = |facet: &FacetId| matches!(self.written.get(facet), Some(edit) if is_edit(edit));
        let plain = facets.iter().map(|facet| facet.id).find(|facet| !is_edit(facet));
        edited.or(plain).unwrap_or(self.golden.id)
    }

    /// The edit of the target, withdrawn or not.
    pub(super) fn edit(&self) -> Option<&Facet> {
        self.written.get(&CrmOpportunity::Edit(self.target()).source().facet_id())
    }

    /// The edited fields as they are.
    pub(super) fn edited_fields(&self) -> OpportunityEdit {
        match self.edit().filter(|edit| !edit.deleted).map(|edit| &edit.body) {
            Some(FacetBody::OpportunityEdit(fields)) => fields.clone(),
            _ => OpportunityEdit::default(),
        }
    }

    /// The deals made here that are in it and not deleted.
    pub(super) fn own_deals(&self) -> impl Iterator<Item = (CrmOpportunity, &Facet)> {
        let deals = self.written.values().filter(|facet| !is_edit(facet) && !facet.deleted);
        deals.filter_map(|facet| Some((CrmOpportunity::of(&facet.source)?, facet)))
    }

    /// Whether a source has it, deals made here not counted.
    pub(super) fn is_of_a_source(&self) -> bool {
        self.golden.facets.iter().any(|facet| !self.written.contains_key(&facet.id))
    }

    fn version(&self) -> Version {
        Version { id: self.golden.id, edits: self.target(), at: self.edit().map(|edit| edit.position) }
    }

    /// The version that the author of a change saw; a problem if they do not say, or say another record's.
    pub(super) fn expected<P>(
        &self,
        allowed: &Allowed<P>,
        headers: &HeaderMap,
    ) -> Result<Option<Position>, ApiError> {
        let given = headers.get(header::IF_MATCH).ok_or_else(ApiError::version_required)?;
        let tag = given.to_str().map_err(|_| ApiError::stale())?.trim();
        if tag == "*" {
            return Err(ApiError::version_required());
        }
        let sealed = tag.trim_start_matches("W/").trim_matches('"').split_once('.').map(|(_, sealed)| sealed);
        let text = sealed.and_then(|sealed| allowed.guarded().seals.open(PURPOSE, sealed));
        let version: Option<Version> = text.and_then(|text| serde_json::from_str(&text).ok());
        let version = version.ok_or_else(ApiError::stale)?;
        if (version.id, version.edits) == (self.golden.id, self.target()) {
            Ok(version.at)
        } else {
            Err(ApiError::stale())
        }
    }

    /// The answer with the record in it.
    pub(super) async fn answer<P>(
        &self,
        allowed: &Allowed<P>,
        viewer: &Viewer,
        status: StatusCode,
        write: Option<WriteState>,
    ) -> Result<Response, ApiError> {
        let meta = allowed.evidence().await?.meta(viewer);
        let opportunity = shown(&self.golden, &self.written, &viewer.directory)
            .ok_or_else(|| ApiError::unknown_record(Entity::Opportunity))?;
        let merged_from = viewer.merged_from(&self.golden).await?.iter().map(MergedRecord::from).collect();
        let body = OpportunityAnswer { meta, opportunity, merged_from, write };
        let version = serde_json::to_string(&self.version()).map_err(ApiError::internal)?;
        let sealed = allowed.guarded().seals.seal(PURPOSE, &version);
        let sealed = sealed.ok_or_else(|| ApiError::internal("a version cannot be sealed"))?;
        let tag = format!("\"{}.{sealed}\"", digest_of(&body).map_err(ApiError::internal)?);
        let mut response = (status, Reply(body)).into_response();
        let tag = HeaderValue::from_str(&tag).map_err(ApiError::internal)?;
        response.headers_mut().insert(header::ETAG, tag);
        Ok(response)
    }
}

fn is_edit(facet: &Facet) -> bool {
    matches!(facet.body, FacetBody::OpportunityEdit(_))
}

/// The answer to a write: the record as it is now, or a token if it takes longer.
pub(super) async fn answer_write<P>(
    allowed: &Allowed<P>,
    ticket: Ticket,
    done: StatusCode,
) -> Result<Response, ApiError> {
    if let Some(viewer) = ticket.wait(allowed).await? {
        let record = match Record::find(&viewer, &ticket.id).await {
            Ok(record) => record,
            // The change itself took the record out of its author's sight.
            Err(_) => {
                return Ok(
                    (StatusCode::ACCEPTED, axum::Json(in_sight_no_more(&ticket, allowed)?)).into_response()
                );
            }
        };
        return record.answer(allowed, &viewer, done, Some(WriteState::In)).await;
    }
    Ok((StatusCode::ACCEPTED, axum::Json(ticket.accepted(allowed)?)).into_response())
}

fn in_sight_no_more<P>(ticket: &Ticket, allowed: &Allowed<P>) -> Result<WriteAccepted, ApiError> {
    Ok(WriteAccepted { state: WriteState::In, ..ticket.accepted(allowed)? })
}
