//! In the place of who signs requests to Amazon, in a build that has none: a key is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::provider::auth::KeyFault;
use crate::provider::env::Env;
use crate::wire::authorized::Authorizer;
use crate::wire::secret::Redactor;

/// Nobody signs.
pub fn signer(
    _: &BTreeMap<String, String>,
    _: &Env,
    _: &Redactor,
) -> Result<Arc<dyn Authorizer>, KeyFault> {
    Err(KeyFault {
        message: "no key, and this build of the runner does not sign requests to Amazon".to_owned(),
        help: "export AWS_BEARER_TOKEN_BEDROCK=..., or build the runner with --features aws"
            .to_owned(),
    })
}
