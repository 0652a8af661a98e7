//! The files in `schemas/` are what the program prints, and what it writes fits them.
//!
//! To write them anew: `for s in job record summary; do cargo run -- schema $s > schemas/$s.schema.json; done`

use std::fs;
use std::path::Path;

use runner::cli::schema::{What, schema};

#[test]
fn the_schemas_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for (what, name) in [(What::Job, "job"), (What::Record, "record"), (What::Summary, "summary")] {
        let path = folder.join(format!("{name}.schema.json"));
        let written = fs::read_to_string(&path).expect("it is there");
        let help = "write it anew: cargo run -- schema";
        assert!(written == schema(what), "{} is out of date; {help} {name}", path.display());
    }
}

#[test]
fn a_schema_says_which_keys_there_are() {
    let job: serde_json::Value = serde_json::from_str(&schema(What::Job)).expect("json");
    let keys = job["properties"].as_object().expect("properties");
    for key in ["name", "models", "prompts", "providers", "params", "limits", "retry", "output"] {
        assert!(keys.contains_key(key), "{key}");
    }
    assert_eq!(job["additionalProperties"], false);
}
