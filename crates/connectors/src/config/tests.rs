//! Mapping of configuration events.

use proptest::prelude::*;
use salescommand_domain::canonical::{
    Entity, FacetBody, FacetId, IdentityKey, LinkFacet, ManagerEdge, ManagerEdgeFacet, ManagerEvidence,
    Mapped, Rejection, SourceRef,
};
use salescommand_domain::raw::{Envelope, FORMAT_VERSION, InstanceName, ObjectName, Operation, Payload};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ignored_key_payload, link_payload, manager_edge_payload, map};

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

#[test]
fn a_link_lists_the_self_keys_of_its_ends() {
    let lead = SourceRef {
        instance: InstanceName::new("odoo").unwrap(),
        object: ObjectName::new("crm.lead").unwrap(),
        key: "7".to_owned(),
    };
    let other = "80ac86f3-7999-545a-9e59-6333c2cb2c64";
    let payload = json!({ "a": { "instance": "odoo", "object": "crm.lead", "key": "7" }, "b": other });
    let link = mapped("link", "any", payload).unwrap().unwrap();
    let keys: Vec<_> = link.keys.iter().map(|key| key.as_str().to_owned()).collect();
    assert_eq!(keys, [format!("facet:{}", lead.facet_id()), format!("facet:{other}")]);
    assert!(matches!(link.body, FacetBody::Link(ends) if ends.a == lead.facet_id()));
}

#[test]
fn a_link_needs_two_records() {
    let one = json!("80ac86f3-7999-545a-9e59-6333c2cb2c64");
    assert_eq!(rejected("link", json!({ "a": one })), ("missing_field", "/b".to_owned()));
    assert_eq!(rejected("link", json!({ "a": one, "b": one })), ("out_of_range", "/b".to_owned()));
    assert_eq!(rejected("link", json!({ "a": "Ann", "b": one })), ("out_of_range", "/a".to_owned()));
    let record = json!({ "instance": "Odoo!", "object": "crm.lead", "key": "7" });
    assert_eq!(
        rejected("link", json!({ "a": record, "b": one })),
        ("out_of_range", "/a/instance".to_owned())
    );
    let record = json!({ "instance": "odoo", "object": "crm.lead" });
    assert_eq!(rejected("link", json!({ "a": one, "b": record })), ("missing_field", "/b/key".to_owned()));
}

#[test]
fn an_ignored_key_is_a_key() {
    let ignored =
        mapped("ignored_key", "any", json!({ "key": "user:email:ann@example.com" })).unwrap().unwrap();
    assert_eq!(ignored.keys[0].as_str(), "user:email:ann@example.com");
    assert_eq!(
        rejected("ignored_key", json!({ "key": "ann@example.com" })),
        ("out_of_range", "/key".to_owned())
    );
}

fn manager_edge_schema() -> jsonschema::Validator {
    schema(include_str!("../../../../schemas/config-manager-edge.json"))
}

#[test]
fn a_manager_edge_that_cannot_be_is_rejected_with_its_place() {
    let (ann, boss) = ("80ac86f3-7999-545a-9e59-6333c2cb2c64", "90ac86f3-7999-545a-9e59-6333c2cb2c64");
    let long = "x".repeat(501);
    let wrong = [
        (json!({ "person": ann }), "missing_field", "/manager"),
        (json!({ "manager": "nobody" }), "missing_field", "/person"),
        (json!({ "person": ann, "manager": "Boss" }), "out_of_range", "/manager"),
        (json!({ "person": ann, "manager": 7 }), "wrong_type", "/manager"),
        (json!({ "person": ann, "manager": boss, "from": "1 August" }), "out_of_range", "/from"),
        (json!({ "person": ann, "manager": boss, "until": "2026-02-30" }), "out_of_range", "/until"),
        (json!({ "person": ann, "manager": boss, "note": long }), "out_of_range", "/note"),
        (json!({ "person": ann, "manager": boss, "set_by": "Sam" }), "out_of_range", "/set_by"),
        (json!({ "person": ann, "manager": boss, "set_at": "noon" }), "out_of_range", "/set_at"),
    ];
    for (payload, reason, path) in wrong {
        assert!(!manager_edge_schema().is_valid(&payload), "the schema takes {payload}");
        assert_eq!(rejected("manager_edge", payload.clone()), (reason, path.to_owned()), "{payload}");
    }
    let itself = json!({ "person": ann, "manager": ann });
    assert_eq!(rejected("manager_edge", itself), ("out_of_range", "/manager".to_owned()));
    let backwards = json!({ "person": ann, "manager": boss, "from": "2026-08-02", "until": "2026-08-01" });
    assert_eq!(rejected("manager_edge", backwards), ("out_of_range", "/until".to_owned()));
}

fn schema(text: &str) -> jsonschema::Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&serde_json::from_str(text).unwrap()).unwrap()
}

fn link_schema() -> jsonschema::Validator {
    schema(include_str!("../../../../schemas/config-link.json"))
}

fn ignored_key_schema() -> jsonschema::Validator {
    schema(include_str!("../../../../schemas/config-ignored-key.json"))
}

#[test]
fn what_the_schemas_of_declarations_refuse_is_rejected_with_its_place() {
    let id = "80ac86f3-7999-545a-9e59-6333c2cb2c64";
    let record = |instance: &str, object: &str, key: &str| json!({ "instance": instance, "object": object, "key": key });
    let links = [
        (json!({ "a": id }), "missing_field", "/b"),
        (json!({ "a": "Ann", "b": id }), "out_of_range", "/a"),
        (json!({ "a": 7, "b": id }), "wrong_type", "/a"),
        (json!({ "a": id, "b": record("Odoo!", "crm.lead", "7") }), "out_of_range", "/b/instance"),
        (json!({ "a": id, "b": record("odoo", "crm lead", "7") }), "out_of_range", "/b/object"),
        (json!({ "a": id, "b": record("odoo", "crm.lead", "") }), "missing_field", "/b/key"),
        (json!({ "a": { "instance": "odoo", "object": "crm.lead" }, "b": id }), "missing_field", "/a/key"),
    ];
    for (payload, reason, path) in links {
        assert!(!link_schema().is_valid(&payload), "the schema takes {payload}");
        assert_eq!(rejected("link", payload.clone()), (reason, path.to_owned()), "{payload}");
    }
    let keys = [
        (json!({}), "missing_field"),
        (json!({ "key": 5 }), "wrong_type"),
        (json!({ "key": "ann@example.com" }), "out_of_range"),
        (json!({ "key": "deal:email:ann@example.com" }), "out_of_range"),
        (json!({ "key": "user:email:" }), "out_of_range"),
        (json!({ "key": "facet:7" }), "out_of_range"),
    ];
    for (payload, reason) in keys {
        assert!(!ignored_key_schema().is_valid(&payload), "the schema takes {payload}");
        assert_eq!(rejected("ignored_key", payload.clone()), (reason, "/key".to_owned()), "{payload}");
    }
}

proptest! {
    #[test]
    fn written_declarations_are_valid_and_read_back(a in any::<u128>(), b in any::<u128>(), name in "[ -~é]{1,20}", kind in 0..4u8) {
        let id = |number| FacetId(Uuid::from_u128(number));
        prop_assume!(a != b);
        let payload = link_payload(id(a), id(b));
        prop_assert!(link_schema().is_valid(&payload), "{payload}");
        let link = mapped("link", "any", payload).unwrap().unwrap();
        prop_assert_eq!(link.body, FacetBody::Link(LinkFacet { a: id(a), b: id(b) }));
        let key = match kind {
            0 => IdentityKey::email(Entity::User, &format!("{}@example.com", name.replace(' ', "."))),
            1 => IdentityKey::tax_id(Entity::Account, &format!("{name}BE0477472701")),
            2 => IdentityKey::domain_and_name(Entity::Account, "https://www.example.com/", &name),
            _ => Some(IdentityKey::facet(id(a))),
        };
        if let Some(key) = key {
            let payload = ignored_key_payload(&key);
            prop_assert!(ignored_key_schema().is_valid(&payload), "{payload}");
            let ignored = mapped("ignored_key", "any", payload).unwrap().unwrap();
            prop_assert_eq!(ignored.keys, vec![key]);
        }
    }

    #[test]
    fn written_manager_edges_are_valid_and_read_back(person in any::<u128>(), manager in any::<Option<u128>>(), days in any::<[Option<u16>; 2]>(), note in "[!-~é][ -~é]{0,20}[!-~]", seconds in any::<Option<u32>>()) {
        let id = |number| FacetId(Uuid::from_u128(number));
        prop_assume!(manager != Some(person));
        let day = |number: u16| jiff::civil::date(1990, 1, 1).checked_add(jiff::Span::new().days(i64::from(number))).unwrap();
        let until = days[1].filter(|until| days[0].is_none_or(|from| from <= *until));
        let edge = ManagerEdge {
            person: id(person),
            manager: manager.map(id),
            evidence: ManagerEvidence::Manual,
            from: days[0].map(day),
            until: until.map(day),
        };
        let set_at = seconds.map(|seconds| jiff::Timestamp::from_second(i64::from(seconds)).unwrap());
        let declared = ManagerEdgeFacet { edge, note: Some(note), set_by: seconds.map(|by| id(u128::from(by))), set_at };
        let payload = manager_edge_payload(&declared);
        prop_assert!(manager_edge_schema().is_valid(&payload), "{payload}");
        let mapped = mapped("manager_edge", "any", payload).unwrap().unwrap();
        prop_assert_eq!(mapped.body, FacetBody::ManagerEdge(declared));
    }

    #[test]
    fn every_declaration_that_the_schema_takes_is_read(a in any::<u128>(), instance in "[a-z][a-z0-9-]{0,31}", object in "[a-zA-Z._]{1,40}", key in "[a-z0-9]([ -~]{0,10}[a-z0-9])?") {
        let payload = json!({ "a": Uuid::from_u128(a).to_string(), "b": { "instance": instance, "object": object, "key": key } });
        prop_assert!(link_schema().is_valid(&payload), "{payload}");
        prop_assert!(mapped("link", "any", payload).unwrap().is_some());
    }

    #[test]
    fn mapping_never_panics(object in "calendar|account|person|link|ignored_key|manager_edge|other", email in ".{0,20}", zone in ".{0,20}", month in any::<i64>()) {
        let payload = json!({
            "email": email, "manager_email": zone, "name": email, "time_zone": zone, "fiscal_year_start": month,
            "person": zone, "manager": email, "from": zone, "until": email, "set_at": zone,
            "key": zone, "a": email, "b": { "instance": email, "object": zone, "key": zone },
        });
        let _ = mapped(&object, "k", payload);
    }
}

#[test]
fn an_account_is_also_the_records_of_directories_whose_owner_signs_in_to_it() {
    let account = |directory: Value| {
        let payload = json!({ "email": "ann@example.com", "name": "Ann", "directory": directory });
        mapped("account", "a-uuid", payload)
    };
    let keys = account(json!([{ "directory": "T-1", "object": "o-1" }])).unwrap().unwrap().keys;
    let record = IdentityKey::directory_object(Entity::User, "t-1", "o-1").unwrap();
    assert_eq!(keys, [IdentityKey::email(Entity::User, "ann@example.com").unwrap(), record]);
    assert_eq!(account(json!(null)).unwrap().unwrap().keys.len(), 1);
    for (wrong, reason) in [
        (json!("t-1"), "wrong_type"),
        (json!(["t-1"]), "wrong_type"),
        (json!([{ "directory": "t-1" }]), "missing_field"),
        (json!([{ "directory": "t 1", "object": "o" }]), "out_of_range"),
    ] {
        assert_eq!(account(wrong).unwrap_err().reason, reason);
    }
}
