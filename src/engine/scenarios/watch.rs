//! What was seen of a lane, and the figures that a scenario may expect of it.

use std::ops::Range;

use super::file::Conduct;
use super::limit::{Cost, Unit};
use super::server::{Call, Fate};
use crate::call::record::Status;
use crate::pace::Limits;

/// All that was seen of one lane.
pub(super) struct Seen {
    pub(super) name: String,
    /// What the job states.
    pub(super) stated: Limits,
    /// How its server behaved, and from which second on.
    pub(super) phases: Vec<(f64, Conduct)>,
    pub(super) calls: Vec<Call>,
    pub(super) outcomes: Vec<Outcome>,
    /// When the lane ended.
    pub(super) ended: f64,
    /// Answers per second of the same lane when it runs alone.
    pub(super) alone: Option<f64>,
}

/// How a task ended, in seconds since the run began.
pub(super) struct Outcome {
    pub(super) at: f64,
    pub(super) status: Status,
    /// The longest time that one of its attempts waited for its turn.
    pub(super) queued: f64,
    pub(super) is_large: bool,
}

/// Reads a figure off a part of the run, given in seconds.
type Figure = fn(&Seen, &Range<f64>) -> f64;

/// What a server allows in a second, where it limits that.
type Allowed = fn(&Conduct) -> Option<f64>;

/// Every figure, by the name that scenarios have for it.
const FIGURES: &[(&str, Figure)] = &[
    ("ok", |seen, span| seen.ended_as(Status::Ok, span)),
    ("errors", |seen, span| seen.ended_as(Status::Error, span)),
    ("skipped", |seen, span| seen.ended_as(Status::Skipped, span)),
    ("finished", |seen, span| {
        seen.outcomes.iter().filter(|one| span.contains(&one.at)).count() as f64
    }),
    ("seconds", |seen, _| seen.ended),
    ("calls", |seen, span| seen.came(span).count() as f64),
    ("calls_per_task", |seen, _| seen.calls.len() as f64 / seen.outcomes.len() as f64),
    ("refused", |seen, span| seen.fated(Fate::Refused, span)),
    ("refused_share", |seen, span| {
        seen.fated(Fate::Refused, span) / (seen.came(span).count() as f64).max(1.0)
    }),
    ("failed", |seen, span| seen.fated(Fate::Failed, span)),
    ("given_up", |seen, span| seen.fated(Fate::GivenUp, span)),
    ("in_flight", Seen::in_flight),
    ("most_in_flight", Seen::most_in_flight),
    ("per_second", |seen, span| seen.answered(span) / (span.end - span.start)),
    ("quota_share", Seen::quota_share),
    ("most_of_stated", |seen, _| seen.most_of_stated()),
    ("longest_queue", |seen, span| seen.longest_queue(false, span)),
    ("longest_queue_of_large", |seen, span| seen.longest_queue(true, span)),
    ("share_of_alone", |seen, _| seen.per_second() / seen.alone.unwrap_or(f64::NAN)),
];

impl Seen {
    /// The figure of this name over this part of the run.
    pub(super) fn figure(&self, name: &str, span: &Range<f64>) -> f64 {
        let known = FIGURES.iter().find(|(known, _)| *known == name);
        let (_, figure) = known.unwrap_or_else(|| {
            let names: Vec<&str> = FIGURES.iter().map(|(name, _)| *name).collect();
            panic!("there is no figure `{name}`, but {}", names.join(", "))
        });
        figure(self, span)
    }

    /// Answers per second from the first call to the end of the lane.
    pub(super) fn per_second(&self) -> f64 {
        self.answered(&(0.0..self.ended + 1.0)) / self.ended
    }

    fn ended_as(&self, status: Status, span: &Range<f64>) -> f64 {
        let those = self.outcomes.iter().filter(|one| one.status == status);
        those.filter(|one| span.contains(&one.at)).count() as f64
    }

    fn came(&self, span: &Range<f64>) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| span.contains(&call.at))
    }

    fn fated(&self, fate: Fate, span: &Range<f64>) -> f64 {
        self.came(span).filter(|call| call.fate == fate).count() as f64
    }

    fn answered(&self, span: &Range<f64>) -> f64 {
        let answered = self.calls.iter().filter(|call| call.fate == Fate::Answered);
        answered.filter(|call| span.contains(&call.ended)).count() as f64
    }

    /// Calls that hold a slot of the server's, on average.
    fn in_flight(&self, span: &Range<f64>) -> f64 {
        let overlap = |call: &Call| (call.ended.min(span.end) - call.at.max(span.start)).max(0.0);
        let holding = self.calls.iter().filter(|call| call.cost.requests > 0);
        holding.map(overlap).sum::<f64>() / (span.end - span.start)
    }

    /// The most calls in flight at once, those included that are going to be refused.
    fn most_in_flight(&self, span: &Range<f64>) -> f64 {
        let mut ends: Vec<(f64, i32)> = Vec::new();
        for call in self.calls.iter().filter(|call| call.ended > span.start && call.at < span.end) {
            ends.extend([(call.at, 1), (call.ended, -1)]);
        }
        // One that ends in the instant in which another comes made room for it.
        ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut now = 0;
        let levels = ends.iter().map(|(_, step)| {
            now += step;
            now
        });
        f64::from(levels.max().unwrap_or(0))
    }

    /// The share that was used of what the server allowed; of several limits, the one used most.
    fn quota_share(&self, span: &Range<f64>) -> f64 {
        let limits: [(Unit, Allowed); 5] = [
            (Unit::Requests, |conduct| conduct.rps),
            (Unit::Requests, |conduct| conduct.rpm.map(per_second)),
            (Unit::Tokens, |conduct| conduct.tpm.map(per_second)),
            (Unit::Input, |conduct| conduct.itpm.map(per_second)),
            (Unit::Output, |conduct| conduct.otpm.map(per_second)),
        ];
        let share = |(unit, limit): (Unit, Allowed)| {
            let ends = self.phases.iter().skip(1).map(|(from, _)| *from).chain([f64::INFINITY]);
            let spans = self.phases.iter().zip(ends);
            let allowed = spans.map(|((from, conduct), end)| {
                let length = (end.min(span.end) - from.max(span.start)).max(0.0);
                limit(conduct).unwrap_or(0.0) * length
            });
            let used: f64 = self.came(span).map(|call| unit.of(call.cost)).sum();
            let allowed: f64 = allowed.sum();
            if allowed > 0.0 { used / allowed } else { 0.0 }
        };
        limits.into_iter().map(share).fold(0.0, f64::max)
    }

    /// The most that any sliding window held of what the job states, as a share of it. Requests
    /// are counted as they come; tokens as the server counts them, where it let the call in.
    fn most_of_stated(&self) -> f64 {
        let stated = &self.stated;
        let came = Cost { requests: 1, ..Cost::default() };
        let windows = [
            (Unit::Requests, stated.requests_per_second, 1.0),
            (Unit::Requests, stated.requests_per_minute.map(|most| most as f64), 60.0),
            (Unit::Tokens, stated.tokens_per_minute.map(|most| most as f64), 60.0),
            (Unit::Input, stated.input_tokens_per_minute.map(|most| most as f64), 60.0),
            (Unit::Output, stated.output_tokens_per_minute.map(|most| most as f64), 60.0),
        ];
        let share = |(unit, most, length): (Unit, Option<f64>, f64)| {
            let most = most?.max(1.0);
            let amount = |call: &Call| match unit {
                Unit::Requests => unit.of(came),
                _ => unit.of(call.cost),
            };
            Some(most_within(length, self.calls.iter().map(|call| (call.at, amount(call)))) / most)
        };
        windows.into_iter().filter_map(share).fold(0.0, f64::max)
    }

    fn longest_queue(&self, is_large: bool, span: &Range<f64>) -> f64 {
        let those = self.outcomes.iter().filter(|one| one.is_large == is_large);
        let those = those.filter(|one| span.contains(&one.at));
        those.map(|one| one.queued).fold(0.0, f64::max)
    }
}

fn per_second(per_minute: f64) -> f64 {
    per_minute / 60.0
}

/// The most that any window of this length holds, of amounts in the order of their times. A window
/// is open at its end.
fn most_within(length: f64, amounts: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let mut oldest = amounts.clone().peekable();
    let (mut within, mut most) = (0.0, 0.0);
    for (at, amount) in amounts {
        within += amount;
        // Times are whole milliseconds; a hundredth of one is an error of adding them.
        while let Some((_, gone)) = oldest.next_if(|(then, _)| then + length <= at + 1e-5) {
            within -= gone;
        }
        most = f64::max(most, within);
    }
    most
}
