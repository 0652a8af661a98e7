//! A bar for each lane, on a terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::progress::tally::{Tally, spoken};
use crate::cli::screen::Screen;
use crate::report::figures::count;

/// Redraws a second; more would only cost.
const REDRAWS: u8 = 10;

/// Bars at the bottom of a terminal.
pub(super) struct Bars {
    screen: Screen,
    all: MultiProgress,
    lanes: Vec<ProgressBar>,
}

impl Bars {
    pub(super) fn new(screen: Screen) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        Self { screen, all, lanes: Vec::new() }
    }

    pub(super) fn begin(&mut self, lanes: &[Tally]) {
        let widest = lanes.iter().map(|lane| lane.label.chars().count()).max().unwrap_or(0);
        let template = format!("{{prefix:{widest}}} {{bar:24}} {{pos}}/{{len}} {{msg}}");
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        for lane in lanes {
            let bar = self.all.add(ProgressBar::new(lane.total));
            bar.set_style(style.clone());
            bar.set_prefix(lane.label.clone());
            self.lanes.push(bar);
        }
        self.screen.draw(Some(self.all.clone()));
    }

    pub(super) fn tick(&mut self, lanes: &mut [Tally]) {
        for (bar, lane) in self.lanes.iter().zip(lanes) {
            bar.set_position(lane.done);
            bar.set_message(message(lane));
        }
    }

    pub(super) fn end(&mut self, lanes: &mut [Tally]) {
        self.tick(lanes);
        for bar in &self.lanes {
            bar.abandon();
        }
        self.screen.draw(None);
    }
}

fn message(lane: &mut Tally) -> String {
    let mut parts = Vec::new();
    if lane.failed > 0 {
        parts.push(format!("{} failed", count(lane.failed)));
    }
    if lane.in_flight() > 0 {
        parts.push(format!("{} in flight", lane.in_flight()));
    }
    if lane.retries > 0 {
        parts.push(format!("{} retried", count(lane.retries)));
    }
    if lane.tokens > 0 {
        parts.push(format!("{} tokens", count(lane.tokens)));
    }
    if lane.done < lane.total {
        parts.push(format!("{:.1}/s", lane.rate()));
        parts.extend(lane.left().map(|left| format!("{} left", spoken(left))));
    }
    parts.extend(lane.waits());
    parts.join(" · ")
}
