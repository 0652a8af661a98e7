//! What must hold for any scores.

use proptest::prelude::*;

use crate::eval::stats::cluster::{Cluster, add};
use crate::eval::stats::compare::{Comparison, below, compare};
use crate::eval::stats::flips::flip_rate;
use crate::eval::stats::mean::{Estimate, Scale, mean};
use crate::eval::stats::ratio::{median_ratio, percentile_ratio, total_ratio};

fn assert_sane(seen: &Estimate, scale: Scale) {
    assert!(seen.value.is_finite());
    if let Some(interval) = seen.interval {
        assert!(interval.low <= seen.value && seen.value <= interval.high, "{seen:?}");
    }
    assert!(scale == Scale::Free || seen.interval.is_some());
}

fn assert_mirrored(seen: &Comparison, swapped: &Comparison) {
    let near = |one: f64, other: f64| (one - other).abs() <= 1e-9 * one.abs().max(1.0);
    assert!(near(seen.difference, -swapped.difference), "{seen:?} {swapped:?}");
    assert_eq!((seen.p_worse, seen.p_better), (swapped.p_better, swapped.p_worse));
    assert_eq!((seen.better, seen.worse), (swapped.worse, swapped.better));
    assert_eq!((seen.only_base, seen.only_new), (swapped.only_new, swapped.only_base));
    let (Some(one), Some(other)) = (seen.interval, swapped.interval) else { return };
    assert!(one.low <= seen.difference && seen.difference <= one.high, "{seen:?}");
    // The two pairs that are added stand in another order then, so the draws differ a little.
    let width = (one.high - one.low).max(1e-9);
    assert!((one.low + other.high).abs() < width, "{seen:?} {swapped:?}");
}

fn scores() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1.0), Just(0.5), 0.0..=1.0_f64]
}

/// Rows as they come: prompt and score.
fn rows() -> impl Strategy<Value = Vec<(u32, f64)>> {
    prop::collection::vec((0_u32..30, scores()), 0..60)
}

fn gathered(rows: &[(u32, f64)]) -> Vec<Cluster> {
    let mut clusters = Vec::new();
    rows.iter().for_each(|(id, value)| add(&mut clusters, *id, *value, Some(*value >= 0.5)));
    clusters
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn intervals_hold_what_they_are_of(rows in rows(), factor in 0.001..1e6_f64) {
        let unit = gathered(&rows);
        prop_assert_eq!(mean(&unit, Scale::Unit).is_some(), !rows.is_empty());
        mean(&unit, Scale::Unit).iter().for_each(|seen| assert_sane(seen, Scale::Unit));
        let free: Vec<(u32, f64)> = rows.iter().map(|(id, value)| (*id, value * factor)).collect();
        mean(&gathered(&free), Scale::Free).iter().for_each(|seen| assert_sane(seen, Scale::Free));
        prop_assert!(unit.is_sorted_by(|one, next| one.id() < next.id()));
        prop_assert_eq!(flip_rate(&unit).is_some(), unit.iter().any(|cluster| cluster.n() > 1));
    }

    #[test]
    fn swapping_the_runs_mirrors_the_comparison(base in rows(), new in rows()) {
        let (base, new) = (gathered(&base), gathered(&new));
        for scale in [Scale::Unit, Scale::Free] {
            let (seen, swapped) = (compare(&base, &new, scale), compare(&new, &base, scale));
            prop_assert_eq!(seen.is_some(), swapped.is_some());
            seen.iter().zip(&swapped).for_each(|(seen, swapped)| assert_mirrored(seen, swapped));
        }
    }

    #[test]
    fn the_order_of_prompts_changes_nothing(base in rows(), new in rows()) {
        let (base, new) = (gathered(&base), gathered(&new));
        let reversed = |clusters: &[Cluster]| clusters.iter().rev().copied().collect::<Vec<_>>();
        let (base_reversed, new_reversed) = (reversed(&base), reversed(&new));
        prop_assert_eq!(mean(&base, Scale::Unit), mean(&base_reversed, Scale::Unit));
        prop_assert_eq!(
            compare(&base, &new, Scale::Unit),
            compare(&base_reversed, &new_reversed, Scale::Unit)
        );
    }

    #[test]
    fn a_greater_drop_is_never_shown_before_a_smaller_one(base in rows(), new in rows()) {
        let (base, new) = (gathered(&base), gathered(&new));
        let shown = |drop: f64| below(&base, &new, drop, 0.95, Scale::Unit);
        let drops = [-0.5, -0.1, -0.02, 0.0, 0.02, 0.1].map(shown);
        prop_assert!(drops.is_sorted(), "{drops:?}");
    }

    #[test]
    fn ratios_are_numbers_and_turn_around(
        pairs in prop::collection::vec((0.0..100.0_f64, 0.0..100.0_f64), 0..50),
        zeros in 0_usize..3,
    ) {
        let (mut base, mut new): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        base.iter_mut().take(zeros).for_each(|value| *value = 0.0);
        new.iter_mut().skip(1).take(zeros).for_each(|value| *value = 0.0);
        let tail = |base: &[f64], new: &[f64]| percentile_ratio(base, new, 0.95);
        for of in [median_ratio, total_ratio, tail] {
            let (Some(seen), Some(swapped)) = (of(&base, &new), of(&new, &base)) else { continue };
            prop_assert!(seen.low <= seen.value && seen.value.is_finite(), "{seen:?}");
            prop_assert!(seen.high.is_none_or(|high| seen.value <= high), "{seen:?}");
            prop_assert!((seen.value * swapped.value - 1.0).abs() < 1e-9 || seen.value == 0.0);
        }
    }
}
