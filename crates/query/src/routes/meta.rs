//! `GET /api/meta`: public facts about this server.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::App;
use crate::oidc::route_of;
use crate::reply::Reply;

/// An account of the demo, shown on the sign-in page.
#[derive(Debug, Serialize, ToSchema)]
pub struct DemoAccount {
    /// The role's name, for people.
    pub role_label: String,
    /// Sign-in name.
    pub email: String,
    /// Password; no secret.
    pub password: String,
}

/// A provider through which one may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInProvider {
    /// Its name in addresses; `ms365` is Microsoft 365.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Where a browser goes to sign in; takes `next`, the path to come back to.
    pub login_path: String,
}

/// Public facts about this server.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppMeta {
    /// `SalesCommand`.
    pub product: String,
    /// Version of this server.
    pub version: String,
    /// Whether it runs in demo mode.
    pub demo: bool,
    /// Providers through which one may sign in.
    pub sign_in_providers: Vec<SignInProvider>,
    /// Whether links to choose a password are sent by e-mail, to whoever has forgotten theirs too.
    pub mails_links: bool,
    /// Only in demo mode.
    pub demo_accounts: Vec<DemoAccount>,
}

/// Product, version, demo accounts
#[utoipa::path(get, path = "/api/meta", tag = "public", responses((status = 200, description = "OK", body = AppMeta)))]
pub(crate) async fn meta(State(app): State<Arc<App>>) -> Reply<AppMeta> {
    let accounts = app.demo.iter().flatten().map(|account| DemoAccount {
        role_label: account.role_label.clone(),
        email: account.email.clone(),
        password: account.password.clone(),
    });
    let providers = app.providers.iter().map(|provider| SignInProvider {
        name: provider.settings.name.clone(),
        title: provider.settings.title.clone(),
        login_path: format!("{}/login", route_of(&provider.settings.name)),
    });
    Reply(AppMeta {
        product: "SalesCommand".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        demo: app.demo.is_some(),
        sign_in_providers: providers.collect(),
        mails_links: app.mail().is_some(),
        demo_accounts: accounts.collect(),
    })
}
