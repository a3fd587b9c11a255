//! The life of a process: a first signal asks everything to finish, a second one or the deadline ends it.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A graceful shutdown takes at most this.
pub const SHUTDOWN_WITHIN: Duration = Duration::from_secs(10);

/// A token that SIGTERM and SIGINT cancel. After a second signal, or when the deadline is over, the process ends.
pub fn shutdown_token() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {}, () = stop.cancelled() => {} }
        tracing::info!("shutting down");
        stop.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tokio::time::sleep(SHUTDOWN_WITHIN) => {}
        }
        tracing::error!("did not finish in time; what was not committed will be done again after a restart");
        std::process::exit(1);
    });
    Ok(token)
}
