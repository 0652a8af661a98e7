//! Outcomes into a journal, and a journal read again: as a resumed run does, and as reports do.

mod support;

use std::fs;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use runner::call::record::Entry;
use runner::report::Row;
use runner::store::entries::Entries;
use runner::store::index::Index;
use runner::store::journal::Journal;
use runner::store::survey::Survey;

/// Outcomes that are appended at once.
const BATCH: usize = 64;
/// Outcomes of a journal that is read.
const OUTCOMES: u64 = 100_000;

fn append(path: &Path, outcomes: u64) {
    fs::write(path, "").expect("a new journal");
    let mut journal = Journal::open_append(path).expect("a journal");
    let mut entry = support::entry(0);
    let mut batch: Vec<Entry> = (0..BATCH as u64).map(support::entry).collect();
    for index in 0..outcomes {
        let at = (index as usize) % BATCH;
        entry.index = index;
        batch[at].index = index;
        batch[at].record.task = format!("{index:032x}").parse().expect("32 hex digits");
        if at == BATCH - 1 || index + 1 == outcomes {
            journal.append(&batch[..=at]).expect("room on the disk");
        }
    }
}

fn journal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let mut group = criterion.benchmark_group("journal");
    group.sample_size(10).throughput(Throughput::Elements(OUTCOMES));
    group.bench_function("append", |bencher| bencher.iter(|| append(&path, OUTCOMES)));
    group.bench_function("survey for a resumed run", |bencher| {
        bencher.iter(|| Survey::read(&path).expect("a whole journal"));
    });
    group.bench_function("rows for reports", |bencher| {
        bencher.iter(|| {
            let index = Index::read(&path).expect("a whole journal");
            for line in Entries::open(&path, &index).expect("a journal") {
                let line = line.expect("a whole line");
                std::hint::black_box(Row::read(&line).expect("a record"));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, journal);
criterion_main!(benches);
