//! Answers held against Microsoft's published schema, which is held against Microsoft's own examples.

use serde_json::{Value, json};

use super::client::{Client, IMMUTABLE, demo, rows};

fn contract() -> Value {
    serde_json::from_str(include_str!("../fixtures/graph-v1.0.json")).unwrap()
}

fn validator(contract: &Value, name: &str) -> jsonschema::Validator {
    let schema = json!({"$ref": format!("#/$defs/{name}"), "$defs": contract["$defs"]});
    jsonschema::validator_for(&schema).unwrap()
}

/// What is wrong with an answer: against the schema, and members that no such record has.
fn faults(contract: &Value, name: &str, of: &str, body: &Value) -> Vec<String> {
    let validator = validator(contract, name);
    let mut faults: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let known = |name: &str| contract["names"][of].as_array().unwrap().iter().any(|it| it == name);
    for row in body["value"].as_array().into_iter().flatten() {
        let members = row.as_object().unwrap().keys().filter(|name| !name.contains('@'));
        faults.extend(members.filter(|name| !known(name)).map(|name| format!("a {of} has no {name}")));
    }
    faults
}

#[tokio::test]
async fn answers_are_of_the_published_shape() {
    let handle = demo(5).await;
    let client = Client::new(&handle).await;
    let contract = contract();
    let user = handle.tenant(|tenant| tenant.user("krishna@securado.net").unwrap());
    let window = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z";
    let rounds = [
        ("user", "/users/delta?$select=accountEnabled,businessPhones,department,displayName,jobTitle,mail,mobilePhone,officeLocation,proxyAddresses,userPrincipalName,userType".to_owned()),
        ("user", "/users/delta".to_owned()),
        ("group", "/groups/delta".to_owned()),
        ("contact", format!("/users/{user}/contactFolders/contacts/contacts/delta")),
        ("event", format!("/users/{user}/calendarView/delta?{window}")),
    ];
    for (of, path) in &rounds {
        let pages = client.round(path, IMMUTABLE).await;
        assert!(!rows(&pages).is_empty(), "{path}");
        for page in pages {
            assert_eq!(
                faults(&contract, &format!("DeltaOf.{of}"), of, &page),
                Vec::<String>::new(),
                "{path}"
            );
        }
    }
    // And of what was removed.
    let place = client.round(&rounds[1].1, "").await.pop().unwrap();
    handle.tenant(|tenant| tenant.delete_user(&user));
    let removed = client.get(place["@odata.deltaLink"].as_str().unwrap(), "").await.body;
    assert_eq!(removed["value"][0]["@removed"]["reason"], "changed");
    assert_eq!(faults(&contract, "DeltaOf.user", "user", &removed), Vec::<String>::new());
    let mut listed = client.get("/users?$top=5&$expand=manager($select=id)", "").await.body;
    for row in listed["value"].as_array_mut().unwrap() {
        // The schema at hand has no relations.
        if let Some(manager) = row.as_object_mut().unwrap().remove("manager") {
            assert_eq!(manager["@odata.type"], "#microsoft.graph.user");
        }
    }
    assert_eq!(faults(&contract, "CollectionOf.user", "user", &listed), Vec::<String>::new());
    for (path, status) in
        [("/users/nobody", 404), ("/users?$top=0", 400), ("/users/delta?$expand=manager", 400)]
    {
        let refused = client.get(path, "").await;
        assert_eq!(refused.status, status, "{path}");
        assert!(validator(&contract, "ODataErrors.ODataError").is_valid(&refused.body), "{:?}", refused.body);
    }
}

/// A schema that took everything would prove nothing.
#[test]
fn the_schema_takes_the_documented_answers_and_not_others() {
    let contract = contract();
    let documented: Value = serde_json::from_str(include_str!("../fixtures/documented.json")).unwrap();
    let mut taken = 0;
    for sample in documented["samples"].as_array().unwrap() {
        let file = sample["file"].as_str().unwrap();
        let of = ["user", "group", "event"]
            .into_iter()
            .find(|of| file.contains(&format!("{of}-delta")) || file.contains(&format!("delta-query-{of}s")));
        let Some(of) = of.filter(|_| sample["body"]["value"][0]["id"].is_string()) else { continue };
        assert_eq!(
            faults(&contract, &format!("DeltaOf.{of}"), of, &sample["body"]),
            Vec::<String>::new(),
            "{file}"
        );
        taken += 1;
    }
    assert!(taken >= 4, "{taken}");
    for wrong in [
        json!({"value": [{"id": "x", "accountEnabled": "yes"}]}),
        json!({"value": [{"id": "x", "@removed": {"reason": "gone"}}]}),
        json!({"value": [{"id": "x", "businessPhones": "+1"}]}),
        json!({"value": [{"id": "x", "nickname": "Al"}]}),
        json!({"rows": []}),
    ] {
        assert!(!faults(&contract, "DeltaOf.user", "user", &wrong).is_empty(), "{wrong}");
    }
}

/// Members that Microsoft's own examples have, an answer here has as well.
#[tokio::test]
async fn records_have_the_members_of_the_documented_ones() {
    let handle = demo(50).await;
    let client = Client::new(&handle).await;
    let documented: Value = serde_json::from_str(include_str!("../fixtures/documented.json")).unwrap();
    let sample = |file: &str| {
        let mut found = documented["samples"].as_array().unwrap().iter();
        found.find(|sample| sample["file"].as_str().unwrap().ends_with(file)).unwrap()["body"].clone()
    };
    let user = handle.tenant(|tenant| tenant.user("krishna@securado.net").unwrap());
    let names = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let users = client.round("/users/delta", "").await;
    let adele = names(&sample("user-delta.md")["value"][0]);
    let everybody: Vec<String> = rows(&users).into_iter().flat_map(names).collect();
    // What was never set is left out: nobody here has an office.
    let lacking: Vec<_> = adele.iter().filter(|name| !everybody.contains(name)).collect();
    assert!(
        lacking.iter().all(|name| ["officeLocation", "jobTitle", "mobilePhone"].contains(&name.as_str())),
        "{lacking:?}"
    );
    let path = format!(
        "/users/{user}/calendarView/delta?startDateTime=2026-01-01T00:00:00Z&endDateTime=2027-01-01T00:00:00Z"
    );
    let events = client.round(&path, "").await;
    let theirs = names(&sample("delta-query-events.md")["value"][0]);
    let ours = names(rows(&events)[0]);
    let lacking: Vec<_> = theirs.iter().filter(|name| !ours.contains(name)).collect();
    assert_eq!(lacking, ["@odata.type"]);
}
