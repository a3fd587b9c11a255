//! Records of a small company, built with the domain's own functions.

use salescommand_domain::access::ScopeKey;
use salescommand_domain::canonical::{
    Activity, ActivityKind, ActivityState, Amount, CalendarFacet, CurrencySource, Entity, Facet, FacetBody,
    FacetId, Golden, GoldenBody, GoldenFacet, Opportunity, OpportunityFacet, OpportunityKind, OutcomeRule,
    Related, SourceRef, Status, Team, User,
};
use salescommand_domain::money::{Currency, CurrencyCode, Money};
use salescommand_domain::raw::{InstanceName, ObjectName, Position, RawPosition};
use salescommand_domain::serving::{
    DayBuckets, DealFacts, DirectoryEntry, DirectoryFact, FeedItem, StageSummary, SumDocument as _,
    day_cells, stage_cell,
};
use salescommand_store::memory::MemoryStore;
use salescommand_store::{
    Batch, Documents, Operation, Write, canonical_collection, facets_collection, serving_collection,
};
use serde::Serialize;

/// A record of the source `odoo`.
pub fn source(object: &str, key: &str) -> SourceRef {
    SourceRef {
        instance: InstanceName::new("odoo").unwrap(),
        object: ObjectName::new(object).unwrap(),
        key: key.to_owned(),
    }
}

/// The facet of the source's user.
pub fn seller(key: &str) -> FacetId {
    source("res.users", key).facet_id()
}

pub fn stage(key: &str) -> FacetId {
    source("crm.stage", key).facet_id()
}

pub fn golden(source: SourceRef, scope_key: ScopeKey, body: GoldenBody) -> Golden {
    let (id, instance) = (source.facet_id(), source.instance.clone());
    Golden {
        id,
        facets: vec![GoldenFacet { id, source }],
        version: vec![RawPosition { instance, position: Position { epoch: 1, sequence: 7 } }],
        deleted: false,
        merged_into: None,
        flags: Vec::new(),
        updated_at: Some("2026-11-20T10:00:00Z".parse().unwrap()),
        scope_key,
        body,
    }
}

/// A deal of a seller.
pub fn deal(
    key: &str,
    owner: &str,
    status: Status,
    money: Option<(i64, &str)>,
    date: Option<&str>,
) -> Golden {
    let amount = money.map(|(minor, code)| Money {
        minor,
        currency: Currency { code: CurrencyCode::new(code).unwrap(), exponent: 2 },
    });
    let date = date.map(|date| date.parse().unwrap());
    let owner = seller(owner);
    let body = Opportunity {
        opportunity_kind: OpportunityKind::Opportunity,
        name: format!("Deal {key}"),
        partner: None,
        account: None,
        contact: None,
        stage: Some(stage(if status == Status::Open { "1" } else { "4" })),
        status,
        amount,
        weighted: amount.map(|amount| amount.scaled_ppm(500_000)),
        probability_ppm: Some(500_000),
        owner: Some(owner),
        team: None,
        company: None,
        close_date: date,
        created_at: None,
        created_on: date,
        closed_at: None,
        closed_on: date,
        recurring: None,
        lost_reason: None,
        source: None,
        medium: None,
        campaign: None,
        tags: Vec::new(),
        custom: Default::default(),
    };
    golden(source("crm.lead", key), ScopeKey::owner(owner), GoldenBody::Opportunity(Box::new(body)))
}

/// The facet of a deal made in SalesCommand.
pub fn made_here(name: &str, owner: FacetId) -> OpportunityFacet {
    let outcome =
        OutcomeRule { in_won_stage: Status::Won, elsewhere: Status::Open, ambiguous_in_won_stage: false };
    OpportunityFacet {
        opportunity_kind: OpportunityKind::Opportunity,
        name: name.to_owned(),
        partner: None,
        stage: None,
        outcome,
        amount: None,
        probability_ppm: None,
        owner: Some(owner),
        team: None,
        company: None,
        close_date: None,
        created_at: None,
        closed_at: None,
        staged_at: None,
        assigned_at: None,
        tracked: None,
        recurring: None,
        labels: Default::default(),
        custom: Default::default(),
    }
}

/// The facet that a deal is made of.
pub fn facet_of(golden: &Golden) -> Option<Facet> {
    let GoldenBody::Opportunity(deal) = &golden.body else { return None };
    let amount = deal.amount.map(|money| Amount {
        value: rust_decimal::Decimal::new(money.minor, money.currency.exponent.into()),
        currency: Some(CurrencySource::Iso(money.currency.code, money.currency.exponent)),
    });
    let outcome =
        OutcomeRule { in_won_stage: deal.status, elsewhere: deal.status, ambiguous_in_won_stage: false };
    let body = OpportunityFacet {
        opportunity_kind: deal.opportunity_kind,
        stage: deal.stage,
        outcome,
        amount,
        probability_ppm: deal.probability_ppm,
        close_date: deal.close_date,
        ..made_here(&deal.name, deal.owner?)
    };
    let first = golden.facets.first()?;
    Some(Facet {
        id: first.id,
        source: first.source.clone(),
        position: golden.version.first()?.position,
        source_modified: golden.updated_at,
        deleted: golden.deleted,
        merged_into: golden.merged_into,
        stated: None,
        last_version: None,
        body: FacetBody::Opportunity(body),
        keys: Vec::new(),
        refs: Vec::new(),
    })
}

/// A call of a seller about a deal.
pub fn call(key: &str, owner: &str, at: &str, about: &Golden) -> Golden {
    let owner = seller(owner);
    let body = Activity {
        activity_kind: ActivityKind::Call,
        subject: format!("Call {key}"),
        state: ActivityState::Open,
        due: None,
        done_on: None,
        done_at: None,
        starts_at: None,
        ends_at: None,
        owner: Some(owner),
        related: Some(Related { entity: Entity::Opportunity, id: about.id }),
        participants: Vec::new(),
        created_at: Some(at.parse().unwrap()),
    };
    golden(source("mail.activity", key), ScopeKey::owner(owner), GoldenBody::Activity(body))
}

pub fn user(key: &str, name: &str) -> Golden {
    let body = User {
        name: name.to_owned(),
        email: None,
        active: true,
        manager: None,
        directory: false,
        directory_accounts: Vec::new(),
    };
    golden(source("res.users", key), ScopeKey::owner(seller(key)), GoldenBody::User(body))
}

pub fn team(key: &str, name: &str) -> Golden {
    let body = Team { name: name.to_owned(), leader: None, members: Vec::new(), company: None, active: true };
    golden(source("crm.team", key), ScopeKey::public(), GoldenBody::Team(body))
}

pub fn person(id: FacetId, facets: Vec<FacetId>, name: &str, manager: Option<FacetId>) -> DirectoryEntry {
    let fact =
        DirectoryFact::Person { name: name.to_owned(), active: true, facets, manager, accounts: Vec::new() };
    DirectoryEntry { id, scope_key: ScopeKey::public(), fact }
}

pub fn stage_entry(key: &str, name: &str, order: i64) -> DirectoryEntry {
    let fact = DirectoryFact::Stage {
        name: name.to_owned(),
        order,
        is_won: false,
        source: InstanceName::new("odoo").unwrap(),
    };
    DirectoryEntry { id: stage(key), scope_key: ScopeKey::public(), fact }
}

/// Says in which time zone days begin, in the directory.
pub async fn put_calendar(store: &MemoryStore, time_zone: &str) {
    let calendar = CalendarFacet { time_zone: time_zone.to_owned(), fiscal_year_start: 1 };
    let (id, scope_key) = (CalendarFacet::source().facet_id(), ScopeKey::public());
    let entry = DirectoryEntry { id, scope_key, fact: DirectoryFact::Calendar(calendar) };
    put(store, &serving_collection("directory", 1), vec![(id.to_string(), entry)]).await;
}

/// Puts documents into a collection, as the zones' writers do; existing ones are replaced.
pub async fn put<T: Serialize>(store: &MemoryStore, collection: &str, documents: Vec<(String, T)>) {
    let consumer = format!("seed {collection}");
    let revision = Documents::position(store, &consumer).await.unwrap().map_or(0, |stored| stored.revision);
    let mut writes = Vec::new();
    for (id, document) in documents {
        let exists = !store.get(collection, std::slice::from_ref(&id)).await.unwrap().is_empty();
        let document = bson::serialize_to_raw_document_buf(&document).unwrap();
        let operation = if exists { Operation::Replace(document) } else { Operation::Insert(document) };
        writes.push(Write { collection: collection.to_owned(), id, operation });
    }
    let position = bson::doc! { "seeded": revision + 1 };
    store.commit(Batch { consumer, expected_revision: revision, position, writes }).await.unwrap();
}

/// Puts golden records and everything that the projections make of them.
pub async fn put_golden(store: &MemoryStore, records: Vec<Golden>) {
    for record in records {
        let (id, entity) = (record.id.to_string(), record.entity());
        if let Some(facts) = DealFacts::of(&record) {
            put_sums(store, &facts).await;
        }
        if let Some(item) = FeedItem::of(&record) {
            put(store, &serving_collection("activity_feed", 1), vec![(id.clone(), item)]).await;
        }
        if let Some(facet) = facet_of(&record) {
            put(store, &facets_collection(1), vec![(id.clone(), facet)]).await;
        }
        put(store, &canonical_collection(entity, 1), vec![(id, record)]).await;
    }
}

async fn put_sums(store: &MemoryStore, facts: &DealFacts) {
    for cell in day_cells(facts) {
        let collection = serving_collection("dashboard_stats", 1);
        let held: Option<DayBuckets> = find(store, &collection, &cell.document_id()).await;
        let mut document = held.unwrap_or_else(|| DayBuckets::empty(&cell).unwrap());
        document.apply(&cell, 1).unwrap();
        put(store, &collection, vec![(document.id.clone(), document)]).await;
    }
    if let Some(cell) = stage_cell(facts) {
        let collection = serving_collection("pipeline_summary", 1);
        let held: Option<StageSummary> = find(store, &collection, &cell.document_id()).await;
        let mut document = held.unwrap_or_else(|| StageSummary::empty(&cell).unwrap());
        document.apply(&cell, 1).unwrap();
        put(store, &collection, vec![(document.id.clone(), document)]).await;
    }
}

async fn find<T: serde::de::DeserializeOwned>(store: &MemoryStore, collection: &str, id: &str) -> Option<T> {
    let found = store.get(collection, &[id.to_owned()]).await.unwrap();
    found.first().map(|document| bson::deserialize_from_slice(document.as_bytes()).unwrap())
}

/// Everything that is stored, as text to look for secrets in.
pub fn everything(store: &MemoryStore) -> String {
    let mut text = String::new();
    for (collection, documents) in store.dump() {
        for document in documents.values() {
            let document: bson::Document = bson::deserialize_from_slice(document.as_bytes()).unwrap();
            text.push_str(&format!("{collection} {document}\n"));
        }
    }
    text
}
