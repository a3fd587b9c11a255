//! What all operations have in common, written into the description: how one shows who one is, and the problems that are found
//! before a handler runs. So no route lists them, and none can forget one.

use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{OpenApi, RefOr};

use crate::auth::ACCESS_COOKIE;
use crate::hooks;
use crate::routes::{PUBLIC_OPERATIONS, problem};

/// The session: a cookie that signing in sets.
const SESSION: &str = "session";
/// What a page of another site cannot send: the header of every change.
const SAME_SITE: &str = "same_site";
/// The key of a source's web hook.
const HOOK_KEY: &str = "hook_key";
/// The one hook whose key is no part of its address.
const HOOK_WITH_HEADER: &str = "odoo_hook_bearer";

/// Completes the description of every operation.
pub(crate) fn complete(api: &mut OpenApi) {
    let schemes = &mut api.components.get_or_insert_default().security_schemes;
    let key = |key| RefOr::T(SecurityScheme::ApiKey(key));
    let cookie = "Set by signing in; only its holder's browser has it.";
    schemes.insert(
        SESSION.to_owned(),
        key(ApiKey::Cookie(ApiKeyValue::with_description(ACCESS_COOKIE, cookie))),
    );
    let header =
        "`salescommand`, with every request that changes something: a page of another site cannot send it.";
    schemes.insert(
        SAME_SITE.to_owned(),
        key(ApiKey::Header(ApiKeyValue::with_description("X-Requested-With", header))),
    );
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The key of a source's web hook."));
    schemes.insert(HOOK_KEY.to_owned(), RefOr::T(SecurityScheme::Http(bearer.build())));
    for (path, item) in &mut api.paths.paths {
        let PathItem { get, put, post, delete, patch, .. } = item;
        let changing = [put, post, delete, patch].into_iter().map(|operation| (operation, true));
        for (operation, changes) in changing.chain([(get, false)]) {
            if let Some(operation) = operation {
                complete_one(operation, changes && !path.starts_with(hooks::PREFIX));
            }
        }
    }
}

fn complete_one(operation: &mut Operation, forgeable: bool) {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let public = PUBLIC_OPERATIONS.contains(&id);
    let mut needs: Vec<&str> = Vec::new();
    needs.extend((!public).then_some(SESSION));
    needs.extend(forgeable.then_some(SAME_SITE));
    needs.extend((id == HOOK_WITH_HEADER).then_some(HOOK_KEY));
    let need = needs
        .iter()
        .fold(SecurityRequirement::default(), |all, name| all.add::<_, [&str; 0], &str>(*name, []));
    operation.security = (!needs.is_empty()).then(|| vec![need]);
    let taken = |place: ParameterIn| {
        let given = operation.parameters.iter().flatten();
        given.into_iter().any(|one| matches!(one, RefOr::T(parameter) if parameter.parameter_in == place))
    };
    let (in_path, in_query) = (taken(ParameterIn::Path), taken(ParameterIn::Query));
    // A sign-in elsewhere leads on, whatever its query says.
    let leads_on = operation.responses.responses.contains_key("303");
    let mut malformed: Vec<&str> = Vec::new();
    malformed.extend(in_path.then_some("malformed-path"));
    malformed.extend((in_query && !leads_on).then_some("malformed-query"));
    let mut may = |status: &str, description: &str| {
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(description));
    };
    if operation.request_body.is_some() {
        malformed.push("malformed-body");
        may("413", "body-too-large");
        may("415", "unsupported-media-type");
    }
    if !malformed.is_empty() {
        may("400", &malformed.join(", "));
    }
    if forgeable {
        may("403", "csrf-header-missing");
    }
    may("503", "A dependency is unavailable, or the answer took too long");
}
