//! Web hooks on real servers: an Odoo hints, and what has changed is read without any schedule; a flood makes few runs; a wrong
//! key makes none; and the key is in no log and no metric.

use std::time::Duration;

use futures::future::join_all;
use reqwest::{Client, RequestBuilder};
use salescommand_eventlog::EventLog as _;
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{RunState, Trigger, all_runs};
use salescommand_odoo_simulator::Seed;
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{ODOO_LOGIN, ODOO_PASSWORD, Platform, eventually, today};
use serde_json::{Value, json};

/// A platform with a source that is read when it hints at something, and only then.
struct Hooked {
    platform: Platform,
    log: NatsLog,
    client: Client,
}

impl Hooked {
    async fn start() -> Self {
        let seed = Seed { leads: 25, partners: 20, activities: 20, ..Seed::new(42, today()) };
        let mut platform = Platform::start_with(Settings::default(), seed).await.unwrap();
        let (url, login) = (platform.odoo.url(), ODOO_LOGIN);
        let add = ["source", "add", "--kind", "odoo", "--name", "erp", "--url", &url, "--database", "demo"];
        let more = ["--login", login, "--schedule", "webhook"];
        platform.run(&[&add[..], &more].concat(), ODOO_PASSWORD).unwrap();
        // All that there is to say, so that what is not said is not said at any level.
        let config = platform.write("loud.toml", "[log]\nfilter = \"trace\"\n").unwrap();
        platform.spawn("query", &["--config", &config]).unwrap();
        platform.spawn("connect", &[]).unwrap();
        let options = NatsOptions {
            url: platform.nats.url(),
            name: "test".into(),
            connect_within: Duration::from_secs(10),
        };
        let log = NatsLog::connect(options).await.unwrap();
        let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let hooked = Self { platform, log, client };
        let run = hooked.platform.sync(&["erp"]).unwrap();
        assert_eq!(run["state"], "succeeded", "{run}");
        hooked
    }

    /// What an Odoo posts.
    fn hint(&self, path: &str, model: &str) -> RequestBuilder {
        let body = json!({"_id": 1, "_model": model, "_action": "Tell SalesCommand(#7)", "id": 1, "name": "believe me"});
        self.client.post(format!("{}{path}", self.platform.base_url())).json(&body)
    }

    async fn status(&self, path: &str, model: &str) -> u16 {
        self.hint(path, model).send().await.unwrap().status().as_u16()
    }

    fn rename(&self, name: &str) {
        let (lead, data) = (1, self.platform.odoo.data());
        data.call(ODOO_LOGIN, ("crm.lead", "write"), json!([[lead], {"name": name}]), json!({})).unwrap();
    }

    async fn events(&self) -> u64 {
        self.log.stream("RAW_ERP_E1").await.unwrap().unwrap().messages
    }

    /// Waits until so many more events are there.
    async fn until(&self, events: u64) {
        let arrive = eventually("what was hinted at to be read", async || {
            (self.events().await >= events).then_some(())
        });
        arrive.await.unwrap_or_else(|error| panic!("{error}: {}", self.platform.log("connect")));
        assert_eq!(self.events().await, events, "the lead that was changed, and nothing else");
    }

    /// Ended runs, but for the first one.
    fn runs(&self) -> Vec<Value> {
        let runs = self.platform.run_json(&["sync", "history", "erp"]).unwrap();
        let hinted = runs.as_array().unwrap().iter().filter(|run| run["trigger"] != "cli");
        hinted.cloned().collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_is_enough_to_read_what_has_changed() {
    let hooked = Hooked::start().await;
    let platform = &hooked.platform;
    let made = platform.run_json(&["source", "hook", "erp"]).unwrap();
    let url = made[0]["url"].as_str().unwrap();
    let path = url.strip_prefix(&platform.base_url()).unwrap().to_owned();
    let key = path.rsplit('/').next().unwrap().to_owned();
    assert!(platform.run(&["source", "hook", "erp"], "").unwrap_err().to_string().contains("--rotate"));

    // Nobody who does not show the key moves anything, whatever has changed.
    let before = hooked.events().await;
    hooked.rename("Renamed in silence");
    let other = if key.ends_with('A') { 'E' } else { 'A' };
    let wrong = format!("/api/odoo/hooks/erp/{}{other}", &key[..42]);
    for path in [&*wrong, "/api/odoo/hooks/erp", &format!("/api/odoo/hooks/other/{key}")] {
        assert_eq!(hooked.status(path, "crm.lead").await, 404, "{path}");
    }
    assert_eq!(hooked.status(&path, "res.users.apikeys").await, 202, "what is not read is not read");

    // The same with the key, in either place.
    assert_eq!(hooked.status(&path, "crm.lead").await, 202);
    hooked.until(before + 1).await;
    let first = hooked.runs();
    assert_eq!(first.len(), 1, "{first:?}");
    assert_eq!(
        (&first[0]["trigger"], &first[0]["objects"][0]["object"]),
        (&json!("webhook"), &json!("crm.lead"))
    );
    assert_eq!(first[0]["objects"].as_array().unwrap().len(), 1);
    assert!(!first[0]["objects"][0]["since"].is_null(), "only what has changed was asked for");
    hooked.rename("Renamed again");
    let bearer = hooked.hint("/api/odoo/hooks/erp", "crm.lead").bearer_auth(&key);
    assert_eq!(bearer.send().await.unwrap().status().as_u16(), 202);
    hooked.until(before + 2).await;

    // A flood, with a change behind it.
    let runs = hooked.runs().len();
    let flood = join_all((0..199).map(|_| hooked.status(&path, "crm.lead"))).await;
    assert!(flood.iter().all(|status| *status == 202), "{flood:?}");
    hooked.rename("Renamed at last");
    assert_eq!(hooked.status(&path, "crm.lead").await, 202);
    hooked.until(before + 3).await;
    let ended = eventually("the runs to end", async || {
        let record = all_runs(&hooked.log).await.unwrap().remove(0);
        (record.run.state == RunState::Succeeded && record.run.trigger == Trigger::Webhook).then_some(())
    });
    ended.await.unwrap();
    let made = hooked.runs().len() - runs;
    assert!((1..=4).contains(&made), "200 hints made {made} runs");

    // What becomes of the fields that this Odoo has.
    let objects = platform.run_json(&["source", "discover", "erp"]).unwrap();
    let lead = objects.as_array().unwrap().iter().find(|object| object["object"] == "crm.lead").unwrap();
    let field =
        |name: &str| lead["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap();
    assert_eq!(lead["entities"], json!(["opportunity"]));
    assert_eq!(field("expected_revenue")["canonical"], json!(["amount"]));
    assert_eq!(field("write_date")["canonical"], json!([]));

    // Off is off.
    platform.run(&["source", "hook", "erp", "--off"], "").unwrap();
    assert_eq!(hooked.status(&path, "crm.lead").await, 404);

    // Nearly right addresses hold the key as well.
    let get = hooked.client.get(format!("{}{path}", platform.base_url())).send().await.unwrap();
    assert_eq!(get.status().as_u16(), 405);
    assert_eq!(hooked.status(&format!("{path}/more"), "crm.lead").await, 404);
    let metrics = hooked.client.get(format!("{}/metrics", platform.base_url())).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("/api/odoo/hooks/{source}/{key}"), "{metrics}");
    let said = [platform.log("query"), platform.log("connect"), metrics, get_body(&hooked, &path).await];
    for text in said {
        assert!(!text.contains(&key) && !text.contains(&wrong[21..]), "a key was told");
        assert!(!text.contains("believe me"), "what was posted was told");
    }
    assert!(platform.log("query").contains("a hint was taken"), "the log is as loud as it can be");
}

async fn get_body(hooked: &Hooked, path: &str) -> String {
    let answer = hooked.client.get(format!("{}{path}", hooked.platform.base_url())).send().await.unwrap();
    answer.text().await.unwrap()
}
