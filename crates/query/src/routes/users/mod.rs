//! `/api/users`: accounts and what they may do, for administrators.

pub(crate) mod change;
pub(crate) mod invite;
pub(crate) mod list;
pub(crate) mod reset;
pub(crate) mod sessions;
pub(crate) mod show;
pub(crate) mod sign_out;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::App;
use crate::accounts::{AccountDetail, AccountError, AccountSummary, PasswordLink};
use crate::directory::Directory;
use crate::error::ApiError;
use crate::mail::Occasion;
use crate::routes::auth::SessionRole;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
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
    /// May not sign in.
    pub disabled: bool,
    /// A password opens it.
    pub has_password: bool,
    /// Names of the providers through which its owner signs in.
    pub providers: Vec<String>,
    /// The provider whose directory keeps the account over SCIM; none if none does.
    pub kept_by: Option<String>,
    /// The organisation's directory says that its owner's account there was disabled or is gone, so it opens nothing here.
    pub directory_disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a session of it was last begun or renewed; none if it has none.
    pub last_seen: Option<Timestamp>,
    /// Counts its changes: what a change names in If-Match.
    #[schema(format = Int64)]
    pub revision: i64,
}

impl User {
    /// An account, as a directory has its owner.
    fn new(detail: AccountDetail, directory: &Directory) -> Self {
        let AccountDetail { summary, revision, created_at, has_password, providers, kept_by, last_seen } =
            detail;
        Self {
            directory_disabled: directory.keeps_out(summary.person_facet, &summary.directory),
            id: summary.id,
            email: summary.email,
            name: summary.name,
            role: summary.role.into(),
            role_label: summary.role.label().to_owned(),
            disabled: summary.disabled,
            has_password,
            providers,
            kept_by,
            created_at,
            last_seen,
            revision,
        }
    }
}

/// A link by which the owner of an account chooses a password. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChoosePassword {
    /// The address to hand over, below `http.public_url`; without one only the path.
    pub url: String,
    /// The part of it behind the address of this service.
    pub path: String,
    /// Until when it is good; it is good once.
    pub expires_at: Timestamp,
    /// The mail server has taken it for its owner.
    pub mailed: bool,
}

/// An account and the link for its owner.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invited {
    /// The account.
    pub user: User,
    /// The link.
    pub link: ChoosePassword,
}

/// Hands a link over: in the answer, and by e-mail if there is an occasion for it.
async fn handed(
    app: &App,
    occasion: Option<Occasion>,
    (owner, link): (&AccountSummary, PasswordLink),
) -> ChoosePassword {
    let mailed = match occasion {
        Some(occasion) => app.mail_link(owner, occasion, &link).await,
        None => false,
    };
    let (url, path) = app.address_of(&link);
    ChoosePassword { url, path, expires_at: link.expires_at, mailed }
}

/// The occasion of a letter if one is wanted; a problem if none can be sent.
fn wanted(app: &App, mail: bool, occasion: Occasion) -> Result<Option<Occasion>, ApiError> {
    match (mail, app.mail()) {
        (true, None) => Err(ApiError::no_mail()),
        (mail, _) => Ok(mail.then_some(occasion)),
    }
}

/// An answer that nobody is to keep.
fn once(status: axum::http::StatusCode, body: impl Serialize) -> Response {
    let mut response = (status, axum::Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a request about accounts that failed.
pub(crate) fn problem(error: AccountError) -> ApiError {
    match error {
        AccountError::Store(error) => ApiError::store(error),
        AccountError::EmailTaken(email) => ApiError::email_taken(&email),
        AccountError::Invalid(problem) => ApiError::invalid_account(problem),
        AccountError::Weak(weakness) => ApiError::weak_password(&weakness.to_string()),
        AccountError::LastAdministrator(email) => ApiError::last_administrator(&email),
        AccountError::Unknown(_) => ApiError::unknown_user(),
        other => ApiError::internal(other),
    }
}
