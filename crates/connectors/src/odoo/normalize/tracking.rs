//! The history that Odoo keeps of a lead, in our words.
//!
//! A change bears the moment of its transaction, as the lead itself does. Leads and their histories are asked for one after
//! the other, so a history may tell of a change from after the lead was read; that one comes again with the lead's next
//! version, and is left out here.
//!
//! Of `active` only "put away" and "brought back" are written down. It was lost if a reason was given in the same message;
//! without one it was lost or archived, and the version behind it says which.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::history::{
    HistoryField, HistoryStatement, TrackedChange, either_closed, may_be_same, status_value,
};
use salescommand_domain::canonical::{FacetBody, OpportunityFacet, OutcomeRule, Rejection, Status};
use salescommand_domain::money::decimal_of_f64;
use serde_json::Value as Json;

use super::super::tracking::{FIELD, MEMBER};
use super::payload::Payload;

/// The changes that a lead brings; none if the API user may not read them. `deal` is what the lead states otherwise.
pub(super) fn changes(
    payload: &Payload<'_>,
    deal: &OpportunityFacet,
) -> Result<Option<Vec<TrackedChange>>, Rejection> {
    if !payload.has(MEMBER) {
        return Ok(None);
    }
    let rows: Option<Vec<_>> = payload.list(MEMBER)?.iter().map(|row| payload.within(row)).collect();
    let rows = rows.ok_or_else(|| payload.wrong_type(MEMBER, "a list of changes"))?;
    let within =
        |rejection: Rejection| Rejection { path: format!("/{MEMBER}{}", rejection.path), ..rejection };
    let mut changes = of_rows(&rows).map_err(within)?;
    changes.sort_by_key(|change| (change.at, change.id));
    let stated = HistoryStatement::of(&FacetBody::Opportunity(deal.clone())).unwrap_or_default();
    let modified = payload.moment("write_date")?;
    Ok(Some(up_to(changes, &stated, modified)))
}

fn of_rows(rows: &[Payload<'_>]) -> Result<Vec<TrackedChange>, Rejection> {
    let mut with_reason = BTreeSet::new();
    for row in rows {
        if row.text(FIELD)?.as_deref() == Some("lost_reason_id") && row.id("new_value_integer")?.is_some() {
            with_reason.extend(row.id("mail_message_id")?);
        }
    }
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        changes.extend(change(row, &with_reason)?);
    }
    Ok(changes)
}

/// One change; none of a field that has no place in a history, or without a moment.
fn change(row: &Payload<'_>, with_reason: &BTreeSet<i64>) -> Result<Option<TrackedChange>, Rejection> {
    let name = row.text(FIELD)?;
    let reference =
        |object: &str, column: &str| Ok(row.reference(column, object)?.map(|id| Json::from(id.to_string())));
    let values = |one: &dyn Fn(&str) -> Result<Option<Json>, Rejection>| {
        Ok::<_, Rejection>((one("old_value_integer")?, one("new_value_integer")?))
    };
    let (field, (from, to)) = match name.as_deref() {
        Some("stage_id") => (HistoryField::Stage, values(&|column| reference("crm.stage", column))?),
        Some("user_id") => (HistoryField::Owner, values(&|column| reference("res.users", column))?),
        Some("team_id") => (HistoryField::Team, values(&|column| reference("crm.team", column))?),
        Some("expected_revenue") => {
            (HistoryField::Amount, (revenue(row, "old_value")?, revenue(row, "new_value")?))
        }
        Some("active") => {
            let lost = row.id("mail_message_id")?.is_some_and(|message| with_reason.contains(&message));
            (HistoryField::Status, values(&|column| Ok(Some(status(row.integer(column)?, lost))))?)
        }
        _ => return Ok(None),
    };
    let (Some(id), Some(at)) = (row.own_id(), row.moment("create_date")?) else { return Ok(None) };
    let id = u64::try_from(id).map_err(|_| row.out_of_range("id", "an id"))?;
    let by = row.reference("create_uid", "res.users")?;
    Ok(Some(TrackedChange { id, at, by, field, from, to }))
}

/// A revenue, as an amount states it: 0 is none.
fn revenue(row: &Payload<'_>, side: &str) -> Result<Option<Json>, Rejection> {
    let column = [format!("{side}_float"), format!("{side}_monetary")];
    for column in column {
        if let Some(amount) = row.decimal(&column)?.filter(|amount| *amount != 0.0) {
            let amount: Decimal = decimal_of_f64(amount)
                .map_err(|_| row.out_of_range(&column, "an amount that fits 28 digits"))?;
            return Ok(Some(Json::from(amount.normalize().to_string())));
        }
    }
    Ok(None)
}

/// What `active` says of the status. A reason was given in the message that put it away, if it was lost for sure.
fn status(active: Option<i64>, lost: bool) -> Json {
    let rule = |in_won_stage, elsewhere| {
        status_value(OutcomeRule { in_won_stage, elsewhere, ambiguous_in_won_stage: false })
    };
    match active {
        Some(1) => rule(Status::Won, Status::Open),
        _ if lost => rule(Status::Lost, Status::Lost),
        _ => either_closed(),
    }
}

/// The changes up to what the lead states. Those of the second in which it was last written, and later ones, may be from
/// after it was read.
fn up_to(
    changes: Vec<TrackedChange>,
    stated: &HistoryStatement,
    modified: Option<Timestamp>,
) -> Vec<TrackedChange> {
    let Some(modified) = modified else { return changes };
    let settled = changes.partition_point(|change| change.at < modified);
    let mut later: Vec<TrackedChange> = changes[settled..].to_vec();
    let fields: BTreeSet<HistoryField> = later.iter().map(|change| change.field).collect();
    for field in fields {
        let of_field: Vec<&TrackedChange> = later.iter().filter(|change| change.field == field).collect();
        let value = stated.fields.get(&field);
        let fits = |change: &&&TrackedChange| may_be_same(change.to.as_ref(), value);
        let last = of_field.iter().rev().find(fits).map(|change| change.id);
        let begins = of_field.first().is_some_and(|first| may_be_same(first.from.as_ref(), value));
        let kept: BTreeSet<u64> = match last {
            Some(last) => {
                of_field.iter().map(|change| change.id).take_while(|id| *id != last).chain([last]).collect()
            }
            None if begins => BTreeSet::new(),
            None => of_field.iter().map(|change| change.id).collect(),
        };
        later.retain(|change| change.field != field || kept.contains(&change.id));
    }
    changes[..settled].iter().cloned().chain(later).collect()
}
