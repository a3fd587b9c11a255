//! `GET /api/sync/runs/{run}/events`: a run under way, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! Each event has the whole state of the run, so who lost the connection misses nothing by asking again. The stream ends with the
//! run, with the access or the session that it was asked for with, and with the service.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream;
use utoipa::ToSchema;

use crate::access::{Allowed, SyncRead};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::sync::{Run, RunBook};

/// How often the run is looked at; who works on it writes twice a second.
const LOOK: Duration = Duration::from_millis(500);

/// An event of a run.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written event by event")]
pub struct RunEvent {
    /// What it tells.
    #[schema(pattern = "^(progress|end)$")]
    event: String,
    /// The run, as JSON: a `Run`.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// A run under way, as it goes
///
/// Server-sent events. `progress` has the whole run whenever it has changed, with the pace and the time that is left of each
/// object; `end` has it once more when it is over, and closes the stream. A run that is over already has only its `end`.
#[utoipa::path(get, path = "/api/sync/runs/{run}/events", tag = "sync",
    params(("run" = String, Path, description = "Id of the run")),
    responses(
        (status = 200, description = "Events `progress` and `end`", body = RunEvent, content_type = "text/event-stream"),
        (status = 404, description = "run-unknown", body = Problem, content_type = "application/problem+json"),
        crate::routes::SignedInProblems,
    ))]
pub(crate) async fn sync_run_events(
    allowed: Allowed<SyncRead>,
    Path(run): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let book = allowed.guarded().runs.book().await.map_err(ApiError::broker)?;
    let found = book.run(&run).cloned().ok_or_else(|| ApiError::run_unknown(&run))?;
    let watch =
        Watch { allowed: Arc::new(allowed), run, next: Some((found, book)), shown: None, over: false };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next_event().await?;
        Some((Ok::<_, Infallible>(event), watch))
    });
    // A proxy that collects answers before it passes them on (nginx) is asked not to.
    Ok(([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::default())))
}

/// One who watches a run.
struct Watch {
    allowed: Arc<Allowed<SyncRead>>,
    run: String,
    /// What the first look found, before it is shown.
    next: Option<(Run, RunBook)>,
    /// What was shown last.
    shown: Option<Run>,
    /// The end was shown.
    over: bool,
}

impl Watch {
    /// The next event; none when the stream is at its end.
    async fn next_event(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        loop {
            let (run, book) = match self.next.take() {
                Some(first) => first,
                None => self.look().await?,
            };
            self.over = book.is_over(&run);
            if self.over || self.shown.as_ref() != Some(&run) {
                let name = if self.over { "end" } else { "progress" };
                let event = Event::default().event(name).json_data(&run).ok();
                self.shown = Some(run);
                return event;
            }
        }
    }

    /// Looks after a while, and again while the broker is away; none if the run, the access or the service is gone.
    async fn look(&self) -> Option<(Run, RunBook)> {
        let app = self.allowed.app();
        loop {
            app.closing.run_until_cancelled(tokio::time::sleep(LOOK)).await?;
            let expired = app.clock.now() >= self.allowed.access_expires_at;
            if expired || !self.allowed.still_signed_in().await {
                return None;
            }
            match self.allowed.guarded().runs.book().await {
                Ok(book) => return Some((book.run(&self.run)?.clone(), book)),
                Err(error) => tracing::debug!(%error, "a run cannot be looked at; looking again"),
            }
        }
    }
}
