//! A plain client for asking a server without the runner.

use reqwest::Client;
use serde_json::{Value, json};

/// A client; TLS wants a provider even where no test uses it.
pub(crate) fn client() -> Client {
    // Another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("a client")
}

/// The body of a plain question.
pub(crate) fn question(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// What came back: status, headers, and the body as text.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    pub(crate) fn content(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().expect("a text").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Asks for a chat completion.
pub(crate) async fn ask(
    client: &Client,
    base_url: &str,
    body: &Value,
) -> reqwest::Result<Answered> {
    let url = format!("{base_url}/chat/completions");
    let request = client.post(url).header("content-type", "application/json");
    read(request.body(body.to_string()).send().await?).await
}

/// Gets a page.
pub(crate) async fn get(client: &Client, url: &str) -> reqwest::Result<Answered> {
    read(client.get(url).send().await?).await
}

async fn read(response: reqwest::Response) -> reqwest::Result<Answered> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    Ok(Answered { status, headers, text: response.text().await? })
}
