//! What a deletion may say beside that the record is gone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Payload;

/// The payload of a deletion that was no end: the record's content went into another record of the same object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergedAway {
    /// Key of the record that is left, in the same object.
    pub merged_into: String,
    /// How that is known, for people. Holds no personal data: it outlives the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl MergedAway {
    /// What a deletion's payload says; none if it says nothing of the kind, whatever else it holds.
    pub fn of(payload: &Payload) -> Option<Self> {
        let Payload::Inline(payload) = payload else { return None };
        let merged_into = payload.get("merged_into")?.as_str().filter(|key| !key.is_empty())?.to_owned();
        let evidence = payload.get("evidence").and_then(Value::as_str).map(str::to_owned);
        Some(Self { merged_into, evidence })
    }

    /// The payload that says it.
    pub fn payload(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_anything_else_says_nothing() {
        for evidence in [None, Some("message 7".to_owned())] {
            let away = MergedAway { merged_into: "17".to_owned(), evidence };
            assert_eq!(MergedAway::of(&Payload::Inline(away.payload())), Some(away));
        }
        for other in
            [json!(null), json!({}), json!("17"), json!({"merged_into": 17}), json!({"merged_into": ""})]
        {
            assert_eq!(MergedAway::of(&Payload::Inline(other.clone())), None, "{other}");
        }
    }
}
