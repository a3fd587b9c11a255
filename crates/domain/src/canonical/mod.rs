//! The canonical zone: facets, identity, golden records.
//!
//! A **facet** is what one source record says, in our words. A **golden record** is what we hold to be true of
//! one real account, contact, opportunity, activity, user or team: a pure function of the facets joined in it
//! and of the reference facets (stage, company, currency, calendar, partner) they point to.

mod facet;
mod golden;
mod identity;
mod mapping;
mod merge;

pub use facet::{
    AccountFacet, ActivityFacet, ActivityKind, ActivityState, Amount, CalendarFacet, CompanyFacet,
    ContactFacet, CurrencyFacet, CurrencySource, Facet, FacetBody, FacetId, OpportunityFacet,
    OpportunityKind, OutcomeRule, Related, SourceRef, StageFacet, Status, TeamFacet, UserFacet,
};
pub use golden::{
    Account, Activity, CanonicalEvent, CanonicalMessage, Contact, Entity, Golden, GoldenBody, GoldenFacet,
    Opportunity, Reference, Team, User,
};
pub use identity::{IdentityKey, KEY_HOLDERS_LIMIT, Links, components};
pub use mapping::{Mapped, Mapper, Rejection};
pub use merge::{Lookup, merge};
