//! The words everyone shares. This folder imports nothing of ours.
//!
//! One call, told as a story: a [`task`] asks one prompt of one target. Its [`request`] is
//! provider-neutral; an attempt to answer it ends in a [`response`] with its [`usage`], or in a
//! [`failure`], which is an expected outcome and a value; a [`fallback`] may then be asked the same.
//! The [`record`] is the outcome of the whole task: one line of the journal, with what it cost in
//! [`money`] by its [`tariff`].

pub mod bound;
pub mod budget;
pub mod completion;
pub mod duration;
pub mod estimate;
pub mod failure;
pub mod fallback;
pub mod form;
pub mod gate;
pub mod json;
pub mod metric;
pub mod moment;
pub mod money;
pub mod pacing;
pub mod picture;
pub mod record;
pub mod request;
pub mod response;
pub mod score;
pub mod service;
pub mod tariff;
pub mod task;
pub mod usage;
