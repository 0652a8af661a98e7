//! What was expected beside what was seen.

use std::fmt;
use std::ops::Range;

use toml::{Table, Value};

use super::watch::Seen;
use crate::call::duration::DurationText;

/// Differences below this come from adding fractions in binary.
const DUST: f64 = 1e-6;

/// Every expectation of a scenario with what came of it, and the course of each lane.
pub(super) struct Verdict {
    title: String,
    lines: Vec<Line>,
    courses: Vec<String>,
}

/// One expectation.
struct Line {
    lane: String,
    span: Option<Range<f64>>,
    figure: String,
    expected: [f64; 2],
    seen: f64,
}

impl Line {
    fn is_met(&self) -> bool {
        let [least, most] = self.expected;
        (least - DUST..=most + DUST).contains(&self.seen)
    }
}

impl Verdict {
    pub(super) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), lines: Vec::new(), courses: Vec::new() }
    }

    /// Holds a lane against what is expected of it, and against what its job states.
    pub(super) fn judge(&mut self, seen: &Seen, expected: &Table) {
        let mut expected = expected.clone();
        let always: [(&str, [f64; 2]); 1] = [("most_of_stated", [0.0, 1.0])];
        for (figure, range) in always {
            let range = Value::Array(range.map(Value::Float).to_vec());
            expected.entry(figure).or_insert(range);
        }
        let parts = expected.remove("between");
        self.hold(seen, &expected, None);
        for part in parts.iter().flat_map(|parts| parts.as_array().expect("a list")) {
            let mut part = part.as_table().expect("`between` is a list of tables").clone();
            let [from, until] = ["from", "until"].map(|key| {
                let at = part.remove(key).expect("a part of the run has `from` and `until`");
                let at: DurationText = at.try_into().expect("it is a duration");
                at.0.as_secs_f64()
            });
            self.hold(seen, &part, Some(&(from..until)));
        }
        self.courses.push(course(seen));
    }

    fn hold(&mut self, seen: &Seen, expected: &Table, span: Option<&Range<f64>>) {
        let whole = 0.0..seen.ended + 1.0;
        for (figure, range) in expected {
            let expected: [f64; 2] = range.clone().try_into().expect("a range is [least, most]");
            let value = seen.figure(figure, span.unwrap_or(&whole));
            let (lane, figure) = (seen.name.clone(), figure.clone());
            self.lines.push(Line { lane, span: span.cloned(), figure, expected, seen: value });
        }
    }

    pub(super) fn is_fine(&self) -> bool {
        !self.lines.is_empty() && self.lines.iter().all(Line::is_met)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{}", self.title)?;
        for line in &self.lines {
            let mark = if line.is_met() { "  " } else { "✗ " };
            let Line { lane, figure, expected: [least, most], seen, .. } = line;
            write!(f, "{mark}{lane}.{figure}")?;
            if let Some(Range { start, end }) = line.span {
                write!(f, " from {start} s to {end} s")?;
            }
            writeln!(f, ": {} in [{least}, {most}]", short(*seen))?;
        }
        self.courses.iter().try_for_each(|course| write!(f, "{course}"))
    }
}

/// Up to three decimals.
fn short(number: f64) -> String {
    ((number * 1000.0).round() / 1000.0).to_string()
}

/// The figures that are shown for each step of a lane.
const SHOWN: [&str; 6] = ["in_flight", "calls", "per_second", "refused", "failed", "quota_share"];

/// The lane in twelve steps: calls that held a slot, and calls by what became of them.
fn course(seen: &Seen) -> String {
    let step = (seen.ended / 12.0).max(1.0).ceil();
    let row = |first: String, figure: &dyn Fn(&str) -> String| {
        let figures: Vec<String> =
            SHOWN.iter().map(|name| format!("{:>11}", figure(name))).collect();
        format!("   {first:>20} {}\n", figures.join(" "))
    };
    let mut rows = vec![row(format!("{} from", seen.name), &|name| name.to_owned())];
    let mut from = 0.0;
    while from < seen.ended {
        let span = from..from + step;
        rows.push(row(format!("{from} s"), &|name| short(seen.figure(name, &span))));
        from += step;
    }
    rows.concat()
}
