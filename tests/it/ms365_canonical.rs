//! What the canonical documents have to say of a tenant of Microsoft 365, by the tenant itself: neither the connector nor the
//! mapper is asked.

use std::collections::BTreeMap;

use salescommand_domain::canonical::{FacetId, Golden, GoldenBody};
use salescommand_graph_simulator::{Fields, Tenant};
use serde_json::{Value, json};

use crate::oracle::Compared;

/// An object and a key, as in raw.
type Key = (String, String);

/// The golden records of a collection.
pub fn goldens(documents: &Compared, collection: &str) -> Vec<Golden> {
    let found = documents.get(&format!("canonical_{collection}_g1")).into_iter().flat_map(BTreeMap::values);
    found.map(|bytes| bson::deserialize_from_slice(bytes).unwrap()).collect()
}

/// Panics if the documents say anything else than the tenant. Meetings in the year `beyond`, which the dates that are followed do
/// not reach, need not be told of.
pub fn assert_same(documents: &Compared, tenant: &Tenant, beyond: &str) {
    let mut expected = of_tenant(tenant);
    let found = of_documents(documents, &expected);
    let is_beyond = |said: &Value| said["starts_at"].as_str().is_some_and(|at| at.starts_with(beyond));
    expected.retain(|key, said| !is_beyond(said) || found.contains_key(key));
    let keys = expected.keys().chain(found.keys());
    let differing: Vec<_> = keys.filter(|key| expected.get(*key) != found.get(*key)).collect();
    let first = differing.first().map(|key| (expected.get(*key), found.get(*key)));
    assert!(differing.is_empty(), "{differing:?}; the first has to be, and is: {first:#?}");
}

fn text(fields: &Fields, name: &str) -> Value {
    fields.get(name).filter(|value| !value.is_null()).cloned().unwrap_or_default()
}

/// What is in the tenant.
fn of_tenant(tenant: &Tenant) -> BTreeMap<Key, Value> {
    let mut expected = BTreeMap::new();
    for id in tenant.users() {
        let fields = tenant.user_fields(&id).unwrap();
        let user = json!({
            "name": fields["displayName"], "email": fields["mail"], "active": fields["accountEnabled"],
            "manager": tenant.manager(&id),
        });
        expected.insert(("users".to_owned(), id.clone()), user);
        for item in tenant.contacts(&id) {
            let fields = tenant.contact_fields(&id, &item).unwrap();
            let contact = json!({
                "name": fields["displayName"], "email": fields["emailAddresses"][0]["address"],
                "title": text(fields, "jobTitle"), "owner": id,
            });
            expected.insert(("contacts".to_owned(), format!("{id}/{item}")), contact);
        }
        for item in tenant.events(&id) {
            let fields = tenant.event_fields(&id, &item).unwrap();
            let start = fields["start"]["dateTime"].as_str().unwrap();
            let organizer = fields["organizer"]["emailAddress"]["address"].as_str().unwrap();
            let meeting = json!({
                "subject": fields["subject"], "starts_at": format!("{}Z", &start[..19]),
                "owner": tenant.user(organizer),
            });
            expected.insert(("events".to_owned(), format!("{id}/{item}")), meeting);
        }
    }
    for id in tenant.groups() {
        expected.insert(("groups".to_owned(), id.clone()), json!(tenant.members(&id)));
    }
    expected
}

/// What the documents say of each record that has to be there, and of each other that they say is there.
fn of_documents(documents: &Compared, expected: &BTreeMap<Key, Value>) -> BTreeMap<Key, Value> {
    let all = ["users", "contacts", "activities", "teams"].map(|collection| goldens(documents, collection));
    let mut people: BTreeMap<FacetId, String> = BTreeMap::new();
    for golden in &all[0] {
        if let Some(user) = golden.facets.iter().find(|own| own.source.object.as_str() == "users") {
            let ids = golden.facets.iter().map(|own| own.id).chain([golden.id]);
            people.extend(ids.map(|id| (id, user.source.key.clone())));
        }
    }
    let person = |id: FacetId| people.get(&id).cloned().unwrap_or_else(|| format!("nobody: {id}"));
    let mut found = BTreeMap::new();
    for golden in all.iter().flatten().filter(|golden| !golden.deleted) {
        let said = match &golden.body {
            GoldenBody::User(user) => json!({
                "name": user.name, "email": user.email, "active": user.active, "manager": user.manager.map(person),
            }),
            GoldenBody::Contact(contact) => json!({
                "name": contact.name, "email": contact.email, "title": contact.title,
                "owner": contact.owner.map(person),
            }),
            GoldenBody::Activity(activity) => json!({
                "subject": activity.subject, "starts_at": activity.starts_at, "owner": activity.owner.map(person),
            }),
            GoldenBody::Team(team) => json!(team.members.iter().copied().map(person).collect::<Vec<_>>()),
            other => panic!("{other:?}"),
        };
        let own = |with_manager: bool| {
            let facets = golden.facets.iter().map(|own| &own.source);
            let facets = facets.filter(|own| with_manager || own.object.as_str() != "managers");
            facets.map(|own| (own.object.to_string(), own.key.clone())).collect::<Vec<Key>>()
        };
        // Who manages somebody is said of nobody who is not there.
        let keys = Some(own(false)).filter(|keys| !keys.is_empty()).unwrap_or_else(|| own(true));
        // Copies of a meeting that were deleted stay with those that were not.
        let mut there: Vec<&Key> = keys.iter().filter(|key| expected.contains_key(*key)).collect();
        if there.is_empty() {
            there = keys.iter().collect();
        }
        for key in there {
            let wanted = expected.get(key);
            let mut said = said.clone();
            // Without an organizer it belongs to whose calendar it is in, or was, whoever of them that is.
            let in_calendar = |id: &str| keys.iter().any(|(_, key)| key.starts_with(&format!("{id}/")));
            let is_somebodys =
                wanted.is_some_and(|wanted| wanted.get("starts_at").is_some() && wanted["owner"].is_null());
            if is_somebodys && said["owner"].as_str().is_some_and(in_calendar) {
                said["owner"] = Value::Null;
            }
            found.insert(key.clone(), said);
        }
    }
    for members in found.iter_mut().filter(|(key, _)| key.0 == "groups").map(|(_, said)| said) {
        members.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    found
}
