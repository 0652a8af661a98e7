//! A run as it goes, drawn on stderr: bars on a terminal, plain lines elsewhere, or JSON.
//!
//! A consumer of the run's events like any other.

mod bars;
mod json;
mod plain;
mod tally;

use clap::ValueEnum;

use crate::cli::screen::Screen;
use crate::engine::event::Event;
use crate::run::observer::{LaneStart, Observer};

use bars::Bars;
use json::Json;
use plain::Plain;
use tally::Tally;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// Bars on a terminal, plain lines elsewhere.
    Auto,
    /// A bar for each model.
    Bars,
    /// A line for each model now and then.
    Plain,
    /// A JSON object a line.
    Json,
    /// Nothing.
    None,
}

/// Shows a run as it goes.
pub struct Progress {
    lanes: Vec<Tally>,
    face: Face,
}

enum Face {
    Bars(Bars),
    Plain(Plain),
    Json(Json),
    None,
}

impl Progress {
    /// A display in this style.
    pub fn new(style: Style, screen: &Screen) -> Self {
        let face = match style {
            Style::None => Face::None,
            Style::Json => {
                screen.speak_json();
                Face::Json(Json::new(screen.clone()))
            }
            Style::Bars => Face::Bars(Bars::new(screen.clone())),
            Style::Auto if screen.is_terminal() => Face::Bars(Bars::new(screen.clone())),
            Style::Plain | Style::Auto => Face::Plain(Plain::new(screen.clone())),
        };
        Self { lanes: Vec::new(), face }
    }
}

impl Observer for Progress {
    fn begin(&mut self, run: &str, lanes: Vec<LaneStart>) {
        self.lanes = lanes.into_iter().map(Tally::new).collect();
        match &mut self.face {
            Face::Bars(bars) => bars.begin(&self.lanes),
            Face::Plain(plain) => plain.begin(run, &self.lanes),
            Face::Json(json) => json.begin(run, &self.lanes),
            Face::None => {}
        }
    }

    fn see(&mut self, event: &Event) {
        match event {
            Event::Finished { lane, entry, .. } => self.lanes[*lane].count(entry),
            Event::Retrying { lane, kind, attempt, wait } => {
                let tally = &mut self.lanes[*lane];
                tally.retries += 1;
                tracing::info!(
                    model = tally.label, error = %kind, attempt, wait_ms = wait.as_millis(),
                    "an attempt failed and is made again"
                );
            }
            Event::Broken { .. } | Event::Committed { .. } | Event::LaneEnded { .. } => {}
        }
    }

    fn canary(&mut self, is_on: bool) {
        self.lanes.iter_mut().for_each(|lane| lane.is_canary = is_on);
        if let Face::Plain(plain) = &self.face {
            plain.canary(is_on);
        }
    }

    fn judging(&mut self, run: &str, lanes: Vec<LaneStart>) {
        self.lanes.iter_mut().for_each(Tally::end);
        match &mut self.face {
            Face::Bars(bars) => bars.end(&mut self.lanes),
            Face::Plain(plain) => plain.end(&mut self.lanes),
            Face::Json(json) => json.progress(&mut self.lanes),
            Face::None => {}
        }
        self.lanes = lanes.into_iter().map(Tally::of_scorers).collect();
        match &mut self.face {
            Face::Bars(bars) => bars.begin(&self.lanes),
            Face::Plain(plain) => plain.judging(&self.lanes),
            Face::Json(json) => json.judging(run, &self.lanes),
            Face::None => {}
        }
    }

    fn tick(&mut self) {
        match &mut self.face {
            Face::Bars(bars) => bars.tick(&mut self.lanes),
            Face::Plain(plain) => plain.tick(&mut self.lanes),
            Face::Json(json) => json.tick(&mut self.lanes),
            Face::None => {}
        }
    }

    fn end(&mut self) {
        self.lanes.iter_mut().for_each(Tally::end);
        match &mut self.face {
            Face::Bars(bars) => bars.end(&mut self.lanes),
            Face::Plain(plain) => plain.end(&mut self.lanes),
            Face::Json(json) => json.end(&mut self.lanes),
            Face::None => {}
        }
        // Whoever looks at a lane keeps its connections.
        self.lanes.clear();
    }
}
