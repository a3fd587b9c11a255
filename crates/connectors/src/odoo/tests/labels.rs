//! What deals are labelled with, what comes again and again, what teams have defined, and who manages whom.

use salescommand_domain::canonical::{
    CurrencySource, FacetBody, FacetId, IdentityKey, Label, LabelFacet, TermSource, User,
};
use serde_json::{Value as Json, json};

use super::map;
use super::mapping::{facet_id, lead, mapped, record, rejected};

fn label(object: &str, id: i64) -> Option<Label> {
    Some(Label::Record(facet_id(object, id)))
}

#[test]
fn labels_are_references_whatever_they_are_called() {
    let deal = lead(json!({
        "lost_reason_id": 3, "source_id": [4, "Trade fair"], "medium_id": 5, "campaign_id": 6, "tag_ids": [9, 2, 9],
    }));
    assert_eq!(deal.labels.lost_reason, label("crm.lost.reason", 3));
    assert_eq!(deal.labels.source, label("utm.source", 4));
    assert_eq!(deal.labels.medium, label("utm.medium", 5));
    assert_eq!(deal.labels.campaign, label("utm.campaign", 6));
    assert_eq!(deal.labels.tags, [2, 9].map(|tag| Label::Record(facet_id("crm.tag", tag))));
    assert!(deal.custom.is_empty(), "no bare numbers: {:?}", deal.custom);
    assert_eq!(lead(json!({ "lost_reason": 3 })).labels.lost_reason, label("crm.lost.reason", 3), "Odoo 15");
    assert!(lead(json!({ "lost_reason_id": false, "tag_ids": [], "source_id": 0 })).labels.is_empty());
    assert_eq!(
        rejected("crm.lead", json!({ "id": 1, "name": "x", "tag_ids": "Renewal" })),
        ("wrong_type", "/tag_ids".to_owned())
    );
}

#[test]
fn a_label_has_the_name_that_people_gave_it() {
    let label = |object: &str, payload: Json| match mapped(object, payload).body {
        FacetBody::Label(LabelFacet { name, active }) => (name, active),
        other => panic!("{other:?}"),
    };
    for object in ["crm.tag", "crm.lost.reason", "utm.source", "utm.medium"] {
        assert_eq!(label(object, json!({ "id": 1, "name": " A " })), ("A".to_owned(), true));
    }
    let archived = json!({ "id": 1, "name": "A", "active": false });
    assert_eq!(label("crm.lost.reason", archived), ("A".to_owned(), false));
    let campaign = json!({ "id": 1, "name": "spring-2", "title": "Spring" });
    assert_eq!(label("utm.campaign", campaign).0, "Spring");
    assert_eq!(label("utm.campaign", json!({ "id": 1, "name": "Spring", "title": false })).0, "Spring");
    assert_eq!(rejected("crm.tag", json!({ "id": 1, "name": "" })), ("missing_field", "/name".to_owned()));
}

#[test]
fn recurring_revenue_depends_on_its_plan() {
    let recurring = |change: Json| lead(change).recurring;
    let yearly =
        recurring(json!({ "recurring_revenue": 1200.5, "recurring_plan": 2, "company_id": 3 })).unwrap();
    assert_eq!(yearly.amount.value.to_string(), "1200.5");
    assert_eq!(yearly.amount.currency, Some(CurrencySource::Company(facet_id("res.company", 3))));
    assert_eq!(yearly.term, Some(TermSource::Plan(facet_id("crm.recurring.plan", 2))));
    let monthly = recurring(json!({ "recurring_revenue": 10.0, "recurring_plan": false })).unwrap();
    assert_eq!(monthly.term, Some(TermSource::Months(1)));
    assert_eq!(
        recurring(json!({ "recurring_revenue": 10.0 })).unwrap().term,
        None,
        "a plan that is kept back"
    );
    for none in [json!({}), json!({ "recurring_revenue": 0.0, "recurring_plan": 2 })] {
        assert_eq!(recurring(none), None);
    }
    let payload = json!({ "id": 1, "name": "x", "recurring_revenue": 1.0, "recurring_plan": 2 });
    assert!(
        mapped("crm.lead", payload).refs.contains(&facet_id("crm.recurring.plan", 2)),
        "made anew with it"
    );
    let months = |months: Json| match mapped(
        "crm.recurring.plan",
        json!({ "id": 1, "name": "x", "number_of_months": months }),
    )
    .body
    {
        FacetBody::Plan(plan) => plan.months,
        other => panic!("{other:?}"),
    };
    assert_eq!((months(json!(36)), months(json!(0)), months(json!(null))), (36, 1, 1));
    assert_eq!(
        rejected("crm.recurring.plan", json!({ "id": 1, "name": "x", "number_of_months": -1 })),
        ("out_of_range", "/number_of_months".to_owned())
    );
}

#[test]
fn properties_are_custom_fields_with_label_type_and_value() {
    let property = |kind: &str, value: Json, more: Json| {
        let mut property = json!({ "name": "p", "type": kind, "string": "Label", "value": value });
        property.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        lead(json!({ "lead_properties": [property] })).custom
    };
    let value = |kind: &str, value: Json, more: Json| {
        let custom = property(kind, value, more);
        custom.get("lead_properties.p").map(|property| {
            assert_eq!((&property["label"], &property["type"]), (&json!("Label"), &json!(kind)));
            property["value"].clone()
        })
    };
    let none = || json!({});
    assert_eq!(value("integer", json!(7), none()), Some(json!(7)));
    assert_eq!(value("integer", json!(0), none()), Some(json!(0)));
    assert_eq!(value("float", json!(7), none()), Some(json!(7)));
    assert_eq!(value("boolean", json!(false), none()), Some(json!(false)));
    assert_eq!(value("char", json!("EMEA"), none()), Some(json!("EMEA")));
    assert_eq!(value("date", json!("2026-06-01"), none()), Some(json!("2026-06-01")));
    let options = || json!({ "selection": [["a", "Alpine"], ["b", "Baltic"]] });
    assert_eq!(value("selection", json!("b"), options()), Some(json!("Baltic")));
    assert_eq!(value("selection", json!("gone"), options()), Some(json!("gone")));
    let tags = json!({ "tags": [["x", "X", 1], ["y", "Y", 2]] });
    assert_eq!(value("tags", json!(["y", "z"]), tags), Some(json!(["Y", "z"])));
    assert_eq!(value("many2one", json!([4, "Ann"]), none()), Some(json!("Ann")));
    assert_eq!(value("many2one", json!(4), none()), Some(json!(4)));
    assert_eq!(value("many2many", json!([[4, "Ann"], [5, "Bob"]]), none()), Some(json!(["Ann", "Bob"])));
    assert_eq!(value("of_tomorrow", json!({ "a": 1 }), none()), Some(json!({ "a": 1 })));
    for empty in ["integer", "char", "selection", "tags", "many2one", "date"] {
        assert_eq!(value(empty, json!(false), none()), None, "{empty}");
    }
    assert_eq!(value("char", json!(""), none()), None);
    assert_eq!(value("tags", json!([]), none()), None);
    assert!(lead(json!({ "lead_properties": false })).custom.is_empty());
    let wrong = |properties: Json| {
        rejected("crm.lead", json!({ "id": 1, "name": "x", "lead_properties": properties }))
    };
    for properties in [
        json!("x"),
        json!([1]),
        json!([{ "type": "char", "value": "x" }]),
        json!([{ "name": "p", "type": "integer", "value": "7" }]),
        json!([{ "name": "p", "type": "boolean", "value": "yes" }]),
        json!([{ "name": "p", "type": "tags", "value": 7 }]),
    ] {
        assert_eq!(wrong(properties.clone()), ("wrong_type", "/lead_properties".to_owned()), "{properties}");
    }
}

#[test]
fn an_employee_lends_their_manager_to_the_user_they_are() {
    let employee = |payload: Json| map("hr.employee", record(payload)).unwrap();
    let own = |payload: Json| {
        let mapped = employee(payload).unwrap();
        let FacetBody::User(user) = mapped.body else { panic!("{:?}", mapped.body) };
        (user, mapped.keys)
    };
    let manager = |user: &User| -> Option<FacetId> { user.manager };
    let (ann, keys) = own(json!({
        "id": 7, "name": "Ann", "user_id": 5, "parent_id": [3, "Boss"], "work_email": "Ann <ann@x.example>", "active": true,
    }));
    assert_eq!(keys, [IdentityKey::facet(facet_id("res.users", 5))]);
    assert_eq!(
        manager(&ann),
        Some(facet_id("hr.employee", 3)),
        "the employee's record is one of the manager's facets"
    );
    assert_eq!((ann.name.as_str(), ann.email.as_deref(), ann.active), ("Ann", Some("ann@x.example"), false));
    assert_eq!(employee(json!({ "id": 7, "name": "Ann", "user_id": false, "parent_id": 3 })), None);
    let (gone, _) = own(json!({ "id": 7, "name": "Ann", "user_id": 5, "parent_id": 3, "active": false }));
    assert_eq!(manager(&gone), None, "who has left is managed by nobody");
}
