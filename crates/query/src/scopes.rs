//! Scopes of one directory, kept as long as it is.
//!
//! A scope is a function of the directory, the role, the person and who delegates to them; of somebody at the top it is
//! tens of thousands of keys. What is kept stands in the directory that it was worked out from, so that none can be
//! served with another one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use salescommand_domain::access::{OrgTree, Role, Scope};
use salescommand_domain::canonical::FacetId;

/// Scopes of fewer keys are worked out as fast as they are found.
const FEW_KEYS: usize = 64;
/// Most keys of all scopes that are kept. The scopes of everybody in a tree have as many keys together as people times
/// levels: this is room for those of fifty thousand people in eight, with a record each.
const MOST_KEYS: usize = 500_000;

/// Who reads, as far as their scope goes: the person, and who delegates to them.
type Who = (FacetId, Vec<FacetId>);

/// The scopes that have been asked for.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    scopes: BTreeMap<Who, Arc<Scope>>,
    keys: usize,
}

/// A copy is for another directory: it begins with none.
impl Clone for Scopes {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Scopes {
    /// What [`OrgTree::scope_with`] says by the tree of the directory that this is kept in.
    pub(crate) fn of(
        &self,
        tree: &OrgTree,
        role: Role,
        person: FacetId,
        delegators: Vec<FacetId>,
    ) -> Arc<Scope> {
        if role.sees_everything() {
            return Arc::new(tree.scope_with(role, Some(person), &delegators));
        }
        let who = (person, delegators);
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scope) = lock().scopes.get(&who) {
            return scope.clone();
        }
        let scope = Arc::new(tree.scope_with(role, Some(person), &who.1));
        let keys = scope.keys().map_or(0, |keys| keys.len());
        if (FEW_KEYS..=MOST_KEYS).contains(&keys) {
            let mut kept = lock();
            if kept.keys + keys > MOST_KEYS {
                *kept = Kept::default();
            }
            // Two may have worked out the same at once.
            if kept.scopes.insert(who, scope.clone()).is_none() {
                kept.keys += keys;
            }
        }
        scope
    }
}
