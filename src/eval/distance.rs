//! How far two sequences are apart: the longest subsequence that they share, and the fewest edits
//! from one to the other.
//!
//! Both go through 64 places at once, as bits of a word: Hyyrö (2004), "Bit-parallel LCS-length
//! computation revisited", and Myers (1999) in Hyyrö's form of 2003. So 100,000 by 100,000
//! characters take well below a second; beyond that there is a bound, since the work grows with
//! the product of both lengths.

use std::collections::HashMap;

/// The most steps of 64 places each: about half a second, 130,000 by 130,000 symbols.
const MOST_STEPS: usize = 1 << 28;

/// The sequences are so long that comparing them would hold up the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// How many symbols the longest subsequence has that both share.
pub(super) fn common(one: &[u32], other: &[u32]) -> Result<usize, TooLong> {
    let (same, one, other) = without_ends(one, other);
    let Some(places) = Places::of(one, other)? else { return Ok(same) };
    let mut row = vec![u64::MAX; places.words];
    let mut scratch = vec![0; places.words];
    for symbol in places.text {
        places.at(*symbol, &mut scratch, |matches| {
            let mut carry = false;
            for (word, matches) in row.iter_mut().zip(matches) {
                let (sum, over) = word.overflowing_add(*word & matches);
                let (sum, again) = sum.overflowing_add(u64::from(carry));
                carry = over || again;
                *word = sum | (*word & !matches);
            }
        });
    }
    let zeros = |(nth, word): (usize, &u64)| (!word & places.mask(nth)).count_ones() as usize;
    Ok(same + row.iter().enumerate().map(zeros).sum::<usize>())
}

/// The fewest symbols that must be put in, taken out or replaced to make one of the other.
pub(super) fn edits(one: &[u32], other: &[u32]) -> Result<usize, TooLong> {
    let (_, one, other) = without_ends(one, other);
    let Some(places) = Places::of(one, other)? else { return Ok(one.len().max(other.len())) };
    let mut column = vec![Column { plus: u64::MAX, minus: 0 }; places.words];
    let mut scratch = vec![0; places.words];
    let mut distance = places.length;
    let last = 1 << ((places.length - 1) % 64);
    for symbol in places.text {
        let mut step = |matches: &[u64]| {
            // The row above the first is 0, 1, 2, ...: every step to the right adds one.
            let mut carry = Column { plus: 1, minus: 0 };
            for (nth, (word, matches)) in column.iter_mut().zip(matches).enumerate() {
                let (next, across) = word.step(*matches, carry);
                if nth + 1 == places.words {
                    distance += usize::from(across.plus & last != 0);
                    distance -= usize::from(across.minus & last != 0);
                }
                *word = next;
                carry = Column { plus: across.plus >> 63, minus: across.minus >> 63 };
            }
        };
        if !places.at(*symbol, &mut scratch, &mut step) {
            step(&scratch);
        }
    }
    Ok(distance)
}

/// In which of 64 places the distance grows by one from a place to the next, and where it shrinks.
#[derive(Clone, Copy)]
struct Column {
    plus: u64,
    minus: u64,
}

impl Column {
    /// The next column, and how this one differs from it place by place.
    fn step(self, matches: u64, carry: Self) -> (Self, Self) {
        let matches = matches | carry.minus;
        let same =
            ((matches & self.plus).wrapping_add(self.plus) ^ self.plus) | matches | self.minus;
        let across = Self { plus: self.minus | !(same | self.plus), minus: same & self.plus };
        let plus = (across.plus << 1) | carry.plus;
        let minus = (across.minus << 1) | carry.minus;
        (Self { plus: minus | !(same | plus), minus: plus & same }, across)
    }
}

/// In how many symbols both begin and end alike, and what lies between.
fn without_ends<'s>(one: &'s [u32], other: &'s [u32]) -> (usize, &'s [u32], &'s [u32]) {
    let alike = |(a, b): &(&u32, &u32)| a == b;
    let start = one.iter().zip(other).take_while(alike).count();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.iter().rev().zip(other.iter().rev()).take_while(alike).count();
    (start + end, &one[..one.len() - end], &other[..other.len() - end])
}

/// Where each symbol stands in the shorter sequence, and the longer one.
struct Places<'s> {
    rows: HashMap<u32, Row>,
    length: usize,
    words: usize,
    text: &'s [u32],
}

/// Places as bits, or as a list where they are few; so all rows together are no larger than what
/// they were made from.
enum Row {
    Bits(Vec<u64>),
    Few(Vec<u32>),
}

impl<'s> Places<'s> {
    /// `None` where one of both is empty.
    fn of(one: &'s [u32], other: &'s [u32]) -> Result<Option<Self>, TooLong> {
        let (pattern, text) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        if pattern.is_empty() {
            return Ok(None);
        }
        let words = pattern.len().div_ceil(64);
        if words.saturating_mul(text.len()) > MOST_STEPS {
            return Err(TooLong);
        }
        let mut places: HashMap<u32, Vec<u32>> = HashMap::new();
        for (place, symbol) in pattern.iter().enumerate() {
            places.entry(*symbol).or_default().push(place as u32);
        }
        let row = |places: Vec<u32>| {
            if places.len() <= words {
                return Row::Few(places);
            }
            let mut bits = vec![0; words];
            places.iter().for_each(|place| set(&mut bits, *place));
            Row::Bits(bits)
        };
        let rows = places.into_iter().map(|(symbol, places)| (symbol, row(places))).collect();
        Ok(Some(Self { rows, length: pattern.len(), words, text }))
    }

    /// Shows the places of a symbol as bits; does nothing where it has none. What is lent for it is
    /// zero before and after.
    fn at(&self, symbol: u32, scratch: &mut [u64], mut show: impl FnMut(&[u64])) -> bool {
        match self.rows.get(&symbol) {
            None => return false,
            Some(Row::Bits(bits)) => show(bits),
            Some(Row::Few(places)) => {
                places.iter().for_each(|place| set(scratch, *place));
                show(scratch);
                places.iter().for_each(|place| scratch[*place as usize / 64] = 0);
            }
        }
        true
    }

    /// The bits of a word that stand for places.
    fn mask(&self, word: usize) -> u64 {
        match self.length - word * 64 {
            length @ 0..64 => (1 << length) - 1,
            _ => u64::MAX,
        }
    }
}

fn set(bits: &mut [u64], place: u32) {
    bits[place as usize / 64] |= 1 << (place % 64);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The textbook's table.
    fn table(one: &[u32], other: &[u32]) -> usize {
        let mut row = vec![0; other.len() + 1];
        for a in one {
            let mut diagonal = 0;
            for (nth, b) in other.iter().enumerate() {
                let above = row[nth + 1];
                row[nth + 1] = if a == b { diagonal + 1 } else { above.max(row[nth]) };
                diagonal = above;
            }
        }
        row[other.len()]
    }

    proptest! {
        #[test]
        fn both_are_what_the_textbook_says(
            (one, other) in (1_u32..40).prop_flat_map(|symbols| (
                prop::collection::vec(0..symbols, 0..300),
                prop::collection::vec(0..symbols, 0..300),
            ))
        ) {
            prop_assert_eq!(common(&one, &other), Ok(table(&one, &other)));
            prop_assert_eq!(edits(&one, &other), Ok(strsim::generic_levenshtein(&one, &other)));
        }
    }

    #[test]
    fn a_million_symbols_against_a_few_are_compared_and_against_a_million_are_not() {
        let long: Vec<u32> = (0..1_000_000).map(|nth| nth % 7).collect();
        let other: Vec<u32> = (0..1_000_000).map(|nth| nth % 11 + 1).collect();
        assert_eq!(common(&long, &[3, 3, 3]), Ok(3));
        assert_eq!(edits(&[9; 5], &long), Ok(1_000_000));
        assert_eq!(edits(&long, &long), Ok(0));
        assert_eq!((common(&long, &other), edits(&long, &other)), (Err(TooLong), Err(TooLong)));
    }
}
