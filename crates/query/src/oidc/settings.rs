//! What is configured of a provider, and the checks without which none is used.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use salescommand_domain::access::Role;
use secrecy::{ExposeSecret, SecretString};

/// The name under which Microsoft 365 is configured and addressed.
pub const MS365: &str = "ms365";
/// Shortest token of a directory, in characters.
const SHORTEST_TOKEN: usize = 32;
/// Stands for the tenant in the issuer that Microsoft's shared documents name.
pub(crate) const TENANT_PLACEHOLDER: &str = "{tenantid}";
/// Microsoft's authority for the accounts of any organisation.
const ANY_ORGANISATION: &str = "organizations";

/// Who says who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// One issuer, spelled exactly as its discovery document and its tokens spell it.
    Issuer(String),
    /// Microsoft Entra ID: an issuer for each tenant, below a base such as `https://login.microsoftonline.com`.
    Entra {
        /// The base, without a slash at its end.
        base: String,
    },
}

/// Which claims of an ID token say what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// Who, within issuer and tenant; never changes.
    pub subject: String,
    /// Whose directory; none if the provider has no tenants.
    pub tenant: Option<String>,
    /// E-mail address.
    pub email: String,
    /// The claims of which any one must be true for the address to be believed.
    pub email_verified: Vec<String>,
    /// Display name.
    pub name: String,
    /// Claims that hold roles or groups: text or lists of it.
    pub roles: Vec<String>,
}

/// A provider of sign-ins.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its name in addresses: lower-case letters, digits and `-`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Who says who somebody is.
    pub authority: Authority,
    /// What we are called there.
    pub client_id: String,
    /// What proves that it is us; empty for a public client.
    pub client_secret: SecretString,
    /// What is asked for; must contain `openid`.
    pub scopes: Vec<String>,
    /// Tenants whose people may sign in. Entra needs at least one; elsewhere none means that it does not matter.
    pub tenants: BTreeSet<String>,
    /// Which claims say what.
    pub claims: ClaimNames,
    /// Role or group of the provider, and the role that it gives here.
    pub roles: BTreeMap<String, Role>,
    /// The role of those whom no role or group gives one; none: they may not sign in.
    pub default_role: Option<Role>,
    /// Domains of which the provider's verified e-mail addresses are believed: they join a person with the same person
    /// in the sources.
    pub authoritative_domains: BTreeSet<String>,
    /// Base of Microsoft Graph, asked for groups that did not fit into the token; none: such people are refused.
    pub graph: Option<String>,
    /// Signing out here leads to the provider's sign-out.
    pub sign_out_at_provider: bool,
    /// How its directory keeps accounts up to date; none: it does not.
    pub scim: Option<ScimSettings>,
}

/// How a provider's directory keeps accounts up to date over SCIM.
#[derive(Debug, Clone)]
pub struct ScimSettings {
    /// What it shows.
    pub token: SecretString,
    /// Whose directory it is, of a provider with several tenants.
    pub tenant: Option<String>,
    /// Its users' `roles` decide about the accounts' until a sign-in says otherwise.
    pub roles: bool,
}

/// Why a provider cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sign-in provider {provider}: {problem}")]
pub struct SettingsError {
    /// Which provider.
    pub provider: String,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl ProviderSettings {
    /// Any OpenID provider, with the standard's claim names.
    pub fn openid(name: &str, issuer: &str, client_id: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            authority: Authority::Issuer(issuer.to_owned()),
            client_id: client_id.to_owned(),
            client_secret: SecretString::default(),
            scopes: words(&["openid", "profile", "email"]),
            tenants: BTreeSet::new(),
            claims: ClaimNames {
                subject: "sub".to_owned(),
                tenant: None,
                email: "email".to_owned(),
                email_verified: words(&["email_verified"]),
                name: "name".to_owned(),
                roles: words(&["roles", "groups"]),
            },
            roles: BTreeMap::new(),
            default_role: None,
            authoritative_domains: BTreeSet::new(),
            graph: None,
            sign_out_at_provider: false,
            scim: None,
        }
    }

    /// Microsoft 365: (tid, oid) says who, `xms_edov` whether the tenant owns the address's domain.
    pub fn ms365(client_id: &str, tenants: impl IntoIterator<Item = String>) -> Self {
        let base = "https://login.microsoftonline.com".to_owned();
        let mut settings = Self::openid(MS365, "", client_id);
        settings.title = "Microsoft".to_owned();
        settings.authority = Authority::Entra { base };
        settings.scopes = words(&["openid", "profile", "email", "User.Read"]);
        settings.tenants = tenants.into_iter().map(|tenant| tenant.to_lowercase()).collect();
        settings.claims.subject = "oid".to_owned();
        settings.claims.tenant = Some("tid".to_owned());
        settings.claims.email_verified = words(&["xms_edov"]);
        settings.graph = Some("https://graph.microsoft.com".to_owned());
        settings
    }

    /// Whether the provider can be used at all.
    pub fn check(&self) -> Result<(), SettingsError> {
        let error = |problem: String| SettingsError { provider: self.name.clone(), problem };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let named = self.name.starts_with(|c: char| c.is_ascii_lowercase());
        if !named || self.name.len() > 40 || !self.name.chars().all(plain) {
            return Err(error(
                "its name must begin with a lower-case letter; up to 40 of those, digits and - make one"
                    .to_owned(),
            ));
        }
        if self.client_id.is_empty() {
            return Err(error("client_id is not set; the provider gives it at registration".to_owned()));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Err(error("scopes must contain openid".to_owned()));
        }
        match &self.authority {
            Authority::Issuer(issuer) => check_address("issuer", issuer).map_err(error)?,
            Authority::Entra { base } => {
                check_address("authority", base).map_err(error)?;
                let named = self.tenants.iter().find(|tenant| !is_tenant_id(tenant));
                if self.tenants.is_empty() || named.is_some() {
                    let found = named.map(|named| format!(", not {named:?}")).unwrap_or_default();
                    return Err(error(format!(
                        "tenants must name at least one directory by its id (a GUID){found}"
                    )));
                }
            }
        }
        self.check_scim().map_err(error)?;
        self.graph.as_ref().map_or(Ok(()), |graph| check_address("graph", graph)).map_err(error)
    }

    fn check_scim(&self) -> Result<(), String> {
        let Some(scim) = &self.scim else { return Ok(()) };
        if scim.token.expose_secret().len() < SHORTEST_TOKEN {
            return Err(format!(
                "scim_token must have {SHORTEST_TOKEN} characters at least, as `openssl rand -base64 32` prints them"
            ));
        }
        match &scim.tenant {
            Some(tenant) if !self.tenants.contains(tenant) => {
                Err(format!("scim_tenant {tenant:?} is not among its tenants"))
            }
            None if self.claims.tenant.is_some() && self.tenants.len() != 1 => {
                Err("scim_tenant must say whose directory it is, since there is not exactly one tenant"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }

    /// The tenant whose directory keeps accounts up to date; none if the provider has no tenants.
    pub(crate) fn scim_tenant(&self) -> Option<String> {
        let named = self.scim.as_ref().and_then(|scim| scim.tenant.clone());
        named.or_else(|| self.tenants.first().cloned().filter(|_| self.claims.tenant.is_some()))
    }

    /// Whether it is Microsoft Entra ID.
    pub(crate) fn is_entra(&self) -> bool {
        matches!(self.authority, Authority::Entra { .. })
    }

    /// Where people are sent: of several Microsoft tenants, to the page that asks which.
    pub(crate) fn front_door(&self) -> Place {
        match &self.authority {
            Authority::Issuer(issuer) => Place::of(issuer.clone()),
            Authority::Entra { base } => match self.tenants.iter().collect::<Vec<_>>().as_slice() {
                [only] => self.tenant_place(base, only),
                _ => Place {
                    discovery: discovery(&format!("{base}/{ANY_ORGANISATION}/v2.0")),
                    issuer: format!("{base}/{TENANT_PLACEHOLDER}/v2.0"),
                },
            },
        }
    }

    /// The issuer of one tenant's people, and where it describes itself.
    pub(crate) fn place_of(&self, tenant: Option<&str>) -> Place {
        match (&self.authority, tenant) {
            (Authority::Entra { base }, Some(tenant)) => self.tenant_place(base, tenant),
            _ => self.front_door(),
        }
    }

    /// The issuer that an identity of this provider belongs to.
    pub fn issuer_of(&self, tenant: Option<&str>) -> String {
        self.place_of(tenant).issuer
    }

    fn tenant_place(&self, base: &str, tenant: &str) -> Place {
        Place::of(format!("{base}/{tenant}/v2.0"))
    }
}

/// An issuer, and where its discovery document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) discovery: String,
    pub(crate) issuer: String,
}

impl Place {
    fn of(issuer: String) -> Self {
        Self { discovery: discovery(&issuer), issuer }
    }
}

fn discovery(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A tenant by its id: names can be moved to another directory, ids cannot.
pub(crate) fn is_tenant_id(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok() && text.to_lowercase() == *text
}

fn check_address(setting: &str, text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| format!("{setting} is no address: {text:?}"))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{setting} must have neither ? nor #"));
    }
    if is_safe(&url) {
        Ok(())
    } else {
        Err(format!("{setting} must begin with https:// (http:// is for this machine's own addresses alone)"))
    }
}

/// HTTPS, or plain HTTP that does not leave this machine; and nobody's password inside.
pub(crate) fn is_safe(url: &Url) -> bool {
    let loopback = match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    let protected = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    protected && url.host_str().is_some() && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "11111111-2222-3333-4444-555555555555";

    fn problem(settings: &ProviderSettings) -> String {
        settings.check().unwrap_err().problem
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in
            ["https://id.example.com/realm", "http://127.0.0.1:9/x", "http://[::1]:9", "http://localhost:9"]
        {
            assert_eq!(ProviderSettings::openid("one", good, "us").check(), Ok(()), "{good}");
        }
        for bad in [
            "http://id.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://user:pw@id.example.com",
            "https://id.example.com/?a=b",
            "id.example.com",
            "",
        ] {
            assert!(problem(&ProviderSettings::openid("one", bad, "us")).contains("issuer"), "{bad}");
        }
    }

    #[test]
    fn microsoft_needs_tenants_by_id() {
        assert!(problem(&ProviderSettings::ms365("us", [])).contains("tenants"));
        for name in ["contoso.com", "common", "{11111111-2222-3333-4444-555555555555}"] {
            assert!(problem(&ProviderSettings::ms365("us", [name.to_owned()])).contains("not"), "{name}");
        }
        let settings = ProviderSettings::ms365("us", ["AAAAAAAA-2222-3333-4444-555555555555".to_owned()]);
        assert_eq!(settings.check(), Ok(()), "an id in capitals is the same id");
    }

    #[test]
    fn one_tenant_has_its_own_door_and_several_share_one() {
        let other = "99999999-2222-3333-4444-555555555555";
        let one = ProviderSettings::ms365("us", [TENANT.to_owned()]);
        let base = "https://login.microsoftonline.com";
        assert_eq!(one.front_door().issuer, format!("{base}/{TENANT}/v2.0"));
        let two = ProviderSettings::ms365("us", [TENANT.to_owned(), other.to_owned()]);
        assert_eq!(two.front_door().issuer, format!("{base}/{{tenantid}}/v2.0"));
        assert_eq!(
            two.front_door().discovery,
            format!("{base}/organizations/v2.0/.well-known/openid-configuration")
        );
        assert_eq!(two.place_of(Some(other)).issuer, format!("{base}/{other}/v2.0"));
    }

    #[test]
    fn names_are_parts_of_addresses() {
        for bad in ["", "Two", "a/b", "a b"] {
            assert!(
                problem(&ProviderSettings::openid(bad, "https://a.example", "us")).contains("name"),
                "{bad}"
            );
        }
        assert!(problem(&ProviderSettings::openid("a", "https://a.example", "")).contains("client_id"));
    }
}
