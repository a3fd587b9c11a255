//! SCIM 2.0 (RFC 7643, RFC 7644): a directory that keeps the accounts of its people here up to date.
//!
//! This module knows the protocol and nothing of accounts: what a user looks like, filters, changes, errors, and what the server
//! says of itself. It is pure, and forgiving where directories are known to differ from the standard: names are read in any
//! spelling, Entra ID's `"False"` is a truth value, and attributes that are not kept are passed over.
//!
//! Invariants: no text, however shaped, makes a parser panic; what is sent becomes typed values and never a part of a query.

mod error;
mod filter;
mod patch;
mod schema;
mod user;

pub(crate) use error::ScimError;
pub(crate) use filter::{Filter, Subject};
pub(crate) use patch::patched;
pub(crate) use schema::{MOST_USERS, page, resource_types, schemas, service_provider_config, whole};
pub(crate) use user::{Meta, ScimEmail, ScimUser, Shown};

/// The media type of requests and answers; JSON is taken as well.
pub(crate) const MEDIA_TYPE: &str = "application/scim+json";
/// Below this path everything is SCIM.
pub(crate) const PREFIX: &str = "/scim/";
/// Where it begins.
pub(crate) const BASE: &str = "/scim/v2";

pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
