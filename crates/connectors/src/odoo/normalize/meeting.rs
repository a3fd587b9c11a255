//! `calendar.event`: meetings.
//!
//! Of a private one Odoo shows others no more than whose it is and when. Whether one took place is not said: it is open, and
//! over when its end has passed, which depends on when one asks; archived, it was called off.
//!
//! One that is also in a calendar of Outlook has the universal id that it has there, by which it is that meeting.

use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, Entity, FacetBody, IdentityKey, Mapped, Rejection, Related,
};

use super::activity::related;
use super::payload::Payload;

/// Maps an event.
pub(super) fn map(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let deal = payload.reference("opportunity_id", "crm.lead")?;
    let mut participants = payload.references("partner_ids", "res.partner")?;
    participants.sort();
    let starts_at = payload.moment("start")?;
    let repeats = payload.flag("recurrency")? == Some(true);
    let occurrence = starts_at.filter(|_| repeats);
    let uid = payload.text("ms_universal_event_id")?;
    let keys = uid.and_then(|uid| IdentityKey::meeting(&uid, occurrence)).into_iter().collect();
    let facet = Activity {
        activity_kind: ActivityKind::Meeting,
        subject: payload.first_text(&["name"])?,
        state: if payload.active()? { ActivityState::Open } else { ActivityState::Cancelled },
        due: None,
        done_on: None,
        done_at: None,
        starts_at,
        ends_at: payload.moment("stop")?,
        owner: payload.reference("user_id", "res.users")?,
        related: match deal {
            Some(id) => Some(Related { entity: Entity::Opportunity, id }),
            None => related(payload, "res_model")?,
        },
        participants,
        created_at: payload.moment("create_date")?,
    };
    Ok(Mapped { body: FacetBody::Activity(facet), keys, refs: Vec::new() })
}
