//! Signing in and out.

pub(crate) mod choose;
pub(crate) mod forgot;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod provider;
pub(crate) mod refresh;
pub(crate) mod sessions;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use salescommand_domain::access::{Permission, Role};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::App;
use crate::accounts::Account;
use crate::auth::{Grant, SessionError};
use crate::directory::Directory;
use crate::error::ApiError;

/// Local sign-in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Sign-in name.
    pub email: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
pub enum SessionRole {
    /// Runs the platform.
    SuperAdmin,
    /// Sees everything.
    Executive,
    /// Sees their reporting tree, may start syncs.
    SalesManager,
    /// Sees their reporting tree.
    AccountManager,
    /// Sees their own records.
    SalesUser,
    /// The same, without any action.
    Viewer,
}

impl From<Role> for SessionRole {
    fn from(role: Role) -> Self {
        match role {
            Role::SuperAdmin => Self::SuperAdmin,
            Role::Executive => Self::Executive,
            Role::SalesManager => Self::SalesManager,
            Role::AccountManager => Self::AccountManager,
            Role::SalesUser => Self::SalesUser,
            Role::Viewer => Self::Viewer,
        }
    }
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionUser {
    /// Account id.
    pub id: String,
    /// Sign-in name.
    pub email: String,
    /// Display name.
    pub name: String,
    /// Role.
    pub role: SessionRole,
    /// The role's name for people.
    pub role_label: String,
    /// What the role may do: `dashboard:read`, ….
    pub permissions: Vec<String>,
    /// Golden id of the person; none while no source knows it.
    pub person_id: Option<String>,
}

/// Who is signed in and until when the access cookie is good.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// Who.
    pub user: SessionUser,
    /// Until when.
    pub access_expires_at: Timestamp,
}

impl Session {
    /// Of an account, whose owner the directory may know.
    pub(crate) fn new(account: &Account, directory: &Directory, access_expires_at: Timestamp) -> Self {
        let person = directory.tree.person_of(account.person_facet);
        let permissions = account.role.permissions().iter().map(|permission| permission_word(*permission));
        let user = SessionUser {
            id: account.id.clone(),
            email: account.email.clone(),
            name: account.name.clone(),
            role: account.role.into(),
            role_label: account.role.label().to_owned(),
            permissions: permissions.collect(),
            person_id: person.map(|id| id.to_string()),
        };
        Self { user, access_expires_at }
    }
}

/// A permission as clients know it.
pub(crate) fn permission_word(permission: Permission) -> String {
    match serde_json::to_value(permission) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// The session document and its cookies.
async fn granted(app: &App, account: &Account, grant: Grant) -> Result<Response, ApiError> {
    let directory = app.directory().await.map_err(ApiError::store)?;
    let session = Session::new(account, &directory, grant.access_expires_at);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    app.cookies.set(&mut headers, &grant.access, &grant.refresh);
    Ok((headers, axum::Json(session)).into_response())
}

fn session_problem(error: SessionError) -> ApiError {
    match error {
        SessionError::Over | SessionError::Reused(_) => ApiError::session_expired(),
        SessionError::Store(error) => ApiError::store(error),
        SessionError::Token => ApiError::internal(error),
    }
}
