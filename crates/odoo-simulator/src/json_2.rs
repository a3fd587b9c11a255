//! JSON-2, as Odoo 19 has it: `POST /json/2/<model>/<method>` with arguments by name and an API key as bearer; `GET /web/version`.
//!
//! Source: Odoo's documentation 19.0, "External JSON-2 API": the answer is the bare value with status 200; an error has the
//! status of its class and a body with `name`, `message`, `arguments`, `context` and `debug`. The rest of this server is a 17.

use hyper::header;
use hyper::{Method, Request, StatusCode};
use serde_json::{Map, Value as Json, json};

use crate::engine::Engine;
use crate::fault::Fault;
use crate::methods;
use crate::schema::Schema;
use crate::transport::{prevents, takes};
use crate::trouble::Trouble;
use crate::wire::Wire;

/// What a request wants.
pub(crate) enum Asked {
    Version,
    /// A method of a model, with a key and perhaps the name of a database.
    Call {
        model: String,
        method: String,
        key: String,
        database: Option<String>,
    },
}

/// What a request wants of this interface; none if it is none of it.
pub(crate) fn asked<B>(path: &str, request: &Request<B>) -> Option<Asked> {
    if path == "/web/version" && request.method() == Method::GET {
        return Some(Asked::Version);
    }
    let (model, method) = path.strip_prefix("/json/2/")?.split_once('/')?;
    if request.method() != Method::POST {
        return None;
    }
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    let key = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    let database = text("x-odoo-database").map(str::to_owned);
    let (model, method, key) = (model.to_owned(), method.to_owned(), key.unwrap_or_default().to_owned());
    Some(Asked::Call { model, method, key, database })
}

/// The answer, and the trouble planned for it.
pub(crate) fn answer(engine: &Engine, asked: &Asked, body: &[u8]) -> (Option<Trouble>, (StatusCode, String)) {
    let Asked::Call { model, method, key, database } = asked else {
        let version = json!({ "version": "19.0", "version_info": [19, 0, 0, "final", 0, ""] });
        return (None, (StatusCode::OK, version.to_string()));
    };
    let trouble = engine.faults.meet(model, method);
    if let Some(Trouble::Fault { code, text }) = trouble {
        let fault = Fault { code, text, class: "odoo.exceptions.UserError" };
        return (None, refusal(status_of(&fault), &fault));
    }
    if prevents(trouble.as_ref()) {
        return (trouble, (StatusCode::OK, String::new()));
    }
    if let Some(refused) = refused(engine, model, key, database.as_deref()) {
        return (trouble, refused);
    }
    let uid = engine.owner_of(key).unwrap_or_default();
    let answer = match request(model, method, body) {
        Ok(request) => engine.run(uid, request, takes(trouble.as_ref())),
        Err(fault) => Err(fault),
    };
    let answer = match answer {
        Ok(value) => (StatusCode::OK, Json::from(&value).to_string()),
        Err(fault) => refusal(status_of(&fault), &fault),
    };
    (trouble, answer)
}

/// Why a call is refused before anything runs.
fn refused(engine: &Engine, model: &str, key: &str, database: Option<&str>) -> Option<(StatusCode, String)> {
    let refusal = |status, class, text: String| {
        let fault = Fault { code: 1, text, class };
        Some(self::refusal(status, &fault))
    };
    if let Some(Err(fault)) = database.map(|name| engine.check_database(name)) {
        return Some(self::refusal(StatusCode::NOT_FOUND, &fault));
    }
    if engine.owner_of(key).is_none() {
        let class = "werkzeug.exceptions.Unauthorized";
        return refusal(StatusCode::UNAUTHORIZED, class, "Invalid apikey".to_owned());
    }
    if Schema::get().model(model).is_none() {
        let text = format!("the model '{model}' does not exist");
        return refusal(StatusCode::NOT_FOUND, "werkzeug.exceptions.NotFound", text);
    }
    None
}

/// A body as a call: `ids` are the records, all else are arguments by name.
fn request(model: &str, method: &str, body: &[u8]) -> Result<methods::Request, Fault> {
    let arguments: Map<String, Json> = serde_json::from_slice(body)
        .map_err(|error| Fault::unexpected("json.decoder.JSONDecodeError", error.to_string()))?;
    let mut arguments = arguments;
    let positional = arguments.remove("ids").map(|ids| Wire::from(&ids)).into_iter().collect();
    let keywords = arguments.iter().map(|(name, value)| (name.clone(), Wire::from(value))).collect();
    Ok(methods::Request { model: model.to_owned(), method: method.to_owned(), positional, keywords })
}

fn status_of(fault: &Fault) -> StatusCode {
    match fault.short_class() {
        "AccessDenied" | "AccessError" => StatusCode::FORBIDDEN,
        "MissingError" => StatusCode::NOT_FOUND,
        "UserError" | "ValidationError" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn refusal(status: StatusCode, fault: &Fault) -> (StatusCode, String) {
    let message = fault.text.trim_end().lines().last().unwrap_or_default();
    // Behind a traceback the class stands before the text.
    let message = message.strip_prefix(&format!("{}: ", fault.class)).unwrap_or(message);
    let body = json!({
        "name": fault.class, "message": message, "arguments": [message], "context": {}, "debug": fault.text,
    });
    (status, body.to_string())
}
