//! Why an answer ended, and whether it is one at all. Every dialect decides so, here.

use crate::call::failure::{Failure, FailureKind, Remedy};

/// Why an answer ended, in `OpenAI`'s terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or came to a stop sequence.
    Stop,
    /// The tokens ran out.
    Length,
    /// The model wants tools called.
    ToolCalls,
    /// The same, by its old name.
    FunctionCall,
    /// A filter blocked it, or the model declined.
    ContentFilter,
    /// Something broke on the provider's side.
    Broken,
    /// The model wrote what cannot be used, such as a call of a tool that cannot be read.
    Malformed,
}

impl Finish {
    /// `OpenAI`'s word. There is none for what broke: what came is taken as far as it goes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop | Self::Broken | Self::Malformed => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::FunctionCall => "function_call",
            Self::ContentFilter => "content_filter",
        }
    }

    /// Why an answer that ended so is none, if so: nothing in it, blocked, or broken off. `raw` is
    /// the provider's own word.
    pub fn fault(self, raw: &str, is_empty: bool) -> Option<Failure> {
        let validation = |message: &str| Failure::new(FailureKind::ApiResponseValidation, message);
        match (self, is_empty) {
            (Self::ContentFilter, _) => {
                let message = format!("the answer was blocked (finish reason `{raw}`)");
                Some(Failure::new(FailureKind::ContentPolicyViolation, message))
            }
            (Self::Malformed, _) => {
                let message = format!("the answer is malformed (finish reason `{raw}`)");
                let failure = Failure::new(FailureKind::InternalServer, message);
                // It was billed, and the next one may be no better.
                Some(failure.with_remedy(Remedy::RetryOnce))
            }
            (_, false) => None,
            (Self::Length, true) => {
                let message =
                    "the answer is empty: its tokens ran out before any text; raise max_tokens";
                Some(validation(message).with_remedy(Remedy::GiveUp))
            }
            (Self::Broken, true) => {
                let message = format!("the answer broke off (finish reason `{raw}`)");
                Some(Failure::new(FailureKind::InternalServer, message))
            }
            (_, true) => Some(validation("the answer is empty")),
        }
    }
}

/// The fault of an answer without any choice.
pub fn no_choices() -> Failure {
    Failure::new(FailureKind::ApiResponseValidation, "the answer has no choices")
}
