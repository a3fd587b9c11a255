//! What every store must do, as a suite: it runs on the twin in memory and on the real database.
//!
//! Each check gets a store of its own without any documents. The suite asks only what the contract promises; it
//! must not know which implementation it talks to.

mod operational;
mod queries;
mod transactions;

use std::fmt;

use bson::{Document, RawDocument, RawDocumentBuf};

use crate::{Batch, Documents, Error, Operation, Ops, ScopedReads, Write};

/// A check that did not hold.
#[derive(Debug)]
pub struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<bson::error::Error> for Failure {
    fn from(error: bson::error::Error) -> Self {
        Self(error.to_string())
    }
}

type Outcome = Result<(), Failure>;

/// Fails the check unless a condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Failure(format!($($text)+)));
        }
    };
}
use ensure;

/// Fails the check unless a result is an error of one kind.
macro_rules! ensure_error {
    ($result:expr, $kind:pat) => {
        match $result {
            Err($kind) => {}
            other => {
                return Err($crate::conformance::Failure(format!(
                    "{} expected, not {other:?}",
                    stringify!($kind)
                )));
            }
        }
    };
}
use ensure_error;

/// Runs every check; gives how many hold, or a line for each that does not. `fresh` makes an empty store, and gets
/// the check's name, so that it can name a database after it.
pub async fn run<S, M, F>(fresh: M) -> Result<usize, Failure>
where
    S: Documents + ScopedReads + Ops,
    M: Fn(&'static str) -> F,
    F: Future<Output = Result<S, Error>>,
{
    let mut passed = 0;
    let mut failed = Vec::new();
    macro_rules! check {
        ($module:ident: $($name:ident),+ $(,)?) => {$(
            let outcome = async {
                let store = fresh(stringify!($name)).await?;
                $module::$name(&store).await
            };
            match outcome.await {
                Ok(()) => passed += 1,
                Err(failure) => failed.push(format!("{}: {failure}", stringify!($name))),
            }
        )+};
    }
    check!(transactions:
        writes_and_position_are_in_together,
        a_wrong_revision_is_fenced,
        of_racing_copies_one_wins,
        consumers_do_not_hinder_each_other,
        a_taken_id_undoes_the_batch,
        a_missing_document_undoes_the_batch,
        a_taken_unique_value_undoes_the_batch,
        an_empty_batch_moves_the_position,
        malformed_batches_are_refused,
        documents_come_back_byte_for_byte,
        large_batches_are_one_transaction,
        deletion_up_to_an_id_leaves_what_follows,
        the_switch_is_written_once,
        the_switch_moves_from_what_is_expected_and_back,
        a_dropped_generation_leaves_nothing,
        ensuring_twice_is_ensuring_once,
    );
    check!(queries:
        conditions_select,
        arrays_match_by_an_item,
        null_is_a_missing_field,
        comparison_stays_within_a_kind,
        results_are_sorted_and_limited,
        only_wanted_fields_come_back,
        get_leaves_out_what_is_not_there,
        names_are_no_operators,
    );
    check!(operational:
        a_scope_limits_what_is_read,
        a_wide_scope_gives_what_is_in_it,
        what_documents_of_a_scope_refer_to_is_seen,
        public_documents_need_no_scope,
        counts_and_positions_are_told,
        accounts_are_unique_by_email,
        replacement_needs_the_revision,
        deletion_takes_every_match,
        of_two_that_use_an_id_up_one_does,
        operational_and_scoped_reads_are_apart,
    );
    if failed.is_empty() { Ok(passed) } else { Err(Failure(failed.join("\n"))) }
}

fn raw(document: Document) -> Result<RawDocumentBuf, Failure> {
    Ok(RawDocumentBuf::try_from(&document)?)
}

fn id_of(document: &RawDocument) -> Result<String, Failure> {
    Ok(crate::text_id(document)?.to_owned())
}

fn ids(documents: &[RawDocumentBuf]) -> Result<Vec<String>, Failure> {
    documents.iter().map(|document| id_of(document)).collect()
}

fn insert(collection: &str, document: Document) -> Result<Write, Failure> {
    let document = raw(document)?;
    let id = id_of(&document)?;
    Ok(Write { collection: collection.to_owned(), id, operation: Operation::Insert(document) })
}

fn replace(collection: &str, document: Document) -> Result<Write, Failure> {
    let document = raw(document)?;
    let id = id_of(&document)?;
    Ok(Write { collection: collection.to_owned(), id, operation: Operation::Replace(document) })
}

fn delete(collection: &str, id: &str) -> Write {
    Write { collection: collection.to_owned(), id: id.to_owned(), operation: Operation::Delete }
}

/// A batch whose position tells its revision.
fn batch(consumer: &str, expected_revision: i64, writes: Vec<Write>) -> Batch {
    let position = bson::doc! { "sequence": expected_revision + 1 };
    Batch { consumer: consumer.to_owned(), expected_revision, position, writes }
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryStore;

    #[tokio::test]
    async fn the_twin_conforms() {
        let passed = super::run(|_| async { Ok(MemoryStore::new()) }).await;
        assert_eq!(passed.map_err(|failure| println!("{failure}")), Ok(34));
    }
}
