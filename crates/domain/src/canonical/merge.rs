//! The merge: facets of one component, and the reference facets they point to, become one golden record.
//!
//! A pure function of its arguments. Fields follow a declared precedence: facets that still exist before deleted
//! ones, other sources before SalesCommand's own `config`, the most recently modified first, then the smallest id;
//! the first facet that has a value gives it.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::facet::{CurrencySource, OpportunityFacet};
use super::golden::GoldenFacet;
use super::{
    Account, Amount, CalendarFacet, Contact, Entity, Facet, FacetBody, FacetId, Golden, GoldenBody,
    IdentityKey, Opportunity, Status, User,
};
use crate::access::ScopeKey;
use crate::money::{Currency, Money};
use crate::raw::{InstanceName, RawPosition};

/// Version of the rules in this module. Raise it when the same facets give another golden record.
pub const MERGE_VERSION: u32 = 1;

/// Finds the reference facets that a facet points to.
pub trait Lookup {
    /// The facet, if it has been seen.
    fn facet(&self, id: FacetId) -> Option<&Facet>;
}

impl Lookup for std::collections::BTreeMap<FacetId, Facet> {
    fn facet(&self, id: FacetId) -> Option<&Facet> {
        self.get(&id)
    }
}

/// What the merge gathers beside the fields.
struct Evidence<'a> {
    lookup: &'a dyn Lookup,
    positions: BTreeSet<RawPosition>,
    flags: BTreeSet<&'static str>,
}

impl<'a> Evidence<'a> {
    fn take(&mut self, facet: &Facet) {
        self.positions
            .insert(RawPosition { instance: facet.source.instance.clone(), position: facet.position });
    }

    /// Looks a reference up and counts it among what the record was made of.
    fn reference(&mut self, id: FacetId) -> Option<&'a Facet> {
        let found = self.lookup.facet(id)?;
        self.take(found);
        Some(found)
    }
}

/// The golden record of a component: its facets, all of one entity, and the link records that take part in it. None
/// if there is no facet of an entity among them.
pub fn merge(component: &[&Facet], lookup: &dyn Lookup) -> Option<Golden> {
    let mut evidence = Evidence { lookup, positions: BTreeSet::new(), flags: BTreeSet::new() };
    component.iter().for_each(|facet| evidence.take(facet));
    let facets: Vec<&Facet> =
        component.iter().copied().filter(|facet| facet.body.entity().is_some()).collect();
    let mut ordered = facets.clone();
    ordered.sort_by_key(|facet| precedence(facet));
    let first = *ordered.first()?;
    flag_refused_joins(component, first.body.entity(), &mut evidence);
    if !first.deleted {
        // What was deleted in one source says nothing any more while another source still has the record.
        ordered.retain(|facet| !facet.deleted);
    }
    let (body, scope_key) = body(first, &ordered, &mut evidence)?;
    let mut members: Vec<_> =
        facets.iter().map(|facet| GoldenFacet { id: facet.id, source: facet.source.clone() }).collect();
    members.sort();
    Some(Golden {
        id: members.first()?.id,
        facets: members,
        version: evidence.positions.into_iter().collect(),
        deleted: facets.iter().all(|facet| facet.deleted),
        flags: evidence.flags.into_iter().map(str::to_owned).collect(),
        updated_at: facets.iter().filter_map(|facet| facet.source_modified).max(),
        scope_key,
        body,
    })
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

fn precedence(facet: &Facet) -> (bool, bool, std::cmp::Reverse<Option<Timestamp>>, FacetId) {
    let own = facet.source.instance == InstanceName::config();
    (facet.deleted, own, std::cmp::Reverse(facet.source_modified), facet.id)
}

fn body(first: &Facet, ordered: &[&Facet], evidence: &mut Evidence<'_>) -> Option<(GoldenBody, ScopeKey)> {
    let instance = &first.source.instance;
    Some(match &first.body {
        FacetBody::Account(_) => account(
            instance,
            &bodies(ordered, |b| match b {
                FacetBody::Account(a) => Some(a),
                _ => None,
            }),
        ),
        FacetBody::Contact(_) => contact(
            instance,
            &bodies(ordered, |b| match b {
                FacetBody::Contact(c) => Some(c),
                _ => None,
            }),
        ),
        FacetBody::User(_) => user(
            first.id,
            &bodies(ordered, |b| match b {
                FacetBody::User(u) => Some(u),
                _ => None,
            }),
        ),
        FacetBody::Opportunity(facet) => {
            let opportunity = opportunity(facet, evidence);
            let scope_key = ScopeKey::of(opportunity.owner, opportunity.team, opportunity.company, instance);
            (GoldenBody::Opportunity(Box::new(opportunity)), scope_key)
        }
        FacetBody::Activity(activity) => {
            let scope_key = ScopeKey::of(activity.owner, None, None, instance);
            (GoldenBody::Activity(activity.clone()), scope_key)
        }
        FacetBody::Team(team) => (GoldenBody::Team(team.clone()), ScopeKey::public()),
        FacetBody::Stage(_) | FacetBody::Company(_) | FacetBody::Currency(_) | FacetBody::Calendar(_) => {
            return None;
        }
        FacetBody::Link(_) | FacetBody::IgnoredKey(_) => return None,
    })
}

fn bodies<'f, T>(ordered: &[&'f Facet], pick: impl Fn(&'f FacetBody) -> Option<&'f T>) -> Vec<&'f T> {
    ordered.iter().filter_map(|facet| pick(&facet.body)).collect()
}

/// The first value in order of precedence.
fn first_of<S, T: Clone>(facets: &[&S], field: impl Fn(&S) -> &Option<T>) -> Option<T> {
    facets.iter().find_map(|facet| field(facet).clone())
}

/// The first name that is not empty.
fn name_of<S>(facets: &[&S], field: impl Fn(&S) -> &String) -> String {
    facets.iter().map(|facet| field(facet)).find(|name| !name.is_empty()).cloned().unwrap_or_default()
}

fn account(instance: &InstanceName, facets: &[&Account]) -> (GoldenBody, ScopeKey) {
    let (owner, company) = (first_of(facets, |f| &f.owner), first_of(facets, |f| &f.company));
    let scope_key = ScopeKey::of(owner, None, company, instance);
    let account = Account {
        name: name_of(facets, |f| &f.name),
        tax_id: first_of(facets, |f| &f.tax_id),
        website: first_of(facets, |f| &f.website),
        email: first_of(facets, |f| &f.email),
        phone: first_of(facets, |f| &f.phone),
        parent: first_of(facets, |f| &f.parent),
        owner,
        company,
        active: facets.iter().any(|f| f.active),
        created_at: facets.iter().filter_map(|f| f.created_at).min(),
        custom: facets.iter().rev().flat_map(|f| f.custom.clone()).collect(),
    };
    (GoldenBody::Account(account), scope_key)
}

fn contact(instance: &InstanceName, facets: &[&Contact]) -> (GoldenBody, ScopeKey) {
    let (owner, company) = (first_of(facets, |f| &f.owner), first_of(facets, |f| &f.company));
    let scope_key = ScopeKey::of(owner, None, company, instance);
    let contact = Contact {
        name: name_of(facets, |f| &f.name),
        title: first_of(facets, |f| &f.title),
        email: first_of(facets, |f| &f.email),
        phone: first_of(facets, |f| &f.phone),
        account: first_of(facets, |f| &f.account),
        owner,
        company,
        active: facets.iter().any(|f| f.active),
        created_at: facets.iter().filter_map(|f| f.created_at).min(),
        custom: facets.iter().rev().flat_map(|f| f.custom.clone()).collect(),
    };
    (GoldenBody::Contact(contact), scope_key)
}

fn user(id: FacetId, facets: &[&User]) -> (GoldenBody, ScopeKey) {
    // The manager is SalesCommand's to decide, so its own facets, last for names, come first here.
    let manager = facets.iter().rev().find_map(|f| f.manager);
    let user = User {
        name: name_of(facets, |f| &f.name),
        email: first_of(facets, |f| &f.email),
        active: facets.iter().any(|f| f.active),
        manager,
    };
    (GoldenBody::User(user), ScopeKey::owner(id))
}

fn opportunity(facet: &OpportunityFacet, evidence: &mut Evidence<'_>) -> Opportunity {
    let (account, contact) = customer(facet.partner, evidence);
    let status = status(facet, evidence);
    let amount = facet.amount.and_then(|amount| money(amount, evidence));
    let zone = time_zone(evidence);
    let day = |at: Timestamp| -> Date { at.to_zoned(zone.clone()).date() };
    let closed_at = facet.closed_at.filter(|_| matches!(status, Status::Won | Status::Lost));
    if matches!(status, Status::Won | Status::Lost) && closed_at.is_none() {
        evidence.flags.insert("closed_without_date");
    }
    Opportunity {
        opportunity_kind: facet.opportunity_kind,
        name: facet.name.clone(),
        partner: facet.partner,
        account,
        contact,
        stage: facet.stage,
        status,
        amount,
        weighted: amount.zip(facet.probability_ppm).map(|(amount, parts)| amount.scaled_ppm(parts)),
        probability_ppm: facet.probability_ppm,
        owner: facet.owner,
        team: facet.team,
        company: facet.company,
        close_date: facet.close_date,
        created_at: facet.created_at,
        created_on: facet.created_at.map(day),
        closed_at,
        closed_on: closed_at.map(day),
        custom: facet.custom.clone(),
    }
}

/// The account and contact behind the customer record: a person stands for the company they work for.
fn customer(partner: Option<FacetId>, evidence: &mut Evidence<'_>) -> (Option<FacetId>, Option<FacetId>) {
    let Some(partner) = partner else { return (None, None) };
    match evidence.reference(partner).map(|facet| &facet.body) {
        Some(FacetBody::Account(_)) => (Some(partner), None),
        Some(FacetBody::Contact(contact)) => (contact.account, Some(partner)),
        _ => (None, None),
    }
}

fn status(facet: &OpportunityFacet, evidence: &mut Evidence<'_>) -> Status {
    let stage = facet.stage.and_then(|stage| evidence.reference(stage));
    let is_won = matches!(stage.map(|stage| &stage.body), Some(FacetBody::Stage(stage)) if stage.is_won);
    if is_won && facet.outcome.ambiguous_in_won_stage {
        evidence.flags.insert("ambiguous_outcome");
    }
    if is_won { facet.outcome.in_won_stage } else { facet.outcome.elsewhere }
}

fn money(amount: Amount, evidence: &mut Evidence<'_>) -> Option<Money> {
    let Some(currency) = amount.currency.and_then(|source| currency(source, evidence)) else {
        evidence.flags.insert("unknown_currency");
        return None;
    };
    let money = currency.money(amount.value).ok();
    if money.is_none() {
        evidence.flags.insert("amount_out_of_range");
    }
    money
}

fn currency(source: CurrencySource, evidence: &mut Evidence<'_>) -> Option<Currency> {
    let record = match source {
        CurrencySource::Iso(code, exponent) => return Some(Currency { code, exponent }),
        CurrencySource::Currency(id) => id,
        CurrencySource::Company(id) => match &evidence.reference(id)?.body {
            FacetBody::Company(company) => company.currency?,
            _ => return None,
        },
    };
    match &evidence.reference(record)?.body {
        FacetBody::Currency(currency) => Some(Currency { code: currency.code, exponent: currency.exponent }),
        _ => None,
    }
}

/// The reporting time zone; UTC until configured. The mapper has checked the name.
fn time_zone(evidence: &mut Evidence<'_>) -> TimeZone {
    let calendar = evidence.reference(CalendarFacet::source().facet_id());
    match calendar.map(|facet| &facet.body) {
        Some(FacetBody::Calendar(calendar)) => TimeZone::get(&calendar.time_zone).unwrap_or(TimeZone::UTC),
        _ => TimeZone::UTC,
    }
}
