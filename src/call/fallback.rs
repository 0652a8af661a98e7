//! Who is asked when a model cannot answer, and for which failures.

use std::sync::Arc;

use serde::Deserialize;

use crate::call::failure::FailureKind;
use crate::call::request::Request;
use crate::call::task::Target;

/// Another model, which is asked when a task's own cannot answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fallback {
    /// Who is asked, with all parameters of the call. Its label is that of the model it stands in
    /// for, and it has no fallbacks of its own.
    pub target: Arc<Target>,
    /// The tokens that fit into its context window, as far as that is known.
    pub window: Option<u64>,
    /// Its lane, by the number of the job's lanes.
    pub lane: usize,
}

impl Fallback {
    /// The same question to this model.
    pub fn request(&self, asked: &Request) -> Request {
        Request {
            model: Arc::clone(&self.target.model),
            messages: asked.messages.clone(),
            params: Arc::clone(&self.target.params),
            operation: asked.operation,
        }
    }
}

/// Why a fallback is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FallbackCause {
    /// The provider asks to slow down, or the account's quota is used up.
    Throttling,
    /// The provider is away, cannot be reached or has a fault of its own.
    Outage,
    /// No answer came in time.
    Timeout,
    /// The prompt is longer than the model's context window.
    ContextWindow,
    /// The prompt or the answer was blocked by a content policy.
    ContentPolicy,
}

impl FallbackCause {
    /// The cause that a failure of this kind is; `None` where another model is not asked: what is
    /// wrong with a key or a request is to be seen and mended.
    fn of(kind: FailureKind) -> Option<Self> {
        match kind {
            FailureKind::RateLimit | FailureKind::QuotaExceeded => Some(Self::Throttling),
            FailureKind::ServiceUnavailable
            | FailureKind::InternalServer
            | FailureKind::ApiConnection
            | FailureKind::Api => Some(Self::Outage),
            FailureKind::Timeout => Some(Self::Timeout),
            FailureKind::ContextWindowExceeded => Some(Self::ContextWindow),
            FailureKind::ContentPolicyViolation => Some(Self::ContentPolicy),
            FailureKind::Authentication
            | FailureKind::PermissionDenied
            | FailureKind::NotFound
            | FailureKind::BadRequest
            | FailureKind::UnsupportedParams
            | FailureKind::ApiResponseValidation
            | FailureKind::BudgetExceeded => None,
        }
    }

    /// Its place in a set.
    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The causes for which fallbacks are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FallbackOn(u8);

impl Default for FallbackOn {
    /// All of them.
    fn default() -> Self {
        Self(u8::MAX)
    }
}

impl FallbackOn {
    /// None at all.
    pub const NEVER: Self = Self(0);

    /// These causes and no others.
    pub fn only(causes: &[FallbackCause]) -> Self {
        Self(causes.iter().fold(0, |set, cause| set | cause.bit()))
    }

    /// Whether a fallback is asked after a failure of this kind.
    pub fn covers(self, kind: FailureKind) -> bool {
        FallbackCause::of(kind).is_some_and(|cause| self.0 & cause.bit() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fallback_is_asked_for_the_stated_causes_and_never_for_a_fault_of_the_request() {
        let kinds = [
            (FailureKind::RateLimit, "throttling"),
            (FailureKind::QuotaExceeded, "throttling"),
            (FailureKind::ServiceUnavailable, "outage"),
            (FailureKind::InternalServer, "outage"),
            (FailureKind::ApiConnection, "outage"),
            (FailureKind::Api, "outage"),
            (FailureKind::Timeout, "timeout"),
            (FailureKind::ContextWindowExceeded, "context_window"),
            (FailureKind::ContentPolicyViolation, "content_policy"),
        ];
        for (kind, name) in kinds {
            let cause = serde_json::from_value(name.into()).expect("a cause");
            assert!(FallbackOn::default().covers(kind), "{kind}");
            let only = FallbackOn::only(&[cause]);
            for (other, its_name) in kinds {
                assert_eq!(only.covers(other), name == its_name, "{name} {other}");
            }
        }
        for kind in [FailureKind::Authentication, FailureKind::BadRequest, FailureKind::NotFound] {
            assert!(!FallbackOn::default().covers(kind), "{kind}");
        }
    }
}
