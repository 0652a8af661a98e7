//! One run on its way into the ledger: a fold over its rows, within one savepoint.
//!
//! What the ledger had of the run is replaced. The sums are made in the same fold and
//! written with the rows, so that neither is ever without the other. (Triggers on `calls` would
//! keep them too, and took half again as long, and more.)

use std::collections::HashMap;

use rusqlite::{Connection, params};

use crate::audit::error::TooLarge;
use crate::call::moment::Moment;
use crate::call::money::{CostStatus, JOB, Usd};
use crate::call::usage::UsageSource;
use crate::report::summary::Summary;
use crate::report::sums::{Money, TokenSums};
use crate::report::{Attempt, Row};

use super::convert::{self, HOUR, MICRO};
use super::folders::RunFolder;
use super::schema::LINES;

/// Lines that are written with one statement: enough that nobody notices what it takes to prepare it.
const BATCH: usize = 256;

/// A run that is being booked.
#[derive(Debug)]
pub(super) struct Booking {
    run: i64,
    folder: RunFolder,
    /// How many lines are in the ledger.
    written: i64,
    /// Those that are not yet.
    lines: Vec<Line>,
    series: HashMap<String, i64>,
    next_series: i64,
    /// The name of a series that is looked up, kept so that a row costs no allocation.
    name: String,
    sums: HashMap<Key, Sum>,
}

/// A line of `calls`.
#[derive(Debug)]
struct Line {
    series: i64,
    task: [u8; 16],
    attempt: Option<u32>,
    at: i64,
    row: String,
    is_final: bool,
    tokens: [Option<i64>; 8],
    cost: Option<i64>,
    cost_at_most: Option<i64>,
    cached_cost: Option<i64>,
    request_id: Option<String>,
}

/// What many attempts of a run have in common.
struct Series<'a> {
    prompt: &'a str,
    model: &'a str,
    variant: Option<&'a str>,
    model_used: &'a str,
    provider: &'a str,
    fallback: bool,
    usage_source: &'static str,
    cost_status: CostStatus,
    price_version: Option<&'a str>,
}

impl<'a> Series<'a> {
    fn of(row: &'a Row<'_>, attempt: &'a Attempt) -> Self {
        Self {
            prompt: &row.record.prompt,
            model: &row.record.model,
            variant: row.record.variant.as_deref(),
            model_used: &attempt.model_used,
            provider: &attempt.provider,
            fallback: attempt.fallback,
            usage_source: attempt.usage.unwrap_or_default().source.as_str(),
            cost_status: attempt.cost_status,
            price_version: price_version(attempt),
        }
    }
}

/// What a sum is of.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    series: i64,
    /// Hours since 1970.
    hour: i64,
    is_final: bool,
    is_retry: bool,
}

#[derive(Debug, Default)]
struct Sum {
    attempts: u64,
    cost: Money,
    cached_cost: Money,
    /// What they cost, or the most that they can have.
    at_most: Money,
    /// Calls that are no attempts that were answered, and may have been billed all the same.
    unsettled: u64,
    tokens: TokenSums,
}

impl Booking {
    /// Begins, within a transaction, with a ledger that has nothing of the run.
    pub(super) fn begin(connection: &Connection, folder: RunFolder) -> rusqlite::Result<Self> {
        connection.execute_batch("SAVEPOINT booking")?;
        let run = connection.query_row(
            "SELECT coalesce((SELECT id FROM runs WHERE folder = ?1), \
                (SELECT max(id) + 1 FROM runs), 1)",
            [&folder.name],
            |row| row.get::<_, i64>(0),
        )?;
        connection.execute(
            "DELETE FROM calls WHERE id >= ?1 AND id < ?2",
            [run * LINES, (run + 1) * LINES],
        )?;
        for rows in [
            "rollup WHERE series IN (SELECT id FROM series WHERE run = ?1)",
            "series WHERE run = ?1",
            "tags WHERE run = ?1",
            "runs WHERE id = ?1",
        ] {
            connection.execute(&format!("DELETE FROM {rows}"), [run])?;
        }
        let next_series =
            connection
                .query_row("SELECT coalesce(max(id), 0) + 1 FROM series", [], |row| row.get(0))?;
        Ok(Self {
            run,
            folder,
            written: 0,
            lines: Vec::with_capacity(BATCH),
            series: HashMap::new(),
            next_series,
            name: String::new(),
            sums: HashMap::new(),
        })
    }

    /// Books the attempts of a task that were answered, and those that may have been billed.
    pub(super) fn row(&mut self, connection: &Connection, row: &Row<'_>) -> rusqlite::Result<()> {
        row.attempts.iter().try_for_each(|attempt| {
            if attempt.was_answered() {
                return self.attempt(connection, row, attempt);
            }
            let Some(at_most) = attempt.cost_at_most_usd else { return Ok(()) };
            self.unsettled(connection, &Series::of(row, attempt), attempt.at, 1, at_most)
        })
    }

    /// Books calls of which nobody knows what they cost.
    fn unsettled(
        &mut self,
        connection: &Connection,
        series: &Series<'_>,
        at: Option<Moment>,
        calls: u64,
        at_most: Usd,
    ) -> rusqlite::Result<()> {
        let series = self.series(connection, series)?;
        let hour = at.map_or(0, Moment::as_millis).div_euclid(HOUR);
        let key = Key { series, hour, is_final: false, is_retry: false };
        let sum = self.sums.entry(key).or_default();
        sum.unsettled += calls;
        sum.at_most.merge(&Money { sum: at_most, known: calls, unknown: 0 });
        Ok(())
    }

    fn attempt(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
        attempt: &Attempt,
    ) -> rusqlite::Result<()> {
        let series = self.series(connection, &Series::of(row, attempt))?;
        // Whatever was answered was sent at some time; a journal that does not say when is odd, and
        // odd it shall look.
        let at = attempt.at.map_or(0, |at| at.as_millis());
        self.lines.push(Line {
            series,
            task: row.record.task.to_bytes(),
            attempt: attempt.number,
            at,
            row: row.record.row.to_string(),
            is_final: attempt.is_final,
            tokens: convert::parts(&attempt.usage.unwrap_or_default()),
            cost: pico(attempt.cost_usd)?,
            cost_at_most: pico(attempt.cost_at_most_usd)?,
            cached_cost: pico(attempt.cached_cost_usd)?,
            request_id: attempt.request_id.clone(),
        });
        let key = Key {
            series,
            hour: at.div_euclid(HOUR),
            is_final: attempt.is_final,
            is_retry: attempt.number.is_some_and(|number| number > 1),
        };
        let sum = self.sums.entry(key).or_default();
        sum.attempts += 1;
        sum.cost.add(attempt.cost_usd);
        sum.cached_cost.add(attempt.cached_cost());
        sum.at_most.add(attempt.cost_usd.or(attempt.cost_at_most_usd));
        sum.tokens.add(attempt.usage.as_ref());
        if self.lines.len() == BATCH { self.write(connection) } else { Ok(()) }
    }

    /// Writes the lines that are not in the ledger yet.
    fn write(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut insert = connection.prepare(
            "INSERT INTO calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
                ?14, ?15, ?16, ?17, ?18, ?19)",
        )?;
        for line in self.lines.drain(..) {
            let [input, cached, write, write_1h, audio_input, output, reasoning, audio_output] =
                line.tokens;
            insert.execute(params![
                self.run * LINES + self.written,
                line.series,
                line.task,
                line.attempt,
                line.at,
                line.row,
                line.is_final,
                input,
                cached,
                write,
                write_1h,
                audio_input,
                output,
                reasoning,
                audio_output,
                line.cost,
                line.cost_at_most,
                line.cached_cost,
                line.request_id,
            ])?;
            self.written += 1;
        }
        Ok(())
    }

    /// The number of a series, which is written when it is new.
    fn series(&mut self, connection: &Connection, series: &Series<'_>) -> rusqlite::Result<i64> {
        let parts = [
            Some(series.prompt),
            Some(series.model),
            series.variant,
            Some(series.model_used),
            Some(series.provider),
            series.fallback.then_some(""),
            Some(series.usage_source),
            Some(series.cost_status.as_str()),
            series.price_version,
        ];
        self.name.clear();
        for part in parts {
            self.name.push_str(part.map_or("", |_| "="));
            self.name.push_str(part.unwrap_or_default());
            self.name.push('\0');
        }
        if let Some(series) = self.series.get(&self.name) {
            return Ok(*series);
        }
        let id = self.next_series;
        connection.execute(
            "INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                id,
                self.run,
                series.prompt,
                series.model,
                series.variant,
                series.model_used,
                series.provider,
                series.fallback,
                series.usage_source,
                series.cost_status.as_str(),
                series.price_version,
            ],
        )?;
        self.next_series += 1;
        self.series.insert(self.name.clone(), id);
        Ok(id)
    }

    /// Ends the booking with what is known of the run as a whole, and tells how many attempts it
    /// has.
    pub(super) fn finish(
        mut self,
        connection: &Connection,
        summary: &Summary,
    ) -> rusqlite::Result<u64> {
        self.write(connection)?;
        for lost in &summary.lost {
            // Which model was asked for which prompt is not on record, nor when within the session.
            let series = Series {
                prompt: "",
                model: &lost.model,
                variant: None,
                model_used: "",
                provider: &lost.provider,
                fallback: false,
                usage_source: UsageSource::Missing.as_str(),
                cost_status: CostStatus::NoAnswer,
                price_version: None,
            };
            let at = summary.started_at;
            self.unsettled(connection, &series, at, lost.calls, lost.at_most_usd)?;
        }
        let stamp = self.folder.stamp;
        // The folder's name, not the one in the records: those of a copy name the first one.
        let run = self.folder.name.rsplit('/').next().unwrap_or_default();
        connection.execute(
            "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                self.run,
                self.folder.name,
                summary.job,
                run,
                summary.started_at.map(|at| at.to_string()),
                stamp.journal.bytes,
                stamp.journal.changed,
                stamp.manifest.bytes,
                stamp.manifest.changed,
            ],
        )?;
        for (name, value) in &summary.tags {
            let tag = params![self.run, name, value];
            connection.execute("INSERT INTO tags VALUES (?1, ?2, ?3)", tag)?;
        }
        for (key, sum) in &self.sums {
            sum.write(connection, key)?;
        }
        connection.execute_batch("RELEASE booking")?;
        Ok(self.written.unsigned_abs())
    }
}

/// Takes back what was booked since the beginning.
pub(super) fn roll_back(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("ROLLBACK TO booking; RELEASE booking")
}

impl Sum {
    fn write(&self, connection: &Connection, key: &Key) -> rusqlite::Result<()> {
        let mut insert = connection.prepare(
            "INSERT INTO rollup VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, \
                ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)",
        )?;
        insert.raw_bind_parameter(1, key.series)?;
        insert.raw_bind_parameter(2, key.hour)?;
        insert.raw_bind_parameter(3, convert::day_of(key.hour))?;
        insert.raw_bind_parameter(4, key.is_final)?;
        insert.raw_bind_parameter(5, key.is_retry)?;
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut values = vec![whole(self.attempts)];
        for money in [&self.cost, &self.cached_cost, &self.at_most] {
            let pico = money.sum.as_pico();
            let micro = i64::try_from(pico.div_euclid(MICRO)).map_err(|_| too_large(money.sum))?;
            // What is left of a division by a million fits.
            values.extend([whole(money.known), micro, pico.rem_euclid(MICRO) as i64]);
        }
        values.push(whole(self.unsettled));
        values.extend(self.tokens.0.iter().flat_map(|sum| [whole(sum.sum), whole(sum.told)]));
        for (place, value) in values.into_iter().enumerate() {
            insert.raw_bind_parameter(place + 6, value)?;
        }
        insert.raw_execute().map(drop)
    }
}

/// Where the price of a known cost is from, as `usage.csv` has it.
fn price_version(attempt: &Attempt) -> Option<&str> {
    attempt.cost_usd.map(|_| attempt.price_version.as_deref().unwrap_or(JOB))
}

fn pico(usd: Option<Usd>) -> rusqlite::Result<Option<i64>> {
    usd.map(|usd| i64::try_from(usd.as_pico()).map_err(|_| too_large(usd))).transpose()
}

fn too_large(usd: Usd) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(TooLarge(usd)))
}
