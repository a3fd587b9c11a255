//! How the database is asked for what a scope allows.
//!
//! A document is within a scope if its `scope_key` is one of the scope's keys. There are three ways of asking, which give
//! the same documents in the same order:
//!
//! - **by the keys**: the query carries them all. Of fifty thousand keys that is three megabytes, which the database reads
//!   and sorts for every question, to give a page of fifty rows;
//! - **by the keys that the query itself names**, as one for a person's deals does: those of them that the scope has;
//! - **looking through**: what matches is read in its order whatever its key, and what the scope does not have is left
//!   out here, until there is enough. The wider a scope, the less is read in vain; when it is too much after all, the
//!   database is asked by the keys.
//!
//! Invariant: no document leaves this module whose key the scope does not have.

use std::collections::BTreeSet;

use bson::{Bson, RawDocument, RawDocumentBuf};
use salescommand_domain::access::{Scope, ScopeKey};
use salescommand_store::{Condition, Error, Query, check_query};

use crate::error::within;
use crate::filter::filter;
use crate::{CURSOR_BATCH, MongoStore};

/// The field that decides who may see a document.
pub(crate) const SCOPE_KEY: &str = "scope_key";
/// A scope of more keys than this is wide: of fewer, the database finds the documents sooner by the keys.
pub(crate) const WIDE: usize = 1_000;
/// Most keys in a query: of 42 letters each, they stay below a command's 16 MiB.
const MOST_KEYS: usize = 200_000;
/// Documents that may be read in vain: one for so many keys of the scope.
const KEYS_IN_VAIN: usize = 4;
/// Few documents have the same value of one of these, and there is an index over it.
const FEW: [&str; 4] = ["_id", "facets.id", "opportunity", "merged_into"];

impl MongoStore {
    /// The documents that match and that the scope allows.
    pub(crate) async fn read_within(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        let Some(keys) = scope.keys() else { return self.run(collection, query).await };
        if let Some(named) = by_named_keys(scope, query) {
            return match named {
                Some(query) => self.run(collection, &query).await,
                None => Ok(Vec::new()),
            };
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(in_vain) = in_vain(keys.len(), query)
            && let Some(found) = self.look_through(collection, scope, query, in_vain).await?
        {
            return Ok(found);
        }
        let mut found = Vec::new();
        for query in by_keys(keys, query) {
            found.extend(self.run(collection, &query).await?);
        }
        Ok(found)
    }

    /// How many documents match that the scope allows.
    pub(crate) async fn count_within(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
    ) -> Result<u64, Error> {
        let queries = match (scope.keys(), by_named_keys(scope, query)) {
            (None, _) => vec![query.clone()],
            (Some(_), Some(named)) => named.into_iter().collect(),
            (Some(keys), None) => by_keys(keys, query),
        };
        let mut count = 0;
        for query in queries {
            check_query(&query)?;
            let collection = self.collection(collection);
            count += if query.conditions.is_empty() {
                // From the collection's metadata: after a crash of the database it may be off by a little for a while.
                within(collection.estimated_document_count()).await?
            } else {
                within(collection.count_documents(filter(&query.conditions))).await?
            };
        }
        Ok(count)
    }

    /// Reads what matches in its order, and gives what the scope allows; none if more than so many were read in vain.
    async fn look_through(
        &self,
        collection: &str,
        scope: &Scope,
        query: &Query,
        in_vain: usize,
    ) -> Result<Option<Vec<RawDocumentBuf>>, Error> {
        check_query(query)?;
        let wanted = query.limit.unwrap_or(usize::MAX);
        let collection = self.collection(collection);
        let batch = u32::try_from(wanted.saturating_add(1)).unwrap_or(CURSOR_BATCH).min(CURSOR_BATCH);
        let mut whole = Query { limit: None, ..query.clone() };
        let hides_key = !whole.fields.is_empty() && !whole.fields.contains(&SCOPE_KEY);
        if hides_key {
            whole.fields.push(SCOPE_KEY);
        }
        let mut cursor = within(Self::asked(&collection, &whole).batch_size(batch)).await?;
        let (mut found, mut left) = (Vec::new(), in_vain);
        while found.len() < wanted && within(cursor.advance()).await? {
            let document = cursor.current();
            if document.get_str(SCOPE_KEY).is_ok_and(|key| scope.allows_text(key)) {
                found.push(if hides_key { without_key(document)? } else { document.to_owned() });
            } else if let Some(less) = left.checked_sub(1) {
                left = less;
            } else {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }
}

/// Whether a query names what few documents have.
pub(crate) fn is_of_few(query: &Query) -> bool {
    query.conditions.iter().any(|condition| match condition {
        Condition::Eq(field, _) | Condition::In(field, _) => FEW.contains(&field.as_str()),
        _ => false,
    })
}

/// How many documents may be read in vain by looking through; none if that is no way to ask: if the scope is narrow, or
/// what matches is much and does not come out of an index in its order.
fn in_vain(keys: usize, query: &Query) -> Option<usize> {
    let of_few = is_of_few(query);
    let in_order = query.limit.is_some() && !query.sort.is_empty();
    match keys {
        0..=WIDE => None,
        // Answers of several queries could not be put in one order.
        _ if keys > MOST_KEYS && (query.limit.is_some() || !query.sort.is_empty()) => Some(usize::MAX),
        _ => (of_few || in_order).then_some(keys / KEYS_IN_VAIN),
    }
}

/// A document without the key that nobody has asked for.
fn without_key(document: &RawDocument) -> Result<RawDocumentBuf, Error> {
    let malformed = |_| Error::Refused("a document is no legal BSON".to_owned());
    let mut wanted = RawDocumentBuf::new();
    for element in document {
        let (name, value) = element.map_err(malformed)?;
        if name.as_str() != SCOPE_KEY {
            wanted.append(name, value);
        }
    }
    Ok(wanted)
}

/// A query that names keys, with those of them that the scope has: the inner `None` if it has none of them. The outer one
/// if it names none.
fn by_named_keys(scope: &Scope, query: &Query) -> Option<Option<Query>> {
    let names = |condition: &Condition| match condition {
        Condition::Eq(field, _) | Condition::In(field, _) => field == SCOPE_KEY,
        _ => false,
    };
    let at = query.conditions.iter().position(names)?;
    let mut query = query.clone();
    let mut named = match query.conditions.remove(at) {
        Condition::Eq(_, key) => vec![key],
        Condition::In(_, keys) => keys,
        _ => Vec::new(),
    };
    named.retain(|key| key.as_str().is_some_and(|key| scope.allows_text(key)));
    Some((!named.is_empty()).then(|| query.with(Condition::In(SCOPE_KEY.to_owned(), named))))
}

/// The same query of the documents of some keys: several, of different documents, if there are very many keys.
fn by_keys(keys: &BTreeSet<ScopeKey>, query: &Query) -> Vec<Query> {
    let keys: Vec<_> = keys.iter().map(|key| Bson::from(key.as_str())).collect();
    let of = |some: &[Bson]| query.clone().with(Condition::In(SCOPE_KEY.to_owned(), some.to_vec()));
    keys.chunks(MOST_KEYS).map(of).collect()
}
