//! How many calls this process can have in flight: each connection is an open file.

/// Files that the process needs beside its connections: journal, prompts, reports, pipes, timers.
const KEPT: u64 = 44;

/// With fewer than this many open files a run cannot even write its reports.
pub const LEAST: u64 = 32;

/// Raises the limit on open files as far as this user may, and gives it; `None` where it can be
/// neither raised nor read.
pub fn limit() -> Option<u64> {
    rlimit::increase_nofile_limit(u64::MAX).ok()
}

/// Raises the limit on open files as far as this user may, and gives how many connections there
/// can be. Each call to a server of this very process takes two.
pub fn most_connections(to_ourselves: bool) -> usize {
    // Where the limit can be neither raised nor read, the least that systems set by default.
    let limit = limit().unwrap_or(256);
    let connections = limit.saturating_sub(KEPT) / if to_ourselves { 2 } else { 1 };
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}
