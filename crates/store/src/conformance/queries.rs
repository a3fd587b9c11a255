//! Checks of conditions, order, limits and projections.

use bson::{Bson, Document, bson, doc};

use super::{Outcome, batch, ensure, ensure_error, ids, insert, raw};
use crate::{Condition, Direction, Documents, Error, Query};

const C: &str = "serving_list_g1";

async fn fill<S: Documents>(store: &S, documents: Vec<Document>) -> Outcome {
    let writes = documents.into_iter().map(|document| insert(C, document)).collect::<Result<_, _>>()?;
    store.commit(batch("p", 0, writes)).await?;
    Ok(())
}

/// The ids that match, in order of id.
async fn expect<S: Documents>(store: &S, conditions: Vec<Condition>, expected: &[&str]) -> Outcome {
    let query = Query { conditions, ..Query::all() };
    let mut found = ids(&store.find(C, &query).await?)?;
    found.sort();
    ensure!(found == expected, "{:?} gave {found:?}, not {expected:?}", query.conditions);
    Ok(())
}

fn eq(field: &str, value: impl Into<Bson>) -> Condition {
    Condition::Eq(field.to_owned(), value.into())
}

fn within(field: &str, values: &[&str]) -> Condition {
    Condition::In(field.to_owned(), values.iter().map(|value| Bson::from(*value)).collect())
}

fn gt(field: &str, value: impl Into<Bson>) -> Condition {
    Condition::Gt(field.to_owned(), value.into())
}

fn gte(field: &str, value: impl Into<Bson>) -> Condition {
    Condition::Gte(field.to_owned(), value.into())
}

fn lt(field: &str, value: impl Into<Bson>) -> Condition {
    Condition::Lt(field.to_owned(), value.into())
}

pub(super) async fn conditions_select<S: Documents>(store: &S) -> Outcome {
    let documents = vec![
        doc! { "_id": "a", "n": 1_i32, "owner": { "id": "x" }, "name": "one" },
        doc! { "_id": "b", "n": 2_i64, "owner": { "id": "y" }, "name": "two" },
        doc! { "_id": "c", "n": 2.5, "owner": { "id": "x" }, "name": "Two" },
    ];
    fill(store, documents).await?;
    expect(store, vec![], &["a", "b", "c"]).await?;
    expect(store, vec![eq("_id", "b")], &["b"]).await?;
    expect(store, vec![eq("n", 2_i32)], &["b"]).await?;
    expect(store, vec![eq("name", "two")], &["b"]).await?;
    expect(store, vec![eq("owner.id", "x")], &["a", "c"]).await?;
    expect(store, vec![eq("owner", doc! { "id": "x" })], &["a", "c"]).await?;
    expect(store, vec![within("owner.id", &["y", "z"])], &["b"]).await?;
    expect(store, vec![within("owner.id", &[])], &[]).await?;
    expect(store, vec![gt("n", 2_i64)], &["c"]).await?;
    expect(store, vec![gte("n", 2_i64)], &["b", "c"]).await?;
    expect(store, vec![lt("n", 2.25)], &["a", "b"]).await?;
    expect(store, vec![gt("n", 1_i32), lt("n", 2.5)], &["b"]).await?;
    expect(store, vec![gte("_id", "b"), lt("_id", "c"), eq("owner.id", "x")], &[]).await?;
    ensure!(store.find("serving_nothing_g1", &Query::all()).await?.is_empty(), "a collection out of nothing");
    Ok(())
}

pub(super) async fn arrays_match_by_an_item<S: Documents>(store: &S) -> Outcome {
    let documents = vec![
        doc! { "_id": "a", "tags": ["red", "blue"], "rows": [{ "n": 1 }, { "n": 5 }] },
        doc! { "_id": "b", "tags": ["green"], "rows": [{ "n": 3 }] },
        doc! { "_id": "c", "tags": [], "rows": [] },
    ];
    fill(store, documents).await?;
    expect(store, vec![eq("tags", "blue")], &["a"]).await?;
    expect(store, vec![within("tags", &["blue", "green"])], &["a", "b"]).await?;
    expect(store, vec![eq("tags", bson!(["red", "blue"]))], &["a"]).await?;
    expect(store, vec![eq("tags", bson!(["blue", "red"]))], &[]).await?;
    expect(store, vec![eq("tags", "red"), eq("tags", "blue")], &["a"]).await?;
    expect(store, vec![eq("rows.n", 5)], &["a"]).await?;
    // Different items may satisfy different conditions.
    expect(store, vec![gt("rows.n", 3), lt("rows.n", 3)], &["a"]).await?;
    expect(store, vec![eq("rows.0.n", 1)], &["a"]).await
}

pub(super) async fn null_is_a_missing_field<S: Documents>(store: &S) -> Outcome {
    let documents = vec![
        doc! { "_id": "a", "team": Bson::Null },
        doc! { "_id": "b" },
        doc! { "_id": "c", "team": "x", "owner": { "id": "o" } },
        doc! { "_id": "d", "team": "", "owner": {} },
    ];
    fill(store, documents).await?;
    expect(store, vec![eq("team", Bson::Null)], &["a", "b"]).await?;
    expect(store, vec![eq("owner.id", Bson::Null)], &["a", "b", "d"]).await?;
    let either = Condition::In("team".to_owned(), vec![Bson::Null, Bson::from("x")]);
    expect(store, vec![either], &["a", "b", "c"]).await?;
    expect(store, vec![gte("team", "")], &["c", "d"]).await?;
    expect(store, vec![lt("team", "z")], &["c", "d"]).await
}

pub(super) async fn comparison_stays_within_a_kind<S: Documents>(store: &S) -> Outcome {
    let documents = vec![
        doc! { "_id": "a", "v": 5 },
        doc! { "_id": "b", "v": "5" },
        doc! { "_id": "c", "v": true },
        doc! { "_id": "d", "v": bson::DateTime::from_millis(5) },
        doc! { "_id": "e" },
    ];
    fill(store, documents).await?;
    expect(store, vec![gt("v", 0)], &["a"]).await?;
    expect(store, vec![gt("v", "")], &["b"]).await?;
    expect(store, vec![gte("v", false)], &["c"]).await?;
    expect(store, vec![lt("v", bson::DateTime::from_millis(6))], &["d"]).await?;
    expect(store, vec![eq("v", 1)], &[]).await
}

pub(super) async fn results_are_sorted_and_limited<S: Documents>(store: &S) -> Outcome {
    let documents = vec![
        doc! { "_id": "a", "n": 2, "m": "x" },
        doc! { "_id": "b", "n": 1.5, "m": "y" },
        doc! { "_id": "c", "n": 2_i64, "m": "B" },
        doc! { "_id": "d", "m": "é" },
        doc! { "_id": "e", "n": [0, 9], "m": "a" },
        doc! { "_id": "f", "n": "text", "m": "b" },
    ];
    fill(store, documents).await?;
    let up = Direction::Ascending;
    let down = Direction::Descending;
    let cases: [(Query, &[&str]); 6] = [
        (Query::all().sorted("m", up), &["c", "e", "f", "a", "b", "d"]),
        (Query::all().sorted("n", up).sorted("_id", up), &["d", "e", "b", "a", "c", "f"]),
        (Query::all().sorted("n", down).sorted("_id", up), &["f", "e", "a", "c", "b", "d"]),
        (Query::all().sorted("n", up).sorted("_id", down), &["d", "e", "b", "c", "a", "f"]),
        (Query::all().sorted("_id", down).limited(2), &["f", "e"]),
        (Query::all().with(gt("_id", "b")).sorted("_id", up).limited(3), &["c", "d", "e"]),
    ];
    for (query, expected) in cases {
        let found = ids(&store.find(C, &query).await?)?;
        ensure!(found == expected, "{query:?} gave {found:?}, not {expected:?}");
    }
    ensure!(store.find(C, &Query::all().limited(0)).await?.is_empty(), "a limit of nothing gave something");
    Ok(())
}

pub(super) async fn only_wanted_fields_come_back<S: Documents>(store: &S) -> Outcome {
    fill(store, vec![doc! { "_id": "a", "z": 1, "y": { "x": 1 }, "w": [1] }]).await?;
    for (fields, expected) in [
        (&["w", "z"] as &[&str], doc! { "_id": "a", "z": 1, "w": [1] }),
        (&["y", "nothing"], doc! { "_id": "a", "y": { "x": 1 } }),
        (&["_id"], doc! { "_id": "a" }),
    ] {
        let fields: Vec<&'static str> =
            ["w", "z", "y", "nothing", "_id"].into_iter().filter(|field| fields.contains(field)).collect();
        let found = store.find(C, &Query::all().only(&fields)).await?;
        ensure!(found == [raw(expected)?], "{fields:?} gave {found:?}");
    }
    Ok(())
}

pub(super) async fn get_leaves_out_what_is_not_there<S: Documents>(store: &S) -> Outcome {
    fill(store, (0..300).map(|n| doc! { "_id": format!("{n:03}") }).collect()).await?;
    let wanted = ["250", "nothing", "007", "007"].map(str::to_owned);
    let mut found = ids(&store.get(C, &wanted).await?)?;
    found.sort();
    ensure!(found == ["007", "250"], "{found:?}");
    ensure!(store.get(C, &[]).await?.is_empty(), "nothing asked, something given");
    let every: Vec<_> = (0..300).map(|n| format!("{n:03}")).collect();
    ensure!(store.get(C, &every).await?.len() == 300, "documents are missing");
    Ok(())
}

pub(super) async fn names_are_no_operators<S: Documents>(store: &S) -> Outcome {
    fill(store, vec![doc! { "_id": "a", "n": 1 }]).await?;
    ensure_error!(store.find(C, &Query::all().with(eq("$where", "true"))).await, Error::Refused(_));
    ensure_error!(store.find(C, &Query::all().sorted("n.$x", Direction::Ascending)).await, Error::Refused(_));
    // A value that looks like an operator is a value.
    expect(store, vec![eq("n", doc! { "$gt": 0 })], &[]).await
}
