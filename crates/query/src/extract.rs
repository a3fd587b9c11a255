//! Extractors whose refusals are problem documents.

use std::net::SocketAddr;

use axum::extract::rejection::{BytesRejection, FailedToBufferBody, PathRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::auth::{Place, device};
use crate::error::ApiError;

/// Largest request body. The largest real one, a sign-in, has a few hundred bytes.
pub(crate) const LARGEST_BODY: usize = 64 * 1024;

/// A JSON body.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::unsupported_media_type());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                ApiError::body_too_large(LARGEST_BODY)
            }
            _ => ApiError::malformed_body("The body did not arrive in full."),
        })?;
        // The message of the parser names fields and places, never values of the body.
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| ApiError::malformed_body(without_values(&error)))
    }
}

/// serde's messages may quote a wrong value, and a body may hold a password.
fn without_values(error: &serde_json::Error) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let missing = text.split('`').nth(1).filter(|_| text.starts_with("missing field"));
            match missing {
                Some(field) => format!("The field {field} is missing."),
                None => format!("A field has the wrong type ({place})."),
            }
        }
        _ => format!("The body is not JSON ({place})."),
    }
}

/// Segments of the path.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    #[expect(clippy::disallowed_types, reason = "this is where its refusals become problem documents")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(segments)| Self(segments)).map_err(|rejection| match rejection {
            PathRejection::FailedToDeserializePathParams(error) if error.status().is_client_error() => {
                ApiError::malformed_path()
            }
            other => ApiError::internal(other),
        })
    }
}

/// Query parameters.
#[derive(Debug)]
pub(crate) struct Parameters<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri)
            .map(|Query(parameters)| Self(parameters))
            .map_err(|error| ApiError::malformed_query(error.body_text()))
    }
}

/// The bearer token that a request shows (RFC 6750, section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The address that a request came from, as the connection has it. Behind a proxy that is the proxy's.
#[derive(Debug)]
pub(crate) struct ClientAddress(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self(
            connection.map_or_else(|| "unknown".to_owned(), |ConnectInfo(address)| address.ip().to_string()),
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let header = parts.headers.get(header::USER_AGENT).and_then(|header| header.to_str().ok());
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            device: header.and_then(device),
            address: connection.map(|ConnectInfo(address)| address.ip().to_canonical().to_string()),
        })
    }
}
