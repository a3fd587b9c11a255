//! Reads an Odoo database object by object, page by page.
//!
//! What has changed since a moment is what bears a `write_date` at that moment or later, paged by id like everything else:
//! `write_date` is sent without its fraction and compared with it, so no page can begin behind one.

use std::collections::BTreeMap;

use async_trait::async_trait;
use salescommand_domain::raw::ObjectName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::client::Client;
use super::config::{Config, Guard};
use super::fault::{self, CallError};
use super::fields::{self, Fields};
use super::messages::{self, Additions};
use super::objects::{self, OBJECTS, Object};
use super::search::{behind, domain};
use super::tracking::{self, Tracking};
use super::{check, merges, properties, record};
use crate::{
    Census, Check, ConfigError, Connected, Extent, Field, Incremental, ObjectPlan, Page, Record, Source,
    SourceError, Sweep,
};

/// Version of the payloads' shape; raised when what is read changes in a way a mapper must know.
const PAYLOAD_SCHEMA: u32 = 1;

/// An Odoo database.
pub(super) struct OdooSource {
    client: Client,
    page_size: u32,
    incremental: Incremental,
    guard: Guard,
    session: Option<Session>,
    /// Objects whose pages came too slowly or too long, and the limit to use instead.
    smaller: BTreeMap<&'static str, u32>,
    additions: Additions,
}

/// What signing in and discovery found.
struct Session {
    uid: i64,
    fields: BTreeMap<&'static str, Fields>,
    /// `search_read` refused `load`, so pages take a search and a read.
    two_steps: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The last id that has been read.
    pub after: i64,
    /// Records to ask for.
    pub limit: u32,
    /// How many records there were when the run began.
    pub total: Option<u64>,
}

/// Some rows, ascending by id.
pub(super) struct Rows {
    rows: Vec<Map<String, Json>>,
    /// The highest id that was found before reading; some of those found may be gone by then.
    found_through: Option<i64>,
}

impl OdooSource {
    /// A source that has not connected yet.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        let client = Client::new(config)?;
        let Config { page_size, incremental, guard, .. } = *config;
        let (smaller, additions) = (BTreeMap::new(), Additions::default());
        Ok(Self { client, page_size, incremental, guard, session: None, smaller, additions })
    }

    /// The fields of an object that are both wanted and there.
    async fn discover(&self, uid: i64, object: &Object) -> Result<Fields, CallError> {
        let kwargs = json!({ "attributes": ["type", "store"] });
        let found = self.client.execute(uid, object.name, "fields_get", json!([]), kwargs).await?;
        let mut fields = Fields::of(object, &found);
        if object.name == properties::OBJECT && found.get(properties::FIELD).is_some() {
            fields.defining = properties::defining_teams(&self.client, uid).await?;
        }
        if object.name == tracking::OBJECT {
            fields.tracking = Tracking::discover(&self.client, uid).await?;
        }
        Ok(fields)
    }

    /// The same; none for an object that may be kept back, and is.
    async fn discover_if_there(&self, uid: i64, object: &Object) -> Result<Option<Fields>, CallError> {
        let found = match self.discover(uid, object).await {
            // The list of fields says nothing of rights.
            Ok(fields) if object.optional => self.probe(uid, object).await.map(|()| fields),
            found => found,
        };
        match found {
            Err(CallError::Fault(fault)) if object.optional && fault.keeps_back_object() => {
                tracing::info!(object = object.name, cause = fault.message, cost = object.cost, "left out");
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// Whether an object may be read at all.
    async fn probe(&self, uid: i64, object: &Object) -> Result<(), CallError> {
        let one = json!({ "limit": 1, "order": "id asc", "context": { "active_test": false } });
        self.client.execute(uid, object.name, "search", json!([[]]), one).await.map(|_| ())
    }

    /// Reads the rows of a page, with what is added to them.
    pub(super) async fn rows(
        &mut self,
        object: &'static Object,
        domain: &[Json],
        limit: usize,
        calls: &mut u32,
    ) -> Result<Rows, CallError> {
        let mut rows = self.own_rows(object, domain, limit, calls).await?;
        if object.name == messages::OBJECT {
            let uid = self.session_mut()?.uid;
            *calls += self.additions.add_to(&self.client, uid, &mut rows.rows).await?;
        }
        if object.name == properties::OBJECT
            && let Some(session) = &self.session
            && let Some(teams) = session.fields.get(object.name).map(|fields| &fields.defining)
            && !teams.is_empty()
        {
            *calls += properties::add_to(&self.client, session.uid, teams, &mut rows.rows).await?;
        }
        if let Some(session) = &self.session
            && let Some(tracking) =
                session.fields.get(object.name).and_then(|fields| fields.tracking.as_ref())
        {
            *calls += tracking.add_to(&self.client, session.uid, &mut rows.rows).await?;
        }
        Ok(rows)
    }

    /// Reads the rows of a page. A field that vanished since discovery is dropped, and an old server's lack of
    /// `load` is worked around; each once, since a second failure has another cause.
    async fn own_rows(
        &mut self,
        object: &'static Object,
        domain: &[Json],
        limit: usize,
        calls: &mut u32,
    ) -> Result<Rows, CallError> {
        for _ in 0..2 {
            match self.ask(object, domain, limit, calls).await {
                Err(CallError::Fault(fault)) if fault.is_load_unknown() => {
                    self.session_mut()?.two_steps = true;
                }
                Err(CallError::Fault(fault)) if fault.is_invalid_field() => {
                    tracing::warn!(
                        object = object.name,
                        cause = fault.message,
                        "discovering the fields anew"
                    );
                    *calls += 1;
                    let uid = self.session_mut()?.uid;
                    let fields = self.discover(uid, object).await?;
                    self.session_mut()?.fields.insert(object.name, fields);
                }
                answer => return answer,
            }
        }
        self.ask(object, domain, limit, calls).await
    }

    async fn ask(
        &self,
        object: &Object,
        domain: &[Json],
        limit: usize,
        calls: &mut u32,
    ) -> Result<Rows, CallError> {
        let Some(session) = &self.session else { return Err(not_connected()) };
        let names = session.fields.get(object.name).map(|fields| &fields.names);
        let everything = json!({ "active_test": false });
        let page = json!({ "limit": limit, "order": "id asc", "context": everything });
        *calls += 1;
        if session.two_steps {
            let found =
                self.client.execute(session.uid, object.name, "search", json!([domain]), page).await?;
            let found_through = found.as_array().and_then(|ids| ids.iter().filter_map(Json::as_i64).max());
            if found_through.is_none() {
                return Ok(Rows { rows: rows_of(found)?, found_through });
            }
            *calls += 1;
            let kwargs = json!({ "fields": names, "load": false, "context": everything });
            let answer =
                self.client.execute(session.uid, object.name, "read", json!([found]), kwargs).await?;
            return Ok(Rows { rows: rows_of(answer)?, found_through });
        }
        let mut kwargs = page;
        kwargs["fields"] = json!(names);
        kwargs["load"] = json!(false);
        let answer =
            self.client.execute(session.uid, object.name, "search_read", json!([domain]), kwargs).await?;
        Ok(Rows { rows: rows_of(answer)?, found_through: None })
    }

    fn session_mut(&mut self) -> Result<&mut Session, CallError> {
        self.session.as_mut().ok_or_else(not_connected)
    }

    /// The cursor to begin a page with, and the requests that took.
    async fn start(
        &self,
        object: &Object,
        extent: Extent,
        from: Option<&Json>,
    ) -> Result<(Cursor, u32), SourceError> {
        let (mut cursor, calls) = match from {
            Some(from) => {
                let cursor = Cursor::deserialize(from).map_err(|_| {
                    fault::permanent(
                        "invalid-cursor",
                        format!("{}: the stored place is unreadable", object.name),
                        "start the object from its beginning",
                    )
                })?;
                (cursor, 0)
            }
            None if object.thinned => (Cursor { after: 0, limit: self.page_size, total: None }, 0),
            None => {
                let total = json!(domain(object, extent));
                let total = self.ask_about(object, "search_count", total, &[]).await?;
                (Cursor { after: 0, limit: self.page_size, total: total.as_u64() }, 1)
            }
        };
        let most = self.smaller.get(object.name).copied().unwrap_or(self.page_size);
        cursor.limit = cursor.limit.clamp(1, most);
        Ok((cursor, calls))
    }

    /// Notes that the next attempt should ask for less, where less is possible.
    fn shrink(&mut self, object: &'static Object, limit: u32, error: SourceError) -> SourceError {
        if limit > 1 {
            self.smaller.insert(object.name, limit / 2);
            tracing::warn!(object = object.name, from = limit, to = limit / 2, "smaller pages from here on");
        }
        error
    }
}

#[async_trait]
impl Source for OdooSource {
    async fn connect(&mut self) -> Result<Connected, SourceError> {
        let uid = self.client.authenticate().await.map_err(|error| error.into_source_error(None))?;
        let uid = uid.ok_or_else(|| fault::login_refused(self.client.login()))?;
        let clock = self.client.clock();
        let mut session = Session { uid, fields: BTreeMap::new(), two_steps: false };
        let mut plans = Vec::with_capacity(OBJECTS.len());
        for object in OBJECTS {
            let named = |error: CallError| error.into_source_error(Some(object.name));
            let Some(fields) = self.discover_if_there(uid, object).await.map_err(named)? else { continue };
            plans.push(plan(object, &fields, self.incremental, self.guard)?);
            session.fields.insert(object.name, fields);
        }
        self.session = Some(session);
        Ok(Connected { plans, clock })
    }

    async fn page(
        &mut self,
        object: &ObjectName,
        extent: Extent,
        from: Option<&Json>,
    ) -> Result<Page, SourceError> {
        let object = known(object)?;
        if self.session.is_none() {
            self.connect().await?;
        }
        let (cursor, mut calls) = self.start(object, extent, from).await?;
        let domain = behind(object, extent, cursor.after);
        match self.rows(object, &domain, cursor.limit as usize, &mut calls).await {
            Ok(rows) => {
                let page = self.make_page(object, cursor, rows, calls)?;
                if object.thinned && page.next.is_none() {
                    return self.look_further(object, extent, cursor, calls).await;
                }
                Ok(page)
            }
            Err(CallError::Broken { error, smaller_may_help: true }) => {
                Err(self.shrink(object, cursor.limit, error))
            }
            Err(error) => Err(error.into_source_error(Some(object.name))),
        }
    }

    fn census(&mut self) -> Option<&mut dyn Census> {
        Some(self)
    }

    fn received(&self) -> Option<u64> {
        Some(self.client.received())
    }

    async fn fields(&mut self, object: &ObjectName) -> Result<Vec<Field>, SourceError> {
        let object = known(object)?;
        let attributes = json!({ "attributes": ["type", "string"] });
        let Some(session) = &self.session else { return Err(not_connected().into_source_error(None)) };
        let found = self.client.execute(session.uid, object.name, "fields_get", json!([]), attributes).await;
        let found = found.map_err(|error| error.into_source_error(Some(object.name)))?;
        let of_object = session.fields.get(object.name);
        let apart =
            of_object.filter(|fields| !fields.defining.is_empty()).map(|_| properties::FIELD.to_owned());
        let names = of_object.into_iter().flat_map(|fields| fields.names.iter().cloned());
        Ok(fields::described(&found, &names.chain(apart).collect::<Vec<_>>()))
    }

    async fn check(&mut self) -> Vec<Check> {
        check::run(&self.client).await
    }
}

impl OdooSource {
    fn make_page(
        &self,
        object: &Object,
        cursor: Cursor,
        rows: Rows,
        calls: u32,
    ) -> Result<Page, SourceError> {
        let found_through = rows.found_through.unwrap_or_default();
        let (last, records) = self.records(object, cursor.after, rows)?;
        let last = last.max(found_through);
        let next = (last > cursor.after).then(|| json!(Cursor { after: last, ..cursor }));
        Ok(Page { records, next, total: cursor.total, calls })
    }

    /// Rows as records, whose ids have to ascend from behind an id; gives the last id as well.
    pub(super) fn records(
        &self,
        object: &Object,
        after: i64,
        rows: Rows,
    ) -> Result<(i64, Vec<Record>), SourceError> {
        let none = BTreeMap::new();
        let session = self.session.as_ref();
        let custom = session
            .and_then(|session| session.fields.get(object.name))
            .map_or(&none, |fields| &fields.custom);
        let mut records = Vec::with_capacity(rows.rows.len());
        let mut last = after;
        for row in rows.rows {
            let (id, record) =
                record::record(object, custom, row).filter(|(id, _)| *id > last).ok_or_else(|| {
                    let message =
                        format!("{}: Odoo's answer is not a list of records ascending by id", object.name);
                    fault::permanent(
                        "unexpected-answer",
                        message,
                        "look for a module that changes search_read of this object",
                    )
                })?;
            last = id;
            records.push(record);
        }
        Ok((last, records))
    }

    /// Calls a method of an object's model with one argument, over records that are archived as well.
    pub(super) async fn ask_about(
        &self,
        object: &Object,
        method: &str,
        argument: Json,
        more: &[(&str, Json)],
    ) -> Result<Json, SourceError> {
        let session = self.session.as_ref().ok_or_else(not_connected);
        let mut kwargs = json!({ "context": { "active_test": false } });
        for (name, value) in more {
            kwargs[*name] = value.clone();
        }
        let answer = match session {
            Ok(session) => {
                self.client.execute(session.uid, object.name, method, json!([argument]), kwargs).await
            }
            Err(error) => Err(error),
        };
        answer.map_err(|error| error.into_source_error(Some(object.name)))
    }
}

/// An object that is read, by its name.
pub(super) fn known(object: &ObjectName) -> Result<&'static Object, SourceError> {
    objects::object(object.as_str()).ok_or_else(|| {
        fault::permanent(
            "unknown-object",
            format!("an Odoo source does not read {object}"),
            "see the connector's list of objects",
        )
    })
}

fn not_connected() -> CallError {
    let error = fault::permanent(
        "not-connected",
        "the source has not been connected",
        "this is an error of the program",
    );
    CallError::Broken { error, smaller_may_help: false }
}

/// The rows of an answer.
pub(super) fn rows_of(answer: Json) -> Result<Vec<Map<String, Json>>, CallError> {
    serde_json::from_value(answer).map_err(|_| CallError::Broken {
        error: fault::permanent(
            "unexpected-answer",
            "Odoo answered with something that is no list of records",
            "check that `url` is an Odoo server, version 14 to 18",
        ),
        smaller_may_help: false,
    })
}

fn plan(
    object: &Object,
    fields: &Fields,
    incremental: Incremental,
    guard: Guard,
) -> Result<ObjectPlan, SourceError> {
    let name = ObjectName::new(object.name).map_err(|error| {
        fault::permanent("unknown-object", error.to_string(), "this is an error of the program")
    })?;
    Ok(ObjectPlan {
        object: name,
        payload_schema: PAYLOAD_SCHEMA,
        // Nothing else that is read is recomputed at every read; such fields are not asked for.
        volatile: object.volatile,
        missing_fields: fields.missing.clone(),
        fields: fields.fingerprint(),
        schema: fields.schema(guard),
        // Whoever may not read it may not search by it.
        incremental: fields.names.iter().any(|name| name == "write_date").then_some(incremental),
        // To count them the server fetches them all, and there may be millions.
        sweep: if object.thinned { Sweep::AfterFullReadings } else { Sweep::AfterEveryReading },
        merges: object.name == merges::OBJECT,
        followed: None,
    })
}
