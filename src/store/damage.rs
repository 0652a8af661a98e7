//! Lines of a journal that cannot be read any more, and are set aside.
//!
//! A disk, a crash or a hand may damage a line in the middle of a journal. The others are as good as
//! before, so the run stays usable: the task of a damaged line counts as not done and is asked again
//! by a session that goes on, and whoever reads the journal says so.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// So many lines are told one by one.
const TOLD: usize = 20;

/// The damaged lines of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Damages {
    /// How many there are.
    pub lines: u64,
    /// The first twenty of them.
    pub first: Vec<Damage>,
}

/// A damaged line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Damage {
    /// Its number in the journal, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

impl Damages {
    /// Whether every line is whole.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// One more line, after those before it.
    pub(crate) fn add(&mut self, line: u64, why: String) {
        self.lines += 1;
        if self.first.len() < TOLD {
            self.first.push(Damage { line, why });
        }
    }

    /// Warns that the lines of this journal tell nothing to whoever reads it now.
    pub fn warn(&self, journal: &Path) {
        if !self.is_empty() {
            let (journal, first) = (journal.display(), self.first.first());
            tracing::warn!(
                why = first.map(|damage| &*damage.why),
                "{} of `{journal}` cannot be read and {} set aside: what was told there is in no \
                 report and in no sum; tasks that have no other outcome count as not done, and \
                 --resume asks them again",
                self.told(),
                if self.lines == 1 { "is" } else { "are" },
            );
        }
    }

    /// Which lines, as in `lines 2, 7 and 3 more`.
    pub fn told(&self) -> String {
        /// So many numbers stand in a sentence.
        const NAMED: usize = 5;
        let named: Vec<String> =
            self.first.iter().take(NAMED).map(|damage| damage.line.to_string()).collect();
        let more = self.lines.saturating_sub(named.len() as u64);
        let noun = if self.lines == 1 { "line" } else { "lines" };
        match (more, &*named) {
            (0, [many @ .., last]) if !many.is_empty() => {
                format!("{noun} {} and {last}", many.join(", "))
            }
            (0, _) => format!("{noun} {}", named.join(", ")),
            (more, _) => format!("{noun} {} and {more} more", named.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_lines_are_told_by_their_numbers() {
        let told = |count: u64| {
            let mut damages = Damages::default();
            (1..=count).for_each(|line| damages.add(line * 2, "it is torn".to_owned()));
            assert!(damages.first.len() <= TOLD && damages.lines == count);
            damages.told()
        };
        assert_eq!(told(1), "line 2");
        assert_eq!(told(2), "lines 2 and 4");
        assert_eq!(told(5), "lines 2, 4, 6, 8 and 10");
        assert_eq!(told(99), "lines 2, 4, 6, 8, 10 and 94 more");
    }
}
