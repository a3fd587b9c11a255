//! The two cookies of a session, and those of a sign-in elsewhere.
//!
//! Those of the session live as long as the refresh token, so that an expired access token still arrives and can be told from a
//! browser that never signed in.

use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};

/// Holds the access token.
pub(crate) const ACCESS_COOKIE: &str = "sc_access";
/// Holds the refresh token.
pub(crate) const REFRESH_COOKIE: &str = "sc_refresh";
/// Names the provider through which somebody has signed in.
pub(crate) const PROVIDER_COOKIE: &str = "sc_provider";

const ACCESS_PATH: &str = "/api";
const REFRESH_PATH: &str = "/api/auth";

/// How cookies are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cookies {
    pub(crate) secure: bool,
    pub(crate) max_age_seconds: u64,
}

impl Cookies {
    /// Writes both.
    pub(crate) fn set(&self, headers: &mut HeaderMap, access: &SecretString, refresh: &SecretString) {
        self.append(headers, ACCESS_COOKIE, access.expose_secret(), ACCESS_PATH, self.max_age_seconds);
        self.append(headers, REFRESH_COOKIE, refresh.expose_secret(), REFRESH_PATH, self.max_age_seconds);
    }

    /// Takes both away, and what is known of where they came from.
    pub(crate) fn clear(&self, headers: &mut HeaderMap) {
        self.forget_provider(headers);
        self.append(headers, ACCESS_COOKIE, "", ACCESS_PATH, 0);
        self.append(headers, REFRESH_COOKIE, "", REFRESH_PATH, 0);
    }

    /// Remembers through which provider somebody has signed in, to sign out there too.
    pub(crate) fn remember_provider(&self, headers: &mut HeaderMap, provider: &str) {
        self.append(headers, PROVIDER_COOKIE, provider, REFRESH_PATH, self.max_age_seconds);
    }

    /// Forgets it: somebody has signed in here.
    pub(crate) fn forget_provider(&self, headers: &mut HeaderMap) {
        self.append(headers, PROVIDER_COOKIE, "", REFRESH_PATH, 0);
    }

    /// Keeps what a provider has to bring back. The browser comes from another site then, so `Strict` would lose it.
    pub(crate) fn keep_pending(&self, headers: &mut HeaderMap, name: &str, value: &str, max_age: i64) {
        let max_age = max_age.unsigned_abs();
        self.append_for(headers, "Lax", (name, value), (REFRESH_PATH, max_age));
    }

    fn append(&self, headers: &mut HeaderMap, name: &str, value: &str, path: &str, max_age: u64) {
        self.append_for(headers, "Strict", (name, value), (path, max_age));
    }

    fn append_for(
        &self,
        headers: &mut HeaderMap,
        sites: &str,
        (name, value): (&str, &str),
        (path, max_age): (&str, u64),
    ) {
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly; SameSite={sites}{secure}");
        if let Ok(mut value) = HeaderValue::from_str(&text) {
            value.set_sensitive(true);
            headers.append(header::SET_COOKIE, value);
        }
    }
}

/// The value of a request's cookie.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Option<SecretString> {
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, value)| *found == name && !value.is_empty())
        .map(|(_, value)| value.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_strict_and_out_of_reach_of_scripts() {
        let mut headers = HeaderMap::new();
        Cookies { secure: true, max_age_seconds: 60 }.set(&mut headers, &"a".into(), &"r".into());
        let lines: Vec<_> =
            headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap()).collect();
        assert_eq!(
            lines,
            [
                "sc_access=a; Path=/api; Max-Age=60; HttpOnly; SameSite=Strict; Secure",
                "sc_refresh=r; Path=/api/auth; Max-Age=60; HttpOnly; SameSite=Strict; Secure"
            ]
        );
    }

    #[test]
    fn finds_a_cookie_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark; sc_access=token"));
        headers.append(header::COOKIE, HeaderValue::from_static("sc_refresh="));
        assert_eq!(cookie_of(&headers, ACCESS_COOKIE).unwrap().expose_secret(), "token");
        assert!(cookie_of(&headers, REFRESH_COOKIE).is_none());
    }
}
