//! The budget of a run over all its sessions: what earlier ones spent, and what this one may.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::budget::{CapOn, CapReport, LostCalls};
use crate::call::money::Usd;
use crate::engine::budget::{Account, Budget, Scope};
use crate::job::{Caps, Job};
use crate::report::Row;
use crate::run::error::RunError;
use crate::run::open::Opened;
use crate::store::beside;
use crate::store::commitments::{Commitments, Leftover};
use crate::store::durability::Durability;
use crate::store::entries::Entries;
use crate::store::survey::Survey;

/// Counts what a killed session left in flight, and opens the accounts of this one; `None` where
/// nothing is capped.
pub(super) fn open(
    job: &Job,
    opened: &mut Opened,
    survey: &Survey,
) -> Result<Option<Arc<Budget>>, RunError> {
    count_leftover(opened, survey)?;
    if job.caps == Caps::default() {
        return Ok(None);
    }
    let spent = if opened.resumed { Spent::before(opened)? } else { Spent::default() };
    let account = |scope: Scope, cap: Usd| {
        let spent = spent.on(&scope);
        Account { scope, cap, spent, held: Usd::ZERO }
    };
    let Caps { run, providers, models } = &job.caps;
    let mut accounts: Vec<Account> = run.iter().map(|cap| account(Scope::Run, *cap)).collect();
    let provider = |(name, cap): &(Arc<str>, Usd)| account(Scope::Provider(name.clone()), *cap);
    accounts.extend(providers.iter().map(provider));
    let model = |(label, cap): &(Arc<str>, Usd)| account(Scope::Model(label.clone()), *cap);
    accounts.extend(models.iter().map(model));
    let session = opened.manifest.sessions.len().saturating_sub(1);
    let (path, journal) = (opened.dir.path(), opened.books.scribe.journal().length());
    let commitments = Commitments::begin(path, session, journal)?;
    if opened.books.durability == Durability::Disk {
        // What is written there later is worth nothing unless its name is on the disk.
        beside::sync_folder(path)?;
    }
    opened.books.commitments = Some(commitments);
    Ok(Some(Arc::new(Budget::new(accounts))))
}

/// Keeps what the session spent, and what it sent without ever hearing of it again.
pub(super) fn close(opened: &mut Opened, budget: Option<&Budget>) {
    let Some(session) = opened.manifest.sessions.last_mut() else { return };
    session.budget =
        budget.map(|budget| budget.accounts().iter().map(told).collect()).unwrap_or_default();
    if let Some(commitments) = &opened.books.commitments {
        session.lost = LostCalls::of(commitments.open());
    }
}

/// Writes into the session that was killed what it left in flight.
fn count_leftover(opened: &mut Opened, survey: &Survey) -> Result<(), RunError> {
    if !opened.resumed {
        return Ok(());
    }
    let Some(left) = Leftover::read(opened.dir.path(), survey)? else { return Ok(()) };
    if let Some(session) = opened.manifest.sessions.get_mut(left.session) {
        session.lost = LostCalls::of(&left.calls);
        if let [first, ..] = &*session.lost {
            let calls: u64 = session.lost.iter().map(|lost| lost.calls).sum();
            let at_most: Usd = session.lost.iter().map(|lost| lost.at_most_usd).sum();
            tracing::warn!(
                calls, at_most_usd = %at_most, model = &*first.model,
                "an earlier session was killed with calls in flight; they may have been billed, and \
                 the budget counts the most that they can have cost"
            );
        }
        opened.keep_manifest()?;
    }
    // Should this fail, the next session counts the same calls for the same session again.
    Leftover::remove(opened.dir.path())?;
    Ok(())
}

/// An account, as `run.json` and `summary.json` tell it.
fn told(account: &Account) -> CapReport {
    let (on, name) = match &account.scope {
        Scope::Run => (CapOn::Run, None),
        Scope::Provider(name) => (CapOn::Provider, Some(Arc::clone(name))),
        Scope::Model(label) => (CapOn::Model, Some(Arc::clone(label))),
    };
    CapReport { on, name, max_usd: account.cap, spent_usd: account.spent }
}

/// What earlier sessions spent at most, by the model's label and the provider.
type ByModel = BTreeMap<(String, String), Usd>;

/// What earlier sessions spent at most.
#[derive(Default)]
struct Spent {
    all: ByModel,
    /// What of it came after `told`.
    since: ByModel,
    /// What the last session that came to its end had on each account, where lines of the journal
    /// are damaged and what they cost is not known from there any more.
    told: Vec<CapReport>,
}

impl Spent {
    /// What the journal and the manifest tell.
    fn before(opened: &Opened) -> Result<Self, RunError> {
        let mut spent = Self::default();
        let index = opened.dir.index()?;
        let mut unbounded = 0_u64;
        let ended = opened.manifest.sessions.iter().rposition(|session| session.ended.is_some());
        let ended = ended.filter(|_| !index.damages().is_empty());
        let told = ended.map(|nth| &opened.manifest.sessions[nth]);
        let told_until = told.map_or(u64::MAX, |session| session.journal_bytes.unwrap_or(0));
        spent.told = told.map(|session| session.budget.clone()).unwrap_or_default();
        for line in Entries::open(&opened.dir.journal_path(), &index)? {
            let line = line?;
            let row = Row::read(&line)?;
            let is_since = line.outcome().offset() >= told_until;
            for attempt in &row.attempts {
                let cost = attempt.cost_usd.or(attempt.cost_at_most_usd);
                unbounded += u64::from(cost.is_none() && attempt.was_answered());
                let cost = cost.unwrap_or_default();
                spent.add(&row.record.model, &attempt.provider, cost, is_since);
            }
        }
        for (nth, session) in opened.manifest.sessions.iter().enumerate() {
            for lost in &session.lost {
                let is_since = ended.is_some_and(|ended| nth > ended);
                spent.add(&lost.model, &lost.provider, lost.at_most_usd, is_since);
            }
        }
        if unbounded > 0 {
            tracing::warn!(
                answers = unbounded,
                "earlier sessions got answers whose cost is not known, and the budget cannot count \
                 them"
            );
        }
        Ok(spent)
    }

    fn add(&mut self, label: &str, provider: &str, usd: Usd, is_since: bool) {
        if usd == Usd::ZERO {
            return;
        }
        let who = (label.to_owned(), provider.to_owned());
        if is_since {
            *self.since.entry(who.clone()).or_default() += usd;
        }
        *self.all.entry(who).or_default() += usd;
    }

    /// What falls to this account.
    fn on(&self, scope: &Scope) -> Usd {
        let falls = |(label, provider): &(String, String)| match scope {
            Scope::Run => true,
            Scope::Provider(name) => **name == **provider,
            Scope::Model(name) => **name == **label,
        };
        let sum = |spent: &ByModel| -> Usd {
            spent.iter().filter(|(who, _)| falls(who)).map(|(_, usd)| *usd).sum()
        };
        let mut known = sum(&self.all);
        if let Some(told) = self.told.iter().find(|told| is_on(told, scope)) {
            let mut told = told.spent_usd;
            told += sum(&self.since);
            known = known.max(told);
        }
        known
    }
}

/// Whether this is told of this account.
fn is_on(told: &CapReport, scope: &Scope) -> bool {
    let name = told.name.as_deref();
    match scope {
        Scope::Run => told.on == CapOn::Run,
        Scope::Provider(provider) => told.on == CapOn::Provider && name == Some(&**provider),
        Scope::Model(label) => told.on == CapOn::Model && name == Some(&**label),
    }
}
