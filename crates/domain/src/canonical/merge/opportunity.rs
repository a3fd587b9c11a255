//! Deals: what the sources say, what people edited over it, and what follows from stage, company and calendar.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use super::choice::{Evidence, local_day};
use crate::canonical::facet::{CurrencySource, OpportunityFacet, RecurringAmount, TermSource};
use crate::canonical::{
    Amount, Edited, Facet, FacetBody, FacetId, Label, Labels, Opportunity, OpportunityEdit, OpportunityKind,
    Recurring, Status,
};
use crate::money::{Currency, Money};

/// What a facet is to a deal.
enum Voice<'f> {
    /// A source's record.
    Source(&'f OpportunityFacet),
    /// A person's edit.
    Edit(&'f OpportunityEdit),
}

fn voice(facet: &Facet) -> Option<Voice<'_>> {
    match &facet.body {
        FacetBody::Opportunity(source) => Some(Voice::Source(source)),
        FacetBody::OpportunityEdit(edit) => Some(Voice::Edit(edit)),
        _ => None,
    }
}

fn source(facet: &Facet) -> Option<&OpportunityFacet> {
    match &facet.body {
        FacetBody::Opportunity(source) => Some(source),
        _ => None,
    }
}

/// An edited field's statement: its value, which may be "nothing".
fn edited<T: Clone>(field: &Option<Edited<T>>) -> Option<Option<T>> {
    field.as_ref().map(|edited| edited.value.clone())
}

/// The deal. Fields that nobody edited follow the sources: the first that has a value gives it, except that stage,
/// status and the closing time are one statement, which the first source makes.
pub(super) fn opportunity(evidence: &mut Evidence<'_>) -> Opportunity {
    let opportunity_kind = evidence
        .choose("opportunity_kind", |f| Some(source(f)?.opportunity_kind))
        .unwrap_or(OpportunityKind::Opportunity);
    let partner = evidence.choose("partner", |f| source(f)?.partner);
    let account = evidence.compute("account", &["partner"], |e| customer(partner, e).0);
    let contact = evidence.compute("contact", &["partner"], |e| customer(partner, e).1);
    let name = evidence.choose("name", name).unwrap_or_default();
    let stage = evidence.choose("stage", stage).flatten();
    let status = status(stage, evidence);
    let closed_at = closed_at(status, evidence);
    let amount = amount(evidence);
    let probability_ppm = evidence.choose("probability_ppm", probability).flatten();
    let weighted = evidence.compute("weighted", &["amount", "probability_ppm"], |_| {
        amount.zip(probability_ppm).map(|(amount, parts)| amount.scaled_ppm(parts))
    });
    let created_at = evidence.choose("created_at", |f| source(f)?.created_at);
    let created_on = evidence.compute("created_on", &["created_at"], |e| local_day(created_at, e));
    let closed_on = evidence.compute("closed_on", &["closed_at"], |e| local_day(closed_at, e));
    Opportunity {
        opportunity_kind,
        name,
        partner,
        account,
        contact,
        stage,
        status,
        amount,
        weighted,
        probability_ppm,
        owner: evidence.choose("owner", owner).flatten(),
        team: evidence.choose("team", |f| source(f)?.team),
        company: evidence.choose("company", |f| source(f)?.company),
        close_date: evidence.choose("close_date", close_date).flatten(),
        created_at,
        created_on,
        closed_at,
        closed_on,
        recurring: recurring(evidence),
        lost_reason: label("lost_reason", |labels| labels.lost_reason.as_ref(), evidence),
        source: label("source", |labels| labels.source.as_ref(), evidence),
        medium: label("medium", |labels| labels.medium.as_ref(), evidence),
        campaign: label("campaign", |labels| labels.campaign.as_ref(), evidence),
        tags: evidence.choose("tags", tags).cloned().unwrap_or_default(),
        custom: evidence.choose_custom(|f| Some(&source(f)?.custom)),
    }
}

/// A deal always has a name: an edit cannot clear it.
fn name(facet: &Facet) -> Option<String> {
    let name = match voice(facet)? {
        Voice::Source(source) => source.name.clone(),
        Voice::Edit(edit) => edited(&edit.name)??,
    };
    Some(name).filter(|name| !name.is_empty())
}

fn stage(facet: &Facet) -> Option<Option<FacetId>> {
    match voice(facet)? {
        Voice::Source(source) => Some(source.stage),
        Voice::Edit(edit) => edited(&edit.stage),
    }
}

fn probability(facet: &Facet) -> Option<Option<u32>> {
    match voice(facet)? {
        Voice::Source(source) => source.probability_ppm.map(Some),
        Voice::Edit(edit) => edited(&edit.probability_ppm),
    }
}

fn owner(facet: &Facet) -> Option<Option<FacetId>> {
    match voice(facet)? {
        Voice::Source(source) => source.owner.map(Some),
        Voice::Edit(edit) => edited(&edit.owner),
    }
}

fn close_date(facet: &Facet) -> Option<Option<Date>> {
    match voice(facet)? {
        Voice::Source(source) => source.close_date.map(Some),
        Voice::Edit(edit) => edited(&edit.close_date),
    }
}

/// The first label of a kind that a source gives.
fn label(
    field: &'static str,
    of: fn(&Labels) -> Option<&Label>,
    evidence: &mut Evidence<'_>,
) -> Option<Label> {
    evidence.choose(field, |facet| of(&source(facet)?.labels)).cloned()
}

/// All tags are one statement: those of two sources are not mixed.
fn tags(facet: &Facet) -> Option<&Vec<Label>> {
    Some(&source(facet)?.labels.tags).filter(|tags| !tags.is_empty())
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

/// Deals in it are won. An unknown stage is not a winning one.
fn is_won(stage: Option<FacetId>, evidence: &mut Evidence<'_>) -> bool {
    let stage = stage.and_then(|stage| evidence.reference(stage));
    matches!(stage.map(|stage| &stage.body), Some(FacetBody::Stage(stage)) if stage.is_won)
}

/// The status in the chosen stage: an edited one, else what the first source says of a deal in such a stage.
fn status(stage: Option<FacetId>, evidence: &mut Evidence<'_>) -> Status {
    evidence.compute("status", &["stage"], |e| {
        let is_won = is_won(stage, e);
        let says = |facet| match voice(facet)? {
            Voice::Source(source) => Some(by_stage(source, is_won)),
            Voice::Edit(edit) => edited(&edit.status)?,
        };
        let ambiguous = e.panel.primary().and_then(source).is_some_and(|s| s.outcome.ambiguous_in_won_stage);
        if is_won && ambiguous && edit_of(e, |edit| edit.status.as_ref()).is_none() {
            e.flags.insert("ambiguous_outcome");
        }
        e.choose("status", says).unwrap_or(Status::Open)
    })
}

fn by_stage(source: &OpportunityFacet, is_won: bool) -> Status {
    if is_won { source.outcome.in_won_stage } else { source.outcome.elsewhere }
}

/// The first edit of a field that is heard.
fn edit_of<'f, T>(
    evidence: &Evidence<'f>,
    field: impl Fn(&'f OpportunityEdit) -> Option<&'f Edited<T>>,
) -> Option<&'f Edited<T>> {
    evidence.panel.speaking().find_map(|facet| match voice(facet)? {
        Voice::Edit(edit) => field(edit),
        Voice::Source(_) => None,
    })
}

/// When it was won or lost: as the source says, unless an edit closed it; then when that was.
fn closed_at(status: Status, evidence: &mut Evidence<'_>) -> Option<Timestamp> {
    let is_closed = matches!(status, Status::Won | Status::Lost);
    let closed_at = evidence.compute("closed_at", &["status"], |e| {
        let by_edited_stage = is_closed && moved_by_edit(status, e);
        let says = |facet| match voice(facet)? {
            Voice::Source(source) => Some(source.closed_at),
            Voice::Edit(edit) => match (&edit.status, &edit.stage) {
                (Some(status), _) => Some(Some(status.at)),
                (None, Some(stage)) if by_edited_stage => Some(Some(stage.at)),
                _ => None,
            },
        };
        e.choose("closed_at", says).flatten().filter(|_| is_closed)
    });
    if is_closed && closed_at.is_none() {
        evidence.flags.insert("closed_without_date");
    }
    closed_at
}

/// Whether the deal has its status because somebody edited the stage: in the source's own stage it would have another.
fn moved_by_edit(status: Status, evidence: &mut Evidence<'_>) -> bool {
    if edit_of(evidence, |edit| edit.stage.as_ref()).is_none() {
        return false;
    }
    let Some(source) = evidence.panel.primary().and_then(source) else { return false };
    let is_won = is_won(source.stage, evidence);
    by_stage(source, is_won) != status
}

/// The expected revenue in its currency.
fn amount(evidence: &mut Evidence<'_>) -> Option<Money> {
    evidence.compute("amount", &[], |e| {
        let says = |facet| match voice(facet)? {
            Voice::Source(source) => source.amount.map(Some),
            Voice::Edit(edit) => edited(&edit.amount),
        };
        let amount = e.choose("amount", says).flatten()?;
        money(amount, e)
    })
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

/// The recurring revenue in its currency, and what it is in a month: divided before it is rounded.
fn recurring(evidence: &mut Evidence<'_>) -> Option<Recurring> {
    evidence.compute("recurring", &[], |e| {
        let RecurringAmount { amount, term } = e.choose("recurring", |facet| source(facet)?.recurring)?;
        let months = term.and_then(|term| months(term, e));
        let each = money(amount, e)?;
        let share = months.and_then(|months| amount.value.checked_div(Decimal::from(months)));
        Some(Recurring { amount: each, months, mrr: share.and_then(|share| each.currency.money(share).ok()) })
    })
}

fn months(term: TermSource, evidence: &mut Evidence<'_>) -> Option<u32> {
    let months = match term {
        TermSource::Months(months) => months,
        TermSource::Plan(id) => match &evidence.reference(id)?.body {
            FacetBody::Plan(plan) => plan.months,
            _ => return None,
        },
    };
    Some(months).filter(|months| *months > 0)
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
