//! Servers that mean harm, or are broken as if they did: each is told by its name, in time, within
//! bounds of memory, and at nobody else's cost.

mod bodies;
mod counts;
mod heads;
mod streams;

use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::raw::{RawServer, Then, Visit};

/// What a hostile server may cost, in MiB: a run of one task is near half of it without any.
const MOST_MEMORY: u64 = 80;

/// What came of a run against a hostile server.
struct Met {
    run: RunFolder,
    requests: usize,
}

/// A job that asks this server twice at most.
fn lab(server: &RawServer) -> Lab {
    let retry = "max_attempts = 2\ninitial = \"1ms\"\nmax = \"2ms\"";
    Lab::at_url(&server.base_url()).retry(retry)
}

/// Runs this job to its end, which must have this exit code, within bounds of memory.
#[track_caller]
fn run(code: i32, dir: &JobDir) -> RunFolder {
    let (output, peak) = dir.run_measured(&["job.toml"]);
    output.expect_code(code);
    assert!(peak <= MOST_MEMORY, "{peak} MiB");
    dir.latest("t")
}

/// Meets a server that does nothing but this, with a job that is changed so.
#[track_caller]
fn meet(
    handler: impl Fn(&mut Visit) -> Then + Send + Sync + 'static,
    change: impl FnOnce(Lab) -> Lab,
) -> Met {
    let server = RawServer::start(handler);
    let run = run(3, &JobDir::with(&change(lab(&server))));
    Met { run, requests: server.requests() }
}

impl Met {
    /// The one task failed after so many attempts, the last of them of this type, with these words.
    #[track_caller]
    fn told(&self, kind: &str, attempts: usize, words: &[&str]) {
        let rows = self.run.csv("errors.csv");
        let last = rows.last().expect("a row of an attempt that failed");
        let message = &last["message"];
        assert_eq!(last["error_type"], kind, "{message}");
        assert_eq!((rows.len(), self.requests), (attempts, attempts), "{message}");
        assert_eq!(last["final"], "true");
        for word in words {
            assert!(message.contains(word), "{word}: {message}");
        }
        assert!(!message.contains(char::is_control), "{message:?}");
        assert_eq!(self.run.each("status"), ["error"]);
    }
}

const INVALID: &str = "APIResponseValidationError";
