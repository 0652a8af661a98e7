//! The table of models, `models.csv`: one row a model, with its window, prices and abilities.
//!
//! The text is built in and read where it is asked: rows are sorted by provider and model, so
//! [`find`] looks at a dozen of them and [`listings`] reads one at a time. No field is quoted, and
//! none holds a comma.
//!
//! ```text
//! provider, model   the catalogue's name, and what comes after the slash in `provider/model`
//! routes            where it answers: chat, responses, messages, completion, generate, batch,
//!                   embedding; empty is chat
//! window            input tokens it takes; of many OpenAI models input and output together
//! max_output        output tokens it gives
//! input, output, cache_read, cache_write, cache_write_1h, reasoning
//!                   USD per million tokens; empty is not known, or no price of its own; 0 is free
//! tiers             `>200000:in=2.5;out=15;cr=0.25`: prices of all tokens of a request with more input
//!                   than the mark (`cw`, `reason`, `cw1h` likewise), or from the mark on (`>=`, as
//!                   xAI has it); several are joined by `|`
//! off_peak          the prices outside the busy hours, which `call::tariff` knows
//! batch, flex, priority
//!                   the prices of these services, as far as they are known, with `|` before their
//!                   tiers
//! beside            what these prices leave out: `audio` and `image` have prices of their own,
//!                   `always` means that every request pays more than its tokens
//! other             those other prices: of further services as `ultrafast:in=60;out=300`, and of sound
//!                   (`audio_in`, `audio_out`) per million tokens; and for people alone: searches in
//!                   USD each, `us*1.1` for a factor
//! abilities         flags, `-` before what it cannot do; what is not said is not known
//! retires           the day from which it no longer answers
//! source, date      where the row is from, and when it was read there
//! ```
//!
//! The sources are the model map inside the named release of `LiteLLM` (`litellm-1.109.1`; an older
//! release for names that newer ones dropped, with the last price they had) and the repository of
//! `models.dev`. Where two rows of a source contradict each other, where a price cannot be (six
//! figures for a million tokens), and where a hosted model is said to cost nothing without a sign
//! that it is free, the price was left empty: unknown is better than wrong.
//!
//! Embedding models are not in those: their prices are the list prices of their vendors (`vendor`),
//! as several public tables had them alike. An embedding has no output, and so its price is 0.
//!
//! A price holds for its own row alone, never for a model of a like name. Two names stand for a
//! row that has another: a fine-tune (`ft:gpt-4o-mini-2024-07-18:acme::id`) for that of `ft:` and
//! its base, and `converse/` or `invoke/` before a Bedrock id for the id.
//!
//! On Azure the name is that of a deployment, which may hold any model; costs are counted only
//! with a price that the job states. The row is shown all the same.

use std::cmp::Ordering;
use std::num::ParseIntError;

use crate::call::money::Price;
use crate::provider::prices;

/// The table as it is built in.
const TABLE: &str = include_str!("models.csv");

/// The day of the newest row.
pub const MADE: &str = "2026-11-22";

/// How many fields a row has.
const WIDTH: usize = 22;

/// Providers whose models are named by their users.
const DEPLOYMENTS: &[&str] = &["azure"];

/// What is known of one model of one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The provider's name in the catalogue.
    pub provider: &'static str,
    /// The model's name as the provider knows it.
    pub model: &'static str,
    /// Where it answers: `chat`, `responses`, `messages`, `completion`, `generate`, `batch`,
    /// `embedding`.
    pub routes: &'static str,
    /// Input tokens it takes; of many OpenAI models input and output together.
    pub window: Option<u64>,
    /// Output tokens it gives.
    pub max_output: Option<u64>,
    /// What costs are counted with; `None` where that cannot be known.
    pub price: Option<Price>,
    /// Why costs are not counted with the prices that are listed.
    pub unpriced: Option<&'static str>,
    /// The prices as they stand in the table.
    pub listed: Listed,
    /// What it can do.
    pub abilities: Abilities,
    /// The day from which it no longer answers, as `2026-10-23`.
    pub retires: Option<&'static str>,
    /// Where the row is from.
    pub source: &'static str,
    /// When it was read there.
    pub date: &'static str,
}

/// Prices as they stand in the table: USD per million tokens, empty where they are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the columns of the table")]
pub struct Listed {
    pub input: &'static str,
    pub output: &'static str,
    pub cache_read: &'static str,
    pub cache_write: &'static str,
    pub cache_write_1h: &'static str,
    pub reasoning: &'static str,
    pub tiers: &'static str,
    pub off_peak: &'static str,
    pub batch: &'static str,
    pub flex: &'static str,
    pub priority: &'static str,
    pub beside: &'static str,
    pub other: &'static str,
}

/// What a model can do, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities(&'static str);

impl Listing {
    /// Whether it answers with embeddings.
    pub fn gives_embeddings(&self) -> bool {
        self.routes.split(' ').any(|route| route == "embedding")
    }
}

impl Abilities {
    /// Whether it has this ability; `None` where nobody says.
    pub fn has(self, name: &str) -> Option<bool> {
        self.flags().find_map(|flag| match flag.strip_prefix('-') {
            Some(lacking) => (lacking == name).then_some(false),
            None => (flag == name).then_some(true),
        })
    }

    /// The value of an ability that has one, such as `cache_min`.
    pub fn value(self, name: &str) -> Option<&'static str> {
        self.flags().find_map(|flag| flag.strip_prefix(name)?.strip_prefix('='))
    }

    /// The flags one by one.
    pub fn flags(self) -> impl Iterator<Item = &'static str> {
        self.0.split_ascii_whitespace()
    }
}

/// The row of a model; `None` when the table has none.
pub fn find(provider: &str, model: &str) -> Option<Listing> {
    let listed = listed_name(provider, model);
    let rows = rows();
    let (mut low, mut high) = (0, rows.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let start =
            memchr::memrchr(b'\n', &rows.as_bytes()[..middle]).map_or(0, |newline| newline + 1);
        let end = memchr::memchr(b'\n', &rows.as_bytes()[middle..])
            .map_or(rows.len(), |length| middle + length);
        let line = &rows[start..end];
        match name(line)?.cmp(&(provider, listed)) {
            Ordering::Equal => return read(line),
            Ordering::Less => low = end + 1,
            Ordering::Greater => high = start,
        }
    }
    None
}

/// The tokens that fit into a model's window; `None` where that is not known, as of a deployment,
/// which may hold any model.
pub fn window(provider: &str, model: &str) -> Option<u64> {
    if DEPLOYMENTS.contains(&provider) {
        return None;
    }
    find(provider, model)?.window
}

/// The most output tokens that a model gives; `None` where that is not known.
pub fn max_output(provider: &str, model: &str) -> Option<u64> {
    if DEPLOYMENTS.contains(&provider) {
        return None;
    }
    find(provider, model)?.max_output
}

/// All rows, by provider and model.
pub fn listings() -> impl Iterator<Item = Listing> {
    rows().lines().filter_map(read)
}

/// Provider and model of all rows that still answered when the table was made.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let answers = |line: &&str| {
        let retires = line.rsplit(',').nth(2).unwrap_or_default();
        retires.is_empty() || retires > MADE
    };
    rows().lines().filter(answers).filter_map(name)
}

/// The rows below the header.
fn rows() -> &'static str {
    TABLE.split_once('\n').map_or("", |(_, rows)| rows)
}

/// The name under which a model is listed.
fn listed_name<'m>(provider: &str, model: &'m str) -> &'m str {
    if provider == "bedrock" {
        let id = model.strip_prefix("converse/").or_else(|| model.strip_prefix("invoke/"));
        return id.unwrap_or(model);
    }
    // The mark that asks for an interface is no part of the name.
    let model = model.strip_prefix("responses/").unwrap_or(model);
    let base = model.strip_prefix("ft:").and_then(|tuned| tuned.split(':').next());
    base.map_or(model, |base| &model[.."ft:".len() + base.len()])
}

fn name(line: &'static str) -> Option<(&'static str, &'static str)> {
    let mut fields = line.splitn(3, ',');
    Some((fields.next()?, fields.next()?))
}

/// A row; `None` for a line that is none, which a test rules out.
fn read(line: &'static str) -> Option<Listing> {
    let mut fields = [""; WIDTH];
    let mut rest = line.split(',');
    for field in &mut fields {
        *field = rest.next()?;
    }
    if rest.next().is_some() {
        return None;
    }
    let [provider, model, routes, window, max_output, fields @ ..] = fields;
    let [input, output, cache_read, cache_write, cache_write_1h, reasoning, fields @ ..] = fields;
    let [tiers, off_peak, batch, flex, priority, beside, other, fields @ ..] = fields;
    let [abilities, retires, source, date] = fields;
    let listed = Listed {
        input,
        output,
        cache_read,
        cache_write,
        cache_write_1h,
        reasoning,
        tiers,
        off_peak,
        batch,
        flex,
        priority,
        beside,
        other,
    };
    let unpriced = unpriced(provider, &listed);
    let abilities = Abilities(abilities);
    let hears = abilities.has("audio") == Some(true);
    let price = match unpriced {
        Some(_) => None,
        None => Some(prices::price(&listed, hears, &format!("{source}@{date}"))?),
    };
    Some(Listing {
        provider,
        model,
        routes: if routes.is_empty() { "chat" } else { routes },
        window: count(window).ok()?,
        max_output: count(max_output).ok()?,
        price,
        unpriced,
        listed,
        abilities,
        retires: Some(retires).filter(|day| !day.is_empty()),
        source,
        date,
    })
}

/// A number that may be left out.
fn count(text: &str) -> Result<Option<u64>, ParseIntError> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

fn unpriced(provider: &str, listed: &Listed) -> Option<&'static str> {
    if listed.input.is_empty() || listed.output.is_empty() {
        return Some("its source tells no price");
    }
    if DEPLOYMENTS.contains(&provider) {
        return Some("a deployment of this name may hold another model");
    }
    (listed.beside == "always").then_some("its requests pay more than their tokens")
}

#[cfg(test)]
mod tests;
