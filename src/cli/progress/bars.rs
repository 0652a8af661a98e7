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
    style: ProgressStyle,
    /// The bar of each lane that was shown so far.
    lanes: Vec<Option<ProgressBar>>,
}

impl Bars {
    pub(super) fn new(screen: Screen) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        Self { screen, all, style: ProgressStyle::default_bar(), lanes: Vec::new() }
    }

    pub(super) fn begin(&mut self, lanes: &[Tally]) {
        let widest = lanes.iter().map(|lane| lane.label.chars().count()).max().unwrap_or(0);
        let template = format!("{{prefix:{widest}}} {{bar:16}} {{pos}}/{{len}} {{wide_msg}}");
        self.style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        self.lanes = lanes.iter().map(|lane| lane.is_shown().then(|| self.bar(lane))).collect();
        self.screen.draw(Some(self.all.clone()));
    }

    fn bar(&self, lane: &Tally) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new(lane.total));
        bar.set_style(self.style.clone());
        bar.set_prefix(lane.label.clone());
        bar
    }

    pub(super) fn tick(&mut self, lanes: &mut [Tally]) {
        for (place, lane) in lanes.iter_mut().enumerate() {
            if self.lanes[place].is_none() && lane.is_shown() {
                self.lanes[place] = Some(self.bar(lane));
            }
            let Some(bar) = &self.lanes[place] else { continue };
            bar.set_position(lane.done);
            bar.set_message(message(lane));
        }
    }

    pub(super) fn end(&mut self, lanes: &mut [Tally]) {
        self.tick(lanes);
        self.lanes.iter().flatten().for_each(ProgressBar::abandon);
        self.screen.draw(None);
    }
}

fn message(lane: &mut Tally) -> String {
    let mut parts: Vec<String> = Vec::new();
    // What holds a lane up comes first: the end of the line may not fit on the screen.
    parts.extend(lane.closing());
    parts.extend(lane.waits());
    parts.extend(lane.canary().map(str::to_owned));
    let counts = [(lane.failed, "failed"), (lane.skipped, "skipped"), (lane.retries, "retried")];
    let some = counts.iter().filter(|(number, _)| *number > 0);
    parts.extend(some.map(|(number, what)| format!("{} {what}", count(*number))));
    if lane.is_going() {
        parts.push(lane.places());
    }
    if lane.total == 0 {
        parts.push(lane.progress());
    }
    if lane.tokens > 0 {
        parts.push(format!("{} tokens", count(lane.tokens)));
    }
    if lane.is_going() && lane.total > 0 {
        parts.push(format!("{:.1}/s", lane.rate()));
        parts.extend(lane.left().map(|left| format!("{} left", spoken(left))));
    }
    parts.join(" · ")
}
