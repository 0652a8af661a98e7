//! Limits, timeouts and retries.

use crate::job::check::Check;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{LimitsFile, RetryFile, RunLimitsFile};
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

    /// How often an attempt is made again.
    pub fn retry(&mut self, file: &RetryFile) -> RetryPolicy {
        let path = KeyPath::top().key("retry");
        let usual = RetryPolicy::default();
        let initial = self.duration(file.initial.as_deref(), &path.key("initial"));
        let max = self.duration(file.max.as_deref(), &path.key("max"));
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
        }
    }
}
