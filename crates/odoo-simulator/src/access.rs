//! Who may see and change what: model access by level, and the record rules that filter silently.

use crate::database::Record;
use crate::fault::Fault;
use crate::reader::Reader;
use crate::schema::{Field, Level, Model};
use crate::session::Session;

/// What a caller wants to do with a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// search, read and their kin.
    Read,
    /// create, write, unlink.
    Write,
}

/// Whether the session may use the model at all.
pub fn allowed(session: &Session, model: &Model, operation: Operation) -> bool {
    if session.withheld.model(session.uid, model.name) {
        return false;
    }
    match operation {
        Operation::Read => session.level >= model.read,
        Operation::Write => session.level >= model.read && session.level >= model.write,
    }
}

/// Fault 4 unless the session may use the model.
pub fn check(session: &Session, model: &Model, operation: Operation) -> Result<(), Fault> {
    if allowed(session, model, operation) {
        Ok(())
    } else {
        Err(Fault::model_forbidden(model.name, model.label))
    }
}

/// The field of that name, unless the module behind it is not installed.
pub fn field(session: &Session, model: &'static Model, name: &str) -> Option<&'static Field> {
    model.field(name).filter(|field| installed(session, field))
}

/// Whether the field exists for the session's user.
pub fn field_exists(session: &Session, model: &Model, field: &Field) -> bool {
    installed(session, field)
        && field.restricted.is_none_or(|least| session.level >= least)
        && !session.withheld.field(session.uid, model.name, field.name)
}

fn installed(session: &Session, field: &Field) -> bool {
    !field.relation.is_some_and(|relation| session.withheld.absent(relation))
}

/// The record rules: whether this row is visible to the session.
pub fn visible(reader: &Reader<'_>, model: &Model, id: i64, record: &Record) -> bool {
    let session = reader.session;
    match model.name {
        "crm.lead" | "sale.order" => lead_visible(session, record),
        "sale.order.line" => record
            .get("order_id")
            .as_int()
            .and_then(|order| reader.database.row("sale.order", order))
            .is_some_and(|order| lead_visible(session, order)),
        "mail.activity" => {
            record.get("user_id").as_int() == Some(session.uid) && session.level >= Level::Internal
                || document_visible(reader, record, "res_model")
        }
        "mail.message" => addressed(reader, record) || document_visible(reader, record, "model"),
        "ir.model" => record.get("model").as_text().is_none_or(|name| !session.withheld.absent(name)),
        "res.partner" => partner_visible(reader, id, record),
        "res.users" => {
            id == session.uid
                || record
                    .get("company_ids")
                    .as_ids()
                    .iter()
                    .any(|company| session.companies.contains(company))
        }
        "res.company" => session.companies.contains(&id),
        "crm.team" | "res.currency.rate" | "hr.employee" | "hr.department" => {
            company_visible(session, record)
        }
        _ => true,
    }
}

fn company_visible(session: &Session, record: &Record) -> bool {
    record.get("company_id").as_int().is_none_or(|company| session.companies.contains(&company))
}

fn lead_visible(session: &Session, record: &Record) -> bool {
    let own = || record.get("user_id").as_int().is_none_or(|user| user == session.uid);
    company_visible(session, record) && (session.level >= Level::AllDocuments || own())
}

fn partner_visible(reader: &Reader<'_>, id: i64, record: &Record) -> bool {
    let session = reader.session;
    if session.level == Level::Portal {
        let own =
            reader.database.row("res.users", session.uid).and_then(|user| user.get("partner_id").as_int());
        return own == Some(id);
    }
    // Colleagues stay visible across companies; customers do not.
    !record.get("partner_share").as_bool() || company_visible(session, record)
}

/// Whether the session's user wrote the message or is among its recipients.
fn addressed(reader: &Reader, record: &Record) -> bool {
    let user = reader.database.row("res.users", reader.session.uid);
    let own = user.and_then(|user| user.get("partner_id").as_int());
    own.is_some_and(|own| {
        record.get("author_id").as_int() == Some(own) || record.get("partner_ids").as_ids().contains(&own)
    })
}

/// Activities and messages follow the document they hang on.
fn document_visible(reader: &Reader<'_>, record: &Record, model_column: &str) -> bool {
    let Some(target) = record.get(model_column).as_text() else { return false };
    let Some(model) = reader.model(target) else { return false };
    let Some(id) = record.get("res_id").as_int() else { return false };
    allowed(reader.session, model, Operation::Read)
        && reader.database.row(target, id).is_some_and(|row| visible(reader, model, id, row))
}
