//! XML-RPC (`/xmlrpc/2/common`, `/xmlrpc/2/object`), and JSON-RPC (`/jsonrpc`) where XML-RPC has no word for an answer. Both go
//! with Odoo 22.

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::client::{Account, Execution, Transport};
use super::fault::CallError;
use super::http::{Http, Question};
use super::wire;

/// See the module.
pub(super) struct XmlRpc;

#[async_trait]
impl Transport for XmlRpc {
    async fn version(&self, http: &Http) -> Result<Json, CallError> {
        call(http, "common", "version", &[]).await
    }

    async fn databases(&self, http: &Http) -> Option<Vec<String>> {
        let list = call(http, "db", "list", &[]).await.ok()?;
        serde_json::from_value(list).ok()
    }

    async fn authenticate(&self, http: &Http, account: &Account) -> Result<Option<i64>, CallError> {
        let secret = json!(account.secret.expose_secret());
        let params = [json!(account.database), json!(account.login), secret, json!({})];
        let answer = call(http, "common", "authenticate", &params).await?;
        Ok(answer.as_i64().filter(|uid| *uid > 0))
    }

    async fn execute(
        &self,
        http: &Http,
        account: &Account,
        execution: Execution<'_>,
    ) -> Result<Json, CallError> {
        call(http, "object", "execute_kw", &arguments(account, execution)).await
    }

    async fn execute_in_json(
        &self,
        http: &Http,
        account: &Account,
        execution: Execution<'_>,
    ) -> Result<Json, CallError> {
        let args = arguments(account, execution);
        let params = json!({ "service": "object", "method": "execute_kw", "args": args });
        let body = json!({ "jsonrpc": "2.0", "method": "call", "id": 1, "params": params }).to_string();
        http.ask(Question::post("jsonrpc".to_owned(), "application/json", body, wire::parse_json)).await
    }
}

fn arguments(account: &Account, execution: Execution<'_>) -> [Json; 7] {
    let secret = json!(account.secret.expose_secret());
    let Execution { uid, model, method, args, kwargs } = execution;
    [json!(account.database), json!(uid), secret, json!(model), json!(method), args, kwargs]
}

async fn call(http: &Http, service: &str, method: &'static str, params: &[Json]) -> Result<Json, CallError> {
    let body = wire::call(method, params.iter().map(wire::value).collect())
        .map_err(|error| http.unexpected(&error.to_string()))?;
    http.ask(Question::post(format!("xmlrpc/2/{service}"), "text/xml", body, wire::parse)).await
}
