//! The rates of one scope, a model's own or those a provider's models share: requests and tokens,
//! first come, first served.

use std::sync::Mutex as StdMutex;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::pace::Limits;
use crate::pace::clock::FineTimer;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A limit on requests.
    Requests(Window),
    /// A limit on tokens.
    Tokens(Counted),
    /// The provider asked for a pause.
    Pause,
}

impl Why {
    /// The words for people: the key of the job file, or what the provider asked.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests(Window::Second) => "rps",
            Self::Requests(Window::Minute) => "rpm",
            Self::Requests(Window::Day) => "rpd",
            Self::Tokens(Counted::All) => "tpm",
            Self::Tokens(Counted::Input) => "itpm",
            Self::Tokens(Counted::Output) => "otpm",
            Self::Pause => "the pause that the provider asked for",
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
    timer: FineTimer,
}

impl Rate {
    /// The rates among `limits`; `None` when there is none.
    pub fn new(limits: &Limits) -> Option<Self> {
        let requests = Requests::new(limits);
        let tokens = Tokens::new(limits, Instant::now()).map(StdMutex::new);
        (requests.is_some() || tokens.is_some()).then(|| Self {
            requests,
            tokens,
            turn: Mutex::default(),
            timer: FineTimer::default(),
        })
    }

    /// Waits in line until every limit lets a call with this need pass. `tell` hears of each wait.
    ///
    /// A wait that is cancelled gives tokens back; a request's cell that was already taken is lost,
    /// which errs on the slow side by one request.
    pub async fn enter(&self, need: Need, tell: &(dyn Fn(Waiting) + Sync)) {
        let _turn = self.turn.lock().await;
        while let Err((counted, until)) = self.take_tokens(need) {
            tell(Waiting { why: Why::Tokens(counted), until });
            self.timer.sleep_until(until).await;
        }
        let refund = Refund { rate: self, need: Some(need) };
        for step in 0..self.requests.as_ref().map_or(0, Requests::steps) {
            while let Err((window, until)) = self.take_request(step) {
                tell(Waiting { why: Why::Requests(window), until });
                self.timer.sleep_until(until).await;
            }
        }
        refund.keep();
    }

    /// The provider refused a call although the pace was kept.
    pub fn refused(&self) {
        if let Some(requests) = &self.requests {
            requests.refused();
        }
    }

    /// Settles what was reserved with what was used.
    pub fn settle(&self, reserved: Need, used: Need) {
        if let Some(tokens) = &self.tokens {
            let mut tokens = tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            tokens.settle(reserved, used, Instant::now());
        }
    }

    fn take_tokens(&self, need: Need) -> Result<(), (Counted, Instant)> {
        let Some(tokens) = &self.tokens else { return Ok(()) };
        let mut tokens = tokens.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tokens.take(need, Instant::now())
    }

    fn take_request(&self, step: usize) -> Result<(), (Window, Instant)> {
        self.requests.as_ref().map_or(Ok(()), |requests| requests.take(step))
    }
}

/// Gives reserved tokens back when the wait behind them is cancelled.
struct Refund<'r> {
    rate: &'r Rate,
    need: Option<Need>,
}

impl Refund<'_> {
    fn keep(mut self) {
        self.need = None;
    }
}

impl Drop for Refund<'_> {
    fn drop(&mut self) {
        if let Some(need) = self.need {
            self.rate.settle(need, Need::default());
        }
    }
}
