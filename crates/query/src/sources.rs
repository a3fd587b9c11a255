//! Source instances and their sealed credentials.
//!
//! A credential is sealed with AES-256-GCM under the master key; name and kind are bound to it, so a sealed text
//! moved to another source does not open. Opened sources leave this process only by request and reply to a connector,
//! which the app wires; nothing of the HTTP side opens one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::raw::InstanceName;
use salescommand_domain::schedule::Schedule;
use salescommand_store::{Condition, Error as StoreError, OPS_SOURCES, Ops, Query};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::SymmetricKey;
use crate::document;
use crate::ids::Ids;

const NONCE_BYTES: usize = 12;
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
    /// The credential does not open: another master key, or somebody changed the document.
    #[error("the credential of {0} does not open with this master key; add the source again")]
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
    sealed: Sealed,
    revision: i64,
    created_at: Timestamp,
}

/// A sealed credential.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// Which master key opens it.
    key_id: String,
    /// Base64 of nonce and ciphertext.
    nonce_and_ciphertext: String,
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
        }
    }
}

/// Adds, lists, removes and opens sources.
pub struct Sources {
    ops: Arc<dyn Ops>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    cipher: Aes256Gcm,
    key_id: String,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sources(key {})", self.key_id)
    }
}

impl Sources {
    /// Sources in this store, sealed with this key.
    pub fn new(
        ops: Arc<dyn Ops>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        master_key: &SymmetricKey,
    ) -> Result<Self, SourceError> {
        let cipher = Aes256Gcm::new_from_slice(master_key.bytes()).map_err(|_| SourceError::Sealing)?;
        Ok(Self { ops, clock, ids, cipher, key_id: master_key.id() })
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

    /// Applies a change to what is stored, again while somebody else is faster; it says whether there is anything to write.
    async fn update(
        &self,
        name: &str,
        apply: impl Fn(&mut StoredSource) -> Result<bool, SourceError> + Send + Sync,
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

    fn seal(&self, name: &str, kind: &str, secret: &SecretString) -> Result<Sealed, SourceError> {
        let mut nonce = [0; NONCE_BYTES];
        self.ids.fill(&mut nonce).map_err(|_| SourceError::Sealing)?;
        let bound = binding(name, kind);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &bound };
        let ciphertext =
            self.cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| SourceError::Sealing)?;
        let text = BASE64_STANDARD.encode([nonce.as_slice(), &ciphertext].concat());
        Ok(Sealed { key_id: self.key_id.clone(), nonce_and_ciphertext: text })
    }

    fn unseal(&self, stored: &StoredSource) -> Result<SecretString, SourceError> {
        let sealed = || SourceError::Sealed(stored.name.clone());
        let bytes = BASE64_STANDARD.decode(&stored.sealed.nonce_and_ciphertext).map_err(|_| sealed())?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(sealed)?;
        let bound = binding(&stored.name, &stored.kind);
        let payload = Payload { msg: ciphertext, aad: &bound };
        let plain = self.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| sealed())?;
        String::from_utf8(plain).map(SecretString::from).map_err(|_| sealed())
    }
}

/// What a credential is bound to.
fn binding(name: &str, kind: &str) -> Vec<u8> {
    format!("salescommand source\0{name}\0{kind}").into_bytes()
}

fn named(name: &str) -> Query {
    Query::all().with(Condition::Eq("_id".to_owned(), Bson::String(name.to_owned())))
}
