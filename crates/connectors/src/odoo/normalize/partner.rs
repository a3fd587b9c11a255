//! `res.partner`: companies become accounts, everybody else contacts.

use salescommand_domain::canonical::{
    Account, Contact, Entity, FacetBody, FacetId, IdentityKey, Mapped, Rejection,
};

use super::payload::Payload;

/// Fields that go to `custom`.
const CUSTOM: &[&str] = &["category_id", "city", "country_id", "industry_id", "ref"];

/// Maps a partner.
pub(super) fn map(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    if payload.flag("is_company")?.unwrap_or(false) { account(payload) } else { contact(payload) }
}

fn account(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let facet = Account {
        name: payload.text("name")?.unwrap_or_default(),
        tax_id: payload.text("vat")?,
        website: payload.text("website")?,
        email: payload.email("email")?,
        phone: phone(payload)?,
        parent: payload.reference("parent_id", "res.partner")?,
        owner: payload.reference("user_id", "res.users")?,
        company: payload.reference("company_id", "res.company")?,
        active: payload.active()?,
        created_at: payload.moment("create_date")?,
        custom: payload.custom(CUSTOM)?,
    };
    let tax_id = facet.tax_id.as_deref().and_then(|number| IdentityKey::tax_id(Entity::Account, number));
    let site = facet.website.as_deref();
    let site = site.and_then(|site| IdentityKey::domain_and_name(Entity::Account, site, &facet.name));
    let keys = [tax_id, site].into_iter().flatten().collect();
    Ok(Mapped { body: FacetBody::Account(facet), keys, refs: Vec::new() })
}

/// A person, or one of a company's further addresses, which may have no name.
fn contact(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let email = payload.email("email")?;
    let keys = email.iter().filter_map(|address| IdentityKey::email(Entity::Contact, address)).collect();
    let facet = Contact {
        name: payload.text("name")?.unwrap_or_default(),
        title: payload.text("function")?,
        email,
        phone: phone(payload)?,
        account: employer(payload)?,
        owner: payload.reference("user_id", "res.users")?,
        company: payload.reference("company_id", "res.company")?,
        active: payload.active()?,
        created_at: payload.moment("create_date")?,
        custom: payload.custom(CUSTOM)?,
    };
    Ok(Mapped { body: FacetBody::Contact(facet), keys, refs: Vec::new() })
}

/// The commercial entity: the nearest company above. A person without one is its own.
fn employer(payload: &Payload<'_>) -> Result<Option<FacetId>, Rejection> {
    match payload.id("commercial_partner_id")? {
        Some(id) if Some(id) != payload.own_id() => payload.facet("res.partner", id).map(Some),
        _ => payload.reference("parent_id", "res.partner"),
    }
}

fn phone(payload: &Payload<'_>) -> Result<Option<String>, Rejection> {
    Ok(payload.text("phone")?.or(payload.text("mobile")?))
}
