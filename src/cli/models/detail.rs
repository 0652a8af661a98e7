//! One model, with all that is known of it and where it is from.

use std::fmt::Write as _;

use crate::call::money::Covers;
use crate::provider::models::Listing;
use crate::report::figures::count;

/// How wide the names of the lines are.
const WIDTH: usize = 14;

/// The text for people.
pub(super) fn text(row: &Listing, today: &str) -> String {
    let mut text = format!("{}/{}\n", row.provider, row.model);
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:WIDTH$}  {value}");
        }
    };
    let tokens = |tokens: Option<u64>| {
        tokens.map_or_else(|| "not known".to_owned(), |tokens| format!("{} tokens", count(tokens)))
    };
    say("routes", &row.routes.replace(' ', ", "));
    say("window", &tokens(row.window));
    say("max output", &tokens(row.max_output));
    prices(row, &mut say);
    let (can, cannot): (Vec<&str>, Vec<&str>) =
        row.abilities.flags().partition(|flag| !flag.starts_with('-'));
    let cannot: Vec<&str> = cannot.iter().map(|flag| flag.trim_start_matches('-')).collect();
    say("can", &can.join(", "));
    say("cannot", &cannot.join(", "));
    match row.retires {
        Some(day) if day <= today => say("retired", &format!("since {day}: expect a 404")),
        Some(day) => say("retires", &format!("on {day}")),
        None => {}
    }
    say("source", &format!("{}, read on {}", row.source, row.date));
    text
}

fn prices(row: &Listing, say: &mut impl FnMut(&str, &str)) {
    let listed = &row.listed;
    if listed.input.is_empty() {
        say("price", "not known; state `price` in the job");
        return;
    }
    say("price", "USD per million tokens");
    for (name, amount) in [
        ("  input", listed.input),
        ("  output", listed.output),
        ("  cache read", listed.cache_read),
        ("  cache write", listed.cache_write),
        ("  kept 1 hour", listed.cache_write_1h),
        ("  reasoning", listed.reasoning),
    ] {
        say(name, amount);
    }
    for (name, amount) in words(listed.other, '=') {
        match name {
            "audio_in" => say("  sound in", amount),
            "audio_out" => say("  sound out", amount),
            _ => {}
        }
    }
    for tier in listed.tiers.split('|').filter_map(marked) {
        say("  long input", &tier);
    }
    if !listed.off_peak.is_empty() {
        let hours = "outside 01-04 and 06-10 UTC on weekdays";
        say("  off-peak", &format!("{}, {hours}", spelled(listed.off_peak)));
    }
    let columns = [("batch", listed.batch), ("flex", listed.flex), ("priority", listed.priority)];
    for (name, text) in columns.into_iter().chain(words(listed.other, ':')) {
        if !text.is_empty() {
            say(&format!("  {name}"), &service(row, name, text));
        }
    }
    let is_told = |word: &&str| {
        !word.contains(':') && !word.starts_with("audio_in=") && !word.starts_with("audio_out=")
    };
    let beside: Vec<&str> = listed.other.split(' ').filter(is_told).collect();
    say("  beside", &beside.join(" "));
    say("costs", &uncounted(row));
}

/// The names and values among the other prices of a row whose names end in this mark.
fn words(other: &'static str, mark: char) -> impl Iterator<Item = (&'static str, &'static str)> {
    // A list of prices has both marks, and the first counts.
    let word = move |word: &'static str| {
        let at = word.find([':', '='])?;
        word[at..].starts_with(mark).then(|| (&word[..at], &word[at + 1..]))
    };
    other.split(' ').filter_map(word)
}

/// The prices of a service, and what of them nobody tells.
fn service(row: &Listing, name: &str, text: &str) -> String {
    let mut all: Vec<String> =
        text.split('|').map(|part| marked(part).unwrap_or_else(|| spelled(part))).collect();
    let price = row.price.as_ref();
    let service =
        price.and_then(|price| price.services.iter().find(|service| service.name == name));
    if let (Some(price), Some(service)) = (price, service) {
        let (base, rates) = (&price.base, &service.base);
        let hour = base.cache_write_1h.filter(|_| base.cache_write_1h != base.cache_write);
        for (what, usual, own) in [
            ("cache read", base.cache_read, rates.cache_read),
            ("cache write", base.cache_write, rates.cache_write),
            ("kept 1 hour", hour, rates.cache_write_1h),
            ("reasoning", base.reasoning, rates.reasoning),
            ("sound in", base.audio_input, rates.audio_input),
            ("sound out", base.audio_output, rates.audio_output),
        ] {
            if usual.is_some() && own.is_none() {
                all.push(format!("{what} not known"));
            }
        }
        if let Some(most) = service.up_to {
            all.push(format!("more than {} in not known", count(most)));
        }
    }
    all.join("; ")
}

/// Whose costs are not counted; empty where all are.
fn uncounted(row: &Listing) -> String {
    if let Some(why) = row.unpriced {
        return format!("not counted: {why}; state `price` in the job");
    }
    let Some(price) = &row.price else { return String::new() };
    let Covers::Plain { audio, images, .. } = price.covers else { return String::new() };
    let unheard = !audio && price.base.audio_input.is_none();
    let kinds = [(unheard, "sound"), (!images, "images")];
    let kinds: Vec<&str> =
        kinds.into_iter().filter_map(|(is_one, kind)| is_one.then_some(kind)).collect();
    match kinds.is_empty() {
        true => String::new(),
        false => {
            format!("not counted for calls with {}, which may cost otherwise", kinds.join(" and "))
        }
    }
}

/// `>200000:in=2.5;out=15` in words; `None` for a part without a mark.
fn marked(part: &str) -> Option<String> {
    let (mark, cells) = part.strip_prefix('>')?.split_once(':')?;
    let number = |mark: &str| mark.parse().map_or_else(|_| mark.to_owned(), count);
    let input = match mark.strip_prefix('=') {
        Some(from) => format!("{} or more", number(from)),
        None => format!("more than {}", number(mark)),
    };
    Some(format!("{} (the whole of a request with {input} in)", spelled(cells)))
}

/// `in=2.5;out=15` in words.
fn spelled(cells: &str) -> String {
    let word = |cell: &str| match cell.split_once('=') {
        Some(("in", usd)) => format!("input {usd}"),
        Some(("out", usd)) => format!("output {usd}"),
        Some(("cr", usd)) => format!("cache read {usd}"),
        Some(("cw", usd)) => format!("cache write {usd}"),
        Some(("cw1h", usd)) => format!("kept 1 hour {usd}"),
        Some(("reason", usd)) => format!("reasoning {usd}"),
        _ => cell.to_owned(),
    };
    cells.split(';').map(word).collect::<Vec<_>>().join(", ")
}
