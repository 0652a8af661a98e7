//! Which rates one call pays: those of the service that served it, and some providers are cheaper
//! outside their busy hours.
//!
//! What a list does not cover has no price here, rather than a wrong one.

use serde_json::{Map, Value};

use crate::call::moment::Moment;
use crate::call::money::{Covers, Price, Rates, Service, Sound, Tier, Usd};
use crate::call::request::{Content, Message, Request};
use crate::call::service::Served;

/// Parameters whose value can change what a token costs, and the values that do not.
const USUAL: &[(&str, &[&str])] = &[("speed", &["standard"]), ("inference_geo", &["global"])];

/// Parameters that order something which is billed beside the tokens.
const EXTRAS: &[&str] = &["web_search_options", "plugins", "search_parameters"];

/// Parts in which sound can go in.
const SOUND: &[&str] = &["input_audio", "audio_url", "video_url", "input_video", "file"];

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

    /// The highest of these rates. Where a part has none, it is taken to cost as many times the
    /// input or the output as it does at the usual service; `None` where it has none there either.
    fn of(rates: &Rates, usual: &Rates, sound: Sound) -> Option<Self> {
        let mut most = Self { input: rates.input, output: rates.output };
        for (own, theirs, is_met) in [
            (rates.cache_read, usual.cache_read, true),
            (rates.cache_write, usual.cache_write, true),
            (rates.cache_write_1h, usual.cache_write_1h, true),
            (rates.audio_input, usual.audio_input, sound.goes_in),
        ] {
            if is_met {
                let like = || theirs.map(|rate| scaled(rate, rates.input, usual.input));
                most.input = most.input.max(own.or_else(like)?);
            }
        }
        for (own, theirs, is_met) in [
            (rates.reasoning, usual.reasoning, true),
            (rates.audio_output, usual.audio_output, sound.comes_out),
        ] {
            if is_met {
                let like = || theirs.map(|rate| scaled(rate, rates.output, usual.output));
                most.output = most.output.max(own.or_else(like)?);
            }
        }
        Some(most)
    }

    fn or_more(self, other: Self) -> Self {
        Self { input: self.input.max(other.input), output: self.output.max(other.output) }
    }

    /// These rates, as many times as one list is dearer than another.
    fn scaled(self, list: &Rates, than: &Rates) -> Self {
        Self {
            input: scaled(self.input, list.input, than.input),
            output: scaled(self.output, list.output, than.output),
        }
    }
}

/// An amount, as many times as one rate is another; rounded up.
fn scaled(amount: Usd, rate: Usd, other: Usd) -> Usd {
    if other <= Usd::ZERO {
        return amount.max(rate);
    }
    let product = amount.as_pico().saturating_mul(rate.as_pico());
    let (whole, rest) = (product / other.as_pico(), product % other.as_pico());
    Usd::from_pico(whole.saturating_add(i128::from(rest > 0)))
}

impl Price {
    /// The highest rates that a call of this request can pay, with at most so many input tokens:
    /// for each input token, and for each output token. `None` when this is not the price of such
    /// a call. What was asked for may be served as usual, and `auto` as `priority`.
    pub fn ceiling(&self, request: &Request, input_at_most: u64) -> Option<Ceiling> {
        if !self.is_of(request) {
            return None;
        }
        let sound = self.sound_of(request);
        let usual = reached(&self.base, &self.tiers, input_at_most).chain(&self.off_peak);
        let usual = self.most(usual, sound)?;
        let service = match Served::asked(&request.params) {
            _ if self.covers == Covers::Every => None,
            Served::Usual => None,
            Served::Auto => self.service("priority"),
            Served::Named(name) => Some(self.service(&name)?),
        };
        let Some(service) = service else { return Some(usual) };
        let most = self.most(reached(&service.base, &service.tiers, input_at_most), sound)?;
        let is_known = service.up_to.is_none_or(|known| input_at_most <= known);
        let unknown = usual.scaled(&service.base, &self.base);
        Some(usual.or_more(if is_known { most } else { most.or_more(unknown) }))
    }

    /// The highest of these lists.
    fn most<'r>(&self, lists: impl Iterator<Item = &'r Rates>, sound: Sound) -> Option<Ceiling> {
        let ceilings = lists.map(|rates| Ceiling::of(rates, &self.base, sound));
        ceilings.reduce(|one, two| Some(one?.or_more(two?)))?
    }

    /// The price of this call when it is sent at that moment, and the answer says that this
    /// service served it; `None` when this is not the price of such a call.
    pub fn applying(&self, request: &Request, at: Moment, served: Option<&str>) -> Option<Self> {
        if !self.is_of(request) {
            return None;
        }
        let price = Self { sound: self.sound_of(request), ..self.clone() };
        if let (Served::Named(name), Covers::Plain { .. }) =
            (Served::paid(served, &request.params), self.covers)
        {
            let Service { base, tiers, up_to, .. } = self.service(&name)?.clone();
            return Some(Self { base, tiers, up_to, off_peak: None, ..price });
        }
        match self.off_peak {
            Some(base) if !is_busy(at) => Some(Self { base, ..price }),
            _ => Some(price),
        }
    }

    fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// Whether this is the price of such a call.
    fn is_of(&self, request: &Request) -> bool {
        match self.covers {
            Covers::Every => true,
            Covers::Plain { images, kept, .. } => {
                is_plain(&request.params)
                    && (images || !has_part(request, &["image_url", "image", "input_image"]))
                    && (kept || !is_kept(&request.params))
            }
        }
    }

    /// The sound of this call whose price is not that of text.
    fn sound_of(&self, request: &Request) -> Sound {
        match self.covers {
            Covers::Plain { audio: false, .. } => {
                Sound { goes_in: has_part(request, SOUND), comes_out: is_spoken(&request.params) }
            }
            _ => Sound::default(),
        }
    }
}

/// The rates that a request with at most so much input may pay.
fn reached<'r>(
    base: &'r Rates,
    tiers: &'r [Tier],
    input_at_most: u64,
) -> impl Iterator<Item = &'r Rates> {
    let tiers = tiers.iter().filter(move |tier| tier.above < input_at_most);
    std::iter::once(base).chain(tiers.map(|tier| &tier.rates))
}

/// Whether these parameters order nothing that is billed otherwise than by the listed rates.
fn is_plain(params: &Map<String, Value>) -> bool {
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
        && extra.is_none_or(is_plain)
}

/// Whether what is written to a cache shall stay there for a day.
fn is_kept(params: &Map<String, Value>) -> bool {
    let extra = params.get("extra").and_then(Value::as_object);
    params.get("prompt_cache_retention").is_some_and(|kept| *kept == "24h")
        || extra.is_some_and(is_kept)
}

/// Whether sound may come out.
fn is_spoken(params: &Map<String, Value>) -> bool {
    let is_word =
        |item: &Value| item.as_str().is_some_and(|item| item.eq_ignore_ascii_case("audio"));
    let kinds = params.get("modalities").and_then(Value::as_array);
    kinds.is_some_and(|kinds| kinds.iter().any(is_word))
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
mod tests;
