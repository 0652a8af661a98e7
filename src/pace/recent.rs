//! The last calls, and how many of them were of one kind.

use std::collections::VecDeque;

/// Whether each of the last calls was of a kind.
#[derive(Debug)]
pub struct Recent {
    looked_at: usize,
    calls: VecDeque<bool>,
    hits: usize,
}

impl Recent {
    /// The last so many calls.
    pub fn new(looked_at: usize) -> Self {
        Self { looked_at, calls: VecDeque::with_capacity(looked_at), hits: 0 }
    }

    /// One more call, and whether it was of the kind.
    pub fn saw(&mut self, hit: bool) {
        if self.calls.len() == self.looked_at {
            self.hits -= usize::from(self.calls.pop_front() == Some(true));
        }
        self.calls.push_back(hit);
        self.hits += usize::from(hit);
    }

    /// How many calls are looked at by now.
    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    /// How many of them were of the kind.
    pub fn hits(&self) -> usize {
        self.hits
    }

    /// Whether this share of them was, or more.
    pub fn reaches(&self, share: f64) -> bool {
        self.hits as f64 >= self.calls.len() as f64 * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_calls_count() {
        let mut recent = Recent::new(4);
        [true, true, false, true, false].into_iter().for_each(|hit| recent.saw(hit));
        assert_eq!((recent.calls(), recent.hits()), (4, 2));
        assert!(recent.reaches(0.5) && !recent.reaches(0.51));
    }
}
