//! Signatures for Amazon's services (`SigV4`), made anew for each send: one is good for minutes.
//!
//! The credentials are the user's own keys, or are found where Amazon's own tools find them:
//! profiles, web identities, containers and the metadata service of the machine.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;

use crate::call::failure::{Failure, FailureKind};
use crate::call::moment::Moment;
use crate::wire::authorized::Authorizer;
use crate::wire::aws::keyring::Keyring;
use crate::wire::message::{AddedHeader, KeyHeader, WireReply, WireRequest};
use crate::wire::secret::{Redactor, Secret};
use crate::wire::transport::Pending;

mod chain;
mod connector;
mod keyring;

/// Names by which a server says that it does not believe the credentials; temporary ones may have
/// been replaced.
const DISBELIEF: &[&str] = &[
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "ExpiredTokenException",
    "ExpiredToken",
    "InvalidSignatureException",
];

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// They are stated.
    Stated {
        /// The name of the key, which is no secret.
        id: String,
        /// The key.
        secret: Secret,
        /// What goes with a temporary key.
        session: Option<Secret>,
    },
    /// They are looked for as Amazon's own tools do, in this profile where one is named.
    Found {
        /// The profile.
        profile: Option<String>,
    },
}

/// Signs requests.
#[derive(Debug)]
pub struct Signer {
    /// The service's name in a signature.
    service: &'static str,
    /// The region of requests that name none.
    region: Option<String>,
    keyring: Keyring,
}

impl Signer {
    /// A signer for this service. The credentials are looked for when the first request goes out,
    /// and again before they expire; the redactor learns each of them.
    pub fn new(
        service: &'static str,
        region: Option<String>,
        source: Source,
        redactor: &Redactor,
    ) -> Self {
        let keyring = match source {
            Source::Stated { id, secret, session } => {
                redactor.learn(&secret);
                session.iter().for_each(|session| redactor.learn(session));
                Keyring::of(stated(&id, &secret, session.as_ref()))
            }
            Source::Found { profile } => {
                let place = Arc::new(chain::Place { profile, region: region.clone() });
                Keyring::new(redactor.clone(), move |redactor| {
                    Box::pin(chain::find(Arc::clone(&place), redactor))
                })
            }
        };
        Self { service, region, keyring }
    }

    async fn signed(&self, mut request: WireRequest) -> Result<WireRequest, Failure> {
        let region = request.region.take().or_else(|| self.region.clone()).ok_or_else(no_region)?;
        let credentials = self.keyring.credentials().await?;
        signed(request, &credentials, self.service, &region, Moment::now())
    }
}

impl Authorizer for Signer {
    fn authorize(&self, request: WireRequest) -> Pending<'_, Result<WireRequest, Failure>> {
        Box::pin(self.signed(request))
    }

    fn is_disbelief(&self, reply: &WireReply) -> bool {
        let name = reply.headers.get("x-amzn-errortype").unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        let names_it = || DISBELIEF.contains(&name);
        let says_it = || {
            let text = String::from_utf8_lossy(&reply.body).to_lowercase();
            text.contains("security token included in the request is")
        };
        matches!(reply.status, 400 | 401 | 403) && (names_it() || says_it())
    }

    fn disbelieved(&self) -> bool {
        self.keyring.disbelieved()
    }
}

fn stated(id: &str, secret: &Secret, session: Option<&Secret>) -> Credentials {
    let session = session.map(|session| session.expose().to_owned());
    Credentials::new(id, secret.expose(), session, None, "stated")
}

fn no_region() -> Failure {
    let message = "the region to sign for is not known; export AWS_REGION_NAME=..., or write \
                   region = \"...\" in the provider's section";
    Failure::new(FailureKind::BadRequest, message)
}

/// The request with its signature. Its path is encoded once more for what is signed, as all
/// services but S3 want it.
fn signed(
    mut request: WireRequest,
    credentials: &Credentials,
    service: &str,
    region: &str,
    now: Moment,
) -> Result<WireRequest, Failure> {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let identity = Identity::from(credentials.clone());
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(UNIX_EPOCH + Duration::from_millis(millis))
        .settings(SigningSettings::default())
        .build()
        .map_err(|why| unsigned(&why))?
        .into();
    let headers = [("content-type", "application/json")].into_iter();
    let body = SignableBody::Bytes(&request.body);
    let signable =
        SignableRequest::new("POST", &request.url, headers, body).map_err(|why| unsigned(&why))?;
    let (made, _) = sign(signable, &params).map_err(|why| unsigned(&why))?.into_parts();
    let mut added = request.added.to_vec();
    for header in made.into_parts().0 {
        match header.name() {
            "authorization" => {
                let (name, prefix) = ("authorization".into(), "".into());
                request.key = Some(KeyHeader { name, prefix, key: Secret::new(header.value()) });
            }
            secret if header.sensitive() => {
                added.push(AddedHeader { name: secret.into(), value: Secret::new(header.value()) });
            }
            name => request.headers.push((name, header.value().to_owned())),
        }
    }
    request.added = added.into();
    Ok(request)
}

fn unsigned(why: &dyn std::error::Error) -> Failure {
    Failure::new(FailureKind::BadRequest, format!("the request cannot be signed: {why}"))
}

#[cfg(test)]
mod tests;
