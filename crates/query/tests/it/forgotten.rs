//! Links by e-mail: for whoever has forgotten the password, and for whoever was invited.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use salescommand_domain::access::Role;
use salescommand_query::accounts::ExternalIdentity;
use serde_json::{Value, json};

use crate::world::{Answer, PASSWORD, World, email};

const PATH: &str = "/api/auth/forgot-password";
const GOOD: &str = "staple wagon cloud";

/// Somebody at this address asks for the link of an account.
async fn ask(world: &World, address: &str, email: &str) -> Answer {
    let address: SocketAddr = address.parse().unwrap();
    let request = Request::post(PATH)
        .header("x-requested-with", "salescommand")
        .header("content-type", "application/json")
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .extension(ConnectInfo(address));
    let body = json!({ "email": email }).to_string();
    world.browser().send(request.body(Body::from(body)).unwrap()).await
}

/// All letters, as soon as there are so many.
async fn letters(world: &World, count: usize) -> Vec<(String, String)> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let letters = world.mail.letters.lock().unwrap().clone();
        if letters.len() >= count {
            assert_eq!(letters.len(), count, "{letters:?}");
            return letters;
        }
        assert!(Instant::now() < deadline, "{letters:?}");
        tokio::task::yield_now().await;
    }
}

/// The link of a letter: what is before `#` and what is behind it.
fn link(text: &str) -> (String, String) {
    let line = text.lines().find(|line| line.contains('#')).unwrap();
    let (page, token) = line.split_once('#').unwrap();
    (page.to_owned(), token.to_owned())
}

async fn choose(world: &World, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "password": password });
    world.browser().post("/api/auth/choose-password", &body).await
}

async fn signs_in(world: &World, password: &str) -> bool {
    world.browser().sign_in(&email(Role::SalesUser), password).await.status == 200
}

/// What an answer tells: everything but the id of its request.
fn told(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "x-request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}")));
    let body = answer.text().replace(answer.header("x-request-id"), "");
    (answer.status.as_u16(), headers.collect(), body.into_bytes())
}

#[tokio::test]
async fn who_has_forgotten_the_password_gets_a_link_that_is_good_once() {
    let world = World::furnished().await;
    let mut elsewhere = world.signed_in(Role::SalesUser).await;
    let asked = ask(&world, "192.0.2.1:1", " Sales.User@example.com").await;
    assert_eq!((asked.status.as_u16(), asked.text().as_str()), (202, ""));
    let sent = letters(&world, 1).await;
    assert_eq!(sent[0].0, email(Role::SalesUser));
    let (page, token) = link(&sent[0].1);
    assert_eq!(
        page, "http://127.0.0.1:8080/set-password",
        "as configured, whatever the request calls its host"
    );
    assert!(signs_in(&world, PASSWORD).await, "until another one is chosen");
    choose(&world, &token, "password1234").await.problem(422, "weak-password");
    assert_eq!(choose(&world, &token, GOOD).await.status, 204);
    choose(&world, &token, "another good one").await.problem(410, "link-over");
    assert!(signs_in(&world, GOOD).await && !signs_in(&world, PASSWORD).await);
    elsewhere.get("/api/dashboard/overview").await.problem(401, "session-expired");
}

#[tokio::test]
async fn a_link_is_over_after_an_hour_and_with_the_password_that_it_replaces() {
    let world = World::furnished().await;
    ask(&world, "192.0.2.1:1", &email(Role::SalesUser)).await;
    let (_, token) = link(&letters(&world, 1).await[0].1);
    world.clock.advance_seconds(3_600);
    choose(&world, &token, GOOD).await.problem(410, "link-over");
    ask(&world, "192.0.2.1:1", &email(Role::SalesUser)).await;
    let (_, token) = link(&letters(&world, 2).await[1].1);
    let mut owner = world.signed_in(Role::SalesUser).await;
    let body = json!({ "present": PASSWORD, "password": "yet another one of mine" });
    assert_eq!(owner.put("/api/auth/password", &body).await.status, 200);
    choose(&world, &token, GOOD).await.problem(410, "link-over");
    ask(&world, "192.0.2.1:1", &email(Role::SalesUser)).await;
    let (_, token) = link(&letters(&world, 3).await[2].1);
    world.accounts.set_disabled(&email(Role::SalesUser), true).await.unwrap();
    choose(&world, &token, GOOD).await.problem(410, "link-over");
}

#[tokio::test]
async fn the_answer_is_the_same_whatever_there_is() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    for (name, address) in [("Elsa", "elsa@example.com"), ("Nina", "nina@example.com")] {
        let new = json!({ "email": address, "name": name, "role": "viewer" });
        assert_eq!(admin.post("/api/users", &new).await.status, 201);
    }
    let identity = ExternalIdentity {
        provider: "ms365".into(),
        issuer: "https://login.example".into(),
        tenant: None,
        subject: "elsa".into(),
    };
    world.accounts.link("elsa@example.com", identity).await.unwrap();
    world.accounts.set_disabled(&email(Role::Viewer), true).await.unwrap();
    let mut answers = Vec::new();
    // Unknown, disabled, through a provider alone, no address at all, and those who get a letter.
    for who in
        ["nobody@example.com", &email(Role::Viewer), "elsa@example.com", "x' || 1==1", "nina@example.com"]
    {
        answers.push((who.to_owned(), told(&ask(&world, "192.0.2.1:1", who).await)));
    }
    letters(&world, 1).await;
    let dark = World::with_accounts().await;
    dark.mail.switch.off();
    answers.push(("no mail".into(), told(&ask(&dark, "192.0.2.1:1", &email(Role::Executive)).await)));
    dark.store_switch.off();
    answers.push(("no store".into(), told(&ask(&dark, "192.0.2.1:1", &email(Role::Executive)).await)));
    let poor = World::without_mail().await;
    answers.push(("no server".into(), told(&ask(&poor, "192.0.2.1:1", "nobody@example.com").await)));
    for (who, answer) in &answers {
        assert_eq!((who, answer), (who, &answers[0].1));
    }
    ask(&world, "192.0.2.1:1", &email(Role::SalesUser)).await;
    let sent: Vec<_> = letters(&world, 2).await.into_iter().map(|(to, _)| to).collect();
    assert_eq!(sent, ["nina@example.com", &email(Role::SalesUser)], "nobody else gets a letter");
}

#[tokio::test]
async fn asking_is_counted_per_address_and_account_alike_for_who_exists_and_who_does_not() {
    let world = World::furnished().await;
    let mut refusals = Vec::new();
    for who in [email(Role::SalesUser), "nobody@example.com".into()] {
        for _ in 0..5 {
            assert_eq!(ask(&world, "192.0.2.1:1", &who).await.status, 202);
        }
        let refused = ask(&world, "192.0.2.1:1", &who).await;
        refused.problem(429, "too-many-attempts");
        assert_eq!(refused.header("retry-after"), "900");
        refusals.push(told(&refused));
    }
    assert_eq!(refusals[0], refusals[1]);
    assert!(signs_in(&world, PASSWORD).await, "signing in is counted by itself");
    assert_eq!(ask(&world, "192.0.2.2:1", &email(Role::SalesUser)).await.status, 202);
    for number in 10..48 {
        assert_eq!(ask(&world, "192.0.2.1:1", &format!("{number}@example.com")).await.status, 202);
    }
    ask(&world, "192.0.2.1:1", "one-more@example.com").await.problem(429, "too-many-attempts");
}

#[tokio::test]
async fn nobodys_mailbox_is_filled() {
    let world = World::furnished().await;
    for host in 1..20 {
        let asked = ask(&world, &format!("192.0.2.{host}:1"), &email(Role::SalesUser)).await;
        assert_eq!(asked.status, 202, "and nobody is told");
    }
    ask(&world, "192.0.2.1:1", &email(Role::Executive)).await;
    let sent = letters(&world, 4).await;
    assert_eq!(sent[3].0, email(Role::Executive));
    world.clock.advance_seconds(3_600);
    ask(&world, "192.0.2.1:1", &email(Role::SalesUser)).await;
    letters(&world, 5).await;
}

#[tokio::test]
async fn an_invitation_and_another_link_are_sent_if_that_is_wanted() {
    let world = World::furnished().await;
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    assert_eq!(admin.get("/api/meta").await.json()["mails_links"], json!(true));
    let invitation =
        |address: &str, mail: Value| json!({ "email": address, "name": "N", "role": "viewer", "mail": mail });
    let made = admin.post("/api/users", &invitation("nina@example.com", json!(true))).await;
    assert_eq!((made.status.as_u16(), &made.json()["link"]["mailed"]), (201, &json!(true)));
    let sent = letters(&world, 1).await;
    assert_eq!(sent[0].0, "nina@example.com");
    let (page, token) = link(&sent[0].1);
    assert_eq!(made.json()["link"]["url"], format!("{page}#{token}"), "the one that the administrator sees");
    assert_eq!(choose(&world, &token, GOOD).await.status, 204);
    let id = made.json()["user"]["id"].as_str().unwrap().to_owned();
    let reset = |query: &str| format!("/api/users/{id}/reset{query}");
    assert_eq!(admin.post(&reset("?mail=true"), &json!({})).await.json()["mailed"], json!(true));
    assert_eq!(link(&letters(&world, 2).await[1].1).0, page);
    assert_eq!(admin.post(&reset(""), &json!({})).await.json()["mailed"], json!(false));
    world.mail.switch.off();
    let kept = admin.post(&reset("?mail=true"), &json!({})).await;
    assert_eq!((kept.status.as_u16(), &kept.json()["mailed"]), (200, &json!(false)));
    let (_, token) = link(kept.json()["url"].as_str().unwrap());
    assert_eq!(choose(&world, &token, "another good one").await.status, 204, "it is there to be handed over");
    letters(&world, 2).await;
}

#[tokio::test]
async fn without_a_mail_server_nothing_is_promised() {
    let world = World::without_mail().await;
    assert_eq!(world.browser().get("/api/meta").await.json()["mails_links"], json!(false));
    let new = salescommand_query::accounts::NewAccount {
        email: email(Role::SuperAdmin),
        name: "Sam".into(),
        role: Role::SuperAdmin,
        password: PASSWORD.into(),
    };
    world.accounts.create(new).await.unwrap();
    let mut admin = world.signed_in(Role::SuperAdmin).await;
    let wanted = json!({ "email": "nina@example.com", "name": "N", "role": "viewer", "mail": true });
    admin.post("/api/users", &wanted).await.problem(409, "mail-not-configured");
    assert_eq!(admin.get("/api/users?q=nina").await.json()["users"], json!([]), "and no account was made");
}
