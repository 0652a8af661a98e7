//! `baseline.json` in a job's folder: the runs that later ones are held against.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::call::moment::Moment;
use crate::store::beside;
use crate::store::error::StoreError;

/// The version of the format; readers accept this one and older ones.
const VERSION: u32 = 1;
/// The file's name in the job's folder.
const BASELINE: &str = "baseline.json";

/// The pinned runs of a job, by the name of each pin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baselines {
    /// The version of this format.
    pub v: u32,
    /// The pins.
    pub pins: BTreeMap<String, Pin>,
}

/// A run that later ones are held against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pin {
    /// The run folder's name.
    pub run: String,
    /// When it was pinned.
    pub pinned_at: Moment,
    /// The runner that did so.
    pub runner_version: String,
}

impl Default for Baselines {
    fn default() -> Self {
        Self { v: VERSION, pins: BTreeMap::new() }
    }
}

impl Baselines {
    /// Those of the job with this folder; none where nothing was pinned.
    pub fn read(job_folder: &Path) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }

        let path = path(job_folder);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        let corrupt = |why: serde_json::Error| StoreError::CorruptBaseline {
            path: path.clone(),
            why: why.to_string(),
        };
        let Version { v } = serde_json::from_slice(&bytes).map_err(corrupt)?;
        if v > VERSION {
            return Err(StoreError::UnknownVersion { path, found: v, known: VERSION });
        }
        serde_json::from_slice(&bytes).map_err(corrupt)
    }

    /// Pins a run under this name, in the place of the one before, which is given.
    pub fn pin(&mut self, name: &str, run: String) -> Option<Pin> {
        let runner_version = env!("CARGO_PKG_VERSION").to_owned();
        let pin = Pin { run, pinned_at: Moment::now(), runner_version };
        self.pins.insert(name.to_owned(), pin)
    }

    /// Writes them into the job's folder, as a whole or not at all; without a pin there is no file.
    pub fn write(&self, job_folder: &Path) -> Result<(), StoreError> {
        let path = path(job_folder);
        if self.pins.is_empty() {
            return match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(StoreError::io("remove", path)(error))
                }
                _ => Ok(()),
            };
        }
        let mut text = serde_json::to_vec_pretty(self).expect("pins have only text as keys");
        text.push(b'\n');
        beside::replace(&path, &text)
    }
}

fn path(job_folder: &Path) -> PathBuf {
    job_folder.join(BASELINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_read_back_and_the_last_one_takes_the_file_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut pins = Baselines::read(folder.path()).unwrap();
        assert_eq!(pins.pin("pinned", "a".to_owned()), None);
        assert_eq!(pins.pin("pinned", "b".to_owned()).map(|pin| pin.run), Some("a".to_owned()));
        pins.write(folder.path()).unwrap();
        assert_eq!(Baselines::read(folder.path()).unwrap(), pins);
        pins.pins.clear();
        pins.write(folder.path()).unwrap();
        pins.write(folder.path()).unwrap();
        assert!(!folder.path().join(BASELINE).exists());
    }

    #[test]
    fn a_damaged_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(BASELINE), "{").unwrap();
        let message = Baselines::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("help: remove the file, and pin a run again"), "{message}");
        fs::write(folder.path().join(BASELINE), r#"{"v":2}"#).unwrap();
        let message = Baselines::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("newer runner"), "{message}");
    }
}
