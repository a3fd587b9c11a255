//! Full streams: they push back, nothing is lost, and everything goes on when there is room.

use std::time::Duration;

use async_nats::ConnectOptions;
use salescommand_domain::raw::raw_stream;
use salescommand_ingest::{Ports, RawWriter};
use salescommand_normalizer::canonical_stream;
use salescommand_tests::load::Load;
use salescommand_tests::platform::eventually;

use super::kills::{changing, write};
use super::{BYTES, Scene, connect, events, seeds};

impl Scene {
    /// What an operator does: gives a stream more room.
    async fn enlarge(&self, stream: &str) {
        let (address, user, password) = self.platform.nats.platform();
        let client = ConnectOptions::with_user_and_password(user, password).connect(address).await.unwrap();
        let jetstream = async_nats::jetstream::new(client);
        let mut config = jetstream.get_stream(stream).await.unwrap().cached_info().config.clone();
        config.max_bytes = -1;
        jetstream.update_stream(config).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_streams_push_back_and_lose_nothing() {
    for seed in seeds() {
        let count = events() / 2;
        // Room for about half of the raw events and a third of the canonical ones.
        let (raw, canonical) = (count * BYTES as u64 / 4, count * BYTES as u64 / 4);
        let mut scene = Scene::with_room(seed, Some(raw), Some(canonical)).await;
        let events = Load::new(seed, BYTES).mixed(count as usize);
        let total = changing(&events);
        let (ports, instance) = (Ports::system(&connect(&scene.platform).await), scene.instance.clone());
        scene.spawn(&["normalizer", "projector"]);
        let writer = tokio::spawn(async move {
            let mut writer = RawWriter::open(&ports, &instance, "odoo", 1).await.unwrap();
            let mut refused = 0;
            for page in events.chunks(100) {
                refused += write(&mut writer, page).await;
            }
            refused
        });
        let full = async || scene.platform.log("normalizer").contains("is full").then_some(());
        eventually("the canonical stream to be full", full).await.unwrap();
        let mut seen = 0;
        let stuck = async || {
            let end = scene.raw_end().await;
            let still = end == std::mem::replace(&mut seen, end);
            // A full stream takes nothing for as long as one cares to look.
            tokio::time::sleep(Duration::from_millis(300)).await;
            (still && end == scene.raw_end().await).then_some(end)
        };
        let end = eventually("the raw stream to be full", stuck).await.unwrap();
        assert!(end < total, "the raw stream took everything");
        scene.enlarge(&raw_stream(&scene.instance, 1)).await;
        scene.enlarge(&canonical_stream(1)).await;
        let refused = writer.await.unwrap();
        assert!(refused > 0, "the writer was never pushed back");
        assert_eq!(scene.raw_end().await, total);
        scene.compare().await;
    }
}
