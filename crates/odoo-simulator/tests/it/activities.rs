//! Activities: open, done and kept, done and gone, cancelled.

use serde_json::{Value as Json, json};

use super::client::{API, User, simulator};

async fn schedule(admin: &User, lead: i64, values: Json) -> i64 {
    let model =
        admin.call("ir.model", "search", json!([[["model", "=", "crm.lead"]]]), json!({})).await.unwrap();
    let mut all = json!({"res_model_id": model[0], "res_id": lead, "user_id": admin.uid});
    for (name, value) in values.as_object().unwrap() {
        all[name] = value.clone();
    }
    admin.create("mail.activity", all).await
}

#[tokio::test]
async fn the_state_follows_the_day() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let lead = admin.create("crm.lead", json!({"name": "Busy"})).await;
    for (due, state) in [("2026-11-20", "overdue"), ("2026-11-23", "today"), ("2026-12-01", "planned")] {
        let id =
            schedule(&admin, lead, json!({"activity_type_id": 2, "summary": "Ring", "date_deadline": due}))
                .await;
        let row = admin
            .one(
                "mail.activity",
                id,
                json!([
                    "state",
                    "active",
                    "date_done",
                    "res_model",
                    "res_id",
                    "res_name",
                    "activity_type_id"
                ]),
            )
            .await;
        let expected = json!({
            "id": id, "state": state, "active": true, "date_done": false, "res_model": "crm.lead", "res_id": lead,
            "res_name": "Busy", "activity_type_id": [2, "Call"],
        });
        assert_eq!(row, expected);
    }
    let row = admin.one("crm.lead", lead, json!(["activity_state", "activity_date_deadline"])).await;
    assert_eq!(row, json!({"id": lead, "activity_state": "overdue", "activity_date_deadline": "2026-11-20"}));
}

#[tokio::test]
async fn done_activities_stay_only_when_their_type_keeps_them() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let lead = admin.create("crm.lead", json!({"name": "Busy"})).await;
    // Calls are kept in this company, to-dos are not.
    for (kind, kept) in [(2, true), (4, false)] {
        let id =
            schedule(&admin, lead, json!({"activity_type_id": kind, "date_deadline": "2026-11-20"})).await;
        let message = admin
            .call("mail.activity", "action_feedback", json!([[id]]), json!({"feedback": "talked"}))
            .await
            .unwrap();
        let left = admin
            .all("mail.activity", json!([["id", "=", id]]), json!(["active", "state", "date_done"]))
            .await;
        let expected = json!({"id": id, "active": false, "state": "done", "date_done": "2026-11-23"});
        assert_eq!(left, if kept { vec![expected] } else { vec![] });
        let row = admin
            .one(
                "mail.message",
                message.as_i64().unwrap(),
                json!(["model", "res_id", "message_type", "mail_activity_type_id"]),
            )
            .await;
        assert_eq!((&row["model"], &row["res_id"]), (&json!("crm.lead"), &json!(lead)));
        assert_eq!(row["message_type"], json!("notification"));
        assert_eq!(row["mail_activity_type_id"][0], json!(kind));
    }
}

#[tokio::test]
async fn an_activity_may_belong_to_an_event_and_goes_with_it() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let lead = admin.create("crm.lead", json!({"name": "Busy"})).await;
    let event = admin.create("calendar.event", json!({"name": "Demo", "start": "2026-12-01 09:00:00"})).await;
    let id = schedule(&admin, lead, json!({"activity_type_id": 3, "calendar_event_id": event})).await;
    let row = admin.one("mail.activity", id, json!(["calendar_event_id"])).await;
    assert_eq!(row["calendar_event_id"], json!([event, "Demo"]));
    assert_eq!(
        admin.one("calendar.event", event, json!(["activity_ids"])).await["activity_ids"],
        json!([id])
    );
    assert_eq!(admin.call("calendar.event", "unlink", json!([[event]]), json!({})).await, Ok(json!(true)));
    assert_eq!(admin.call("mail.activity", "exists", json!([[id]]), json!({})).await, Ok(json!([])));
}

#[tokio::test]
async fn cancelling_leaves_nothing_and_archiving_the_lead_cancels() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let lead = admin.create("crm.lead", json!({"name": "Busy"})).await;
    let cancelled = schedule(&admin, lead, json!({"activity_type_id": 2})).await;
    assert_eq!(admin.call("mail.activity", "unlink", json!([[cancelled]]), json!({})).await, Ok(json!(true)));
    let open = schedule(&admin, lead, json!({"activity_type_id": 2})).await;
    admin.write("crm.lead", lead, json!({"stage_id": 5})).await;
    assert_eq!(admin.call("mail.activity", "exists", json!([[open]]), json!({})).await, Ok(json!([open])));
    admin.write("crm.lead", lead, json!({"active": false})).await;
    assert_eq!(
        admin.call("mail.activity", "exists", json!([[cancelled, open]]), json!({})).await,
        Ok(json!([]))
    );
    assert_eq!(
        admin
            .count(
                "mail.message",
                json!([
                    ["model", "=", "crm.lead"],
                    ["res_id", "=", lead],
                    ["mail_activity_type_id", "!=", false]
                ])
            )
            .await,
        0
    );
}

#[tokio::test]
async fn scheduling_commits_though_its_answer_is_a_fault() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let lead = api.create("crm.lead", json!({"name": "Busy"})).await;
    let kwargs = json!({"act_type_xmlid": "mail.mail_activity_data_todo", "summary": "x", "date_deadline": "2026-12-03"});
    let refused = api.call("crm.lead", "activity_schedule", json!([[lead]]), kwargs).await.unwrap_err();
    assert!(refused.code == 1 && refused.last_line.contains("cannot marshal"), "{refused:?}");
    let rows = api
        .all(
            "mail.activity",
            json!([["res_id", "=", lead], ["res_model", "=", "crm.lead"]]),
            json!(["summary"]),
        )
        .await;
    assert_eq!(rows.len(), 1);
}
