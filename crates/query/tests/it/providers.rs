//! Sign-in through providers: what an honest one gets, and what each lie of a hostile one gets.

use axum::http::StatusCode;
use reqwest::Url;
use salescommand_domain::access::Role;
use salescommand_query::accounts::ExternalIdentity;
use serde_json::{Value, json};

use crate::hostile::{CLIENT, OTHER_TENANT, Provider, SECRET, Signature, TENANT, go};
use crate::world::{Answer, Browser, NOW, PASSWORD, World, email};

const OFFICE: &str = "/api/auth/oidc/office";
const MS365: &str = "/api/auth/ms365";

async fn office() -> (Provider, World) {
    let provider = Provider::start().await;
    let world = World::with_providers(vec![provider.settings("office")]).await;
    (provider, world)
}

fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let url = Url::parse("http://localhost").unwrap().join(answer.header("location")).unwrap();
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// Asserts that the answer leads back to the sign-in page with this reason and without a session.
fn assert_refused(answer: &Answer, browser: &Browser, code: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
    assert!(answer.header("location").starts_with("/sign-in?"), "{}", answer.header("location"));
    assert_eq!(parameter(answer, "error").as_deref(), Some(code), "{}", answer.header("location"));
    for cookie in ["sc_access", "sc_refresh", "sc_pending"] {
        assert!(!browser.cookies.contains_key(cookie), "{code}: there is a cookie {cookie}");
    }
}

async fn assert_signed_in(answer: &Answer, browser: &mut Browser) -> Value {
    assert_eq!(answer.header("location").split('?').next(), Some("/sign-in"));
    assert_eq!(parameter(answer, "error"), None, "{}", answer.header("location"));
    let me = browser.get("/api/auth/me").await;
    assert_eq!(me.status, StatusCode::OK, "{}", me.text());
    me.json()["user"].clone()
}

#[tokio::test]
async fn a_first_sign_in_makes_an_account_and_the_next_one_finds_it() {
    let (provider, world) = office().await;
    let mut browser = world.browser();
    let answer = provider.sign_in(&mut browser, OFFICE).await;
    assert_eq!(parameter(&answer, "next").as_deref(), Some("/overview?view=table"));
    assert_eq!(parameter(&answer, "via").as_deref(), Some("office"));
    let user = assert_signed_in(&answer, &mut browser).await;
    assert_eq!((&user["name"], &user["role"]), (&json!("Ann"), &json!("sales_user")));
    let cookies: Vec<_> =
        answer.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
    let session =
        cookies.iter().filter(|cookie| cookie.starts_with("sc_access=") || cookie.starts_with("sc_refresh="));
    assert_eq!(
        session.filter(|cookie| cookie.contains("HttpOnly; SameSite=Strict")).count(),
        2,
        "{cookies:?}"
    );
    assert!(cookies.iter().any(|cookie| cookie.starts_with("sc_pending=; Path=/api/auth; Max-Age=0")));
    assert_eq!(
        browser.post("/api/auth/refresh", &json!(null)).await.status,
        StatusCode::OK,
        "the session goes on"
    );

    let again = provider.sign_in(&mut world.browser(), OFFICE).await;
    assert_eq!(parameter(&again, "error"), None);
    let accounts = world.accounts.list().await.unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!(world.people_told.accounts.lock().unwrap().as_slice(), accounts, "told once");
    // It has no password, and so none opens it.
    let by_password = world.browser().sign_in(&accounts[0].email, "").await;
    by_password.problem(401, "invalid-credentials");
}

#[tokio::test]
async fn every_lie_is_refused_with_its_word_and_without_a_session() {
    let now = NOW.parse::<jiff::Timestamp>().unwrap().as_second();
    let lies: [(&str, Signature, Value, &str); 17] = [
        ("nonce", Signature::Honest, json!({"nonce": "another"}), "nonce-mismatch"),
        ("no nonce", Signature::Honest, json!({"nonce": null}), "nonce-mismatch"),
        ("issuer", Signature::Honest, json!({"iss": "https://id.example"}), "issuer-mismatch"),
        ("no issuer", Signature::Honest, json!({"iss": null}), "issuer-mismatch"),
        ("audience", Signature::Honest, json!({"aud": "another"}), "audience-mismatch"),
        ("two audiences", Signature::Honest, json!({"aud": [CLIENT, "another"]}), "audience-mismatch"),
        ("party", Signature::Honest, json!({"azp": "another"}), "audience-mismatch"),
        ("expired", Signature::Honest, json!({"exp": now - 121}), "token-expired"),
        ("without end", Signature::Honest, json!({"exp": null}), "token-invalid"),
        ("tomorrow's", Signature::Honest, json!({"iat": now + 86_400, "exp": now + 90_000}), "clock-skew"),
        ("nobody", Signature::Honest, json!({"sub": null}), "token-invalid"),
        ("none", Signature::None, json!({}), "algorithm-refused"),
        ("public key", Signature::PublicKeyAsSecret, json!({}), "algorithm-refused"),
        ("forged", Signature::Forged, json!({}), "signature-invalid"),
        ("critical", Signature::Critical, json!({}), "token-invalid"),
        ("no role", Signature::Honest, json!({"roles": ["visitor"]}), "no-role"),
        (
            "groups elsewhere",
            Signature::Honest,
            json!({"_claim_names": {"groups": "src1"}}),
            "groups-incomplete",
        ),
    ];
    let (provider, world) = office().await;
    for (lie, signature, claims, code) in lies {
        (provider.lies().signature, provider.lies().claims) = (signature, claims);
        let mut browser = world.browser();
        let answer = provider.sign_in(&mut browser, OFFICE).await;
        assert_refused(&answer, &browser, code);
        assert_eq!(parameter(&answer, "next").as_deref(), Some("/overview?view=table"), "{lie}");
    }
    assert!(world.accounts.list().await.unwrap().is_empty(), "a lie has made an account");
}

#[tokio::test]
async fn an_answer_is_good_once_in_the_browser_that_asked() {
    let (provider, world) = office().await;
    let mut browser = world.browser();
    let asked = go(&mut browser, OFFICE).await;
    let code = provider.code_for(&asked);
    let callback = format!("{OFFICE}/callback?code={code}&state={}", asked.state);
    let mut thief = world.browser();
    assert_refused(&thief.get(&callback).await, &thief, "sign-in-expired");
    let mut copy = world.browser();
    copy.cookies = browser.cookies.clone();
    let mut stranger = world.browser();
    go(&mut stranger, OFFICE).await;
    assert_refused(&stranger.get(&callback).await, &stranger, "state-invalid");

    let answer = browser.get(&callback).await;
    assert_signed_in(&answer, &mut browser).await;
    assert_refused(&copy.get(&callback).await, &copy, "already-used");

    // The same code for a sign-in of one's own: the provider has given its token for it already.
    let mut third = world.browser();
    let asked = go(&mut third, OFFICE).await;
    let answer = third.get(&format!("{OFFICE}/callback?code={code}&state={}", asked.state)).await;
    assert_refused(&answer, &third, "code-refused");
}

#[tokio::test]
async fn who_takes_too_long_begins_anew() {
    let (provider, world) = office().await;
    let mut browser = world.browser();
    let asked = go(&mut browser, OFFICE).await;
    let code = provider.code_for(&asked);
    world.clock.advance_seconds(600);
    let answer = browser.get(&format!("{OFFICE}/callback?code={code}&state={}", asked.state)).await;
    assert_refused(&answer, &browser, "sign-in-expired");
}

#[tokio::test]
async fn an_answer_of_one_provider_is_not_taken_for_anothers() {
    let (honest, hostile) = (Provider::start().await, Provider::start().await);
    hostile.lies().described = json!({"authorization_response_iss_parameter_supported": true});
    let providers = vec![honest.settings("office"), hostile.settings("shady")];
    let world = World::with_providers(providers).await;
    let mut browser = world.browser();
    let asked = go(&mut browser, OFFICE).await;
    let code = honest.code_for(&asked);
    // Back at the other one's address: the code must not be sent there.
    let answer =
        browser.get(&format!("/api/auth/oidc/shady/callback?code={code}&state={}", asked.state)).await;
    assert_refused(&answer, &browser, "state-invalid");
    let asked = go(&mut browser, OFFICE).await;
    let foreign =
        format!("{OFFICE}/callback?code={code}&state={}&iss=http%3A%2F%2Fshady.example", asked.state);
    assert_refused(&browser.get(&foreign).await, &browser, "issuer-mismatch");
    let asked = go(&mut browser, "/api/auth/oidc/shady").await;
    let silent = format!("/api/auth/oidc/shady/callback?code={code}&state={}", asked.state);
    assert_refused(&browser.get(&silent).await, &browser, "issuer-mismatch");
}

#[tokio::test]
async fn a_description_of_another_issuer_or_with_unsafe_addresses_is_not_used() {
    for (described, code) in [
        (json!({"issuer": "https://id.example"}), "issuer-mismatch"),
        (json!({"token_endpoint": "http://id.example/token"}), "provider-misconfigured"),
        (json!({"jwks_uri": "file:///etc/passwd"}), "provider-misconfigured"),
    ] {
        let (provider, world) = office().await;
        provider.lies().described = described;
        let mut browser = world.browser();
        let answer = browser.get(&format!("{OFFICE}/login?next=//evil.example")).await;
        assert_refused(&answer, &browser, code);
        assert_eq!(parameter(&answer, "next"), None);
    }
}

#[tokio::test]
async fn keys_roll_over_and_an_unknown_one_is_looked_for_once_a_minute() {
    let (provider, world) = office().await;
    assert_eq!(parameter(&provider.sign_in(&mut world.browser(), OFFICE).await, "error"), None);
    assert_eq!(provider.lies().key_reads, 1);
    provider.lies().key = 2;
    world.clock.advance_seconds(61);
    let mut browser = world.browser();
    assert_refused(&provider.sign_in(&mut browser, OFFICE).await, &browser, "key-unknown");
    assert_eq!(provider.lies().key_reads, 2, "looked for");
    assert_refused(&provider.sign_in(&mut browser, OFFICE).await, &browser, "key-unknown");
    assert_eq!(provider.lies().key_reads, 2, "not again within the minute");
    provider.lies().published = vec![1, 2];
    world.clock.advance_seconds(61);
    assert_eq!(parameter(&provider.sign_in(&mut browser, OFFICE).await, "error"), None, "rolled over");
    assert_eq!(provider.lies().key_reads, 3);
}

#[tokio::test]
async fn an_address_that_is_claimed_opens_nobody_elses_account() {
    let (provider, world) = office().await;
    let victim = email(Role::Executive);
    for role in Role::ALL {
        let new = salescommand_query::accounts::NewAccount {
            email: email(role),
            name: role.label().to_owned(),
            role,
            password: PASSWORD.into(),
        };
        world.accounts.create(new).await.unwrap();
    }
    for (subject, claims) in [
        ("a", json!({"email": victim})),
        ("b", json!({"email": "x@evil.example", "email_verified": true, "preferred_username": victim})),
    ] {
        provider.lies().claims = claims;
        provider.lies().claims["sub"] = json!(subject);
        let mut browser = world.browser();
        let answer = provider.sign_in(&mut browser, OFFICE).await;
        let user = assert_signed_in(&answer, &mut browser).await;
        assert!(user["email"].as_str().unwrap().ends_with("@office.invalid"), "{user}");
        assert_eq!(user["role"], "sales_user");
    }
    // Even where the provider is believed: whose account it is, an administrator says.
    provider.lies().claims = json!({"sub": "c", "email": victim, "email_verified": true, "roles": ["boss"]});
    let mut browser = world.browser();
    assert_refused(&provider.sign_in(&mut browser, OFFICE).await, &browser, "account-exists");

    let identity = ExternalIdentity {
        provider: "office".to_owned(),
        issuer: provider.address.clone(),
        tenant: None,
        subject: "c".to_owned(),
    };
    world.accounts.link(&victim, identity).await.unwrap();
    provider.lies().claims["roles"] = json!([]);
    let answer = provider.sign_in(&mut browser, OFFICE).await;
    let user = assert_signed_in(&answer, &mut browser).await;
    assert_eq!(
        (&user["email"], &user["role"]),
        (&json!(victim), &json!("executive")),
        "the account's own role"
    );
}

#[tokio::test]
async fn a_believed_address_names_the_person() {
    let (provider, world) = office().await;
    provider.lies().claims = json!({"email": "Ann@Example.com", "email_verified": true});
    let mut browser = world.browser();
    let answer = provider.sign_in(&mut browser, OFFICE).await;
    assert_eq!(assert_signed_in(&answer, &mut browser).await["email"], "ann@example.com");
    assert_eq!(world.people_told.accounts.lock().unwrap()[0].email, "ann@example.com");
}

#[tokio::test]
async fn roles_are_those_of_now_and_who_has_none_is_out_everywhere() {
    let (provider, world) = office().await;
    let mut first = world.browser();
    provider.sign_in(&mut first, OFFICE).await;
    provider.lies().claims = json!({"roles": ["seller", "boss"]});
    let mut second = world.browser();
    let answer = provider.sign_in(&mut second, OFFICE).await;
    assert_eq!(assert_signed_in(&answer, &mut second).await["role"], "executive");
    assert_eq!(first.get("/api/auth/me").await.json()["user"]["role"], "executive");
    provider.lies().claims = json!({"roles": "visitor"});
    let mut third = world.browser();
    assert_refused(&provider.sign_in(&mut third, OFFICE).await, &third, "no-role");
    first.get("/api/auth/me").await.problem(401, "session-expired");

    provider.lies().claims = json!({});
    let address = world.accounts.list().await.unwrap()[0].email.clone();
    world.accounts.set_disabled(&address, true).await.unwrap();
    assert_refused(&provider.sign_in(&mut third, OFFICE).await, &third, "account-disabled");
}

#[tokio::test]
async fn an_identity_that_is_given_to_another_account_leaves_the_former_one_at_once() {
    let (provider, world) = office().await;
    let mut browser = world.browser();
    provider.sign_in(&mut browser, OFFICE).await;
    let new = salescommand_query::accounts::NewAccount {
        email: "ann@example.com".to_owned(),
        name: "Ann".to_owned(),
        role: Role::Viewer,
        password: PASSWORD.into(),
    };
    world.accounts.create(new).await.unwrap();
    let identity = ExternalIdentity {
        provider: "office".to_owned(),
        issuer: provider.address.clone(),
        tenant: None,
        subject: "ann".to_owned(),
    };
    world.accounts.link("Ann@example.com", identity).await.unwrap();
    browser.get("/api/auth/me").await.problem(401, "session-expired");
    let answer = provider.sign_in(&mut browser, OFFICE).await;
    assert_eq!(assert_signed_in(&answer, &mut browser).await["email"], "ann@example.com");
}

#[tokio::test]
async fn microsoft_is_checked_for_each_tenant() {
    let provider = Provider::start().await;
    let world = World::with_providers(vec![provider.ms365(&[TENANT, OTHER_TENANT])]).await;
    let issuer = |tenant: &str| format!("{}/{tenant}/v2.0", provider.address);
    let claims = |tenant: &str| json!({"iss": issuer(tenant), "tid": tenant, "oid": "ann", "sub": tenant});
    let mut browser = world.browser();
    provider.lies().key_issuer = Some(issuer("{tenantid}"));
    provider.lies().claims = claims(TENANT);
    let answer = provider.sign_in(&mut browser, MS365).await;
    assert_signed_in(&answer, &mut browser).await;
    // The same object id in another directory is somebody else.
    provider.lies().claims = claims(OTHER_TENANT);
    let answer = provider.sign_in(&mut browser, MS365).await;
    assert_signed_in(&answer, &mut browser).await;
    assert_eq!(world.accounts.list().await.unwrap().len(), 2);

    let stranger = "77777777-2222-3333-4444-555555555555";
    let mixed = json!({"iss": issuer(OTHER_TENANT), "tid": TENANT, "oid": "ann"});
    for (claims, key_issuer, code) in [
        (claims(stranger), issuer("{tenantid}"), "tenant-not-allowed"),
        (json!({"tid": null}), issuer("{tenantid}"), "tenant-not-allowed"),
        (json!({"tid": "../organizations"}), issuer("{tenantid}"), "tenant-not-allowed"),
        (mixed, issuer("{tenantid}"), "issuer-mismatch"),
        (
            json!({"iss": "https://sts.windows.net/x/", "tid": TENANT, "oid": "ann"}),
            issuer("{tenantid}"),
            "issuer-mismatch",
        ),
    ] {
        (provider.lies().claims, provider.lies().key_issuer) = (claims, Some(key_issuer));
        let mut browser = world.browser();
        assert_refused(&provider.sign_in(&mut browser, MS365).await, &browser, code);
    }
}

#[tokio::test]
async fn a_key_of_another_tenant_signs_nothing() {
    let provider = Provider::start().await;
    let world = World::with_providers(vec![provider.ms365(&[TENANT])]).await;
    let issuer = |tenant: &str| format!("{}/{tenant}/v2.0", provider.address);
    provider.lies().claims = json!({"iss": issuer(TENANT), "tid": TENANT, "oid": "ann"});
    provider.lies().key_issuer = Some(issuer(OTHER_TENANT));
    let mut browser = world.browser();
    assert_refused(&provider.sign_in(&mut browser, MS365).await, &browser, "issuer-mismatch");
}

#[tokio::test]
async fn groups_that_did_not_fit_are_asked_of_graph_and_all_of_them() {
    let provider = Provider::start().await;
    let world = World::with_providers(vec![provider.ms365(&[TENANT])]).await;
    let issuer = format!("{}/{TENANT}/v2.0", provider.address);
    let claim_names = json!({"groups": "src1"});
    provider.lies().claims =
        json!({"iss": issuer, "tid": TENANT, "oid": "ann", "roles": null, "_claim_names": claim_names});
    let next = |base: &str| format!("{base}/v1.0/me/transitiveMemberOf?page=1");
    let mut browser = world.browser();
    assert_refused(&provider.sign_in(&mut browser, MS365).await, &browser, "groups-incomplete");
    // A second page elsewhere: the token is not sent there.
    let page = |link: String| json!({"value": [{"id": "seller"}], "@odata.nextLink": link});
    let last = json!({"value": [{"id": "boss"}]});
    let elsewhere = provider.address.replace("127.0.0.1", "localhost");
    provider.lies().groups = vec![page(next(&elsewhere)), last.clone()];
    assert_refused(&provider.sign_in(&mut browser, MS365).await, &browser, "groups-incomplete");
    provider.lies().groups = vec![page(next(&provider.address)), last];
    let answer = provider.sign_in(&mut browser, MS365).await;
    assert_eq!(assert_signed_in(&answer, &mut browser).await["role"], "executive");
}

#[tokio::test]
async fn every_error_of_the_provider_leads_back_with_a_word_of_ours() {
    let (provider, world) = office().await;
    for (error, code) in [
        ("access_denied", "access-denied"),
        ("consent_required", "consent-required"),
        ("interaction_required", "interaction-required"),
        ("login_required", "interaction-required"),
        ("server_error", "provider-unavailable"),
        ("temporarily_unavailable", "provider-unavailable"),
        ("invalid_client", "provider-misconfigured"),
        ("unauthorized_client", "provider-misconfigured"),
        ("%3Cscript%3Ealert(1)%3C%2Fscript%3E", "provider-error"),
    ] {
        let mut browser = world.browser();
        let asked = go(&mut browser, OFFICE).await;
        let back =
            format!("{OFFICE}/callback?error={error}&error_description=%3Cb%3Ehush&state={}", asked.state);
        let answer = browser.get(&back).await;
        assert_refused(&answer, &browser, code);
        let location = answer.header("location");
        assert!(!location.contains("script") && !location.contains("hush"), "{location}");
    }
    for (status, body, code) in [
        (401, json!({"error": "invalid_client"}), "provider-misconfigured"),
        (503, json!("down"), "provider-unavailable"),
        (200, json!({"access_token": "x"}), "token-invalid"),
        (200, json!([]), "token-invalid"),
    ] {
        provider.lies().token_error = Some((status, body));
        let mut browser = world.browser();
        assert_refused(&provider.sign_in(&mut browser, OFFICE).await, &browser, code);
    }
}

#[tokio::test]
async fn a_wrong_secret_and_a_provider_that_is_away_are_told_apart() {
    let provider = Provider::start().await;
    let mut settings = provider.settings("office");
    settings.client_secret = format!("{SECRET}!").into();
    let mut away = provider.settings("away");
    away.authority = salescommand_query::oidc::Authority::Issuer("http://127.0.0.1:1".to_owned());
    let world = World::with_providers(vec![settings, away]).await;
    let mut browser = world.browser();
    assert_refused(&provider.sign_in(&mut browser, OFFICE).await, &browser, "provider-misconfigured");
    let answer = browser.get("/api/auth/oidc/away/login").await;
    assert_refused(&answer, &browser, "provider-unavailable");
    for path in ["/api/auth/oidc/nobody/login", "/api/auth/oidc/nobody/callback", "/api/auth/ms365/login"] {
        let answer = browser.get(path).await;
        assert_refused(&answer, &browser, "provider-unknown");
        assert_eq!(parameter(&answer, "via"), None);
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_signs_nobody_in() {
    let (provider, world) = office().await;
    let mut browser = world.browser();
    world.people_told.switch.off();
    assert_refused(&provider.sign_in(&mut browser, OFFICE).await, &browser, "unavailable");
    world.people_told.switch.on();
    let answer = provider.sign_in(&mut browser, OFFICE).await;
    assert_signed_in(&answer, &mut browser).await;
    assert_eq!(world.people_told.accounts.lock().unwrap().len(), 1, "made up for");
    world.store_switch.off();
    let mut other = world.browser();
    assert_refused(&provider.sign_in(&mut other, OFFICE).await, &other, "unavailable");
}

#[tokio::test]
async fn guessing_at_the_callback_ends_after_a_while() {
    let (_provider, world) = office().await;
    let mut browser = world.browser();
    for _ in 0..100 {
        browser.get(&format!("{OFFICE}/callback?code=x&state=y")).await;
    }
    let answer = browser.get(&format!("{OFFICE}/callback?code=x&state=y")).await;
    assert_refused(&answer, &browser, "too-many-attempts");
}

#[tokio::test]
async fn the_sign_in_page_is_told_of_providers_and_signing_out_can_go_on_there() {
    let provider = Provider::start().await;
    provider.lies().described = json!({"end_session_endpoint": format!("{}/logout", provider.address)});
    let mut ms365 = provider.ms365(&[TENANT]);
    ms365.sign_out_at_provider = true;
    let world = World::with_providers(vec![ms365, provider.settings("office")]).await;
    let mut browser = world.browser();
    let meta = browser.get("/api/meta").await;
    assert_eq!(
        meta.json()["sign_in_providers"],
        json!([
            {"name": "ms365", "title": "Microsoft", "login_path": "/api/auth/ms365/login"},
            {"name": "office", "title": "office", "login_path": "/api/auth/oidc/office/login"},
        ])
    );
    assert!(!meta.text().contains(SECRET) && !meta.text().contains(CLIENT));

    provider.sign_in(&mut browser, OFFICE).await;
    assert_eq!(browser.post("/api/auth/logout", &json!(null)).await.status, StatusCode::NO_CONTENT);
    provider.lies().claims =
        json!({"iss": format!("{}/{TENANT}/v2.0", provider.address), "tid": TENANT, "oid": "ann"});
    provider.sign_in(&mut browser, MS365).await;
    let renewed = browser.post("/api/auth/refresh", &json!(null)).await;
    let kept = renewed
        .headers
        .get_all("set-cookie")
        .iter()
        .any(|line| line.to_str().unwrap().starts_with("sc_provider=ms365;"));
    assert!(kept, "it lives as long as the session");
    let out = browser.post("/api/auth/logout", &json!(null)).await;
    assert_eq!(out.status, StatusCode::OK);
    let url = Url::parse(out.json()["provider_sign_out"].as_str().unwrap()).unwrap();
    assert_eq!(url.path(), "/logout");
    let back = url.query_pairs().find(|(name, _)| name == "post_logout_redirect_uri").unwrap().1.into_owned();
    assert_eq!(back, "http://127.0.0.1:8080/sign-in?why=signed-out");
    assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);

    // Who signs in by password afterwards has nothing to do with the provider.
    let new = salescommand_query::accounts::NewAccount {
        email: "ann@example.com".to_owned(),
        name: "Ann".to_owned(),
        role: Role::Viewer,
        password: PASSWORD.into(),
    };
    world.accounts.create(new).await.unwrap();
    provider.sign_in(&mut browser, MS365).await;
    assert_eq!(browser.sign_in("ann@example.com", PASSWORD).await.status, StatusCode::OK);
    assert_eq!(browser.post("/api/auth/logout", &json!(null)).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_configured() {
    let provider = Provider::start().await;
    let world = World::with_providers(vec![provider.ms365(&[TENANT])]).await;
    let asked = go(&mut world.browser(), MS365).await;
    assert_eq!(asked.scope, "openid profile email User.Read");
    assert_eq!(asked.redirect_uri, "http://127.0.0.1:8080/api/auth/ms365/callback");
}

#[tokio::test]
async fn no_secret_of_a_sign_in_is_stored() {
    let (provider, world) = office().await;
    let mut browser = world.browser();
    let asked = go(&mut browser, OFFICE).await;
    let code = provider.code_for(&asked);
    browser.get(&format!("{OFFICE}/callback?code={code}&state={}", asked.state)).await;
    let dump = crate::records::everything(&world.store);
    for secret in [asked.state.as_str(), &asked.nonce, &code, SECRET, "for-graph"] {
        assert!(!dump.contains(secret));
    }
    assert!(dump.contains("ops_identities") && dump.contains("ops_used_sign_ins"));
}
