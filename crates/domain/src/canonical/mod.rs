//! The canonical zone: facets, identity, golden records.
//!
//! A **facet** is what one source record says, in our words. A **golden record** is what we hold to be true of
//! one real account, contact, opportunity, activity, user or team: a pure function of the facets joined in it
//! and of the reference facets (stage, plan, company, currency, calendar, partner) they point to.

mod content;
mod edit;
mod explain;
mod facet;
mod golden;
pub mod history;
mod identity;
mod mapping;
mod merge;
mod message;
mod numbering;
mod quarantine;
mod told;

pub use content::{
    Account, Activity, ActivityKind, ActivityState, CompanyFacet, Contact, CurrencyFacet, Custom,
    DirectoryAccount, Label, LabelFacet, Labels, MANAGER_EDGE_OBJECT, ManagerEdge, ManagerEdgeFacet,
    ManagerEvidence, PlanFacet, Related, StageFacet, Team, User,
};
pub use edit::{CrmOpportunity, EditMark, Edited, FieldProblem, OpportunityEdit};
pub use explain::{Explanation, FieldLineage, Input, Loser, Rule, Statement};
pub use facet::{
    Amount, CalendarFacet, CurrencySource, Facet, FacetBody, FacetId, IgnoredKeyFacet, LastVersion,
    LinkFacet, OpportunityFacet, OpportunityKind, OutcomeRule, RecurringAmount, SourceRef, Status,
    TermSource,
};
pub use golden::{
    CanonicalEvent, Entity, Golden, GoldenBody, GoldenFacet, Opportunity, Recurring, Reference,
};
pub use identity::{Components, IdentityKey, KEY_HOLDERS_LIMIT, Links, Node, Role, components};
pub use mapping::{Mapped, Mapper, PayloadSchema, Rejection, Upcast};
pub use merge::{Lookup, MERGE_VERSION, explain, merge};
pub use message::{CANONICAL_SCHEMA, CanonicalError, CanonicalMessage, CanonicalSchemas, CanonicalStep};
pub use numbering::{Numbering, Standing, VoidRange};
pub use quarantine::{QuarantineAction, QuarantineDecision};
pub use told::{ToldEntity, ToldEvent, ToldMessage};
