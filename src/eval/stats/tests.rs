//! Published and independently computed values (`SciPy` 1.17, statsmodels), and the edges.

use crate::eval::stats::cluster::{Cluster, add};
use crate::eval::stats::compare::{above, below, compare};
use crate::eval::stats::curves::{
    binomial_at_most, normal_quantile, normal_tail, student_quantile, student_tail,
};
use crate::eval::stats::flips::flip_rate;
use crate::eval::stats::interval::of_share;
use crate::eval::stats::mean::{Scale, mean};
use crate::eval::stats::ratio::{Ratio, median_ratio, percentile_ratio, total_ratio};
use crate::eval::stats::signs::sign_test;
use crate::eval::stats::verdict::{Verdict, holm};

/// One prompt for each inner list, which holds its repeats.
fn clusters<R: AsRef<[f64]>>(prompts: &[R]) -> Vec<Cluster> {
    let mut clusters = Vec::new();
    for (id, repeats) in (0_u32..).zip(prompts) {
        repeats.as_ref().iter().for_each(|value| add(&mut clusters, id, *value, None));
    }
    clusters
}

fn once(values: &[f64]) -> Vec<Cluster> {
    clusters(&values.iter().map(|value| [*value]).collect::<Vec<_>>())
}

/// Right answers first, then wrong ones.
fn answers(right: usize, of: usize) -> Vec<Cluster> {
    once(&(0..of).map(|at| if at < right { 1.0 } else { 0.0 }).collect::<Vec<_>>())
}

fn near(seen: f64, wanted: f64, slack: f64) {
    assert!((seen - wanted).abs() <= slack * wanted.abs().max(1e-12), "{seen} for {wanted}");
}

#[test]
fn the_curves_are_those_of_the_tables() {
    for (z, tail) in [
        (0.0, 0.5),
        (0.5, 0.308_537_538_725_986_9),
        (2.999, 0.001_354_336_533_727_105_7),
        (3.001, 0.001_345_472_825_084_965_3),
        (6.0, 9.865_876_450_376_946e-10),
        (10.0, 7.619_853_024_160_47e-24),
        (-1.0, 0.841_344_746_068_542_9),
    ] {
        near(normal_tail(z), tail, 1e-12);
    }
    for (t, freedom, tail) in [
        (1.0, 1.0, 0.25),
        (2.5, 3.0, 0.043_853_323_504_032_78),
        (0.1, 30.0, 0.460_504_805_895_135_6),
        (1.7, 199.0, 0.045_346_644_819_121_2),
        (4.0, 1_999.0, 3.282_396_616_289_895e-5),
        (-2.0, 10.0, 0.963_305_982_614_629_9),
        (2.0, 999_999.0, 0.022_750_266_925_794_592),
    ] {
        near(student_tail(t, freedom), tail, 1e-9);
    }
    near(normal_quantile(0.2), 0.841_621_233_572_914_2, 1e-12);
    for (freedom, t) in
        [(1.0, 12.706_204_736_174_69), (9.0, 2.262_157_162_798_2), (1e5, 1.959_987_707)]
    {
        near(student_quantile(0.025, freedom), t, 1e-9);
    }
    for (k, n, p, chance) in [
        (0, 10, 0.5, 0.000_976_562_5),
        (3, 10, 0.5, 0.171_875),
        (2, 20, 0.98, 4.793_785_384_960_077e-29),
        (47, 50, 0.98, 0.078_427_748_350_969_23),
        (150, 200, 0.8, 0.049_353_332_381_818),
        (499_000, 1_000_000, 0.5, 0.022_804_149_932_694_8),
    ] {
        near(binomial_at_most(k, n, p), chance, 1e-8);
    }
}

#[test]
fn a_share_has_the_interval_of_the_tables() {
    for (hits, n, low, high) in [
        (10, 10, 0.741_134_449_107, 1.0),
        (0, 10, 0.0, 0.258_865_550_893),
        (9, 10, 0.596_523_844_262, 0.994_998_524_718),
        (47, 50, 0.845_362_155_569, 0.984_512_747_279),
        (100, 200, 0.430_950_930_942, 0.569_049_069_058),
        // Wilson's.
        (9_000, 10_000, 0.893_965_631_474, 0.905_727_169_829),
        (3_000, 3_000, 0.998_721_151_275, 1.0),
    ] {
        let interval = of_share(hits, n);
        near(interval.low, low, 1e-9);
        near(interval.high, high, 1e-9);
    }
}

#[test]
fn ten_right_of_ten_do_not_promise_the_eleventh() {
    let all = mean(&answers(10, 10), Scale::Unit).unwrap();
    assert!(all.interval.unwrap().low < 0.75, "{all:?}");
    let graded = mean(&once(&[0.7; 10]), Scale::Unit).unwrap().interval.unwrap();
    assert!(graded.low < 0.65 && graded.high > 0.75, "{graded:?}");
    let repeated = mean(&clusters(&[[1.0; 5]; 10]), Scale::Unit).unwrap();
    assert_eq!((repeated.n, repeated.prompts), (50, 10));
    assert!(repeated.interval.unwrap().low < 0.75, "{repeated:?}");
}

#[test]
fn one_prompt_shows_nothing_of_others() {
    for prompt in [vec![1.0], vec![1.0; 9], vec![0.25, 0.5]] {
        let interval = mean(&clusters(&[prompt]), Scale::Unit).unwrap().interval.unwrap();
        assert_eq!((interval.low, interval.high), (0.0, 1.0));
    }
    assert_eq!(mean(&once(&[812.0]), Scale::Free).unwrap().interval, None);
    assert_eq!(mean(&once(&[0.1 + 0.2; 30]), Scale::Free).unwrap().interval, None);
    let pair = compare(&once(&[0.0]), &once(&[1.0]), Scale::Unit).unwrap();
    assert_eq!(pair.interval.map(|both| (both.low, both.high)), Some((-1.0, 1.0)));
    assert_eq!(compare(&once(&[5.0]), &once(&[7.0]), Scale::Free).unwrap().interval, None);
}

#[test]
fn mcnemars_test_is_that_of_the_tables() {
    for (up, down, two_sided, worse, better) in [
        (0, 0, 1.0, 1.0, 1.0),
        (0, 4, 0.125, 0.062_5, 1.0),
        (0, 5, 0.062_5, 0.031_25, 1.0),
        (2, 10, 0.038_574_218_75, 0.019_287_109_375, 0.996_826_171_875),
        (10, 25, 0.016_673_847_800, 0.008_336_923_900, 0.997_005_939_716),
        (14, 24, 0.143_306_654_296, 0.071_653_327_148, 0.963_524_305_742),
        (121, 59, 4.434_449_263_7e-6, 0.999_998_950_578, 2.217_224_631_88e-6),
    ] {
        // Ten prompts that both runs answer alike change nothing.
        let side = |first: f64| {
            let moved = (0..up + down).map(|at| if at < up { 1.0 - first } else { first });
            once(&moved.chain([1.0; 10]).collect::<Vec<_>>())
        };
        let seen = compare(&side(1.0), &side(0.0), Scale::Unit).unwrap();
        near(seen.p_two_sided, two_sided, 1e-8);
        near(seen.p_worse, worse, 1e-8);
        near(seen.p_better, better, 1e-8);
        assert_eq!((seen.better, seen.worse, seen.same), (up as u64, down as u64, 10));
    }
}

#[test]
fn turning_signs_gives_the_chances_of_the_tables() {
    for (differences, down, up) in [
        (&[0.1, 0.2, -0.3, -0.4, -0.5][..], 0.156_25, 0.906_25),
        (&[0.5, -0.25, -0.25, -1.0, -0.75, 0.1, -0.3, -0.6], 0.058_593_75, 0.953_125),
        (
            &[-0.05, 0.1, -0.2, -0.15, 0.02, -0.3, -0.12, -0.07, 0.01, -0.11, -0.04, -0.09, 0.0],
            0.009_521_484_375,
            0.991_943_359_375,
        ),
        // One size, though not 1.
        (&[-0.25, -0.25, -0.25, 0.0, -0.25], 0.0625, 1.0),
    ] {
        let tails = sign_test(differences);
        near(tails.down, down, 1e-12);
        near(tails.up, up, 1e-12);
    }
    // Against two million turns by another generator: 0.0884 and 0.9157.
    let many: Vec<f64> = (0..40).map(|at| (f64::from(at * 37 % 41) - 23.0) / 41.0).collect();
    let tails = sign_test(&many);
    assert!((tails.down - 0.0884).abs() < 0.008 && (tails.up - 0.9157).abs() < 0.008, "{tails:?}");
}

#[test]
fn thirds_that_add_up_to_one_are_no_difference() {
    let base = clusters(&[[0.1, 0.2, 0.3]]);
    let new = clusters(&[[0.3, 0.2, 0.1]]);
    assert_eq!(compare(&base, &new, Scale::Unit).unwrap().same, 1);
}

#[test]
fn holms_rule_is_that_of_the_tables() {
    for (p, adjusted) in [
        (&[0.01, 0.04, 0.03, 0.005][..], &[0.03, 0.06, 0.06, 0.02][..]),
        (&[0.2, 0.01, 0.01, 0.5, 0.9], &[0.6, 0.05, 0.05, 1.0, 1.0]),
        (&[0.049, 0.02], &[0.049, 0.04]),
        (&[f64::NAN, 0.01], &[1.0, 0.02]),
        (&[], &[]),
    ] {
        let seen = holm(p);
        assert_eq!(seen.len(), adjusted.len());
        seen.iter().zip(adjusted).for_each(|(seen, wanted)| near(*seen, *wanted, 1e-12));
    }
}

#[test]
fn a_verdict_never_says_equal() {
    for (difference, p, words) in [
        (-0.1, 0.049, "worse"),
        (0.1, 0.049, "better"),
        (-0.1, 0.05, "no difference shown"),
        (0.0, 0.0, "no difference shown"),
        (0.1, f64::NAN, "no difference shown"),
    ] {
        assert_eq!(Verdict::of(difference, p).to_string(), words);
    }
}

#[test]
fn prompts_without_a_partner_are_left_out_and_counted() {
    let (mut base, mut new) = (Vec::new(), Vec::new());
    [1, 2, 5, 9].into_iter().for_each(|id| add(&mut base, id, 1.0, None));
    [0, 2, 3, 9, 10].into_iter().for_each(|id| add(&mut new, id, 0.0, None));
    let seen = compare(&base, &new, Scale::Unit).unwrap();
    assert_eq!((seen.pairs, seen.only_base, seen.only_new), (2, 2, 3));
    near(seen.difference, -1.0, 0.0);
    assert_eq!(compare(&base, &[], Scale::Unit), None);
}

#[test]
fn repeats_that_disagree_are_flips() {
    let mut seen = Vec::new();
    for (id, value, pass) in [
        (0, 1.0, Some(true)),
        (0, 0.0, Some(false)),
        (1, 0.4, Some(true)),
        (1, 0.6, Some(true)),
        (2, 0.4, None),
        (2, 0.6, None),
        (3, 0.5, None),
        (3, 0.5, None),
        (4, 1.0, Some(true)),
        (5, 0.0, None),
        (5, -0.0, None),
    ] {
        add(&mut seen, id, value, pass);
    }
    let rate = flip_rate(&seen).unwrap();
    assert_eq!((rate.flipped, rate.prompts), (2, 5));
    near(rate.value, 0.4, 0.0);
    assert_eq!(flip_rate(&once(&[0.0, 1.0])), None);
}

#[test]
fn a_threshold_of_zero_is_the_exact_test() {
    for lost in 0..12 {
        let (base, new) = (answers(40, 50), answers(40 - lost, 50));
        let p = compare(&base, &new, Scale::Unit).unwrap().p_worse;
        assert_eq!(below(&base, &new, 0.0, 0.95, Scale::Unit), p < 0.05, "{lost}: {p}");
        assert_eq!(above(&new, &base, 0.0, 0.95, Scale::Unit), p < 0.05, "{lost}: {p}");
    }
    let (base, new) = (answers(190, 200), answers(150, 200));
    let drops = [0.02, 0.1, 0.14, 0.2, 0.3].map(|by| below(&base, &new, -by, 0.95, Scale::Unit));
    assert_eq!(drops, [true, true, true, false, false]);
    // Twenty prompts without a change cannot exclude that one in fifty gets worse.
    assert!(!above(&answers(20, 20), &answers(20, 20), -0.02, 0.95, Scale::Unit));
    assert!(above(&answers(500, 500), &answers(500, 500), -0.02, 0.95, Scale::Unit));
    assert!(!below(&base, &new, f64::NAN, 0.95, Scale::Unit));
}

#[test]
fn ratios_are_those_of_the_tables() {
    let seen = total_ratio(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.5, 2.0, 4.0, 5.0, 5.0]).unwrap();
    near(seen.value, 1.166_666_666_666_667, 1e-12);
    near(seen.low, 0.954_699_881_704_552, 1e-9);
    near(seen.high.unwrap(), 1.425_695_275_756_125, 1e-9);
    // The 6th and the 15th of 20 hold the median in 95.9 %.
    let base = [10.0; 20];
    let new: Vec<f64> = (1..=20).map(f64::from).collect();
    let seen = median_ratio(&base, &new).unwrap();
    near(seen.value, 110.0_f64.sqrt() / 10.0, 1e-12);
    assert_eq!((seen.low, seen.high, seen.n), (0.6, Some(1.5), 20));
    let seen = percentile_ratio(&base, &new, 0.5).unwrap();
    assert_eq!((seen.value, seen.low, seen.high), (1.0, 0.6, Some(1.5)));
}

#[test]
fn a_ratio_says_what_it_cannot_know() {
    let bare = |value| Some(Ratio { value, low: 0.0, high: None, n: 1 });
    assert_eq!(median_ratio(&[2.0], &[3.0]), bare(1.5));
    assert_eq!(total_ratio(&[2.0], &[3.0]), bare(1.5));
    assert_eq!(percentile_ratio(&[2.0], &[3.0], 0.95), bare(1.5));
    // Nothing for nothing is as before; something for nothing is no number.
    assert_eq!(median_ratio(&[0.0], &[0.0]), bare(1.0));
    assert_eq!(median_ratio(&[0.0], &[3.0]), None);
    assert_eq!(total_ratio(&[0.0], &[3.0]), None);
    assert_eq!(percentile_ratio(&[0.0], &[3.0], 0.5), None);
    assert_eq!(median_ratio(&[f64::NAN, 1.0, -1.0], &[1.0, f64::INFINITY, 1.0]), None);
    let one_free = median_ratio(&[0.0, 1.0, 1.0], &[5.0, 2.0, 2.0]).unwrap();
    assert_eq!((one_free.value.round(), one_free.n), (2.0, 3));
}

#[test]
fn no_scores_give_no_figures() {
    assert_eq!(mean(&[], Scale::Unit), None);
    assert_eq!(compare(&[], &[], Scale::Free), None);
    assert_eq!(flip_rate(&[]), None);
    assert_eq!(Cluster::new(0, f64::NAN, None), None);
    assert_eq!(Cluster::new(0, f64::INFINITY, None), None);
    assert!(!below(&[], &[], 0.5, 0.95, Scale::Unit));
    assert_eq!(median_ratio(&[], &[]), None);
    assert_eq!(total_ratio(&[], &[]), None);
    assert_eq!(percentile_ratio(&[], &[], 0.5), None);
}

#[test]
fn a_million_clusters_fit_in_24_megabytes() {
    assert_eq!(size_of::<Cluster>(), 24);
}
