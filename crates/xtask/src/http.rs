//! One HTTP GET to a server of our own on 127.0.0.1: enough for health checks, nothing else.
//!
//! Speaks HTTP/1.0, so that the answer is neither chunked nor kept open. Never used for addresses outside this machine.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A health answer is small; more than this is not one.
const MAX_BODY: u64 = 1024 * 1024;

/// Status code and body of an answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

/// Asks `http://127.0.0.1:{port}{path}`. `timeout` holds for connecting and for each read.
pub fn get(port: u16, path: &str, timeout: Duration) -> Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n")?;
    let mut text = Vec::new();
    stream.take(MAX_BODY).read_to_end(&mut text)?;
    parse(&String::from_utf8_lossy(&text))
}

fn parse(text: &str) -> Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").context("the answer is not HTTP")?;
    let mut words = head.split_whitespace();
    let version = words.next().unwrap_or_default();
    if !version.starts_with("HTTP/") {
        bail!("the answer is not HTTP");
    }
    let status = words.next().and_then(|code| code.parse().ok()).context("the answer has no status code")?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_read() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\n{\"x\":1}").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (503, "{\"x\":1}"));
    }

    #[test]
    fn other_protocols_are_refused() {
        assert!(parse("SSH-2.0-x\r\n\r\n").is_err());
        assert!(parse("INFO {}\r\n").is_err());
    }
}
