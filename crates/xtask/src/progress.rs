//! What a slow step tells while it runs: a spinner on a terminal, plain lines elsewhere.
//!
//! Everything here goes to stderr; stdout carries results only.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Plain output repeats a changing detail at most this often, so that a log stays readable.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Whether spinners make sense: both streams are a terminal.
pub fn on_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Writes a line to stderr. A reader that has gone away is no reason to stop: servers may still have to be ended.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A remark that belongs to no step.
pub fn note(text: &str) {
    tell(&format!("  {text}"));
}

/// A running step; ends with [`Step::done`] or [`Step::failed`].
pub struct Step {
    label: String,
    started: Instant,
    bar: Option<ProgressBar>,
    last_plain: Mutex<(Instant, String)>,
}

impl Step {
    /// Starts to tell about `label`, such as "Front end".
    pub fn start(label: &str) -> Self {
        let started = Instant::now();
        let bar = on_terminal().then(|| spinner(label));
        if bar.is_none() {
            tell(&format!("… {label}"));
        }
        Self { label: label.to_owned(), started, bar, last_plain: Mutex::new((started, String::new())) }
    }

    /// What is happening now, one line.
    pub fn update(&self, detail: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(shorten(detail, 90));
            return;
        }
        let Ok(mut last) = self.last_plain.lock() else {
            return;
        };
        if last.0.elapsed() >= PLAIN_INTERVAL && last.1 != detail {
            tell(&format!("  {}: {}", self.label, shorten(detail, 160)));
            *last = (Instant::now(), detail.to_owned());
        }
    }

    /// Ends the step with its outcome and duration.
    pub fn done(self, outcome: &str) {
        self.end("✔", outcome);
    }

    /// Ends the step as failed; the error itself is told by the caller.
    pub fn failed(self) {
        self.end("✘", "failed");
    }

    fn end(&self, mark: &str, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        tell(&format!("{mark} {}: {outcome} ({})", self.label, seconds(self.started.elapsed())));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn spinner(label: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_prefix(label.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} [{elapsed}] {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A duration for people: "0.4 s", "72 s".
pub fn seconds(duration: Duration) -> String {
    let value = duration.as_secs_f64();
    if value < 10.0 { format!("{value:.1} s") } else { format!("{value:.0} s") }
}

fn shorten(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_details_are_cut_at_characters() {
        assert_eq!(shorten("ééééé", 4), "ééé…");
        assert_eq!(shorten(" ok ", 4), "ok");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(440)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(72)), "72 s");
    }
}
