//! What follows from a change of a partner: names, the commercial entity, and the leads that copy its contact data.

use crate::database::{Database, Record};
use crate::fault::Fault;
use crate::reader::Reader;
use crate::schema::{Level, Schema};
use crate::session::{Session, groups};
use crate::value::Value;
use crate::wire::Wire;
use crate::writer::{Given, Writer};

/// The columns of an address.
const ADDRESS: &[&str] = &["street", "street2", "city", "zip", "country_id"];

/// The form of an e-mail address used for comparison; nothing when the text is no address.
pub fn normalized(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let (local, domain) = text.split_once('@')?;
    let whole = !local.is_empty()
        && domain.contains('.')
        && !domain.contains('@')
        && !text.contains(char::is_whitespace);
    whole.then_some(text)
}

/// A phone number without the characters people put between the digits.
pub(crate) fn sanitized(phone: &str) -> String {
    phone.replace([' ', '-', '(', ')', '/'], "")
}

/// Derived columns, before the row is stored.
///
/// # Errors
/// Fault 2 for a partner among its own ancestors, or an active user's partner being archived.
pub(crate) fn on_change(writer: &Writer<'_>, id: Option<i64>, record: &mut Record) -> Result<(), Fault> {
    if let (Some(id), Some(parent)) = (id, record.get("parent_id").as_int())
        && (parent == id || ancestors(writer.database, parent).contains(&id))
    {
        return Err(Fault::user("A contact cannot be its own parent."));
    }
    if let Some(id) = id.filter(|_| !record.get("active").as_bool()) {
        let logged_in =
            |row: &Record| row.get("partner_id").as_int() == Some(id) && row.get("active").as_bool();
        if writer.database.rows("res.users").any(|(_, row)| logged_in(row)) {
            return Err(Fault::user("A contact linked to an active user cannot be archived."));
        }
    }
    if record.get("type").is_null() {
        record.set("type", Value::from("contact"));
    }
    if id.is_none() && record.get("partner_share").is_null() {
        record.set("partner_share", Value::Bool(true));
    }
    derive(writer.database, id, record);
    Ok(())
}

/// Rows that copy something from this partner.
pub(crate) fn after_change(writer: &mut Writer<'_>, id: i64, given: &Given) {
    if let Some(row) = writer.database.edit("res.partner", id)
        && row.get("commercial_partner_id").is_null()
    {
        row.set("commercial_partner_id", Value::Int(id));
    }
    if given.contains("name") || given.contains("parent_id") || given.contains("is_company") {
        for child in writer.database.ids_where("res.partner", |row| row.get("parent_id").as_int() == Some(id))
        {
            let Some(mut record) = writer.database.row("res.partner", child).cloned() else { continue };
            derive(writer.database, Some(child), &mut record);
            writer.store("res.partner", child, record);
        }
    }
    share_address(writer, id, given);
    let copied: Vec<(&'static str, &'static str)> = [("email", "email_from"), ("phone", "phone")]
        .into_iter()
        .filter(|(own, _)| given.contains(own))
        .collect();
    if copied.is_empty() {
        return;
    }
    let Some(partner) = writer.database.row("res.partner", id).cloned() else { return };
    for lead in writer.database.ids_where("crm.lead", |row| row.get("partner_id").as_int() == Some(id)) {
        writer.touch("crm.lead", lead, |row| {
            for (own, theirs) in &copied {
                row.set(theirs, partner.get(own).clone());
            }
            crate::lead::derive(row);
        });
    }
}

/// Contacts of a company live where it lives: a changed address is copied to them and moves their `write_date`.
fn share_address(writer: &mut Writer<'_>, id: i64, given: &Given) {
    let changed: Vec<&'static str> = ADDRESS.iter().copied().filter(|name| given.contains(name)).collect();
    let Some(parent) = writer.database.row("res.partner", id).filter(|_| !changed.is_empty()).cloned() else {
        return;
    };
    let lives_there = |row: &Record| {
        row.get("parent_id").as_int() == Some(id) && row.get("type").as_text() == Some("contact")
    };
    for child in writer.database.ids_where("res.partner", lives_there) {
        writer.touch("res.partner", child, |row| {
            for name in &changed {
                row.set(name, parent.get(name).clone());
            }
        });
    }
}

/// Columns of a partner that follow from others.
pub(crate) fn derive(database: &Database, id: Option<i64>, record: &mut Record) {
    let email = record.get("email").as_text().and_then(normalized);
    record.set("email_normalized", email.into());
    let digits = record.get("phone").as_text().map(sanitized);
    record.set("phone_sanitized", digits.into());
    let name = record.get("name").as_text().unwrap_or_default().to_owned();
    let parent = record
        .get("parent_id")
        .as_int()
        .and_then(|parent| Some((parent, database.row("res.partner", parent)?)));
    let (commercial, company) = match parent.filter(|_| !record.get("is_company").as_bool()) {
        Some((parent, row)) => {
            let top = row.get("commercial_partner_id").as_int().unwrap_or(parent);
            let top_name =
                database.row("res.partner", top).and_then(|row| row.get("name").as_text()).map(str::to_owned);
            (Some(top), top_name)
        }
        None => (id, record.get("is_company").as_bool().then(|| name.clone())),
    };
    let complete = match parent {
        Some((_, row)) if !record.get("is_company").as_bool() => {
            let company =
                company.clone().or_else(|| row.get("name").as_text().map(str::to_owned)).unwrap_or_default();
            format!("{}, {}", company.trim(), name.trim())
        }
        _ => name.trim().to_owned(),
    };
    record.set("complete_name", Value::Text(complete));
    record.set("commercial_partner_id", Value::reference(commercial));
    let company = company.or_else(|| record.get("company_name").as_text().map(str::to_owned));
    record.set("commercial_company_name", company.into());
}

/// A new user gets a partner carrying the name and e-mail it was created with.
pub(crate) fn on_user_create(
    writer: &mut Writer<'_>,
    record: &mut Record,
    values: &Wire,
) -> Result<(), Fault> {
    if record.get("partner_id").is_null() {
        let text = |name: &str| values.get(name).and_then(Wire::as_text).map(str::to_owned);
        let login = record.get("login").as_text().unwrap_or_default().to_owned();
        let email = text("email").or_else(|| login.contains('@').then(|| login.clone()));
        let mut members = vec![("name".to_owned(), Wire::Text(text("name").unwrap_or(login)))];
        members.extend(email.map(|email| ("email".to_owned(), Wire::Text(email))));
        let model = Schema::get()
            .model("res.partner")
            .ok_or_else(|| Fault::user("Object res.partner doesn't exist"))?;
        let partner = writer.create(model, &Wire::Struct(members))?;
        if let Some(row) = writer.database.edit("res.partner", partner) {
            row.set("partner_share", Value::Bool(false));
        }
        record.set("partner_id", Value::Int(partner));
    }
    for (name, fallback) in [
        ("notification_type", Value::from("email")),
        ("company_id", Value::reference(writer.session.company())),
        ("company_ids", Value::from(writer.session.company().into_iter().collect::<Vec<_>>())),
        ("groups_id", Value::from(groups(Level::Internal))),
    ] {
        if record.get(name).is_null() {
            record.set(name, fallback);
        }
    }
    Ok(())
}

/// Fields of a user that live on its partner are written there.
pub(crate) fn after_user_write(writer: &mut Writer<'_>, id: i64, values: &Wire) -> Result<(), Fault> {
    let (Wire::Struct(members), Some(model)) = (values, Schema::get().model("res.partner")) else {
        return Ok(());
    };
    let shared = ["name", "email", "phone", "mobile", "function"];
    let theirs: Vec<(String, Wire)> =
        members.iter().filter(|(name, _)| shared.contains(&name.as_str())).cloned().collect();
    let partner = writer.database.row("res.users", id).and_then(|row| row.get("partner_id").as_int());
    match partner {
        Some(partner) if !theirs.is_empty() => writer.write(model, &[partner], &Wire::Struct(theirs)),
        _ => Ok(()),
    }
}

/// The partner of a user, as the author of what the user does.
pub(crate) fn of_user(database: &Database, session: &Session) -> Option<i64> {
    database.row("res.users", session.uid)?.get("partner_id").as_int()
}

fn ancestors(database: &Database, start: i64) -> Vec<i64> {
    let mut found = vec![start];
    while let Some(parent) = found
        .last()
        .and_then(|id| database.row("res.partner", *id))
        .and_then(|row| row.get("parent_id").as_int())
    {
        if found.contains(&parent) {
            break;
        }
        found.push(parent);
    }
    found
}

/// Display name through a throw-away reader, for columns that store one.
pub(crate) fn display_name(database: &Database, session: &Session, model: &str, id: i64) -> Option<String> {
    Reader::new(database, session).display_name(model, id)
}
