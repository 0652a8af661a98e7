//! Two runs of all kinds held against each other: in folders, and simulated by the hundred.

mod folders;
mod simulated;
