//! Who may do what, and who may see what.
//!
//! One function, [`OrgTree::scope`], computes a user's scope; a [`Scope`] cannot be made in any other way, and the
//! store's reads cannot be called without one.

mod role;
mod scope;
mod tree;

pub use role::{Permission, Role};
pub use scope::{Scope, ScopeKey, ScopeKind};
pub use tree::{Claim, DeclaredEdge, OrgTree, Person, Standing, TeamEdge};
