//! The links that Graph hands out: kept as they are, and followed only to the server that is configured.
//!
//! A link is shown our token. An answer, or a cursor, that could make us show it to somebody else would give it away.

use reqwest::Url;
use serde_json::Value as Json;

use super::fault;
use crate::SourceError;

/// The version of Graph that is spoken.
const VERSION: &str = "/v1.0/";

/// An address below Graph's own, from a path and query that this program has made.
pub(super) fn below(graph: &Url, path: &str) -> Result<Url, SourceError> {
    let version = VERSION.trim_end_matches('/');
    let url = graph.join(&format!("{version}{path}")).ok().filter(|url| is_ours(graph, url));
    url.ok_or_else(|| fault::unexpected("an id that is no part of an address"))
}

/// A link that was handed out.
pub(super) fn followed(graph: &Url, link: &str) -> Result<Url, SourceError> {
    let url = Url::parse(link).ok().filter(|url| is_ours(graph, url));
    url.ok_or_else(|| fault::unexpected("a link that leads elsewhere"))
}

fn is_ours(graph: &Url, url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    url.origin() == graph.origin() && url.path().starts_with(VERSION) && plain
}

/// The link of that name in an answer; none if it has none.
pub(super) fn of<'a>(body: &'a Json, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Json::as_str)
}

/// Text as a part of a path.
pub(super) fn escaped(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
