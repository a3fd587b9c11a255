//! Fields without a column: what the server works out at every read.

use jiff::civil::Date;

use crate::database::Record;
use crate::reader::Reader;
use crate::sale;
use crate::schema::{Field, Model};
use crate::value::{Value, utc_date};
use crate::wire::Wire;

/// The value of a computed field.
pub fn value<'a>(
    reader: &Reader<'a>,
    model: &Model,
    (id, record): (i64, &'a Record),
    field: &Field,
) -> Value {
    if field.name == "display_name" {
        return Value::Text(display_name(reader, model.name, id, record));
    }
    match model.name {
        "crm.lead" => lead(reader, (id, record), field.name),
        "crm.team" => team(reader, (id, record), field.name),
        "crm.team.member" => through(reader, record, "user_id", "res.users", field.name),
        "mail.activity" => activity(reader, record, field.name),
        "mail.message" => message(reader, record, field.name),
        "calendar.event" => event(reader, record, field.name),
        "calendar.attendee" => through(reader, record, "partner_id", "res.partner", field.name),
        "ir.model.data" => Value::Text(external_id(record)),
        "sale.order.line" => through(reader, record, "order_id", "sale.order", field.name),
        "res.users" => user(reader, (id, record), field.name),
        "res.partner" => partner(reader, (id, record), field.name),
        "res.company" => company(reader, (id, record), field.name),
        "res.currency" => currency(reader, id, field.name),
        "res.currency.rate" => rate(record, field.name),
        "crm.lost.reason" => count(reader, "crm.lead", "lost_reason_id", id),
        "crm.stage" => Value::Int(i64::try_from(reader.database.count("crm.team")).unwrap_or(0)),
        _ => Value::Null,
    }
}

/// What people call a row.
pub fn display_name(reader: &Reader<'_>, model: &str, id: i64, record: &Record) -> String {
    let text = |column: &str| record.get(column).as_text().map(str::to_owned);
    let name = match model {
        "res.partner" => text("complete_name").or_else(|| text("name")),
        "res.users" => name_of(reader, record, "partner_id", "res.partner", "name"),
        "crm.team.member" => {
            record.get("user_id").as_int().and_then(|user| reader.display_name("res.users", user))
        }
        "mail.activity" => text("summary").or_else(|| {
            record
                .get("activity_type_id")
                .as_int()
                .and_then(|kind| reader.display_name("mail.activity.type", kind))
        }),
        "mail.message" => text("record_name").or_else(|| text("subject")),
        "res.currency.rate" => record.get("name").as_date().map(|date| date.to_string()),
        "ir.config_parameter" => text("key"),
        "calendar.attendee" => text("common_name"),
        "utm.campaign" => text("title").or_else(|| text("name")),
        "ir.model.data" => Some(external_id(record)),
        "ir.model.fields" => text("field_description").map(|label| {
            let model = name_of(reader, record, "model_id", "ir.model", "name");
            format!("{label} ({})", model.unwrap_or_default())
        }),
        _ => text("name"),
    };
    name.unwrap_or_else(|| format!("{model},{id}"))
}

/// The properties of a lead: the team's definition with this lead's values. A lead of such a team whose column was
/// never written carries None, which XML-RPC cannot send.
pub fn properties(reader: &Reader<'_>, record: &Record, field: &Field) -> Wire {
    let definition = record
        .get("team_id")
        .as_int()
        .and_then(|team| reader.database.row("crm.team", team))
        .map(|team| team.get("lead_properties_definition"));
    let Some(Value::Json(serde_json::Value::Array(definition))) = definition else {
        return Wire::Array(Vec::new());
    };
    let stored = match record.get(field.name) {
        Value::Json(values) => Some(values),
        _ => None,
    };
    let one = |property: &serde_json::Value| {
        let mut members = match property.into() {
            Wire::Struct(members) => members,
            _ => Vec::new(),
        };
        let name = property.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
        let value = match stored {
            None => Wire::Nil,
            Some(values) => values.get(name).map_or(Wire::Bool(false), Wire::from),
        };
        members.push(("value".to_owned(), value));
        Wire::Struct(members)
    };
    Wire::Array(definition.iter().map(one).collect())
}

/// The currency in which a lead's amounts are: its company's, or the reader's.
pub fn lead_currency(reader: &Reader<'_>, record: &Record) -> Option<i64> {
    let company = record.get("company_id").as_int().or_else(|| reader.session.company())?;
    reader.database.row("res.company", company)?.get("currency_id").as_int()
}

/// The open activity of a lead that is due first.
fn next_activity<'a>(reader: &Reader<'a>, lead: i64) -> Option<&'a Record> {
    let index = reader.pointing_at("crm.lead", "mail.activity", "res_id");
    let ids = index.get(&lead)?;
    let open = ids
        .iter()
        .filter_map(|id| reader.database.row("mail.activity", *id))
        .filter(|row| row.get("active").as_bool());
    open.min_by_key(|row| row.get("date_deadline").as_date())
}

fn lead<'a>(reader: &Reader<'a>, (id, record): (i64, &'a Record), name: &str) -> Value {
    let next = |column: &str| next_activity(reader, id).map_or(Value::Null, |row| row.get(column).clone());
    match name {
        "quotation_count" | "sale_order_count" | "sale_amount_total" => sale::of_lead(reader, id, name),
        "company_currency" => Value::reference(lead_currency(reader, record)),
        "is_automated_probability" => Value::Bool(!crate::lead::set_by_hand(record)),
        "kanban_state" => {
            Value::from(match next_activity(reader, id).map(|row| row.get("date_deadline").as_date()) {
                None => "grey",
                Some(due) if due < Some(reader.session.today()) => "red",
                Some(_) => "green",
            })
        }
        "duplicate_lead_count" => duplicates(reader, id, record),
        "activity_state" => {
            next_activity(reader, id).map_or(Value::Null, |row| activity(reader, row, "state"))
        }
        "activity_user_id" => next("user_id"),
        "activity_type_id" => next("activity_type_id"),
        "activity_date_deadline" => next("date_deadline"),
        "activity_summary" => next("summary"),
        "duration_tracking" => durations(reader, record),
        _ => Value::Null,
    }
}

/// How many other leads come from the same address.
fn duplicates(reader: &Reader<'_>, id: i64, record: &Record) -> Value {
    let address = record.get("email_normalized");
    if address.is_null() {
        return Value::Int(0);
    }
    let others = reader.database.rows("crm.lead");
    let same = others.filter(|(other, row)| *other != id && row.get("email_normalized") == address).count();
    Value::Int(i64::try_from(same).unwrap_or(0))
}

fn durations(reader: &Reader<'_>, record: &Record) -> Value {
    let mut spent = match record.get("x_durations") {
        Value::Durations(spent) => spent.clone(),
        _ => std::collections::BTreeMap::new(),
    };
    let since = record.get("date_last_stage_update").as_instant();
    if let (Some(stage), Some(since)) = (record.get("stage_id").as_int(), since) {
        *spent.entry(stage).or_default() += (reader.session.now.as_second() - since.as_second()).max(0);
    }
    if spent.is_empty() { Value::Null } else { Value::Durations(spent) }
}

fn team<'a>(reader: &Reader<'a>, (id, record): (i64, &'a Record), name: &str) -> Value {
    match name {
        "member_ids" => Value::from(members(reader, id)),
        "currency_id" => Value::reference(lead_currency(reader, record)),
        _ => Value::Null,
    }
}

/// The users with an active membership in the team.
fn members(reader: &Reader<'_>, team: i64) -> Vec<i64> {
    let index = reader.pointing_at("crm.team", "crm.team.member", "crm_team_id");
    let rows =
        index.get(&team).into_iter().flatten().filter_map(|id| reader.database.row("crm.team.member", *id));
    rows.filter(|row| row.get("active").as_bool()).filter_map(|row| row.get("user_id").as_int()).collect()
}

/// The teams a user is an active member of, the oldest membership first.
pub fn teams_of(reader: &Reader<'_>, user: i64) -> Vec<i64> {
    let index = reader.pointing_at("res.users", "crm.team.member", "user_id");
    let rows =
        index.get(&user).into_iter().flatten().filter_map(|id| reader.database.row("crm.team.member", *id));
    rows.filter(|row| row.get("active").as_bool()).filter_map(|row| row.get("crm_team_id").as_int()).collect()
}

fn activity(reader: &Reader<'_>, record: &Record, name: &str) -> Value {
    let kind = |column: &str| {
        let id = record.get("activity_type_id").as_int();
        id.and_then(|id| reader.database.row("mail.activity.type", id))
            .map_or(Value::Null, |row| row.get(column).clone())
    };
    match name {
        "state" if !record.get("active").as_bool() => Value::from("done"),
        "state" => record
            .get("date_deadline")
            .as_date()
            .map_or(Value::Null, |due| Value::from(state(due, reader.session.today()))),
        "activity_category" => kind("category"),
        "activity_decoration" => kind("decoration_type"),
        "icon" => kind("icon"),
        "chaining_type" => kind("chaining_type"),
        "can_write" => Value::Bool(true),
        _ => Value::Null,
    }
}

fn event(reader: &Reader<'_>, record: &Record, name: &str) -> Value {
    match name {
        "partner_id" => through(reader, record, "user_id", "res.users", name),
        _ => through(reader, record, "recurrence_id", "calendar.recurrence", name),
    }
}

fn external_id(record: &Record) -> String {
    let text = |name: &str| record.get(name).as_text().unwrap_or_default().to_owned();
    format!("{}.{}", text("module"), text("name"))
}

fn message(reader: &Reader<'_>, record: &Record, name: &str) -> Value {
    match name {
        "preview" => preview(record),
        "starred" => {
            let own = crate::partner::of_user(reader.database, reader.session);
            let starred = record.get("starred_partner_ids").as_ids();
            Value::Bool(own.is_some_and(|own| starred.contains(&own)))
        }
        _ => Value::Null,
    }
}

/// The body of a message without its tags.
fn preview(record: &Record) -> Value {
    let mut text = String::new();
    let mut inside = false;
    for character in record.get("body").as_text().unwrap_or_default().chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            other if !inside => text.push(other),
            _ => {}
        }
    }
    Value::Text(text.trim().to_owned())
}

fn state(due: Date, today: Date) -> &'static str {
    match due.cmp(&today) {
        std::cmp::Ordering::Less => "overdue",
        std::cmp::Ordering::Equal => "today",
        std::cmp::Ordering::Greater => "planned",
    }
}

fn user<'a>(reader: &Reader<'a>, (id, record): (i64, &'a Record), name: &str) -> Value {
    match name {
        "login_date" => record.get("x_login_date").clone(),
        "sale_team_id" => Value::reference(teams_of(reader, id).first().copied()),
        "crm_team_ids" => Value::from(teams_of(reader, id)),
        "employee_id" => {
            let index = reader.pointing_at("res.users", "hr.employee", "user_id");
            Value::reference(index.get(&id).and_then(|employees| employees.first()).copied())
        }
        "active_partner" => through(reader, record, "partner_id", "res.partner", "active"),
        _ => through(reader, record, "partner_id", "res.partner", name),
    }
}

fn partner<'a>(reader: &Reader<'a>, (id, record): (i64, &'a Record), name: &str) -> Value {
    match name {
        "company_type" => Value::from(if record.get("is_company").as_bool() { "company" } else { "person" }),
        "parent_name" => through(reader, record, "parent_id", "res.partner", "name"),
        "opportunity_count" => count(reader, "crm.lead", "partner_id", id),
        _ => Value::Null,
    }
}

fn company<'a>(reader: &Reader<'a>, (id, record): (i64, &'a Record), name: &str) -> Value {
    match name {
        "user_ids" => Value::from(
            reader.database.ids_where("res.users", |user| user.get("company_ids").as_ids().contains(&id)),
        ),
        _ => through(reader, record, "partner_id", "res.partner", name),
    }
}

/// The rate of the session's company on the session's day; a company without rates reads 1.0 for everything.
fn currency(reader: &Reader<'_>, id: i64, name: &str) -> Value {
    let company = reader.session.company();
    let today = utc_date(reader.session.now);
    let index = reader.pointing_at("res.currency", "res.currency.rate", "currency_id");
    let rows = index
        .get(&id)
        .into_iter()
        .flatten()
        .filter_map(|rate| reader.database.row("res.currency.rate", *rate));
    let latest = rows
        .filter(|row| row.get("company_id").as_int() == company)
        .filter(|row| row.get("name").as_date().is_some_and(|date| date <= today))
        .max_by_key(|row| row.get("name").as_date());
    let rate = latest.map_or(1.0, |row| row.get("rate").as_float());
    match name {
        "rate" => Value::Float(rate),
        "inverse_rate" => Value::Float(if rate == 0.0 { 1.0 } else { 1.0 / rate }),
        "date" => latest.map_or(Value::Null, |row| row.get("name").clone()),
        _ => Value::Null,
    }
}

fn rate(record: &Record, name: &str) -> Value {
    let rate = record.get("rate").as_float();
    match name {
        "company_rate" => Value::Float(rate),
        "inverse_company_rate" => Value::Float(if rate == 0.0 { 0.0 } else { 1.0 / rate }),
        _ => Value::Null,
    }
}

/// A column of the row a many2one points at, or a computed field of it.
fn through<'a>(
    reader: &Reader<'a>,
    record: &Record,
    column: &str,
    target: &'static str,
    name: &str,
) -> Value {
    let found = record.get(column).as_int().and_then(|id| Some((id, reader.database.row(target, id)?)));
    let (Some(row), Some(model)) = (found, reader.model(target)) else { return Value::Null };
    model.field(name).map_or(Value::Null, |field| reader.value(model, row, field).into_owned())
}

fn name_of(reader: &Reader<'_>, record: &Record, column: &str, target: &str, name: &str) -> Option<String> {
    let row = reader.database.row(target, record.get(column).as_int()?)?;
    row.get(name).as_text().map(str::to_owned)
}

fn count(reader: &Reader<'_>, model: &'static str, column: &'static str, id: i64) -> Value {
    let index = reader.pointing_at("", model, column);
    Value::Int(index.get(&id).map_or(0, |rows| i64::try_from(rows.len()).unwrap_or(0)))
}
