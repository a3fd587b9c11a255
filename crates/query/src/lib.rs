//! The query service: serving zone to HTTP.
//!
//! Thin: a handler parses, authorises, reads prepared documents or one indexed page, answers. It folds nothing and
//! writes neither canonical nor serving documents; of the operational collections it owns accounts, refresh tokens
//! and sealed sources.
//!
//! Invariants: a handler without `access::Allowed` reaches no record; every record is read through the scope of
//! its reader; one without a session reaches no more than `access::Hinting` does; a request reads the switch once; every failure is one problem document and tells no internals; no
//! password, token or credential is logged, shown or stored in the clear.

mod access;
pub mod accounts;
mod audit;
mod auth;
mod clock;
mod config;
pub mod connectors;
mod consumers;
mod contract;
pub mod cursors;
pub mod delegations;
mod digest;
mod directories;
mod directory;
mod docs;
mod document;
mod error;
mod exchange;
mod extract;
mod freshness;
mod front_end;
pub mod generations;
pub mod hooks;
mod ids;
pub mod lineage;
mod listener;
mod load;
pub mod mail;
mod master_keys;
mod merged;
mod money;
pub mod oidc;
pub mod organisation;
pub mod people;
mod public_facts;
pub mod quarantine;
pub mod raw_zone;
mod readiness;
mod reply;
mod roll_ups;
mod routes;
mod run;
pub mod run_log;
mod scim;
mod scopes;
mod seal;
mod service;
mod session_keys;
pub mod sources;
pub mod sync;
mod telemetry;
mod tls;
mod viewer;
pub mod writes;

pub use clock::{Clock, SystemClock};
pub use config::{Config, DemoLogin, KeyError, SymmetricKey};
pub use ids::{Ids, NoRandomness, SystemIds};
pub use listener::Limits;
pub use load::{LOAD_SUBJECT, Load};
pub use master_keys::MasterKeys;
pub use public_facts::{PUBLIC_FACTS, PublicFact};
pub use readiness::{HealthCheck, HealthStatus, RAW_ZONE, ReadinessCheck};
pub use routes::PUBLIC_OPERATIONS;
pub use service::{Deps, QueryService, ServiceError, openapi_json};
pub use session_keys::SessionKeys;
pub use telemetry::{detached_metrics, install_metrics};
pub use tls::{TlsError, TlsFiles};
