//! Runs at other prices, with sums by hand.

use serde_json::json;

use super::*;
use crate::call::failure::FailureKind;
use crate::call::json::Json;
use crate::call::money::CostStatus;
use crate::call::record::Entry;
use crate::store::testing;

/// A run of these outcomes, in their order of arrival.
fn run(entries: &[Entry]) -> (tempfile::TempDir, RunDir) {
    let out = tempfile::tempdir().unwrap();
    let run = RunDir::create(out.path(), "nightly", "").unwrap();
    run.journal().unwrap().append(entries).unwrap();
    (out, run)
}

fn repriced(entries: &[Entry], prices: &str) -> Repriced {
    let (_out, run) = run(entries);
    reprice(&run, &PriceList::read(prices, "mine.csv").unwrap()).unwrap()
}

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

/// An answer to 10 tokens in 2 that was asked of this model, at the job's price or at none.
fn asked(index: u64, provider: &str, model: &str, cost: Option<&str>) -> Entry {
    let mut entry = testing::ok(index, "hi");
    let record = &mut entry.record;
    record.provider = provider.into();
    record.model_used = format!("{provider}/{model}").into();
    record.cost_usd = cost.map(usd);
    if cost.is_none() {
        record.cost_status = CostStatus::UnknownPrice;
        record.price_version = None;
    }
    entry
}

const OWN: &str = "provider,model,input,output\nlab,small-1,2,3\n";

#[test]
fn every_attempt_that_was_answered_counts() {
    let mut tried = testing::ok(0, "hi");
    let mut empty = testing::failed_try(1, FailureKind::ApiResponseValidation, "empty");
    empty.usage = Some(testing::usage(100, 1));
    empty.cost_usd = Some(usd("0.0002"));
    empty.cost_status = CostStatus::Known;
    empty.price_version = Some("job".into());
    let away = testing::failed_try(2, FailureKind::RateLimit, "slow down");
    tried.tries = vec![empty.clone(), away];
    // The same task failed in an earlier session, and that answer was billed too.
    let mut earlier = testing::failed(0, "empty");
    earlier.tries = vec![empty];
    let got = repriced(&[earlier, testing::failed(1, "no"), tried], OWN);
    let total = &got.total;
    assert_eq!((total.attempts, total.then.cost.unknown, total.now.cost.unknown), (3, 0, 0));
    // Twice 0.0002, and 0.000014.
    assert_eq!(total.then.cost.usd(), Some(usd("0.000414")));
    // 210 tokens in at 2, and 4 out at 3.
    assert_eq!(total.now.cost.usd(), Some(usd("0.000432")));
    assert_eq!((total.difference(), total.is_partial()), (Some(usd("0.000018")), false));
    assert_eq!(total.now.versions.iter().map(|v| &**v).collect::<Vec<_>>(), ["mine.csv"]);
    assert_eq!(got.models[0].0, "lab/small-1".into());
}

#[test]
fn what_has_no_price_is_counted_and_never_zero() {
    let entries = [
        asked(0, "lab", "small-1", Some("0.000014")),
        asked(1, "lab", "large", Some("1")),
        asked(2, "lab", "small-1", None),
        asked(3, "openai", "gpt-4o", None),
    ];
    let got = repriced(&entries, OWN);
    let sums = |name: &str| &got.models.iter().find(|(known, _)| **known == *name).unwrap().1;
    assert_eq!((sums("lab/large").now.cost.usd(), sums("lab/large").now.cost.unknown), (None, 1));
    let small = sums("lab/small-1");
    assert_eq!((small.then.cost.usd(), small.then.cost.unknown), (Some(usd("0.000014")), 1));
    assert_eq!((small.now.cost.usd(), small.now.cost.unknown), (Some(usd("0.000052")), 0));
    // The built-in table: 10 at 2.5 and 2 at 10.
    assert_eq!(sums("openai/gpt-4o").now.cost.usd(), Some(usd("0.000045")));
    // Only the first has a cost on both sides: the difference is not that of the sums.
    assert_eq!((got.total.both, got.total.difference()), (1, Some(usd("0.000012"))));
    assert!(got.total.is_partial());
    assert_eq!((got.total.then.cost.unknown, got.total.now.cost.unknown), (2, 1));
}

#[test]
fn what_a_price_is_not_for_has_none() {
    let mut searched = asked(0, "lab", "small-1", None);
    let params = json!({"web_search_options": {}});
    searched.record.params = Arc::new(serde_json::from_value(params).unwrap());
    assert_eq!(repriced(&[searched], OWN).total.now.cost.unknown, 1);
    let mut untold = asked(0, "lab", "small-1", None);
    untold.record.usage = Some(Usage::default());
    assert_eq!(repriced(&[untold], OWN).total.now.cost.unknown, 1);
}

#[test]
fn tiers_and_caches_are_billed_as_the_engine_does() {
    let prices = "provider,model,input,output,cache_read,tiers\n\
                  lab,small-1,2,3,0.5,>1000:in=20;out=30;cr=5\n";
    let mut small = asked(0, "lab", "small-1", None);
    let mut usage = testing::usage(600, 10);
    usage.cached = Some(400);
    small.record.usage = Some(usage);
    // 600 at 2, 400 at 0.5, 10 at 3.
    assert_eq!(repriced(&[small.clone()], prices).total.now.cost.usd(), Some(usd("0.00143")));
    usage.cached = Some(401);
    small.record.usage = Some(usage);
    // 600 at 20, 401 at 5, 10 at 30.
    assert_eq!(repriced(&[small], prices).total.now.cost.usd(), Some(usd("0.014305")));
}

#[test]
fn what_is_charged_goes_before_what_was_counted() {
    let mut entry = asked(0, "cohere", "command-a-03-2025", None);
    let body = json!({"id": "c", "billed_units": {"input_tokens": 4.0, "output_tokens": 2}});
    entry.record.response = Some(Json::from(&body));
    let (_out, run) = run(&[entry]);
    let got = reprice(&run, &PriceList::builtin()).unwrap();
    // 4 at 2.5 and 2 at 10.
    assert_eq!(got.total.now.cost.usd(), Some(usd("0.00003")));
}
