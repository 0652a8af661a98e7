//! Credentials from wherever Amazon's own tools find them, in their order: variables, profiles, web
//! identities, containers, the metadata service. `aws-config` knows how.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use aws_config::Region;
use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::ConnectorError;
use tokio::time::timeout;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::connector::Connector;
use crate::call::failure::{Failure, FailureKind};
use crate::wire::secret::Redactor;

/// The longest that one look for credentials may take: a program that a profile names may hang.
const LONGEST: Duration = Duration::from_mins(1);

/// Where the token service is asked when no region is known.
const USUAL_REGION: &str = "us-east-1";

/// What to do where nothing was found.
const HELP: &str = "export AWS_ACCESS_KEY_ID=... and AWS_SECRET_ACCESS_KEY=..., or \
                    AWS_BEARER_TOKEN_BEDROCK=..., or set up a profile with `aws configure`";

/// Where to look.
#[derive(Debug)]
pub(super) struct Place {
    /// The profile, where one is named.
    pub(super) profile: Option<String>,
    /// The region whose token service is asked.
    pub(super) region: Option<String>,
}

/// Looks once. Files are read anew each time, so that a key that was changed there is found.
pub(super) async fn find(place: Arc<Place>, redactor: Redactor) -> Result<Credentials, Failure> {
    let http = Connector::new(redactor.clone());
    let region = place.region.clone().unwrap_or_else(|| USUAL_REGION.to_owned());
    let region = Region::new(region);
    let config =
        ProviderConfig::without_region().with_http_client(http).with_region(Some(region.clone()));
    let mut chain = DefaultCredentialsChain::builder().configure(config).region(region);
    if let Some(profile) = &place.profile {
        chain = chain.profile_name(profile);
    }
    let looking = async { chain.build().await.provide_credentials().await };
    // Its own log lines hold whole answers, and with them the credentials.
    let looking = looking.with_subscriber(NoSubscriber::new());
    match timeout(LONGEST, looking).await {
        Ok(Ok(credentials)) => Ok(credentials),
        Ok(Err(why)) => Err(failure(&why, &redactor)),
        Err(_) => Err(too_late(LONGEST)),
    }
}

fn failure(why: &CredentialsError, redactor: &Redactor) -> Failure {
    let told = redactor.clean_text(&told(why)).into_owned();
    match why {
        CredentialsError::CredentialsNotLoaded(_) => {
            let message = format!("no AWS credentials were found; {HELP}");
            Failure::new(FailureKind::Authentication, message)
        }
        CredentialsError::ProviderTimedOut(limit) => too_late(limit.timeout_duration()),
        _ if is_connection(why) => {
            let message = format!("the service that hands out AWS credentials is away: {told}");
            Failure::new(FailureKind::ApiConnection, message)
        }
        _ if told.contains("cargo feature") => {
            let message = "the AWS profile signs in by SSO; run `eval \"$(aws configure \
                           export-credentials --format env)\"` first";
            Failure::new(FailureKind::Authentication, message)
        }
        _ => {
            let message = format!("the AWS credentials cannot be had: {told}; {HELP}");
            Failure::new(FailureKind::Authentication, message)
        }
    }
}

fn too_late(limit: Duration) -> Failure {
    let message = format!("the AWS credentials did not come within {limit:?}");
    Failure::new(FailureKind::Timeout, message)
}

/// The error and what caused it, on one line.
fn told(why: &CredentialsError) -> String {
    causes(why).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn is_connection(why: &CredentialsError) -> bool {
    causes(why).any(|cause| cause.is::<ConnectorError>())
}

fn causes<'e>(why: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(why), |cause| (**cause).source())
}
