//! A tenant of Microsoft 365, as the driver sees it.

use async_trait::async_trait;
use salescommand_domain::raw::{Digest, ObjectName};
use serde_json::Value as Json;

use super::batch::Answered;
use super::client::Client;
use super::config::Config;
use super::fault::{self, CallError, Refusal};
use super::objects::{self, GROUPS, OBJECTS, Object, USERS};
use super::roster::Roster;
use super::{check, describe};
use crate::{
    Check, ConfigError, Connected, Extent, Feeds, Field, Followed, ObjectPlan, Page, Source, SourceError,
    Then,
};

/// Version of the payloads' shape; raised when what is read changes in a way a mapper must know.
const PAYLOAD_SCHEMA: u32 = 1;

/// A tenant.
pub(super) struct GraphSource {
    pub(super) client: Client,
    pub(super) roster: Roster,
    answered: Answered,
}

impl GraphSource {
    /// A source that has not connected yet.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Ok(Self { client: Client::new(config)?, roster: Roster::default(), answered: Answered::default() })
    }

    /// Lists everybody, unless that has been done.
    pub(super) async fn ready(&mut self) -> Result<(), SourceError> {
        if !self.roster.complete {
            self.roster.list(&mut self.client).await?;
        }
        Ok(())
    }

    /// The same for an object that is not understood without it: users and groups, which are looked for often, are.
    pub(super) async fn ready_for(&mut self, object: &Object) -> Result<(), SourceError> {
        if [USERS, GROUPS].contains(&object.name) { Ok(()) } else { self.ready().await }
    }

    /// Reads some paths at once.
    pub(super) async fn ask_all(
        &mut self,
        paths: &[String],
    ) -> Result<(Vec<Result<Json, Refusal>>, u32), CallError> {
        self.client.get_all(paths, &mut self.answered).await
    }

    fn plan(&self, object: &'static Object) -> Result<ObjectPlan, SourceError> {
        let config = self.client.config();
        let name = ObjectName::new(object.name).map_err(|error| {
            fault::permanent("unexpected-answer", error.to_string(), "this is an error of the program")
        })?;
        let read = format!("{:?} {:?} {:?} {:?}", object.members, config.groups, config.past, config.future);
        Ok(ObjectPlan {
            payload_schema: PAYLOAD_SCHEMA,
            volatile: object.volatile,
            fields: Digest::of(read.as_bytes()).to_string(),
            followed: Some(Followed { full_every: config.full_every }),
            ..ObjectPlan::new(name)
        })
    }
}

/// The object of a name.
pub(super) fn known(object: &ObjectName) -> Result<&'static Object, SourceError> {
    objects::object(object.as_str()).ok_or_else(|| {
        let message = format!("a Microsoft 365 source does not have {object}");
        fault::permanent("unknown-object", message, "choose another object")
    })
}

#[async_trait]
impl Source for GraphSource {
    async fn connect(&mut self) -> Result<Connected, SourceError> {
        self.client.sign_in().await?;
        let read = OBJECTS.iter().filter(|object| self.client.config().objects.contains(object.name));
        let plans = read.map(|object| self.plan(object)).collect::<Result<_, _>>()?;
        Ok(Connected { plans, clock: self.client.clock() })
    }

    /// A first page, for a look at what there is: the driver follows ([`Feeds`]).
    async fn page(
        &mut self,
        object: &ObjectName,
        _extent: Extent,
        _from: Option<&Json>,
    ) -> Result<Page, SourceError> {
        let parts = self.parts(object).await?;
        let mut calls = 0;
        for part in parts {
            let changes = match self.changes(object, &part, None).await {
                Err(SourceError::Permanent { code: crate::PART_NOT_READABLE, .. }) => continue,
                changes => changes?,
            };
            calls += changes.calls;
            if !changes.records.is_empty() {
                let is_all = part.is_empty() && matches!(changes.then, Then::Until(_));
                let total = is_all.then_some(changes.records.len() as u64);
                return Ok(Page { records: changes.records, next: None, total, calls });
            }
        }
        Ok(Page { records: Vec::new(), next: None, total: Some(0), calls })
    }

    fn feeds(&mut self) -> Option<&mut dyn Feeds> {
        Some(self)
    }

    fn received(&self) -> Option<u64> {
        Some(self.client.received())
    }

    async fn fields(&mut self, object: &ObjectName) -> Result<Vec<Field>, SourceError> {
        Ok(describe::fields(known(object)?))
    }

    async fn check(&mut self) -> Vec<Check> {
        check::run(self).await
    }
}
