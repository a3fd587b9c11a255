//! The query service over the in-memory twins of store and event log.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod access;
mod audit;
mod auth;
mod connections;
mod contract;
mod controls;
mod forgotten;
mod generations;
mod hooks;
mod hostile;
mod idempotency;
mod interference;
mod labels;
mod lineage;
mod merged;
mod odoo;
mod openapi;
mod opportunities;
mod org;
mod overview;
mod owasp;
mod problems;
mod providers;
mod quarantine;
mod reads;
mod records;
mod roll_ups;
mod serving;
mod sessions;
mod sources;
mod switches;
mod sync;
mod sync_runs;
mod users;
mod world;
