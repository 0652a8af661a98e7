//! The journal: append-only JSONL, the truth about a run. Its lines are described in `format.rs`.
//!
//! Once an append returns, the system has the bytes: a crash of the process loses nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::call::record::Entry;
use crate::store::beside::{self, Beside};
use crate::store::error::StoreError;
use crate::store::format::{self, Fault, HEAD, Placement, Scored};
use crate::store::index::Index;
use memchr::{memmem, memrchr};

/// The most that the buffer keeps after a large batch.
const KEPT: usize = 1 << 20;
/// How far one step back looks for the last line.
const STEP: u64 = 64 << 10;

/// A journal open for writing. One at a time: the run's lock sees to that.
#[derive(Debug)]
pub struct Journal {
    tail: Tail<File>,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Something was written that the disk may not have.
    is_dirty: bool,
    /// Where the outcomes stand, as long as all that is in the journal was written here, and each
    /// place once.
    index: Option<Index>,
}

impl Journal {
    /// Opens a journal to write on. A last line that a crash tore is cut off, with a warning.
    pub fn open_append(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        let length = repair(&mut file, &path)?;
        Ok(Self {
            tail: Tail { file, length, torn: false },
            path,
            buffer: Vec::new(),
            is_dirty: true,
            index: (length == 0).then(Index::default),
        })
    }

    /// Writes these outcomes with one write. After an error none of them is in the journal.
    pub fn append<'e>(&mut self, entries: impl IntoIterator<Item = &'e Entry>) -> io::Result<()> {
        self.buffer.clear();
        let mut lines = Vec::new();
        for entry in entries {
            lines.push((entry, self.tail.length + self.buffer.len() as u64));
            format::write_entry(&mut self.buffer, entry)?;
        }
        self.write()?;
        if let Some(index) = &mut self.index
            && !lines.iter().all(|(entry, at)| index.wrote(entry, *at))
        {
            self.index = None;
        }
        Ok(())
    }

    /// Where the outcomes stand, if that is known without reading the journal. Known once.
    pub fn take_index(&mut self) -> Option<Index> {
        self.index.take()
    }

    /// Writes where earlier outcomes stand now. A resumed run does so before it appends any
    /// outcome of its own, for every outcome whose place or labels changed, failed ones too.
    pub fn append_placements(&mut self, placements: &[Placement]) -> io::Result<()> {
        self.buffer.clear();
        if !placements.is_empty() {
            self.index = None;
        }
        for placement in placements {
            format::write_placement(&mut self.buffer, placement)?;
        }
        self.write()
    }

    /// Writes the scores of earlier outcomes with one write.
    pub fn append_scores(&mut self, scored: &[Scored]) -> io::Result<()> {
        self.buffer.clear();
        if !scored.is_empty() {
            self.index = None;
        }
        for scored in scored {
            format::write_scored(&mut self.buffer, scored)?;
        }
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        self.is_dirty |= !self.buffer.is_empty();
        let outcome = self.tail.append(&self.buffer);
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        outcome
    }

    /// Waits until the disk has everything that was appended.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.is_dirty {
            self.tail.file.sync_data()?;
            self.is_dirty = false;
        }
        Ok(())
    }

    /// The file, for whoever waits for the disk on another thread.
    pub fn file(&self) -> io::Result<File> {
        self.tail.file.try_clone()
    }

    /// Keeps outcomes that the journal cannot take in a new file of this folder, in the form of the
    /// journal: appended to it, they are as good as if it had taken them. Nobody else may read it.
    pub fn rescue<'e>(
        &self,
        folder: &Path,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> io::Result<PathBuf> {
        let mut lines = Vec::new();
        for entry in entries {
            format::write_entry(&mut lines, entry)?;
        }
        let run = self.path.parent().and_then(Path::file_name).unwrap_or_default();
        let name =
            format!("runner-{}-{:08x}.jsonl", run.to_string_lossy(), beside::random() as u32);
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        file.write_all(&lines).and_then(|()| file.sync_all()).inspect_err(|_| {
            // Half of it is worth nothing.
            let _ = fs::remove_file(&path);
        })?;
        Ok(path)
    }

    /// Whether the file still stands where it was opened.
    pub fn whereabouts(&self) -> Whereabouts {
        whereabouts(&self.tail.file, &self.path)
    }

    /// Puts a journal that was removed back in its place, with the folders above it, and goes on
    /// there: as long as the file is open, the system keeps what is in it.
    pub fn put_back(&mut self) -> Result<(), StoreError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(StoreError::io("create", folder))?;
        let mut anew = Beside::create(&self.path)?;
        let write = |error| StoreError::io("write", &self.path)(error);
        self.tail.file.seek(SeekFrom::Start(0)).map_err(write)?;
        let mut all = (&self.tail.file).take(self.tail.length);
        io::copy(&mut all, &mut anew).map_err(write)?;
        anew.finish()?;
        let mut options = OpenOptions::new();
        self.tail.file = options.read(true).append(true).open(&self.path).map_err(write)?;
        (self.tail.torn, self.is_dirty) = (false, true);
        Ok(())
    }

    /// The bytes that are in the journal.
    pub fn length(&self) -> u64 {
        self.tail.length
    }

    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a file is that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// Where it was, as far as that can be told.
    Here,
    /// Elsewhere: it, or a folder above it, was renamed.
    Moved,
    /// Nowhere: it was removed, and is gone once it is closed.
    Removed,
}

#[cfg(unix)]
fn whereabouts(file: &File, path: &Path) -> Whereabouts {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(ours) = file.metadata() else { return Whereabouts::Here };
    if ours.nlink() == 0 {
        return Whereabouts::Removed;
    }
    match fs::metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Whereabouts::Here,
        Err(why) if why.kind() != io::ErrorKind::NotFound => Whereabouts::Here,
        _ => Whereabouts::Moved,
    }
}

/// There a file that is open can be neither removed nor renamed.
#[cfg(not(unix))]
fn whereabouts(_: &File, _: &Path) -> Whereabouts {
    Whereabouts::Here
}

/// A file that only grows by whole writes.
#[derive(Debug)]
struct Tail<F> {
    file: F,
    /// Up to here all lines are whole.
    length: u64,
    /// A write failed half-way, and what it left could not be cut off yet.
    torn: bool,
}

impl<F: Write + Cut> Tail<F> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.cut()?;
        }
        if let Err(error) = self.file.write_all(bytes) {
            // The first error is the one that tells what is wrong; the next append cuts again.
            let _ = self.cut();
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        self.torn = true;
        self.file.cut(self.length)?;
        self.torn = false;
        Ok(())
    }
}

/// What can be cut to a length.
trait Cut {
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Cut for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Cuts off a torn last line and gives the length of what is left.
fn repair(file: &mut File, path: &Path) -> Result<u64, StoreError> {
    let read = |error| StoreError::io("read", path)(error);
    let length = file.seek(SeekFrom::End(0)).map_err(read)?;
    let start = last_line(file, length).map_err(read)?;
    let mut line = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(read)?;
    file.read_to_end(&mut line).map_err(read)?;
    if line.is_empty() {
        return Ok(0);
    }
    if !line.ends_with(b"\n") {
        line.push(b'\n');
        if whole(&line).is_ok() {
            // Only the line end is missing: the outcome is whole, and paid for.
            file.write_all(b"\n").map_err(StoreError::io("repair", path))?;
            return Ok(length + 1);
        }
        line.pop();
    }
    match whole(&line) {
        Ok(()) => Ok(length),
        Err(Fault::NotWhole(_)) if hanging(&line).is_some() => Ok(length),
        Err(Fault::NotWhole(_)) => {
            let cut = length - start;
            tracing::warn!("cut off {cut} bytes of a torn last line of `{}`", path.display());
            file.set_len(start).map_err(StoreError::io("repair", path))?;
            Ok(start)
        }
        Err(fault) => Err(fault.at_offset(path, start)),
    }
}

fn whole(line: &[u8]) -> Result<(), Fault> {
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(Fault::NotWhole("it has no end".into()));
    };
    format::check(line)?;
    format::task(line)?;
    format::kind(line).map(drop)
}

/// The whole line that hangs on to a torn one which lost its line end.
fn hanging(line: &[u8]) -> Option<&[u8]> {
    let rest = &line[memmem::rfind(line, HEAD)?..];
    whole(rest).is_ok().then_some(rest)
}

/// Where the last line begins, whether or not it has its line end.
fn last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut block = Vec::new();
    // The line end of the last line itself does not count.
    let mut end = length.saturating_sub(1);
    while end > 0 {
        let start = end.saturating_sub(STEP);
        block.resize((end - start) as usize, 0);
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut block)?;
        if let Some(at) = memrchr(b'\n', &block) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::survey::Survey;
    use crate::store::testing;

    fn journal_of(entries: &[Entry]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        fs::write(&path, "").unwrap();
        Journal::open_append(&path).unwrap().append(entries).unwrap();
        (folder, path)
    }

    #[test]
    fn a_line_longer_than_a_step_is_found_and_kept() {
        let entries = [testing::ok(0, "a"), testing::ok(1, &"long ".repeat(50_000))];
        let (_folder, path) = journal_of(&entries);
        let length = fs::metadata(&path).unwrap().len();
        assert_eq!(Journal::open_append(&path).unwrap().length(), length);
        let mut bytes = fs::read(&path).unwrap();
        bytes.pop();
        fs::write(&path, &bytes).unwrap();
        // An outcome that lacks its line end alone is whole, and paid for.
        assert_eq!(Journal::open_append(&path).unwrap().length(), length);
        bytes.pop();
        fs::write(&path, &bytes).unwrap();
        let journal = Journal::open_append(&path).unwrap();
        let first = memchr::memchr(b'\n', &bytes).unwrap() as u64 + 1;
        assert_eq!(journal.length(), first);
        assert_eq!(fs::metadata(&path).unwrap().len(), first);
    }

    #[test]
    fn it_knows_where_outcomes_stand_as_long_as_nothing_is_said_of_them_again() {
        let (_folder, path) = journal_of(&[]);
        let mut journal = Journal::open_append(&path).unwrap();
        journal.append(&[testing::ok(2, "c"), testing::ok(0, "a\n")]).unwrap();
        journal.append(&[testing::ok(1, "b")]).unwrap();
        let (known, read) = (journal.take_index().unwrap(), Index::read(&path).unwrap());
        for at in 0..4 {
            assert_eq!(known.line(at), read.line(at), "{at}");
        }
        assert_eq!(known.len(), 3);
        assert!(journal.take_index().is_none());
        assert!(Journal::open_append(&path).unwrap().take_index().is_none());
        let said_again: [fn(&mut Journal) -> io::Result<()>; 3] = [
            |journal| journal.append(&[testing::ok(0, "b")]),
            |journal| {
                let (task, line) = (testing::task(0), 0);
                journal.append_placements(&[Placement { task, line, was: Some(0), to: None }])
            },
            |journal| {
                let (scores, made_of) = Default::default();
                journal.append_scores(&[Scored {
                    task: testing::task(0),
                    line: 0,
                    scores,
                    made_of,
                }])
            },
        ];
        for again in said_again {
            let (_folder, path) = journal_of(&[]);
            let mut journal = Journal::open_append(&path).unwrap();
            journal.append(&[testing::ok(0, "a")]).unwrap();
            again(&mut journal).unwrap();
            assert!(journal.take_index().is_none());
        }
    }

    #[test]
    fn a_last_line_that_has_its_end_but_is_not_whole_is_cut_off() {
        let (_folder, path) = journal_of(&[testing::ok(0, "a")]);
        let length = fs::metadata(&path).unwrap().len();
        for torn in ["\0\0\0\0\n", "{\"v\":1,\"task\":\"00\n", "\n"] {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(torn.as_bytes()).unwrap();
            assert_eq!(Journal::open_append(&path).unwrap().length(), length, "{torn:?}");
        }
    }

    #[test]
    fn a_journal_of_a_newer_runner_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        fs::write(&path, "{\"v\":2,\"what\":\"new\"}\n").unwrap();
        let message = Journal::open_append(&path).unwrap_err().to_string();
        assert!(message.contains("use a newer runner"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"{\"v\":2,\"what\":\"new\"}\n");
    }

    /// A disk with room for so many bytes.
    struct FullDisk {
        bytes: Vec<u8>,
        room: usize,
        can_cut: bool,
    }

    impl Write for FullDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room - self.bytes.len());
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Cut for FullDisk {
        fn cut(&mut self, length: u64) -> io::Result<()> {
            if !self.can_cut {
                return Err(io::ErrorKind::Other.into());
            }
            self.bytes.truncate(length as usize);
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_leaves_nothing_torn() {
        let disk = FullDisk { bytes: Vec::new(), room: 10, can_cut: true };
        let mut tail = Tail { file: disk, length: 0, torn: false };
        tail.append(b"one\n").unwrap();
        let error = tail.append(b"two two two\n").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(tail.file.bytes, b"one\n");
        tail.append(b"two\n").unwrap();
        assert_eq!(tail.file.bytes, b"one\ntwo\n");
        // What cannot be cut off now is cut off before anything else is written.
        tail.file.can_cut = false;
        tail.append(b"three\n").unwrap_err();
        tail.append(b"4\n").unwrap_err();
        tail.file.can_cut = true;
        tail.append(b"4\n").unwrap();
        assert_eq!(tail.file.bytes, b"one\ntwo\n4\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_journal_that_was_removed_is_put_back_and_goes_on() {
        let (folder, path) = journal_of(&[testing::ok(0, "a")]);
        let mut journal = Journal::open_append(&path).unwrap();
        assert_eq!(journal.whereabouts(), Whereabouts::Here);
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(journal.whereabouts(), Whereabouts::Removed);
        journal.append(&[testing::ok(1, "b")]).unwrap();
        journal.put_back().unwrap();
        assert_eq!(journal.whereabouts(), Whereabouts::Here);
        journal.append(&[testing::ok(2, "c")]).unwrap();
        assert_eq!(Survey::read(&path).unwrap().outcomes().len(), 3);
        assert_eq!(fs::metadata(&path).unwrap().len(), journal.length());
        fs::rename(&path, folder.path().join("elsewhere")).unwrap();
        assert_eq!(journal.whereabouts(), Whereabouts::Moved);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_journal_cut_at_any_byte_is_readable_up_to_its_last_whole_line(cut in 0.0..1.0_f64) {
            let entries: Vec<Entry> = (0..5).map(|n| testing::ok(n, "an answer\n")).collect();
            let (_folder, path) = journal_of(&entries);
            let bytes = fs::read(&path).unwrap();
            let cut = (bytes.len() as f64 * cut) as usize;
            fs::write(&path, &bytes[..cut]).unwrap();
            let whole = memchr::memchr_iter(b'\n', &bytes[..cut]).count();
            prop_assert_eq!(Survey::read(&path).unwrap().outcomes().len(), whole);
            let mut journal = Journal::open_append(&path).unwrap();
            // A cut right before a line end leaves a whole outcome, which is kept.
            let kept = whole + usize::from(bytes[cut] == b'\n');
            prop_assert_eq!(Survey::read(&path).unwrap().outcomes().len(), kept);
            journal.append(&entries[kept..]).unwrap();
            prop_assert_eq!(fs::read(&path).unwrap(), bytes);
        }
    }
}
