//! JSON to the values of `jq` and back.

use jaq_core::ValT as _;
use jaq_json::{Num, Val};
use serde_json::{Map, Number, Value};

use super::meter::DEEPEST;

/// What a value is that JSON has no word for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotJson(pub &'static str);

/// A JSON value as `jq` has it; none if it is nested too deep.
pub(super) fn of_json(json: &Value) -> Option<Val> {
    of_json_at(json, 0)
}

fn of_json_at(json: &Value, depth: usize) -> Option<Val> {
    if depth > DEEPEST {
        return None;
    }
    Some(match json {
        Value::Null => Val::Null,
        Value::Bool(flag) => Val::Bool(*flag),
        Value::Number(number) => number_of(number),
        Value::String(text) => Val::utf8_str(text.clone()),
        Value::Array(items) => items
            .iter()
            .map(|item| of_json_at(item, depth + 1))
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .collect(),
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, item)| Some((Val::utf8_str(key.clone()), of_json_at(item, depth + 1)?)));
            Val::from_map(fields.collect::<Option<Vec<_>>>()?).ok()?
        }
    })
}

fn number_of(number: &Number) -> Val {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Val::Num(Num::from_integral(number)),
        (None, Some(number)) => Val::Num(Num::from_integral(number)),
        _ => Val::from(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// A value of `jq` as JSON. It has been weighed, so it is not nested too deep.
pub(super) fn to_json(value: &Val) -> Result<Value, NotJson> {
    Ok(match value {
        Val::Null => Value::Null,
        Val::Bool(flag) => Value::Bool(*flag),
        Val::Num(number) => Value::Number(to_number(number)?),
        Val::TStr(text) => Value::String(to_text(text)?),
        Val::BStr(_) => return Err(NotJson("bytes that are no text")),
        Val::Arr(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        Val::Obj(fields) => {
            let fields = fields.iter().map(|(key, item)| match key {
                Val::TStr(key) => Ok((to_text(key)?, to_json(item)?)),
                _ => Err(NotJson("a key that is no text")),
            });
            Value::Object(fields.collect::<Result<Map<_, _>, _>>()?)
        }
    })
}

fn to_text(bytes: &[u8]) -> Result<String, NotJson> {
    String::from_utf8(bytes.to_vec()).map_err(|_| NotJson("bytes that are no text"))
}

fn to_number(number: &Num) -> Result<Number, NotJson> {
    let float = |number: f64| Number::from_f64(number).ok_or(NotJson("a number without end, or none at all"));
    match number {
        Num::Int(number) => Ok(Number::from(*number)),
        Num::Float(number) => float(*number),
        Num::Dec(text) => float(text.parse().unwrap_or(f64::NAN)),
        Num::BigInt(number) => u64::try_from(&**number)
            .map(Number::from)
            .map_err(|_| NotJson("a whole number of more than 64 bits")),
    }
}
