//! What makes a connector that looks right fail.

use std::time::Duration;

use salescommand_graph_simulator::{Expiry, Trouble};
use serde_json::{Value, json};

use super::client::{Client, IMMUTABLE, delta_link, demo, empty, rows, sign_in};

const WINDOW: &str = "startDateTime=2026-06-01T00:00:00Z&endDateTime=2027-06-01T00:00:00Z";

fn ids(pages: &[Value]) -> Vec<String> {
    rows(pages).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_application_signs_in_with_its_own_secret_only_and_a_token_ends() {
    let handle = demo(5).await;
    let stranger = "00000000-0000-4000-8000-000000000000";
    for (field, value, error) in [
        ("client_secret", "wrong", "invalid_client"),
        ("client_id", stranger, "unauthorized_client"),
        ("tenant", stranger, "invalid_request"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("scope", "User.Read.All", "invalid_scope"),
    ] {
        let refused = sign_in(&handle, &[(field, value)]).await;
        assert_eq!(refused.body["error"], error, "{field}");
        assert!(refused.body["error_description"].as_str().unwrap().starts_with("AADSTS"));
    }
    let client = Client::new(&handle).await;
    assert_eq!(client.get("/users?$top=1", "").await.status, 200);
    handle.clock().advance(Duration::from_secs(3_600));
    assert_eq!(client.get("/users?$top=1", "").await.status, 401);
    let client = Client::new(&handle).await;
    handle.withdraw_tokens();
    assert_eq!(client.get("/users?$top=1", "").await.body["error"]["code"], "InvalidAuthenticationToken");
}

#[tokio::test]
async fn what_changes_while_a_round_is_read_waits_for_the_next_one() {
    let handle = demo(4).await;
    let client = Client::new(&handle).await;
    let first = client.get("/users/delta", "").await.body;
    let last = handle.tenant(|tenant| tenant.users().pop().unwrap());
    handle.tenant(|tenant| tenant.set_user(&last, json!({"jobTitle": "Changed"})));
    let rest = client.round(first["@odata.nextLink"].as_str().unwrap(), "").await;
    assert!(!ids(&rest).contains(&last));
    assert_eq!(ids(&client.round(&delta_link(&rest), "").await), [last]);
}

#[tokio::test]
async fn a_changed_manager_is_told_by_a_listing_and_by_no_round() {
    let handle = demo(50).await;
    let client = Client::new(&handle).await;
    let pages = client.round("/users/delta", "").await;
    let [one, other] = handle.tenant(|tenant| {
        let people = ["krishna@securado.net", "dana.brooks@securado.net"].map(|it| tenant.user(it).unwrap());
        tenant.set_manager(&people[0], Some(&people[1]));
        people
    });
    assert!(rows(&client.round(&delta_link(&pages), "").await).is_empty());
    let manager = client.get(&format!("/users/{one}/manager?$select=id"), "").await;
    assert_eq!(manager.body["id"], other.as_str());
    let listed = client.round("/users?$top=3&$select=id&$expand=manager($select=id)", "").await;
    let row = rows(&listed).into_iter().find(|row| row["id"] == one.as_str()).unwrap().clone();
    assert_eq!(row["manager"]["id"], other.as_str());
    handle.tenant(|tenant| tenant.set_manager(&one, None));
    assert_eq!(client.get(&format!("/users/{one}/manager"), "").await.status, 404);
}

#[tokio::test]
async fn forgotten_places_are_refused_in_three_ways() {
    let handle = demo(4).await;
    let client = Client::new(&handle).await;
    for (expiry, status, code) in [
        (Expiry::Gone, 410, "resyncRequired"),
        (Expiry::NotFound, 410, "SyncStateNotFound"),
        (Expiry::BadRequest, 400, "Directory_ExpiredPageToken"),
    ] {
        let first = client.get("/users/delta", "").await.body;
        handle.tenant(|tenant| tenant.expire_tokens(expiry));
        let refused = client.get(first["@odata.nextLink"].as_str().unwrap(), "").await;
        assert_eq!((refused.status, refused.body["error"]["code"].as_str()), (status, Some(code)));
        assert_eq!(refused.headers.contains_key("location"), expiry == Expiry::Gone);
    }
    let other = client.get("/groups/delta?$deltatoken=abc", "").await;
    assert_eq!(other.status, 400);
}

#[tokio::test]
async fn an_id_changes_as_something_moves_unless_an_immutable_one_is_asked_for() {
    let handle = empty(5).await;
    let client = Client::new(&handle).await;
    let (user, contact, folder) = handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        let contact = tenant.add_contact(&user, None, "Bo Ek", "bo@customer.example").unwrap();
        let folder = tenant.add_folder(&user, "Customers").unwrap();
        (user, contact, folder)
    });
    let path = format!("/users/{user}/contactFolders/contacts/contacts/delta");
    let [plain, kept] = [client.round(&path, "").await, client.round(&path, IMMUTABLE).await];
    assert_eq!(ids(&kept), std::slice::from_ref(&contact));
    assert_ne!(ids(&plain), ids(&kept));
    handle.tenant(|tenant| tenant.move_contact(&user, &contact, &folder));
    let moved = format!("/users/{user}/contactFolders/{folder}/contacts/delta");
    assert_ne!(ids(&client.round(&moved, "").await), ids(&plain), "it looks like another one");
    assert_eq!(ids(&client.round(&moved, IMMUTABLE).await), std::slice::from_ref(&contact));
    let left = client.round(&delta_link(&kept), IMMUTABLE).await;
    assert_eq!(rows(&left)[0]["@removed"]["reason"], "deleted", "and is still there");
    assert_eq!(client.get(&format!("/users/{user}/contacts/{contact}"), IMMUTABLE).await.status, 200);
}

#[tokio::test]
async fn what_is_changed_outside_of_the_dates_is_said_to_be_removed() {
    let handle = empty(5).await;
    let client = Client::new(&handle).await;
    let beyond = ("2031-01-01T09:00:00", "2031-01-01T10:00:00");
    let (user, event) = handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        let event = tenant.add_event(&user, "uid", beyond, json!({"subject": "Far"})).unwrap();
        (user, event)
    });
    let path = format!("/users/{user}/calendarView/delta?{WINDOW}");
    let pages = client.round(&path, IMMUTABLE).await;
    assert!(rows(&pages).is_empty());
    handle.tenant(|tenant| tenant.set_event(&user, &event, json!({"subject": "Still far"})));
    let later = client.round(&delta_link(&pages), IMMUTABLE).await;
    assert_eq!(rows(&later)[0]["@removed"]["reason"], "deleted");
    assert_eq!(
        client.get(&format!("/users/{user}/events/{event}"), IMMUTABLE).await.body["subject"],
        "Still far"
    );
    assert_eq!(client.get(&format!("{path}&$select=subject"), "").await.status, 400);
    assert_eq!(client.get(&format!("/users/{user}/calendarView/delta"), "").await.status, 400);
}

#[tokio::test]
async fn a_batch_answers_throttles_and_refuses_part_by_part() {
    let handle = demo(50).await;
    let client = Client::new(&handle).await;
    let user = handle.tenant(|tenant| tenant.user("krishna@securado.net").unwrap());
    let part = |id: &str, url: &str| json!({"id": id, "method": "GET", "url": url});
    handle.faults().once_after(2, Trouble::TooManyRequests(Some("2.128")));
    let parts =
        [part("1", &format!("/users/{user}?$select=mail")), part("2", "/users"), part("3", "/users/nobody")];
    let answer = client.batch(json!({"requests": parts})).await;
    assert_eq!(answer.status, 200);
    let of = |id: &str| {
        answer.body["responses"].as_array().unwrap().iter().find(|it| it["id"] == id).unwrap().clone()
    };
    assert_eq!(
        (of("1")["status"].as_u64(), of("2")["status"].as_u64(), of("3")["status"].as_u64()),
        (Some(200), Some(429), Some(404))
    );
    assert_eq!(of("1")["body"]["mail"], "krishna@securado.net");
    assert_eq!(of("2")["headers"]["retry-after"], "2.128");
    let many: Vec<Value> = (0..21).map(|id| part(&id.to_string(), "/users")).collect();
    assert_eq!(client.batch(json!({"requests": many})).await.status, 400);
    let twice = [part("a", "/users"), part("A", "/users")];
    assert_eq!(client.batch(json!({"requests": twice})).await.status, 400);
}

#[tokio::test]
async fn members_of_a_group_come_in_pieces() {
    let handle = empty(2).await;
    let client = Client::new(&handle).await;
    let (group, people) = handle.tenant(|tenant| {
        let people: Vec<String> =
            (0..5).map(|n| tenant.add_user(&format!("P {n}"), &format!("p{n}@company.example"))).collect();
        let members: Vec<&str> = people.iter().map(String::as_str).collect();
        (tenant.add_group("Sales", &members), people)
    });
    let pages = client.round("/groups/delta?$select=displayName,members", "").await;
    assert_eq!(ids(&pages), [group.clone(), group.clone(), group.clone()]);
    handle.tenant(|tenant| tenant.set_member(&group, &people[0], false));
    let later = client.round(&delta_link(&pages), "").await;
    assert_eq!(rows(&later)[0]["members@delta"][0]["@removed"]["reason"], "deleted");
    assert_eq!(rows(&client.round(&format!("/groups/{group}/members?$top=2"), "").await).len(), 4);
}
