//! Transactions that commit late, and what each way of following changes makes of them. Connectors that look right
//! lose rows or never end here, as they do against the real server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use salescommand_odoo_simulator::{Data, Handle, Matching, Trouble};
use serde_json::{Value as Json, json};

use super::client::{API, User, simulator};

/// The reader's copy: ids and names.
type Copy = BTreeMap<i64, String>;

fn take(copy: &mut Copy, rows: &[Json]) {
    for row in rows {
        copy.insert(row["id"].as_i64().unwrap(), row["name"].as_str().unwrap().to_owned());
    }
}

async fn changed(user: &User, domain: Json, order: &str, limit: usize) -> Vec<Json> {
    let fields = ["name", "write_date"];
    let kwargs = json!({"fields": fields, "order": order, "limit": limit, "context": {"active_test": false}});
    user.call("crm.lead", "search_read", json!([domain]), kwargs).await.unwrap().as_array().unwrap().clone()
}

/// Everything written in or after a second, in pages by id.
async fn window(user: &User, from: &str, copy: &mut Copy) {
    let mut last = 0;
    loop {
        let domain = json!([["write_date", ">=", from], ["id", ">", last]]);
        let rows = changed(user, domain, "id asc", 50).await;
        let Some(row) = rows.last() else { return };
        last = row["id"].as_i64().unwrap();
        take(copy, &rows);
    }
}

fn second(handle: &Handle, before: Duration) -> String {
    let at = handle.clock().now() - before;
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The table as it is, and how many rows of it a copy lacks.
fn missed(handle: &Handle, copy: &Copy) -> usize {
    let rows = handle.data().snapshot();
    let lacking = |(id, row): &(i64, &salescommand_odoo_simulator::Record)| {
        copy.get(id).map(String::as_str) != row.get("name").as_text()
    };
    rows.rows("crm.lead").filter(lacking).count()
}

fn named(names: &str, number: usize) -> Json {
    Json::Array((0..number).map(|index| json!({"name": format!("{names} {index}")})).collect())
}

#[tokio::test]
async fn an_open_transaction_is_seen_by_nobody_else_and_stamps_its_start() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let mut held = handle.data().begin(API).unwrap();
    let ids = held.call(("crm.lead", "create"), json!([named("Held", 500)]), json!({})).unwrap();
    handle.clock().advance(Duration::from_secs(38));
    let fast = api.create("crm.lead", json!({"name": "Fast"})).await;
    assert!(ids.as_array().unwrap().iter().all(|id| id.as_i64().unwrap() < fast), "ids are taken when made");
    assert_eq!(api.call("crm.lead", "exists", json!([ids]), json!({})).await, Ok(json!([])));
    assert_eq!(
        held.call(("crm.lead", "exists"), json!([ids]), json!({})).unwrap().as_array().unwrap().len(),
        500
    );
    assert_eq!(
        held.call(("crm.lead", "exists"), json!([[fast]]), json!({})),
        Ok(json!([])),
        "its own snapshot"
    );
    let started = held.started();
    held.commit().unwrap();
    let rows = handle.data().snapshot();
    for id in ids.as_array().unwrap() {
        let row = rows.row("crm.lead", id.as_i64().unwrap()).unwrap();
        assert_eq!(row.get("write_date").as_instant(), Some(started));
        assert_eq!(row.get("create_date").as_instant(), Some(started));
    }
    let behind = json!([["id", "in", ids], ["write_date", ">", second(&handle, Duration::from_secs(1))]]);
    assert_eq!(api.count("crm.lead", behind).await, 0, "a cursor that has moved on does not meet them");
}

#[tokio::test]
async fn a_transaction_thrown_away_leaves_nothing_and_one_that_meets_another_fails() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let before = handle.data().snapshot();
    let mut held = handle.data().begin(API).unwrap();
    held.call(("crm.lead", "create"), json!([{"name": "Never"}]), json!({})).unwrap();
    held.rollback();
    assert!(handle.data().snapshot() == before);
    let id = api.create("crm.lead", json!({"name": "Both"})).await;
    let mut held = handle.data().begin(API).unwrap();
    held.call(("crm.lead", "write"), json!([[id], {"name": "Held"}]), json!({})).unwrap();
    api.write("crm.lead", id, json!({"name": "Fast"})).await;
    assert_eq!(held.commit().unwrap_err().code, 1);
    assert_eq!(api.one("crm.lead", id, json!(["name"])).await["name"], json!("Fast"));
}

/// Waits for a call that has begun and not committed.
async fn until_pending(data: &Data) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while data.pending() == 0 {
        assert!(Instant::now() < deadline, "no call has begun");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_simulator_that_stops_rolls_back_what_has_not_committed() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let rows = handle.data();
    let takes = Duration::from_secs(9);
    handle.faults().next(1, Matching::call("crm.lead", "create"), Trouble::SlowTransaction(takes));
    let slow = api.call("crm.lead", "create", json!([named("Slow", 3)]), json!({}));
    let stopping = async {
        until_pending(&rows).await;
        handle.shutdown().await.unwrap();
    };
    let (answer, ()) = tokio::join!(slow, stopping);
    assert_eq!(answer.unwrap_err().code, 1);
    assert!(
        rows.snapshot()
            .ids_where("crm.lead", |row| {
                row.get("name").as_text().is_some_and(|name| name.starts_with("Slow"))
            })
            .is_empty()
    );
}

#[tokio::test]
async fn a_slow_call_commits_and_answers_late() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let takes = Duration::from_secs(9);
    handle.faults().next(1, Matching::call("crm.lead", "create"), Trouble::SlowTransaction(takes));
    let slow = api.call("crm.lead", "create", json!([named("Slow", 3)]), json!({}));
    let watching = async {
        until_pending(&handle.data()).await;
        let seen = api.count("crm.lead", json!([["name", "like", "Slow"]])).await;
        handle.clock().advance(takes + Duration::from_secs(1));
        seen
    };
    let (answer, seen) = tokio::join!(slow, watching);
    assert_eq!((seen, handle.data().pending()), (0, 0), "not before the commit");
    let ids = answer.unwrap();
    let rows = changed(&api, json!([["id", "in", ids]]), "id", 10).await;
    assert!(rows.len() == 3 && rows.iter().all(|row| row["write_date"] == json!("2026-11-23 12:00:00")));
}

/// A transaction of 150 rows that is open for 38 seconds, and three quick writes of others meanwhile; `after_each`
/// is what the reader does after each of them.
async fn history(handle: &Handle, mut after_each: impl AsyncFnMut()) {
    handle.clock().advance(Duration::from_secs(600));
    after_each().await;
    let mut held = handle.data().begin(API).unwrap();
    held.call(("crm.lead", "create"), json!([named("Late", 150)]), json!({})).unwrap();
    for number in 0..3 {
        handle.clock().advance(Duration::from_secs(12));
        handle
            .data()
            .call(API, ("crm.lead", "create"), json!([named("Quick", number + 1)]), json!({}))
            .unwrap();
        after_each().await;
    }
    handle.clock().advance(Duration::from_secs(2));
    held.commit().unwrap();
    for _ in 0..2 {
        handle.clock().advance(Duration::from_secs(20));
        after_each().await;
    }
}

#[tokio::test]
async fn the_highest_write_date_seen_misses_what_commits_late() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let (mut copy, mut highest) = (Copy::new(), "2000-01-01 00:00:00".to_owned());
    history(&handle, async || {
        let rows = changed(&api, json!([["write_date", ">=", highest]]), "id", 0).await;
        take(&mut copy, &rows);
        let newest = rows.iter().filter_map(|row| row["write_date"].as_str()).max();
        highest = newest.map_or(highest.clone(), str::to_owned);
    })
    .await;
    assert_eq!(missed(&handle, &copy), 150);
}

#[tokio::test]
async fn a_window_that_overlaps_less_than_the_longest_transaction_misses_it() {
    for (overlap, lost) in [(5, 150), (30, 150), (120, 0)] {
        let handle = simulator().await;
        let api = User::login(&handle, API).await;
        let overlap = Duration::from_secs(overlap);
        let (mut copy, mut from) = (Copy::new(), "2000-01-01 00:00:00".to_owned());
        history(&handle, async || {
            let begun = second(&handle, overlap);
            window(&api, &from, &mut copy).await;
            from = begun;
        })
        .await;
        assert_eq!(missed(&handle, &copy), lost, "{overlap:?}");
    }
}

#[tokio::test]
async fn a_keyset_over_write_date_and_id_never_leaves_a_burst() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    handle.data().call(API, ("crm.lead", "create"), json!([named("Burst", 30)]), json!({})).unwrap();
    let (mut copy, mut at, mut id) = (Copy::new(), second(&handle, Duration::ZERO), 0);
    for _ in 0..10 {
        let domain = json!(["|", ["write_date", ">", at], "&", ["write_date", "=", at], ["id", ">", id]]);
        let rows = changed(&api, domain, "write_date asc, id asc", 10).await;
        take(&mut copy, &rows);
        let last = rows.last().unwrap();
        (at, id) = (last["write_date"].as_str().unwrap().to_owned(), last["id"].as_i64().unwrap());
    }
    assert_eq!(copy.len(), 10, "the same ten rows every time");
}

#[tokio::test]
async fn ids_below_the_highest_can_still_appear() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let mut held = handle.data().begin(API).unwrap();
    let late = held.call(("crm.lead", "create"), json!([{"name": "Late"}]), json!({})).unwrap();
    let quick = api.create("crm.lead", json!({"name": "Quick"})).await;
    let rows = changed(&api, json!([]), "id desc", 1).await;
    assert_eq!(rows[0]["id"], json!(quick), "a backfill by id ends here");
    held.commit().unwrap();
    assert_eq!(api.count("crm.lead", json!([["id", "=", late], ["id", "<", quick]])).await, 1);
}
