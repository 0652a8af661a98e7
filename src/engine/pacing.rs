//! How a lane was paced, for the summary.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call::pacing::{Learned, Pacing, Stated};
use crate::engine::lane::Lane;
use crate::pace::Limits;
use crate::pace::pilot::Pilot;
use crate::pace::rate::Why;

/// How the lane was paced so far.
pub(super) fn pacing(lane: &Lane) -> Pacing {
    let gate = &lane.gate;
    let lost = gate.lost();
    let closure = gate.closure();
    let pilot = gate.pilot();
    let (counts, (outages, retries_denied)) = (pilot.counts(), pilot.troubles());
    Pacing {
        provider: lane.provider.name.to_string(),
        model: lane.model.to_string(),
        stated: stated(gate.limits()),
        stated_for_provider: stated(&lane.provider.limits),
        learned: learned(&pilot),
        calls: counts.calls,
        refused: counts.refused,
        faulty: counts.faulty,
        outages,
        retries_denied,
        waited_ms: waited(lost),
        closed: closure.as_ref().map(|closure| closure.reason.to_string()),
        closed_by: closure.as_ref().map(|closure| closure.kind),
        parked: closure.is_some_and(|closure| closure.is_parked),
    }
}

/// The lost time by the names of the causes, some of which have several.
fn waited(lost: BTreeMap<Why, Duration>) -> BTreeMap<String, u64> {
    let mut waited = BTreeMap::new();
    for (why, time) in lost {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let sum: &mut u64 = waited.entry(why.key().to_owned()).or_default();
        *sum = sum.saturating_add(millis);
    }
    waited
}

fn stated(limits: &Limits) -> Stated {
    Stated {
        rps: limits.requests_per_second,
        rpm: limits.requests_per_minute,
        rpd: limits.requests_per_day,
        tpm: limits.tokens_per_minute,
        itpm: limits.input_tokens_per_minute,
        otpm: limits.output_tokens_per_minute,
        concurrency: limits.concurrency.map(|places| places as u64),
    }
}

fn learned(pilot: &Pilot) -> Learned {
    let (adaptive, tempo) = pilot.learned();
    let (widest, cuts) = adaptive.history();
    let tenths = |pace: f64| (pace * 10.0).round() / 10.0;
    Learned {
        width: adaptive.width() as u64,
        widest: widest as u64,
        cuts,
        requests_per_minute: tempo.per_minute().map(tenths),
        slowest_requests_per_minute: tempo.slowest_per_minute().map(tenths),
        told_by_headers: pilot
            .told()
            .filter_map(|told| Some((told.what.as_str().to_owned(), told.limit?)))
            .collect(),
    }
}
