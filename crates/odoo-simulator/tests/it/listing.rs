//! search, read and their kin: domains, orders, archived rows, missing rows.

use serde_json::{Value as Json, json};

use super::client::{API, User, simulator};

async fn count(user: &User, domain: Json) -> i64 {
    user.count("crm.lead", domain).await
}

#[tokio::test]
async fn operators_of_prefix_notation_combine_the_leaves_that_follow() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let all = count(&api, json!([])).await;
    let (won, lost) = (json!(["stage_id", "=", 5]), json!(["active", "=", false]));
    let (only_won, only_lost) = (count(&api, json!([won])).await, count(&api, json!([lost])).await);
    let both = count(&api, json!([won, lost])).await;
    assert!(both > 0 && both < only_won);
    assert_eq!(count(&api, json!(["&", won, lost])).await, both);
    assert_eq!(count(&api, json!(["|", won, lost])).await, only_won + only_lost - both);
    assert_eq!(count(&api, json!(["!", won])).await, all - only_won);
    assert_eq!(count(&api, json!(["!", "|", won, lost])).await, all - only_won - only_lost + both);
    assert_eq!(count(&api, json!(["!", won, lost])).await, only_lost - both);
    assert_eq!(count(&api, json!([[1, "=", 1]])).await, all);
    assert_eq!(count(&api, json!([[0, "=", 1]])).await, 0);
}

#[tokio::test]
async fn leaves_treat_null_as_sql_does() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let all = count(&api, json!([])).await;
    let without = count(&api, json!([["user_id", "=", false]])).await;
    let krishna = handle.data().user("krishna@securado.net").unwrap();
    let his = count(&api, json!([["user_id", "=", krishna]])).await;
    assert!(without > 0 && his > 0);
    assert_eq!(count(&api, json!([["user_id", "=", null]])).await, without);
    assert_eq!(count(&api, json!([["user_id", "!=", false]])).await, all - without);
    assert_eq!(count(&api, json!([["user_id", "!=", krishna]])).await, all - his);
    assert_eq!(count(&api, json!([["user_id", "in", [krishna]]])).await, his);
    assert_eq!(count(&api, json!([["user_id", "in", [krishna, false]]])).await, his + without);
    assert_eq!(count(&api, json!([["user_id", "not in", [krishna]]])).await, all - his);
    assert_eq!(count(&api, json!([["user_id", "not in", [krishna, false]]])).await, all - his - without);
    assert_eq!(count(&api, json!([["user_id", "in", []]])).await, 0);
    assert_eq!(count(&api, json!([["user_id", "not in", []]])).await, all);
    let dated = count(&api, json!([["date_deadline", ">", "1900-01-01"]])).await;
    assert_eq!(dated, count(&api, json!([["date_deadline", "!=", false]])).await);
    assert!(dated < all);
}

#[tokio::test]
async fn leaves_reach_through_references_and_match_text() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let krishna = handle.data().user("krishna@securado.net").unwrap();
    let his = count(&api, json!([["user_id", "=", krishna]])).await;
    assert_eq!(count(&api, json!([["user_id.login", "=", "krishna@securado.net"]])).await, his);
    assert_eq!(count(&api, json!([["user_id.login", "ilike", "KRISHNA"]])).await, his);
    assert_eq!(count(&api, json!([["user_id.login", "like", "KRISHNA"]])).await, 0);
    assert_eq!(count(&api, json!([["user_id.login", "=like", "krishna@%"]])).await, his);
    assert_eq!(count(&api, json!([["user_id", "ilike", "krishna pat"]])).await, his);
    assert_eq!(count(&api, json!([["user_id", "=", "Krishna Patel"]])).await, his);
    let tagged = count(&api, json!([["tag_ids", "in", [1, 2]]])).await;
    let none = count(&api, json!([["tag_ids", "=", false]])).await;
    assert!(tagged > 0 && none > 0);
    assert_eq!(count(&api, json!([["tag_ids.name", "in", ["Services", "Product"]]])).await, tagged);
    let company = handle.data().snapshot().ids_where("res.partner", |row| row.get("is_company").as_bool())[5];
    let below = api.count("res.partner", json!([["id", "child_of", company]])).await;
    assert_eq!(below, 1 + api.count("res.partner", json!([["parent_id", "=", company]])).await);
}

#[tokio::test]
async fn archived_rows_are_hidden_unless_asked_for() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let number = |answer: Json| answer.as_i64().unwrap();
    let all = count(&api, json!([])).await;
    let shown = number(api.call("crm.lead", "search_count", json!([[]]), json!({})).await.unwrap());
    let hidden = number(
        api.call("crm.lead", "search_count", json!([[["active", "=", false]]]), json!({})).await.unwrap(),
    );
    assert!(hidden > 100);
    assert_eq!(shown + hidden, all);
    let archived = handle.data().snapshot().ids_where("crm.lead", |row| !row.get("active").as_bool());
    let read = api.call("crm.lead", "read", json!([archived, ["active"]]), json!({})).await.unwrap();
    assert_eq!(read.as_array().unwrap().len(), archived.len());
}

#[tokio::test]
async fn pages_follow_the_order_asked_for() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let page = |kwargs: Json| async move {
        let ids = api.call("crm.lead", "search", json!([[]]), kwargs).await.unwrap();
        ids.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect::<Vec<i64>>()
    };
    let first = page(json!({"limit": 3, "order": "id"})).await;
    let next = page(json!({"limit": 3, "offset": 3, "order": "id asc"})).await;
    assert_eq!([first, next].concat(), page(json!({"limit": 6, "order": "id"})).await);
    let rows = api
        .call(
            "crm.lead",
            "search_read",
            json!([[]]),
            json!({"fields": ["priority", "expected_revenue", "date_deadline"]}),
        )
        .await
        .unwrap();
    let keys: Vec<(String, i64)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["priority"].as_str().unwrap().to_owned(), row["id"].as_i64().unwrap()))
        .collect();
    let mut sorted = keys.clone();
    sorted.sort_by(|left, right| right.cmp(left));
    assert_eq!(keys, sorted, "the default order of leads is priority desc, id desc");
    let rows = api
        .call(
            "crm.lead",
            "search_read",
            json!([[]]),
            json!({"fields": ["date_deadline"], "order": "date_deadline, id desc"}),
        )
        .await
        .unwrap();
    let last = rows.as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["date_deadline"], json!(false), "NULL comes last when ascending");
    let stages = api.call(
        "crm.lead",
        "search_read",
        json!([[]]),
        json!({"fields": ["stage_id"], "order": "stage_id desc"}),
    );
    assert_eq!(
        stages.await.unwrap()[0]["stage_id"][1],
        json!("Won"),
        "a reference sorts by its own model's order"
    );
}

#[tokio::test]
async fn limits_have_their_peculiarities() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let search = |limit: i64| api.call("crm.lead", "search", json!([[]]), json!({"limit": limit}));
    let unlimited = search(0).await.unwrap();
    assert_eq!(Ok(unlimited), api.call("crm.lead", "search", json!([[]]), json!({})).await);
    assert_eq!(search(-1).await.unwrap_err().code, 1);
}

#[tokio::test]
async fn a_read_drops_missing_rows_unless_only_ids_are_wanted() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let read = |ids: Json, fields: Json| api.call("crm.lead", "read", json!([ids, fields]), json!({}));
    assert_eq!(read(json!([99_999_999]), json!(["id", "name"])).await, Ok(json!([])));
    assert_eq!(read(json!([99_999_999]), json!(["id"])).await, Ok(json!([{"id": 99_999_999}])));
    let some = read(json!([99_999_999, 3]), json!(["active"])).await.unwrap();
    assert_eq!(some.as_array().unwrap().len(), 1);
    let exists = api.call("crm.lead", "exists", json!([[1, 99_999_999, 3]]), json!({})).await;
    assert_eq!(exists, Ok(json!([1, 3])));
}

#[tokio::test]
async fn long_lists_of_ids_are_no_trouble() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let ids: Vec<i64> = (1..=21_593).collect();
    let all = count(&api, json!([])).await;
    assert_eq!(count(&api, json!([["id", "in", ids]])).await, all);
    let exists = api.call("crm.lead", "exists", json!([ids]), json!({})).await.unwrap();
    assert_eq!(i64::try_from(exists.as_array().unwrap().len()).unwrap(), all);
}

#[tokio::test]
async fn names_can_be_asked_for() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let contact = handle.data().snapshot().ids_where("res.partner", |row| !row.get("parent_id").is_null())[0];
    let row = api.one("res.partner", contact, json!(["name", "parent_name", "display_name"])).await;
    let expected =
        format!("{}, {}", row["parent_name"].as_str().unwrap().trim(), row["name"].as_str().unwrap());
    assert_eq!(row["display_name"], json!(expected));
    let named = api.call("res.partner", "name_get", json!([[contact]]), json!({})).await;
    assert_eq!(named, Ok(json!([[contact, expected]])));
    let found = api.call("crm.stage", "name_search", json!(["propo"]), json!({"limit": 3})).await;
    assert_eq!(found, Ok(json!([[3, "Proposition"]])));
}
