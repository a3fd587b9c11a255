//! What deals of an Odoo server are labelled with, what they bring again and again, and who manages their owners: renamed,
//! deleted and moved in Odoo, and so in the documents.

use salescommand_domain::access::{OrgTree, Person, TeamEdge};
use salescommand_domain::canonical::{FacetId, Golden, GoldenBody, Label, Opportunity, SourceRef};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use salescommand_domain::schedule::Selection;
use salescommand_domain::serving::{DirectoryEntry, DirectoryFact};
use salescommand_ingest::RunState;
use salescommand_normalizer::RawMessage;
use serde_json::{Value, json};

use crate::odoo_changes::Office;
use crate::oracle::Compared;
use crate::{oracle, recompute};

const ADMIN: &str = "admin";
const SELLER: &str = "krishna@securado.net";
const LEADER: &str = "am1@salescommand.com";
const DIRECTOR: &str = "director@securado.net";

fn facet(object: &str, id: i64) -> FacetId {
    let (instance, object) = (InstanceName::new("odoo").unwrap(), ObjectName::new(object).unwrap());
    SourceRef { instance, object, key: id.to_string() }.facet_id()
}

/// What generations hold of the office.
struct Held(Compared);

impl Held {
    fn deal(&self, lead: i64) -> Opportunity {
        let bytes = &self.0["canonical_opportunities_g1"][&facet("crm.lead", lead).to_string()];
        let golden: Golden = bson::deserialize_from_slice(bytes).unwrap();
        match golden.body {
            GoldenBody::Opportunity(deal) => *deal,
            other => panic!("{other:?}"),
        }
    }

    fn directory(&self) -> Vec<DirectoryEntry> {
        let entries = self.0["serving_directory_g1"].values();
        entries.map(|bytes| bson::deserialize_from_slice(bytes).unwrap()).collect()
    }

    /// The name of a label, as whoever shows the deal finds it.
    fn name(&self, label: &Label) -> Option<String> {
        let Label::Record(id) = label else { panic!("Odoo has records of its labels") };
        self.directory().into_iter().find(|entry| entry.id == *id).map(|entry| match entry.fact {
            DirectoryFact::Label { name } => name,
            other => panic!("{other:?}"),
        })
    }

    fn names(&self, labels: &[Label]) -> Vec<String> {
        labels.iter().filter_map(|label| self.name(label)).collect()
    }

    /// The reporting tree, as the query service builds it.
    fn tree(&self) -> OrgTree {
        let (mut people, mut teams) = (Vec::new(), Vec::new());
        for DirectoryEntry { id, fact, .. } in self.directory() {
            match fact {
                DirectoryFact::Person { facets, manager, .. } => people.push(Person { id, facets, manager }),
                DirectoryFact::Team { leader, members, .. } => teams.push(TeamEdge { id, leader, members }),
                _ => {}
            }
        }
        OrgTree::build(&people, &teams)
    }

    /// The person that a user's manager is.
    fn manager(&self, user: i64) -> Option<FacetId> {
        let user = facet("res.users", user);
        let entries = self.directory();
        let manager = entries.iter().find_map(|entry| match &entry.fact {
            DirectoryFact::Person { facets, manager, .. } if facets.contains(&user) => Some(*manager),
            _ => None,
        });
        self.tree().person_of(manager.flatten()?)
    }
}

impl Office {
    fn call_as_admin(&self, object: &str, method: &str, arguments: Value) -> Value {
        self.handle.data().call(ADMIN, (object, method), arguments, json!({})).unwrap()
    }

    fn employee(&self, login: &str) -> i64 {
        let user = self.handle.data().user(login);
        self.handle.data().snapshot().ids_where("hr.employee", |row| row.get("user_id").as_int() == user)[0]
    }

    async fn sync_everything(&mut self, full: bool) -> Held {
        self.pass(400);
        self.run += 1;
        let run = self.sync_these(Selection::all(), full).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        let messages = oracle::messages(&self.log, "RAW_ODOO_E1").await.into_iter().map(|message| {
            let position = Position { epoch: 1, sequence: message.sequence };
            RawMessage {
                raw: RawPosition { instance: InstanceName::new("odoo").unwrap(), position },
                message,
            }
        });
        let messages: Vec<_> = messages.collect();
        let documents = oracle::documents(std::slice::from_ref(&messages), false).await;
        oracle::assert_same(&recompute::documents(&messages), &documents);
        Held(documents)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_that_are_renamed_or_deleted_in_odoo_are_so_on_every_deal() {
    let mut office = Office::open().await;
    let tags = ["Alpine", "Baltic"]
        .map(|name| office.call_as_admin("crm.tag", "create", json!([{"name": name}])).as_i64().unwrap());
    let values = json!([{
        "name": "Lifts", "tag_ids": [[6, 0, tags]], "source_id": 1, "medium_id": 2, "campaign_id": 1, "company_id": 1,
        "recurring_revenue": 1_000.0, "recurring_plan": 2,
    }]);
    let lead = office.call_as_admin("crm.lead", "create", values).as_i64().unwrap();
    let lost = json!({"lost_reason_id": 1});
    office.handle.data().call(ADMIN, ("crm.lead", "action_set_lost"), json!([[lead]]), lost).unwrap();
    let held = office.sync_everything(false).await;
    let deal = held.deal(lead);
    assert_eq!(held.names(&deal.tags), ["Alpine", "Baltic"]);
    let one = |held: &Held, label: &Option<Label>| held.name(label.as_ref().unwrap());
    assert_eq!(one(&held, &deal.lost_reason).as_deref(), Some("Too expensive"));
    assert_eq!(one(&held, &deal.source).as_deref(), Some("Search engine"));
    assert_eq!(one(&held, &deal.medium).as_deref(), Some("Phone"));
    assert_eq!(one(&held, &deal.campaign).as_deref(), Some("Spring offers"));
    let recurring = deal.recurring.unwrap();
    assert_eq!((recurring.amount.minor, recurring.months), (100_000, Some(12)));
    assert_eq!(recurring.mrr.unwrap().minor, 8_333);

    office.call_as_admin("crm.tag", "write", json!([[tags[1]], {"name": "Balkan"}]));
    office.call_as_admin("crm.lost.reason", "write", json!([[1], {"name": "Price"}]));
    office.call_as_admin("utm.campaign", "write", json!([[1], {"title": "Summer offers"}]));
    office.call_as_admin("crm.recurring.plan", "write", json!([[2], {"number_of_months": 24}]));
    let held = office.sync_everything(false).await;
    let deal = held.deal(lead);
    assert_eq!(held.names(&deal.tags), ["Alpine", "Balkan"]);
    assert_eq!(one(&held, &deal.lost_reason).as_deref(), Some("Price"));
    assert_eq!(one(&held, &deal.campaign).as_deref(), Some("Summer offers"));
    let recurring = deal.recurring.unwrap();
    assert_eq!((recurring.months, recurring.mrr.unwrap().minor), (Some(24), 4_167));

    // Odoo takes the tag off the deal and does not mark the deal.
    office.call_as_admin("crm.tag", "unlink", json!([[tags[0]]]));
    let held = office.sync_everything(false).await;
    assert_eq!(held.names(&held.deal(lead).tags), ["Balkan"], "gone at once");
    let held = office.sync_everything(true).await;
    assert_eq!(held.deal(lead).tags, [Label::Record(facet("crm.tag", tags[1]))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn managers_are_those_of_the_employees() {
    let mut office = Office::open().await;
    let user = |office: &Office, login: &str| office.handle.data().user(login).unwrap();
    let [seller, leader, director] = [SELLER, LEADER, DIRECTOR].map(|login| user(&office, login));
    let employees = [SELLER, LEADER, DIRECTOR].map(|login| office.employee(login));
    let person = |held: &Held, user: i64| held.tree().person_of(facet("res.users", user));
    let held = office.sync_everything(false).await;
    assert_eq!(held.manager(seller), person(&held, leader));
    assert_eq!(held.manager(leader), person(&held, director));
    assert_eq!(held.manager(director), None);

    // A new manager, one who is no user, and a circle.
    let report = |office: &Office, employee: i64, manager: Value| {
        office.call_as_admin("hr.employee", "write", json!([[employee], {"parent_id": manager}]));
    };
    report(&office, employees[0], json!(employees[2]));
    let held = office.sync_everything(false).await;
    assert_eq!(held.manager(seller), person(&held, director));
    let stranger = json!([{"name": "Night watch", "company_id": 1, "parent_id": employees[2]}]);
    let stranger = office.call_as_admin("hr.employee", "create", stranger);
    report(&office, employees[0], stranger);
    let held = office.sync_everything(false).await;
    assert_eq!(held.manager(seller), None, "an employee who is no user owns nothing and manages nobody");
    assert!(held.tree().refused().is_empty());
    report(&office, employees[0], json!(employees[1]));
    report(&office, employees[2], json!(employees[0]));
    let held = office.sync_everything(false).await;
    assert_eq!(held.manager(director), person(&held, seller), "told as Odoo has it");
    assert_eq!(held.tree().refused().len(), 1, "and one edge of the circle is refused");

    // Without the module nothing fails, and what was known stays.
    office.handle.data().uninstall("hr");
    let held = office.sync_everything(false).await;
    assert_eq!(held.manager(leader), person(&held, director));
}
