//! Events of calendars: meetings.
//!
//! A meeting has a copy in the calendar of each of those invited, and perhaps in a CRM. They are one activity: joined by the
//! meeting's universal id, and of a repeated one by when the occurrence was to begin. It belongs to its organizer, or to whose
//! calendar it is in, if that is somebody from outside.
//!
//! Whether one took place is not said: it is open, and over when its end has passed, which depends on when one asks.

use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, FacetBody, IdentityKey, Mapped, Rejection,
};

use super::payload::Payload;
use crate::ms365::objects::USERS;
use crate::ms365::record::{ATTENDEES, MAILBOX, ORGANIZER, SERIES, is_private};

/// Maps an event; none for the pattern of a series, whose occurrences are the meetings, and for what is not sent yet.
pub(super) fn map(payload: &Payload<'_>) -> Result<Option<Mapped>, Rejection> {
    let kind = payload.text("type")?;
    if kind.as_deref() == Some("seriesMaster") || payload.flag("isDraft")? == Some(true) {
        return Ok(None);
    }
    let starts_at = payload.time("start")?;
    let of_series = matches!(kind.as_deref(), Some("occurrence" | "exception"));
    let occurrence = payload.moment("originalStart")?.or(starts_at).filter(|_| of_series);
    let uid = payload.text("iCalUId")?.or(payload.text(SERIES)?);
    let key = uid.and_then(|uid| IdentityKey::meeting(&uid, occurrence));
    let owner = match payload.text(ORGANIZER)? {
        Some(organizer) => organizer,
        None => payload.required_text(MAILBOX)?,
    };
    let private = is_private(payload.fields());
    let mut participants = Vec::new();
    for attendee in payload.texts(ATTENDEES)?.iter().filter(|_| !private) {
        participants.push(payload.facet(USERS, attendee)?);
    }
    participants.sort();
    let cancelled = payload.flag("isCancelled")? == Some(true);
    let body = FacetBody::Activity(Activity {
        activity_kind: ActivityKind::Meeting,
        subject: payload.text("subject")?.filter(|_| !private).unwrap_or_default(),
        state: if cancelled { ActivityState::Cancelled } else { ActivityState::Open },
        due: None,
        done_on: None,
        done_at: None,
        starts_at,
        ends_at: payload.time("end")?,
        owner: Some(payload.facet(USERS, &owner)?),
        related: None,
        participants,
        created_at: payload.moment("createdDateTime")?,
    });
    Ok(Some(Mapped { body, keys: key.into_iter().collect(), refs: Vec::new() }))
}
