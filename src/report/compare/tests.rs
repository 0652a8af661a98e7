//! Two runs of all kinds held against each other.
