//! Learning from the headers in which a server says what is left of its limits.
//!
//! What is `remaining` was counted when the call arrived that brought it back. Since then more was
//! sent, which is known here, and some came back, which `reset` tells: it is the time until the
//! limit is whole again, in a steady trickle at most providers (OpenAI, Azure, Anthropic, Groq) and
//! all at once at the others. A server is taken for one of the first kind until it shows otherwise.
//!
//! What is learned only ever lowers the pace that the job states. It is believed until its reset
//! has passed and no longer.

mod account;
mod slope;

use std::time::Duration;

use tokio::time::Instant;

use crate::pace::headroom::account::{Account, Sent};
use crate::pace::tokens::Need;

/// What is left of one limit, as headers tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// How many are left.
    pub remaining: u64,
    /// Of how many.
    pub limit: Option<u64>,
    /// How long until the limit is whole again.
    pub reset: Option<Duration>,
}

/// What the headers of an answer say is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headroom {
    /// Of the limit of requests.
    pub requests: Option<Left>,
    /// Of the limit of tokens, both sides together.
    pub tokens: Option<Left>,
    /// Of the limit of input tokens.
    pub input_tokens: Option<Left>,
    /// Of the limit of output tokens.
    pub output_tokens: Option<Left>,
}

impl Headroom {
    /// Whether the headers say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is left of this limit.
    pub fn left(&self, what: Scarce) -> Option<Left> {
        match what {
            Scarce::Requests => self.requests,
            Scarce::Tokens => self.tokens,
            Scarce::Input => self.input_tokens,
            Scarce::Output => self.output_tokens,
        }
    }
}

/// What runs short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scarce {
    /// Requests.
    Requests,
    /// Tokens, both sides together.
    Tokens,
    /// Input tokens.
    Input,
    /// Output tokens.
    Output,
}

impl Scarce {
    /// Everything that providers count, in the order of the accounts.
    pub const ALL: [Self; 4] = [Self::Requests, Self::Tokens, Self::Input, Self::Output];

    /// The words for people: what the provider counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Input => "input tokens",
            Self::Output => "output tokens",
        }
    }

    /// How much of this a call takes.
    fn of(self, need: Need) -> u64 {
        match self {
            Self::Requests => 1,
            Self::Tokens => need.input.saturating_add(need.output),
            Self::Input => need.input,
            Self::Output => need.output,
        }
    }
}

/// A call that was sent: what had been sent by then, itself included.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    number: u64,
    at: Instant,
    sent: [Sent; 4],
}

/// One limit as the server told it over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// What it counts.
    pub what: Scarce,
    /// The limit, where the server tells it: per minute at most providers, which do not say so.
    pub limit: Option<u64>,
    /// The least that was ever left.
    pub least: u64,
}

/// The credit that the server still gives, by its own word.
#[derive(Debug, Default)]
pub struct Credit {
    accounts: [Account; 4],
    /// Calls sent so far.
    number: u64,
    last_sent: Option<Instant>,
}

impl Credit {
    /// Nothing is known yet, so that everything may be sent.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one call as sent. Its mark goes with it, for the headers of its answer.
    pub fn sent(&mut self, need: Need, now: Instant) -> Mark {
        self.number += 1;
        self.last_sent = Some(now);
        let sent = Scarce::ALL.map(|what| self.accounts[what as usize].send(what.of(need), now));
        Mark { number: self.number, at: now, sent }
    }

    /// Takes the headers that came with the answer to a call, or with its refusal for being too
    /// fast (`refused`: a 429). Those of a call older than the newest one heard of teach nothing
    /// about what is left now.
    pub fn saw(&mut self, mark: Mark, headroom: &Headroom, refused: bool, now: Instant) {
        for what in Scarce::ALL {
            let Some(left) = headroom.left(what) else { continue };
            let heard = account::Heard {
                number: mark.number,
                sent_at: mark.at,
                sent: mark.sent[what as usize],
                left,
                refused,
                newest: self.number,
            };
            self.accounts[what as usize].hear(heard, now);
        }
    }

    /// What is too scarce for a call with this need, and until when it is better to wait; `None`
    /// when it may be sent now. The moment is always after `now`.
    pub fn wait(&self, need: Need, now: Instant) -> Option<(Scarce, Instant)> {
        let wait = |what: Scarce| {
            let until = self.accounts[what as usize].wait(what.of(need), self.last_sent, now)?;
            Some((what, until))
        };
        Scarce::ALL.into_iter().filter_map(wait).max_by_key(|(_, until)| *until)
    }

    /// What the server told of each limit, for the summary.
    pub fn learned(&self) -> impl Iterator<Item = Learned> {
        Scarce::ALL.into_iter().filter_map(|what| {
            let (limit, least) = self.accounts[what as usize].learned()?;
            Some(Learned { what, limit, least })
        })
    }
}

#[cfg(test)]
mod tests;
