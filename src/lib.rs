//! runner

pub mod call;
pub mod engine;
pub mod mock;
pub mod pace;
pub mod provider;
pub mod report;
pub mod store;
pub mod wire;
