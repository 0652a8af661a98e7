//! Calls that a proxy stands in the way of, over reqwest; and those for credentials of AWS, which
//! bring a request of their own.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};

use super::{USER_AGENT, is_loopback, tls};
use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::wire::causes::innermost;

/// The clients, each made when it is needed first.
#[derive(Debug)]
pub(super) struct Proxied {
    connect: Duration,
    /// For servers on this machine and its metadata service, which no proxy can reach.
    local: OnceLock<Result<Client, String>>,
    plain: OnceLock<Result<Client, String>>,
    secure: OnceLock<Result<Client, String>>,
}

impl Proxied {
    /// Connections that are given up when they take longer than this to make.
    pub(super) fn new(connect: Duration) -> Self {
        let (local, plain, secure) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { connect, local, plain, secure }
    }

    /// The client for this address.
    pub(super) fn client_for(&self, url: &str) -> Result<&Client, Failure> {
        let made = match url.strip_prefix("http://") {
            None => self.secure.get_or_init(|| {
                tls::with_roots().and_then(|tls| self.client(Client::builder(), tls))
            }),
            Some(rest) if is_loopback(rest) => self.local.get_or_init(|| {
                tls::without_roots().and_then(|tls| self.client(Client::builder().no_proxy(), tls))
            }),
            Some(_) => self.plain.get_or_init(|| {
                tls::without_roots().and_then(|tls| self.client(Client::builder(), tls))
            }),
        };
        made.as_ref().map_err(|why| no_tls(why))
    }

    fn client(&self, builder: ClientBuilder, tls: rustls::ClientConfig) -> Result<Client, String> {
        builder
            .tls_backend_preconfigured(tls)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.connect)
            .user_agent(USER_AGENT)
            .build()
            .map_err(|why| innermost(&why))
    }
}

/// This machine cannot speak TLS.
pub(super) fn no_tls(why: &str) -> Failure {
    Failure::new(FailureKind::ApiConnection, format!("TLS cannot be set up: {why}"))
        .with_remedy(Remedy::GiveUp)
}
