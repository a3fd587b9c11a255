//! `POST /api/odoo/hooks/{source}`: where the automation rules of an Odoo say that a record has changed.
//!
//! What is posted is a hint and no more: of the body only the model's name is looked at, and of that only whether it is one that
//! is read. Nothing of it is stored, believed or said again; what has changed is asked of Odoo itself.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::access::Hinting;
use crate::error::{ApiError, Problem};
use crate::extract::Body;

/// What Odoo 17 and later post ("Send Webhook Notification"). All but the model is ignored, further members too.
#[derive(Debug, Deserialize, ToSchema)]
pub struct OdooHint {
    /// Name of the model: `crm.lead`.
    #[serde(rename = "_model")]
    pub model: String,
}

/// Tell that a record of an Odoo has changed
///
/// For automation rules of Odoo, which take an address and nothing else. The model's object is read within about ten seconds, and
/// once more two minutes later; any number of hints in the meantime is one. Models that are not read get the same answer.
#[utoipa::path(post, path = "/api/odoo/hooks/{source}/{key}", tag = "odoo",
    params(
        ("source" = String, Path, description = "The source"),
        ("key" = String, Path, description = "The key of its hook"),
    ),
    request_body = OdooHint,
    responses(
        (status = 202, description = "Taken"),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "hook-unknown: a wrong key, no such source, or one that takes no hints",
            body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "body-too-large", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "too-many-attempts: wrong keys from one address; the right one is always heard",
            body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A dependency is unavailable", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn odoo_hook(hinting: Hinting, Body(hint): Body<OdooHint>) -> Result<StatusCode, ApiError> {
    let known = hinting.hint(&hint.model).await?;
    tracing::debug!(?hinting, known, "a hint was taken");
    Ok(StatusCode::ACCEPTED)
}

/// Tell that a record of an Odoo has changed, with the key in a header
///
/// The same for those who can set one: `Authorization: Bearer KEY`.
#[utoipa::path(post, path = "/api/odoo/hooks/{source}", tag = "odoo",
    params(
        ("source" = String, Path, description = "The source"),
    ),
    request_body = OdooHint,
    responses(
        (status = 202, description = "Taken"),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "hook-unknown: no key or a wrong one, no such source, or one that takes no hints",
            body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "body-too-large", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "too-many-attempts: wrong keys from one address; the right one is always heard",
            body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A dependency is unavailable", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn odoo_hook_bearer(hinting: Hinting, hint: Body<OdooHint>) -> Result<StatusCode, ApiError> {
    odoo_hook(hinting, hint).await
}
