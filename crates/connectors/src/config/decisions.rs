//! What operators decide: about rejected events, and how a foreign instance is mapped.

use salescommand_domain::canonical::{FacetBody, Mapped, QuarantineAction, QuarantineDecision, Rejection};
use salescommand_domain::raw::RawPosition;
use serde_json::{Map, Value};

use super::{required, text};

/// A decision about a rejected raw event, which the key names.
pub(super) fn quarantine(fields: &Map<String, Value>, key: &str) -> Result<Mapped, Rejection> {
    key.parse::<RawPosition>().map_err(|error| Rejection::new("key_mismatch", "", error.to_string()))?;
    let reason = text(fields, "reason")?;
    let action = match required(fields, "decision")?.as_str() {
        "retry" => QuarantineAction::Retry,
        "waive" => QuarantineAction::Waive,
        other => {
            let detail = format!("expected retry or waive, found {other:?}");
            return Err(Rejection::new("out_of_range", "/decision", detail));
        }
    };
    if action == QuarantineAction::Waive && reason.is_none() {
        return Err(Rejection::new("missing_field", "/reason", "a waiver says why"));
    }
    let body = FacetBody::QuarantineDecision(QuarantineDecision { action, reason });
    Ok(Mapped { body, keys: Vec::new(), refs: Vec::new() })
}

/// A mapping has a program; whether it can be used is seen when a generation is made with it.
pub(super) fn mapping(fields: &Map<String, Value>) -> Result<(), Rejection> {
    required(fields, "program").map(|_| ())
}
