//! Stats: what the built-in provider was asked, and how it went.

use serde::Serialize;

use crate::mock::faults::Fault;
use crate::mock::limits::Tokens;

/// Counts since the start; each request for a completion ends in exactly one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests for a completion.
    pub requests: u64,
    /// Those that were answered.
    pub ok: u64,
    /// Those that were no proper requests (status 400).
    pub refused: u64,
    /// Those that a limit barred (status 429).
    pub limited: u64,
    /// Those that the script let go wrong.
    pub faults: FaultCounts,
    /// Tokens of the questions that were answered.
    pub prompt_tokens: u64,
    /// Tokens of their answers.
    pub completion_tokens: u64,
    /// Requests that are being answered now.
    pub in_flight: u64,
    /// The most that were being answered at a time.
    pub max_in_flight: u64,
}

/// Faults by their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FaultCounts {
    /// Status 429.
    pub rate_limit: u64,
    /// Status 500.
    pub server_error: u64,
    /// Reset without an answer.
    pub reset: u64,
    /// Never answered.
    pub timeout: u64,
    /// Cut off half-way.
    pub truncated: u64,
}

impl Stats {
    /// A request comes in that will be answered, or go wrong.
    pub(super) fn entered(&mut self) {
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
    }

    /// How a request that came in ends.
    pub(super) fn fated(&mut self, fate: Option<Fault>, tokens: Tokens) {
        let count = match fate {
            Some(Fault::RateLimit) => &mut self.faults.rate_limit,
            Some(Fault::ServerError) => &mut self.faults.server_error,
            Some(Fault::Reset) => &mut self.faults.reset,
            Some(Fault::Timeout) => &mut self.faults.timeout,
            Some(Fault::Truncated) => &mut self.faults.truncated,
            None => {
                self.prompt_tokens += tokens.input;
                self.completion_tokens += tokens.output;
                &mut self.ok
            }
        };
        *count += 1;
    }
}
