//! The service on a socket, and what it measures.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::world::World;

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let service = World::empty().await.service;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let running = tokio::spawn(service.serve(listener, stop.clone()));
    let mut connection = TcpStream::connect(address).await.unwrap();
    let body = r#"{"email":"nobody@example.com","password":"wrong password"}"#;
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
                X-Requested-With: salescommand\r\nConnection: close\r\n";
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("invalid-credentials"), "{answer}");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), running).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let mut browser = World::empty().await.browser();
            browser.get("/api/meta").await;
            browser.get("/api/data-lake/entities/accounts").await;
            browser.get("/api/nothing").await;
        });
    });
    let text = recorder.handle().render();
    for line in [
        r#"http_requests_total{method="GET",route="/api/meta",status="200"} 1"#,
        r#"http_requests_total{method="GET",route="/api/data-lake/entities/{type}",status="401"} 1"#,
        r#"http_requests_total{method="GET",route="none",status="404"} 1"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}
