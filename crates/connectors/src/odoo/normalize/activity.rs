//! `mail.activity`: what is planned.
//!
//! What was done is told by the message that doing it leaves ([`super::message`]): when, and by whom. An activity about a
//! record whose messages are read says nothing any more once it is done, whether Odoo deletes it or keeps it in its archive.

use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, Entity, FacetBody, Mapped, Rejection, Related,
};

use super::payload::Payload;

/// Maps an activity; none if another record stands for it.
pub(super) fn map(payload: &Payload<'_>) -> Result<Option<Mapped>, Rejection> {
    let done_on = payload.day("date_done")?;
    // `state` is not read: whether an open activity is overdue depends on the day one asks. Odoo dates what it
    // archives as done; archived without a date was put away by something else.
    let state = match (payload.active()?, done_on) {
        (true, _) => ActivityState::Open,
        (false, Some(_)) => ActivityState::Done,
        (false, None) => ActivityState::Cancelled,
    };
    let related = related(payload, "res_model")?;
    let is_told_by_message = state == ActivityState::Done && related.is_some();
    // An open one with an event in the calendar is that meeting.
    let is_meeting = state == ActivityState::Open && payload.id("calendar_event_id")?.is_some();
    if is_told_by_message || is_meeting {
        return Ok(None);
    }
    let facet = Activity {
        activity_kind: kind(payload, "activity_category", "icon")?,
        subject: payload.first_text(&["summary", "display_name", "res_name"])?,
        state,
        due: payload.day("date_deadline")?,
        done_on,
        done_at: None,
        starts_at: None,
        ends_at: None,
        owner: payload.reference("user_id", "res.users")?,
        related,
        participants: Vec::new(),
        created_at: payload.moment("create_date")?,
    };
    Ok(Some(Mapped { body: FacetBody::Activity(facet), keys: Vec::new(), refs: Vec::new() }))
}

/// The category of an activity's type knows meetings, and calls where a module adds them; those and e-mails are told by the
/// icon of Odoo's own types.
pub(super) fn kind(payload: &Payload<'_>, category: &str, icon: &str) -> Result<ActivityKind, Rejection> {
    let by_icon = match payload.text(icon)?.as_deref() {
        Some("fa-phone") => ActivityKind::Call,
        Some("fa-envelope") => ActivityKind::Email,
        _ => ActivityKind::Task,
    };
    Ok(match payload.text(category)?.as_deref() {
        Some("phonecall") => ActivityKind::Call,
        Some("meeting") => ActivityKind::Meeting,
        _ => by_icon,
    })
}

/// What it is about: a record named by its model and `res_id`. A partner may be a company or a person, which only the
/// partner's own record tells; it counts as an account here, and the id leads to whichever it is. Other models are outside
/// this system.
pub(super) fn related(payload: &Payload<'_>, model: &str) -> Result<Option<Related>, Rejection> {
    let Some(id) = payload.integer("res_id")?.filter(|id| *id > 0) else { return Ok(None) };
    let entity = match payload.text(model)?.as_deref() {
        Some("crm.lead") => Entity::Opportunity,
        Some("res.partner") => Entity::Account,
        _ => return Ok(None),
    };
    let object = if entity == Entity::Opportunity { "crm.lead" } else { "res.partner" };
    Ok(Some(Related { entity, id: payload.facet(object, id)? }))
}
