//! Configuration: flag > environment > one TOML file > default. Reference: `docs/reference/configuration.md`.
//!
//! Environment variables are `SALESCOMMAND_SECTION__KEY`; a secret may stand in a file named by `…_FILE`. `NATS_URL`
//! and `MONGODB_URI` are read too. Secrets are [`SecretString`]s: they cannot be printed by accident.

mod auth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use salescommand_connectors::Reach;
use salescommand_eventlog_nats::NatsTls;
use salescommand_query::TlsFiles;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use auth::Auth;

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The event log.
    pub nats: Nats,
    /// The raw zone.
    pub raw: Raw,
    /// Connectors at work.
    pub ingest: Ingest,
    /// What may be a source.
    pub sources: Sources,
    /// Who is told of sources in trouble.
    pub alerts: Alerts,
    /// The organisation.
    pub org: Org,
    /// The document store.
    pub mongodb: MongoDb,
    /// The query service.
    pub http: Http,
    /// Sign-in providers.
    #[serde(default)]
    pub auth: Auth,
    /// Keys.
    pub secrets: Secrets,
    /// Demo mode's source.
    pub demo: Demo,
    /// Replays.
    pub replay: Replay,
    /// Logging.
    pub log: Log,
}

/// Section `nats`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// Address, with user and password if the server wants them.
    pub url: SecretString,
    /// The same for connectors, with a user of their own; empty: `url`.
    pub connector_url: SecretString,
    /// The same for the normalizer.
    pub normalizer_url: SecretString,
    /// The same for the projector.
    pub projector_url: SecretString,
    /// The same for the query service.
    pub query_url: SecretString,
    /// File of the authorities that its certificate is checked against; empty: the system's, if the address says `tls://`.
    pub ca_file: String,
    /// File of the certificate that this side shows; empty for none.
    pub certificate_file: String,
    /// File of its key.
    pub key_file: String,
}

/// Section `raw`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// Size at which an epoch of a raw log is sealed and the next opened; 0 for never.
    pub epoch_max_bytes: String,
    /// Folder of archived epochs; empty for none.
    pub archive_dir: String,
}

/// Section `ingest`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Seconds after which a source is free again whose connector has died.
    pub lease_seconds: String,
    /// How many sources one process reads at a time.
    pub workers: String,
}

/// Section `sources`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// In which networks they may be: any, public, or networks separated by commas.
    pub reach: String,
}

/// Section `alerts`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Address to which each change of a source's state is posted; empty for none.
    pub webhook_url: SecretString,
    /// The mail server that takes e-mails, with its password if it wants one; empty for none.
    pub smtp_url: SecretString,
    /// Who sends them.
    pub mail_from: String,
    /// Who gets them: addresses separated by commas.
    pub mail_to: String,
    /// Hours after which a source that is read by itself counts as stale.
    pub stale_after_hours: String,
}

/// Section `org`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Org {
    /// The most days that somebody may let a colleague see what they see.
    pub delegation_days: String,
}

/// Section `mongodb`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MongoDb {
    /// Connection string.
    pub uri: SecretString,
    /// Database name.
    pub database: String,
}

/// Section `http`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port to listen on.
    pub listen: String,
    /// The address under which browsers reach the service; empty: as it listens, if that is loopback.
    pub public_url: String,
    /// File of the service's certificate; empty for plain HTTP.
    pub certificate_file: String,
    /// File of its key.
    pub key_file: String,
    /// `auto` marks cookies Secure unless the service listens on loopback; `always` or `never` decide it.
    pub secure_cookies: String,
}

/// Section `secrets`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// 32 bytes, base64: signs access tokens.
    pub session_key: SecretString,
    /// Session keys that are still believed, separated by commas or white space.
    pub former_session_keys: SecretString,
    /// 32 bytes, base64: seals credentials at rest.
    pub master_key: SecretString,
    /// Master keys that still open what was sealed with them, separated by commas or white space.
    pub former_master_keys: SecretString,
}

/// Section `demo`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    /// Address of the demo Odoo server.
    pub odoo_url: String,
    /// Its database.
    pub odoo_database: String,
    /// Its API user.
    pub odoo_login: String,
    /// That user's password.
    pub odoo_password: SecretString,
}

/// Section `replay`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Hours between two verifications; 0 for none by schedule.
    pub verify_every_hours: String,
}

/// Section `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`.
    pub format: String,
    /// A filter: `info`, or `info,salescommand_ingest=debug`.
    pub filter: String,
}

/// What processes log unless told otherwise.
pub const DEFAULT_LOG_FILTER: &str = "info,async_nats=warn,mongodb=warn";

/// Section, key and default of every setting, and whether it is a secret. No secret has a default.
pub const SETTINGS: &[(&str, &str, &str, bool)] = &[
    ("nats", "url", "nats://127.0.0.1:4222", true),
    ("nats", "connector_url", "", true),
    ("nats", "normalizer_url", "", true),
    ("nats", "projector_url", "", true),
    ("nats", "query_url", "", true),
    ("nats", "ca_file", "", false),
    ("nats", "certificate_file", "", false),
    ("nats", "key_file", "", false),
    ("raw", "epoch_max_bytes", "4GiB", false),
    ("raw", "archive_dir", "", false),
    ("ingest", "lease_seconds", "30", false),
    ("ingest", "workers", "4", false),
    ("sources", "reach", "any", false),
    ("alerts", "webhook_url", "", true),
    ("alerts", "smtp_url", "", true),
    ("alerts", "mail_from", "", false),
    ("alerts", "mail_to", "", false),
    ("alerts", "stale_after_hours", "24", false),
    ("org", "delegation_days", "90", false),
    ("mongodb", "uri", "mongodb://127.0.0.1:27017/?directConnection=true", true),
    ("mongodb", "database", "salescommand", false),
    ("http", "listen", "127.0.0.1:8080", false),
    ("http", "public_url", "", false),
    ("http", "certificate_file", "", false),
    ("http", "key_file", "", false),
    ("http", "secure_cookies", "auto", false),
    ("secrets", "session_key", "", true),
    ("secrets", "former_session_keys", "", true),
    ("secrets", "master_key", "", true),
    ("secrets", "former_master_keys", "", true),
    ("demo", "odoo_url", "", false),
    ("demo", "odoo_database", "", false),
    ("demo", "odoo_login", "", false),
    ("demo", "odoo_password", "", true),
    ("replay", "verify_every_hours", "0", false),
    ("log", "format", "text", false),
    ("log", "filter", DEFAULT_LOG_FILTER, false),
];

/// Settings with a name of their own in the environment.
const ALIASES: &[(&str, &str, &str)] = &[("NATS_URL", "nats", "url"), ("MONGODB_URI", "mongodb", "uri")];

type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Loads the configuration. `file` comes from `--config`; `environment` is the process's.
pub fn load(file: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Config> {
    let mut figment = Figment::from(Serialized::defaults(defaults()));
    if let Some(file) = file {
        if !file.is_file() {
            bail!("the configuration file {} does not exist", file.display());
        }
        figment = figment.merge(Toml::file_exact(file));
    }
    let environment = environment.collect();
    figment = figment.merge(Serialized::defaults(from_environment(&environment)?));
    figment = figment.merge(Serialized::defaults(Auth::from_environment(&environment)?));
    figment.extract().context("the configuration cannot be used")
}

fn defaults() -> Sections {
    let mut sections = Sections::new();
    for (section, key, value, _) in SETTINGS {
        sections.entry((*section).to_owned()).or_default().insert((*key).to_owned(), (*value).to_owned());
    }
    sections
}

fn from_environment(environment: &BTreeMap<String, String>) -> Result<Sections> {
    let mut sections = Sections::new();
    for (section, key, _, secret) in SETTINGS {
        let name = format!("SALESCOMMAND_{}__{}", section.to_uppercase(), key.to_uppercase());
        let alias = ALIASES.iter().find(|(_, s, k)| (s, k) == (section, key)).map(|(alias, _, _)| *alias);
        let direct = environment.get(&name).or_else(|| environment.get(alias?));
        let file = environment.get(&format!("{name}_FILE")).filter(|_| *secret);
        let value = match (direct, file) {
            (Some(_), Some(_)) => bail!("{name} and {name}_FILE are both set; set one of them"),
            (Some(value), None) => value.clone(),
            (None, Some(path)) => read_secret(&PathBuf::from(path), &name)?,
            (None, None) => continue,
        };
        sections.entry((*section).to_owned()).or_default().insert((*key).to_owned(), value);
    }
    Ok(sections)
}

/// The files of a certificate and of its key; none if neither is named.
fn both(section: &str, certificate: &str, key: &str) -> Result<Option<(PathBuf, PathBuf)>> {
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some((certificate.into(), key.into()))),
        _ => bail!("{section}.certificate_file and {section}.key_file go together; one of them is not set"),
    }
}

/// A number of bytes, with or without a binary unit.
fn parse_bytes(text: &str) -> Option<u64> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
    let unit = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let (digits, shift) = unit.unwrap_or((text, 0));
    digits.trim().parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn read_secret(path: &Path, name: &str) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{name}_FILE names {}, which cannot be read", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl Config {
    /// Refuses keys that are missing: there are no default secrets.
    pub fn require_keys(&self) -> Result<()> {
        for (key, secret) in
            [("SESSION_KEY", &self.secrets.session_key), ("MASTER_KEY", &self.secrets.master_key)]
        {
            if secret.expose_secret().is_empty() {
                bail!(
                    "SALESCOMMAND_SECRETS__{key} is not set; make one with `openssl rand -base64 32` and set it, \
                     or name a file that holds it in SALESCOMMAND_SECRETS__{key}_FILE"
                );
            }
        }
        Ok(())
    }

    /// Size at which an epoch is sealed; 0 for never.
    pub fn epoch_max_bytes(&self) -> Result<u64> {
        let text = &self.raw.epoch_max_bytes;
        parse_bytes(text).with_context(|| {
            format!("raw.epoch_max_bytes is {text:?}; it must be bytes, as 4294967296 or 4GiB")
        })
    }

    /// How long a connector holds its source without a sign of life.
    pub fn lease(&self) -> Result<Duration> {
        let text = &self.ingest.lease_seconds;
        let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
        let seconds = seconds.with_context(|| {
            format!("ingest.lease_seconds is {text:?}; it must be whole seconds, 1 or more")
        })?;
        Ok(Duration::from_secs(seconds))
    }

    /// How many sources one process reads at a time.
    pub fn workers(&self) -> Result<usize> {
        let text = &self.ingest.workers;
        let workers = text.parse().ok().filter(|workers| (1..=64).contains(workers));
        workers.with_context(|| format!("ingest.workers is {text:?}; it must be a whole number, 1 to 64"))
    }

    /// Where sources may be.
    pub fn reach(&self) -> Result<Reach> {
        self.sources.reach.parse().context(
            "sources.reach must be any, public, or networks separated by commas, such as 10.1.0.0/16",
        )
    }

    /// When the last complete sync of a source is too long ago.
    pub fn stale_after(&self) -> Result<Duration> {
        let text = &self.alerts.stale_after_hours;
        let hours = text.parse().ok().filter(|hours| (1..=100_000).contains(hours));
        let hours: u64 = hours.with_context(|| {
            format!("alerts.stale_after_hours is {text:?}; it must be whole hours, 1 or more")
        })?;
        Ok(Duration::from_secs(hours * 3_600))
    }

    /// The most days that a delegation lasts.
    pub fn delegation_days(&self) -> Result<u16> {
        let text = &self.org.delegation_days;
        let days = text.parse().ok().filter(|days| (1..=366).contains(days));
        days.with_context(|| format!("org.delegation_days is {text:?}; it must be whole days, 1 to 366"))
    }

    /// Whether cookies are marked Secure.
    pub fn secure_cookies(&self) -> Result<bool> {
        match self.http.secure_cookies.as_str() {
            "always" => Ok(true),
            "never" => Ok(false),
            "auto" => Ok(!self.listens_on_loopback()
                || self.speaks_https()
                || self.http.public_url.starts_with("https://")),
            other => bail!("http.secure_cookies is {other:?}; it must be auto, always or never"),
        }
    }

    /// Whether the service has a certificate.
    fn speaks_https(&self) -> bool {
        !self.http.certificate_file.is_empty()
    }

    /// The service's certificate and key; none for plain HTTP.
    pub fn https(&self) -> Result<Option<TlsFiles>> {
        let files = both("http", &self.http.certificate_file, &self.http.key_file)?;
        Ok(files.map(|(certificate, key)| TlsFiles { certificate, key }))
    }

    /// How the connection to the broker is encrypted.
    pub fn nats_tls(&self) -> Result<NatsTls> {
        let Nats { ca_file, certificate_file, key_file, .. } = &self.nats;
        let ca_file = (!ca_file.is_empty()).then(|| PathBuf::from(ca_file));
        Ok(NatsTls { ca_file, certificate: both("nats", certificate_file, key_file)? })
    }

    fn listens_on_loopback(&self) -> bool {
        self.http.listen.starts_with("127.0.0.1:") || self.http.listen.starts_with("[::1]:")
    }

    /// How often generations are verified by schedule; none for never.
    pub fn verify_every(&self) -> Result<Option<Duration>> {
        let text = &self.replay.verify_every_hours;
        let hours: u64 = text.parse().with_context(|| {
            format!("replay.verify_every_hours is {text:?}; it must be a whole number, 0 for no schedule")
        })?;
        Ok((hours > 0).then(|| Duration::from_secs(hours.saturating_mul(3_600))))
    }

    /// Every setting with its value, secrets masked.
    pub fn masked(&self) -> Vec<Shown> {
        let plain = |section: &str, key: &str| match (section, key) {
            ("nats", "ca_file") => self.nats.ca_file.clone(),
            ("nats", "certificate_file") => self.nats.certificate_file.clone(),
            ("nats", "key_file") => self.nats.key_file.clone(),
            ("raw", "epoch_max_bytes") => self.raw.epoch_max_bytes.clone(),
            ("raw", "archive_dir") => self.raw.archive_dir.clone(),
            ("ingest", "lease_seconds") => self.ingest.lease_seconds.clone(),
            ("ingest", "workers") => self.ingest.workers.clone(),
            ("sources", "reach") => self.sources.reach.clone(),
            ("alerts", "mail_from") => self.alerts.mail_from.clone(),
            ("alerts", "mail_to") => self.alerts.mail_to.clone(),
            ("alerts", "stale_after_hours") => self.alerts.stale_after_hours.clone(),
            ("org", "delegation_days") => self.org.delegation_days.clone(),
            ("mongodb", "database") => self.mongodb.database.clone(),
            ("http", "listen") => self.http.listen.clone(),
            ("http", "public_url") => self.http.public_url.clone(),
            ("http", "certificate_file") => self.http.certificate_file.clone(),
            ("http", "key_file") => self.http.key_file.clone(),
            ("http", "secure_cookies") => self.http.secure_cookies.clone(),
            ("demo", "odoo_url") => self.demo.odoo_url.clone(),
            ("demo", "odoo_database") => self.demo.odoo_database.clone(),
            ("demo", "odoo_login") => self.demo.odoo_login.clone(),
            ("replay", "verify_every_hours") => self.replay.verify_every_hours.clone(),
            ("log", "format") => self.log.format.clone(),
            ("log", "filter") => self.log.filter.clone(),
            _ => "(secret)".to_owned(),
        };
        let shown = SETTINGS.iter().map(|(section, key, _, _)| Shown {
            setting: format!("{section}.{key}"),
            value: plain(section, key),
        });
        shown.chain(self.auth.masked()).collect()
    }
}

/// A setting as `config show` lists it.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Section and key.
    pub setting: String,
    /// Its value, or `(secret)`.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn environment_overrides_the_file_and_the_file_the_default() {
        let folder = std::env::temp_dir().join(format!("salescommand-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.toml");
        std::fs::write(&file, "[http]\nlisten = \"127.0.0.1:1\"\n[mongodb]\ndatabase = \"a\"\n").unwrap();
        let config = load(Some(&file), environment(&[("SALESCOMMAND_HTTP__LISTEN", "127.0.0.1:2")])).unwrap();
        assert_eq!((config.http.listen.as_str(), config.mongodb.database.as_str()), ("127.0.0.1:2", "a"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_secret_is_text_and_is_never_shown() {
        let config = load(None, environment(&[("SALESCOMMAND_SECRETS__SESSION_KEY", "12345")])).unwrap();
        assert_eq!(config.secrets.session_key.expose_secret(), "12345");
        let shown = format!("{config:?}{}", serde_json::to_string(&config.masked()).unwrap());
        assert!(!shown.contains("12345"));
    }

    #[test]
    fn a_certificate_comes_with_its_key_and_makes_cookies_secure() {
        let of = |pairs: &[(&str, &str)]| load(None, environment(pairs)).unwrap();
        let half =
            of(&[("SALESCOMMAND_HTTP__CERTIFICATE_FILE", "/a"), ("SALESCOMMAND_NATS__KEY_FILE", "/b")]);
        assert!(half.https().unwrap_err().to_string().contains("http.key_file go together"));
        assert!(half.nats_tls().unwrap_err().to_string().contains("nats.key_file go together"));
        let whole =
            of(&[("SALESCOMMAND_HTTP__CERTIFICATE_FILE", "/a"), ("SALESCOMMAND_HTTP__KEY_FILE", "/b")]);
        assert_eq!(whole.https().unwrap().unwrap().key, Path::new("/b"));
        assert!(whole.secure_cookies().unwrap());
        assert_eq!(whole.public_url().unwrap(), "https://127.0.0.1:8080");
        let plain = of(&[]);
        assert!(plain.https().unwrap().is_none() && !plain.secure_cookies().unwrap());
    }

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        let sizes = ["0", "4294967296", "4GiB", "64 MiB"].map(parse_bytes);
        assert_eq!(sizes, [Some(0), Some(4 << 30), Some(4 << 30), Some(64 << 20)]);
        assert_eq!(["", "x", "4GB", "-1", "99999999TiB"].map(parse_bytes), [None; 5]);
    }

    #[test]
    fn missing_keys_are_refused_with_what_to_do() {
        let error = load(None, environment(&[])).unwrap().require_keys().unwrap_err().to_string();
        assert!(error.contains("SALESCOMMAND_SECRETS__SESSION_KEY") && error.contains("openssl rand"));
    }

    #[test]
    fn a_secret_given_twice_is_refused() {
        let twice =
            [("SALESCOMMAND_SECRETS__MASTER_KEY", "a"), ("SALESCOMMAND_SECRETS__MASTER_KEY_FILE", "/b")];
        assert!(load(None, environment(&twice)).unwrap_err().to_string().contains("both set"));
    }
}
