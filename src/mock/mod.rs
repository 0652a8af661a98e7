//! GROUND. A provider that never bills: it answers over real HTTP on loopback, without key or network.
//!
//! A [`script`] says how it behaves: how slow, how faulty, how strict. What is *answered*
//! ([`answer`], with the files of [`answers`], the sentences of [`prose`], the numbers of
//! [`likeness`] and, where a [`form`] is wanted, an [`instance`](mod@instance) of it) is kept apart
//! from the form it is answered in ([`voice`]), so that every dialect is but one more voice. All chance
//! comes from [`dice`]: a hash of the seed and of what was asked, so every run can be repeated.
//! The [`desk`] takes one request through [`limits`] and [`faults`] to its answer and counts it in
//! [`stats`]; the [`server`] is the socket around it.

pub mod answer;
pub mod answers;
pub mod desk;
pub mod dice;
pub mod faults;
pub mod form;
pub mod instance;
pub mod likeness;
pub mod limits;
pub mod prose;
pub mod refusal;
pub mod reply;
pub mod script;
pub mod server;
pub mod stats;
pub mod voice;
