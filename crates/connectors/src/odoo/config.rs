//! Settings of an Odoo source, parsed once into values that cannot be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{ConfigError, Incremental, Reach, Settings};

/// Every setting, for messages.
const KNOWN: &str = "url, database, login, interface, page_size, overlap_seconds, full_every_hours, hold_schema_changes, connect_timeout_seconds, call_timeout_seconds, max_answer_megabytes";

/// Of which fields a change is accepted by a person only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Those of the product and its modules; custom ones come and go as somebody adds and deletes them.
    Product,
    /// Custom ones, too.
    All,
    /// None.
    Nothing,
}

/// Which of Odoo's interfaces is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interface {
    /// XML-RPC: up to Odoo 21.
    XmlRpc,
    /// JSON-2: from Odoo 19 on, with an API key.
    Json2,
}

/// What a source needs to know.
#[derive(Debug)]
pub(super) struct Config {
    /// Where Odoo is: scheme, host, port and path prefix; no slash at the end, no credentials, no query.
    pub url: Url,
    /// Where it may be.
    pub reach: Reach,
    /// Name of the database.
    pub database: String,
    /// Login of the API user.
    pub login: String,
    /// Password or API key of that user.
    pub secret: SecretString,
    /// Which interface is spoken.
    pub interface: Interface,
    /// Records per page at most.
    pub page_size: u32,
    /// How changes are read.
    pub incremental: Incremental,
    /// Of which fields a change is accepted by a person only.
    pub guard: Guard,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for a whole answer; above the 120 s after which Odoo itself gives a request up.
    pub call_timeout: Duration,
    /// Longest answer accepted, in bytes.
    pub max_answer: usize,
}

impl Config {
    /// Checks the settings.
    pub fn parse(settings: Settings) -> Result<Self, ConfigError> {
        let mut plain = settings.plain;
        let url = base_url(&required(&mut plain, "url")?)?;
        settings.reach.check("url", &url)?;
        let database = required(&mut plain, "database")?;
        let login = required(&mut plain, "login")?;
        let page_size = number(&mut plain, "page_size", 500, 1..=5000)?;
        // Odoo gives a request up after 120 s; imports and its own jobs may take longer.
        let overlap = number(&mut plain, "overlap_seconds", 300, 1..=86_400)?;
        // Tags, owners and probabilities change without a mark (crate documentation of the room).
        let hours = number(&mut plain, "full_every_hours", 24, 1..=8_760)?;
        let connect = number(&mut plain, "connect_timeout_seconds", 10, 1..=300)?;
        let call = number(&mut plain, "call_timeout_seconds", 130, 1..=3600)?;
        let megabytes = number(&mut plain, "max_answer_megabytes", 64, 1..=1024)?;
        let interface = match plain.remove("interface").as_deref().map(str::trim) {
            None | Some("xml-rpc") => Interface::XmlRpc,
            Some("json-2") => Interface::Json2,
            Some(_) => return Err(wrong("interface", "must be xml-rpc, or json-2 for Odoo 19 and later")),
        };
        let guard = match plain.remove("hold_schema_changes").as_deref().map(str::trim) {
            None | Some("product") => Guard::Product,
            Some("all") => Guard::All,
            Some("none") => Guard::Nothing,
            Some(_) => return Err(wrong("hold_schema_changes", "must be product, all or none")),
        };
        if let Some(unknown) = plain.keys().next() {
            return Err(wrong(unknown, format!("is not a setting of an Odoo source; it has {KNOWN}")));
        }
        if settings.secret.expose_secret().is_empty() {
            return Err(wrong("secret", "is empty; give the password or, better, an API key of the login"));
        }
        Ok(Self {
            url,
            reach: settings.reach,
            database,
            login,
            secret: settings.secret,
            interface,
            page_size,
            incremental: Incremental {
                overlap: Duration::from_secs(u64::from(overlap)),
                full_every: Duration::from_secs(3_600 * u64::from(hours)),
            },
            guard,
            connect_timeout: Duration::from_secs(u64::from(connect)),
            call_timeout: Duration::from_secs(u64::from(call)),
            max_answer: usize::try_from(megabytes).unwrap_or(64) * 1_000_000,
        })
    }
}

fn wrong(setting: &str, problem: impl Into<String>) -> ConfigError {
    ConfigError { setting: setting.to_owned(), problem: problem.into() }
}

fn required(plain: &mut BTreeMap<String, String>, setting: &str) -> Result<String, ConfigError> {
    let value = plain.remove(setting).map(|value| value.trim().to_owned()).unwrap_or_default();
    if value.is_empty() { Err(wrong(setting, "is missing")) } else { Ok(value) }
}

fn number(
    plain: &mut BTreeMap<String, String>,
    setting: &str,
    default: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    let Some(text) = plain.remove(setting) else { return Ok(default) };
    let value = text.trim().parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| {
        wrong(setting, format!("must be a whole number from {} to {}", range.start(), range.end()))
    })
}

/// The address of the server. People paste the address of a page, so everything from `/web`, `/odoo` or `/xmlrpc`
/// on is cut off.
pub(super) fn base_url(text: &str) -> Result<Url, ConfigError> {
    const FIX: &str = "must be the server's address, such as https://odoo.example.com";
    // The text itself is not repeated: it may hold a password.
    let mut url = Url::parse(text).map_err(|error| wrong("url", format!("{FIX} ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("url", format!("{FIX}, beginning with https:// or http://")));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "url",
            "must not hold a user name or password; set `login` and the secret instead",
        ));
    }
    let segments = url.path().split('/').take_while(|segment| !matches!(*segment, "web" | "odoo" | "xmlrpc"));
    let path = segments.collect::<Vec<_>>().join("/");
    url.set_path(path.trim_end_matches('/'));
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

/// The address as text without a slash at the end.
pub(super) fn address(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
