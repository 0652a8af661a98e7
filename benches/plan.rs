//! A plan of many rows: reading, rendering and hashing every prompt.

mod support;

use std::fmt::Write as _;
use std::fs;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use runner::job::load::load_text;
use runner::job::plan::Plan;
use runner::job::select::Selection;
use runner::provider::env::Env;

const ROWS: u64 = 100_000;

const JOB: &str = r#"
name = "bench"
[[models]]
model = "mock/m"
[prompts.all]
file = "rows.jsonl"
id = "id"
user = "{{ prompt }}"
"#;

fn plan(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rows = String::new();
    for row in 0..ROWS {
        writeln!(rows, r#"{{"id":"{row}","prompt":"[{row}] {}"}}"#, support::PROMPT)
            .expect("memory");
    }
    fs::write(folder.path().join("rows.jsonl"), rows).expect("room on the disk");
    let path = folder.path().join("job.toml");
    let job = load_text(&path, JOB, &[], &Env::default()).expect("a job");
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    group.bench_function("made", |bencher| {
        bencher.iter(|| {
            let plan = Plan::make(&job, &Selection::default()).expect("a plan");
            assert_eq!(plan.total(), ROWS);
        });
    });
    let plan = Plan::make(&job, &Selection::default()).expect("a plan");
    group.bench_function("tasks", |bencher| {
        bencher.iter(|| assert_eq!(plan.tasks(0).flatten().count() as u64, ROWS));
    });
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
