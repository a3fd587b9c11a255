//! Processes we started: who they are, whether they live, how they end.
//!
//! Invariant: nothing is signalled that is not provably ours. A process is known by its id **and** the moment it started,
//! because the system hands the id of a dead process to a new one.

use crate::progress;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);

/// One process, beyond doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// When it started, in the system's own notation; compared for equality only.
    started: String,
}

impl Identity {
    /// The process that has `pid` now; none when there is no such process (a dead one waiting to be collected counts as none).
    pub fn of(pid: u32) -> Option<Self> {
        start_moment(pid).map(|started| Self { pid, started })
    }

    /// This program.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }

    /// Whether this very process still runs.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends `signal`, if the process is still the one we know.
    fn signal(&self, signal: Signal) {
        let Ok(raw) = i32::try_from(self.pid) else { return };
        if !self.is_alive() {
            return;
        }
        if let Err(error) = kill(Pid::from_raw(raw), signal)
            && error != Errno::ESRCH
        {
            progress::note(&format!("cannot signal process {raw}: {error}"));
        }
    }

    /// Asks the process to end and waits up to `grace`; then ends it the hard way. Returns whether it ended by itself.
    pub fn stop(&self, grace: Duration) -> bool {
        self.signal(Signal::SIGTERM);
        if self.wait_gone(grace) {
            return true;
        }
        self.signal(Signal::SIGKILL);
        self.wait_gone(Duration::from_secs(5));
        false
    }

    fn wait_gone(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        while self.is_alive() {
            if begun.elapsed() >= limit {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }
}

/// Boot and clock tick of a process's start on Linux; the start time as `ps` prints it elsewhere.
fn start_moment(pid: u32) -> Option<String> {
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        return parse_stat(&stat).map(|tick| format!("{}:{tick}", boot.trim()));
    }
    if fs::exists("/proc/self/stat").unwrap_or(false) {
        return None;
    }
    let output = Command::new("ps").args(["-o", "lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

/// Field 22 of `/proc/<pid>/stat`, none for a zombie. The second field is a name in parentheses that may itself hold
/// spaces and parentheses, so fields are counted from the last `)` (proc(5)).
fn parse_stat(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X" | "x"))) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Stdio;

    const STAT: &str =
        "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 3 0 987654 1000 20 18446744073709551615";

    #[test]
    fn start_is_read_behind_a_name_with_parentheses() {
        assert_eq!(parse_stat(STAT), Some(987_654));
        assert_eq!(parse_stat(&STAT.replace(") S ", ") Z ")), None);
        assert_eq!(parse_stat("nonsense"), None);
    }

    #[test]
    fn a_reused_pid_is_neither_alive_nor_signalled() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let genuine = Identity::of(child.id()).unwrap();
        let former = Identity { pid: child.id(), started: "another boot:1".into() };
        assert!(!former.is_alive());
        assert!(former.stop(Duration::from_secs(1)));
        assert!(genuine.is_alive(), "the innocent process must survive");
        assert!(genuine.stop(Duration::from_secs(5)));
        child.wait().unwrap();
    }

    #[test]
    fn one_that_ignores_the_request_is_ended() {
        let mut child = Command::new("sh")
            .args(["-c", "trap '' TERM; while :; do sleep 1; done"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let identity = Identity::of(child.id()).unwrap();
        // The shell must have set its trap before the request comes.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(5) && !ignores_term(child.id()) {
            std::thread::sleep(POLL);
        }
        assert!(!identity.stop(Duration::from_millis(300)));
        assert!(!identity.is_alive());
        child.wait().unwrap();
    }

    fn ignores_term(pid: u32) -> bool {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).map(str::trim).unwrap_or("0");
        u64::from_str_radix(mask, 16).is_ok_and(|bits| bits & (1 << 14) != 0)
    }
}
