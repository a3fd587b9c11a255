//! A tenant of Microsoft 365 on real servers: the connector is killed in the middle of a reading, the places in the tenant's
//! history are forgotten, tokens withdrawn and requests throttled. In the end the documents say what the tenant has, and
//! nothing was ever said to be gone that was not.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::ToSpan as _;
use salescommand_domain::raw::{Envelope, InstanceName, Operation};
use salescommand_graph_simulator::{
    CLIENT_ID, Clock, Config, Expiry, Handle, Simulator, TENANT_ID, Tenant, Trouble,
};
use salescommand_odoo_simulator::Seed;
use salescommand_tests::platform::{eventually, today};
use serde_json::{Value, json};

use super::{LOOK, Scene, seeds};
use crate::ms365_changes::{Key, SECRET, present};
use crate::{ms365_canonical, oracle};

const PEOPLE: usize = 40;
const CONTACTS: usize = 25;
const MEETINGS: usize = 5;
/// Who is invited to a meeting, beside whose it is.
const INVITED: usize = 2;
/// Users, their managers, contacts, and a copy of each meeting for everybody in it.
const RECORDS: u64 = (PEOPLE * (2 + CONTACTS + MEETINGS * (1 + INVITED))) as u64;
/// Longest pause between a progress and the kill, in microseconds.
const LONGEST_PAUSE: u64 = 20_000;

/// Fills a tenant with people, contacts and meetings that several are invited to.
fn fill(tenant: &mut Tenant) {
    let address = |number: usize| format!("person{number}@company.example");
    let people: Vec<String> =
        (0..PEOPLE).map(|number| tenant.add_user(&format!("Person {number}"), &address(number))).collect();
    for (number, person) in people.iter().enumerate() {
        tenant.set_manager(person, (number > 0).then(|| people[number / 4].as_str()));
        for count in 0..CONTACTS {
            let name = format!("Contact {count} of {number}");
            tenant.add_contact(person, None, &name, &format!("c{count}.of{number}@customer.example"));
        }
        for count in 0..MEETINGS {
            let day = today().saturating_add((count as i64 * 7).days());
            let (start, end) = (format!("{day}T09:00:00"), format!("{day}T10:00:00"));
            let organizer =
                json!({"emailAddress": {"name": format!("Person {number}"), "address": address(number)}});
            for invited in 0..=INVITED {
                let more = json!({"subject": format!("Meeting {count} of {number}"), "organizer": organizer});
                let whose = &people[(number + invited) % PEOPLE];
                tenant.add_event(whose, &format!("uid-{number}-{count}"), (&start, &end), more);
            }
        }
    }
}

/// A day's work: people leave, move and are renamed, contacts and meetings come and go.
fn change(tenant: &mut Tenant) {
    let people = tenant.users();
    tenant.purge_user(&people[3]);
    tenant.delete_user(&people[4]);
    for (number, person) in people.iter().enumerate().skip(5) {
        tenant.set_manager(person, Some(&people[2]));
        if number % 6 == 3 {
            // What is in the mailbox of an account that is switched off stays as it was.
            tenant.set_user(person, json!({"accountEnabled": false}));
            continue;
        }
        if number % 6 == 0 {
            tenant.set_user(person, json!({"displayName": format!("Renamed {number}")}));
        }
        let contacts = tenant.contacts(person);
        tenant.delete_contact(person, &contacts[0]);
        for contact in &contacts[1..6] {
            tenant.set_contact(person, contact, json!({"jobTitle": "Buyer"}));
        }
    }
    // A meeting that is called off is taken out of every calendar.
    for person in &people {
        for event in tenant.events(person) {
            let uid = tenant.event_fields(person, &event).and_then(|fields| fields["iCalUId"].as_str());
            if uid.is_some_and(|uid| uid.ends_with("-2")) {
                tenant.delete_event(person, &event);
            }
        }
    }
}

impl Scene {
    /// Servers, and a source that is read when it is asked for.
    async fn of_tenant(seed: u64, graph: &Handle) -> Self {
        let company = Seed { leads: 1, partners: 1, activities: 0, ..Seed::new(seed, today()) };
        let mut scene = Self::with_servers(seed, company).await;
        scene.instance = InstanceName::new("ms365").unwrap();
        scene.make_streams(None, None).await;
        scene.spawn(&["query", "normalizer", "projector"]);
        let (authority, address) = (format!("authority={}", graph.url()), format!("graph={}", graph.url()));
        let what = ["source", "add", "--kind", "ms365", "--name", "ms365", "--schedule", "manual"];
        let place = ["--tenant", TENANT_ID, "--client-id", CLIENT_ID, "--set", &authority, "--set", &address];
        scene.platform.run(&[&what[..], &place, &["--set", "page_size=10"]].concat(), SECRET).unwrap();
        scene
    }

    /// Kills the connector behind a progress of the raw log, and starts it again.
    async fn kill_connector_behind(&mut self, progress: u64, total: u64) {
        self.gets_to(progress, LOOK, Self::raw_end).await;
        tokio::time::sleep(Duration::from_micros(self.random.below(LONGEST_PAUSE))).await;
        let at = self.raw_end().await;
        self.platform.kill9("connect").unwrap();
        assert!(at < total, "the kill at {at} hit nothing");
        self.spawn(&["connect"]);
    }

    /// Waits until the last run is another one than those before, and has succeeded.
    async fn synced_after(&self, before: &Value) -> Value {
        let done = async || {
            let runs = self.platform.run_json(&["sync", "status"]).ok()?;
            let is_done = runs[0]["state"] == "succeeded" && runs[0]["run_id"] != *before;
            is_done.then(|| runs[0]["run_id"].clone())
        };
        let ended = eventually("the sync to end", done).await;
        ended.unwrap_or_else(|error| panic!("{error:#}\n{}", self.platform.log("connect")))
    }

    /// Waits for the end of everything; compares with the tenant, and with the undisturbed run.
    async fn says_what_is_there(&self, graph: &Handle, deleted: &BTreeSet<Key>) {
        self.settled().await;
        let raw = self.raw_log().await;
        let retracted = raw.iter().map(|message| {
            let message = &message.message;
            Envelope::decode(&message.payload, message.content_type.as_deref()).unwrap()
        });
        let retracted = retracted.filter(|event| event.operation == Operation::Delete);
        let retracted: BTreeSet<Key> = retracted.map(|event| (event.object.to_string(), event.key)).collect();
        assert_eq!(retracted, *deleted, "all that is gone was retracted, and nothing else");
        let found = self.documents().await;
        graph.tenant(|tenant| ms365_canonical::assert_same(&found, tenant, "beyond"));
        oracle::assert_same(&oracle::documents(&[raw], false).await, &found);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_followed_though_the_connector_is_killed_and_its_places_are_forgotten() {
    for seed in seeds() {
        let config = Config { clock: Clock::machine(), ..Config::empty(SECRET) };
        let graph = Simulator::start(config).await.unwrap();
        graph.tenant(fill);
        let mut scene = Scene::of_tenant(seed, &graph).await;
        scene.platform.run(&["sync", "run", "ms365"], "").unwrap();
        scene.spawn(&["connect"]);
        for (kill, trouble) in [Some(Expiry::Gone), Some(Expiry::BadRequest), None].into_iter().enumerate() {
            scene.kill_connector_behind(RECORDS * (kill as u64 + 1) / 4, RECORDS).await;
            match trouble {
                Some(expiry) => graph.tenant(|tenant| tenant.expire_tokens(expiry)),
                None => graph.withdraw_tokens(),
            }
        }
        let first = scene.synced_after(&Value::Null).await;
        assert_eq!(scene.raw_end().await, RECORDS, "each record was published once");
        scene.says_what_is_there(&graph, &BTreeSet::new()).await;

        let before = present(&graph);
        graph.tenant(|tenant| {
            change(tenant);
            tenant.expire_tokens(Expiry::NotFound);
        });
        let deleted: BTreeSet<Key> = before.difference(&present(&graph)).cloned().collect();
        assert!(deleted.len() > 100, "{}", deleted.len());
        scene.platform.run(&["sync", "run", "ms365"], "").unwrap();
        scene.kill_connector_behind(RECORDS + 60, RECORDS + 200).await;
        scene.synced_after(&first).await;
        scene.says_what_is_there(&graph, &deleted).await;

        let end = scene.raw_end().await;
        graph.faults().once_after(12, Trouble::TooManyRequests(Some("2")));
        let run = scene.platform.sync(&["ms365"]).unwrap();
        assert_eq!((&run["state"], &run["rate_limits"]), (&json!("succeeded"), &json!(1)), "{run}");
        assert!(run["waited_ms"].as_u64().unwrap() >= 2_000, "{run}");
        assert_eq!(scene.raw_end().await, end, "what is as it was is not published again");
    }
}
