//! Sign-in through OpenID providers, Microsoft 365 among them: authorization-code flow with PKCE, state and nonce.
//!
//! Tokens are checked with the JWT library that makes our own access tokens: a second one would bring a second stack
//! of elliptic curves, and Microsoft's issuer per tenant, its keys' own issuers and time as a parameter would have to
//! be built around it just the same.
//!
//! Invariants: an identity is (issuer, tenant, subject) and an e-mail claim finds no account; an answer of a provider
//! is good once, in the browser that asked, for the provider that was asked; whatever a provider writes reaches
//! neither page nor log.

mod client;
mod groups;
mod identity;
mod pending;
mod refusal;
mod settings;
mod token;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Url;
use salescommand_store::Ops;
use secrecy::{ExposeSecret, SecretString};

use self::client::{Client, Described, Tokens};
use self::settings::Place;
use self::token::{Claims, Expected};
use crate::ids::Ids;
use crate::seal::Seals;

pub(crate) use identity::{Person, mapped_role};
pub(crate) use pending::{PENDING_COOKIE, PENDING_SECONDS, Pending, local_path};
pub(crate) use refusal::Refusal;
pub(crate) use settings::is_tenant_id;
pub use settings::{Authority, ClaimNames, MS365, ProviderSettings, ScimSettings, SettingsError};

/// The providers of this installation.
pub(crate) struct Providers {
    by_name: BTreeMap<String, Provider>,
    /// In the order of the configuration, for the sign-in page.
    names: Vec<String>,
    seals: Seals,
    ops: Arc<dyn Ops>,
    public_url: String,
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers").field("names", &self.names).finish_non_exhaustive()
    }
}

/// One provider, and what is known of it.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: ProviderSettings,
    client: Client,
    redirect_uri: String,
}

/// Where to go first, and the cookie to go there with.
pub(crate) struct Begun {
    pub(crate) address: String,
    pub(crate) cookie: String,
}

/// What came back with the browser.
#[derive(Debug, Default)]
pub(crate) struct Returned<'a> {
    pub(crate) code: Option<&'a str>,
    pub(crate) issuer: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
}

/// The providers cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    /// One is not usable as configured.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No HTTP client could be made.
    #[error("no HTTP client for sign-in providers could be made")]
    Client(#[from] reqwest::Error),
}

impl Providers {
    /// Prepares them; asks nobody anything yet.
    pub(crate) fn new(
        settings: Vec<ProviderSettings>,
        public_url: &str,
        seals: Seals,
        ops: Arc<dyn Ops>,
    ) -> Result<Self, ProvidersError> {
        let public_url = public_url.trim_end_matches('/').to_owned();
        let (mut by_name, mut names) = (BTreeMap::new(), Vec::new());
        for settings in settings {
            settings.check()?;
            names.push(settings.name.clone());
            let redirect_uri = format!("{public_url}{}/callback", route_of(&settings.name));
            let name = settings.name.clone();
            by_name.insert(name, Provider { settings, client: Client::new()?, redirect_uri });
        }
        Ok(Self { by_name, names, seals, ops, public_url })
    }

    /// Every provider, in the order of the configuration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.names.iter().filter_map(|name| self.by_name.get(name))
    }

    pub(crate) fn named(&self, name: &str) -> Result<&Provider, Refusal> {
        self.by_name.get(name).ok_or(Refusal::ProviderUnknown)
    }

    /// Begins a sign-in.
    pub(crate) async fn begin(
        &self,
        (name, next): (&str, &str),
        ids: &dyn Ids,
        now: Timestamp,
    ) -> Result<Begun, Refusal> {
        let provider = self.named(name)?;
        let described = provider.client.described(&provider.settings.front_door(), now).await?;
        let pending = Pending::begin(ids, name, next, now).map_err(|_| Refusal::Unavailable)?;
        let cookie = pending.seal(&self.seals).ok_or(Refusal::Unavailable)?;
        let address = provider.authorization_address(&described, &pending)?;
        Ok(Begun { address, cookie })
    }

    /// The sign-in that a browser's cookie says was begun with this state.
    pub(crate) fn pending(
        &self,
        (name, state): (&str, &str),
        cookie: Option<&SecretString>,
        now: Timestamp,
    ) -> Result<Pending, Refusal> {
        let cookie = cookie.ok_or(Refusal::SignInExpired)?;
        Pending::open(&self.seals, cookie.expose_secret(), (name, state), now)
    }

    /// Who came back. The pending sign-in is used up whatever the outcome.
    pub(crate) async fn finish(
        &self,
        pending: &Pending,
        returned: &Returned<'_>,
        now: Timestamp,
    ) -> Result<Person, Refusal> {
        let provider = self.named(&pending.provider)?;
        pending.use_up(&self.ops, now).await?;
        provider.finish(pending, returned, now).await
    }

    /// Where to sign out at a provider too; none if it has no such page or is not to be asked.
    pub(crate) async fn sign_out_address(&self, name: &str, now: Timestamp) -> Option<String> {
        let provider = self.named(name).ok().filter(|provider| provider.settings.sign_out_at_provider)?;
        let described = provider.client.described(&provider.settings.front_door(), now).await.ok()?;
        let mut url = Url::parse(described.metadata.end_session_endpoint.as_deref()?).ok()?;
        let back = format!("{}/sign-in?why=signed-out", self.public_url);
        url.query_pairs_mut()
            .append_pair("client_id", &provider.settings.client_id)
            .append_pair("post_logout_redirect_uri", &back);
        Some(url.into())
    }
}

/// The path of a provider's routes.
pub(crate) fn route_of(name: &str) -> String {
    if name == MS365 { format!("/api/auth/{MS365}") } else { format!("/api/auth/oidc/{name}") }
}

impl Provider {
    fn authorization_address(&self, described: &Described, pending: &Pending) -> Result<String, Refusal> {
        let address = Url::parse(&described.metadata.authorization_endpoint);
        let mut address = address.map_err(|_| Refusal::ProviderMisconfigured)?;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &pending.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(address.into())
    }

    async fn finish(
        &self,
        pending: &Pending,
        returned: &Returned<'_>,
        now: Timestamp,
    ) -> Result<Person, Refusal> {
        let door = self.settings.front_door();
        let described = self.client.described(&door, now).await?;
        self.check_sender(&door, &described, returned)?;
        if let Some(error) = returned.error {
            return Err(Refusal::of_provider(error));
        }
        let code = returned.code.ok_or(Refusal::ProviderError)?;
        let to = (&self.settings, &described.metadata);
        let tokens = self.client.exchange(to, (code, pending), &self.redirect_uri).await?;
        let (place, claims) = self.believed_claims(&tokens, &pending.nonce, now).await?;
        let tenant = identity::tenant_of(&self.settings, &claims)?;
        let mut person = identity::person(&self.settings, (&place.issuer, tenant), &claims)?;
        if person.groups_missing {
            person.groups.extend(self.missing_groups(&tokens).await?);
        }
        Ok(person)
    }

    /// RFC 9207: an answer that names its issuer must name this one; one that always does must do so.
    fn check_sender(
        &self,
        door: &Place,
        described: &Described,
        returned: &Returned<'_>,
    ) -> Result<(), Refusal> {
        let named = match returned.issuer {
            Some(issuer) if self.settings.claims.tenant.is_some() => {
                // Of several tenants, the one that answers: which, the token says.
                self.settings.tenants.iter().any(|tenant| self.settings.issuer_of(Some(tenant)) == issuer)
                    || issuer == door.issuer
            }
            Some(issuer) => issuer == door.issuer,
            None => !described.metadata.authorization_response_iss_parameter_supported,
        };
        if named { Ok(()) } else { Err(Refusal::IssuerMismatch) }
    }

    /// The claims of the ID token, checked with the keys of its own tenant's issuer.
    async fn believed_claims(
        &self,
        tokens: &Tokens,
        nonce: &str,
        now: Timestamp,
    ) -> Result<(Place, Claims), Refusal> {
        let token = tokens.id_token.expose_secret();
        // Not believed yet: a tenant that may not sign in has no keys worth asking for.
        let tenant = identity::tenant_of(&self.settings, &token::unverified_claims(token)?)?;
        let place = self.settings.place_of(tenant.as_deref());
        let expected = Expected {
            issuer: &place.issuer,
            tenant: tenant.as_deref(),
            client_id: &self.settings.client_id,
            nonce,
            now,
        };
        let described = self.client.described(&place, now).await?;
        let mut checked = token::verify(token, &described.keys, &expected);
        if checked == Err(Refusal::KeyUnknown) {
            let anew = self.client.described_anew(&place, now).await?;
            checked = token::verify(token, &anew.keys, &expected);
        }
        let claims = checked?;
        Ok((place, claims))
    }

    async fn missing_groups(&self, tokens: &Tokens) -> Result<std::collections::BTreeSet<String>, Refusal> {
        match (&self.settings.graph, &tokens.access_token) {
            (Some(base), Some(token)) => groups::memberships(&self.client, base, token).await,
            _ => Err(Refusal::GroupsIncomplete),
        }
    }
}
