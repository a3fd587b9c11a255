//! What can be wrong with requests about accounts and passwords.

use axum::http::StatusCode;

use super::ApiError;

impl ApiError {
    pub(crate) fn unknown_user() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown-user", "Unknown user", "There is no such account.")
    }

    /// The organisation's directory keeps somebody out.
    pub(crate) fn directory_disabled(status: StatusCode) -> Self {
        let detail = "Your organisation's directory says that your account was disabled or is gone, so it opens nothing here.";
        let fix = "Ask whoever looks after the directory. Should your account be enabled there again, try again in a minute.";
        Self::new(status, "directory-disabled", "Shut out by the directory", detail).fix(fix)
    }

    pub(crate) fn unknown_session() -> Self {
        let detail = "There is no such session, or it has ended.";
        Self::new(StatusCode::NOT_FOUND, "unknown-session", "Unknown session", detail)
    }

    pub(crate) fn email_taken(email: &str) -> Self {
        let detail = format!("There is an account {email} already.");
        Self::new(StatusCode::CONFLICT, "email-taken", "There is such an account already", detail)
    }

    pub(crate) fn own_account() -> Self {
        let detail = "Nobody changes their own role or shuts themselves out.";
        Self::new(StatusCode::CONFLICT, "own-account", "This is your own account", detail)
            .fix("Ask another administrator.")
    }

    pub(crate) fn last_administrator(email: &str) -> Self {
        let detail = format!("{email} is the last one who manages accounts.");
        Self::new(StatusCode::CONFLICT, "last-administrator", "Nobody would be left", detail)
            .fix("Make somebody else a super admin first.")
    }

    pub(crate) fn invalid_account(problem: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-fields", "The account cannot be so", problem)
    }

    pub(crate) fn no_mail() -> Self {
        let detail = "No mail server is configured, so no link can be sent.";
        Self::new(StatusCode::CONFLICT, "mail-not-configured", "No mail server", detail)
            .fix("Hand the link over yourself, or set alerts.smtp_url and http.public_url.")
    }

    pub(crate) fn weak_password(why: &str) -> Self {
        let (first, rest) = why.split_at(why.chars().next().map_or(0, char::len_utf8));
        let detail = format!("{}{rest}.", first.to_uppercase());
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "weak-password",
            "This password is not good enough",
            detail,
        )
    }

    pub(crate) fn wrong_password() -> Self {
        let detail = "The present password is another one.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-password", "Wrong password", detail)
    }

    pub(crate) fn is_link_over(&self) -> bool {
        self.code == "link-over"
    }

    pub(crate) fn link_over() -> Self {
        let detail = "The link was used, is too old, or is not complete.";
        Self::new(StatusCode::GONE, "link-over", "This link is over", detail)
            .fix("Ask for another one on the sign-in page, or ask an administrator.")
    }
}
