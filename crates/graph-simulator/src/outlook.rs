//! Mailboxes: folders of contacts, contacts, and the calendar.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::delta::{Entry, Round, Told};
use crate::directory;
use crate::fault::Reply;
use crate::query::{Question, select};
use crate::tenant::{Item, Mailbox, Tenant};

/// Answers a question about a mailbox; none if it is about something else.
pub(crate) fn answer(tenant: &Tenant, question: &Question, pages: usize) -> Option<Result<Reply, Reply>> {
    let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
    let ["users", user, rest @ ..] = path.as_slice() else { return None };
    if !matches!(
        rest.first(),
        Some(&("contactFolders" | "contacts" | "events" | "calendarView" | "calendar"))
    ) {
        return None;
    }
    let mailbox = match mailbox(tenant, user) {
        Ok(mailbox) => mailbox,
        Err(refusal) => return Some(Err(refusal)),
    };
    let delta = |word: &str| matches!(word, "delta" | "delta()");
    Some(match rest {
        ["contactFolders"] => Ok(folders(question, mailbox)),
        ["contactFolders", folder] if mailbox.folders.contains_key(*folder) => {
            Ok(Reply::ok(json!({"id": folder})))
        }
        ["contactFolders", folder, "contacts", word] if delta(word) => {
            contacts_delta(tenant, question, (mailbox, folder), pages)
        }
        ["contacts", id] => item(&mailbox.contacts, question, id),
        ["events", id] => item(&mailbox.events, question, id),
        ["calendarView", word] if delta(word) => calendar_delta(tenant, question, mailbox, pages),
        _ => Err(Reply::no_item()),
    })
}

/// The permissions of which one is needed to ask.
pub(crate) fn permissions(question: &Question) -> &'static [&'static str] {
    match question.path.get(2).map(String::as_str) {
        Some("contactFolders" | "contacts") => &["Contacts.Read", "Contacts.ReadWrite"],
        _ => &["Calendars.Read", "Calendars.ReadWrite"],
    }
}

fn mailbox<'t>(tenant: &'t Tenant, user: &str) -> Result<&'t Mailbox, Reply> {
    let invalid =
        |_| Reply::error(StatusCode::NOT_FOUND, "ErrorInvalidUser", "The requested user is invalid.");
    let (id, _) = directory::user(tenant, user).map_err(invalid)?;
    if tenant.closed.contains(&id) {
        let message = "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.";
        return Err(Reply::error(StatusCode::FORBIDDEN, "ErrorAccessDenied", message));
    }
    let message = "The mailbox is either inactive, soft-deleted, or is hosted on-premise.";
    let none = || Reply::error(StatusCode::NOT_FOUND, "MailboxNotEnabledForRESTAPI", message);
    tenant.mailboxes.get(&id).ok_or_else(none)
}

/// The usual folder is above the ones that are listed, and has to be known by its name.
fn folders(question: &Question, mailbox: &Mailbox) -> Reply {
    let listed = mailbox.folders.iter().filter(|(id, _)| *id != crate::tenant::CONTACTS);
    let listed: Vec<_> = listed.map(|(id, name)| json!({"id": id, "displayName": name})).collect();
    let context = format!("{}/v1.0/$metadata#users/contactFolders", question.base);
    Reply::ok(json!({"@odata.context": context, "value": listed}))
}

/// An item with the id that was asked for.
fn identified(question: &Question, id: &str, item: &Item) -> Map<String, Value> {
    let mut fields = item.fields.clone();
    let id = if question.immutable { id } else { &item.mutable };
    fields.insert("id".to_owned(), id.into());
    fields.insert("@odata.etag".to_owned(), format!("W/\"{}\"", item.changed).into());
    fields
}

fn item(
    items: &std::collections::BTreeMap<String, Item>,
    question: &Question,
    id: &str,
) -> Result<Reply, Reply> {
    let found = items.get_key_value(id).or_else(|| items.iter().find(|(_, item)| item.mutable == id));
    let (id, item) = found.filter(|(_, item)| !item.gone).ok_or_else(Reply::no_item)?;
    let fields = identified(question, id, item);
    let selected = question.selected();
    Ok(Reply::ok(Value::Object(select(&fields, selected.as_deref()))))
}

/// Pages as long as is preferred, and never longer than the server's own.
fn size(question: &Question, pages: usize) -> usize {
    question.page_size.unwrap_or(10).clamp(1, pages)
}

fn contacts_delta(
    tenant: &Tenant,
    question: &Question,
    (mailbox, folder): (&Mailbox, &str),
    pages: usize,
) -> Result<Reply, Reply> {
    if !mailbox.folders.contains_key(folder) {
        return Err(Reply::no_item());
    }
    let round = Round::of(tenant, question)?;
    let entries = mailbox.contacts.iter().filter_map(|(id, item)| {
        let shown = if question.immutable { id.clone() } else { item.mutable.clone() };
        let removed = |changed| Entry {
            order: id.clone(),
            changed,
            told: Told::Removed { id: shown.clone(), reason: "deleted", at_first: false },
        };
        if item.folder != folder {
            return item.left.get(folder).copied().map(removed);
        }
        if item.gone {
            return Some(removed(item.changed));
        }
        let fields = select(&identified(question, id, item), round.select.as_deref());
        Some(Entry { order: id.clone(), changed: item.changed, told: Told::Record(fields) })
    });
    Ok(Reply::ok(round.page(question, size(question, pages), entries.collect())))
}

fn calendar_delta(
    tenant: &Tenant,
    question: &Question,
    mailbox: &Mailbox,
    pages: usize,
) -> Result<Reply, Reply> {
    for refused in ["select", "expand", "filter", "orderby", "search"] {
        if question.option(refused).is_some() {
            let message =
                format!("The following parameters are not supported with change tracking: '${refused}'.");
            return Err(Reply::error(StatusCode::BAD_REQUEST, "ErrorInvalidUrlQuery", &message));
        }
    }
    let round = Round::of(tenant, question)?;
    let Some((start, end)) = round.window.clone() else {
        let message = "This request requires a time window specified by the query string parameters StartDateTime and EndDateTime.";
        return Err(Reply::error(StatusCode::BAD_REQUEST, "ErrorInvalidParameter", message));
    };
    let within = |item: &Item| {
        let time = |name: &str| item.fields[name]["dateTime"].as_str().unwrap_or_default().to_owned();
        let key = |at: &str| at.trim_end_matches('Z').get(..19).unwrap_or_default().to_owned();
        key(&time("start")) < key(&end) && key(&time("end")) > key(&start)
    };
    let entries = mailbox.events.iter().map(|(id, item)| {
        let shown = if question.immutable { id.clone() } else { item.mutable.clone() };
        let told = if item.gone || !within(item) {
            Told::Removed { id: shown, reason: "deleted", at_first: false }
        } else {
            Told::Record(expanded(identified(question, id, item)))
        };
        Entry { order: id.clone(), changed: item.changed, told }
    });
    Ok(Reply::ok(round.page(question, size(question, pages), entries.collect())))
}

/// An event as a calendar view tells it: an occurrence says when it is, and leaves all else to its series.
fn expanded(fields: Map<String, Value>) -> Map<String, Value> {
    if fields.get("type").and_then(Value::as_str) != Some("occurrence") {
        return fields;
    }
    let said = ["end", "seriesMasterId", "start", "type"].map(str::to_owned);
    select(&fields, Some(&said))
}
