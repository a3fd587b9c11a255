//! The port to the document store: documents in transactions with a consumer's position, scoped reads, and the
//! operational collections.
//!
//! Documents are BSON, a format; no driver type stands in a signature. `store-mongo` is MongoDB behind it,
//! [`memory::MemoryStore`] the twin for tests; `conformance` (feature `testsuite`) is the suite
//! that both pass.
//!
//! Invariants: a [`Batch`] is in with all its writes and its position, or not at all; a batch whose expected
//! revision is not the stored one is [`Error::Fenced`]; serving documents cannot be read without a scope.

mod check;
#[cfg(feature = "testsuite")]
pub mod conformance;
mod consumer;
mod document;
mod hashes;
mod layer;
pub mod memory;
mod names;
mod pace;
mod port;
mod registry;
mod stored;
mod unwritten;
pub mod work;

pub use check::{
    check_batch, check_deletion, check_evidence, check_operational, check_query, check_rolled_up,
    check_scoped,
};
pub use consumer::Consumer;
pub use document::{
    Batch, CollectionSpec, Condition, Direction, IndexKind, Operation, Query, StoredPosition, Write,
};
pub use hashes::{BUCKETS, BucketSums, Change, HASHES_COLLECTION, bucket_of, chunk_ids, stored_sums};
pub use layer::{Layer, Layered};
pub use names::{
    ACTIVE_COLLECTION, Active, Generations, OPS_AUDIT_OUTBOX, OPS_DELEGATIONS, OPS_ERASURES, OPS_GENERATIONS,
    OPS_IDENTITIES, OPS_REFRESH_TOKENS, OPS_REPLAYS, OPS_ROLL_UPS, OPS_SOURCES, OPS_USED_SIGN_INS, OPS_USERS,
    POSITIONS_COLLECTION, canonical_collection, facets_collection, history_collection,
    history_orphans_collection, links_collection, normalizer_consumer, outbox_collection,
    quarantine_collection, roll_up_keys_collection, roll_ups_collection, serving_collection,
};
pub use pace::{Considerate, Pace, Readers, Turn, Unhurried, ensure_at_pace};
pub use port::{Documents, Error, Ops, Referring, ScopedReads};
pub use registry::Registry;
pub use stored::{
    ACTIVE_ID, active_document, position_document, revision_of, stored_active, stored_position, text_id,
};
