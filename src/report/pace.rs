//! How each model was paced, over all sessions, and the table of it in `summary.md`.

use crate::call::pacing::{Pacing, Stated};
use crate::store::manifest::Session;

use super::figures::{count, millis};
use super::markdown::{escape, line};
use super::summary::Summary;

/// Less time than this, lost by a model that was never refused, is not worth a table.
const WORTH_TELLING: u64 = 1000;

/// How each model was paced over these sessions, in the order in which they were first asked.
/// Sessions that were killed told nothing.
pub fn over(sessions: &[Session]) -> Vec<Pacing> {
    let mut sums: Vec<Pacing> = Vec::new();
    for session in sessions {
        // What closed a model is told of the last session alone.
        sums.iter_mut().for_each(Pacing::reopen);
        for later in &session.pacing {
            let is_same =
                |sum: &&mut Pacing| (&sum.provider, &sum.model) == (&later.provider, &later.model);
            match sums.iter_mut().find(is_same) {
                Some(sum) => sum.add(later),
                None => sums.push(later.clone()),
            }
        }
    }
    sums
}

/// The table, where there is something to tell. Fallbacks that nobody fell back on are not in it.
pub(super) fn table(page: &mut String, summary: &Summary) {
    let is_asked = |lane: &&Pacing| {
        lane.calls > 0 || summary.by_model.iter().any(|model| model.model_used == lane.name())
    };
    let pace: Vec<&Pacing> = summary.pace.iter().filter(is_asked).collect();
    if !pace.iter().any(|lane| is_worth_telling(lane)) {
        return;
    }
    page.push_str(
        "\n## Pace\n\n| model | stated limits | width | calls | refused | time lost | notes |\n\
         |---|---|--:|--:|--:|---|---|\n",
    );
    for lane in pace {
        line(
            page,
            format_args!(
                "| {} | {} | {} | {} | {} | {} | {} |",
                escape(&lane.name()),
                limits(lane),
                width(lane),
                count(lane.calls),
                count(lane.refused),
                or_dash(lost(lane)),
                or_dash(notes(lane)),
            ),
        );
    }
}

fn is_worth_telling(lane: &Pacing) -> bool {
    let trouble = lane.refused + lane.outages + lane.retries_denied;
    trouble > 0 || lane.closed.is_some() || lane.waited() >= WORTH_TELLING
}

fn limits(lane: &Pacing) -> String {
    let (own, shared) = (stated(&lane.stated), stated(&lane.stated_for_provider));
    match (own.is_empty(), shared.is_empty()) {
        (true, true) => "none".to_owned(),
        (false, true) => own,
        (true, false) => format!("{shared} for the provider"),
        (false, false) => format!("{own}; {shared} for the provider"),
    }
}

fn stated(limits: &Stated) -> String {
    let Stated { rps, rpm, rpd, tpm, itpm, otpm, concurrency } = limits;
    let counts = [
        (rpm, "rpm"),
        (rpd, "rpd"),
        (tpm, "tpm"),
        (itpm, "itpm"),
        (otpm, "otpm"),
        (concurrency, "at once"),
    ];
    let rps = rps.iter().map(|limit| format!("{limit} rps"));
    let counts =
        counts.iter().filter_map(|(limit, key)| Some(format!("{} {key}", count((**limit)?))));
    rps.chain(counts).collect::<Vec<_>>().join(", ")
}

/// The width at the end, and the greatest where that is another.
fn width(lane: &Pacing) -> String {
    let learned = &lane.learned;
    match learned.widest > learned.width {
        true => format!("{} (at most {})", count(learned.width), count(learned.widest)),
        false => count(learned.width),
    }
}

/// The time that was lost, the greatest part first.
fn lost(lane: &Pacing) -> String {
    let mut causes: Vec<_> = lane.waited_ms.iter().filter(|(_, time)| **time > 0).collect();
    causes.sort_by_key(|(_, time)| std::cmp::Reverse(**time));
    let part = |(cause, time): (&String, &u64)| format!("{} {}", millis(Some(*time)), words(cause));
    causes.into_iter().map(part).collect::<Vec<_>>().join(", ")
}

/// A cause in words, after the time that was lost to it.
fn words(cause: &str) -> String {
    match cause {
        "retry_after" => "in pauses that the provider asked for".to_owned(),
        "refusals" => "while every call was refused".to_owned(),
        "learned_pace" => "at a pace learned from refusals".to_owned(),
        "headers" => "because its headers told that little was left".to_owned(),
        "outage" => "while the provider was away".to_owned(),
        limit => format!("for `{}`", escape(limit)),
    }
}

fn notes(lane: &Pacing) -> String {
    let learned = &lane.learned;
    let mut notes = Vec::new();
    if let Some(pace) = learned.slowest_requests_per_minute {
        notes.push(format!("as few as {pace} requests a minute were taken"));
    }
    if !learned.told_by_headers.is_empty() {
        let told = learned.told_by_headers.iter();
        let told: Vec<String> =
            told.map(|(what, limit)| format!("{} {}", count(*limit), escape(what))).collect();
        notes.push(format!("its headers told limits of {}", told.join(", ")));
    }
    if lane.outages > 0 {
        notes.push(format!("taken to be away {}", times(lane.outages)));
    }
    if lane.retries_denied > 0 {
        notes.push(format!("{} retries denied by `retry.budget`", count(lane.retries_denied)));
    }
    if let Some(reason) = &lane.closed {
        let what = if lane.parked { "parked" } else { "closed" };
        let kind = lane.closed_by.map(|kind| format!(" ({kind})")).unwrap_or_default();
        notes.push(format!("{what}{kind}: {}", escape(reason)));
    }
    notes.join("; ")
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{} times", count(number)) }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::call::failure::FailureKind;
    use crate::report::tally::Tally;

    fn session(pacing: &Value) -> Session {
        serde_json::from_value(json!({
            "started_at": "2026-11-22T02:00:00.000Z", "ended_at": null, "ended": null,
            "pacing": pacing,
        }))
        .unwrap()
    }

    fn lane(model: &str, more: &Value) -> Value {
        let mut lane = json!({"provider": "lab", "model": model});
        lane.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        lane
    }

    #[test]
    fn what_closed_a_model_is_told_of_the_last_session_alone() {
        let wrong_key = json!({"calls": 4, "closed": "no", "closed_by": "AuthenticationError"});
        let first = session(&json!([lane("a", &wrong_key), lane("b", &json!({"calls": 1}))]));
        let killed = session(&json!([]));
        let again = session(&json!([lane("a", &json!({"calls": 50, "refused": 2}))]));
        let closed = |sessions: &[Session]| over(sessions)[0].closed_by;
        assert_eq!(closed(std::slice::from_ref(&first)), Some(FailureKind::Authentication));
        let sums = over(&[first, killed, again]);
        assert_eq!((sums[0].calls, sums[0].refused, &sums[0].closed), (54, 2, &None));
        assert_eq!((sums.len(), sums[1].calls), (2, 1));
    }

    #[test]
    fn the_table_comes_only_where_there_is_something_to_tell() {
        let page = |more: &Value| {
            let mut summary = Tally::default().finish("r".to_owned(), None);
            summary.pace = over(&[session(&json!([lane("m", more), lane("unused", &json!({}))]))]);
            let mut page = String::new();
            table(&mut page, &summary);
            page
        };
        assert_eq!(page(&json!({"calls": 9, "waited_ms": {"rpm": 999}})), "");
        let page = page(&json!({
            "calls": 5200, "refused": 3, "outages": 1, "closed": "a|b", "closed_by": "Timeout",
            "stated": {"rpm": 10000}, "stated_for_provider": {"rps": 0.5, "concurrency": 64},
            "learned": {"width": 37, "widest": 41, "slowest_requests_per_minute": 480.5,
                "told_by_headers": {"requests": 500, "tokens": 30000}},
            "waited_ms": {"rpm": 2100, "retry_after": 125_000, "headers": 3000, "itpm": 0},
        }));
        let row = "| lab/m | 10,000 rpm; 0.5 rps, 64 at once for the provider | 37 (at most 41) \
                   | 5,200 | 3 | 2 min 5 s in pauses that the provider asked for, 3,000 ms \
                   because its headers told that little was left, 2,100 ms for `rpm` | as few as \
                   480.5 requests a minute were taken; its headers told limits of 500 requests, \
                   30,000 tokens; taken to be away once; closed (Timeout): a\\|b |\n";
        assert!(page.ends_with(row), "{page}");
    }
}
