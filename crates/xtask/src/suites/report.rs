//! The report of a test run: a line per suite for people, one JSON file for programs.

use super::{Count, Outcome};
use crate::failure;
use crate::progress;
use anyhow::{Context, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A whole run.
#[derive(Default, Serialize)]
pub struct Report {
    /// The suites so far, in order.
    pub suites: Vec<Entry>,
}

/// One suite.
#[derive(Serialize)]
pub struct Entry {
    name: String,
    /// "passed", "failed" or "skipped".
    status: &'static str,
    passed: u64,
    /// How many tests failed; at least one when the suite could not run.
    pub failed: u64,
    seconds: f64,
    /// Why it was skipped or could not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Everything it printed.
    pub log: PathBuf,
}

impl Entry {
    /// From how a suite ended. One that could not be run counts as one failure.
    pub fn new(name: String, outcome: Result<Outcome>, duration: Duration, log: PathBuf) -> Self {
        let (count, note) = match outcome {
            Ok(Outcome::Ran(count)) => (count, None),
            Ok(Outcome::Skipped(reason)) => (Count::default(), Some(reason)),
            Err(error) => (Count::of_one(false), Some(failure::explain(&error))),
        };
        let status = match (count.failed, &note) {
            (0, Some(_)) => "skipped",
            (0, None) => "passed",
            _ => "failed",
        };
        Self {
            name,
            status,
            passed: count.passed,
            failed: count.failed,
            seconds: duration.as_secs_f64(),
            note,
            log,
        }
    }

    /// The line of this suite.
    pub fn line(&self) -> String {
        let duration = progress::seconds(Duration::from_secs_f64(self.seconds));
        match (&self.note, self.status) {
            (Some(reason), "skipped") => format!("{:<12} skipped: {reason}", self.name),
            _ => format!(
                "{:<12} {:>5} passed {:>5} failed {:>8}{}",
                self.name,
                self.passed,
                self.failed,
                duration,
                if self.failed > 0 { "  ✘" } else { "" }
            ),
        }
    }
}

impl Report {
    /// All suites together.
    pub fn sum(&self) -> Count {
        let counts = self.suites.iter().map(|entry| Count { passed: entry.passed, failed: entry.failed });
        counts.fold(Count::default(), |sum, count| sum + count)
    }

    /// Writes the JSON file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let sum = self.sum();
        let seconds: f64 = self.suites.iter().map(|entry| entry.seconds).sum();
        let report = serde_json::json!({
            "passed": sum.passed, "failed": sum.failed, "seconds": seconds, "suites": self.suites,
        });
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(outcome: Result<Outcome>) -> Entry {
        Entry::new("unit".into(), outcome, Duration::from_millis(1500), "/log".into())
    }

    #[test]
    fn lines_and_sums() {
        let ran = entry(Ok(Outcome::Ran(Count { passed: 12, failed: 0 })));
        assert_eq!(ran.line(), "unit            12 passed     0 failed    1.5 s");
        let skipped = entry(Ok(Outcome::Skipped("no tool".into())));
        assert_eq!(skipped.line(), "unit         skipped: no tool");
        let broken = entry(Err(anyhow::anyhow!("no chromium")));
        assert_eq!((broken.failed, broken.status), (1, "failed"));
        let report = Report { suites: vec![ran, skipped, broken] };
        assert_eq!(report.sum(), Count { passed: 12, failed: 1 });
    }
}
