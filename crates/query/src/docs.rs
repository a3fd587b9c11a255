//! The description of the API: the OpenAPI document, and a page that lists its operations.
//!
//! The page is written here, without scripts and without other hosts, so that it works under the strict content
//! security policy and without a network.

use utoipa::openapi::OpenApi;

use crate::reply::weak_tag;

/// Style of the page; a file of its own, since the policy forbids inline style.
pub(crate) const STYLE: &str = "
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code { font: 13px/1.4 ui-monospace, monospace; }
section { border-top: 1px solid #8884; padding: 0.75rem 0; }
h2 { font-size: 1rem; margin: 0; }
table { border-collapse: collapse; margin: 0.5rem 0; }
td, th { text-align: left; padding: 0.15rem 1rem 0.15rem 0; vertical-align: top; font-weight: normal; }
th { opacity: 0.7; }
";

/// The API described, in both forms.
#[derive(Debug)]
pub(crate) struct ApiDescription {
    pub(crate) json: String,
    pub(crate) page: String,
    pub(crate) tag: String,
}

impl ApiDescription {
    pub(crate) fn new(api: &OpenApi) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::to_string_pretty(api)?;
        json.push('\n');
        let page = page(&serde_json::from_str(&json)?);
        let tag = weak_tag(json.as_bytes());
        Ok(Self { json, page, tag })
    }
}

fn page(api: &serde_json::Value) -> String {
    let mut sections = String::new();
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            sections.push_str(&section(path, method, operation));
        }
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>SalesCommand API</title>\n<link rel=\"stylesheet\" href=\"/api/docs/style.css\">\n</head>\n<body>\n\
         <h1>SalesCommand API</h1>\n<p>The machine-readable form is <a href=\"/api/openapi.json\">openapi.json</a>. \
         A request that changes something carries the header <code>X-Requested-With: salescommand</code>.</p>\n\
         {sections}</body>\n</html>\n"
    )
}

fn section(path: &str, method: &str, operation: &serde_json::Value) -> String {
    let summary = escaped(operation["summary"].as_str().unwrap_or_default());
    let head =
        format!("<h2><code>{} {}</code></h2>\n<p>{summary}</p>\n", method.to_uppercase(), escaped(path));
    let mut rows = String::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        rows.push_str(&row(name, parameter["description"].as_str().unwrap_or_default()));
    }
    if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema/$ref") {
        rows.push_str(&row("body", schema_name(body)));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let schema =
            response.pointer("/content/application~1json/schema/$ref").map(schema_name).unwrap_or_default();
        let text = format!("{} {schema}", response["description"].as_str().unwrap_or_default());
        rows.push_str(&row(status, text.trim()));
    }
    format!("<section>\n{head}<table>\n{rows}</table>\n</section>\n")
}

fn row(name: &str, text: &str) -> String {
    format!("<tr><th><code>{}</code></th><td>{}</td></tr>\n", escaped(name), escaped(text))
}

fn schema_name(reference: &serde_json::Value) -> &str {
    reference.as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
