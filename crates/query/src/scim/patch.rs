//! Changes by `PATCH` (RFC 7644, section 3.5.2), made in what the directory has said so far and read like a whole user.
//!
//! Entra ID writes `Add` and `Replace` with a capital letter, leaves the path out, uses paths as names of members, and changes
//! values that are not there yet (`emails[type eq "work"].value`): those are made.

use serde_json::{Map, Value, json};

use super::filter::{Chosen, Path};
use super::user::truth;
use super::{ScimError, ScimUser};

/// Most operations in a request.
const MOST: usize = 100;
/// Attributes, as the standard spells them.
const ATTRIBUTES: [&str; 7] = ["externalId", "userName", "displayName", "name", "emails", "roles", "active"];
/// Those that have several values.
const SEVERAL: [&str; 2] = ["emails", "roles"];
/// Parts of attributes.
const PARTS: [&str; 8] =
    ["formatted", "givenName", "familyName", "value", "type", "primary", "display", "$ref"];
/// What is ours alone to say.
const OURS: [&str; 3] = ["id", "meta", "schemas"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Add,
    Replace,
    Remove,
}

/// A user after a change.
pub(crate) fn patched(user: &ScimUser, body: &Value) -> Result<ScimUser, ScimError> {
    let operations = member(body, "operations").and_then(Value::as_array);
    let operations = operations.filter(|operations| (1..=MOST).contains(&operations.len()));
    let operations =
        operations.ok_or_else(|| ScimError::invalid_syntax("Operations must be a list of 1 to 100."))?;
    let mut fields = user.writable();
    for operation in operations {
        apply(&mut fields, operation)?;
    }
    ScimUser::parse(&Value::Object(fields))
}

/// A member of an object by its name in lower case.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn apply(fields: &mut Map<String, Value>, operation: &Value) -> Result<(), ScimError> {
    let word = member(operation, "op").and_then(Value::as_str).unwrap_or_default();
    let kind = match word.to_ascii_lowercase().as_str() {
        "add" => Operation::Add,
        "replace" => Operation::Replace,
        "remove" => Operation::Remove,
        _ => return Err(ScimError::invalid_syntax("op must be add, replace or remove.")),
    };
    let path = match member(operation, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) if path.trim().is_empty() => None,
        Some(Value::String(path)) => Some(Path::parse(path)?),
        Some(_) => return Err(ScimError::invalid_path("A path is a text.")),
    };
    let value = member(operation, "value").cloned();
    match (path, value) {
        (Some(path), value) => {
            if OURS.contains(&path.attribute.as_str()) {
                return Err(ScimError::mutability("id, meta and schemas are not changed."));
            }
            change(fields, kind, &path, value)
        }
        (None, _) if kind == Operation::Remove => {
            Err(ScimError::no_target("What is to be removed? Give a path."))
        }
        (None, Some(Value::Object(members))) => {
            for (name, value) in members {
                change(fields, kind, &Path::parse(&name)?, Some(value))?;
            }
            Ok(())
        }
        (None, _) => Err(ScimError::invalid_syntax("Without a path the value is an object.")),
    }
}

/// One change. Of an attribute that is not kept, none.
fn change(
    fields: &mut Map<String, Value>,
    kind: Operation,
    path: &Path,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let Some(attribute) = spelled(&ATTRIBUTES, &path.attribute) else { return Ok(()) };
    let value = match (kind, value) {
        (Operation::Remove, value) => value,
        (_, None) => return Err(ScimError::invalid_syntax("A value is missing.")),
        // Nothing in the place of something takes it away.
        (_, Some(Value::Null)) => return change(fields, Operation::Remove, path, None),
        (_, value) => value,
    };
    if SEVERAL.contains(&attribute) {
        let mut values = match fields.remove(attribute) {
            Some(Value::Array(values)) => values,
            _ => Vec::new(),
        };
        change_values(&mut values, (kind, attribute), path, value)?;
        fields.insert(attribute.to_owned(), Value::Array(one_primary(values)));
        return Ok(());
    }
    if path.chosen.is_some() {
        return Err(ScimError::invalid_path("Only emails and roles have values to choose from."));
    }
    match (path.sub.as_deref(), attribute) {
        (Some(sub), "name") => {
            let part = spelled(&PARTS, sub).map(str::to_owned);
            let mut name = object(fields.remove("name"));
            if let Some(part) = part {
                put(&mut name, &part, value.filter(|_| kind != Operation::Remove));
            }
            put(fields, "name", (!name.is_empty()).then_some(Value::Object(name)));
        }
        (Some(_), _) => return Err(ScimError::invalid_path("This attribute has no parts.")),
        (None, "name") if kind != Operation::Remove => {
            let Some(Value::Object(given)) = value else {
                return Err(ScimError::invalid_value("name must be an object."));
            };
            let mut name = object(fields.remove("name"));
            for (part, value) in given {
                if let Some(part) = spelled(&PARTS, &part.to_ascii_lowercase()) {
                    put(&mut name, part, Some(value));
                }
            }
            put(fields, "name", (!name.is_empty()).then_some(Value::Object(name)));
        }
        (None, _) => put(fields, attribute, value.filter(|_| kind != Operation::Remove)),
    }
    Ok(())
}

/// A change of an attribute that has several values.
fn change_values(
    values: &mut Vec<Value>,
    (kind, attribute): (Operation, &str),
    path: &Path,
    value: Option<Value>,
) -> Result<(), ScimError> {
    let given = || match value.clone() {
        Some(Value::Array(values)) => values,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    if path.chosen.is_none() && path.sub.is_none() {
        match (kind, &value) {
            (Operation::Replace, _) => *values = given(),
            (Operation::Remove, None | Some(Value::Null)) => values.clear(),
            (Operation::Remove, Some(_)) => {
                let gone: Vec<Value> = given()
                    .iter()
                    .map(|value| part(value, "value").cloned().unwrap_or(value.clone()))
                    .collect();
                values.retain(|held| !part(held, "value").is_some_and(|held| gone.contains(held)));
            }
            (Operation::Add, _) => {
                for value in given() {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
            }
        }
        return Ok(());
    }
    let is_chosen = |held: &Value| path.chosen.as_ref().is_none_or(|chosen| matches(held, chosen, attribute));
    let sub = path.sub.as_deref().and_then(|sub| spelled(&PARTS, sub));
    if kind == Operation::Remove {
        match sub {
            // A value without its value is none.
            None | Some("value") => values.retain(|held| !is_chosen(held)),
            Some(sub) => {
                for held in values.iter_mut().filter(|held| is_chosen(held)) {
                    held.as_object_mut().map(|held| held.remove(sub));
                }
            }
        }
        return Ok(());
    }
    let change = match (sub, value) {
        (Some(sub), Some(value)) => Map::from_iter([(sub.to_owned(), value)]),
        (None, Some(Value::Object(members))) if path.sub.is_none() => members,
        (None, Some(Value::Array(mut one))) if path.sub.is_none() && one.len() == 1 => object(one.pop()),
        (None, _) if path.sub.is_some() => return Ok(()),
        _ => return Err(ScimError::invalid_value("A value of emails or roles is an object.")),
    };
    let mut found = false;
    for held in values.iter_mut().filter(|held| is_chosen(held)) {
        found = true;
        let mut merged = object(Some(held.take()));
        merged.extend(change.clone());
        *held = Value::Object(merged);
    }
    if found {
        return Ok(());
    }
    // One that is chosen by its own value cannot be made by choosing it.
    let makes = path.chosen.as_ref().is_none_or(|chosen| chosen.sub != "value");
    if !makes {
        return Err(ScimError::no_target("No value is chosen by that filter."));
    }
    let mut made = change;
    if let Some(Chosen { sub, value }) = &path.chosen
        && let Some(sub) = spelled(&PARTS, sub)
    {
        made.entry(sub).or_insert_with(|| value.clone());
    }
    values.push(Value::Object(made));
    Ok(())
}

/// Whether a comparison chooses a value. Of roles the primary one is whichever there is: which that was is not kept.
fn matches(held: &Value, chosen: &Chosen, attribute: &str) -> bool {
    if attribute == "roles" && chosen.sub == "primary" {
        return true;
    }
    let Some(own) = part(held, &chosen.sub) else { return false };
    if chosen.sub == "primary" {
        let truth = |value: &Value| truth("primary", Some(value)).ok().flatten();
        return truth(own) == truth(&chosen.value);
    }
    match (own.as_str(), chosen.value.as_str()) {
        (Some(own), Some(wanted)) => own.eq_ignore_ascii_case(wanted),
        _ => *own == chosen.value,
    }
}

fn part<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    member(value, name)
}

/// Of several primary values the last one is.
fn one_primary(mut values: Vec<Value>) -> Vec<Value> {
    let is_primary = |value: &Value| truth("", part(value, "primary")).ok().flatten() == Some(true);
    if let Some(last) = values.iter().rposition(is_primary) {
        for value in values.iter_mut().take(last).filter(|value| is_primary(value)) {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("primary".to_owned(), json!(false));
            }
        }
    }
    values
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value.filter(|value| !value.is_null()) {
        Some(value) => drop(fields.insert(name.to_owned(), value)),
        None => drop(fields.remove(name)),
    }
}

/// A name as the standard spells it, by its lower-case form.
fn spelled(names: &[&'static str], lower: &str) -> Option<&'static str> {
    names.iter().copied().find(|name| name.eq_ignore_ascii_case(lower))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ann() -> ScimUser {
        ScimUser::parse(&json!({
            "userName": "ann", "displayName": "Ann", "active": true, "name": {"givenName": "Ann"},
            "emails": [{"type": "work", "value": "ann@x.example", "primary": true}, {"type": "home", "value": "a@y.example"}],
        }))
        .unwrap()
    }

    fn after(operations: Value) -> Result<Value, ScimError> {
        let body =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        patched(&ann(), &body).map(|user| Value::Object(user.writable()))
    }

    fn addresses(told: &Value) -> Vec<&str> {
        told["emails"].as_array().unwrap().iter().map(|email| email["value"].as_str().unwrap()).collect()
    }

    #[test]
    fn entra_s_ways_of_saying_so_are_understood() {
        let off = after(json!([{"op": "Replace", "path": "active", "value": "False"}])).unwrap();
        assert_eq!(off["active"], false);
        let off = after(json!([{"op": "replace", "value": {"active": false, "name.familyName": "Smith"}}]))
            .unwrap();
        assert_eq!(
            (&off["active"], &off["name"]),
            (&json!(false), &json!({"givenName": "Ann", "familyName": "Smith"}))
        );
        let told = after(json!([
            {"op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@z.example"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "new@x.example"},
            {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Sales"},
            {"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "boss"},
            {"op": "Replace", "path": "displayName", "value": null},
        ]))
        .unwrap();
        assert_eq!(addresses(&told), ["new@x.example", "a@y.example", "o@z.example"]);
        assert_eq!((&told["roles"], &told["displayName"]), (&json!([{"value": "boss"}]), &Value::Null));
    }

    #[test]
    fn operations_do_what_the_standard_says() {
        let add = |value: Value| after(json!([{"op": "add", "path": "emails", "value": value}])).unwrap();
        let told = add(json!([{"value": "b@x.example", "primary": true}]));
        assert_eq!(addresses(&told), ["ann@x.example", "a@y.example", "b@x.example"]);
        assert_eq!(told["emails"][0]["primary"], false, "one primary address");
        assert_eq!(
            addresses(&add(json!({"type": "home", "value": "a@y.example"}))).len(),
            2,
            "it is there already"
        );
        let one = |operation: Value| after(json!([operation]));
        let told = one(json!({"op": "remove", "path": "emails[type eq \"work\"]"})).unwrap();
        assert_eq!(addresses(&told), ["a@y.example"]);
        let told =
            one(json!({"op": "remove", "path": "emails", "value": [{"value": "a@y.example"}]})).unwrap();
        assert_eq!(addresses(&told), ["ann@x.example"]);
        for path in ["emails", "name", "displayName", "active", "name.givenName"] {
            let told = one(json!({"op": "remove", "path": path})).unwrap();
            assert!(told.get(path).is_none(), "{path}");
        }
        let told = one(json!({"op": "replace", "path": "name", "value": {"formatted": "Ann!"}})).unwrap();
        assert_eq!(told["name"], json!({"givenName": "Ann", "formatted": "Ann!"}));
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_standard_s_word() {
        for (operations, code) in [
            (json!([{"op": "remove"}]), "noTarget"),
            (json!([{"op": "replace", "path": "emails[value eq \"x\"].type", "value": "home"}]), "noTarget"),
            (json!([{"op": "replace", "path": "emails[", "value": "x"}]), "invalidPath"),
            (json!([{"op": "replace", "path": "active.sub", "value": "x"}]), "invalidPath"),
            (json!([{"op": "replace", "path": "displayName[a eq 1]", "value": "x"}]), "invalidPath"),
            (json!([{"op": "replace", "path": 7, "value": "x"}]), "invalidPath"),
            (json!([{"op": "replace", "path": "id", "value": "x"}]), "mutability"),
            (json!([{"op": "remove", "path": "userName"}]), "invalidValue"),
            (json!([{"op": "replace", "path": "active", "value": "perhaps"}]), "invalidValue"),
            (json!([{"op": "replace", "path": "name", "value": "x"}]), "invalidValue"),
            (json!([{"op": "move", "path": "name", "value": "x"}]), "invalidSyntax"),
            (json!([{"op": "add", "path": "name"}]), "invalidSyntax"),
            (json!([{"op": "add", "value": "x"}]), "invalidSyntax"),
            (json!([]), "invalidSyntax"),
            (json!({}), "invalidSyntax"),
        ] {
            assert_eq!(after(operations.clone()).unwrap_err().code(), code, "{operations}");
        }
        assert!(
            after(json!([{"op": "replace", "value": {"id": "x", "title": "T"}}])).is_ok(),
            "what is not kept"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "(work|True|ann|\\PC{0,6})".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            let key = "(value|type|primary|Active|emails|name|emails\\[type eq \"work\"\\].value|\\PC{0,5})";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(key, inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_panics_and_what_is_taken_is_told_as_it_is_read(
            op in "(add|Replace|remove|\\PC{0,3})",
            path in prop::option::of(
                "(emails|roles|name|active|userName)(\\[(type|primary|value) eq (\"work\"|true)\\])?(\\.(value|type|givenName))?",
            ),
            value in any_json(),
        ) {
            let mut operation = json!({"op": op, "value": value});
            if let Some(path) = path {
                operation["path"] = json!(path);
            }
            if let Ok(told) = after(json!([operation])) {
                let again = ScimUser::parse(&told).unwrap();
                prop_assert_eq!(Value::Object(again.writable()), told);
            }
            let _ = ScimUser::parse(&value);
        }
    }
}
