//! Comparing one value with one literal.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::fault::Fault;
use crate::schema::{Field, Kind};
use crate::value::{Value, parse_date, parse_instant};
use crate::wire::Wire;

/// A compiled comparison.
#[derive(Debug)]
pub(super) enum Test {
    /// The value is NULL, an empty set, or a false boolean.
    Empty { negate: bool },
    /// Equality; the negation accepts NULL.
    Equal { to: Value, negate: bool },
    /// `<`, `<=`, `>`, `>=`: the orderings accepted. NULL never matches.
    Ordered { to: Value, accepted: &'static [Ordering] },
    /// Membership; `empty` says whether False was among the elements.
    In { ids: HashSet<i64>, texts: HashSet<String>, others: Vec<Value>, empty: bool, negate: bool },
    /// A text pattern; the negation accepts NULL.
    Like { pattern: Pattern, negate: bool },
}

impl Test {
    pub(super) fn ids(ids: Vec<i64>) -> Self {
        Self::In {
            ids: ids.into_iter().collect(),
            texts: HashSet::new(),
            others: Vec::new(),
            empty: false,
            negate: false,
        }
    }

    pub(super) fn compile(
        (model, field): (&str, &Field),
        operator: &str,
        right: &Wire,
    ) -> Result<Self, Fault> {
        match operator {
            // A list with "=" means "in", as generated domains rely on.
            "=" | "!=" | "<>" | "=?" if matches!(right, Wire::Array(_)) => {
                membership(field, right, operator != "=", model)
            }
            "=?" if !right.truthy() => Ok(Self::Ordered { to: Value::Null, accepted: &[] }).map(|_| always()),
            "=" | "==" | "=?" => equality(field, right, false, operator),
            "!=" | "<>" => equality(field, right, true, operator),
            "in" => membership(field, right, false, model),
            "not in" => membership(field, right, true, model),
            "<" => ordered(field, right, operator, &[Ordering::Less]),
            "<=" => ordered(field, right, operator, &[Ordering::Less, Ordering::Equal]),
            ">" => ordered(field, right, operator, &[Ordering::Greater]),
            ">=" => ordered(field, right, operator, &[Ordering::Greater, Ordering::Equal]),
            other => Err(Fault::value_error(format!("Invalid leaf ('{}', '{other}', ...)", field.name))),
        }
    }

    pub(super) fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Empty { negate } => is_empty(value) != *negate,
            Self::Equal { to, negate } => holds(value, to) != *negate,
            Self::Ordered { to, accepted } => {
                compare(value, to).is_some_and(|ordering| accepted.contains(&ordering))
            }
            Self::In { ids, texts, others, empty, negate } => {
                let member = match value {
                    Value::Int(id) => ids.contains(id),
                    Value::Ids(set) => set.iter().any(|id| ids.contains(id)),
                    Value::Text(text) => texts.contains(text),
                    other => others.iter().any(|candidate| holds(other, candidate)),
                };
                (member || (*empty && is_empty(value))) != *negate
            }
            Self::Like { pattern, negate } => {
                value.as_text().is_some_and(|text| pattern.accepts(text)) != *negate
            }
        }
    }
}

fn always() -> Test {
    Test::In { ids: HashSet::new(), texts: HashSet::new(), others: Vec::new(), empty: false, negate: true }
}

/// NULL, an empty set, or a boolean that is false.
fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Bool(false)) || matches!(value, Value::Ids(ids) if ids.is_empty())
}

/// Equality as the column sees it: a set holds its elements.
fn holds(value: &Value, to: &Value) -> bool {
    match (value, to) {
        (Value::Ids(ids), Value::Int(id)) => ids.contains(id),
        _ => compare(value, to) == Some(Ordering::Equal),
    }
}

/// The order of two values of comparable types.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            left.as_float().partial_cmp(&right.as_float())
        }
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Instant(left), Value::Instant(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn equality(field: &Field, right: &Wire, negate: bool, operator: &str) -> Result<Test, Fault> {
    let empty = matches!(right, Wire::Nil | Wire::Bool(false))
        || (field.kind == Kind::Boolean && !right.truthy())
        || (field.relation.is_some() && matches!(right, Wire::Int(0)));
    if empty {
        return Ok(Test::Empty { negate });
    }
    literal(field, right, operator).map(|to| Test::Equal { to, negate })
}

fn membership(field: &Field, right: &Wire, negate: bool, model: &str) -> Result<Test, Fault> {
    let elements = match right {
        Wire::Array(elements) => elements.as_slice(),
        // A lone boolean stands for "anything" or "nothing"; a lone value for a list of one.
        single => std::slice::from_ref(single),
    };
    let (mut ids, mut texts, mut others, mut empty) = (HashSet::new(), HashSet::new(), Vec::new(), false);
    for element in elements {
        if matches!(element, Wire::Nil | Wire::Bool(false)) {
            empty = true;
            continue;
        }
        let value = literal(field, element, "in").map_err(|_| {
            Fault::value_error(format!("Invalid element in a list for {model}.{}", field.name))
        })?;
        match value {
            Value::Int(id) => {
                ids.insert(id);
            }
            Value::Text(text) => {
                texts.insert(text);
            }
            other => others.push(other),
        }
    }
    Ok(Test::In { ids, texts, others, empty, negate })
}

fn ordered(
    field: &Field,
    right: &Wire,
    operator: &str,
    accepted: &'static [Ordering],
) -> Result<Test, Fault> {
    let to = if matches!(right, Wire::Nil | Wire::Bool(false)) {
        Value::Null
    } else {
        literal(field, right, operator)?
    };
    Ok(Test::Ordered { to, accepted })
}

/// A literal in the type of the field's column.
fn literal(field: &Field, right: &Wire, operator: &str) -> Result<Value, Fault> {
    let bad = |kind: &str| {
        Fault::unexpected(
            "psycopg2.errors.InvalidTextRepresentation",
            format!("invalid input syntax for type {kind}"),
        )
    };
    match field.kind {
        Kind::Datetime => datetime(right, operator),
        Kind::Date => right.as_text().and_then(parse_date).map(Value::Date).ok_or_else(|| {
            Fault::unexpected("psycopg2.errors.InvalidDatetimeFormat", "invalid input syntax for type date")
        }),
        Kind::Integer | Kind::Float | Kind::Monetary | Kind::Many2oneReference => match right {
            Wire::Int(number) => Ok(Value::Int(*number)),
            Wire::Double(number) => Ok(Value::Float(*number)),
            Wire::Bool(flag) => Ok(Value::Int(i64::from(*flag))),
            Wire::Text(text) => text.trim().parse().map(Value::Float).map_err(|_| bad("integer")),
            _ => Err(bad("integer")),
        },
        Kind::Many2one | Kind::One2many | Kind::Many2many => {
            right.as_int().map(Value::Int).ok_or_else(|| bad("integer"))
        }
        Kind::Boolean => Ok(Value::Bool(right.truthy())),
        _ => Ok(match right {
            Wire::Int(number) => Value::Text(number.to_string()),
            other => Value::text(other.as_text().unwrap_or_default()),
        }),
    }
}

/// A datetime literal. A date alone is the end of that day for `>` and `<=`, its start otherwise.
fn datetime(right: &Wire, operator: &str) -> Result<Value, Fault> {
    let text = right.as_text().unwrap_or_default();
    let bad = || {
        Fault::unexpected(
            "psycopg2.errors.InvalidDatetimeFormat",
            format!("invalid input syntax for type timestamp: \"{text}\""),
        )
    };
    if text.len() == 10 {
        let clock = if matches!(operator, ">" | "<=") { "23:59:59" } else { "00:00:00" };
        return parse_instant(&format!("{text} {clock}")).map(Value::Instant).ok_or_else(bad);
    }
    parse_instant(text).map(Value::Instant).ok_or_else(bad)
}

/// An SQL LIKE pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Vec<char>,
    insensitive: bool,
}

impl Pattern {
    /// The pattern of a text operator and whether it is negated; nothing for other operators.
    pub(super) fn of_operator(operator: &str, right: &Wire) -> Option<(Self, bool)> {
        let (wildcards, insensitive, negate) = match operator {
            "like" => (true, false, false),
            "not like" => (true, false, true),
            "ilike" => (true, true, false),
            "not ilike" => (true, true, true),
            "=like" => (false, false, false),
            "=ilike" => (false, true, false),
            _ => return None,
        };
        let text = match right {
            Wire::Int(number) => number.to_string(),
            other => other.as_text().unwrap_or_default().to_owned(),
        };
        let text = if wildcards { format!("%{text}%") } else { text };
        Some((Self::new(&text, insensitive), negate))
    }

    /// Equality with a name, without wildcards and regardless of case.
    pub(super) fn exact(name: &str) -> Self {
        Self::new(&name.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"), false)
    }

    fn new(text: &str, insensitive: bool) -> Self {
        let text = if insensitive { text.to_lowercase() } else { text.to_owned() };
        Self { parts: text.chars().collect(), insensitive }
    }

    pub(super) fn accepts(&self, text: &str) -> bool {
        let text = if self.insensitive { text.to_lowercase() } else { text.to_owned() };
        matches(&self.parts, &text.chars().collect::<Vec<_>>())
    }
}

/// `%` is any run, `_` any character, a backslash takes the next character literally.
fn matches(pattern: &[char], text: &[char]) -> bool {
    let Some((head, rest)) = pattern.split_first() else { return text.is_empty() };
    match head {
        '%' => (0..=text.len()).any(|skip| text.get(skip..).is_some_and(|tail| matches(rest, tail))),
        '\\' if !rest.is_empty() => {
            let Some((literal, after)) = rest.split_first() else { return false };
            text.split_first().is_some_and(|(first, tail)| first == literal && matches(after, tail))
        }
        '_' => text.split_first().is_some_and(|(_, tail)| matches(rest, tail)),
        literal => text.split_first().is_some_and(|(first, tail)| first == literal && matches(rest, tail)),
    }
}
