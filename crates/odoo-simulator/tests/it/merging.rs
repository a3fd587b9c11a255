//! What merging leads leaves behind, on which alone it can be told from deleting one.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::client::{API, User, simulator};

async fn lead(user: &User, values: Json) -> i64 {
    user.create("crm.lead", values).await
}

async fn merge(user: &User, leads: &[i64]) {
    let merged = user.call("crm.lead", "merge_opportunity", json!([leads]), json!({})).await;
    assert!(merged.unwrap_err().last_line.contains("cannot marshal"));
}

async fn exist(user: &User, leads: &[i64]) -> Json {
    user.call("crm.lead", "exists", json!([leads]), json!({})).await.unwrap()
}

#[tokio::test]
async fn what_hung_on_the_other_moves_and_is_written() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let kept = lead(&api, json!({"name": "Kept", "stage_id": 3})).await;
    handle.clock().advance(Duration::from_secs(60));
    let other = lead(&api, json!({"name": "Chairs & <tables>"})).await;
    let letter = json!({"body": "x", "subject": "Offer", "message_type": "email"});
    let letter = api.call("crm.lead", "message_post", json!([[other]]), letter).await.unwrap();
    let _ = api.call("crm.lead", "activity_schedule", json!([[other]]), json!({"summary": "Ring"})).await;
    let meeting = json!({"name": "Meet", "start": "2026-12-01 09:00:00", "opportunity_id": other});
    let meeting = api.create("calendar.event", meeting).await;
    let past = json!({"name": "Past", "start": "2026-11-01 09:00:00", "opportunity_id": other});
    let past = api.create("calendar.event", past).await;
    api.write("calendar.event", past, json!({"active": false})).await;
    let about = json!([["model", "=", "crm.lead"], ["res_id", "=", other]]);
    let fields = json!(["create_date", "write_date", "subject", "res_id", "body"]);
    let before = api.all("mail.message", about.clone(), fields.clone()).await;
    handle.clock().advance(Duration::from_secs(60));
    merge(&api, &[other, kept]).await;
    assert_eq!(exist(&api, &[kept, other]).await, json!([kept]));
    assert_eq!(api.count("mail.message", about).await, 0);
    for message in &before {
        let now = api.one("mail.message", message["id"].as_i64().unwrap(), fields.clone()).await;
        let subject =
            if message["id"] == letter { "From Chairs & <tables> : Offer" } else { "From Chairs & <tables>" };
        assert_eq!((&now["res_id"], &now["subject"]), (&json!(kept), &json!(subject)));
        assert_eq!(now["create_date"], message["create_date"]);
        assert_eq!(now["write_date"], json!("2026-11-23 12:02:00"));
    }
    // The lead's creation and its message are one transaction.
    assert!(before.iter().any(|message| message["create_date"] == json!("2026-11-23 12:01:00")));
    let notes = json!([["res_id", "=", kept], ["create_date", ">=", "2026-11-23 12:02:00"]]);
    let notes = api.all("mail.message", notes, fields).await;
    let names = |note: &&Json| {
        note["body"].as_str().is_some_and(|body| body.contains(">Chairs &amp; &lt;tables&gt;<"))
    };
    assert_eq!(notes.iter().filter(names).count(), 1);
    let activities = json!([["res_model", "=", "crm.lead"], ["res_id", "=", kept]]);
    let moved = api.all("mail.activity", activities, json!(["res_name", "write_date"])).await;
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0]["res_name"], json!("Kept"));
    assert_eq!(moved[0]["write_date"], json!("2026-11-23 12:02:00"));
    let fields = json!(["opportunity_id", "res_id", "write_date"]);
    let met = api.one("calendar.event", meeting, fields.clone()).await;
    assert_eq!((&met["opportunity_id"][0], &met["res_id"]), (&json!(kept), &json!(kept)));
    assert_eq!(met["write_date"], json!("2026-11-23 12:02:00"));
    let past = api.one("calendar.event", past, fields).await;
    assert_eq!(past["opportunity_id"], json!(false), "an archived one loses its lead");
}

#[tokio::test]
async fn the_most_advanced_one_is_kept_and_of_equals_the_first() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let opportunity = lead(&api, json!({"name": "A"})).await;
    let equal = lead(&api, json!({"name": "B"})).await;
    let later = lead(&api, json!({"name": "C", "stage_id": 3, "type": "lead"})).await;
    merge(&api, &[later, equal, opportunity]).await;
    assert_eq!(exist(&api, &[opportunity, equal, later]).await, json!([opportunity]));
    let further = lead(&api, json!({"name": "D", "stage_id": 2})).await;
    merge(&api, &[opportunity, further]).await;
    assert_eq!(exist(&api, &[opportunity, further]).await, json!([further]));
}

#[tokio::test]
async fn one_is_too_few_and_six_are_too_many() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let mut leads = Vec::new();
    for number in 0..6 {
        leads.push(lead(&api, json!({"name": format!("Lead {number}")})).await);
    }
    for some in [&leads[..1], &leads[..]] {
        let refused = api.call("crm.lead", "merge_opportunity", json!([some]), json!({})).await.unwrap_err();
        assert_eq!(refused.code, 2, "{refused:?}");
    }
    assert_eq!(exist(&api, &leads).await, json!(leads));
    merge(&api, &leads[..5]).await;
    assert_eq!(exist(&api, &leads).await, json!([leads[0], leads[5]]));
}
