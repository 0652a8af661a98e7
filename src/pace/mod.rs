//! GROUND. How fast: [`Limits`] say what a provider allows; a gate holds every call to them.
//!
//! Everything here is a value or a wait that can be cancelled; a wait that is cancelled has taken
//! nothing.

pub mod adaptive;
pub mod breaker;
pub mod clock;
pub mod curve;
pub mod door;
pub mod gate;
pub mod headroom;
pub mod permits;
pub mod pilot;
pub mod rate;
pub mod recent;
pub mod requests;
pub mod retry;
pub mod scope;
pub mod share;
pub mod storm;
pub mod tempo;
pub mod tokens;
pub mod usage;
pub mod verdict;
pub mod watch;

/// What a provider or a model allows, as the user stated it. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Requests in any second; may be a fraction.
    pub requests_per_second: Option<f64>,
    /// Requests in any minute.
    pub requests_per_minute: Option<u64>,
    /// Requests in a day.
    pub requests_per_day: Option<u64>,
    /// Tokens in a minute, input and output together.
    pub tokens_per_minute: Option<u64>,
    /// Input tokens in a minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Output tokens in a minute.
    pub output_tokens_per_minute: Option<u64>,
    /// Calls in flight at once.
    pub concurrency: Option<usize>,
}

impl Limits {
    /// Whether any of them counts tokens, so that calls must be estimated.
    pub fn counts_tokens(&self) -> bool {
        let Self {
            tokens_per_minute: all,
            input_tokens_per_minute: input,
            output_tokens_per_minute: output,
            ..
        } = self;
        [all, input, output].iter().any(|limit| limit.is_some())
    }

    /// Whether any of them says how much a time may take.
    pub fn sets_pace(&self) -> bool {
        *self != Self { concurrency: self.concurrency, ..Self::default() }
    }

    /// These limits with those that `others` states in their place.
    pub fn overlaid(self, others: Self) -> Self {
        Self {
            requests_per_second: others.requests_per_second.or(self.requests_per_second),
            requests_per_minute: others.requests_per_minute.or(self.requests_per_minute),
            requests_per_day: others.requests_per_day.or(self.requests_per_day),
            tokens_per_minute: others.tokens_per_minute.or(self.tokens_per_minute),
            input_tokens_per_minute: others
                .input_tokens_per_minute
                .or(self.input_tokens_per_minute),
            output_tokens_per_minute: others
                .output_tokens_per_minute
                .or(self.output_tokens_per_minute),
            concurrency: others.concurrency.or(self.concurrency),
        }
    }
}
