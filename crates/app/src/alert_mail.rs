//! Alerts about sources by e-mail.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use lettre::message::Mailboxes;
use salescommand_ingest::{AlertChannel, Notice, Notifier};

use crate::alerts::{headline, text};
use crate::config::Alerts;
use crate::mail::{Draft, Mailer};

/// Sends each change to some people.
pub struct Mail {
    mailer: Arc<Mailer>,
    to: Mailboxes,
    /// Where the page of sources is, if that is known.
    page: Option<String>,
}

impl Mail {
    /// Tells the configured people by this mailer; none if nobody is to be told.
    pub fn new(mailer: Option<Arc<Mailer>>, alerts: &Alerts, public_url: &str) -> Result<Option<Self>> {
        if alerts.mail_to.is_empty() {
            return Ok(None);
        }
        let Some(mailer) = mailer else {
            bail!(
                "alerts.mail_to is set and alerts.smtp_url is not: name the mail server, or nobody gets anything"
            );
        };
        let to: Mailboxes = alerts
            .mail_to
            .parse()
            .ok()
            .filter(|to: &Mailboxes| to.iter().next().is_some())
            .context("alerts.mail_to must be one or more addresses, separated by commas")?;
        let page = Some(public_url.trim_end_matches('/')).filter(|url| !url.is_empty());
        let page = page.map(|url| format!("{url}/data-lake"));
        Ok(Some(Self { mailer, to, page }))
    }

    /// The e-mail that tells a change. Told again it has the same id.
    fn draft(&self, notice: &Notice) -> Result<Draft> {
        let mut body = format!("{}\n", text(notice));
        for (condition, since) in &notice.conditions {
            let condition = serde_json::to_value(condition)?;
            let condition = condition.as_str().unwrap_or_default();
            body.push_str(&format!("\n{condition} since {}", since.strftime("%Y-%m-%d %H:%M UTC")));
        }
        if let Some(page) = &self.page {
            body.push_str(&format!("\n\n{page}"));
        }
        body.push('\n');
        let subject = format!("SalesCommand: {}", headline(notice));
        Ok(Draft { to: self.to.clone(), id: format!("alert.{}", notice.id), subject, text: body })
    }
}

#[async_trait]
impl Notifier for Mail {
    fn channel(&self) -> AlertChannel {
        AlertChannel::Mail
    }

    async fn tell(&self, notice: &Notice) -> Result<(), String> {
        let draft = self.draft(notice).map_err(|error| format!("no e-mail could be made: {error}"))?;
        let posted = self.mailer.post(draft).await;
        posted.map_err(|error| format!("the mail server does not take an e-mail: {error}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use salescommand_domain::Timestamp;
    use salescommand_domain::raw::InstanceName;
    use salescommand_ingest::{Condition, RunError};
    use secrecy::SecretString;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    use super::*;

    fn notice() -> Notice {
        Notice {
            id: "odoo-eu/3".into(),
            source: InstanceName::new("odoo-eu").unwrap(),
            raised: BTreeSet::from([Condition::Failing]),
            cleared: BTreeSet::new(),
            conditions: BTreeMap::from([(Condition::Failing, Timestamp::UNIX_EPOCH)]),
            error: Some(RunError {
                code: "login-refused".into(),
                message: "Refused.".into(),
                fix: "Look.".into(),
            }),
        }
    }

    /// Settings with this mail server.
    pub(crate) fn alerts(url: &str) -> Alerts {
        Alerts {
            webhook_url: SecretString::default(),
            smtp_url: SecretString::from(url),
            mail_from: "SalesCommand <sales@example.com>".into(),
            mail_to: "Ann <ann@example.com>, bob@example.com".into(),
            stale_after_hours: "24".into(),
        }
    }

    fn mail(url: &str) -> Result<Option<Mail>> {
        let alerts = alerts(url);
        Mail::new(Mailer::new(&alerts)?.map(Arc::new), &alerts, "https://sales.example.com/")
    }

    /// A mail server for one e-mail, which gives this answer to it; what it was sent.
    pub(crate) async fn mail_server(verdict: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (connection, _) = listener.accept().await.unwrap();
            let mut connection = BufReader::new(connection);
            connection.write_all(b"220 here\r\n").await.unwrap();
            let (mut heard, mut line, mut in_data) = (String::new(), String::new(), false);
            while connection.read_line(&mut line).await.unwrap() > 0 {
                heard.push_str(&line);
                let answer = match line.trim_end() {
                    "." => {
                        in_data = false;
                        verdict
                    }
                    _ if in_data => "",
                    "DATA" => {
                        in_data = true;
                        "354 go on"
                    }
                    "QUIT" => "221 bye",
                    _ => "250 fine",
                };
                if !answer.is_empty() {
                    connection.write_all(format!("{answer}\r\n").as_bytes()).await.unwrap();
                }
                line.clear();
            }
            heard
        });
        (url, served)
    }

    #[tokio::test]
    async fn people_get_an_e_mail_that_says_what_why_and_where() {
        let (url, served) = mail_server("250 taken").await;
        mail(&url).unwrap().unwrap().tell(&notice()).await.unwrap();
        let heard = served.await.unwrap();
        for part in [
            "MAIL FROM:<sales@example.com>",
            "RCPT TO:<ann@example.com>",
            "RCPT TO:<bob@example.com>",
            "Subject: SalesCommand: odoo-eu: the last sync failed",
            "Message-ID: <alert.odoo.eu.3@example.com>",
            "Auto-Submitted: auto-generated",
            "odoo-eu: the last sync failed. Refused. Look.",
            "failing since 1970-01-01 00:00 UTC",
            "https://sales.example.com/data-lake",
        ] {
            assert!(heard.contains(part), "{part} is not in\n{heard}");
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_is_an_error_without_the_password() {
        let (url, _served) = mail_server("554 no").await;
        let error = mail(&url).unwrap().unwrap().tell(&notice()).await.unwrap_err();
        assert!(error.contains("does not take") && error.contains("554"), "{error}");
        let url = "smtp://user:s3cret@127.0.0.1:1";
        let error = mail(url).unwrap().unwrap().tell(&notice()).await.unwrap_err();
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn wrong_settings_are_named_and_secrets_not_repeated() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        for wrong in ["s3cret", "https://user:s3cret@mail.example.com"] {
            let error = format!("{:#}", mail(wrong).err().unwrap());
            assert!(error.contains("alerts.smtp_url") && !error.contains("s3cret"), "{error}");
        }
        assert!(mail("").err().unwrap().to_string().contains("alerts.smtp_url is not"));
        assert!(mail("smtp://user:s3cret@mail.example.com").unwrap().is_some(), "over TLS");
        let nobody = Alerts { mail_to: String::new(), ..alerts("smtp://127.0.0.1") };
        let mailer = Mailer::new(&nobody).unwrap().map(Arc::new);
        assert!(mailer.is_some() && Mail::new(mailer, &nobody, "").unwrap().is_none(), "for links alone");
    }
}
