//! What the CRM does by itself when a lead is created, written, won, lost, restored or converted.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::activity;
use crate::database::{Database, Record};
use crate::fault::Fault;
use crate::partner::normalized;
use crate::schema::Schema;
use crate::value::Value;
use crate::wire::Wire;
use crate::writer::{Given, Writer};

/// Defaults and dates of a new lead.
pub(crate) fn on_create(writer: &Writer<'_>, record: &mut Record, given: &Given) {
    let session = writer.session;
    let default = |record: &mut Record, name: &'static str, value: Value| {
        if !given.contains(name) {
            record.set(name, value);
        }
    };
    default(record, "type", Value::from("opportunity"));
    default(record, "priority", Value::from("0"));
    default(record, "user_id", Value::Int(session.uid));
    let team = record.get("user_id").as_int().and_then(|user| team_of(writer.database, user));
    default(record, "team_id", Value::reference(team));
    default(record, "company_id", company_of(writer, record));
    default(
        record,
        "stage_id",
        Value::reference(first_stage(writer.database, record.get("team_id").as_int())),
    );
    let now = session.noted();
    if !record.get("user_id").is_null() {
        record.set("date_open", now.clone());
    }
    record.set("date_last_stage_update", now);
    record.set("create_date", Value::Instant(session.started));
    copy_partner(writer.database, record, given);
    default_properties(writer.database, record);
    let automated = automated_probability(writer.database, record);
    record.set("automated_probability", Value::Float(automated));
    if !given.contains("probability") || automated >= 100.0 {
        record.set("probability", Value::Float(automated));
    }
    close_by_probability(writer, record);
    derive(record);
    derive_recurring(writer.database, record);
}

/// Consequences of a write, before the row is stored.
pub(crate) fn on_write(
    writer: &mut Writer<'_>,
    id: i64,
    (before, record): (&Record, &mut Record),
    given: &Given,
) {
    if before.get("stage_id") != record.get("stage_id") {
        stage_changed(writer, before, record, given);
    }
    if before.get("user_id") != record.get("user_id") {
        let assigned = !record.get("user_id").is_null();
        record.set("date_open", if assigned { writer.session.noted() } else { Value::Null });
    }
    if before.get("team_id") != record.get("team_id") {
        default_properties(writer.database, record);
    }
    if given.contains("partner_id") && before.get("partner_id") != record.get("partner_id") {
        copy_partner(writer.database, record, given);
    }
    if given.contains("probability") {
        record.set("date_closed", Value::Null);
        close_by_probability(writer, record);
    }
    if before.get("active").as_bool() && !record.get("active").as_bool() {
        delete_open_activities(writer, id);
    }
    derive(record);
    derive_recurring(writer.database, record);
}

/// Recurring revenue by month, by the plan's length, and both by probability.
fn derive_recurring(database: &Database, record: &mut Record) {
    let plan = record.get("recurring_plan").as_int().and_then(|id| database.row("crm.recurring.plan", id));
    let months = plan.map_or(0.0, |plan| plan.get("number_of_months").as_float());
    let revenue = record.get("recurring_revenue").as_float();
    let monthly = if months > 0.0 { revenue / months } else { 0.0 };
    let share = record.get("probability").as_float() / 100.0;
    for (name, amount) in [
        ("recurring_revenue_monthly", monthly),
        ("recurring_revenue_prorated", revenue * share),
        ("recurring_revenue_monthly_prorated", monthly * share),
    ] {
        record.set(name, Value::Float(amount));
    }
}

/// An edited e-mail or phone goes back to the customer, and moves the customer's `write_date`.
pub(crate) fn after_write(writer: &mut Writer<'_>, id: i64, given: &Given) {
    let Some(record) = writer.database.row("crm.lead", id) else { return };
    let Some(partner) = record.get("partner_id").as_int() else { return };
    let back: Vec<(&'static str, Value)> = [("email_from", "email"), ("phone", "phone")]
        .into_iter()
        .filter(|(own, _)| given.contains(own))
        .map(|(own, theirs)| (theirs, record.get(own).clone()))
        .collect();
    if back.is_empty() {
        return;
    }
    writer.touch("res.partner", partner, |row| {
        for (column, value) in back {
            row.set(column, value);
        }
        let email = row.get("email").as_text().and_then(normalized);
        row.set("email_normalized", email.into());
    });
}

fn stage_changed(writer: &Writer<'_>, before: &Record, record: &mut Record, given: &Given) {
    let now = writer.session.now;
    if let (Some(stage), Some(since)) =
        (before.get("stage_id").as_int(), before.get("date_last_stage_update").as_instant())
    {
        let mut spent = match before.get("x_durations") {
            Value::Durations(spent) => spent.clone(),
            _ => BTreeMap::new(),
        };
        *spent.entry(stage).or_default() += (now.as_second() - since.as_second()).max(0);
        record.set("x_durations", Value::Durations(spent));
    }
    record.set("date_last_stage_update", writer.session.noted());
    let (was_won, is_won) = (stage_is_won(writer.database, before), stage_is_won(writer.database, record));
    let automated = automated_probability(writer.database, record);
    let manual = set_by_hand(before);
    record.set("automated_probability", Value::Float(automated));
    if is_won {
        record.set("probability", Value::Float(100.0));
        record.set("date_closed", writer.session.noted());
    } else if was_won {
        record.set("date_closed", Value::Null);
    }
    // A probability set by hand survives a change of stage, a won or lost one does not.
    if !is_won && !given.contains("probability") && record.get("active").as_bool() && (was_won || !manual) {
        record.set("probability", Value::Float(automated));
    }
}

/// Whether somebody set the probability: it differs from the automated one.
pub(crate) fn set_by_hand(record: &Record) -> bool {
    let difference = record.get("probability").as_float() - record.get("automated_probability").as_float();
    difference.abs() >= 0.005
}

fn close_by_probability(writer: &Writer<'_>, record: &mut Record) {
    let probability = record.get("probability").as_float();
    if probability >= 100.0 || probability <= 0.0 {
        record.set("date_closed", writer.session.noted());
    }
}

/// Stored fields that follow from others.
pub(crate) fn derive(record: &mut Record) {
    let revenue = record.get("expected_revenue").as_float() * record.get("probability").as_float() / 100.0;
    record.set("prorated_revenue", Value::Float((revenue * 100.0).round() / 100.0));
    let email = record.get("email_from").as_text().map(str::to_owned);
    let normal = email.as_deref().and_then(normalized);
    let state =
        email.filter(|text| !text.is_empty()).map(|_| if normal.is_some() { "correct" } else { "incorrect" });
    let criterion =
        normal.as_deref().and_then(|address| address.split_once('@')).map(|(_, domain)| format!("@{domain}"));
    record.set("email_domain_criterion", criterion.into());
    let digits = record.get("phone").as_text().map(crate::partner::sanitized);
    record.set("phone_sanitized", digits.into());
    record.set("email_normalized", normal.into());
    record.set("email_state", state.into());
    let created = record.get("create_date").as_instant();
    for (days, moment) in [("day_open", "date_open"), ("day_close", "date_closed")] {
        let until = record.get(moment).as_instant();
        let whole = created.zip(until).map(|(from, to)| ((to.as_second() - from.as_second()) / 86_400).abs());
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        record.set(days, whole.map(|days| days as f64).into());
    }
}

/// A lead that comes to a team gets the properties its team has defined; leads that were there before the definition
/// keep none, which is what makes them unreadable in that field.
fn default_properties(database: &Database, record: &mut Record) {
    let team = record.get("team_id").as_int().and_then(|team| database.row("crm.team", team));
    let Some(Value::Json(Json::Array(definition))) = team.map(|team| team.get("lead_properties_definition"))
    else {
        return;
    };
    let mut values = match record.get("lead_properties") {
        Value::Json(Json::Object(values)) => values.clone(),
        _ => serde_json::Map::new(),
    };
    for property in definition {
        let name = property.get("name").and_then(Json::as_str).unwrap_or_default();
        let default = property.get("default").cloned().unwrap_or(Json::Bool(false));
        values.entry(name).or_insert(default);
    }
    record.set("lead_properties", Value::Json(Json::Object(values)));
}

/// Contact details of the customer, where the caller gave none.
fn copy_partner(database: &Database, record: &mut Record, given: &Given) {
    let Some(partner) = record.get("partner_id").as_int().and_then(|id| database.row("res.partner", id))
    else {
        return;
    };
    let company = partner.get("commercial_company_name").clone();
    let person = !partner.get("is_company").as_bool();
    let mut copy = |name: &'static str, value: Value| {
        if !given.contains(name) && !value.is_null() {
            record.set(name, value);
        }
    };
    copy("email_from", partner.get("email").clone());
    copy("partner_name", company);
    if person {
        copy("contact_name", partner.get("name").clone());
    }
    for name in ["phone", "mobile", "website", "function", "street", "city", "zip", "country_id"] {
        copy(name, partner.get(name).clone());
    }
}

/// The probability the stage suggests: 100 when won, otherwise rising with the stage's position.
pub(crate) fn automated_probability(database: &Database, record: &Record) -> f64 {
    if stage_is_won(database, record) {
        return 100.0;
    }
    let position = |stage: &Record| stage.get("sequence").as_int().unwrap_or(0);
    let own =
        record.get("stage_id").as_int().and_then(|id| database.row("crm.stage", id)).map_or(0, position);
    let open: Vec<i64> = database
        .rows("crm.stage")
        .filter(|(_, row)| !row.get("is_won").as_bool())
        .map(|(_, row)| position(row))
        .collect();
    let before = open.iter().filter(|sequence| **sequence < own).count();
    #[expect(clippy::cast_precision_loss, reason = "a handful of stages")]
    let share = before as f64 / open.len().max(1) as f64;
    ((12.5 + 80.0 * share) * 100.0).round() / 100.0
}

fn stage_is_won(database: &Database, record: &Record) -> bool {
    let stage = record.get("stage_id").as_int().and_then(|id| database.row("crm.stage", id));
    stage.is_some_and(|stage| stage.get("is_won").as_bool())
}

fn first_stage(database: &Database, team: Option<i64>) -> Option<i64> {
    let open = |stage: &&(i64, &Record)| stage.1.get("team_id").as_int().is_none_or(|own| Some(own) == team);
    let stages: Vec<(i64, &Record)> = database.rows("crm.stage").collect();
    stages.iter().filter(open).min_by_key(|(id, row)| (row.get("sequence").as_int(), *id)).map(|(id, _)| *id)
}

/// The team a user belongs to, or leads.
fn team_of(database: &Database, user: i64) -> Option<i64> {
    let mine = |row: &Record| row.get("user_id").as_int() == Some(user) && row.get("active").as_bool();
    let member = database.rows("crm.team.member").find(|(_, row)| mine(row));
    member
        .and_then(|(_, row)| row.get("crm_team_id").as_int())
        .or_else(|| database.rows("crm.team").find(|(_, row)| mine(row)).map(|(id, _)| id))
}

fn company_of(writer: &Writer<'_>, record: &Record) -> Value {
    let of = |model: &str, column: &str| {
        record
            .get(column)
            .as_int()
            .and_then(|id| writer.database.row(model, id))
            .and_then(|row| row.get("company_id").as_int())
    };
    Value::reference(
        of("crm.team", "team_id").or_else(|| of("res.users", "user_id")).or_else(|| writer.session.company()),
    )
}

fn delete_open_activities(writer: &mut Writer<'_>, lead: i64) {
    let open = |row: &Record| {
        row.get("res_id").as_int() == Some(lead)
            && row.get("res_model").as_text() == Some("crm.lead")
            && row.get("active").as_bool()
    };
    for id in writer.database.ids_where("mail.activity", open) {
        writer.database.remove("mail.activity", id);
    }
}

/// `action_set_won`: into the first won stage.
pub(crate) fn set_won(writer: &mut Writer<'_>, ids: &[i64]) -> Result<Wire, Fault> {
    let won = writer.database.rows("crm.stage").filter(|(_, row)| row.get("is_won").as_bool());
    let stage = won.min_by_key(|(id, row)| (row.get("sequence").as_int(), *id)).map(|(id, _)| id);
    let mut values =
        vec![("active".to_owned(), Wire::Bool(true)), ("probability".to_owned(), Wire::Double(100.0))];
    values.extend(stage.map(|id| ("stage_id".to_owned(), Wire::Int(id))));
    write(writer, ids, values)?;
    Ok(Wire::Bool(true))
}

/// `action_set_lost`: archived with probability 0, and whatever else the caller names.
pub(crate) fn set_lost(
    writer: &mut Writer<'_>,
    ids: &[i64],
    more: Vec<(String, Wire)>,
) -> Result<Wire, Fault> {
    archive(writer, ids)?;
    if !more.is_empty() {
        write(writer, ids, more)?;
    }
    Ok(Wire::Nil)
}

/// `action_lost_reason_apply` of the dialogue that asks for the reason; its note stays as a message on each lead.
pub(crate) fn lose_by_dialogue(writer: &mut Writer<'_>, dialogues: &[i64]) -> Result<Wire, Fault> {
    for dialogue in dialogues {
        let Some(dialogue) = writer.database.row("crm.lead.lost", *dialogue).cloned() else { continue };
        let leads = dialogue.get("lead_ids").as_ids();
        let reason = dialogue.get("lost_reason_id").as_int();
        let reason = reason.map(|id| ("lost_reason_id".to_owned(), Wire::Int(id)));
        set_lost(writer, leads, reason.into_iter().collect())?;
        if let Some(note) = dialogue.get("lost_feedback").as_text() {
            let values = Wire::Struct(vec![("body".to_owned(), Wire::text(note))]);
            activity::post(writer, lead_model()?, leads, &values)?;
        }
    }
    Ok(Wire::Nil)
}

/// `action_archive`, which zeroes the probability too.
pub(crate) fn archive(writer: &mut Writer<'_>, ids: &[i64]) -> Result<Wire, Fault> {
    let active = having(writer, ids, true);
    let values =
        vec![("active".to_owned(), Wire::Bool(false)), ("probability".to_owned(), Wire::Double(0.0))];
    write(writer, &active, values)?;
    for id in active {
        writer.touch("crm.lead", id, |row| row.set("automated_probability", Value::Float(0.0)));
    }
    Ok(Wire::Nil)
}

/// `action_unarchive`: open again, without reason and closing date, probability from the stage.
pub(crate) fn unarchive(writer: &mut Writer<'_>, ids: &[i64]) -> Result<Wire, Fault> {
    let archived = having(writer, ids, false);
    let values =
        vec![("active".to_owned(), Wire::Bool(true)), ("lost_reason_id".to_owned(), Wire::Bool(false))];
    write(writer, &archived, values)?;
    for id in archived {
        let Some(record) = writer.database.row("crm.lead", id) else { continue };
        let automated = automated_probability(writer.database, record);
        let won = automated >= 100.0;
        let now = writer.session.noted();
        writer.touch("crm.lead", id, |row| {
            row.set("automated_probability", Value::Float(automated));
            row.set("probability", Value::Float(automated));
            row.set("date_closed", if won { now } else { Value::Null });
            derive(row);
        });
    }
    Ok(Wire::Nil)
}

/// `toggle_active`.
pub(crate) fn toggle(writer: &mut Writer<'_>, ids: &[i64]) -> Result<Wire, Fault> {
    let (active, archived) = (having(writer, ids, true), having(writer, ids, false));
    archive(writer, &active)?;
    unarchive(writer, &archived)
}

/// `convert_opportunity`: a lead becomes an opportunity under the same id.
pub(crate) fn convert(writer: &mut Writer<'_>, ids: &[i64], partner: Option<i64>) -> Result<Wire, Fault> {
    let mut values = vec![("type".to_owned(), Wire::text("opportunity"))];
    values.extend(partner.map(|id| ("partner_id".to_owned(), Wire::Int(id))));
    let now = writer.session.noted();
    let leads: Vec<i64> = ids.to_vec();
    write(writer, &leads, values)?;
    for id in leads {
        writer.touch("crm.lead", id, |row| row.set("date_conversion", now.clone()));
    }
    Ok(Wire::Bool(true))
}

fn having(writer: &Writer<'_>, ids: &[i64], active: bool) -> Vec<i64> {
    let is = |id: &i64| {
        writer.database.row("crm.lead", *id).is_some_and(|row| row.get("active").as_bool() == active)
    };
    ids.iter().copied().filter(is).collect()
}

/// The model of leads.
pub(crate) fn lead_model() -> Result<&'static crate::schema::Model, Fault> {
    Schema::get().model("crm.lead").ok_or_else(|| Fault::user("Object crm.lead doesn't exist"))
}

fn write(writer: &mut Writer<'_>, ids: &[i64], values: Vec<(String, Wire)>) -> Result<(), Fault> {
    writer.write(lead_model()?, ids, &Wire::Struct(values))
}
