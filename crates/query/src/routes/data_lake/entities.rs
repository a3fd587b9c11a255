//! `GET /api/data-lake/entities/{type}`: golden records within the reader's scope, page by page.
//!
//! Pages follow `_id`, so a record that changes is neither missed nor shown twice. The cursor is opaque and bound
//! to its type. An account or contact is visible by its owner; by any visible deal is not yet built.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bson::Bson;
use jiff::Timestamp;
use salescommand_domain::canonical::{ActivityState, Entity, FacetId, Golden, GoldenBody, Status};
use salescommand_store::{Condition, Direction, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::{Allowed, DataLakeRead};
use crate::directory::{Directory, PersonRef};
use crate::error::{ApiError, Problem};
use crate::extract::{Parameters, Path};
use crate::freshness::Meta;
use crate::money::Money;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParameters {
    /// Rows per page, default 50
    #[param(minimum = 1, maximum = 200, value_type = Option<i32>)]
    limit: Option<usize>,
    /// next_cursor of the page before
    cursor: Option<String>,
}

/// Which record of which source.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntitySource {
    /// The source instance.
    pub instance: String,
    /// The object within it.
    pub object: String,
    /// The record's key.
    pub key: String,
}

/// One record.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntityItem {
    /// Golden id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Open, won, lost, archived; open, done, cancelled; active, archived.
    pub status: String,
    /// Owner.
    pub owner: Option<PersonRef>,
    /// Amount of a deal.
    pub amount: Option<Money>,
    /// The source record it is, or the first of several.
    pub source: EntitySource,
    /// When a source last changed it; none if no source says so.
    pub updated_at: Option<Timestamp>,
}

/// A page of records.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntityPage {
    /// Freshness.
    pub meta: Meta,
    /// The records, by id.
    pub items: Vec<EntityItem>,
    /// Cursor of the next page; none after the last.
    pub next_cursor: Option<String>,
}

/// Canonical records in the reader's scope
#[utoipa::path(get, path = "/api/data-lake/entities/{type}", tag = "data-lake",
    params(
        ("type" = String, Path, description = "accounts, contacts, opportunities, activities, users, teams"),
        PageParameters,
    ),
    responses(
        (status = 200, description = "OK", body = EntityPage),
        (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "unknown-entity-type", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn entities(
    allowed: Allowed<DataLakeRead>,
    Path(kind): Path<String>,
    Parameters(wanted): Parameters<PageParameters>,
) -> Result<Reply<EntityPage>, ApiError> {
    let entity = Entity::from_plural(&kind).ok_or_else(|| ApiError::unknown_entity_type(&kind))?;
    let limit = wanted.limit.unwrap_or(DEFAULT_LIMIT);
    let query = page_query(entity, limit, wanted.cursor.as_deref())?;
    let (viewer, evidence) = tokio::try_join!(allowed.viewer(), allowed.evidence())?;
    let mut records: Vec<Golden> = viewer.golden(entity, &query).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next_cursor = records.last().filter(|_| more).map(|last| cursor(entity, last.id));
    let items = records.into_iter().map(|golden| item(golden, &viewer.directory)).collect();
    Ok(Reply(EntityPage { meta: evidence.meta(&viewer), items, next_cursor }))
}

/// One more than asked for, to know whether there is a next page.
fn page_query(entity: Entity, limit: usize, after: Option<&str>) -> Result<Query, ApiError> {
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::malformed_query(format!("limit must be 1 to {LARGEST_LIMIT}.")));
    }
    let present = Condition::Eq("deleted".to_owned(), Bson::Boolean(false));
    let mut query = Query::all().with(present).sorted("_id", Direction::Ascending).limited(limit + 1);
    if let Some(after) = after {
        query = query
            .with(Condition::Gt("_id".to_owned(), Bson::String(read_cursor(entity, after)?.to_string())));
    }
    Ok(query)
}

fn cursor(entity: Entity, last: FacetId) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{entity}:{last}"))
}

fn read_cursor(entity: Entity, cursor: &str) -> Result<FacetId, ApiError> {
    let malformed =
        || ApiError::malformed_query("cursor must be the next_cursor of a page of the same type.");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| malformed())?;
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    let (of, id) = text.split_once(':').ok_or_else(malformed)?;
    if of == entity.singular() { id.parse().map_err(|_| malformed()) } else { Err(malformed()) }
}

pub(super) fn item(golden: Golden, directory: &Directory) -> EntityItem {
    let source = golden.facets.first().map(|facet| &facet.source);
    let source = EntitySource {
        instance: source.map(|source| source.instance.to_string()).unwrap_or_default(),
        object: source.map(|source| source.object.to_string()).unwrap_or_default(),
        key: source.map(|source| source.key.clone()).unwrap_or_default(),
    };
    let (id, updated_at) = (golden.id.to_string(), golden.updated_at);
    let Shown { name, status, owner, amount } = shown(golden.body);
    let owner = owner.and_then(|owner| directory.person(owner));
    EntityItem { id, name, status: status.to_owned(), owner, amount, source, updated_at }
}

/// What the listing shows of a body.
struct Shown {
    name: String,
    status: &'static str,
    owner: Option<FacetId>,
    amount: Option<Money>,
}

fn shown(body: GoldenBody) -> Shown {
    let plain = |name, active, owner| Shown { name, status: activity_word(active), owner, amount: None };
    match body {
        GoldenBody::Account(account) => plain(account.name, account.active, account.owner),
        GoldenBody::Contact(contact) => plain(contact.name, contact.active, contact.owner),
        GoldenBody::User(user) => plain(user.name, user.active, None),
        GoldenBody::Team(team) => plain(team.name, team.active, team.leader),
        GoldenBody::Opportunity(deal) => Shown {
            name: deal.name,
            status: match deal.status {
                Status::Open => "open",
                Status::Won => "won",
                Status::Lost => "lost",
                Status::Archived => "archived",
            },
            owner: deal.owner,
            amount: deal.amount.map(Money::from),
        },
        GoldenBody::Activity(activity) => Shown {
            name: activity.subject,
            status: match activity.state {
                ActivityState::Open => "open",
                ActivityState::Done => "done",
                ActivityState::Cancelled => "cancelled",
            },
            owner: activity.owner,
            amount: None,
        },
    }
}

fn activity_word(active: bool) -> &'static str {
    if active { "active" } else { "archived" }
}
