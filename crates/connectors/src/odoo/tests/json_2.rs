//! JSON-2: the same records as over XML-RPC, and the same words for what goes wrong.

use jiff::civil::date;
use salescommand_odoo_simulator::{Config, Handle, Level, Matching, Seed, Simulator, Trouble};
use secrecy::SecretString;

use super::simulator::everything;
use crate::odoo::DESCRIPTOR;
use crate::{Check, CheckState, Reach, Settings, Source, SourceError};

const API: &str = "integration@salescommand.com";
const KEY: &str = "6578616d706c65206a736f6e20617069206b6579";

async fn simulator() -> Handle {
    let seed = Seed { leads: 120, partners: 60, activities: 90, ..Seed::new(7, date(2026, 11, 23)) };
    let handle = Simulator::start(Config::new(seed).password(API, KEY)).await.unwrap();
    handle.data().set_level(API, Level::Settings).unwrap();
    handle
}

fn source(url: &str, interface: &str, (key, database): (&str, &str)) -> Box<dyn Source> {
    let plain =
        [("url", url), ("database", database), ("login", API), ("interface", interface), ("page_size", "40")];
    let plain = plain.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    DESCRIPTOR.open.unwrap()(Settings { plain, secret: SecretString::from(key), reach: Reach::Any }).unwrap()
}

fn check<'a>(checks: &'a [Check], step: &str) -> &'a Check {
    checks.iter().find(|check| check.step == step).unwrap()
}

#[tokio::test]
async fn both_interfaces_give_the_same_records() {
    let handle = simulator().await;
    let url = handle.url();
    let over_xml = everything(&mut *source(&url, "xml-rpc", (KEY, "demo"))).await;
    let over_json = everything(&mut *source(&url, "json-2", (KEY, "demo"))).await;
    assert!(over_xml.1.is_empty() && over_json.1.is_empty());
    for ((object, xml), (same, json)) in over_xml.0.iter().zip(&over_json.0) {
        assert_eq!(object, same);
        assert_eq!(xml.len(), json.len(), "{object}");
        for (one, other) in xml.iter().zip(json) {
            assert_eq!(one, other, "{object}");
        }
    }
    assert_eq!(over_xml.0.len(), over_json.0.len());
    let leads = &over_json.0.iter().find(|(object, _)| object == "crm.lead").unwrap().1;
    assert!(leads.iter().any(|lead| lead.payload["@tracking"].as_array().is_some_and(|it| !it.is_empty())));
}

#[tokio::test]
async fn troubles_are_passing_and_smaller_pages_help() {
    let handle = simulator().await;
    // Nothing else is asked for with this method while pages are read.
    handle.data().set_level(API, Level::AllDocuments).unwrap();
    let (smooth, _) = everything(&mut *source(&handle.url(), "json-2", (KEY, "demo"))).await;
    let troubles = [
        Trouble::Refuse,
        Trouble::CutAfter(1),
        Trouble::LoseAnswer,
        Trouble::InternalError,
        Trouble::TooManyRequests { seconds: 1 },
    ];
    for (place, trouble) in troubles.into_iter().enumerate() {
        handle.faults().once_after(1 + 3 * place, Matching::method("search_read"), trouble);
    }
    let (bumpy, met) = everything(&mut *source(&handle.url(), "json-2", (KEY, "demo"))).await;
    assert_eq!(met.len(), 5, "each trouble costs one attempt: {met:?}");
    assert!(bumpy == smooth, "and nothing else");
}

#[tokio::test]
async fn the_check_names_what_is_wrong() {
    let handle = simulator().await;
    let checks = source(&handle.url(), "json-2", (KEY, "demo")).check().await;
    let odd: Vec<_> = checks.iter().filter(|check| check.state != CheckState::Passed).collect();
    assert_eq!(odd.iter().map(|check| check.step.as_str()).collect::<Vec<_>>(), ["version"], "{odd:?}");
    assert!(check(&checks, "version").detail.contains("Odoo 19.0"), "{checks:?}");
    let checks = source(&handle.url(), "json-2", ("another", "demo")).check().await;
    assert_eq!(check(&checks, "login").state, CheckState::Failed);
    assert!(!format!("{checks:?}").contains("another"));
    handle.data().set_level(API, Level::Internal).unwrap();
    let checks = source(&handle.url(), "json-2", (KEY, "demo")).check().await;
    let lead = check(&checks, "rights: crm.lead");
    assert_eq!(lead.state, CheckState::Failed);
    assert!(lead.detail.contains("pipeline"), "{lead:?}");
    let checks = source(&handle.url(), "json-2", (KEY, "elsewhere")).check().await;
    assert_eq!(check(&checks, "database").state, CheckState::Failed, "{checks:?}");
}

#[tokio::test]
async fn a_server_without_it_says_so() {
    // Behind this address there is none of Odoo's interfaces.
    let handle = simulator().await;
    let url = format!("{}/elsewhere", handle.url());
    let error = source(&url, "json-2", (KEY, "demo")).connect().await.unwrap_err();
    let SourceError::Permanent { code, fix, .. } = error else { panic!("{error:?}") };
    assert_eq!(code, "wrong-url");
    assert!(fix.contains("json-2, which needs Odoo 19"), "{fix}");
}

#[tokio::test]
async fn a_key_that_cannot_be_sent_is_refused_and_not_told() {
    let handle = simulator().await;
    let error = source(&handle.url(), "json-2", ("line\nbreak", "demo")).connect().await.unwrap_err();
    let SourceError::Permanent { code, message, .. } = error else { panic!("{error:?}") };
    assert_eq!(code, "login-refused");
    assert!(!message.contains("break"));
}
