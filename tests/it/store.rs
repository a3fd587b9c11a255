//! The document store on a real MongoDB: the contract, crashes of the database, two live copies of a consumer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bson::{Document, RawDocumentBuf, doc};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{
    Batch, CollectionSpec, Direction, Documents, Error, Operation, Query, ScopedReads as _, Write,
    conformance, text_id,
};
use salescommand_store_mongo::{MongoStore, admin};
use salescommand_tests::mongo::Mongo;

const CONSUMER: &str = "normalizer";
const FACETS: &str = "canonical_facets_g1";
const COUNTERS: &str = "canonical_counters_g1";
const OUTBOX: &str = "canonical_outbox_g1";

fn write(
    collection: &str,
    operation: fn(RawDocumentBuf) -> Operation,
    document: &Document,
) -> anyhow::Result<Write> {
    let document = RawDocumentBuf::try_from(document)?;
    let id = text_id(&document)?.to_owned();
    Ok(Write { collection: collection.to_owned(), id, operation: operation(document) })
}

/// The batch that follows a revision: 20 new documents, 5 counters that go on, an outbox entry, and one that goes.
fn batch(revision: i64) -> anyhow::Result<Batch> {
    let mut writes = Vec::new();
    for n in 0..20 {
        let document = doc! { "_id": format!("{revision:05}-{n:02}"), "text": "x".repeat(500), "n": n };
        writes.push(write(FACETS, Operation::Insert, &document)?);
    }
    for n in 0..5 {
        let document = doc! { "_id": n.to_string(), "value": revision + 1 };
        writes.push(write(
            COUNTERS,
            if revision == 0 { Operation::Insert } else { Operation::Replace },
            &document,
        )?);
    }
    writes.push(write(OUTBOX, Operation::Insert, &doc! { "_id": format!("{revision:05}") })?);
    if let Some(old) = revision.checked_sub(3).filter(|old| *old >= 0) {
        let (collection, id) = (OUTBOX.to_owned(), format!("{old:05}"));
        writes.push(Write { collection, id, operation: Operation::Delete });
    }
    let position = doc! { "odoo": { "epoch": 1, "sequence": (revision + 1) * 20 } };
    Ok(Batch { consumer: CONSUMER.to_owned(), expected_revision: revision, position, writes })
}

fn specs() -> Vec<CollectionSpec> {
    [FACETS, COUNTERS, OUTBOX].map(CollectionSpec::plain).to_vec()
}

type State = BTreeMap<String, Vec<RawDocumentBuf>>;

async fn state(store: &dyn Documents) -> anyhow::Result<State> {
    let mut state = State::new();
    for collection in [FACETS, COUNTERS, OUTBOX, "positions"] {
        let found = store.find(collection, &Query::all().sorted("_id", Direction::Ascending)).await?;
        state.insert(collection.to_owned(), found);
    }
    Ok(state)
}

/// The state after so many batches without any disturbance.
async fn undisturbed(batches: i64) -> anyhow::Result<State> {
    let store = MemoryStore::new();
    for revision in 0..batches {
        store.commit(batch(revision)?).await?;
    }
    state(&store).await
}

/// Asks until it is answered, or a minute has passed.
async fn until_reachable(store: &MongoStore) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = store.position(CONSUMER).await {
        ensure!(error.is_transient() && Instant::now() < deadline, "not reachable again: {error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test]
async fn mongodb_conforms() -> anyhow::Result<()> {
    let mongo = Mongo::start().await?;
    let (uri, started) = (mongo.uri(), Instant::now());
    let passed = conformance::run(|check| {
        let uri = uri.clone();
        async move { MongoStore::connect(&uri, check).await }
    });
    let passed = passed.await.map_err(|failure| anyhow::anyhow!("{failure}"))?;
    println!("{passed} checks in {:?}", started.elapsed());
    ensure!(passed == 34, "{passed} checks ran");
    Ok(())
}

/// What became of a stream of commits.
#[derive(Debug, Default)]
struct Stream {
    revision: i64,
    given_up: u32,
    deaths: u32,
}

impl Stream {
    /// One commit. The caller's patience is short now and then, so that it stops waiting in the middle. Then it
    /// either tries the same batch again, or dies: another process connects and goes on from the stored position.
    /// That one may be fenced by the commit that its predecessor left behind, and dies as well.
    async fn step(&mut self, uri: &str, store: &mut MongoStore, may_die: bool) -> anyhow::Result<()> {
        let turn = u64::try_from(self.revision)? + u64::from(self.given_up);
        let patience = if turn % 3 == 0 { Duration::from_secs(60) } else { Duration::from_millis(turn % 13) };
        let dead = match tokio::time::timeout(patience, store.commit(batch(self.revision)?)).await {
            Ok(Ok(next)) => {
                ensure!(next == self.revision + 1, "revision {next} follows {}", self.revision);
                self.revision = next;
                return Ok(());
            }
            Ok(Err(Error::Fenced(_))) if may_die => true,
            Ok(Err(error)) if !error.is_transient() => bail!("batch {}: {error}", self.revision),
            Ok(Err(_)) | Err(_) => {
                self.given_up += 1;
                may_die && self.given_up.is_multiple_of(6)
            }
        };
        if dead {
            self.deaths += 1;
            (*store, self.revision) = next_process(uri).await?;
        }
        Ok(())
    }
}

/// Connects anew and reads where to go on, as often as the database is not there.
async fn next_process(uri: &str) -> anyhow::Result<(MongoStore, i64)> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let started = async {
            let store = MongoStore::connect(uri, "kill").await?;
            let position = store.position(CONSUMER).await?;
            Ok((store, position.map_or(0, |position| position.revision)))
        };
        match started.await {
            Err(error @ Error::Unavailable(_)) if Instant::now() < deadline => drop(error),
            other => return Ok(other?),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn commit_stream(uri: String, end: tokio::sync::watch::Receiver<bool>) -> anyhow::Result<Stream> {
    let (mut store, mut stream) = (MongoStore::connect(&uri, "kill").await?, Stream::default());
    while !*end.borrow() {
        stream.step(&uri, &mut store, true).await?;
    }
    Ok(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_its_caller_gave_up_is_settled_by_the_next() -> anyhow::Result<()> {
    let mongo = Mongo::start().await?;
    let (mut store, mut stream) = (mongo.store("kill").await?, Stream::default());
    store.ensure(&specs()).await?;
    while stream.revision < 100 || stream.given_up < 30 {
        stream.step(&mongo.uri(), &mut store, false).await?;
    }
    // The last of them may have been given up, and be in or not: the next one, of the same batch, settles it.
    stream.revision = store.commit(batch(stream.revision)?).await?;
    println!("{stream:?}");
    ensure!(
        state(&store).await? == undisturbed(stream.revision).await?,
        "the state differs from an undisturbed run"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_database_loses_and_doubles_nothing() -> anyhow::Result<()> {
    let mut mongo = Mongo::start().await?;
    let reader = mongo.store("kill").await?;
    reader.ensure(&specs()).await?;
    let (end, ended) = tokio::sync::watch::channel(false);
    let writer = tokio::spawn(commit_stream(mongo.uri(), ended));
    let mut seen = 0;
    for kill in 0..4 {
        // Each kill comes after some progress, and at another moment within a transaction.
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let at = reader.position(CONSUMER).await?.map_or(0, |position| position.revision);
            if at >= seen + 10 + kill {
                seen = at;
                break;
            }
            ensure!(!writer.is_finished() && Instant::now() < deadline, "no progress after kill {kill}");
        }
        mongo.kill9()?;
        mongo.restart()?;
        until_reachable(&reader).await?;
    }
    end.send(true)?;
    let stream = writer.await??;
    let position = reader.position(CONSUMER).await?.context("no position")?;
    println!("4 kills of the database: {stream:?}");
    // A commit that its writer gave up may come in late: what counts is a state and the position it belongs to.
    let mut position = position;
    let found = loop {
        let found = state(&reader).await?;
        let after = reader.position(CONSUMER).await?.context("no position")?;
        if after == position {
            break found;
        }
        position = after;
    };
    ensure!(
        position.revision >= stream.revision && stream.revision >= seen,
        "position {}",
        position.revision
    );
    ensure!(found == undisturbed(position.revision).await?, "the state differs from an undisturbed run");
    Ok(())
}

/// One copy of a consumer: from the stored position on, until it is fenced or everything is in.
async fn copy(store: MongoStore, name: &'static str, batches: i64) -> anyhow::Result<(i64, bool)> {
    let mut committed = 0;
    loop {
        let revision = store.position(CONSUMER).await?.map_or(0, |position| position.revision);
        if revision >= batches {
            return Ok((committed, false));
        }
        let mut batch = batch(revision)?;
        batch.position.insert("copy", name);
        match store.commit(batch).await {
            Ok(_) => committed += 1,
            Err(Error::Fenced(_)) => return Ok((committed, true)),
            Err(error) => bail!("{name}: {error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_live_copies_one_is_fenced() -> anyhow::Result<()> {
    let mongo = Mongo::start().await?;
    for round in 0..5 {
        let database = format!("fence{round}");
        let (left, right) = (mongo.store(&database).await?, mongo.store(&database).await?);
        left.ensure(&specs()).await?;
        let (left, right) =
            tokio::join!(tokio::spawn(copy(left, "left", 40)), tokio::spawn(copy(right, "right", 40)));
        let ((left, left_fenced), (right, right_fenced)) = (left??, right??);
        println!("left {left} {left_fenced}, right {right} {right_fenced}");
        ensure!(left + right == 40, "{left} and {right} batches are in");
        ensure!(!(left_fenced && right_fenced), "both copies were fenced");
        let store = mongo.store(&database).await?;
        let (mut found, mut expected) = (state(&store).await?, undisturbed(40).await?);
        found.remove("positions");
        expected.remove("positions");
        ensure!(found == expected, "the state differs from an undisturbed run");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_delays_a_commit_and_no_more() -> anyhow::Result<()> {
    let mongo = Mongo::start().await?;
    let store = mongo.store("freeze").await?;
    store.ensure(&specs()).await?;
    store.commit(batch(0)?).await?;
    mongo.stop()?;
    let (waiting, commit) = (store.clone(), batch(1)?);
    let mut waiting = tokio::spawn(async move { waiting.commit(commit).await });
    let early = tokio::time::timeout(Duration::from_secs(3), &mut waiting).await;
    ensure!(early.is_err(), "a frozen database answered");
    mongo.cont()?;
    ensure!(waiting.await?? == 2, "the commit did not go through");
    ensure!(state(&store).await? == undisturbed(2).await?, "the state differs");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_database_is_unavailable_soon_and_a_commit_waits_for_it() -> anyhow::Result<()> {
    let mut mongo = Mongo::start().await?;
    let store = mongo.store("dead").await?;
    store.ensure(&specs()).await?;
    mongo.kill9()?;
    let asked = Instant::now();
    let answer = store.ping().await;
    ensure!(matches!(answer, Err(Error::Unavailable(_))), "a dead database answered {answer:?}");
    ensure!(asked.elapsed() < Duration::from_secs(12), "it took {:?}", asked.elapsed());
    let answer = mongo.store("dead").await;
    ensure!(answer.is_err_and(|error| error.is_transient()), "connected to a dead database");
    let (waiting, commit) = (store.clone(), batch(0)?);
    let waiting = tokio::spawn(async move { waiting.commit(commit).await });
    mongo.restart()?;
    ensure!(waiting.await?? == 1, "the commit did not go through");
    Ok(())
}

#[tokio::test]
async fn a_development_set_is_initiated_once() -> anyhow::Result<()> {
    let mut mongo = Mongo::start_with_sign_in()?;
    let password = "a-password-of-a-test";
    admin::init_dev_replica_set(&mongo.uri(), password).await?;
    admin::init_dev_replica_set(&mongo.uri(), password).await?;
    mongo.restart()?;
    admin::init_dev_replica_set(&mongo.uri(), password).await?;

    let wrong = admin::init_dev_replica_set(&mongo.uri(), "another-password").await;
    ensure!(matches!(wrong, Err(Error::Refused(_))), "another password gave {wrong:?}");
    for uri in [mongo.uri_of(admin::DEV_USER, "another-password"), mongo.uri_of("nobody", password)] {
        match MongoStore::connect(&uri, "signed").await {
            Err(Error::Refused(text)) => {
                ensure!(!text.contains("password-of") && !text.contains("another-"), "{text}")
            }
            other => bail!("a wrong sign-in gave {other:?}"),
        }
    }
    let nobody = mongo.store("signed").await?;
    let unsigned = nobody.position(CONSUMER).await;
    ensure!(matches!(unsigned, Err(Error::Refused(_))), "no sign-in gave {unsigned:?}");
    let malformed = MongoStore::connect("mongodb://user:p@ss:word@host:port/", "signed").await;
    ensure!(malformed.is_err_and(|error| !error.to_string().contains("p@ss")), "an error quotes its address");

    let store = MongoStore::connect(&mongo.uri_of(admin::DEV_USER, password), "signed").await?;
    store.ensure(&specs()).await?;
    ensure!(store.commit(batch(0)?).await? == 1, "no first revision");
    admin::drop_database(&store).await?;
    ensure!(store.position(CONSUMER).await?.is_none(), "the database is still there");
    Ok(())
}
