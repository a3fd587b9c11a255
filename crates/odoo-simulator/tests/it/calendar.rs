//! Meetings: their link to a lead, invitations, private ones, whole days, repeated ones.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::client::{API, KRISHNA, User, simulator};

fn meeting(lead: i64) -> Json {
    json!({"name": "Demo", "start": "2026-12-01 09:00:00", "stop": "2026-12-01 10:30:00", "opportunity_id": lead})
}

#[tokio::test]
async fn a_meeting_belongs_to_a_lead_by_its_opportunity_and_outlives_it() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let lead = api.create("crm.lead", json!({"name": "Deal"})).await;
    let event = api.create("calendar.event", meeting(lead)).await;
    let fields =
        json!(["opportunity_id", "res_model", "res_id", "duration", "privacy", "user_id", "write_date"]);
    let row = api.one("calendar.event", event, fields.clone()).await;
    assert_eq!((&row["opportunity_id"], &row["res_model"]), (&json!([lead, "Deal"]), &json!(false)));
    assert_eq!((&row["res_id"], &row["duration"]), (&json!(0), &json!(1.5)));
    assert_eq!((&row["privacy"], &row["user_id"][0]), (&json!("public"), &json!(api.uid)));
    let admin = User::login(&handle, "admin").await;
    let model = admin.all("ir.model", json!([["model", "=", "crm.lead"]]), json!(["model"])).await;
    let document = json!({"res_model_id": model[0]["id"], "res_id": lead});
    api.write("calendar.event", event, document).await;
    let row = api.one("calendar.event", event, fields.clone()).await;
    assert_eq!((&row["res_model"], &row["res_id"]), (&json!("crm.lead"), &json!(lead)));
    let before = handle.data().row("calendar.event", event).unwrap().get("write_date").clone();
    handle.clock().advance(Duration::from_secs(5));
    assert_eq!(api.call("crm.lead", "unlink", json!([[lead]]), json!({})).await, Ok(json!(true)));
    let row = api.one("calendar.event", event, fields).await;
    assert_eq!((&row["opportunity_id"], &row["res_id"]), (&json!(false), &json!(0)));
    assert_eq!(handle.data().row("calendar.event", event).unwrap().get("write_date"), &before);
}

#[tokio::test]
async fn an_answer_moves_the_invitation_and_not_the_meeting() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let event = api.create("calendar.event", meeting(1)).await;
    let guests =
        handle.data().snapshot().ids_where("res.partner", |row| row.get("email").as_text().is_some());
    let stamp =
        || handle.data().row("calendar.event", event).unwrap().get("write_date").as_instant().unwrap();
    let before = stamp();
    handle.clock().advance(Duration::from_secs(5));
    api.write("calendar.event", event, json!({"partner_ids": [[4, guests[30]]]})).await;
    assert!(stamp() > before, "the list of attendees is the meeting's own");
    let domain = json!([["event_id", "=", event]]);
    let invited = api.all("calendar.attendee", domain.clone(), json!(["partner_id", "state", "email"])).await;
    let states: Vec<&str> = invited.iter().map(|row| row["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["accepted", "needsAction"]);
    let before = stamp();
    handle.clock().advance(Duration::from_secs(5));
    api.write("calendar.attendee", invited[1]["id"].as_i64().unwrap(), json!({"state": "declined"})).await;
    assert_eq!(stamp(), before);
    api.write("calendar.event", event, json!({"partner_ids": [[3, guests[30]]]})).await;
    assert_eq!(api.count("calendar.attendee", domain).await, 1);
}

#[tokio::test]
async fn a_private_meeting_is_masked_for_those_who_are_not_invited() {
    let handle = simulator().await;
    let (krishna, admin) = (User::login(&handle, KRISHNA).await, User::login(&handle, "admin").await);
    let values = json!({
        "name": "Doctor", "start": "2026-12-01 09:00:00", "privacy": "private", "location": "Graz",
        "description": "<p>secret</p>",
    });
    let event = krishna.create("calendar.event", values).await;
    let fields =
        json!(["name", "display_name", "location", "description", "partner_ids", "write_date", "start"]);
    let own = krishna.one("calendar.event", event, fields.clone()).await;
    assert_eq!((&own["name"], &own["location"]), (&json!("Doctor"), &json!("Graz")));
    let expected = json!({
        "id": event, "name": "Busy", "display_name": "Busy", "location": false, "description": false,
        "partner_ids": [], "write_date": false, "start": "2026-12-01 09:00:00",
    });
    assert_eq!(admin.one("calendar.event", event, fields).await, expected, "administrators too");
    let delta = json!([["id", "=", event], ["write_date", ">=", "2026-11-23 12:00:00"]]);
    assert_eq!(admin.count("calendar.event", delta).await, 1, "a search still sees when it was written");
}

#[tokio::test]
async fn whole_days_and_repeated_meetings_look_as_on_the_real_server() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let values =
        json!({"name": "Fair", "allday": true, "start_date": "2026-12-01", "stop_date": "2026-12-02"});
    let event = api.create("calendar.event", values).await;
    let row = api.one("calendar.event", event, json!(["start", "stop", "start_date", "stop_date"])).await;
    assert_eq!((&row["start"], &row["stop"]), (&json!("2026-12-01 08:00:00"), &json!("2026-12-02 18:00:00")));
    assert_eq!((&row["start_date"], &row["stop_date"]), (&json!("2026-12-01"), &json!("2026-12-02")));
    let repeated = api
        .all("calendar.event", json!([["recurrency", "=", true]]), json!(["recurrence_id", "rrule", "start"]))
        .await;
    assert!(repeated.len() >= 4);
    let first = &repeated[0]["recurrence_id"];
    let same: Vec<&Json> = repeated.iter().filter(|row| &row["recurrence_id"] == first).collect();
    assert_eq!(same.len(), 4);
    assert!(same.iter().all(|row| row["rrule"] == json!("FREQ=WEEKLY;COUNT=4")));
}
