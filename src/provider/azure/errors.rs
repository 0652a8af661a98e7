//! Azure's errors: what its own table says, and the common one after it.

use crate::call::failure::{Failure, FailureKind, Remedy};
use crate::provider::errors::{self, Told};
use crate::provider::headroom;
use crate::wire::message::WireReply;

/// Texts by which the content filter speaks without a code of its own.
const FILTER_TEXTS: &[&str] = &["content_filter_policy", "model produced invalid content"];

/// The failure that an error reply tells of, with what its headers say about coming back.
pub(super) fn failure_of(reply: &WireReply) -> Failure {
    let told = Told::read(&reply.body);
    let (kind, remedy) = match reply.status {
        // Not a wrong key: an identity of Entra's that is known and may not.
        401 if told.has_code(&["PermissionDenied"]) => (FailureKind::PermissionDenied, None),
        400 if told.says(FILTER_TEXTS) => (FailureKind::ContentPolicyViolation, None),
        // Larger than what a minute allows: the same request can never pass.
        429 if told.says(&["token budget"]) => (FailureKind::RateLimit, Some(Remedy::GiveUp)),
        status => errors::kind_of(status, &told),
    };
    let help = match reply.status {
        401 if kind == FailureKind::PermissionDenied => {
            "; give the identity the role `Cognitive Services OpenAI User`"
        }
        404 if told.has_code(&["DeploymentNotFound"]) => {
            "; the model is the name of your deployment, which is known some minutes after its making"
        }
        404 if told.says(&["resource not found"]) => "; check `base_url` and `api_version`",
        _ => "",
    };
    let mut failure = errors::failure(reply.status, &told, kind, remedy);
    failure.message.push_str(help);
    headroom::advise(failure, &reply.headers)
}
