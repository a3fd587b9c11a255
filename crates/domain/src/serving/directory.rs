//! The directory: names and places of people, teams, stages, labels and companies, and the calendar. Public by
//! declaration to everyone who is signed in; no addresses, no amounts.

use serde::{Deserialize, Serialize};

use crate::access::ScopeKey;
use crate::canonical::{CalendarFacet, DirectoryAccount, FacetId, ManagerEdge};
use crate::raw::InstanceName;

/// One entry: the document of `directory`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Golden id of a person or team; facet id of reference data.
    #[serde(rename = "_id")]
    pub id: FacetId,
    /// Always public.
    pub scope_key: ScopeKey,
    /// What it says.
    pub fact: DirectoryFact,
}

/// What a directory entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DirectoryFact {
    /// A person who works with us.
    Person {
        /// Display name.
        name: String,
        /// Active in any source.
        active: bool,
        /// All facets of the person: records are owned by facets.
        facets: Vec<FacetId>,
        /// A facet of the manager.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        manager: Option<FacetId>,
        /// The accounts that the organisation's directory has of the person. Shown to nobody: they decide who is let in.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accounts: Vec<DirectoryAccount>,
    },
    /// A sales team.
    Team {
        /// Display name.
        name: String,
        /// A facet of the leader.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leader: Option<FacetId>,
        /// Facets of the members.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<FacetId>,
    },
    /// A pipeline stage.
    Stage {
        /// Display name.
        name: String,
        /// Order in the pipeline.
        order: i64,
        /// Deals in it are won.
        is_won: bool,
        /// The source instance it belongs to: two sources may have a stage of the same name.
        source: InstanceName,
    },
    /// What deals are labelled with: a tag, a lost reason, a source, a medium, a campaign.
    Label {
        /// Display name.
        name: String,
    },
    /// One of our own companies.
    Company {
        /// Display name.
        name: String,
    },
    /// The reporting calendar.
    Calendar(CalendarFacet),
    /// Who somebody reports to, from one day to another. Who declared it and why is not public.
    ManagerEdge(ManagerEdge),
}
