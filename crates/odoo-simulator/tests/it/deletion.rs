//! unlink, and what the database does to the rows that pointed there.

use std::time::Duration;

use serde_json::json;

use super::client::{API, User, simulator};

#[tokio::test]
async fn an_unlinked_lead_leaves_no_tombstone() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let lead = handle.data().snapshot().rows("mail.activity").find_map(|(_, row)| {
        (row.get("res_model").as_text() == Some("crm.lead")).then(|| row.get("res_id").as_int().unwrap())
    });
    let lead = lead.unwrap();
    let hanging = json!([["res_model", "=", "crm.lead"], ["res_id", "=", lead]]);
    assert!(api.count("mail.activity", hanging.clone()).await > 0);
    assert_eq!(api.call("crm.lead", "unlink", json!([[lead]]), json!({})).await, Ok(json!(true)));
    assert_eq!(api.count("mail.activity", hanging).await, 0);
    assert_eq!(api.call("crm.lead", "exists", json!([[lead]]), json!({})).await, Ok(json!([])));
    assert_eq!(api.call("crm.lead", "unlink", json!([[lead]]), json!({})).await.unwrap_err().code, 2);
    let next = api.create("crm.lead", json!({"name": "Next"})).await;
    assert!(next > lead, "ids are not used twice");
}

#[tokio::test]
async fn references_to_deleted_records_vanish_without_moving_the_lead() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let partner = admin.create("res.partner", json!({"name": "Short-lived"})).await;
    let user = admin.create("res.users", json!({"login": "temp@securado.net", "name": "Temp"})).await;
    let team = admin.create("crm.team", json!({"name": "Temp", "user_id": user})).await;
    let lead = admin
        .create("crm.lead", json!({"name": "Deal", "partner_id": partner, "user_id": user, "team_id": team}))
        .await;
    let before = handle.data().row("crm.lead", lead).unwrap().get("write_date").clone();
    handle.clock().advance(Duration::from_secs(5));
    for (model, id) in [("res.partner", partner), ("crm.team", team), ("res.users", user)] {
        assert_eq!(admin.call(model, "unlink", json!([[id]]), json!({})).await, Ok(json!(true)), "{model}");
    }
    let row = admin.one("crm.lead", lead, json!(["partner_id", "user_id", "team_id"])).await;
    assert_eq!(row, json!({"id": lead, "partner_id": false, "user_id": false, "team_id": false}));
    assert_eq!(handle.data().row("crm.lead", lead).unwrap().get("write_date"), &before);
}

#[tokio::test]
async fn records_in_use_cannot_be_deleted_and_the_attempt_changes_nothing() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let before = handle.data().snapshot();
    for (model, id) in [("crm.stage", 1), ("crm.lost.reason", 1), ("res.users", 1), ("res.currency", 1)] {
        assert_eq!(
            admin.call(model, "unlink", json!([[id]]), json!({})).await.unwrap_err().code,
            2,
            "{model}"
        );
    }
    let partner = before.row("res.users", 2).unwrap().get("partner_id").as_int().unwrap();
    assert_eq!(admin.call("res.partner", "unlink", json!([[partner]]), json!({})).await.unwrap_err().code, 2);
    let archive = admin.call("res.partner", "write", json!([[partner], {"active": false}]), json!({})).await;
    assert_eq!(archive.unwrap_err().code, 2);
    assert!(handle.data().snapshot() == before);
}
