//! The distributions behind intervals and tests: normal, Student's t, binomial.
//!
//! Textbook forms (Abramowitz and Stegun 26.2, 26.5, 26.7; the continued fraction of the beta
//! function by Lentz's method as in Numerical Recipes 6.4), good to eight digits at the least,
//! up to a million cases, as the tests hold against published values.

use std::f64::consts::{PI, SQRT_2};

/// The share of the standard normal distribution above `z`.
pub fn normal_tail(z: f64) -> f64 {
    if z < 0.0 { 1.0 - upper_tail(-z) } else { upper_tail(z) }
}

/// Half the complementary error function at `z / sqrt(2)`, for `z` of 0 and more.
fn upper_tail(z: f64) -> f64 {
    let density = (-z * z / 2.0).exp() / (SQRT_2 * PI.sqrt());
    if z > 3.0 {
        // The continued fraction 26.2.14, from its far end.
        let fraction = (1..=80).rev().fold(z, |rest, k| z + f64::from(k) / rest);
        return density / fraction;
    }
    // The series 26.2.11.
    let (mut term, mut sum, mut k) = (z, z, 1.0);
    while term > sum * f64::EPSILON {
        k += 2.0;
        term *= z * z / k;
        sum += term;
    }
    0.5 - density * sum
}

/// The `z` above which this share of the standard normal distribution lies.
pub fn normal_quantile(tail: f64) -> f64 {
    invert(tail, normal_tail)
}

/// The share of Student's t distribution with `freedom` degrees above `t`.
pub fn student_tail(t: f64, freedom: f64) -> f64 {
    // From a million degrees on, the two agree to seven digits.
    if freedom >= 1e6 {
        return normal_tail(t);
    }
    let both = beta(freedom / (freedom + t * t), freedom / 2.0, 0.5);
    if t < 0.0 { 1.0 - both / 2.0 } else { both / 2.0 }
}

/// The `t` above which this share of Student's t distribution with `freedom` degrees lies.
pub fn student_quantile(tail: f64, freedom: f64) -> f64 {
    invert(tail, |t| student_tail(t, freedom))
}

/// The chance of at most `k` heads in `n` throws of a coin that shows them with chance `p`.
pub fn binomial_at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n {
        return 1.0;
    }
    beta(1.0 - p, (n - k) as f64, k as f64 + 1.0)
}

/// Where a falling tail reaches `share`, by halving.
fn invert(share: f64, tail: impl Fn(f64) -> f64) -> f64 {
    if share > 0.5 {
        return -invert(1.0 - share, tail);
    }
    let (mut low, mut high) = (0.0, 1.0);
    while tail(high) > share && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        match tail(middle) > share {
            true => low = middle,
            false => high = middle,
        }
    }
    f64::midpoint(low, high)
}

/// The regularized incomplete beta function.
fn beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    match x < (a + 1.0) / (a + b + 2.0) {
        true => front * fraction(x, a, b) / a,
        false => 1.0 - front * fraction(1.0 - x, b, a) / b,
    }
}

/// The continued fraction of the incomplete beta function.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut above, mut below) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut value = below;
    // It needs about the square root of the larger parameter.
    for step in 1..20_000 {
        let step = f64::from(step);
        let twice = a + 2.0 * step;
        let even = step * (b - step) * x / ((twice - 1.0) * twice);
        let odd = -(a + step) * (a + b + step) * x / (twice * (twice + 1.0));
        let before = value;
        for term in [even, odd] {
            below = 1.0 / away(1.0 + term * below);
            above = away(1.0 + term / above);
            value *= above * below;
        }
        if (value - before).abs() <= value.abs() * f64::EPSILON {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function, by Stirling's series; `x` is above 0.
fn ln_gamma(x: f64) -> f64 {
    // The series is good to the last digit from 10 on; below, it is shifted up.
    let (mut x, mut shift) = (x, 1.0);
    while x < 10.0 {
        shift *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = [1.0 / 1188.0, -1.0 / 1680.0, 1.0 / 1260.0, -1.0 / 360.0, 1.0 / 12.0]
        .iter()
        .enumerate()
        .fold(-691.0 / 360_360.0, |sum, (_, term)| sum * square + term);
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + series / x - shift.ln()
}
