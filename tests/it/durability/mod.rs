//! What a run survives: each sick disk, clock and machine by name, and kill after kill.

mod disks;
mod journals;
mod kills;
mod machines;
mod syncs;

use crate::support::job::{JobDir, RunFolder};
use crate::support::lab::Lab;
use crate::support::server::Server;

const RESUME: &[&str] = &["--resume"];

/// A job of so many rows, each of which costs 4 millionths of a dollar or more.
fn priced(server: &Server, rows: usize) -> Lab {
    Lab::at(server)
        .rows(rows)
        .model("model = \"lab/m\"\nprice = { input = 1, output = 1 }")
        .and("[params]\nmax_tokens = 10\n")
}

/// Changes a file of a run.
#[track_caller]
fn edit(run: &RunFolder, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let path = run.path().join(name);
    let bytes = std::fs::read(&path).expect("a file");
    std::fs::write(&path, change(bytes)).expect("a file");
}

/// Runs the binary, which must end with code 5 and say each of these, and what to do.
#[track_caller]
fn ill(dir: &JobDir, args: &[&str], said: &[&str]) -> String {
    let output = dir.run(args).expect_code(5);
    is_told(&output.stderr, said);
    output.stderr
}

/// Each of these is said, and what to do; and nothing panicked.
#[track_caller]
fn is_told(stderr: &str, said: &[&str]) {
    for part in ["help:"].iter().chain(said) {
        assert!(stderr.contains(part), "`{part}` is not in:\n{stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}
