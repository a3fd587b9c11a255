//! What the CRM does by itself.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::client::{API, KRISHNA, Refused, User, simulator};

const STATE: [&str; 6] = ["active", "probability", "stage_id", "date_closed", "lost_reason_id", "type"];

async fn state(user: &User, id: i64) -> Json {
    user.one("crm.lead", id, json!(STATE)).await
}

/// The fault of a method that ran, committed, and could not send its result.
fn unmarshallable(refused: &Refused) -> bool {
    refused.code == 1 && refused.last_line.contains("cannot marshal")
}

#[tokio::test]
async fn a_new_lead_takes_its_defaults_from_the_caller() {
    let handle = simulator().await;
    let krishna = User::login(&handle, KRISHNA).await;
    let id = krishna.create("crm.lead", json!({"name": "Mine"})).await;
    let row = krishna
        .one(
            "crm.lead",
            id,
            json!(["type", "stage_id", "user_id", "team_id", "company_id", "date_open", "active"]),
        )
        .await;
    let expected = json!({
        "id": id, "type": "opportunity", "stage_id": [1, "New"], "user_id": [krishna.uid, "Krishna Patel"],
        "team_id": [1, "Americas Direct"], "company_id": [1, "Securado Inc."],
        "date_open": "2026-11-23 12:00:00", "active": true,
    });
    assert_eq!(row, expected);
}

#[tokio::test]
async fn winning_by_stage_or_button_closes_and_moving_back_reopens() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Deal", "expected_revenue": 10.005})).await;
    api.write("crm.lead", id, json!({"stage_id": 5})).await;
    let won = state(&api, id).await;
    assert_eq!((&won["probability"], &won["date_closed"]), (&json!(100.0), &json!("2026-11-23 12:00:00")));
    api.write("crm.lead", id, json!({"stage_id": 2})).await;
    let back = state(&api, id).await;
    assert_eq!((&back["probability"], &back["date_closed"]), (&json!(32.5), &json!(false)));
    let answer = api.call("crm.lead", "action_set_won", json!([[id]]), json!({})).await;
    assert_eq!(answer, Ok(json!(true)));
    let row = api.one("crm.lead", id, json!(["stage_id", "prorated_revenue", "automated_probability"])).await;
    assert_eq!(row["stage_id"], json!([5, "Won"]));
    assert_eq!(row["prorated_revenue"], json!(10.01));
    assert_eq!(row["automated_probability"], json!(100.0));
}

#[tokio::test]
async fn losing_commits_though_its_answer_is_a_fault() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Deal"})).await;
    api.write("crm.lead", id, json!({"stage_id": 3})).await;
    let lost = api.call("crm.lead", "action_set_lost", json!([[id]]), json!({"lost_reason_id": 1})).await;
    assert!(unmarshallable(&lost.unwrap_err()));
    let expected = json!({
        "id": id, "active": false, "probability": 0.0, "stage_id": [3, "Proposition"],
        "date_closed": "2026-11-23 12:00:00", "lost_reason_id": [1, "Too expensive"], "type": "opportunity",
    });
    assert_eq!(state(&api, id).await, expected);
    handle.clock().advance(Duration::from_secs(60));
    for method in ["action_unarchive", "toggle_active", "toggle_active"] {
        assert!(unmarshallable(&api.call("crm.lead", method, json!([[id]]), json!({})).await.unwrap_err()));
    }
    let restored = state(&api, id).await;
    assert_eq!(restored["active"], json!(true));
    assert_eq!(restored["lost_reason_id"], json!(false));
    assert_eq!(restored["date_closed"], json!(false));
    assert_eq!(restored["probability"], json!(52.5));
}

#[tokio::test]
async fn the_dialogue_that_asks_for_the_reason_loses_too() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Deal"})).await;
    let values = json!({"lead_ids": [[6, 0, [id]]], "lost_reason_id": 2, "lost_feedback": "<p>Too late</p>"});
    let dialogue = api.create("crm.lead.lost", values).await;
    let lost = api.call("crm.lead.lost", "action_lost_reason_apply", json!([[dialogue]]), json!({})).await;
    assert!(unmarshallable(&lost.unwrap_err()));
    let row = state(&api, id).await;
    assert_eq!((&row["active"], &row["lost_reason_id"][0]), (&json!(false), &json!(2)));
    let note = json!([["model", "=", "crm.lead"], ["res_id", "=", id], ["body", "=", "<p>Too late</p>"]]);
    assert_eq!(api.count("mail.message", note).await, 1);
}

#[tokio::test]
async fn recurring_revenue_is_counted_by_month() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let values =
        json!({"name": "Deal", "recurring_revenue": 1200.0, "recurring_plan": 2, "probability": 50.0});
    let id = api.create("crm.lead", values).await;
    let fields = json!([
        "recurring_revenue_monthly",
        "recurring_revenue_prorated",
        "recurring_revenue_monthly_prorated"
    ]);
    let expected = json!({
        "id": id, "recurring_revenue_monthly": 100.0, "recurring_revenue_prorated": 600.0,
        "recurring_revenue_monthly_prorated": 50.0,
    });
    assert_eq!(api.one("crm.lead", id, fields).await, expected);
}

#[tokio::test]
async fn archiving_by_a_plain_write_keeps_the_probability() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Deal"})).await;
    api.write("crm.lead", id, json!({"active": false})).await;
    let archived = state(&api, id).await;
    assert_eq!((&archived["active"], &archived["probability"]), (&json!(false), &json!(12.5)));
    assert!(unmarshallable(
        &api.call("crm.lead", "action_unarchive", json!([[id]]), json!({})).await.unwrap_err()
    ));
    assert!(unmarshallable(
        &api.call("crm.lead", "action_archive", json!([[id]]), json!({})).await.unwrap_err()
    ));
    assert_eq!(state(&api, id).await["probability"], json!(0.0));
    // Restoring by a plain write leaves the old closing date.
    api.write("crm.lead", id, json!({"active": true})).await;
    assert_eq!(state(&api, id).await["date_closed"], json!("2026-11-23 12:00:00"));
}

#[tokio::test]
async fn a_probability_by_hand_closes_without_the_stage() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Deal"})).await;
    for (probability, closed) in [(100.0, true), (40.0, false), (0.0, true)] {
        api.write("crm.lead", id, json!({"probability": probability})).await;
        let row = state(&api, id).await;
        assert_eq!(row["date_closed"].is_string(), closed);
        assert_eq!(row["stage_id"], json!([1, "New"]));
    }
    let row = api.one("crm.lead", id, json!(["is_automated_probability"])).await;
    assert_eq!(row["is_automated_probability"], json!(false));
}

#[tokio::test]
async fn converting_keeps_the_id_and_merging_keeps_one() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let lead = api.create("crm.lead", json!({"name": "Lead", "type": "lead", "phone": "1"})).await;
    assert_eq!(
        api.call("crm.lead", "convert_opportunity", json!([[lead], false]), json!({})).await,
        Ok(json!(true))
    );
    let row = api.one("crm.lead", lead, json!(["type", "date_conversion"])).await;
    assert_eq!(row, json!({"id": lead, "type": "opportunity", "date_conversion": "2026-11-23 12:00:00"}));
    let other = api.create("crm.lead", json!({"name": "Other", "stage_id": 3})).await;
    let merged =
        api.call("crm.lead", "merge_opportunity", json!([[lead, other]]), json!({})).await.unwrap_err();
    assert!(unmarshallable(&merged), "{merged:?}");
    assert_eq!(api.call("crm.lead", "exists", json!([[lead, other]]), json!({})).await, Ok(json!([other])));
    assert_eq!(api.one("crm.lead", other, json!(["phone"])).await["phone"], json!("1"));
}

#[tokio::test]
async fn time_in_each_stage_is_counted_at_every_read() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Deal"})).await;
    handle.clock().advance(Duration::from_secs(412));
    api.write("crm.lead", id, json!({"stage_id": 3})).await;
    for seconds in [0, 30, 60] {
        let row = api.one("crm.lead", id, json!(["duration_tracking"])).await;
        assert_eq!(row["duration_tracking"], json!({"1": 412, "3": seconds}));
        handle.clock().advance(Duration::from_secs(30));
    }
}
