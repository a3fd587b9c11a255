//! Many people on real servers: wide scopes read sums that are kept together, and a reorganisation while people read
//! shows nobody a total that was never true.

use std::sync::Arc;

use bson::{Document, doc};
use salescommand_tests::organisation::{Organisation, Total, shown, signed_in};
use salescommand_tests::platform::{Platform, Session, eventually};
use tokio_util::sync::CancellationToken;

/// How many people: `SALESCOMMAND_TEST_PEOPLE`, else some.
fn people() -> u32 {
    std::env::var("SALESCOMMAND_TEST_PEOPLE").ok().map_or(400, |people| people.parse().unwrap())
}

async fn roll_ups(platform: &Platform) -> Vec<String> {
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand");
    let kept = database.collection::<Document>("serving_dashboard_stats_roll_up_keys_g1");
    let ids = kept.distinct("_id", doc! {}).await.unwrap();
    ids.into_iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Waits until somebody's overview says what it must.
async fn says(session: &Session, total: Total) {
    let mut last = None;
    let said = eventually("the right total", async || {
        last = shown(session).await;
        (last == Some(total)).then_some(())
    });
    let said = said.await;
    assert!(said.is_ok(), "it must say {total:?}, and says {last:?}");
}

/// Every page of the open deals that somebody sees: how many, and their amount.
async fn listed(session: &Session) -> Total {
    let (mut total, mut cursor) = ((0, 0), String::new());
    loop {
        let path = format!("/api/opportunities?status=open&limit=200{cursor}");
        let (status, page) = session.get(&path).await.unwrap();
        assert_eq!(status, 200, "{page}");
        for deal in page["items"].as_array().unwrap() {
            total = (total.0 + 1, total.1 + deal["amount"]["minor"].as_i64().unwrap());
        }
        let Some(next) = page["next_cursor"].as_str() else { return total };
        cursor = format!("&cursor={next}");
    }
}

/// Reads again and again until `stop`; every total that was shown, in order, without repetitions.
async fn watch(session: Arc<Session>, stop: CancellationToken) -> Vec<Total> {
    let mut seen: Vec<Total> = Vec::new();
    while !stop.is_cancelled() {
        let total = shown(&session).await.expect("the overview answers while people move");
        if seen.last() != Some(&total) {
            seen.push(total);
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorganisation_shows_nobody_a_total_that_was_never_true() {
    let mut organisation =
        Organisation { people: people(), reports: 7, deals: 2, activities: 0, moved: Vec::new() };
    let mut platform = Platform::start().await.unwrap();
    platform.spawn("all", &[]).unwrap();
    organisation.publish(&platform).await.unwrap();
    // The one at the top, who was the manager, who will be, and somebody without reports.
    let mut readers = Vec::new();
    for person in [0, 1, 2, organisation.people - 1] {
        readers.push((person, Arc::new(signed_in(&platform, person, "sales_manager").await.unwrap())));
    }
    for (person, session) in &readers {
        says(session, organisation.total(*person)).await;
    }
    let kept = eventually("roll-ups of the wide scopes", async || {
        let kept = roll_ups(&platform).await;
        (kept.len() == 3).then_some(kept)
    });
    let kept = kept.await.unwrap();
    for (person, session) in &readers {
        let total = organisation.total(*person);
        assert_eq!(shown(session).await, Some(total), "the same sums, kept together");
        assert_eq!(listed(session).await, total, "the list is what the total is of");
    }
    // A branch goes from the one manager to the other while everybody reads.
    let stop = CancellationToken::new();
    let watching: Vec<_> = readers
        .iter()
        .map(|(person, session)| (*person, tokio::spawn(watch(session.clone(), stop.clone()))))
        .collect();
    let before: Vec<_> = readers.iter().map(|(person, _)| organisation.total(*person)).collect();
    let branch = organisation.reports + 1;
    assert_eq!(organisation.manager(branch), Some(1));
    organisation.reorganise(&platform, branch, 2).await.unwrap();
    for (person, session) in &readers {
        says(session, organisation.total(*person)).await;
    }
    eventually("roll-ups of the new scopes", async || {
        let now = roll_ups(&platform).await;
        (now.iter().filter(|id| !kept.contains(id)).count() == 2).then_some(())
    })
    .await
    .unwrap();
    for (person, session) in &readers {
        says(session, organisation.total(*person)).await;
    }
    stop.cancel();
    for ((person, watched), before) in watching.into_iter().zip(before) {
        let (seen, after) = (watched.await.unwrap(), organisation.total(person));
        let expected = if before == after { vec![before] } else { vec![before, after] };
        assert_eq!(seen, expected, "person {person}");
    }
    let moved = [0, 1, 2].map(|person| organisation.total(person));
    assert!(moved[1] < moved[2] && organisation.below(branch) > 1, "a branch moved: {moved:?}");
    // What is sold goes into the kept sums like into the others.
    organisation.deals = 3;
    organisation.publish(&platform).await.unwrap();
    for (person, session) in &readers {
        says(session, organisation.total(*person)).await;
        assert_eq!(listed(session).await, organisation.total(*person));
    }
}
