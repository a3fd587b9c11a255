//! What each level of user sees.

use salescommand_odoo_simulator::Level;
use serde_json::json;

use super::client::{API, KRISHNA, User, simulator};

#[tokio::test]
async fn levels_decide_how_many_leads_there_are() {
    let handle = simulator().await;
    let krishna = User::login(&handle, KRISHNA).await;
    let all = User::login(&handle, "admin").await.count("crm.lead", json!([])).await;
    assert_eq!(User::login(&handle, API).await.count("crm.lead", json!([])).await, all);
    let rows = krishna.all("crm.lead", json!([]), json!(["user_id", "company_id"])).await;
    assert!(!rows.is_empty() && i64::try_from(rows.len()).unwrap() < all);
    for row in &rows {
        assert!(row["user_id"] == json!(false) || row["user_id"][0] == json!(krishna.uid), "{row}");
        assert!(row["company_id"] == json!(false) || row["company_id"][0] == json!(1), "{row}");
    }
    handle.data().set_level(KRISHNA, Level::Internal).unwrap();
    let refused =
        krishna.call("crm.lead", "search_read", json!([[]]), json!({"fields": ["name"]})).await.unwrap_err();
    assert_eq!(refused.code, 4);
    assert!(refused.text.contains("(crm.lead)"));
    let allowed = krishna
        .call("crm.lead", "check_access_rights", json!(["read"]), json!({"raise_exception": false}))
        .await;
    assert_eq!(allowed, Ok(json!(false)));
    assert_eq!(
        krishna.call("crm.lead", "check_access_rights", json!(["read"]), json!({})).await.unwrap_err().code,
        4
    );
}

#[tokio::test]
async fn a_forbidden_id_refuses_the_whole_read_but_never_a_search() {
    let handle = simulator().await;
    let krishna = User::login(&handle, KRISHNA).await;
    let foreign = handle
        .data()
        .snapshot()
        .ids_where("crm.lead", |row| row.get("user_id").as_int().is_some_and(|user| user != krishna.uid))[0];
    let mine = krishna.create("crm.lead", json!({"name": "Mine"})).await;
    let read = krishna.call("crm.lead", "read", json!([[mine, foreign], ["name"]]), json!({})).await;
    assert_eq!(read.unwrap_err().code, 4);
    let found = krishna.all("crm.lead", json!([["id", "in", [mine, foreign]]]), json!(["name"])).await;
    assert_eq!(found.len(), 1);
    let exists = krishna.call("crm.lead", "exists", json!([[mine, foreign]]), json!({})).await;
    assert_eq!(exists, Ok(json!([mine, foreign])), "exists ignores the rules");
    // Handing the lead over makes it vanish without being deleted.
    let other = User::login(&handle, "am1@salescommand.com").await;
    other.write("crm.lead", mine, json!({"user_id": other.uid})).await;
    assert!(krishna.all("crm.lead", json!([["id", "=", mine]]), json!(["name"])).await.is_empty());
}

#[tokio::test]
async fn companies_narrow_what_is_visible() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let in_company = |company: i64| {
        let kwargs = json!({"context": {"active_test": false, "allowed_company_ids": [company]}});
        api.call("crm.lead", "search_count", json!([[]]), kwargs)
    };
    let (first, second) = (in_company(1).await.unwrap(), in_company(2).await.unwrap());
    let without = api.count("crm.lead", json!([["company_id", "=", false]])).await;
    let all = api.count("crm.lead", json!([])).await;
    assert!(without > 0);
    assert_eq!(first.as_i64().unwrap() + second.as_i64().unwrap(), all + without);
    let krishna = User::login(&handle, KRISHNA).await;
    let kwargs = json!({"context": {"allowed_company_ids": [2]}});
    assert_eq!(krishna.call("crm.lead", "search", json!([[]]), kwargs).await.unwrap_err().code, 4);
}

#[tokio::test]
async fn restricted_fields_and_models_do_not_exist_for_lower_levels() {
    let handle = simulator().await;
    let (admin, api) = (User::login(&handle, "admin").await, User::login(&handle, API).await);
    let described = |user: User| async move {
        let fields =
            user.call("res.partner", "fields_get", json!([]), json!({"attributes": ["type"]})).await.unwrap();
        fields["signup_token"].is_object()
    };
    assert!(described(admin).await);
    assert!(!described(api).await);
    let read = api.call("res.partner", "read", json!([[1], ["signup_token"]]), json!({})).await;
    assert_eq!(read.unwrap_err().code, 4);
    for model in ["ir.model", "ir.config_parameter"] {
        assert!(admin.call(model, "search", json!([[]]), json!({})).await.is_ok());
        assert_eq!(api.call(model, "search", json!([[]]), json!({})).await.unwrap_err().code, 4, "{model}");
    }
    assert_eq!(
        api.call("crm.stage", "write", json!([[1], {"name": "x"}]), json!({})).await.unwrap_err().code,
        4
    );
}

#[tokio::test]
async fn rights_can_be_taken_and_given_back() {
    let handle = simulator().await;
    let (api, krishna) = (User::login(&handle, API).await, User::login(&handle, KRISHNA).await);
    let search = |user: User, model: &'static str| async move {
        user.call(model, "search", json!([[]]), json!({})).await
    };
    let activities = api.count("mail.activity", json!([])).await;
    handle.data().forbid(API, "crm.lead").unwrap();
    for (method, args) in
        [("search_read", json!([[]])), ("read", json!([[1]])), ("create", json!([{"name": "x"}]))]
    {
        assert_eq!(api.call("crm.lead", method, args, json!({})).await.unwrap_err().code, 4, "{method}");
    }
    assert!(search(krishna, "crm.lead").await.is_ok(), "another user keeps the model");
    assert_eq!(api.call("crm.lead", "exists", json!([[1]]), json!({})).await, Ok(json!([1])));
    let left = api.count("mail.activity", json!([])).await;
    assert!(left < activities, "what hangs on leads is filtered without a word");
    handle.data().permit(API, "crm.lead").unwrap();
    assert_eq!(api.count("mail.activity", json!([])).await, activities);
    handle.data().forbid_field(API, ("crm.lead", "expected_revenue")).unwrap();
    let read = || api.call("crm.lead", "read", json!([[1], ["expected_revenue"]]), json!({}));
    assert_eq!(read().await.unwrap_err().code, 4);
    let fields =
        api.call("crm.lead", "fields_get", json!([]), json!({"attributes": ["type"]})).await.unwrap();
    assert!(fields["expected_revenue"].is_null() && fields["name"].is_object());
    handle.data().permit_field(API, ("crm.lead", "expected_revenue")).unwrap();
    assert!(read().await.is_ok());
    assert!(handle.data().forbid("nobody", "crm.lead").is_err());
}

#[tokio::test]
async fn a_module_that_is_not_installed_has_no_models_and_no_fields() {
    let handle = simulator().await;
    let admin = User::login(&handle, "admin").await;
    let fields = |names: serde_json::Value| admin.call("res.users", "read", json!([[2], names]), json!({}));
    let employees = admin.count("hr.employee", json!([])).await;
    handle.data().uninstall("hr");
    let refused = admin.call("hr.employee", "search", json!([[]]), json!({})).await.unwrap_err();
    assert_eq!((refused.code, refused.last_line.as_str()), (2, "Object hr.employee doesn't exist"));
    let refused = fields(json!(["login", "employee_id"])).await.unwrap_err();
    assert!(refused.code == 1 && refused.last_line.contains("Invalid field 'employee_id'"), "{refused:?}");
    assert_eq!(admin.count("ir.model", json!([["model", "like", "hr."]])).await, 0);
    handle.data().install("hr");
    assert_eq!(admin.count("hr.employee", json!([])).await, employees);
    assert!(fields(json!(["login", "employee_id"])).await.is_ok());
}

#[tokio::test]
async fn messages_are_readable_to_who_wrote_or_got_them() {
    let handle = simulator().await;
    let (api, krishna) = (User::login(&handle, API).await, User::login(&handle, KRISHNA).await);
    let foreign = handle
        .data()
        .snapshot()
        .ids_where("crm.lead", |row| row.get("user_id").as_int().is_some_and(|user| user != krishna.uid))[0];
    let partner =
        |user: User| handle.data().row("res.users", user.uid).unwrap().get("partner_id").as_int().unwrap();
    let post = |recipients: serde_json::Value| async move {
        let kwargs = json!({"body": "Hello", "partner_ids": recipients});
        api.call("crm.lead", "message_post", json!([[foreign]]), kwargs).await.unwrap().as_i64().unwrap()
    };
    let (to_all, to_him) = (post(json!([])).await, post(json!([partner(krishna)])).await);
    let seen = krishna.all("mail.message", json!([["id", "in", [to_all, to_him]]]), json!(["body"])).await;
    assert_eq!(seen.iter().map(|row| &row["id"]).collect::<Vec<_>>(), [&json!(to_him)]);
}

#[tokio::test]
async fn pages_of_messages_are_filtered_after_the_limit() {
    let handle = simulator().await;
    let krishna = User::login(&handle, KRISHNA).await;
    let kwargs = |offset: usize| json!({"fields": ["model"], "limit": 10, "offset": offset, "order": "id"});
    let total = handle.data().snapshot().count("mail.message");
    let (mut seen, mut short) = (0, 0);
    for offset in (0..total).step_by(10) {
        let page = krishna.call("mail.message", "search_read", json!([[]]), kwargs(offset)).await.unwrap();
        let rows = page.as_array().unwrap().len();
        seen += rows;
        short += usize::from(rows < 10);
    }
    assert!(short > 3, "{short} short pages");
    assert_eq!(i64::try_from(seen).unwrap(), krishna.count("mail.message", json!([])).await);
}

#[tokio::test]
async fn messages_until_an_empty_page_are_not_all_messages() {
    let handle = simulator().await;
    for login in ["admin", API, KRISHNA] {
        let user = User::login(&handle, login).await;
        let page = |domain: serde_json::Value, limit: usize| async move {
            let kwargs = json!({"fields": ["model"], "limit": limit, "order": "id"});
            let rows = user.call("mail.message", "search_read", json!([domain]), kwargs).await.unwrap();
            rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<i64>>()
        };
        let readable = user.count("mail.message", json!([])).await;
        let (mut until_empty, mut last) = (0, 0);
        loop {
            let ids = page(json!([["id", ">", last]]), 200).await;
            let Some(newest) = ids.last() else { break };
            last = *newest;
            until_empty += ids.len();
        }
        assert!(i64::try_from(until_empty).unwrap() < readable, "{login}: {until_empty} of {readable}");
        let highest = handle.data().snapshot().rows("mail.message").map(|(id, _)| id).max().unwrap();
        let (mut by_ranges, mut from) = (0, 0);
        while from <= highest {
            by_ranges += page(json!([["id", ">", from], ["id", "<=", from + 500]]), 0).await.len();
            from += 500;
        }
        assert_eq!(i64::try_from(by_ranges).unwrap(), readable, "{login}");
    }
}

#[tokio::test]
async fn activities_are_visible_with_their_document() {
    let handle = simulator().await;
    let krishna = User::login(&handle, KRISHNA).await;
    let leads: Vec<i64> = krishna
        .all("crm.lead", json!([]), json!(["active"]))
        .await
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    let seen = krishna
        .all("mail.activity", json!([["res_model", "=", "crm.lead"]]), json!(["res_id", "user_id"]))
        .await;
    assert!(!seen.is_empty());
    for row in &seen {
        assert!(
            leads.contains(&row["res_id"].as_i64().unwrap()) || row["user_id"][0] == json!(krishna.uid),
            "{row}"
        );
    }
}

#[tokio::test]
async fn lists_of_the_pipeline_are_for_sales_and_those_of_marketing_for_everybody() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let sales = ["crm.tag", "crm.lost.reason", "crm.recurring.plan"];
    let marketing = ["utm.source", "utm.medium", "utm.campaign"];
    for level in [Level::OwnDocuments, Level::Internal] {
        handle.data().set_level(API, level).unwrap();
        for model in sales {
            let answer = api.call(model, "search_read", json!([[]]), json!({"fields": ["name"]})).await;
            assert_eq!(answer.is_ok(), level == Level::OwnDocuments, "{model}: {answer:?}");
            assert!(answer.map_or_else(|refused| refused.code == 4, |rows| rows[0]["name"].is_string()));
        }
        for model in marketing {
            assert!(api.count(model, json!([])).await > 0, "{model}");
        }
    }
    let title = api.all("utm.campaign", json!([]), json!(["title", "display_name"])).await;
    assert_eq!(title[0]["title"], title[0]["display_name"]);
}
