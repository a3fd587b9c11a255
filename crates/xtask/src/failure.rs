//! Failures with a meaning for the exit code, and how an error is told to a person.

use std::fmt;

/// A failure whose kind a script can tell by the exit code. Everything else is exit code 1.
#[derive(Debug)]
pub enum Failure {
    /// The command was asked for in a way it does not support (exit code 2).
    Usage(String),
    /// A server, a registry or our own stack does not answer (exit code 3).
    Unreachable(String),
    /// Everything was told already: only the exit code 1 is left to say.
    Told,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Unreachable(message) => f.write_str(message),
            Self::Told => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// The process exit code of an error: the first [`Failure`] of its chain decides.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref::<Failure>() {
        Some(Failure::Usage(_)) => 2,
        Some(Failure::Unreachable(_)) => 3,
        Some(Failure::Told) | None => 1,
    }
}

/// Whether nothing is left to print about it.
pub fn is_told(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Failure::Told))
}

/// The error and its causes, one per line.
pub fn explain(error: &anyhow::Error) -> String {
    let mut lines = error.chain().map(ToString::to_string);
    let mut text = lines.next().unwrap_or_default();
    for cause in lines {
        text.push_str("\n  because: ");
        text.push_str(&cause);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn exit_code_survives_added_context() {
        let failed: anyhow::Result<()> = Err(Failure::Unreachable("no answer".into()).into());
        let error = failed.context("download").unwrap_err();
        assert_eq!(exit_code(&error), 3);
        assert_eq!(explain(&error), "download\n  because: no answer");
        assert_eq!(exit_code(&anyhow::anyhow!("other")), 1);
    }
}
