//! The history of opportunities as it is served.

use serde::{Deserialize, Serialize};

use crate::access::ScopeKey;
use crate::canonical::FacetId;
use crate::canonical::history::HistoryVersion;

/// One version of one of an opportunity's records: the document of `opportunity_history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpportunityVersion {
    /// The version and its rows; first, since documents begin with their id.
    #[serde(flatten)]
    pub version: HistoryVersion,
    /// The opportunity that the record is joined in; none while it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opportunity: Option<FacetId>,
    /// Who may see it: whoever may see the opportunity as it is now; none for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_key: Option<ScopeKey>,
}
