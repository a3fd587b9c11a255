//! The merge: facets of one component, and the reference facets they point to, become one golden record.
//!
//! A pure function of its arguments. Fields follow a declared precedence: a person's edit first, then facets that
//! still exist before deleted ones, other sources before SalesCommand's own `config`, the most recently modified
//! first, then the smallest id; the first facet that says something gives the value. [`explain`] is the same function
//! with its reasons written down.
//!
//! Edits of opportunities ([`OpportunityEdit`](super::OpportunityEdit)):
//! - an edited field is what the edit says, "nothing" included, whatever the sources say later, until the field is
//!   given back (a version of the edit without it) or the edit is withdrawn (deleted); other fields follow the sources;
//! - an edit alone is no record: it waits for the deal that it edits;
//! - an edit says nothing about existence: a deal that is deleted in every source stays deleted;
//! - a withdrawn edit stays a facet of its deal, so ids and versions only move forward;
//! - a deal that an edit has won or lost was closed when it was edited.
//!
//! A record that is deleted everywhere is *merged* if the first of its deleted facets that names another record says so.
//! It is deleted all the same: in no list and in no sum.

mod choice;
mod opportunity;

use std::collections::BTreeMap;

use choice::{Evidence, Panel, is_edit, local_day};

use super::golden::GoldenFacet;
use super::{
    Account, Activity, Contact, DirectoryAccount, Entity, Explanation, Facet, FacetBody, FacetId, Golden,
    GoldenBody, IdentityKey, Rule, Team, User,
};
use crate::access::ScopeKey;
use crate::raw::InstanceName;

/// Version of the rules in this module. Raise it when the same facets give another golden record.
pub const MERGE_VERSION: u32 = 3;

/// Finds the reference facets that a facet points to.
pub trait Lookup {
    /// The facet, if it has been seen.
    fn facet(&self, id: FacetId) -> Option<&Facet>;
}

impl Lookup for BTreeMap<FacetId, Facet> {
    fn facet(&self, id: FacetId) -> Option<&Facet> {
        self.get(&id)
    }
}

/// The golden record of a component: its facets, all of one entity, and the link records that take part in it. None
/// if there is no facet of an entity among them, and none for edits without the record that they edit.
pub fn merge(component: &[&Facet], lookup: &dyn Lookup) -> Option<Golden> {
    resolve(component, lookup, false).map(|explanation| explanation.golden)
}

/// The golden record of a component and, for each of its fields, why it is so.
pub fn explain(component: &[&Facet], lookup: &dyn Lookup) -> Option<Explanation> {
    resolve(component, lookup, true)
}

fn resolve(component: &[&Facet], lookup: &dyn Lookup, reporting: bool) -> Option<Explanation> {
    let facets: Vec<&Facet> =
        component.iter().copied().filter(|facet| facet.body.entity().is_some()).collect();
    let panel = Panel::new(&facets)?;
    let primary = panel.primary()?;
    let mut evidence = Evidence::new(panel, lookup, reporting);
    component.iter().for_each(|facet| evidence.take(facet));
    flag_refused_joins(component, primary.body.entity(), &mut evidence);
    let (body, scope_key) = body(primary, &mut evidence)?;
    let updated_at = facets.iter().filter_map(|facet| facet.source_modified).max();
    let deleted = facets.iter().filter(|facet| !is_edit(facet)).all(|facet| facet.deleted);
    evidence.compute("deleted", &[], |_| deleted);
    let merged_into = deleted.then(|| merged_into(&facets, &evidence)).flatten();
    if merged_into.is_some() {
        evidence.compute("merged_into", &["deleted"], |_| merged_into);
    }
    evidence.compute("updated_at", &[], |_| updated_at);
    let mut members: Vec<_> =
        facets.iter().map(|facet| GoldenFacet { id: facet.id, source: facet.source.clone() }).collect();
    members.sort();
    let golden = Golden {
        id: members.first()?.id,
        facets: members,
        version: std::mem::take(&mut evidence.positions).into_iter().collect(),
        deleted,
        merged_into,
        flags: std::mem::take(&mut evidence.flags).into_iter().map(str::to_owned).collect(),
        updated_at,
        scope_key,
        body,
    };
    Some(Explanation { golden, fields: evidence.into_report() })
}

/// The record that a deleted one was merged into: what the first facet says that names one beside its own record's.
fn merged_into(facets: &[&Facet], evidence: &Evidence<'_>) -> Option<FacetId> {
    let own = |id: &FacetId| facets.iter().any(|facet| facet.id == *id);
    evidence.panel.speaking().filter_map(|facet| facet.merged_into).find(|id| !own(id))
}

/// Flags a record that was to be joined with a record of another entity: that is never done.
fn flag_refused_joins(component: &[&Facet], entity: Option<Entity>, evidence: &mut Evidence<'_>) {
    for target in component.iter().flat_map(|facet| &facet.keys).filter_map(IdentityKey::as_facet) {
        let found = evidence.lookup.facet(target);
        if found.is_some_and(|found| found.body.entity() != entity) {
            evidence.reference(target);
            evidence.flags.insert("join_across_entities");
        }
    }
}

fn body(primary: &Facet, evidence: &mut Evidence<'_>) -> Option<(GoldenBody, ScopeKey)> {
    let instance = &primary.source.instance;
    Some(match &primary.body {
        FacetBody::Account(_) => {
            let account = account(evidence);
            let scope_key = owned(account.owner, account.company, instance, evidence);
            (GoldenBody::Account(account), scope_key)
        }
        FacetBody::Contact(_) => {
            let contact = contact(evidence);
            let scope_key = owned(contact.owner, contact.company, instance, evidence);
            (GoldenBody::Contact(contact), scope_key)
        }
        FacetBody::User(_) => {
            let user = user(evidence);
            (GoldenBody::User(user), evidence.compute("scope_key", &[], |_| ScopeKey::owner(primary.id)))
        }
        FacetBody::Opportunity(_) => {
            let deal = opportunity::opportunity(evidence);
            let scope_key = evidence.compute("scope_key", &["owner", "team", "company"], |_| {
                ScopeKey::of(deal.owner, deal.team, deal.company, instance)
            });
            (GoldenBody::Opportunity(Box::new(deal)), scope_key)
        }
        FacetBody::Activity(_) => {
            let activity = activity(evidence)?;
            let scope_key = evidence
                .compute("scope_key", &["owner"], |_| ScopeKey::of(activity.owner, None, None, instance));
            (GoldenBody::Activity(activity), scope_key)
        }
        FacetBody::Team(_) => {
            let team = team(evidence);
            (GoldenBody::Team(team), evidence.compute("scope_key", &[], |_| ScopeKey::public()))
        }
        FacetBody::Stage(_)
        | FacetBody::Label(_)
        | FacetBody::Plan(_)
        | FacetBody::Company(_)
        | FacetBody::Currency(_)
        | FacetBody::Calendar(_)
        | FacetBody::ManagerEdge(_)
        | FacetBody::OpportunityEdit(_)
        | FacetBody::Link(_)
        | FacetBody::IgnoredKey(_)
        | FacetBody::QuarantineDecision(_) => return None,
    })
}

fn owned(
    owner: Option<FacetId>,
    company: Option<FacetId>,
    instance: &InstanceName,
    evidence: &mut Evidence<'_>,
) -> ScopeKey {
    evidence.compute("scope_key", &["owner", "company"], |_| ScopeKey::of(owner, None, company, instance))
}

fn account_of(facet: &Facet) -> Option<&Account> {
    match &facet.body {
        FacetBody::Account(account) => Some(account),
        _ => None,
    }
}

fn contact_of(facet: &Facet) -> Option<&Contact> {
    match &facet.body {
        FacetBody::Contact(contact) => Some(contact),
        _ => None,
    }
}

fn user_of(facet: &Facet) -> Option<&User> {
    match &facet.body {
        FacetBody::User(user) => Some(user),
        _ => None,
    }
}

fn activity_of(facet: &Facet) -> Option<&Activity> {
    match &facet.body {
        FacetBody::Activity(activity) => Some(activity),
        _ => None,
    }
}

fn team_of(facet: &Facet) -> Option<&Team> {
    match &facet.body {
        FacetBody::Team(team) => Some(team),
        _ => None,
    }
}

/// A name counts if it is not empty.
fn said(name: &String) -> Option<&String> {
    Some(name).filter(|name| !name.is_empty())
}

fn account(evidence: &mut Evidence<'_>) -> Account {
    Account {
        name: evidence.choose("name", |f| said(&account_of(f)?.name)).cloned().unwrap_or_default(),
        tax_id: evidence.choose("tax_id", |f| account_of(f)?.tax_id.as_ref()).cloned(),
        website: evidence.choose("website", |f| account_of(f)?.website.as_ref()).cloned(),
        email: evidence.choose("email", |f| account_of(f)?.email.as_ref()).cloned(),
        phone: evidence.choose("phone", |f| account_of(f)?.phone.as_ref()).cloned(),
        parent: evidence.choose("parent", |f| account_of(f)?.parent),
        owner: evidence.choose("owner", |f| account_of(f)?.owner),
        company: evidence.choose("company", |f| account_of(f)?.company),
        active: evidence.fold("active", Rule::AnyRecord, |f| Some(account_of(f)?.active)).unwrap_or_default(),
        created_at: evidence.fold("created_at", Rule::Earliest, |f| account_of(f)?.created_at),
        custom: evidence.choose_custom(|f| Some(&account_of(f)?.custom)),
    }
}

fn contact(evidence: &mut Evidence<'_>) -> Contact {
    Contact {
        name: evidence.choose("name", |f| said(&contact_of(f)?.name)).cloned().unwrap_or_default(),
        title: evidence.choose("title", |f| contact_of(f)?.title.as_ref()).cloned(),
        email: evidence.choose("email", |f| contact_of(f)?.email.as_ref()).cloned(),
        phone: evidence.choose("phone", |f| contact_of(f)?.phone.as_ref()).cloned(),
        account: evidence.choose("account", |f| contact_of(f)?.account),
        owner: evidence.choose("owner", |f| contact_of(f)?.owner),
        company: evidence.choose("company", |f| contact_of(f)?.company),
        active: evidence.fold("active", Rule::AnyRecord, |f| Some(contact_of(f)?.active)).unwrap_or_default(),
        created_at: evidence.fold("created_at", Rule::Earliest, |f| contact_of(f)?.created_at),
        custom: evidence.choose_custom(|f| Some(&contact_of(f)?.custom)),
    }
}

fn user(evidence: &mut Evidence<'_>) -> User {
    User {
        name: evidence.choose("name", |f| said(&user_of(f)?.name)).cloned().unwrap_or_default(),
        email: evidence.choose("email", |f| user_of(f)?.email.as_ref()).cloned(),
        active: evidence.fold("active", Rule::AnyRecord, |f| Some(user_of(f)?.active)).unwrap_or_default(),
        manager: evidence.choose_manager(|f| user_of(f)?.manager),
        directory: false,
        directory_accounts: directory_accounts(evidence),
    }
}

/// The accounts that directories have of a person. One is enabled if every record of it says so and none of them is gone: of two
/// readings of a directory the one that is behind opens nothing.
fn directory_accounts(evidence: &mut Evidence<'_>) -> Vec<DirectoryAccount> {
    let mut found: BTreeMap<&IdentityKey, bool> = BTreeMap::new();
    for facet in evidence.panel.all() {
        let Some(user) = user_of(facet).filter(|user| user.directory) else { continue };
        for key in facet.keys.iter().filter(|key| key.is_directory_object()) {
            let enabled = user.active && !facet.deleted;
            found.entry(key).and_modify(|all| *all &= enabled).or_insert(enabled);
        }
    }
    let account = |(key, enabled): (&IdentityKey, bool)| DirectoryAccount { key: key.clone(), enabled };
    let accounts: Vec<_> = found.into_iter().map(account).collect();
    if accounts.is_empty() {
        return accounts;
    }
    evidence.compute("directory_accounts", &[], |_| accounts)
}

fn activity(evidence: &mut Evidence<'_>) -> Option<Activity> {
    let done_at = evidence.choose("done_at", |f| activity_of(f)?.done_at);
    let day = evidence.choose("done_on", |f| activity_of(f)?.done_on);
    // Only facets that say when list the calendar among what they depend on.
    let done_on = match (day, done_at) {
        (None, Some(_)) => evidence.compute("done_on", &["done_at"], |e| local_day(done_at, e)),
        _ => day,
    };
    let participants = |f| Some(&activity_of(f)?.participants).filter(|people| !people.is_empty());
    Some(Activity {
        activity_kind: evidence.choose("activity_kind", |f| Some(activity_of(f)?.activity_kind))?,
        subject: evidence.choose("subject", |f| said(&activity_of(f)?.subject)).cloned().unwrap_or_default(),
        state: evidence.choose("state", |f| Some(activity_of(f)?.state))?,
        due: evidence.choose("due", |f| activity_of(f)?.due),
        done_on,
        done_at,
        starts_at: evidence.choose("starts_at", |f| activity_of(f)?.starts_at),
        ends_at: evidence.choose("ends_at", |f| activity_of(f)?.ends_at),
        owner: evidence.choose("owner", |f| activity_of(f)?.owner),
        related: evidence.choose("related", |f| activity_of(f)?.related),
        participants: evidence.choose("participants", participants).cloned().unwrap_or_default(),
        created_at: evidence.choose("created_at", |f| activity_of(f)?.created_at),
    })
}

fn team(evidence: &mut Evidence<'_>) -> Team {
    let members = |f| Some(&team_of(f)?.members).filter(|members| !members.is_empty());
    Team {
        name: evidence.choose("name", |f| said(&team_of(f)?.name)).cloned().unwrap_or_default(),
        leader: evidence.choose("leader", |f| team_of(f)?.leader),
        members: evidence.choose("members", members).cloned().unwrap_or_default(),
        company: evidence.choose("company", |f| team_of(f)?.company),
        active: evidence.fold("active", Rule::AnyRecord, |f| Some(team_of(f)?.active)).unwrap_or_default(),
    }
}
