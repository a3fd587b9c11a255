//! The methods of models: binding of arguments and dispatch to what they do.

use serde_json::Value as Json;

use crate::access::{self, Operation};
use crate::database::Database;
use crate::fault::Fault;
use crate::listing::{self, Page, Wanted};
use crate::reader::{Load, Reader};
use crate::schema::{Model, Schema};
use crate::session::Session;
use crate::wire::Wire;
use crate::writer::Writer;
use crate::{activity, lead, merge, sale, tracking};

/// One call on a model.
#[derive(Clone, Debug)]
pub struct Request {
    /// Model name.
    pub model: String,
    /// Method name.
    pub method: String,
    /// Positional arguments.
    pub positional: Vec<Wire>,
    /// Keyword arguments, `context` included.
    pub keywords: Vec<(String, Wire)>,
}

impl Request {
    /// A call written as JSON: a list of positional arguments and an object of keyword arguments.
    pub fn from_json((model, method): (&str, &str), args: &Json, kwargs: &Json) -> Self {
        let positional = args.as_array().into_iter().flatten().map(Wire::from).collect();
        let keywords = kwargs.as_object().into_iter().flatten();
        let keywords = keywords.map(|(name, value)| (name.clone(), value.into())).collect();
        Self { model: model.into(), method: method.into(), positional, keywords }
    }

    /// The context keyword.
    pub fn context(&self) -> Option<&Wire> {
        self.keywords.iter().find(|(name, _)| name == "context").map(|(_, value)| value)
    }
}

/// Methods that change rows; a call of any other works on the shared snapshot.
const WRITING: &[&str] = &[
    "create",
    "write",
    "unlink",
    "action_set_won",
    "action_set_won_rainbowman",
    "action_set_lost",
    "action_archive",
    "action_unarchive",
    "toggle_active",
    "convert_opportunity",
    "merge_opportunity",
    "action_set_automated_probability",
    "activity_schedule",
    "message_post",
    "message_unsubscribe",
    "message_subscribe",
    "action_feedback",
    "action_done",
    "toggle_message_starred",
    "action_lost_reason_apply",
    "action_confirm",
    "action_cancel",
];

/// Whether the method may change rows.
pub fn writes(method: &str) -> bool {
    WRITING.contains(&method)
}

/// Runs a call that changes nothing.
pub fn read(database: &Database, session: &Session, request: Request) -> Result<Wire, Fault> {
    let model = resolve(session, &request)?;
    let reader = Reader::new(database, session);
    let mut arguments = Arguments::of(request);
    match arguments.method.as_str() {
        "search" => {
            let [domain, offset, limit, order] = arguments.bind(["domain", "offset", "limit", "order"])?;
            let page = page(&offset, &limit, &order)?;
            listing::search(&reader, model, &domain.unwrap_or(Wire::Nil), &page).map(Wire::ids)
        }
        "search_count" => {
            let [domain, limit] = arguments.bind(["domain", "limit"])?;
            let all = listing::count(&reader, model, &domain.unwrap_or(Wire::Nil))?;
            let most = limit.and_then(|limit| limit.as_int()).filter(|limit| *limit > 0);
            Ok(Wire::Int(i64::try_from(all).unwrap_or(i64::MAX).min(most.unwrap_or(i64::MAX))))
        }
        "search_read" => search_read(&reader, model, arguments),
        "read" => {
            let ids = arguments.ids()?;
            let [fields, load] = arguments.bind(["fields", "load"])?;
            listing::read(&reader, model, &ids, &wanted(&fields, &load))
        }
        "exists" => Ok(listing::exists(&reader, model, &arguments.ids()?)),
        "name_get" => listing::name_get(&reader, model, &arguments.ids()?),
        "name_search" => {
            let [name, _, _, limit] = arguments.bind(["name", "args", "operator", "limit"])?;
            let text = name.as_ref().and_then(Wire::as_text).unwrap_or_default();
            let limit = limit.and_then(|limit| limit.as_int()).unwrap_or(100);
            listing::name_search(&reader, model, text, usize::try_from(limit).unwrap_or(0))
        }
        "fields_get" => {
            let [names, attributes] = arguments.bind(["allfields", "attributes"])?;
            listing::fields_get(&reader, model, &texts(&names), &texts(&attributes))
        }
        "check_access_rights" => {
            let [operation, raise] = arguments.bind(["operation", "raise_exception"])?;
            rights(session, model, &operation, raise.is_none_or(|raise| raise.truthy()))
        }
        "context_get" if model.name == "res.users" => Ok(user_context(database, session)),
        other => Err(Fault::unexpected(
            "AttributeError",
            format!("The method '{}.{other}' does not exist", model.name),
        )),
    }
}

/// Runs a call that may change rows, on a clone that the caller keeps or throws away.
pub fn write(database: &mut Database, session: &Session, request: Request) -> Result<Wire, Fault> {
    let model = resolve(session, &request)?;
    let base = database.clone();
    let mut writer = Writer { database, session };
    let answer = change(&mut writer, model, Arguments::of(request))?;
    tracking::write_down(&mut writer, &base);
    Ok(answer)
}

fn change(writer: &mut Writer<'_>, model: &'static Model, mut arguments: Arguments) -> Result<Wire, Fault> {
    match arguments.method.as_str() {
        "create" => {
            let [values] = arguments.bind(["vals_list"])?;
            match values.unwrap_or(Wire::Nil) {
                Wire::Array(items) => {
                    let ids: Result<Vec<i64>, Fault> =
                        items.iter().map(|item| writer.create(model, item)).collect();
                    ids.map(Wire::ids)
                }
                single => writer.create(model, &single).map(Wire::Int),
            }
        }
        "write" => {
            let ids = arguments.ids()?;
            let [values] = arguments.bind(["vals"])?;
            writer.write(model, &ids, &values.unwrap_or(Wire::Nil))?;
            Ok(Wire::Bool(true))
        }
        "unlink" => {
            writer.unlink(model, &arguments.ids()?)?;
            Ok(Wire::Bool(true))
        }
        "action_feedback" | "action_done" if model.name == "mail.activity" => {
            let ids = arguments.ids()?;
            let [text, _] = arguments.bind(["feedback", "attachment_ids"])?;
            activity::feedback(writer, &ids, text.as_ref().and_then(Wire::as_text).unwrap_or_default())
        }
        "toggle_message_starred" if model.name == "mail.message" => {
            let ids = arguments.ids()?;
            activity::toggle_starred(writer, model, &ids)
        }
        _ => document(writer, model, arguments),
    }
}

/// Methods of documents: leads, and whatever carries activities and messages.
fn document(writer: &mut Writer<'_>, model: &'static Model, mut arguments: Arguments) -> Result<Wire, Fault> {
    access::check(writer.session, model, Operation::Write)?;
    let ids = arguments.ids()?;
    let is_lead = model.name == "crm.lead";
    match arguments.method.as_str() {
        "action_set_won" | "action_set_won_rainbowman" if is_lead => lead::set_won(writer, &ids),
        "action_set_lost" if is_lead => lead::set_lost(writer, &ids, arguments.keywords),
        "action_archive" if is_lead => lead::archive(writer, &ids),
        "action_unarchive" if is_lead => lead::unarchive(writer, &ids),
        "toggle_active" if is_lead => lead::toggle(writer, &ids),
        "action_archive" | "action_unarchive" | "toggle_active" if model.archivable() => {
            let wanted = arguments.method == "action_unarchive";
            let flip = arguments.method == "toggle_active";
            for id in ids {
                let active =
                    writer.database.row(model.name, id).is_some_and(|row| row.get("active").as_bool());
                let next = if flip { !active } else { wanted };
                writer.write(model, &[id], &Wire::Struct(vec![("active".into(), Wire::Bool(next))]))?;
            }
            Ok(Wire::Nil)
        }
        "convert_opportunity" if is_lead => {
            let [partner, _, _] = arguments.bind(["partner", "user_ids", "team_id"])?;
            lead::convert(writer, &ids, partner.filter(Wire::truthy).and_then(|partner| partner.as_int()))
        }
        "merge_opportunity" if is_lead => merge::merge(writer, &ids),
        "action_set_automated_probability" if is_lead => {
            for id in ids {
                writer.touch("crm.lead", id, |row| {
                    let automated = row.get("automated_probability").clone();
                    row.set("probability", automated);
                });
            }
            Ok(Wire::Nil)
        }
        "action_lost_reason_apply" if model.name == "crm.lead.lost" => lead::lose_by_dialogue(writer, &ids),
        "action_confirm" if model.name == "sale.order" => sale::change_state(writer, model, &ids, "sale"),
        "action_cancel" if model.name == "sale.order" => sale::change_state(writer, model, &ids, "cancel"),
        "activity_schedule" => {
            activity::schedule(writer, model, &ids, &Wire::Struct(arguments.keywords))?;
            Ok(Wire::Opaque("<class 'odoo.api.mail.activity'>".into()))
        }
        "message_post" => activity::post(writer, model, &ids, &Wire::Struct(arguments.keywords)),
        "message_subscribe" => Ok(Wire::Bool(true)),
        "message_unsubscribe" => Ok(Wire::Nil),
        other => Err(Fault::unexpected(
            "AttributeError",
            format!("The method '{}.{other}' does not exist", model.name),
        )),
    }
}

fn resolve(session: &Session, request: &Request) -> Result<&'static Model, Fault> {
    if request.method.starts_with('_') {
        return Err(Fault::not_allowed(format!(
            "Private methods (such as {}) cannot be called remotely.",
            request.method
        )));
    }
    let unknown = || Fault::user(format!("Object {} doesn't exist", request.model));
    let known = Schema::get().model(&request.model);
    known.filter(|model| !session.withheld.absent(model.name)).ok_or_else(unknown)
}

fn search_read(reader: &Reader<'_>, model: &'static Model, mut arguments: Arguments) -> Result<Wire, Fault> {
    let names = ["domain", "fields", "offset", "limit", "order", "load"];
    let [domain, fields, offset, limit, order, load] = arguments.bind(names)?;
    let page = page(&offset, &limit, &order)?;
    let ids = listing::search(reader, model, &domain.unwrap_or(Wire::Nil), &page)?;
    let wanted = wanted(&fields, &load);
    listing::read(reader, model, &ids, &wanted)
}

fn rights(session: &Session, model: &Model, operation: &Option<Wire>, raise: bool) -> Result<Wire, Fault> {
    let operation = match operation.as_ref().and_then(Wire::as_text) {
        Some("read") => Operation::Read,
        Some("create" | "write" | "unlink") => Operation::Write,
        _ => return Err(Fault::unexpected("AssertionError", "Invalid access mode")),
    };
    let granted = access::allowed(session, model, operation);
    if raise && !granted {
        return Err(Fault::model_forbidden(model.name, model.label));
    }
    Ok(Wire::Bool(granted))
}

/// The language, time zone and id of the caller, as clients of the web interface ask for them.
pub fn user_context(database: &Database, session: &Session) -> Wire {
    let text = |column: &str| {
        let user = database.row("res.users", session.uid);
        user.and_then(|user| user.get(column).as_text()).map_or(Wire::Bool(false), Wire::text)
    };
    Wire::Struct(vec![
        ("lang".into(), text("lang")),
        ("tz".into(), text("tz")),
        ("uid".into(), Wire::Int(session.uid)),
    ])
}

fn page(offset: &Option<Wire>, limit: &Option<Wire>, order: &Option<Wire>) -> Result<Page, Fault> {
    let number = |sent: &Option<Wire>, name: &str| {
        let number = sent.as_ref().and_then(Wire::as_int).unwrap_or(0);
        usize::try_from(number).map_err(|_| {
            Fault::unexpected(
                "psycopg2.errors.InvalidRowCountInLimitClause",
                format!("{name} must not be negative"),
            )
        })
    };
    let order = order.as_ref().filter(|order| order.truthy()).and_then(Wire::as_text).map(str::to_owned);
    Ok(Page { offset: number(offset, "OFFSET")?, limit: number(limit, "LIMIT")?, order })
}

fn wanted(fields: &Option<Wire>, load: &Option<Wire>) -> Wanted {
    let plain = load.as_ref().is_some_and(|load| load.as_text() != Some("_classic_read"));
    Wanted { names: texts(fields), load: if plain { Load::Plain } else { Load::Classic } }
}

fn texts(list: &Option<Wire>) -> Vec<String> {
    let items = list.as_ref().and_then(Wire::as_array).unwrap_or_default();
    items.iter().filter_map(Wire::as_text).map(str::to_owned).collect()
}

/// The arguments of a call, `context` taken out.
struct Arguments {
    model: String,
    method: String,
    positional: std::collections::VecDeque<Wire>,
    keywords: Vec<(String, Wire)>,
}

impl Arguments {
    fn of(request: Request) -> Self {
        let keywords = request.keywords.into_iter().filter(|(name, _)| name != "context").collect();
        Self { model: request.model, method: request.method, positional: request.positional.into(), keywords }
    }

    /// The leading argument of a method of records: an id or a list of ids.
    fn ids(&mut self) -> Result<Vec<i64>, Fault> {
        match self.positional.pop_front() {
            Some(Wire::Array(items)) => Ok(items.iter().filter_map(Wire::as_int).collect()),
            Some(Wire::Int(id)) => Ok(vec![id]),
            Some(Wire::Bool(false) | Wire::Nil) => Ok(Vec::new()),
            _ => Err(Fault::unexpected("IndexError", "the ids of the records are missing")),
        }
    }

    /// Positional and keyword arguments by parameter name.
    fn bind<const N: usize>(&mut self, names: [&str; N]) -> Result<[Option<Wire>; N], Fault> {
        let mut bound: [Option<Wire>; N] = std::array::from_fn(|_| self.positional.pop_front());
        if !self.positional.is_empty() {
            let message = format!("{}.{}() takes fewer positional arguments", self.model, self.method);
            return Err(Fault::unexpected("TypeError", message));
        }
        for (name, value) in std::mem::take(&mut self.keywords) {
            let slot = names.iter().position(|known| *known == name).and_then(|index| bound.get_mut(index));
            let Some(slot) = slot else {
                let message =
                    format!("{}.{}() got an unexpected keyword argument '{name}'", self.model, self.method);
                return Err(Fault::unexpected("TypeError", message));
            };
            *slot = Some(value);
        }
        Ok(bound)
    }
}
