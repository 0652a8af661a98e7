//! A declarative batch runner for LLM prompts, and the unified LLM interface beneath it.
//!
//! # One call
//!
//! [`Client`] asks any provider of the catalogue in `OpenAI`'s terms: whole or streamed, with the
//! same parameters and the same typed errors, keys from the environment.
//!
//! # A job
//!
//! [`job::load::load`] reads a job file and gives a [`Job`], or every fault of it at once.
//! [`run::Prepared`] plans it, which reads every row, and finds every key; [`run::Prepared::run`]
//! then sends the prompts within the limits, journals each outcome as soon as it is known, tells an
//! [`run::observer::Observer`] of it, and writes the reports. Dropping a future cancels what it
//! was doing.
//!
//! # The floors
//!
//! Each room imports only rooms below it: `call` (the words everyone shares); `wire`, `pace`,
//! `store`; `provider`, `report`, `mock`; `job`, `engine`; `run`, `client`; `cli`.

pub mod call;
pub mod cli;
pub mod client;
pub mod engine;
pub mod job;
pub mod mock;
pub mod pace;
pub mod provider;
pub mod report;
pub mod run;
pub mod store;
pub mod wire;

pub use crate::call::completion::Completion;
pub use crate::call::failure::{Failure, FailureKind};
pub use crate::call::request::{Message, Request};
pub use crate::client::{Client, CompletionStream};
pub use crate::job::Job;
