//! `kill -9` at random moments, again and again: the run ends as if nobody had disturbed it.

use std::io::Write as _;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;

use crate::durability::{RESUME, priced};
use crate::support::handlers::{echo, slowly};
use crate::support::job::JobDir;
use crate::support::likeness::likeness;
use crate::support::server::Server;
use crate::support::{eventually, pause};

/// Calls in flight at once.
const WIDTH: usize = 16;

/// Kills a run of so many tasks so many times.
fn kill_again_and_again(tasks: usize, kills: usize, seed: u64) {
    let server = Server::start(slowly(Duration::from_millis(4), echo()));
    let lab = priced(&server, tasks).limits(&format!("concurrency = {WIDTH}"));
    let undisturbed = JobDir::with(&lab).go(0);
    let before = server.requests();

    let start = Instant::now();
    let dir = JobDir::with(&lab);
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut kept, mut again, mut unborn) = (String::new(), 0, 0);
    for kill in 0..kills {
        let asked = server.requests();
        let mut running = dir.spawn(&["job.toml", "--resume"]);
        // Most fall while calls are in flight, some while the run begins or goes on.
        if rng.random_range(0..5) == 0 {
            pause(Duration::from_millis(rng.random_range(0..150)));
        } else {
            let more = asked + rng.random_range(1..=2 * tasks / kills);
            eventually("requests come", || server.requests() >= more || !running.is_running());
            pause(Duration::from_micros(rng.random_range(0..6_000)));
        }
        assert!(running.is_running(), "kill {kill} came too late: all is done");
        running.kill();
        eventually("the server is done with what was sent", || server.in_flight() == 0);
        let journal = dir.runs("t").last().map(|run| run.whole_lines("journal.jsonl"));
        let journal = journal.unwrap_or_default();
        assert!(journal.starts_with(&kept), "kill {kill}: an answer that was kept is lost");
        let answers = journal.lines().count() - kept.lines().count();
        unborn += usize::from(server.requests() == asked);
        let lost = (server.requests() - asked).saturating_sub(answers);
        // Whose answer is not written yet, sends nothing new.
        assert!(lost <= WIDTH, "kill {kill}: {lost} calls in vain");
        again += lost;
        kept = journal;
    }
    let run = dir.go_with(0, RESUME);
    assert!(run.text("journal.jsonl").starts_with(&kept), "an answer that was kept is lost");
    assert_eq!(dir.runs("t").len(), 1);
    let calls = server.requests() - before;
    let vain = calls - tasks;
    let told = format!(
        "{tasks} tasks, {kills} kills ({unborn} before the first call) in {:.1} s: {calls} calls, \
         {vain} of them in vain\n",
        start.elapsed().as_secs_f64()
    );
    std::io::stderr().write_all(told.as_bytes()).expect("stderr");
    assert!(vain <= again, "asked again: {vain}, lost at a kill: {again}");
    assert!(likeness(&run) == likeness(&undisturbed), "the reports are not those of the other run");
}

#[test]
fn ten_kills_leave_the_reports_of_an_undisturbed_run() {
    kill_again_and_again(500, 10, 7);
}

#[test]
#[ignore = "it takes a minute or more"]
fn a_hundred_kills_leave_the_reports_of_an_undisturbed_run() {
    kill_again_and_again(5_000, 100, 8);
}
