//! `/api/org`: who reports to whom and why, and who stands in for whom.

pub(crate) mod delegations;
pub(crate) mod edges;
pub(crate) mod person;
pub(crate) mod tree;

use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::FacetId;

use crate::error::ApiError;
use crate::viewer::Viewer;

/// Whether a person's place may be shown: where their records are.
fn sees(viewer: &Viewer, person: FacetId) -> bool {
    viewer.scope.allows(&ScopeKey::owner(person))
}

/// The person with an id, or the id of any of their records, whose place may be shown. Absent and hidden ones have one
/// answer.
fn visible(viewer: &Viewer, id: &str) -> Result<FacetId, ApiError> {
    let facet: Option<FacetId> = id.parse().ok();
    let person = facet.and_then(|facet| viewer.directory.tree.person_of(facet));
    person.filter(|person| sees(viewer, *person)).ok_or_else(ApiError::unknown_person)
}

/// A person of whom a request speaks: names are public.
fn spoken_of(viewer: &Viewer, field: &str, id: &str) -> Result<FacetId, ApiError> {
    let facet: Option<FacetId> = id.parse().ok();
    let person = facet.and_then(|facet| viewer.directory.tree.person_of(facet));
    person.ok_or_else(|| ApiError::invalid_field(field, "is nobody we know"))
}
