//! JSON-2 (`/json/2/<model>/<method>`, Odoo 19 and later): arguments by name, an API key as bearer, the answer bare, an error by
//! its status with the name of its class.
//!
//! Source: Odoo's documentation 19.0, "External JSON-2 API". There is no signing in; who calls is whose key it is, and is asked
//! for by `res.users/context_get`.

use async_trait::async_trait;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;
use serde_json::{Map, Value as Json, json};

use super::client::{Account, Execution, Transport};
use super::fault::CallError;
use super::http::{Http, Question};
use super::wire::{self, Answer, Fault, WireError};

/// See the module.
pub(super) struct Json2;

/// Names the database where a server has several.
const DATABASE: HeaderName = HeaderName::from_static("x-odoo-database");
/// What only the fault's number says of whoever is refused.
const REFUSED: i32 = 3;

#[async_trait]
impl Transport for Json2 {
    async fn version(&self, http: &Http) -> Result<Json, CallError> {
        let (headers, path, parse) = (HeaderMap::new(), "web/version".to_owned(), parse);
        let answer = http.ask(Question { path, headers, body: None, parse, parse_fault: None }).await?;
        Ok(json!({ "server_version": answer["version"], "server_version_info": answer["version_info"] }))
    }

    async fn databases(&self, _: &Http) -> Option<Vec<String>> {
        None
    }

    async fn authenticate(&self, http: &Http, account: &Account) -> Result<Option<i64>, CallError> {
        match ask(http, account, ("res.users", "context_get"), Map::new()).await {
            Ok(context) => {
                let uid = context.get("uid").and_then(Json::as_i64).filter(|uid| *uid > 0);
                uid.map(Some).ok_or_else(|| http.unexpected("it does not say whose key it is"))
            }
            Err(CallError::Fault(Fault { code: REFUSED, .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn execute(
        &self,
        http: &Http,
        account: &Account,
        execution: Execution<'_>,
    ) -> Result<Json, CallError> {
        let Execution { model, method, args, kwargs, .. } = execution;
        let arguments = by_name(method, args, kwargs)
            .ok_or_else(|| http.unexpected("a method whose arguments have no names here was called"))?;
        ask(http, account, (model, method), arguments).await
    }

    async fn execute_in_json(
        &self,
        http: &Http,
        account: &Account,
        execution: Execution<'_>,
    ) -> Result<Json, CallError> {
        self.execute(http, account, execution).await
    }
}

async fn ask(
    http: &Http,
    account: &Account,
    (model, method): (&str, &str),
    arguments: Map<String, Json>,
) -> Result<Json, CallError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    let key = HeaderValue::from_str(&format!("bearer {}", account.secret.expose_secret()));
    let key = key.ok().zip(HeaderValue::from_str(&account.database).ok());
    // What cannot stand in a header is the key, or the database, of nobody.
    let Some((mut key, database)) = key else {
        let message = "Access Denied".to_owned();
        return Err(CallError::Fault(Fault { code: REFUSED, message }));
    };
    key.set_sensitive(true);
    headers.insert(header::AUTHORIZATION, key);
    headers.insert(DATABASE, database);
    let body = Json::Object(arguments).to_string();
    let path = format!("json/2/{model}/{method}");
    http.ask(Question { path, headers, body: Some(body), parse, parse_fault: Some(parse_fault) }).await
}

/// Arguments by name. The first one of a method of records is their ids.
fn by_name(method: &str, args: Json, kwargs: Json) -> Option<Map<String, Json>> {
    let names: &[&str] = match method {
        "search" | "search_count" | "search_read" => &["domain"],
        "read" | "exists" => &["ids"],
        "fields_get" => &[],
        "has_group" => &["ids", "group_ext_id"],
        _ => return None,
    };
    let (Json::Array(args), Json::Object(mut named)) = (args, kwargs) else { return None };
    // `has_group` has lost, and got back, the records before the group.
    let names = if args.len() < names.len() { names.get(1..)? } else { names };
    if args.len() != names.len() {
        return None;
    }
    named.extend(names.iter().map(|name| (*name).to_owned()).zip(args));
    Some(named)
}

/// Reads an answer: its value.
fn parse(body: &str) -> Result<Answer, WireError> {
    serde_json::from_str(body).map(Answer::Value).map_err(|_| WireError)
}

/// Reads an error: an object with the name of its class and what it says.
fn parse_fault(body: &str) -> Result<Answer, WireError> {
    let answer: Json = serde_json::from_str(body).map_err(|_| WireError)?;
    let text = |name: &str| answer.get(name).and_then(Json::as_str).ok_or(WireError);
    Ok(Answer::Fault(fault(text("name")?, text("message")?)))
}

/// An error by the number that its class has over the older interfaces.
fn fault(class: &str, message: &str) -> Fault {
    let short = class.rsplit('.').next().unwrap_or_default();
    let is_of_model = short == "NotFound" && message.contains("model");
    let (code, message) = match short {
        "Unauthorized" | "AccessDenied" => (REFUSED, message.to_owned()),
        "AccessError" | "Forbidden" => (4, message.to_owned()),
        "UserError" | "ValidationError" | "MissingError" | "RedirectWarning" => (2, message.to_owned()),
        _ if is_of_model => (2, format!("Object doesn't exist: {message}")),
        _ => (1, format!("{short}: {message}")),
    };
    Fault { code, message: wire::summary(&message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positional_arguments_have_names() {
        let of = |method: &str, args: Json| by_name(method, args, json!({ "limit": 1 })).map(Json::Object);
        assert_eq!(
            of("search", json!([[["id", ">", 1]]])),
            Some(json!({ "limit": 1, "domain": [["id", ">", 1]] }))
        );
        assert_eq!(of("read", json!([[1, 2]])), Some(json!({ "limit": 1, "ids": [1, 2] })));
        assert_eq!(of("fields_get", json!([])), Some(json!({ "limit": 1 })));
        assert_eq!(of("has_group", json!(["a.b"])), Some(json!({ "limit": 1, "group_ext_id": "a.b" })));
        assert_eq!(
            of("has_group", json!([[2], "a.b"])),
            Some(json!({ "limit": 1, "ids": [2], "group_ext_id": "a.b" }))
        );
        assert_eq!(of("unlink", json!([[1]])), None, "nothing else is called");
        assert_eq!(of("read", json!([[1], 2])), None);
    }

    #[test]
    fn errors_have_the_numbers_of_the_older_interfaces() {
        let error = |class: &str, message: &str| {
            let body =
                json!({ "name": class, "message": message, "arguments": [], "context": {}, "debug": "x" });
            match parse_fault(&body.to_string()) {
                Ok(Answer::Fault(fault)) => fault,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(error("werkzeug.exceptions.Unauthorized", "Invalid apikey").code, 3);
        assert!(error("odoo.exceptions.AccessError", "no").keeps_back_object());
        assert!(
            error("werkzeug.exceptions.NotFound", "the model 'hr.employee' does not exist")
                .keeps_back_object()
        );
        assert!(error("builtins.ValueError", "Invalid field 'x' on model 'crm.lead'").is_invalid_field());
        assert_eq!(error("psycopg2.OperationalError", "gone").message, "OperationalError: gone");
    }

    #[test]
    fn what_is_no_error_of_odoo_is_none() {
        assert_eq!(parse_fault("<html>"), Err(WireError));
        assert_eq!(parse_fault(r#"{"error": "gateway"}"#), Err(WireError));
        assert_eq!(parse("null"), Ok(Answer::Value(Json::Null)));
    }
}
