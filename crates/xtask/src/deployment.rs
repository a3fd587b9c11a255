//! The deployment files hold together: pinned images, and a value for every variable. Tests only.

use crate::workspace::Workspace;
use std::collections::BTreeSet;
use std::fs;

fn file(name: &str) -> String {
    let root = Workspace::find().unwrap().root;
    fs::read_to_string(root.join(name)).unwrap()
}

/// The names behind every `marker` of lines that are no comments.
fn names_after(text: &str, marker: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let pieces = lines.flat_map(|line| line.split(marker).skip(1));
    let names =
        pieces.map(|rest| rest.chars().take_while(|c| c.is_ascii_uppercase() || matches!(c, '_')).collect());
    names.filter(|name: &String| !name.is_empty()).collect()
}

#[test]
fn every_image_is_pinned_to_a_version() {
    let compose = file("docker-compose.yml");
    let dockerfile = file("deploy/Dockerfile");
    let composed = compose.lines().filter_map(|line| line.trim().strip_prefix("image: "));
    let based = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")?.split_whitespace().next());
    let images: Vec<&str> = composed.chain(based).collect();
    assert!(images.len() >= 6, "{images:?}");
    for image in images {
        let tag = image.split_once(':').map(|(_, tag)| tag).unwrap_or("latest");
        assert!(!tag.contains("latest"), "{image} is not pinned");
    }
}

#[test]
fn every_variable_of_compose_is_in_the_example() {
    let example = file(".env.example");
    let wanted = names_after(&file("docker-compose.yml"), "${");
    assert!(wanted.contains("MONGO_KEYFILE"));
    for name in wanted {
        assert!(
            example.lines().any(|line| line.starts_with(&format!("{name}="))),
            "{name} is not in .env.example"
        );
    }
}

#[test]
fn every_variable_of_the_broker_is_set_by_compose() {
    let compose = file("docker-compose.yml");
    let wanted: BTreeSet<String> =
        names_after(&file("nats.conf"), "$").into_iter().filter(|name| name.starts_with("NATS_")).collect();
    assert_eq!(wanted.len(), 8, "{wanted:?}");
    for name in wanted {
        assert!(compose.contains(&format!("      {name}: ")), "{name} is not set for the service nats");
    }
}
