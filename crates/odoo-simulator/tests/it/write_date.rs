//! `write_date`: kept with microseconds, sent without, one value per transaction, and the traps that follow.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::client::{API, User, simulator};

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_returned_write_date_never_equals_the_stored_one() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    handle.clock().set(at("2026-11-23T13:47:18.925372Z"));
    let values: Vec<Json> = (0..30).map(|number| json!({"name": format!("Batch {number}")})).collect();
    let ids = api.call("crm.lead", "create", json!([values]), json!({})).await.unwrap();
    assert_eq!(ids.as_array().unwrap().len(), 30);
    let returned =
        api.one("crm.lead", ids[0].as_i64().unwrap(), json!(["write_date"])).await["write_date"].clone();
    assert_eq!(returned, json!("2026-11-23 13:47:18"));
    for (operator, found) in [("=", 0), (">", 30), (">=", 30), ("<=", 0)] {
        let domain = json!([["id", "in", ids], ["write_date", operator, returned]]);
        assert_eq!(api.count("crm.lead", domain).await, found, "{operator}");
    }
    let exact = json!([["write_date", "=", "2026-11-23 13:47:18.925372"]]);
    assert_eq!(api.count("crm.lead", exact).await, 30);
    // The keyset that looks right returns the same page for ever.
    let domain =
        json!(["|", ["write_date", ">", returned], "&", ["write_date", "=", returned], ["id", ">", ids[9]]]);
    let kwargs = json!({"limit": 10, "order": "write_date, id"});
    let page = api.call("crm.lead", "search", json!([domain]), kwargs).await.unwrap();
    assert_eq!(page, Json::Array(ids.as_array().unwrap()[..10].to_vec()));
}

#[tokio::test]
async fn a_date_alone_means_the_end_of_that_day_for_greater() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Today"})).await;
    handle.data().set("crm.lead", id, "write_date", at("2026-11-23T12:00:00Z"));
    let found = |operator: &'static str, literal: &'static str| {
        api.count("crm.lead", json!([["id", "=", id], ["write_date", operator, literal]]))
    };
    assert_eq!(found(">", "2026-11-23").await, 0);
    assert_eq!(found(">=", "2026-11-23").await, 1);
    assert_eq!(found("<=", "2026-11-23").await, 1);
    assert_eq!(found("<", "2026-11-23").await, 0);
    assert_eq!(found(">", "2026-11-22").await, 1);
    // A zone is accepted and ignored.
    for literal in ["2026-11-23T12:00:00Z", "2026-11-23 12:00:00+02:00", "2026-11-23T12:00:00.000000"] {
        assert_eq!(found("=", literal).await, 1, "{literal}");
    }
    let bad = api.call("crm.lead", "search", json!([[["write_date", ">", "not-a-date"]]]), json!({})).await;
    assert_eq!(bad.unwrap_err().code, 1);
}

#[tokio::test]
async fn every_write_moves_it_and_no_client_can_set_it() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Moving", "create_date": "2001-01-01 00:00:00"})).await;
    for values in [json!({}), json!({"name": "Moving"}), json!({"write_date": "2001-01-01 00:00:00"})] {
        handle.clock().advance(Duration::from_secs(1));
        let now = handle.clock().now();
        api.write("crm.lead", id, values).await;
        let stamp = handle.data().row("crm.lead", id).unwrap().get("write_date").as_instant().unwrap();
        assert!(stamp > now && stamp.as_second() == now.as_second(), "never on a whole second: {stamp}");
    }
    assert_eq!(
        api.one("crm.lead", id, json!(["create_date"])).await["create_date"],
        json!("2026-11-23 12:00:00")
    );
}

#[tokio::test]
async fn a_long_transaction_appears_behind_the_cursor() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let started = handle.clock().now();
    handle.clock().advance(Duration::from_secs(38));
    let fast = api.create("crm.lead", json!({"name": "Fast"})).await;
    let values = json!([[{"name": "Slow A"}, {"name": "Slow B"}]]);
    let slow = handle.data().call_at(started, API, ("crm.lead", "create"), (values, json!({}))).unwrap();
    let cursor = api.one("crm.lead", fast, json!(["write_date"])).await["write_date"].clone();
    let missed = api.count("crm.lead", json!([["id", "in", slow], ["write_date", ">=", cursor]])).await;
    assert_eq!(missed, 0);
}

#[tokio::test]
async fn what_moves_a_lead_and_what_does_not() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let partner = admin.create("res.partner", json!({"name": "Mover", "email": "a@b.example"})).await;
    let lead = admin
        .create("crm.lead", json!({"name": "Moved", "partner_id": partner, "tag_ids": [[6, 0, [1]]]}))
        .await;
    let stamp = || handle.data().row("crm.lead", lead).unwrap().get("write_date").as_instant();
    let model =
        admin.call("ir.model", "search", json!([[["model", "=", "crm.lead"]]]), json!({})).await.unwrap()[0]
            .clone();
    let activity =
        json!({"res_model_id": model, "res_id": lead, "activity_type_id": 2, "date_deadline": "2026-12-01"});
    let still = [
        ("res.partner", "write", json!([[partner], {"name": "Renamed"}])),
        ("mail.activity", "create", json!([activity])),
        ("crm.lead", "message_post", json!([[lead]])),
        ("crm.stage", "write", json!([[1], {"name": "Brand new"}])),
        ("crm.stage", "write", json!([[1], {"is_won": true}])),
        ("crm.stage", "write", json!([[1], {"is_won": false}])),
        ("crm.tag", "write", json!([[1], {"name": "Renamed"}])),
        ("utm.source", "write", json!([[1], {"name": "Renamed"}])),
        (
            "calendar.event",
            "create",
            json!([{"name": "Call", "start": "2026-12-01 09:00:00", "opportunity_id": lead}]),
        ),
        ("crm.lead", "activity_schedule", json!([[lead]])),
        ("crm.tag", "unlink", json!([[1]])),
    ];
    for (model, method, args) in still {
        handle.clock().advance(Duration::from_secs(5));
        let before = stamp();
        let answer = admin.call(model, method, args, json!({})).await;
        assert!(answer.is_ok() || method == "activity_schedule", "{model}.{method}: {answer:?}");
        assert_eq!(stamp(), before, "{model}.{method}");
    }
    let row = admin.one("crm.lead", lead, json!(["probability", "partner_name", "partner_id"])).await;
    assert_eq!(row["probability"], json!(12.5), "a stage made a won one wins nothing by itself");
    assert_eq!(row["partner_id"], json!([partner, "Renamed"]));
    handle.clock().advance(Duration::from_secs(5));
    let before = stamp();
    admin.write("res.partner", partner, json!({"email": "new@b.example"})).await;
    assert!(stamp() > before);
    let row = admin.one("crm.lead", lead, json!(["email_from", "partner_name", "tag_ids"])).await;
    assert_eq!(row["email_from"], json!("new@b.example"));
    assert_eq!(row["tag_ids"], json!([]));
    admin.write("crm.lead", lead, json!({"email_from": "back@b.example"})).await;
    assert_eq!(admin.one("res.partner", partner, json!(["email"])).await["email"], json!("back@b.example"));
}

#[tokio::test]
async fn the_scoring_job_changes_probabilities_behind_everyones_back() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let fields = || json!(["probability", "automated_probability", "prorated_revenue"]);
    let scored = api.create("crm.lead", json!({"name": "Scored", "expected_revenue": 1000.0})).await;
    let by_hand = api.create("crm.lead", json!({"name": "By hand"})).await;
    api.write("crm.lead", by_hand, json!({"probability": 70.0})).await;
    let stamp = |id: i64| handle.data().row("crm.lead", id).unwrap().get("write_date").clone();
    let before = (stamp(scored), stamp(by_hand));
    handle.clock().advance(Duration::from_secs(3_600));
    for id in [scored, by_hand] {
        handle.data().score(id, 33.3);
    }
    let row = api.one("crm.lead", scored, fields()).await;
    let expected =
        json!({"id": scored, "probability": 33.3, "automated_probability": 33.3, "prorated_revenue": 125.0});
    assert_eq!(row, expected, "amounts that follow from it are left behind");
    let row = api.one("crm.lead", by_hand, fields()).await;
    assert_eq!((&row["probability"], &row["automated_probability"]), (&json!(70.0), &json!(33.3)));
    assert_eq!((stamp(scored), stamp(by_hand)), before);
}

#[tokio::test]
async fn contacts_move_with_their_company_and_nobody_else_does() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let company = admin.create("res.partner", json!({"name": "Head", "is_company": true})).await;
    let contact = admin.create("res.partner", json!({"name": "Anna", "parent_id": company})).await;
    let delivery =
        admin.create("res.partner", json!({"name": "Gate", "parent_id": company, "type": "delivery"})).await;
    let stamp =
        |id: i64| handle.data().row("res.partner", id).unwrap().get("write_date").as_instant().unwrap();
    let (first, gate) = (stamp(contact), stamp(delivery));
    handle.clock().advance(Duration::from_secs(5));
    admin.write("res.partner", company, json!({"street": "Ring 1", "city": "Graz"})).await;
    assert_eq!(admin.one("res.partner", contact, json!(["city"])).await["city"], json!("Graz"));
    assert!(stamp(contact) > first && stamp(delivery) == gate);
    // A rate does not move its currency, a star not its message.
    let currency = || handle.data().row("res.currency", 2).unwrap().get("write_date").clone();
    let before = currency();
    let rate = json!({"name": "2026-11-22", "rate": 0.9, "currency_id": 2, "company_id": 1});
    admin.create("res.currency.rate", rate).await;
    assert_eq!(currency(), before);
    let message = admin.call("res.partner", "message_post", json!([[company]]), json!({"body": "x"})).await;
    let message = message.unwrap().as_i64().unwrap();
    let written = handle.data().row("mail.message", message).unwrap().get("write_date").clone();
    handle.clock().advance(Duration::from_secs(5));
    let starred = admin.call("mail.message", "toggle_message_starred", json!([[message]]), json!({})).await;
    assert!(starred.unwrap_err().last_line.contains("cannot marshal None"));
    assert_eq!(admin.one("mail.message", message, json!(["starred"])).await["starred"], json!(true));
    assert_eq!(handle.data().row("mail.message", message).unwrap().get("write_date"), &written);
}
