//! What a user can do about each type of error.

use crate::call::failure::FailureKind;

/// One sentence: what to do.
pub fn advice(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Authentication => {
            "Check the provider's key and the variable that it comes from, then `--resume`."
        }
        FailureKind::PermissionDenied => {
            "Ask for access to the model, or use a key of a project that has it."
        }
        FailureKind::NotFound => "Check the model's name and the provider's base URL.",
        FailureKind::BadRequest => {
            "Read the message: the provider refuses the request as it stands."
        }
        FailureKind::UnsupportedParams => "Take the parameter out of `params`, or of this model's.",
        FailureKind::ContextWindowExceeded => {
            "Shorten the prompt, lower `max_tokens`, or take a model with a larger window."
        }
        FailureKind::ContentPolicyViolation => {
            "Change the prompt: the provider blocks it, and will again."
        }
        FailureKind::RateLimit => "Set `limits` to what the account allows, then `--resume`.",
        FailureKind::QuotaExceeded => "Add credit or raise the quota, then `--resume`.",
        FailureKind::Timeout => "Raise `limits.timeout` or ask for fewer tokens, then `--resume`.",
        FailureKind::ApiConnection => "Check network, proxy and base URL, then `--resume`.",
        FailureKind::ServiceUnavailable | FailureKind::InternalServer => {
            "The provider had trouble: `--resume` later, or raise `retry.max_attempts`."
        }
        FailureKind::ApiResponseValidation => {
            "The answer was empty, cut off, unreadable or not as its schema says: `--resume`, raise \
             `max_tokens`, or state `on_invalid = \"keep\"`."
        }
        FailureKind::BudgetExceeded => "Raise `budget.max_usd`, then `--resume`.",
        FailureKind::Api => "Read the message; `--resume` tries again.",
    }
}
