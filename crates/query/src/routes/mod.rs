//! The routes, in the order of the documentation. One file per endpoint: parameters, handler, answer.

mod audit;
pub(crate) mod auth;
mod dashboard;
mod data_lake;
mod meta;
mod odoo;
mod operations;
mod opportunities;
mod org;
pub(crate) mod scim;
mod sync;
mod teams;
pub(crate) mod users;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::App;
use crate::error::Problem;

/// Operations that answer without a session, the hooks to whoever shows their keys; the test of access knows this list and no other.
pub const PUBLIC_OPERATIONS: [&str; 13] = [
    "login",
    "choose_password",
    "forgot_password",
    "refresh",
    "logout",
    "ms365_login",
    "ms365_callback",
    "oidc_login",
    "oidc_callback",
    "jwks",
    "meta",
    "odoo_hook",
    "odoo_hook_bearer",
];

#[derive(OpenApi)]
#[openapi(
    info(title = "SalesCommand", description = "HTTP API of the query service."),
    components(schemas(Problem))
)]
struct Description;

/// Everything that the OpenAPI document describes.
pub(crate) fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::me::me))
        .routes(routes!(auth::forgot::forgot_password))
        .routes(routes!(auth::choose::choose_password))
        .routes(routes!(auth::choose::change_password))
        .routes(routes!(auth::sessions::sessions, auth::sessions::end_other_sessions))
        .routes(routes!(auth::sessions::end_session))
        .routes(routes!(auth::provider::ms365_login))
        .routes(routes!(auth::provider::ms365_callback))
        .routes(routes!(auth::provider::oidc_login))
        .routes(routes!(auth::provider::oidc_callback))
        .routes(routes!(auth::jwks::jwks))
        .routes(routes!(meta::meta))
        .routes(routes!(dashboard::overview::overview))
        .routes(routes!(data_lake::health::lake_health))
        .routes(routes!(data_lake::stats::lake_stats))
        .routes(routes!(data_lake::entities::entities))
        .routes(routes!(data_lake::lineage::record::record_lineage))
        .routes(routes!(data_lake::lineage::serving::serving_lineage))
        .routes(routes!(data_lake::quarantine::list::quarantine))
        .routes(routes!(data_lake::quarantine::show::reject_detail))
        .routes(routes!(data_lake::quarantine::decide::retry_reject))
        .routes(routes!(data_lake::quarantine::decide::waive_reject))
        .routes(routes!(opportunities::list::opportunities, opportunities::create::make_opportunity))
        .routes(routes!(
            opportunities::get::opportunity,
            opportunities::patch::edit_opportunity,
            opportunities::delete::withdraw_opportunity
        ))
        .routes(routes!(opportunities::history::opportunity_history))
        .routes(routes!(data_lake::epochs::epochs))
        .routes(routes!(data_lake::generations::list::generations))
        .routes(routes!(data_lake::generations::back::roll_back))
        .routes(routes!(data_lake::generations::back::drop_previous))
        .routes(routes!(data_lake::replays::list::replays, data_lake::replays::start::start_replay))
        .routes(routes!(data_lake::replays::show::replay_detail))
        .routes(routes!(data_lake::replays::command::cancel_replay))
        .routes(routes!(data_lake::replays::command::switch_replay))
        .routes(routes!(sync::status::sync_status))
        .routes(routes!(sync::trigger::sync_trigger))
        .routes(routes!(sync::history::sync_history))
        .routes(routes!(sync::cancel::sync_cancel))
        .routes(routes!(sync::events::sync_run_events))
        .routes(routes!(sync::log::sync_run_log))
        .routes(routes!(sync::backfill::backfill))
        .routes(routes!(sync::cursors::source_cursors))
        .routes(routes!(sync::cursors::reset_cursors))
        .routes(routes!(sync::schedule::set_schedule))
        .routes(routes!(sync::sources::sources, sync::sources::add_source))
        .routes(routes!(sync::sources::change_source, sync::sources::remove_source))
        .routes(routes!(sync::probe::test_source))
        .routes(routes!(sync::probe::discover_source))
        .routes(routes!(sync::hook::rotate_hook, sync::hook::close_hook))
        .routes(routes!(org::tree::org_tree))
        .routes(routes!(org::tree::find_people))
        .routes(routes!(org::person::org_person))
        .routes(routes!(org::edges::manager_edges, org::edges::declare_manager))
        .routes(routes!(org::edges::take_back_manager))
        .routes(routes!(org::delegations::delegations, org::delegations::delegate))
        .routes(routes!(org::delegations::withdraw_delegation))
        .routes(routes!(teams::teams))
        .routes(routes!(teams::team))
        .routes(routes!(audit::list::audit_entries))
        .routes(routes!(audit::export::export_audit))
        .routes(routes!(audit::verify::verify_audit))
        .routes(routes!(users::list::users, users::invite::invite_user))
        .routes(routes!(users::show::user, users::change::change_user))
        .routes(routes!(users::reset::reset_user))
        .routes(routes!(users::sessions::user_sessions, users::sign_out::sign_out_user))
        .routes(routes!(odoo::sources::odoo_sources))
        .routes(routes!(odoo::objects::odoo_objects))
        .routes(routes!(odoo::test::test_odoo_source))
        .routes(routes!(odoo::sync::sync_odoo_source))
        .routes(routes!(odoo::hooks::odoo_hook))
        .routes(routes!(odoo::hooks::odoo_hook_bearer))
}

/// What it leaves out: probes, metrics, and the description itself. All public, none tells of any record.
pub(crate) fn undescribed() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        .route("/api/openapi.json", get(operations::openapi))
        .route("/api/docs", get(operations::docs))
        .route("/api/docs/style.css", get(operations::docs_style))
}

/// The problems of an operation that needs a session and the store.
pub(crate) struct SignedInProblems;

impl IntoResponses for SignedInProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        BTreeMap::from([
            ("401".to_owned(), problem("Not signed in, or the access cookie has expired")),
            ("403".to_owned(), problem("Not permitted")),
            ("503".to_owned(), problem("A dependency is unavailable")),
        ])
    }
}

/// A problem document as an answer.
pub(crate) fn problem(description: &str) -> RefOr<Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
        .into()
}
