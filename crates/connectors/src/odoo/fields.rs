//! The fields that are read of an object: those that are wanted and that the server shows.

use std::collections::{BTreeMap, BTreeSet};

use salescommand_domain::raw::Digest;
use serde_json::Value as Json;

use super::config::Guard;
use super::objects::{Kind, Object};
use super::properties;
use super::tracking::{self, Tracking};
use crate::{Field, FieldSchema};

/// Names of the same field in different versions.
const RENAMED: [(&str, &str); 1] = [("lost_reason", "lost_reason_id")];

/// Fields of modules that many do without: where they are not, nothing lacks.
const OF_OTHER_MODULES: [&str; 1] = ["ms_universal_event_id"];

/// The fields read of one object.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub names: Vec<String>,
    /// Their Odoo types.
    types: BTreeMap<String, String>,
    /// Custom fields among them, with their Odoo types.
    pub custom: BTreeMap<String, String>,
    /// Those that are wanted and not there.
    pub missing: Vec<String>,
    /// Of leads: the teams that have defined properties.
    pub defining: BTreeSet<i64>,
    /// Of leads: the history that Odoo keeps of them, if it may be read.
    pub tracking: Option<Tracking>,
}

impl Fields {
    /// Wanted fields that are there, and stored custom fields of simple types.
    pub fn of(object: &Object, found: &Json) -> Self {
        let mut fields = Self { names: vec!["id".to_owned()], ..Self::default() };
        for (name, _) in object.fields.iter().chain(&[("write_date", Kind::Moment)]) {
            match found.get(name) {
                Some(attributes) => fields.take(name, attributes),
                None if OF_OTHER_MODULES.contains(name) => {}
                None => fields.missing.push((*name).to_owned()),
            }
        }
        // A field under its other name is not missing.
        for (one, other) in RENAMED {
            if fields.names.iter().any(|name| name == one || name == other) {
                fields.missing.retain(|name| name != one && name != other);
            }
        }
        let all = found.as_object().into_iter().flatten();
        for (name, attributes) in all.filter(|(name, _)| object.custom && name.starts_with("x_")) {
            let odoo_type = attributes.get("type").and_then(Json::as_str).unwrap_or_default();
            // Unstored fields are computed at every read: slow, and they change without the record changing.
            let stored = attributes.get("store").and_then(Json::as_bool) == Some(true);
            if stored && Kind::of_custom(odoo_type).is_some() {
                fields.custom.insert(name.clone(), odoo_type.to_owned());
                fields.take(name, attributes);
            }
        }
        fields
    }

    fn take(&mut self, name: &str, attributes: &Json) {
        self.names.push(name.to_owned());
        let odoo_type = attributes.get("type").and_then(Json::as_str).unwrap_or_default();
        self.types.insert(name.to_owned(), odoo_type.to_owned());
    }

    /// Them as a run notes them, to notice that they change.
    pub fn schema(&self, guard: Guard) -> BTreeMap<String, FieldSchema> {
        let described = self.types.iter().map(|(name, odoo_type)| {
            let guarded = match guard {
                Guard::Product => !name.starts_with("x_"),
                Guard::All => true,
                Guard::Nothing => false,
            };
            (name.clone(), FieldSchema { kind: odoo_type.clone(), guarded })
        });
        described.collect()
    }

    /// Which fields are read: names, types where they may change, and whether leads have properties and bring their history.
    pub fn fingerprint(&self) -> String {
        let mut names: Vec<_> = self.names.iter().map(String::as_str).collect();
        if !self.defining.is_empty() {
            names.push(properties::FIELD);
        }
        if self.tracking.is_some() {
            names.push(tracking::MEMBER);
        }
        names.sort_unstable();
        Digest::of(format!("{names:?} {:?}", self.custom).as_bytes()).to_string()
    }
}

/// The fields of an object in the words of `fields_get`, by name. Studio and people who add a field by hand begin its name
/// with `x_`; a module's fields are the product's.
pub(super) fn described(found: &Json, read: &[String]) -> Vec<Field> {
    let mut fields: Vec<_> = found.as_object().into_iter().flatten().collect();
    fields.sort_by_key(|(name, _)| *name);
    let text = |attributes: &Json, key: &str| attributes[key].as_str().unwrap_or_default().to_owned();
    let described = fields.into_iter().map(|(name, attributes)| Field {
        name: name.clone(),
        label: text(attributes, "string"),
        kind: text(attributes, "type"),
        custom: name.starts_with("x_"),
        read: read.contains(name),
    });
    described.collect()
}
