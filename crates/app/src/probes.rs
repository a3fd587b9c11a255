//! The registry of connectors, as the query service and the command line ask for it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use salescommand_connectors::{
    CheckState, DESCRIPTORS, Descriptor, Discovered, Field, Reach, Settings, Source, SourceError, descriptor,
    discover,
};
use salescommand_domain::schedule::Schedule;
use salescommand_query::connectors::{
    CheckOutcome, ConnectorError, Connectors, SourceCheck, SourceField, SourceObject,
};
use salescommand_query::sources::OpenedSource;
use secrecy::SecretString;

/// Every connector kind that this program has.
pub struct Registry {
    /// Where sources may be.
    reach: Reach,
}

impl Registry {
    /// The connectors, for sources that may be here.
    pub fn new(reach: Reach) -> Self {
        Self { reach }
    }

    fn open(
        &self,
        kind: &str,
        plain: BTreeMap<String, String>,
        secret: SecretString,
    ) -> Result<(&'static Descriptor, Box<dyn Source>), ConnectorError> {
        let room = descriptor(kind).and_then(|room| Some((room, room.open?)));
        let (room, open) = room.ok_or_else(|| {
            let readable = DESCRIPTORS.iter().filter(|room| room.open.is_some()).map(|room| room.kind);
            let known = readable.collect::<Vec<_>>().join(", ");
            ConnectorError::UnknownKind { kind: kind.to_owned(), known }
        })?;
        let opened = open(Settings { plain, secret, reach: self.reach.clone() });
        let opened = opened.map_err(|error| ConnectorError::WrongSetting {
            setting: error.setting,
            problem: error.problem,
        })?;
        Ok((room, opened))
    }
}

#[async_trait]
impl Connectors for Registry {
    fn check_settings(
        &self,
        kind: &str,
        settings: &BTreeMap<String, String>,
        secret: &SecretString,
    ) -> Result<String, ConnectorError> {
        self.open(kind, settings.clone(), secret.clone()).map(|(room, _)| room.title.to_owned())
    }

    fn objects(&self, kind: &str) -> Vec<&'static str> {
        descriptor(kind).map(|room| room.objects.iter().map(|it| it.object).collect()).unwrap_or_default()
    }

    fn usual_schedule(&self, kind: &str, settings: &BTreeMap<String, String>) -> Schedule {
        salescommand_connectors::usual_schedule(kind, settings)
    }

    async fn test(&self, source: OpenedSource) -> Result<Vec<SourceCheck>, ConnectorError> {
        let (_, mut opened) = self.open(&source.summary.kind, source.summary.settings, source.secret)?;
        let checks = opened.check().await.into_iter().map(|check| SourceCheck {
            step: check.step,
            outcome: match check.state {
                CheckState::Passed => CheckOutcome::Passed,
                CheckState::Warning => CheckOutcome::Warning,
                CheckState::Failed => CheckOutcome::Failed,
                CheckState::NotTried => CheckOutcome::NotTried,
            },
            detail: check.detail,
        });
        Ok(checks.collect())
    }

    async fn discover(&self, source: OpenedSource) -> Result<Vec<SourceObject>, ConnectorError> {
        let (room, mut opened) = self.open(&source.summary.kind, source.summary.settings, source.secret)?;
        let found = discover(&mut *opened).await.map_err(|error| {
            let (message, fix) = words(error);
            ConnectorError::Source { message, fix }
        })?;
        Ok(found.into_iter().map(|found| shown(room, found)).collect())
    }
}

/// What happened, and what to do about it.
fn words(error: SourceError) -> (String, String) {
    match error {
        SourceError::Transient { message, .. } => {
            (message, "Check that the source is up and reachable from here, then try again.".to_owned())
        }
        SourceError::Permanent { message, fix, .. } => (message, fix),
    }
}

fn shown(room: &Descriptor, found: Discovered) -> SourceObject {
    let mapping = room.objects.iter().find(|mapping| mapping.object == found.object.as_str());
    let canonical = |field: &Field| -> Vec<String> {
        let mapped = mapping.iter().flat_map(|mapping| mapping.fields);
        let named = mapped.filter(|mapped| field.read && mapped.field == field.name);
        let own = (field.read && field.custom).then(|| format!("custom.{}", field.name));
        named.map(|mapped| mapped.canonical.to_owned()).chain(own).collect()
    };
    let fields = found.fields.into_iter().map(|field| SourceField {
        canonical: canonical(&field),
        name: field.name,
        label: field.label,
        kind: field.kind,
        custom: field.custom,
        read: field.read,
    });
    SourceObject {
        entities: mapping.iter().flat_map(|mapping| mapping.entities).map(|it| (*it).to_owned()).collect(),
        object: found.object.into(),
        records: found.records,
        calls: found.estimate.map(|estimate| estimate.calls),
        seconds: found.estimate.map(|estimate| estimate.takes.as_secs_f64()),
        fields: fields.collect(),
        sample: found.sample,
        problem: found.problem.map(|problem| {
            let (message, fix) = words(problem);
            format!("{message}; {fix}")
        }),
    }
}
