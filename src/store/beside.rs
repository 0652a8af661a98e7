//! Files that are written beside their place and then renamed, so that no reader sees half of one.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::store::error::StoreError;

/// A file in the making. It takes its place with [`Beside::finish`]; dropped before that, it is
/// removed and what stood in its place stays.
#[derive(Debug)]
pub struct Beside {
    file: File,
    temporary: PathBuf,
    place: PathBuf,
    finished: bool,
}

impl Beside {
    /// Begins a file that will stand at this path, as `.<name>.tmp-<hex>` in the same folder.
    pub fn create(place: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let place = place.into();
        let temporary = temporary(&place);
        let file = File::create_new(&temporary).map_err(StoreError::io("create", &temporary))?;
        Ok(Self { file, temporary, place, finished: false })
    }

    /// Where it will stand.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// What is in it so far, from the start.
    pub fn reread(&self) -> Result<File, StoreError> {
        File::open(&self.temporary).map_err(StoreError::io("read", &self.temporary))
    }

    /// Puts it in its place. Nothing may be left in a buffer above it.
    pub fn finish(mut self) -> Result<(), StoreError> {
        fs::rename(&self.temporary, &self.place).map_err(StoreError::io("write", &self.place))?;
        self.finished = true;
        Ok(())
    }
}

/// Removes what a runner that was killed left half made in this folder. Only the holder of the
/// run's lock may do so.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.contains(".tmp-") {
            // A leftover does no harm; one that cannot be removed may stay.
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing better can be done about a leftover that cannot be removed.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Replaces a small file as a whole, and waits until the disk has it.
pub fn replace(place: &Path, content: &[u8]) -> Result<(), StoreError> {
    let mut beside = Beside::create(place)?;
    let written = beside.write_all(content).and_then(|()| beside.file.sync_all());
    written.map_err(StoreError::io("write", place))?;
    beside.finish()
}

/// Waits until the disk has the names in a folder, as they are now.
pub fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    // Elsewhere a folder cannot be opened, and the system sees to this by itself.
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(StoreError::io("sync", folder))?;
    }
    Ok(())
}

/// A name beside this one that nobody else uses.
pub(crate) fn temporary(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    place.with_file_name(format!(".{name}.tmp-{:08x}", random() as u32))
}

/// 64 random bits that need not be a secret, only unlike those of anyone else.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.txt");
        replace(&place, b"old").unwrap();
        let mut beside = Beside::create(&place).unwrap();
        beside.write_all(b"half").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        drop(beside);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(fs::read(&place).unwrap(), b"old");
    }
}
