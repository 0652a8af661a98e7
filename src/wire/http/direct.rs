//! Calls that no proxy stands in the way of, over hyper's pooled client.
//!
//! The same client is below reqwest, which parses the address of every call three times and copies
//! its headers as often, for redirects that are not followed here: without it, a call costs half
//! the work.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use tokio::time::timeout;
use tower_service::Service;

use super::proxied::no_tls;
use super::silent::Silent;
use super::{is_loopback, tls};
use crate::call::failure::Failure;
use crate::wire::message::Method;

/// So many addresses are kept; a job has a few for each of its models.
const KEPT: usize = 256;
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(90);
/// How often an idle connection is looked after.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// How often it may stay silent.
const SILENCES: u32 = 3;

/// Whatever went wrong.
type Cause = Box<dyn Error + Send + Sync>;

/// Calls without a proxy.
pub(super) struct Direct {
    proxies: Matcher,
    addresses: Mutex<HashMap<String, Arc<Address>>>,
    connect: Duration,
    plain: Client<Timely<HttpConnector>, Full<Bytes>>,
    secure: OnceLock<Result<Secure, String>>,
}

/// A client that speaks TLS.
type Secure = Client<Timely<HttpsConnector<HttpConnector>>, Full<Bytes>>;

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}

/// Where a call goes.
#[derive(Debug)]
pub(super) struct Address {
    uri: Uri,
    host: HeaderValue,
    is_secure: bool,
    is_proxied: bool,
}

impl Address {
    /// Whether it can be reached through a proxy alone.
    pub(super) fn is_proxied(&self) -> bool {
        self.is_proxied
    }
}

impl Direct {
    /// Connections that are given up when they take longer than this to make.
    pub(super) fn new(connect: Duration) -> Self {
        Self {
            proxies: Matcher::from_system(),
            addresses: Mutex::default(),
            connect,
            plain: client(Timely { inner: connector(connect), limit: connect }),
            secure: OnceLock::new(),
        }
    }

    /// The address that this is the text of; it is taken apart once. `Err` says why it is none.
    pub(super) fn address(&self, text: &str) -> Result<Arc<Address>, String> {
        let mut known = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = known.get(text) {
            return Ok(Arc::clone(address));
        }
        let address = Arc::new(self.take_apart(text)?);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(text.to_owned(), Arc::clone(&address));
        Ok(address)
    }

    fn take_apart(&self, text: &str) -> Result<Address, String> {
        let url = reqwest::Url::parse(text).map_err(|why| why.to_string())?;
        let uri: Uri =
            url.as_str().parse().map_err(|why: hyper::http::uri::InvalidUri| why.to_string())?;
        let is_secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => {
                return Err(format!("it begins with `{other}:`, not with `https:` or `http:`"));
            }
        };
        let usual = if is_secure { 443 } else { 80 };
        let host = match (uri.host().unwrap_or_default(), uri.port_u16()) {
            (host, Some(port)) if port != usual => HeaderValue::try_from(format!("{host}:{port}")),
            (host, _) => HeaderValue::try_from(host),
        };
        let host = host.map_err(|why| why.to_string())?;
        let is_near = !is_secure && is_loopback(uri.host().unwrap_or_default());
        let is_proxied = !is_near && self.proxies.intercept(&uri).is_some();
        Ok(Address { uri, host, is_secure, is_proxied })
    }

    /// A request on its way to the head of its answer.
    pub(super) fn send(
        &self,
        address: &Address,
        method: Method,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<ResponseFuture, Failure> {
        headers.entry(HOST).or_insert_with(|| address.host.clone());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = match method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        *request.uri_mut() = address.uri.clone();
        *request.headers_mut() = headers;
        Ok(match address.is_secure {
            true => self.secure()?.request(request),
            false => self.plain.request(request),
        })
    }

    fn secure(&self) -> Result<&Secure, Failure> {
        let made =
            self.secure.get_or_init(|| tls::with_roots().map(|config| self.secure_with(config)));
        made.as_ref().map_err(|why| no_tls(why))
    }

    fn secure_with(&self, config: ClientConfig) -> Secure {
        let mut http = connector(self.connect);
        http.enforce_http(false);
        let https = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
        client(Timely { inner: https.enable_http1().wrap_connector(http), limit: self.connect })
    }
}

fn connector(limit: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    connector.set_keepalive_retries(Some(SILENCES));
    // It is divided among the addresses of a host, so that one that is dead leaves time to the next.
    connector.set_connect_timeout(Some(limit));
    connector
}

fn client<C>(connector: Timely<C>) -> Client<Timely<C>, Full<Bytes>>
where
    Timely<C>: hyper_util::client::legacy::connect::Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        // It would be made anew for every call.
        .set_host(false)
        .build(connector)
}

/// A connector that is given up when it takes too long, TLS included.
#[derive(Clone)]
struct Timely<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for Timely<C>
where
    C: Service<Uri>,
    C::Error: Into<Cause>,
    C::Future: Send + 'static,
{
    type Response = Silent<C::Response>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Cause>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = timeout(self.limit, self.inner.call(to));
        Box::pin(async move {
            match connecting.await {
                Ok(made) => made.map(Silent).map_err(Into::into),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}
