//! What may be said of a difference, and what may not.

use std::fmt;

/// Below this p-value, adjusted for how many were looked at, a difference is called one.
pub const LEVEL: f64 = 0.05;

/// What a comparison shows. There is no "equal": data can fail to show a difference, never show
/// that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Better than the base.
    Better,
    /// Worse than the base.
    Worse,
    /// No more than chance would do.
    NoDifferenceShown,
}

impl Verdict {
    /// The verdict on a difference (new - base) with its adjusted p-value.
    pub fn of(difference: f64, p: f64) -> Self {
        match p < LEVEL {
            true if difference > 0.0 => Self::Better,
            true if difference < 0.0 => Self::Worse,
            _ => Self::NoDifferenceShown,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::NoDifferenceShown => "no difference shown",
        })
    }
}

/// The p-values adjusted by Holm's step-down rule for having looked at all of them, in the order
/// given: the chance of even one false alarm stays below the level. One that is no number is 1.
///
/// Source: Holm (1979), A simple sequentially rejective multiple test procedure.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut rising: Vec<usize> = (0..p.len()).collect();
    let known = |p: f64| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) };
    rising.sort_by(|one, other| known(p[*one]).total_cmp(&known(p[*other])));
    let mut adjusted = vec![1.0; p.len()];
    let mut largest = 0.0_f64;
    for (rank, at) in rising.into_iter().enumerate() {
        largest = largest.max(known(p[at]) * (p.len() - rank) as f64).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}
