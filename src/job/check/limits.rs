//! Limits, timeouts, retries and the canary.

use std::time::Duration;

use crate::job::canary::Canary;
use crate::job::check::Check;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{CanaryFile, LimitsFile, RetryFile, RunLimitsFile};
use crate::job::key_path::KeyPath;
use crate::pace::Limits;
use crate::pace::retry::RetryPolicy;
use crate::wire::message::Timeouts;

/// The limits as they were stated; their ranges were checked with their types.
pub fn limits(file: &LimitsFile) -> Limits {
    Limits {
        requests_per_second: file.rps,
        requests_per_minute: file.rpm,
        requests_per_day: file.rpd,
        tokens_per_minute: file.tpm,
        input_tokens_per_minute: file.itpm,
        output_tokens_per_minute: file.otpm,
        concurrency: file.concurrency.map(|width| width as usize),
    }
}

/// The name of a limit that two places state differently.
pub fn conflict(one: &Limits, other: &Limits) -> Option<&'static str> {
    let differ = |a: Option<u64>, b: Option<u64>| a.is_some() && b.is_some() && a != b;
    let width = |limits: &Limits| limits.concurrency.map(|width| width as u64);
    let seconds = (one.requests_per_second, other.requests_per_second);
    let pairs = [
        ("rpm", differ(one.requests_per_minute, other.requests_per_minute)),
        ("rps", matches!(seconds, (Some(a), Some(b)) if a.total_cmp(&b).is_ne())),
        ("rpd", differ(one.requests_per_day, other.requests_per_day)),
        ("tpm", differ(one.tokens_per_minute, other.tokens_per_minute)),
        ("itpm", differ(one.input_tokens_per_minute, other.input_tokens_per_minute)),
        ("otpm", differ(one.output_tokens_per_minute, other.output_tokens_per_minute)),
        ("concurrency", differ(width(one), width(other))),
    ];
    pairs.into_iter().find(|(_, differs)| *differs).map(|(name, _)| name)
}

impl Check<'_> {
    /// How long an attempt may take.
    pub fn timeouts(&mut self, file: &RunLimitsFile) -> Timeouts {
        let path = KeyPath::top().key("limits");
        let usual = Timeouts::default();
        Timeouts {
            total: self
                .duration(file.timeout.as_deref(), &path.key("timeout"))
                .unwrap_or(usual.total),
            connect: self
                .duration(file.connect_timeout.as_deref(), &path.key("connect_timeout"))
                .unwrap_or(usual.connect),
            first_byte: self
                .duration(file.first_byte_timeout.as_deref(), &path.key("first_byte_timeout"))
                .or(usual.first_byte),
            idle: self
                .duration(file.idle_timeout.as_deref(), &path.key("idle_timeout"))
                .or(usual.idle),
        }
    }

    /// How long a task may take with all its attempts. Times that are merely never reached, such as
    /// an `idle_timeout` above the `timeout`, do no harm; an attempt that outlasts its task is a
    /// mistake in one of the two.
    pub fn task_timeout(&mut self, file: &RunLimitsFile, timeouts: &Timeouts) -> Option<Duration> {
        let path = KeyPath::top().key("limits");
        let (at, one) = (path.key("task_timeout"), path.key("timeout"));
        let whole = self.duration(file.task_timeout.as_deref(), &at)?;
        if self.document.states(&one) && timeouts.total > whole {
            let fault = Diagnostic::at_value(at, "`task_timeout` is shorter than `timeout`");
            let fault = fault.also(Place::Key { path: one, on: On::Value }, "longer than this");
            let help = "`timeout` is for one attempt, `task_timeout` for all attempts of a task \
                        and the waits between them";
            self.faults.push(fault.help(help));
        }
        Some(whole)
    }

    /// How long the run may take.
    pub fn deadline(&mut self, file: &RunLimitsFile) -> Option<Duration> {
        self.duration(file.deadline.as_deref(), &KeyPath::top().key("limits").key("deadline"))
    }

    /// What is run first; the ranges were checked with the types.
    pub fn canary(file: Option<&CanaryFile>) -> Option<Canary> {
        let (file, usual) = (file?, Canary::default());
        Some(Canary {
            share: file.share.unwrap_or(usual.share),
            max_error_rate: file.max_error_rate.unwrap_or(usual.max_error_rate),
        })
    }

    /// How often an attempt is made again.
    pub fn retry(&mut self, file: &RetryFile) -> RetryPolicy {
        let path = KeyPath::top().key("retry");
        let usual = RetryPolicy::default();
        let initial = self.duration(file.initial.as_deref(), &path.key("initial"));
        let max = self.duration(file.max.as_deref(), &path.key("max"));
        let max_outage = self.duration(file.max_outage.as_deref(), &path.key("max_outage"));
        if let (Some(initial), Some(max)) = (initial, max)
            && initial > max
        {
            let first = Place::Key { path: path.key("initial"), on: On::Value };
            let fault = Diagnostic::at_value(path.key("max"), "`max` is shorter than `initial`");
            let help = "`initial` is the longest first wait, `max` the longest of all";
            self.faults.push(fault.also(first, "longer than this").help(help));
        }
        let initial = initial.unwrap_or(usual.initial);
        RetryPolicy {
            max_attempts: file.max_attempts.map_or(usual.max_attempts, |most| most as u32),
            initial,
            // Whoever states only a long first wait means it.
            max: max.unwrap_or(usual.max).max(initial),
            budget: file.budget.unwrap_or(usual.budget),
            max_outage: max_outage.unwrap_or(usual.max_outage),
        }
    }
}
