//! `crm.lead`: leads and opportunities.

use rust_decimal::{Decimal, RoundingStrategy};
use salescommand_domain::canonical::{
    Amount, CalendarFacet, CurrencySource, FacetBody, Label, Labels, Mapped, OpportunityFacet,
    OpportunityKind, OutcomeRule, RecurringAmount, Rejection, Status, TermSource,
};
use salescommand_domain::money::decimal_of_f64;

use super::payload::Payload;
use super::{properties, tracking};

/// Fields that go to `custom`.
const CUSTOM: &[&str] = &[
    "contact_name",
    "date_conversion",
    "date_last_stage_update",
    "date_open",
    "email_from",
    "partner_name",
    "phone",
    "priority",
];

/// Maps a lead or an opportunity.
pub(super) fn map(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let stage = payload.reference("stage_id", "crm.stage")?;
    let partner = payload.reference("partner_id", "res.partner")?;
    let company = payload.reference("company_id", "res.company")?;
    let currency = company.map(CurrencySource::Company);
    let recurring = match amount(payload, "recurring_revenue")? {
        Some(value) => Some(RecurringAmount { amount: Amount { value, currency }, term: term(payload)? }),
        None => None,
    };
    let plan = match recurring.and_then(|recurring| recurring.term) {
        Some(TermSource::Plan(plan)) => Some(plan),
        _ => None,
    };
    let mut facet = OpportunityFacet {
        opportunity_kind: kind(payload)?,
        name: payload.required_text("name")?,
        partner,
        stage,
        outcome: outcome(payload)?,
        amount: amount(payload, "expected_revenue")?.map(|value| Amount { value, currency }),
        probability_ppm: probability(payload)?,
        owner: payload.reference("user_id", "res.users")?,
        team: payload.reference("team_id", "crm.team")?,
        company,
        close_date: payload.day("date_deadline")?,
        created_at: payload.moment("create_date")?,
        closed_at: payload.moment("date_closed")?,
        staged_at: payload.moment("date_last_stage_update")?,
        assigned_at: payload.moment("date_open")?,
        tracked: None,
        recurring,
        labels: labels(payload)?,
        custom: payload.custom(CUSTOM)?.into_iter().chain(properties::custom(payload)?).collect(),
    };
    facet.tracked = tracking::changes(payload, &facet)?;
    // The company brings its currency along. The calendar turns moments into days.
    let calendar = CalendarFacet::source().facet_id();
    let refs = [stage, company, partner, plan, Some(calendar)].into_iter().flatten().collect();
    Ok(Mapped { body: FacetBody::Opportunity(facet), keys: Vec::new(), refs })
}

/// Databases without the lead feature have opportunities only.
fn kind(payload: &Payload<'_>) -> Result<OpportunityKind, Rejection> {
    match payload.text("type")?.as_deref() {
        None | Some("opportunity") => Ok(OpportunityKind::Opportunity),
        Some("lead") => Ok(OpportunityKind::Lead),
        Some(_) => Err(payload.out_of_range("type", "lead or opportunity")),
    }
}

/// Won is "in a winning stage and not archived". Lost is "archived with probability 0", and stays where it was:
/// if that is a winning stage, it may as well be a won deal put away with the archive button, which zeroes the
/// probability too. Archived by other means keeps its probability.
fn outcome(payload: &Payload<'_>) -> Result<OutcomeRule, Rejection> {
    use Status::{Archived, Lost, Open, Won};
    let rule = |in_won_stage, elsewhere, ambiguous_in_won_stage| OutcomeRule {
        in_won_stage,
        elsewhere,
        ambiguous_in_won_stage,
    };
    if payload.active()? {
        return Ok(rule(Won, Open, false));
    }
    Ok(match payload.decimal("probability")? {
        Some(0.0) => rule(Lost, Lost, true),
        Some(_) => rule(Won, Archived, false),
        // Without the probability nothing tells lost from archived.
        None => rule(Archived, Archived, true),
    })
}

/// A revenue. The wire has 0.0 for "nothing entered" too, and that is what it nearly always means.
fn amount(payload: &Payload<'_>, field: &str) -> Result<Option<Decimal>, Rejection> {
    let Some(amount) = payload.decimal(field)?.filter(|amount| *amount != 0.0) else {
        return Ok(None);
    };
    decimal_of_f64(amount).map(Some).map_err(|_| payload.out_of_range(field, "an amount that fits 28 digits"))
}

/// How often the recurring revenue comes. Without a plan it is a month's: so Odoo's own figures have it. None if the plan may
/// not be read.
fn term(payload: &Payload<'_>) -> Result<Option<TermSource>, Rejection> {
    let plan = payload.reference("recurring_plan", "crm.recurring.plan")?;
    let by_default = payload.has("recurring_plan").then_some(TermSource::Months(1));
    Ok(plan.map(TermSource::Plan).or(by_default))
}

/// What it is labelled with. `lost_reason` is what `lost_reason_id` was called up to Odoo 15.
fn labels(payload: &Payload<'_>) -> Result<Labels, Rejection> {
    let label = |field, object| payload.reference(field, object).map(|found| found.map(Label::Record));
    let lost_reason = match label("lost_reason_id", "crm.lost.reason")? {
        None => label("lost_reason", "crm.lost.reason")?,
        reason => reason,
    };
    Ok(Labels {
        lost_reason,
        source: label("source_id", "utm.source")?,
        medium: label("medium_id", "utm.medium")?,
        campaign: label("campaign_id", "utm.campaign")?,
        tags: payload.references("tag_ids", "crm.tag")?.into_iter().map(Label::Record).collect(),
    })
}

/// Percent on the wire, parts per million here, rounded half-even.
fn probability(payload: &Payload<'_>) -> Result<Option<u32>, Rejection> {
    let Some(percent) = payload.decimal("probability")? else { return Ok(None) };
    let parts = decimal_of_f64(percent)
        .ok()
        .and_then(|percent| percent.checked_mul(Decimal::from(10_000)))
        .map(|parts| parts.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven))
        .and_then(|parts| u32::try_from(parts).ok())
        .filter(|parts| *parts <= 1_000_000);
    parts.map(Some).ok_or_else(|| payload.out_of_range("probability", "0 to 100 percent"))
}
