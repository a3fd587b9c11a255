//! Names of collections. Every canonical and serving name ends in its generation; which generation is read comes
//! from the one document in [`ACTIVE_COLLECTION`].

use std::collections::BTreeMap;

use salescommand_domain::canonical::Entity;
use serde::{Deserialize, Serialize};

/// Holds the one document, `active`, that says which generations are read.
pub const ACTIVE_COLLECTION: &str = "active";
/// Holds one position per consumer.
pub const POSITIONS_COLLECTION: &str = "positions";
/// SalesCommand's accounts; unique by `email`.
pub const OPS_USERS: &str = "ops_users";
/// Refresh tokens, by digest.
pub const OPS_REFRESH_TOKENS: &str = "ops_refresh_tokens";
/// Identities at sign-in providers, by digest, and their accounts.
pub const OPS_IDENTITIES: &str = "ops_identities";
/// Sign-ins through providers that have come back, by digest of their state.
pub const OPS_USED_SIGN_INS: &str = "ops_used_sign_ins";
/// Delegations: who lets whom see what they see, on which days.
pub const OPS_DELEGATIONS: &str = "ops_delegations";
/// Source instances with their sealed credentials, by name.
pub const OPS_SOURCES: &str = "ops_sources";
/// Generations that exist, active or not.
pub const OPS_GENERATIONS: &str = "ops_generations";
/// Replays: asked for, under way, ended.
pub const OPS_REPLAYS: &str = "ops_replays";
/// Entries of the audit log that wait for their place in it.
pub const OPS_AUDIT_OUTBOX: &str = "ops_audit_outbox";
/// What erasures have changed, until nothing is left of what was before.
pub const OPS_ERASURES: &str = "ops_erasures";
/// Roll-ups that readers want kept: by their key, with the scope keys that they sum.
pub const OPS_ROLL_UPS: &str = "ops_roll_ups";

/// The switch: which canonical generation and which serving generation of each projection are read.
/// A request reads it once, so no answer mixes generations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Active {
    /// The canonical generation.
    pub canonical: u32,
    /// The serving generation of each projection.
    pub serving: BTreeMap<String, u32>,
    /// Version of the reporting tree under which roll-ups stand.
    pub org_version: i64,
    /// What was read before the last switch: one command goes back to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Generations>,
}

/// A canonical generation and the serving generations that read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// The canonical generation.
    pub canonical: u32,
    /// The serving generation of each projection.
    pub serving: BTreeMap<String, u32>,
}

impl Active {
    /// What is read, without what was.
    pub fn generations(&self) -> Generations {
        Generations { canonical: self.canonical, serving: self.serving.clone() }
    }

    /// The switch after moving to other generations; these become the previous ones.
    #[must_use]
    pub fn moved_to(&self, next: Generations) -> Self {
        Self {
            canonical: next.canonical,
            serving: next.serving,
            org_version: self.org_version,
            previous: Some(self.generations()),
        }
    }
}

/// The name under which a canonical generation's normalizer keeps its position; projections read there which numbers
/// of the canonical stream count.
pub fn normalizer_consumer(generation: u32) -> String {
    format!("normalizer_g{generation}")
}

/// Golden records of an entity.
pub fn canonical_collection(entity: Entity, generation: u32) -> String {
    format!("canonical_{}_g{generation}", entity.plural())
}

/// Facets.
pub fn facets_collection(generation: u32) -> String {
    format!("canonical_facets_g{generation}")
}

/// Links facet → golden record, for facets that are not golden records of their own.
pub fn links_collection(generation: u32) -> String {
    format!("canonical_links_g{generation}")
}

/// Versions of opportunities' records with their rows of history.
pub fn history_collection(generation: u32) -> String {
    format!("canonical_history_g{generation}")
}

/// Deletions of records that are not held; internal.
pub fn history_orphans_collection(generation: u32) -> String {
    format!("canonical_history_state_g{generation}")
}

/// Events not yet published.
pub fn outbox_collection(generation: u32) -> String {
    format!("canonical_outbox_g{generation}")
}

/// Rejected raw events.
pub fn quarantine_collection(generation: u32) -> String {
    format!("canonical_quarantine_g{generation}")
}

/// Documents of a projection's collection.
pub fn serving_collection(name: &str, generation: u32) -> String {
    format!("serving_{name}_g{generation}")
}

/// A projection's sums of many scope keys together, by the key of the roll-up.
pub fn roll_ups_collection(name: &str, generation: u32) -> String {
    serving_collection(&format!("{name}_roll_ups"), generation)
}

/// Which roll-ups of a projection are kept, and which scope keys each sums.
pub fn roll_up_keys_collection(name: &str, generation: u32) -> String {
    serving_collection(&format!("{name}_roll_up_keys"), generation)
}
