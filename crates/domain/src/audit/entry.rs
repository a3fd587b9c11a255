//! What an entry says: who, what, on what, with which outcome.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Hash, Outcome};
use crate::access::Role;
use crate::canonical::FacetId;

/// The format of entries that this program writes.
pub const FORMAT: u32 = 1;
/// Longest text of a detail, an id or an address, in characters: entries are small.
const LONGEST_TEXT: usize = 200;

/// Who did something. Never a name or an e-mail address: those are looked up when the entry is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Actor {
    /// Somebody with an account, by its id.
    Account(String),
    /// A person without an account.
    Person(FacetId),
    /// Somebody at a shell of the server, by the operating system's word for them.
    Shell(String),
    /// A provider's directory that keeps accounts up to date, by the provider's name.
    Scim(String),
    /// SalesCommand itself.
    System,
    /// Somebody who is not signed in.
    Anonymous,
}

/// Text that names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no actor: say account:ID, person:ID, shell:NAME, scim:PROVIDER, system or anonymous")]
pub struct NotAnActor(String);

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "account:{}", short(id)),
            Self::Person(id) => write!(f, "person:{id}"),
            Self::Shell(name) => write!(f, "shell:{}", short(name)),
            Self::Scim(provider) => write!(f, "scim:{}", short(provider)),
            Self::System => f.write_str("system"),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = NotAnActor;

    fn try_from(text: String) -> Result<Self, NotAnActor> {
        text.parse()
    }
}

impl FromStr for Actor {
    type Err = NotAnActor;

    fn from_str(text: &str) -> Result<Self, NotAnActor> {
        let wrong = || NotAnActor(text.to_owned());
        match text.split_once(':') {
            Some(("account", id)) if !id.is_empty() => Ok(Self::Account(id.to_owned())),
            Some(("person", id)) => Ok(Self::Person(id.parse().map_err(|_| wrong())?)),
            Some(("shell", name)) if !name.is_empty() => Ok(Self::Shell(name.to_owned())),
            Some(("scim", provider)) if !provider.is_empty() => Ok(Self::Scim(provider.to_owned())),
            None if text == "system" => Ok(Self::System),
            None if text == "anonymous" => Ok(Self::Anonymous),
            _ => Err(wrong()),
        }
    }
}

/// Kinds of things that something is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// An account, by its id.
    Account,
    /// A person, by golden id.
    Person,
    /// A source instance, by its name.
    Source,
    /// A run of a sync, by its id.
    Run,
    /// A replay, by its id.
    Replay,
    /// What is read, by its canonical generation.
    Generation,
    /// A rejected raw event, by its position.
    Reject,
    /// An epoch of a raw log: `<instance>/<epoch>`.
    Epoch,
    /// An erasure, by the id of its receipt.
    Erasure,
    /// What was exported.
    Collection,
}

/// What something is done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// Which one.
    pub id: String,
}

impl Target {
    /// A thing by its kind and id.
    pub fn new(kind: TargetKind, id: impl AsRef<str>) -> Self {
        Self { kind, id: short(id.as_ref()) }
    }

    /// An account.
    pub fn account(id: impl AsRef<str>) -> Self {
        Self::new(TargetKind::Account, id)
    }

    /// A person.
    pub fn person(id: FacetId) -> Self {
        Self::new(TargetKind::Person, id.to_string())
    }

    /// A source instance.
    pub fn source(name: impl AsRef<str>) -> Self {
        Self::new(TargetKind::Source, name)
    }
}

/// The few particulars of an entry. Free text of people has no place in it: it may name somebody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Details(BTreeMap<String, Value>);

impl Details {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What became of a role.
    #[must_use]
    pub fn role(self, before: Role, after: Role) -> Self {
        let word = |role: Role| serde_json::to_value(role).unwrap_or_default();
        self.put("role_before", word(before)).put("role_after", word(after))
    }

    /// A role that is given.
    #[must_use]
    pub fn of_role(self, role: Role) -> Self {
        self.put("role", serde_json::to_value(role).unwrap_or_default())
    }

    /// Why something was refused or did not come to its end: a stable word.
    #[must_use]
    pub fn code(self, code: &str) -> Self {
        self.put("code", short(code).into())
    }

    /// The way by which something was done: a stable word.
    #[must_use]
    pub fn by(self, way: &str) -> Self {
        self.put("by", short(way).into())
    }

    /// Which of several kinds: a stable word.
    #[must_use]
    pub fn kind(self, kind: &str) -> Self {
        self.put("kind", short(kind).into())
    }

    /// A keyed digest of an address that nobody has.
    #[must_use]
    pub fn address_digest(self, digest: &str) -> Self {
        self.put("address_digest", short(digest).into())
    }

    /// Names of fields, settings or objects; the first twenty of them.
    #[must_use]
    pub fn names<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<Value> = names.into_iter().take(20).map(|name| short(name).into()).collect();
        if names.is_empty() { self } else { self.put("names", names.into()) }
    }

    /// A run, a replay or a receipt that belongs to it.
    #[must_use]
    pub fn reference(self, id: &str) -> Self {
        self.put("reference", short(id).into())
    }

    /// Somebody else whom it is about, by an id: a stable word for what they are in it.
    #[must_use]
    pub fn whom(self, what: &str, id: &str) -> Self {
        self.put(&short(what), short(id).into())
    }

    /// From one day to another, as far as they are said.
    #[must_use]
    pub fn days(self, first: Option<Date>, last: Option<Date>) -> Self {
        let named = [("first", first), ("last", last)];
        let named = named.into_iter().filter_map(|(name, day)| Some((name, day?)));
        named.fold(self, |details, (name, day)| details.put(name, day.to_string().into()))
    }

    /// Something that was asked for on top: a stable word.
    #[must_use]
    pub fn with(self, option: &str, given: bool) -> Self {
        if given { self.put(&short(option), true.into()) } else { self }
    }

    /// Both, the other's particulars over these.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn put(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }
}

/// An entry before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id, which is nobody else's.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// With which role; none for whoever has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What.
    pub action: Action,
    /// On what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What came of it.
    pub outcome: Outcome,
    /// From which address, of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Which request, as its answer and the structured log name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Particulars.
    #[serde(default, skip_serializing_if = "Details::is_empty")]
    pub details: Details,
}

impl Draft {
    /// Somebody has done something.
    pub fn new(actor: Actor, action: Action) -> Self {
        Self {
            id: String::new(),
            at: Timestamp::UNIX_EPOCH,
            actor,
            role: None,
            action,
            target: None,
            outcome: Outcome::Done,
            address: None,
            request: None,
            details: Details::default(),
        }
    }

    /// To something.
    #[must_use]
    pub fn on(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// With particulars.
    #[must_use]
    pub fn detailed(self, details: Details) -> Self {
        Self { details: self.details.and(details), ..self }
    }

    /// With another outcome.
    #[must_use]
    pub fn ended(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

/// An entry as it is read. Words are kept as they stand, so that entries of a newer program are shown as well.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The format that it was written in.
    pub format: u32,
    /// Its place in the chain, from 1.
    pub position: u64,
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// With which role.
    #[serde(default)]
    pub role: Option<String>,
    /// What.
    pub action: String,
    /// On what.
    #[serde(default)]
    pub target: Option<EntryTarget>,
    /// What came of it.
    pub outcome: String,
    /// From which address.
    #[serde(default)]
    pub address: Option<String>,
    /// Which request.
    #[serde(default)]
    pub request: Option<String>,
    /// Particulars.
    #[serde(default)]
    pub details: BTreeMap<String, Value>,
    /// Digest of the entry before.
    pub previous: Hash,
}

/// What something was done to, as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryTarget {
    /// What it is.
    pub kind: String,
    /// Which one.
    pub id: String,
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_read_back_and_others_refused() {
        let person = FacetId(uuid::Uuid::from_u128(7));
        for actor in [
            Actor::Account("a1".into()),
            Actor::Person(person),
            Actor::Shell("root".into()),
            Actor::Scim("ms365".into()),
            Actor::System,
            Actor::Anonymous,
        ] {
            assert_eq!(actor.to_string().parse(), Ok(actor));
        }
        for wrong in ["", "root", "account:", "shell:", "scim:", "person:x", "robot:1", "system:1"] {
            assert!(wrong.parse::<Actor>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_stays_small() {
        let details = Details::default()
            .role(Role::Viewer, Role::Executive)
            .names(["url", "login"])
            .code(&"x".repeat(900))
            .with("full", true)
            .with("accepted", false);
        let draft = Draft::new(Actor::Shell("root\n".into()), Action::AccountRoleChanged)
            .on(Target::account("a1"))
            .detailed(details);
        let text = serde_json::to_string(&draft).unwrap();
        assert!(text.len() < 600, "{text}");
        let read: Draft = serde_json::from_str(&text).unwrap();
        assert_eq!(read.actor, Actor::Shell("root".into()));
        assert_eq!((read.target, read.details), (draft.target, draft.details));
        assert!(!text.contains("accepted") && text.contains("\"role_before\":\"viewer\""), "{text}");
    }
}
