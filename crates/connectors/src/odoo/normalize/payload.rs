//! Reads the fields of a payload by the types Odoo gives them.
//!
//! Invariant: no payload, however shaped, makes a reader panic or guess.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use salescommand_domain::canonical::{FacetId, Rejection, SourceRef};
use salescommand_domain::raw::{Envelope, InstanceName, ObjectName, Payload as RawPayload};
use serde_json::{Map, Value as Json};

use crate::odoo::objects::{self, Kind};
use crate::odoo::record::{CUSTOM_TYPES, email_address, moment};

/// A record's payload.
pub(super) struct Payload<'a> {
    instance: &'a InstanceName,
    object: &'a ObjectName,
    fields: &'a Map<String, Json>,
}

impl<'a> Payload<'a> {
    /// The payload of an upsert, if it is a record and the one the key names.
    pub fn of(envelope: &'a Envelope) -> Result<Self, Rejection> {
        let fields = match &envelope.payload {
            RawPayload::Inline(Json::Object(fields)) => fields,
            RawPayload::Inline(other) => return Err(wrong_type("", "a record", other)),
            RawPayload::Stored(_) => {
                return Err(Rejection::new("payload_not_loaded", "", "the payload is in the object store"));
            }
        };
        let payload = Self { instance: &envelope.instance, object: &envelope.object, fields };
        match payload.integer("id")? {
            Some(id) if id.to_string() != envelope.key => Err(Rejection::new(
                "key_mismatch",
                "/id",
                format!("record {id} stands under key {:?}", envelope.key),
            )),
            _ => Ok(payload),
        }
    }

    /// A record within this one.
    pub fn within(&self, record: &'a Json) -> Option<Self> {
        let Self { instance, object, .. } = *self;
        record.as_object().map(|fields| Self { instance, object, fields })
    }

    /// The record's own id in its object.
    pub fn own_id(&self) -> Option<i64> {
        self.fields.get("id").and_then(Json::as_i64)
    }

    /// Whether the source sends a field at all, empty or not.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The value of a field; none if it is absent, null or `false`. (A `false` yes/no is read by [`Self::flag`].)
    fn value(&self, field: &str) -> Option<&'a Json> {
        self.fields.get(field).filter(|value| !matches!(value, Json::Null | Json::Bool(false)))
    }

    /// A text without white space around it; none if nothing is left.
    pub fn text(&self, field: &str) -> Result<Option<String>, Rejection> {
        match self.value(field) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(other) => Err(wrong_type(field, "a text", other)),
        }
    }

    /// A text that must be there.
    pub fn required_text(&self, field: &str) -> Result<String, Rejection> {
        self.text(field)?
            .ok_or_else(|| Rejection::new("missing_field", format!("/{field}"), "is empty or absent"))
    }

    /// The first of some texts that is not empty; an empty one if all are.
    pub fn first_text(&self, fields: &[&str]) -> Result<String, Rejection> {
        for field in fields {
            if let Some(text) = self.text(field)? {
                return Ok(text);
            }
        }
        Ok(String::new())
    }

    /// The first e-mail address in a text.
    pub fn email(&self, field: &str) -> Result<Option<String>, Rejection> {
        Ok(self.text(field)?.and_then(|text| email_address(&text).map(str::to_owned)))
    }

    /// A whole number.
    pub fn integer(&self, field: &str) -> Result<Option<i64>, Rejection> {
        let Some(value) = self.value(field) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| wrong_type(field, "a whole number", value))
    }

    /// A number.
    pub fn decimal(&self, field: &str) -> Result<Option<f64>, Rejection> {
        let Some(value) = self.value(field) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| wrong_type(field, "a number", value))
    }

    /// Yes or no.
    pub fn flag(&self, field: &str) -> Result<Option<bool>, Rejection> {
        match self.fields.get(field) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong_type(field, "true or false", other)),
        }
    }

    /// Whether the record is not archived; models without the field have no archive.
    pub fn active(&self) -> Result<bool, Rejection> {
        Ok(self.flag("active")?.unwrap_or(true))
    }

    /// A day.
    pub fn day(&self, field: &str) -> Result<Option<Date>, Rejection> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.out_of_range(field, "a day, YYYY-MM-DD"))
    }

    /// A moment.
    pub fn moment(&self, field: &str) -> Result<Option<Timestamp>, Rejection> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        moment(&text).map(Some).ok_or_else(|| self.out_of_range(field, "a moment, YYYY-MM-DD HH:MM:SS"))
    }

    /// The id in a many2one: plain, or `[id, "label"]` as older interfaces send it. 0 is empty.
    pub fn id(&self, field: &str) -> Result<Option<i64>, Rejection> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let id =
            value.as_i64().or_else(|| value.as_array().filter(|pair| pair.len() == 2)?.first()?.as_i64());
        match id {
            Some(id) if id >= 0 => Ok(Some(id).filter(|id| *id > 0)),
            _ => Err(wrong_type(field, "an id", value)),
        }
    }

    /// The facet a many2one points to.
    pub fn reference(&self, field: &str, object: &str) -> Result<Option<FacetId>, Rejection> {
        self.id(field)?.map(|id| self.facet(object, id)).transpose()
    }

    /// The ids of an x2many: a set, ascending.
    pub fn ids(&self, field: &str) -> Result<Vec<i64>, Rejection> {
        let Some(value) = self.value(field) else { return Ok(Vec::new()) };
        let ids = value.as_array().and_then(|ids| ids.iter().map(Json::as_i64).collect::<Option<Vec<_>>>());
        let mut ids = ids.ok_or_else(|| wrong_type(field, "a list of ids", value))?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The facets an x2many points to.
    pub fn references(&self, field: &str, object: &str) -> Result<Vec<FacetId>, Rejection> {
        self.ids(field)?.into_iter().map(|id| self.facet(object, id)).collect()
    }

    /// A list of whatever it holds.
    pub fn list(&self, field: &str) -> Result<&'a [Json], Rejection> {
        let Some(value) = self.value(field) else { return Ok(&[]) };
        value.as_array().map(Vec::as_slice).ok_or_else(|| wrong_type(field, "a list", value))
    }

    /// The facet of a record of this source.
    pub fn facet(&self, object: &str, id: i64) -> Result<FacetId, Rejection> {
        let object = ObjectName::new(object)
            .map_err(|error| Rejection::new("unknown_object", "", error.to_string()))?;
        Ok(SourceRef { instance: self.instance.clone(), object, key: id.to_string() }.facet_id())
    }

    /// Fields without a place of their own, typed: those named, and the database's own (`x_…`). Empty ones are
    /// left out.
    pub fn custom(&self, named: &[&str]) -> Result<BTreeMap<String, Json>, Rejection> {
        let object = objects::object(self.object.as_str());
        let named = named.iter().map(|field| (*field, object.and_then(|object| object.kind(field))));
        let types = self.fields.get(CUSTOM_TYPES).and_then(Json::as_object);
        let own = self.fields.keys().filter(|field| field.starts_with("x_")).map(|field| {
            let odoo_type = types.and_then(|types| types.get(field)).and_then(Json::as_str);
            (field.as_str(), odoo_type.and_then(Kind::of_custom))
        });
        let mut custom = BTreeMap::new();
        for (field, kind) in named.chain(own) {
            if let Some(value) = self.typed(field, kind)? {
                custom.insert(field.to_owned(), value);
            }
        }
        Ok(custom)
    }

    /// A value by its kind. One of unknown kind passes as it is, except `false`, which could mean anything.
    fn typed(&self, field: &str, kind: Option<Kind>) -> Result<Option<Json>, Rejection> {
        Ok(match kind {
            Some(Kind::Text) => self.text(field)?.map(Json::from),
            Some(Kind::Integer) => self.integer(field)?.map(Json::from),
            Some(Kind::Decimal) => self.decimal(field)?.map(Json::from),
            Some(Kind::Flag) => self.flag(field)?.map(Json::from),
            Some(Kind::Day) => self.day(field)?.map(|day| day.to_string().into()),
            Some(Kind::Moment) => self.moment(field)?.map(|at| at.to_string().into()),
            Some(Kind::One) => self.id(field)?.map(Json::from),
            Some(Kind::Many) => Some(self.ids(field)?).filter(|ids| !ids.is_empty()).map(Json::from),
            None => self.value(field).cloned(),
        })
    }

    /// A rejection of a value of another type than the field has.
    pub fn wrong_type(&self, field: &str, expected: &str) -> Rejection {
        wrong_type(field, expected, self.fields.get(field).unwrap_or(&Json::Null))
    }

    /// A rejection of a value that has the right type and is still impossible.
    pub fn out_of_range(&self, field: &str, expected: &str) -> Rejection {
        let found = self.fields.get(field).map(shown).unwrap_or_default();
        Rejection::new("out_of_range", pointer(field), format!("expected {expected}, found {found}"))
    }
}

fn wrong_type(field: &str, expected: &str, found: &Json) -> Rejection {
    Rejection::new("wrong_type", pointer(field), format!("expected {expected}, found {}", shown(found)))
}

/// The JSON pointer of a field; of the whole payload for the empty name.
fn pointer(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("/{}", field.replace('~', "~0").replace('/', "~1")) }
}

/// A value for a person to recognise, shortened.
fn shown(value: &Json) -> String {
    const LONGEST: usize = 80;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        text
    } else {
        text.chars().take(LONGEST).chain("…".chars()).collect()
    }
}
