//! What `docs/security.md` says of tests: each that it names is there.

use std::collections::BTreeSet;

use salescommand_tests::platform::repository;

use crate::architecture::sources;

/// Suites and programs that are named beside tests, and what has to be there for each.
const OTHERS: [(&str, &str); 1] = [("schemathesis", "tests/api-fuzz/fuzz.py")];

/// Functions with a test attribute in front of them.
fn tests() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        sources(&repository().join(folder), &mut files);
    }
    let mut found = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let name =
                line.split_once("fn ").map(|(_, rest)| rest.split(['(', '<']).next().unwrap_or_default());
            match name {
                Some(name) if is_test => {
                    found.insert(name.to_owned());
                    is_test = false;
                }
                _ if line.starts_with("#[test]") || line.starts_with("#[tokio::test") => is_test = true,
                _ if line.starts_with("#[") || line.starts_with("//") => {}
                _ => is_test = false,
            }
        }
    }
    found
}

/// The cells of a table's rows, of those below a heading.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let below = text.split(heading).nth(1).unwrap_or_else(|| panic!("{heading} is gone"));
    let section = below.split("\n## ").next().unwrap();
    let lines = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| threat") && !line.starts_with("| |"));
    lines
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// What stands in backticks.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn each_of_owasps_ten_is_tried_by_tests_that_are_there() {
    let text = std::fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let (rows, tests) = (rows(&text, "## OWASP's API Security Top 10 (2023)"), tests());
    let numbers = rows.iter().map(|row| row[0].split(' ').next().unwrap().to_owned());
    assert_eq!(
        numbers.collect::<Vec<_>>(),
        (1..=10).map(|number| format!("API{number}")).collect::<Vec<_>>()
    );
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let by = named(&row[3]);
        assert!(by.len() >= 3, "{} is tried by {by:?} alone", row[0]);
        for name in by {
            let other = OTHERS.iter().find(|(other, _)| *other == name);
            let is_there = other.map_or(tests.contains(name), |(_, path)| repository().join(path).is_file());
            assert!(is_there, "{}: there is no test {name}", row[0]);
        }
    }
}

#[test]
fn what_is_defended_is_tested_where_it_says() {
    let text = std::fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let (rows, tests) = (rows(&text, "## What is defended"), tests());
    assert!(rows.len() >= 20, "{} rows", rows.len());
    for row in rows {
        let place = row.last().unwrap();
        assert!(!place.is_empty(), "{}: no test", row[0]);
        for name in named(place) {
            let is_path = name.starts_with("tests/");
            // Names of crates and of their modules are words; names of tests are sentences.
            let is_sentence = name.matches('_').count() >= 3;
            assert!(!is_path || repository().join(name).exists(), "{}: there is no {name}", row[0]);
            assert!(!is_sentence || tests.contains(name), "{}: there is no test {name}", row[0]);
        }
    }
}
