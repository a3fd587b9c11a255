//! A plain client.

use salescommand_graph_simulator::{CLIENT_ID, Config, Handle, Simulator, TENANT_ID};
use serde_json::Value;

pub const SECRET: &str = "simulated";

pub const IMMUTABLE: &str = "IdType=\"ImmutableId\"";

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

pub async fn demo(pages: usize) -> Handle {
    Simulator::start(Config { pages, ..Config::demo(SECRET) }).await.unwrap()
}

pub async fn empty(pages: usize) -> Handle {
    Simulator::start(Config { pages, ..Config::empty(SECRET) }).await.unwrap()
}

fn http() -> reqwest::Client {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    reqwest::Client::builder().tls_certs_only([]).no_proxy().build().unwrap()
}

pub async fn sign_in(handle: &Handle, form: &[(&str, &str)]) -> Answer {
    let mut url = reqwest::Url::parse(&handle.url()).unwrap();
    let field = |name: &str| form.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value);
    url.set_path(&format!(
        "{}/oauth2/v2.0/token",
        if field("tenant").is_empty() { TENANT_ID } else { field("tenant") }
    ));
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_id", CLIENT_ID),
        ("client_secret", SECRET),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    for (name, value) in form {
        match fields.iter_mut().find(|(own, _)| own == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
    }
    let body = fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let request = http().post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    answer(request).await
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}

pub struct Client {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Client {
    pub async fn new(handle: &Handle) -> Self {
        let signed_in = sign_in(handle, &[]).await;
        assert_eq!(signed_in.status, 200);
        let token = signed_in.body["access_token"].as_str().unwrap().to_owned();
        Self { http: http(), base: handle.url(), token }
    }

    /// Reads a path below `/v1.0`, or a whole link.
    pub async fn get(&self, path: &str, prefer: &str) -> Answer {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}/v1.0{path}", self.base) };
        answer(self.http.get(url).bearer_auth(&self.token).header("prefer", prefer)).await
    }

    pub async fn batch(&self, body: Value) -> Answer {
        let url = format!("{}/v1.0/$batch", self.base);
        let request = self.http.post(url).bearer_auth(&self.token).header("content-type", "application/json");
        answer(request.body(body.to_string())).await
    }

    /// Every page of a round; the last one has the place behind it.
    pub async fn round(&self, path: &str, prefer: &str) -> Vec<Value> {
        let (mut pages, mut path) = (Vec::new(), path.to_owned());
        loop {
            let answer = self.get(&path, prefer).await;
            assert_eq!(answer.status, 200, "{path} {answer:?}");
            let next = answer.body["@odata.nextLink"].as_str().map(str::to_owned);
            pages.push(answer.body);
            match next {
                Some(next) => path = next,
                None => return pages,
            }
        }
    }
}

pub fn rows(pages: &[Value]) -> Vec<&Value> {
    pages.iter().flat_map(|page| page["value"].as_array().unwrap()).collect()
}

pub fn delta_link(pages: &[Value]) -> String {
    pages.last().unwrap()["@odata.deltaLink"].as_str().unwrap().to_owned()
}
