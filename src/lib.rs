//! runner

pub mod call;
pub mod cli;
pub mod engine;
pub mod job;
pub mod mock;
pub mod pace;
pub mod provider;
pub mod report;
pub mod run;
pub mod store;
pub mod wire;
