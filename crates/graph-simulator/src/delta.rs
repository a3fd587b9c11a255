//! Delta rounds: what changed behind a place, page by page, and the opaque places.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::fault::Reply;
use crate::query::Question;
use crate::tenant::{Expiry, Tenant};

/// A place: where in which round of which resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Round {
    /// The path, without the server.
    pub resource: String,
    /// Changes behind this one are told; 0 in the first round.
    pub since: u64,
    /// Changes up to this one belong to the round; 0 in a place between rounds.
    pub until: u64,
    /// The last that was told.
    pub after: String,
    /// Tokens of an older era are not known any more.
    era: u64,
    /// What the first question asked for.
    pub select: Option<Vec<String>>,
    pub window: Option<(String, String)>,
}

/// A record as a round finds it.
pub(crate) struct Entry {
    /// Its place in the order of telling.
    pub order: String,
    /// When it changed last.
    pub changed: u64,
    /// What is told of it.
    pub told: Told,
}

pub(crate) enum Told {
    Record(Map<String, Value>),
    /// Removed, for this reason; told of in later rounds, or in the first as well.
    Removed {
        id: String,
        reason: &'static str,
        at_first: bool,
    },
}

impl Round {
    /// The round that a question begins or goes on with.
    pub fn of(tenant: &Tenant, question: &Question) -> Result<Self, Reply> {
        let resource = question.path.join("/");
        let token = question.option("skiptoken").or_else(|| question.option("deltatoken"));
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            let window = question.option("startdatetime").zip(question.option("enddatetime"));
            return Ok(Self {
                resource,
                since: 0,
                until: tenant.sequence,
                after: String::new(),
                era: tenant.era,
                select: question.selected(),
                window: window.map(|(start, end)| (start.to_owned(), end.to_owned())),
            });
        };
        let read =
            URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let Some(mut round) = read.filter(|round| round.resource == resource) else {
            return Err(Reply::error(StatusCode::BAD_REQUEST, "syncStateInvalid", "Badly formed token."));
        };
        if round.era != tenant.era {
            return Err(expired(tenant.expiry, question, &resource));
        }
        if round.until == 0 {
            round.until = tenant.sequence;
        }
        Ok(round)
    }

    /// A page of the round.
    pub fn page(&self, question: &Question, size: usize, mut entries: Vec<Entry>) -> Value {
        entries.retain(|entry| {
            let within = self.since < entry.changed && entry.changed <= self.until;
            let shown = match &entry.told {
                Told::Record(_) => true,
                Told::Removed { at_first, .. } => self.since > 0 || *at_first,
            };
            within && shown && entry.order > self.after
        });
        entries.sort_by(|one, other| one.order.cmp(&other.order));
        let more = entries.len() > size;
        entries.truncate(size);
        let last = entries.last().map(|entry| entry.order.clone()).unwrap_or_default();
        let value: Vec<Value> = entries
            .into_iter()
            .map(|entry| match entry.told {
                Told::Record(fields) => Value::Object(fields),
                Told::Removed { id, reason, .. } => json!({"id": id, "@removed": {"reason": reason}}),
            })
            .collect();
        let context = format!("{}/v1.0/$metadata#{}", question.base, self.resource);
        let (name, link) = if more {
            ("@odata.nextLink", self.link(question, "$skiptoken", &Self { after: last, ..self.clone() }))
        } else {
            let between = Self { since: self.until, until: 0, after: String::new(), ..self.clone() };
            ("@odata.deltaLink", self.link(question, "$deltatoken", &between))
        };
        json!({"@odata.context": context, name: link, "value": value})
    }

    fn link(&self, question: &Question, option: &str, place: &Self) -> String {
        let token = URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default());
        format!("{}/v1.0/{}?{option}={token}", question.base, self.resource)
    }
}

fn expired(expiry: Expiry, question: &Question, resource: &str) -> Reply {
    match expiry {
        Expiry::Gone => {
            let location = format!("{}/v1.0/{resource}?$deltatoken=", question.base);
            Reply::error(StatusCode::GONE, "resyncRequired", "Resync required.").with("location", location)
        }
        Expiry::NotFound => {
            let message = "The sync state generation is not found; continuationToken=x";
            Reply::error(StatusCode::GONE, "SyncStateNotFound", message)
        }
        Expiry::BadRequest => {
            let message = "DeltaLink older than 7 days is not supported.";
            let mut reply = Reply::error(StatusCode::BAD_REQUEST, "Directory_ExpiredPageToken", message);
            reply.body["error"]["innerError"]["code"] = json!("syncStateNotFound");
            reply
        }
    }
}
