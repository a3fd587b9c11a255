//! `mail.activity`: calls, meetings, tasks.

use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, Entity, FacetBody, Mapped, Rejection, Related,
};

use super::payload::Payload;

/// Maps an activity.
pub(super) fn map(payload: &Payload<'_>) -> Result<Mapped, Rejection> {
    let done_on = payload.day("date_done")?;
    let facet = Activity {
        activity_kind: kind(payload)?,
        subject: subject(payload)?,
        // `state` is not read: whether an open activity is overdue depends on the day one asks. Odoo dates what it
        // archives as done; archived without a date was put away by something else.
        state: match (payload.active()?, done_on) {
            (true, _) => ActivityState::Open,
            (false, Some(_)) => ActivityState::Done,
            (false, None) => ActivityState::Cancelled,
        },
        due: payload.day("date_deadline")?,
        done_on,
        done_at: None,
        starts_at: None,
        ends_at: None,
        owner: payload.reference("user_id", "res.users")?,
        related: related(payload)?,
        participants: Vec::new(),
        created_at: payload.moment("create_date")?,
    };
    Ok(Mapped { body: FacetBody::Activity(facet), keys: Vec::new(), refs: Vec::new() })
}

/// The category knows calls and meetings only; e-mails are told by the icon of Odoo's own activity type.
fn kind(payload: &Payload<'_>) -> Result<ActivityKind, Rejection> {
    Ok(match payload.text("activity_category")?.as_deref() {
        Some("phonecall") => ActivityKind::Call,
        Some("meeting") => ActivityKind::Meeting,
        _ if payload.text("icon")?.as_deref() == Some("fa-envelope") => ActivityKind::Email,
        _ => ActivityKind::Task,
    })
}

/// What somebody wrote, else the type's name (the display name), else the record it is about.
fn subject(payload: &Payload<'_>) -> Result<String, Rejection> {
    for field in ["summary", "display_name", "res_name"] {
        if let Some(text) = payload.text(field)? {
            return Ok(text);
        }
    }
    Ok(String::new())
}

/// What it is about. A partner may be a company or a person, which only the partner's own record tells; it counts
/// as an account here, and the id leads to whichever it is. Other models are outside this system.
fn related(payload: &Payload<'_>) -> Result<Option<Related>, Rejection> {
    let Some(id) = payload.integer("res_id")?.filter(|id| *id > 0) else { return Ok(None) };
    let entity = match payload.text("res_model")?.as_deref() {
        Some("crm.lead") => Entity::Opportunity,
        Some("res.partner") => Entity::Account,
        _ => return Ok(None),
    };
    let object = if entity == Entity::Opportunity { "crm.lead" } else { "res.partner" };
    Ok(Some(Related { entity, id: payload.facet(object, id)? }))
}
