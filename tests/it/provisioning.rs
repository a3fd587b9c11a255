//! People of a directory, on real servers: one person from three places and by any of their accounts, and whoever is disabled or
//! deleted there is signed out here within a minute, by nothing but the usual schedule.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use salescommand_domain::canonical::{FacetId, Golden, SourceRef};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_graph_simulator::{CLIENT_ID, Config, Handle, Simulator, TENANT_ID};
use salescommand_odoo_simulator::Seed;
use salescommand_tests::mongo::Settings;
use salescommand_tests::platform::{ODOO_LOGIN, ODOO_PASSWORD, Platform, Session, eventually, today};
use serde_json::{Value, json};

use crate::ms365_changes::SECRET;

const PASSWORD: &str = "staple wagon cloud";
const KRISHNA: &str = "krishna@securado.net";
const LUIS: &str = "luis.ortega@securado.net";
/// An address that no source knows.
const ELSEWHERE: &str = "l.ortega@elsewhere.example";
const CHIEF: &str = "chief@example.com";
const MINUTE: Duration = Duration::from_secs(60);

struct Company {
    platform: Platform,
    graph: Handle,
}

impl Company {
    /// Accounts of two sellers and of somebody whom no source knows, both sources, and everything read once.
    async fn open() -> Self {
        let seed = Seed { leads: 12, partners: 8, activities: 4, ..Seed::new(42, today()) };
        let mut platform = Platform::start_with(Settings::default(), seed).await.unwrap();
        let graph = Simulator::start(Config::demo(SECRET)).await.unwrap();
        platform.spawn("all", &[]).unwrap();
        for (address, role) in [(CHIEF, "super_admin"), (KRISHNA, "sales_user"), (ELSEWHERE, "sales_user")] {
            let create = ["user", "create", address, "--name", address, "--role", role];
            platform.run(&create, PASSWORD).unwrap();
        }
        let (url, add) = (platform.odoo.url(), ["source", "add", "--kind"]);
        let odoo = ["odoo", "--name", "odoo", "--url", &url, "--database", "demo", "--login", ODOO_LOGIN];
        platform.run(&[&add[..], &odoo, &["--schedule", "manual"]].concat(), ODOO_PASSWORD).unwrap();
        let (authority, address) = (format!("authority={}", graph.url()), format!("graph={}", graph.url()));
        let place = ["--tenant", TENANT_ID, "--client-id", CLIENT_ID, "--set", &authority, "--set", &address];
        platform.run(&[&add[..], &["ms365", "--name", "ms365"], &place].concat(), SECRET).unwrap();
        let company = Self { platform, graph };
        for source in ["odoo", "ms365"] {
            company.read(&[source]).await;
        }
        company
    }

    /// Reads a source now, beside what the clock does.
    async fn read(&self, arguments: &[&str]) {
        let read = eventually("a run", async || {
            let run = self.platform.sync(arguments).ok()?;
            (run["state"] == "succeeded").then_some(())
        });
        read.await.unwrap();
    }

    fn id(&self, address: &str) -> String {
        self.graph.tenant(|tenant| tenant.user(address).unwrap())
    }

    /// The records of the person who has one.
    fn person_with(&self, facet: FacetId) -> Option<BTreeSet<String>> {
        let lines = self.platform.run(&["export", "canonical", "users"], "").ok()?;
        let people = lines.lines().map(|line| serde_json::from_str::<Golden>(line).unwrap());
        let found = people.into_iter().find(|person| person.facets.iter().any(|own| own.id == facet))?;
        let name = |source: &SourceRef| format!("{}/{}", source.instance, source.object);
        Some(found.facets.iter().map(|own| name(&own.source)).collect())
    }

    /// The status and the code of a sign-in.
    async fn sign_in(&self, address: &str) -> Result<Session, String> {
        self.platform.sign_in(address, PASSWORD).await.map_err(|error| error.to_string())
    }

    async fn signs_in(&self, address: &str) -> Session {
        let signed_in = eventually("the sign-in", async || self.sign_in(address).await.ok());
        signed_in.await.unwrap()
    }
}

fn directory_user(id: &str) -> FacetId {
    let (instance, object) = (InstanceName::new("ms365").unwrap(), ObjectName::new("users").unwrap());
    SourceRef { instance, object, key: id.to_owned() }.facet_id()
}

/// How long it takes until a session is over; and what it is then told.
async fn over(session: &Session, what: &str) -> (Duration, Value) {
    let began = Instant::now();
    let told = eventually(what, async || {
        let (status, body) = session.get("/api/auth/me").await.ok()?;
        (status == 401).then_some(body)
    });
    let told = told.await.unwrap();
    (began.elapsed(), told)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_disabled_in_the_directory_is_signed_out_here_within_a_minute() {
    let company = Company::open().await;
    let platform = &company.platform;
    let sources = platform.run_json(&["source", "list"]).unwrap();
    let ms365 = sources.as_array().unwrap().iter().find(|source| source["name"] == "ms365").unwrap();
    assert_eq!(ms365["schedule"], json!({"cadence": "15m", "objects": {"users": "30s"}}));

    // One person, by an address that administrators have given and, for whoever signs in through the directory, by its record.
    let config = format!("[auth.ms365]\nclient_id = {CLIENT_ID:?}\ntenants = [{TENANT_ID:?}]\n");
    let config = platform.write("sign-in.toml", &config).unwrap();
    let luis = company.id(LUIS);
    let link =
        ["user", "link", ELSEWHERE, "--provider", "ms365", "--tenant", TENANT_ID, "--object-id", &luis];
    platform.run(&[&link[..], &["--config", &config]].concat(), "").unwrap();
    let everywhere =
        ["config/account", "ms365/managers", "ms365/users", "odoo/hr.employee", "odoo/res.users"];
    let everywhere: BTreeSet<String> = everywhere.map(str::to_owned).into();
    for address in [KRISHNA, LUIS] {
        let record = directory_user(&company.id(address));
        let mut last = None;
        let joined = eventually("one person", async || {
            last = company.person_with(record);
            (last.as_ref() == Some(&everywhere)).then_some(())
        });
        assert!(joined.await.is_ok(), "{address}: {last:?}");
    }

    // Disabled there: out of every browser, by nothing but the clock.
    let chief = company.signs_in(CHIEF).await;
    let (session, idle) = (company.signs_in(KRISHNA).await, company.signs_in(KRISHNA).await);
    let linked = company.signs_in(ELSEWHERE).await;
    let (status, me) = session.get("/api/auth/me").await.unwrap();
    assert_eq!((status, me["user"]["person_id"].is_string()), (200, true), "{me}");
    let krishna = company.id(KRISHNA);
    company.graph.tenant(|tenant| tenant.set_user(&krishna, json!({"accountEnabled": false})));
    let (took, told) = over(&session, "the session to be over").await;
    assert!(took < MINUTE, "it took {took:?}");
    assert!(["directory-disabled", "session-expired"].contains(&told["code"].as_str().unwrap()), "{told}");
    assert_eq!(idle.get("/api/auth/me").await.unwrap().0, 401);
    assert_eq!(idle.post("/api/auth/refresh", &json!(null)).await.unwrap().0, 401);
    let refused = company.sign_in(KRISHNA).await.err().unwrap();
    assert!(refused.contains("403") && refused.contains("directory-disabled"), "{refused}");
    for other in [&chief, &linked] {
        assert_eq!(other.get("/api/auth/me").await.unwrap().0, 200);
    }
    let ended = platform.run_json(&["audit", "list", "--action", "session.ended"]).unwrap();
    let by = |entry: &&Value| entry["details"] == json!({"by": "directory"});
    assert_eq!(ended.as_array().unwrap().iter().filter(by).count(), 1, "{ended}");

    // Enabled again: in again.
    company.graph.tenant(|tenant| tenant.set_user(&krishna, json!({"accountEnabled": true})));
    company.read(&["ms365", "--object", "users"]).await;
    company.signs_in(KRISHNA).await;

    // Deleted there: the account that its owner signs in to, whatever its address is.
    company.graph.tenant(|tenant| tenant.delete_user(&luis));
    company.read(&["ms365", "--object", "users"]).await;
    over(&linked, "the session of who was deleted to be over").await;
    company.graph.tenant(|tenant| tenant.restore_user(&luis));
    company.read(&["ms365", "--object", "users"]).await;
    company.signs_in(ELSEWHERE).await;
    // Looks that find nothing do not fill the history.
    let history = platform.run_json(&["sync", "history", "ms365"]).unwrap();
    let quiet = |run: &&Value| run["trigger"] == "schedule" && run["published"] == 0;
    assert_eq!(history.as_array().unwrap().iter().filter(quiet).count(), 0, "{history}");
}
