//! How the database is asked for what is seen because of other documents: accounts and contacts because of their deals.
//!
//! There are two ways of asking, which give the same documents in the same order:
//!
//! - **by what is referred to**: everything that the scope's documents refer to is asked for first, and goes into the query. Of a
//!   narrow scope that is little;
//! - **by candidates**: what matches is read in its order, some at a time, and for those that the scope does not have by their own
//!   key it is asked which of them one of its documents refers to. Of a wide scope, little is read in vain; when it is too much
//!   after all, the first way is taken.
//!
//! Invariant: no document leaves this module whose key the scope does not have, unless one refers to it whose key it has.

use std::collections::BTreeSet;

use bson::{Bson, RawDocument, RawDocumentBuf, doc};
use salescommand_domain::access::Scope;
use salescommand_store::{Condition, Error, Query, Referring, check_query};

use crate::MongoStore;
use crate::error::within;
use crate::filter::filter;
use crate::scoped::{SCOPE_KEY, WIDE, is_of_few};

/// Where a document says which facets it has.
const FACETS: &str = "facets.id";
/// Candidates that are looked at together.
const CANDIDATES: u32 = 200;
/// Candidates that may be read in vain.
const MOST_IN_VAIN: usize = 10_000;

impl MongoStore {
    /// The documents that match and that the scope allows, or to which one refers that the scope allows.
    pub(crate) async fn read_seen(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Vec<RawDocumentBuf>, Error> {
        let Some(keys) = scope.keys() else { return self.run(collection, query).await };
        if (keys.len() > WIDE || is_of_few(query))
            && query.fields.is_empty()
            && let Some(found) = self.candidates(collection, scope, by, query).await?
        {
            return Ok(found);
        }
        match self.seen(scope, by, query).await? {
            Some(query) => self.run(collection, &query).await,
            None => Ok(Vec::new()),
        }
    }

    /// How many these are.
    pub(crate) async fn count_seen(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<u64, Error> {
        if scope.keys().is_none() {
            return self.count_within(collection, scope, query).await;
        }
        let Some(query) = self.seen(scope, by, query).await? else { return Ok(0) };
        check_query(&query)?;
        within(self.collection(collection).count_documents(filter(&query.conditions))).await
    }

    /// The query of no more than is seen; none if nothing is.
    async fn seen(&self, scope: &Scope, by: Referring<'_>, query: &Query) -> Result<Option<Query>, Error> {
        let keys: Vec<Bson> =
            scope.keys().into_iter().flatten().map(|key| Bson::from(key.as_str())).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        let there = doc! { "deleted": false, SCOPE_KEY: { "$in": keys.clone() } };
        let mut referred = within(self.collection(by.collection).distinct(by.field, there)).await?;
        referred.retain(|id| *id != Bson::Null);
        let seen =
            vec![Condition::In(SCOPE_KEY.to_owned(), keys), Condition::In(FACETS.to_owned(), referred)];
        Ok(Some(query.clone().with(Condition::Any(seen))))
    }

    /// Reads what matches in its order, and gives what is seen of it; none if too much was read in vain.
    async fn candidates(
        &self,
        collection: &str,
        scope: &Scope,
        by: Referring<'_>,
        query: &Query,
    ) -> Result<Option<Vec<RawDocumentBuf>>, Error> {
        check_query(query)?;
        let wanted = query.limit.unwrap_or(usize::MAX);
        let collection = self.collection(collection);
        let whole = Query { limit: None, ..query.clone() };
        let mut cursor = within(Self::asked(&collection, &whole).batch_size(CANDIDATES)).await?;
        let (mut found, mut in_vain, mut ended) = (Vec::new(), 0, false);
        while found.len() < wanted && !ended {
            let mut some = Vec::new();
            while some.len() < CANDIDATES as usize && !ended {
                if within(cursor.advance()).await? {
                    some.push(cursor.current().to_owned());
                } else {
                    ended = true;
                }
            }
            let read = some.len();
            let before = found.len();
            let referred = self.referred(scope, by, &some).await?;
            found.extend(some.into_iter().filter(|document| {
                is_own(document, scope) || facets(document).iter().any(|id| referred.contains(id))
            }));
            in_vain += read - (found.len() - before);
            if in_vain > MOST_IN_VAIN {
                return Ok(None);
            }
        }
        found.truncate(wanted);
        Ok(Some(found))
    }

    /// Of the facets of some documents, those to which a document within the scope refers.
    async fn referred(
        &self,
        scope: &Scope,
        by: Referring<'_>,
        candidates: &[RawDocumentBuf],
    ) -> Result<BTreeSet<String>, Error> {
        let others = candidates.iter().filter(|document| !is_own(document, scope));
        let ids: Vec<Bson> = others.flat_map(|document| facets(document)).map(Bson::from).collect();
        let mut referred = BTreeSet::new();
        if ids.is_empty() {
            return Ok(referred);
        }
        let collection = self.collection(by.collection);
        let of_these = doc! { by.field: { "$in": ids }, "deleted": false };
        let found = collection.find(of_these).projection(doc! { by.field: 1, SCOPE_KEY: 1, "_id": 0 });
        let mut cursor = within(found).await?;
        while within(cursor.advance()).await? {
            let document = cursor.current();
            if is_own(document, scope)
                && let Some(id) = text_at(document, by.field)
            {
                referred.insert(id.to_owned());
            }
        }
        Ok(referred)
    }
}

/// Whether the scope has a document by its own key.
fn is_own(document: &RawDocument, scope: &Scope) -> bool {
    document.get_str(SCOPE_KEY).is_ok_and(|key| scope.allows_text(key))
}

/// The facets of a document.
fn facets(document: &RawDocument) -> Vec<String> {
    let Ok(facets) = document.get_array("facets") else { return Vec::new() };
    let ids = facets.into_iter().filter_map(|facet| facet.ok()?.as_document()?.get_str("id").ok());
    ids.map(str::to_owned).collect()
}

/// The text under a dotted name.
fn text_at<'a>(document: &'a RawDocument, path: &str) -> Option<&'a str> {
    match path.split_once('.') {
        Some((name, rest)) => text_at(document.get_document(name).ok()?, rest),
        None => document.get_str(path).ok(),
    }
}
