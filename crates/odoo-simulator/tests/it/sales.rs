//! Quotations and orders: what they change on a lead without moving it.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::client::{API, KRISHNA, User, simulator};

#[tokio::test]
async fn a_leads_orders_change_what_it_shows_and_not_when_it_was_written() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let partner = api.create("res.partner", json!({"name": "Buyer"})).await;
    let lead = api.create("crm.lead", json!({"name": "Deal", "partner_id": partner})).await;
    let stamp =
        |model: &str, id: i64| handle.data().row(model, id).unwrap().get("write_date").as_instant().unwrap();
    let written = stamp("crm.lead", lead);
    let later = || handle.clock().advance(Duration::from_secs(5));
    let shown = || async {
        let fields = json!(["quotation_count", "sale_order_count", "sale_amount_total"]);
        let row = api.one("crm.lead", lead, fields).await;
        (row["quotation_count"].clone(), row["sale_order_count"].clone(), row["sale_amount_total"].clone())
    };
    later();
    let order = api.create("sale.order", json!({"partner_id": partner, "opportunity_id": lead})).await;
    let line = json!({"order_id": order, "name": "Licence", "product_uom_qty": 3.0, "price_unit": 100.0});
    let line = api.create("sale.order.line", line).await;
    assert_eq!(shown().await, (json!(1), json!(0), json!(0.0)));
    later();
    let before = stamp("sale.order", order);
    api.write("sale.order.line", line, json!({"name": "Licence, one year"})).await;
    assert_eq!(stamp("sale.order", order), before, "a line's text is the line's own");
    api.write("sale.order.line", line, json!({"product_uom_qty": 4.0})).await;
    assert!(stamp("sale.order", order) > before, "totals move the order");
    let act = |method: &'static str| api.call("sale.order", method, json!([[order]]), json!({}));
    assert_eq!(act("action_confirm").await, Ok(json!(true)));
    assert_eq!(shown().await, (json!(0), json!(1), json!(400.0)));
    assert_eq!(act("unlink").await.unwrap_err().code, 2);
    let refused = api.call("res.partner", "unlink", json!([[partner]]), json!({})).await.unwrap_err();
    assert_eq!(refused.code, 2, "a customer with orders stays");
    assert_eq!(act("action_cancel").await, Ok(json!(true)));
    assert_eq!(act("unlink").await, Ok(json!(true)));
    assert_eq!(shown().await, (json!(0), json!(0), json!(0.0)));
    assert_eq!(stamp("crm.lead", lead), written);
}

#[tokio::test]
async fn orders_follow_the_rules_of_their_documents() {
    let handle = simulator().await;
    let (api, krishna) = (User::login(&handle, API).await, User::login(&handle, KRISHNA).await);
    let values = |user: Json| json!({"partner_id": 1, "user_id": user});
    let own = api.create("sale.order", values(json!(krishna.uid))).await;
    let foreign = api.create("sale.order", values(json!(api.uid))).await;
    let line = json!({"order_id": foreign, "name": "x", "product_uom_qty": 1.0, "price_unit": 1.0});
    api.create("sale.order.line", line).await;
    let seen = krishna.all("sale.order", json!([["id", "in", [own, foreign]]]), json!(["name"])).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(krishna.count("sale.order.line", json!([])).await, 0);
}
