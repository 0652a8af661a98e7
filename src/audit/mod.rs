//! GROUND. Money, before and after: what a job will cost, what was booked, what others say of it.
//!
//! The [`ledger`] has every attempt that was answered, of every run. It is made from the journals
//! and can be made from them again.

mod cells;
pub mod difference;
pub mod error;
pub mod estimate;
pub mod invoice;
pub mod ledger;
pub mod reprice;

use crate::call::money::Usd;

/// What the attempts of one day at one model cost, as the runner booked them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The day in UTC, as `2026-11-22`.
    pub day: String,
    /// The provider's name in the catalogue or in the job.
    pub provider: String,
    /// The model as the provider knows it.
    pub model: String,
    /// The costs that are known, added up.
    pub usd: Usd,
    /// Attempts whose cost is not known, and not in `usd`.
    pub unpriced: u64,
}
