//! Percentiles of any number of values in a few kilobytes.
//!
//! Values below 128 are counted exactly. Above, each power of two is cut into 64 buckets of the
//! same width, so a percentile is off by at most 1/128 (0.8 %) of itself. The largest value, the
//! count and the mean are exact.

/// Buckets for each power of two, as a power of two.
const BITS: u32 = 6;
const BUCKETS: u64 = 1 << BITS;

/// How often each value came, to 0.8 %.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Grown as far as values need it.
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    max: u64,
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.sum += u128::from(value);
        self.max = self.max.max(value);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The smallest value that at least this share of all values does not exceed (nearest rank);
    /// `None` when there are no values. `percent` is from 0 to 100.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        })?;
        Some(middle(bucket).min(self.max))
    }

    /// The largest value.
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The mean, rounded to a whole number.
    pub fn mean(&self) -> Option<u64> {
        let count = u128::from(self.count);
        (count > 0).then(|| ((self.sum + count / 2) / count) as u64)
    }
}

fn bucket(value: u64) -> usize {
    if value < BUCKETS {
        return value as usize;
    }
    // All but the highest seven bits do not count.
    let shift = value.ilog2() - BITS;
    (u64::from(shift) * BUCKETS + (value >> shift)) as usize
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * BUCKETS {
        return bucket;
    }
    let shift = bucket / BUCKETS - 1;
    let low = (BUCKETS + bucket % BUCKETS) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|value| histogram.add(*value));
        histogram
    }

    #[test]
    fn small_values_are_exact() {
        let histogram = of(&(1..=100).collect::<Vec<_>>());
        for percent in [1, 50, 90, 95, 99, 100] {
            assert_eq!(histogram.percentile(percent), Some(percent));
        }
        assert_eq!((histogram.max(), histogram.mean()), (Some(100), Some(51)));
        assert_eq!(of(&[7]).percentile(50), Some(7));
        assert_eq!(of(&[7]).percentile(0), Some(7));
        assert_eq!(of(&[0, 0, 9]).percentile(50), Some(0));
    }

    #[test]
    fn nothing_has_no_percentile() {
        let empty = Histogram::default();
        assert_eq!((empty.percentile(50), empty.max(), empty.mean()), (None, None, None));
    }

    #[test]
    fn every_value_has_a_bucket_and_buckets_are_in_order() {
        let mut last = 0;
        for value in (0..5000).chain((13..64).flat_map(|n| [(1 << n) - 1, 1 << n])) {
            assert!(bucket(value) >= last, "{value}");
            last = bucket(value);
        }
        assert_eq!(
            of(&[u64::MAX]).percentile(50).map(|value| value > u64::MAX / 128 * 127),
            Some(true)
        );
    }

    proptest! {
        #[test]
        fn a_percentile_is_off_by_less_than_one_in_a_hundred(
            mut values in proptest::collection::vec(0..10_000_000_u64, 1..200),
            percent in 1..=100_u64,
        ) {
            let found = of(&values).percentile(percent).unwrap();
            values.sort_unstable();
            let rank = (values.len() as u64 * percent).div_ceil(100) as usize;
            let exact = values[rank - 1];
            prop_assert!(found.abs_diff(exact) * 100 <= exact, "{} for {}", found, exact);
        }
    }
}
