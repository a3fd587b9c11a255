//! An older database is put back: mongod's files, copied in the middle of the run, come back later in place of newer
//! ones, while the broker keeps all that was published in between.

use std::path::Path;

use salescommand_tests::load::Load;

use super::{BYTES, LOOK, Scene, events, seeds};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_name() != "mongod.lock" {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_older_database_catches_up() {
    for seed in seeds() {
        let mut scene = Scene::start(seed).await;
        let events = Load::new(seed, BYTES).mixed(events() as usize);
        scene.publish(&events).await;
        let (data, backup) =
            (scene.platform.mongo.folder().join("data"), scene.platform.mongo.folder().join("backup"));
        let total = events.len() as u64;
        let first = total / 5 + scene.random.below(total / 5);
        let second = first + total / 5 + scene.random.below(total / 5);
        // What the backup holds: the stream has to come past it, or nothing is lost by putting it back.
        let mut made = 0;
        for (round, moment) in [first, second].into_iter().enumerate() {
            scene.spawn(&["normalizer", "projector"]);
            scene.gets_to(moment, LOOK, Scene::normalized).await;
            // The projections too, so that they have something to forget.
            scene.gets_to(moment / 2, LOOK, Scene::projected).await;
            scene.gets_to(made + 1, LOOK, Scene::canonical_end).await;
            for name in ["normalizer", "projector"] {
                scene.platform.kill9(name).unwrap();
            }
            scene.platform.mongo.kill9().unwrap();
            if round == 0 {
                copy(&data, &backup);
            } else {
                std::fs::remove_dir_all(&data).unwrap();
                copy(&backup, &data);
            }
            scene.platform.mongo.restart().unwrap();
            made = scene.stored_outbox().await;
        }
        let end = scene.canonical_end().await;
        assert!(made < end, "the backup is not older than the stream: {made} events of {end}");
        // The projector is there first, and must wait.
        scene.spawn(&["projector", "normalizer"]);
        scene.verify().await;
        assert_eq!(scene.normalizer().await.void.len(), 1);
    }
}
