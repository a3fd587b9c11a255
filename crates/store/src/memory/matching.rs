//! Queries over raw documents: which match, in which order, with which fields.
//!
//! Follows MongoDB: a missing field is null; an array matches by an item or as a whole; comparisons stay within
//! a kind; an array sorts by its smallest item, or by its largest when descending.

use std::cmp::Ordering;

use bson::{Bson, RawBsonRef, RawDocument, RawDocumentBuf};

use super::compare::{compare, kind};
use crate::{Condition, Direction, Error, Query};

/// Runs a query over documents.
pub(super) fn run<'a>(
    documents: impl Iterator<Item = &'a RawDocumentBuf>,
    query: &Query,
) -> Result<Vec<RawDocumentBuf>, Error> {
    let mut found = Vec::new();
    for document in documents {
        if matches(document, &query.conditions)? {
            found.push(document);
        }
    }
    if !query.sort.is_empty() {
        found = sorted(found, &query.sort)?;
    }
    found.truncate(query.limit.unwrap_or(usize::MAX));
    found.into_iter().map(|document| projected(document, &query.fields)).collect()
}

/// Whether all conditions hold.
pub(super) fn matches(document: &RawDocument, conditions: &[Condition]) -> Result<bool, Error> {
    for condition in conditions {
        if !holds(document, condition)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(document: &RawDocument, condition: &Condition) -> Result<bool, Error> {
    let any = |field: &str, test: &dyn Fn(&Bson) -> bool| -> Result<bool, Error> {
        Ok(values(document, field, true)?.iter().any(test))
    };
    let ordered = |field: &str, bound: &Bson, test: fn(Ordering) -> bool| {
        any(field, &|value| kind(value) == kind(bound) && test(compare(value, bound)))
    };
    match condition {
        Condition::Eq(field, wanted) => any(field, &|value| compare(value, wanted).is_eq()),
        Condition::In(field, wanted) => {
            any(field, &|value| wanted.iter().any(|wanted| compare(value, wanted).is_eq()))
        }
        Condition::Gt(field, bound) => ordered(field, bound, Ordering::is_gt),
        Condition::Gte(field, bound) => ordered(field, bound, Ordering::is_ge),
        Condition::Lt(field, bound) => ordered(field, bound, Ordering::is_lt),
        Condition::Any(several) => {
            for condition in several {
                if holds(document, condition)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Refused(format!("a stored document is no legal BSON: {error}"))
}

/// The values under a dotted name; one null if there are none. An array at the end gives its items, and itself too
/// if `whole_arrays`.
pub(super) fn values(document: &RawDocument, field: &str, whole_arrays: bool) -> Result<Vec<Bson>, Error> {
    let mut found = Vec::new();
    collect(RawBsonRef::Document(document), field, whole_arrays, &mut found)?;
    if found.is_empty() {
        found.push(Bson::Null);
    }
    Ok(found)
}

fn collect(at: RawBsonRef<'_>, path: &str, whole_arrays: bool, found: &mut Vec<Bson>) -> Result<(), Error> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    match at {
        RawBsonRef::Document(document) => match document.get(name).map_err(unreadable)? {
            None => found.push(Bson::Null),
            Some(value) => match rest {
                Some(rest) => collect(value, rest, whole_arrays, found)?,
                None => leaf(value, whole_arrays, found)?,
            },
        },
        RawBsonRef::Array(items) => {
            let position: Option<usize> = name.parse().ok();
            for (index, item) in items.into_iter().enumerate() {
                let item = item.map_err(unreadable)?;
                if position == Some(index) {
                    match rest {
                        Some(rest) => collect(item, rest, whole_arrays, found)?,
                        None => leaf(item, whole_arrays, found)?,
                    }
                } else if matches!(item, RawBsonRef::Document(_)) {
                    collect(item, path, whole_arrays, found)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn leaf(value: RawBsonRef<'_>, whole_arrays: bool, found: &mut Vec<Bson>) -> Result<(), Error> {
    let value = Bson::try_from(value).map_err(unreadable)?;
    match value {
        Bson::Array(items) => {
            found.extend(items.iter().cloned());
            if whole_arrays {
                found.push(Bson::Array(items));
            } else if items.is_empty() {
                // MongoDB sorts an empty array before null.
                found.push(Bson::Undefined);
            }
        }
        value => found.push(value),
    }
    Ok(())
}

fn sorted<'a>(
    documents: Vec<&'a RawDocumentBuf>,
    sort: &[(String, Direction)],
) -> Result<Vec<&'a RawDocumentBuf>, Error> {
    let mut keyed = Vec::with_capacity(documents.len());
    for document in documents {
        let mut keys = Vec::with_capacity(sort.len());
        for (field, direction) in sort {
            let values = values(document, field, false)?.into_iter();
            let key = match direction {
                Direction::Ascending => values.min_by(compare),
                Direction::Descending => values.max_by(compare),
            };
            keys.push(key.unwrap_or(Bson::Null));
        }
        keyed.push((keys, document));
    }
    keyed.sort_by(|(left, _), (right, _)| {
        let orders =
            left.iter().zip(right).zip(sort).map(|((left, right), (_, direction))| match direction {
                Direction::Ascending => compare(left, right),
                Direction::Descending => compare(right, left),
            });
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    Ok(keyed.into_iter().map(|(_, document)| document).collect())
}

/// `_id` and some top-level fields, in the document's own order.
fn projected(document: &RawDocument, fields: &[&'static str]) -> Result<RawDocumentBuf, Error> {
    if fields.is_empty() {
        return Ok(document.to_owned());
    }
    let mut kept = RawDocumentBuf::new();
    for element in document {
        let (name, value) = element.map_err(unreadable)?;
        if name.as_str() == "_id" || fields.contains(&name.as_str()) {
            kept.append(name, value);
        }
    }
    Ok(kept)
}
