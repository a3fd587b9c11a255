//! One leaf: a field path, an operator and a literal.

use crate::access;
use crate::database::Record;
use crate::fault::Fault;
use crate::reader::Reader;
use crate::schema::{Field, Kind, Model};
use crate::value::Value;
use crate::wire::Wire;

use super::test::{Pattern, Test};

#[derive(Debug)]
pub(super) struct Leaf {
    field: &'static Field,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// Compare the field itself.
    Value(Test),
    /// Compare the display names of the records it points at; `negate` accepts rows where none matches.
    Name { pattern: Pattern, negate: bool },
    /// Go on in the model it points at.
    Through(&'static Model, Box<Leaf>),
}

impl Leaf {
    pub(super) fn compile(
        reader: &Reader<'_>,
        model: &'static Model,
        (path, operator, right): (&str, &str, &Wire),
    ) -> Result<Self, Fault> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let known = model.field(first).filter(|field| access::field_exists(reader.session, model, field));
        let Some(field) = known else {
            return Err(Fault::value_error(format!(
                "Invalid field {}.{first} in leaf ('{path}', '{operator}', ...)",
                model.name
            )));
        };
        if let Some(rest) = rest.filter(|rest| *rest != "id") {
            let target = field.relation.and_then(|relation| reader.model(relation)).ok_or_else(|| {
                Fault::value_error(format!(
                    "Invalid field {}.{path} in leaf: {first} is no relation",
                    model.name
                ))
            })?;
            let inner = Self::compile(reader, target, (rest, operator, right))?;
            return Ok(Self { field, step: Step::Through(target, Box::new(inner)) });
        }
        let step = compile_step(reader, (model, field), operator, right)?;
        Ok(Self { field, step })
    }

    pub(super) fn accepts<'a>(&self, reader: &Reader<'a>, model: &Model, row: (i64, &'a Record)) -> bool {
        let value = reader.value(model, row, self.field);
        match &self.step {
            Step::Value(test) => test.accepts(&value),
            Step::Name { pattern, negate } => {
                let relation = self.field.relation.unwrap_or_default();
                let named =
                    |id: &i64| reader.display_name(relation, *id).is_some_and(|name| pattern.accepts(&name));
                targets(&value).iter().any(named) != *negate
            }
            Step::Through(target, inner) => targets(&value).iter().any(|id| {
                reader
                    .database
                    .row(target.name, *id)
                    .is_some_and(|record| inner.accepts(reader, target, (*id, record)))
            }),
        }
    }
}

/// The records a relational value points at.
fn targets(value: &Value) -> &[i64] {
    match value {
        Value::Int(id) => std::slice::from_ref(id),
        other => other.as_ids(),
    }
}

fn compile_step(
    reader: &Reader<'_>,
    (model, field): (&'static Model, &'static Field),
    operator: &str,
    right: &Wire,
) -> Result<Step, Fault> {
    let relational = field.relation.is_some();
    if matches!(operator, "child_of" | "parent_of") {
        let target = field.relation.unwrap_or(model.name);
        return Ok(Step::Value(Test::ids(hierarchy(reader, target, operator, right))));
    }
    if relational && matches!(right, Wire::Text(_)) && matches!(operator, "=" | "!=") {
        let pattern = Pattern::exact(right.as_text().unwrap_or_default());
        return Ok(Step::Name { pattern, negate: operator == "!=" });
    }
    if let Some((pattern, negate)) = Pattern::of_operator(operator, right) {
        let by_name = relational || matches!(field.kind, Kind::Many2one);
        return Ok(if by_name {
            Step::Name { pattern, negate }
        } else {
            Step::Value(Test::Like { pattern, negate })
        });
    }
    Test::compile((model.name, field), operator, right).map(Step::Value)
}

/// The ids below (or above) the given ones along `parent_id`, themselves included.
fn hierarchy(reader: &Reader<'_>, model: &str, operator: &str, right: &Wire) -> Vec<i64> {
    let start: Vec<i64> = match right {
        Wire::Array(ids) => ids.iter().filter_map(Wire::as_int).collect(),
        other => other.as_int().into_iter().collect(),
    };
    let mut found = start;
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        next += 1;
        let more: Vec<i64> = if operator == "parent_of" {
            reader.database.row(model, id).and_then(|row| row.get("parent_id").as_int()).into_iter().collect()
        } else {
            reader.database.ids_where(model, |row| row.get("parent_id").as_int() == Some(id))
        };
        let new: Vec<i64> = more.into_iter().filter(|id| !found.contains(id)).collect();
        found.extend(new);
    }
    found
}
