//! HTTP: one request per connection, the headers and status lines of the real server, and ordered troubles.
//!
//! hyper is used bare, because the server's manners matter here: a connection must be able to end without an answer
//! or in the middle of one.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::ext::ReasonPhrase;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::fmt::rfc2822::DateTimePrinter;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::fault::Fault;
use crate::trouble::Trouble;
use crate::wire::{self, FaultCode, Wire};
use crate::{json_2, jsonrpc};

type Answer = Response<BoxBody<Bytes, Broken>>;

/// Ends a connection on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the simulator was told to break this connection")]
pub(crate) struct Broken;

/// Serves until `stop` changes.
pub(crate) async fn serve(listener: TcpListener, engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(stream, Arc::clone(&engine)));
                }
            }
            _ = stop.changed() => return,
        }
    }
}

async fn connection(stream: TcpStream, engine: Arc<Engine>) {
    let service = service_fn(move |request| {
        let engine = Arc::clone(&engine);
        async move { answer(&engine, request).await }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.keep_alive(false).title_case_headers(true);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Common,
    Object,
    Databases,
    Unknown,
}

/// The two spellings of the XML-RPC entry point.
#[derive(Clone, Copy)]
enum Dialect {
    Numbers,
    Names,
}

async fn answer(engine: &Arc<Engine>, request: Request<Incoming>) -> Result<Answer, Broken> {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let route = path
        .strip_prefix("/xmlrpc/2/")
        .map(|service| (service, Dialect::Numbers))
        .or_else(|| path.strip_prefix("/xmlrpc/").map(|service| (service, Dialect::Names)));
    if let Some(asked) = json_2::asked(&path, &request) {
        return named(engine, asked, request).await;
    }
    let rpc = route.is_some() || jsonrpc::handles(&path);
    if !rpc {
        return Ok(page(engine, StatusCode::NOT_FOUND, "NOT FOUND", "Not Found"));
    }
    if request.method() != Method::POST {
        return Ok(page(engine, StatusCode::METHOD_NOT_ALLOWED, "METHOD NOT ALLOWED", "Method Not Allowed"));
    }
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let body = request.into_body().collect().await.map_err(|_| Broken)?.to_bytes();
    // A form body is swallowed by the form parser before the RPC layer sees it.
    let body = if form { Bytes::new() } else { body };
    match route {
        Some((service, dialect)) => xml(engine, (service, dialect), body).await,
        None => json(engine, path, body).await,
    }
}

async fn xml(
    engine: &Arc<Engine>,
    (service, dialect): (&str, Dialect),
    body: Bytes,
) -> Result<Answer, Broken> {
    let service = match service {
        "common" => Service::Common,
        "object" => Service::Object,
        "db" => Service::Databases,
        _ => Service::Unknown,
    };
    let engine_there = Arc::clone(engine);
    let planned = tokio::task::spawn_blocking(move || {
        let call = wire::read_call(&body);
        let trouble = call.as_ref().ok().and_then(|call| meet(&engine_there, &call.method, &call.params));
        let prevented = prevents(trouble.as_ref());
        let result = match (call, prevented) {
            (_, true) => Ok(Wire::Nil),
            (Ok(call), false) => dispatch(&engine_there, service, call, takes(trouble.as_ref())),
            (Err(error), false) => Err(Fault::unexpected("xml.parsers.expat.ExpatError", error.to_string())),
        };
        (trouble, if prevented { String::new() } else { encode(result, dialect) })
    });
    let (trouble, text) = planned.await.map_err(|_| Broken)?;
    troubled(engine, trouble, text, dialect).await
}

/// Runs a call of a service.
fn dispatch(engine: &Engine, service: Service, call: wire::Call, takes: Duration) -> Result<Wire, Fault> {
    match service {
        Service::Common => engine.common(&call.method, &call.params),
        Service::Object => engine.object(&call.method, call.params, takes),
        Service::Databases => engine.databases(&call.method),
        Service::Unknown => Err(Fault::unexpected("KeyError", "'no such service'")),
    }
}

fn encode(result: Result<Wire, Fault>, dialect: Dialect) -> String {
    let written = result.and_then(|value| {
        // The method has run and its changes stay, whatever the marshaller says now.
        wire::write_response(&value).map_err(|error| Fault::unexpected("TypeError", error.to_string()))
    });
    written.unwrap_or_else(|fault| encode_fault(&fault, dialect))
}

fn encode_fault(fault: &Fault, dialect: Dialect) -> String {
    match dialect {
        Dialect::Numbers => wire::write_fault(&FaultCode::Number(fault.code), &fault.text),
        Dialect::Names => wire::write_fault(&FaultCode::Name(fault.short_class()), &fault.text),
    }
}

async fn json(engine: &Arc<Engine>, path: String, body: Bytes) -> Result<Answer, Broken> {
    let engine_there = Arc::clone(engine);
    let planned = tokio::task::spawn_blocking(move || jsonrpc::answer(&engine_there, &path, &body));
    let (trouble, text) = planned.await.map_err(|_| Broken)?;
    let mut answer = troubled(engine, trouble, text, Dialect::Numbers).await?;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    answer
        .headers_mut()
        .insert(header::SET_COOKIE, HeaderValue::from_static("session_id=simulated; HttpOnly; Path=/"));
    Ok(answer)
}

/// A call with its arguments by name, of a server that is two versions younger than the rest.
async fn named(
    engine: &Arc<Engine>,
    asked: json_2::Asked,
    request: Request<Incoming>,
) -> Result<Answer, Broken> {
    let body = request.into_body().collect().await.map_err(|_| Broken)?.to_bytes();
    let engine_there = Arc::clone(engine);
    let planned = tokio::task::spawn_blocking(move || json_2::answer(&engine_there, &asked, &body));
    let (trouble, (status, text)) = planned.await.map_err(|_| Broken)?;
    let mut answer = troubled(engine, trouble, text, Dialect::Numbers).await?;
    if answer.status() == StatusCode::OK {
        *answer.status_mut() = status;
    }
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}

/// Counts the call and looks for a planned trouble.
pub(crate) fn meet(engine: &Engine, method: &str, params: &[Wire]) -> Option<Trouble> {
    let text = |index: usize| params.get(index).and_then(Wire::as_text);
    match (method, text(3), text(4)) {
        ("execute_kw" | "execute", Some(model), Some(name)) => engine.faults.meet(model, name),
        _ => engine.faults.meet("", method),
    }
}

/// Whether the trouble strikes before the call runs.
pub(crate) fn prevents(trouble: Option<&Trouble>) -> bool {
    !matches!(
        trouble,
        None | Some(
            Trouble::LoseAnswer | Trouble::CutAfter(_) | Trouble::Delay(_) | Trouble::SlowTransaction(_)
        )
    )
}

/// How long after its work the call commits.
pub(crate) fn takes(trouble: Option<&Trouble>) -> Duration {
    match trouble {
        Some(Trouble::SlowTransaction(takes)) => *takes,
        _ => Duration::ZERO,
    }
}

async fn troubled(
    engine: &Engine,
    trouble: Option<Trouble>,
    text: String,
    dialect: Dialect,
) -> Result<Answer, Broken> {
    match trouble {
        None | Some(Trouble::SlowTransaction(_)) => Ok(xml_answer(engine, text)),
        Some(Trouble::Refuse | Trouble::LoseAnswer) => Err(Broken),
        Some(Trouble::CutAfter(bytes)) => Ok(cut(engine, text, bytes)),
        Some(Trouble::Delay(by)) => {
            tokio::time::sleep(by).await;
            Ok(xml_answer(engine, text))
        }
        Some(Trouble::InternalError) => Ok(page(
            engine,
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL SERVER ERROR",
            "Internal Server Error",
        )),
        Some(Trouble::TooManyRequests { seconds }) => {
            let reason = "TOO MANY REQUESTS";
            let mut answer = page(engine, StatusCode::TOO_MANY_REQUESTS, reason, "Too Many Requests");
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(answer)
        }
        Some(Trouble::HtmlPage) => Ok(page(engine, StatusCode::OK, "OK", "Sign in to the network")),
        Some(Trouble::Garbage) => Ok(xml_answer(engine, "\u{1}\u{2}<<<not xml".to_owned())),
        Some(Trouble::Fault { code, text }) => {
            let fault = Fault { code, text, class: "odoo.exceptions.UserError" };
            Ok(xml_answer(engine, encode_fault(&fault, dialect)))
        }
    }
}

fn xml_answer(engine: &Engine, text: String) -> Answer {
    let length = text.len();
    let body = Full::new(Bytes::from(text)).map_err(never).boxed();
    headed(engine, Response::new(body), length, "text/xml; charset=utf-8")
}

/// The announced length is the whole one; the connection ends after `keep` bytes.
fn cut(engine: &Engine, text: String, keep: usize) -> Answer {
    let length = text.len();
    let head = Bytes::from(text).slice(..keep.min(length));
    // The pause lets hyper send what it holds; an error right behind the data would take the data with it.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(Broken)
    });
    let frames = stream::iter([Ok(Frame::data(head))]).chain(end);
    headed(engine, Response::new(BodyExt::boxed(StreamBody::new(frames))), length, "text/xml; charset=utf-8")
}

fn page(engine: &Engine, status: StatusCode, reason: &'static str, title: &str) -> Answer {
    let text = format!("<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{title}</h1>\n");
    let length = text.len();
    let mut response = Response::new(Full::new(Bytes::from(text)).map_err(never).boxed());
    *response.status_mut() = status;
    response.extensions_mut().insert(ReasonPhrase::from_static(reason.as_bytes()));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    }
    headed(engine, response, length, "text/html; charset=utf-8")
}

fn headed(engine: &Engine, mut response: Answer, length: usize, kind: &'static str) -> Answer {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&engine.clock.now()).unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("Werkzeug/2.2.2 Python/3.11.2"));
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(header::DATE, date);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn never(impossible: Infallible) -> Broken {
    match impossible {}
}
