//! Scope keys and scopes.
//!
//! Every record has one scope key, by a rule per entity: its owner's facet; unassigned records the inbox of their
//! team, else of their company, else of their source. A scope is the set of keys a user may read.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::canonical::FacetId;
use crate::raw::{Digest, InstanceName};

/// The one key by which a record's visibility is decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScopeKey(String);

impl ScopeKey {
    /// The rule for owned records: owner, else team inbox, else company inbox, else the source's inbox.
    pub fn of(
        owner: Option<FacetId>,
        team: Option<FacetId>,
        company: Option<FacetId>,
        instance: &InstanceName,
    ) -> Self {
        match (owner, team, company) {
            (Some(owner), _, _) => Self::owner(owner),
            (None, Some(team), _) => Self::team(team),
            (None, None, Some(company)) => Self(format!("company:{company}")),
            (None, None, None) => Self(format!("source:{instance}")),
        }
    }

    /// Records owned by a user's facet.
    pub fn owner(owner: FacetId) -> Self {
        Self(format!("owner:{owner}"))
    }

    /// A team's unassigned records.
    pub fn team(team: FacetId) -> Self {
        Self(format!("team:{team}"))
    }

    /// Facts that every signed-in user may read: names of stages, teams and people, the calendar.
    pub fn public() -> Self {
        Self("public".to_owned())
    }

    /// The sums of everything that these keys say, together: named by its content, so that sums kept under it can never be
    /// those of other keys. None stands for every record.
    pub fn roll_up<'a>(keys: Option<impl Iterator<Item = &'a Self>>) -> Self {
        let Some(keys) = keys else { return Self("rollup:all".to_owned()) };
        let mut bytes = Vec::new();
        for key in keys {
            bytes.extend_from_slice(key.0.as_bytes());
            bytes.push(b'\n');
        }
        Self(format!("rollup:{}", Digest::of(&bytes)))
    }

    /// The key as text, as it stands in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keys are equal, and in the order, of their texts.
impl Borrow<str> for ScopeKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScopeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How wide a scope is, for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// Every record.
    All,
    /// A reporting tree.
    Team,
    /// One's own records.
    Own,
}

/// What a user may read. Made by [`super::OrgTree::scope`] only.
#[derive(Debug, Clone)]
pub struct Scope {
    kind: ScopeKind,
    keys: BTreeSet<ScopeKey>,
    people: usize,
    delegated: usize,
    /// Worked out once, if it is asked for: it is a digest of all keys.
    roll_up: OnceLock<ScopeKey>,
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        let parts = |scope: &Self| (scope.kind, scope.people, scope.delegated);
        parts(self) == parts(other) && self.keys == other.keys
    }
}

impl Eq for Scope {}

impl Scope {
    /// Every record.
    pub(super) fn all(people: usize) -> Self {
        Self::new(ScopeKind::All, BTreeSet::new(), people, 0)
    }

    /// The records of these keys: of so many people, some of whom only delegate.
    pub(super) fn of(keys: BTreeSet<ScopeKey>, people: usize, delegated: usize) -> Self {
        let kind = if people > 1 { ScopeKind::Team } else { ScopeKind::Own };
        Self::new(kind, keys, people, delegated)
    }

    fn new(kind: ScopeKind, keys: BTreeSet<ScopeKey>, people: usize, delegated: usize) -> Self {
        Self { kind, keys, people, delegated, roll_up: OnceLock::new() }
    }

    /// Whether a record with this key may be read.
    pub fn allows(&self, key: &ScopeKey) -> bool {
        self.allows_text(key.as_str())
    }

    /// The same of a key as it stands in the database.
    pub fn allows_text(&self, key: &str) -> bool {
        self.kind == ScopeKind::All || self.keys.contains(key)
    }

    /// The keys to read by, or none if every record may be read.
    pub fn keys(&self) -> Option<&BTreeSet<ScopeKey>> {
        (self.kind != ScopeKind::All).then_some(&self.keys)
    }

    /// The key under which the sums of all its records are kept together, if they are.
    pub fn roll_up(&self) -> &ScopeKey {
        self.roll_up.get_or_init(|| ScopeKey::roll_up(self.keys().map(BTreeSet::iter)))
    }

    /// How wide it is.
    pub fn kind(&self) -> ScopeKind {
        self.kind
    }

    /// How many people's records it covers.
    pub fn people(&self) -> usize {
        self.people
    }

    /// How many of those it covers only because somebody delegates to the user.
    pub fn delegated(&self) -> usize {
        self.delegated
    }
}
