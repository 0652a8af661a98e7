//! What scores show and what they do not: means with intervals, pairs of runs, flips, drift.
//!
//! Answers to the same prompt are not independent, so everything here is counted by prompt: a
//! [`Cluster`] holds what one prompt was given, and intervals and tests ask what would have come
//! of other prompts of the same kind. All of it is pure, and what is drawn at random is drawn from
//! one fixed seed: the same scores give the same figures, to the last bit, in whatever order the
//! prompts are handed in.
//!
//! [`Cluster`]: crate::eval::stats::cluster::Cluster

mod bootstrap;
pub mod cluster;
pub mod compare;
pub mod curves;
pub mod flips;
pub mod interval;
pub mod mean;
mod pairs;
pub mod ratio;
pub mod signs;
pub mod verdict;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod simulations;
#[cfg(test)]
mod tests;
