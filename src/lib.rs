//! runner

pub mod call;
