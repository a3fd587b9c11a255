//! Connections: taking them, with TLS where there is a certificate, and giving up on those that keep the service waiting.
//!
//! Whoever connects and says nothing, or says it a byte at a time, holds a connection for a while and nothing else; and there
//! are only so many connections. What a request may take once its head is there is [`crate::exchange::limit_time`]'s to say.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

/// How connections are limited.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest wait for a TLS handshake, and for the head of a request; so an idle connection is closed after it too.
    pub head_within: Duration,
    /// Most connections at a time; more wait until one is closed.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_within: Duration::from_secs(30), connections: 4_096 }
    }
}

/// After an error of accepting (too many open files), how long until the next attempt.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Most bytes of a request's head.
const LARGEST_HEAD: usize = 32 * 1024;

/// Serves a router on a listener until the token is cancelled. Requests under way are answered first.
pub(crate) async fn serve(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let (permits, tracker) = (Arc::new(Semaphore::new(limits.connections)), TaskTracker::new());
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { break };
        let accepted = match shutdown.run_until_cancelled(listener.accept()).await {
            None => break,
            Some(accepted) => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !of_one_connection(&error) {
                    tracing::warn!(%error, "no connection can be taken");
                    tokio::time::sleep(TRY_AGAIN_AFTER).await;
                }
                continue;
            }
        };
        let (router, tls, shutdown) = (router.clone(), tls.clone(), shutdown.clone());
        tracker.spawn(async move {
            connection((stream, address), tls, router, (limits, shutdown)).await;
            drop(permit);
        });
    }
    tracker.close();
    tracker.wait().await;
}

/// An error that says nothing of the next connection.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection(
    (stream, address): (TcpStream, SocketAddr),
    tls: Option<TlsAcceptor>,
    router: Router,
    (limits, shutdown): (Limits, CancellationToken),
) {
    // Answers are written at once as they are.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return exchange(stream, address, router, (limits, shutdown)).await };
    match tokio::time::timeout(limits.head_within, tls.accept(stream)).await {
        Ok(Ok(stream)) => exchange(stream, address, router, (limits, shutdown)).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    router: Router,
    (limits, shutdown): (Limits, CancellationToken),
) {
    let with_address = router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        request
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_within).max_header_size(LARGEST_HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(with_address));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
