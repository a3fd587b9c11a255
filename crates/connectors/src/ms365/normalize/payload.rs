//! Reads the members of a payload by the types Graph gives them.
//!
//! Invariant: no payload, however shaped, makes a reader panic or guess.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use salescommand_domain::canonical::{FacetId, Rejection, SourceRef};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Payload as RawPayload};
use serde_json::{Map, Value as Json};

/// Longest value that a rejection quotes, in characters.
const LONGEST: usize = 80;

/// A record's payload, or a record within it.
pub(super) struct Payload<'a> {
    instance: &'a InstanceName,
    record: &'a Json,
    fields: &'a Map<String, Json>,
    /// Where it is in the payload, as a JSON pointer.
    at: String,
}

impl<'a> Payload<'a> {
    /// The payload of an upsert, if it is a record and the one the key names.
    pub fn of(envelope: &'a Envelope) -> Result<Self, Rejection> {
        let (record, fields) = match &envelope.payload {
            RawPayload::Inline(record @ Json::Object(fields)) => (record, fields),
            RawPayload::Inline(other) => return Err(wrong_type("", "a record", other)),
            RawPayload::Stored(_) => {
                return Err(Rejection::new("payload_not_loaded", "", "the payload is in the object store"));
            }
        };
        let payload = Self { instance: &envelope.instance, record, fields, at: String::new() };
        let id = payload.required_text("id")?;
        if envelope.key != id && !envelope.key.ends_with(&format!("/{id}")) {
            let detail = format!("record {id} stands under key {:?}", envelope.key);
            return Err(Rejection::new("key_mismatch", "/id", detail));
        }
        Ok(payload)
    }

    /// The record as it was sent.
    pub fn record(&self) -> &'a Json {
        self.record
    }

    /// Its members.
    pub fn fields(&self) -> &'a Map<String, Json> {
        self.fields
    }

    fn value(&self, name: &str) -> Option<&'a Json> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"))
    }

    /// A text without white space around it; none if nothing is left.
    pub fn text(&self, name: &str) -> Result<Option<String>, Rejection> {
        match self.value(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(other) => Err(wrong_type(&self.pointer(name), "a text", other)),
        }
    }

    /// A text that must be there.
    pub fn required_text(&self, name: &str) -> Result<String, Rejection> {
        let missing = || Rejection::new("missing_field", self.pointer(name), "is empty or absent");
        self.text(name)?.ok_or_else(missing)
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Rejection> {
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        let texts =
            value.as_array().and_then(|list| list.iter().map(Json::as_str).collect::<Option<Vec<_>>>());
        let texts = texts.ok_or_else(|| wrong_type(&self.pointer(name), "a list of texts", value))?;
        Ok(texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect())
    }

    /// Yes or no.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Rejection> {
        match self.value(name) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong_type(&self.pointer(name), "true or false", other)),
        }
    }

    /// A record within this one.
    pub fn within(&self, name: &str) -> Result<Option<Self>, Rejection> {
        let Some(record) = self.value(name) else { return Ok(None) };
        let at = self.pointer(name);
        let fields = record.as_object().ok_or_else(|| wrong_type(&at, "a record", record))?;
        Ok(Some(Self { instance: self.instance, record, fields, at }))
    }

    /// A list of records.
    pub fn records(&self, name: &str) -> Result<Vec<Self>, Rejection> {
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        let list =
            value.as_array().ok_or_else(|| wrong_type(&self.pointer(name), "a list of records", value))?;
        let record = |(index, record): (usize, &'a Json)| {
            let at = format!("{}/{index}", self.pointer(name));
            let fields = record.as_object().ok_or_else(|| wrong_type(&at, "a record", record))?;
            Ok(Self { instance: self.instance, record, fields, at })
        };
        list.iter().enumerate().map(record).collect()
    }

    /// A moment, with its offset.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = || self.out_of_range(name, "a moment such as 2026-11-23T12:00:00Z");
        text.parse().map(Some).map_err(|_| wrong())
    }

    /// A time of a calendar: a local one with the name of its zone, which is UTC as it was asked for.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(time) = self.within(name)? else { return Ok(None) };
        let Some(text) = time.text("dateTime")? else { return Ok(None) };
        let wrong = || self.out_of_range(name, "a time in UTC, or with the name of its zone");
        let zone = match time.text("timeZone")?.as_deref() {
            None | Some("UTC" | "Etc/GMT" | "Etc/UTC") => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| wrong())?,
        };
        let local: DateTime = text.trim_end_matches('Z').parse().map_err(|_| wrong())?;
        local.to_zoned(zone).map(|zoned| Some(zoned.timestamp())).map_err(|_| wrong())
    }

    /// The facet of a record of this source.
    pub fn facet(&self, object: &str, key: &str) -> Result<FacetId, Rejection> {
        let object = ObjectName::new(object)
            .map_err(|error| Rejection::new("unknown_object", "", error.to_string()))?;
        Ok(SourceRef { instance: self.instance.clone(), object, key: key.to_owned() }.facet_id())
    }

    /// Texts without a place of their own.
    pub fn custom(&self, names: &[&str]) -> Result<BTreeMap<String, Json>, Rejection> {
        let mut custom = BTreeMap::new();
        for name in names {
            if let Some(text) = self.text(name)? {
                custom.insert((*name).to_owned(), text.into());
            }
        }
        Ok(custom)
    }

    fn out_of_range(&self, name: &str, expected: &str) -> Rejection {
        let found = self.fields.get(name).map(shown).unwrap_or_default();
        Rejection::new("out_of_range", self.pointer(name), format!("expected {expected}, found {found}"))
    }
}

fn wrong_type(at: &str, expected: &str, found: &Json) -> Rejection {
    Rejection::new("wrong_type", at, format!("expected {expected}, found {}", shown(found)))
}

/// A value for a person to recognise, shortened.
fn shown(value: &Json) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
