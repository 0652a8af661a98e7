//! The scores of one prompt by one scorer, in 24 bytes, however often it was asked.

use std::borrow::Cow;

/// A pass was seen.
const PASS: u8 = 1;
/// A fail was seen.
const FAIL: u8 = 2;
/// Two different values were seen.
const DIFFERS: u8 = 4;
/// A value other than 0 and 1 was seen.
const GRADED: u8 = 8;

/// No score, time or amount lies beyond, and the squares of what does could not be summed.
const LARGEST: f64 = 1e100;

/// What one prompt was given by one scorer: its repeats together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cluster {
    sum: f64,
    id: u32,
    n: u32,
    first: f32,
    seen: u8,
}

impl Cluster {
    /// The prompt `id` with the score of one answer, and whether it passed where that is known;
    /// `None` for a value that is no finite number (or beyond 1e100).
    pub fn new(id: u32, value: f64, pass: Option<bool>) -> Option<Self> {
        let mut cluster = Self { sum: 0.0, id, n: 0, first: 0.0, seen: 0 };
        cluster.push(value, pass);
        (cluster.n > 0).then_some(cluster)
    }

    /// Adds the score of another repeat. A value that is no finite number is passed over.
    pub fn push(&mut self, value: f64, pass: Option<bool>) {
        if value.is_nan() || value.abs() > LARGEST {
            return;
        }
        // Adding 0 makes one of the two zeros. Single precision tells apart what people would call different, in half the room.
        let short = (value + 0.0) as f32;
        if self.n == 0 {
            self.first = short;
        }
        let verdict = pass.map_or(0, |pass| if pass { PASS } else { FAIL });
        let differs = if short.to_bits() == self.first.to_bits() { 0 } else { DIFFERS };
        let graded = if value * (1.0 - value) == 0.0 { 0 } else { GRADED };
        self.seen |= verdict | differs | graded;
        self.n = self.n.saturating_add(1);
        self.sum += value;
    }

    /// Which prompt.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How many answers were scored; at least one.
    pub fn n(&self) -> u32 {
        self.n
    }

    /// The sum of their scores.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The mean of their scores.
    pub fn mean(&self) -> f64 {
        self.sum / f64::from(self.n)
    }

    /// Whether its repeats disagree: pass and fail both seen, or different values where no verdict
    /// was given. A difference below single precision (6e-8 of the value) is none.
    pub fn flips(&self) -> bool {
        match self.seen & (PASS | FAIL) {
            0 => self.seen & DIFFERS != 0,
            verdicts => verdicts == PASS | FAIL,
        }
    }

    /// Whether every score was 0 or 1.
    pub fn is_binary(&self) -> bool {
        self.seen & GRADED == 0
    }

    fn join(&mut self, other: &Self) {
        let differs = if self.first.to_bits() == other.first.to_bits() { 0 } else { DIFFERS };
        self.seen |= other.seen | differs;
        self.n = self.n.saturating_add(other.n);
        self.sum += other.sum;
    }
}

/// Adds one score to `clusters`, which stand in the order of their ids. Cheapest where ids come
/// in rising order; right in any order.
pub fn add(clusters: &mut Vec<Cluster>, id: u32, value: f64, pass: Option<bool>) {
    let found = match clusters.last() {
        Some(last) if last.id < id => Err(clusters.len()),
        Some(last) if last.id == id => Ok(clusters.len() - 1),
        _ => clusters.binary_search_by_key(&id, |cluster| cluster.id),
    };
    match (found, Cluster::new(id, value, pass)) {
        (Ok(at), _) => clusters[at].push(value, pass),
        (Err(at), Some(cluster)) => clusters.insert(at, cluster),
        (Err(_), None) => {}
    }
}

/// The clusters in the order of their ids, one for each id.
pub(super) fn in_order(clusters: &[Cluster]) -> Cow<'_, [Cluster]> {
    if clusters.is_sorted_by(|one, next| one.id < next.id) {
        return Cow::Borrowed(clusters);
    }
    let mut sorted = clusters.to_vec();
    // Sums of the same id are added in one order, whatever the order they came in.
    sorted.sort_by(|one, other| one.id.cmp(&other.id).then(one.sum.total_cmp(&other.sum)));
    sorted.dedup_by(|next, kept| {
        let same = next.id == kept.id;
        if same {
            kept.join(next);
        }
        same
    });
    Cow::Owned(sorted)
}
