//! A plan for people: what is sent, what it costs, and what the figures mean.

use crate::audit::estimate::sums::{Sum, Sums};
use crate::call::money::Usd;
use crate::call::task::Target;
use crate::cli::plan::Forecast;
use crate::cli::plan::scorers::Asks;
use crate::report::figures::{cost, count, dollars, tokens};
use crate::report::terminal;

const SENT: [&str; 7] =
    ["model", "tasks", "tokens in", "tokens out", "at most", "minutes", "bound by"];
const ASKED: [&str; 7] =
    ["scorer", "asks", "calls at most", "tokens in", "tokens out", "likely", "minutes"];
const COST: [&str; 5] = ["model", "low", "likely", "high", "likely rests on"];

/// The tables, and the notes below them.
pub(super) fn text(forecast: &Forecast) -> String {
    let (mut sent_lines, mut cost_lines) = (Vec::new(), Vec::new());
    for (target, sums, at) in forecast.targets() {
        let binds = at.binds.clone().unwrap_or_else(|| "no limit".to_owned());
        sent_lines.push(sent(name(target), sums, at.minutes, binds));
        cost_lines.push(costs(name(target), sums));
    }
    let all = &forecast.estimate.all;
    sent_lines.push(sent("all".to_owned(), all, forecast.minutes(), String::new()));
    let [model, low, likely, high, _] = costs("all".to_owned(), all);
    cost_lines.push([model, low, likely, high, String::new()]);
    let sent = terminal::draw(SENT, sent_lines);
    let costs = terminal::draw(COST, cost_lines);
    format!("{sent}\n\n{costs}\n\n{}{}", scorers(forecast), notes(forecast))
}

/// What scorers ask, where any asks.
fn scorers(forecast: &Forecast) -> String {
    if forecast.scorers.is_empty() {
        return String::new();
    }
    let line = |asks: &Asks| {
        let Asks { column, target, sums, at, .. } = asks;
        [
            column.clone(),
            target.model_used().to_string(),
            count(sums.tasks),
            format!("~{}", count(sums.input)),
            match sums.output_likely {
                0 => "-".to_owned(),
                tokens => format!("~{}", count(tokens)),
            },
            cost(sums.likely.known(), sums.likely.unknown),
            minutes(at.minutes),
        ]
    };
    let lines = forecast.scorers.iter().map(line).collect();
    let asked = terminal::draw_after(2, ASKED, lines);
    let (likely, unpriced) = forecast.likely();
    format!("{asked}\n\nlikely with scorers: {}\n\n", cost(likely, unpriced))
}

fn sent(name: String, sums: &Sums, at_limits: f64, binds: String) -> [String; 7] {
    let mark = if sums.is_exact { "" } else { "~" };
    [
        name,
        count(sums.tasks),
        format!("{mark}{}", count(sums.input)),
        format!("~{}", count(sums.output_likely)),
        tokens(sums.output_high.whole()),
        minutes(at_limits),
        binds,
    ]
}

fn costs(name: String, sums: &Sums) -> [String; 5] {
    let known = |sum: &Sum<Usd>| cost(sum.known(), sum.unknown);
    let high = sums.high.whole().map_or_else(|| "unknown".to_owned(), dollars);
    [name, known(&sums.low), known(&sums.likely), high, sums.rests_on.words().join(", ")]
}

/// What the figures mean, what is missing in them, and who falls back on whom.
fn notes(forecast: &Forecast) -> String {
    let all = &forecast.estimate.all;
    let mut notes = vec![
        match all.is_exact {
            true => "tokens in are counted as the providers count them; tokens out are likely",
            false => "tokens in are exact where no ~ stands before them; tokens out are likely",
        }
        .to_owned(),
        "low: the input and one token of each answer, in the cheaper hours where there are such"
            .to_owned(),
        "high: every answer at its longest, billed twice, and so by each fallback, and those that may \
         not fit"
            .to_owned(),
        "      a schema on top; nothing is above it but".to_owned(),
        "      calls that break off without telling their tokens, and are billed all the same"
            .to_owned(),
        "minutes are what the stated limits alone take".to_owned(),
    ];
    if !forecast.scorers.is_empty() {
        notes.push(
            "low and high are those of the models alone: what scorers ask hangs on answers that are \
             not there yet"
                .to_owned(),
        );
    }
    notes.extend(forecast.scorers.iter().filter(|asks| asks.sums.likely.unknown > 0).map(unpriced));
    notes.extend(bases(&all.rests_on.words()));
    let mut told: Vec<&str> = Vec::new();
    for (target, sums, _) in forecast.targets() {
        // The combinations of a matrix share the price and the fallbacks of their model.
        if told.contains(&&*target.label) {
            continue;
        }
        told.push(&target.label);
        notes.extend(missing(target, sums));
        if !target.fallbacks.is_empty() {
            let names = fallbacks(target).join(", then ");
            notes.push(format!("{} falls back on {names}", target.label));
        }
    }
    notes.iter().flat_map(|note| [note, "\n"]).collect()
}

/// What to do about a scorer whose calls have no price.
fn unpriced(asks: &Asks) -> String {
    let (kind, column) = (&asks.kind, &asks.column);
    let used = asks.target.model_used();
    format!("no price is known for {used}: state `price` in [scorers.{column}.{kind}]")
}

/// What is not known of a target, and what to do about it.
fn missing(target: &Target, sums: &Sums) -> Option<String> {
    let label = &target.label;
    if sums.likely.unknown > 0 {
        let tasks = count(sums.likely.unknown);
        return Some(format!(
            "no price is known for {tasks} tasks of {label}: they are in no sum; state its `price`"
        ));
    }
    if sums.high.unknown == 0 {
        return None;
    }
    let what = match sums.output_high.unknown {
        0 => "a fallback has no price, or none that covers all tasks; state its `price`",
        _ => "nobody knows how long its answers can get; state `max_tokens`",
    };
    Some(format!("no high is known for {label}: {what}"))
}

/// What likely output rests on.
fn bases(words: &[String]) -> impl Iterator<Item = String> {
    let told = words.iter().map(|word| match word.as_str() {
        "built-in" => "built-in: the answers that the built-in provider will give",
        "max_tokens" => "max_tokens: an assumption that the stated limit cuts short",
        "assumed" => "assumed: by what the prompts ask for; after a first run its answers tell",
        _ => "history: the answers of the newest runs of this job",
    });
    told.map(str::to_owned)
}

/// Who is asked when a target cannot answer.
pub(super) fn fallbacks(target: &Target) -> Vec<String> {
    target.fallbacks.iter().map(|fallback| fallback.target.model_used().to_string()).collect()
}

fn name(target: &Target) -> String {
    match &target.variant {
        Some(variant) => format!("{} {variant}", target.label),
        None => target.label.to_string(),
    }
}

fn minutes(minutes: f64) -> String {
    match minutes {
        none if none <= 0.0 => "-".to_owned(),
        short if short < 0.1 => "< 0.1".to_owned(),
        long => format!("{long:.1}"),
    }
}
