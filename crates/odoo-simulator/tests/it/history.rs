//! What a lead's changes leave behind: messages under their subtypes, values before and after, external ids.

use std::time::Duration;

use salescommand_odoo_simulator::Handle;
use serde_json::{Value as Json, json};

use super::client::{API, User, simulator};

/// The id behind an external id, as an administrator resolves it.
async fn resolve(admin: &User, name: &str) -> Json {
    let (module, name) = name.split_once('.').unwrap();
    let domain = json!([["module", "=", module], ["name", "=", name]]);
    admin.all("ir.model.data", domain, json!(["res_id"])).await[0]["res_id"].clone()
}

async fn messages(user: &User, lead: i64) -> Vec<Json> {
    let domain = json!([["model", "=", "crm.lead"], ["res_id", "=", lead]]);
    user.all("mail.message", domain, json!(["subtype_id", "date", "create_date", "author_id"])).await
}

async fn last_subtype(user: &User, lead: i64) -> Json {
    messages(user, lead).await.last().unwrap()["subtype_id"][0].clone()
}

#[tokio::test]
async fn each_turn_of_a_lead_has_its_subtype() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let lead = admin.create("crm.lead", json!({"name": "Deal"})).await;
    assert_eq!(last_subtype(&admin, lead).await, resolve(&admin, "crm.mt_lead_create").await);
    for (method, args, kwargs, subtype) in [
        ("write", json!([[lead], {"stage_id": 2}]), json!({}), "crm.mt_lead_stage"),
        ("write", json!([[lead], {"expected_revenue": 900.0}]), json!({}), "mail.mt_note"),
        ("action_set_lost", json!([[lead]]), json!({"lost_reason_id": 1}), "crm.mt_lead_lost"),
        ("action_unarchive", json!([[lead]]), json!({}), "crm.mt_lead_restored"),
        ("action_archive", json!([[lead]]), json!({}), "crm.mt_lead_lost"),
        ("toggle_active", json!([[lead]]), json!({}), "crm.mt_lead_restored"),
        ("action_set_won", json!([[lead]]), json!({}), "crm.mt_lead_won"),
    ] {
        let before = messages(&admin, lead).await.len();
        let _ = admin.call("crm.lead", method, args, kwargs).await;
        assert_eq!(messages(&admin, lead).await.len(), before + 1, "one message for {method}");
        assert_eq!(last_subtype(&admin, lead).await, resolve(&admin, subtype).await, "{method}");
    }
    let before = messages(&admin, lead).await.len();
    admin.write("crm.lead", lead, json!({"priority": "2", "stage_id": 5})).await;
    assert_eq!(messages(&admin, lead).await.len(), before, "nothing tracked changed");
}

#[tokio::test]
async fn values_before_and_after_are_for_administrators() {
    let handle = simulator().await;
    let (admin, api) = (User::login(&handle, "admin").await, User::login(&handle, API).await);
    let lead = admin.create("crm.lead", json!({"name": "Deal", "expected_revenue": 5.0})).await;
    admin.write("crm.lead", lead, json!({"stage_id": 3, "expected_revenue": 7.5})).await;
    let message = messages(&admin, lead).await.pop().unwrap()["id"].as_i64().unwrap();
    let ids = admin.one("mail.message", message, json!(["tracking_value_ids"])).await;
    let fields = json!([
        "field_id",
        "old_value_integer",
        "new_value_integer",
        "old_value_char",
        "new_value_char",
        "old_value_float",
        "new_value_float",
        "currency_id",
        "mail_message_id",
    ]);
    let rows =
        admin.all("mail.tracking.value", json!([["id", "in", ids["tracking_value_ids"]]]), fields).await;
    let [stage, revenue] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(stage["field_id"][1], json!("Stage (Lead/Opportunity)"));
    assert_eq!((&stage["old_value_integer"], &stage["old_value_char"]), (&json!(1), &json!("New")));
    assert_eq!((&stage["new_value_integer"], &stage["new_value_char"]), (&json!(3), &json!("Proposition")));
    assert_eq!((&revenue["old_value_float"], &revenue["new_value_float"]), (&json!(5.0), &json!(7.5)));
    assert_eq!(revenue["currency_id"], json!([1, "USD"]));
    let field =
        admin.one("ir.model.fields", stage["field_id"][0].as_i64().unwrap(), json!(["name", "model"]));
    assert_eq!(field.await["name"], json!("stage_id"));
    for model in ["mail.tracking.value", "ir.model.data", "ir.model.fields"] {
        assert_eq!(api.call(model, "search", json!([[]]), json!({})).await.unwrap_err().code, 4, "{model}");
    }
    let read = api.call("mail.message", "read", json!([[message], ["tracking_value_ids"]]), json!({})).await;
    assert_eq!(read.unwrap_err().code, 4);
    assert!(api.one("mail.message", message, json!(["subtype_id"])).await["subtype_id"].is_array());
}

#[tokio::test]
async fn a_context_can_ask_for_silence() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let create = |context: Json| async move {
        let answer =
            api.call("crm.lead", "create", json!([{"name": "x"}]), json!({"context": context})).await;
        messages(&api, answer.unwrap().as_i64().unwrap()).await.len()
    };
    assert_eq!(create(json!({})).await, 1);
    assert_eq!(create(json!({"tracking_disable": true})).await, 0);
    assert_eq!(create(json!({"mail_create_nolog": true})).await, 0);
    let lead = api.create("crm.lead", json!({"name": "Quiet"})).await;
    let kwargs = json!({"context": {"mail_notrack": true}});
    api.call("crm.lead", "write", json!([[lead], {"stage_id": 2}]), kwargs).await.unwrap();
    assert_eq!(messages(&api, lead).await.len(), 1);
}

#[tokio::test]
async fn what_the_database_clears_is_not_written_down() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let partner = admin.create("res.partner", json!({"name": "Short-lived"})).await;
    let lead = admin.create("crm.lead", json!({"name": "Deal", "partner_id": partner})).await;
    let before = messages(&admin, lead).await.len();
    assert_eq!(admin.call("res.partner", "unlink", json!([[partner]]), json!({})).await, Ok(json!(true)));
    assert_eq!(admin.one("crm.lead", lead, json!(["partner_id"])).await["partner_id"], json!(false));
    assert_eq!(messages(&admin, lead).await.len(), before);
}

#[tokio::test]
async fn a_message_in_a_long_transaction_is_dated_later_than_it_is_stamped() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let lead = api.create("crm.lead", json!({"name": "Deal"})).await;
    let mut held = handle.data().begin(API).unwrap();
    handle.clock().advance(Duration::from_secs(7));
    held.call(("crm.lead", "message_post"), json!([[lead]]), json!({"body": "x"})).unwrap();
    held.commit().unwrap();
    let row = messages(&api, lead).await.pop().unwrap();
    assert_eq!(row["create_date"], json!("2026-11-23 12:00:00"));
    assert_eq!(row["date"], json!("2026-11-23 12:00:07"));
}

fn hanging(handle: &Handle, model: &str, lead: i64) -> usize {
    let column = if model == "mail.activity" { "res_model" } else { "model" };
    let rows = handle.data().snapshot();
    rows.ids_where(model, |row| {
        row.get("res_id").as_int() == Some(lead) && row.get(column).as_text() == Some("crm.lead")
    })
    .len()
}

#[tokio::test]
async fn deleting_a_lead_deletes_its_messages_and_their_values_and_merging_keeps_them() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    // An old lead whose id a customer has as well.
    let two = 40;
    let one = api.create("crm.lead", json!({"name": "One", "stage_id": 3})).await;
    // In an earlier stage, so that the other one is kept.
    handle.data().set("crm.lead", two, "stage_id", 1);
    api.write("crm.lead", two, json!({"expected_revenue": 5.0})).await;
    let to_customer = api.call("res.partner", "message_post", json!([[two]]), json!({"body": "x"})).await;
    let to_customer = to_customer.unwrap().as_i64().unwrap();
    let _ = api.call("crm.lead", "activity_schedule", json!([[two]]), json!({"summary": "Ring"})).await;
    let merged = api.call("crm.lead", "merge_opportunity", json!([[one, two]]), json!({})).await;
    assert!(merged.unwrap_err().last_line.contains("cannot marshal"));
    assert_eq!((hanging(&handle, "mail.message", two), hanging(&handle, "mail.activity", two)), (0, 0));
    assert!(hanging(&handle, "mail.message", one) > 2 && hanging(&handle, "mail.activity", one) > 0);
    let row = api.one("mail.message", to_customer, json!(["res_id"])).await;
    assert_eq!(row["res_id"], json!(two), "what hangs on the customer of the same number stays there");
    let values = || handle.data().snapshot().count("mail.tracking.value");
    let before = values();
    assert_eq!(api.call("crm.lead", "unlink", json!([[one]]), json!({})).await, Ok(json!(true)));
    assert_eq!((hanging(&handle, "mail.message", one), hanging(&handle, "mail.activity", one)), (0, 0));
    assert!(values() < before);
}

#[tokio::test]
async fn the_demo_company_has_a_past() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    for subtype in ["crm.mt_lead_create", "crm.mt_lead_stage", "crm.mt_lead_won", "crm.mt_lead_lost"] {
        let id = resolve(&admin, subtype).await;
        assert!(admin.count("mail.message", json!([["subtype_id", "=", id]])).await >= 10, "{subtype}");
    }
    assert!(admin.count("mail.tracking.value", json!([])).await > 100);
}
