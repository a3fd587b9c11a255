//! The event log on a real NATS server: the conformance suite of the twin, and what only a server can break.

use std::time::{Duration, Instant};

use salescommand_eventlog::conformance::{self, message, spec};
use salescommand_eventlog::{BatchLimit, Error, EventLog, Health as _, KeyValue as _, LogReader, Outgoing};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_tests::nats::Nats;

async fn connect(url: String) -> Result<NatsLog, Error> {
    NatsLog::connect(NatsOptions { url, name: "test".into(), connect_within: Duration::from_secs(10) }).await
}

/// What no part of the product does to a stream, by the client itself.
async fn administration(nats: &Nats) -> async_nats::jetstream::Context {
    let (address, user, password) = nats.platform();
    let options = async_nats::ConnectOptions::new().user_and_password(user, password);
    async_nats::jetstream::new(options.connect(address).await.unwrap())
}

/// Reads until a sequence has come, through outages, and checks that none is missing or comes twice.
async fn read_up_to(reader: &mut dyn LogReader, mut seen: u64, last: u64) -> u64 {
    let limit = BatchLimit { messages: 500, bytes: 1 << 20, wait: Duration::from_millis(500) };
    let deadline = Instant::now() + Duration::from_secs(60);
    while seen < last {
        assert!(Instant::now() < deadline, "got no further than {seen} of {last}");
        match reader.next(limit).await {
            Ok(messages) => {
                for message in messages {
                    assert_eq!(message.sequence, seen + 1);
                    seen = message.sequence;
                }
            }
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    seen
}

/// Publishes until it succeeds, as a driver does.
async fn publish_through(log: &NatsLog, stream: &str, messages: Vec<Outgoing>) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while let Err(error) = log.publish(stream, messages.clone()).await {
        assert!(error.is_transient(), "{error}");
        assert!(Instant::now() < deadline, "never stored: {error}");
    }
}

fn numbered(stream: &str, numbers: std::ops::Range<u64>) -> Vec<Outgoing> {
    let numbered = |n: u64| {
        let id = Some(format!("{stream}-{n}"));
        Outgoing { message_id: id, ..message(stream, &format!("r{}", n % 100), vec![b'x'; 500]) }
    };
    numbers.map(numbered).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_conformance_suite() {
    let nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    conformance::run(&log, "CONF").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immutable_stream_cannot_be_emptied() {
    let nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    log.ensure_stream(&spec("FIXED")).await.unwrap();
    publish_through(&log, "FIXED", numbered("FIXED", 0..3)).await;
    let stream = administration(&nats).await.get_stream("FIXED").await.unwrap();
    assert!(stream.delete_message(1).await.is_err());
    assert!(stream.purge().await.is_err());
    assert_eq!(log.stream("FIXED").await.unwrap().unwrap().messages, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_a_broker_killed_under_way() {
    let mut nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    log.ensure_stream(&spec("KILLED")).await.unwrap();
    log.ensure_bucket("KILLED").await.unwrap();
    let mut reader = log.read_after("KILLED", 0).await.unwrap();
    publish_through(&log, "KILLED", numbered("KILLED", 0..500)).await;
    let revision = log.put_if("KILLED", "k", 0, "v".into()).await.unwrap();
    let seen = read_up_to(&mut *reader, 0, 300).await;

    let publisher = tokio::spawn({
        let log = log.clone();
        async move {
            for start in (500..5_500).step_by(250) {
                publish_through(&log, "KILLED", numbered("KILLED", start..start + 250)).await;
            }
        }
    });
    for _ in 0..2 {
        let status = log.stream("KILLED").await;
        nats.restart().unwrap();
        assert!(status.is_ok() || status.is_err_and(|error| error.is_transient()));
        let after_restart = Instant::now();
        while log.ping().await.is_err() {
            assert!(after_restart.elapsed() < Duration::from_secs(30), "no reconnect");
        }
    }
    publisher.await.unwrap();
    let status = log.stream("KILLED").await.unwrap().unwrap();
    assert_eq!(status.messages, 5_500, "each message once");
    read_up_to(&mut *reader, seen, 5_500).await;
    assert_eq!(log.get("KILLED", "k").await.unwrap().unwrap().revision, revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_reader_goes_on_soon_after_a_restart() {
    let mut nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    log.ensure_stream(&spec("IDLE")).await.unwrap();
    let mut reader = log.read_after("IDLE", 0).await.unwrap();
    publish_through(&log, "IDLE", numbered("IDLE", 0..10)).await;
    assert_eq!(read_up_to(&mut *reader, 0, 10).await, 10);
    nats.restart().unwrap();
    publish_through(&log, "IDLE", numbered("IDLE", 10..20)).await;
    let begun = Instant::now();
    read_up_to(&mut *reader, 10, 20).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_is_unavailable_and_not_a_hang() {
    let nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    log.ensure_stream(&spec("FROZEN")).await.unwrap();
    nats.stop().unwrap();
    let begun = Instant::now();
    let refused = log.publish("FROZEN", numbered("FROZEN", 0..10)).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(15));
    nats.cont().unwrap();
    publish_through(&log, "FROZEN", numbered("FROZEN", 0..10)).await;
    assert_eq!(log.stream("FROZEN").await.unwrap().unwrap().messages, 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_reports_a_stream_that_was_made_anew() {
    let nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    log.ensure_stream(&spec("ANEW")).await.unwrap();
    publish_through(&log, "ANEW", numbered("ANEW", 0..10)).await;
    administration(&nats).await.delete_stream("ANEW").await.unwrap();
    log.ensure_stream(&spec("ANEW")).await.unwrap();
    assert!(matches!(log.read_after("ANEW", 10).await.err(), Some(Error::Refused(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_is_refused_what_is_not_its_own() {
    let nats = Nats::start().unwrap();
    let platform = connect(nats.url()).await.unwrap();
    let own =
        salescommand_eventlog::StreamSpec { subjects: vec!["raw.odoo.>".into()], ..spec("RAW_ODOO_E1") };
    let config =
        salescommand_eventlog::StreamSpec { subjects: vec!["raw.config.>".into()], ..spec("RAW_CONFIG_E1") };
    platform.ensure_stream(&own).await.unwrap();
    platform.ensure_stream(&config).await.unwrap();
    let connector = connect(nats.connector_url()).await.unwrap();
    let event = |subject: &str| vec![Outgoing { subject: subject.into(), ..message("x", "x", "x") }];
    connector.publish("RAW_ODOO_E1", event("raw.odoo.lead.1")).await.unwrap();
    let found = connector.last_by_subject("RAW_ODOO_E1", &["raw.odoo.lead.1".into()]).await.unwrap();
    assert_eq!(found[0].as_ref().unwrap().sequence, 1);
    let forbidden = connector.publish("RAW_CONFIG_E1", event("raw.config.person.1")).await;
    assert!(matches!(forbidden, Err(Error::Refused(_))), "{forbidden:?}");
    let forbidden = connector.ensure_stream(&spec("OWN")).await;
    assert!(matches!(forbidden, Err(Error::Refused(_))), "{forbidden:?}");
}

#[tokio::test]
async fn wrong_credentials_and_missing_brokers_are_told_apart() {
    let nats = Nats::start().unwrap();
    let wrong = connect(nats.url().replace("platform-of", "wrong")).await.err();
    assert!(matches!(wrong, Some(Error::Refused(_))), "{wrong:?}");
    let nowhere = format!("nats://user:secret@127.0.0.1:{}", salescommand_tests::nats::free_port().unwrap());
    let options =
        NatsOptions { url: nowhere, name: "test".into(), connect_within: Duration::from_millis(300) };
    let missing = NatsLog::connect(options).await.err().unwrap();
    assert!(matches!(missing, Error::Unavailable(_)), "{missing:?}");
    assert!(!missing.to_string().contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_together_is_whole_after_a_kill() {
    let mut nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    log.ensure_stream(&spec("WHOLE")).await.unwrap();
    let publisher = tokio::spawn({
        let log = log.clone();
        async move {
            let deadline = Instant::now() + Duration::from_secs(60);
            let mut stored = 0;
            while stored < 40 * 200 {
                assert!(Instant::now() < deadline, "got no further than {stored}");
                match log.publish_together("WHOLE", stored, numbered("WHOLE", stored..stored + 200)).await {
                    Ok(()) => stored += 200,
                    // Unknown, or in although nobody told us: the stream's end tells.
                    Err(_) => {
                        let status = log.stream("WHOLE").await.ok().flatten();
                        stored = status.map_or(stored, |status| status.last_sequence);
                        assert_eq!(stored % 200, 0, "a part of a batch was stored");
                    }
                }
            }
        }
    });
    for reached in [1_000, 3_000, 5_000] {
        let deadline = Instant::now() + Duration::from_secs(30);
        while log.stream("WHOLE").await.ok().flatten().is_none_or(|status| status.last_sequence < reached) {
            assert!(Instant::now() < deadline, "no progress to {reached}");
        }
        nats.restart().unwrap();
    }
    publisher.await.unwrap();
    let mut reader = log.read_after("WHOLE", 0).await.unwrap();
    assert_eq!(read_up_to(&mut *reader, 0, 8_000).await, 8_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_an_earlier_version_learns_to_take_messages_together() {
    let nats = Nats::start().unwrap();
    let log = connect(nats.url()).await.unwrap();
    let config = async_nats::jetstream::stream::Config {
        name: "OLD".into(),
        subjects: vec!["OLD.>".into()],
        deny_delete: true,
        deny_purge: true,
        ..Default::default()
    };
    administration(&nats).await.create_stream(config).await.unwrap();
    let first = log.publish_together("OLD", 0, numbered("OLD", 0..3)).await;
    assert!(matches!(first, Err(Error::Unavailable(_))), "{first:?}");
    log.publish_together("OLD", 0, numbered("OLD", 0..3)).await.unwrap();
    assert_eq!(log.stream("OLD").await.unwrap().unwrap().messages, 3);
}
