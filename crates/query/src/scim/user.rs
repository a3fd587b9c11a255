//! A user as a directory describes one: what is kept of it, read out of JSON and written back.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{BASE, ScimError, USER};

/// Longest text of an attribute, in characters.
const LONGEST: usize = 256;
/// Most values of an attribute.
const MOST: usize = 20;

/// What is kept of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScimUser {
    pub(crate) user_name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) formatted: Option<String>,
    pub(crate) given_name: Option<String>,
    pub(crate) family_name: Option<String>,
    pub(crate) emails: Vec<ScimEmail>,
    /// Values of `roles`, as the directory calls them.
    pub(crate) roles: Vec<String>,
    /// None: nothing is said of it.
    pub(crate) active: Option<bool>,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ScimEmail {
    pub(crate) value: String,
    pub(crate) kind: Option<String>,
    pub(crate) primary: Option<bool>,
}

/// What we say of a user ourselves.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) revision: i64,
}

impl Meta {
    /// The version, as an entity tag.
    pub(crate) fn version(&self) -> String {
        format!("W/\"{}\"", self.revision)
    }

    /// Where the user is, below an address.
    pub(crate) fn location(&self, public_url: &str) -> String {
        format!("{public_url}{BASE}/Users/{}", self.id)
    }
}

/// Which attributes an answer has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    only: Vec<String>,
    without: Vec<String>,
}

impl Shown {
    /// By the parameters `attributes` and `excludedAttributes`.
    pub(crate) fn new(only: Option<&str>, without: Option<&str>) -> Self {
        let list = |text: Option<&str>| {
            let names = text.unwrap_or_default().split(',').map(|name| {
                let name = name.trim().to_ascii_lowercase();
                let core = format!("{}:", USER.to_ascii_lowercase());
                let name = name.strip_prefix(&core).unwrap_or(&name);
                // A part of an attribute is shown with all of it.
                name.split('.').next().unwrap_or_default().to_owned()
            });
            names.filter(|name| !name.is_empty()).collect()
        };
        Self { only: list(only), without: list(without) }
    }

    fn has(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        if ["schemas", "id"].contains(&name.as_str()) {
            return true;
        }
        (self.only.is_empty() || self.only.contains(&name)) && !self.without.contains(&name)
    }
}

impl ScimUser {
    /// Reads a user. Attributes that are not kept are passed over; a wrong type is refused.
    pub(crate) fn parse(body: &Value) -> Result<Self, ScimError> {
        let fields = body.as_object().ok_or_else(|| ScimError::invalid_syntax("A user is an object."))?;
        let fields = lowered(fields);
        let field = |name: &str| fields.get(name).copied().filter(|value| !value.is_null());
        let name = match field("name") {
            None => Map::new(),
            Some(Value::Object(name)) => {
                name.iter().map(|(key, value)| (lower(key), value.clone())).collect()
            }
            Some(_) => return Err(wrong("name", "an object")),
        };
        let user_name = text("userName", field("username"))?;
        let user_name = user_name.ok_or_else(|| ScimError::invalid_value("userName is missing."))?;
        Ok(Self {
            user_name,
            external_id: text("externalId", field("externalid"))?,
            display_name: text("displayName", field("displayname"))?,
            formatted: text("name.formatted", name.get("formatted"))?,
            given_name: text("name.givenName", name.get("givenname"))?,
            family_name: text("name.familyName", name.get("familyname"))?,
            emails: emails(field("emails"))?,
            roles: roles(field("roles"))?,
            active: truth("active", field("active"))?,
        })
    }

    /// What the directory has said, for changes to be made in.
    pub(super) fn writable(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !empty {
                fields.insert(name.to_owned(), value);
            }
        };
        put("externalId", json!(self.external_id));
        put("userName", json!(self.user_name));
        put("displayName", json!(self.display_name));
        let name = [
            ("formatted", &self.formatted),
            ("givenName", &self.given_name),
            ("familyName", &self.family_name),
        ];
        let name: Map<String, Value> = name
            .into_iter()
            .filter_map(|(key, part)| Some((key.to_owned(), json!(part.as_ref()?))))
            .collect();
        put("name", if name.is_empty() { Value::Null } else { Value::Object(name) });
        put("emails", self.emails.iter().map(ScimEmail::shown).collect());
        put("roles", self.roles.iter().map(|role| json!({ "value": role })).collect());
        put("active", json!(self.active));
        fields
    }

    /// The resource.
    pub(crate) fn resource(&self, meta: &Meta, public_url: &str, shown: &Shown) -> Value {
        let mut fields = self.writable();
        fields.insert("schemas".to_owned(), json!([USER]));
        fields.insert("id".to_owned(), json!(meta.id));
        fields.insert(
            "meta".to_owned(),
            json!({
                "resourceType": "User", "created": meta.created, "lastModified": meta.modified,
                "location": meta.location(public_url), "version": meta.version(),
            }),
        );
        fields.retain(|name, _| shown.has(name));
        Value::Object(fields)
    }

    /// The addresses, the most telling first: the primary one, those of work, the others, and the name to sign in with.
    pub(crate) fn addresses(&self) -> Vec<&str> {
        let rank = |email: &ScimEmail| {
            let work = email.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("work"));
            (email.primary != Some(true), !work)
        };
        let mut emails: Vec<&ScimEmail> = self.emails.iter().collect();
        emails.sort_by_key(|email| rank(email));
        emails.into_iter().map(|email| email.value.as_str()).chain([self.user_name.as_str()]).collect()
    }

    /// The name for people.
    pub(crate) fn name(&self) -> String {
        let parts = [&self.given_name, &self.family_name].into_iter().flatten().cloned().collect::<Vec<_>>();
        let whole = Some(parts.join(" ")).filter(|name| !name.is_empty());
        let said = self.display_name.clone().or_else(|| self.formatted.clone()).or(whole);
        said.unwrap_or_else(|| self.user_name.clone())
    }
}

impl ScimEmail {
    fn shown(&self) -> Value {
        let mut shown = Map::from_iter([("value".to_owned(), json!(self.value))]);
        if let Some(kind) = &self.kind {
            shown.insert("type".to_owned(), json!(kind));
        }
        if let Some(primary) = self.primary {
            shown.insert("primary".to_owned(), json!(primary));
        }
        Value::Object(shown)
    }
}

/// The fields by their names in lower case; the core schema may be named before them.
fn lowered(fields: &Map<String, Value>) -> std::collections::BTreeMap<String, &Value> {
    let core = format!("{}:", lower(USER));
    let name = |key: &str| lower(key).trim_start_matches(&core).to_owned();
    fields.iter().map(|(key, value)| (name(key), value)).collect()
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn wrong(name: &str, expected: &str) -> ScimError {
    ScimError::invalid_value(format!("{name} must be {expected}."))
}

/// A text without white space around it; none if nothing is left.
fn text(name: &str, value: Option<&Value>) -> Result<Option<String>, ScimError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let text = text.trim();
            if text.chars().count() > LONGEST || text.contains(char::is_control) {
                return Err(wrong(name, "a text of 256 characters at most, without control characters"));
            }
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
        }
        Some(_) => Err(wrong(name, "a text")),
    }
}

/// Entra ID sends `"False"`.
pub(super) fn truth(name: &str, value: Option<&Value>) -> Result<Option<bool>, ScimError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(*truth)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(_) => Err(wrong(name, "true or false")),
    }
}

/// The values of an attribute that has several. One alone may stand without a list.
fn several<'a>(name: &str, value: Option<&'a Value>) -> Result<Vec<&'a Value>, ScimError> {
    let values: Vec<&Value> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(one) => vec![one],
    };
    if values.len() > MOST { Err(wrong(name, "a list of 20 at most")) } else { Ok(values) }
}

fn emails(value: Option<&Value>) -> Result<Vec<ScimEmail>, ScimError> {
    let mut emails = Vec::new();
    for entry in several("emails", value)? {
        let fields = match entry {
            Value::Object(fields) => lowered(fields),
            Value::String(_) => [("value".to_owned(), entry)].into(),
            _ => return Err(wrong("emails", "a list of objects")),
        };
        let Some(value) = text("emails.value", fields.get("value").copied())? else { continue };
        let kind = text("emails.type", fields.get("type").copied())?;
        emails.push(ScimEmail {
            value,
            kind,
            primary: truth("emails.primary", fields.get("primary").copied())?,
        });
    }
    if emails.iter().filter(|email| email.primary == Some(true)).count() > 1 {
        return Err(wrong("emails", "a list with one primary address at most"));
    }
    Ok(emails)
}

/// Entra ID sends roles as objects, as plain texts, or as an object written down in a text.
fn roles(value: Option<&Value>) -> Result<Vec<String>, ScimError> {
    let mut roles = Vec::new();
    for entry in several("roles", value)? {
        let role = match entry {
            Value::Object(fields) => text("roles.value", lowered(fields).get("value").copied())?,
            Value::String(written) => match serde_json::from_str::<Value>(written) {
                Ok(Value::Object(fields)) => text("roles.value", lowered(&fields).get("value").copied())?,
                _ => text("roles", Some(entry))?,
            },
            _ => return Err(wrong("roles", "a list of objects")),
        };
        roles.extend(role);
    }
    Ok(roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entra_sends_is_read_and_told_back_as_the_standard_has_it() {
        let sent = json!({
            "schemas": [USER, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "externalId": "o-1", "userName": "Ann@Example.com", "active": "True", "displayName": "Ann Smith",
            "emails": [{"primary": true, "type": "work", "value": "ann@example.com"}],
            "Name": {"GivenName": "Ann", "familyName": "Smith"},
            "roles": ["{\"id\":\"x\",\"value\":\"boss\"}", {"value": "seller"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"},
            "title": 7, "password": "never kept",
        });
        let user = ScimUser::parse(&sent).unwrap();
        assert_eq!(
            (user.active, user.roles.as_slice()),
            (Some(true), &["boss".to_owned(), "seller".to_owned()][..])
        );
        let told = Value::Object(user.writable());
        assert_eq!(
            told,
            json!({
                "externalId": "o-1", "userName": "Ann@Example.com", "active": true, "displayName": "Ann Smith",
                "emails": [{"primary": true, "type": "work", "value": "ann@example.com"}],
                "name": {"givenName": "Ann", "familyName": "Smith"},
                "roles": [{"value": "boss"}, {"value": "seller"}],
            })
        );
        assert_eq!(ScimUser::parse(&told).unwrap(), user, "what is told is what is read");
    }

    #[test]
    fn wrong_types_are_refused() {
        for wrong in [
            json!([]),
            json!({}),
            json!({"userName": ""}),
            json!({"userName": 7}),
            json!({"userName": "a\u{0}b"}),
            json!({"userName": "x".repeat(300)}),
            json!({"userName": "a", "active": "perhaps"}),
            json!({"userName": "a", "name": "Ann"}),
            json!({"userName": "a", "emails": [7]}),
            json!({"userName": "a", "emails": [{"value": "x", "primary": true}, {"value": "y", "primary": true}]}),
            json!({"userName": "a", "roles": vec!["x"; 21]}),
        ] {
            assert!(ScimUser::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_primary_address_goes_first_and_the_name_to_sign_in_with_last() {
        let user = ScimUser::parse(&json!({
            "userName": "u@x.example",
            "emails": [{"value": "home@x.example", "type": "home"}, {"value": "w@x.example", "type": "Work"},
                {"value": "p@x.example", "primary": "True"}],
        }));
        assert_eq!(
            user.unwrap().addresses(),
            ["p@x.example", "w@x.example", "home@x.example", "u@x.example"]
        );
    }
}
