//! `run.json`, whatever stands in it: what ran, or an error; written again it is the same.

use std::fs;

use runner::store::manifest::{MANIFEST, Manifest};

/// The bytes are the file.
pub(super) fn holds(bytes: &[u8]) {
    super::scratch::folder(|run| {
        fs::write(run.join(MANIFEST), bytes).expect("written");
        match Manifest::read(run) {
            Err(why) => assert!(!why.to_string().is_empty()),
            Ok(found) => {
                let found = found.expect("there is one");
                found.write(run).expect("written");
                let again = Manifest::read(run).expect("what was written is read");
                let again = again.expect("there is one");
                let text = |manifest: &Manifest| serde_json::to_string(manifest).expect("JSON");
                assert_eq!(text(&again), text(&found));
            }
        }
    });
}
