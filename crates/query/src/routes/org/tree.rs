//! `GET /api/org/tree` and `GET /api/org/people`.

use jiff::civil::Date;
use salescommand_domain::canonical::FacetId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{sees, visible};
use crate::access::{Allowed, DashboardRead};
use crate::directory::{Directory, PersonRef};
use crate::error::{ApiError, Problem};
use crate::extract::Parameters;
use crate::organisation::{OrgPerson, by_name};
use crate::reply::Reply;
use crate::routes::SignedInProblems;

/// People in one answer.
const MOST: usize = 500;
/// People found by name.
const MOST_FOUND: usize = 20;

/// Which part of the tree.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TreeParameters {
    /// Those who report to this person directly; without it, those above whom you see nobody
    under: Option<String>,
    /// Instead: those one of whose names begins with this
    q: Option<String>,
}

/// A level of the reporting tree.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrgLevel {
    /// The day of the tree: today, in the reporting calendar.
    pub day: Date,
    /// Who is above, the nearest first: above the person asked about, or above you.
    pub line: Vec<PersonRef>,
    /// In the order of their names.
    pub people: Vec<OrgPerson>,
    /// There are more than are shown.
    pub more: bool,
}

/// Who reports to whom, today
///
/// A level at a time, of the people whose records you see. The line above you is by name alone.
#[utoipa::path(get, path = "/api/org/tree", tag = "org", params(TreeParameters), responses(
    (status = 200, description = "OK", body = OrgLevel),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "unknown-person", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn org_tree(
    allowed: Allowed<DashboardRead>,
    Parameters(wanted): Parameters<TreeParameters>,
) -> Result<Reply<OrgLevel>, ApiError> {
    let viewer = allowed.viewer().await?;
    let (directory, tree) = (&viewer.directory, &viewer.directory.tree);
    let own = tree.person_of(allowed.account.person_facet);
    let (above, people): (_, Vec<FacetId>) = match (&wanted.under, &wanted.q) {
        (Some(under), _) => {
            let under = visible(&viewer, under)?;
            (Some(under), tree.reports_of(under).collect())
        }
        (None, Some(text)) => {
            let found = named(directory, text).into_iter().filter(|person| sees(&viewer, *person));
            (own, found.collect())
        }
        (None, None) => {
            let is_top =
                |person: &FacetId| tree.manager_of(*person).is_none_or(|manager| !sees(&viewer, manager));
            (own, tree.people().filter(|person| sees(&viewer, *person)).filter(is_top).collect())
        }
    };
    let mut people: Vec<_> = people.into_iter().filter_map(|id| OrgPerson::new(directory, id)).collect();
    by_name(&mut people);
    let more = people.len() > MOST;
    people.truncate(MOST);
    let line = above.map(|person| line_above(directory, person)).unwrap_or_default();
    Ok(Reply(OrgLevel { day: directory.day, line, people, more }))
}

/// Who is above a person, the nearest first.
pub(super) fn line_above(directory: &Directory, person: FacetId) -> Vec<PersonRef> {
    directory.tree.line(person).into_iter().skip(1).filter_map(|id| directory.person(id)).collect()
}

/// People one of whose names begins with a text, whatever the case.
fn named(directory: &Directory, text: &str) -> Vec<FacetId> {
    let text = text.trim().to_lowercase();
    let begins = |name: &str| {
        let name = name.to_lowercase();
        name.starts_with(&text) || name.split_whitespace().any(|word| word.starts_with(&text))
    };
    directory.names().filter(|(_, name)| !text.is_empty() && begins(name)).map(|(id, _)| id).collect()
}

/// Whom to find.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PeopleParameters {
    /// What one of the names begins with
    q: String,
}

/// People found by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeopleFound {
    /// In the order of their names; not more than 20.
    pub people: Vec<PersonRef>,
}

/// Find people by name
///
/// To name somebody: who works with us is public to whoever is signed in, where they stand is not.
#[utoipa::path(get, path = "/api/org/people", tag = "org", params(PeopleParameters), responses(
    (status = 200, description = "OK", body = PeopleFound),
    (status = 400, description = "malformed-query", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn find_people(
    allowed: Allowed<DashboardRead>,
    Parameters(wanted): Parameters<PeopleParameters>,
) -> Result<Reply<PeopleFound>, ApiError> {
    let viewer = allowed.viewer().await?;
    let directory = &viewer.directory;
    let found = named(directory, &wanted.q).into_iter().filter(|person| directory.is_active(*person));
    let mut people: Vec<_> = found.filter_map(|person| directory.person(person)).collect();
    people.sort_by_cached_key(|person| (person.name.to_lowercase(), person.id.clone()));
    people.truncate(MOST_FOUND);
    Ok(Reply(PeopleFound { people }))
}
