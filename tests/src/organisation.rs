//! An invented organisation of any size, published into a raw log past every connector: people in a tree of managers,
//! and deals that they own. What somebody must see is worked out here by walking up the tree.

use std::time::Duration;

use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_eventlog_nats::{NatsLog, NatsOptions};
use salescommand_ingest::{Ports, RawWriter};
use serde_json::{Value, json};

use crate::platform::{Platform, Session, eventually};

/// Records that are published at once.
const PAGE: usize = 1_000;
/// Password of everybody who signs in.
const PASSWORD: &str = "a long password of a test";

/// People are numbers from 0, who is at the top; each manages the next `reports` that nobody manages yet.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// How many.
    pub people: u32,
    /// How many report to each manager.
    pub reports: u32,
    /// Deals of each.
    pub deals: u32,
    /// Activities of each.
    pub activities: u32,
    /// Who was moved under whom.
    pub moved: Vec<(u32, u32)>,
}

/// Open deals and their amount in minor units.
pub type Total = (i64, i64);

impl Organisation {
    /// Who somebody reports to.
    pub fn manager(&self, person: u32) -> Option<u32> {
        let moved = self.moved.iter().rev().find(|(moved, _)| *moved == person);
        let first = person.checked_sub(1).map(|before| before / self.reports);
        moved.map(|(_, to)| *to).or(first)
    }

    /// Whether somebody is above somebody, or the same.
    pub fn is_above(&self, above: u32, person: u32) -> bool {
        let mut at = Some(person);
        while let Some(person) = at {
            if person == above {
                return true;
            }
            at = self.manager(person);
        }
        false
    }

    /// How many are above somebody.
    pub fn level(&self, person: u32) -> usize {
        std::iter::successors(self.manager(person), |at| self.manager(*at)).count()
    }

    /// How many people somebody sees, themselves among them.
    pub fn below(&self, person: u32) -> i64 {
        i64::from((0..self.people).map(|other| u32::from(self.is_above(person, other))).sum::<u32>())
    }

    /// What the overview must say to somebody.
    pub fn total(&self, person: u32) -> Total {
        let seen = (0..self.people).filter(|other| self.is_above(person, *other));
        let deals = seen.flat_map(|owner| (0..self.deals).map(move |deal| amount(owner, deal)));
        deals.fold((0, 0), |(count, sum), amount| (count + 1, sum + amount))
    }

    /// Publishes everybody and everything.
    pub async fn publish(&self, platform: &Platform) -> anyhow::Result<()> {
        let usd = json!({ "id": 1, "name": "USD", "decimal_places": 2, "active": true });
        publish(platform, "res.currency", [(1, usd)]).await?;
        publish(platform, "res.company", [(1, json!({ "id": 1, "name": "We", "currency_id": 1 }))]).await?;
        let stage = json!({ "id": 1, "name": "Proposal", "sequence": 1, "is_won": false });
        publish(platform, "crm.stage", [(1, stage)]).await?;
        publish(platform, "res.users", (0..self.people).map(|person| (id(person), user(person)))).await?;
        let employees = (0..self.people).map(|person| (id(person), employee(person, self.manager(person))));
        publish(platform, "hr.employee", employees).await?;
        let all = (0..self.people).flat_map(|owner| (0..self.deals).map(move |deal| (owner, deal)));
        let deals = all.map(|(owner, deal)| {
            let number = owner * self.deals + deal + 1;
            (number, lead(number, owner, amount(owner, deal)))
        });
        publish(platform, "crm.lead", deals).await?;
        let all = (0..self.people).flat_map(|owner| (0..self.activities).map(move |call| (owner, call)));
        let calls = all.map(|(owner, call)| {
            let number = owner * self.activities + call + 1;
            (number, activity(number, owner, owner * self.deals + 1))
        });
        publish(platform, "mail.activity", calls).await
    }

    /// Some deals are worth so much more from now on.
    pub async fn raise(
        &self,
        platform: &Platform,
        deals: impl IntoIterator<Item = (u32, u32)>,
        minor: i64,
    ) -> anyhow::Result<()> {
        let raised = deals.into_iter().map(|(owner, deal)| {
            let number = owner * self.deals + deal + 1;
            (number, lead(number, owner, amount(owner, deal) + minor))
        });
        publish(platform, "crm.lead", raised).await
    }

    /// Somebody reports to somebody else from now on, and their people with them.
    pub async fn reorganise(&mut self, platform: &Platform, person: u32, to: u32) -> anyhow::Result<()> {
        self.moved.push((person, to));
        publish(platform, "hr.employee", [(id(person), employee(person, Some(to)))]).await
    }
}

/// Odoo's id of a person: 0 is none there.
pub fn id(person: u32) -> u32 {
    person + 1
}

/// Address of a person.
pub fn email(person: u32) -> String {
    format!("p{person}@example.com")
}

/// Amount of a deal in minor units.
pub fn amount(owner: u32, deal: u32) -> i64 {
    i64::from(owner % 97 + deal * 13 + 1) * 100
}

fn user(person: u32) -> Value {
    let name = format!("Person {person}");
    json!({ "id": id(person), "name": name, "login": email(person), "active": true, "share": false })
}

/// A person's record as an employee, with their manager.
pub fn employee(person: u32, manager: Option<u32>) -> Value {
    let manager = manager.map_or(json!(false), |manager| json!(id(manager)));
    let name = format!("Person {person}");
    json!({ "id": id(person), "name": name, "user_id": id(person), "parent_id": manager, "active": true })
}

/// A deal.
pub fn lead(number: u32, owner: u32, minor: i64) -> Value {
    json!({
        "id": number, "name": format!("Deal {number}"), "type": "opportunity", "active": true, "probability": 50.0,
        "expected_revenue": minor as f64 / 100.0, "stage_id": 1, "user_id": id(owner), "team_id": false,
        "company_id": 1, "partner_id": false, "date_deadline": format!("2026-{:02}-15", number % 12 + 1),
        "create_date": "2026-01-05 10:00:00",
    })
}

fn activity(number: u32, owner: u32, deal: u32) -> Value {
    json!({
        "id": number, "summary": format!("Call {number}"), "user_id": id(owner), "res_model": "crm.lead",
        "res_id": deal, "active": true, "date_deadline": format!("2026-09-{:02}", 1 + number % 28),
        "create_date": "2026-08-01 10:00:00",
    })
}

/// Publishes versions of records into the log of the source `odoo`.
pub async fn publish(
    platform: &Platform,
    object: &str,
    records: impl IntoIterator<Item = (u32, Value)>,
) -> anyhow::Result<()> {
    let (mut writer, plan) = (writer(platform).await?, plan(object)?);
    let records: Vec<_> = records
        .into_iter()
        .map(|(key, payload)| Record {
            key: key.to_string(),
            source_modified: None,
            subjects: Vec::new(),
            payload,
        })
        .collect();
    for page in records.chunks(PAGE) {
        writer.append(&plan, page).await?;
    }
    Ok(())
}

/// Publishes that records are gone.
pub async fn retract(platform: &Platform, object: &str, keys: &[u32]) -> anyhow::Result<()> {
    let keys: Vec<_> = keys.iter().map(u32::to_string).collect();
    writer(platform).await?.retract(&plan(object)?, &keys).await?;
    Ok(())
}

fn plan(object: &str) -> anyhow::Result<ObjectPlan> {
    Ok(ObjectPlan::new(ObjectName::new(object)?))
}

async fn writer(platform: &Platform) -> anyhow::Result<RawWriter> {
    let options = NatsOptions {
        url: platform.nats.url(),
        name: "test".into(),
        connect_within: Duration::from_secs(10),
    };
    let ports = Ports::system(&NatsLog::connect(options).await?);
    Ok(RawWriter::open(&ports, &InstanceName::new("odoo")?, "odoo", 0).await?)
}

/// Makes an account for a person, who is known by their address, and signs in.
pub async fn signed_in(platform: &Platform, person: u32, role: &str) -> anyhow::Result<Session> {
    let name = format!("Person {person}");
    platform.run(&["user", "create", &email(person), "--name", &name, "--role", role], PASSWORD)?;
    // The service may still be on its way up.
    let listens = async || platform.listens().await.then_some(());
    eventually("the service to listen", listens).await?;
    platform.sign_in(&email(person), PASSWORD).await
}

/// What the overview says of open deals; none while it has nothing to say.
pub async fn shown(session: &Session) -> Option<Total> {
    let (status, overview) = session.get("/api/dashboard/overview").await.ok()?;
    let open = overview.get("open_pipeline")?;
    let minor = open.pointer("/amounts/0/minor").and_then(Value::as_i64).unwrap_or(0);
    (status == 200).then_some((open.get("count")?.as_i64()?, minor))
}
