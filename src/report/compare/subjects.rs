//! Adds up what changed of each model and over all, and says what of it is more than chance.

use crate::call::gate::ErrorRule;
use crate::call::metric::Metric;
use crate::call::money::Usd;
use crate::eval::stats::compare::{self, compare};
use crate::eval::stats::mean::Scale;
use crate::eval::stats::ratio::median_ratio;
use crate::eval::stats::verdict::{LEVEL, holm};

use super::comparison::{CostDrift, Drift, MetricChange, Shown, Subject, Times};
use super::measures::{Measures, Values};

/// With fewer prompts that moved, no order of their signs is rarer than 5 % (2⁻⁴ is 6 %).
///
/// Such a metric can show nothing, so it is none of those that are corrected for: Tarone (1990), A
/// modified Bonferroni method for discrete data. How many moved says nothing of whereto.
const FEWEST: u64 = 5;

/// What changed, with the chances of each of its metrics before correction.
pub(super) struct Draft {
    subject: Subject,
    chances: Vec<Chances>,
}

/// How likely chance does as much.
#[derive(Clone, Copy)]
struct Chances {
    of_worse: f64,
    of_better: f64,
    can_show: bool,
}

impl Draft {
    /// What changed of these tasks, by these scorers.
    pub(super) fn of(
        measures: Measures<'_>,
        names: Option<(&str, &str)>,
        columns: &[String],
    ) -> Self {
        let metrics = columns.iter().cloned().map(Metric::Score).chain([Metric::ErrorRate]);
        let found = metrics.filter_map(|metric| change(measures, metric));
        let (metrics, chances) = found.unzip();
        let latency = measures.values(|point| point.latency_ms().map(f64::from));
        let ttft = measures.values(|point| point.ttft_ms().map(f64::from));
        let subject = Subject {
            base_model: names.map(|(base, _)| base.to_owned()),
            new_model: names.map(|(_, new)| new.to_owned()),
            matched: measures.pairs.len() as u64,
            changed: measures.changed(),
            metrics,
            latency_ms: drift(&latency),
            ttft_ms: drift(&ttft),
            cost: cost(measures),
        };
        Self { subject, chances }
    }
}

/// The verdicts on all metrics of all subjects, corrected for how many there are.
pub(super) fn judged(drafts: Vec<Draft>) -> Vec<Subject> {
    let all = || drafts.iter().flat_map(|draft| &draft.chances).filter(|chances| chances.can_show);
    let of_worse = holm(&all().map(|chances| chances.of_worse).collect::<Vec<_>>());
    let of_better = holm(&all().map(|chances| chances.of_better).collect::<Vec<_>>());
    let mut corrected = of_worse.into_iter().zip(of_better);
    let judge = |mut draft: Draft| {
        for (metric, chances) in draft.subject.metrics.iter_mut().zip(draft.chances) {
            let next = if chances.can_show { corrected.next() } else { None };
            let Some((of_worse, of_better)) = next else { continue };
            let is_worse = (metric.change < 0.0) == metric.metric.is_better_high();
            let shown = if is_worse { Shown::Worse } else { Shown::Better };
            metric.p = if is_worse { of_worse } else { of_better };
            if metric.p < LEVEL && metric.change != 0.0 {
                metric.verdict = shown;
            }
        }
        draft.subject
    };
    drafts.into_iter().map(judge).collect()
}

fn change(measures: Measures<'_>, metric: Metric) -> Option<(MetricChange, Chances)> {
    let clusters = measures.clusters(&metric, ErrorRule::Exclude);
    let shown = compare(&clusters.base, &clusters.new, Scale::Unit)?;
    let flips = metric.column().map(|column| measures.flips(column)).unwrap_or_default();
    let rate = |passed: u64| (flips.judged > 0).then(|| passed as f64 / flips.judged as f64);
    let mut change = MetricChange {
        metric,
        base: shown.base,
        new: shown.new,
        change: shown.difference,
        low: shown.interval.map(|interval| interval.low),
        high: shown.interval.map(|interval| interval.high),
        pairs: shown.pairs,
        better: shown.better,
        worse: shown.worse,
        same: shown.same,
        p: 1.0,
        verdict: Shown::NoDifference,
        base_pass_rate: rate(flips.passed_before),
        new_pass_rate: rate(flips.passed_now),
        now_failing: flips.to_fail,
        now_passing: flips.to_pass,
    };
    let can_show = shown.better + shown.worse >= FEWEST;
    let mut chances = Chances { of_worse: shown.p_worse, of_better: shown.p_better, can_show };
    if !change.metric.is_better_high() {
        turn(&mut change, &mut chances, &shown);
        (change.now_failing, change.now_passing) = failures(measures);
    }
    Some((change, chances))
}

/// Makes what is low the better.
fn turn(change: &mut MetricChange, chances: &mut Chances, shown: &compare::Comparison) {
    (change.better, change.worse) = (shown.worse, shown.better);
    (chances.of_better, chances.of_worse) = (shown.p_worse, shown.p_better);
}

/// Tasks that failed in the new run alone, and in the base alone.
fn failures(measures: Measures<'_>) -> (u64, u64) {
    let Measures { base, new, pairs } = measures;
    pairs.iter().fold((0, 0), |(now, then), pair| {
        let was_ok = base.tasks[pair.base as usize].is_ok;
        let is_ok = new.tasks[pair.new as usize].is_ok;
        (now + u64::from(was_ok && !is_ok), then + u64::from(!was_ok && is_ok))
    })
}

fn times(values: &Values) -> Times {
    let pairs = values.base.len() as u64;
    match median_ratio(&values.base, &values.new) {
        None => Times { pairs, ..Times::default() },
        Some(ratio) => Times {
            ratio: Some(ratio.value),
            low: Some(ratio.low),
            high: ratio.high,
            pairs: ratio.n,
        },
    }
}

fn drift(values: &Values) -> Drift {
    let [base, new] = values.histograms();
    Drift {
        base_p50: base.percentile(50),
        new_p50: new.percentile(50),
        base_p95: base.percentile(95),
        new_p95: new.percentile(95),
        ratio: times(values),
    }
}

fn cost(measures: Measures<'_>) -> CostDrift {
    let (base_usd, new_usd, priced) = measures.costs();
    let each = |sum: Usd| {
        let count = i128::from(priced);
        (priced > 0).then(|| Usd::from_pico((sum.as_pico() + count / 2) / count))
    };
    CostDrift {
        base_usd,
        new_usd,
        priced,
        unpriced: measures.pairs.len() as u64 - priced,
        base_per_task_usd: each(base_usd),
        new_per_task_usd: each(new_usd),
        ratio: times(&measures.costs_of_answers()),
    }
}
