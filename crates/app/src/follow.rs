//! `sync run --follow`: a run's progress until its end. Bars on a terminal, lines elsewhere, JSON for programs.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use salescommand_domain::raw::ObjectName;
use salescommand_ingest::{ObjectRun, ObjectState, Phase, Ports, Run, all_runs, find_run};
use uuid::Uuid;

use crate::cli::Output;
use crate::listing;

/// How often the run is looked at.
const LOOK: Duration = Duration::from_millis(300);
/// How often a line is written of an object of which only the figures have changed.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows a run's progress until it ends; gives it as it ended.
pub async fn follow(ports: &Ports, run_id: Uuid, output: Output) -> Result<Run> {
    let mut show = Show::new(output)?;
    loop {
        let run = look(ports, run_id).await?;
        show.update(&run)?;
        if run.state.is_final() {
            show.finish();
            return Ok(run);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(ports: &Ports, run_id: Uuid) -> Result<Run> {
    let present = all_runs(&*ports.kv).await?.into_iter().find(|record| record.run.run_id == run_id);
    if let Some(present) = present {
        return Ok(present.run);
    }
    // Another one has taken its place: then this one has ended, or was interrupted for good.
    let ended = find_run(&*ports.log, &*ports.kv, run_id).await?;
    let run = ended.with_context(|| format!("the run {run_id} was replaced by a later one"))?.run;
    if run.state.is_final() {
        Ok(run)
    } else {
        bail!("the run {run_id} was interrupted, and a later one took its place")
    }
}

/// A way to show progress.
enum Show {
    Bars {
        all: MultiProgress,
        bars: BTreeMap<ObjectName, ProgressBar>,
        known: ProgressStyle,
        unknown: ProgressStyle,
    },
    Lines(BTreeMap<ObjectName, (ObjectRun, Instant)>),
    Json(Option<Run>),
}

impl Show {
    fn new(output: Output) -> Result<Self> {
        if matches!(output, Output::Json | Output::Jsonl) {
            return Ok(Self::Json(None));
        }
        if !std::io::stderr().is_terminal() {
            return Ok(Self::Lines(BTreeMap::new()));
        }
        Ok(Self::Bars {
            all: MultiProgress::new(),
            bars: BTreeMap::new(),
            known: ProgressStyle::with_template("{prefix:<24} {bar:30} {human_pos}/{human_len} {msg}")?,
            unknown: ProgressStyle::with_template("{prefix:<24} {spinner} {human_pos} {msg}")?,
        })
    }

    fn update(&mut self, run: &Run) -> Result<()> {
        match self {
            Self::Json(shown) => {
                if shown.as_ref() != Some(run) {
                    listing::print_raw(&format!("{}\n", serde_json::to_string(run)?));
                    *shown = Some(run.clone());
                }
            }
            Self::Lines(told) => {
                for object in &run.objects {
                    if is_worth_a_line(told.get(&object.object), object) {
                        eprintln!("{}: {}", object.object, words(object));
                        told.insert(object.object.clone(), (object.clone(), Instant::now()));
                    }
                }
            }
            Self::Bars { all, bars, known, unknown } => {
                for object in &run.objects {
                    let bar = bars.entry(object.object.clone()).or_insert_with(|| {
                        all.add(ProgressBar::no_length().with_prefix(object.object.to_string()))
                    });
                    if let Some(total) = object.total {
                        bar.set_length(total);
                    }
                    bar.set_style(if object.total.is_some() { known.clone() } else { unknown.clone() });
                    bar.set_position(object.before + object.read);
                    bar.set_message(state(object));
                }
            }
        }
        Ok(())
    }

    fn finish(&self) {
        if let Self::Bars { bars, .. } = self {
            bars.values().for_each(ProgressBar::abandon);
        }
    }
}

fn is_worth_a_line(told: Option<&(ObjectRun, Instant)>, now: &ObjectRun) -> bool {
    let Some((before, at)) = told else { return now.state != ObjectState::Waiting };
    let another = (before.state, before.phase) != (now.state, now.phase);
    another || (before.read != now.read && at.elapsed() >= LINE_EVERY)
}

/// How far an object is.
fn words(object: &ObjectRun) -> String {
    let read = object.before + object.read;
    match object.total {
        Some(total) => format!("{read} of {total} {}", state(object)),
        None => format!("{read} {}", state(object)),
    }
}

fn state(object: &ObjectRun) -> String {
    let doing = match (object.state, object.phase) {
        (ObjectState::Waiting, _) => "not begun",
        (ObjectState::Done, _) => "done",
        (ObjectState::Failed, _) => "failed",
        (ObjectState::Skipped, _) => "skipped",
        (ObjectState::Running, Phase::Reading) => "reading",
        (ObjectState::Running, Phase::Comparing) => "looking for what is gone",
        (ObjectState::Running, Phase::WaitingForSource) => "waiting for the source",
        (ObjectState::Running, Phase::WaitingForLog) => "waiting for the event log",
    };
    let mut text = doing.to_owned();
    if let Some(pace) = object.per_second {
        text.push_str(&format!(", {pace:.0}/s"));
    }
    if let Some(seconds) = object.seconds_left {
        text.push_str(&format!(", {} left", span(seconds)));
    }
    if object.effort.rate_limits > 0 {
        text.push_str(&format!(", asked to wait {} times", object.effort.rate_limits));
    }
    text
}

fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(more: serde_json::Value) -> ObjectRun {
        let mut object = json!({"object": "crm.lead", "state": "running", "read": 300, "published": 0, "unchanged": 0,
            "rejected": 0, "total": null, "calls": 3, "detail": null});
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_line_says_how_far_it_is_and_when_it_ends() {
        assert_eq!(words(&object(json!({}))), "300 reading");
        let reading = object(json!({"total": 5000, "before": 200, "per_second": 99.6, "seconds_left": 46}));
        assert_eq!(words(&reading), "500 of 5000 reading, 100/s, 46 s left");
        let waiting = object(json!({"total": 5000, "phase": "waiting_for_source", "rate_limits": 2}));
        assert_eq!(words(&waiting), "300 of 5000 waiting for the source, asked to wait 2 times");
        assert_eq!([59, 61, 3_600, 9_000].map(span), ["59 s", "2 min", "1 h 0 min", "2 h 30 min"]);
    }

    #[test]
    fn a_change_of_what_is_done_is_told_at_once_and_figures_now_and_then() {
        let (now, more) = (object(json!({})), object(json!({"read": 400})));
        assert!(!is_worth_a_line(None, &object(json!({"state": "waiting"}))) && is_worth_a_line(None, &now));
        let told = (now.clone(), Instant::now());
        assert!(!is_worth_a_line(Some(&told), &now) && !is_worth_a_line(Some(&told), &more));
        assert!(is_worth_a_line(Some(&told), &object(json!({"phase": "comparing"}))));
        assert!(is_worth_a_line(Some(&told), &object(json!({"state": "done"}))));
    }
}
