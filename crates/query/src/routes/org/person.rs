//! `GET /api/org/people/{id}`.

use jiff::civil::Date;
use salescommand_domain::access::{Claim, Standing};
use serde::Serialize;
use utoipa::ToSchema;

use super::tree::line_above;
use super::visible;
use crate::access::{Allowed, DashboardRead};
use crate::directory::{Directory, PersonRef};
use crate::error::{ApiError, Problem};
use crate::extract::Path;
use crate::organisation::{Evidence, OrgPerson};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::routes::teams::TeamRef;

/// What becomes of what is said about somebody's manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimStanding {
    /// It is so.
    Holds,
    /// Something stronger holds.
    Overridden,
    /// It would close a circle.
    Refused,
}

/// What is said about somebody's manager.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManagerClaim {
    /// Who; none: nobody.
    pub manager: Option<PersonRef>,
    /// By what.
    pub evidence: Evidence,
    /// The team that this one leads, where that is the reason.
    pub team: Option<TeamRef>,
    /// The first day, if there is one.
    pub from: Option<Date>,
    /// The last day, if there is one.
    pub until: Option<Date>,
    /// What becomes of it.
    pub standing: ClaimStanding,
}

impl ManagerClaim {
    fn new(directory: &Directory, claim: &Claim) -> Self {
        let Claim { manager, evidence, by, from, until, standing } = *claim;
        Self {
            manager: manager.and_then(|manager| directory.person(manager)),
            evidence: evidence.into(),
            team: by.and_then(|team| TeamRef::new(directory, team)),
            from,
            until,
            standing: match standing {
                Standing::Holds => ClaimStanding::Holds,
                Standing::Overridden => ClaimStanding::Overridden,
                Standing::Refused => ClaimStanding::Refused,
            },
        }
    }
}

/// A person's place, explained.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrgPlace {
    /// The day: today, in the reporting calendar.
    pub day: Date,
    /// The person.
    pub person: OrgPerson,
    /// Who is above, the nearest first.
    pub line: Vec<PersonRef>,
    /// All that is said about their manager, the strongest first, and what becomes of it.
    pub claims: Vec<ManagerClaim>,
    /// Teams that they are in.
    pub teams: Vec<TeamRef>,
    /// Teams that they lead.
    pub leads: Vec<TeamRef>,
}

/// Where a person stands, and by what that is known
#[utoipa::path(get, path = "/api/org/people/{id}", tag = "org",
    params(("id" = String, Path, description = "Golden id, or the id of any record of the person")),
    responses(
        (status = 200, description = "OK", body = OrgPlace),
        (status = 404, description = "unknown-person", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn org_person(
    allowed: Allowed<DashboardRead>,
    Path(id): Path<String>,
) -> Result<Reply<OrgPlace>, ApiError> {
    let viewer = allowed.viewer().await?;
    let (directory, tree) = (&viewer.directory, &viewer.directory.tree);
    let person = visible(&viewer, &id)?;
    let is = |facet| tree.person_of(facet) == Some(person);
    let (mut teams, mut leads) = (Vec::new(), Vec::new());
    for team in directory.team_edges() {
        let Some(shown) = TeamRef::new(directory, team.id) else { continue };
        if team.leader.is_some_and(is) {
            leads.push(shown.clone());
        }
        if team.members.iter().any(|member| is(*member)) {
            teams.push(shown);
        }
    }
    Ok(Reply(OrgPlace {
        day: directory.day,
        person: OrgPerson::new(directory, person).ok_or_else(ApiError::unknown_person)?,
        line: line_above(directory, person),
        claims: tree.claims_of(person).iter().map(|claim| ManagerClaim::new(directory, claim)).collect(),
        teams,
        leads,
    }))
}
