//! Values on the wire: empty fields, references, doubles, dates, text.

use serde_json::json;

use super::client::{API, User, simulator};

#[tokio::test]
async fn empty_fields_and_references_travel_as_the_real_server_sends_them() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let values = json!({"name": "Bare", "user_id": false, "team_id": false, "company_id": false});
    let id = api.create("crm.lead", values).await;
    let fields = json!([
        "user_id",
        "date_deadline",
        "description",
        "expected_revenue",
        "tag_ids",
        "activity_ids",
        "lead_properties",
        "stage_id",
        "company_currency",
        "active",
        "type",
        "priority",
        "probability",
        "lost_reason_id",
        "write_date",
    ]);
    let row = api.one("crm.lead", id, fields.clone()).await;
    let expected = json!({
        "id": id, "user_id": false, "date_deadline": false, "description": false, "expected_revenue": 0.0,
        "tag_ids": [], "activity_ids": [], "lead_properties": [], "stage_id": [1, "New"],
        "company_currency": [1, "USD"], "active": true, "type": "opportunity", "priority": "0", "probability": 12.5,
        "lost_reason_id": false, "write_date": "2026-11-23 12:00:00",
    });
    assert_eq!(row, expected);
    let plain =
        api.call("crm.lead", "read", json!([[id]]), json!({"fields": fields, "load": false})).await.unwrap();
    assert_eq!(plain[0]["stage_id"], json!(1));
    assert_eq!(plain[0]["user_id"], json!(false));
}

#[tokio::test]
async fn the_currency_of_a_lead_without_company_is_the_readers() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let id = api.create("crm.lead", json!({"name": "Bare", "user_id": false, "company_id": false})).await;
    for (companies, currency) in [(json!([1]), "USD"), (json!([2]), "EUR"), (json!([2, 1]), "EUR")] {
        let kwargs = json!({"fields": ["company_currency"], "context": {"allowed_company_ids": companies}});
        let rows = api.call("crm.lead", "read", json!([[id]]), kwargs).await.unwrap();
        assert_eq!(rows[0]["company_currency"][1], json!(currency));
    }
}

#[tokio::test]
async fn amounts_are_neither_rounded_nor_reformatted() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    for amount in [10.005, 0.00001, 9_007_199_254_740_992.0, 1500.5, 1e22] {
        let id = api.create("crm.lead", json!({"name": "Amount", "expected_revenue": amount})).await;
        let row = api.one("crm.lead", id, json!(["expected_revenue"])).await;
        assert_eq!(row["expected_revenue"].as_f64(), Some(amount));
    }
}

#[tokio::test]
async fn text_survives_except_for_control_characters() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let name = "  é <&>\"' 漢字 😀\ttab\nline  ";
    let id = api.create("crm.lead", json!({"name": name, "city": ""})).await;
    let row = api.one("crm.lead", id, json!(["name", "city", "street"])).await;
    assert_eq!(row["name"], json!(name));
    // An empty text and an absent one are two different answers.
    assert_eq!((&row["city"], &row["street"]), (&json!(""), &json!(false)));
    handle.data().set("crm.lead", id, "street", "a\u{1}\u{8}b");
    assert_eq!(api.one("crm.lead", id, json!(["street"])).await["street"], json!("ab"));
}

#[tokio::test]
async fn fields_get_describes_what_a_reader_needs_and_nothing_more_than_asked() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let attributes =
        json!({"attributes": ["type", "relation", "store", "required", "selection", "currency_field"]});
    let fields = api.call("crm.lead", "fields_get", json!([]), attributes).await.unwrap();
    assert_eq!(
        fields["stage_id"],
        json!({"type": "many2one", "relation": "crm.stage", "store": true, "required": false})
    );
    assert_eq!(fields["expected_revenue"]["currency_field"], json!("company_currency"));
    assert_eq!(fields["type"]["selection"], json!([["lead", "Lead"], ["opportunity", "Opportunity"]]));
    assert_eq!(fields["company_currency"]["store"], json!(false));
    assert_eq!(fields["name"], json!({"type": "char", "store": true, "required": true}));
    for model in [
        "res.users",
        "res.company",
        "res.currency",
        "res.currency.rate",
        "res.partner",
        "crm.team",
        "crm.team.member",
        "crm.stage",
        "crm.lost.reason",
        "crm.tag",
        "mail.activity",
        "mail.activity.type",
        "hr.employee",
        "mail.message",
    ] {
        let fields = api.call(model, "fields_get", json!([]), json!({"attributes": ["type"]})).await.unwrap();
        for stamp in ["id", "display_name", "create_date", "write_date", "create_uid", "write_uid"] {
            assert!(fields[stamp].is_object(), "{model}.{stamp}");
        }
    }
}

#[tokio::test]
async fn lead_properties_of_older_leads_fault_the_whole_page() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let team = api.all("crm.team", json!([["name", "=", "Channel"]]), json!(["id"])).await[0]["id"].clone();
    let old = handle.data().snapshot().ids_where("crm.lead", |row| {
        row.get("team_id").as_int() == team.as_i64() && row.get("lead_properties").is_null()
    });
    let refused =
        api.call("crm.lead", "read", json!([old]), json!({"fields": ["lead_properties"]})).await.unwrap_err();
    assert_eq!(refused.code, 1);
    assert!(refused.last_line.contains("cannot marshal None unless allow_none is enabled"));
    let new = handle.data().snapshot().ids_where("crm.lead", |row| !row.get("lead_properties").is_null());
    let rows =
        api.call("crm.lead", "read", json!([new]), json!({"fields": ["lead_properties"]})).await.unwrap();
    assert_eq!(rows[0]["lead_properties"][0]["value"], json!("gold"));
}

#[tokio::test]
async fn defining_a_property_makes_the_leads_that_were_there_unreadable() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let team = admin.create("crm.team", json!({"name": "New team"})).await;
    let old = admin.create("crm.lead", json!({"name": "Old", "team_id": team})).await;
    let read = |id: i64| admin.call("crm.lead", "read", json!([[id], ["lead_properties"]]), json!({}));
    assert_eq!(read(old).await.unwrap()[0]["lead_properties"], json!([]));
    let stamp = || handle.data().row("crm.lead", old).unwrap().get("write_date").clone();
    let before = stamp();
    let definition = json!([{"name": "seats", "type": "integer", "string": "Seats", "default": 5}]);
    admin.write("crm.team", team, json!({"lead_properties_definition": definition})).await;
    assert_eq!(read(old).await.unwrap_err().code, 1);
    assert_eq!(stamp(), before, "nothing tells a reader");
    let new = admin.create("crm.lead", json!({"name": "New", "team_id": team})).await;
    assert_eq!(read(new).await.unwrap()[0]["lead_properties"][0]["value"], json!(5));
    handle.clock().advance(std::time::Duration::from_secs(5));
    admin.write("crm.lead", old, json!({"lead_properties": {"seats": 9}})).await;
    assert_eq!(read(old).await.unwrap()[0]["lead_properties"][0]["value"], json!(9));
    assert!(stamp() != before, "setting one moves the lead");
    let page = admin.call("crm.lead", "search_read", json!([[]]), json!({})).await;
    assert_eq!(page.unwrap_err().code, 1, "all fields of all leads is one field too many");
}

#[tokio::test]
async fn rates_belong_to_one_company() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let rates = api
        .all(
            "res.currency.rate",
            json!([]),
            json!(["name", "rate", "inverse_company_rate", "currency_id", "company_id"]),
        )
        .await;
    for rate in &rates {
        let (value, inverse) =
            (rate["rate"].as_f64().unwrap(), rate["inverse_company_rate"].as_f64().unwrap());
        assert!((value * inverse - 1.0).abs() < 1e-9);
        assert!(rate["company_id"][0].is_i64());
    }
    let currencies = api.all("res.currency", json!([]), json!(["name", "decimal_places", "active"])).await;
    let places =
        |name: &str| currencies.iter().find(|row| row["name"] == name).unwrap()["decimal_places"].clone();
    assert_eq!((places("JPY"), places("USD"), places("KWD")), (json!(0), json!(2), json!(3)));
}
