//! The committed OpenAPI document is the one of the code.

use std::path::Path;

use salescommand_query::openapi_json;

/// `UPDATE_SCHEMAS=1` writes the file instead.
#[test]
fn the_committed_document_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/openapi.json");
    let ours = openapi_json().unwrap();
    if std::env::var_os("UPDATE_SCHEMAS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &ours).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == ours,
        "schemas/openapi.json is not what the code says; \
         run UPDATE_SCHEMAS=1 cargo nextest run -p salescommand-query openapi, then npm --prefix frontend run gen"
    );
}

#[test]
fn every_reference_resolves_and_every_schema_is_used() {
    let text = openapi_json().unwrap();
    let api: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schemas = api["components"]["schemas"].as_object().unwrap();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to and not there");
    }
    for name in schemas.keys() {
        assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is not used");
    }
}
