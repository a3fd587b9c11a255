//! Waiting for the first synchronisation: what the demo dashboard needs before it shows anything.
//!
//! Reads `/readyz` only. In demo mode its answer holds a check called `first-sync`:
//! `{"checks": [{"name": "first-sync", "status": "ok" | "degraded" | "down", "detail": "…"}, …]}`.

use super::Stack;
use crate::http;
use crate::interrupt;
use crate::progress::Step;
use anyhow::{Result, bail};
use serde::Deserialize;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Readiness {
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    status: String,
    #[serde(default)]
    detail: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    Done(String),
    Waiting(String),
    Failed(String),
}

/// Returns once `/readyz` is 200 and the first synchronisation is done; fails after a deadline, or when a process dies.
pub fn wait(stack: &mut Stack) -> Result<()> {
    let step = Step::start("First synchronisation");
    let port = stack.running.ports.http;
    let log = stack.state.log("salescommand");
    let begun = Instant::now();
    loop {
        if let Err(error) = interrupt::check().and_then(|()| stack.check_alive()) {
            step.failed();
            return Err(error);
        }
        let detail = match ask(port) {
            Progress::Done(detail) => {
                step.done(&detail);
                return Ok(());
            }
            Progress::Failed(detail) => {
                step.failed();
                bail!("the first synchronisation failed: {detail}\n  log: {}", log.display());
            }
            Progress::Waiting(detail) => detail,
        };
        if begun.elapsed() >= LIMIT {
            step.failed();
            bail!("not ready after {} s: {detail}\n  log: {}", LIMIT.as_secs(), log.display());
        }
        step.update(&detail);
        std::thread::sleep(POLL);
    }
}

fn ask(port: u16) -> Progress {
    match http::get(port, "/readyz", Duration::from_secs(5)) {
        Ok(answer) => judge(answer.status, &answer.body),
        Err(error) => Progress::Waiting(error.to_string()),
    }
}

fn judge(status: u16, body: &str) -> Progress {
    let Ok(readiness) = serde_json::from_str::<Readiness>(body) else {
        return Progress::Waiting(format!("/readyz answers {status} without its checks"));
    };
    let text = |check: &Check| check.detail.clone().unwrap_or_else(|| check.status.clone());
    let Some(sync) = readiness.checks.iter().find(|check| check.name == "first-sync") else {
        return Progress::Waiting(format!(
            "/readyz answers {status}; first-sync is not among its checks yet"
        ));
    };
    match (sync.status.as_str(), status) {
        ("down", _) => Progress::Failed(text(sync)),
        ("ok", 200) => Progress::Done(text(sync)),
        ("ok", _) => {
            let open: Vec<String> = readiness
                .checks
                .iter()
                .filter(|check| check.status != "ok")
                .map(|check| format!("{}: {}", check.name, text(check)))
                .collect();
            Progress::Waiting(open.join("; "))
        }
        _ => Progress::Waiting(text(sync)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn done_needs_both_the_check_and_the_status() {
        let done = r#"{"status":"ok","checks":[{"name":"store","status":"ok"},{"name":"first-sync","status":"ok","detail":"3,412 records"}]}"#;
        assert_eq!(judge(200, done), Progress::Done("3,412 records".into()));
        let lag = r#"{"checks":[{"name":"lag","status":"warn","detail":"12 events"},{"name":"first-sync","status":"ok"}]}"#;
        assert_eq!(judge(503, lag), Progress::Waiting("lag: 12 events".into()));
    }

    #[test]
    fn pending_failed_and_absent_are_told_apart() {
        let check = |status: &str| {
            format!(r#"{{"checks":[{{"name":"first-sync","status":"{status}","detail":"d"}}]}}"#)
        };
        assert_eq!(judge(503, &check("degraded")), Progress::Waiting("d".into()));
        assert_eq!(judge(503, &check("down")), Progress::Failed("d".into()));
        assert!(matches!(judge(200, "{}"), Progress::Waiting(_)));
        assert!(matches!(judge(404, "<html>"), Progress::Waiting(_)));
    }
}
