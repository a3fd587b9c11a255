//! What a run had to say: its last lines, kept in its record and so exactly as long as that is.
//!
//! The lines are made of what the connectors say of their trouble, which never holds a secret or a record.

use std::collections::VecDeque;

use salescommand_domain::Timestamp;
use salescommand_domain::raw::ObjectName;
use serde::{Deserialize, Serialize};

/// A run keeps so many lines.
const MOST_LINES: usize = 200;
/// And so many bytes of text: the record is written twice a second while the run is under way, and remembered afterwards.
const MOST_BYTES: usize = 16 << 10;
/// A longer line is cut, in bytes.
const LONGEST_LINE: usize = 600;

/// The last lines of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLog {
    /// How many lines before them are no longer there.
    #[serde(default)]
    pub dropped: u64,
    /// The lines, in order.
    #[serde(default)]
    pub lines: VecDeque<LogLine>,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was said first.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The object that it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectName>,
    /// What was said.
    pub text: String,
    /// How often in a row.
    pub times: u64,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Info,
    /// Something was not as it should be, and the run went on.
    Warn,
    /// Something was not read because of it.
    Error,
}

impl RunLog {
    /// Adds a line. One that says what the last one said is counted with it.
    pub(crate) fn push(&mut self, at: Timestamp, level: Level, object: Option<ObjectName>, text: &str) {
        let text = shortened(text);
        if let Some(last) = self.lines.back_mut()
            && (last.level, &last.object, last.text.as_str()) == (level, &object, text.as_str())
        {
            last.times += 1;
            return;
        }
        self.lines.push_back(LogLine { at, level, object, text, times: 1 });
        let mut bytes: usize = self.lines.iter().map(|line| line.text.len()).sum();
        while self.lines.len() > MOST_LINES || bytes > MOST_BYTES {
            let Some(first) = self.lines.pop_front() else { break };
            bytes -= first.text.len();
            self.dropped += first.times;
        }
    }

    /// Adds why the run ended, unless that was said already: of an object, as a rule.
    pub(crate) fn conclude(&mut self, at: Timestamp, text: &str) {
        let text = shortened(text);
        if self.lines.iter().all(|line| line.text != text) {
            self.push(at, Level::Error, None, &text);
        }
    }
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_LINE + '…'.len_utf8() {
        return text.to_owned();
    }
    let mut text = text[..text.floor_char_boundary(LONGEST_LINE)].to_owned();
    text.push('…');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(log: &mut RunLog, text: &str) {
        log.push(Timestamp::UNIX_EPOCH, Level::Warn, None, text);
    }

    #[test]
    fn what_is_said_again_is_counted() {
        let mut log = RunLog::default();
        push(&mut log, "too slow");
        push(&mut log, "too slow");
        log.push(Timestamp::UNIX_EPOCH, Level::Error, None, "too slow");
        push(&mut log, "too slow");
        assert_eq!(log.lines.iter().map(|line| line.times).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(log.dropped, 0);
    }

    #[test]
    fn the_last_lines_are_kept_and_those_dropped_are_counted() {
        let mut log = RunLog::default();
        (0..250).for_each(|n| push(&mut log, &n.to_string()));
        assert_eq!((log.lines.len(), log.dropped), (MOST_LINES, 50));
        assert_eq!(log.lines[0].text, "50");
    }

    #[test]
    fn long_lines_are_cut_and_the_log_stays_small() {
        let mut log = RunLog::default();
        (0..100).for_each(|n| push(&mut log, &format!("{n} {}", "ä".repeat(5_000))));
        let bytes: usize = log.lines.iter().map(|line| line.text.len()).sum();
        assert!(bytes <= MOST_BYTES && log.lines.len() > 20, "{} lines of {bytes} bytes", log.lines.len());
        assert_eq!(log.dropped as usize, 100 - log.lines.len());
        assert!(log.lines.back().unwrap().text.starts_with("99 ä"));
        assert!(log.lines.back().unwrap().text.ends_with('…'));
    }
}
