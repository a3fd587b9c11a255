//! Changing rows: conversion of sent values, defaults, stamps, constraints and deletion.
//!
//! One writer is one transaction: everything it touches carries the session's start as `write_date`. On an error the
//! caller throws the whole database clone away, so nothing here undoes anything.

use std::collections::BTreeSet;

use crate::access::{self, Operation};
use crate::database::{Database, Record};
use crate::fault::Fault;
use crate::reader::Reader;
use crate::schema::{Field, Kind, Model, OnDelete, Schema};
use crate::session::Session;
use crate::value::{Value, parse_date, parse_instant};
use crate::wire::Wire;
use crate::{activity, calendar, lead, partner, sale};

/// The fields a caller named in a create or write.
pub type Given = BTreeSet<&'static str>;

/// Columns no caller can set; sending them is silently ignored.
const STAMPS: &[&str] = &["id", "create_date", "create_uid", "write_date", "write_uid"];

/// One transaction on a database.
pub struct Writer<'a> {
    /// The clone that becomes the database when the call succeeds.
    pub database: &'a mut Database,
    /// Who writes, and when.
    pub session: &'a Session,
}

impl Writer<'_> {
    /// Creates one row and returns its id.
    pub fn create(&mut self, model: &'static Model, values: &Wire) -> Result<i64, Fault> {
        access::check(self.session, model, Operation::Write)?;
        let mut record = Record::default();
        if model.archivable() {
            record.set("active", Value::Bool(true));
        }
        let given = self.apply(model, &mut record, values)?;
        match model.name {
            "crm.lead" => lead::on_create(self, &mut record, &given),
            "res.partner" => partner::on_change(self, None, &mut record)?,
            "mail.activity" => activity::on_create(self, &mut record)?,
            "calendar.event" => calendar::on_create(self, &mut record, &given),
            "sale.order" => sale::on_create(self, &mut record, &given),
            "sale.order.line" => sale::on_line_change(&mut record),
            "res.users" => partner::on_user_create(self, &mut record, values)?,
            "crm.tag" | "crm.stage" | "mail.activity.type" => defaults(model, &mut record),
            _ => {}
        }
        self.check_required(model, &record)?;
        let record = self.stamped(record);
        let id = self.database.insert(model.name, record);
        match model.name {
            "res.partner" => partner::after_change(self, id, &given),
            "calendar.event" => calendar::after_create(self, id),
            "sale.order.line" => self.add_up(&[id]),
            _ => {}
        }
        Ok(id)
    }

    /// A new row with the stamps of this transaction.
    pub fn stamped(&self, record: Record) -> Record {
        let (started, uid) = (self.session.started, self.session.uid);
        record
            .with("create_date", started)
            .with("write_date", started)
            .with("create_uid", uid)
            .with("write_uid", uid)
    }

    /// Writes the same values to every row.
    pub fn write(&mut self, model: &'static Model, ids: &[i64], values: &Wire) -> Result<(), Fault> {
        access::check(self.session, model, Operation::Write)?;
        self.check_present(model, ids)?;
        for id in ids {
            let Some(before) = self.database.row(model.name, *id).cloned() else { continue };
            let mut record = before.clone();
            let given = self.apply(model, &mut record, values)?;
            match model.name {
                "crm.lead" => lead::on_write(self, *id, (&before, &mut record), &given),
                "res.partner" => partner::on_change(self, Some(*id), &mut record)?,
                "calendar.event" => calendar::on_change(self, &mut record, &given),
                "sale.order.line" => sale::on_line_change(&mut record),
                _ => {}
            }
            self.check_required(model, &record)?;
            self.store(model.name, *id, record);
            match model.name {
                "res.partner" => partner::after_change(self, *id, &given),
                "crm.lead" => lead::after_write(self, *id, &given),
                "calendar.event" => calendar::invite(self, *id),
                "sale.order.line" => self.add_up(&[*id]),
                "res.users" => partner::after_user_write(self, *id, values)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Replaces a row and moves its `write_date`.
    pub fn store(&mut self, model: &str, id: i64, mut record: Record) {
        record.set("write_date", Value::Instant(self.session.started));
        record.set("write_uid", Value::Int(self.session.uid));
        if let Some(row) = self.database.edit(model, id) {
            *row = record;
        }
    }

    /// Changes some columns of one row and moves its `write_date`.
    pub fn touch(&mut self, model: &str, id: i64, change: impl FnOnce(&mut Record)) {
        if let Some(mut record) = self.database.row(model, id).cloned() {
            change(&mut record);
            self.store(model, id, record);
        }
    }

    /// Fault 2 when a row does not exist, fault 4 when it is out of reach.
    pub fn check_present(&self, model: &'static Model, ids: &[i64]) -> Result<(), Fault> {
        let missing: Vec<i64> =
            ids.iter().copied().filter(|id| self.database.row(model.name, *id).is_none()).collect();
        if !missing.is_empty() {
            return Err(Fault::missing(model.name, &missing, self.session.uid));
        }
        let reader = Reader::new(self.database, self.session);
        let hidden = |id: &i64| {
            self.database.row(model.name, *id).is_some_and(|row| !access::visible(&reader, model, *id, row))
        };
        if ids.iter().any(hidden) {
            return Err(Fault::record_forbidden(model.name, model.label, self.session.uid));
        }
        Ok(())
    }

    /// Deletes rows: refused while a restricting reference exists; other references are cleared without a trace.
    pub fn unlink(&mut self, model: &'static Model, ids: &[i64]) -> Result<(), Fault> {
        access::check(self.session, model, Operation::Write)?;
        self.check_present(model, ids)?;
        if model.name == "res.users" && ids.contains(&1) {
            return Err(Fault::user("The system user cannot be removed."));
        }
        if model.name == "sale.order" {
            sale::check_deletable(self, ids)?;
        }
        let orders =
            if model.name == "sale.order.line" { sale::orders_of(self, ids) } else { BTreeSet::new() };
        ids.iter().try_for_each(|id| self.delete(model, *id))?;
        orders.into_iter().for_each(|order| sale::add_up(self, order));
        Ok(())
    }

    fn add_up(&mut self, lines: &[i64]) {
        for order in sale::orders_of(self, lines) {
            sale::add_up(self, order);
        }
    }

    fn delete(&mut self, model: &'static Model, id: i64) -> Result<(), Fault> {
        self.database.remove(model.name, id);
        for (holder, field) in Schema::get().references(model.name) {
            let holding = self.database.ids_where(holder.name, |row| match row.get(field.name) {
                Value::Int(target) => *target == id,
                Value::Ids(targets) => targets.contains(&id),
                _ => false,
            });
            for row in holding {
                self.release((holder, field), row, id)?;
            }
        }
        for (holder, column) in [("mail.activity", "res_model"), ("mail.message", "model")] {
            let of_this = |row: &Record| {
                row.get("res_id").as_int() == Some(id) && row.get(column).as_text() == Some(model.name)
            };
            for row in self.database.ids_where(holder, of_this) {
                match Schema::get().model(holder) {
                    Some(holder) => self.delete(holder, row)?,
                    None => self.database.remove(holder, row),
                }
            }
        }
        self.forget_document(model.name, id);
        Ok(())
    }

    /// Meetings outlive the document they were made for.
    fn forget_document(&mut self, model: &str, id: i64) {
        let of_this = |row: &Record| {
            row.get("res_id").as_int() == Some(id) && row.get("res_model").as_text() == Some(model)
        };
        for row in self.database.ids_where("calendar.event", of_this) {
            if let Some(record) = self.database.edit("calendar.event", row) {
                record.set("res_id", Value::Null);
            }
        }
    }

    /// Applies the deletion rule of one reference to a row that holds it.
    fn release(
        &mut self,
        (holder, field): (&'static Model, &'static Field),
        row: i64,
        target: i64,
    ) -> Result<(), Fault> {
        if field.kind == Kind::Many2many {
            if let Some(record) = self.database.edit(holder.name, row) {
                let left: Vec<i64> =
                    record.get(field.name).as_ids().iter().copied().filter(|id| *id != target).collect();
                record.set(field.name, left.into());
            }
            return Ok(());
        }
        match field.on_delete {
            OnDelete::SetNull => {
                if let Some(record) = self.database.edit(holder.name, row) {
                    record.set(field.name, Value::Null);
                }
                Ok(())
            }
            OnDelete::Cascade => self.delete(holder, row),
            OnDelete::Restrict => Err(foreign_key(holder, field)),
        }
    }

    /// Puts sent values into a record and says which fields were named.
    fn apply(&self, model: &'static Model, record: &mut Record, values: &Wire) -> Result<Given, Fault> {
        let Wire::Struct(members) = values else {
            return Err(Fault::value_error("values must be a mapping"));
        };
        let mut given = Given::new();
        for (name, sent) in members {
            let known = access::field(self.session, model, name);
            let field = known.ok_or_else(|| Fault::invalid_field(model.name, name))?;
            // Everything on res.users that lives on the partner is written there.
            if STAMPS.contains(&field.name) || !field.column || field.kind == Kind::One2many {
                continue;
            }
            let value = self.convert(model, field, record, sent)?;
            record.set(field.name, value);
            given.insert(field.name);
        }
        Ok(given)
    }

    fn convert(
        &self,
        model: &'static Model,
        field: &'static Field,
        record: &Record,
        sent: &Wire,
    ) -> Result<Value, Fault> {
        if matches!(sent, Wire::Nil | Wire::Bool(false)) {
            return Ok(if field.kind == Kind::Boolean { Value::Bool(false) } else { Value::Null });
        }
        let wrong = || {
            let shown = match sent {
                Wire::Text(text) => format!("'{text}'"),
                other => serde_json::Value::from(other).to_string(),
            };
            Fault::value_error(format!("Wrong value for {}.{}: {shown}", model.name, field.name))
        };
        Ok(match field.kind {
            Kind::Boolean => Value::Bool(sent.truthy()),
            Kind::Integer | Kind::Many2oneReference => Value::Int(sent.as_int().ok_or_else(wrong)?),
            Kind::Float | Kind::Monetary => Value::Float(sent.as_number().ok_or_else(wrong)?),
            Kind::Date => Value::Date(sent.as_text().and_then(parse_date).ok_or_else(wrong)?),
            Kind::Datetime => Value::Instant(sent.as_text().and_then(parse_instant).ok_or_else(wrong)?),
            Kind::Selection => {
                let key = sent.as_text().unwrap_or_default();
                field
                    .selection
                    .iter()
                    .find(|(known, _)| *known == key)
                    .map(|(known, _)| Value::from(*known))
                    .ok_or_else(wrong)?
            }
            Kind::Many2one => {
                let id = sent.as_int().ok_or_else(wrong)?;
                self.check_reference(model, field, id)?;
                Value::Int(id)
            }
            Kind::Many2many | Kind::One2many => {
                let ids = commands(record.get(field.name).as_ids(), sent).ok_or_else(wrong)?;
                ids.iter().try_for_each(|id| self.check_reference(model, field, *id))?;
                Value::from(ids)
            }
            Kind::Properties => Value::Json(properties(record.get(field.name), sent)),
            Kind::Json | Kind::PropertiesDefinition => Value::Json(sent.into()),
            Kind::Char | Kind::Text | Kind::Html => match sent {
                Wire::Text(text) => Value::Text(text.clone()),
                Wire::Int(number) => Value::Text(number.to_string()),
                _ => return Err(wrong()),
            },
        })
    }

    fn check_reference(&self, model: &'static Model, field: &'static Field, id: i64) -> Result<(), Fault> {
        let present = field.relation.is_some_and(|relation| self.database.row(relation, id).is_some());
        if present { Ok(()) } else { Err(foreign_key(model, field)) }
    }

    fn check_required(&self, model: &Model, record: &Record) -> Result<(), Fault> {
        let empty = model
            .fields
            .iter()
            .find(|field| field.required && field.column && record.get(field.name).is_null());
        empty.map_or(Ok(()), |field| Err(Fault::required(model.name, model.label, (field.name, field.label))))
    }
}

fn foreign_key(model: &Model, field: &Field) -> Fault {
    let constraint = format!("{}_{}_fkey", model.name.replace('.', "_"), field.name);
    Fault::foreign_key(model.name, model.label, &constraint)
}

fn defaults(model: &Model, record: &mut Record) {
    let fallback: &[(&'static str, Value)] = &match model.name {
        "crm.stage" => vec![("sequence", Value::Int(1)), ("is_won", Value::Bool(false))],
        "mail.activity.type" => vec![
            ("sequence", Value::Int(10)),
            ("chaining_type", Value::from("suggest")),
            ("delay_unit", Value::from("days")),
            ("category", Value::from("default")),
        ],
        _ => vec![("color", Value::Int(1))],
    };
    for (name, value) in fallback {
        if record.get(name).is_null() {
            record.set(name, value.clone());
        }
    }
}

/// Properties are sent as a mapping, or as the list a read returns; what is not named keeps its value.
fn properties(current: &Value, sent: &Wire) -> serde_json::Value {
    let mut values = match current {
        Value::Json(serde_json::Value::Object(values)) => values.clone(),
        _ => serde_json::Map::new(),
    };
    if let Wire::Struct(members) = sent {
        values.extend(members.iter().map(|(name, value)| (name.clone(), value.into())));
    }
    for property in sent.as_array().unwrap_or_default() {
        if let (Some(name), Some(value)) =
            (property.get("name").and_then(Wire::as_text), property.get("value"))
        {
            values.insert(name.to_owned(), value.into());
        }
    }
    serde_json::Value::Object(values)
}

/// The ids a set holds after the commands of a write: `(6, 0, ids)`, `(5,)`, `(4, id)`, `(3, id)`, or plain ids.
fn commands(current: &[i64], sent: &Wire) -> Option<Vec<i64>> {
    let mut ids: Vec<i64> = current.to_vec();
    let items = sent.as_array()?;
    if items.iter().all(|item| matches!(item, Wire::Int(_))) {
        return Some(items.iter().filter_map(Wire::as_int).collect());
    }
    for item in items {
        let parts = item.as_array()?;
        let target = parts.get(1).and_then(Wire::as_int);
        match parts.first()?.as_int()? {
            6 => ids = parts.get(2)?.as_array()?.iter().filter_map(Wire::as_int).collect(),
            5 => ids.clear(),
            4 => ids.push(target?),
            2 | 3 => ids.retain(|id| Some(*id) != target),
            _ => return None,
        }
    }
    Some(ids)
}
