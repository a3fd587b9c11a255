//! Getting a source's opened configuration, and opening it.
//!
//! The process that owns the sealed credentials answers on [`OPEN_SUBJECT`]. The secret goes from the answer into
//! a [`SecretString`] and the answer's bytes are wiped; it is never logged and never written.

use std::collections::BTreeMap;
use std::time::Duration;

use salescommand_connectors::{Reach, Settings, Source, descriptor};
use salescommand_domain::raw::InstanceName;
use salescommand_eventlog::{Error as LogError, Requests};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use crate::run::RunError;

/// Subject of the question for a source's configuration.
pub const OPEN_SUBJECT: &str = "svc.sources.open";
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OpenQuestion {
    /// The source instance.
    pub name: InstanceName,
}

/// The answer, as JSON: a configuration, or `{"error": {"code", "message", "fix"}}`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum OpenAnswer {
    /// The configuration could not be opened.
    Refused {
        /// Why.
        error: RunError,
    },
    /// The configuration.
    Opened {
        /// The connector's kind.
        kind: String,
        /// The name that people gave it.
        title: String,
        /// Settings that may be shown.
        settings: BTreeMap<String, String>,
        /// The secret.
        secret: SecretString,
    },
}

/// A source and its connector's kind.
pub(crate) struct Opened {
    pub(crate) kind: String,
    /// The source, or what a person has to mend before it opens.
    pub(crate) source: Result<Box<dyn Source>, RunError>,
}

/// Makes a source of a kind and its settings.
pub(crate) type Opener = dyn Fn(&str, Settings) -> Result<Box<dyn Source>, RunError> + Send + Sync;

/// Asks for the configuration and opens the source. An error means to ask again later.
pub(crate) async fn open(
    requests: &dyn Requests,
    (opener, reach): (&Opener, &Reach),
    instance: &InstanceName,
) -> Result<Opened, LogError> {
    let question = OpenQuestion { name: instance.clone() };
    let question = serde_json::to_vec(&question).map_err(|error| LogError::Refused(error.to_string()))?;
    let answer = requests.request(OPEN_SUBJECT, question.into(), ANSWER_WITHIN).await?;
    let answer = Zeroizing::new(Vec::from(answer));
    let refused = |error| Opened { kind: "unknown".to_owned(), source: Err(error) };
    Ok(match serde_json::from_slice(&answer) {
        Ok(OpenAnswer::Opened { kind, settings, secret, .. }) => {
            let source = opener(&kind, Settings { plain: settings, secret, reach: reach.clone() });
            Opened { kind, source }
        }
        Ok(OpenAnswer::Refused { error }) => refused(error),
        // The parser's message may quote the answer, so it is not passed on.
        Err(_) => refused(RunError {
            code: "configuration-unreadable".to_owned(),
            message: format!("the configuration of {instance} is not readable"),
            fix: "Run the same version of all processes, or add the source again.".to_owned(),
        }),
    })
}

/// Opens a source by the registry of connectors.
pub(crate) fn open_registered(kind: &str, settings: Settings) -> Result<Box<dyn Source>, RunError> {
    let unknown = || RunError {
        code: "unknown-kind".to_owned(),
        message: format!("there is no connector of kind {kind} that reads a source"),
        fix: "Update this process, or add the source with a kind that it has.".to_owned(),
    };
    let open = descriptor(kind).and_then(|descriptor| descriptor.open).ok_or_else(unknown)?;
    open(settings).map_err(|error| RunError {
        code: "wrong-setting".to_owned(),
        message: format!("setting {} is wrong", error.setting),
        fix: error.problem,
    })
}
