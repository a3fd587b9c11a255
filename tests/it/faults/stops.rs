//! Processes that sleep longer than the broker remembers message ids, while a second copy goes on: what they wake up
//! to do is refused, and they say so.

use std::time::Duration;

use nix::sys::signal::Signal;
use salescommand_odoo_simulator::Seed;
use salescommand_tests::load::Load;
use salescommand_tests::platform::{eventually, today};

use super::{BYTES, DUPLICATE_WINDOW, Scene, events, seeds};

/// Longer than the broker remembers.
const SLEEP: Duration = DUPLICATE_WINDOW.saturating_add(Duration::from_secs(1));

/// The publisher lives in the normalizer's process and sleeps with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_normalizer_and_a_projector_that_slept_are_fenced_by_their_second_copies() {
    for seed in seeds() {
        let mut scene = Scene::start(seed).await;
        let events = Load::new(seed, BYTES).mixed(events() as usize / 2);
        let (early, late) = events.split_at(events.len() * 2 / 3);
        scene.publish(early).await;
        scene.spawn(&["normalizer", "projector"]);
        let moment = scene.random.below(early.len() as u64 / 2);
        eventually("the moment to stop", async || (scene.normalized().await > moment).then_some(()))
            .await
            .unwrap();
        for name in ["normalizer", "projector"] {
            scene.platform.signal(name, Signal::SIGSTOP).unwrap();
        }
        let stopped = scene.normalized().await;
        assert!(stopped < early.len() as u64, "the normalizer was stopped when it had nothing to do");
        scene.spawn(&["normalizer-2", "projector-2"]);
        tokio::time::sleep(SLEEP).await;
        eventually("the second copy to go on", async || (scene.normalized().await > stopped).then_some(()))
            .await
            .unwrap();
        for name in ["normalizer", "projector"] {
            scene.platform.signal(name, Signal::SIGCONT).unwrap();
        }
        scene.publish(late).await;
        let status = eventually("a normalizer to end", async || {
            scene.platform.ended("normalizer").ok()?.or(scene.platform.ended("normalizer-2").ok()?)
        });
        assert!(!status.await.unwrap().success(), "a fenced copy ends by an error");
        let logs = |name: &str| scene.platform.log(name) + &scene.platform.log(&format!("{name}-2"));
        assert!(logs("normalizer").contains("fenced"), "{}", logs("normalizer"));
        scene.compare().await;
        assert!(logs("projector").contains("standing by"), "{}", logs("projector"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connector_that_slept_loses_its_source_to_a_second_copy() {
    for seed in seeds() {
        let size = events() as usize / 4;
        let company =
            Seed { leads: size / 4, partners: size / 10, activities: size / 2, ..Seed::new(seed, today()) };
        let mut scene = Scene::with_company(seed, company).await;
        scene.spawn(&["query", "normalizer", "projector"]);
        scene.add_source();
        scene.spawn(&["connect"]);
        let moment = scene.random.below(size as u64 / 3);
        eventually("the moment to stop", async || (scene.raw_end().await > moment).then_some(()))
            .await
            .unwrap();
        scene.platform.signal("connect", Signal::SIGSTOP).unwrap();
        let stopped = scene.raw_end().await;
        scene.spawn(&["connect-2"]);
        tokio::time::sleep(SLEEP).await;
        eventually("the second copy to go on", async || (scene.raw_end().await > stopped).then_some(()))
            .await
            .unwrap();
        scene.platform.signal("connect", Signal::SIGCONT).unwrap();
        scene.synced().await;
        scene.compare().await;
    }
}
