//! How much is read, from the query service to those who work in the background.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use salescommand_eventlog::Requests;
use salescommand_query::{LOAD_SUBJECT, Load};
use salescommand_store::Readers;
use tokio_util::sync::CancellationToken;

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_millis(500);
/// Between two attempts to serve.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks whichever query service answers; several share the readers, so one speaks for all.
pub struct AskedReaders(pub Arc<dyn Requests>);

#[async_trait]
impl Readers for AskedReaders {
    async fn rate(&self) -> Option<f64> {
        let answer = self.0.request(LOAD_SUBJECT, Default::default(), TIMEOUT).await.ok()?;
        std::str::from_utf8(&answer).ok()?.parse().ok()
    }
}

/// Says how much is read, to whoever asks, until stopped. A broker that is away is waited for.
pub async fn serve_load(requests: Arc<dyn Requests>, load: Arc<Load>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Ok(mut questions) = requests.serve(LOAD_SUBJECT).await {
            while let Some(Some(question)) = stop.run_until_cancelled(questions.next()).await {
                if let Err(error) = question.respond(load.rate().to_string().into()).await {
                    tracing::debug!(%error, "who asked how much is read got no answer; it will ask again");
                }
            }
        }
        let _ = tokio::time::timeout(PAUSE, stop.cancelled()).await;
    }
}

#[cfg(test)]
mod tests {
    use salescommand_eventlog::memory::MemoryLog;

    use super::*;

    #[tokio::test]
    async fn who_asks_is_told_and_nobody_there_is_nobody() {
        let log = Arc::new(MemoryLog::new());
        let readers = AskedReaders(log.clone());
        assert_eq!(readers.rate().await, None);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve_load(log, Arc::new(Load::default()), stop.clone()));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while readers.rate().await != Some(0.0) {
            assert!(tokio::time::Instant::now() < deadline, "nobody answers");
            tokio::task::yield_now().await;
        }
        stop.cancel();
        serving.await.unwrap();
    }
}
