//! Ctrl-C and SIGTERM: noted here, acted on where it is safe.
//!
//! The handler only sets a flag. Long waits look at it, so that everything started is also stopped, in order.

use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Installs the handler; once per process.
pub fn install() -> Result<()> {
    ctrlc::set_handler(|| {
        REQUESTED.store(true, Ordering::SeqCst);
    })
    .context("cannot install the Ctrl-C handler")
}

/// Whether a person or a supervisor asked us to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Fails when a stop was requested; called between the steps of a long command.
pub fn check() -> Result<()> {
    if requested() {
        bail!("interrupted");
    }
    Ok(())
}
