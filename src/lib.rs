//! A declarative batch runner for LLM prompts, and the unified LLM interface beneath it.
//!
//! # One call
//!
//! [`Client`] asks any provider of the catalogue in `OpenAI`'s terms: whole or streamed, with the
//! same parameters and the same typed errors, keys from the environment.
//!
//! # A job
//!
//! [`Job::load`] reads a job file, or tells every fault of it at once. [`Job::plan`] reads every row
//! and sends nothing. [`Job::run`] finds every key, sends the prompts within the limits, journals
//! each outcome as soon as it is known, gives it as one of its [`Records`], and writes the reports.
//! Dropping a future cancels what it was doing, and there is no global state.
//!
//! # Errors
//!
//! A call that brought no answer is a [`Failure`]: its [`FailureKind`] has the names of `OpenAI`'s
//! SDK, and `retryable` says whether asking again can help.
//!
//! ```no_run
//! # async fn example(client: runner::Client, request: runner::Request) {
//! use runner::FailureKind;
//!
//! match client.completion(request).await {
//!     Ok(reply) => println!("{}", reply.choices[0].message.content),
//!     Err(failure) if failure.kind == FailureKind::ContextWindowExceeded => {
//!         eprintln!("ask for less: {failure}");
//!     }
//!     Err(failure) if failure.retryable => eprintln!("try again: {failure}"),
//!     Err(failure) => eprintln!("{failure}"),
//! }
//! # }
//! ```
//!
//! # The floors
//!
//! Each room imports only rooms below it: `call` (the words everyone shares); `wire`, `pace`,
//! `store`, `eval`; `provider`, `report`, `mock`; `job`, `engine`, `audit`; `run`, `client`; `cli`.

pub mod audit;
pub mod call;
pub mod cli;
pub mod client;
pub mod engine;
pub mod eval;
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
pub use crate::job::faults::Faults;
pub use crate::provider::auth::KeySource;
pub use crate::provider::openai_chat::OpenAiChat;
pub use crate::provider::{Dialect, Provider};
pub use crate::run::records::Records;
pub use crate::run::settings::Settings;
