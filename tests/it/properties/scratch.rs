//! A folder for what can only be read from a disk, used over and over.

use std::fs;
use std::path::Path;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// Hands over an empty folder.
pub(super) fn folder(work: impl FnOnce(&Path)) {
    FOLDER.with(|folder| {
        for entry in fs::read_dir(folder.path()).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            match path.is_dir() && !path.is_symlink() {
                true => fs::remove_dir_all(path).expect("it is ours"),
                false => fs::remove_file(path).expect("it is ours"),
            }
        }
        work(folder.path());
    });
}
