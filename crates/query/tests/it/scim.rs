//! SCIM: who may ask, what becomes of a user, what a directory's own ways of asking get, and what it cannot do.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use salescommand_domain::access::Role;
use salescommand_query::accounts::{ExternalIdentity, NewAccount};
use salescommand_query::oidc::{ProviderSettings, ScimSettings};
use serde_json::{Value, json};

use crate::hostile::{Provider, TENANT};
use crate::world::{Answer, Browser, PASSWORD, World, email};

const TOKEN: &str = "a token of thirty-two characters";
const OTHER_TOKEN: &str = "another token of thirty-two characters";
const MS365: &str = "/api/auth/ms365";

/// A world whose Microsoft 365 keeps accounts, and another provider's directory as well.
async fn provisioned(change: impl Fn(&mut ProviderSettings)) -> (Provider, World) {
    let provider = Provider::start().await;
    let mut ms365 = provider.ms365(&[TENANT]);
    ms365.authoritative_domains = ["example.com".to_owned()].into();
    ms365.scim = Some(ScimSettings { token: TOKEN.into(), tenant: None, roles: false });
    change(&mut ms365);
    let mut other = provider.settings("office");
    other.scim = Some(ScimSettings { token: OTHER_TOKEN.into(), tenant: None, roles: false });
    let world = World::with_providers(vec![ms365, other]).await;
    let new = NewAccount {
        email: email(Role::SuperAdmin),
        name: "Chief".to_owned(),
        role: Role::SuperAdmin,
        password: PASSWORD.into(),
    };
    world.accounts.create(new).await.unwrap();
    (provider, world)
}

async fn entra() -> (Provider, World) {
    provisioned(|_| ()).await
}

/// Asks with a token; an empty one is none.
async fn ask(world: &World, token: &str, (method, path): (&str, &str), body: &Value) -> Answer {
    let request = Request::builder().method(method.parse::<Method>().unwrap()).uri(format!("/scim/v2{path}"));
    let request = match token {
        "" => request,
        token => request.header("authorization", format!("Bearer {token}")),
    };
    let request = request.header("content-type", "application/scim+json");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    world.browser().send(request.body(body).unwrap()).await
}

async fn get(world: &World, path: &str) -> Value {
    let answer = ask(world, TOKEN, ("GET", path), &Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/scim+json");
    answer.json()
}

/// Makes a user.
async fn made(world: &World, user: &Value) -> Value {
    let answer = ask(world, TOKEN, ("POST", "/Users"), user).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let made = answer.json();
    assert_eq!(answer.header("location"), made["meta"]["location"]);
    assert_eq!(answer.header("etag"), made["meta"]["version"]);
    made
}

async fn change(world: &World, user: &Value, operations: Value) -> Answer {
    let body =
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    ask(world, TOKEN, ("PATCH", &path_of(user)), &body).await
}

fn path_of(user: &Value) -> String {
    format!("/Users/{}", user["id"].as_str().unwrap())
}

fn refused(answer: &Answer, status: u16, kind: Option<&str>) {
    let body = answer.json();
    assert_eq!(answer.status.as_u16(), status, "{body}");
    assert_eq!(answer.header("content-type"), "application/scim+json");
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(
        (body["status"].as_str(), body["scimType"].as_str()),
        (Some(status.to_string().as_str()), kind),
        "{body}"
    );
}

fn ann() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "externalId": "Ann", "userName": "Ann@Example.com",
        "displayName": "Ann Smith", "active": true,
        "name": {"givenName": "Ann", "familyName": "Smith"},
        "emails": [{"value": "ann@example.com", "type": "work", "primary": true}],
    })
}

/// Somebody signs in with Microsoft, as the record of this id.
async fn signs_in(provider: &Provider, world: &World, oid: &str) -> (Browser, Answer) {
    let issuer = format!("{}/{TENANT}/v2.0", provider.address);
    provider.lies().claims =
        json!({"iss": issuer, "tid": TENANT, "oid": oid, "sub": "x", "roles": ["seller"]});
    let mut browser = world.browser();
    let answer = provider.sign_in(&mut browser, MS365).await;
    (browser, answer)
}

/// What was written down by a directory, the newest first: action, outcome, details.
async fn written(world: &World) -> Vec<String> {
    world.publish_audit().await;
    let mut admin = world.browser();
    admin.sign_in(&email(Role::SuperAdmin), PASSWORD).await;
    let page = admin.get("/api/audit?limit=200&actor=scim:ms365").await.json();
    let told = |entry: &Value| {
        format!(
            "{} {} {}",
            entry["action"].as_str().unwrap(),
            entry["outcome"].as_str().unwrap(),
            entry["details"]
        )
    };
    page["entries"].as_array().unwrap().iter().map(told).collect()
}

/// Every route with a method that it takes.
const ROUTES: [(&str, &str); 14] = [
    ("GET", "/ServiceProviderConfig"),
    ("GET", "/ResourceTypes"),
    ("GET", "/ResourceTypes/User"),
    ("GET", "/Schemas"),
    ("GET", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"),
    ("GET", "/Users"),
    ("POST", "/Users"),
    ("GET", "/Users/1"),
    ("PUT", "/Users/1"),
    ("PATCH", "/Users/1"),
    ("DELETE", "/Users/1"),
    ("POST", "/.search"),
    ("GET", ""),
    ("GET", "/Groups"),
];

#[tokio::test]
async fn every_route_needs_the_token_of_a_provider_and_nothing_else_opens_one() {
    let (_, world) = entra().await;
    let mut admin = world.browser();
    admin.sign_in(&email(Role::SuperAdmin), PASSWORD).await;
    for route in ROUTES {
        for token in ["", "wrong", "a token of thirty-two character"] {
            let answer = ask(&world, token, route, &json!({})).await;
            refused(&answer, 401, None);
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        // A session is none of the protocol's, whoever's it is.
        let mut request = Request::builder().method(route.0).uri(format!("/scim/v2{}", route.1));
        request = request.header("x-requested-with", "salescommand");
        refused(&admin.send(request.body(Body::empty()).unwrap()).await, 401, None);
        assert_ne!(ask(&world, TOKEN, route, &ann()).await.status, StatusCode::UNAUTHORIZED, "{route:?}");
        world.clock.advance_seconds(61);
    }
    // Nor does a token open anything else.
    let request = Request::get("/api/users").header("authorization", format!("Bearer {TOKEN}"));
    world.browser().send(request.body(Body::empty()).unwrap()).await.problem(401, "not-signed-in");
    let none = World::empty().await;
    for route in ROUTES {
        refused(&ask(&none, TOKEN, route, &ann()).await, 404, None);
    }
}

#[tokio::test]
async fn guessing_tokens_ends_after_a_while_and_does_not_shut_out_the_right_one() {
    let (_, world) = entra().await;
    let mut last = ask(&world, "wrong", ROUTES[0], &Value::Null).await;
    for _ in 0..60 {
        last = ask(&world, "wrong", ROUTES[0], &Value::Null).await;
    }
    refused(&last, 429, None);
    assert!(last.header("retry-after").parse::<u64>().unwrap() <= 60);
    get(&world, "/ServiceProviderConfig").await;
}

#[tokio::test]
async fn a_user_is_an_account_without_a_password_that_its_own_sign_in_opens() {
    let (provider, world) = entra().await;
    let user = made(&world, &ann()).await;
    assert_eq!(
        (&user["userName"], &user["externalId"], &user["active"]),
        (&json!("Ann@Example.com"), &json!("ann"), &json!(true))
    );
    let accounts = world.accounts.list().await.unwrap();
    let account = accounts.iter().find(|account| account.email == "ann@example.com").unwrap();
    assert_eq!(
        (account.id.as_str(), account.name.as_str(), account.role),
        (user["id"].as_str().unwrap(), "Ann Smith", Role::Viewer)
    );
    assert_eq!(
        world.people_told.accounts.lock().unwrap().last().unwrap().directory.len(),
        1,
        "one person with the directory's user"
    );
    let mut admin = world.browser();
    admin.sign_in(&email(Role::SuperAdmin), PASSWORD).await;
    let shown = admin.get("/api/users?q=ann@").await.json()["users"][0].clone();
    assert_eq!((&shown["kept_by"], &shown["providers"]), (&json!("ms365"), &json!(["ms365"])));
    world.browser().sign_in("ann@example.com", "").await.problem(401, "invalid-credentials");

    let (mut browser, _) = signs_in(&provider, &world, "ann").await;
    let me = browser.get("/api/auth/me").await.json();
    assert_eq!(
        (&me["user"]["id"], &me["user"]["role"]),
        (&user["id"], &json!("sales_user")),
        "the sign-in's role"
    );
    assert_eq!(world.accounts.list().await.unwrap().len(), 2, "and no other account");

    // Out at once, in every browser, as its directory says.
    let off = change(&world, &user, json!([{"op": "Replace", "path": "active", "value": "False"}])).await;
    assert_eq!((off.status, &off.json()["active"]), (StatusCode::OK, &json!(false)));
    browser.get("/api/auth/me").await.problem(401, "session-expired");
    browser.post("/api/auth/refresh", &json!(null)).await.problem(401, "session-expired");
    let (_, answer) = signs_in(&provider, &world, "ann").await;
    assert!(answer.header("location").contains("error=account-disabled"), "{}", answer.header("location"));
    change(&world, &user, json!([{"op": "replace", "value": {"active": true}}])).await;
    let (mut browser, _) = signs_in(&provider, &world, "ann").await;
    assert_eq!(browser.get("/api/auth/me").await.status, StatusCode::OK);

    assert_eq!(
        ask(&world, TOKEN, ("DELETE", &path_of(&user)), &Value::Null).await.status,
        StatusCode::NO_CONTENT
    );
    browser.get("/api/auth/me").await.problem(401, "session-expired");
    refused(&ask(&world, TOKEN, ("GET", &path_of(&user)), &Value::Null).await, 404, None);
    refused(&ask(&world, TOKEN, ("DELETE", &path_of(&user)), &Value::Null).await, 404, None);
    assert_eq!(get(&world, "/Users").await["totalResults"], 0);
    let told = written(&world).await;
    let words: Vec<&str> = told.iter().map(|entry| entry.split(' ').next().unwrap()).collect();
    let expected = [
        "account.renamed",
        "account.disabled",
        "account.enabled",
        "account.disabled",
        "identity.linked",
        "account.created",
    ];
    assert_eq!(words, expected, "{told:?}");

    // Whoever comes back is the same; the address was free for somebody else meanwhile, and is taken again.
    let back = made(&world, &ann()).await;
    assert_eq!(back["id"], user["id"]);
    let (mut browser, _) = signs_in(&provider, &world, "ann").await;
    assert_eq!(browser.get("/api/auth/me").await.json()["user"]["email"], "ann@example.com");
}

#[tokio::test]
async fn an_account_that_a_sign_in_has_made_is_taken_up_and_no_other_one_is_taken_over() {
    let (provider, world) = entra().await;
    let (mut browser, _) = signs_in(&provider, &world, "ann").await;
    let own = browser.get("/api/auth/me").await.json()["user"]["id"].clone();
    assert_eq!(made(&world, &ann()).await["id"], own);
    assert_eq!(browser.get("/api/auth/me").await.status, StatusCode::OK, "it stays signed in");

    // Somebody's account with a password: neither by its address nor by a name that is the same.
    let chief = json!({"userName": email(Role::SuperAdmin), "externalId": "evil", "active": false});
    let answer = ask(&world, TOKEN, ("POST", "/Users"), &chief).await;
    refused(&answer, 409, Some("uniqueness"));
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("salescommand user link"),
        "{}",
        answer.text()
    );
    world.browser().sign_in(&email(Role::SuperAdmin), PASSWORD).await;
    let told = written(&world).await;
    assert!(
        told.contains(&"account.created refused {\"code\":\"uniqueness\",\"role\":\"viewer\"}".to_owned()),
        "{told:?}"
    );
    // An address of a domain for which the provider does not speak names nobody.
    let stranger = made(&world, &json!({"userName": "victim@elsewhere.example", "externalId": "s"})).await;
    let accounts = world.accounts.list().await.unwrap();
    let account = accounts.iter().find(|account| stranger["id"] == account.id.as_str()).unwrap();
    assert!(account.email.ends_with("@ms365.invalid"), "{account:?}");

    // Whom an operator has tied is the directory's from then on: and the last super admin stays one.
    let identity = ExternalIdentity {
        provider: "ms365".to_owned(),
        issuer: format!("{}/{TENANT}/v2.0", provider.address),
        tenant: Some(TENANT.to_owned()),
        subject: "boss".to_owned(),
    };
    world.accounts.link(&email(Role::SuperAdmin), identity).await.unwrap();
    let tied = json!({"userName": "boss", "externalId": "boss", "displayName": "The Chief"});
    let tied = made(&world, &tied).await;
    let off = change(&world, &tied, json!([{"op": "replace", "path": "active", "value": false}])).await;
    refused(&off, 409, None);
    refused(&ask(&world, TOKEN, ("DELETE", &path_of(&tied)), &Value::Null).await, 409, None);
    let mut chief = world.browser();
    assert_eq!(chief.sign_in(&email(Role::SuperAdmin), PASSWORD).await.status, StatusCode::OK);
    assert_eq!(chief.get("/api/auth/me").await.json()["user"]["name"], "The Chief");
}

#[tokio::test]
async fn whom_an_administrator_has_shut_out_stays_out_whatever_else_the_directory_says() {
    let (_, world) = entra().await;
    let user = made(&world, &ann()).await;
    world.accounts.set_disabled("ann@example.com", true).await.unwrap();
    let renamed =
        change(&world, &user, json!([{"op": "replace", "path": "displayName", "value": "Ann S."}])).await;
    assert_eq!(renamed.status, StatusCode::OK);
    let account = async || {
        let accounts = world.accounts.list().await.unwrap();
        accounts.into_iter().find(|account| account.email == "ann@example.com").unwrap()
    };
    assert!(account().await.disabled);
    for active in [false, true] {
        change(&world, &user, json!([{"op": "replace", "path": "active", "value": active}])).await;
    }
    assert!(!account().await.disabled, "what it says anew counts");
}

#[tokio::test]
async fn a_directory_sees_and_changes_its_own_users_only() {
    let (_, world) = entra().await;
    let user = made(&world, &ann()).await;
    let other = |method, path: String| async move { (method, path) };
    for (method, path) in [
        other("GET", path_of(&user)).await,
        other("PUT", path_of(&user)).await,
        other("PATCH", path_of(&user)).await,
        other("DELETE", path_of(&user)).await,
    ] {
        let mut body = ann();
        body["Operations"] = json!([{"op": "replace", "path": "active", "value": false}]);
        refused(&ask(&world, OTHER_TOKEN, (method, &path), &body).await, 404, None);
    }
    let listed = ask(&world, OTHER_TOKEN, ("GET", "/Users"), &Value::Null).await.json();
    assert_eq!(listed["totalResults"], 0);
    // A name of one directory is free in another; the address is not.
    let bob =
        json!({"userName": "Ann@Example.com", "externalId": "b", "emails": [{"value": "bob@example.com"}]});
    assert_eq!(ask(&world, OTHER_TOKEN, ("POST", "/Users"), &bob).await.status, StatusCode::CREATED);
    assert_eq!(get(&world, "/Users").await["totalResults"], 1);
    let chief = world
        .accounts
        .list()
        .await
        .unwrap()
        .into_iter()
        .find(|account| account.role == Role::SuperAdmin)
        .unwrap();
    refused(&ask(&world, TOKEN, ("DELETE", &format!("/Users/{}", chief.id)), &Value::Null).await, 404, None);
}

#[tokio::test]
async fn users_are_found_by_what_directories_ask_and_told_page_by_page() {
    let (_, world) = entra().await;
    let user = made(&world, &ann()).await;
    for number in 0..4 {
        made(&world, &json!({"userName": format!("u{number}"), "externalId": format!("x{number}")})).await;
    }
    let find = async |filter: &str| {
        let query = url_escaped(filter);
        let found = get(&world, &format!("/Users?filter={query}")).await;
        assert_eq!(found["totalResults"], found["Resources"].as_array().unwrap().len());
        found["Resources"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect::<Vec<_>>()
    };
    for filter in [
        r#"userName eq "ann@example.COM""#.to_owned(),
        r#"externalId eq "ANN""#.to_owned(),
        format!("id eq {}", user["id"]),
        r#"displayName eq "Ann Smith""#.to_owned(),
        r#"emails[type eq "work"].value eq "Ann@example.com""#.to_owned(),
        r#"emails.value eq "ann@example.com""#.to_owned(),
    ] {
        assert_eq!(find(&filter).await, [user["id"].clone()], "{filter}");
    }
    for none in [
        r#"emails[type eq "home"].value eq "ann@example.com""#,
        "userName eq 7",
        "active eq false",
        r#"userName eq "$ne""#,
    ] {
        assert!(find(none).await.is_empty(), "{none}");
    }
    let answer = ask(&world, TOKEN, ("GET", "/Users?filter=userName%20co%20%22a%22"), &Value::Null).await;
    refused(&answer, 400, Some("invalidFilter"));
    let (mut seen, mut start) = (Vec::new(), 1);
    loop {
        let page = get(&world, &format!("/Users?startIndex={start}&count=2")).await;
        assert_eq!((&page["totalResults"], &page["startIndex"]), (&json!(5), &json!(start)));
        let users = page["Resources"].as_array().unwrap().clone();
        if users.is_empty() {
            break;
        }
        start += users.len();
        seen.extend(users.into_iter().map(|user| user["id"].as_str().unwrap().to_owned()));
    }
    seen.dedup();
    assert_eq!(seen.len(), 5);
    assert_eq!(get(&world, "/Users?startIndex=-5&count=-1").await["itemsPerPage"], 0);
    let shown = get(&world, "/Users?attributes=userName&count=1").await["Resources"][0].clone();
    let members: Vec<_> = shown.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["id", "schemas", "userName"]);
    let shown = get(&world, &format!("{}?excludedAttributes=emails,meta", path_of(&user))).await;
    assert!(shown.get("emails").is_none() && shown.get("meta").is_none() && shown["userName"].is_string());
}

fn url_escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn names_and_records_are_one_user_s_and_versions_are_heeded() {
    let (_, world) = entra().await;
    let user = made(&world, &ann()).await;
    for twin in [
        json!({"userName": "ANN@example.com", "externalId": "other"}),
        json!({"userName": "other", "externalId": "ANN"}),
    ] {
        refused(&ask(&world, TOKEN, ("POST", "/Users"), &twin).await, 409, Some("uniqueness"));
    }
    let bob = made(&world, &json!({"userName": "bob", "externalId": "bob"})).await;
    for operations in [
        json!([{"op": "replace", "path": "userName", "value": "Ann@example.com"}]),
        json!([{"op": "replace", "path": "externalId", "value": "ann"}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "ann@example.com", "primary": true}]}]),
    ] {
        refused(&change(&world, &bob, operations).await, 409, Some("uniqueness"));
    }
    assert_eq!(get(&world, &path_of(&bob)).await, bob, "nothing of it was done");

    let versioned = async |method: &str, version: &str, body: &Value| {
        let request = Request::builder().method(method).uri(format!("/scim/v2{}", path_of(&user)));
        let request = request.header("authorization", format!("bearer {TOKEN}")).header("if-match", version);
        let request = request.header("content-type", "application/json");
        world.browser().send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let version = user["meta"]["version"].as_str().unwrap();
    let mut changed = ann();
    changed["displayName"] = json!("Ann S.");
    let put = versioned("PUT", version, &changed).await;
    assert_eq!((put.status, &put.json()["displayName"]), (StatusCode::OK, &json!("Ann S.")));
    refused(&versioned("PUT", version, &ann()).await, 412, None);
    refused(&versioned("DELETE", version, &Value::Null).await, 412, None);
    let same = versioned("PUT", "*", &changed).await;
    assert_eq!(same.json()["meta"]["version"], put.json()["meta"]["version"], "nothing has changed");
}

#[tokio::test]
async fn a_record_that_is_another_one_now_is_opened_by_that_one() {
    let (provider, world) = entra().await;
    let user = made(&world, &ann()).await;
    let (mut browser, _) = signs_in(&provider, &world, "ann").await;
    let moved =
        change(&world, &user, json!([{"op": "replace", "path": "externalId", "value": "ann-2"}])).await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.text());
    browser.get("/api/auth/me").await.problem(401, "session-expired");
    let (mut browser, _) = signs_in(&provider, &world, "ann-2").await;
    assert_eq!(browser.get("/api/auth/me").await.json()["user"]["id"], user["id"]);
    // Who still has the former record gets no way into it.
    let (mut former, answer) = signs_in(&provider, &world, "ann").await;
    assert!(answer.header("location").contains("error=account-exists"), "{}", answer.header("location"));
    former.get("/api/auth/me").await.problem(401, "not-signed-in");
    made(&world, &json!({"userName": "new", "externalId": "ann"})).await;
    let (mut former, _) = signs_in(&provider, &world, "ann").await;
    assert_ne!(former.get("/api/auth/me").await.json()["user"]["id"], user["id"]);
}

#[tokio::test]
async fn roles_are_taken_only_where_an_operator_lets_the_directory_give_them() {
    let (_, world) = entra().await;
    let with_role = |role: &str| json!({"userName": "r", "externalId": "r", "roles": [{"value": role}]});
    let user = made(&world, &with_role("super_admin")).await;
    let role_of = async |world: &World, id: &Value| {
        let accounts = world.accounts.list().await.unwrap();
        accounts.into_iter().find(|account| *id == account.id.as_str()).unwrap().role
    };
    assert_eq!(role_of(&world, &user["id"]).await, Role::Viewer);
    assert!(!get(&world, "/Schemas").await.to_string().contains("roles"));

    let (provider, world) = provisioned(|settings| {
        settings.scim.as_mut().unwrap().roles = true;
        settings.roles.remove("seller");
    })
    .await;
    refused(&ask(&world, TOKEN, ("POST", "/Users"), &with_role("emperor")).await, 400, Some("invalidValue"));
    let user = made(&world, &with_role("boss")).await;
    assert_eq!(role_of(&world, &user["id"]).await, Role::Executive, "as sign-ins map it");
    // A sign-in that says nothing leaves it, and it is gone when the directory takes it back.
    let (mut browser, _) = signs_in(&provider, &world, "r").await;
    assert_eq!(browser.get("/api/auth/me").await.json()["user"]["role"], "executive");
    change(&world, &user, json!([{"op": "remove", "path": "roles"}])).await;
    assert_eq!(role_of(&world, &user["id"]).await, Role::Viewer);
    let (_, answer) = signs_in(&provider, &world, "r").await;
    assert!(answer.header("location").contains("error=no-role"), "{}", answer.header("location"));
}

#[tokio::test]
async fn bodies_that_cannot_be_read_and_methods_that_are_none_are_told_in_the_protocol_s_words() {
    let (_, world) = entra().await;
    refused(&ask(&world, TOKEN, ("POST", "/Users"), &json!([])).await, 400, Some("invalidSyntax"));
    refused(&ask(&world, TOKEN, ("POST", "/Users"), &Value::Null).await, 400, Some("invalidSyntax"));
    refused(
        &ask(&world, TOKEN, ("POST", "/Users"), &json!({"userName": 7})).await,
        400,
        Some("invalidValue"),
    );
    let large = json!({"userName": "x".repeat(70_000)});
    refused(&ask(&world, TOKEN, ("POST", "/Users"), &large).await, 413, None);
    refused(&ask(&world, TOKEN, ("GET", "/Users?count=many"), &Value::Null).await, 400, Some("invalidValue"));
    refused(&ask(&world, TOKEN, ("GET", "/Users/%FF"), &Value::Null).await, 404, None);
    for route in [("DELETE", "/Users"), ("POST", "/Schemas"), ("PUT", "/ServiceProviderConfig")] {
        refused(&ask(&world, TOKEN, route, &ann()).await, 405, None);
    }
    refused(&ask(&world, TOKEN, ("POST", "/.search"), &json!({})).await, 501, None);
    let request = Request::post("/scim/v2/Users").header("authorization", format!("Bearer {TOKEN}"));
    let request = request.header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    refused(&world.browser().send(request).await, 415, None);
    // Trouble of ours has no internals in it.
    world.store_switch.off();
    let answer = ask(&world, TOKEN, ("GET", "/Users"), &Value::Null).await;
    refused(&answer, 503, None);
    assert!(!answer.text().contains("secret"), "{}", answer.text());
    world.store_switch.on();
    world.journal_switch.off();
    refused(&ask(&world, TOKEN, ("POST", "/Users"), &ann()).await, 503, None);
    assert_eq!(get(&world, "/Users").await["totalResults"], 0, "what cannot be written down is not done");
}
