//! Which rates one call pays: a price list holds for calls of text at the usual service, and some
//! providers are cheaper outside their busy hours.
//!
//! What a list does not cover has no price here, rather than a wrong one.

use serde_json::{Map, Value};

use crate::call::moment::Moment;
use crate::call::money::{Covers, Price, Rates, Usd};
use crate::call::request::{Content, Message, Request};

/// Parameters whose value can change what a token costs, and the values that do not.
const USUAL: &[(&str, &[&str])] = &[
    ("service_tier", &["auto", "default", "standard", "standard_only", "on_demand"]),
    ("speed", &["standard"]),
    ("inference_geo", &["global"]),
];

/// Parameters that order something which is billed beside the tokens.
const EXTRAS: &[&str] = &["web_search_options", "plugins", "search_parameters"];

/// Busy hours in UTC on Monday to Friday, as `DeepSeek` and Tencent state them; all providers of
/// the table that have such hours have these.
const BUSY: [std::ops::Range<i64>; 2] = [1..4, 6..10];

/// The most that one token of a call can cost, whatever the answer turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// One token of input, in whichever part of it.
    pub input: Usd,
    /// One token of output.
    pub output: Usd,
}

impl Ceiling {
    /// The most that a call with at most so many tokens can cost.
    pub fn at_most(&self, input: u64, output: u64) -> Usd {
        self.input.times(input) + self.output.times(output)
    }

    fn of(rates: &Rates) -> Self {
        Self {
            input: rates.input.max(rates.cache_read).max(rates.cache_write),
            output: rates.output.max(rates.reasoning),
        }
    }

    fn or_more(self, other: Self) -> Self {
        Self { input: self.input.max(other.input), output: self.output.max(other.output) }
    }
}

impl Price {
    /// The highest rates that a call of this request can pay, with at most so many input tokens:
    /// for each input token, and for each output token. `None` when this is not the price of such
    /// a call.
    pub fn ceiling(&self, request: &Request, input_at_most: u64) -> Option<Ceiling> {
        if !self.is_of(request) {
            return None;
        }
        let tiers = self.tiers.iter().filter(|tier| tier.above < input_at_most);
        let rates = tiers.map(|tier| &tier.rates).chain(&self.off_peak);
        let base = Ceiling::of(&self.base);
        Some(rates.map(Ceiling::of).fold(base, Ceiling::or_more))
    }

    /// The price of this call when it is sent at that moment; `None` when this is not the price of
    /// such a call.
    pub fn applying(&self, request: &Request, at: Moment) -> Option<Self> {
        if !self.is_of(request) {
            return None;
        }
        match self.off_peak {
            Some(base) if !is_busy(at) => Some(Self { base, ..self.clone() }),
            _ => Some(self.clone()),
        }
    }

    /// Whether this is the price of such a call.
    fn is_of(&self, request: &Request) -> bool {
        match self.covers {
            Covers::Every => true,
            Covers::Plain { audio, images } => {
                is_usual(&request.params)
                    && (audio || !has_audio(request))
                    && (images || !has_part(request, &["image_url", "image", "input_image"]))
            }
        }
    }
}

/// Whether these parameters ask for the usual service and for nothing that is billed by itself.
fn is_usual(params: &Map<String, Value>) -> bool {
    let usual = |(name, values): &(&str, &[&str])| match params.get(*name) {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str().is_some_and(|value| values.contains(&value)),
    };
    let is_function = |tool: &Value| tool.get("type").is_none_or(|kind| *kind == "function");
    let tools = params.get("tools").and_then(Value::as_array);
    let extra = params.get("extra").and_then(Value::as_object);
    USUAL.iter().all(usual)
        && EXTRAS.iter().all(|name| params.get(*name).is_none_or(Value::is_null))
        && tools.is_none_or(|tools| tools.iter().all(is_function))
        && extra.is_none_or(is_usual)
}

/// Whether sound goes in, or may come out.
fn has_audio(request: &Request) -> bool {
    let says = |value: &Value, word: &str| {
        value.as_array().is_some_and(|list| {
            let is_word =
                |item: &Value| item.as_str().is_some_and(|item| item.eq_ignore_ascii_case(word));
            list.iter().any(is_word)
        })
    };
    request.params.get("modalities").is_some_and(|kinds| says(kinds, "audio"))
        || has_part(request, &["input_audio", "audio_url", "video_url", "input_video", "file"])
}

fn has_part(request: &Request, kinds: &[&str]) -> bool {
    let is_one = |part: &Value| {
        let kind = part.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| kinds.contains(&kind)) && !is_document(part)
    };
    let has_one = |message: &Message| match &message.content {
        Content::Parts(Value::Array(parts)) => parts.iter().any(is_one),
        _ => false,
    };
    request.messages.iter().any(has_one)
}

/// Whether a part is a file that is read as text and pages.
fn is_document(part: &Value) -> bool {
    let data = part.get("file").and_then(|file| file.get("file_data")).and_then(Value::as_str);
    data.is_some_and(|data| {
        data.starts_with("data:application/pdf") || data.starts_with("data:text/")
    })
}

fn is_busy(at: Moment) -> bool {
    let hours = at.as_millis().div_euclid(3_600_000);
    // The first day of 1970 was a Thursday.
    let weekday = (hours.div_euclid(24) + 3).rem_euclid(7);
    weekday < 5 && BUSY.iter().any(|busy| busy.contains(&hours.rem_euclid(24)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::call::money::Tier;

    fn listed(audio: bool, images: bool) -> Price {
        let rates = Rates::new(Usd::from_pico(2), Usd::from_pico(4));
        let covers = Covers::Plain { audio, images };
        let off_peak = Some(Rates::new(Usd::from_pico(1), Usd::from_pico(2)));
        Price { off_peak, covers, ..Price::stated(rates) }
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

    #[test]
    fn a_list_is_the_price_of_plain_calls_alone() {
        let now = Moment::from_millis(0);
        let sound = || Some(json!({"type": "input_audio", "input_audio": {}}));
        let image = || Some(json!({"type": "image_url", "image_url": {"url": "x"}}));
        let paper = "data:application/pdf;base64,QQ==";
        let paper = || Some(json!({"type": "file", "file": {"file_data": paper}}));
        for (params, part, covered) in [
            (json!({"temperature": 1, "service_tier": "auto", "tools": [{}]}), None, true),
            (json!({"service_tier": "flex"}), None, false),
            (json!({"extra": {"speed": "fast"}}), None, false),
            (json!({"inference_geo": "us"}), None, false),
            (json!({"web_search_options": {}}), None, false),
            (json!({"tools": [{"type": "web_search"}]}), None, false),
            (json!({"modalities": ["text", "AUDIO"]}), None, false),
            (json!({}), sound(), false),
            (json!({}), image(), false),
            (json!({}), paper(), true),
        ] {
            let request = asked(params, part);
            let applies = |price: Price| price.applying(&request, now).is_some();
            assert_eq!(applies(listed(false, false)), covered, "{request:?}");
            let every = Price { covers: Covers::Every, ..listed(false, false) };
            assert!(applies(every), "{request:?}");
        }
        assert!(listed(true, false).applying(&asked(json!({}), sound()), now).is_some());
        assert!(listed(false, true).applying(&asked(json!({}), image()), now).is_some());
    }

    #[test]
    fn the_ceiling_is_the_highest_that_a_call_can_pay() {
        let rates = |input, output| Rates::new(Usd::from_pico(input), Usd::from_pico(output));
        let base = Rates { cache_write: Usd::from_pico(3), ..rates(2, 4) };
        let tiers = [Tier { above: 100, rates: rates(5, 9) }].into();
        let price = Price { base, tiers, ..listed(false, true) };
        let plain = asked(json!({}), None);
        let most = |input| price.ceiling(&plain, input).expect("covered").at_most(input, 10);
        assert_eq!(most(100), Usd::from_pico(340));
        assert_eq!(most(101), Usd::from_pico(595));
        let sound = asked(json!({"modalities": ["audio"]}), None);
        assert_eq!(price.ceiling(&sound, 1), None);
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
            let applies = price.applying(&asked(json!({}), None), at).expect("covered");
            assert_eq!(applies.base == price.base, is_busy, "{at}");
        }
    }
}
