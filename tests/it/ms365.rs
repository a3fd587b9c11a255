//! A company whose people are in Odoo, in Microsoft 365 and in SalesCommand: one person from three places, a meeting that is
//! told once, and a manager by the directory.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::date;
use salescommand_connectors::{ObjectPlan, Record};
use salescommand_domain::canonical::{
    Activity, Entity, FacetId, Golden, GoldenBody, Related, SourceRef, User,
};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use salescommand_domain::schedule::Selection;
use salescommand_eventlog::memory::MemoryLog;
use salescommand_graph_simulator::{Config as GraphConfig, Handle as Graph, Simulator as GraphSimulator};
use salescommand_ingest::{Demands, Options, Ports, RawWriter, RunRequest, RunState, Trigger, run_once};
use salescommand_normalizer::RawMessage;
use salescommand_odoo_simulator::{Config as OdooConfig, Handle as Odoo, Seed, Simulator as OdooSimulator};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::ms365_canonical::goldens;
use crate::oracle::Compared;
use crate::{ms365_changes, office, oracle, recompute};

const ADMIN: &str = "admin";
const KRISHNA: &str = "krishna@securado.net";
const DANA: &str = "dana.brooks@securado.net";
const LUIS: &str = "luis.ortega@securado.net";
/// Leads the team of all three, and manages them by Odoo's employees.
const AMELIA: &str = "am1@salescommand.com";
const UID: &str = "040000008200E00074C5B7101A82E00807EA0C010000";
const TIMES: (&str, &str) = ("2026-12-01T09:00:00", "2026-12-01T10:00:00");

struct Company {
    odoo: Arc<Odoo>,
    graph: Graph,
    log: MemoryLog,
    run: u128,
}

impl Company {
    async fn open() -> Self {
        let seed = Seed { leads: 12, partners: 10, activities: 10, ..Seed::new(7, date(2026, 11, 23)) };
        let odoo = OdooSimulator::start(OdooConfig::new(seed).password(office::API, office::PASSWORD))
            .await
            .unwrap();
        let graph = GraphSimulator::start(GraphConfig::demo(ms365_changes::SECRET)).await.unwrap();
        Self { odoo: Arc::new(odoo), graph, log: MemoryLog::new(), run: 0 }
    }

    fn odoo(&self, object: &str, method: &str, arguments: Value) -> Value {
        self.odoo.data().call(ADMIN, (object, method), arguments, json!({})).unwrap()
    }

    /// Reads both sources, and publishes that somebody is a person of SalesCommand's own.
    async fn sync(&mut self) {
        let ports = Ports::system(&self.log);
        for kind in ["odoo", "ms365"] {
            let source = match kind {
                "odoo" => office::source(&*self.odoo, &[]),
                _ => ms365_changes::source(&self.graph, &[]),
            };
            self.run += 1;
            let request = RunRequest {
                run_id: Uuid::from_u128(self.run),
                instance: InstanceName::new(kind).unwrap(),
                connector: kind.to_owned(),
                selection: Selection::all(),
                demands: Demands { full: true, ..Demands::default() },
                trigger: Trigger::Schedule,
            };
            let stop = CancellationToken::new();
            let run = run_once(&ports, &request, source, Options::default(), &stop).await.unwrap().record.run;
            assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        }
        let mut writer = RawWriter::open(&ports, &InstanceName::config(), "config", 0).await.unwrap();
        let person = Record {
            key: KRISHNA.to_owned(),
            source_modified: None,
            subjects: Vec::new(),
            payload: json!({"email": KRISHNA}),
        };
        let plan = ObjectPlan::new(ObjectName::new("person").unwrap());
        writer.append(&plan, &[person]).await.unwrap();
    }

    /// Every document that the three logs come to, in whichever order they are read.
    async fn documents(&self) -> Compared {
        let mut logs = Vec::new();
        for name in ["config", "odoo", "ms365"] {
            let instance = InstanceName::new(name).unwrap();
            let stream = format!("RAW_{}_E1", name.to_uppercase());
            let messages = oracle::messages(&self.log, &stream).await.into_iter().map(|message| {
                let position = Position { epoch: 1, sequence: message.sequence };
                RawMessage { raw: RawPosition { instance: instance.clone(), position }, message }
            });
            logs.push(messages.collect::<Vec<_>>());
        }
        let documents = oracle::documents(&logs, false).await;
        let all: Vec<RawMessage> = logs.iter().flatten().cloned().collect();
        oracle::assert_same(&recompute::documents(&all), &documents);
        logs.reverse();
        oracle::assert_same(&oracle::documents(&logs, true).await, &documents);
        documents
    }
}

fn facet(instance: &str, object: &str, key: &str) -> FacetId {
    let (instance, object) = (InstanceName::new(instance).unwrap(), ObjectName::new(object).unwrap());
    SourceRef { instance, object, key: key.to_owned() }.facet_id()
}

fn holding(goldens: &[Golden], facet: FacetId) -> &Golden {
    goldens.iter().find(|golden| golden.facets.iter().any(|own| own.id == facet)).unwrap()
}

fn sources(golden: &Golden) -> BTreeSet<String> {
    golden.facets.iter().map(|facet| format!("{}/{}", facet.source.instance, facet.source.object)).collect()
}

fn user(golden: &Golden) -> &User {
    match &golden.body {
        GoldenBody::User(user) => user,
        other => panic!("{other:?}"),
    }
}

/// The person of an address in the directory.
fn person<'g>(company: &Company, people: &'g [Golden], address: &str) -> &'g Golden {
    let id = company.graph.tenant(|tenant| tenant.user(address).unwrap());
    holding(people, facet("ms365", "users", &id))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_is_known_from_three_places_and_managed_by_whom_the_directory_says() {
    let mut company = Company::open().await;
    company.graph.tenant(|tenant| {
        let [krishna, dana, luis] = [KRISHNA, DANA, LUIS].map(|address| tenant.user(address).unwrap());
        tenant.set_manager(&krishna, Some(&dana));
        tenant.set_manager(&luis, None);
    });
    company.sync().await;
    let people = goldens(&company.documents().await, "users");
    let krishna = person(&company, &people, KRISHNA);
    let expected = ["config/person", "ms365/managers", "ms365/users", "odoo/hr.employee", "odoo/res.users"];
    assert_eq!(sources(krishna), expected.map(str::to_owned).into());
    let manager =
        |address: &str| user(person(&company, &people, address)).manager.map(|id| holding(&people, id).id);
    let dana = person(&company, &people, DANA);
    assert_eq!(sources(dana), expected[1..].iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(manager(KRISHNA), Some(dana.id), "not whom Odoo's employees name, who leads the team as well");
    let amelia = person(&company, &people, AMELIA).id;
    assert_eq!(manager(LUIS), Some(amelia), "where the directory names nobody, Odoo's employees do");
    // A guest of the tenant, who is in no other place, is nobody; a colleague outside of sales is somebody.
    let names: BTreeSet<_> = people.iter().map(|golden| user(golden).name.as_str()).collect();
    assert!(names.contains("Ingrid Sund") && !names.contains("Guest Auditor") && !names.contains(""));
    company.graph.tenant(|tenant| {
        let [krishna, amelia] = [KRISHNA, AMELIA].map(|address| tenant.user(address).unwrap());
        tenant.set_manager(&krishna, Some(&amelia));
        tenant.set_user(&krishna, json!({"accountEnabled": false}));
    });
    company.sync().await;
    let people = goldens(&company.documents().await, "users");
    let moved = user(person(&company, &people, KRISHNA)).manager.map(|id| holding(&people, id).id);
    assert_eq!(moved, Some(person(&company, &people, AMELIA).id), "a manager that changed is noticed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_meeting_is_told_once_however_many_calendars_and_whichever_crm_have_it() {
    let mut company = Company::open().await;
    let seller = company.odoo.data().user(KRISHNA).unwrap();
    let lead = company
        .odoo("crm.lead", "create", json!([{"name": "Alarm system", "user_id": seller}]))
        .as_i64()
        .unwrap();
    let event = |name: &str, uid: Value| {
        let values = json!({"name": name, "start": "2026-12-01 09:00:00", "stop": "2026-12-01 10:00:00", "user_id": seller,
            "opportunity_id": lead, "ms_universal_event_id": uid});
        company.odoo("calendar.event", "create", json!([values])).as_i64().unwrap()
    };
    let (kept, alone) =
        (event("Alarm system: offer", json!(UID)), event("Alarm system: visit", json!(false)));
    // In the calendars of twelve, which is more than any key joins.
    let (organizer, invited) = company.graph.tenant(|tenant| {
        let organizer = tenant.user(KRISHNA).unwrap();
        let others: Vec<String> = tenant.users().into_iter().filter(|id| *id != organizer).take(14).collect();
        let attendee = |address: &str| json!({"type": "required", "emailAddress": {"address": address}});
        let more = |is_organizer: bool| {
            json!({"subject": "Offer", "isOrganizer": is_organizer, "attendees": [attendee(DANA), attendee("customer@alpine.example")],
                "organizer": {"emailAddress": {"name": "Krishna Patel", "address": KRISHNA}}})
        };
        let first = tenant.add_event(&organizer, UID, TIMES, more(true)).unwrap();
        let mut invited = vec![format!("{organizer}/{first}")];
        for user in others {
            if let Some(id) = tenant.add_event(&user, UID, TIMES, more(false)) {
                invited.push(format!("{user}/{id}"));
            }
        }
        (organizer, invited)
    });
    company.sync().await;
    let documents = company.documents().await;
    let meetings = goldens(&documents, "activities");
    let told = holding(&meetings, facet("odoo", "calendar.event", &kept.to_string()));
    let copies = told.facets.iter().filter(|own| own.source.object.as_str() == "events").count();
    assert!(copies > 10 && copies <= invited.len(), "{copies} of {}", invited.len());
    assert_eq!(told.facets.len(), copies + 1);
    let GoldenBody::Activity(Activity { related, participants, owner, starts_at, .. }) = &told.body else {
        panic!("no meeting")
    };
    assert_eq!(
        *related,
        Some(Related { entity: Entity::Opportunity, id: facet("odoo", "crm.lead", &lead.to_string()) })
    );
    assert_eq!(*starts_at, Some("2026-12-01T09:00:00Z".parse().unwrap()));
    assert!(!participants.is_empty());
    let people = goldens(&documents, "users");
    let owners = holding(&people, owner.unwrap());
    assert_eq!(owners.id, holding(&people, facet("ms365", "users", &organizer)).id);
    let other = holding(&meetings, facet("odoo", "calendar.event", &alone.to_string()));
    assert_eq!(other.facets.len(), 1, "one that is in no calendar of Outlook is by itself");
    // Called off in Outlook, wherever it was kept.
    company.graph.tenant(|tenant| {
        for key in &invited {
            let (user, id) = key.split_once('/').unwrap();
            tenant.set_event(
                user,
                id,
                json!({"isCancelled": true, "lastModifiedDateTime": "2027-01-01T00:00:00Z"}),
            );
        }
    });
    company.sync().await;
    let meetings = goldens(&company.documents().await, "activities");
    let told = holding(&meetings, facet("odoo", "calendar.event", &kept.to_string()));
    let GoldenBody::Activity(activity) = &told.body else { panic!("no meeting") };
    assert_eq!(activity.state, salescommand_domain::canonical::ActivityState::Cancelled);
}
