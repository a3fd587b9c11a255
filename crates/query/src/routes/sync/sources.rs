//! `/api/sync/sources`: the source instances. Credentials go in and never come out.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use salescommand_domain::audit::{Action, Details, Target};
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::{Cadence, Schedule};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Allowed, OpsManage, OpsRead};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::sources::{NewSource, SourceChange, SourceSummary};

/// Longest name for people, in characters.
const LONGEST_TITLE: usize = 200;

/// A source instance.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceInstance {
    /// Its name.
    pub name: String,
    /// Connector kind.
    pub kind: String,
    /// Name for people.
    pub title: String,
    /// Settings that may be shown.
    pub settings: BTreeMap<String, String>,
    /// When it is read by itself: the objects that have no cadence of their own.
    pub cadence: String,
    /// Objects with a cadence of their own.
    pub objects: BTreeMap<String, String>,
    /// Since when it has a web hook with its present key; none if it has none.
    pub hooked_at: Option<Timestamp>,
}

impl From<SourceSummary> for SourceInstance {
    fn from(source: SourceSummary) -> Self {
        let SourceSummary { name, kind, title, settings, schedule, hooked_at, .. } = source;
        let objects = schedule.objects.into_iter().map(|(object, own)| (object.into(), own.into()));
        let (cadence, objects) = (schedule.cadence.into(), objects.collect());
        Self { name, kind, title, settings, cadence, objects, hooked_at }
    }
}

/// Every source instance.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceInstances {
    /// By name.
    pub sources: Vec<SourceInstance>,
}

/// A source to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceAddition {
    /// A name of its own: a-z, 0-9 and '-', beginning with a letter. It never changes: the raw log is called by it.
    pub name: String,
    /// Connector kind: `odoo`, `ms365`.
    pub kind: String,
    /// Name for people; the product's and the source's if it has none.
    pub title: Option<String>,
    /// Settings that may be shown: `url`, `database`, `login`, ….
    pub settings: BTreeMap<String, String>,
    /// Password or API key. It is sealed, and never shown again.
    #[schema(value_type = String, format = Password)]
    pub secret: SecretString,
    /// When it is read by itself; every 15 minutes if nothing is said.
    pub cadence: Option<String>,
}

/// What is to change in a source; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceEdit {
    /// Name for people.
    pub title: Option<String>,
    /// All settings that may be shown.
    pub settings: Option<BTreeMap<String, String>>,
    /// Password or API key.
    #[schema(value_type = Option<String>, format = Password)]
    pub secret: Option<SecretString>,
}

/// The source instances
#[utoipa::path(get, path = "/api/sync/sources", tag = "sync", responses(
    (status = 200, description = "OK", body = SourceInstances),
    SignedInProblems,
))]
pub(crate) async fn sources(allowed: Allowed<OpsRead>) -> Result<Reply<SourceInstances>, ApiError> {
    let sources = allowed.guarded().sources.list().await.map_err(ApiError::sources)?;
    Ok(Reply(SourceInstances { sources: sources.into_iter().map(SourceInstance::from).collect() }))
}

/// Add a source
///
/// Its settings are checked, and it is not reached yet: test it afterwards.
#[utoipa::path(post, path = "/api/sync/sources", tag = "sync", request_body = SourceAddition, responses(
    (status = 201, description = "Added", body = SourceInstance),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "source-name-taken", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn add_source(
    allowed: Allowed<OpsManage>,
    Body(new): Body<SourceAddition>,
) -> Result<(StatusCode, Json<SourceInstance>), ApiError> {
    let SourceAddition { name, kind, title, settings, secret, cadence } = new;
    let name = InstanceName::new(name).map_err(|error| ApiError::invalid_field("name", error.to_string()))?;
    let cadence = cadence.map(Cadence::try_from).transpose();
    let cadence = cadence.map_err(|error| ApiError::invalid_field("cadence", error.to_string()))?;
    let guarded = allowed.guarded();
    let usual = || guarded.connectors.usual_schedule(&kind, &settings);
    let schedule = cadence.map_or_else(usual, |cadence| Schedule { cadence, objects: BTreeMap::new() });
    let product =
        guarded.connectors.check_settings(&kind, &settings, &secret).map_err(ApiError::connector)?;
    let title = match title {
        Some(title) => checked(title)?,
        None => format!("{product} ({name})"),
    };
    let new = NewSource { name, kind, title, settings, secret, schedule };
    let entry = allowed.entry(Action::SourceAdded, Target::source(new.name.as_str()));
    let entry = entry.detailed(Details::default().kind(&new.kind));
    let add = async { guarded.sources.add(new).await.map_err(ApiError::sources) };
    let added = allowed.audited(entry, add).await?;
    tracing::info!(account.id = allowed.account.id, source.name = added.name, "a source was added");
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Change a source
#[utoipa::path(patch, path = "/api/sync/sources/{source}", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    request_body = SourceEdit,
    responses(
        (status = 200, description = "Changed", body = SourceInstance),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "source-sealed", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn change_source(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
    Body(edit): Body<SourceEdit>,
) -> Result<Json<SourceInstance>, ApiError> {
    let guarded = allowed.guarded();
    let SourceEdit { title, settings, secret } = edit;
    let title = title.map(checked).transpose()?;
    if settings.is_some() || secret.is_some() {
        // What stays has to go with what changes. A credential that no longer opens may still be set anew.
        let (summary, secret) = match &secret {
            Some(secret) => (guarded.sources.show(&name).await.map_err(ApiError::sources)?, secret.clone()),
            None => {
                let opened = guarded.sources.open(&name).await.map_err(ApiError::sources)?;
                (opened.summary, opened.secret)
            }
        };
        let settings = settings.as_ref().unwrap_or(&summary.settings);
        let checked = guarded.connectors.check_settings(&summary.kind, settings, &secret);
        checked.map_err(ApiError::connector)?;
    }
    let resealed = secret.is_some();
    let entry = |action| allowed.entry(action, Target::source(&name));
    // Names alone: among the values are sign-in names.
    let parts = [("title", title.is_some()), ("settings", settings.is_some())];
    let parts: Vec<_> = parts.into_iter().filter(|(_, given)| *given).map(|(part, _)| part).collect();
    let mut entries = Vec::new();
    if !parts.is_empty() {
        entries.push(entry(Action::SourceChanged).detailed(Details::default().names(parts)));
    }
    entries.extend(resealed.then(|| entry(Action::SourceCredentialReplaced)));
    let change = SourceChange { title, settings, secret };
    let change = async { guarded.sources.change(&name, change).await.map_err(ApiError::sources) };
    let changed = allowed.app().audited(entries, change).await?;
    tracing::info!(account.id = allowed.account.id, source.name = name, resealed, "a source was changed");
    Ok(Json(changed.into()))
}

/// Forget a source
///
/// Its settings and its credential go; what it brought into the raw zone stays, and so do the figures.
#[utoipa::path(delete, path = "/api/sync/sources/{source}", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    responses(
        (status = 204, description = "Forgotten"),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn remove_source(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let remove = async { allowed.guarded().sources.remove(&name).await.map_err(ApiError::sources) };
    allowed.audited(allowed.entry(Action::SourceRemoved, Target::source(&name)), remove).await?;
    tracing::info!(account.id = allowed.account.id, source.name = name, "a source was forgotten");
    Ok(StatusCode::NO_CONTENT)
}

fn checked(title: String) -> Result<String, ApiError> {
    let title = title.trim().to_owned();
    if title.is_empty() || title.chars().count() > LONGEST_TITLE {
        let detail = format!("must have 1 to {LONGEST_TITLE} characters.");
        return Err(ApiError::invalid_field("title", detail));
    }
    Ok(title)
}
