//! `/api/org/edges`: who reports to whom, as somebody has declared.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use salescommand_domain::access::Standing;
use salescommand_domain::audit::{Action, Target};
use salescommand_domain::canonical::{
    Facet, FacetBody, FacetId, ManagerEdge, ManagerEdgeFacet, ManagerEvidence,
};
use salescommand_domain::raw::{InstanceName, Position};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::spoken_of;
use crate::access::{Allowed, OrgManage};
use crate::directories::DIRECTORY;
use crate::directory::{Directory, PersonRef};
use crate::error::{ApiError, Problem};
use crate::extract::{Body, Path};
use crate::organisation::{Evidence, circle, particulars};
use crate::reply::Reply;
use crate::routes::SignedInProblems;
use crate::viewer::Viewer;
use crate::writes::{WriteState, problem};

/// Edges in one answer.
const MOST: usize = 1_000;
/// How long an answer waits for the tree to have a change.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it looks.
const INTERVAL: Duration = Duration::from_millis(40);

/// Who somebody reports to, as somebody has declared.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeclaredManager {
    /// Its id.
    pub id: String,
    /// Who.
    pub person: PersonRef,
    /// Reports to whom; none: to nobody.
    pub manager: Option<PersonRef>,
    /// The first day; none: ever since.
    pub from: Option<Date>,
    /// The last day; none: from then on.
    pub until: Option<Date>,
    /// Why.
    pub note: Option<String>,
    /// Who declared it; none: an operator on the command line.
    pub set_by: Option<PersonRef>,
    /// When.
    pub set_at: Option<Timestamp>,
    /// Whether it decides who the person reports to today.
    pub holds: bool,
}

impl DeclaredManager {
    fn new(directory: &Directory, id: FacetId, declared: &ManagerEdgeFacet) -> Self {
        let ManagerEdgeFacet { edge, note, set_by, set_at } = declared;
        let person = named(directory, edge.person);
        let golden = directory.tree.person_of(edge.person);
        let claims = golden.map(|person| directory.tree.claims_of(person)).unwrap_or_default();
        let holds = claims.iter().any(|claim| claim.by == Some(id) && claim.standing == Standing::Holds);
        Self {
            id: id.to_string(),
            person,
            manager: edge.manager.map(|manager| named(directory, manager)),
            from: edge.from,
            until: edge.until,
            note: note.clone(),
            set_by: set_by.map(|by| named(directory, by)),
            set_at: *set_at,
            holds,
        }
    }
}

/// A person; one whom nobody knows any more has no name.
fn named(directory: &Directory, facet: FacetId) -> PersonRef {
    directory.person(facet).unwrap_or_else(|| PersonRef { id: facet.to_string(), name: String::new() })
}

/// What would close a circle and is refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedManager {
    /// Who would report.
    pub person: PersonRef,
    /// To whom.
    pub manager: PersonRef,
    /// By what that is said.
    pub evidence: Evidence,
    /// From that manager up to the person, as it is.
    pub line: Vec<PersonRef>,
}

/// What was declared, and what is refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeclaredManagers {
    /// Today, in the reporting calendar.
    pub day: Date,
    /// In the order of the people's names.
    pub edges: Vec<DeclaredManager>,
    /// There are more than are shown.
    pub more: bool,
    /// What would close a circle today: in sources, mostly.
    pub refused: Vec<RefusedManager>,
}

/// Who reports to whom, as somebody has declared, and what is refused because it would close a circle
#[utoipa::path(get, path = "/api/org/edges", tag = "org", responses(
    (status = 200, description = "OK", body = DeclaredManagers),
    SignedInProblems,
))]
pub(crate) async fn manager_edges(allowed: Allowed<OrgManage>) -> Result<Reply<DeclaredManagers>, ApiError> {
    let viewer = allowed.viewer().await?;
    let directory = &viewer.directory;
    let manual = |edge: &&ManagerEdge| edge.evidence == ManagerEvidence::Manual;
    let all = directory.edges().iter().filter(|declared| manual(&&declared.edge));
    let ids: Vec<String> = all.map(|declared| declared.id.to_string()).collect();
    let more = ids.len() > MOST;
    let found = viewer.facets(ids.get(..MOST).unwrap_or(&ids)).await?;
    let mut edges: Vec<_> = found.iter().filter_map(|facet| shown(directory, facet)).collect();
    edges.sort_by_cached_key(|edge| (edge.person.name.to_lowercase(), edge.from, edge.id.clone()));
    Ok(Reply(DeclaredManagers { day: directory.day, edges, more, refused: refused(directory) }))
}

fn shown(directory: &Directory, facet: &Facet) -> Option<DeclaredManager> {
    match &facet.body {
        FacetBody::ManagerEdge(declared) if !facet.deleted => {
            Some(DeclaredManager::new(directory, facet.id, declared))
        }
        _ => None,
    }
}

fn refused(directory: &Directory) -> Vec<RefusedManager> {
    let tree = &directory.tree;
    let refused = tree.refused().iter().flat_map(|(person, manager)| {
        let claims = tree.claims_of(*person).iter();
        let said =
            claims.filter(|claim| claim.standing == Standing::Refused && claim.manager == Some(*manager));
        let line = tree.line(*manager);
        let up_to = line.iter().position(|at| at == person).map_or(line.len(), |at| at + 1);
        let line: Vec<_> = line.iter().take(up_to).map(|id| named(directory, *id)).collect();
        said.take(1).map(move |claim| RefusedManager {
            person: named(directory, *person),
            manager: named(directory, *manager),
            evidence: claim.evidence.into(),
            line: line.clone(),
        })
    });
    refused.take(MOST).collect()
}

/// Who is to report to whom.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagerDeclaration {
    /// Golden id of the person, or the id of any of their records.
    pub person: String,
    /// The manager's; none: nobody.
    pub manager: Option<String>,
    /// The first day; none: ever since.
    pub from: Option<Date>,
    /// The last day; none: from then on.
    pub until: Option<Date>,
    /// Why.
    pub note: Option<String>,
}

/// A declaration, and whether the tree has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManagerDeclared {
    /// What was declared.
    pub edge: DeclaredManager,
    /// Whether it is in the tree that everybody reads.
    pub state: WriteState,
}

/// Declare who somebody reports to, from one day to another
///
/// It goes before what directories, sources and teams say, and takes the place of what was declared from the same day
/// on. Of two that hold on a day, the one that began later decides. Who reports to whom never goes round in a circle.
#[utoipa::path(post, path = "/api/org/edges", tag = "org", request_body = ManagerDeclaration, responses(
    (status = 201, description = "Declared, and in the tree", body = ManagerDeclared),
    (status = 202, description = "Declared, and on its way", body = ManagerDeclared),
    (status = 400, description = "malformed-body", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "closes-circle", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "invalid-fields", body = Problem, content_type = "application/problem+json"),
    SignedInProblems,
))]
pub(crate) async fn declare_manager(
    allowed: Allowed<OrgManage>,
    Body(new): Body<ManagerDeclaration>,
) -> Result<Response, ApiError> {
    let viewer = allowed.viewer().await?;
    let declared = declaration(&allowed, &viewer, &new)?;
    if let Some(path) = circle(&viewer.directory, &declared.edge) {
        return Err(ApiError::closes_circle(path));
    }
    let entry = allowed.entry(Action::ManagerDeclared, Target::person(declared.edge.person));
    let declare = async { allowed.app().people.declare(&declared).await.map_err(problem) };
    let position = allowed.audited(entry.detailed(particulars(&declared.edge)), declare).await?;
    let id = declared.edge.source().facet_id();
    tracing::info!(account.id = allowed.account.id, edge.id = %id, "a manager was declared");
    let seen = seen(&allowed, position).await?;
    let (status, state) = match seen {
        Some(_) => (StatusCode::CREATED, WriteState::In),
        None => (StatusCode::ACCEPTED, WriteState::Waiting),
    };
    let edge = DeclaredManager::new(&seen.unwrap_or(viewer).directory, id, &declared);
    Ok((status, axum::Json(ManagerDeclared { edge, state })).into_response())
}

fn declaration(
    allowed: &Allowed<OrgManage>,
    viewer: &Viewer,
    new: &ManagerDeclaration,
) -> Result<ManagerEdgeFacet, ApiError> {
    let person = spoken_of(viewer, "person", &new.person)?;
    let manager = new.manager.as_deref().map(|manager| spoken_of(viewer, "manager", manager)).transpose()?;
    let (from, until) = (new.from, new.until);
    let note = new.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    let declared = ManagerEdgeFacet {
        edge: ManagerEdge { person, manager, evidence: ManagerEvidence::Manual, from, until },
        note: note.map(str::to_owned),
        set_by: Some(allowed.account.person_facet),
        set_at: Some(allowed.app().clock.now()),
    };
    declared.check().map_err(|(field, problem)| ApiError::invalid_field(field, problem))?;
    Ok(declared)
}

/// Take back what somebody has declared
#[utoipa::path(delete, path = "/api/org/edges/{id}", tag = "org",
    params(("id" = String, Path, description = "Id of what was declared")),
    responses(
        (status = 202, description = "Taken back, and on its way"),
        (status = 204, description = "Taken back, and out of the tree"),
        (status = 404, description = "unknown-edge", body = Problem, content_type = "application/problem+json"),
        SignedInProblems,
    ))]
pub(crate) async fn take_back_manager(
    allowed: Allowed<OrgManage>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: FacetId = id.parse().map_err(|_| ApiError::unknown_edge())?;
    let viewer = allowed.viewer().await?;
    let found = viewer.facets(&[id.to_string()]).await?;
    let declared =
        found.into_iter().find(|facet| facet.source.instance == InstanceName::config() && !facet.deleted);
    let Some(Facet { source, body: FacetBody::ManagerEdge(declared), .. }) = declared else {
        return Err(ApiError::unknown_edge());
    };
    let person = viewer.directory.tree.person_of(declared.edge.person).unwrap_or(declared.edge.person);
    let entry = allowed.entry(Action::ManagerTakenBack, Target::person(person));
    let take_back = async { allowed.app().people.take_back(&source.key).await.map_err(problem) };
    let position = allowed.audited(entry.detailed(particulars(&declared.edge)), take_back).await?;
    tracing::info!(account.id = allowed.account.id, edge.id = %id, "a declared manager was taken back");
    let seen = seen(&allowed, position).await?;
    Ok(if seen.is_some() { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED })
}

/// Waits a little until the tree that is read has passed a place in the log of `config`; gives the view that has.
async fn seen(allowed: &Allowed<OrgManage>, position: Position) -> Result<Option<Viewer>, ApiError> {
    let config = InstanceName::config();
    let waiting = async {
        loop {
            let viewer = allowed.viewer_now().await?;
            let generation = viewer.active.serving.get(DIRECTORY).copied().unwrap_or_default();
            let at = viewer.consumers.projection(DIRECTORY, generation);
            if at.is_some_and(|at| at.covers(config.as_str(), position)) {
                return Ok(viewer);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(outcome) => outcome.map(Some),
        Err(_) => Ok(None),
    }
}
