//! E-mails: the one mailer of this program. Alerts and links go through it.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use salescommand_query::mail::{Letter, Mail, MailError};
use salescommand_query::{Ids as _, SystemIds};
use secrecy::{ExposeSecret, SecretString};

use crate::config::Alerts;

const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Sends e-mails in the name of this installation.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// What is to be sent.
pub struct Draft {
    /// To whom.
    pub to: Mailboxes,
    /// What mailboxes know it by: told again, it has the same. Without what stands behind the `@`.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub text: String,
}

impl Mailer {
    /// A sender of e-mails as configured; none if no mail server is.
    pub fn new(alerts: &Alerts) -> Result<Option<Self>> {
        if alerts.smtp_url.expose_secret().is_empty() {
            return Ok(None);
        }
        let from = alerts.mail_from.parse().context(
            "alerts.mail_from must be an address, such as SalesCommand <salescommand@example.com>",
        )?;
        Ok(Some(Self { transport: transport(&alerts.smtp_url)?, from }))
    }

    /// Gives the mail server an e-mail; when this returns, the server has it.
    pub async fn post(&self, draft: Draft) -> Result<(), String> {
        let message = self.message(draft).map_err(|error| format!("no e-mail could be made: {error}"))?;
        self.transport.send(message).await.map(drop).map_err(|error| error.to_string())
    }

    fn message(&self, draft: Draft) -> Result<Message> {
        let id: String = draft.id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '.' }).collect();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(draft.subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN);
        for mailbox in draft.to.iter() {
            message = message.to(mailbox.clone());
        }
        let mut message = message.body(draft.text)?;
        // RFC 3834: nobody's absence is to answer it.
        let name = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
        Ok(message)
    }
}

#[async_trait]
impl Mail for Mailer {
    async fn send(&self, letter: Letter) -> Result<(), MailError> {
        let address = letter.to.parse().map_err(|error| MailError(format!("no such address: {error}")))?;
        let draft = Draft {
            to: std::iter::once(Mailbox::new(None, address)).collect(),
            id: format!("letter.{}", SystemIds.random()),
            subject: letter.subject,
            text: letter.text.expose_secret().to_owned(),
        };
        self.post(draft).await.map_err(MailError)
    }
}

/// A connection to a mail server by its address. Nothing travels readable to another machine.
fn transport(url: &SecretString) -> Result<AsyncSmtpTransport<Tokio1Executor>> {
    // The text is not repeated in an error.
    let parsed = reqwest::Url::parse(url.expose_secret()).ok();
    let parsed = parsed.filter(|parsed| matches!(parsed.scheme(), "smtp" | "smtps"));
    let parsed = parsed.context(
        "alerts.smtp_url must be the address of a mail server: smtps://user:password@mail.example.com or smtp://…",
    )?;
    let host = parsed.host_str().unwrap_or_default();
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret());
    let mut builder = builder.ok().context("alerts.smtp_url is not the address of a mail server")?;
    if parsed.scheme() == "smtp" && !loopback {
        let parameters = TlsParameters::new(host.to_owned()).context("no TLS for alerts.smtp_url")?;
        builder = builder.tls(Tls::Required(parameters));
    }
    Ok(builder.timeout(Some(ANSWER_WITHIN)).build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert_mail::tests::{alerts, mail_server};

    fn letter(to: &str) -> Letter {
        let link = "https://sales.example.com/set-password#t0ken";
        Letter { to: to.into(), subject: "SalesCommand: another password".into(), text: link.into() }
    }

    #[tokio::test]
    async fn a_letter_goes_to_its_one_address_with_its_link_in_one_piece() {
        let (url, served) = mail_server("250 taken").await;
        let mailer = Mailer::new(&alerts(&url)).unwrap().unwrap();
        mailer.send(letter("ann@example.com")).await.unwrap();
        let heard = served.await.unwrap();
        assert_eq!(heard.matches("RCPT TO:").count(), 1, "{heard}");
        for part in [
            "MAIL FROM:<sales@example.com>",
            "RCPT TO:<ann@example.com>",
            "Subject: SalesCommand: another password",
            "Message-ID: <letter.",
            "Auto-Submitted: auto-generated",
            "\nhttps://sales.example.com/set-password#t0ken",
        ] {
            assert!(heard.contains(part), "{part} is not in\n{heard}");
        }
    }

    #[tokio::test]
    async fn an_address_that_would_be_a_command_is_refused_here() {
        let mailer = Mailer::new(&alerts("smtp://127.0.0.1:1")).unwrap().unwrap();
        for wrong in ["ann@example.com>\r\nRCPT TO:<eve@example.com", "ann", ""] {
            let error = mailer.send(letter(wrong)).await.unwrap_err().to_string();
            assert!(error.contains("no such address") && !error.contains("t0ken"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_is_an_error_without_link_and_password() {
        let (url, _served) = mail_server("554 no").await;
        let mailer = Mailer::new(&alerts(&url)).unwrap().unwrap();
        let error = mailer.send(letter("ann@example.com")).await.unwrap_err().to_string();
        assert!(error.contains("554") && !error.contains("t0ken"), "{error}");
        let mailer = Mailer::new(&alerts("smtp://user:s3cret@127.0.0.1:1")).unwrap().unwrap();
        let error = mailer.send(letter("ann@example.com")).await.unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }
}
