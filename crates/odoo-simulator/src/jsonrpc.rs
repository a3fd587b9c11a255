//! The same services over JSON-RPC, for clients such as odoorpc: `/jsonrpc`, login and version of the web interface.

use serde_json::{Value as Json, json};

use crate::engine::{Engine, version};
use crate::fault::Fault;
use crate::methods::user_context;
use crate::session::Session;
use crate::transport::{meet, prevents, takes};
use crate::trouble::Trouble;
use crate::wire::Wire;

const LOGIN: &str = "/web/session/authenticate";
const VERSION: &str = "/web/webclient/version_info";
const LOGOUT: &str = "/web/session/destroy";

/// Whether the path speaks JSON-RPC.
pub(crate) fn handles(path: &str) -> bool {
    ["/jsonrpc", LOGIN, VERSION, LOGOUT].contains(&path)
}

/// The answer to a request body, and the trouble planned for it.
pub(crate) fn answer(engine: &Engine, path: &str, body: &[u8]) -> (Option<Trouble>, String) {
    let request: Json = serde_json::from_slice(body).unwrap_or(Json::Null);
    let params = request.get("params").cloned().unwrap_or(Json::Null);
    let text = |name: &str| params.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
    let (trouble, result) = match path {
        VERSION => (None, Ok(version())),
        LOGOUT => (None, Ok(Wire::Nil)),
        LOGIN => (
            engine.faults.meet("", "authenticate"),
            session_info(engine, (&text("db"), &text("login"), &text("password"))),
        ),
        _ => call(engine, &text("service"), &text("method"), params.get("args")),
    };
    let id = request.get("id").cloned().unwrap_or(Json::Null);
    let reply = match result {
        Ok(value) => json!({"jsonrpc": "2.0", "id": id, "result": Json::from(&value)}),
        Err(fault) => json!({"jsonrpc": "2.0", "id": id, "error": error(&fault)}),
    };
    (trouble, reply.to_string())
}

fn call(
    engine: &Engine,
    service: &str,
    method: &str,
    args: Option<&Json>,
) -> (Option<Trouble>, Result<Wire, Fault>) {
    let params: Vec<Wire> = args.and_then(Json::as_array).into_iter().flatten().map(Wire::from).collect();
    let trouble = meet(engine, method, &params);
    if prevents(trouble.as_ref()) {
        return (trouble, Ok(Wire::Nil));
    }
    let result = match service {
        "common" => engine.common(method, &params),
        "object" => engine.object(method, params, takes(trouble.as_ref())),
        "db" => engine.databases(method),
        other => Err(Fault::unexpected("KeyError", format!("'{other}'"))),
    };
    (trouble, result)
}

fn session_info(engine: &Engine, (database, login, password): (&str, &str, &str)) -> Result<Wire, Fault> {
    engine.check_database(database)?;
    let uid = engine.login(login, password).ok_or_else(Fault::access_denied)?;
    let snapshot = engine.snapshot();
    let session = Session::open(&snapshot, uid, None, engine.circumstances(engine.clock.now()))?;
    Ok(Wire::Struct(vec![
        ("uid".into(), Wire::Int(uid)),
        ("db".into(), Wire::text(database)),
        ("username".into(), Wire::text(login)),
        ("user_context".into(), user_context(&snapshot, &session)),
        ("server_version".into(), Wire::text("17.0-20240709")),
    ]))
}

fn error(fault: &Fault) -> Json {
    let message = fault.text.trim_end().lines().last().unwrap_or_default();
    json!({
        "code": 200,
        "message": "Odoo Server Error",
        "data": {"name": fault.class, "debug": fault.text, "message": message, "arguments": [message], "context": {}},
    })
}
