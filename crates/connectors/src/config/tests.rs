//! Mapping of configuration events.

use proptest::prelude::*;
use salescommand_domain::canonical::{FacetBody, Mapped, Rejection, SourceRef};
use salescommand_domain::raw::{Envelope, FORMAT_VERSION, InstanceName, ObjectName, Operation, Payload};
use serde_json::{Value, json};
use uuid::Uuid;

use super::map;

fn mapped(object: &str, key: &str, payload: Value) -> Result<Option<Mapped>, Rejection> {
    map(&Envelope {
        format: FORMAT_VERSION,
        event_id: Uuid::from_u128(1),
        instance: InstanceName::config(),
        connector: "config".to_owned(),
        object: ObjectName::new(object).unwrap(),
        key: key.to_owned(),
        operation: Operation::Upsert,
        source_modified: None,
        observed: "2026-08-01T00:00:00Z".parse().unwrap(),
        run_token: 0,
        payload_schema: 1,
        subjects: Vec::new(),
        payload: Payload::Inline(payload),
    })
}

fn rejected(object: &str, payload: Value) -> (&'static str, String) {
    let rejection = mapped(object, "k", payload).unwrap_err();
    (rejection.reason, rejection.path)
}

#[test]
fn the_calendar_is_checked() {
    let calendar =
        mapped("calendar", "default", json!({ "time_zone": "Europe/Brussels", "fiscal_year_start": 4 }))
            .unwrap()
            .unwrap();
    let FacetBody::Calendar(calendar) = calendar.body else { panic!("no calendar") };
    assert_eq!((calendar.time_zone.as_str(), calendar.fiscal_year_start), ("Europe/Brussels", 4));
    assert_eq!(
        rejected("calendar", json!({ "time_zone": "Europe/Atlantis", "fiscal_year_start": 1 })),
        ("out_of_range", "/time_zone".to_owned())
    );
    for month in [json!(0), json!(13), json!("4"), json!(4.5), json!(null)] {
        let payload = json!({ "time_zone": "UTC", "fiscal_year_start": month });
        assert_eq!(rejected("calendar", payload), ("out_of_range", "/fiscal_year_start".to_owned()));
    }
}

#[test]
fn accounts_and_persons_of_one_address_join() {
    let account =
        mapped("account", "a-uuid", json!({ "email": " Ann@Example.com ", "name": "Ann" })).unwrap().unwrap();
    let person = mapped(
        "person",
        "ann@example.com",
        json!({ "email": "ann@example.com", "manager_email": "BOSS@example.com" }),
    )
    .unwrap()
    .unwrap();
    assert_eq!(account.keys, person.keys);
    assert_eq!(account.keys[0].as_str(), "user:email:ann@example.com");
    let (FacetBody::User(account), FacetBody::User(person)) = (account.body, person.body) else {
        panic!("no users")
    };
    assert_eq!(
        (account.name.as_str(), account.email.as_deref(), account.manager),
        ("Ann", Some("ann@example.com"), None)
    );
    let boss = SourceRef {
        instance: InstanceName::config(),
        object: ObjectName::new("person").unwrap(),
        key: "boss@example.com".to_owned(),
    };
    assert_eq!((person.name.as_str(), person.active, person.manager), ("", true, Some(boss.facet_id())));
}

#[test]
fn a_person_may_have_no_manager() {
    for none in [json!(null), json!(""), json!("  ")] {
        let person = mapped("person", "p", json!({ "email": "p@example.com", "manager_email": none }))
            .unwrap()
            .unwrap();
        assert!(matches!(person.body, FacetBody::User(user) if user.manager.is_none()));
    }
}

#[test]
fn what_is_missing_or_unknown_is_rejected() {
    assert_eq!(rejected("person", json!({})), ("missing_field", "/email".to_owned()));
    assert_eq!(rejected("account", json!({ "email": 5 })), ("wrong_type", "/email".to_owned()));
    assert_eq!(rejected("quota", json!({})), ("unknown_object", String::new()));
    assert_eq!(rejected("person", json!("x")), ("wrong_type", String::new()));
}

proptest! {
    #[test]
    fn mapping_never_panics(object in "calendar|account|person|other", email in ".{0,20}", zone in ".{0,20}", month in any::<i64>()) {
        let payload = json!({ "email": email, "manager_email": zone, "name": email, "time_zone": zone, "fiscal_year_start": month });
        let _ = mapped(&object, "k", payload);
    }
}
