//! The floors of the house: which room may import which. A room may import rooms below it, never
//! beside or above; and a `mod.rs` of the kind ROOF is imported by none of its children.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms by floor, the lowest first. Rooms on one floor do not know each other.
const FLOORS: &[&[&str]] = &[
    &["call"],
    &["wire", "pace", "store", "eval"],
    &["provider", "report", "mock"],
    &["job", "engine", "audit", "batch"],
    &["run", "client"],
    &["cli"],
    &["main", "lib"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The files of `src/`, each with its path below it and its text.
fn house() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    found.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&src).expect("it is below src").to_string_lossy().into_owned();
        (name, fs::read_to_string(path).expect("it is text"))
    };
    found.into_iter().map(read).collect()
}

fn room(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

#[test]
fn no_arrow_goes_up_or_sideways() {
    let mut faults = Vec::new();
    for (file, text) in house() {
        let own = room(&file);
        let Some(height) = floor(own) else {
            faults.push(format!("src/{file}: the room `{own}` has no floor"));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for imported in line.split("crate::").skip(1) {
                let end = imported.find(|c: char| !c.is_alphanumeric() && c != '_');
                let other = &imported[..end.unwrap_or(imported.len())];
                let is_code = !line.trim_start().starts_with("//");
                let below = floor(other).is_some_and(|other| other < height);
                if is_code && other != own && !below {
                    faults.push(format!("src/{file}:{}: {own} imports {other}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_room_says_whether_it_is_ground_or_roof() {
    for (file, text) in house() {
        let Some(folder) = file.strip_suffix("/mod.rs") else { continue };
        if folder.contains('/') || matches!(folder, "call" | "wire") {
            continue;
        }
        let first = text.lines().next().unwrap_or_default();
        let is_ground = first.starts_with("//! GROUND.");
        assert!(is_ground || first.starts_with("//! ROOF."), "src/{file}: {first}");
        let children: Vec<(String, String)> = house()
            .into_iter()
            .filter(|(child, _)| child.starts_with(&format!("{folder}/")) && *child != file)
            .collect();
        for (child, text) in children.iter().filter(|_| !is_ground) {
            let looks_up = format!("use crate::{folder}::{{self");
            let names = |line: &str| {
                line.trim_start()
                    .strip_prefix(&format!("use crate::{folder}::"))
                    .is_some_and(|rest| rest.starts_with(char::is_uppercase))
            };
            let at_fault = text.lines().any(|line| line.contains(&looks_up) || names(line));
            assert!(!at_fault, "src/{child} imports the roof `{folder}`");
        }
    }
}

#[test]
fn every_file_says_what_stands_in_it() {
    for (file, text) in house() {
        assert!(text.starts_with("//!"), "src/{file} has no module doc");
    }
}
