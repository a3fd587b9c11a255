//! Odoo's records in our words. Pure: no clock, no lookup; what depends on another record is left as a reference.
//!
//! Empty on the wire is `false` (texts, dates, references), `""` (texts) or absent (another version, a missing
//! right); all of them become nothing. An empty number is `0`, and cannot be told from zero: an expected revenue
//! of 0 is "unvalued". A value of another type than the field has is a rejection, never a guess.

mod activity;
mod deal;
mod employee;
mod meeting;
mod message;
mod partner;
mod payload;
mod properties;
mod tracking;

use rust_decimal::Decimal;
use salescommand_domain::canonical::{
    CompanyFacet, CurrencyFacet, Entity, FacetBody, IdentityKey, LabelFacet, Mapped, PlanFacet, Rejection,
    StageFacet, Team, User,
};
use salescommand_domain::money::{CurrencyCode, decimal_of_f64};
use salescommand_domain::raw::Envelope;

use self::payload::Payload;
use super::messages;
use super::record::email_address;

/// More digits after the point than any currency has.
const MOST_DECIMALS: u8 = 8;

/// Maps an upsert of an Odoo source.
pub(super) fn map(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    let payload = Payload::of(envelope)?;
    match envelope.object.as_str() {
        "res.currency" => currency(&payload).map(Some),
        "res.company" => company(&payload).map(Some),
        "res.users" => user(&payload),
        "hr.employee" => employee::map(&payload),
        "crm.team" => team(&payload).map(Some),
        "crm.stage" => stage(&payload).map(Some),
        "crm.tag" | "crm.lost.reason" | "utm.source" | "utm.medium" | "utm.campaign" => {
            label(&payload).map(Some)
        }
        "crm.recurring.plan" => plan(&payload).map(Some),
        "res.partner" => partner::map(&payload).map(Some),
        "crm.lead" => deal::map(&payload).map(Some),
        "mail.activity" => activity::map(&payload),
        "calendar.event" => meeting::map(&payload).map(Some),
        messages::OBJECT => message::map(&payload),
        other => Err(Rejection::new("unknown_object", "", format!("an Odoo source does not have {other}"))),
    }
}

/// A facet that joins with no other and depends on none.
fn plain(body: FacetBody) -> Mapped {
    Mapped { body, keys: Vec::new(), refs: Vec::new() }
}

fn currency(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let name = payload.required_text("name")?;
    let code = CurrencyCode::new(&name)
        .map_err(|error| Rejection::new("out_of_range", "/name", error.to_string()))?;
    Ok(plain(FacetBody::Currency(CurrencyFacet { code, exponent: exponent(payload)? })))
}

/// Digits after the decimal point: `decimal_places`, else what `rounding` implies, else two.
fn exponent(payload: &Payload<'_>) -> Result<u8, Rejection> {
    if let Some(places) = payload.integer("decimal_places")? {
        let places = u8::try_from(places).ok().filter(|places| *places <= MOST_DECIMALS);
        return places.ok_or_else(|| payload.out_of_range("decimal_places", "0 to 8 digits"));
    }
    let Some(rounding) = payload.decimal("rounding")? else { return Ok(2) };
    let out_of_range = || payload.out_of_range("rounding", "a positive number with at most 8 digits");
    let step = decimal_of_f64(rounding).ok().filter(|step| *step > Decimal::ZERO).ok_or_else(out_of_range)?;
    // Odoo's own rule: as many digits as it takes to write the step's first one.
    let enough = |places: &u8| {
        step.checked_mul(Decimal::from(10u64.pow(u32::from(*places)))).is_none_or(|it| it >= Decimal::ONE)
    };
    (0..=MOST_DECIMALS).find(enough).ok_or_else(out_of_range)
}

fn company(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let currency = payload.reference("currency_id", "res.currency")?;
    let body = FacetBody::Company(CompanyFacet { name: payload.required_text("name")?, currency });
    Ok(Mapped { body, keys: Vec::new(), refs: currency.into_iter().collect() })
}

/// Portal and public users are customers, not colleagues: kept in raw, nothing canonical.
fn user(payload: &Payload<'_>) -> Result<Option<Mapped>, Rejection> {
    if payload.flag("share")? == Some(true) {
        return Ok(None);
    }
    let login = payload.required_text("login")?;
    let email = match email_address(&login) {
        Some(address) => Some(address.to_owned()),
        None => payload.email("email")?,
    };
    let keys = email.iter().filter_map(|address| IdentityKey::email(Entity::User, address)).collect();
    let body = FacetBody::User(User {
        name: payload.text("name")?.unwrap_or(login),
        email,
        active: payload.active()?,
        manager: None,
        directory: false,
        directory_accounts: Vec::new(),
    });
    Ok(Some(Mapped { body, keys, refs: Vec::new() }))
}

fn team(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let mut members = payload.references("member_ids", "res.users")?;
    members.sort();
    Ok(plain(FacetBody::Team(Team {
        name: payload.required_text("name")?,
        leader: payload.reference("user_id", "res.users")?,
        members,
        company: payload.reference("company_id", "res.company")?,
        active: payload.active()?,
    })))
}

fn stage(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    Ok(plain(FacetBody::Stage(StageFacet {
        name: payload.required_text("name")?,
        order: payload.integer("sequence")?.unwrap_or_default(),
        is_won: payload.flag("is_won")?.unwrap_or(false),
    })))
}

/// The name that people give a campaign is its title; from Odoo 16 on its name is a key made of that.
fn label(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let name = match payload.text("title")? {
        Some(title) => title,
        None => payload.required_text("name")?,
    };
    Ok(plain(FacetBody::Label(LabelFacet { name, active: payload.active()? })))
}

/// A plan of no months is one of a month: so Odoo's own figures have it.
fn plan(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let months = u32::try_from(payload.integer("number_of_months")?.unwrap_or_default())
        .map_err(|_| payload.out_of_range("number_of_months", "a number of months"))?;
    let name = payload.required_text("name")?;
    Ok(plain(FacetBody::Plan(PlanFacet { name, months: months.max(1) })))
}
