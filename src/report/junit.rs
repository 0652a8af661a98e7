//! `junit.xml`: gates and answers as test results, for CI systems.
//!
//! The suite `run` says whether all was done, `gates` has a case for each gate and whom it is
//! about, and each model and prompt set has a suite with a case for each task. A task that failed
//! is an `error`, an answer that a scorer does not let pass a `failure`; a scorer that is broken
//! fails nobody, and is told in `system-out`.
//!
//! The counts of a suite stand before its cases, so cases are kept until the end: of those that
//! passed the names, of all others what will stand in the file, on disk. From `MOST` on, those that
//! passed are only counted, and then the others too. What is only counted is one case more in its
//! suite, with the outcome of those it stands for. No CI system shows more, and the rest of them are
//! in the other reports.

mod case;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite, XmlString};

use crate::call::gate::GateResult;
use crate::store::beside::Beside;
use crate::store::error::StoreError;

use self::case::{Case, Kind, case, kind, plain, short, status};
use super::ruling::{self, counted};
use super::spill::{Piece, Spill};
use super::summary::Summary;
use super::{Report, Row};

/// Bytes written at once.
const BUFFER: usize = 64 << 10;
/// Cases that are written at once.
const BATCH: usize = 128;
/// How a suite ends. The writer escapes every `<` of a text, so nothing else looks like it.
const CLOSE: &str = "\n    </testsuite>";
/// The most tasks that get a case of their own.
const MOST: usize = 10_000;

/// `junit.xml` in the making.
#[derive(Debug)]
pub struct JunitXml {
    file: Beside,
    /// What stands in the file of cases that did not simply pass, once there are such.
    told: Option<Spill>,
    suites: Vec<Suite>,
    /// Whom the last row was of, and the place of its suite.
    last: (Subject, usize),
    /// The place of each model's suite for each prompt set.
    places: HashMap<(String, String), usize>,
    /// Cases that are kept.
    kept: usize,
    /// Whether cases that passed are only counted.
    is_full: bool,
}

/// A model, its variant and a prompt set.
#[derive(Debug, Default)]
struct Subject {
    model: String,
    variant: Option<String>,
    prompt: String,
}

/// The answers of one model to one prompt set.
#[derive(Debug)]
struct Suite {
    name: String,
    cases: Vec<Kept>,
    /// How many cases of each kind are kept.
    kept: [usize; 4],
    /// How many are only counted.
    counted: [u64; 4],
    time: Duration,
}

/// A case that is kept until the end. Most passed, and nothing else is to be said of them.
#[derive(Debug)]
enum Kept {
    Passed { name: Box<str>, time: Duration },
    Told(Kind, Piece),
}

impl Kept {
    fn kind(&self) -> Kind {
        match self {
            Self::Passed { .. } => Kind::Passed,
            Self::Told(kind, _) => *kind,
        }
    }
}

impl Subject {
    fn of(row: &Row<'_>) -> Self {
        Self {
            model: row.record.model.to_string(),
            variant: row.record.variant.as_deref().map(str::to_owned),
            prompt: row.record.prompt.to_string(),
        }
    }

    fn is_of(&self, row: &Row<'_>) -> bool {
        self.model == row.record.model
            && self.prompt == row.record.prompt
            && self.variant.as_deref() == row.record.variant.as_deref()
    }
}

impl JunitXml {
    /// Begins the report.
    pub fn create(run: &Path) -> Result<Self, StoreError> {
        let file = Beside::create(run.join("junit.xml"))?;
        let (suites, places) = (Vec::new(), HashMap::new());
        let last = (Subject::default(), usize::MAX);
        Ok(Self { file, told: None, suites, last, places, kept: 0, is_full: false })
    }

    /// The place of the suite of a row.
    fn suite(&mut self, row: &Row<'_>) -> usize {
        let (subject, place) = &self.last;
        if *place < self.suites.len() && subject.is_of(row) {
            return *place;
        }
        let key = (row.model_name(), row.record.prompt.to_string());
        let place = *self.places.entry(key).or_insert_with_key(|(model, prompt)| {
            self.suites.push(Suite::new(format!("{prompt}: {model}")));
            self.suites.len() - 1
        });
        self.last = (Subject::of(row), place);
        place
    }

    /// Makes room by only counting what passed.
    fn thin_out(&mut self) {
        self.is_full = true;
        for suite in &mut self.suites {
            suite.cases.retain(|case| case.kind() != Kind::Passed);
            suite.cases.shrink_to_fit();
            let passed = std::mem::take(&mut suite.kept[Kind::Passed as usize]);
            suite.counted[Kind::Passed as usize] += passed as u64;
        }
        self.kept = self.suites.iter().map(|suite| suite.cases.len()).sum();
    }
}

impl Report for JunitXml {
    fn row(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        if !row.is_task() {
            return Ok(());
        }
        if self.kept == MOST && !self.is_full {
            self.thin_out();
        }
        let status = status(row);
        let ended = status.as_ref().map_or(Kind::Passed, kind);
        let is_counted = self.kept >= MOST || self.is_full && ended == Kind::Passed;
        let place = self.suite(row);
        let suite = &mut self.suites[place];
        let time = Duration::from_millis(row.record.latency_ms.unwrap_or_default());
        suite.time += time;
        if is_counted {
            suite.counted[ended as usize] += 1;
            return Ok(());
        }
        let case = match case(row, status, time, &suite.name) {
            Case::Passed(name) => Kept::Passed { name: name.into(), time },
            Case::Told(case) => {
                let told = match &mut self.told {
                    Some(told) => told,
                    none => none.insert(Spill::create(self.file.place())?),
                };
                Kept::Told(kind(&case.status), told.add(cases([*case]).as_bytes())?)
            }
        };
        suite.kept[case.kind() as usize] += 1;
        suite.cases.push(case);
        self.kept += 1;
        Ok(())
    }

    fn finish(self: Box<Self>, summary: &Summary) -> Result<(), StoreError> {
        let Self { file, told, suites, .. } = *self;
        let mut told = told.as_ref().map(Spill::reread).transpose()?;
        let mut report = quick_junit::Report::new(plain(&summary.job));
        if let Some(wall) = summary.wall_ms {
            report.set_time(Duration::from_millis(wall));
        }
        report.add_test_suite(whole(summary));
        report.add_test_suite(gates(&summary.gates));
        report.add_test_suites(suites.iter().map(Suite::head));
        for suite in &mut report.test_suites {
            suite.add_properties(properties(summary));
            if let Some(began) = summary.started_at {
                suite.extra.insert("timestamp".into(), began.to_string().into());
            }
        }
        let text = report.to_string().expect("memory takes all that is written to it");
        let mut out = BufWriter::with_capacity(BUFFER, file);
        let written = write(&without_skipped(&text), &suites, told.as_mut(), &mut out);
        let written = written.and_then(|()| out.flush());
        written.map_err(|error| StoreError::io("write", out.get_ref().place())(error))?;
        out.into_inner().expect("a buffer that was flushed is empty").finish()
    }
}

/// Writes the text with the cases of these suites, which are the last that it has.
fn write(
    text: &str,
    suites: &[Suite],
    mut told: Option<&mut File>,
    out: &mut impl Write,
) -> io::Result<()> {
    let others = text.matches(CLOSE).count() - suites.len();
    for (nth, part) in text.trim_end().split(CLOSE).enumerate() {
        if nth > 0 {
            out.write_all(CLOSE.as_bytes())?;
        }
        out.write_all(part.as_bytes())?;
        if let Some(suite) = nth.checked_sub(others).and_then(|nth| suites.get(nth)) {
            suite.write(told.as_deref_mut(), out)?;
        }
    }
    out.write_all(b"\n")
}

/// These cases, as they stand in the file.
fn cases(cases: impl IntoIterator<Item = TestCase>) -> String {
    let mut suite = TestSuite::new("");
    suite.add_test_cases(cases);
    let mut report = quick_junit::Report::unnamed();
    report.add_test_suite(suite);
    let mut text = report.to_string().expect("memory takes all that is written to it");
    text.truncate(text.rfind(CLOSE).unwrap_or_default());
    // The name of the suite is empty, so its tag ends with the first bracket behind its beginning.
    let tag = text.find("<testsuite ").unwrap_or_default();
    let end = text[tag..].find('>').map_or(tag, |end| tag + end + 1);
    text.split_off(end)
}

fn write_cases(
    all: impl ExactSizeIterator<Item = TestCase>,
    out: &mut impl Write,
) -> io::Result<()> {
    if all.len() == 0 { Ok(()) } else { out.write_all(cases(all).as_bytes()) }
}

impl Suite {
    fn new(name: String) -> Self {
        Self { name, cases: Vec::new(), kept: [0; 4], counted: [0; 4], time: Duration::ZERO }
    }

    /// The suite without its cases, which count all the same.
    fn head(&self) -> TestSuite {
        let mut suite = TestSuite::new(&self.name);
        suite.set_time(self.time);
        let rest = self.rest();
        let also = |kind: Kind| rest.iter().filter(|(of, _)| *of == kind).count();
        let number = |kind: Kind| self.kept[kind as usize] + also(kind);
        suite.tests = self.cases.len() + rest.len();
        suite.failures = number(Kind::Failed);
        suite.errors = number(Kind::Broken);
        suite.skipped = number(Kind::Skipped);
        suite
    }

    /// Writes its cases; `told` has those that did not simply pass.
    fn write(&self, mut told: Option<&mut File>, out: &mut impl Write) -> io::Result<()> {
        let name = XmlString::new(&self.name);
        let mut passed = Vec::with_capacity(BATCH);
        for case in &self.cases {
            match case {
                Kept::Passed { name: row, time } => {
                    let mut case = TestCase::new(&**row, TestCaseStatus::success());
                    case.set_classname(name.clone()).set_time(*time);
                    passed.push(case);
                    if passed.len() == BATCH {
                        write_cases(passed.drain(..), out)?;
                    }
                }
                Kept::Told(_, piece) => {
                    write_cases(passed.drain(..), out)?;
                    if let Some(file) = &mut told {
                        piece.write(file, out)?;
                    }
                }
            }
        }
        passed.extend(self.rest().into_iter().map(|(_, case)| case));
        write_cases(passed.into_iter(), out)
    }

    /// One case for all of each kind that are only counted.
    fn rest(&self) -> Vec<(Kind, TestCase)> {
        let rest = [
            (Kind::Passed, "passed", TestCaseStatus::success()),
            (Kind::Failed, "did not pass", TestCaseStatus::non_success(NonSuccessKind::Failure)),
            (Kind::Broken, "failed", TestCaseStatus::non_success(NonSuccessKind::Error)),
            (Kind::Skipped, "were skipped", TestCaseStatus::skipped()),
        ];
        let counted_only = rest.into_iter().filter(|(kind, ..)| self.counted[*kind as usize] > 0);
        let case = |(kind, what, mut status): (Kind, &str, TestCaseStatus)| {
            let number = counted(self.counted[kind as usize], "more task");
            let text = format!("{number} that {what}");
            status.set_message(format!("{text}; responses.csv has them all"));
            let mut case = TestCase::new(text, status);
            case.set_classname(&self.name);
            (kind, case)
        };
        counted_only.map(case).collect()
    }
}

/// Whether all was done that was to be done.
fn whole(summary: &Summary) -> TestSuite {
    let mut suite = TestSuite::new("run");
    let totals = &summary.totals;
    let planned = summary.planned.unwrap_or(totals.tasks);
    let missing = planned.saturating_sub(totals.tasks);
    let (_, parts) = ruling::verdict(summary);
    let calls = ruling::unanswered_calls(summary);
    for (name, number) in
        [("every task has an outcome", missing), ("every call of a scorer was answered", calls)]
    {
        let mut status = TestCaseStatus::success();
        if number > 0 {
            status = TestCaseStatus::non_success(NonSuccessKind::Error);
            let help = "--resume asks what has no answer yet";
            status.set_type("incomplete").set_message(format!("{}; {help}", parts.join(", ")));
        }
        let mut case = TestCase::new(name, status);
        case.set_classname("run");
        suite.add_test_case(case);
    }
    suite
}

fn gates(gates: &[GateResult]) -> TestSuite {
    let mut suite = TestSuite::new("gates");
    for gate in gates {
        let mut status = TestCaseStatus::success();
        if !gate.passed {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let message = format!("{} ({})", ruling::line(gate), gate.bound);
            status.set_type(plain(&gate.metric.to_string())).set_message(short(&message));
            status.set_description(ruling::help(gate));
        }
        let mut case = TestCase::new(short(&ruling::name(gate)), status);
        case.set_classname("gates");
        suite.add_test_case(case);
    }
    suite
}

/// The run and its tags, for each suite: whoever shows one suite alone can tell where it is from.
fn properties(summary: &Summary) -> Vec<Property> {
    let tags = summary.tags.iter().map(|(name, value)| (format!("tag.{name}"), value.as_str()));
    let all = [("job".to_owned(), &*summary.job), ("run".to_owned(), &*summary.run)];
    let all = all.into_iter().chain(tags);
    all.map(|(name, value)| Property::new(short(&name), short(value))).collect()
}

/// The text without the one attribute that the writer adds and no schema in use knows: a count of
/// what was skipped over all suites.
fn without_skipped(text: &str) -> String {
    let Some(start) = text.find("<testsuites ") else { return text.to_owned() };
    let end = text[start..].find('>').map_or(text.len(), |end| start + end);
    let Some(at) = text[start..end].find(" skipped=\"") else { return text.to_owned() };
    let at = start + at;
    let value = at + " skipped=\"".len();
    let close = text[value..].find('"').map_or(value, |quote| value + quote + 1);
    format!("{}{}", &text[..at], &text[close..])
}
