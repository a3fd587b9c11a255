//! A whole database read over a real socket, from the project's own simulator.

use std::collections::BTreeSet;

use jiff::civil::date;
use salescommand_domain::canonical::{FacetBody, FacetId, SourceRef};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_odoo_simulator::{Config, Handle, Level, Matching, Record as Row, Seed, Simulator, Trouble};
use secrecy::SecretString;
use serde_json::json;

use super::super::objects::OBJECTS;
use super::map;
use crate::odoo::DESCRIPTOR;
use crate::{CheckState, Extent, Reach, Record, Settings, Source, SourceError};

pub(super) const API: &str = "integration@salescommand.com";
const SALESPERSON: &str = "krishna@securado.net";

async fn simulator(seed: Seed) -> Handle {
    let config = Config::new(seed).password(API, "secret").password(SALESPERSON, "secret");
    Simulator::start(config).await.unwrap()
}

pub(super) fn source(handle: &Handle, login: &str, page_size: u32) -> Box<dyn Source> {
    let size = page_size.to_string();
    let plain =
        [("url", handle.url().as_str()), ("database", "demo"), ("login", login), ("page_size", &size)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
    DESCRIPTOR.open.unwrap()(Settings {
        plain: plain.into(),
        secret: SecretString::from("secret"),
        reach: Reach::Any,
    })
    .unwrap()
}

/// Everything, object by object, trying again what is transient; and what that was.
pub(super) async fn everything(source: &mut dyn Source) -> (Vec<(String, Vec<Record>)>, Vec<String>) {
    let plans = source.connect().await.unwrap().plans;
    let (mut all, mut troubles) = (Vec::new(), Vec::new());
    for plan in plans {
        let (mut records, mut from) = (Vec::new(), None);
        loop {
            match source.page(&plan.object, Extent::All, from.as_ref()).await {
                Ok(page) => {
                    from = page.next;
                    records.extend(page.records);
                    if from.is_none() {
                        let total = (plan.object.as_str() != "mail.message").then_some(records.len() as u64);
                        assert_eq!(page.total, total, "{}", plan.object);
                        break;
                    }
                }
                Err(SourceError::Transient { message, .. }) => troubles.push(message),
                Err(error) => panic!("{error:?}"),
            }
        }
        all.push((plan.object.to_string(), records));
    }
    (all, troubles)
}

#[tokio::test]
async fn the_whole_demo_company_is_read_and_mapped() {
    let handle = simulator(Seed::new(42, date(2026, 11, 23))).await;
    let (everything, _) = everything(&mut *source(&handle, API, 500)).await;
    let rows = handle.data().snapshot();
    let instance = InstanceName::new("nordwind").unwrap();
    let (mut known, mut wanted, mut bodies) = (BTreeSet::<FacetId>::new(), BTreeSet::new(), Vec::new());
    for (object, records) in everything {
        let keys: Vec<i64> = records.iter().map(|record| record.key.parse().unwrap()).collect();
        let is_read = |row: &Row| object != "mail.message" || tells_what_was_done(row);
        assert_eq!(keys, rows.ids_where(&object, is_read), "{object}");
        let name = ObjectName::new(object.as_str()).unwrap();
        for record in records {
            let private = record.payload.get("privacy") == Some(&json!("private"));
            assert!(record.source_modified.is_some() != private, "{object} {}", record.key);
            let reference =
                SourceRef { instance: instance.clone(), object: name.clone(), key: record.key.clone() };
            known.insert(reference.facet_id());
            let Some(mapped) = map(&object, record).unwrap() else { continue };
            wanted.extend(mapped.refs);
            bodies.push(mapped.body);
        }
    }
    wanted.retain(|reference| !known.contains(reference));
    assert_eq!(wanted.len(), 1, "every reference but the calendar has been read");
    let deals = || {
        bodies
            .iter()
            .filter_map(|body| if let FacetBody::Opportunity(deal) = body { Some(deal) } else { None })
    };
    assert!(deals().all(|deal| deal.created_at.is_some() && deal.stage.is_some()));
    let valued = deals().filter(|deal| deal.amount.is_some()).count();
    println!("{} facets, {} deals, {valued} of them valued", bodies.len(), deals().count());
    assert!(valued > 100);
}

/// Whether a message is about a deal or customer and not what the system notes.
fn tells_what_was_done(row: &Row) -> bool {
    let text = |field: &str| row.get(field).as_text().unwrap_or_default();
    let by_people = ["comment", "email", "email_outgoing"].contains(&text("message_type"));
    ["crm.lead", "res.partner"].contains(&text("model"))
        && (by_people || !row.get("mail_activity_type_id").is_null())
}

#[tokio::test]
async fn somebody_who_sees_few_deals_reads_the_messages_of_those() {
    let seed = Seed { leads: 120, partners: 40, activities: 400, ..Seed::new(7, date(2026, 11, 23)) };
    let handle = simulator(seed).await;
    let keys = |all: Vec<(String, Vec<Record>)>| -> BTreeSet<String> {
        let messages = all.into_iter().filter(|(object, _)| object == "mail.message");
        messages.flat_map(|(_, records)| records).map(|record| record.key).collect()
    };
    let all = keys(everything(&mut *source(&handle, API, 500)).await.0);
    let once = keys(everything(&mut *source(&handle, SALESPERSON, 500)).await.0);
    for page_size in [1, 3, 20] {
        assert_eq!(keys(everything(&mut *source(&handle, SALESPERSON, page_size)).await.0), once);
    }
    assert!(!once.is_empty() && once.len() < all.len() && once.is_subset(&all));
}

#[tokio::test]
async fn properties_are_read_of_every_lead_that_has_some() {
    let seed = Seed { leads: 200, partners: 60, activities: 30, ..Seed::new(42, date(2026, 11, 23)) };
    let handle = simulator(seed).await;
    let (everything, troubles) = everything(&mut *source(&handle, API, 50)).await;
    assert!(troubles.is_empty(), "{troubles:?}");
    let (_, leads) = everything.iter().find(|(object, _)| object == "crm.lead").unwrap();
    let rows = handle.data().snapshot();
    let mut having = 0;
    for record in leads {
        let row = rows.row("crm.lead", record.key.parse().unwrap()).unwrap();
        let stored = !row.get("lead_properties").is_null();
        assert_eq!(record.payload.get("lead_properties").is_some(), stored, "{}", record.key);
        let Some(FacetBody::Opportunity(deal)) = map("crm.lead", record.clone()).unwrap().map(|it| it.body)
        else {
            panic!("no deal")
        };
        let tier = deal.custom.get("lead_properties.partner_tier").map(|tier| tier["value"].clone());
        assert_eq!(tier, stored.then(|| json!("Gold")));
        having += usize::from(stored);
    }
    let undefined = rows.ids_where("crm.lead", |row| row.get("team_id").as_int() == Some(4)).len() - having;
    assert!(
        having > 3 && undefined > 3,
        "{having} leads with properties, {undefined} that were there before"
    );
}

async fn objects(handle: &Handle) -> Vec<String> {
    let (everything, _) = everything(&mut *source(handle, API, 500)).await;
    everything.into_iter().map(|(object, _)| object).collect()
}

#[tokio::test]
async fn a_company_without_employees_is_read_all_the_same() {
    let handle =
        simulator(Seed { leads: 30, partners: 30, activities: 30, ..Seed::new(7, date(2026, 11, 23)) }).await;
    let all = objects(&handle).await;
    assert_eq!(all.len(), OBJECTS.len());
    handle.data().uninstall("hr");
    let fewer = objects(&handle).await;
    handle.data().install("hr");
    handle.data().forbid(API, "hr.employee").unwrap();
    assert_eq!(objects(&handle).await, fewer);
    assert_eq!(fewer, all.into_iter().filter(|object| object != "hr.employee").collect::<Vec<_>>());
}

#[tokio::test]
async fn the_size_of_pages_does_not_matter_and_troubles_neither() {
    let handle =
        simulator(Seed { leads: 120, partners: 90, activities: 150, ..Seed::new(7, date(2026, 11, 23)) })
            .await;
    let (smooth, none) = everything(&mut *source(&handle, API, 500)).await;
    assert!(none.is_empty(), "{none:?}");
    let troubles = [Trouble::Refuse, Trouble::CutAfter(60), Trouble::LoseAnswer, Trouble::InternalError];
    for (place, trouble) in troubles.into_iter().enumerate() {
        handle.faults().once_after(1 + 3 * place, Matching::method("search_read"), trouble);
    }
    let (bumpy, met) = everything(&mut *source(&handle, API, 40)).await;
    assert_eq!(met.len(), 4, "each trouble costs one attempt: {met:?}");
    assert!(bumpy == smooth, "and nothing else");
}

#[tokio::test]
async fn the_check_tells_the_level_of_the_user() {
    let handle =
        simulator(Seed { leads: 30, partners: 30, activities: 30, ..Seed::new(7, date(2026, 11, 23)) }).await;
    let checks = source(&handle, API, 500).check().await;
    let missing: Vec<_> = checks.iter().filter(|check| check.state != CheckState::Passed).collect();
    assert_eq!(
        missing.iter().map(|check| check.step.as_str()).collect::<Vec<_>>(),
        ["rights: stage history"]
    );
    handle.data().set_level(API, Level::Settings).unwrap();
    let checks = source(&handle, API, 500).check().await;
    assert!(checks.iter().all(|check| check.state == CheckState::Passed), "{checks:#?}");
    handle.data().set_level(SALESPERSON, Level::Internal).unwrap();
    let checks = source(&handle, SALESPERSON, 500).check().await;
    let failed: Vec<_> = checks.iter().filter(|check| check.state == CheckState::Failed).collect();
    assert!(failed.iter().any(|check| check.step == "rights: crm.lead"), "{checks:#?}");
    assert_eq!(
        checks.len() - 5,
        OBJECTS.len() + checks.iter().filter(|check| check.step == "rights: all deals").count()
    );
}

/// A server outside the tests, such as a real Odoo: `ODOO_URL`, `ODOO_DATABASE`, `ODOO_LOGIN`, `ODOO_PASSWORD`.
#[tokio::test]
async fn a_server_named_by_the_environment_is_read_whole() {
    let Ok(url) = std::env::var("ODOO_URL") else { return };
    let plain = [("url", url), ("database", env("ODOO_DATABASE")), ("login", env("ODOO_LOGIN"))]
        .map(|(name, value)| (name.to_owned(), value));
    let settings =
        Settings { plain: plain.into(), secret: SecretString::from(env("ODOO_PASSWORD")), reach: Reach::Any };
    let mut source = DESCRIPTOR.open.unwrap()(settings).unwrap();
    for check in source.check().await {
        println!("{:?} {}: {}", check.state, check.step, check.detail);
    }
    for plan in source.connect().await.unwrap().plans {
        println!("{} lacks {}", plan.object, plan.missing_fields.join(", "));
    }
    let (everything, _) = everything(&mut *source).await;
    for (object, records) in everything {
        let count = records.len();
        let rejected: Vec<_> = records.into_iter().filter_map(|record| map(&object, record).err()).collect();
        println!("{object}: {count} records, rejected: {rejected:?}");
        assert!(rejected.is_empty());
    }
}

fn env(name: &str) -> String {
    std::env::var(name).unwrap()
}
