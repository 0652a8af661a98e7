//! `run.json`: what ran, from what, when, and how it ended. Never a key.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::budget::{CapReport, LostCalls};
use crate::call::gate::Gate;
use crate::call::moment::Moment;
use crate::call::pacing::Pacing;
use crate::call::score::ScorerHead;
use crate::store::beside;
use crate::store::error::StoreError;

/// The version of the format; readers accept this one and older ones.
pub const VERSION: u32 = 1;
/// The file's name in the run folder.
pub const MANIFEST: &str = "run.json";

/// What is known of a run beside its outcomes. Readers ignore keys that they do not know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this format.
    pub v: u32,
    /// The runner that began the run.
    pub runner_version: String,
    /// The job's name.
    pub job: String,
    /// The run folder's name.
    pub run: String,
    /// The hash of `job.toml`, in hex (blake3).
    pub job_hash: String,
    /// The files that the prompts came from.
    #[serde(default)]
    pub inputs: Vec<Input>,
    /// The hash of the prices that costs were counted with; null when there were none.
    #[serde(default)]
    pub prices_hash: Option<String>,
    /// The job's tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// How many tasks the job has.
    pub tasks: u64,
    /// The scorers, in the order of the job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scorers: Vec<ScorerHead>,
    /// The bounds that the run has to keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// The run's beginning and every resumption of it.
    #[serde(default)]
    pub sessions: Vec<Session>,
}

/// A file that was read for the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The path as the job states it.
    pub path: String,
    /// The hash of its bytes, in hex (blake3).
    pub hash: String,
    /// Its length.
    pub bytes: u64,
}

/// One time that a runner worked on the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// When it began.
    pub started_at: Moment,
    /// When it ended; null while it works, and for good when it was killed.
    pub ended_at: Option<Moment>,
    /// How it ended: `done`, `interrupted`, `deadline`, `canary`, `failed`, ...
    pub ended: Option<String>,
    /// How long it took in ms, whatever was done to the clock meanwhile; absent while it works, and
    /// in runs of older runners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u64>,
    /// The length of the journal at its end; absent like the time that it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_bytes: Option<u64>,
    /// The options of the command line that changed the job.
    #[serde(default)]
    pub options: Value,
    /// How each model was paced; empty until the session has ended, and in runs of older runners.
    #[serde(default)]
    pub pacing: Vec<Pacing>,
    /// The caps of the budget and what was spent of them when the session ended; empty without a
    /// budget.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budget: Vec<CapReport>,
    /// Calls that the session sent under a budget and of which nobody knows how they ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<LostCalls>,
}

impl Input {
    /// The hash and the length of a file, read piece by piece. `shown` is its path as the job
    /// states it.
    pub fn of(path: &Path, shown: String) -> Result<Self, StoreError> {
        let file = fs::File::open(path).map_err(StoreError::io("open", path))?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file).map_err(StoreError::io("read", path))?;
        Ok(Self {
            path: shown,
            hash: hasher.finalize().to_hex().to_string(),
            bytes: hasher.count(),
        })
    }
}

impl Manifest {
    /// The manifest of a run of this job, with no session yet.
    pub fn new(job: &str, run: &str, job_text: &str, tasks: u64) -> Self {
        Self {
            v: VERSION,
            runner_version: env!("CARGO_PKG_VERSION").to_owned(),
            job: job.to_owned(),
            run: run.to_owned(),
            job_hash: blake3::hash(job_text.as_bytes()).to_hex().to_string(),
            inputs: Vec::new(),
            prices_hash: None,
            tags: BTreeMap::new(),
            tasks,
            scorers: Vec::new(),
            gates: Vec::new(),
            sessions: Vec::new(),
        }
    }

    /// The manifest in this run folder; `None` when there is none.
    pub fn read(run: &Path) -> Result<Option<Self>, StoreError> {
        let path = run.join(MANIFEST);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        let corrupt = |why: serde_json::Error| StoreError::CorruptManifest {
            path: path.clone(),
            why: why.to_string(),
        };
        // The version goes first: a newer format may have other keys altogether.
        let Version { v } = serde_json::from_slice(&bytes).map_err(corrupt)?;
        if v > VERSION {
            return Err(StoreError::UnknownVersion { path, found: v, known: VERSION });
        }
        serde_json::from_slice(&bytes).map(Some).map_err(corrupt)
    }

    /// Writes it into this run folder, as a whole or not at all.
    pub fn write(&self, run: &Path) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(self).expect("a manifest has only text as keys");
        text.push(b'\n');
        beside::replace(&run.join(MANIFEST), &text)
    }
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_manifest_reads_back_and_unknown_keys_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), None);
        let value = json!({
            "v": 1, "runner_version": "0.1.0", "job": "nightly", "run": "20260101T000000Z-0000",
            "job_hash": "ab", "inputs": [{"path": "p.csv", "hash": "cd", "bytes": 3, "mode": 1}],
            "prices_hash": null, "tags": {"team": "search"}, "tasks": 3, "weather": "fine",
            "sessions": [{"started_at": "2026-01-01T00:00:00.000Z", "ended_at": null, "ended": null,
                "options": {"limit": 3}}],
        });
        let manifest: Manifest = serde_json::from_value(value).unwrap();
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), Some(manifest));
    }

    #[test]
    fn a_newer_manifest_asks_for_a_newer_runner() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MANIFEST), r#"{"v":2}"#).unwrap();
        let message = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("newer runner"), "{message}");
        fs::write(folder.path().join(MANIFEST), r#"{"v":1}"#).unwrap();
        let error = Manifest::read(folder.path()).unwrap_err();
        assert!(matches!(error, StoreError::CorruptManifest { .. }), "{error}");
    }
}
