//! What happened to deals in Odoo, as history: exactly where Odoo keeps a history of its own that may be read, else as far as
//! two readings differ.

use proptest::prelude::*;
use salescommand_domain::Timestamp;
use salescommand_domain::canonical::history::{
    HistoryChange, HistoryEvidence, HistoryField, HistoryVersion, rows,
};
use salescommand_ingest::RunState;
use salescommand_odoo_simulator::Level;
use serde_json::{Value, json};

use crate::odoo_activities::facet;
use crate::odoo_changes::Office;
use crate::office::{Step, step};

const ADMIN: &str = "admin";
const SELLER: &str = "krishna@securado.net";

impl Office {
    async fn read(&mut self, full: bool) {
        self.pass(40);
        self.run += 1;
        let run = self.sync(full).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    }

    /// The rows of one field of a lead's history, in their order.
    async fn rows(&self, lead: i64, field: HistoryField) -> Vec<HistoryChange> {
        let id = facet("crm.lead", lead).to_string();
        let stored = self.documents().await["canonical_history_g1"].clone();
        let of_lead = stored.into_iter().filter(|(version, _)| version.starts_with(&id));
        let versions: Vec<HistoryVersion> =
            of_lead.map(|(_, bytes)| bson::deserialize_from_slice(&bytes).unwrap()).collect();
        let all = rows(&versions, None, None).into_iter().map(|row| row.change);
        all.filter(|row| row.field == field).collect()
    }

    /// Now, to the second.
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.handle.clock().now().as_second()).unwrap()
    }

    /// Does something to a lead some time later; gives when.
    fn act(&mut self, login: &str, (lead, method): (i64, &str), more: &[Value]) -> Timestamp {
        self.pass(600);
        let at = self.now();
        let arguments: Vec<Value> = [json!([lead])].into_iter().chain(more.iter().cloned()).collect();
        // Some end in a fault, since their result cannot be sent; they have committed all the same.
        let _ = self.handle.data().call(login, ("crm.lead", method), json!(arguments), json!({}));
        at
    }

    /// A deal that goes a long way; when each step was.
    fn long_way(&mut self) -> (i64, [Timestamp; 8]) {
        self.pass(600);
        let made = self.now();
        let seller = self.handle.data().user(SELLER).unwrap();
        let values = json!([{"name": "Lifts", "stage_id": 1, "expected_revenue": 100.0, "user_id": seller}]);
        let lead = self.done(ADMIN, "crm.lead", "create", values).as_i64().unwrap();
        let mut act = |login: &str, method: &str, more: &[Value]| self.act(login, (lead, method), more);
        let times = [
            made,
            act(ADMIN, "write", &[json!({"stage_id": 2, "expected_revenue": 250.5})]),
            act(ADMIN, "action_set_lost", &[]),
            act(ADMIN, "action_unarchive", &[]),
            act(SELLER, "write", &[json!({"stage_id": 3})]),
            act(ADMIN, "write", &[json!({"stage_id": 4})]),
            act(ADMIN, "write", &[json!({"active": false})]),
            act(ADMIN, "write", &[json!({"active": true})]),
        ];
        (lead, times)
    }
}

/// From, to, when, how it is known.
fn told(rows: &[HistoryChange]) -> Vec<(Value, Value, Timestamp, HistoryEvidence)> {
    let value = |value: &Option<Value>| value.clone().unwrap_or_default();
    rows.iter().map(|row| (value(&row.from), value(&row.to), row.valid_at, row.evidence)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_reads_all_that_happened_before_the_first_sync() {
    use HistoryEvidence::{Inferred, SourceHistory};
    let mut office = Office::open().await;
    office.handle.data().set_level(crate::office::API, Level::Settings).unwrap();
    let (lead, [made, raised, lost, restored, moved, won, away, back]) = office.long_way();
    office.read(false).await;
    let stage = |id: i64| json!(facet("crm.stage", id));
    let stages = office.rows(lead, HistoryField::Stage).await;
    let expected = [
        (Value::Null, stage(1), made, Inferred),
        (stage(1), stage(2), raised, SourceHistory),
        (stage(2), stage(3), moved, SourceHistory),
        (stage(3), stage(4), won, SourceHistory),
    ];
    assert_eq!(told(&stages), expected);
    let seller = office.handle.data().user(SELLER).unwrap();
    assert_eq!(stages[2].by, Some(facet("res.users", seller)), "who did it");
    let amounts = told(&office.rows(lead, HistoryField::Amount).await);
    let expected =
        [(Value::Null, json!("100"), made, Inferred), (json!("100"), json!("250.5"), raised, SourceHistory)];
    assert_eq!(amounts, expected);
    let open = json!({"in_won_stage": "won", "elsewhere": "open"});
    let either = json!({"any_of": ["archived", "lost"]});
    let statuses = told(&office.rows(lead, HistoryField::Status).await);
    let expected = [
        (Value::Null, open.clone(), made, Inferred),
        (open.clone(), either.clone(), lost, SourceHistory),
        (either.clone(), open.clone(), restored, SourceHistory),
        (open.clone(), either.clone(), away, SourceHistory),
        (either, open, back, SourceHistory),
    ];
    assert_eq!(statuses, expected, "nobody saw which of the two it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_won_reopened_and_archived_are_told_apart_by_whoever_reads_in_time() {
    let mut office = Office::open().await;
    office.handle.data().set_level(crate::office::API, Level::Settings).unwrap();
    office.pass(600);
    let values = json!([{"name": "Lifts", "stage_id": 1, "probability": 20.0}]);
    let lead = office.done(ADMIN, "crm.lead", "create", values).as_i64().unwrap();
    office.read(false).await;
    let mut expected = Vec::new();
    let open = json!({"in_won_stage": "won", "elsewhere": "open"});
    let archived = json!({"in_won_stage": "won", "elsewhere": "archived"});
    for (method, more, status) in [
        ("action_set_lost", vec![], json!("lost")),
        ("action_unarchive", vec![], open.clone()),
        ("write", vec![json!({"active": false})], archived),
        ("write", vec![json!({"active": true})], open.clone()),
    ] {
        let at = office.act(ADMIN, (lead, method), &more);
        office.read(false).await;
        expected.push((status, at));
    }
    // With a reason it is lost for sure, whoever reads when.
    let at = office.act(
        ADMIN,
        (lead, "write"),
        &[json!({"active": false, "probability": 0.0, "lost_reason_id": 1})],
    );
    expected.push((json!("lost"), at));
    let at = office.act(ADMIN, (lead, "action_unarchive"), &[]);
    expected.push((open, at));
    office.read(false).await;
    let rows = office.rows(lead, HistoryField::Status).await;
    let found: Vec<_> = rows[1..].iter().map(|row| (row.to.clone().unwrap(), row.valid_at)).collect();
    assert_eq!(found, expected);
    assert!(rows[1..].iter().all(|row| row.evidence == HistoryEvidence::SourceHistory));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_right_the_last_change_is_exact_and_the_others_are_differences() {
    use HistoryEvidence::{ObservedDiff, SourceHistory};
    let mut office = Office::open().await;
    office.pass(600);
    let values = json!([{"name": "Lifts", "stage_id": 1, "expected_revenue": 100.0}]);
    let lead = office.done(ADMIN, "crm.lead", "create", values).as_i64().unwrap();
    let first = office.act(ADMIN, (lead, "write"), &[json!({"stage_id": 2})]);
    office.read(false).await;
    office.act(ADMIN, (lead, "write"), &[json!({"stage_id": 3})]);
    let second = office.act(ADMIN, (lead, "write"), &[json!({"stage_id": 2})]);
    let third = office.act(ADMIN, (lead, "write"), &[json!({"stage_id": 3, "expected_revenue": 70.0})]);
    office.read(false).await;
    let stage = |id: i64| json!(facet("crm.stage", id));
    let stages = office.rows(lead, HistoryField::Stage).await;
    let expected =
        [(Value::Null, stage(2), first, SourceHistory), (stage(2), stage(3), third, SourceHistory)];
    assert_eq!(told(&stages), expected, "what was before is not known: {second}");
    let amounts = office.rows(lead, HistoryField::Amount).await;
    assert_eq!(amounts[1].evidence, ObservedDiff);
    // The right comes: what had been missed takes its place.
    office.handle.data().set_level(crate::office::API, Level::Settings).unwrap();
    office.read(false).await;
    let stages = told(&office.rows(lead, HistoryField::Stage).await);
    let to: Vec<_> = stages.iter().map(|(_, to, _, _)| to.clone()).collect();
    assert_eq!(to, [1, 2, 3, 2, 3].map(stage));
    assert!(stages[1..].iter().all(|(_, _, _, evidence)| *evidence == SourceHistory));
    assert_eq!(office.rows(lead, HistoryField::Amount).await[1].evidence, SourceHistory);
    // And goes: what was told stays told.
    office.handle.data().set_level(crate::office::API, Level::AllDocuments).unwrap();
    office.read(false).await;
    assert_eq!(told(&office.rows(lead, HistoryField::Stage).await), stages);
}

/// Whatever Odoo has written down about a lead's stage, without what came from a lead that was merged into it.
fn written(office: &Office, lead: i64) -> Vec<(Option<Value>, Option<Value>, Timestamp)> {
    let rows = office.handle.data().snapshot();
    let own = rows.ids_where("mail.message", |row| {
        row.get("model").as_text() == Some("crm.lead")
            && row.get("res_id").as_int() == Some(lead)
            && row.get("subject").as_text().unwrap_or_default().is_empty()
    });
    let of_stage = |id: &i64| {
        let row = rows.row("mail.tracking.value", *id)?;
        let field = rows.row("ir.model.fields", row.get("field_id").as_int()?)?;
        let stage = |column: &str| row.get(column).as_int().map(|id| json!(facet("crm.stage", id)));
        let at = Timestamp::from_second(row.get("create_date").as_instant()?.as_second()).ok()?;
        let is_own = row.get("mail_message_id").as_int().is_some_and(|id| own.contains(&id));
        let told = (stage("old_value_integer"), stage("new_value_integer"), at);
        (is_own && field.get("name").as_text() == Some("stage_id")).then_some(told)
    };
    rows.ids_where("mail.tracking.value", |_| true).iter().filter_map(of_stage).collect()
}

async fn what_odoo_has_written_down_is_told(steps: Vec<Step>) {
    let mut office = Office::open().await;
    office.handle.data().set_level(crate::office::API, Level::Settings).unwrap();
    for step in steps {
        // Rights stay, and syncs end.
        match step {
            Step::Level(_) => {}
            Step::Sync { .. } => office.read(false).await,
            step => office.take(step).await,
        }
    }
    office.pass(crate::office::LONGEST);
    office.read(false).await;
    office.read(true).await;
    for lead in office.handle.data().snapshot().ids_where("crm.lead", |_| true) {
        let rows = office.rows(lead, HistoryField::Stage).await;
        let exact: Vec<_> = rows
            .iter()
            .filter(|row| row.evidence == HistoryEvidence::SourceHistory && row.by.is_some())
            .map(|row| (row.from.clone(), row.to.clone(), row.valid_at))
            .collect();
        assert_eq!(exact, written(&office, lead), "lead {lead}: {rows:#?}");
    }
}

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SALESCOMMAND_FAULT_EVENTS").is_some() { 20 } else { 6 };
    ProptestConfig { cases, max_shrink_iters: 60, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_odoo_has_written_down_of_a_lead_is_told_whatever_happens(
        steps in prop::collection::vec(step(), 10..30),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(what_odoo_has_written_down_is_told(steps));
    }
}
