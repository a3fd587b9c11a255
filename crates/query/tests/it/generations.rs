//! Generations and replays over HTTP: what is shown, and what an operator may ask for.

use salescommand_domain::access::Role;
use salescommand_domain::generation::{
    CollectionDifference, Comparison, Generation, MoneyTotal, Progress, Reason, Replay, ReplayKind,
    ReplayState, Sample,
};
use salescommand_domain::raw::{InstanceName, Position, Vector};
use serde_json::{Value, json};

use crate::world::{Browser, NOW, World};

const REPLAYS: &str = "/api/data-lake/replays";
const GENERATIONS: &str = "/api/data-lake/generations";

fn comparison(unexplained: u64) -> Comparison {
    let sample = |id: &str, explained_by: &[&str]| Sample {
        id: id.into(),
        fields: vec!["/body/amount/minor".into()],
        only_before: false,
        only_after: false,
        explained_by: explained_by.iter().map(ToString::to_string).collect(),
    };
    let deals = CollectionDifference {
        collection: "canonical_opportunities".into(),
        before: 7,
        after: 8,
        only_before: 0,
        only_after: 1,
        changed: 2,
        unexplained,
        samples: vec![sample("deal-1", &[]), sample("deal-2", &["mapper:odoo"])],
    };
    Comparison {
        vector: Vector::from([(InstanceName::new("odoo").unwrap(), Position { epoch: 1, sequence: 9 })]),
        changed_definition: ["mapper:odoo".to_owned()].into(),
        compared: 21,
        collections: vec![deals],
        money: vec![MoneyTotal { currency: "USD2".into(), before: 100, after: 101 }],
    }
}

/// A replay in a state, as the controller would have left it.
async fn put(world: &World, id: &str, kind: ReplayKind, state: ReplayState, unexplained: Option<u64>) {
    let now = NOW.parse().unwrap();
    let mut replay = Replay::requested(id.into(), kind, Reason::Requested, "command line".into(), false, now);
    replay.state = state;
    replay.comparison = unexplained.map(comparison);
    replay.progress = Some(Progress { done: 3, total: 9, events_per_second: 1_500.0, eta_seconds: Some(4) });
    assert!(world.controls.registry.request(&replay).await.unwrap());
}

async fn chief(world: &World) -> Browser {
    world.signed_in(Role::SuperAdmin).await
}

#[tokio::test]
async fn generations_are_listed_with_their_standing_definition_and_place() {
    let world = World::furnished().await;
    let definition = |part: &str| [(part.to_owned(), "1".to_owned())].into();
    let registry = &world.controls.registry;
    registry.add_generation(&Generation::canonical(1, definition("merge"), None)).await.unwrap();
    let built = Generation::canonical(2, definition("merge"), Some("r1".into()));
    registry.add_generation(&built).await.unwrap();
    let stats = Generation::serving("dashboard_stats", 1, 1, definition("projection:dashboard_stats"), None);
    registry.add_generation(&stats).await.unwrap();
    put(&world, "r1", ReplayKind::Raw, ReplayState::Building, None).await;
    put(&world, "v1", ReplayKind::Verify, ReplayState::Verified, Some(0)).await;
    let list = chief(&world).await.get(GENERATIONS).await.json();
    assert_eq!(list["switch"]["active"]["canonical"], 1);
    assert_eq!(list["switch"]["previous"], Value::Null);
    let shown: Vec<_> = list["items"].as_array().unwrap().iter().collect();
    let standing = |index: usize| (&shown[index]["id"], &shown[index]["standing"]);
    assert_eq!(standing(0), (&json!("canonical/1"), &json!("active")));
    assert_eq!(standing(1), (&json!("canonical/2"), &json!("building")));
    assert_eq!(standing(2), (&json!("dashboard_stats/1"), &json!("active")));
    assert_eq!(shown[0]["definition"], json!({"merge": "1"}));
    assert_eq!(shown[0]["position"], json!([{"instance": "odoo", "epoch": 1, "sequence": 7}]));
    assert_eq!(shown[1]["position"], json!([]), "it has no place yet");
    let under_way = &list["open_replays"][0];
    assert_eq!((&under_way["id"], &under_way["requested_by"]), (&json!("r1"), &json!("command line")));
    let progress = json!({"done": 3, "total": 9, "events_per_second": 1500.0, "eta_seconds": 4});
    assert_eq!(under_way["progress"], progress);
    let verified = &list["last_verification"];
    assert_eq!((&verified["id"], &verified["result"]["gate"]), (&json!("v1"), &json!("open")));
}

#[tokio::test]
async fn a_comparison_tells_counts_money_and_samples_and_what_is_unexplained() {
    let world = World::furnished().await;
    put(&world, "r1", ReplayKind::Raw, ReplayState::Ready, Some(1)).await;
    let shown = chief(&world).await.get(&format!("{REPLAYS}/r1")).await.json();
    let result = json!({"gate": "shut", "compared": 21, "differing": 3, "unexplained": 1});
    assert_eq!(shown["replay"]["result"], result);
    let comparison = &shown["comparison"];
    assert_eq!(comparison["changed_definition"], json!(["mapper:odoo"]));
    assert_eq!(comparison["position"], json!([{"instance": "odoo", "epoch": 1, "sequence": 9}]));
    let money = |minor: i64| json!({"currency": "USD", "minor": minor, "exponent": 2});
    assert_eq!(comparison["money"], json!([{"before": money(100), "after": money(101)}]));
    let deals = &comparison["collections"][0];
    assert_eq!((&deals["before"], &deals["after"], &deals["changed"]), (&json!(7), &json!(8), &json!(2)));
    assert_eq!(deals["samples"][1]["explained_by"], json!(["mapper:odoo"]));
    chief(&world).await.get(&format!("{REPLAYS}/nothing")).await.problem(404, "replay-unknown");
}

#[tokio::test]
async fn replays_are_asked_for_once_by_a_person_whose_name_is_shown() {
    let world = World::furnished().await;
    let mut chief = chief(&world).await;
    let answer = chief.post(REPLAYS, &json!({"kind": "verify"})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let (asked, id) = (answer.json(), answer.json()["id"].as_str().unwrap().to_owned());
    assert_eq!((&asked["state"], &asked["kind"]), (&json!("requested"), &json!("verify")));
    assert_eq!(asked["requested_by"], Role::SuperAdmin.label());
    let held = world.controls.registry.replay(&id).await.unwrap().unwrap();
    assert_ne!(held.requested_by, Role::SuperAdmin.label(), "the record holds the account");
    chief.post(REPLAYS, &json!({"kind": "verify"})).await.problem(409, "replay-already-open");
    let stats = json!({"kind": "projection", "projection": "dashboard_stats", "switch": true});
    let asked = chief.post(REPLAYS, &stats).await.json();
    assert_eq!((&asked["projection"], &asked["switch"]), (&json!("dashboard_stats"), &json!(true)));
    let unknown = json!({"kind": "projection", "projection": "nothing"});
    chief.post(REPLAYS, &unknown).await.problem(404, "projection-unknown");
    let of = |source: &str| json!({"kind": "source", "source": source});
    let asked = chief.post(REPLAYS, &of("odoo")).await.json();
    assert_eq!((&asked["kind"], &asked["source"]), (&json!("source"), &json!("odoo")));
    chief.post(REPLAYS, &of("odoo")).await.problem(409, "replay-already-open");
    chief.post(REPLAYS, &of("erasing")).await.problem(409, "erasure-open");
    for unknown in ["nothing", "No Name"] {
        chief.post(REPLAYS, &of(unknown)).await.problem(404, "source-unknown");
    }
    let wrong = [
        json!({"kind": "source"}),
        json!({"kind": "source", "source": "odoo", "projection": "dashboard_stats"}),
        json!({"kind": "raw", "source": "odoo"}),
        json!({"kind": "projection"}),
        json!({"kind": "raw", "projection": "dashboard_stats"}),
        json!({"kind": "verify", "switch": true}),
    ];
    for body in wrong {
        chief.post(REPLAYS, &body).await.problem(422, "invalid-fields");
    }
    chief.post(REPLAYS, &json!({"kind": "everything"})).await.problem(400, "malformed-body");
    let verifications = chief.get(&format!("{REPLAYS}?kind=verify")).await.json();
    assert_eq!(verifications["items"].as_array().unwrap().len(), 1);
    assert_eq!(chief.get(&format!("{REPLAYS}?limit=1")).await.json()["items"].as_array().unwrap().len(), 1);
    for wrong in ["limit=0", "kind=every"] {
        chief.get(&format!("{REPLAYS}?{wrong}")).await.problem(400, "malformed-query");
    }
}

#[tokio::test]
async fn a_switch_needs_a_compared_replay_and_a_reason_for_what_nothing_explains() {
    let world = World::furnished().await;
    let mut chief = chief(&world).await;
    put(&world, "early", ReplayKind::Raw, ReplayState::Building, None).await;
    put(&world, "done", ReplayKind::Verify, ReplayState::Verified, Some(0)).await;
    put(&world, "ready", ReplayKind::Raw, ReplayState::Ready, Some(1)).await;
    let switch = |id: &str| format!("{REPLAYS}/{id}/switch");
    chief.post(&switch("early"), &json!({})).await.problem(409, "replay-not-ready");
    chief.post(&switch("done"), &json!({})).await.problem(409, "replay-over");
    chief.post(&switch("nothing"), &json!({})).await.problem(404, "replay-unknown");
    for reason in ["", "  ", &"x".repeat(501)] {
        let body = json!({"accept_unexplained": reason});
        chief.post(&switch("ready"), &body).await.problem(422, "invalid-fields");
    }
    let answer = chief.post(&switch("ready"), &json!({"accept_unexplained": " a cent, known "})).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let told = answer.json();
    assert_eq!((&told["command"], &told["accepted_because"]), (&json!("switch"), &json!("a cent, known")));
    assert_eq!(told["commanded_by"], Role::SuperAdmin.label());
}

#[tokio::test]
async fn a_replay_is_cancelled_while_it_is_open() {
    let world = World::furnished().await;
    let mut chief = chief(&world).await;
    put(&world, "r1", ReplayKind::Raw, ReplayState::Building, None).await;
    put(&world, "old", ReplayKind::Raw, ReplayState::Switched, Some(0)).await;
    let told = chief.post(&format!("{REPLAYS}/r1/cancel"), &json!({})).await;
    assert_eq!((told.status.as_u16(), &told.json()["command"]), (202, &json!("cancel")));
    chief.post(&format!("{REPLAYS}/old/cancel"), &json!({})).await.problem(409, "replay-over");
    chief.post(&format!("{REPLAYS}/nothing/cancel"), &json!({})).await.problem(404, "replay-unknown");
}

#[tokio::test]
async fn the_way_back_is_gone_once_and_given_up_once() {
    let world = World::furnished().await;
    let mut chief = chief(&world).await;
    let (rollback, drop) = (format!("{GENERATIONS}/rollback"), format!("{GENERATIONS}/drop-previous"));
    let list = chief.get(GENERATIONS).await.json();
    let one = list["switch"]["active"].clone();
    chief.post(&rollback, &json!({"from": one})).await.problem(409, "no-previous-generation");
    chief.post(&drop, &json!({"previous": one})).await.problem(409, "no-previous-generation");
    let active = salescommand_store::Documents::active(&world.store).await.unwrap().unwrap();
    let mut other = active.generations();
    other.serving.insert("dashboard_stats".into(), 2);
    world.store.set_active(&active.moved_to(other)).unwrap();
    let two = chief.get(GENERATIONS).await.json()["switch"]["active"].clone();
    let moved = chief.post(&rollback, &json!({"from": two})).await.json();
    assert_eq!((&moved["active"], &moved["previous"]), (&one, &two));
    // Whoever pressed the same button does not go forward again.
    chief.post(&rollback, &json!({"from": two})).await.problem(409, "switch-moved");
    chief.post(&drop, &json!({"previous": one})).await.problem(409, "switch-moved");
    let given_up = chief.post(&drop, &json!({"previous": two})).await.json();
    assert_eq!((&given_up["active"], &given_up["previous"]), (&one, &Value::Null));
}

#[tokio::test]
async fn a_store_that_is_away_is_named() {
    let world = World::furnished().await;
    let mut chief = chief(&world).await;
    world.store_switch.off();
    chief.get(GENERATIONS).await.problem(503, "store-unavailable");
}
