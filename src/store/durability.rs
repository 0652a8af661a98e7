//! What a run promises of an answer that has come: what may die without taking it along.

use serde::{Deserialize, Serialize};

/// What an answer that counts as done survives.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The death of the process: an answer is handed to the system as soon as it is there.
    #[default]
    Process,
    /// That of the machine too, as when the power goes: an answer counts as done once the disk has
    /// it. Many answers share one wait for the disk.
    Disk,
}
