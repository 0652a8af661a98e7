//! Fallbacks: a model that takes no calls for now does not hold up the tasks that can go elsewhere.

use std::time::Duration;

use tokio::time::Instant;

use crate::support::handlers::{completion, error_body};
use crate::support::job::JobDir;
use crate::support::lab::{Lab, numbered};
use crate::support::server::{Reply, Seen, Server};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

/// A server where one model always fails so, and others answer in a tenth of a second.
fn failing(status: u16, headers: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |seen: &Seen| {
        if seen.body["model"] == "first" {
            let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
            return Reply::Json(status, headers.collect(), error_body("x", "x", "not now"));
        }
        Reply::ok(completion(seen, &seen.text)).after(MILLIS(100))
    })
}

fn lab(server: &Server) -> Lab {
    Lab::at(server).model("model = \"lab/first\"\nfallbacks = [\"lab/second\"]")
}

#[test]
fn all_go_to_the_fallback_at_once_where_a_model_takes_no_calls() {
    let an_hour: &[(&str, &str)] = &[("retry-after", "3600")];
    for (status, headers) in [(429, &[][..]), (429, an_hour), (503, &[]), (503, an_hour)] {
        let server = failing(status, headers);
        let dir = JobDir::with(&lab(&server).rows(200).limits("concurrency = 64"));
        let start = Instant::now();
        let run = dir.go(0);
        let took = start.elapsed();
        // One after the other they would take twenty seconds, and with four at a time five.
        assert!(took < MILLIS(4000), "{status} {headers:?}: {took:?}");
        assert_eq!(run.contents(), numbered(200));
        assert!(run.each("model_used").iter().all(|model| model == "lab/second"));
        let tried = server.requests() - 200;
        assert!((4..30).contains(&tried), "{status} {headers:?}: {tried} calls to the first");
    }
}

#[test]
fn a_fallback_that_closes_stops_no_run() {
    let server = Server::start(|seen: &Seen| {
        let is_first = seen.body["model"] == "first";
        let (status, wait) = if is_first { (503, 1) } else { (404, 300) };
        Reply::Json(status, Vec::new(), error_body("x", "x", "no")).after(MILLIS(wait))
    });
    let lab = lab(&server)
        .limits("deadline = \"1m\"")
        .retry("initial = \"2ms\"\nmax = \"20ms\"\nmax_outage = \"3s\"");
    let dir = JobDir::with(&lab.rows(60));
    let run = dir.go(3);
    assert_eq!(run.json("run.json")["sessions"][0]["ended"], "done");
    assert_eq!(run.responses().len(), 60);
    let told = run.each("error");
    let told = told.iter().filter(|error| error.contains("its fallback was not asked"));
    assert!(told.count() > 0, "those who waited for the fallback are told");
}
