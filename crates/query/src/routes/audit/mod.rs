//! `/api/audit`: who did what, for whoever may know.

pub(crate) mod export;
pub(crate) mod list;
pub(crate) mod verify;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use salescommand_domain::audit::{Actor, Entry};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, AuditRead};
use crate::error::ApiError;

/// The word of targets that are accounts.
const ACCOUNT: &str = "account";

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActor {
    /// `account:ID`, `person:ID`, `shell:NAME`, `system` or `anonymous`.
    pub id: String,
    /// The present name of an account; none if there is none any more.
    pub name: Option<String>,
    /// The role that it had then.
    pub role: Option<String>,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditTarget {
    /// `account`, `source`, `run`, `replay`, `generation`, `reject`, `epoch`, `erasure` or `collection`.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// The present name of an account.
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

/// The names that accounts have now: none stands in the log.
struct Names(BTreeMap<String, String>);

impl Names {
    async fn of(allowed: &Allowed<AuditRead>, entries: &[Entry]) -> Result<Self, ApiError> {
        let actors = entries.iter().filter_map(|entry| match entry.actor.parse() {
            Ok(Actor::Account(id)) => Some(id),
            _ => None,
        });
        let targets = entries.iter().filter_map(|entry| entry.target.as_ref());
        let targets = targets.filter(|target| target.kind == ACCOUNT).map(|target| target.id.clone());
        let ids: BTreeSet<String> = actors.chain(targets).collect();
        Ok(Self(allowed.app().accounts.names(ids).await.map_err(ApiError::store)?))
    }

    fn shown(&self, entry: Entry) -> AuditEntry {
        let name = match entry.actor.parse() {
            Ok(Actor::Account(id)) => self.0.get(&id).cloned(),
            _ => None,
        };
        let target = entry.target.map(|target| AuditTarget {
            name: self.0.get(&target.id).filter(|_| target.kind == ACCOUNT).cloned(),
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
