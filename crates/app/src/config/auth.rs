//! Section `auth`: sign-in providers. Microsoft 365 is `auth.ms365`, any other one `auth.oidc.<name>`.
//!
//! In the environment a setting is `SALESCOMMAND_AUTH__MS365__KEY` or `SALESCOMMAND_AUTH__OIDC__<NAME>__KEY`; lists are
//! words separated by commas or white space there, and `roles` is `theirs=ours` pairs. The client secret may stand in
//! a file named by `…__CLIENT_SECRET_FILE`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use salescommand_domain::access::Role;
use salescommand_query::accounts::ExternalIdentity;
use salescommand_query::oidc::{Authority, MS365, ProviderSettings, ScimSettings};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Config, Shown, read_secret};

const PREFIX: &str = "SALESCOMMAND_AUTH__";
const SECRET: &str = "client_secret";
const SCIM_TOKEN: &str = "scim_token";

/// Section `auth`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Microsoft 365; none if it is not configured.
    pub ms365: Option<Provider>,
    /// Other OpenID providers.
    pub oidc: BTreeMap<String, Provider>,
}

/// A provider. What is left out is as the standard, or Microsoft, has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    title: Option<String>,
    issuer: Option<String>,
    authority: Option<String>,
    graph: Option<String>,
    client_id: String,
    client_secret: SecretString,
    scopes: Option<Words>,
    tenants: Words,
    subject_claim: Option<String>,
    tenant_claim: Option<String>,
    email_claim: Option<String>,
    email_verified_claims: Option<Words>,
    name_claim: Option<String>,
    role_claims: Option<Words>,
    roles: Pairs,
    default_role: Option<String>,
    authoritative_domains: Words,
    sign_out_at_provider: Option<Switch>,
    scim_token: SecretString,
    scim_tenant: Option<String>,
    scim_roles: Option<Switch>,
}

/// A list, or text with commas or white space between its words.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<String>),
    Text(String),
}

/// A table, or text of `theirs=ours` pairs.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Pairs {
    Table(BTreeMap<String, String>),
    Text(String),
}

/// A truth value, or its word.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Switch {
    Truth(bool),
    Word(Word),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    True,
    False,
}

impl Default for Words {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl Default for Pairs {
    fn default() -> Self {
        Self::Table(BTreeMap::new())
    }
}

impl Words {
    fn list(&self) -> Vec<String> {
        match self {
            Self::List(list) => list.clone(),
            Self::Text(text) => words(text).map(str::to_owned).collect(),
        }
    }
}

impl Switch {
    fn is_on(self) -> bool {
        matches!(self, Self::Truth(true) | Self::Word(Word::True))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

impl Pairs {
    fn table(&self) -> Result<BTreeMap<String, String>> {
        match self {
            Self::Table(table) => Ok(table.clone()),
            Self::Text(text) => words(text)
                .map(|pair| {
                    let (theirs, ours) = pair.rsplit_once('=').with_context(|| {
                        format!("{pair:?} is no pair; write theirs=ours, as Sales.Managers=sales_manager")
                    })?;
                    Ok((theirs.to_owned(), ours.to_owned()))
                })
                .collect(),
        }
    }
}

impl Auth {
    /// The providers, Microsoft 365 first.
    pub fn providers(&self) -> Result<Vec<ProviderSettings>> {
        let mut providers = Vec::new();
        if let Some(section) = &self.ms365 {
            if section.issuer.is_some() {
                bail!("auth.ms365 takes no issuer: its tenants have one each, below authority");
            }
            let mut settings = ProviderSettings::ms365(&section.client_id, section.tenants.list());
            if let Some(base) = &section.authority {
                settings.authority = Authority::Entra { base: base.trim_end_matches('/').to_owned() };
            }
            providers.push(section.apply(settings)?);
        }
        for (name, section) in &self.oidc {
            if name == MS365 {
                bail!("auth.oidc.{MS365} is Microsoft 365: configure it as auth.{MS365}");
            }
            if section.authority.is_some() {
                bail!("auth.oidc.{name} takes no authority: give its issuer");
            }
            let issuer = section.issuer.as_deref().unwrap_or_default();
            let mut settings = ProviderSettings::openid(name, issuer, &section.client_id);
            settings.tenants = section.tenants.list().into_iter().collect();
            if !settings.tenants.is_empty() && section.tenant_claim.is_none() {
                bail!(
                    "auth.oidc.{name} has tenants and no tenant_claim: name the claim that says the tenant"
                );
            }
            providers.push(section.apply(settings)?);
        }
        for settings in &providers {
            settings.check()?;
        }
        Ok(providers)
    }

    /// Somebody at a configured provider. What could never sign in is refused here, and not at their first try.
    pub fn identity(
        &self,
        provider: &str,
        tenant: Option<String>,
        subject: String,
    ) -> Result<ExternalIdentity> {
        let providers = self.providers()?;
        let known: Vec<_> = providers.iter().map(|settings| settings.name.as_str()).collect();
        let settings = providers.iter().find(|settings| settings.name == provider).with_context(|| {
            format!("there is no sign-in provider {provider:?}; configured: {}", known.join(", "))
        })?;
        // Microsoft's ids are GUIDs, and its tokens spell them in lower case.
        let spelled = |text: String| if provider == MS365 { text.trim().to_lowercase() } else { text };
        let (tenant, subject) = (tenant.map(spelled), spelled(subject));
        match (&settings.claims.tenant, &tenant) {
            (Some(_), None) => bail!("{provider} has tenants: say which with --tenant"),
            (None, Some(_)) => bail!("{provider} has no tenants: leave --tenant out"),
            (Some(_), Some(named)) if !settings.tenants.is_empty() && !settings.tenants.contains(named) => {
                bail!("{named} is not among the tenants of {provider} in the configuration")
            }
            _ => {}
        }
        if subject.is_empty() {
            bail!("--object-id is empty");
        }
        let issuer = settings.issuer_of(tenant.as_deref());
        Ok(ExternalIdentity { provider: settings.name.clone(), issuer, tenant, subject })
    }

    /// What the environment says of the section.
    pub(super) fn from_environment(environment: &BTreeMap<String, String>) -> Result<Value> {
        let mut auth = Map::new();
        for (name, value) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let path: Vec<_> = rest.split("__").map(str::to_lowercase).collect();
            let (section, key) = match path.as_slice() {
                [ms365, key] if ms365 == MS365 => (vec![MS365], key),
                [oidc, provider, key] if oidc == "oidc" => (vec!["oidc", provider.as_str()], key),
                _ => bail!("{name} is no setting; write {PREFIX}MS365__KEY or {PREFIX}OIDC__NAME__KEY"),
            };
            let (key, value) = match key.strip_suffix("_file") {
                Some(secret @ (SECRET | SCIM_TOKEN)) => {
                    let direct = name.trim_end_matches("_FILE");
                    if environment.contains_key(direct) {
                        bail!("{direct} and {name} are both set; set one of them");
                    }
                    (secret, read_secret(&PathBuf::from(value), direct)?)
                }
                _ => (key.as_str(), value.clone()),
            };
            let mut place = &mut auth;
            for part in section {
                let inner = place.entry(part).or_insert_with(|| json!({}));
                place = inner.as_object_mut().context("the environment contradicts itself")?;
            }
            place.insert(key.to_owned(), Value::from(value));
        }
        Ok(json!({ "auth": auth }))
    }

    /// The settings of the section, secrets masked.
    pub(super) fn masked(&self) -> Vec<Shown> {
        let ms365 = self.ms365.iter().map(|provider| (format!("auth.{MS365}"), provider));
        let others = self.oidc.iter().map(|(name, provider)| (format!("auth.oidc.{name}"), provider));
        ms365.chain(others).flat_map(|(section, provider)| provider.masked(&section)).collect()
    }
}

impl Provider {
    fn apply(&self, mut settings: ProviderSettings) -> Result<ProviderSettings> {
        let put = |target: &mut String, given: &Option<String>| {
            if let Some(given) = given {
                target.clone_from(given);
            }
        };
        put(&mut settings.title, &self.title);
        put(&mut settings.claims.subject, &self.subject_claim);
        put(&mut settings.claims.email, &self.email_claim);
        put(&mut settings.claims.name, &self.name_claim);
        let put_list = |target: &mut Vec<String>, given: &Option<Words>| {
            if let Some(given) = given {
                *target = given.list();
            }
        };
        put_list(&mut settings.scopes, &self.scopes);
        put_list(&mut settings.claims.email_verified, &self.email_verified_claims);
        put_list(&mut settings.claims.roles, &self.role_claims);
        if let Some(claim) = &self.tenant_claim {
            settings.claims.tenant = Some(claim.clone());
        }
        if let Some(graph) = &self.graph {
            settings.graph = Some(graph.clone()).filter(|graph| !graph.is_empty());
        }
        let role = |theirs: &str, word: &str| -> Result<Role> {
            let setting = format!("roles of sign-in provider {}", settings.name);
            serde_json::from_value(json!(word)).ok().with_context(|| {
                let known: Vec<_> = Role::ALL.iter().map(|role| json!(role)).collect();
                format!("{setting}: {theirs} gives {word:?}, which is no role; known: {}", json!(known))
            })
        };
        for (theirs, ours) in self.roles.table()? {
            let ours = role(&theirs, &ours)?;
            settings.roles.insert(theirs, ours);
        }
        let default = self.default_role.as_deref().filter(|word| !word.is_empty());
        settings.default_role = default.map(|word| role("default_role", word)).transpose()?;
        let domains = self.authoritative_domains.list().into_iter().map(|domain| domain.to_lowercase());
        settings.authoritative_domains = domains.collect();
        settings.client_secret = self.client_secret.clone();
        settings.scim = (!self.scim_token.expose_secret().is_empty()).then(|| ScimSettings {
            token: self.scim_token.clone(),
            tenant: self
                .scim_tenant
                .clone()
                .map(|tenant| if settings.name == MS365 { tenant.to_lowercase() } else { tenant }),
            roles: self.scim_roles.is_some_and(Switch::is_on),
        });
        settings.sign_out_at_provider = self.sign_out_at_provider.is_some_and(Switch::is_on);
        Ok(settings)
    }

    fn masked(&self, section: &str) -> Vec<Shown> {
        let list = |words: &Words| words.list().join(" ");
        let lists = |words: &Option<Words>| words.as_ref().map(list);
        let roles = self.roles.table().unwrap_or_default();
        let roles: Vec<_> = roles.iter().map(|(theirs, ours)| format!("{theirs}={ours}")).collect();
        let scim = !self.scim_token.expose_secret().is_empty();
        let is_set = !self.client_secret.expose_secret().is_empty();
        let shown = [
            ("title", self.title.clone()),
            ("issuer", self.issuer.clone()),
            ("authority", self.authority.clone()),
            ("graph", self.graph.clone()),
            ("client_id", Some(self.client_id.clone())),
            (SECRET, is_set.then(|| "(secret)".to_owned())),
            ("scopes", lists(&self.scopes)),
            ("tenants", Some(list(&self.tenants))),
            ("subject_claim", self.subject_claim.clone()),
            ("tenant_claim", self.tenant_claim.clone()),
            ("email_claim", self.email_claim.clone()),
            ("email_verified_claims", lists(&self.email_verified_claims)),
            ("name_claim", self.name_claim.clone()),
            ("role_claims", lists(&self.role_claims)),
            ("roles", Some(roles.join(" "))),
            ("default_role", self.default_role.clone()),
            ("authoritative_domains", Some(list(&self.authoritative_domains))),
            (SCIM_TOKEN, scim.then(|| "(secret)".to_owned())),
            ("scim_tenant", self.scim_tenant.clone()),
            ("scim_roles", self.scim_roles.map(|switch| switch.is_on().to_string())),
            ("sign_out_at_provider", self.sign_out_at_provider.map(|switch| switch.is_on().to_string())),
        ];
        let shown = shown.into_iter().filter_map(|(key, value)| {
            let value = value.filter(|value| !value.is_empty())?;
            Some(Shown { setting: format!("{section}.{key}"), value })
        });
        shown.collect()
    }
}

impl Config {
    /// Where browsers reach the service. Only a service on loopback may leave it to be guessed; empty if it cannot be.
    pub fn public_url(&self) -> Result<String> {
        let given = self.http.public_url.trim_end_matches('/');
        if !given.is_empty() {
            let plain = given.starts_with("https://") || given.starts_with("http://");
            let bare = plain && !given.contains(['?', '#']) && given.matches('/').count() == 2;
            if !bare {
                bail!("http.public_url is {given:?}; it must be as https://sales.example.com");
            }
            return Ok(given.to_owned());
        }
        let listen = &self.http.listen;
        let providers = self.auth.ms365.is_some() || !self.auth.oidc.is_empty();
        if providers && !self.listens_on_loopback() {
            bail!(
                "http.public_url is not set; sign-in providers need the address under which browsers reach the service"
            );
        }
        // What listens everywhere says nothing of where others reach it.
        let everywhere = listen.parse::<SocketAddr>().is_ok_and(|listen| listen.ip().is_unspecified());
        let scheme = if self.speaks_https() { "https" } else { "http" };
        Ok(if everywhere { String::new() } else { format!("{scheme}://{listen}") })
    }
}

#[cfg(test)]
mod tests {
    use super::super::load;
    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    fn loaded(pairs: &[(&str, &str)]) -> Result<Config> {
        let pairs = pairs.iter().map(|(name, value)| (format!("SALESCOMMAND_{name}"), (*value).to_owned()));
        load(None, pairs.collect::<Vec<_>>().into_iter())
    }

    fn problem(pairs: &[(&str, &str)]) -> String {
        let config = match loaded(pairs) {
            Ok(config) => config,
            Err(error) => return format!("{error:#}"),
        };
        format!("{:#}", config.auth.providers().unwrap_err())
    }

    #[test]
    fn nobody_signs_in_elsewhere_by_default() {
        let config = loaded(&[]).unwrap();
        assert!(config.auth.providers().unwrap().is_empty());
        assert_eq!(config.public_url().unwrap(), "http://127.0.0.1:8080");
    }

    #[test]
    fn microsoft_is_configured_by_the_environment_alone() {
        let config = loaded(&[
            ("AUTH__MS365__CLIENT_ID", "us"),
            ("AUTH__MS365__CLIENT_SECRET", "hush"),
            ("AUTH__MS365__TENANTS", TENANT),
            ("AUTH__MS365__ROLES", "Sales.Managers=sales_manager, Sales.Users=sales_user"),
            ("AUTH__MS365__AUTHORITATIVE_DOMAINS", "Example.com example.org"),
            ("AUTH__MS365__SIGN_OUT_AT_PROVIDER", "true"),
        ])
        .unwrap();
        let [ms365] = config.auth.providers().unwrap().try_into().unwrap();
        assert_eq!(ms365.claims.subject, "oid");
        assert_eq!(ms365.roles["Sales.Managers"], Role::SalesManager);
        assert_eq!((ms365.default_role, ms365.sign_out_at_provider), (None, true));
        assert!(ms365.authoritative_domains.contains("example.com"));
        assert_eq!(ms365.client_secret.expose_secret(), "hush");
        let shown = format!("{config:?}{}", serde_json::to_string(&config.masked()).unwrap());
        assert!(!shown.contains("hush") && shown.contains("auth.ms365.client_id"), "{shown}");
    }

    #[test]
    fn another_provider_is_a_table_of_the_file_with_its_secret_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, secret) = (folder.path().join("a.toml"), folder.path().join("secret"));
        std::fs::write(&secret, "hush\n").unwrap();
        let text = "[auth.oidc.office]\ntitle = \"Office\"\nissuer = \"https://id.example.com\"\nclient_id = \"us\"\n\
                    role_claims = [\"realm_access.roles\"]\n[auth.oidc.office.roles]\n\"sales staff\" = \"sales_user\"\n";
        std::fs::write(&file, text).unwrap();
        let name = "SALESCOMMAND_AUTH__OIDC__OFFICE__CLIENT_SECRET_FILE".to_owned();
        let environment = [(name, secret.display().to_string())];
        let config = load(Some(&file), environment.into_iter()).unwrap();
        let [office] = config.auth.providers().unwrap().try_into().unwrap();
        assert_eq!((office.name.as_str(), office.title.as_str()), ("office", "Office"));
        assert_eq!(office.client_secret.expose_secret(), "hush");
        assert_eq!(office.roles["sales staff"], Role::SalesUser);
        assert_eq!(office.claims.roles, ["realm_access.roles"]);
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_to_do() {
        let ms365 = |name, value| problem(&[("AUTH__MS365__CLIENT_ID", "us"), (name, value)]);
        assert!(ms365("AUTH__MS365__TENANTS", "contoso.com").contains("GUID"));
        assert!(ms365("AUTH__MS365__ISSUER", "https://x").contains("authority"));
        assert!(ms365("AUTH__MS365__ROLES", "boss").contains("theirs=ours"));
        assert!(ms365("AUTH__MS365__ROLES", "boss=king").contains("no role"));
        assert!(ms365("AUTH__MS365__COLOUR", "red").contains("colour"));
        assert!(ms365("AUTH__MS365", "x").contains("no setting"));
        let plain = [("AUTH__OIDC__A__CLIENT_ID", "us"), ("AUTH__OIDC__A__ISSUER", "http://id.example.com")];
        assert!(problem(&plain).contains("https://"));
        let twice = [("AUTH__OIDC__A__CLIENT_SECRET", "x"), ("AUTH__OIDC__A__CLIENT_SECRET_FILE", "/y")];
        assert!(problem(&twice).contains("both set"));
    }

    #[test]
    fn somebody_is_named_as_their_token_will_name_them() {
        let config = loaded(&[
            ("AUTH__MS365__CLIENT_ID", "us"),
            ("AUTH__MS365__TENANTS", TENANT),
            ("AUTH__OIDC__A__CLIENT_ID", "us"),
            ("AUTH__OIDC__A__ISSUER", "https://id.example.com"),
        ])
        .unwrap();
        let named = |provider: &str, tenant: Option<&str>, subject: &str| {
            let identity = config.auth.identity(provider, tenant.map(str::to_owned), subject.to_owned());
            identity.map(|one| (one.issuer, one.subject)).map_err(|error| error.to_string())
        };
        let issuer = format!("https://login.microsoftonline.com/{TENANT}/v2.0");
        assert_eq!(named("ms365", Some(TENANT), " 66AA "), Ok((issuer, "66aa".to_owned())));
        assert_eq!(named("a", None, "Ann"), Ok(("https://id.example.com".to_owned(), "Ann".to_owned())));
        assert!(named("ms365", None, "x").unwrap_err().contains("--tenant"));
        assert!(named("a", Some("t"), "x").unwrap_err().contains("leave --tenant out"));
        let other = "99999999-2222-3333-4444-555555555555";
        assert!(named("ms365", Some(other), "x").unwrap_err().contains("not among the tenants"));
        assert!(named("b", None, "x").unwrap_err().contains("configured: ms365, a"));
        assert!(named("a", None, "").unwrap_err().contains("empty"));
    }

    #[test]
    fn a_service_for_others_needs_an_address_to_be_led_back_to() {
        let provider = [("AUTH__OIDC__A__CLIENT_ID", "us"), ("HTTP__LISTEN", "0.0.0.0:8080")];
        assert!(loaded(&provider).unwrap().public_url().unwrap_err().to_string().contains("public_url"));
        let everywhere = loaded(&[("HTTP__LISTEN", "0.0.0.0:8080")]).unwrap().public_url().unwrap();
        assert_eq!(everywhere, "", "that is nowhere to lead to");
        let given = |url| loaded(&[("HTTP__PUBLIC_URL", url)]).unwrap().public_url();
        assert_eq!(given("https://sales.example.com/").unwrap(), "https://sales.example.com");
        for wrong in ["sales.example.com", "https://a.example/path", "https://a.example/?x"] {
            assert!(given(wrong).is_err(), "{wrong}");
        }
    }
}
