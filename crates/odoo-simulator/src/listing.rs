//! Finding rows and reading them: search, read, exists, fields_get and the name calls.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::access::{self, Operation};
use crate::database::Record;
use crate::domain::Domain;
use crate::fault::Fault;
use crate::order::Order;
use crate::reader::{Load, Reader};
use crate::schema::{Field, Kind, Model};
use crate::wire::Wire;

/// The part of a listing a caller asked for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Rows to leave out.
    pub offset: usize,
    /// Most rows to return; 0 means all.
    pub limit: usize,
    /// The order clause; the model's own when absent.
    pub order: Option<String>,
}

/// The ids a domain finds, in order.
///
/// # Errors
/// Fault 4 for a model out of reach, fault 1 or 2 for a bad domain or order.
pub fn search(
    reader: &Reader<'_>,
    model: &'static Model,
    domain: &Wire,
    page: &Page,
) -> Result<Vec<i64>, Fault> {
    access::check(reader.session, model, Operation::Read)?;
    let mut found = matching(reader, model, domain)?;
    // The real server looks at the documents of messages only after cutting the page: pages come back short, even
    // empty, in mid-stream. For every other model the rules are part of the search.
    let late = model.name == "mail.message";
    if !late {
        found.retain(|(id, record)| access::visible(reader, model, *id, record));
    }
    let order = Order::parse(reader, model, page.order.as_deref().unwrap_or(model.order))?;
    order.sort(reader, model, &mut found);
    let end = if page.limit == 0 { usize::MAX } else { page.limit };
    let cut = found.into_iter().skip(page.offset).take(end);
    Ok(cut
        .filter(|(id, record)| !late || access::visible(reader, model, *id, record))
        .map(|(id, _)| id)
        .collect())
}

/// How many rows a domain finds.
pub fn count(reader: &Reader<'_>, model: &'static Model, domain: &Wire) -> Result<usize, Fault> {
    access::check(reader.session, model, Operation::Read)?;
    let found = matching(reader, model, domain)?;
    Ok(found.into_iter().filter(|(id, record)| access::visible(reader, model, *id, record)).count())
}

/// The rows a domain accepts, record rules not yet applied.
fn matching<'a>(
    reader: &Reader<'a>,
    model: &'static Model,
    domain: &Wire,
) -> Result<Vec<(i64, &'a Record)>, Fault> {
    let domain = Domain::compile(reader, model, domain)?;
    let hide_archived = reader.session.active_test && model.archivable() && !domain.names_active();
    let rows = reader.database.rows(model.name);
    Ok(rows
        .filter(|(_, record)| !hide_archived || record.get("active").as_bool())
        .filter(|row| domain.accepts(reader, model, *row))
        .collect())
}

/// The wanted fields of the given rows. Rows that do not exist are left out, unless nothing but `id` is wanted: then
/// the server never looks.
///
/// # Errors
/// Fault 1 for an unknown field, fault 4 for a field or row out of reach.
pub fn read(reader: &Reader<'_>, model: &'static Model, ids: &[i64], wanted: &Wanted) -> Result<Wire, Fault> {
    access::check(reader.session, model, Operation::Read)?;
    let fields = wanted.fields(reader, model)?;
    if fields.iter().all(|field| field.name == "id") && wanted.explicit() {
        return Ok(Wire::Array(
            ids.iter().map(|id| Wire::Struct(vec![("id".into(), Wire::Int(*id))])).collect(),
        ));
    }
    let mut names = NameCache::default();
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(record) = reader.database.row(model.name, *id) else { continue };
        if !access::visible(reader, model, *id, record) {
            return Err(Fault::record_forbidden(model.name, model.label, reader.session.uid));
        }
        let mut members = Vec::with_capacity(fields.len() + 1);
        members.push(("id".to_owned(), Wire::Int(*id)));
        for field in fields.iter().filter(|field| field.name != "id") {
            members.push((
                field.name.to_owned(),
                names.travelling(reader, model, (*id, record), (field, wanted.load))?,
            ));
        }
        rows.push(Wire::Struct(members));
    }
    Ok(Wire::Array(rows))
}

/// Which fields a read returns, and how.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Names; none means every field of the model.
    pub names: Vec<String>,
    /// The form of many2one fields.
    pub load: Load,
}

impl Wanted {
    fn explicit(&self) -> bool {
        !self.names.is_empty()
    }

    fn fields(&self, reader: &Reader<'_>, model: &'static Model) -> Result<Vec<&'static Field>, Fault> {
        if self.names.is_empty() {
            return Ok(model
                .fields
                .iter()
                .filter(|field| access::field_exists(reader.session, model, field))
                .collect());
        }
        let mut seen = HashSet::new();
        let mut fields = Vec::with_capacity(self.names.len());
        for name in self.names.iter().filter(|name| seen.insert(name.as_str())) {
            let known = access::field(reader.session, model, name);
            let field = known.ok_or_else(|| Fault::invalid_field(model.name, name))?;
            if !access::field_exists(reader.session, model, field) {
                return Err(Fault::not_allowed(format!(
                    "You do not have enough rights to access the fields \"{name}\" on {} ({}).",
                    model.label, model.name
                )));
            }
            fields.push(field);
        }
        Ok(fields)
    }
}

/// Display names of one read: a page of leads names the same users and stages hundreds of times.
#[derive(Default)]
struct NameCache(RefCell<HashMap<(&'static str, i64), Wire>>);

impl NameCache {
    fn travelling<'a>(
        &mut self,
        reader: &Reader<'a>,
        model: &Model,
        row: (i64, &'a Record),
        (field, load): (&'static Field, Load),
    ) -> Result<Wire, Fault> {
        let cacheable = field.kind == Kind::Many2one && load == Load::Classic;
        let key = cacheable.then(|| field.relation.zip(reader.value(model, row, field).as_int())).flatten();
        if let Some(known) = key.and_then(|key| self.0.borrow().get(&key).cloned()) {
            return Ok(known);
        }
        let wire = reader.travelling(model, row, field, load)?;
        if let Some(key) = key {
            self.0.get_mut().insert(key, wire.clone());
        }
        Ok(wire)
    }
}

/// The ids that are in the table, rules ignored.
pub fn exists(reader: &Reader<'_>, model: &Model, ids: &[i64]) -> Wire {
    Wire::ids(ids.iter().copied().filter(|id| reader.database.row(model.name, *id).is_some()))
}

/// `[id, display name]` of the given rows.
pub fn name_get(reader: &Reader<'_>, model: &Model, ids: &[i64]) -> Result<Wire, Fault> {
    access::check(reader.session, model, Operation::Read)?;
    let named = ids.iter().filter_map(|id| Some((*id, reader.display_name(model.name, *id)?)));
    Ok(Wire::Array(named.map(|(id, name)| Wire::Array(vec![Wire::Int(id), Wire::Text(name)])).collect()))
}

/// `[id, display name]` of the rows whose name contains the text.
pub fn name_search(
    reader: &Reader<'_>,
    model: &'static Model,
    text: &str,
    limit: usize,
) -> Result<Wire, Fault> {
    let all = search(reader, model, &Wire::Array(Vec::new()), &Page::default())?;
    let wanted = text.to_lowercase();
    let matches = |id: &i64| {
        reader.display_name(model.name, *id).is_some_and(|name| name.to_lowercase().contains(&wanted))
    };
    let limit = if limit == 0 { usize::MAX } else { limit };
    let found: Vec<i64> = all.into_iter().filter(matches).take(limit).collect();
    name_get(reader, model, &found)
}

/// The description of the model's fields, cut down to the wanted attributes.
pub fn fields_get(
    reader: &Reader<'_>,
    model: &Model,
    names: &[String],
    attributes: &[String],
) -> Result<Wire, Fault> {
    access::check(reader.session, model, Operation::Read)?;
    let wanted = |name: &str| attributes.is_empty() || attributes.iter().any(|attribute| attribute == name);
    let fields = model
        .fields
        .iter()
        .filter(|field| access::field_exists(reader.session, model, field))
        .filter(|field| names.is_empty() || names.iter().any(|name| name == field.name));
    Ok(Wire::Struct(
        fields
            .map(|field| {
                let members = describe(field).into_iter().filter(|(name, _)| wanted(name)).collect();
                (field.name.to_owned(), Wire::Struct(members))
            })
            .collect(),
    ))
}

fn describe(field: &Field) -> Vec<(String, Wire)> {
    let mut members = vec![
        ("name", Wire::text(field.name)),
        ("type", Wire::text(field.kind.name())),
        ("string", Wire::text(field.label)),
        ("store", Wire::Bool(field.store)),
        ("readonly", Wire::Bool(field.readonly)),
        ("required", Wire::Bool(field.required)),
        ("searchable", Wire::Bool(field.store)),
        ("sortable", Wire::Bool(field.store && !field.kind.is_set())),
    ];
    if let Some(relation) = field.relation {
        members.push(("relation", Wire::text(relation)));
    }
    if let Some(inverse) = field.inverse {
        members.push(("relation_field", Wire::text(inverse)));
    }
    if let Some(currency) = field.currency_field {
        members.push(("currency_field", Wire::text(currency)));
    }
    if field.kind == Kind::Selection {
        let pairs = field.selection.iter();
        let pairs =
            pairs.map(|(key, label)| Wire::Array(vec![Wire::text(*key), Wire::text(*label)])).collect();
        members.push(("selection", Wire::Array(pairs)));
    }
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Ascending ids, for callers that need a stable base order.
pub(crate) fn by_id(left: &(i64, &Record), right: &(i64, &Record)) -> Ordering {
    left.0.cmp(&right.0)
}
