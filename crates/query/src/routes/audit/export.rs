//! `GET /api/audit/export`.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use salescommand_audit::{AuditLog, ExportForm, Filter};
use salescommand_domain::audit::{Action, Details, Target, TargetKind};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::list::filter;
use crate::access::{Allowed, AuditRead};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::routes::SignedInProblems;

/// A form of file.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditForm {
    /// JSON Lines: each line is the bytes of an entry, as the chain has them.
    #[default]
    Jsonl,
    /// Comma-separated values.
    Csv,
}

/// Which entries, in which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParameters {
    /// `jsonl` if nothing is said
    #[param(inline)]
    format: Option<AuditForm>,
    /// By whom: `account:ID`, `person:ID`, `shell:NAME`, `system` or `anonymous`
    actor: Option<String>,
    /// Beginning of the action: `account.` or `session.refused`
    action: Option<String>,
    /// Id of what something was done to
    target: Option<String>,
    /// At this moment or later
    from: Option<jiff::Timestamp>,
    /// Before this moment
    to: Option<jiff::Timestamp>,
}

/// Export the audit log
///
/// The oldest entry first. Without conditions the lines of `jsonl` are the whole chain: the SHA-256 of each line is the
/// `previous` of the next. That somebody has exported is an entry itself.
#[utoipa::path(get, path = "/api/audit/export", tag = "audit", params(ExportParameters), responses(
    (status = 200, description = "A file", content((String = "application/jsonl"), (String = "text/csv"))),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn export_audit(
    allowed: Allowed<AuditRead>,
    Parameters(wanted): Parameters<ExportParameters>,
) -> Result<Response, ApiError> {
    let (form, kind) = match wanted.format.unwrap_or_default() {
        AuditForm::Jsonl => (ExportForm::Lines, "application/jsonl"),
        AuditForm::Csv => (ExportForm::Csv, "text/csv; charset=utf-8"),
    };
    let ExportParameters { actor, action, target, from, to, .. } = wanted;
    let filter = Filter { action, target, from, to, ..filter(actor)? };
    let audit = allowed.guarded().audit.clone();
    let end = audit.end().await.map_err(ApiError::audit_log)?;
    let entry = allowed.entry(Action::ExportMade, Target::new(TargetKind::Collection, "audit"));
    allowed.app().record(entry.detailed(Details::default().kind(form.word()))).await?;
    let file = format!("attachment; filename=\"audit.{}\"", form.word());
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, file),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, body(audit, filter, form, end)).into_response())
}

/// The file, piece by piece. One that breaks off is seen to: the connection ends before its body does.
fn body(audit: AuditLog, filter: Filter, form: ExportForm, end: u64) -> Body {
    let head = stream::iter([Ok(Bytes::from_static(form.head().as_bytes()))]);
    let pieces = stream::try_unfold(Some(0), move |after| {
        let (audit, filter) = (audit.clone(), filter.clone());
        async move {
            let Some(after) = after else { return Ok(None) };
            let piece = audit.export(&filter, form, after, end).await?;
            Ok::<_, salescommand_audit::Error>(Some((Bytes::from(piece.bytes), piece.next)))
        }
    });
    Body::from_stream(head.chain(pieces))
}
