//! Every row of the table, and what calls cost by some of them.

use std::collections::BTreeSet;

use super::*;
use crate::call::money::{Covers, Usd, per_token};
use crate::call::usage::Usage;
use crate::provider::catalog::Catalog;

#[test]
fn every_row_can_be_read_and_says_where_it_is_from_and_when() {
    let header = TABLE.lines().next().expect("a header");
    assert_eq!(header.split(',').count(), WIDTH);
    assert!(TABLE.len() < 900_000, "{} bytes", TABLE.len());
    assert!(!TABLE.contains('"') && !TABLE.contains('\r'), "a field is quoted");
    let is_day = |day: &str| day.len() == 10 && day.parse::<jiff::civil::Date>().is_ok();
    let catalog = Catalog::builtin();
    let mut before = ("", "");
    for line in rows().lines() {
        let listing = read(line).unwrap_or_else(|| panic!("cannot be read: {line}"));
        let own = (listing.provider, listing.model);
        assert!(before < own, "twice, or out of order: {line}");
        before = own;
        assert!(!own.0.is_empty() && !own.1.is_empty(), "{line}");
        assert!(listing.source.len() > 3 && is_day(listing.date), "no source or date: {line}");
        assert!(listing.retires.is_none_or(is_day), "{line}");
        if let Some((proper, _)) = catalog.find(listing.provider) {
            assert_eq!(listing.provider, proper, "an alias: {line}");
        }
        assert_eq!(find(own.0, own.1).as_ref(), Some(&listing), "not found: {line}");
    }
    assert!(listings().count() > 5_000);
    assert_eq!(listings().map(|listing| listing.date).max(), Some(MADE));
}

#[test]
fn every_price_is_exact_and_can_be() {
    let most: Usd = per_token("1000".parse().expect("usd")).expect("exact");
    for listing in listings() {
        let Listed { input, output, batch, flex, priority, beside, .. } = listing.listed;
        let name = format!("{}/{}", listing.provider, listing.model);
        assert_eq!(listing.price.is_some(), listing.unpriced.is_none(), "{name}");
        assert_eq!(input.is_empty(), output.is_empty(), "{name}: half a price");
        assert!(["", "audio", "image", "audio image", "always"].contains(&beside), "{name}");
        for cells in [batch, flex, priority].iter().filter(|cells| !cells.is_empty()) {
            let (base, tiers) = cells.split_once('|').unwrap_or((cells, ""));
            let listed = Listed { tiers, off_peak: base, ..listing.listed };
            assert!(prices::price(&listed, true, "x").is_some(), "{name}: {cells}");
        }
        let Some(price) = listing.price else { continue };
        assert!(price.base.input < most && price.base.output < most, "{name}: {price:?}");
        assert_eq!(&*price.version, format!("{}@{}", listing.source, listing.date));
        assert!(matches!(price.covers, Covers::Plain { .. }), "{name}");
    }
}

fn cost(provider: &str, model: &str, usage: Usage) -> String {
    let listing = find(provider, model).expect("a row");
    let cost = listing.price.expect("a price").cost(&usage);
    cost.usd().expect("a cost").to_string()
}

#[test]
fn calls_cost_what_their_providers_bill() {
    let usage =
        |input, output| Usage { input: Some(input), output: Some(output), ..Usage::default() };
    let cached = Usage { cached: Some(800), ..usage(200, 100) };
    assert_eq!(cost("openai", "gpt-4o", cached), "0.0025");
    assert_eq!(cost("gemini", "gemini-2.5-pro", usage(250_000, 1_000)), "0.64");
    assert_eq!(cost("gemini", "gemini-2.5-pro", usage(200_000, 1_000)), "0.26");
    let thinking = Usage { reasoning: Some(448), ..usage(17, 482 - 448) };
    assert_eq!(cost("openai", "gpt-5-nano", thinking), "0.00019365");
    // At xAI a request of exactly the mark pays the higher price.
    assert_eq!(cost("xai", "grok-4.7", usage(199_999, 1_000)), "0.405998");
    assert_eq!(cost("xai", "grok-4.7", usage(200_000, 1_000)), "0.812");
    // The first range is the base, above the last one it holds on.
    assert_eq!(cost("dashscope", "qwen3-coder-plus", usage(32_000, 0)), "0.032");
    assert_eq!(cost("dashscope", "qwen3-coder-plus", usage(2_000_000, 0)), "12");
    assert_eq!(cost("ollama", "llama2", usage(1_000, 1_000)), "0");
    let written = Usage { cache_write: Some(1_000), ..usage(0, 0) };
    assert_eq!(cost("anthropic", "claude-3-opus-20240229", written), "0.01875");
}

#[test]
fn a_price_is_that_of_the_very_name() {
    assert!(find("openai", "gpt-4o-2024-08-07").is_none());
    assert!(find("openai", "gpt-4").is_some_and(|gpt| gpt.retires == Some("2026-10-23")));
    assert!(find("nobody", "gpt-4o").is_none() && find("", "").is_none());
    let tuned = find("openai", "ft:gpt-4o-mini-2024-07-18:acme::id").expect("a row");
    assert_eq!(tuned.model, "ft:gpt-4o-mini-2024-07-18");
    assert!(find("openai", "ft:gpt-9:acme::id").is_none());
    let plain = find("bedrock", "anthropic.claude-3-haiku-20240307-v1:0").expect("a row");
    assert_eq!(find("bedrock", &format!("converse/{}", plain.model)), Some(plain));
}

#[test]
fn what_tokens_alone_do_not_tell_has_no_price() {
    for (provider, model, why) in [
        ("azure", "gpt-4o", "a deployment"),
        ("perplexity", "sonar", "more than their tokens"),
        ("openai", "gpt-4o-search-preview", "more than their tokens"),
        ("openrouter", "openrouter/auto", "no price"),
        ("wandb", "zai-org/GLM-4.5", "no price"),
    ] {
        let listing = find(provider, model).expect(model);
        assert_eq!(listing.price, None, "{model}");
        assert!(listing.unpriced.is_some_and(|told| told.contains(why)), "{model}");
    }
}

#[test]
fn abilities_are_had_or_lacked_or_not_known() {
    let opus = find("anthropic", "claude-opus-4-8").expect("a row").abilities;
    assert_eq!(opus.has("vision"), Some(true));
    assert_eq!(opus.has("sampling"), Some(false));
    assert_eq!(opus.has("weather"), None);
    assert_eq!(opus.value("cache_min"), Some("1024"));
}

#[test]
fn models_that_still_answer_are_told_from_those_that_do_not() {
    let names: BTreeSet<_> = names().collect();
    assert!(names.contains(&("openai", "gpt-4o")) && !names.contains(&("openai", "gpt-4")));
}
