//! E-mails to people: the port behind which the app talks to a mail server, and what stands in them.
//!
//! A letter may hold a link that opens an account, so its text is a secret until the mail server has it.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

/// The mail server did not take a letter. The text names neither the letter nor a password.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the mail server does not take an e-mail: {0}")]
pub struct MailError(pub String);

/// An e-mail to one person.
pub struct Letter {
    /// The address.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says, as plain text.
    pub text: SecretString,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Sends letters.
#[async_trait]
pub trait Mail: Send + Sync {
    /// Gives a letter to the mail server; when this returns, the server has it.
    async fn send(&self, letter: Letter) -> Result<(), MailError>;
}

/// Why somebody gets a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// An account was made for them.
    Invited,
    /// An administrator made them a link.
    Given,
    /// They, or somebody who knows their address, asked for it.
    Forgotten,
}

impl Letter {
    /// The letter that brings a link.
    pub(crate) fn with_link(to: &str, occasion: Occasion, (url, until): (&str, Timestamp)) -> Self {
        let (subject, reason, otherwise) = match occasion {
            Occasion::Invited => (
                "SalesCommand: your account",
                "There is an account for you at SalesCommand. Choose its password here:",
                "If you do not know what this is about, leave it.",
            ),
            Occasion::Given => (
                "SalesCommand: another password",
                "An administrator has made you a link. Choose another password here:",
                "Your present password stays until then.",
            ),
            Occasion::Forgotten => (
                "SalesCommand: another password",
                "Somebody, probably you, has asked for another password at SalesCommand. Choose it here:",
                "If it was not you, leave it: your present password stays.",
            ),
        };
        let until = until.strftime("%Y-%m-%d %H:%M UTC");
        let text = format!(
            "{reason}\n\n{url}\n\nThe link is good once, until {until}. It is for you alone: pass it on to nobody.\n{otherwise}\n"
        );
        Self { to: to.to_owned(), subject: subject.to_owned(), text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_letter_has_the_link_and_its_end_and_does_not_print_it() {
        let until = Timestamp::from_second(0).unwrap();
        let letter = Letter::with_link(
            "ann@example.com",
            Occasion::Forgotten,
            ("https://x/set-password#t0ken", until),
        );
        let text = letter.text.expose_secret();
        assert!(
            text.contains("\nhttps://x/set-password#t0ken\n") && text.contains("until 1970-01-01 00:00 UTC")
        );
        assert!(!format!("{letter:?}").contains("t0ken"));
    }
}
