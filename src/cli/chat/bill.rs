//! What a talk costs: by turn, by model, and in all. What is not known is not zero.

use std::collections::BTreeMap;

use crate::call::money::{Cost, Usd};
use crate::call::usage::Usage;
use crate::provider::names::Resolved;
use crate::report::figures::{cost, count, dollars};
use crate::report::terminal::draw;

/// What was spent so far.
#[derive(Debug, Default)]
pub(super) struct Bill {
    by_model: BTreeMap<String, Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    turns: u64,
    tokens_in: u64,
    tokens_out: u64,
    /// Turns whose tokens nobody told.
    untold: u64,
    usd: Option<Usd>,
    unpriced: u64,
}

impl Bill {
    /// Adds a turn at its cost, and tells of it and of the total on one line.
    pub(super) fn add(&mut self, who: &Resolved, usage: Option<&Usage>, turn: Cost) -> String {
        let name = format!("{}/{}", who.provider, who.model);
        self.by_model.entry(name).or_default().add(usage, turn);
        let told = match turn {
            Cost::Known(usd) => dollars(usd),
            Cost::UnknownPrice => "price unknown".to_owned(),
            Cost::UnknownUsage => "cost unknown".to_owned(),
        };
        format!("{}; {told}; total {}", tokens(usage), self.total())
    }

    fn total(&self) -> String {
        let mut all = Spent::default();
        self.by_model.values().for_each(|spent| all.join(spent));
        cost(all.usd, all.unpriced)
    }

    /// What `/cost` prints.
    pub(super) fn table(&self) -> String {
        if self.by_model.is_empty() {
            return "nothing was asked so far".to_owned();
        }
        let mut lines: Vec<[String; 5]> =
            self.by_model.iter().map(|(name, spent)| spent.line(name)).collect();
        if lines.len() > 1 {
            let mut all = Spent::default();
            self.by_model.values().for_each(|spent| all.join(spent));
            lines.push(all.line("all"));
        }
        draw(["model", "turns", "tokens in", "tokens out", "cost"], lines)
    }
}

impl Spent {
    fn add(&mut self, usage: Option<&Usage>, cost: Cost) {
        let told =
            usage.and_then(|usage| Some((usage.prompt_tokens()?, usage.completion_tokens()?)));
        let (tokens_in, tokens_out) = told.unwrap_or_default();
        self.join(&Self {
            turns: 1,
            tokens_in,
            tokens_out,
            untold: u64::from(told.is_none()),
            usd: cost.usd(),
            unpriced: u64::from(cost.usd().is_none()),
        });
    }

    fn join(&mut self, other: &Self) {
        self.turns += other.turns;
        self.tokens_in = self.tokens_in.saturating_add(other.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(other.tokens_out);
        self.untold += other.untold;
        self.usd = match (self.usd, other.usd) {
            (Some(one), Some(two)) => Some(one + two),
            (one, two) => one.or(two),
        };
        self.unpriced += other.unpriced;
    }

    fn line(&self, name: &str) -> [String; 5] {
        let tokens = |told: u64| match self.untold {
            0 => count(told),
            untold if untold == self.turns => "unknown".to_owned(),
            untold => format!("{} + {} unknown", count(told), count(untold)),
        };
        [
            name.replace(char::is_control, " "),
            count(self.turns),
            tokens(self.tokens_in),
            tokens(self.tokens_out),
            cost(self.usd, self.unpriced),
        ]
    }
}

/// The tokens of a turn: `12 tokens in (3 cached), 45 out (20 reasoning)`.
fn tokens(usage: Option<&Usage>) -> String {
    let Some(usage) = usage else { return "tokens unknown".to_owned() };
    let told = |tokens: Option<u64>| tokens.map_or_else(|| "unknown".to_owned(), count);
    let within = |parts: &[(Option<u64>, &str)]| {
        let told = |(tokens, what): &(Option<u64>, &str)| {
            tokens.filter(|tokens| *tokens > 0).map(|tokens| format!("{} {what}", count(tokens)))
        };
        let told: Vec<String> = parts.iter().filter_map(told).collect();
        if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
    };
    let of_input = [
        (usage.cached, "cached"),
        (usage.cache_write_tokens(), "written to the cache"),
        (usage.audio_input, "sound"),
    ];
    let of_output = [(usage.reasoning, "reasoning"), (usage.audio_output, "sound")];
    format!(
        "{} tokens in{}, {} out{}",
        told(usage.prompt_tokens()),
        within(&of_input),
        told(usage.completion_tokens()),
        within(&of_output),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::money::{Price, Rates};

    #[test]
    fn a_turn_is_told_with_what_is_known_of_it_and_the_sum_with_what_it_lacks() {
        let who = |model: &str| Resolved { provider: "openai".to_owned(), model: model.to_owned() };
        let token = Usd::from_pico(2_500_000);
        let price = Price::stated(Rates::new(token, token));
        let usage = Usage {
            input: Some(1000),
            cached: Some(200),
            output: Some(30),
            reasoning: Some(10),
            ..Usage::default()
        };
        let mut bill = Bill::default();
        assert_eq!(bill.table(), "nothing was asked so far");
        let line = bill.add(&who("a"), Some(&usage), Cost::of(None, Some(&usage)));
        let told = "1,200 tokens in (200 cached), 40 out (10 reasoning)";
        assert_eq!(line, format!("{told}; price unknown; total unknown"));
        let line = bill.add(&who("b"), Some(&usage), Cost::of(Some(&price), Some(&usage)));
        assert_eq!(line, format!("{told}; $0.0031; total $0.0031 + 1 unpriced"));
        let told = tokens(Some(&Usage { cache_write_1h: Some(7), audio_output: Some(5), ..usage }));
        let whole = "1,207 tokens in (200 cached, 7 written to the cache), 45 out (10 reasoning, ";
        assert_eq!(told, format!("{whole}5 sound)"));
        let line = bill.add(&who("b"), None, Cost::of(Some(&price), None));
        assert_eq!(line, "tokens unknown; cost unknown; total $0.0031 + 2 unpriced");
        let table = bill.table();
        let cells: Vec<Vec<&str>> = table
            .lines()
            .skip(2)
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert_eq!(cells[0], ["openai/a", "1", "1,200", "40", "unknown"]);
        let partly = ["1,200 + 1 unknown", "40 + 1 unknown", "$0.0031 + 1 unpriced"];
        assert_eq!(cells[1], [&["openai/b", "2"][..], &partly].concat());
        let all = ["2,400 + 1 unknown", "80 + 1 unknown", "$0.0031 + 2 unpriced"];
        assert_eq!(cells[2], [&["all", "3"][..], &all].concat());
    }
}
