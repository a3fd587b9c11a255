//! Settings.

use super::super::config::{Config, Mailboxes};
use super::{SECRET, settings};
use crate::Reach;
use secrecy::SecretString;

const URL: &str = "http://127.0.0.1:9";

fn refused(more: &[(&str, &str)]) -> String {
    Config::parse(settings(URL, more)).unwrap_err().setting
}

#[test]
fn little_has_to_be_said() {
    let mut plain = settings(URL, &[]);
    plain.plain.retain(|name, _| !matches!(name.as_str(), "authority" | "graph"));
    let config = Config::parse(plain).unwrap();
    assert_eq!(config.authority.as_str(), "https://login.microsoftonline.com/");
    assert_eq!(config.graph.as_str(), "https://graph.microsoft.com/");
    assert_eq!((config.objects.len(), config.mailboxes, config.groups.len()), (5, Mailboxes::All, 0));
}

#[test]
fn what_is_empty_is_not_said() {
    assert!(Config::parse(settings(URL, &[("url", ""), ("database", ""), ("login", " ")])).is_ok());
}

#[test]
fn a_national_cloud_is_an_address() {
    let china = [
        ("authority", "https://login.chinacloudapi.cn"),
        ("graph", "https://microsoftgraph.chinacloudapi.cn"),
    ];
    let config = Config::parse(settings(URL, &china)).unwrap();
    assert_eq!(config.graph.host_str(), Some("microsoftgraph.chinacloudapi.cn"));
}

#[test]
fn what_is_wrong_is_named() {
    for (name, value) in [
        ("tenant", "contoso.example"),
        ("client_id", "7"),
        ("graph", "https://graph.example/v1.0"),
        ("graph", "http://graph.example"),
        ("authority", "https://user:secret@login.example"),
        ("objects", "users,mails"),
        ("mailboxes", "group:sales"),
        ("groups", "sales"),
        ("page_size", "0"),
        ("calendar_past_days", "many"),
        ("login", "somebody"),
    ] {
        assert_eq!(refused(&[(name, value)]), name, "{value}");
    }
    let mut unreachable = settings("http://169.254.169.254", &[]);
    unreachable.reach = Reach::Any;
    assert!(Config::parse(unreachable).is_err(), "credentials of machines are handed out there");
    let mut inside = settings("http://127.0.0.1:9", &[]);
    inside.reach = Reach::Public;
    assert_eq!(Config::parse(inside).unwrap_err().setting, "authority");
    let mut without = settings(URL, &[]);
    without.secret = SecretString::default();
    assert_eq!(Config::parse(without).unwrap_err().setting, "secret");
}

#[test]
fn a_secret_is_in_no_text() {
    let config = Config::parse(settings(URL, &[])).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn users_are_looked_at_every_half_minute_unless_they_are_not_read() {
    let usual = |objects: Option<&str>| {
        let settings =
            objects.map(|objects| ("objects".to_owned(), objects.to_owned())).into_iter().collect();
        let schedule = crate::usual_schedule("ms365", &settings);
        assert_eq!(schedule.cadence.as_str(), "15m");
        schedule.objects.into_iter().map(|(object, own)| format!("{object} {own}")).collect::<Vec<_>>()
    };
    assert_eq!(usual(None), ["users 30s"]);
    assert_eq!(usual(Some("users, groups")), ["users 30s"]);
    assert!(usual(Some("contacts,events")).is_empty());
    assert_eq!(crate::usual_schedule("odoo", &std::collections::BTreeMap::new()).objects.len(), 0);
}
