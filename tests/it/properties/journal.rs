//! A journal, whatever stands in it: outcomes or an error, the same to all who read it; and one that
//! was repaired can be written on.

use std::fs;
use std::path::Path;

use runner::report::table::{ReportSpec, write_reports};
use runner::store::RunDir;
use runner::store::entries::Entries;
use runner::store::index::Index;
use runner::store::journal::Journal;
use runner::store::survey::Survey;

/// The bytes are the journal.
pub(super) fn holds(bytes: &[u8]) {
    super::scratch::folder(|run| {
        let path = run.join("journal.jsonl");
        fs::write(&path, bytes).expect("written");
        let found = places(&path);
        if let Ok(survey) = Survey::read(&path) {
            assert!(survey.outcomes().len() <= memchr::memchr_iter(b'\n', bytes).count());
        }
        reported(run);
        let Ok(journal) = Journal::open_append(&path) else { return };
        drop(journal);
        let after = fs::read(&path).expect("it is there");
        assert!(after.is_empty() || after.ends_with(b"\n"), "a repaired journal ends with a line");
        let kept = after.len().min(bytes.len());
        assert_eq!(after[..kept], bytes[..kept], "what is whole is not touched");
        // What could be read before can be read now, and however often it is opened; a last line
        // without its end only now.
        let Some(found) = found else { return };
        for _ in 0..2 {
            let now = places(&path).expect("a repaired journal is read");
            assert!(found.iter().all(|place| now.contains(place)), "{found:?} {now:?}");
            Journal::open_append(&path).expect("what was repaired once is whole");
        }
    });
}

/// The places of the plan whose outcome can be read; `None` where the journal is at fault.
fn places(path: &Path) -> Option<Vec<u64>> {
    let index = Index::read(path).ok()?;
    assert_eq!(index.places().count(), index.len());
    let mut entries = Entries::open(path, &index).expect("it was read");
    let is_read = |place: &u64| {
        let line = entries.at(*place).ok().flatten();
        line.is_some_and(|line| line.entry().is_ok() && line.outcome().tries().is_ok())
    };
    let found = index.places().filter(is_read).collect();
    Entries::open(path, &index).expect("it was read").take_while(Result::is_ok).for_each(drop);
    Some(found)
}

/// All reports of the run, where it has any.
fn reported(run: &Path) {
    let Ok(folder) = RunDir::read(run) else { return };
    if let Ok(summary) = write_reports(&folder, ReportSpec::ALL) {
        serde_json::to_string(&summary).expect("a summary is JSON");
        let page = fs::read_to_string(run.join("report.html")).expect("a page");
        assert!(page.ends_with("</html>\n"), "the page is whole");
    }
}
