//! The HTTP client of `aws-config`, over ours: the same TLS, the same proxies.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use reqwest::Method;
use tokio::time::timeout;

use crate::wire::causes::innermost;
use crate::wire::http::Http;
use crate::wire::message::Timeouts;
use crate::wire::secret::Redactor;

/// How long an answer may take where nobody says.
const USUAL: Duration = Duration::from_secs(10);

/// Asks the services that hand out credentials.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    http: Arc<Http>,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self { http: Arc::new(Http::new(Timeouts::default(), redactor)), limit: USUAL }
    }

    async fn asked(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        match timeout(self.limit, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(late) => Err(ConnectorError::timeout(late.into())),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |why: &dyn ToString| ConnectorError::user(why.to_string().into());
        let method = Method::from_bytes(request.method().as_bytes()).map_err(|why| user(&why))?;
        let client = self.http.client_for(request.uri()).map_err(|why| user(&why))?;
        let mut sending = client.request(method, request.uri());
        for (name, value) in request.headers() {
            sending = sending.header(name, value);
        }
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let answer = sending.body(body).send().await.map_err(|why| io(&why))?;
        let status = answer.status().as_u16().try_into().map_err(|why| user(&why))?;
        let headers = answer.headers().clone();
        let body = answer.bytes().await.map_err(|why| io(&why))?;
        let mut response = HttpResponse::new(status, SdkBody::from(body.to_vec()));
        for (name, value) in &headers {
            if let Ok(value) = value.to_str() {
                response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }
}

/// What reqwest says, without the URL: a path may name a role.
fn io(why: &reqwest::Error) -> ConnectorError {
    ConnectorError::io(innermost(why).into())
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().asked(request))
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let limits = [settings.connect_timeout(), settings.read_timeout()];
        let limit = limits.into_iter().flatten().reduce(|all, limit| all.saturating_add(limit));
        SharedHttpConnector::new(Self {
            http: Arc::clone(&self.http),
            limit: limit.unwrap_or(USUAL),
        })
    }
}
