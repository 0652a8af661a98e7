//! Money, held against sums done by hand.

use super::*;

#[test]
fn decimal_text_is_read_and_written_exactly() {
    for text in ["0", "1", "0.0375", "0.000000000001", "-2.5", "123456.789"] {
        assert_eq!(text.parse::<Usd>().expect(text).to_string(), text);
    }
    assert_eq!("2.50".parse::<Usd>().expect("padded").to_string(), "2.5");
    assert_eq!("5e-7".parse::<Usd>().expect("exponent").to_string(), "0.0000005");
    assert_eq!("0.0000000000001".parse::<Usd>(), Err(UsdError::TooFine));
    for text in ["", ".", "a", "1.2.3", "1 2", "--1", "1e"] {
        assert_eq!(text.parse::<Usd>(), Err(UsdError::NotDecimal), "{text}");
    }
    assert_eq!("1e40".parse::<Usd>(), Err(UsdError::TooLarge));
}

#[test]
fn a_price_per_million_is_exact_per_token() {
    let usd: Usd = "0.0375".parse().expect("a price");
    assert_eq!(per_token(usd), Some(Usd::from_pico(37_500)));
    assert_eq!(per_token(Usd::from_pico(1)), None);
}

fn token(text: &str) -> Usd {
    per_token(text.parse().expect("a price")).expect("exact")
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input: Some(input), output: Some(output), ..Usage::default() }
}

fn costs(price: &Price, usage: &Usage) -> String {
    price.cost(usage).usd().expect("known").to_string()
}

#[test]
fn cached_tokens_are_billed_once() {
    let rates = Rates { cache_read: Some(token("1.25")), ..Rates::new(token("2.5"), token("10")) };
    let price = Price::stated(rates);
    let usage = Usage { cached: Some(800), ..usage(200, 100) };
    assert_eq!(costs(&price, &usage), "0.0025");
    assert_eq!(Cost::of(None, Some(&usage)).status(), CostStatus::UnknownPrice);
    assert_eq!(Cost::of(Some(&price), None).status(), CostStatus::UnknownUsage);
    let untold = Usage { output: None, ..usage };
    assert_eq!(price.cost(&untold), Cost::UnknownUsage);
}

#[test]
fn what_has_no_rate_of_its_own_is_input_or_output_and_a_zero_is_one() {
    let all = Usage {
        cached: Some(10),
        cache_write: Some(100),
        reasoning: Some(1_000),
        ..usage(1, 10_000)
    };
    let plain = Rates::new(token("1"), token("2"));
    // 111 of input and 11,000 of output.
    assert_eq!(costs(&Price::stated(plain), &all), "0.022111");
    let own = Rates { cache_write: Some(Usd::ZERO), reasoning: Some(token("3")), ..plain };
    // 11 of input, 10,000 of output and 1,000 of reasoning.
    assert_eq!(costs(&Price::stated(own), &all), "0.023011");
    assert_eq!(per_million(token("0.0375")).to_string(), "0.0375");
}

#[test]
fn a_tier_takes_all_tokens_of_a_request_with_more_input_than_its_mark() {
    let tier =
        |above, input, output| Tier { above, rates: Rates::new(token(input), token(output)) };
    let mut price = Price::stated(Rates::new(token("1"), token("10")));
    price.tiers = [tier(100, "2", "20"), tier(200, "3", "30")].into();
    for (input, cached, cost) in
        [(100, 0, "0.0002"), (101, 0, "0.000402"), (1, 100, "0.000402"), (201, 0, "0.000903")]
    {
        let usage = Usage { cached: Some(cached), ..usage(input, 10) };
        assert_eq!(costs(&price, &usage), cost, "{input} + {cached}");
    }
}

#[test]
fn what_was_read_from_a_cache_is_told_apart() {
    let rates = Rates::new(Usd::from_pico(10), Usd::from_pico(20));
    let low = Rates { cache_read: Some(Usd::from_pico(1)), ..rates };
    let high = Tier { above: 1_000, rates: Rates { cache_read: Some(Usd::from_pico(2)), ..rates } };
    let price = Price { tiers: [high].into(), ..Price::stated(low) };
    let cached = |input, cached| price.cached_cost(&Usage { cached, ..usage(input, 5) });
    assert_eq!(cached(200, Some(800)), Some(Usd::from_pico(800)));
    assert_eq!(cached(201, Some(800)), Some(Usd::from_pico(1_600)));
    assert_eq!((cached(10, Some(0)), cached(10, None)), (None, None));
}
