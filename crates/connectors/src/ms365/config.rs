//! Settings of a Microsoft 365 source, parsed once into values that cannot be wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::objects::OBJECTS;
use crate::reach::is_local;
use crate::{ConfigError, Reach, Settings};

/// Every setting, for messages.
const KNOWN: &str = "tenant, client_id, authority, graph, objects, mailboxes, groups, page_size, calendar_past_days, calendar_future_days, full_every_hours, connect_timeout_seconds, call_timeout_seconds, max_answer_megabytes";

/// Groups that Graph lets one name in a delta query.
const MOST_GROUPS: usize = 50;

/// Whose contacts and meetings are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mailboxes {
    /// Of everybody who has an account that is enabled, and an address.
    All,
    /// Of the members of a group, those of groups in it among them.
    Group(String),
    /// Of these: ids, addresses or names to sign in with.
    Listed(Vec<String>),
}

/// What a source needs to know.
#[derive(Debug)]
pub(super) struct Config {
    /// The tenant's id.
    pub tenant: Uuid,
    /// The application's id.
    pub client_id: Uuid,
    /// The application's secret.
    pub secret: SecretString,
    /// Where tokens are handed out; no slash at the end.
    pub authority: Url,
    /// Where Graph is, without its version.
    pub graph: Url,
    /// Where both may be.
    pub reach: Reach,
    /// What is read.
    pub objects: BTreeSet<&'static str>,
    /// Whose mailboxes.
    pub mailboxes: Mailboxes,
    /// Which groups; all if none is named.
    pub groups: Vec<String>,
    /// Records on a page.
    pub page_size: u32,
    /// How far back meetings are followed.
    pub past: Duration,
    /// How far ahead.
    pub future: Duration,
    /// How often everything is listed.
    pub full_every: Duration,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for a whole answer.
    pub call_timeout: Duration,
    /// Longest answer accepted, in bytes.
    pub max_answer: usize,
}

impl Config {
    /// Checks the settings.
    pub fn parse(settings: Settings) -> Result<Self, ConfigError> {
        let mut plain = settings.plain;
        plain.retain(|_, value| !value.trim().is_empty());
        let tenant = id(&mut plain, "tenant", "the directory (tenant) id of the app registration")?;
        let client_id = id(&mut plain, "client_id", "the application (client) id of the app registration")?;
        let authority =
            address(&mut plain, "authority", "https://login.microsoftonline.com", &settings.reach)?;
        let graph = address(&mut plain, "graph", "https://graph.microsoft.com", &settings.reach)?;
        let days = |plain: &mut _, name, default| {
            let days = number(plain, name, default, 1..=900)?;
            Ok(Duration::from_secs(86_400 * u64::from(days)))
        };
        let past = days(&mut plain, "calendar_past_days", 365)?;
        let future = days(&mut plain, "calendar_future_days", 365)?;
        let page_size = number(&mut plain, "page_size", 200, 1..=999)?;
        let hours = number(&mut plain, "full_every_hours", 168, 1..=8_760)?;
        let connect = number(&mut plain, "connect_timeout_seconds", 10, 1..=300)?;
        let call = number(&mut plain, "call_timeout_seconds", 100, 1..=3600)?;
        let megabytes = number(&mut plain, "max_answer_megabytes", 64, 1..=1024)?;
        let objects = objects(plain.remove("objects"))?;
        let mailboxes = mailboxes(plain.remove("mailboxes"))?;
        let groups = groups(plain.remove("groups"))?;
        if let Some(unknown) = plain.keys().next() {
            return Err(wrong(
                unknown,
                format!("is not a setting of a Microsoft 365 source; it has {KNOWN}"),
            ));
        }
        if settings.secret.expose_secret().is_empty() {
            return Err(wrong(
                "secret",
                "is empty; give the value of a client secret of the app registration",
            ));
        }
        Ok(Self {
            tenant,
            client_id,
            secret: settings.secret,
            authority,
            graph,
            reach: settings.reach,
            objects,
            mailboxes,
            groups,
            page_size,
            past,
            future,
            full_every: Duration::from_secs(3_600 * u64::from(hours)),
            connect_timeout: Duration::from_secs(u64::from(connect)),
            call_timeout: Duration::from_secs(u64::from(call)),
            max_answer: usize::try_from(megabytes).unwrap_or(64) * 1_000_000,
        })
    }
}

fn wrong(setting: &str, problem: impl Into<String>) -> ConfigError {
    ConfigError { setting: setting.to_owned(), problem: problem.into() }
}

fn id(plain: &mut BTreeMap<String, String>, setting: &str, what: &str) -> Result<Uuid, ConfigError> {
    let text = plain.remove(setting).ok_or_else(|| wrong(setting, format!("is missing: {what}")))?;
    Uuid::parse_str(text.trim()).map_err(|_| wrong(setting, format!("must be a GUID: {what}")))
}

fn number(
    plain: &mut BTreeMap<String, String>,
    setting: &str,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, ConfigError> {
    let Some(text) = plain.remove(setting) else { return Ok(default) };
    let value = text.trim().parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| {
        wrong(setting, format!("must be a whole number from {} to {}", range.start(), range.end()))
    })
}

/// An address of one of Microsoft's clouds, or of a test's server: no path, no credentials.
fn address(
    plain: &mut BTreeMap<String, String>,
    setting: &str,
    default: &str,
    reach: &Reach,
) -> Result<Url, ConfigError> {
    let text = plain.remove(setting).unwrap_or_else(|| default.to_owned());
    let problem = || wrong(setting, format!("must be an address without a path, such as {default}"));
    let url = Url::parse(text.trim()).map_err(|_| problem())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let secret = !url.username().is_empty() || url.password().is_some();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !bare || secret {
        return Err(problem());
    }
    if url.scheme() == "http" && !is_local(&url) {
        return Err(wrong(setting, "must begin with https://: the secret and tokens would travel readable"));
    }
    reach.check(setting, &url)?;
    Ok(url)
}

/// Whether an address is this machine's own.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ';', ' ']).map(str::trim).filter(|word| !word.is_empty())
}

fn objects(text: Option<String>) -> Result<BTreeSet<&'static str>, ConfigError> {
    let all = || OBJECTS.iter().map(|object| object.name);
    let Some(text) = text else { return Ok(all().collect()) };
    let known = |word: &str| {
        let problem = || format!("{word:?} is none of {}", all().collect::<Vec<_>>().join(", "));
        all().find(|name| *name == word).ok_or_else(|| wrong("objects", problem()))
    };
    words(&text).map(known).collect()
}

fn mailboxes(text: Option<String>) -> Result<Mailboxes, ConfigError> {
    let Some(text) = text else { return Ok(Mailboxes::All) };
    let text = text.trim();
    if text == "all" {
        return Ok(Mailboxes::All);
    }
    if let Some(group) = text.strip_prefix("group:") {
        let group = Uuid::parse_str(group.trim());
        return group
            .map(|id| Mailboxes::Group(id.to_string()))
            .map_err(|_| wrong("mailboxes", "must be group: and the object id of the group, a GUID"));
    }
    Ok(Mailboxes::Listed(words(text).map(str::to_owned).collect()))
}

fn groups(text: Option<String>) -> Result<Vec<String>, ConfigError> {
    let Some(text) = text.filter(|text| text.trim() != "all") else { return Ok(Vec::new()) };
    let id = |word: &str| Uuid::parse_str(word).map(|id| id.to_string());
    let ids: Result<Vec<String>, _> = words(&text).map(id).collect();
    let ids = ids.map_err(|_| wrong("groups", "must be all, or object ids of groups, which are GUIDs"))?;
    if ids.len() > MOST_GROUPS {
        return Err(wrong(
            "groups",
            format!("names more than {MOST_GROUPS} groups; leave it out to read all"),
        ));
    }
    Ok(ids)
}
