//! A call that did not succeed: an expected outcome, a value, not an error of ours.
//!
//! [`Failure::remedy`] is the only place that decides what a failure calls for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The kinds of failure, by the names that users of the OpenAI SDK and of `LiteLLM` know.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub enum FailureKind {
    /// The key is wrong, expired or missing.
    #[serde(rename = "AuthenticationError")]
    Authentication,
    /// The key may not do this.
    #[serde(rename = "PermissionDeniedError")]
    PermissionDenied,
    /// No such model, deployment or path.
    #[serde(rename = "NotFoundError")]
    NotFound,
    /// The provider refuses the request as it stands.
    #[serde(rename = "BadRequestError")]
    BadRequest,
    /// The provider does not take one of the parameters.
    #[serde(rename = "UnsupportedParamsError")]
    UnsupportedParams,
    /// The prompt is longer than the model's context window.
    #[serde(rename = "ContextWindowExceededError")]
    ContextWindowExceeded,
    /// The prompt or the answer was blocked by a content policy.
    #[serde(rename = "ContentPolicyViolationError")]
    ContentPolicyViolation,
    /// Too many requests or tokens for now.
    #[serde(rename = "RateLimitError")]
    RateLimit,
    /// The account's money or quota is used up; waiting a minute does not help.
    #[serde(rename = "QuotaExceededError")]
    QuotaExceeded,
    /// No answer in time.
    Timeout,
    /// The connection could not be made or broke.
    #[serde(rename = "APIConnectionError")]
    ApiConnection,
    /// The provider is overloaded or away.
    #[serde(rename = "ServiceUnavailableError")]
    ServiceUnavailable,
    /// The provider had a fault of its own.
    #[serde(rename = "InternalServerError")]
    InternalServer,
    /// The answer cannot be read, is empty or is cut off.
    #[serde(rename = "APIResponseValidationError")]
    ApiResponseValidation,
    /// The budget does not allow this call.
    #[serde(rename = "BudgetExceededError")]
    BudgetExceeded,
    /// Anything else.
    #[serde(rename = "APIError")]
    Api,
}

impl FailureKind {
    /// The name in reports and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "AuthenticationError",
            Self::PermissionDenied => "PermissionDeniedError",
            Self::NotFound => "NotFoundError",
            Self::BadRequest => "BadRequestError",
            Self::UnsupportedParams => "UnsupportedParamsError",
            Self::ContextWindowExceeded => "ContextWindowExceededError",
            Self::ContentPolicyViolation => "ContentPolicyViolationError",
            Self::RateLimit => "RateLimitError",
            Self::QuotaExceeded => "QuotaExceededError",
            Self::Timeout => "Timeout",
            Self::ApiConnection => "APIConnectionError",
            Self::ServiceUnavailable => "ServiceUnavailableError",
            Self::InternalServer => "InternalServerError",
            Self::ApiResponseValidation => "APIResponseValidationError",
            Self::BudgetExceeded => "BudgetExceededError",
            Self::Api => "APIError",
        }
    }

    /// What a failure of this kind calls for, unless the provider said otherwise.
    fn remedy(self) -> Remedy {
        match self {
            Self::RateLimit
            | Self::Timeout
            | Self::ApiConnection
            | Self::ServiceUnavailable
            | Self::InternalServer
            | Self::Api => Remedy::Retry,
            Self::ApiResponseValidation => Remedy::RetryOnce,
            Self::Authentication | Self::QuotaExceeded => Remedy::CloseLane,
            Self::PermissionDenied
            | Self::NotFound
            | Self::BadRequest
            | Self::UnsupportedParams
            | Self::ContextWindowExceeded
            | Self::ContentPolicyViolation
            | Self::BudgetExceeded => Remedy::GiveUp,
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Try again, as often as the job allows.
    Retry,
    /// Try again once: the answer was billed, and the next one may be no better.
    RetryOnce,
    /// Trying again cannot help.
    GiveUp,
    /// Neither this call nor any other to this model can succeed now.
    CloseLane,
}

impl Remedy {
    /// Whether trying this call again can help.
    pub fn retries(self) -> bool {
        matches!(self, Self::Retry | Self::RetryOnce)
    }
}

/// One attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Failure {
    /// The kind, by the name that users know.
    #[serde(rename = "type")]
    pub kind: FailureKind,
    /// What happened, in the provider's words where it gave any.
    pub message: String,
    /// The HTTP status, when there was an answer.
    pub http_status: Option<u16>,
    /// The provider's own code or type, when it gave one.
    pub provider_code: Option<String>,
    /// Whether trying again can help.
    pub retryable: bool,
    /// What to do about it, where that is not what its kind says.
    #[serde(skip)]
    #[schemars(skip)]
    pub remedy: Option<Remedy>,
    /// Whether the request never reached the provider, so that nothing can be billed for it.
    #[serde(skip)]
    #[schemars(skip)]
    pub is_unsent: bool,
    /// How long the provider asked to wait.
    #[serde(skip)]
    #[schemars(skip)]
    pub retry_after: Option<Duration>,
}

/// The longest message, in bytes: twice as much as is kept of a provider's own words.
const LONGEST_MESSAGE: usize = 4000;

impl Failure {
    /// A failure of this kind, with what its kind says about trying again. A message that quotes
    /// without end what a server sent ends where nobody reads on, none of it steers a terminal, and
    /// one of nothing says so.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST_MESSAGE {
            message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
            message.push('…');
        }
        message.retain(|c| !c.is_control() || matches!(c, '\n' | '\t'));
        if message.trim().is_empty() {
            "nothing was said of why".clone_into(&mut message);
        }
        Self {
            kind,
            message,
            http_status: None,
            provider_code: None,
            retryable: kind.remedy().retries(),
            remedy: None,
            is_unsent: false,
            retry_after: None,
        }
    }

    /// The same failure with another remedy than its kind's.
    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.retryable = remedy.retries();
        self.remedy = Some(remedy);
        self
    }

    /// The same failure of a request that never reached the provider.
    pub fn unsent(self) -> Self {
        Self { is_unsent: true, ..self }
    }

    /// Whether the provider may bill the call all the same: it was sent, and neither answered nor
    /// refused, as far as we can tell. A gateway that waited in vain knows no more than we do.
    pub fn may_be_billed(&self) -> bool {
        if matches!(self.http_status, Some(408 | 504 | 524)) {
            return true;
        }
        let is_silent = matches!(
            self.kind,
            FailureKind::Timeout | FailureKind::ApiConnection | FailureKind::ApiResponseValidation
        );
        is_silent && !self.is_unsent && self.http_status.is_none_or(|status| status < 400)
    }

    /// What this failure calls for.
    pub fn remedy(&self) -> Remedy {
        self.remedy.unwrap_or_else(|| self.kind.remedy())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_serialized_name_is_the_printed_name() {
        for kind in [
            FailureKind::Authentication,
            FailureKind::UnsupportedParams,
            FailureKind::Timeout,
            FailureKind::ApiConnection,
            FailureKind::ApiResponseValidation,
            FailureKind::Api,
        ] {
            let json = serde_json::to_string(&kind).expect("a name");
            assert_eq!(json, format!("\"{kind}\""));
        }
    }

    #[test]
    fn a_message_has_an_end_and_steers_no_terminal() {
        let failure = Failure::new(FailureKind::Api, "a\u{1b}[31m\tb\u{9b}2J\nc\r");
        assert_eq!(failure.message, "a[31m\tb2J\nc");
        let failure = Failure::new(FailureKind::Api, "ü".repeat(1 << 20));
        assert_eq!(failure.message, "ü".repeat(LONGEST_MESSAGE / 2) + "…");
        let failure = Failure::new(FailureKind::Api, "\0 \u{1b}\n");
        assert_eq!(failure.message, "nothing was said of why");
    }

    #[test]
    fn a_remedy_of_its_own_beats_that_of_its_kind() {
        let failure = Failure::new(FailureKind::RateLimit, "request too large");
        assert!(failure.retryable);
        let failure = failure.with_remedy(Remedy::GiveUp);
        assert_eq!(failure.remedy(), Remedy::GiveUp);
        assert!(!failure.retryable);
    }
}
