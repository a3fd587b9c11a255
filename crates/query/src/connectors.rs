//! The port to connectors: what a kind needs to know, and what a source looks like. The app puts the registry behind it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use salescommand_domain::schedule::Schedule;
use secrecy::SecretString;
use serde::Serialize;
use utoipa::ToSchema;

use crate::sources::OpenedSource;

/// Whether one step of a connection test passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// Works.
    Passed,
    /// Works in part; the detail says what is lost.
    Warning,
    /// Does not work.
    Failed,
    /// Not tried, because an earlier step failed.
    NotTried,
}

/// One step of a connection test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceCheck {
    /// `reachable`, `version`, `database`, `login`, `rights: crm.lead`, ….
    pub step: String,
    /// Its outcome.
    pub outcome: CheckOutcome,
    /// What was found; on failure the cause and what to do.
    pub detail: String,
}

/// Whether a source that was tested can be read. A warning says what is lost all the same.
pub fn works(checks: &[SourceCheck]) -> bool {
    checks.iter().all(|check| matches!(check.outcome, CheckOutcome::Passed | CheckOutcome::Warning))
}

/// A field of an object, as the source describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SourceField {
    /// Its name.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Its type, in the source's words.
    pub kind: String,
    /// Whether somebody added it to the product.
    pub custom: bool,
    /// Whether it is read.
    pub read: bool,
    /// The canonical fields that it decides, alone or among others: `amount`, `custom.priority`, `history.stage`. `entity` says
    /// that it decides what the record becomes, or whether it becomes anything. Empty if it stays in the raw zone.
    pub canonical: Vec<String>,
}

/// An object of a source, and what reading all of it takes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SourceObject {
    /// The object, as the source spells it.
    pub object: String,
    /// The canonical entities that its records become; also reference data, such as `stage`.
    pub entities: Vec<String>,
    /// How many records can be read, if the source says so.
    #[schema(format = Int64)]
    pub records: Option<u64>,
    /// Requests to read them all, by the first page.
    #[schema(format = Int64)]
    pub calls: Option<u64>,
    /// Seconds to read them all, by the first page.
    pub seconds: Option<f64>,
    /// Its fields, by name.
    pub fields: Vec<SourceField>,
    /// One record, as it would be published.
    #[schema(value_type = Option<Object>)]
    pub sample: Option<serde_json::Value>,
    /// Why it cannot be read, and what to do, if so.
    pub problem: Option<String>,
}

/// Why a connector did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorError {
    /// There is no such kind, or it reads no source.
    #[error("there is no connector of kind {kind:?}; there are {known}")]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// Those that there are.
        known: String,
    },
    /// A setting is missing or wrong.
    #[error("setting {setting} {problem}")]
    WrongSetting {
        /// Which one.
        setting: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The source did not answer, or refused.
    #[error("{message}")]
    Source {
        /// What happened.
        message: String,
        /// What to do.
        fix: String,
    },
}

/// What the program's connectors can do.
#[async_trait]
pub trait Connectors: Send + Sync {
    /// Checks the settings of a source without reaching it; gives the product's name.
    fn check_settings(
        &self,
        kind: &str,
        settings: &BTreeMap<String, String>,
        secret: &SecretString,
    ) -> Result<String, ConnectorError>;

    /// The objects that sources of a kind may have; none for kinds that are not known.
    fn objects(&self, kind: &str) -> Vec<&'static str>;

    /// When a new source of a kind is read, by its settings, unless somebody says otherwise.
    fn usual_schedule(&self, _kind: &str, _settings: &BTreeMap<String, String>) -> Schedule {
        Schedule::default()
    }

    /// Tests the connection to a source step by step.
    async fn test(&self, source: OpenedSource) -> Result<Vec<SourceCheck>, ConnectorError>;

    /// Looks at what a source has.
    async fn discover(&self, source: OpenedSource) -> Result<Vec<SourceObject>, ConnectorError>;
}
