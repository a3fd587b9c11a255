//! Pages of a generation's records, for whoever takes them over.

use std::collections::BTreeSet;

use bson::RawDocumentBuf;
use salescommand_domain::raw::InstanceName;
use salescommand_store::{
    Condition, Direction, Documents, Query, facets_collection, history_collection,
    history_orphans_collection, quarantine_collection, text_id, work::decode,
};
use serde::Deserialize;

use crate::Error;

/// The name of a collection in a generation.
type Collection = fn(u32) -> String;

/// The collections that hold a record's documents, and the field that says which record's.
const OF_RECORDS: [(Collection, &str); 4] = [
    (facets_collection, "_id"),
    (history_collection, "facet"),
    (history_orphans_collection, "facet"),
    (quarantine_collection, "facet"),
];

/// Documents in an order of ids.
pub struct Page {
    /// The documents, and where they belong.
    pub documents: Vec<(Collection, RawDocumentBuf)>,
    /// Everything up to this id has been read; none if there is nothing behind it.
    pub last: Option<String>,
}

#[derive(Deserialize)]
struct Origin {
    #[serde(alias = "raw")]
    source: Instance,
}

#[derive(Deserialize)]
struct Instance {
    instance: InstanceName,
}

#[derive(Deserialize)]
struct Facet {
    #[serde(default)]
    facet: Option<String>,
}

/// The source instance to whose record, or in whose log, a document belongs.
pub fn origin(document: &RawDocumentBuf) -> Result<InstanceName, Error> {
    Ok(decode::<Origin>("a page", document)?.source.instance)
}

fn facet(document: &RawDocumentBuf) -> Result<Option<String>, Error> {
    Ok(decode::<Facet>("a page", document)?.facet)
}

/// The next records behind an id with all their documents: about so many of each collection, and all that a record has.
pub async fn records(store: &dyn Documents, from: u32, after: &str, size: usize) -> Result<Page, Error> {
    let mut found: Vec<(Collection, String, RawDocumentBuf)> = Vec::new();
    let mut last: Option<String> = None;
    for (collection, field) in OF_RECORDS {
        let (name, query) = (collection(from), behind(field, after).limited(size));
        let mut documents = keyed(field, store.find(&name, &query).await?)?;
        if documents.len() == size {
            let end = match complete(&documents) {
                Some(end) => end,
                None => {
                    // All are of one record, which may have more.
                    let only = documents.first().map(|(id, _)| id.clone()).unwrap_or_default();
                    let all = Query::all().with(Condition::Eq(field.to_owned(), only.as_str().into()));
                    documents = keyed(field, store.find(&name, &all).await?)?;
                    only
                }
            };
            last = Some(last.map_or(end.clone(), |last| last.min(end)));
        }
        found.extend(documents.into_iter().map(|(id, document)| (collection, id, document)));
    }
    let is_in = |id: &str| last.as_ref().is_none_or(|last| id <= last.as_str());
    let documents = found.into_iter().filter(|(_, id, _)| is_in(id));
    Ok(Page { documents: documents.map(|(name, _, document)| (name, document)).collect(), last })
}

/// The last record of which all documents are there for certain: the one before the last, since that may have more. Of
/// facets, one per record, too: the next page begins with what is left out here.
fn complete(documents: &[(String, RawDocumentBuf)]) -> Option<String> {
    let ids: BTreeSet<&str> = documents.iter().map(|(id, _)| id.as_str()).collect();
    ids.iter().rev().nth(1).map(|id| (*id).to_owned())
}

/// The next rejects behind an id that belong to no record.
pub async fn rejects_of_no_record(
    store: &dyn Documents,
    from: u32,
    after: &str,
    size: usize,
) -> Result<Page, Error> {
    let found = store.find(&quarantine_collection(from), &behind("_id", after).limited(size)).await?;
    let last = found.last().filter(|_| found.len() == size).map(|reject| text_id(reject)).transpose()?;
    let last = last.map(str::to_owned);
    let mut documents: Vec<(Collection, RawDocumentBuf)> = Vec::new();
    for reject in found {
        if facet(&reject)?.is_none() {
            documents.push((quarantine_collection, reject));
        }
    }
    Ok(Page { documents, last })
}

fn behind(field: &str, after: &str) -> Query {
    Query::all().with(Condition::Gt(field.to_owned(), after.into())).sorted(field, Direction::Ascending)
}

fn keyed(field: &str, documents: Vec<RawDocumentBuf>) -> Result<Vec<(String, RawDocumentBuf)>, Error> {
    let key = |document: RawDocumentBuf| {
        let id = if field == "_id" { Some(text_id(&document)?.to_owned()) } else { facet(&document)? };
        Ok((id.unwrap_or_default(), document))
    };
    documents.into_iter().map(key).collect()
}
