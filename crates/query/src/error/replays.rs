//! What is said of replays and of the switch between generations.

use axum::http::StatusCode;
use salescommand_domain::generation::ReplayState;

use super::ApiError;

impl ApiError {
    pub(crate) fn projection_unknown(name: &str, known: &[String]) -> Self {
        let detail = format!("There is no projection {name:?}. Known projections: {}.", known.join(", "));
        Self::new(StatusCode::NOT_FOUND, "projection-unknown", "Unknown projection", detail)
    }

    pub(crate) fn source_not_read(name: &str, known: &[String]) -> Self {
        let detail = format!("No raw log of {name:?} has been read. Known sources: {}.", known.join(", "));
        Self::new(StatusCode::NOT_FOUND, "source-unknown", "Unknown source", detail)
    }

    pub(crate) fn erasure_open() -> Self {
        let detail = "A person is being erased, and what is read still holds them: it cannot be taken over.";
        Self::new(StatusCode::CONFLICT, "erasure-open", "An erasure is under way", detail)
            .fix("Replay everything, or wait until the erasure is complete.")
    }

    pub(crate) fn replay_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "replay-unknown", "Unknown replay", "There is no such replay.")
            .fix("GET /api/data-lake/replays lists replays.")
    }

    pub(crate) fn replay_already_open(id: &str) -> Self {
        let detail = format!("A replay of this kind is not over yet: {id}.");
        Self::new(StatusCode::CONFLICT, "replay-already-open", "Replay already asked for", detail)
            .fix("Wait for it, switch to it, or cancel it.")
    }

    pub(crate) fn replay_over(state: ReplayState) -> Self {
        let detail = format!("The replay has ended: {}.", replay_word(state));
        Self::new(StatusCode::CONFLICT, "replay-over", "Replay is over", detail).fix("Start another one.")
    }

    pub(crate) fn replay_not_ready(state: ReplayState) -> Self {
        let detail = format!("The replay is not built and compared yet: {}.", replay_word(state));
        Self::new(StatusCode::CONFLICT, "replay-not-ready", "Replay is not ready", detail)
            .fix("Wait until its state is ready, and look at its comparison.")
    }

    pub(crate) fn no_previous_generation() -> Self {
        let detail = "There was no switch to go back from, or the way back was given up.";
        Self::new(StatusCode::CONFLICT, "no-previous-generation", "No previous generation", detail)
    }

    /// Somebody else, or a replay, has moved the switch since the caller looked.
    pub(crate) fn switch_moved() -> Self {
        let detail = "What is read is not what you saw any more.";
        Self::new(StatusCode::CONFLICT, "switch-moved", "The switch has moved", detail)
            .fix("Look again, and decide whether you still want it.")
    }
}

/// The state's word, as every answer spells it.
fn replay_word(state: ReplayState) -> String {
    serde_json::to_value(state).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}
