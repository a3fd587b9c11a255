//! Filters and paths: the part of the grammar of RFC 7644, section 3.4.2.2 that directories ask with.
//!
//! A filter is one comparison by `eq`: of an attribute, of a sub-attribute, or of a sub-attribute of those values that another
//! comparison chooses (`emails[type eq "work"].value eq "ann@example.com"`). Anything else is refused in words.

use serde_json::Value;

use super::{ScimError, USER};

/// Longest filter or path, in bytes.
const LONGEST: usize = 1_000;

/// What users can be found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subject {
    Id,
    ExternalId,
    UserName,
    DisplayName,
    Active,
    /// An address; only of this type, if one is given.
    Email(Option<String>),
}

/// A comparison by `eq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) subject: Subject,
    pub(crate) value: Value,
}

/// One comparison within brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) sub: String,
    pub(super) value: Value,
}

/// Which part of a user a change is about. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) attribute: String,
    pub(super) chosen: Option<Chosen>,
    pub(super) sub: Option<String>,
}

impl Filter {
    /// Reads a filter.
    pub(crate) fn parse(text: &str) -> Result<Self, ScimError> {
        let refuse = |problem: &'static str| ScimError::invalid_filter(problem);
        let mut reader = Reader::new(text).map_err(refuse)?;
        let path = reader.path().map_err(refuse)?;
        let value = reader.comparison().map_err(refuse)?;
        reader.end().map_err(refuse)?;
        let unknown =
            || refuse("Users are found by id, externalId, userName, displayName, active and emails.value.");
        let subject = match (path.attribute.as_str(), path.sub.as_deref(), path.chosen) {
            ("id", None, None) => Subject::Id,
            ("externalid", None, None) => Subject::ExternalId,
            ("username", None, None) => Subject::UserName,
            ("displayname", None, None) => Subject::DisplayName,
            ("active", None, None) => Subject::Active,
            ("emails", None | Some("value"), None) => Subject::Email(None),
            ("emails", Some("value"), Some(Chosen { sub, value: Value::String(kind) })) if sub == "type" => {
                Subject::Email(Some(kind))
            }
            _ => return Err(unknown()),
        };
        Ok(Self { subject, value })
    }

    /// The text that it compares with; none for anything else, which no text equals.
    pub(crate) fn text(&self) -> Option<&str> {
        self.value.as_str()
    }
}

impl Path {
    /// Reads the path of a change.
    pub(super) fn parse(text: &str) -> Result<Self, ScimError> {
        let refuse = |problem: &'static str| ScimError::invalid_path(problem);
        let mut reader = Reader::new(text).map_err(refuse)?;
        let path = reader.path().map_err(refuse)?;
        reader.end().map_err(refuse)?;
        Ok(path)
    }
}

struct Reader<'a> {
    rest: &'a str,
}

type Read<T> = Result<T, &'static str>;

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Read<Self> {
        if text.len() > LONGEST {
            return Err("It is too long.");
        }
        let rest = text.trim();
        // The core schema may be named before an attribute.
        let named = rest.get(..USER.len()).is_some_and(|start| start.eq_ignore_ascii_case(USER));
        let behind = rest.get(USER.len()..).filter(|_| named).and_then(|rest| rest.strip_prefix(':'));
        Ok(Self { rest: behind.unwrap_or(rest) })
    }

    fn take(&mut self, wanted: char) -> bool {
        let behind = self.rest.strip_prefix(wanted);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// A name of the standard's: letters, digits, `$`, `-`, `_`; of an extension, with its schema before it.
    fn name(&mut self) -> Read<String> {
        let urn = self.rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
        let legal = |c: char| c.is_ascii_alphanumeric() || "$-_".contains(c) || (urn && ":.".contains(c));
        let end = self.rest.find(|c: char| !legal(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$') {
            return Err("A name of an attribute is expected.");
        }
        self.rest = rest;
        Ok(name.to_ascii_lowercase())
    }

    fn path(&mut self) -> Read<Path> {
        let attribute = self.name()?;
        let chosen = if self.take('[') {
            self.blank();
            let sub = self.name()?;
            let value = self.comparison()?;
            if !self.take(']') {
                return Err("Within brackets one comparison by eq is understood.");
            }
            Some(Chosen { sub, value })
        } else {
            None
        };
        let sub = if self.take('.') { Some(self.name()?) } else { None };
        Ok(Path { attribute, chosen, sub })
    }

    /// `eq`, and what is compared with.
    fn comparison(&mut self) -> Read<Value> {
        const ONE: &str = "One comparison by eq is understood.";
        self.blank();
        let operator = self.name().map_err(|_| ONE)?;
        if operator != "eq" || !self.rest.starts_with(char::is_whitespace) {
            return Err(ONE);
        }
        self.blank();
        let value = self.value()?;
        self.blank();
        Ok(value)
    }

    fn value(&mut self) -> Read<Value> {
        let end = if self.rest.starts_with('"') {
            let mut escaped = false;
            let close = self.rest.char_indices().skip(1).find(|(_, c)| {
                let closes = *c == '"' && !escaped;
                escaped = *c == '\\' && !escaped;
                closes
            });
            close.map(|(at, _)| at + 1).ok_or("A text does not end.")?
        } else {
            self.rest.find(|c: char| c.is_whitespace() || c == ']').unwrap_or(self.rest.len())
        };
        let (text, rest) = self.rest.split_at(end);
        let spelled = if text.starts_with('"') { text.to_owned() } else { text.to_ascii_lowercase() };
        let value: Value =
            serde_json::from_str(&spelled).map_err(|_| "A value is no text, number or truth value.")?;
        if value.is_object() || value.is_array() {
            return Err("A value is no text, number or truth value.");
        }
        self.rest = rest;
        Ok(value)
    }

    fn end(&mut self) -> Read<()> {
        self.blank();
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err("One comparison by eq is understood, and nothing behind it.")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_directories_ask_is_understood() {
        for (text, subject, value) in [
            (r#"userName eq "ann@example.com""#, Subject::UserName, json!("ann@example.com")),
            (r#"  USERNAME Eq "a \"b\" \\""#, Subject::UserName, json!("a \"b\" \\")),
            (r#"externalId eq "66666666-1""#, Subject::ExternalId, json!("66666666-1")),
            (r#"id eq "1""#, Subject::Id, json!("1")),
            ("active eq true", Subject::Active, json!(true)),
            ("active eq False ", Subject::Active, json!(false)),
            (r#"emails.value eq "a@b.c""#, Subject::Email(None), json!("a@b.c")),
            (
                r#"emails[type eq "work"].value eq "a@b.c""#,
                Subject::Email(Some("work".into())),
                json!("a@b.c"),
            ),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x""#, Subject::UserName, json!("x")),
        ] {
            assert_eq!(Filter::parse(text).unwrap(), Filter { subject, value }, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "userName",
            "userName eq",
            r#"userName eq "x"#,
            r#"userName eq"x""#,
            r#"userName co "x""#,
            r#"userName eq "x" and active eq true"#,
            r#"not (userName eq "x")"#,
            r#"password eq "x""#,
            r#"userName eq {"$ne": null}"#,
            r#"userName eq ["x"]"#,
            r#"emails[type eq "work" and primary eq true].value eq "x""#,
            r#"emails[value eq "x"].type eq "x""#,
            r#"$where eq "x""#,
            "userName pr",
        ] {
            assert_eq!(Filter::parse(text).unwrap_err().code(), "invalidFilter", "{text}");
        }
        assert!(Filter::parse(&format!("userName eq \"{}\"", "x".repeat(2_000))).is_err());
    }

    #[test]
    fn paths_are_attributes_their_values_and_parts() {
        let path = |attribute: &str, chosen: Option<(&str, Value)>, sub: Option<&str>| Path {
            attribute: attribute.to_owned(),
            chosen: chosen.map(|(sub, value)| Chosen { sub: sub.to_owned(), value }),
            sub: sub.map(str::to_owned),
        };
        for (text, expected) in [
            ("active", path("active", None, None)),
            ("name.givenName", path("name", None, Some("givenname"))),
            (r#"emails[type eq "work"]"#, path("emails", Some(("type", json!("work"))), None)),
            (
                r#"roles[primary eq "True"].value"#,
                path("roles", Some(("primary", json!("True"))), Some("value")),
            ),
            (
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:user:department", None, None),
            ),
        ] {
            assert_eq!(Path::parse(text).unwrap(), expected, "{text}");
        }
        for text in
            ["", ".", "a b", "emails[", "emails[type]", r#"emails[type eq "x""#, "name.", "1a", "a.b.c", "é"]
        {
            assert_eq!(Path::parse(text).unwrap_err().code(), "invalidPath", "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_ever_panics(text in "\\PC{0,60}") {
            let _ = Filter::parse(&text);
            let _ = Path::parse(&text);
        }

        #[test]
        fn nothing_like_a_filter_panics(
            text in "(emails|userName|urn:ietf:params:scim:schemas:core:2.0:User:?)?(\\[|\\]|\\.| |eq|\"|\\\\|type|é){0,9}",
        ) {
            let _ = Filter::parse(&text);
            let _ = Path::parse(&text);
        }

        #[test]
        fn every_text_can_be_asked_for(value in "\\PC{0,40}") {
            let filter = Filter::parse(&format!("userName eq {}", json!(value))).unwrap();
            prop_assert_eq!(filter.text(), Some(value.as_str()));
        }
    }
}
