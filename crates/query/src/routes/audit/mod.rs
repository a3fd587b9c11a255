//! `/api/audit`: who did what, for whoever may know.

pub(crate) mod export;
pub(crate) mod list;
pub(crate) mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use salescommand_domain::audit::{Actor, Entry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, AuditRead};
use crate::directory::Directory;
use crate::error::ApiError;

/// The word of targets that are accounts.
const ACCOUNT: &str = "account";
/// The word of targets that are people.
const PERSON: &str = "person";

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor {
    /// `account:ID`, `person:ID`, `shell:NAME`, `scim:PROVIDER`, `system` or `anonymous`.
    pub id: String,
    /// The present name of an account; none if there is none any more.
    pub name: Option<String>,
    /// The role that it had then.
    pub role: Option<String>,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditTarget {
    /// `account`, `person`, `source`, `run`, `replay`, `generation`, `reject`, `epoch`, `erasure` or `collection`.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// The present name of an account or a person.
    pub name: Option<String>,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the chain, from 1.
    #[schema(format = Int64)]
    pub position: u64,
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: AuditActor,
    /// What: a dotted word.
    pub action: String,
    /// On what.
    pub target: Option<AuditTarget>,
    /// `done`, `refused`, `failed` or `unknown`.
    pub outcome: String,
    /// From which address.
    pub address: Option<String>,
    /// Which request.
    pub request: Option<String>,
    /// Particulars.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub details: BTreeMap<String, serde_json::Value>,
}

/// The names that accounts and people have now: none stands in the log.
struct Names {
    accounts: BTreeMap<String, String>,
    directory: Arc<Directory>,
}

impl Names {
    async fn of(allowed: &Allowed<AuditRead>, entries: &[Entry]) -> Result<Self, ApiError> {
        let actors = entries.iter().filter_map(|entry| match entry.actor.parse() {
            Ok(Actor::Account(id)) => Some(id),
            _ => None,
        });
        let targets = entries.iter().filter_map(|entry| entry.target.as_ref());
        let targets = targets.filter(|target| target.kind == ACCOUNT).map(|target| target.id.clone());
        let ids: BTreeSet<String> = actors.chain(targets).collect();
        let accounts = allowed.app().accounts.names(ids).await.map_err(ApiError::store)?;
        Ok(Self { accounts, directory: allowed.directory().clone() })
    }

    fn name_of(&self, kind: &str, id: &str) -> Option<String> {
        match kind {
            ACCOUNT => self.accounts.get(id).cloned(),
            PERSON => self.directory.person(id.parse().ok()?).map(|person| person.name),
            _ => None,
        }
    }

    fn shown(&self, entry: Entry) -> AuditEntry {
        let name = match entry.actor.parse() {
            Ok(Actor::Account(id)) => self.accounts.get(&id).cloned(),
            _ => None,
        };
        let target = entry.target.map(|target| AuditTarget {
            name: self.name_of(&target.kind, &target.id),
            kind: target.kind,
            id: target.id,
        });
        AuditEntry {
            position: entry.position,
            id: entry.id,
            at: entry.at,
            actor: AuditActor { id: entry.actor, name, role: entry.role },
            action: entry.action,
            target,
            outcome: entry.outcome,
            address: entry.address,
            request: entry.request,
            details: entry.details,
        }
    }
}
