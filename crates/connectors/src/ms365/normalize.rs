//! Records of Microsoft 365 in our words. Pure: no clock, no lookup; what depends on another record is left as a reference.
//!
//! A member that is absent or null says nothing. A value of another type than the member has is a rejection, never a guess.

mod meeting;
mod payload;

use salescommand_domain::canonical::{
    Contact, Entity, FacetBody, IdentityKey, Mapped, Rejection, Team, User,
};
use salescommand_domain::raw::Envelope;

use self::payload::Payload;
use super::objects::{CONTACTS, EVENTS, GROUPS, MANAGERS, USERS};
use super::record::{MAILBOX, TENANT};
use super::roster::addresses;

/// Maps an upsert of a Microsoft 365 source.
pub(super) fn map(envelope: &Envelope) -> Result<Option<Mapped>, Rejection> {
    let payload = Payload::of(envelope)?;
    match envelope.object.as_str() {
        USERS => user(&payload, &envelope.key),
        MANAGERS => manager(&payload, &envelope.key),
        GROUPS => group(&payload),
        CONTACTS => contact(&payload).map(Some),
        EVENTS => meeting::map(&payload),
        other => {
            let detail = format!("a Microsoft 365 source does not have {other}");
            Err(Rejection::new("unknown_object", "", detail))
        }
    }
}

/// Whether somebody is a guest: a colleague of somebody else's.
fn is_guest(payload: &Payload<'_>) -> Result<bool, Rejection> {
    Ok(payload.text("userType")?.as_deref() == Some("Guest"))
}

/// Guests are kept in raw, nothing canonical. Keys are the record of this tenant, and the addresses that its administrators
/// gave: `mail` alone may be anything.
fn user(payload: &Payload<'_>, id: &str) -> Result<Option<Mapped>, Rejection> {
    if is_guest(payload)? {
        return Ok(None);
    }
    let sign_in = payload.required_text("userPrincipalName")?;
    let tenant = payload.required_text(TENANT)?;
    let given = addresses(payload.record());
    let by_email = given.iter().filter_map(|address| IdentityKey::email(Entity::User, address));
    let keys = IdentityKey::directory_object(Entity::User, &tenant, id).into_iter().chain(by_email).collect();
    let body = FacetBody::User(User {
        name: payload.text("displayName")?.unwrap_or_else(|| sign_in.clone()),
        email: Some(payload.text("mail")?.unwrap_or(sign_in)),
        active: payload.flag("accountEnabled")?.unwrap_or(false),
        manager: None,
        directory: true,
        directory_accounts: Vec::new(),
    });
    Ok(Some(Mapped { body, keys, refs: Vec::new() }))
}

/// Who manages a user: one of the user's own records, which has nothing else to say.
fn manager(payload: &Payload<'_>, id: &str) -> Result<Option<Mapped>, Rejection> {
    if is_guest(payload)? {
        return Ok(None);
    }
    let manager = match payload.within("manager")? {
        Some(manager) => Some(payload.facet(USERS, &manager.required_text("id")?)?),
        None => None,
    };
    let body = FacetBody::User(User { manager, directory: true, ..User::default() });
    let keys = vec![IdentityKey::facet(payload.facet(USERS, id)?)];
    Ok(Some(Mapped { body, keys, refs: Vec::new() }))
}

/// Microsoft 365 groups are teams. Others, for rights and for mail, are kept in raw, nothing canonical.
fn group(payload: &Payload<'_>) -> Result<Option<Mapped>, Rejection> {
    if !payload.texts("groupTypes")?.iter().any(|kind| kind == "Unified") {
        return Ok(None);
    }
    let mut members = Vec::new();
    for member in payload.texts("members")? {
        members.push(payload.facet(USERS, &member)?);
    }
    members.sort();
    let body = FacetBody::Team(Team {
        name: payload.required_text("displayName")?,
        members,
        active: true,
        ..Team::default()
    });
    Ok(Some(Mapped { body, keys: Vec::new(), refs: Vec::new() }))
}

/// A contact of somebody's own.
fn contact(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let mut emails = Vec::new();
    for entry in payload.records("emailAddresses")? {
        emails.extend(entry.text("address")?);
    }
    let name = payload.text("displayName")?.or_else(|| emails.first().cloned()).unwrap_or_default();
    let phone = match payload.text("mobilePhone")? {
        Some(phone) => Some(phone),
        None => payload.texts("businessPhones")?.into_iter().next(),
    };
    let keys = emails.iter().filter_map(|address| IdentityKey::email(Entity::Contact, address)).collect();
    let body = FacetBody::Contact(Contact {
        name,
        title: payload.text("jobTitle")?,
        email: emails.first().cloned(),
        phone,
        account: None,
        owner: Some(payload.facet(USERS, &payload.required_text(MAILBOX)?)?),
        company: None,
        active: true,
        created_at: payload.moment("createdDateTime")?,
        custom: payload.custom(&["companyName", "department"])?,
    });
    Ok(Mapped { body, keys, refs: Vec::new() })
}
