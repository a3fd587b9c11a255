//! The part of a request behind its path, and what it asks for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A request without its method and body.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Segments of the path behind `/v1.0`, decoded.
    pub path: Vec<String>,
    /// Options by name, lower case and without `$`.
    pub options: BTreeMap<String, String>,
    /// `Prefer: IdType="ImmutableId"`.
    pub immutable: bool,
    /// `Prefer: odata.maxpagesize=…`.
    pub page_size: Option<usize>,
    /// Where the server is, as its links say.
    pub base: String,
}

impl Question {
    /// Reads a path with its query; none if it is not below `/v1.0`.
    pub fn read(base: &str, target: &str, prefer: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let rest = path
            .strip_prefix("/v1.0/")
            .or_else(|| path.strip_prefix('/').filter(|_| !path.starts_with("/v1.0")))?;
        let path = rest.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let options = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name).trim_start_matches('$').to_lowercase(), decode(value))
        });
        let prefer = prefer.to_lowercase();
        let size = prefer
            .split("odata.maxpagesize=")
            .nth(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        Some(Self {
            path,
            options: options.collect(),
            immutable: prefer.contains("idtype=\"immutableid\""),
            page_size: size.and_then(|size| size.parse().ok()),
            base: base.to_owned(),
        })
    }

    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// The names in `$select`, if there is one.
    pub fn selected(&self) -> Option<Vec<String>> {
        self.option("select").map(|names| names.split(',').map(|name| name.trim().to_owned()).collect())
    }
}

/// The selected members of a record, its id always among them.
pub(crate) fn select(fields: &Map<String, Value>, names: Option<&[String]>) -> Map<String, Value> {
    let wanted = |name: &String| name == "id" || names.is_none_or(|names| names.contains(name));
    fields
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Decodes `%XX` and `+`.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let code = (*byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                out.push(code);
                at += 3;
            }
            None => {
                out.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
