//! What becomes of records: the fixtures, and awkward ones.

use proptest::prelude::*;
use salescommand_domain::canonical::{
    Activity, ActivityState, Contact, FacetBody, FacetId, IdentityKey, Mapped, SourceRef, Team, User,
};
use salescommand_domain::raw::{InstanceName, ObjectName};
use serde_json::{Value as Json, json};

use super::{map, record};
use crate::ms365::objects::OBJECTS;

const TENANT: &str = "5f2d7c30-1c1f-4a52-9d3e-0b7a4c9e1d11";

pub(super) fn fixture(object: &str) -> Vec<Json> {
    let text = match object {
        "users" => include_str!("../fixtures/users.json"),
        "managers" => include_str!("../fixtures/managers.json"),
        "groups" => include_str!("../fixtures/groups.json"),
        "contacts" => include_str!("../fixtures/contacts.json"),
        "events" => include_str!("../fixtures/events.json"),
        other => panic!("no fixture of {other}"),
    };
    serde_json::from_str(text).unwrap()
}

fn mapped(object: &str, payload: Json) -> Mapped {
    map(object, record(payload)).unwrap().unwrap()
}

fn rejected(object: &str, payload: Json) -> (&'static str, String) {
    let rejection = map(object, record(payload)).unwrap_err();
    (rejection.reason, rejection.path)
}

fn facet(object: &str, key: &str) -> FacetId {
    let (instance, object) = (InstanceName::new("ms365").unwrap(), ObjectName::new(object).unwrap());
    SourceRef { instance, object, key: key.to_owned() }.facet_id()
}

fn keys(mapped: &Mapped) -> Vec<&str> {
    mapped.keys.iter().map(IdentityKey::as_str).collect()
}

/// Every fixture record: what it maps to.
#[test]
fn fixtures_map_as_recorded() {
    for object in OBJECTS {
        let told: Vec<Json> = fixture(object.name)
            .into_iter()
            .map(|payload| {
                let mapped = map(object.name, record(payload)).unwrap();
                json!(mapped.map(|it| json!({"body": it.body, "keys": it.keys, "refs": it.refs})))
            })
            .collect();
        insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!(object.name, told);
        });
    }
}

fn user(change: Json) -> Json {
    let mut user = json!({
        "id": "u1", "@tenant": TENANT, "displayName": "Ann Lee", "userPrincipalName": "ann@company.example",
        "mail": "ann@company.example", "accountEnabled": true, "userType": "Member",
        "proxyAddresses": ["SMTP:ann@company.example", "smtp:a.lee@company.example", "x500:/o=Company"],
    });
    user.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    user
}

#[test]
fn a_user_is_known_by_the_tenants_record_and_the_addresses_that_its_administrators_gave() {
    let user_of = |change| mapped("users", user(change));
    let expected = [
        "user:directory:5f2d7c30-1c1f-4a52-9d3e-0b7a4c9e1d11:u1",
        "user:email:a.lee@company.example",
        "user:email:ann@company.example",
    ];
    assert_eq!(keys(&user_of(json!({}))), expected);
    // Whatever somebody has written into `mail` proves nothing.
    let stranger = user_of(json!({"mail": "director@another.example"}));
    assert_eq!(keys(&stranger), expected);
    let FacetBody::User(User { email, active, directory, .. }) = stranger.body else { panic!("no user") };
    assert_eq!((email.as_deref(), active, directory), (Some("director@another.example"), true, true));
    let FacetBody::User(left) = user_of(json!({"accountEnabled": false})).body else { panic!("no user") };
    assert!(!left.active);
    assert_eq!(map("users", record(user(json!({"userType": "Guest"})))), Ok(None));
    assert_eq!(
        rejected("users", user(json!({"userPrincipalName": " "}))),
        ("missing_field", "/userPrincipalName".into())
    );
    assert_eq!(
        rejected("users", user(json!({"accountEnabled": "yes"}))),
        ("wrong_type", "/accountEnabled".into())
    );
}

#[test]
fn a_manager_is_said_by_a_record_of_the_users_own() {
    let it = mapped("managers", json!({"id": "u1", "manager": {"id": "u2"}, "userType": "Member"}));
    assert_eq!(it.keys, [IdentityKey::facet(facet("users", "u1"))]);
    let FacetBody::User(User { manager, active, directory, name, .. }) = it.body else { panic!("no user") };
    assert_eq!((manager, active, directory, name.as_str()), (Some(facet("users", "u2")), false, true, ""));
    let FacetBody::User(nobody) = mapped("managers", json!({"id": "u1", "manager": null})).body else {
        panic!("no user")
    };
    assert_eq!(nobody.manager, None);
    assert_eq!(rejected("managers", json!({"id": "u1", "manager": "u2"})), ("wrong_type", "/manager".into()));
}

#[test]
fn a_microsoft_365_group_is_a_team_and_others_are_not() {
    let group = |kinds: Json| json!({"id": "g", "displayName": "Sales", "groupTypes": kinds, "members": ["u2", "u1"]});
    let FacetBody::Team(Team { name, members, active, leader, .. }) =
        mapped("groups", group(json!(["Unified"]))).body
    else {
        panic!("no team")
    };
    let mut expected = vec![facet("users", "u1"), facet("users", "u2")];
    expected.sort();
    assert_eq!((name.as_str(), members, active, leader), ("Sales", expected, true, None));
    assert_eq!(map("groups", record(group(json!([])))), Ok(None));
}

#[test]
fn a_contact_belongs_to_whose_mailbox_it_is_in() {
    let payload = json!({
        "id": "c1", "@mailbox": "u1", "displayName": "Bo Ek", "companyName": "Ek AB", "jobTitle": "Buyer",
        "emailAddresses": [{"name": "Bo", "address": "Bo@ek.example"}, {"address": "bo.ek@home.example"}],
        "businessPhones": ["+46 1"], "createdDateTime": "2026-03-02T08:15:00Z",
    });
    let it = mapped("contacts", payload);
    assert_eq!(keys(&it), ["contact:email:bo@ek.example", "contact:email:bo.ek@home.example"]);
    let FacetBody::Contact(Contact { owner, phone, account, email, custom, .. }) = it.body else {
        panic!("no contact")
    };
    assert_eq!((owner, account), (Some(facet("users", "u1")), None));
    assert_eq!((phone.as_deref(), email.as_deref()), (Some("+46 1"), Some("Bo@ek.example")));
    assert_eq!(custom["companyName"], "Ek AB");
}

fn event(change: Json) -> Json {
    let time = |at: &str| json!({"dateTime": at, "timeZone": "UTC"});
    let mut event = json!({
        "id": "e1", "@mailbox": "u1", "@organizer": "u2", "@attendees": ["u1", "u3"], "iCalUId": "0400AB",
        "subject": "Review", "type": "singleInstance", "sensitivity": "normal", "isCancelled": false,
        "start": time("2026-12-01T09:00:00.0000000"), "end": time("2026-12-01T10:00:00.0000000"),
    });
    event.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    event
}

fn meeting(change: Json) -> (Activity, Vec<IdentityKey>) {
    let it = mapped("events", event(change));
    match it.body {
        FacetBody::Activity(activity) => (activity, it.keys),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_meeting_is_its_organizers_and_one_in_all_calendars() {
    let (activity, keys) = meeting(json!({}));
    assert_eq!(activity.owner, Some(facet("users", "u2")));
    assert_eq!(activity.starts_at, Some("2026-12-01T09:00:00Z".parse().unwrap()));
    assert_eq!(
        (activity.subject.as_str(), activity.state, activity.participants.len()),
        ("Review", ActivityState::Open, 2)
    );
    let (copy, copied) = meeting(json!({"id": "other", "@mailbox": "u3", "subject": "Review (moved)"}));
    assert_eq!((copied, copy.owner), (keys.clone(), activity.owner));
    let (outside, _) = meeting(json!({"@organizer": null}));
    assert_eq!(outside.owner, Some(facet("users", "u1")), "from outside: whose calendar it is in");
    let (moved, same) =
        meeting(json!({"start": {"dateTime": "2026-12-02T09:00:00", "timeZone": "Europe/Stockholm"}}));
    assert_eq!((same, moved.starts_at), (keys.clone(), Some("2026-12-02T08:00:00Z".parse().unwrap())));
    let (_, first) = meeting(json!({"type": "occurrence"}));
    let (_, later) = meeting(json!({"type": "exception", "originalStart": "2026-12-08T09:00:00Z"}));
    assert!(first != keys && later != first, "each occurrence is one by itself");
    let (cancelled, _) = meeting(json!({"isCancelled": true}));
    assert_eq!(cancelled.state, ActivityState::Cancelled);
    for nothing in [json!({"type": "seriesMaster"}), json!({"isDraft": true})] {
        assert_eq!(map("events", record(event(nothing))), Ok(None));
    }
}

#[test]
fn what_a_private_meeting_is_about_is_nobodys_business() {
    for sensitivity in ["private", "personal", "confidential", "something new"] {
        let (activity, keys) = meeting(json!({"sensitivity": sensitivity}));
        assert_eq!((activity.subject.as_str(), activity.participants.len(), keys.len()), ("", 0, 1));
        assert!(activity.starts_at.is_some());
    }
}

#[test]
fn times_that_cannot_be_are_rejected() {
    let start = |start: Json| rejected("events", event(json!({"start": start})));
    assert_eq!(start(json!({"dateTime": "2026-13-01T09:00:00"})), ("out_of_range", "/start".into()));
    assert_eq!(
        start(json!({"dateTime": "2026-12-01T09:00:00", "timeZone": "W. Mars"})),
        ("out_of_range", "/start".into())
    );
    assert_eq!(start(json!("2026-12-01")), ("wrong_type", "/start".into()));
    assert_eq!(rejected("users", json!({"id": 7})), ("wrong_type", "/id".into()));
    assert_eq!(rejected("mails", json!({"id": "x"})), ("unknown_object", String::new()));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let name = prop::sample::select(vec!["id", "dateTime", "timeZone", "address", "emailAddress", "x"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::btree_map(name.prop_map(str::to_owned), inner, 0..4)
                .prop_map(|it| Json::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_makes_the_mapper_panic(
        object in prop::sample::select(OBJECTS.iter().map(|object| object.name).collect::<Vec<_>>()),
        row in 0_usize..8,
        members in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 0..5),
    ) {
        let rows = fixture(object);
        let mut payload = rows[row % rows.len()].clone();
        let names: Vec<String> = payload.as_object().unwrap().keys().cloned().collect();
        for (which, value) in members {
            payload[which.get(&names).as_str()] = value;
        }
        let _ = map(object, record(payload));
    }
}
