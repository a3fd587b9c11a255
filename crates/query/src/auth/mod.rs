//! Sign-in: passwords, access and refresh tokens, cookies, attempts.
//!
//! No token is ever readable by a script: both live in HttpOnly cookies. A refresh token is used once; using it
//! again ends every session that grew from the same sign-in.

mod cookie;
mod device;
mod password;
pub mod policy;
mod sessions;
mod throttle;
mod token;

pub(crate) use cookie::{ACCESS_COOKIE, Cookies, PROVIDER_COOKIE, REFRESH_COOKIE, cookie_of};
pub(crate) use device::device;
pub(crate) use password::{PasswordError, Passwords};
pub(crate) use sessions::{Grant, Place, SessionDetail, SessionError, Sessions};
pub(crate) use throttle::Throttle;
pub(crate) use token::{AccessTokens, Claims, TokenError};
