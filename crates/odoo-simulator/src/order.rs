//! Order clauses: their syntax, and sorting the way the database does.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::access;
use crate::database::Record;
use crate::fault::Fault;
use crate::listing::by_id;
use crate::reader::Reader;
use crate::schema::{Field, Kind, Model};
use crate::value::Value;

/// A parsed order clause.
pub struct Order {
    terms: Vec<Term>,
}

struct Term {
    field: &'static Field,
    descending: bool,
    /// Rank of each record a many2one can point at, by that model's own order.
    ranks: Option<HashMap<i64, usize>>,
}

impl Order {
    /// Parses a clause such as `write_date desc, id`.
    ///
    /// # Errors
    /// Fault 2 for bad syntax, fault 1 for an unknown field.
    pub fn parse(reader: &Reader<'_>, model: &'static Model, clause: &str) -> Result<Self, Fault> {
        Self::parse_at(reader, model, clause, 0)
    }

    fn parse_at(
        reader: &Reader<'_>,
        model: &'static Model,
        clause: &str,
        depth: usize,
    ) -> Result<Self, Fault> {
        let mut terms = Vec::new();
        for part in clause.split(',') {
            let words: Vec<&str> = part.split_whitespace().collect();
            let (name, descending) = match words.as_slice() {
                [name] => (*name, false),
                [name, direction, ..] if valid_tail(&words) => {
                    (*name, direction.eq_ignore_ascii_case("desc"))
                }
                _ => return Err(bad_syntax(clause)),
            };
            let name = name.trim_matches('"');
            if !name.chars().all(|character| {
                character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
            }) {
                return Err(bad_syntax(clause));
            }
            let field = access::field(reader.session, model, name)
                .ok_or_else(|| Fault::invalid_field(model.name, name))?;
            let ranks = match (field.kind, field.relation) {
                (Kind::Many2one, Some(relation)) => ranks(reader, relation, depth)?,
                _ => None,
            };
            terms.push(Term { field, descending, ranks });
        }
        Ok(Self { terms })
    }

    /// Sorts rows; rows equal under the clause come by ascending id.
    pub fn sort<'a>(&self, reader: &Reader<'a>, model: &Model, rows: &mut Vec<(i64, &'a Record)>) {
        rows.sort_unstable_by(by_id);
        if matches!(self.terms.as_slice(), [Term { field, descending: false, .. }] if field.name == "id") {
            return;
        }
        let keys = |row: &(i64, &'a Record)| -> Vec<Value> {
            self.terms
                .iter()
                .map(|term| term.key(reader.value(model, *row, term.field).into_owned()))
                .collect()
        };
        let mut keyed: Vec<(Vec<Value>, (i64, &'a Record))> =
            rows.drain(..).map(|row| (keys(&row), row)).collect();
        keyed.sort_by(|(left, _), (right, _)| self.compare(left, right));
        rows.extend(keyed.into_iter().map(|(_, row)| row));
    }

    fn compare(&self, left: &[Value], right: &[Value]) -> Ordering {
        let pairs = self.terms.iter().zip(left.iter().zip(right));
        for (term, (left, right)) in pairs {
            let ordering = compare(left, right);
            let ordering = if term.descending { ordering.reverse() } else { ordering };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    }
}

impl Term {
    fn key(&self, value: Value) -> Value {
        match (&self.ranks, &value) {
            (Some(ranks), Value::Int(id)) => {
                Value::Int(ranks.get(id).map_or(*id, |rank| i64::try_from(*rank).unwrap_or(*id)))
            }
            // A false boolean and one never set sort alike.
            (None, Value::Null) if self.field.kind == Kind::Boolean => Value::Bool(false),
            _ => value,
        }
    }
}

/// `asc` or `desc`, then perhaps `nulls first` or `nulls last` (accepted, the default placement is kept).
fn valid_tail(words: &[&str]) -> bool {
    let is = |index: usize, options: [&str; 2]| {
        words.get(index).is_some_and(|word| options.iter().any(|option| word.eq_ignore_ascii_case(option)))
    };
    is(1, ["asc", "desc"])
        && (words.len() == 2 || (words.len() == 4 && is(2, ["nulls", "nulls"]) && is(3, ["first", "last"])))
}

fn bad_syntax(clause: &str) -> Fault {
    Fault::user(format!(
        "Invalid \"order\" specified ({clause}). It is a comma-separated list of field names, each with asc or desc if wanted."
    ))
}

/// Where each row of the model stands in the model's own order.
fn ranks(reader: &Reader<'_>, relation: &str, depth: usize) -> Result<Option<HashMap<i64, usize>>, Fault> {
    let Some(model) = reader.model(relation).filter(|_| depth < 2) else { return Ok(None) };
    let order = Order::parse_at(reader, model, model.order, depth + 1)?;
    let mut rows: Vec<(i64, &Record)> = reader.database.rows(relation).collect();
    order.sort(reader, model, &mut rows);
    Ok(Some(rows.into_iter().enumerate().map(|(rank, (id, _))| (id, rank)).collect()))
}

/// NULL sorts after everything when ascending.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (Value::Text(left), Value::Text(right)) => {
            left.to_lowercase().cmp(&right.to_lowercase()).then_with(|| left.cmp(right))
        }
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::Instant(left), Value::Instant(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        _ => left.as_float().partial_cmp(&right.as_float()).unwrap_or(Ordering::Equal),
    }
}
