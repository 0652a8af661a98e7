//! runner

pub mod call;
pub mod engine;
pub mod pace;
pub mod provider;
pub mod wire;
