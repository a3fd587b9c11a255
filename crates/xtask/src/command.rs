//! Programs that run to their end: output into a log file, the last line shown as progress.

use crate::interrupt;
use crate::process::Identity;
use anyhow::{Context, Result, anyhow};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long an interrupted program may take to end by itself.
const INTERRUPT_GRACE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(100);
/// How much of the end of a log is looked at for lines to show.
const TAIL_BYTES: u64 = 64 * 1024;

/// Runs `command` to its end; stdout and stderr go to `log` (appended), `on_line` hears its latest line.
///
/// The child stays in our process group: Ctrl-C reaches it too, and it ends by itself.
/// An error means that it could not be run; a failing program is an [`ExitStatus`].
pub fn run(command: &mut Command, log: &Path, on_line: impl Fn(&str)) -> Result<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let out = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
    let mut child = command.spawn().with_context(|| format!("cannot run {program}"))?;
    loop {
        if let Some(status) = child.try_wait()? {
            interrupt::check()?;
            return Ok(status);
        }
        if interrupt::requested() {
            // Ctrl-C has reached it as well; a package manager may still take a minute over it.
            Identity::of(child.id()).map(|identity| identity.stop(INTERRUPT_GRACE));
            child.wait()?;
            return Err(anyhow!("interrupted"));
        }
        if let Some(line) = tail(log, 1).pop() {
            on_line(&line);
        }
        std::thread::sleep(POLL);
    }
}

/// The last `count` lines that are not empty, without terminal colours. A file that cannot be read has none.
pub fn tail(path: &Path, count: usize) -> Vec<String> {
    let text = read_end(path).unwrap_or_default();
    let plain = strip_colours(&text);
    let lines: Vec<&str> = plain.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(count)).map(|line| line.trim_end().to_owned()).collect()
}

fn read_end(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The text without ANSI escape sequences: colours (`ESC [ … letter`) and character sets (`ESC ( letter`).
pub fn strip_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
        } else if characters.next_if(|c| matches!(c, '[' | '(')).is_some() {
            while characters.next_if(|c| !c.is_ascii_alphabetic()).is_some() {}
            characters.next();
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_both_streams_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a/b.log");
        let status =
            run(Command::new("sh").args(["-c", "echo one; echo two >&2; exit 3"]), &log, |_| {}).unwrap();
        assert_eq!(status.code(), Some(3));
        let mut lines = tail(&log, 5);
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_missing_program_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            run(&mut Command::new("no-such-program-here"), &folder.path().join("log"), |_| {}).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program-here"));
    }

    #[test]
    fn colours_are_removed() {
        assert_eq!(strip_colours("\u{1b}[1;32mok\u{1b}(B\u{1b}[m x"), "ok x");
    }

    #[test]
    fn tail_takes_the_last_lines_that_say_something() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "a\nb\n\nc\n\n").unwrap();
        assert_eq!(tail(&path, 2), ["b", "c"]);
        assert!(tail(&folder.path().join("none"), 2).is_empty());
    }
}
