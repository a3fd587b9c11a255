//! Sealed credentials.

use std::sync::Arc;

use salescommand_domain::raw::InstanceName;
use salescommand_query::SystemIds;
use salescommand_query::sources::{NewSource, SourceError, Sources};
use salescommand_store::{OPS_SOURCES, Ops, Query};
use secrecy::ExposeSecret;

use crate::records;
use crate::world::{World, key};

fn named(name: &str) -> NewSource {
    NewSource {
        name: InstanceName::new(name).unwrap(),
        kind: "odoo".into(),
        title: "Odoo".into(),
        settings: Default::default(),
        secret: "another secret".into(),
    }
}

#[tokio::test]
async fn a_credential_is_stored_sealed_and_opens_with_its_key_only() {
    let world = World::empty().await;
    world.add_source("odoo").await;
    let stored = records::everything(&world.store);
    assert!(
        stored.contains(OPS_SOURCES)
            && stored.contains("nonce_and_ciphertext")
            && !stored.contains("hunter2")
    );
    assert_eq!(world.sources.list().await.unwrap()[0].url(), "http://odoo.example");
    let opened = world.sources.open("odoo").await.unwrap();
    assert_eq!(opened.secret.expose_secret(), "hunter2hunter2");
    assert!(!format!("{opened:?}").contains("hunter2"));
    let ops: Arc<dyn Ops> = Arc::new(world.store.clone());
    let other = Sources::new(ops, Arc::new(world.clock.clone()), Arc::new(SystemIds), &key(9)).unwrap();
    assert!(matches!(other.open("odoo").await, Err(SourceError::Sealed(_))));
}

#[tokio::test]
async fn a_sealed_text_moved_to_another_source_does_not_open() {
    let world = World::empty().await;
    world.add_source("odoo").await;
    let documents = world.store.list(OPS_SOURCES, &Query::all()).await.unwrap();
    let mut moved: bson::Document = bson::deserialize_from_slice(documents[0].as_bytes()).unwrap();
    moved.insert("_id", "elsewhere");
    world.store.insert(OPS_SOURCES, bson::serialize_to_raw_document_buf(&moved).unwrap()).await.unwrap();
    assert!(matches!(world.sources.open("elsewhere").await, Err(SourceError::Sealed(_))));
}

#[tokio::test]
async fn names_are_unique_and_some_are_kept() {
    let world = World::empty().await;
    world.sources.add(named("odoo")).await.unwrap();
    assert!(matches!(world.sources.add(named("odoo")).await, Err(SourceError::NameTaken(_))));
    for kept in ["config", "crm"] {
        assert!(matches!(world.sources.add(named(kept)).await, Err(SourceError::Reserved(_))));
    }
    world.sources.remove("odoo").await.unwrap();
    assert!(matches!(world.sources.remove("odoo").await, Err(SourceError::Unknown(_))));
    assert!(world.sources.list().await.unwrap().is_empty());
}
