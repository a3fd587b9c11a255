//! `GET /api/auth/ms365/login|callback` and `/api/auth/oidc/{provider}/login|callback`: sign-in elsewhere.
//!
//! They are addresses that a browser goes to, so they always lead on: to the provider, or to the sign-in page, which
//! says what happened by the word in `error`, or goes on to the page that was asked for.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use salescommand_domain::audit::{Action, Actor, Details, Target};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::access::App;
use crate::accounts::{Account, AccountError, Newcomer, Rules};
use crate::audit::{Asked, Failure as _};
use crate::auth::{Grant, cookie_of};
use crate::extract::Path;
use crate::oidc::{MS365, PENDING_COOKIE, PENDING_SECONDS, Person, Refusal, Returned, mapped_role};

/// Where to go after sign-in.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BeginQuery {
    /// A path of this site; any other address is not gone to.
    next: Option<String>,
}

/// What the provider sends back.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    /// What the sign-in was begun with.
    state: Option<String>,
    /// To be exchanged for a token.
    code: Option<String>,
    /// Who answers (RFC 9207).
    iss: Option<String>,
    /// Why there is no code.
    error: Option<String>,
}

/// A sign-in that did not succeed, and where its page was to lead.
struct Refused {
    refusal: Refusal,
    next: Option<String>,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, next: None }
    }
}

/// Sign in with Microsoft
#[utoipa::path(get, path = "/api/auth/ms365/login", tag = "auth", params(BeginQuery), responses(
    (status = 303, description = "To Microsoft's sign-in, or back to the sign-in page with the reason in `error`"),
))]
pub(crate) async fn ms365_login(
    State(app): State<Arc<App>>,
    query: Result<Query<BeginQuery>, QueryRejection>,
) -> Response {
    begin(&app, MS365, query).await
}

/// Microsoft leads back here
#[utoipa::path(get, path = "/api/auth/ms365/callback", tag = "auth", params(CallbackQuery), responses(
    (status = 303, description = "To the sign-in page, signed in or with the reason in `error`"),
))]
pub(crate) async fn ms365_callback(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
    query: Result<Query<CallbackQuery>, QueryRejection>,
) -> Response {
    end(&app, (MS365, &asked), &headers, query).await
}

/// Sign in with a provider
#[utoipa::path(get, path = "/api/auth/oidc/{provider}/login", tag = "auth", params(
    ("provider" = String, Path, description = "The provider's name"),
    BeginQuery,
), responses(
    (status = 303, description = "To the provider's sign-in, or back to the sign-in page with the reason in `error`"),
))]
pub(crate) async fn oidc_login(
    State(app): State<Arc<App>>,
    Path(provider): Path<String>,
    query: Result<Query<BeginQuery>, QueryRejection>,
) -> Response {
    begin(&app, &provider, query).await
}

/// The provider leads back here
#[utoipa::path(get, path = "/api/auth/oidc/{provider}/callback", tag = "auth", params(
    ("provider" = String, Path, description = "The provider's name"),
    CallbackQuery,
), responses(
    (status = 303, description = "To the sign-in page, signed in or with the reason in `error`"),
))]
pub(crate) async fn oidc_callback(
    State(app): State<Arc<App>>,
    asked: Asked,
    Path(provider): Path<String>,
    headers: HeaderMap,
    query: Result<Query<CallbackQuery>, QueryRejection>,
) -> Response {
    end(&app, (&provider, &asked), &headers, query).await
}

async fn begin(app: &App, provider: &str, query: Result<Query<BeginQuery>, QueryRejection>) -> Response {
    let query = query.map(|Query(query)| query).unwrap_or_default();
    let next = query.next.as_deref().unwrap_or("/");
    match app.providers.begin((provider, next), &*app.ids, app.clock.now()).await {
        Ok(begun) => {
            let mut response = lead_to(&begun.address);
            app.cookies.keep_pending(response.headers_mut(), PENDING_COOKIE, &begun.cookie, PENDING_SECONDS);
            response
        }
        Err(refusal) => refused(app, provider, &Refused { refusal, next: query.next }),
    }
}

async fn end(
    app: &App,
    (provider, asked): (&str, &Asked),
    headers: &HeaderMap,
    query: Result<Query<CallbackQuery>, QueryRejection>,
) -> Response {
    let outcome = match query {
        Ok(Query(query)) => signed_in(app, (provider, asked), headers, &query).await,
        Err(_) => Err(Refusal::StateInvalid.into()),
    };
    let outcome = match outcome {
        Err(why) => Err(written_down(app, (provider, asked), why).await),
        granted => granted,
    };
    let mut response = match outcome {
        Ok((grant, next)) => {
            metrics::counter!("sign_ins_total", "outcome" => "accepted").increment(1);
            let mut response = lead_to(&sign_in_page(&[("via", provider), ("next", &next)]));
            app.cookies.set(response.headers_mut(), &grant.access, &grant.refresh);
            app.cookies.remember_provider(response.headers_mut(), provider);
            response
        }
        Err(why) => refused(app, provider, &why),
    };
    app.cookies.keep_pending(response.headers_mut(), PENDING_COOKIE, "", 0);
    response
}

async fn signed_in(
    app: &App,
    (provider, asked): (&str, &Asked),
    headers: &HeaderMap,
    query: &CallbackQuery,
) -> Result<(Grant, String), Refused> {
    let (now, address) = (app.clock.now(), &asked.address);
    app.providers.named(provider)?;
    app.attempts_per_address.admit(address, now).map_err(|_| Refusal::TooManyAttempts)?;
    let outcome = let_in(app, (provider, asked), headers, query).await;
    // Only what was refused stays counted: an office must not be locked out because a provider is in trouble.
    if outcome.as_ref().map_or_else(|why| why.refusal.is_failure(), |_| true) {
        app.attempts_per_address.take_back(address);
    }
    outcome
}

/// Writes down that a sign-in was refused. Whoever was refused too often is not written down any more.
async fn written_down(app: &App, (provider, asked): (&str, &Asked), why: Refused) -> Refused {
    if matches!(why.refusal, Refusal::TooManyAttempts) || app.providers.named(provider).is_err() {
        return why;
    }
    let (outcome, code) = why.refusal.ended();
    let details = Details::default().by(provider).code(code);
    let entry = asked.by(Actor::Anonymous, Action::SessionRefused).ended(outcome).detailed(details);
    match app.record(entry).await {
        Ok(()) => why,
        Err(problem) => Refused { refusal: Refusal::unwritten(problem), ..why },
    }
}

async fn let_in(
    app: &App,
    (provider, asked): (&str, &Asked),
    headers: &HeaderMap,
    query: &CallbackQuery,
) -> Result<(Grant, String), Refused> {
    let now = app.clock.now();
    let state = query.state.as_deref().ok_or(Refusal::StateInvalid)?;
    let cookie: Option<SecretString> = cookie_of(headers, PENDING_COOKIE);
    let pending = app.providers.pending((provider, state), cookie.as_ref(), now)?;
    let with_next = |refusal| Refused { refusal, next: Some(pending.next.clone()) };
    let returned =
        Returned { code: query.code.as_deref(), issuer: query.iss.as_deref(), error: query.error.as_deref() };
    let person = app.providers.finish(&pending, &returned, now).await.map_err(with_next)?;
    let account = account_of(app, (provider, asked), person).await.map_err(with_next)?;
    let grant = app.sessions.begin(&account.id, asked.place.clone()).await.map_err(|error| {
        tracing::warn!(%error, "a session cannot be begun");
        with_next(Refusal::Unavailable)
    })?;
    let recorded = app.signed_in(asked, (&account, provider), &grant).await;
    recorded.map_err(|problem| with_next(Refusal::unwritten(problem)))?;
    Ok((grant, pending.next.clone()))
}

/// The account that an identity opens, with the role that it has now.
async fn account_of(
    app: &App,
    (provider, asked): (&str, &Asked),
    person: Person,
) -> Result<Account, Refusal> {
    let by_provider = |action: Action, account: &str| {
        let entry = asked.by(Actor::System, action).on(Target::account(account));
        entry.detailed(Details::default().by(provider))
    };
    let settings = &app.providers.named(provider)?.settings;
    let known = app.accounts.of_identity(&person.identity).await.map_err(account_refusal)?;
    let rules = Rules { settings };
    let given = known.as_ref().and_then(|(_, account)| rules.role_of(account));
    // What the sign-in says, else what the directory has said, else what everybody gets, which may be nothing.
    let role = mapped_role(settings, &person.groups).or(given).or(settings.default_role);
    let (tie, mut account) = match known {
        Some(known) => known,
        None => {
            let Person { identity, email, name, .. } = person;
            let newcomer = Newcomer { identity, email, name, role: role.ok_or(Refusal::NoRole)? };
            let role = newcomer.role;
            let entries = [Action::AccountCreated, Action::IdentityLinked];
            let id = newcomer.identity.account_id();
            let entries =
                entries.map(|action| by_provider(action, &id).detailed(Details::default().of_role(role)));
            let welcome = async { app.accounts.welcome(newcomer).await.map_err(account_refusal) };
            app.audited(entries.into(), welcome).await?
        }
    };
    if account.disabled {
        return Err(Refusal::AccountDisabled);
    }
    if app.is_kept_out(&account).await.map_err(account_refusal)? {
        return Err(Refusal::DirectoryDisabled);
    }
    if tie.role_from_provider {
        let Some(role) = role else {
            // Whoever has lost every role there has lost it here too, in every browser.
            app.sessions.end_every(&account.id).await.map_err(|error| account_refusal(error.into()))?;
            return Err(Refusal::NoRole);
        };
        if role != account.role {
            let details = Details::default().role(account.role, role);
            let entry = by_provider(Action::AccountRoleChanged, &account.id).detailed(details);
            let follow = async { app.accounts.follow_role(&tie, role).await.map_err(account_refusal) };
            app.audited(vec![entry], follow).await?;
        }
    }
    // Of a tie from before records were noted, or one that broke off.
    let unnoted = tie.identity.directory_object().filter(|object| !account.directory.contains(object));
    if let Some(object) = &unnoted {
        account = app.accounts.note_directory(&account.id, object).await.map_err(account_refusal)?;
    }
    if !tie.announced || unnoted.is_some() {
        app.people.announce(&account.clone().summary()).await.map_err(|error| {
            tracing::warn!(%error, "an account is not announced yet");
            Refusal::Unavailable
        })?;
        app.accounts.mark_announced(&tie).await.map_err(account_refusal)?;
    }
    Ok(account)
}

fn account_refusal(error: AccountError) -> Refusal {
    match error {
        AccountError::EmailTaken(_) => Refusal::AccountExists,
        other => {
            tracing::warn!(error = %other, "an account cannot be read or written");
            Refusal::Unavailable
        }
    }
}

/// Back to the sign-in page with the reason. The provider is named there only if there is one of that name.
fn refused(app: &App, provider: &str, why: &Refused) -> Response {
    let code = why.refusal.code();
    let provider = app.providers.named(provider).map_or("", |known| known.settings.name.as_str());
    let outcome = if why.refusal.is_failure() { "failed" } else { "refused" };
    metrics::counter!("sign_ins_total", "outcome" => outcome).increment(1);
    tracing::info!(provider, code, "a sign-in through a provider was refused");
    let mut pairs = vec![("error", code)];
    if !provider.is_empty() {
        pairs.push(("via", provider));
    }
    let next = why.next.as_deref().map(crate::oidc::local_path);
    if let Some(next) = next.as_deref().filter(|next| *next != "/") {
        pairs.push(("next", next));
    }
    lead_to(&sign_in_page(&pairs))
}

fn sign_in_page(pairs: &[(&str, &str)]) -> String {
    let query = query_of(pairs);
    format!("/sign-in?{query}")
}

fn query_of(pairs: &[(&str, &str)]) -> String {
    // An address of our own, only for its spelling of a query.
    let mut url = reqwest::Url::parse("http://localhost/").ok();
    if let Some(url) = &mut url {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    url.as_ref().and_then(reqwest::Url::query).unwrap_or_default().to_owned()
}

fn lead_to(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(address) = HeaderValue::from_str(address) {
        headers.insert(header::LOCATION, address);
    }
    response
}
