//! The properties of `properties/`, tried briefly: each with its seeds as they are, and with a few
//! mutations of them. The targets in `fuzz/` try the same for as long as one likes.

mod seeds;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::properties::ALL;

/// So many mutations of seeds are tried of each.
const CASES: u32 = 64;

/// A change of a seed: where, how many bytes go, and what comes in their place.
type Edit = (usize, usize, Vec<u8>);

fn edited(seed: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for (at, gone, put) in edits {
        let start = at % (bytes.len() + 1);
        let end = (start + gone).min(bytes.len());
        bytes.splice(start..end, put.iter().copied());
    }
    bytes
}

fn holds(name: &str) {
    let (_, holds) = ALL.iter().find(|(known, _)| *known == name).expect("a property");
    let seeds = seeds::of(name);
    seeds.iter().for_each(|seed| holds(seed));
    let noise = prop::collection::vec(any::<u8>(), 0..120);
    let put = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        "[\\[\\]{}\"',:0-9eE.+=\\n -]{0,4}".prop_map(String::into_bytes),
    ];
    let edits = prop::collection::vec((any::<usize>(), 0..6_usize, put), 1..5);
    let bytes = (any::<prop::sample::Index>(), edits, noise, 0..8_u8);
    let bytes =
        bytes.prop_map(move |(seed, edits, noise, way)| match seeds.is_empty() || way == 0 {
            true => noise,
            false => edited(&seeds[seed.index(seeds.len())], &edits),
        });
    let config = Config { cases: CASES, source_file: Some(file!()), ..Config::default() };
    let outcome = TestRunner::new(config).run(&bytes, |bytes| {
        holds(&bytes);
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(why, bytes)) => panic!("{name}: {why}: {}", bytes.escape_ascii()),
        outcome => outcome.expect("no case is given up"),
    }
}

macro_rules! briefly {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            holds($name);
        })*

        #[test]
        fn every_property_is_tried_and_has_a_target() {
            let tried = [$($name),*];
            let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
            assert_eq!(tried[..], names[..]);
            let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
            for name in names {
                assert!(targets.join(format!("{name}.rs")).is_file(), "no target {name}");
                assert!(!seeds::of(name).is_empty(), "no seed of {name}");
            }
        }
    };
}

briefly! {
    any_job_is_one_or_has_faults_that_can_be_drawn: "job",
    any_template_renders_or_has_a_fault: "template",
    any_prompt_file_gives_rows_and_faults: "rows",
    any_answer_is_one_or_a_failure_wherever_it_is_split: "dialect",
    any_events_are_cut_as_the_standard_says: "sse",
    any_binary_frames_are_cut_or_refused: "event_stream",
    any_journal_is_read_and_repaired_or_refused: "journal",
    any_manifest_is_read_or_refused: "manifest",
    any_commitments_are_read_or_refused: "commitments",
    any_texts_come_back_from_the_reports: "report",
    any_option_reads_back_as_it_is_written: "expressions",
    any_answer_has_a_score_or_a_reason: "scorers",
    any_calls_stay_within_the_limits: "limiter",
    any_outage_is_one_by_the_model: "breaker",
    any_lane_keeps_to_its_cap_and_ends_its_waits: "pilot",
    any_calls_stay_within_the_budget: "budget",
    any_invoice_is_read_or_refused: "invoice",
}

/// Writes the seeds as files, for the fuzzer: `fuzz/README.md` tells how.
#[test]
#[ignore = "it writes into the folder that CORPUS names"]
fn write_the_seeds() {
    let corpus = std::env::var_os("CORPUS").expect("CORPUS names a folder");
    for (name, _) in ALL {
        let folder = Path::new(&corpus).join(name);
        fs::create_dir_all(&folder).expect("made");
        for (nth, seed) in seeds::of(name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{nth:03}")), seed).expect("written");
        }
    }
}
