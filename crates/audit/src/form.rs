//! The forms in which the chain leaves the system as a file.

use salescommand_domain::audit::Entry;
use serde_json::Value;

/// A form of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// JSON Lines: each line is the bytes of an entry, so the file proves itself as the stream does.
    Lines,
    /// Comma-separated values (RFC 4180), for people and their spreadsheets.
    Csv,
}

impl ExportForm {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lines => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// What stands at the beginning of the file.
    pub fn head(self) -> &'static str {
        match self {
            Self::Lines => "",
            Self::Csv => {
                "position,at,actor,role,action,target_kind,target,outcome,address,request,details,previous\r\n"
            }
        }
    }

    /// Writes what stands at a place of the stream; without an entry, something that is none.
    pub(crate) fn write(self, bytes: &[u8], entry: Option<&Entry>, file: &mut Vec<u8>) {
        match (self, entry) {
            (Self::Lines, _) => {
                file.extend_from_slice(bytes);
                file.push(b'\n');
            }
            (Self::Csv, Some(entry)) => file.extend_from_slice(row(entry).as_bytes()),
            (Self::Csv, None) => {}
        }
    }
}

fn row(entry: &Entry) -> String {
    let target = entry.target.as_ref();
    let details = if entry.details.is_empty() {
        String::new()
    } else {
        Value::from_iter(entry.details.clone()).to_string()
    };
    let cells = [
        entry.position.to_string(),
        entry.at.to_string(),
        entry.actor.clone(),
        entry.role.clone().unwrap_or_default(),
        entry.action.clone(),
        target.map(|target| target.kind.clone()).unwrap_or_default(),
        target.map(|target| target.id.clone()).unwrap_or_default(),
        entry.outcome.clone(),
        entry.address.clone().unwrap_or_default(),
        entry.request.clone().unwrap_or_default(),
        details,
        entry.previous.to_string(),
    ];
    format!("{}\r\n", cells.map(|cell| quoted(&cell)).join(","))
}

/// RFC 4180, and a quote before what a spreadsheet would take for a formula.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{guard}{text}")
    }
}
