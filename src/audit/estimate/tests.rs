//! Estimates of small plans, put together by hand.

use serde_json::json;

use super::*;
use crate::call::bound::{MostOutput, cost_at_most};
use crate::call::fallback::{Fallback, FallbackOn};
use crate::call::form::{Demand, Form as _, OnInvalid};
use crate::call::money::{Price, Rates};
use crate::call::task::{ContentHash, TaskId};
use crate::eval::schema::Schema;

fn usd(text: &str) -> Usd {
    text.parse().expect("an amount")
}

fn target(provider: &str, model: &str, price: Option<(i128, i128)>) -> Target {
    let price = price.map(|(input, output)| {
        Price::stated(Rates::new(Usd::from_pico(input), Usd::from_pico(output)))
    });
    Target {
        label: model.into(),
        provider: provider.into(),
        model: model.into(),
        variant: None,
        params: Arc::default(),
        dropped: Arc::default(),
        price,
        window: None,
        max_output: MostOutput::Tokens(100),
        fallbacks: Arc::default(),
        fallback_on: FallbackOn::default(),
    }
}

fn task(target: &Arc<Target>, row: u64, text: &str) -> Task {
    let request = Request { model: Arc::clone(&target.model), ..Request::new("").user(text) };
    let content = ContentHash::of_prompt(&request.messages, &request.params);
    Task {
        id: TaskId::new(&content, &ContentHash::of_target(target, 0), 0, 0),
        index: row,
        prompt: "p".into(),
        row: row.to_string(),
        repeat: 0,
        target: Arc::clone(target),
        request,
        dropped: Arc::default(),
        fallbacks: Arc::clone(&target.fallbacks),
        form: None,
        attempts_before: 0,
        expected: Arc::default(),
        scorer: None,
    }
}

fn estimate(targets: &[&Arc<Target>], texts: &[&str], budget: Option<Usd>) -> Estimate {
    let all = targets.iter().map(|target| Arc::clone(target));
    let mut estimator = Estimator::new(all, History::default(), Answers::default(), 5);
    for (row, text) in (0..).zip(texts) {
        for target in targets {
            estimator.add(&task(target, row, text));
        }
    }
    estimator.finish(budget, |target| (*target.label == *"capped").then_some(Usd::from_pico(7)))
}

#[test]
fn an_estimate_has_a_low_a_likely_and_a_high() {
    let gpt = Arc::new(target("openai", "gpt-4o", Some((1_000, 10_000))));
    let told = estimate(&[&gpt], &["hello", "Answer with one word: hello"], None).all;
    // 3 + 4 + 1 and 3 + 4 + 6 tokens by OpenAI's count.
    assert_eq!((told.tasks, told.input, told.is_exact), (2, 21, true));
    assert_eq!(told.low.whole(), Some(Usd::from_pico(21 * 1_000 + 2 * 10_000)));
    // The first is assumed to be as long as the model allows, the second to be a word.
    assert_eq!((told.output_likely, told.output_high.whole()), (104, Some(200)));
    assert_eq!(told.likely.whole(), Some(Usd::from_pico(21 * 1_000 + 104 * 10_000)));
    assert_eq!(told.rests_on.words(), ["assumed"]);
    let most = |text: &str| cost_at_most(&task(&gpt, 0, text).request, &gpt).expect("bounded");
    let both = most("hello") + most("Answer with one word: hello");
    assert_eq!(told.high.whole(), Some(both.times(2)));
}

#[test]
fn every_fallback_may_be_billed_too() {
    let stand_in = Arc::new(target("openai", "gpt-4", Some((5_000, 50_000))));
    let fallback =
        |target: &Arc<Target>| Fallback { target: Arc::clone(target), window: None, lane: 1 };
    let mut own = target("openai", "gpt-4o", Some((1_000, 10_000)));
    own.fallbacks = [fallback(&stand_in)].into();
    let own = Arc::new(own);
    let asked = task(&own, 0, "hello").request;
    let told = estimate(&[&own], &["hello"], None).all.high.whole();
    let each = [&own, &stand_in].map(|target| cost_at_most(&asked, target).expect("bounded"));
    assert_eq!(told, Some(each.into_iter().sum::<Usd>().times(2)));

    let mut own = Arc::unwrap_or_clone(own);
    own.fallbacks = [fallback(&Arc::new(target("openai", "gpt-4", None)))].into();
    let told = estimate(&[&Arc::new(own)], &["hello"], None).all;
    assert_eq!((told.high.whole(), told.likely.unknown), (None, 0));
}

#[test]
fn answers_that_do_not_fit_may_be_billed_too_and_make_the_talk_longer() {
    let gpt = Arc::new(target("openai", "gpt-4o", Some((1_000, 10_000))));
    let form = Schema::compile(&json!({"type": "object"})).expect("a schema");
    let plain = task(&gpt, 0, "hello");
    let demand = |on_invalid| Demand {
        form: Arc::new(Schema::compile(&json!({"type": "object"})).expect("a schema")),
        on_invalid,
        retries: 3,
        in_words: "".into(),
    };
    let high = |on_invalid| {
        let form = Some(Arc::new(demand(on_invalid)));
        cost::at_most(&Task { form, ..plain.clone() }, 2).expect("bounded")
    };
    let each = cost_at_most(&plain.request, &gpt).expect("bounded");
    assert_eq!(high(OnInvalid::Fail), each.times(2));
    // Five answers, and before the last of them three that did not fit, with what was told of each.
    let growth = Usd::from_pico(1_000).times(3 * (100 + 5_000));
    assert_eq!(high(OnInvalid::Retry), (each + growth).times(5));
    // What is told is short enough for that, whatever does not fit.
    let long = format!("[{}]", "1,".repeat(9_999) + "1");
    assert!(form.fault(&long).expect("a fault").len() < 4_000);
}

#[test]
fn no_high_is_above_the_budget() {
    let [dear, free] = [Some((1_000_000, 1_000_000)), None].map(|price| {
        let unbounded = MostOutput::Unknown;
        Arc::new(Target { max_output: unbounded, ..target("openai", "gpt-4o", price) })
    });
    let told = estimate(&[&dear, &free], &["hello"], None);
    assert_eq!((told.all.high.whole(), told.all.low.unknown), (None, 1));
    assert_eq!(told.targets[1].1.likely.known(), None);
    let told = estimate(&[&dear, &free], &["hello"], Some(usd("0.25")));
    assert_eq!(told.all.high.whole(), Some(usd("0.25")));
    let capped = Arc::new(Target { label: "capped".into(), ..Target::clone(&dear) });
    let told = estimate(&[&capped], &["hello"], Some(usd("0.25")));
    assert_eq!(told.all.high.whole(), Some(Usd::from_pico(7)));
}

#[test]
fn parts_of_tokens_are_not_lost() {
    let mut left = 0.0;
    let sum: u64 = (0..1_000).map(|_| whole(12.4, &mut left)).sum();
    assert!(sum.abs_diff(12_400) <= 1, "{sum}");
}

#[test]
fn a_model_that_thinks_is_assumed_to_think() {
    let mut thinker = target("openai", "o3", Some((1, 1)));
    thinker.max_output = MostOutput::Tokens(100_000);
    let thinker = Arc::new(thinker);
    let told = estimate(&[&thinker], &["hello"], None).all;
    assert!(told.output_likely > 500, "{}", told.output_likely);
    assert!(is_told_to_think(&task_params(json!({"reasoning_effort": "low"}))));
    assert!(!is_told_to_think(&task_params(json!({"thinking": null}))));
}

fn task_params(params: Value) -> Params {
    serde_json::from_value(params).expect("params")
}
