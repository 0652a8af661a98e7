//! A plan for programs.

use serde_json::{Map, Value, json};

use crate::audit::estimate::sums::Sums;
use crate::cli::plan::Forecast;
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
    Value::Object(all)
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
