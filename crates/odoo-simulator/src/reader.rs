//! Reading a field of a row, stored or computed, and turning it into what travels.
//!
//! A reader lives for one call: the inverse indexes it builds for one2many fields are valid for that snapshot only.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::calendar;
use crate::compute;
use crate::database::{Database, Record};
use crate::fault::Fault;
use crate::schema::{Field, Kind, Model, Schema};
use crate::session::Session;
use crate::value::{Value, instant_text};
use crate::wire::Wire;

/// How many2one fields travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// `[id, "display name"]`.
    Classic,
    /// The id alone.
    Plain,
}

type Inverse = Rc<HashMap<i64, Vec<i64>>>;

/// One snapshot seen by one session.
pub struct Reader<'a> {
    /// The rows.
    pub database: &'a Database,
    /// Who reads them.
    pub session: &'a Session,
    inverses: RefCell<HashMap<[&'static str; 3], Inverse>>,
}

impl<'a> Reader<'a> {
    /// A reader over one snapshot.
    pub fn new(database: &'a Database, session: &'a Session) -> Self {
        Self { database, session, inverses: RefCell::default() }
    }

    /// The model of that name.
    pub fn model(&self, name: &str) -> Option<&'static Model> {
        Schema::get().model(name)
    }

    /// The value of a field, computed when it has no column.
    pub fn value(&self, model: &Model, (id, record): (i64, &'a Record), field: &Field) -> Cow<'a, Value> {
        if field.name == "id" {
            return Cow::Owned(Value::Int(id));
        }
        if field.kind == Kind::One2many {
            return Cow::Owned(Value::from(self.children(model, id, field)));
        }
        if field.column {
            return Cow::Borrowed(record.get(field.name));
        }
        Cow::Owned(compute::value(self, model, (id, record), field))
    }

    /// The rows of another model that point at this one, as a one2many shows them.
    pub fn children(&self, model: &Model, id: i64, field: &Field) -> Vec<i64> {
        let (Some(relation), Some(inverse)) = (field.relation, field.inverse) else { return Vec::new() };
        let all = self.pointing_at(model.name, relation, inverse).get(&id).cloned().unwrap_or_default();
        let archivable = self.model(relation).is_some_and(Model::archivable);
        let hide_archived = self.session.active_test && archivable && !field.name.ends_with("_all_ids");
        if !hide_archived {
            return all;
        }
        all.into_iter()
            .filter(|child| {
                self.database.row(relation, *child).is_some_and(|row| row.get("active").as_bool())
            })
            .collect()
    }

    /// For every id of `target`: the rows of `model` whose `column` points at it.
    pub fn pointing_at(&self, target: &'static str, model: &'static str, column: &'static str) -> Inverse {
        if let Some(known) = self.inverses.borrow().get(&[target, model, column]) {
            return Rc::clone(known);
        }
        let document_column = match model {
            "mail.activity" if column == "res_id" => Some("res_model"),
            "mail.message" if column == "res_id" => Some("model"),
            _ => None,
        };
        let mut index: HashMap<i64, Vec<i64>> = HashMap::new();
        for (id, row) in self.database.rows(model) {
            if document_column.is_some_and(|document| row.get(document).as_text() != Some(target)) {
                continue;
            }
            if let Some(to) = row.get(column).as_int() {
                index.entry(to).or_default().push(id);
            }
        }
        let index = Rc::new(index);
        self.inverses.borrow_mut().insert([target, model, column], Rc::clone(&index));
        index
    }

    /// What people call the row.
    pub fn display_name(&self, model: &str, id: i64) -> Option<String> {
        self.database.row(model, id).map(|record| compute::display_name(self, model, id, record))
    }

    /// The field as it travels.
    ///
    /// # Errors
    /// Fault 2 for the one field whose computation the real server fails at.
    pub fn travelling(
        &self,
        model: &Model,
        row: (i64, &'a Record),
        field: &Field,
        load: Load,
    ) -> Result<Wire, Fault> {
        if field.name == "dashboard_graph_data" {
            return Err(Fault::user("The graph of this team cannot be computed."));
        }
        if field.kind == Kind::Properties {
            return Ok(compute::properties(self, row.1, field));
        }
        let hidden = model.name == "calendar.event" && calendar::masked(self, row.1, field.name);
        if hidden && matches!(field.name, "name" | "display_name") {
            return Ok(Wire::text(calendar::BUSY));
        }
        let value = if hidden { Cow::Owned(Value::Null) } else { self.value(model, row, field) };
        Ok(match (field.kind, value.as_ref()) {
            (Kind::Many2one, Value::Int(target)) => self.reference(field, *target, load),
            (Kind::One2many | Kind::Many2many, ids) => Wire::ids(ids.as_ids().iter().copied()),
            (Kind::Boolean, flag) => Wire::Bool(flag.as_bool()),
            (Kind::Integer | Kind::Many2oneReference, number) => Wire::Int(number.as_int().unwrap_or(0)),
            (Kind::Float | Kind::Monetary, number) => Wire::Double(number.as_float()),
            (_, Value::Null) => Wire::Bool(false),
            (_, other) => plain(other),
        })
    }

    fn reference(&self, field: &Field, target: i64, load: Load) -> Wire {
        match (load, field.relation) {
            (Load::Classic, Some(relation)) => {
                let name = self.display_name(relation, target).unwrap_or_default();
                Wire::Array(vec![Wire::Int(target), Wire::Text(name)])
            }
            _ => Wire::Int(target),
        }
    }
}

/// A value without any knowledge of its field.
fn plain(value: &Value) -> Wire {
    match value {
        Value::Null => Wire::Bool(false),
        Value::Bool(flag) => Wire::Bool(*flag),
        Value::Int(number) => Wire::Int(*number),
        Value::Float(number) => Wire::Double(*number),
        Value::Text(text) => Wire::Text(text.clone()),
        Value::Date(date) => Wire::Text(date.to_string()),
        Value::Instant(at) => Wire::Text(instant_text(*at)),
        Value::Ids(ids) => Wire::ids(ids.iter().copied()),
        Value::Durations(seconds) => Wire::Struct(
            seconds.iter().map(|(stage, spent)| (stage.to_string(), Wire::Int(*spent))).collect(),
        ),
        Value::Json(json) => json.into(),
    }
}
