//! How many calls this process can have in flight: each connection is an open file.

/// Files that the process needs beside its connections: journal, prompts, reports, pipes, timers.
const KEPT: u64 = 44;

/// Raises the limit on open files as far as this user may, and gives how many connections there
/// can be. Each call to a server of this very process takes two.
pub fn most_connections(to_ourselves: bool) -> usize {
    // Where the limit can be neither raised nor read, the least that systems set by default.
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(256);
    let connections = limit.saturating_sub(KEPT) / if to_ourselves { 2 } else { 1 };
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}
