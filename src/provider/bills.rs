//! What answers cost, to the picodollar: from a reply's bytes through its dialect and the table of
//! models. The sums were done by hand.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::call::moment::Moment;
use crate::call::money::{Cost, Price, Rates, Usd, per_token};
use crate::call::request::Request;
use crate::call::response::Response;
use crate::provider::draft::Draft;
use crate::provider::models;
use crate::provider::table::dialect;
use crate::wire::frames::Frame;
use crate::wire::message::{Headers, WireReply};

/// Noon of a Sunday: nobody's busy hours.
fn noon() -> Moment {
    serde_json::from_value(json!("2026-11-22T12:00:00Z")).expect("a moment")
}

fn reply(body: &Value) -> WireReply {
    WireReply { status: 200, headers: Headers::default(), body: body.to_string().into() }
}

/// The answer in a body of this dialect; one that is none was counted all the same.
fn answer(tongue: &str, body: &Value) -> Response {
    let dialect = dialect(tongue).expect("a dialect");
    dialect.decode(&reply(body)).unwrap_or_else(|rejected| {
        *rejected.response.unwrap_or_else(|| panic!("{:?}", rejected.failure))
    })
}

/// The answer of a stream of these frames.
fn streamed(tongue: &str, frames: &[Value]) -> Response {
    let dialect = dialect(tongue).expect("a dialect");
    let mut draft = Draft::default();
    for frame in frames {
        let event = frame["type"].as_str().unwrap_or_default().to_owned();
        let frame = Frame { event, data: frame.to_string() };
        dialect.fold(&mut draft, &frame).expect("a frame");
    }
    draft.response().expect("an answer")
}

fn listed(provider: &str, model: &str) -> Price {
    models::find(provider, model).and_then(|row| row.price).expect("a price")
}

fn asked(params: Value) -> Request {
    let params: serde_json::Map<String, Value> = serde_json::from_value(params).expect("params");
    Request { params: Arc::new(params.into()), ..Request::new("m").user("hi") }
}

/// The cost as the engine counts it.
fn billed(price: &Price, params: Value, response: &Response) -> Cost {
    let price = price.applying(&asked(params), noon(), response.service_tier.as_deref());
    Cost::of(price.as_ref(), response.charged())
}

fn cost(price: &Price, response: &Response) -> String {
    let cost = billed(price, json!({}), response);
    cost.usd().map_or_else(|| cost.status().as_str().to_owned(), |usd| usd.to_string())
}

fn token(text: &str) -> Usd {
    per_token(text.parse().expect("a price")).expect("exact")
}

fn claude(usage: &Value) -> Value {
    json!({"id": "m", "model": "c", "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn", "usage": usage})
}

fn chat(usage: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion", "model": "g", "usage": usage, "choices":
        [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}]})
}

fn gemini(usage: &Value) -> Value {
    json!({"candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": usage})
}

#[test]
fn claude_3_7_sonnet_writes_a_cache() {
    let told = json!({"input_tokens": 3, "cache_creation_input_tokens": 12_304,
        "cache_read_input_tokens": 0, "output_tokens": 550});
    let response = answer("anthropic", &claude(&told));
    let listed = listed("anthropic", "claude-3-7-sonnet-20250219");
    // 3 × 3 + 12,304 × 3.75 + 550 × 15 = 54,399 millionths.
    assert_eq!(cost(&listed, &response), "0.054399");
    let stated = Price::stated(Rates {
        cache_write: Some(token("3.75")),
        cache_read: Some(token("0.30")),
        ..Rates::new(token("3"), token("15"))
    });
    assert_eq!(cost(&stated, &response), "0.054399");
    assert_eq!(response.usage.and_then(|usage| usage.prompt_tokens()), Some(12_307));
}

#[test]
fn gpt_5_nano_reasons() {
    let told = json!({"prompt_tokens": 17, "completion_tokens": 482, "total_tokens": 499,
        "completion_tokens_details": {"reasoning_tokens": 448}});
    let response = answer("openai", &chat(&told));
    // 17 × 0.05 + 482 × 0.40 = 193.65 millionths.
    assert_eq!(cost(&listed("openai", "gpt-5-nano"), &response), "0.00019365");
    let told = json!({"input_tokens": 17, "output_tokens": 482, "total_tokens": 499,
        "output_tokens_details": {"reasoning_tokens": 448}});
    let body = json!({"id": "r", "status": "completed", "usage": told, "service_tier": "default",
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "hi"}]}]});
    let response = answer("openai-responses", &body);
    assert_eq!(cost(&listed("openai", "gpt-5-nano"), &response), "0.00019365");
}

#[test]
fn gpt_4o_reads_a_cache() {
    let told = json!({"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100,
        "prompt_tokens_details": {"cached_tokens": 800, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}});
    // 200 × 2.5 + 800 × 1.25 + 100 × 10 = 2,500 millionths.
    assert_eq!(cost(&listed("openai", "gpt-4o"), &answer("openai", &chat(&told))), "0.0025");
    let piece =
        json!({"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]});
    let last = json!({"choices": [], "usage": told});
    let response = streamed("openai", &[piece, last]);
    assert_eq!(cost(&listed("openai", "gpt-4o"), &response), "0.0025");
}

#[test]
fn gemini_2_5_pro_is_dearer_above_its_mark() {
    let price = listed("gemini", "gemini-2.5-pro");
    for (input, usd) in [(250_000, "0.64"), (200_001, "0.5150025"), (200_000, "0.26")] {
        let told = json!({"promptTokenCount": input, "candidatesTokenCount": 1_000,
            "totalTokenCount": input + 1_000});
        assert_eq!(cost(&price, &answer("gemini", &gemini(&told))), usd, "{input}");
    }
    // Half of the output is thought, which the candidates leave out; half of the input is cached.
    let told = json!({"promptTokenCount": 1_000, "cachedContentTokenCount": 500,
        "candidatesTokenCount": 500, "thoughtsTokenCount": 500, "totalTokenCount": 2_000});
    assert_eq!(cost(&price, &answer("gemini", &gemini(&told))), "0.0106875");
}

#[test]
fn a_cache_of_an_hour_costs_more_than_one_of_minutes() {
    let told = json!({"input_tokens": 0, "output_tokens": 0, "cache_creation_input_tokens": 1_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 600},
        "service_tier": "standard"});
    let price = listed("anthropic", "claude-haiku-4-5");
    // 400 × 1.25 + 600 × 2 = 1,700 millionths.
    assert_eq!(cost(&price, &answer("anthropic", &claude(&told))), "0.0017");
    let start = json!({"type": "message_start", "message": {"id": "m", "usage": told}});
    let block = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "text", "text": "hi"}});
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
        "usage": {"output_tokens": 10, "cache_creation_input_tokens": 1_000}});
    let response = streamed("anthropic", &[start, block, delta]);
    assert_eq!(cost(&price, &response), "0.00175");
    let body = json!({"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 0, "outputTokens": 0, "cacheWriteInputTokens": 1_000,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 400}, {"ttl": "1h", "inputTokens": 600}]}});
    let bedrock = listed("bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0");
    assert_eq!(cost(&bedrock, &answer("bedrock", &body)), "0.0017");
    // The list of long input does not tell what an hour costs there.
    let told = json!({"input_tokens": 200_001, "output_tokens": 0, "cache_creation":
        {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1}});
    let sonnet = listed("anthropic", "claude-sonnet-4-20250514");
    assert_eq!(cost(&sonnet, &answer("anthropic", &claude(&told))), "unknown_price");
}

#[test]
fn the_service_that_served_a_call_is_what_it_pays() {
    let price = listed("openai", "gpt-5");
    let counts = json!({"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100});
    let served = |tier: Value| {
        let mut body = chat(&counts);
        body["service_tier"] = tier;
        answer("openai", &body)
    };
    let flex = || json!({"service_tier": "flex"});
    for (params, tier, usd) in [
        (json!({}), json!("default"), Some("0.00225")),
        (flex(), json!("flex"), Some("0.001125")),
        (flex(), json!(null), Some("0.001125")),
        (flex(), json!("default"), Some("0.00225")),
        (json!({"service_tier": "fast"}), json!("priority"), Some("0.0045")),
        (json!({"service_tier": "auto"}), json!("priority"), Some("0.0045")),
        (json!({"service_tier": "auto"}), json!("auto"), Some("0.00225")),
        (json!({}), json!("scale"), None),
    ] {
        let cost = billed(&price, params.clone(), &served(tier.clone()));
        let usd = usd.map(|usd| usd.parse::<Usd>().expect("an amount"));
        assert_eq!(cost.usd(), usd, "{params} {tier}");
    }
    // Nobody tells what a cached token costs at flex.
    let mut cached = chat(&json!({"prompt_tokens": 1_000, "completion_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 1}}));
    cached["service_tier"] = "flex".into();
    assert_eq!(billed(&price, flex(), &answer("openai", &cached)), Cost::UnknownPrice);
    let told = json!({"input_tokens": 1_000, "output_tokens": 100, "service_tier": "batch"});
    let haiku = listed("anthropic", "claude-haiku-4-5");
    assert_eq!(cost(&haiku, &answer("anthropic", &claude(&told))), "0.00075");
    let told = json!({"input_tokens": 1_000, "output_tokens": 100, "service_tier": "priority"});
    assert_eq!(cost(&haiku, &answer("anthropic", &claude(&told))), "unknown_price");
    let flash = listed("gemini", "gemini-2.5-flash");
    for (tier, usd) in [
        (json!({"serviceTier": "flex"}), "0.0004"),
        (json!({"trafficType": "ON_DEMAND_PRIORITY"}), "0.00144"),
        (json!({"trafficType": "ON_DEMAND"}), "0.0008"),
        (json!({"trafficType": "PROVISIONED_THROUGHPUT"}), "unknown_price"),
    ] {
        let mut told = json!({"promptTokenCount": 1_000, "candidatesTokenCount": 200});
        told.as_object_mut().expect("counts").extend(tier.as_object().expect("a tier").clone());
        assert_eq!(cost(&flash, &answer("gemini", &gemini(&told))), usd, "{tier}");
    }
    let mut reply =
        reply(&gemini(&json!({"promptTokenCount": 1_000, "candidatesTokenCount": 200})));
    reply.headers.push("x-gemini-service-tier", "standard");
    let response = dialect("gemini").expect("a dialect").decode(&reply).expect("an answer");
    let priority = json!({"service_tier": "priority"});
    let usd = billed(&flash, priority, &response).usd().expect("known");
    assert_eq!(usd.to_string(), "0.0008");
    let nova = listed("bedrock", "amazon.nova-pro-v1:0");
    let body = json!({"output": {"message": {"content": [{"text": "hi"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 1_000, "outputTokens": 100}, "serviceTier": {"type": "priority"}});
    assert_eq!(cost(&nova, &answer("bedrock", &body)), "0.00196");
}

#[test]
fn a_mark_is_passed_by_more_and_at_xai_reached() {
    let used = |input: u64| {
        // xAI leaves the reasoning out of the completion.
        let told = json!({"prompt_tokens": input, "completion_tokens": 400,
            "total_tokens": input + 1_000, "completion_tokens_details": {"reasoning_tokens": 600}});
        answer("openai", &chat(&told))
    };
    let grok = listed("xai", "grok-4.7");
    for (input, usd) in [(199_999, "0.405998"), (200_000, "0.812"), (200_001, "0.812004")] {
        assert_eq!(cost(&grok, &used(input)), usd, "{input}");
    }
    let sol = listed("openai", "gpt-6-sol");
    for (input, usd) in [(271_999, "0.553998"), (272_000, "0.554"), (272_001, "1.103004")] {
        assert_eq!(cost(&sol, &used(input)), usd, "{input}");
    }
    // Ranges: up to 32,000, 128,000 and 256,000, and beyond.
    let qwen = listed("dashscope", "qwen3-coder-plus");
    for (input, usd) in [
        (32_000, "0.037"),
        (32_001, "0.0666018"),
        (128_000, "0.2394"),
        (128_001, "0.399003"),
        (256_001, "1.596006"),
    ] {
        assert_eq!(cost(&qwen, &used(input)), usd, "{input}");
    }
}

#[test]
fn newest_models_of_openai_bill_what_they_write_to_the_cache() {
    let told = json!({"prompt_tokens": 1_000, "completion_tokens": 0, "total_tokens": 1_000,
        "prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": 300}});
    // 200 × 2 + 500 × 0.2 + 300 × 2.5 = 1,250 millionths.
    let price = listed("openai", "gpt-6-sol");
    assert_eq!(cost(&price, &answer("openai", &chat(&told))), "0.00125");
}

#[test]
fn sound_costs_what_sound_costs() {
    let told = json!({"prompt_tokens": 110, "completion_tokens": 60, "total_tokens": 170,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 50}});
    let response = answer("openai", &chat(&told));
    // 10 × 2.5 + 100 × 32 + 10 × 10 + 50 × 64 = 6,525 millionths.
    assert_eq!(cost(&listed("openai", "gpt-audio"), &response), "0.006525");
    assert_eq!(cost(&listed("openai", "gpt-4o"), &response), "unknown_price");
    let told = json!({"promptTokenCount": 110, "candidatesTokenCount": 10, "promptTokensDetails":
        [{"modality": "TEXT", "tokenCount": 10}, {"modality": "AUDIO", "tokenCount": 100}]});
    // 10 × 0.3 + 100 × 1 + 10 × 2.5 = 128 millionths.
    let flash = listed("gemini", "gemini-2.5-flash");
    assert_eq!(cost(&flash, &answer("gemini", &gemini(&told))), "0.000128");
    // Cached sound is in the cached part alone, and what it costs there is not known.
    let mut cached = told;
    cached["cachedContentTokenCount"] = json!(80);
    cached["cacheTokensDetails"] = json!([{"modality": "AUDIO", "tokenCount": 80}]);
    let response = answer("gemini", &gemini(&cached));
    let usage = response.usage.expect("told");
    assert_eq!((usage.input, usage.cached, usage.audio_input), (Some(10), Some(80), Some(20)));
    assert_eq!(cost(&flash, &response), "unknown_usage");
}

#[test]
fn what_was_not_told_is_not_free() {
    let price = listed("openai", "gpt-4o");
    for usage in [json!(null), json!({}), json!({"prompt_tokens": 0, "completion_tokens": 0})] {
        assert_eq!(cost(&price, &answer("openai", &chat(&usage))), "unknown_usage");
    }
    let halved = json!({"prompt_tokens": 0, "completion_tokens": 7});
    assert_eq!(cost(&price, &answer("openai", &chat(&halved))), "unknown_usage");
    let body =
        json!({"model": "l", "message": {"role": "assistant", "content": "hi"}, "done": true});
    assert_eq!(cost(&price, &answer("ollama", &body)), "unknown_usage");
    let body = json!({"id": "c", "message": {"content": [{"type": "text", "text": "hi"}]},
        "finish_reason": "COMPLETE"});
    assert_eq!(cost(&price, &answer("cohere", &body)), "unknown_usage");
}

#[test]
fn a_blocked_prompt_is_billed_for_what_it_held() {
    let price = listed("gemini", "gemini-2.5-flash");
    let body = json!({"promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 1_000}});
    assert_eq!(cost(&price, &answer("gemini", &body)), "0.0003");
    let body = json!({"usageMetadata": {"promptTokenCount": 1_000, "totalTokenCount": 1_000}});
    assert_eq!(cost(&price, &answer("gemini", &body)), "0.0003");
}

#[test]
fn cohere_charges_what_it_bills_and_not_what_the_model_saw() {
    let body = json!({"id": "c", "message": {"content": [{"type": "text", "text": "hi"}]},
        "finish_reason": "COMPLETE", "usage": {"billed_units": {"input_tokens": 21, "output_tokens": 14},
            "tokens": {"input_tokens": 830, "output_tokens": 40}, "cached_tokens": 0}});
    let price = Price::stated(Rates::new(token("2.5"), token("10")));
    assert_eq!(cost(&price, &answer("cohere", &body)), "0.0001925");
}

#[test]
fn deepseek_names_what_was_cached_in_its_own_words() {
    let told = json!({"prompt_tokens": 1_000, "completion_tokens": 10, "total_tokens": 1_010,
        "prompt_cache_hit_tokens": 900, "prompt_cache_miss_tokens": 100});
    let response = answer("openai", &chat(&told));
    // Off-peak: 100 × 0.15 + 900 × 0.003 + 10 × 0.6 = 23.7 millionths.
    assert_eq!(cost(&listed("deepseek", "deepseek-flash"), &response), "0.0000237");
}
