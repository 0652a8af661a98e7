//! A plan for programs.

use serde_json::{Map, Value, json};

use crate::audit::estimate::sums::Sums;
use crate::cli::plan::Forecast;
use crate::cli::plan::scorers::Asks;
use crate::cli::plan::table::fallbacks;

/// The plan. Amounts are exact decimal text in USD; what is not known is null.
pub(super) fn value(forecast: &Forecast) -> Value {
    let models = forecast.targets().map(|(target, sums, at)| {
        let mut model = Map::new();
        model.insert("model".to_owned(), json!(target.label));
        model.insert("variant".to_owned(), json!(target.variant));
        model.insert("model_used".to_owned(), json!(target.model_used()));
        figures(&mut model, sums);
        model.insert("price_version".to_owned(), json!(target.price.as_ref().map(|p| &p.version)));
        model.insert("minutes".to_owned(), json!(at.minutes));
        model.insert("bound_by".to_owned(), json!(at.binds));
        model.insert("fallbacks".to_owned(), json!(fallbacks(target)));
        model
    });
    let models: Vec<_> = models.collect();
    let mut all = Map::new();
    all.insert("job".to_owned(), json!(forecast.job));
    figures(&mut all, &forecast.estimate.all);
    all.insert("minutes".to_owned(), json!(forecast.minutes()));
    all.insert("models".to_owned(), json!(models));
    all.insert("scorers".to_owned(), forecast.scorers.iter().map(scorer).collect());
    let (likely, unpriced) = forecast.likely();
    all.insert(
        "with_scorers".to_owned(),
        json!({
            "calls": all_calls(forecast),
            "cost_usd_likely": likely,
            "unpriced_calls": unpriced,
        }),
    );
    Value::Object(all)
}

/// What a scorer asks, where every task has an answer. How long the answers are at most, and so what
/// judging them costs at most, nobody knows.
fn scorer(asks: &Asks) -> Value {
    let Asks { column, kind, target, sums, at } = asks;
    json!({
        "scorer": column,
        "kind": kind,
        "model_used": target.model_used(),
        "calls_at_most": sums.tasks,
        "input_tokens_likely": sums.input,
        "output_tokens_likely": sums.output_likely,
        "cost_usd_likely": sums.likely.known(),
        "unpriced_calls": sums.likely.unknown,
        "price_version": target.price.as_ref().map(|price| &price.version),
        "minutes": at.minutes,
        "bound_by": at.binds,
    })
}

/// All calls, if each task takes one and every answer is scored.
fn all_calls(forecast: &Forecast) -> u64 {
    let scorers: u64 = forecast.scorers.iter().map(|asks| asks.sums.tasks).sum();
    forecast.estimate.all.tasks + scorers
}

/// The figures that a target and the whole have alike.
fn figures(map: &mut Map<String, Value>, sums: &Sums) {
    let source = if sums.is_exact { "exact" } else { "estimated" };
    for (name, value) in [
        ("tasks", json!(sums.tasks)),
        ("input_tokens", json!(sums.input)),
        ("tokens_source", json!(source)),
        ("output_tokens_low", json!(sums.output_low)),
        ("output_tokens_likely", json!(sums.output_likely)),
        ("output_tokens_max", json!(sums.output_high.whole())),
        ("likely_rests_on", json!(sums.rests_on.words())),
        ("cost_usd_low", json!(sums.low.known())),
        ("cost_usd_likely", json!(sums.likely.known())),
        ("cost_usd_high", json!(sums.high.whole())),
        ("unpriced_tasks", json!(sums.likely.unknown)),
    ] {
        map.insert(name.to_owned(), value);
    }
}
