//! `PUT /api/sync/sources/{source}/schedule`: when a source is read by itself.

use std::collections::BTreeMap;

use axum::Json;
use jiff::Timestamp;
use salescommand_domain::audit::{Action, Details, Target};
use salescommand_domain::raw::ObjectName;
use salescommand_domain::schedule::{Cadence, PAUSE_AFTER, Schedule, is_paused};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::{Allowed, OpsManage};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::sources::SourceSummary;
use crate::sync::RunBook;

/// When a source is read by itself. A cadence is `manual`, `webhook` (when the source hints at a change, and only then), an
/// interval (`15m`, `2h`, `1d`), or five crontab fields with a time zone behind them (`*/10 7-19 * * MON-FRI Europe/Zurich`; UTC if none is given).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// Of the objects that have none of their own.
    pub cadence: String,
    /// Objects with a cadence of their own.
    #[serde(default)]
    pub objects: BTreeMap<String, String>,
}

/// When a source is read by itself, and when next.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceSchedule {
    /// Of the objects that have none of their own.
    pub cadence: String,
    /// Objects with a cadence of their own.
    pub objects: BTreeMap<String, String>,
    /// When the next run is due; none if never, or while it is paused.
    pub next_at: Option<Timestamp>,
    /// How many runs in a row have read nothing because of something that a person has to mend.
    #[schema(format = Int64)]
    pub failures: u32,
    /// After how many of them no run is started by the clock any more, until one that somebody asks for reads something.
    #[schema(format = Int64)]
    pub paused_after: u32,
    /// Whether that is so.
    pub paused: bool,
}

impl SourceSchedule {
    pub(super) fn of(source: &SourceSummary, runs: &RunBook) -> Self {
        let Schedule { cadence, objects } = &source.schedule;
        let recorded = runs.recorded(&source.name);
        let asked = recorded.map(|recorded| recorded.asked.clone()).unwrap_or_default();
        let failures = recorded.map_or(0, |recorded| recorded.failures);
        let paused = is_paused(failures);
        let next_at = source.schedule.next(&asked, source.scheduled_at).filter(|_| !paused);
        let objects = objects.iter().map(|(object, cadence)| (object.to_string(), cadence.to_string()));
        let (cadence, paused_after) = (cadence.to_string(), PAUSE_AFTER);
        Self { cadence, objects: objects.collect(), next_at, failures, paused_after, paused }
    }
}

/// Set when a source is read by itself
#[utoipa::path(put, path = "/api/sync/sources/{source}/schedule", tag = "sync",
    params(("source" = String, Path, description = "The source")),
    request_body = ScheduleRequest,
    responses(
        (status = 200, description = "OK", body = SourceSchedule),
        (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "source-unknown", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn set_schedule(
    allowed: Allowed<OpsManage>,
    Path(name): Path<String>,
    Body(request): Body<ScheduleRequest>,
) -> Result<Json<SourceSchedule>, ApiError> {
    let schedule = schedule(request)?;
    let runs = allowed.guarded().runs.book().await.map_err(ApiError::broker)?;
    let entry = allowed.entry(Action::SourceChanged, Target::source(&name));
    let set = async {
        let set = allowed.guarded().sources.set_schedule(&name, |present| *present = schedule.clone()).await;
        set.map_err(ApiError::sources)
    };
    let source = allowed.audited(entry.detailed(Details::default().names(["schedule"])), set).await?;
    let cadence = source.schedule.cadence.as_str();
    tracing::info!(account.id = allowed.account.id, source.name = name, cadence, "a schedule was set");
    Ok(Json(SourceSchedule::of(&source, &runs)))
}

fn schedule(request: ScheduleRequest) -> Result<Schedule, ApiError> {
    let cadence = |field: &str, text: String| {
        Cadence::try_from(text).map_err(|error| ApiError::invalid_field(field, error.to_string()))
    };
    let own = |(name, own): (String, String)| {
        let object =
            ObjectName::new(name).map_err(|error| ApiError::invalid_field("objects", error.to_string()))?;
        let own = cadence(&format!("objects.{object}"), own)?;
        Ok((object, own))
    };
    let objects = request.objects.into_iter().map(own).collect::<Result<_, ApiError>>()?;
    Ok(Schedule { cadence: cadence("cadence", request.cadence)?, objects })
}
