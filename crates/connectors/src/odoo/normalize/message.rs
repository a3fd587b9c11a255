//! `mail.message`: what people did. An activity that was marked done, an e-mail, a note.
//!
//! Odoo says who by contact. The user behind that is whose it is; an author who is no user, such as a customer who wrote,
//! took part in it, and it is nobody's.

use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, CalendarFacet, FacetBody, Mapped, Rejection,
};

use super::activity::{kind, related};
use super::payload::Payload;
use crate::odoo::messages::{AUTHOR_USER, CATEGORY, ICON, TYPE_NAME};

/// Maps a message; none for what the system notes.
pub(super) fn map(payload: &Payload<'_>) -> Result<Option<Mapped>, Rejection> {
    let Some(activity_kind) = what(payload)? else { return Ok(None) };
    let facet = Activity {
        activity_kind,
        subject: payload.first_text(&["subject", TYPE_NAME, "record_name"])?,
        state: ActivityState::Done,
        due: None,
        done_on: None,
        done_at: payload.moment("date")?,
        starts_at: None,
        ends_at: None,
        owner: payload.reference(AUTHOR_USER, "res.users")?,
        related: related(payload, "model")?,
        participants: payload.reference("author_id", "res.partner")?.into_iter().collect(),
        created_at: payload.moment("create_date")?,
    };
    // The calendar makes a day of the moment.
    let refs = vec![CalendarFacet::source().facet_id()];
    Ok(Some(Mapped { body: FacetBody::Activity(facet), keys: Vec::new(), refs }))
}

/// A message bears the type of the activity that was done, whoever wrote it and however.
fn what(payload: &Payload<'_>) -> Result<Option<ActivityKind>, Rejection> {
    if payload.id("mail_activity_type_id")?.is_some() {
        return kind(payload, CATEGORY, ICON).map(Some);
    }
    Ok(match payload.text("message_type")?.as_deref() {
        Some("email" | "email_outgoing") => Some(ActivityKind::Email),
        Some("comment") => Some(ActivityKind::Note),
        _ => None,
    })
}
