//! `GET /api/data-lake/lineage/{entity}/{id}`: the source records of a golden record, and why each field is what it is.

use salescommand_domain::canonical::{Entity, FacetId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::shown::{LineageFacet, LineageField, RawEventRef, Speller};
use crate::access::{Allowed, DataLakeRead};
use crate::error::{ApiError, Problem};
use crate::extract::{Parameters, Path};
use crate::freshness::Meta;
use crate::merged::MergedRecord;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// Which field.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FieldParameters {
    /// Only this field; all without it
    field: Option<String>,
}

/// The lineage of a record.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordLineage {
    /// Freshness.
    pub meta: Meta,
    /// `opportunity`, `account`, ….
    pub entity: String,
    /// Golden id; another one than was asked for if that was the id of a record joined in it.
    pub id: String,
    /// Deleted in every source that had it.
    pub deleted: bool,
    /// The record that has its content, if it was merged into that one and the reader may see it: a golden id.
    pub merged_into: Option<String>,
    /// The records that were merged into it, as far as the reader may see them.
    pub merged_from: Vec<MergedRecord>,
    /// The source records joined in it.
    pub facets: Vec<LineageFacet>,
    /// Every raw event it was made of, reference data among them; for `ops:read`.
    pub events: Option<Vec<RawEventRef>>,
    /// Its fields by name.
    pub fields: Vec<LineageField>,
}

/// Why a record says what it says
#[utoipa::path(get, path = "/api/data-lake/lineage/{entity}/{id}", tag = "data-lake",
    params(
        ("entity" = String, Path, description = "accounts, contacts, opportunities, activities, users, teams"),
        ("id" = String, Path, description = "Golden id, or the id of any record joined in it"),
        FieldParameters,
    ),
    responses(
        (status = 200, description = "OK", body = RecordLineage),
        (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-entity-type, unknown-record", body = Problem,
            content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn record_lineage(
    allowed: Allowed<DataLakeRead>,
    Path((kind, id)): Path<(String, String)>,
    Parameters(wanted): Parameters<FieldParameters>,
) -> Result<Reply<RecordLineage>, ApiError> {
    let entity = Entity::from_plural(&kind).ok_or_else(|| ApiError::unknown_entity_type(&kind))?;
    let unknown = || ApiError::unknown_record(entity);
    let id: FacetId = id.parse().map_err(|_| unknown())?;
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let golden = viewer.record(entity, id).await?.ok_or_else(unknown)?;
    let explained = viewer.explained(&golden).await?.ok_or_else(unknown)?;
    let speller = Speller::new(&allowed, &viewer.directory);
    let mut fields = explained.explanation.fields;
    if let Some(field) = wanted.field {
        let known: Vec<_> = fields.iter().map(|line| line.field.clone()).collect();
        fields.retain(|line| line.field == field);
        if fields.is_empty() {
            let detail = format!("There is no field {field:?}. Known fields: {}.", known.join(", "));
            return Err(ApiError::malformed_query(detail));
        }
    }
    Ok(Reply(RecordLineage {
        meta: evidence.meta(&viewer),
        entity: entity.singular().to_owned(),
        id: golden.id.to_string(),
        deleted: golden.deleted,
        merged_into: viewer.survivor(&golden).await?.map(|survivor| survivor.id.to_string()),
        merged_from: viewer.merged_from(&golden).await?.iter().map(MergedRecord::from).collect(),
        facets: explained.facets.iter().map(|facet| speller.facet(facet)).collect(),
        events: speller.events(&golden.version),
        fields: fields.into_iter().map(|line| speller.field(line)).collect(),
    }))
}
