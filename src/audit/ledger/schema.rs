//! The tables of the ledger, and the views that people read it by.

use std::path::Path;

use rusqlite::Connection;

use crate::audit::error::AuditError;

/// The version of the format, as `PRAGMA user_version` has it.
pub(super) const VERSION: i64 = 1;
/// What says that a database is a ledger, as `PRAGMA application_id` has it: `rnLG`.
const APPLICATION: i64 = 0x726e_4c47;

/// How many lines of `usage.csv` a run can have: the id of an attempt is that of its run times
/// this, plus its line.
pub(super) const LINES: i64 = 1 << 32;

const TABLES: &str = "
-- One line for each run folder `<job>/<run>` beside the ledger. The last four columns are the
-- length and the last change (in ns since 1970) of the journal and of run.json when they were read.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    folder TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    run TEXT NOT NULL,
    started_at TEXT,
    journal_bytes INTEGER NOT NULL,
    journal_changed INTEGER NOT NULL,
    manifest_bytes INTEGER NOT NULL,
    manifest_changed INTEGER NOT NULL
);
-- The tags of the job.
CREATE TABLE tags (
    run INTEGER NOT NULL REFERENCES runs,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, name)
) WITHOUT ROWID;
-- What many attempts of a run have in common.
CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES runs,
    prompt TEXT NOT NULL,
    model TEXT NOT NULL,
    variant TEXT,
    model_used TEXT NOT NULL,
    provider TEXT NOT NULL,
    fallback INTEGER NOT NULL,
    usage_source TEXT NOT NULL,
    cost_status TEXT NOT NULL,
    price_version TEXT
);
CREATE INDEX series_of_run ON series (run);
-- One line for each line of usage.csv. The id is that of the run times 2^32, plus the line. `at` is
-- in ms since 1970, tokens are in disjoint parts, money is in whole picodollars (1e-12 USD).
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL REFERENCES series,
    task BLOB NOT NULL,
    attempt INTEGER,
    at INTEGER NOT NULL,
    row TEXT NOT NULL,
    final INTEGER NOT NULL,
    input INTEGER,
    cached INTEGER,
    cache_write INTEGER,
    cache_write_1h INTEGER,
    audio_input INTEGER,
    output INTEGER,
    reasoning INTEGER,
    audio_output INTEGER,
    cost_pico INTEGER,
    cost_at_most_pico INTEGER,
    cached_cost_pico INTEGER,
    request_id TEXT
);
-- The sums of calls by series, UTC hour (in hours since 1970) and kind. `*_told` counts the attempts
-- whose tokens are in the sum, `*priced` those whose cost is. `unsettled` counts calls that are in
-- no other table: they were sent and not answered, or nobody heard how they ended, and may have been
-- billed all the same. `at_most` is the most that all `bounded` of both kinds can have cost. Money is
-- in whole microdollars, and the picodollars beyond them apart, so that no sum outgrows an integer.
CREATE TABLE rollup (
    series INTEGER NOT NULL REFERENCES series,
    hour INTEGER NOT NULL,
    day TEXT NOT NULL,
    final INTEGER NOT NULL,
    retry INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    priced INTEGER NOT NULL,
    cost_micro INTEGER NOT NULL,
    cost_pico INTEGER NOT NULL,
    cached_priced INTEGER NOT NULL,
    cached_cost_micro INTEGER NOT NULL,
    cached_cost_pico INTEGER NOT NULL,
    bounded INTEGER NOT NULL,
    at_most_micro INTEGER NOT NULL,
    at_most_pico INTEGER NOT NULL,
    unsettled INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    prompt_told INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    cached_told INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cache_write_told INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    completion_told INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    reasoning_told INTEGER NOT NULL,
    total_tokens INTEGER NOT NULL,
    total_told INTEGER NOT NULL,
    PRIMARY KEY (series, hour, final, retry)
) WITHOUT ROWID;
";

const VIEWS: &str = "
-- usage.csv of all runs: the names of its columns, and `folder`, `day` and `cost_pico` beside them.
-- `cost_usd` is a floating-point number; `cost_pico` is exact.
CREATE VIEW attempts AS
SELECT lower(hex(c.task)) AS task, c.attempt,
    strftime('%Y-%m-%dT%H:%M:%S', c.at / 1000, 'unixepoch') || printf('.%03dZ', c.at % 1000) AS at,
    date(c.at / 1000, 'unixepoch') AS day,
    r.job, r.run, r.folder, s.prompt, c.row, s.model, s.variant, s.model_used, s.provider, c.final,
    coalesce(c.attempt > 1, 0) AS retry, s.fallback,
    c.input + coalesce(c.cached, 0) + coalesce(c.cache_write, 0) + coalesce(c.cache_write_1h, 0)
        + coalesce(c.audio_input, 0) AS prompt_tokens,
    c.cached AS cached_tokens,
    coalesce(c.cache_write + c.cache_write_1h, c.cache_write, c.cache_write_1h)
        AS cache_write_tokens,
    c.cache_write_1h AS cache_write_1h_tokens,
    c.audio_input AS audio_prompt_tokens,
    c.output + coalesce(c.reasoning, 0) + coalesce(c.audio_output, 0) AS completion_tokens,
    c.reasoning AS reasoning_tokens,
    c.audio_output AS audio_completion_tokens,
    s.usage_source, c.cost_pico / 1e12 AS cost_usd, c.cost_pico, s.cost_status,
    c.cost_at_most_pico / 1e12 AS cost_at_most_usd,
    c.cached_cost_pico / 1e12 AS cached_cost_usd, s.price_version, c.request_id
FROM calls c JOIN series s ON s.id = c.series JOIN runs r ON r.id = s.run;
-- The same summed up by day, run, model, provider and prompt set. `unpriced` counts the attempts
-- whose cost is not known and not in `cost_usd`; where it is known of none, that is null.
CREATE VIEW daily AS
SELECT t.day, r.job, r.run, r.folder, s.provider, s.model, s.variant, s.model_used, s.prompt,
    sum(t.attempts) AS attempts,
    sum(t.prompt_tokens) AS prompt_tokens, sum(t.cached_tokens) AS cached_tokens,
    sum(t.cache_write_tokens) AS cache_write_tokens,
    sum(t.completion_tokens) AS completion_tokens, sum(t.reasoning_tokens) AS reasoning_tokens,
    CASE WHEN sum(t.priced) > 0 THEN sum(t.cost_micro) / 1e6 + sum(t.cost_pico) / 1e12 END AS cost_usd,
    sum(t.attempts - t.priced) AS unpriced
FROM rollup t JOIN series s ON s.id = t.series JOIN runs r ON r.id = s.run
WHERE t.attempts > 0
GROUP BY t.day, r.id, s.provider, s.model, s.variant, s.model_used, s.prompt;
";

/// Makes sure that the database is a ledger of this version; an empty one becomes one.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), AuditError> {
    let sql = AuditError::sql(path);
    if state(connection).map_err(&sql)? == State::Empty {
        // Another runner may be doing the same.
        connection.execute_batch("BEGIN IMMEDIATE").map_err(&sql)?;
        let made = state(connection).and_then(|now| match now {
            State::Empty => create(connection),
            _ => Ok(()),
        });
        let ended = made.and_then(|()| connection.execute_batch("COMMIT"));
        ended.map_err(&sql)?;
    }
    let path = path.to_owned();
    match state(connection).map_err(&sql)? {
        State::Version(VERSION) => Ok(()),
        State::Version(found) if found < VERSION => Err(AuditError::Older { path, found }),
        State::Version(found) => Err(AuditError::Newer { path, found, known: VERSION }),
        State::Empty | State::Foreign => Err(AuditError::Foreign { path }),
    }
}

/// What a database is.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Empty,
    Version(i64),
    Foreign,
}

fn state(connection: &Connection) -> rusqlite::Result<State> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    if number("PRAGMA application_id")? == APPLICATION {
        return number("PRAGMA user_version").map(State::Version);
    }
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(if tables == 0 { State::Empty } else { State::Foreign })
}

fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    connection.execute_batch(VIEWS)?;
    connection.pragma_update(None, "application_id", APPLICATION)?;
    connection.pragma_update(None, "user_version", VERSION)
}
