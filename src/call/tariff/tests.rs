//! Price lists, held against the calls that they are for.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::call::money::Cost;
use crate::call::usage::Usage;

fn rates(input: i128, output: i128) -> Rates {
    Rates::new(Usd::from_pico(input), Usd::from_pico(output))
}

fn listed(audio: bool, images: bool) -> Price {
    let covers = Covers::Plain { audio, images, kept: false };
    Price { off_peak: Some(rates(1, 2)), covers, ..Price::stated(rates(2, 4)) }
}

/// Half the price, whose cached input is not told.
fn flex() -> Service {
    let base = Rates { cache_read: None, ..rates(1, 2) };
    Service { name: "flex", base, tiers: Arc::default(), up_to: Some(100) }
}

fn priority() -> Service {
    Service { name: "priority", base: rates(4, 8), tiers: Arc::default(), up_to: None }
}

fn asked(params: Value, part: Option<Value>) -> Request {
    let params: Map<String, Value> = serde_json::from_value(params).expect("params");
    let mut request = Request::new("m").user("hi");
    request.params = Arc::new(params.into());
    if let Some(part) = part {
        request.messages[0].content = Content::Parts(json!([part]));
    }
    request
}

fn sound() -> Value {
    json!({"type": "input_audio", "input_audio": {}})
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

#[test]
fn a_list_is_the_price_of_plain_calls_alone() {
    let now = Moment::from_millis(0);
    let image = || Some(json!({"type": "image_url", "image_url": {"url": "x"}}));
    let paper = "data:application/pdf;base64,QQ==";
    let paper = || Some(json!({"type": "file", "file": {"file_data": paper}}));
    for (params, part, covered) in [
        (json!({"temperature": 1, "service_tier": "auto", "tools": [{}]}), None, true),
        (json!({"service_tier": "flex"}), None, false),
        (json!({"extra": {"serviceTier": {"type": "flex"}}}), None, false),
        (json!({"extra": {"speed": "fast"}}), None, false),
        (json!({"inference_geo": "us"}), None, false),
        (json!({"web_search_options": {}}), None, false),
        (json!({"tools": [{"type": "web_search"}]}), None, false),
        (json!({"prompt_cache_retention": "24h"}), None, false),
        (json!({"prompt_cache_retention": "in_memory"}), None, true),
        (json!({}), image(), false),
        (json!({}), paper(), true),
    ] {
        let request = asked(params, part);
        let applies = |price: Price| price.applying(&request, now, None).is_some();
        assert_eq!(applies(listed(false, false)), covered, "{request:?}");
        assert_eq!(listed(false, false).ceiling(&request, 1).is_some(), covered, "{request:?}");
        let every = Price { covers: Covers::Every, ..listed(false, false) };
        assert!(applies(every), "{request:?}");
    }
    let price = listed(false, true).applying(&asked(json!({}), image()), now, None);
    assert!(price.is_some());
}

#[test]
fn sound_with_a_price_of_its_own_must_be_told_apart() {
    let now = Moment::from_millis(0);
    let base = Rates { audio_input: Some(Usd::from_pico(50)), audio_output: None, ..rates(2, 4) };
    let price = Price { base, off_peak: None, ..listed(false, true) };
    let cost = |price: &Price, params, part, usage: Usage| {
        let price = price.applying(&asked(params, part), now, None).expect("covered");
        price.cost(&usage)
    };
    let told = Usage { audio_input: Some(10), ..usage(1, 1) };
    assert_eq!(cost(&price, json!({}), Some(sound()), told), Cost::Known(Usd::from_pico(506)));
    assert_eq!(cost(&price, json!({}), Some(sound()), usage(11, 1)), Cost::UnknownUsage);
    // Nobody tells how much of what was cached is sound, which has a price of its own there too.
    let cached = Usage { cached: Some(5), ..told };
    assert_eq!(cost(&price, json!({}), Some(sound()), cached), Cost::UnknownUsage);
    assert_eq!(cost(&price, json!({}), None, cached), Cost::UnknownUsage);
    let spoken = json!({"modalities": ["text", "AUDIO"]});
    assert_eq!(cost(&price, spoken.clone(), None, usage(1, 1)), Cost::UnknownUsage);
    let heard = Usage { audio_output: Some(3), ..usage(1, 1) };
    assert_eq!(cost(&price, spoken, None, heard), Cost::UnknownPrice);
    // Where sound costs what text does, it need not be told.
    let same = listed(true, true);
    assert_eq!(
        cost(&Price { off_peak: None, ..same }, json!({}), Some(sound()), usage(11, 1)),
        Cost::Known(Usd::from_pico(26))
    );
}

#[test]
fn a_call_pays_the_service_that_served_it() {
    let now = Moment::from_millis(0);
    let services = [flex(), priority()].into();
    let price = Price { services, off_peak: None, ..listed(false, true) };
    let cost = |params, served: Option<&str>, usage: Usage| {
        let price = price.applying(&asked(params, None), now, served);
        Cost::of(price.as_ref(), Some(&usage)).usd().map(Usd::as_pico)
    };
    let tier = |name: &str| json!({"service_tier": name});
    assert_eq!(cost(json!({}), None, usage(10, 10)), Some(60));
    assert_eq!(cost(tier("flex"), None, usage(10, 10)), Some(30));
    assert_eq!(cost(tier("flex"), Some("default"), usage(10, 10)), Some(60));
    assert_eq!(cost(tier("fast"), Some("priority"), usage(10, 10)), Some(120));
    assert_eq!(cost(json!({}), Some("priority"), usage(10, 10)), Some(120));
    // What is not listed is not known, and never the usual price.
    assert_eq!(cost(json!({}), Some("scale"), usage(10, 10)), None);
    assert_eq!(cost(tier("batch"), None, usage(10, 10)), None);
    let cached = Usage { cached: Some(1), ..usage(10, 10) };
    assert_eq!(cost(tier("flex"), Some("flex"), cached), None);
    assert_eq!(cost(tier("flex"), Some("flex"), Usage { cached: Some(0), ..cached }), Some(30));
    // Long input has a price at the usual service alone.
    assert_eq!(cost(tier("flex"), None, usage(100, 0)), Some(100));
    assert_eq!(cost(tier("flex"), None, usage(101, 0)), None);
    let stated = Price { covers: Covers::Every, ..price.clone() };
    let stated = stated.applying(&asked(tier("flex"), None), now, Some("scale")).expect("stated");
    assert_eq!(stated.cost(&usage(10, 10)), Cost::Known(Usd::from_pico(60)));
}

#[test]
fn the_ceiling_is_the_highest_that_a_call_can_pay() {
    let base = Rates { cache_write: Some(Usd::from_pico(3)), ..rates(2, 4) };
    let tiers = [Tier { above: 100, rates: rates(5, 9) }].into();
    let services = [flex(), priority()].into();
    let price = Price { base, tiers, services, ..listed(false, true) };
    let most = |params, input| {
        let ceiling = price.ceiling(&asked(params, None), input).expect("covered");
        (ceiling.input.as_pico(), ceiling.output.as_pico())
    };
    let tier = |name: &str| json!({"service_tier": name});
    assert_eq!(most(json!({}), 100), (3, 4));
    assert_eq!(most(json!({}), 101), (5, 9));
    // Flex may be served as usual, and `auto` as priority.
    assert_eq!(most(tier("flex"), 101), (5, 9));
    assert_eq!(most(tier("priority"), 100), (4, 8));
    assert_eq!(most(tier("auto"), 100), (4, 8));
    assert_eq!(price.ceiling(&asked(tier("scale"), None), 1), None);
    assert_eq!(price.ceiling(&asked(json!({}), None), 1).map(|most| most.at_most(7, 10)), {
        Some(Usd::from_pico(61))
    });
    // A write at flex is not told: it is taken to cost as many times the input as it does usually.
    let dear = Rates { cache_write: Some(Usd::from_pico(900)), ..rates(2, 4) };
    let untold = Service { base: Rates { cache_write: None, ..rates(20, 2) }, ..flex() };
    let price = Price { base: dear, services: [untold].into(), ..listed(false, true) };
    let flex = price.ceiling(&asked(tier("flex"), None), 1).expect("listed");
    assert_eq!(flex.input.as_pico(), 9_000);
    let spoken = json!({"modalities": ["audio"]});
    let silent = Price { base: Rates { audio_output: None, ..rates(2, 4) }, ..price };
    assert_eq!(silent.ceiling(&asked(spoken, None), 1), None);
    assert!(silent.ceiling(&asked(json!({}), None), 1).is_some());
}

#[test]
fn busy_hours_cost_more() {
    let price = listed(true, true);
    for (at, is_busy) in [
        ("2026-11-20T00:59:59.999Z", false),
        ("2026-11-20T01:00:00Z", true),
        ("2026-11-20T04:00:00Z", false),
        ("2026-11-20T09:59:00Z", true),
        ("2026-11-21T02:00:00Z", false),
        ("2026-11-22T02:00:00Z", false),
        ("2026-11-23T02:00:00Z", true),
    ] {
        let at: Moment = serde_json::from_value(json!(at)).expect("a moment");
        let applies = price.applying(&asked(json!({}), None), at, None).expect("covered");
        assert_eq!(applies.base == price.base, is_busy, "{at}");
    }
}
