//! Many people on real servers: wide scopes read sums that are kept together, and a reorganisation while people read
//! shows nobody a total that was never true.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use salescommand_tests::organisation::{Organisation, Total, shown, signed_in};
use salescommand_tests::platform::{PATIENCE, Platform, Session, eventually_within};
use tokio_util::sync::CancellationToken;

/// How many people: `SALESCOMMAND_TEST_PEOPLE`, else some.
fn people() -> u32 {
    std::env::var("SALESCOMMAND_TEST_PEOPLE").ok().map_or(400, |people| people.parse().unwrap())
}

/// So many report to each that the one who moves has a branch below: with sixty thousand in eight levels, five thousand.
fn reports() -> u32 {
    if people() < 1_000 { 7 } else { 6 }
}

/// Until many people are projected, by a program without optimisation.
fn patience() -> Duration {
    PATIENCE * (1 + people() / 2_000)
}

/// The roll-ups that are kept once all are that are asked for, of as many scopes at least; those who read ask for them.
async fn all_kept(platform: &Platform, readers: &[(u32, Arc<Session>)], least: usize) -> BTreeSet<String> {
    let kept = eventually_within(patience(), "roll-ups of the wide scopes", async || {
        for (_, session) in readers {
            shown(session).await;
        }
        let asked = ids(platform, "ops_roll_ups").await;
        let kept = ids(platform, "serving_dashboard_stats_roll_up_keys_g1").await;
        (kept.len() >= least && kept == asked).then_some(kept)
    });
    kept.await.unwrap()
}

async fn ids(platform: &Platform, collection: &str) -> BTreeSet<String> {
    let uri = format!("{}?directConnection=true", platform.mongo.uri());
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().database("salescommand");
    let ids = database.collection::<Document>(collection).distinct("_id", doc! {}).await.unwrap();
    ids.into_iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

/// Waits until somebody's overview says what it must.
async fn says(session: &Session, total: Total) {
    let mut last = None;
    let said = eventually_within(patience(), "the right total", async || {
        last = shown(session).await;
        if last.is_none() {
            // It may have been a long wait.
            session.renew().await.ok()?;
        }
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
        Organisation { people: people(), reports: reports(), deals: 2, activities: 0, moved: Vec::new() };
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
    let kept = all_kept(&platform, &readers, 3).await;
    for (person, session) in &readers {
        let total = organisation.total(*person);
        assert_eq!(shown(session).await, Some(total), "the same sums, kept together");
        assert_eq!(listed(session).await, total, "the list is what the total is of");
    }
    // A branch goes from the one manager to the other while everybody reads.
    for (_, session) in &readers {
        session.renew().await.unwrap();
    }
    let stop = CancellationToken::new();
    let watching: Vec<_> = readers
        .iter()
        .map(|(person, session)| (*person, tokio::spawn(watch(session.clone(), stop.clone()))))
        .collect();
    let before: Vec<_> = readers.iter().map(|(person, _)| organisation.total(*person)).collect();
    let branch = organisation.reports + 1;
    let moving = organisation.below(branch);
    assert_eq!(organisation.manager(branch), Some(1));
    assert!(organisation.people < 60_000 || moving > 5_000, "{moving} people move");
    organisation.reorganise(&platform, branch, 2).await.unwrap();
    for (person, session) in &readers {
        says(session, organisation.total(*person)).await;
    }
    let now = all_kept(&platform, &readers, kept.len() + 2).await;
    assert!(now.is_superset(&kept) && now.len() == kept.len() + 2, "of the two whose people these are");
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
    assert!(moved[1] < moved[2] && moving > 1, "a branch moved: {moved:?}");
    // What is sold goes into the kept sums like into the others.
    organisation.deals = 3;
    organisation.publish(&platform).await.unwrap();
    for (person, session) in &readers {
        says(session, organisation.total(*person)).await;
        assert_eq!(listed(session).await, organisation.total(*person));
    }
}
