//! `commitments.jsonl`: the calls of this session that were sent under a budget and have no outcome
//! yet. A session that ends removes it; one that was killed leaves it, and the next one counts what
//! stands there and is not in the journal as spent.
//!
//! The first line says where the journal ended when the session began. A call is written before it
//! is sent; it is settled by an outcome of its task that the journal got since.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::call::budget::{Commitment, SentMark};
use crate::call::record::Record;
use crate::call::task::TaskId;
use crate::store::beside;
use crate::store::error::StoreError;
use crate::store::survey::Survey;

/// The version of the format.
const VERSION: u32 = 1;
/// The file's name in the run folder.
const COMMITMENTS: &str = "commitments.jsonl";
/// Once it has so many bytes, what is settled is taken out.
const LONG: u64 = 4 << 20;

/// The first line.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Head {
    v: u32,
    /// Which session of the run it is, from 0.
    session: usize,
    /// The length of the journal when it began.
    journal: u64,
}

/// The list of a session that works.
#[derive(Debug)]
pub struct Commitments {
    path: PathBuf,
    file: File,
    head: Head,
    written: u64,
    open: BTreeMap<(TaskId, u32), (Commitment, SentMark)>,
}

/// What an earlier session left.
#[derive(Debug, PartialEq)]
pub struct Leftover {
    /// Which session of the run it was, from 0.
    pub session: usize,
    /// The calls that it sent and of which the journal knows nothing.
    pub calls: Vec<Commitment>,
}

impl Commitments {
    /// Begins the list of a session.
    pub fn begin(run: &Path, session: usize, journal: u64) -> Result<Self, StoreError> {
        let path = run.join(COMMITMENTS);
        let head = Head { v: VERSION, session, journal };
        let mut file = File::create(&path).map_err(StoreError::io("write", &path))?;
        let line = line_of(&head).map_err(StoreError::io("write", &path))?;
        file.write_all(&line).map_err(StoreError::io("write", &path))?;
        let written = line.len() as u64;
        Ok(Self { path, file, head, written, open: BTreeMap::new() })
    }

    /// Writes down calls that are about to be sent.
    pub fn append<'c>(
        &mut self,
        calls: impl IntoIterator<Item = (&'c Commitment, &'c SentMark)>,
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        for (call, sent) in calls {
            lines.extend(line_of(call)?);
            self.open.insert((call.task, call.attempt), (call.clone(), sent.clone()));
        }
        if self.written + lines.len() as u64 > LONG {
            return self.rewrite();
        }
        if let Err(why) = self.file.write_all(&lines) {
            // What follows must not stand behind half a line.
            self.file.set_len(self.written)?;
            self.file.seek(SeekFrom::Start(self.written))?;
            return Err(why);
        }
        self.written += lines.len() as u64;
        Ok(())
    }

    /// The file, for whoever waits until the disk has it.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// A task has an outcome that is in the journal for good.
    pub fn settle(&mut self, record: &Record) {
        let settled = (record.task, 0)..=(record.task, record.attempts);
        let settled: Vec<_> = self.open.range(settled).map(|(key, _)| *key).collect();
        for key in settled {
            self.open.remove(&key);
        }
    }

    /// The calls that were sent and have no outcome.
    pub fn open(&self) -> impl Iterator<Item = &Commitment> {
        self.open.values().filter(|(_, sent)| sent.is_set()).map(|(call, _)| call)
    }

    /// Writes the calls that are open anew, without those that are settled.
    pub fn rewrite(&mut self) -> io::Result<()> {
        let mut lines = line_of(&self.head)?;
        for (call, _) in self.open.values() {
            lines.extend(line_of(call)?);
        }
        let run = self.path.parent().unwrap_or(Path::new("."));
        let replaced = beside::replace(&self.path, &lines);
        replaced.and_then(|()| beside::sync_folder(run)).map_err(io::Error::other)?;
        self.file = File::options().append(true).open(&self.path)?;
        self.written = lines.len() as u64;
        Ok(())
    }
}

impl Leftover {
    /// What the last session of this run left, if it was killed under a budget.
    pub fn read(run: &Path, survey: &Survey) -> Result<Option<Self>, StoreError> {
        let path = run.join(COMMITMENTS);
        let bytes = match fs::read(&path) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(StoreError::io("read", &path))?,
        };
        // A last line that is not whole belongs to a call that was not sent; without a whole first
        // line, none was.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
        if whole == 0 {
            return Ok(None);
        }
        let mut lines = bytes[..whole].split(|byte| *byte == b'\n').zip(1..);
        let corrupt = |line: u64, why: serde_json::Error| {
            let (path, why) = (path.clone(), why.to_string());
            StoreError::CorruptCommitments { path, line, why }
        };
        let first = lines.next().map(|(line, _)| line).unwrap_or_default();
        let head: Head = serde_json::from_slice(first).map_err(|why| corrupt(1, why))?;
        if head.v > VERSION {
            return Err(StoreError::UnknownVersion { path, found: head.v, known: VERSION });
        }
        let is_open = |call: &Commitment| {
            let outcome = survey.find(&call.task).filter(|outcome| outcome.line >= head.journal);
            outcome.is_none_or(|outcome| outcome.attempts() < call.attempt)
        };
        let read = |(line, number): (&[u8], u64)| {
            serde_json::from_slice(line).map_err(|why| corrupt(number, why))
        };
        let mut calls = lines.map(read).collect::<Result<Vec<Commitment>, _>>()?;
        calls.retain(is_open);
        Ok(Some(Self { session: head.session, calls }))
    }

    /// Forgets the list of a session that is over, once its calls are counted.
    pub fn remove(run: &Path) -> Result<(), StoreError> {
        let path = run.join(COMMITMENTS);
        match fs::remove_file(&path) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", path)(why))
            }
            _ => Ok(()),
        }
    }
}

fn line_of(what: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    Ok(line)
}
