//! What can be wrong with requests about the organisation.

use axum::http::StatusCode;

use super::ApiError;

impl ApiError {
    pub(crate) fn unknown_person() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-person", "Unknown person", "There is no such person.")
    }

    pub(crate) fn unknown_team() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-team", "Unknown team", "There is no such team.")
    }

    pub(crate) fn unknown_edge() -> Self {
        let detail = "Nobody has declared that, or it was taken back.";
        Self::new(StatusCode::NOT_FOUND, "unknown-edge", "Unknown manager edge", detail)
    }

    pub(crate) fn unknown_delegation() -> Self {
        let detail = "There is no such delegation, or it was withdrawn.";
        Self::new(StatusCode::NOT_FOUND, "unknown-delegation", "Unknown delegation", detail)
    }

    /// Who reports to whom would go round in a circle.
    pub(crate) fn closes_circle(path: String) -> Self {
        Self::new(StatusCode::CONFLICT, "closes-circle", "This would close a circle", path)
            .fix("Give one of them another manager first.")
    }
}
