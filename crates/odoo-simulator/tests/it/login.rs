//! Who gets in, who gets False, and who gets a fault.

use salescommand_odoo_simulator::{Level, Seed};
use serde_json::json;

use super::client::{API, User, rpc, simulator};

#[tokio::test]
async fn wrong_credentials_are_false_and_an_unknown_database_is_a_fault() {
    let handle = simulator().await;
    let login = |database: &'static str, login: &'static str, password: &'static str| {
        rpc(handle.addr, "common", "authenticate", json!([database, login, password, {}]))
    };
    assert_eq!(login("demo", "admin", "secret").await, Ok(json!(2)));
    assert_eq!(login("demo", "admin", "wrong").await, Ok(json!(false)));
    assert_eq!(login("demo", "admin", "").await, Ok(json!(false)));
    assert_eq!(login("demo", "superadmin@salescommand.com", "secret").await, Ok(json!(false)));
    assert_eq!(login("demo", "peter.hale@securado.net", "secret").await, Ok(json!(false)));
    let refused = login("nosuchdb", "admin", "secret").await.unwrap_err();
    assert_eq!(refused.code, 1);
    assert!(refused.last_line.ends_with("database \"nosuchdb\" does not exist"), "{}", refused.last_line);
    assert!(refused.text.starts_with("Traceback"));
}

#[tokio::test]
async fn a_call_checks_the_password_every_time() {
    let handle = simulator().await;
    let call = |uid: serde_json::Value, password: &'static str| {
        rpc(handle.addr, "object", "execute_kw", json!(["demo", uid, password, "res.users", "search", [[]]]))
    };
    assert!(call(json!(2), "secret").await.is_ok());
    for (uid, password, code) in
        [(json!(2), "wrong", 3), (json!(false), "secret", 3), (json!(99_999), "secret", 2)]
    {
        assert_eq!(call(uid.clone(), password).await.unwrap_err().code, code, "{uid}");
    }
    assert_eq!(call(json!(2), "wrong").await.unwrap_err().text, "Access Denied");
}

#[tokio::test]
async fn an_api_key_replaces_the_password_until_it_is_revoked() {
    let handle = simulator().await;
    handle.data().add_password(API, "0123456789abcdef0123456789abcdef01234567").unwrap();
    let key = json!(["demo", API, "0123456789abcdef0123456789abcdef01234567", {}]);
    assert!(rpc(handle.addr, "common", "authenticate", key.clone()).await.unwrap().is_i64());
    let user = User::login(&handle, API).await;
    handle.data().revoke(API).unwrap();
    assert_eq!(rpc(handle.addr, "common", "authenticate", key).await, Ok(json!(false)));
    assert_eq!(user.call("crm.lead", "search", json!([[]]), json!({})).await.unwrap_err().code, 3);
    assert!(handle.data().add_password("nobody", "x").is_err());
}

#[tokio::test]
async fn the_people_of_the_demo_have_their_logins() {
    let handle = simulator().await;
    let api = User::login(&handle, API).await;
    let users = api.all("res.users", json!([]), json!(["login", "active"])).await;
    let logins: Vec<&str> = users.iter().map(|user| user["login"].as_str().unwrap()).collect();
    for login in ["admin", API, "krishna@securado.net", "am1@salescommand.com", "director@securado.net"] {
        assert!(logins.contains(&login), "{login}");
    }
    assert!(!logins.contains(&"superadmin@salescommand.com"));
    let leader = handle.data().user("am1@salescommand.com").unwrap();
    let krishna = handle.data().user("krishna@securado.net").unwrap();
    let teams =
        api.all("crm.team", json!([["user_id", "=", leader]]), json!(["member_ids", "user_id"])).await;
    assert!(teams[0]["member_ids"].as_array().unwrap().contains(&json!(krishna)), "{teams:?}");
    assert_eq!(Level::Settings.max(Level::Portal), Level::Settings);
    assert_eq!(Seed::new(1, super::client::TODAY).variant, 1);
}
