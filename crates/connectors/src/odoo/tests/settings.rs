//! Settings.

use secrecy::SecretString;

use super::super::config::{Config, address};
use super::settings;
use crate::odoo::DESCRIPTOR;
use crate::{Reach, Settings, SourceError};

fn url_of(text: &str) -> Result<String, String> {
    Config::parse(settings(text, &[]))
        .map(|config| address(&config.url).to_owned())
        .map_err(|error| error.to_string())
}

#[test]
fn an_address_is_cut_down_to_the_server() {
    assert_eq!(url_of("https://erp.example.com").unwrap(), "https://erp.example.com");
    assert_eq!(url_of(" https://erp.example.com/ ").unwrap(), "https://erp.example.com");
    assert_eq!(url_of("https://erp.example.com/web?db=x#action=1").unwrap(), "https://erp.example.com");
    assert_eq!(url_of("https://erp.example.com/odoo/crm").unwrap(), "https://erp.example.com");
    assert_eq!(url_of("http://host:8069/erp/xmlrpc/2/object").unwrap(), "http://host:8069/erp");
}

#[test]
fn an_address_with_a_password_is_refused_and_not_repeated() {
    let error = url_of("https://admin:hunter2@erp.example.com").unwrap_err();
    assert!(!error.contains("hunter2") && error.contains("login"), "{error}");
    for bad in ["erp.example.com", "ftp://erp.example.com", "https://", "mailto:a@b.c", ""] {
        assert!(url_of(bad).unwrap_err().starts_with("setting url"), "{bad}");
    }
}

#[test]
fn every_wrong_setting_is_named() {
    let error =
        |more: &[(&str, &str)]| Config::parse(settings("https://e.example", more)).unwrap_err().setting;
    assert_eq!(error(&[("databse", "x")]), "databse");
    assert_eq!(error(&[("page_size", "0")]), "page_size");
    assert_eq!(error(&[("page_size", "many")]), "page_size");
    assert_eq!(error(&[("login", "  ")]), "login");
    assert_eq!(error(&[("interface", "json-rpc")]), "interface");
    let mut empty = settings("https://e.example", &[]);
    empty.secret = SecretString::from("");
    assert_eq!(Config::parse(empty).unwrap_err().setting, "secret");
}

#[test]
fn opening_does_not_connect_and_prints_no_secret() {
    let settings = settings("https://nowhere.invalid", &[("page_size", "50"), ("call_timeout_seconds", "5")]);
    assert!(!format!("{settings:?}").contains("s3cret-key"));
    let config = Config::parse(settings.clone()).unwrap();
    assert!(!format!("{config:?}").contains("s3cret-key"));
    assert!(DESCRIPTOR.open.unwrap()(settings).is_ok());
}

#[tokio::test]
async fn a_source_is_where_an_operator_lets_it_be() {
    let public = |url: &str| Settings { reach: Reach::Public, ..settings(url, &[]) };
    let error = Config::parse(public("http://127.0.0.1:8069")).unwrap_err();
    assert!(error.setting == "url" && error.problem.contains("sources.reach"), "{error}");
    // A name is looked at when it is looked up: nobody listens there, and nobody is asked.
    let mut source = DESCRIPTOR.open.unwrap()(public("http://localhost:9")).unwrap();
    let Err(SourceError::Permanent { code, message, fix }) = source.connect().await else {
        panic!("connected")
    };
    assert_eq!(code, "out-of-reach");
    assert!(message.contains("127.0.0.1") && fix.contains("sources.reach"), "{message} {fix}");
}
