//! `/api/teams`: teams, who leads them, and who is in them. Public by declaration to whoever is signed in.

use salescommand_domain::canonical::{Entity, FacetId, Golden, GoldenBody, Team};
use salescommand_store::{Condition, Query};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Allowed, DashboardRead};
use crate::directory::{Directory, PersonRef};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// Teams in one answer.
const MOST: usize = 1_000;

/// A team by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TeamRef {
    /// Golden id.
    pub id: String,
    /// Display name.
    pub name: String,
}

impl TeamRef {
    /// A team that the directory knows.
    pub(crate) fn new(directory: &Directory, team: FacetId) -> Option<Self> {
        Some(Self { id: team.to_string(), name: directory.team(team)?.to_owned() })
    }
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Team)]
pub struct TeamShown {
    /// Golden id.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Who leads it: they see its inbox, and manage the members who have no other manager.
    pub leader: Option<PersonRef>,
    /// In the order of their names.
    pub members: Vec<PersonRef>,
    /// The sources that it is from.
    pub sources: Vec<String>,
    /// Not archived.
    pub active: bool,
}

impl TeamShown {
    fn new(directory: &Directory, golden: &Golden, team: &Team) -> Self {
        let mut members: Vec<_> =
            team.members.iter().filter_map(|member| directory.person(*member)).collect();
        members.sort_by_cached_key(|person| (person.name.to_lowercase(), person.id.clone()));
        members.dedup();
        let mut sources: Vec<_> =
            golden.facets.iter().map(|facet| facet.source.instance.to_string()).collect();
        sources.sort();
        sources.dedup();
        Self {
            id: golden.id.to_string(),
            name: team.name.clone(),
            leader: team.leader.and_then(|leader| directory.person(leader)),
            members,
            sources,
            active: team.active,
        }
    }
}

/// All teams.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamList {
    /// In the order of their names.
    pub teams: Vec<TeamShown>,
    /// There are more than are shown.
    pub more: bool,
}

/// The teams
#[utoipa::path(get, path = "/api/teams", tag = "org", responses(
    (status = 200, description = "OK", body = TeamList),
    SignedInProblems,
))]
pub(crate) async fn teams(allowed: Allowed<DashboardRead>) -> Result<Reply<TeamList>, ApiError> {
    let viewer = allowed.viewer().await?;
    let there = Condition::Eq("deleted".to_owned(), false.into());
    let query = Query::all().with(there).limited(MOST + 1);
    let found: Vec<Golden> = viewer.golden(Entity::Team, &query).await?;
    let mut teams: Vec<_> = found.iter().filter_map(|golden| shown(&viewer.directory, golden)).collect();
    teams.sort_by_cached_key(|team| (team.name.to_lowercase(), team.id.clone()));
    let more = teams.len() > MOST;
    teams.truncate(MOST);
    Ok(Reply(TeamList { teams, more }))
}

fn shown(directory: &Directory, golden: &Golden) -> Option<TeamShown> {
    match &golden.body {
        GoldenBody::Team(team) if !golden.deleted => Some(TeamShown::new(directory, golden, team)),
        _ => None,
    }
}

/// A team
#[utoipa::path(get, path = "/api/teams/{id}", tag = "org",
    params(("id" = String, Path, description = "Golden id, or the id of any record of the team")),
    responses(
        (status = 200, description = "OK", body = TeamShown),
        (status = 404, description = "unknown-team", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn team(
    allowed: Allowed<DashboardRead>,
    Path(id): Path<String>,
) -> Result<Reply<TeamShown>, ApiError> {
    let id: FacetId = id.parse().map_err(|_| ApiError::unknown_team())?;
    let viewer = allowed.viewer().await?;
    let found = viewer.record(Entity::Team, id).await?;
    found.and_then(|golden| shown(&viewer.directory, &golden)).map(Reply).ok_or_else(ApiError::unknown_team)
}
