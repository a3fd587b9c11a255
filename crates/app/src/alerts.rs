//! Alerts about sources to a web address, such as the incoming web hook of a chat.

use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use reqwest::redirect;
use salescommand_ingest::{AlertChannel, Condition, Notice, Notifier};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Posts each change to an address; without one, the log and the page are all there is.
pub struct WebHook(Option<(reqwest::Client, SecretString)>);

impl WebHook {
    /// A web hook to an address, which is a secret: whoever knows it may write there. None if it is empty.
    pub fn new(url: &SecretString) -> Result<Self> {
        if url.expose_secret().is_empty() {
            return Ok(Self(None));
        }
        // The text is not repeated in an error.
        let parsed = reqwest::Url::parse(url.expose_secret()).ok();
        let parsed = parsed.filter(|parsed| matches!(parsed.scheme(), "http" | "https"));
        parsed.context("alerts.webhook_url must be an address that begins with https:// or http://")?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("SalesCommand/", env!("CARGO_PKG_VERSION")))
            .timeout(ANSWER_WITHIN)
            .redirect(redirect::Policy::none())
            .build()
            .context("no client for alerts.webhook_url could be made")?;
        Ok(Self(Some((client, url.clone()))))
    }
}

#[async_trait]
impl Notifier for WebHook {
    fn channel(&self) -> AlertChannel {
        AlertChannel::WebHook
    }

    async fn tell(&self, notice: &Notice) -> Result<(), String> {
        let Some((client, url)) = &self.0 else { return Ok(()) };
        let sent = client.post(url.expose_secret()).json(&body(notice)).send().await;
        let answer =
            sent.map_err(|error| format!("the web hook does not answer: {}", error.without_url()))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the web hook answered {status}")),
        }
    }
}

/// The notice with a `text` for people, which is what chats show.
fn body(notice: &Notice) -> Value {
    let mut body = json!(notice);
    body["text"] = json!(text(notice));
    body
}

/// A notice in words.
pub(crate) fn text(notice: &Notice) -> String {
    let mut text = headline(notice);
    if let Some(error) = notice.error.as_ref().filter(|_| notice.conditions.contains_key(&Condition::Failing))
    {
        text.push_str(&format!(". {} {}", error.message, error.fix));
    }
    text
}

/// What is wrong, without why.
pub(crate) fn headline(notice: &Notice) -> String {
    let words = |conditions: &mut dyn Iterator<Item = &Condition>| {
        conditions.map(|condition| word(*condition)).collect::<Vec<_>>().join(", ")
    };
    let mut text = format!("{}: ", notice.source);
    if notice.conditions.is_empty() {
        text.push_str("all is well again");
    } else {
        text.push_str(&words(&mut notice.conditions.keys()));
    }
    if !notice.cleared.is_empty() && !notice.conditions.is_empty() {
        text.push_str(&format!(" (no longer {})", words(&mut notice.cleared.iter())));
    }
    text
}

fn word(condition: Condition) -> &'static str {
    match condition {
        Condition::Failing => "the last sync failed",
        Condition::Paused => "paused after repeated failures",
        Condition::Stale => "its figures are old",
        Condition::Rejecting => "many records are not usable",
        Condition::ManagersInCircle => {
            "who reports to whom goes round in a circle; `salescommand org tree` and the page Organisation say whose"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use salescommand_domain::Timestamp;
    use salescommand_domain::raw::InstanceName;
    use salescommand_ingest::RunError;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn notice(now: &[Condition], cleared: &[Condition]) -> Notice {
        let error =
            RunError { code: "login-refused".into(), message: "Refused.".into(), fix: "Look.".into() };
        let conditions: BTreeMap<_, _> = now.iter().map(|c| (*c, Timestamp::UNIX_EPOCH)).collect();
        Notice {
            id: "odoo/3".into(),
            source: InstanceName::new("odoo").unwrap(),
            raised: BTreeSet::new(),
            cleared: cleared.iter().copied().collect(),
            conditions,
            error: Some(error),
        }
    }

    #[test]
    fn people_read_what_is_wrong_why_and_what_to_do() {
        let failing = body(&notice(&[Condition::Failing, Condition::Stale], &[Condition::Rejecting]));
        assert_eq!(
            failing["text"],
            "odoo: the last sync failed, its figures are old (no longer many records are not usable). Refused. Look."
        );
        assert_eq!((&failing["id"], &failing["cleared"]), (&json!("odoo/3"), &json!(["rejecting"])));
        let well = body(&notice(&[], &[Condition::Failing]));
        assert_eq!(well["text"], "odoo: all is well again");
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_being_repeated() {
        for wrong in ["s3cret", "ftp://s3cret"] {
            let error = WebHook::new(&SecretString::from(wrong)).err().unwrap().to_string();
            assert!(error.contains("alerts.webhook_url") && !error.contains("s3cret"), "{error}");
        }
        assert!(WebHook::new(&SecretString::default()).unwrap().0.is_none());
    }

    /// A server that answers each request in turn, on a port of its own; what it was sent.
    async fn chat(answers: &'static [&'static str]) -> (SecretString, tokio::task::JoinHandle<Vec<String>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/s3cret", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                // The body is JSON, and the last thing that is sent.
                while !request.ends_with(b"}") {
                    connection.read_buf(&mut request).await.unwrap();
                }
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                connection.write_all(answer.as_bytes()).await.unwrap();
                requests.push(String::from_utf8(request).unwrap());
            }
            requests
        });
        (SecretString::from(url), served)
    }

    #[tokio::test]
    async fn a_change_is_posted_and_what_is_not_taken_is_an_error_without_the_address() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (url, served) = chat(&["200 OK", "500 Internal Server Error", "302 Found"]).await;
        let hook = WebHook::new(&url).unwrap();
        let notice = notice(&[Condition::Stale], &[]);
        hook.tell(&notice).await.unwrap();
        for status in ["500", "302"] {
            let error = hook.tell(&notice).await.unwrap_err();
            assert!(error.contains(status) && !error.contains("s3cret"), "{error}");
        }
        let requests = served.await.unwrap();
        assert!(requests[0].starts_with("POST /hook/s3cret "));
        assert!(requests[0].ends_with(&body(&notice).to_string()));
        let error = hook.tell(&notice).await.unwrap_err();
        assert!(error.contains("does not answer") && !error.contains("s3cret"), "{error}");
    }
}
