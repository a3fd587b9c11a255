//! A batch as the write commands of one transaction, and what their answers mean.
//!
//! Per collection one `insert`, one `update` and one `delete`, cut where a command would grow too large. Documents
//! are copied as bytes, never decoded. Order: the position, then collections by name.

use std::collections::BTreeMap;

use bson::raw::RawArrayBuf;
use bson::{Document, RawDocumentBuf, rawdoc};
use salescommand_store::{Batch, Error, Operation, POSITIONS_COLLECTION, position_document};

use crate::error::{DUPLICATE_KEY, UNKNOWN_ERROR, WRITE_CONFLICT, duplicate, first_write_error};

/// Most bytes of documents in a command: the server takes 16 MiB, envelope included.
const COMMAND_BYTES: usize = 12 * 1024 * 1024;
/// Most writes in a command: the server's limit.
const COMMAND_WRITES: usize = 100_000;

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Position,
    Insert,
    Replace,
    Delete,
}

/// A command, and how many documents it must reach.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) command: RawDocumentBuf,
    kind: Kind,
    collection: String,
    expected: usize,
}

/// Why a transaction cannot go on.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It will not work later either.
    Final(Error),
    /// The whole batch may be tried again.
    Again(Error),
}

/// A batch as commands; the position comes first, so that a fenced copy learns it before it sends documents.
pub(crate) fn steps(batch: Batch) -> Result<Vec<Step>, Error> {
    let mut steps = vec![position_step(&batch)?];
    let mut by_collection: BTreeMap<String, [Vec<RawDocumentBuf>; 3]> = BTreeMap::new();
    for write in batch.writes {
        let [inserts, replacements, deletions] = by_collection.entry(write.collection).or_default();
        match write.operation {
            Operation::Insert(document) => inserts.push(document),
            Operation::Replace(document) => {
                let id = write.id.as_str();
                replacements
                    .push(rawdoc! { "q": { "_id": id }, "u": document, "upsert": false, "multi": false });
            }
            Operation::Delete => {
                let id = write.id.as_str();
                deletions.push(rawdoc! { "q": { "_id": id }, "limit": 1 });
            }
        }
    }
    for (collection, [inserts, replacements, deletions]) in by_collection {
        for (kind, entries) in
            [(Kind::Insert, inserts), (Kind::Replace, replacements), (Kind::Delete, deletions)]
        {
            steps.extend(cut(entries).into_iter().map(|entries| step(kind, &collection, &entries)));
        }
    }
    Ok(steps)
}

/// Compare and set: there is no position yet, or it has the expected revision.
fn position_step(batch: &Batch) -> Result<Step, Error> {
    let expected = batch.expected_revision;
    let document = position_document(&batch.consumer, expected + 1, &batch.position)?;
    let command = if expected == 0 {
        command(Kind::Insert, POSITIONS_COLLECTION, &[document])
    } else {
        let id = batch.consumer.as_str();
        let query = rawdoc! { "_id": id, "revision": expected };
        let entry = rawdoc! { "q": query, "u": document, "upsert": false, "multi": false };
        command(Kind::Replace, POSITIONS_COLLECTION, &[entry])
    };
    Ok(Step { command, kind: Kind::Position, collection: batch.consumer.clone(), expected: 1 })
}

fn step(kind: Kind, collection: &str, entries: &[RawDocumentBuf]) -> Step {
    let command = command(kind, collection, entries);
    Step { command, kind, collection: collection.to_owned(), expected: entries.len() }
}

fn command(kind: Kind, collection: &str, entries: &[RawDocumentBuf]) -> RawDocumentBuf {
    let mut array = RawArrayBuf::new();
    for entry in entries {
        array.push(entry);
    }
    match kind {
        Kind::Insert | Kind::Position => {
            rawdoc! { "insert": collection, "ordered": true, "documents": array }
        }
        Kind::Replace => rawdoc! { "update": collection, "ordered": true, "updates": array },
        Kind::Delete => rawdoc! { "delete": collection, "ordered": true, "deletes": array },
    }
}

/// Cuts entries into commands that the server takes.
fn cut(entries: Vec<RawDocumentBuf>) -> Vec<Vec<RawDocumentBuf>> {
    let mut commands: Vec<Vec<RawDocumentBuf>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        // The array's own overhead per entry is a type byte and a decimal index.
        let size = entry.as_bytes().len() + 10;
        match commands.last_mut() {
            Some(last) if bytes + size <= COMMAND_BYTES && last.len() < COMMAND_WRITES => {
                bytes += size;
                last.push(entry);
            }
            _ => {
                bytes = size;
                commands.push(vec![entry]);
            }
        }
    }
    commands
}

/// A whole number in an answer, in either of the server's types.
pub(crate) fn whole(value: Option<&bson::Bson>) -> Option<u64> {
    match value? {
        bson::Bson::Int32(n) => u64::try_from(*n).ok(),
        bson::Bson::Int64(n) => u64::try_from(*n).ok(),
        _ => None,
    }
}

impl Step {
    /// Whether the answer says that every document was reached.
    pub(crate) fn check(&self, answer: &Document) -> Result<(), Stop> {
        let unreadable = |_| Stop::Final(Error::Refused("an answer of MongoDB cannot be read".to_owned()));
        let raw = RawDocumentBuf::try_from(answer).map_err(unreadable)?;
        if let Some(error) = first_write_error(&raw) {
            return Err(self.failed(error.get_i32("code").unwrap_or(0), Some(error)));
        }
        let reached = whole(answer.get("n")).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if reached == self.expected {
            return Ok(());
        }
        let collection = &self.collection;
        let text = match self.kind {
            Kind::Position => return Err(Stop::Final(Error::Fenced(collection.clone()))),
            Kind::Insert => format!("{collection}: {reached} of {} documents were inserted", self.expected),
            Kind::Replace | Kind::Delete => format!(
                "{collection}: {} of {} documents to replace or delete are not there",
                self.expected.saturating_sub(reached),
                self.expected
            ),
        };
        Err(Stop::Final(Error::Refused(text)))
    }

    /// What a write's error means here, by its code.
    pub(crate) fn failed(&self, code: i32, error: Option<&bson::RawDocument>) -> Stop {
        match (code, self.kind) {
            (DUPLICATE_KEY, Kind::Position) => Stop::Final(Error::Fenced(self.collection.clone())),
            (DUPLICATE_KEY, _) => Stop::Final(duplicate(&self.collection, error)),
            (WRITE_CONFLICT, _) => Stop::Again(Error::Unavailable("another transaction is ahead".to_owned())),
            // What the storage engine has no name for, as seen with a full disk: it may be mended without us.
            (UNKNOWN_ERROR, _) => Stop::Again(Error::Unavailable(format!(
                "MongoDB could not write to {}; is its disk full? Its own log says why",
                self.collection
            ))),
            _ => {
                Stop::Final(Error::Refused(format!("a write to {} failed with code {code}", self.collection)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{doc, rawdoc};
    use salescommand_store::Write;

    use super::*;

    fn batch(expected_revision: i64, writes: Vec<Write>) -> Batch {
        Batch { consumer: "n".into(), expected_revision, position: doc! {}, writes }
    }

    fn write(collection: &str, id: &str, operation: Operation) -> Write {
        Write { collection: collection.into(), id: id.into(), operation }
    }

    fn names(steps: &[Step]) -> Vec<(Kind, &str, usize)> {
        steps.iter().map(|step| (step.kind, step.collection.as_str(), step.expected)).collect()
    }

    #[test]
    fn the_position_comes_first_then_a_command_per_collection_and_kind() {
        let writes = vec![
            write("b", "1", Operation::Delete),
            write("a", "1", Operation::Insert(rawdoc! { "_id": "1" })),
            write("b", "2", Operation::Replace(rawdoc! { "_id": "2" })),
            write("a", "2", Operation::Insert(rawdoc! { "_id": "2" })),
        ];
        let steps = steps(batch(0, writes)).unwrap();
        let expected = [
            (Kind::Position, "n", 1),
            (Kind::Insert, "a", 2),
            (Kind::Replace, "b", 1),
            (Kind::Delete, "b", 1),
        ];
        assert_eq!(names(&steps), expected);
    }

    #[test]
    fn a_write_that_the_engine_refuses_without_a_name_is_tried_again() {
        let steps = steps(batch(0, vec![write("a", "1", Operation::Delete)])).unwrap();
        let answer = doc! { "n": 0, "writeErrors": [{ "index": 0, "code": 8, "errmsg": "28: No space left on device" }] };
        match steps[1].check(&answer) {
            Err(Stop::Again(error)) => {
                assert!(error.is_transient() && error.to_string().contains("disk"), "{error}")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_command_stays_below_the_servers_limit() {
        let document = |n: usize| rawdoc! { "_id": n.to_string(), "x": "x".repeat(5 << 20) };
        let writes =
            (0..5).map(|n| write("a", &n.to_string(), Operation::Insert(document(n)))).collect::<Vec<_>>();
        let steps = steps(batch(0, writes)).unwrap();
        assert_eq!(
            names(&steps)[1..],
            [(Kind::Insert, "a", 2), (Kind::Insert, "a", 2), (Kind::Insert, "a", 1)]
        );
        assert!(steps.iter().all(|step| step.command.as_bytes().len() < 16 << 20));
    }

    #[test]
    fn answers_are_read() {
        let steps = steps(batch(3, vec![write("a", "1", Operation::Delete)])).unwrap();
        assert!(steps[0].check(&doc! { "n": 1, "ok": 1.0 }).is_ok());
        assert!(matches!(steps[0].check(&doc! { "n": 0 }), Err(Stop::Final(Error::Fenced(_)))));
        assert!(matches!(steps[1].check(&doc! { "n": 0 }), Err(Stop::Final(Error::Refused(_)))));
        let conflict = doc! { "n": 0, "writeErrors": [{ "index": 0, "code": 112 }] };
        assert!(matches!(steps[1].check(&conflict), Err(Stop::Again(_))));
        let key = doc! { "code": 11000, "keyPattern": { "email": 1 }, "keyValue": { "email": "secret" } };
        match steps[1].check(&doc! { "n": 0, "writeErrors": [key] }) {
            Err(Stop::Final(Error::Duplicate { key, .. })) => assert_eq!(key, "email"),
            other => panic!("{other:?}"),
        }
    }
}
