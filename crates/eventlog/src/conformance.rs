//! What every event log has to do, as checks that both the twin and the real one pass.
//!
//! A check panics where a promise is broken and returns the log's own errors. Names begin with the given prefix
//! (letters and digits), so that checks share a broker.

mod administration;

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;

pub use administration::stored;

use crate::{
    Administration, BatchLimit, Error, EventLog, Health, Jobs, KeyValue, MOST_TOGETHER, Message, Outgoing,
    QueueSpec, Requests, StreamSpec,
};

/// Runs every check.
pub async fn run<L>(log: &L, prefix: &str) -> Result<(), Error>
where
    L: EventLog + Administration + KeyValue + Jobs + Requests + Health,
{
    log.ping().await?;
    publishes_in_order_and_once(log, &format!("{prefix}A")).await?;
    fences_by_expected_sequence(log, &format!("{prefix}B")).await?;
    fences_by_the_last_of_a_subject(log, &format!("{prefix}J")).await?;
    publishes_together(log, &format!("{prefix}K")).await?;
    gives_the_last_of_each_subject(log, &format!("{prefix}C")).await?;
    reads_in_order_and_waits(log, &format!("{prefix}D")).await?;
    refuses_what_it_does_not_know(log, &format!("{prefix}E")).await?;
    pushes_back_when_full(log, &format!("{prefix}F")).await?;
    compares_and_sets(log, &format!("{prefix}G")).await?;
    hands_out_jobs(log, &format!("{prefix}H")).await?;
    answers_requests(log, &format!("{prefix}I")).await?;
    administration::run(log, &format!("{prefix}X")).await
}

/// A stream specification for checks.
pub fn spec(name: &str) -> StreamSpec {
    StreamSpec {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        immutable: true,
        max_bytes: None,
        duplicate_window: Duration::from_secs(120),
    }
}

/// A message for checks.
pub fn message(stream: &str, token: &str, payload: impl Into<Bytes>) -> Outgoing {
    Outgoing {
        subject: format!("{stream}.{token}"),
        message_id: None,
        expected_last_sequence: None,
        content_type: Some("application/msgpack"),
        payload: payload.into(),
    }
}

fn batch(messages: usize, wait_ms: u64) -> BatchLimit {
    BatchLimit { messages, bytes: 1 << 20, wait: Duration::from_millis(wait_ms) }
}

async fn publishes_in_order_and_once(log: &impl EventLog, name: &str) -> Result<(), Error> {
    log.ensure_stream(&spec(name)).await?;
    log.ensure_stream(&spec(name)).await?;
    assert!(log.last_message(name).await?.is_none(), "a new stream has no message");
    let with_id = |n: usize| {
        let id = Some(format!("id-{n}"));
        Outgoing { message_id: id, ..message(name, &format!("r{n}"), format!("payload {n}")) }
    };
    let first = log.publish(name, (1..=50).map(with_id).collect()).await?;
    let sequences: Vec<_> = first.iter().map(|published| published.sequence).collect();
    assert_eq!(sequences, (1..=50).collect::<Vec<u64>>());
    let again = log.publish(name, (41..=60).map(with_id).collect()).await?;
    let duplicates = again.iter().filter(|published| published.duplicate).count();
    assert_eq!(duplicates, 10, "an id inside the window is stored once");
    assert_eq!(again[0].sequence, 41, "a duplicate tells the earlier sequence");
    let twice = log.publish(name, vec![with_id(61), with_id(62), with_id(61)]).await?;
    let twice: Vec<_> = twice.iter().map(|published| (published.sequence, published.duplicate)).collect();
    assert_eq!(twice, [(61, false), (62, false), (61, true)]);
    let many = log.publish(name, (1_000..3_500).map(with_id).collect()).await?;
    let many: Vec<_> = many.iter().map(|published| published.sequence).collect();
    assert_eq!(many, (63..=2_562).collect::<Vec<u64>>());
    let again = log.publish(name, (3_000..3_500).map(with_id).collect()).await?;
    assert!(
        again.iter().all(|published| published.duplicate),
        "what was stored in one piece is known by its ids"
    );
    let status = log.stream(name).await?;
    assert_eq!(
        status.as_ref().map(|s| (s.first_sequence, s.last_sequence, s.messages)),
        Some((1, 2_562, 2_562))
    );
    assert!(status.is_some_and(|s| s.bytes > 0 && s.first_at.is_some() && s.last_at >= s.first_at));
    let listed: Vec<_> = log.streams(name).await?.into_iter().map(|status| status.name).collect();
    assert_eq!(listed, [name]);
    let last = log.last_message(name).await?;
    assert_eq!(last.map(|m| m.payload), Some(Bytes::from("payload 3499")));
    Ok(())
}

async fn fences_by_expected_sequence(log: &impl EventLog, name: &str) -> Result<(), Error> {
    log.ensure_stream(&spec(name)).await?;
    let expecting =
        |n: u64| Outgoing { expected_last_sequence: Some(n), ..message(name, "x", format!("behind {n}")) };
    log.publish(name, (0..20).map(expecting).collect()).await?;
    let late = log.publish(name, (15..25).map(expecting).collect()).await;
    assert!(matches!(late, Err(Error::Conflict { expected: 15, .. })), "{late:?}");
    let status = log.stream(name).await?;
    assert_eq!(status.map(|s| s.last_sequence), Some(20), "nothing behind the mismatch was stored");
    Ok(())
}

async fn fences_by_the_last_of_a_subject(log: &impl EventLog, name: &str) -> Result<(), Error> {
    log.ensure_stream(&spec(name)).await?;
    let one = |text: &'static str| message(name, "one", text);
    let first = log.publish_if_last(name, one("first"), 0).await?;
    assert_eq!((first.sequence, first.duplicate), (1, false));
    let again = log.publish_if_last(name, one("first of all"), 0).await;
    assert!(matches!(again, Err(Error::Conflict { expected: 0, .. })), "{again:?}");
    // What happens to other subjects is no conflict.
    log.publish(name, vec![message(name, "two", "elsewhere")]).await?;
    let second = Outgoing { message_id: Some("second".to_owned()), ..one("second") };
    assert_eq!(log.publish_if_last(name, second.clone(), 1).await?.sequence, 3);
    let repeated = log.publish_if_last(name, second, 1).await;
    assert!(
        matches!(repeated, Err(Error::Conflict { expected: 1, .. })),
        "a repetition conflicts with itself"
    );
    let stale = log.publish_if_last(name, one("stale"), 1).await;
    assert!(matches!(stale, Err(Error::Conflict { expected: 1, .. })), "{stale:?}");
    let racing = [log.publish_if_last(name, one("left"), 3), log.publish_if_last(name, one("right"), 3)];
    let won = futures::future::join_all(racing).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1, "of two writers that saw the same, one wins");
    assert_eq!(log.stream(name).await?.map(|status| status.messages), Some(4), "what lost is not stored");
    Ok(())
}

async fn publishes_together(log: &impl EventLog, name: &str) -> Result<(), Error> {
    let missing = log.publish_together(name, 0, vec![message(name, "x", "nowhere")]).await;
    assert!(matches!(missing, Err(Error::Missing(_))), "{missing:?}");
    log.ensure_stream(&StreamSpec { max_bytes: Some(200_000), ..spec(name) }).await?;
    let numbered = |n: usize| message(name, &format!("r{}", n % 3), format!("{n}"));
    log.publish_together(name, 0, (1..=MOST_TOGETHER).map(numbered).collect()).await?;
    log.publish_together(name, 1_000, vec![numbered(1_001)]).await?;
    log.publish_together(name, 1_001, Vec::new()).await?;
    let all = 1_001;
    let stale = log.publish_together(name, 1_000, vec![numbered(7), numbered(8)]).await;
    assert!(matches!(stale, Err(Error::Conflict { expected: 1_000, .. })), "{stale:?}");
    let ahead = log.publish_together(name, 1_005, vec![numbered(7)]).await;
    assert!(matches!(ahead, Err(Error::Conflict { expected: 1_005, .. })), "{ahead:?}");
    let many = log.publish_together(name, all, (0..=MOST_TOGETHER).map(numbered).collect()).await;
    assert!(matches!(many, Err(Error::Refused(_))), "{many:?}");
    let large = (0..3).map(|_| message(name, "x", vec![b'x'; 100_000])).collect();
    let full = log.publish_together(name, all, large).await;
    assert!(matches!(full, Err(Error::Full(_))), "{full:?}");
    let status = log.stream(name).await?;
    assert_eq!(status.map(|s| s.last_sequence), Some(all), "what failed left nothing behind");
    log.publish(name, vec![numbered(1_002)]).await?;
    let mut reader = log.read_after(name, 0).await?;
    let mut read = Vec::new();
    while read.len() < 1_002 {
        read.extend(reader.next(batch(1_002, 10_000)).await?);
    }
    for (number, found) in (1..).zip(&read) {
        assert_eq!((found.sequence, &found.payload[..]), (number, number.to_string().as_bytes()));
    }
    Ok(())
}

async fn gives_the_last_of_each_subject(log: &impl EventLog, name: &str) -> Result<(), Error> {
    log.ensure_stream(&spec(name)).await?;
    let none = log.last_by_subject(name, &[format!("{name}.r1")]).await?;
    assert_eq!(none, [None], "an empty stream has no last message");
    let round = |round: &'static str, count: usize| -> Vec<_> {
        (0..count).map(|n| message(name, &format!("r{n}"), format!("{round} {n}"))).collect()
    };
    log.publish(name, round("old", 1500)).await?;
    log.publish(name, round("new", 700)).await?;
    let mut subjects: Vec<_> = (0..1023).rev().map(|n| format!("{name}.r{n}")).collect();
    subjects.insert(5, format!("{name}.unknown"));
    let found = log.last_by_subject(name, &subjects).await?;
    assert_eq!(found.len(), 1024);
    assert!(found[5].is_none());
    for (subject, found) in subjects.iter().zip(&found).filter(|(_, found)| found.is_some()) {
        let found = found.as_ref();
        assert_eq!(found.map(|m| &m.subject), Some(subject));
        let number: usize = subject.rsplit('r').next().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
        let round = if number < 700 { "new" } else { "old" };
        assert_eq!(found.map(|m| m.payload.clone()), Some(Bytes::from(format!("{round} {number}"))));
        assert_eq!(found.and_then(|m| m.content_type.as_deref()), Some("application/msgpack"));
    }
    assert_eq!(found.iter().filter(|found| found.is_some()).count(), 1023);
    assert!(log.last_by_subject(name, &[]).await?.is_empty());
    let asked = [format!("{name}.r3"), format!("{name}.r1499"), format!("{name}.r699"), format!("{name}.no")];
    for (up_to, expected) in [
        (0, [None, None, None, None]),
        (4, [Some(4), None, None, None]),
        (1_503, [Some(4), Some(1_500), Some(700), None]),
        (1_504, [Some(1_504), Some(1_500), Some(700), None]),
        (9_999, [Some(1_504), Some(1_500), Some(2_200), None]),
    ] {
        let found = log.last_by_subject_up_to(name, &asked, up_to).await?;
        let found: Vec<_> = found.iter().map(|found| found.as_ref().map(|found| found.sequence)).collect();
        assert_eq!(found, expected, "as it was at {up_to}");
    }
    Ok(())
}

async fn reads_in_order_and_waits(log: &impl EventLog, name: &str) -> Result<(), Error> {
    log.ensure_stream(&spec(name)).await?;
    let numbered = |n: u64| message(name, &format!("r{}", n % 7), n.to_string());
    log.publish(name, (1..=1200).map(numbered).collect()).await?;
    let mut reader = log.read_after(name, 200).await?;
    let mut seen: Vec<Message> = Vec::new();
    while seen.len() < 1000 {
        let messages = reader.next(batch(300, 10_000)).await?;
        assert!((1..=300).contains(&messages.len()), "{} messages after {}", messages.len(), seen.len());
        seen.extend(messages);
    }
    for (expected, message) in (201..).zip(&seen) {
        assert_eq!(message.sequence, expected);
        assert_eq!(message.payload, Bytes::from(expected.to_string()));
    }
    assert!(reader.next(batch(10, 50)).await?.is_empty(), "nothing more within the wait");
    // A dropped read loses nothing.
    let dropped = tokio::time::timeout(Duration::from_millis(20), reader.next(batch(10, 60_000))).await;
    assert!(dropped.is_err());
    let (arrived, published) =
        tokio::join!(reader.next(batch(10, 10_000)), log.publish(name, vec![numbered(1201)]));
    published?;
    assert_eq!(arrived?.first().map(|m| m.sequence), Some(1201));
    let by_size = BatchLimit { messages: 100, bytes: 6, wait: Duration::from_secs(10) };
    let mut reader = log.read_after(name, 10).await?;
    assert_eq!(reader.next(by_size).await?.len(), 3, "six bytes are three messages of two digits");
    Ok(())
}

async fn refuses_what_it_does_not_know(log: &(impl EventLog + KeyValue), name: &str) -> Result<(), Error> {
    assert!(log.stream(name).await?.is_none());
    assert!(matches!(log.last_message(name).await, Err(Error::Missing(_))));
    assert!(matches!(log.last_by_subject(name, &["x".into()]).await, Err(Error::Missing(_))));
    assert!(matches!(log.publish(name, vec![message(name, "x", "")]).await, Err(Error::Missing(_))));
    assert!(matches!(log.read_after(name, 0).await.err(), Some(Error::Missing(_))));
    assert!(matches!(log.get(name, "x").await, Err(Error::Missing(_))));
    log.ensure_stream(&spec(name)).await?;
    let beyond = log.read_after(name, 7).await.err();
    assert!(matches!(beyond, Some(Error::Refused(_))), "a position behind the end: {beyond:?}");
    let large = log.publish(name, vec![message(name, "x", vec![0; 9 << 20])]).await;
    assert!(matches!(large, Err(Error::Refused(_))), "nine megabytes: {large:?}");
    Ok(())
}

async fn pushes_back_when_full(log: &impl EventLog, name: &str) -> Result<(), Error> {
    log.ensure_stream(&StreamSpec { max_bytes: Some(4096), ..spec(name) }).await?;
    let filled = log.publish(name, (0..5).map(|_| message(name, "x", vec![b'x'; 1000])).collect()).await;
    assert!(matches!(filled, Err(Error::Full(_))), "{filled:?}");
    let kept = log.stream(name).await?.map(|s| s.first_sequence);
    assert_eq!(kept, Some(1), "a full immutable stream drops nothing");
    let with_id = |n: u8| Outgoing { message_id: Some(n.to_string()), ..message(name, "x", vec![n; 1000]) };
    let page = log.publish(name, (0..5).map(with_id).collect()).await;
    assert!(matches!(page, Err(Error::Full(_))), "{page:?}");
    Ok(())
}

async fn compares_and_sets(log: &impl KeyValue, name: &str) -> Result<(), Error> {
    log.ensure_bucket(name).await?;
    log.ensure_bucket(name).await?;
    assert!(log.entries(name).await?.is_empty());
    assert!(log.get(name, "a.b=2E").await?.is_none());
    let first = log.put_if(name, "a.b=2E", 0, "one".into()).await?;
    let taken = log.put_if(name, "a.b=2E", 0, "two".into()).await;
    assert!(matches!(taken, Err(Error::Conflict { expected: 0, .. })), "{taken:?}");
    let second = log.put_if(name, "a.b=2E", first, "two".into()).await?;
    assert!(second > first);
    let stale = log.put_if(name, "a.b=2E", first, "three".into()).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })), "{stale:?}");
    log.put_if(name, "a.a", 0, "other".into()).await?;
    let entries = log.entries(name).await?;
    let entries: Vec<_> = entries.into_iter().map(|(key, entry)| (key, entry.value)).collect();
    assert_eq!(
        entries,
        [("a.a".to_owned(), Bytes::from("other")), ("a.b=2E".to_owned(), Bytes::from("two"))]
    );
    Ok(())
}

async fn hands_out_jobs(log: &impl Jobs, name: &str) -> Result<(), Error> {
    let queue = QueueSpec {
        name: name.to_owned(),
        subjects: vec![format!("{name}.>")],
        answer_within: Duration::from_millis(600),
        duplicate_window: Duration::from_secs(120),
    };
    log.ensure_queue(&queue).await?;
    log.ensure_queue(&queue).await?;
    let wait = Duration::from_secs(10);
    assert!(log.take(name, Duration::from_millis(50)).await?.is_none());
    let subject = format!("{name}.odoo");
    assert!(log.enqueue(name, &subject, "job-1", "one".into()).await?);
    assert!(!log.enqueue(name, &subject, "job-1", "one".into()).await?, "added once");
    let Some(job) = log.take(name, wait).await? else { panic_missing("the job") };
    assert_eq!((job.subject(), job.payload(), job.deliveries()), (subject.as_str(), &Bytes::from("one"), 1));
    job.give_back(Duration::from_millis(10)).await?;
    let Some(job) = log.take(name, wait).await? else { panic_missing("the job given back") };
    assert_eq!(job.deliveries(), 2);
    for _ in 0..4 {
        // Kept alive beyond `answer_within`, so nobody else gets it.
        let other = log.take(name, Duration::from_millis(250)).await?;
        assert!(other.is_none(), "a job that is being worked on was handed out again");
        job.in_progress().await?;
    }
    drop(job);
    let Some(job) = log.take(name, wait).await? else { panic_missing("the abandoned job") };
    assert_eq!(job.deliveries(), 3);
    job.done().await?;
    assert!(log.take(name, Duration::from_millis(900)).await?.is_none(), "a job that is done came again");
    Ok(())
}

async fn answers_requests(log: &impl Requests, name: &str) -> Result<(), Error> {
    let timeout = Duration::from_secs(10);
    let nobody = log.request(name, "x".into(), timeout).await;
    assert!(matches!(nobody, Err(Error::Unavailable(_))), "{nobody:?}");
    let mut requests = log.serve(name).await?;
    let serve = async {
        while let Some(request) = requests.next().await {
            let answer = format!("re: {}", String::from_utf8_lossy(request.payload()));
            if request.payload() != "silence" {
                request.respond(answer.into()).await?;
            }
        }
        Ok::<_, Error>(())
    };
    let ask = async {
        assert_eq!(log.request(name, "hello".into(), timeout).await?, Bytes::from("re: hello"));
        let silent = log.request(name, "silence".into(), Duration::from_millis(200)).await;
        assert!(matches!(silent, Err(Error::Unavailable(_))), "{silent:?}");
        assert_eq!(log.request(name, "again".into(), timeout).await?, Bytes::from("re: again"));
        Ok::<_, Error>(())
    };
    tokio::select! {
        served = serve => served,
        asked = ask => asked,
    }
}

#[expect(clippy::panic, reason = "a check that fails has to say so")]
fn panic_missing(what: &str) -> ! {
    panic!("{what} was not handed out in time")
}
