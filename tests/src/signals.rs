//! Signals to processes that a test has started.

use std::process::Child;

use anyhow::bail;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Sends a signal. After one that stops, every thread of the process stands still when this returns.
pub(crate) fn send(process: &Child, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(i32::try_from(process.id())?);
    kill(pid, signal)?;
    if signal != Signal::SIGSTOP {
        return Ok(());
    }
    match waitpid(pid, Some(WaitPidFlag::WUNTRACED))? {
        WaitStatus::Stopped(..) => Ok(()),
        other => bail!("the process did not stop: {other:?}"),
    }
}
