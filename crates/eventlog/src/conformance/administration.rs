//! Checks of [`Administration`].

use bytes::Bytes;

use super::{batch, message, spec};
use crate::{Administration, Error, EventLog, LogReader, Outgoing, StoredMessage, StreamState};

/// Runs every check.
pub async fn run<L: EventLog + Administration>(log: &L, prefix: &str) -> Result<(), Error> {
    seals_for_good(log, &format!("{prefix}A")).await?;
    hands_subjects_on(log, &format!("{prefix}B")).await?;
    keeps_the_latest(log, &format!("{prefix}C")).await?;
    builds_again(log, &format!("{prefix}D")).await?;
    builds_beside_an_open_one(log, &format!("{prefix}E")).await?;
    deletes_whole(log, &format!("{prefix}F")).await?;
    let storage = log.storage().await?;
    assert!(storage.used > 0 && storage.limit.is_none_or(|limit| limit >= storage.used), "{storage:?}");
    Ok(())
}

fn numbered(subject_root: &str, n: u64) -> Outgoing {
    Outgoing { message_id: Some(format!("id-{n}")), ..message(subject_root, &format!("r{n}"), n.to_string()) }
}

/// All that a stream holds.
pub async fn stored(
    log: &impl Administration,
    name: &str,
    count: usize,
) -> Result<Vec<StoredMessage>, Error> {
    let mut reader = log.read_stored(name, 0).await?;
    let mut found = Vec::new();
    while found.len() < count {
        let batch = reader.next_stored(batch(100, 10_000)).await?;
        assert!(!batch.is_empty(), "{name} has {} messages only", found.len());
        found.extend(batch);
    }
    Ok(found)
}

async fn read(reader: &mut dyn LogReader) -> Result<Vec<u64>, Error> {
    Ok(reader.next(batch(100, 50)).await?.iter().map(|message| message.sequence).collect())
}

async fn seals_for_good(log: &(impl EventLog + Administration), name: &str) -> Result<(), Error> {
    assert!(matches!(log.seal(name).await, Err(Error::Missing(_))));
    log.ensure_stream(&spec(name)).await?;
    log.publish(name, (1..=5).map(|n| numbered(name, n)).collect()).await?;
    assert_eq!(log.stream(name).await?.map(|status| status.state), Some(StreamState::Open));
    let mut reader = log.read_after(name, 3).await?;
    let sealed = log.seal(name).await?;
    assert_eq!((sealed.state, sealed.last_sequence, sealed.messages), (StreamState::Sealed, 5, 5));
    assert_eq!(log.seal(name).await?, sealed, "a second time changes nothing");
    let refused = log.publish(name, vec![numbered(name, 6)]).await;
    assert!(matches!(refused, Err(Error::Sealed(_))), "{refused:?}");
    assert_eq!(log.stream(name).await?, Some(sealed));
    assert_eq!(read(&mut *reader).await?, [4, 5], "a reader goes on to the end");
    let last = log.last_by_subject(name, &[format!("{name}.r2")]).await?;
    assert_eq!(last[0].as_ref().map(|found| found.payload.clone()), Some(Bytes::from("2")));
    Ok(())
}

async fn hands_subjects_on(log: &(impl EventLog + Administration), name: &str) -> Result<(), Error> {
    let (first, second) = (format!("{name}1"), format!("{name}2"));
    let of = |stream: &str| crate::StreamSpec { subjects: vec![format!("{name}.>")], ..spec(stream) };
    log.ensure_stream(&of(&first)).await?;
    let overlapping = log.ensure_stream(&of(&second)).await;
    assert!(
        matches!(overlapping, Err(Error::Refused(_))),
        "a subject belongs to one stream: {overlapping:?}"
    );
    log.publish(&first, vec![numbered(name, 1)]).await?;
    log.seal(&first).await?;
    let between = log.publish(&first, vec![numbered(name, 2)]).await;
    assert!(matches!(between, Err(Error::Sealed(_))), "{between:?}");
    log.ensure_stream(&of(&second)).await?;
    let late = log.publish(&first, vec![numbered(name, 2)]).await;
    assert!(matches!(late, Err(Error::Sealed(_))), "a writer of the former stream is told: {late:?}");
    assert_eq!(log.publish(&second, vec![numbered(name, 2)]).await?[0].sequence, 1);
    assert_eq!(log.stream(&first).await?.map(|status| status.last_sequence), Some(1));
    Ok(())
}

async fn keeps_the_latest(log: &(impl EventLog + Administration), name: &str) -> Result<(), Error> {
    let subjects = [format!("{name}.>")];
    log.ensure_latest(name, &subjects).await?;
    log.ensure_latest(name, &subjects).await?;
    let value = |token: &str, text: &'static str| message(name, token, text);
    log.publish(name, vec![value("a", "1"), value("b", "2"), value("a", "3")]).await?;
    let last = log.last_by_subject(name, &[format!("{name}.a"), format!("{name}.b")]).await?;
    let last: Vec<_> = last.into_iter().flatten().map(|message| message.payload).collect();
    assert_eq!(last, [Bytes::from("3"), Bytes::from("2")]);
    assert_eq!(log.stream(name).await?.map(|status| status.messages), Some(2));

    // In one piece, right behind the end, replacing what was there.
    log.publish_together(name, 3, vec![value("b", "4"), value("a", "5"), value("b", "6")]).await?;
    let late = log.publish_together(name, 3, vec![value("a", "7")]).await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
    let status = log.stream(name).await?;
    assert_eq!(status.map(|status| (status.messages, status.last_sequence)), Some((2, 6)));

    log.purge_up_to(name, 5).await?;
    let last = log.last_by_subject(name, &[format!("{name}.a"), format!("{name}.b")]).await?;
    let last: Vec<_> = last.into_iter().map(|last| last.map(|message| message.payload)).collect();
    assert_eq!(last, [None, Some(Bytes::from("6"))]);
    log.purge_up_to(name, 6).await?;
    assert!(log.last_message(name).await?.is_none());
    log.publish_together(name, 6, vec![value("a", "7")]).await?;
    assert_eq!(log.last_message(name).await?.map(|message| message.sequence), Some(7), "the numbers go on");

    // A later program keeps more in it.
    let (root, wider) = (format!("{name}-wider"), format!("{name}-wider.>"));
    let refused = log.publish(name, vec![message(&root, "a", "8")]).await;
    assert!(refused.is_err(), "not its subject yet: {refused:?}");
    log.ensure_latest(name, std::slice::from_ref(&wider)).await?;
    log.publish_together(name, 7, vec![message(&root, "a", "8"), value("a", "9")]).await?;
    assert_eq!(log.stream(name).await?.map(|status| status.messages), Some(2), "and what it kept before");
    let immutable = format!("{name}-kept");
    log.ensure_stream(&spec(&immutable)).await?;
    assert!(matches!(log.purge_up_to(&immutable, 9).await, Err(Error::Refused(_))));
    Ok(())
}

async fn builds_again(log: &(impl EventLog + Administration), name: &str) -> Result<(), Error> {
    let build = spec(name);
    log.ensure_stream(&build).await?;
    // The same id twice, as a foreign producer may send beyond the duplicate window.
    log.publish(name, (1..=250).map(|n| numbered(name, n)).collect()).await?;
    log.publish(name, vec![Outgoing { message_id: None, content_type: None, ..numbered(name, 251) }]).await?;
    assert!(matches!(log.begin_building(&build).await, Err(Error::Refused(_))), "it exists");
    let mut before = stored(log, name, 251).await?;
    assert_eq!(before[0].message_id.as_deref(), Some("id-1"));
    assert_eq!(before[0].message.content_type.as_deref(), Some("application/msgpack"));
    assert_eq!((before[250].message_id.as_deref(), &before[250].message.content_type), (None, &None));
    before[9].message_id = before[3].message_id.clone();
    assert!(log.delete_stream(name).await?);
    let begun = log.begin_building(&build).await?;
    assert_eq!((begun.state, begun.last_sequence), (StreamState::Building, 0));
    log.build(name, before[..100].to_vec()).await?;
    let gap = log.build(name, before[101..].to_vec()).await;
    assert!(matches!(gap, Err(Error::Conflict { .. })), "{gap:?}");
    let stranger = log.publish(name, vec![numbered(name, 1)]).await;
    assert!(matches!(stranger, Err(Error::Unavailable(_))), "nobody else writes into it: {stranger:?}");
    assert_eq!(log.begin_building(&build).await?.last_sequence, 100, "what is there is kept");
    log.build(name, before[100..].to_vec()).await?;
    let sealed = log.seal(name).await?;
    assert_eq!((sealed.state, sealed.last_sequence), (StreamState::Sealed, 251));
    assert_eq!(stored(log, name, 251).await?, before, "the same at the same places");
    let last = log.last_by_subject(name, &[format!("{name}.r251")]).await?;
    assert_eq!(last[0].as_ref().map(|found| found.sequence), Some(251));
    Ok(())
}

async fn builds_beside_an_open_one(log: &(impl EventLog + Administration), name: &str) -> Result<(), Error> {
    let (old, open) = (format!("{name}1"), format!("{name}2"));
    let of = |stream: &str| crate::StreamSpec { subjects: vec![format!("{name}.>")], ..spec(stream) };
    log.ensure_stream(&of(&old)).await?;
    log.publish(&old, (1..=3).map(|n| numbered(name, n)).collect()).await?;
    log.seal(&old).await?;
    log.ensure_stream(&of(&open)).await?;
    let before = stored(log, &old, 3).await?;
    log.delete_stream(&old).await?;
    log.begin_building(&of(&old)).await?;
    log.publish(&open, vec![numbered(name, 4)]).await?;
    log.build(&old, before.clone()).await?;
    log.seal(&old).await?;
    assert_eq!(stored(log, &old, 3).await?, before);
    assert_eq!(log.stream(&open).await?.map(|status| status.messages), Some(1));
    Ok(())
}

async fn deletes_whole(log: &(impl EventLog + Administration), name: &str) -> Result<(), Error> {
    assert!(!log.delete_stream(name).await?);
    log.ensure_stream(&spec(name)).await?;
    log.publish(name, vec![numbered(name, 1)]).await?;
    let mut reader = log.read_after(name, 1).await?;
    log.seal(name).await?;
    assert!(log.delete_stream(name).await?, "a sealed stream may be deleted");
    assert!(log.stream(name).await?.is_none());
    // A reader that was open finds nothing more, or an error; whoever reads on has to look whether the stream is there.
    assert!(
        reader.next(batch(1, 200)).await.is_ok_and(|messages| messages.is_empty())
            || log.stream(name).await?.is_none()
    );
    Ok(())
}
