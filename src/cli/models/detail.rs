//! One model, with all that is known of it and where it is from.

use std::fmt::Write as _;

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
    for tier in listed.tiers.split('|').filter_map(marked) {
        say("  long input", &tier);
    }
    if !listed.off_peak.is_empty() {
        let hours = "outside 01-04 and 06-10 UTC on weekdays";
        say("  off-peak", &format!("{}, {hours}", spelled(listed.off_peak)));
    }
    for (name, service) in
        [("  batch", listed.batch), ("  flex", listed.flex), ("  priority", listed.priority)]
    {
        let tiers: Vec<String> =
            service.split('|').map(|part| marked(part).unwrap_or_else(|| spelled(part))).collect();
        say(name, &tiers.join("; "));
    }
    say("  beside", listed.other);
    match row.unpriced {
        Some(why) => say("costs", &format!("not counted: {why}; state `price` in the job")),
        None => match listed.beside {
            "" => {}
            beside => {
                let kinds = beside.replace("audio", "sound").replace("image", "images");
                let kinds = kinds.replace(' ', " and ");
                say("costs", &format!("not counted for calls with {kinds}, which cost otherwise"));
            }
        },
    }
}

/// `>200000:in=2.5;out=15` in words; `None` for a part without a mark.
fn marked(part: &str) -> Option<String> {
    let (mark, cells) = part.strip_prefix('>')?.split_once(':')?;
    let mark = mark.parse().map_or_else(|_| mark.to_owned(), count);
    Some(format!("{} (the whole of a request with more than {mark} in)", spelled(cells)))
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
