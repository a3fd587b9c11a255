//! Source instances and their sealed credentials.
//!
//! A credential is sealed under the master key; name and kind are bound to it, so a sealed text moved to another source
//! does not open. Opened sources leave this process only by request and reply to a connector, which the app wires; nothing
//! of the HTTP side opens one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::Schedule;
use salescommand_store::{Condition, Error as StoreError, OPS_SOURCES, Ops, Query};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::document;
use crate::hooks::{HOOKED_KIND, HookDigest, HookKey};
use crate::ids::Ids;
use crate::master_keys::{Closed, MasterKeys, Sealed};

/// More changes than this do not come between a look and a write.
const ATTEMPTS: u32 = 8;

/// Why a source is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is one with this name.
    #[error("there is a source {0} already")]
    NameTaken(String),
    /// There is none with this name.
    #[error("there is no source {0}")]
    Unknown(String),
    /// The name is kept for SalesCommand itself.
    #[error("the name {0} is kept for SalesCommand itself")]
    Reserved(String),
    /// The credential is sealed with a master key that is not configured.
    #[error(
        "the credential of {name} is sealed with the master key {key}, which is not configured: name that key in \
         secrets.former_master_keys, or give the source its credential again"
    )]
    ForeignKey {
        /// The source.
        name: String,
        /// Id of the key.
        key: String,
    },
    /// Its kind sends no hints.
    #[error("{name} is a source of kind {kind}, which sends no hints")]
    Hookless {
        /// The source.
        name: String,
        /// Its kind.
        kind: String,
    },
    /// Somebody changed the document.
    #[error(
        "the credential of {0} does not open, since it was changed or moved; give the source its credential again"
    )]
    Sealed(String),
    /// No random numbers.
    #[error("a credential could not be sealed")]
    Sealing,
    /// Others changed it at the same moment, again and again.
    #[error("the source {0} was changed by somebody else at the same moment; try again")]
    Contended(String),
    /// The store failed.
    #[error("sources cannot be read or written")]
    Store(#[from] StoreError),
}

/// A new source instance.
#[derive(Debug)]
pub struct NewSource {
    /// Its name: what its log is called.
    pub name: InstanceName,
    /// Connector kind: `odoo`.
    pub kind: String,
    /// Name for people.
    pub title: String,
    /// Settings that may be shown: `url`, `database`, `login`, ….
    pub settings: BTreeMap<String, String>,
    /// Password or API key.
    pub secret: SecretString,
    /// When it is read by itself.
    pub schedule: Schedule,
}

/// What is to change in a source; none for what stays.
#[derive(Debug, Default)]
pub struct SourceChange {
    /// Name for people.
    pub title: Option<String>,
    /// All settings that may be shown.
    pub settings: Option<BTreeMap<String, String>>,
    /// Password or API key.
    pub secret: Option<SecretString>,
}

/// A source instance without its credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSummary {
    /// Its name.
    pub name: String,
    /// Connector kind.
    pub kind: String,
    /// Name for people.
    pub title: String,
    /// Settings that may be shown.
    pub settings: BTreeMap<String, String>,
    /// When it is read by itself.
    pub schedule: Schedule,
    /// When that was set.
    pub scheduled_at: Timestamp,
    /// Since when it has the key by which it may hint at changes; none if it may not.
    pub hooked_at: Option<Timestamp>,
}

impl SourceSummary {
    /// The address that people know it by; empty if it has none.
    pub fn url(&self) -> &str {
        self.settings.get("url").map_or("", String::as_str)
    }
}

/// A source instance with its credential.
#[derive(Debug)]
pub struct OpenedSource {
    /// What may be shown.
    pub summary: SourceSummary,
    /// Password or API key.
    pub secret: SecretString,
}

#[derive(Serialize, Deserialize)]
struct StoredSource {
    #[serde(rename = "_id")]
    name: String,
    kind: String,
    title: String,
    settings: BTreeMap<String, String>,
    /// A source from before there were schedules has the usual one.
    #[serde(default)]
    schedule: Schedule,
    /// When the schedule was set, if not when the source was added.
    #[serde(default)]
    scheduled_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hook: Option<StoredHook>,
    sealed: Sealed,
    revision: i64,
    created_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct StoredHook {
    digest: HookDigest,
    set_at: Timestamp,
}

/// What sealing anew came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Credentials that are sealed with the present key now, and were not before.
    pub sealed: u64,
    /// Why the others could not be opened.
    pub closed: Vec<String>,
}

impl StoredSource {
    fn summary(&self) -> SourceSummary {
        SourceSummary {
            name: self.name.clone(),
            kind: self.kind.clone(),
            title: self.title.clone(),
            settings: self.settings.clone(),
            schedule: self.schedule.clone(),
            scheduled_at: self.scheduled_at.unwrap_or(self.created_at),
            hooked_at: self.hook.as_ref().map(|hook| hook.set_at),
        }
    }
}

/// Adds, lists, removes and opens sources.
pub struct Sources {
    ops: Arc<dyn Ops>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    keys: MasterKeys,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sources({:?})", self.keys)
    }
}

impl Sources {
    /// Sources in this store, sealed with these keys.
    pub fn new(ops: Arc<dyn Ops>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, keys: MasterKeys) -> Self {
        Self { ops, clock, ids, keys }
    }

    /// Adds a source.
    pub async fn add(&self, new: NewSource) -> Result<SourceSummary, SourceError> {
        let name = new.name.as_str().to_owned();
        if matches!(name.as_str(), "config" | "crm") {
            return Err(SourceError::Reserved(name));
        }
        let stored = StoredSource {
            sealed: self.seal(&name, &new.kind, &new.secret)?,
            name,
            kind: new.kind,
            title: new.title,
            settings: new.settings,
            schedule: new.schedule,
            scheduled_at: None,
            hook: None,
            revision: 1,
            created_at: self.clock.now(),
        };
        match self.ops.insert(OPS_SOURCES, document::write(&stored)?).await {
            Ok(()) => Ok(stored.summary()),
            Err(StoreError::Duplicate { .. }) => Err(SourceError::NameTaken(stored.name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Every source, by name.
    pub async fn list(&self) -> Result<Vec<SourceSummary>, SourceError> {
        let documents = self.ops.list(OPS_SOURCES, &Query::all()).await?;
        let stored: Vec<StoredSource> = document::read_all(&documents)?;
        let mut sources: Vec<_> = stored.iter().map(StoredSource::summary).collect();
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(sources)
    }

    /// Removes a source and its credential. What it brought into the raw zone stays.
    pub async fn remove(&self, name: &str) -> Result<(), SourceError> {
        match self.ops.delete(OPS_SOURCES, &named(name)).await? {
            0 => Err(SourceError::Unknown(name.to_owned())),
            _ => Ok(()),
        }
    }

    /// Changes a source's name for people, its settings, or its credential; what is none stays.
    pub async fn change(&self, name: &str, change: SourceChange) -> Result<SourceSummary, SourceError> {
        let apply = |stored: &mut StoredSource| {
            if let Some(title) = &change.title {
                stored.title.clone_from(title);
            }
            if let Some(settings) = &change.settings {
                stored.settings.clone_from(settings);
            }
            if let Some(secret) = &change.secret {
                stored.sealed = self.seal(name, &stored.kind, secret)?;
            }
            Ok(true)
        };
        self.update(name, apply).await
    }

    /// Sets when a source is read by itself. The same schedule again changes nothing.
    pub async fn set_schedule(
        &self,
        name: &str,
        change: impl Fn(&mut Schedule) + Send + Sync,
    ) -> Result<SourceSummary, SourceError> {
        let apply = |stored: &mut StoredSource| {
            let before = stored.schedule.clone();
            change(&mut stored.schedule);
            let differs = stored.schedule != before;
            if differs {
                stored.scheduled_at = Some(self.clock.now());
            }
            Ok(differs)
        };
        self.update(name, apply).await
    }

    /// Gives a source a new key by which it may hint at changes; the one before is worth nothing any more.
    pub async fn rotate_hook(&self, name: &str) -> Result<(SourceSummary, HookKey), SourceError> {
        let key = HookKey::generate(&*self.ids).map_err(|_| SourceError::Sealing)?;
        let apply = |stored: &mut StoredSource| {
            if stored.kind != HOOKED_KIND {
                return Err(SourceError::Hookless { name: name.to_owned(), kind: stored.kind.clone() });
            }
            stored.hook = Some(StoredHook { digest: key.digest(), set_at: self.clock.now() });
            Ok(true)
        };
        let changed = self.update(name, apply).await?;
        Ok((changed, key))
    }

    /// Takes that key away; no hint is taken any more.
    pub async fn close_hook(&self, name: &str) -> Result<SourceSummary, SourceError> {
        self.update(name, |stored| Ok(stored.hook.take().is_some())).await
    }

    /// The source whose key this is, if it is that of the one named.
    pub(crate) async fn hooked(
        &self,
        name: &str,
        key: &HookKey,
    ) -> Result<Option<SourceSummary>, SourceError> {
        let stored = match self.find(name).await {
            Err(SourceError::Unknown(_)) => return Ok(None),
            stored => stored?,
        };
        let is_right = stored.hook.as_ref().is_some_and(|hook| hook.digest.is_of(key));
        Ok(is_right.then(|| stored.summary()))
    }

    /// Applies a change to what is stored, again while somebody else is faster; it says whether there is anything to write.
    async fn update(
        &self,
        name: &str,
        mut apply: impl FnMut(&mut StoredSource) -> Result<bool, SourceError> + Send,
    ) -> Result<SourceSummary, SourceError> {
        for _ in 0..ATTEMPTS {
            let mut stored = self.find(name).await?;
            if !apply(&mut stored)? {
                return Ok(stored.summary());
            }
            let expected = stored.revision;
            stored.revision += 1;
            if self.ops.replace_if(OPS_SOURCES, name, expected, document::write(&stored)?).await? {
                return Ok(stored.summary());
            }
        }
        Err(SourceError::Contended(name.to_owned()))
    }

    /// A source without its credential.
    pub async fn show(&self, name: &str) -> Result<SourceSummary, SourceError> {
        Ok(self.find(name).await?.summary())
    }

    async fn find(&self, name: &str) -> Result<StoredSource, SourceError> {
        let found = self.ops.list(OPS_SOURCES, &named(name).limited(1)).await?;
        match found.first() {
            Some(found) => Ok(document::read(found)?),
            None => Err(SourceError::Unknown(name.to_owned())),
        }
    }

    /// Opens a source.
    pub async fn open(&self, name: &str) -> Result<OpenedSource, SourceError> {
        let stored = self.find(name).await?;
        let secret = self.unseal(&stored)?;
        Ok(OpenedSource { summary: stored.summary(), secret })
    }

    /// Seals with the present key what is sealed with a former one, so that the former one can be forgotten.
    pub async fn reseal(&self) -> Result<Resealed, SourceError> {
        let mut done = Resealed::default();
        for source in self.list().await? {
            let mut anew = false;
            let apply = |stored: &mut StoredSource| {
                anew = !self.keys.is_present(&stored.sealed);
                if anew {
                    let secret = self.unseal(stored)?;
                    stored.sealed = self.seal(&stored.name, &stored.kind, &secret)?;
                }
                Ok(anew)
            };
            match self.update(&source.name, apply).await {
                Ok(_) => done.sealed += u64::from(anew),
                Err(closed @ (SourceError::ForeignKey { .. } | SourceError::Sealed(_))) => {
                    done.closed.push(closed.to_string());
                }
                // Forgotten in the meantime.
                Err(SourceError::Unknown(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn seal(&self, name: &str, kind: &str, secret: &SecretString) -> Result<Sealed, SourceError> {
        self.keys.seal(&*self.ids, &binding(name, kind), secret).ok_or(SourceError::Sealing)
    }

    fn unseal(&self, stored: &StoredSource) -> Result<SecretString, SourceError> {
        let opened = self.keys.open(&binding(&stored.name, &stored.kind), &stored.sealed);
        opened.map_err(|closed| match closed {
            Closed::ForeignKey(key) => SourceError::ForeignKey { name: stored.name.clone(), key },
            Closed::Changed => SourceError::Sealed(stored.name.clone()),
        })
    }
}

/// What a credential is bound to.
fn binding(name: &str, kind: &str) -> Vec<u8> {
    format!("salescommand source\0{name}\0{kind}").into_bytes()
}

fn named(name: &str) -> Query {
    Query::all().with(Condition::Eq("_id".to_owned(), Bson::String(name.to_owned())))
}
