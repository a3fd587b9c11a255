//! Lists on a real database: whatever is filtered, and whoever asks, MongoDB reads little more than it gives.

use bson::{Document, doc};
use futures::TryStreamExt;
use mongodb::Database;
use salescommand_tests::platform::{Platform, Session, eventually};

/// Rows per page.
const LIMIT: i64 = 20;

async fn database(platform: &Platform) -> Database {
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand")
}

/// The finds that a request has made in the collections of golden records, as MongoDB has recorded them, and how many rows
/// it gave.
async fn finds_of(database: &Database, session: &Session, path: &str) -> (Vec<Document>, usize) {
    let profile = database.collection::<Document>("system.profile");
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    profile.drop().await.unwrap();
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let (status, page) = session.get(path).await.unwrap();
    assert_eq!(status, 200, "{path}: {page}");
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let wanted =
        doc! { "op": "query", "command.limit": LIMIT + 1, "ns": { "$regex": r"\.canonical_[a-z]+_g1$" } };
    let finds = profile.find(wanted).await.unwrap().try_collect().await.unwrap();
    (finds, page["items"].as_array().unwrap().len())
}

fn number(document: &Document, field: &str) -> i64 {
    let value = document.get(field).unwrap_or_else(|| panic!("{field} in {document}"));
    value.as_i64().or(value.as_i32().map(i64::from)).unwrap()
}

/// The stages of a plan, outermost first.
fn stages(plan: &Document, found: &mut Vec<String>) {
    found.extend(plan.get_str("stage").map(str::to_owned));
    for inner in ["inputStage", "queryPlan"] {
        if let Ok(inner) = plan.get_document(inner) {
            stages(inner, found);
        }
    }
    for inner in plan.get_array("inputStages").into_iter().flatten() {
        stages(inner.as_document().unwrap(), found);
    }
}

/// How many rows a list has in all.
async fn all_of(session: &Session, path: &str) -> i64 {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let (_, page) = session.get(&format!("{path}?limit=200{cursor}")).await.unwrap();
        count += page["items"].as_array().unwrap().len() as i64;
        let Some(next) = page["next_cursor"].as_str() else { return count };
        cursor = format!("&cursor={next}");
    }
}

/// Asks for a list, and MongoDB to explain what it did for it: it must not look at more than it gives, or at more than `seen` if
/// whether a row is seen depends on other documents.
async fn is_bounded(database: &Database, session: &Session, path: &str, seen: Option<i64>) -> i64 {
    let (finds, given) = finds_of(database, session, path).await;
    if finds.is_empty() {
        // Whose deals the reader does not see is known without asking.
        assert!(path.contains("owner=") && given == 0, "{path}: {given} rows out of nothing");
        return 0;
    }
    assert_eq!(finds.len(), 1, "{path}: {finds:?}");
    let mut command = finds[0].get_document("command").unwrap().clone();
    for of_the_connection in ["lsid", "$db", "$clusterTime", "$readPreference", "txnNumber", "apiVersion"] {
        command.remove(of_the_connection);
    }
    let explain = doc! { "explain": command.clone(), "verbosity": "executionStats" };
    let explained = database.run_command(explain).await.unwrap();
    let stats = explained.get_document("executionStats").unwrap();
    let (returned, keys, documents) =
        (number(stats, "nReturned"), number(stats, "totalKeysExamined"), number(stats, "totalDocsExamined"));
    let mut plan = Vec::new();
    stages(explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap(), &mut plan);
    let scans = plan.iter().filter(|stage| *stage == "IXSCAN").count() as i64;
    assert!(scans > 0 && !plan.iter().any(|stage| stage == "COLLSCAN"), "{path}: {plan:?}");
    // Each scan that is merged looks one key ahead, and each value of a list of values ends with a look at the next. A few
    // rows that are found and then sorted are fine: what counts is how many are looked at.
    // Those that are deleted are looked at, too.
    let most = seen.map_or(returned, |seen| seen + seen / 4);
    assert!(documents <= most + scans, "{path}: {documents} documents for {most} in {scans} scans");
    assert!(keys <= 2 * most + 4 * scans, "{path}: {keys} keys for {most} in {scans} scans");
    returned
}

/// A stage of the source, and a person, with some deals.
async fn some_stage_and_owner(chief: &Session) -> (String, String) {
    let page = chief.get("/api/opportunities?limit=200").await.unwrap().1;
    let deals = page["items"].as_array().unwrap().clone();
    let of = |field: &str| {
        let found = deals.iter().find_map(|deal| deal[field]["id"].as_str()).unwrap();
        found.to_owned()
    };
    (of("stage"), of("owner"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_filter_of_a_list_reads_much_more_than_it_gives() {
    let mut platform = Platform::start().await.unwrap();
    platform.demo().await.unwrap();
    let database = database(&platform).await;
    let deals = database.collection::<Document>("canonical_opportunities_g1");
    let many = eventually("the demo's deals", async || {
        let count = deals.count_documents(doc! { "body.opportunity_kind": "opportunity" }).await.ok()?;
        (count > 100).then_some(count)
    });
    let many = many.await.unwrap();
    let chief = platform.sign_in("superadmin@salescommand.com", "demo123").await.unwrap();
    let manager = platform.sign_in("am1@salescommand.com", "demo123").await.unwrap();
    let seller = platform.sign_in("krishna@securado.net", "password").await.unwrap();
    let (stage, owner) = some_stage_and_owner(&chief).await;
    let mut filters = vec![String::new()];
    for (name, value) in [("status", "lost"), ("stage", &stage), ("owner", &owner)] {
        let with = filters.iter().map(|before| format!("{before}&{name}={value}")).collect::<Vec<_>>();
        filters.extend(with);
    }
    filters.extend(["&status=archived".to_owned(), "&stage=none".to_owned()]);
    let mut given = 0;
    for session in [&chief, &manager, &seller] {
        for filter in &filters {
            let path = format!("/api/opportunities?limit={LIMIT}{filter}");
            given += is_bounded(&database, session, &path, None).await;
        }
        for entity in ["accounts", "contacts", "opportunities", "activities", "users", "teams"] {
            let list = format!("/api/data-lake/entities/{entity}");
            let seen = match entity {
                // By their deals: all that are seen are put in order for a page.
                "accounts" | "contacts" => Some(all_of(session, &list).await),
                _ => None,
            };
            given += is_bounded(&database, session, &format!("{list}?limit={LIMIT}"), seen).await;
        }
    }
    assert!(given > 200 && many > 4 * LIMIT as u64, "{given} rows of {many} deals prove nothing");
    // The second page begins where the first ended, and not at the beginning.
    let first = chief.get(&format!("/api/opportunities?limit={LIMIT}")).await.unwrap().1;
    let next = first["next_cursor"].as_str().unwrap();
    is_bounded(&database, &chief, &format!("/api/opportunities?limit={LIMIT}&cursor={next}"), None).await;
}
