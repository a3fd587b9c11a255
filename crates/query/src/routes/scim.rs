//! `/scim/v2`: the protocol by which a provider's directory keeps accounts up to date. It describes itself (`/Schemas`), in its own
//! words, so the OpenAPI document leaves it out; docs/reference/scim.md says what is kept.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get, post};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::access::{App, Provisioning};
use crate::extract::{LARGEST_BODY, Parameters, Path};
use crate::scim::{
    Filter, MEDIA_TYPE, MOST_USERS, Meta, ScimError, ScimUser, Shown, page, patched, resource_types, schemas,
    service_provider_config, whole,
};

/// Users on a page if nothing is said.
const USUAL_COUNT: usize = 100;

/// The routes. What is not among them answers in the protocol's words as well.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/scim/v2/ServiceProviderConfig", get(config).fallback(not_allowed))
        .route("/scim/v2/ResourceTypes", get(all_types).fallback(not_allowed))
        .route("/scim/v2/ResourceTypes/{id}", get(one_type).fallback(not_allowed))
        .route("/scim/v2/Schemas", get(all_schemas).fallback(not_allowed))
        .route("/scim/v2/Schemas/{id}", get(one_schema).fallback(not_allowed))
        .route("/scim/v2/Users", get(users).post(create).fallback(not_allowed))
        .route("/scim/v2/Users/{id}", one_user())
        .route("/scim/v2/.search", post(search).fallback(not_allowed))
        .route("/scim/v2", any(nothing))
        .route("/scim/v2/{*rest}", any(nothing))
}

fn one_user() -> MethodRouter<Arc<App>> {
    get(user).put(replace).patch(change).delete(delete).fallback(not_allowed)
}

/// A body of the protocol.
struct ScimBody(Value);

impl<S: Send + Sync> FromRequest<S> for ScimBody {
    type Rejection = ScimError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ScimError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if ![MEDIA_TYPE, "application/json"].iter().any(|taken| kind.eq_ignore_ascii_case(taken)) {
            return Err(ScimError::unsupported_media_type());
        }
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => ScimError::too_large(LARGEST_BODY),
            _ => ScimError::invalid_syntax("The body did not arrive in full."),
        })?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|_| ScimError::invalid_syntax("The body is not JSON."))
    }
}

/// Which users, and what of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Wanted {
    filter: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    attributes: Option<String>,
    excluded_attributes: Option<String>,
}

impl Wanted {
    fn shown(&self) -> Shown {
        Shown::new(self.attributes.as_deref(), self.excluded_attributes.as_deref())
    }
}

type Query = Result<Parameters<Wanted>, crate::error::ApiError>;

fn wanted(query: Query) -> Result<Wanted, ScimError> {
    query
        .map(|Parameters(wanted)| wanted)
        .map_err(|_| ScimError::invalid_value("A parameter is not what is expected."))
}

type Id = Result<Path<String>, crate::error::ApiError>;

/// What cannot be an id is nobody's.
fn known(id: Id) -> Result<String, ScimError> {
    id.map(|Path(id)| id).map_err(|_| ScimError::not_found())
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body.to_string()).into_response()
}

/// A user as an answer, with its version and place.
fn shown(
    provisioning: &Provisioning,
    status: StatusCode,
    (user, meta): &(ScimUser, Meta),
    shown: &Shown,
) -> Response {
    let mut response = answer(status, &user.resource(meta, provisioning.public_url(), shown));
    let place = meta.location(provisioning.public_url());
    let headers = response.headers_mut();
    for (name, value) in [(header::ETAG, meta.version()), (header::LOCATION, place)] {
        if let Ok(value) = HeaderValue::from_str(&value)
            && (name != header::LOCATION || status == StatusCode::CREATED)
        {
            headers.insert(name, value);
        }
    }
    response
}

async fn config(provisioning: Provisioning) -> Response {
    answer(StatusCode::OK, &service_provider_config(provisioning.public_url()))
}

async fn all_types(provisioning: Provisioning) -> Response {
    answer(StatusCode::OK, &whole(resource_types(provisioning.public_url())))
}

async fn one_type(provisioning: Provisioning, id: Id) -> Result<Response, ScimError> {
    one(resource_types(provisioning.public_url()), &known(id)?)
}

async fn all_schemas(provisioning: Provisioning) -> Response {
    answer(StatusCode::OK, &whole(schemas(provisioning.public_url(), provisioning.gives_roles())))
}

async fn one_schema(provisioning: Provisioning, id: Id) -> Result<Response, ScimError> {
    one(schemas(provisioning.public_url(), provisioning.gives_roles()), &known(id)?)
}

fn one(all: Vec<Value>, id: &str) -> Result<Response, ScimError> {
    let found = all.into_iter().find(|resource| resource["id"] == id).ok_or_else(ScimError::not_found)?;
    Ok(answer(StatusCode::OK, &found))
}

async fn users(provisioning: Provisioning, query: Query) -> Result<Response, ScimError> {
    let wanted = wanted(query)?;
    let filter = wanted.filter.as_deref().map(Filter::parse).transpose()?;
    // Less than one is one, and less than none is none (RFC 7644, section 3.4.2.4).
    let start = usize::try_from(wanted.start_index.unwrap_or(1)).unwrap_or(1).max(1);
    let usual = i64::try_from(USUAL_COUNT).unwrap_or(i64::MAX);
    let count = usize::try_from(wanted.count.unwrap_or(usual)).unwrap_or(0).min(MOST_USERS);
    let (total, found) = provisioning.page(filter.as_ref(), (start - 1, count)).await?;
    let (public_url, shown) = (provisioning.public_url(), wanted.shown());
    let resources = found.iter().map(|(user, meta)| user.resource(meta, public_url, &shown)).collect();
    Ok(answer(StatusCode::OK, &page(total, start, resources)))
}

async fn user(provisioning: Provisioning, id: Id, query: Query) -> Result<Response, ScimError> {
    let wanted = wanted(query)?;
    let found = provisioning.user(&known(id)?).await?;
    Ok(shown(&provisioning, StatusCode::OK, &found, &wanted.shown()))
}

async fn create(provisioning: Provisioning, query: Query, body: ScimBody) -> Result<Response, ScimError> {
    let wanted = wanted(query)?;
    let made = provisioning.create(&ScimUser::parse(&body.0)?).await?;
    Ok(shown(&provisioning, StatusCode::CREATED, &made, &wanted.shown()))
}

async fn replace(
    provisioning: Provisioning,
    id: Id,
    query: Query,
    headers: HeaderMap,
    body: ScimBody,
) -> Result<Response, ScimError> {
    let (wanted, id) = (wanted(query)?, known(id)?);
    let replaced = ScimUser::parse(&body.0)?;
    let changed = provisioning.change((&id, version(&headers)), |_| Ok(replaced)).await?;
    Ok(shown(&provisioning, StatusCode::OK, &changed, &wanted.shown()))
}

async fn change(
    provisioning: Provisioning,
    id: Id,
    query: Query,
    headers: HeaderMap,
    body: ScimBody,
) -> Result<Response, ScimError> {
    let (wanted, id) = (wanted(query)?, known(id)?);
    let changed = provisioning.change((&id, version(&headers)), |user| patched(user, &body.0)).await?;
    Ok(shown(&provisioning, StatusCode::OK, &changed, &wanted.shown()))
}

async fn delete(provisioning: Provisioning, id: Id, headers: HeaderMap) -> Result<StatusCode, ScimError> {
    provisioning.delete((&known(id)?, version(&headers))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The version that a change is made of.
fn version(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::IF_MATCH)?.to_str().ok()
}

async fn search(_: Provisioning) -> ScimError {
    ScimError::not_implemented()
}

async fn not_allowed(_: Provisioning) -> ScimError {
    ScimError::method_not_allowed()
}

async fn nothing(_: Provisioning) -> ScimError {
    ScimError::not_found()
}
