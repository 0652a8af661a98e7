//! Money: what is spent, what calls in flight may yet cost, and the caps on both.
//!
//! Before a call its worst case is held in every account that it falls to: that of the run, of its
//! provider, of its model. Where it does not fit beside what is spent and held, it waits for calls in
//! flight to cost less than they might; where it would not fit even then, the account is closed for
//! its lane. So no account ever passes its cap, whatever the concurrency.
//!
//! A [`Hold`] of a call that was sent, dropped without being settled, is for a call of which nobody
//! knows what it cost: its worst case counts as spent.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::call::budget::SentMark;
use crate::call::money::Usd;

/// What an account is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole run.
    Run,
    /// Calls to this provider, whoever's tasks they are for.
    Provider(Arc<str>),
    /// The tasks of the model with this label, its fallbacks included.
    Model(Arc<str>),
}

/// Money that may be spent on something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// On what.
    pub scope: Scope,
    /// How much.
    pub cap: Usd,
    /// What is spent, by this session and those before it; the worst case, where nobody knows.
    pub spent: Usd,
    /// What calls in flight may yet cost at most.
    pub held: Usd,
}

/// Whose money a call takes.
#[derive(Clone, Copy, Debug)]
pub struct Payer<'p> {
    /// The number of the lane that is asked.
    pub lane: usize,
    /// The provider that is asked.
    pub provider: &'p str,
    /// The label of the model whose task it is.
    pub label: &'p str,
}

/// A call that no money is left for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The account, as it stands now.
    pub account: Account,
    /// The label of the model whose task it was.
    pub label: Arc<str>,
    /// What the call could have cost.
    pub at_most: Usd,
}

/// All accounts of a run.
#[derive(Debug)]
pub struct Budget {
    books: Mutex<Books>,
    /// Money was given back.
    settled: Notify,
    /// An account was closed for somebody.
    closings: Notify,
}

#[derive(Debug)]
struct Books {
    accounts: Vec<Account>,
    /// Accounts that are closed for a lane, as (account, lane); one of a model is for all lanes.
    closed: BTreeSet<(usize, usize)>,
    /// The first call that was too dear: its account, its model and what it could have cost.
    shortage: Option<(usize, Arc<str>, Usd)>,
}

/// In the place of a lane: all of them.
const ALL_LANES: usize = usize::MAX;

impl Budget {
    /// A budget of these accounts.
    pub fn new(accounts: Vec<Account>) -> Self {
        let books = Books { accounts, closed: BTreeSet::new(), shortage: None };
        let books = Mutex::new(books);
        Self { books, settled: Notify::new(), closings: Notify::new() }
    }

    /// Takes the money that a call may cost, once there is enough; `None` when there is not.
    /// Cancelled, it takes nothing.
    pub async fn hold(self: &Arc<Self>, payer: Payer<'_>, at_most: Usd) -> Option<Hold> {
        loop {
            let settled = self.settled.notified();
            match self.books().try_hold(payer, at_most) {
                Tried::Held(accounts) => {
                    let budget = Arc::clone(self);
                    let (sent, is_settled) = (SentMark::default(), false);
                    return Some(Hold { budget, accounts, at_most, sent, is_settled });
                }
                Tried::Short => {
                    self.closings.notify_waiters();
                    return None;
                }
                Tried::Later => {}
            }
            settled.await;
        }
    }

    /// Whether these calls fall to any account.
    pub fn covers(&self, payer: Payer<'_>) -> bool {
        self.books().of(payer).next().is_some()
    }

    /// Whether an account is closed for these calls.
    pub fn is_closed(&self, payer: Payer<'_>) -> bool {
        let books = self.books();
        books.of(payer).any(|(nth, account)| books.is_closed(nth, account, payer.lane))
    }

    /// Waits until an account is closed for these calls, so that nobody waits for a provider whom
    /// it cannot pay.
    pub async fn closed(&self, payer: Payer<'_>) {
        loop {
            let closings = self.closings.notified();
            if self.is_closed(payer) {
                return;
            }
            closings.await;
        }
    }

    /// The accounts as they stand.
    pub fn accounts(&self) -> Vec<Account> {
        self.books().accounts.clone()
    }

    /// The first call that no money was left for.
    pub fn shortage(&self) -> Option<Shortage> {
        let books = self.books();
        let (nth, label, at_most) = books.shortage.clone()?;
        Some(Shortage { account: books.accounts[nth].clone(), label, at_most })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came of trying to hold money.
enum Tried {
    /// It is held in these accounts.
    Held(Vec<usize>),
    /// Calls in flight must be settled first.
    Later,
    /// There is not enough, whatever calls in flight cost.
    Short,
}

impl Books {
    /// The accounts that a call falls to.
    fn of<'b>(&'b self, payer: Payer<'b>) -> impl Iterator<Item = (usize, &'b Account)> {
        self.accounts.iter().enumerate().filter(move |(_, account)| match &account.scope {
            Scope::Run => true,
            Scope::Provider(name) => **name == *payer.provider,
            Scope::Model(label) => **label == *payer.label,
        })
    }

    fn is_closed(&self, nth: usize, account: &Account, lane: usize) -> bool {
        self.closed.contains(&(nth, place(account, lane)))
    }

    fn try_hold(&mut self, payer: Payer<'_>, at_most: Usd) -> Tried {
        let mut tried = Tried::Held(Vec::new());
        let mut short = None;
        for (nth, account) in self.of(payer) {
            if self.is_closed(nth, account, payer.lane) || account.spent + at_most > account.cap {
                short = Some((nth, place(account, payer.lane)));
                break;
            }
            if account.spent + account.held + at_most > account.cap {
                tried = Tried::Later;
            } else if let Tried::Held(accounts) = &mut tried {
                accounts.push(nth);
            }
        }
        if let Some((nth, lane)) = short {
            // What follows in a lane is about as dear, and is asked in order or not at all.
            self.closed.insert((nth, lane));
            self.shortage.get_or_insert_with(|| (nth, payer.label.into(), at_most));
            return Tried::Short;
        }
        if let Tried::Held(accounts) = &tried {
            for nth in accounts {
                self.accounts[*nth].held += at_most;
            }
        }
        tried
    }
}

/// The lane for which an account is closed.
fn place(account: &Account, lane: usize) -> usize {
    match account.scope {
        Scope::Model(_) => ALL_LANES,
        Scope::Run | Scope::Provider(_) => lane,
    }
}

/// Money that a call may cost.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    accounts: Vec<usize>,
    at_most: Usd,
    sent: SentMark,
    is_settled: bool,
}

impl Hold {
    /// The call is sent now.
    pub fn send(&mut self) {
        self.sent.set();
    }

    /// Tells whoever keeps the record whether the call was sent.
    pub fn sent(&self) -> SentMark {
        self.sent.clone()
    }

    /// What the call may cost.
    pub fn at_most(&self) -> Usd {
        self.at_most
    }

    /// Gives back what the call did not cost.
    pub fn settle(mut self, cost: Usd) {
        self.close(cost);
    }

    fn close(&mut self, cost: Usd) {
        self.is_settled = true;
        let mut books = self.budget.books();
        for nth in &self.accounts {
            let account = &mut books.accounts[*nth];
            account.held += Usd::from_pico(-self.at_most.as_pico());
            account.spent += cost;
        }
        drop(books);
        self.budget.settled.notify_waiters();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.is_settled {
            self.close(if self.sent.is_set() { self.at_most } else { Usd::ZERO });
        }
    }
}

#[cfg(test)]
mod tests;
