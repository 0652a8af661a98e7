//! The rates of one scope, a model's own or those a provider's models share: requests and tokens,
//! first come, first served.

use std::sync::{Mutex as StdMutex, PoisonError};

use tokio::sync::{Mutex, MutexGuard, Notify};
use tokio::time::Instant;

use crate::pace::Limits;
use crate::pace::headroom::Scarce;
use crate::pace::requests::{Requests, Window};
use crate::pace::tokens::{Counted, Need, Tokens};

/// What a lane waits for, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// What it waits for.
    pub why: Why,
    /// Until when, as far as is known now.
    pub until: Instant,
}

/// What a lane waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A limit on requests.
    Requests(Window),
    /// A limit on tokens.
    Tokens(Counted),
    /// The provider asked for a pause.
    Pause,
    /// The provider refuses call after call, and does not say for how long.
    Refusals,
    /// The pace that was learned from refusals.
    Tempo,
    /// What is left of a limit by the provider's own word.
    Headroom(Scarce),
    /// The provider is away.
    Outage,
    /// All tasks of the lane rest before they are tried again.
    Rest,
}

impl Why {
    /// The words for people, after "waits for": the key of the job file, or what happened.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests(_) | Self::Tokens(_) => self.key(),
            Self::Pause => "the pause that the provider asked for",
            Self::Refusals => "the provider, which refuses every call (429)",
            Self::Tempo => "the pace that the provider was seen to take",
            Self::Headroom(Scarce::Requests) => "requests, of which the provider has few left",
            Self::Headroom(_) => "tokens, of which the provider has few left",
            Self::Outage => "the provider, which is away",
            Self::Rest => "tasks that rest before they are tried again",
        }
    }

    /// Whether every call waits for it, each anew.
    pub fn is_rhythm(self) -> bool {
        matches!(self, Self::Requests(_) | Self::Tokens(_) | Self::Tempo | Self::Headroom(_))
    }

    /// The name in the summary.
    pub fn key(self) -> &'static str {
        match self {
            Self::Requests(Window::Second) => "rps",
            Self::Requests(Window::Minute) => "rpm",
            Self::Requests(Window::Day) => "rpd",
            Self::Tokens(Counted::All) => "tpm",
            Self::Tokens(Counted::Input) => "itpm",
            Self::Tokens(Counted::Output) => "otpm",
            Self::Pause => "retry_after",
            Self::Refusals => "refusals",
            Self::Tempo => "learned_pace",
            Self::Headroom(_) => "headers",
            Self::Outage => "outage",
            Self::Rest => "rest",
        }
    }
}

/// Request and token limits of one scope.
#[derive(Debug)]
pub struct Rate {
    requests: Option<Requests>,
    tokens: Option<StdMutex<Tokens>>,
    /// Whoever holds it is first in line; tokio's mutex is fair.
    turn: Mutex<()>,
    /// Tokens came back.
    settled: Notify,
}

impl Rate {
    /// The rates among `limits`; `None` when there is none.
    pub fn new(limits: &Limits) -> Option<Self> {
        let requests = Requests::new(limits);
        let tokens = Tokens::new(limits, Instant::now()).map(StdMutex::new);
        let is_any = requests.is_some() || tokens.is_some();
        is_any.then(|| Self { requests, tokens, turn: Mutex::default(), settled: Notify::new() })
    }

    /// The provider refused a call although the pace was kept.
    pub fn refused(&self) {
        if let Some(requests) = &self.requests {
            requests.refused();
        }
        self.with_tokens(|tokens| tokens.refused(Instant::now()));
    }

    /// Settles what was reserved at the time `taken` with what was used.
    pub fn settle(&self, reserved: Need, used: Need, taken: Instant) {
        self.with_tokens(|tokens| tokens.settle(reserved, used, taken, Instant::now()));
        // Whoever is first in line may have less to wait for.
        self.settled.notify_one();
    }

    fn lacks(&self, need: Need) -> Option<Waiting> {
        let lack = self.with_tokens(|tokens| tokens.lacks(need, Instant::now()))?;
        lack.map(|(counted, until)| Waiting { why: Why::Tokens(counted), until })
    }

    fn take_tokens(&self, need: Need) {
        // What is lacking was looked for just now.
        self.with_tokens(|tokens| tokens.take(need, Instant::now()).ok());
    }

    fn with_tokens<T>(&self, work: impl FnOnce(&mut Tokens) -> T) -> Option<T> {
        let tokens = self.tokens.as_ref()?;
        Some(work(&mut tokens.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn steps(&self) -> usize {
        self.requests.as_ref().map_or(0, Requests::steps)
    }

    fn take_request(&self, step: usize) -> Result<(), Waiting> {
        let Some(requests) = &self.requests else { return Ok(()) };
        let late = |(window, until)| Waiting { why: Why::Requests(window), until };
        requests.take(step).map_err(late)
    }
}

/// A place at the head of the lines of several rates.
pub struct Head<'r> {
    rates: Vec<&'r Rate>,
    _turns: Vec<MutexGuard<'r, ()>>,
    /// The limits on requests, as places among the rates and steps there.
    requests: Vec<(usize, usize)>,
    /// How many of them let the call pass already.
    passed: usize,
}

impl<'r> Head<'r> {
    /// Waits in line at each of the rates.
    pub async fn of(rates: Vec<&'r Rate>) -> Self {
        let mut turns = Vec::with_capacity(rates.len());
        for rate in &rates {
            turns.push(rate.turn.lock().await);
        }
        let steps =
            |(place, rate): (usize, &&Rate)| (0..rate.steps()).map(move |step| (place, step));
        let requests = rates.iter().enumerate().flat_map(steps).collect();
        Self { rates, _turns: turns, requests, passed: 0 }
    }

    /// What a call with this need waits for next; `None` when every limit lets it pass, and then it
    /// is counted.
    ///
    /// Tokens are taken from all rates in one step, after the requests, which time the send. Whoever
    /// goes away before the end has taken no tokens, and at worst one request's cell, which errs on
    /// the slow side.
    pub fn next(&mut self, need: Need) -> Option<Waiting> {
        if self.passed == 0
            && let Some(lack) = self.lacks(need)
        {
            return Some(lack);
        }
        while let Some((rate, step)) = self.requests.get(self.passed) {
            if let Err(late) = self.rates[*rate].take_request(*step) {
                return Some(late);
            }
            self.passed += 1;
        }
        // Answers that came meanwhile may have used more than was reserved for them.
        if let Some(lack) = self.lacks(need) {
            return Some(lack);
        }
        self.rates.iter().for_each(|rate| rate.take_tokens(need));
        None
    }

    /// Waits until tokens come back to one of the rates.
    pub async fn eased(&self) {
        let settled = self.rates.iter().map(|rate| Box::pin(rate.settled.notified()));
        futures::future::select_all(settled).await;
    }

    fn lacks(&self, need: Need) -> Option<Waiting> {
        self.rates.iter().filter_map(|rate| rate.lacks(need)).max_by_key(|lack| lack.until)
    }
}
