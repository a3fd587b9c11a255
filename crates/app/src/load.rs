//! How much is read, from the query service to those who work in the background.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use salescommand_eventlog::Requests;
use salescommand_query::{LOAD_SUBJECT, Load};
use salescommand_store::Readers;
use tokio_util::sync::CancellationToken;

use crate::jobs::serve;

/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_millis(500);

/// Asks whichever query service answers; several share the readers, so one speaks for all.
pub struct AskedReaders(pub Arc<dyn Requests>);

#[async_trait]
impl Readers for AskedReaders {
    async fn rate(&self) -> Option<f64> {
        let answer = self.0.request(LOAD_SUBJECT, Default::default(), TIMEOUT).await.ok()?;
        std::str::from_utf8(&answer).ok()?.parse().ok()
    }
}

/// Says how much is read, to whoever asks, until stopped.
pub async fn serve_load(requests: Arc<dyn Requests>, load: Arc<Load>, stop: CancellationToken) {
    let load = &load;
    serve(requests, LOAD_SUBJECT, stop, |_| async move { load.rate().to_string() }).await;
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
