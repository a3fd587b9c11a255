//! The query service over the in-memory twins of store and event log.

mod access;
mod auth;
mod openapi;
mod overview;
mod problems;
mod reads;
mod records;
mod sources;
mod switches;
mod sync;
mod world;
