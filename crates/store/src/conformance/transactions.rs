//! Checks of the writers' part: transactions, fencing, the switch.

use std::collections::BTreeMap;

use bson::{Bson, RawDocumentBuf, doc};

use super::{Outcome, batch, delete, ensure, ensure_error, ids, insert, raw, replace};
use crate::{
    Active, CollectionSpec, Documents, Error, Generations, HASHES_COLLECTION, Query, StoredPosition,
    chunk_ids,
};

const C: &str = "canonical_accounts_g1";
const D: &str = "canonical_outbox_g1";

async fn all<S: Documents>(store: &S, collection: &str) -> Result<Vec<RawDocumentBuf>, Error> {
    store.find(collection, &Query::all().sorted("_id", crate::Direction::Ascending)).await
}

async fn revision<S: Documents>(store: &S, consumer: &str) -> Result<i64, Error> {
    Ok(store.position(consumer).await?.map_or(0, |position| position.revision))
}

pub(super) async fn writes_and_position_are_in_together<S: Documents>(store: &S) -> Outcome {
    ensure!(store.position("n").await?.is_none(), "a position before the first batch");
    let writes = vec![
        insert(C, doc! { "_id": "a", "n": 1 })?,
        insert(D, doc! { "_id": "1" })?,
        insert(C, doc! { "_id": "b", "n": 1 })?,
    ];
    ensure!(store.commit(batch("n", 0, writes)).await? == 1, "the first revision is 1");
    let writes =
        vec![replace(C, doc! { "_id": "a", "n": 2 })?, delete(D, "1"), insert(C, doc! { "_id": "c" })?];
    ensure!(store.commit(batch("n", 1, writes)).await? == 2, "the second revision is 2");
    let expected = [doc! { "_id": "a", "n": 2 }, doc! { "_id": "b", "n": 1 }, doc! { "_id": "c" }];
    let expected = expected.into_iter().map(raw).collect::<Result<Vec<_>, _>>()?;
    ensure!(all(store, C).await? == expected, "documents differ");
    ensure!(all(store, D).await?.is_empty(), "the deleted document is still there");
    let position = store.position("n").await?;
    let wanted = StoredPosition { revision: 2, position: doc! { "sequence": 2_i64 } };
    ensure!(position.as_ref() == Some(&wanted), "position is {position:?}");
    Ok(())
}

pub(super) async fn a_wrong_revision_is_fenced<S: Documents>(store: &S) -> Outcome {
    for (expected, right) in [(1, false), (0, true), (0, false), (2, false), (1, true), (1, false)] {
        let writes = vec![insert(C, doc! { "_id": format!("{expected}{right}") })?];
        let outcome = store.commit(batch("n", expected, writes)).await;
        if right {
            ensure!(outcome? == expected + 1, "a right revision was not taken");
        } else {
            ensure_error!(outcome, Error::Fenced(_));
        }
    }
    ensure!(ids(&all(store, C).await?)? == ["0true", "1true"], "a fenced batch left something");
    Ok(())
}

pub(super) async fn of_racing_copies_one_wins<S: Documents>(store: &S) -> Outcome {
    for expected in 0..5 {
        let attempt = |copy: &str| -> Result<_, super::Failure> {
            let writes = vec![insert(C, doc! { "_id": format!("{expected}"), "copy": copy })?];
            Ok(store.commit(batch("n", expected, writes)))
        };
        let (a, b, c) = tokio::join!(attempt("a")?, attempt("b")?, attempt("c")?);
        let mut winners = 0;
        for outcome in [a, b, c] {
            match outcome {
                Ok(revision) if revision == expected + 1 => winners += 1,
                Err(Error::Fenced(_)) => {}
                other => return Err(super::Failure(format!("a racing copy got {other:?}"))),
            }
        }
        ensure!(winners == 1, "{winners} copies won");
    }
    ensure!(revision(store, "n").await? == 5, "the position did not count each batch once");
    Ok(())
}

pub(super) async fn consumers_do_not_hinder_each_other<S: Documents>(store: &S) -> Outcome {
    for turn in 0..5 {
        let attempt = |consumer: &str| -> Result<_, super::Failure> {
            let writes = vec![insert(C, doc! { "_id": format!("{consumer}{turn}") })?];
            Ok(store.commit(batch(consumer, turn, writes)))
        };
        let (a, b) = tokio::join!(attempt("a")?, attempt("b")?);
        ensure!(a? == turn + 1 && b? == turn + 1, "each consumer counts by itself");
    }
    ensure!(all(store, C).await?.len() == 10, "documents are missing");
    Ok(())
}

pub(super) async fn a_taken_id_undoes_the_batch<S: Documents>(store: &S) -> Outcome {
    store.commit(batch("n", 0, vec![insert(C, doc! { "_id": "a" })?])).await?;
    let writes = vec![insert(D, doc! { "_id": "1" })?, insert(C, doc! { "_id": "a" })?];
    match store.commit(batch("n", 1, writes)).await {
        Err(Error::Duplicate { collection, key }) if collection == C && key == "a" => {}
        other => return Err(super::Failure(format!("a duplicate gave {other:?}"))),
    }
    ensure!(all(store, D).await?.is_empty(), "half a batch is in");
    ensure!(revision(store, "n").await? == 1, "the position moved");
    Ok(())
}

pub(super) async fn a_missing_document_undoes_the_batch<S: Documents>(store: &S) -> Outcome {
    for missing in [replace(C, doc! { "_id": "a" })?, delete(C, "a")] {
        let writes = vec![insert(D, doc! { "_id": "1" })?, missing];
        ensure_error!(store.commit(batch("n", 0, writes)).await, Error::Refused(_));
    }
    ensure!(all(store, C).await?.is_empty() && all(store, D).await?.is_empty(), "half a batch is in");
    ensure!(store.position("n").await?.is_none(), "the position moved");
    Ok(())
}

pub(super) async fn a_taken_unique_value_undoes_the_batch<S: Documents>(store: &S) -> Outcome {
    store.ensure(&[CollectionSpec::plain(C).unique("key"), CollectionSpec::plain(D)]).await?;
    let writes =
        vec![insert(C, doc! { "_id": "a", "key": "k" })?, insert(C, doc! { "_id": "b", "key": "l" })?];
    store.commit(batch("n", 0, writes)).await?;
    for taking in [insert(C, doc! { "_id": "c", "key": "k" })?, replace(C, doc! { "_id": "b", "key": "k" })?]
    {
        let writes = vec![insert(D, doc! { "_id": "1" })?, taking];
        match store.commit(batch("n", 1, writes)).await {
            Err(Error::Duplicate { collection, key }) if collection == C && key == "key" => {}
            other => return Err(super::Failure(format!("a duplicate gave {other:?}"))),
        }
    }
    ensure!(all(store, D).await?.is_empty(), "half a batch is in");
    Ok(())
}

pub(super) async fn an_empty_batch_moves_the_position<S: Documents>(store: &S) -> Outcome {
    ensure!(store.commit(batch("n", 0, Vec::new())).await? == 1, "not taken");
    ensure!(store.commit(batch("n", 1, Vec::new())).await? == 2, "not taken");
    ensure_error!(store.commit(batch("n", 1, Vec::new())).await, Error::Fenced(_));
    Ok(())
}

pub(super) async fn malformed_batches_are_refused<S: Documents>(store: &S) -> Outcome {
    let mut other = insert(C, doc! { "_id": "a" })?;
    other.id = "b".to_owned();
    let malformed = [
        vec![other],
        vec![insert(C, doc! { "_id": "a" })?, delete(C, "a")],
        vec![insert(crate::POSITIONS_COLLECTION, doc! { "_id": "m" })?],
    ];
    for writes in malformed {
        ensure_error!(store.commit(batch("n", 0, writes)).await, Error::Refused(_));
    }
    ensure_error!(store.commit(batch("n", -1, Vec::new())).await, Error::Refused(_));
    Ok(())
}

pub(super) async fn documents_come_back_byte_for_byte<S: Documents>(store: &S) -> Outcome {
    let nested = doc! { "zero": Bson::Null, "Ärger": [1_i64, 2.5, "x", { "deep": [[]] }], "": "no name" };
    let document = doc! {
        "_id": "a", "int": 1_i32, "long": i64::MAX, "double": 0.1, "text": "naïve \u{1F600}", "flag": true,
        "time": bson::DateTime::from_millis(1_700_000_000_123), "nested": nested, "empty": {}, "again": "z",
    };
    store.commit(batch("n", 0, vec![insert(C, document.clone())?])).await?;
    let stored = store.get(C, &["a".to_owned()]).await?;
    ensure!(stored == [raw(document)?], "stored differently: {stored:?}");
    // An `_id` that does not stand first is moved there, by an insert and by a replacement.
    store.commit(batch("n", 1, vec![insert(C, doc! { "x": 1, "_id": "b", "y": 2 })?])).await?;
    store.commit(batch("n", 2, vec![replace(C, doc! { "x": 1, "_id": "a", "y": 2 })?])).await?;
    let stored = all(store, C).await?;
    let expected = [raw(doc! { "_id": "a", "x": 1, "y": 2 })?, raw(doc! { "_id": "b", "x": 1, "y": 2 })?];
    ensure!(stored == expected, "stored differently: {stored:?}");
    Ok(())
}

/// More documents, and more bytes, than one command of a database takes.
pub(super) async fn large_batches_are_one_transaction<S: Documents>(store: &S) -> Outcome {
    store.ensure(&[CollectionSpec::plain(C), CollectionSpec::plain(D)]).await?;
    let long = "x".repeat(1_500_000);
    let heavy = |version: i32| {
        let long = &long;
        (0..14).map(move |n| doc! { "_id": format!("h{n:02}"), "version": version, "text": long.as_str() })
    };
    let light =
        |version: i32| (0..3_000).map(move |n| doc! { "_id": format!("l{n:04}"), "version": version });
    let mut writes = Vec::new();
    for document in heavy(1) {
        writes.push(insert(C, document)?);
    }
    for document in light(1) {
        writes.push(insert(D, document)?);
    }
    let mut duplicate = writes.clone();
    store.commit(batch("n", 0, writes)).await?;
    ensure_error!(store.commit(batch("m", 0, duplicate.split_off(10))).await, Error::Duplicate { .. });
    let mut writes = Vec::new();
    for document in heavy(2) {
        writes.push(replace(C, document)?);
    }
    for document in light(2).skip(1_000) {
        writes.push(replace(D, document)?);
    }
    writes.extend((0..1_000).map(|n| delete(D, &format!("l{n:04}"))));
    store.commit(batch("n", 1, writes)).await?;
    let expected = light(2).skip(1_000).map(raw).collect::<Result<Vec<_>, _>>()?;
    ensure!(all(store, D).await? == expected, "light documents differ");
    let expected = heavy(2).map(raw).collect::<Result<Vec<_>, _>>()?;
    ensure!(all(store, C).await? == expected, "heavy documents differ");
    Ok(())
}

pub(super) async fn deletion_up_to_an_id_leaves_what_follows<S: Documents>(store: &S) -> Outcome {
    store.delete_up_to(C, "5").await?;
    let writes = (1..=9).map(|n| insert(C, doc! { "_id": n.to_string() })).collect::<Result<_, _>>()?;
    store.commit(batch("n", 0, writes)).await?;
    store.delete_up_to(C, "55").await?;
    ensure!(ids(&all(store, C).await?)? == ["6", "7", "8", "9"], "wrong documents are left");
    store.delete_up_to(C, "7").await?;
    ensure!(ids(&all(store, C).await?)? == ["8", "9"], "wrong documents are left");
    Ok(())
}

pub(super) async fn the_switch_is_written_once<S: Documents>(store: &S) -> Outcome {
    ensure!(store.active().await?.is_none(), "a switch before there is one");
    let serving = BTreeMap::from([("stats".to_owned(), 1), ("feed".to_owned(), 2)]);
    let first = Active { canonical: 1, serving, org_version: 7, previous: None };
    let second = Active { canonical: 2, serving: BTreeMap::new(), org_version: 8, previous: None };
    let (left, right) = tokio::join!(store.ensure_active(&first), store.ensure_active(&first));
    ensure!(left? == first && right? == first, "the first switch does not stand");
    ensure!(store.ensure_active(&second).await? == first, "a second switch was written");
    ensure!(store.active().await? == Some(first), "the switch reads differently");
    Ok(())
}

pub(super) async fn the_switch_moves_from_what_is_expected_and_back<S: Documents>(store: &S) -> Outcome {
    let serving = |generation| BTreeMap::from([("stats".to_owned(), generation), ("feed".to_owned(), 1)]);
    let first = Active { canonical: 1, serving: serving(1), org_version: 7, previous: None };
    ensure!(!store.switch_active(&first, &first).await?, "a switch that is not there was moved");
    store.ensure_active(&first).await?;
    let second = first.moved_to(Generations { canonical: 2, serving: serving(2) });
    let (left, right) =
        tokio::join!(store.switch_active(&first, &second), store.switch_active(&first, &second));
    ensure!(left? != right?, "of two moves from the same place one wins");
    ensure!(store.active().await?.as_ref() == Some(&second), "the switch did not move");
    ensure!(!store.switch_active(&first, &second).await?, "a move from an older place was made");
    let back = second.moved_to(first.generations());
    ensure!(store.switch_active(&second, &back).await?, "the way back is closed");
    ensure!(
        back.generations() == first.generations() && back.previous == Some(second.generations()),
        "{back:?}"
    );
    ensure!(store.active().await? == Some(back), "the switch reads differently");
    Ok(())
}

pub(super) async fn a_dropped_generation_leaves_nothing<S: Documents>(store: &S) -> Outcome {
    store.ensure(&[CollectionSpec::plain(C).index(&["x"]), CollectionSpec::plain(D)]).await?;
    let hashes = [C, D].map(|name| {
        chunk_ids(name)
            .into_iter()
            .take(2)
            .map(|id| insert(HASHES_COLLECTION, doc! { "_id": id }))
            .collect::<Vec<_>>()
    });
    let mut writes = vec![insert(C, doc! { "_id": "a" })?, insert(D, doc! { "_id": "b" })?];
    writes.extend(hashes.into_iter().flatten().collect::<Result<Vec<_>, _>>()?);
    store.commit(batch("old", 0, writes)).await?;
    store.commit(batch("new", 0, Vec::new())).await?;
    store.drop_generation(&[C.to_owned(), "never-there".to_owned()], &["old".to_owned()]).await?;
    store.drop_generation(&[C.to_owned()], &["old".to_owned()]).await?;
    ensure!(all(store, C).await?.is_empty() && all(store, D).await?.len() == 1, "wrong documents are left");
    ensure!(store.position("old").await?.is_none(), "the position is left");
    ensure!(store.position("new").await?.is_some(), "another position is gone");
    let sums = ids(&all(store, HASHES_COLLECTION).await?)?;
    ensure!(sums.len() == 2 && sums.iter().all(|id| id.starts_with(D)), "wrong sums are left: {sums:?}");
    Ok(())
}

pub(super) async fn ensuring_twice_is_ensuring_once<S: Documents>(store: &S) -> Outcome {
    let specs =
        [CollectionSpec::plain(C).index(&["x", "y.z"]).index(&["y"]).unique("key"), CollectionSpec::plain(D)];
    let (left, right) = tokio::join!(store.ensure(&specs), store.ensure(&specs));
    left?;
    right?;
    store.ensure(&specs).await?;
    store.commit(batch("n", 0, vec![insert(C, doc! { "_id": "a", "key": 1 })?])).await?;
    store.ensure(&specs).await?;
    ensure!(all(store, C).await?.len() == 1, "ensuring lost a document");
    Ok(())
}
