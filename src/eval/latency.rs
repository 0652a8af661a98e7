//! `latency`: the answer came in time.

use std::time::Duration;

use crate::call::duration::{DurationText, parse_duration};
use crate::call::score::Score;

use super::spec::{Files, Spec, SpecFault, Text, scorer_spec};
use super::{Case, Scorer};

scorer_spec! {
    /// The answer came in time. Waits of this side are not counted, nor are attempts that failed.
    pub struct LatencySpec {
        /// How long the whole answer may take, such as "2s".
        #[schemars(with = "Option<DurationText>")]
        pub max: Option<String>,
        /// How long the first token may take, such as "500ms"; an answer that was not streamed is
        /// not scored.
        #[schemars(with = "Option<DurationText>")]
        pub max_ttft: Option<String>,
    }
}

impl Spec for LatencySpec {
    fn texts(&self) -> Vec<Text<'_>> {
        Vec::new()
    }

    fn scorer(&self, _: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault> {
        if self.max.is_none() && self.max_ttft.is_none() {
            let help = "state how long an answer may take: `max`, `max_ttft` or both";
            return Err(SpecFault::at("", "there is no bound", help));
        }
        let max = bound("max", self.max.as_deref())?;
        let max_ttft = bound("max_ttft", self.max_ttft.as_deref())?;
        Ok(Box::new(Latency { max, max_ttft }))
    }
}

fn bound(name: &'static str, text: Option<&str>) -> Result<Option<Duration>, SpecFault> {
    let duration = text.map(parse_duration).transpose();
    duration.map_err(|why| SpecFault::at(name, why.to_string(), "write it such as \"2s\""))
}

#[derive(Debug)]
struct Latency {
    max: Option<Duration>,
    max_ttft: Option<Duration>,
}

impl Scorer for Latency {
    fn score(&self, case: &Case<'_>) -> Score {
        let mut notes = Vec::new();
        let mut pass = true;
        for (max, millis, what, unknown) in [
            (self.max, case.latency_ms, "took", "how long it took is not known"),
            (self.max_ttft, case.ttft_ms, "first token after", NOT_STREAMED),
        ] {
            let Some(max) = max else { continue };
            let Some(millis) = millis else { return Score::skipped(unknown) };
            let took = Duration::from_millis(millis);
            pass &= took <= max;
            notes.push(format!("{what} {}", DurationText(took)));
        }
        Score::verdict(pass).with_note(notes.join(", "))
    }
}

const NOT_STREAMED: &str = "when the first token came is known of streamed answers only";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::table::testing::{fault, score_case};
    use super::*;
    use crate::call::score::ScoreState;

    #[test]
    fn an_answer_is_in_time_up_to_the_bound() {
        let spec = json!({"latency": {"max": "2s", "max_ttft": "500ms"}});
        for (latency, ttft, pass, note) in [
            (2_000, 500, true, "took 2s, first token after 500ms"),
            (2_001, 500, false, "took 2.001s, first token after 500ms"),
            (1_000, 501, false, "took 1s, first token after 501ms"),
        ] {
            let case = Case { latency_ms: Some(latency), ttft_ms: Some(ttft), ..Case::default() };
            assert_eq!(score_case(&spec, &case), Score::verdict(pass).with_note(note));
        }
    }

    #[test]
    fn what_is_not_known_is_not_scored() {
        let spec = json!({"latency": {"max": "2s", "max_ttft": "500ms"}});
        let case = Case { latency_ms: Some(1), ..Case::default() };
        assert_eq!(score_case(&spec, &case).state, ScoreState::Skipped);
        assert_eq!(score_case(&spec, &Case::default()).state, ScoreState::Skipped);
        assert_eq!(fault(&json!({"latency": {}})).1, "there is no bound");
        assert!(fault(&json!({"latency": {"max": "2 sheep"}})).1.contains("`sheep` is no unit"));
    }
}
