//! What was spent, grouped and filtered: the question behind `runner usage`.
//!
//! Whole hours are answered by the sums of the ledger; of an hour that is cut, the attempts
//! themselves are read.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Row, params};

use crate::audit::error::AuditError;
use crate::call::money::Usd;
use crate::report::sums::{Money, TokenSum, TokenSums};

use self::by::By;
use self::period::Period;
use super::Ledger;
use super::convert::{self, HOUR};
use super::schema::LINES;

pub mod by;
pub mod period;

/// What is asked of a ledger.
pub struct Question<'a> {
    /// The groups, by these in this order.
    pub by: &'a [By],
    /// When.
    pub period: Period,
    /// Which of them count.
    pub fits: &'a dyn Fn(&Head) -> bool,
}

/// What attempts have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are columns of `usage.csv`")]
pub struct Head {
    run_id: i64,
    pub job: String,
    pub run: String,
    pub prompt: String,
    pub model: String,
    pub variant: Option<String>,
    pub model_used: String,
    pub provider: String,
    pub fallback: bool,
}

/// The answer: a sum for each group, by the values of the group, and the sum of all.
#[derive(Debug, Default)]
pub struct Answer {
    /// The groups, in their order.
    pub groups: BTreeMap<Vec<Option<String>>, Spent>,
    /// All of them.
    pub total: Spent,
}

/// Sums over some attempts that were answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// How many there are.
    pub attempts: u64,
    /// Those that were not their task's first.
    pub retries: u64,
    /// Their tokens.
    pub tokens: TokenSums,
    /// What they cost, all together.
    pub cost: Money,
    /// Of this: the answers that a row of `responses.csv` shows.
    pub final_cost: Money,
    /// The rest: answers that no row shows, because they were asked again, given up, or are of
    /// tasks that the job no longer asks.
    pub retry_cost: Money,
    /// Of the whole: what fallbacks were asked, whether a row shows it or not.
    pub fallback_cost: Money,
    /// Of the whole: the input that was read from caches.
    pub cached_cost: Money,
    /// Calls that are no attempts that were answered, and may have been billed all the same: no
    /// answer came, or nobody heard of it.
    pub unsettled: u64,
    /// The most that the attempts and those calls can have cost.
    pub at_most: Money,
}

/// A few attempts of the same kind.
#[derive(Debug, Default)]
struct Part {
    attempts: u64,
    is_final: bool,
    is_retry: bool,
    tokens: TokenSums,
    cost: Money,
    cached_cost: Money,
    unsettled: u64,
    at_most: Money,
}

impl Spent {
    fn add(&mut self, head: &Head, part: &Part) {
        self.attempts += part.attempts;
        self.retries += if part.is_retry { part.attempts } else { 0 };
        self.tokens.merge(&part.tokens);
        self.cost.merge(&part.cost);
        self.cached_cost.merge(&part.cached_cost);
        self.unsettled += part.unsettled;
        self.at_most.merge(&part.at_most);
        let shown = if part.is_final { &mut self.final_cost } else { &mut self.retry_cost };
        shown.merge(&part.cost);
        if head.fallback {
            self.fallback_cost.merge(&part.cost);
        }
    }
}

impl Ledger {
    /// Adds what was spent to an answer, which may have that of other ledgers already.
    pub fn spent(&self, question: &Question<'_>, answer: &mut Answer) -> Result<(), AuditError> {
        let sql = AuditError::sql(&self.path);
        let heads = self.heads_that(question.fits).map_err(&sql)?;
        let tags = self.tags(question.by).map_err(&sql)?;
        let mut add = |series: i64, day: &str, part: &Part| {
            let Some(head) = heads.get(&series) else { return };
            let value = |by: &By| by.value(head, day, &tags);
            let group = question.by.iter().map(value).collect();
            answer.groups.entry(group).or_default().add(head, part);
            answer.total.add(head, part);
        };
        let (first, end) = question.period.whole_hours();
        self.sums(first, end, &mut add).map_err(&sql)?;
        for (from, to) in question.period.cut_hours() {
            self.calls(from, to, &mut add).map_err(&sql)?;
        }
        Ok(())
    }

    /// The names of all tags.
    pub fn tag_names(&self) -> Result<Vec<String>, AuditError> {
        let sql = AuditError::sql(&self.path);
        let statement = self.connection.prepare("SELECT DISTINCT name FROM tags ORDER BY name");
        let mut statement = statement.map_err(&sql)?;
        let names = statement.query_map([], |row| row.get(0)).map_err(&sql)?;
        names.collect::<Result<_, _>>().map_err(&sql)
    }

    /// What each series of attempts has in common, of all there are.
    pub fn heads(&self) -> Result<Vec<Head>, AuditError> {
        let heads = self.heads_that(&|_| true).map_err(AuditError::sql(&self.path))?;
        Ok(heads.into_values().collect())
    }

    /// The series that fit.
    fn heads_that(&self, fits: &dyn Fn(&Head) -> bool) -> rusqlite::Result<HashMap<i64, Head>> {
        let mut statement = self.connection.prepare(
            "SELECT s.id, r.id, r.job, r.run, s.prompt, s.model, s.variant, s.model_used, \
                s.provider, s.fallback \
             FROM series s JOIN runs r ON r.id = s.run",
        )?;
        let heads = statement.query_map([], |row| {
            let head = Head {
                run_id: row.get(1)?,
                job: row.get(2)?,
                run: row.get(3)?,
                prompt: row.get(4)?,
                model: row.get(5)?,
                variant: row.get(6)?,
                model_used: row.get(7)?,
                provider: row.get(8)?,
                fallback: row.get(9)?,
            };
            Ok((row.get(0)?, head))
        })?;
        let is_wanted = |found: &rusqlite::Result<(i64, Head)>| match found {
            Ok((_, head)) => fits(head),
            Err(_) => true,
        };
        heads.filter(is_wanted).collect()
    }

    /// The values of the tags that are asked for, by run and name.
    fn tags(&self, by: &[By]) -> rusqlite::Result<HashMap<(i64, String), String>> {
        let wanted: Vec<&str> = by.iter().filter_map(By::tag).collect();
        if wanted.is_empty() {
            return Ok(HashMap::new());
        }
        let mut statement = self.connection.prepare("SELECT run, name, value FROM tags")?;
        let tags = statement
            .query_map([], |row| Ok(((row.get(0)?, row.get::<_, String>(1)?), row.get(2)?)))?;
        let is_wanted = |tag: &rusqlite::Result<((i64, String), String)>| match tag {
            Ok(((_, name), _)) => wanted.contains(&&**name),
            Err(_) => true,
        };
        tags.filter(is_wanted).collect()
    }

    /// Goes through the sums of whole hours since 1970, from the first to before the end.
    fn sums(
        &self,
        first: Option<i64>,
        end: Option<i64>,
        add: &mut dyn FnMut(i64, &str, &Part),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT series, day, final, retry, attempts, priced, cost_micro, cost_pico, \
                cached_priced, cached_cost_micro, cached_cost_pico, bounded, at_most_micro, \
                at_most_pico, unsettled, prompt_tokens, prompt_told, cached_tokens, cached_told, cache_write_tokens, \
                cache_write_told, completion_tokens, completion_told, reasoning_tokens, \
                reasoning_told, total_tokens, total_told \
             FROM rollup WHERE (?1 IS NULL OR hour >= ?1) AND (?2 IS NULL OR hour < ?2)",
        )?;
        let mut rows = statement.query(params![first, end])?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, row.get_ref(1)?.as_str()?, &summed(row)?);
        }
        Ok(())
    }

    /// Goes through the calls of an hour that were never settled.
    fn unsettled(
        &self,
        hour: i64,
        day: &str,
        add: &mut dyn FnMut(i64, &str, &Part),
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT series, unsettled, bounded, at_most_micro, at_most_pico FROM rollup \
             WHERE hour = ?1 AND unsettled > 0",
        )?;
        let mut rows = statement.query([hour])?;
        while let Some(row) = rows.next()? {
            let unsettled = convert::count(row, 1)?;
            let at_most = money(row, unsettled, 2)?;
            add(row.get(0)?, day, &Part { unsettled, at_most, ..Part::default() });
        }
        Ok(())
    }

    /// Goes through the attempts of a part of an hour, in ms since 1970.
    fn calls(
        &self,
        from: i64,
        to: i64,
        add: &mut dyn FnMut(i64, &str, &Part),
    ) -> rusqlite::Result<()> {
        let hour = from.div_euclid(HOUR);
        let day = convert::day_of(hour);
        // Calls that were never settled have no lines of their own: they count for their whole hour.
        self.unsettled(hour, &day, add)?;
        // The sums tell which runs have attempts in that hour: only their lines are read.
        let mut runs = self.connection.prepare(
            "SELECT DISTINCT s.run FROM rollup t JOIN series s ON s.id = t.series WHERE t.hour = ?1",
        )?;
        let mut calls = self.connection.prepare(
            "SELECT series, final, coalesce(attempt > 1, 0), cost_pico, cached_cost_pico, \
                cost_at_most_pico, input, cached, \
                cache_write, cache_write_1h, audio_input, output, reasoning, audio_output \
             FROM calls WHERE id >= ?1 AND id < ?2 AND at >= ?3 AND at < ?4",
        )?;
        let runs = runs.query_map([hour], |row| row.get::<_, i64>(0))?;
        for run in runs.collect::<Result<Vec<_>, _>>()? {
            let mut rows = calls.query([run * LINES, (run + 1) * LINES, from, to])?;
            while let Some(row) = rows.next()? {
                let mut part = Part {
                    attempts: 1,
                    is_final: row.get(1)?,
                    is_retry: row.get(2)?,
                    ..Part::default()
                };
                let cost = convert::pico(row, 3)?;
                part.cost.add(cost);
                part.at_most.add(cost.or(convert::pico(row, 5)?));
                let usage = convert::usage(row, 6)?;
                let cached = convert::pico(row, 4)?;
                let cached = match usage.cached {
                    Some(0) => Some(Usd::ZERO),
                    _ => cached,
                };
                part.cached_cost.add(cached);
                part.tokens.add(Some(&usage));
                add(row.get(0)?, &day, &part);
            }
        }
        Ok(())
    }
}

/// A sum of money over so many attempts: how many are in it, and the sum in two columns.
fn money(row: &Row<'_>, attempts: u64, at: usize) -> rusqlite::Result<Money> {
    let known = convert::count(row, at)?;
    let unknown = attempts.saturating_sub(known);
    Ok(Money { sum: convert::money(row, at + 1)?, known, unknown })
}

/// A line of the sums.
fn summed(row: &Row<'_>) -> rusqlite::Result<Part> {
    let attempts = convert::count(row, 4)?;
    let mut tokens = TokenSums::default();
    for (place, sum) in tokens.0.iter_mut().enumerate() {
        let at = 15 + 2 * place;
        *sum = TokenSum { sum: convert::count(row, at)?, told: convert::count(row, at + 1)? };
    }
    let cost = money(row, attempts, 5)?;
    let cached_cost = money(row, attempts, 8)?;
    let unsettled = convert::count(row, 14)?;
    let at_most = money(row, attempts + unsettled, 11)?;
    let (is_final, is_retry) = (row.get(2)?, row.get(3)?);
    Ok(Part { attempts, is_final, is_retry, tokens, cost, cached_cost, unsettled, at_most })
}
