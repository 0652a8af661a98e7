//! Do the intervals hold the truth as often as they say, and do the tests cry wolf?
//!
//! Short and seeded. What the doc comments quote was counted over 1,000 to 3,000 simulated runs each.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, SeedableRng as _};

use crate::eval::stats::bootstrap::{MOST, Share, percentile, studentized};
use crate::eval::stats::cluster::{Cluster, add};
use crate::eval::stats::compare::{below, compare, p_below};
use crate::eval::stats::curves::{binomial_at_most, normal_tail};
use crate::eval::stats::interval::{Interval, of_share, of_worth};
use crate::eval::stats::mean::{Scale, mean};
use crate::eval::stats::signs::sign_test;

/// Chance for made-up runs.
struct World(Xoshiro256PlusPlus);

impl World {
    fn new() -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(6))
    }

    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn answer(&mut self, p: f64) -> f64 {
        if self.unit() < p { 1.0 } else { 0.0 }
    }

    /// How easy a prompt is: from 0.6 to 1.
    fn ease(&mut self) -> f64 {
        0.6 + 0.4 * self.unit().sqrt().mul_add(1.5, -0.5).clamp(0.0, 1.0)
    }

    /// A run over prompts, given how likely each answer to each is right.
    fn run(&mut self, eases: &[f64], repeats: usize) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        for (id, ease) in (0_u32..).zip(eases) {
            (0..repeats).for_each(|_| add(&mut clusters, id, self.answer(*ease), None));
        }
        clusters
    }
}

/// How many of `of` came out true.
fn count(of: usize, mut happens: impl FnMut() -> bool) -> usize {
    (0..of).filter(|_| happens()).count()
}

fn holds(interval: Option<Interval>, truth: f64) -> bool {
    interval.is_some_and(|interval| interval.low <= truth && truth <= interval.high)
}

#[test]
fn intervals_of_right_or_wrong_hold_the_truth() {
    // Counted over all that can come, not drawn: the coverage itself.
    for n in [10, 20, 50, 200] {
        for p in [0.5, 0.7, 0.9, 0.95, 0.98, 0.99] {
            let mut below = 0.0;
            let mut coverage = 0.0;
            for hits in 0..=n {
                let at_most = binomial_at_most(hits, n, p);
                coverage +=
                    (at_most - below) * f64::from(u8::from(holds(Some(of_share(hits, n)), p)));
                below = at_most;
            }
            assert!(coverage > 0.93, "{coverage} at {p}, {n}");
        }
    }
}

#[test]
fn intervals_hold_the_truth_where_repeats_resemble_each_other() {
    let mut world = World::new();
    for (p, n) in [(0.5, 20), (0.9, 50), (0.98, 20), (0.98, 200)] {
        // Four of five prompts are always or never answered, so five repeats are worth little more
        // than one: taken for independent, they would hold the truth in 60 of 100 cases.
        let held = count(120, || {
            let ease = |world: &mut World| match world.unit() < 0.8 {
                true => world.answer(p),
                false => p,
            };
            let eases: Vec<f64> = (0..n).map(|_| ease(&mut world)).collect();
            holds(mean(&world.run(&eases, 5), Scale::Unit).unwrap().interval, p)
        });
        assert!(held >= 108, "{held} of 120 at {p}, {n}");
    }
}

#[test]
fn where_drawing_ends_the_formula_says_the_same() {
    let mut world = World::new();
    let values: Vec<f64> = (0..MOST).map(|_| world.ease()).collect();
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let shares: Vec<Share> =
        values.iter().map(|one| Share { residual: one - value, n: 1.0 }).collect();
    let squares: f64 = shares.iter().map(|share| share.residual.powi(2)).sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    let drawn = studentized(&shares, value, error).unwrap();
    let formula = of_worth(value, value * (1.0 - value) / (error * error), n);
    // Drawing leaves each end to chance by about a 13th of the standard error.
    for (one, other) in [(drawn.low, formula.low), (drawn.high, formula.high)] {
        assert!((one - other).abs() < 0.3 * error, "{drawn:?} {formula:?} {error}");
    }
    let plain = percentile(&values);
    for (one, other) in [(plain.low, value - 1.96 * error), (plain.high, value + 1.96 * error)] {
        assert!((one - other).abs() < 0.3 * error, "{plain:?} {value} {error}");
    }
}

#[test]
fn where_turning_signs_ends_the_curve_says_the_same() {
    let mut world = World::new();
    let mut moved: Vec<f64> = (0..1_000).map(|_| world.ease() - 0.79).collect();
    let z = moved.iter().sum::<f64>() / moved.iter().map(|d| d * d).sum::<f64>().sqrt();
    let turned = sign_test(&moved);
    assert!((turned.up - normal_tail(z)).abs() < 0.02, "{turned:?} {z}");
    moved.push(1e-6);
    assert!((sign_test(&moved).up - turned.up).abs() < 0.02);
}

#[test]
fn equal_runs_raise_few_alarms() {
    let mut world = World::new();
    for repeats in [1, 3] {
        let (of, prompts) = if repeats == 1 { (1_000, 200) } else { (200, 60) };
        let alarms = count(of, || {
            let eases: Vec<f64> = (0..prompts).map(|_| world.ease()).collect();
            let (base, new) = (world.run(&eases, repeats), world.run(&eases, repeats));
            p_below(&base, &new, 0.0, Scale::Unit).unwrap() < 0.05
        });
        assert!(alarms * 20 <= of, "{alarms} of {of} with {repeats} repeats");
    }
}

#[test]
fn a_run_held_against_itself_shows_nothing() {
    let mut world = World::new();
    for repeats in [1, 5] {
        let run = world.run(&[0.8; 200], repeats);
        let seen = compare(&run, &run, Scale::Unit).unwrap();
        assert_eq!((seen.p_worse, seen.p_better, seen.p_two_sided), (1.0, 1.0, 1.0));
        assert_eq!((seen.same, seen.better, seen.worse), (200, 0, 0));
        assert!(!below(&run, &run, 0.0, 0.95, Scale::Unit));
    }
}

#[test]
fn a_drop_of_ten_points_on_200_prompts_is_found() {
    let mut world = World::new();
    let found = count(300, || {
        let (base, new) = (world.run(&[0.9; 200], 1), world.run(&[0.8; 200], 1));
        below(&base, &new, 0.0, 0.95, Scale::Unit)
    });
    assert!(found > 240, "{found} of 300");
    // The same answers but for a tenth.
    let found = count(100, || {
        let base = world.run(&[0.8; 200], 1);
        let mut new = Vec::new();
        for cluster in &base {
            let kept = world.answer(1.0 - 0.1 / 0.8);
            add(&mut new, cluster.id(), cluster.sum() * kept, None);
        }
        below(&base, &new, 0.0, 0.95, Scale::Unit)
    });
    assert!(found > 95, "{found} of 100");
}

#[test]
fn the_same_scores_give_the_same_figures_to_the_last_bit() {
    let run = |p: f64| World::new().run(&vec![p; 300], 3);
    let seen = || compare(&run(0.8), &run(0.7), Scale::Unit).unwrap();
    assert_eq!(seen(), seen());
    let width = |seen: Option<Interval>| seen.map(|both| (both.high - both.low).to_bits());
    let of = || width(mean(&run(0.8), Scale::Unit).unwrap().interval);
    assert_eq!(of(), of());
}
