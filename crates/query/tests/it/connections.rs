//! Connections on a real socket: those that keep the service waiting are given up, and TLS is spoken where there is a certificate.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use salescommand_query::{Config, Limits, QueryService, ServiceError, TlsFiles};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::world::World;

/// Within this whatever is awaited has happened, or the test fails.
const DEADLINE: Duration = Duration::from_secs(30);

/// The service on a socket of its own.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), ServiceError>>,
}

impl Served {
    async fn start(change: impl Fn(&mut Config) + Send + Sync + 'static) -> Self {
        let service: QueryService = World::configured(change).await.service;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let ended = tokio::spawn(service.serve(listener, stop.clone()));
        Self { address, stop, ended }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Ends, although connections may be open that nobody uses.
    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.ended).await.unwrap().unwrap().unwrap();
    }
}

fn limited(limits: Limits) -> impl Fn(&mut Config) {
    move |config| config.limits = limits
}

async fn all_of(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut text)).await.unwrap().unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn who_never_ends_a_requests_head_loses_the_connection() {
    let head_within = Duration::from_millis(300);
    let served = Served::start(limited(Limits { head_within, ..Limits::default() })).await;
    let (mut silent, mut slow) = (served.connect().await, served.connect().await);
    slow.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let begun = Instant::now();
    // A line now and then does not buy more time.
    while slow.write_all(b"x-more: 1\r\n").await.is_ok() {
        assert!(begun.elapsed() < DEADLINE, "a request may take its head's lines one by one for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut left = Vec::new();
    let ended = tokio::time::timeout(DEADLINE, silent.read_to_end(&mut left)).await.unwrap();
    assert!(ended.is_err() || !String::from_utf8_lossy(&left).contains("200 OK"));
    served.end().await;
}

#[tokio::test]
async fn who_never_ends_a_body_gets_an_answer_in_time() {
    let served = Served::start(|config| config.request_timeout = Duration::from_millis(300)).await;
    let mut slow = served.connect().await;
    let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\nx-requested-with: salescommand\r\n\
                content-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let answer = all_of(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("/problems/timed-out"), "{answer}");
    served.end().await;
}

#[tokio::test]
async fn there_are_so_many_connections_and_no_more() {
    let served = Served::start(limited(Limits { connections: 2, ..Limits::default() })).await;
    let (first, _second) = (served.connect().await, served.connect().await);
    let mut third = served.connect().await;
    third.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut byte = [0];
    let waiting = tokio::time::timeout(Duration::from_millis(300), third.read(&mut byte)).await;
    assert!(waiting.is_err(), "two are held, and a third is answered");
    drop(first);
    assert!(all_of(&mut third).await.starts_with("HTTP/1.1 200 "));
    served.end().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let served = Served::start(|_| ()).await;
    let mut large = served.connect().await;
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(40_000));
    large.write_all(head.as_bytes()).await.unwrap();
    let answer = all_of(&mut large).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    served.end().await;
}

/// An authority that signs for this machine.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Puts a certificate for a name, and its key, into a folder.
fn issue(authority: &CertifiedIssuer<'static, KeyPair>, folder: &Path, name: &str) -> TlsFiles {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let files = TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    files
}

fn browser(trusted: &CertifiedIssuer<'static, KeyPair>) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let root = reqwest::Certificate::from_pem(trusted.pem().as_bytes()).unwrap();
    // Each request on a connection of its own, to meet the present certificate.
    reqwest::Client::builder().tls_certs_only([root]).pool_max_idle_per_host(0).build().unwrap()
}

#[tokio::test]
async fn https_is_spoken_with_the_certificate_that_is_there_now() {
    let (folder, first, second) = (TempDir::new().unwrap(), authority(), authority());
    let files = issue(&first, folder.path(), "localhost");
    let served = Served::start(move |config| {
        config.tls = Some(files.clone());
        config.secure_cookies = true;
    })
    .await;
    let address = format!("https://localhost:{}/healthz", served.address.port());
    let answer = browser(&first).get(&address).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=31536000");
    assert!(browser(&second).get(&address).send().await.is_err(), "an authority that nobody trusts");
    let by_number = format!("https://127.0.0.1:{}/healthz", served.address.port());
    assert!(browser(&first).get(&by_number).send().await.is_err(), "another name than the certificate's");
    let mut plain = served.connect().await;
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(DEADLINE, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1"), "plain text on a port of TLS");
    // A key that does not go with the certificate changes nothing; the rest of the renewal does.
    issue(&second, folder.path(), "localhost");
    let begun = Instant::now();
    while browser(&second).get(&address).send().await.is_err() {
        assert!(begun.elapsed() < DEADLINE, "the renewed certificate is not served");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    std::fs::write(folder.path().join("tls.key"), "nothing").unwrap();
    assert!(browser(&second).get(&address).send().await.is_ok());
    served.end().await;
}
