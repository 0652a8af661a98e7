//! Where runs stand: `<out>/<job>/<UTC time>-<4 hex>`, and `<out>/<job>/latest`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::call::moment::Moment;
use crate::store::beside;
use crate::store::error::StoreError;

/// The file that makes a folder a run.
pub const JOURNAL: &str = "journal.jsonl";
/// The name of the link to the newest run of a job.
pub const LATEST: &str = "latest";
/// The most characters of a job's name that its folder keeps: with the hash behind it, even
/// characters of four bytes stay below the 255 bytes of common file systems.
const LONGEST: usize = 48;
/// How often another name is tried when a run folder exists already.
const TRIES: u32 = 64;

/// The name of a job's folder: the job's own, unless it holds what a folder's name must not or
/// should not. Then the rest of it, and a hash, so that two jobs never share a folder.
pub fn job_folder(job: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "-_. +@=,".contains(c);
    let tame: String = job.chars().map(|c| if fits(c) { c } else { '-' }).take(LONGEST).collect();
    // A leading dot hides a folder, a leading dash looks like an option, and Windows drops dots
    // and spaces at the end.
    let tame = tame.trim_start_matches(['.', '-', ' ']).trim_end_matches(['.', ' ']);
    if tame == job && !tame.is_empty() && !is_device(tame) {
        return tame.to_owned();
    }
    let hash = blake3::hash(job.as_bytes()).to_hex();
    let name = if tame.is_empty() { "job" } else { tame };
    format!("{name}-{}", &hash[..8])
}

/// Names that Windows keeps for devices, with whatever ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_uppercase();
    let numbered = |prefix| {
        let rest = stem.strip_prefix(prefix);
        rest.is_some_and(|rest: &str| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    ["CON", "PRN", "AUX", "NUL"].contains(&&*stem) || numbered("COM") || numbered("LPT")
}

/// Makes the folder of a run that begins now.
pub fn create_run(job_folder: &Path) -> Result<PathBuf, StoreError> {
    fs::create_dir_all(job_folder).map_err(StoreError::io("create", job_folder))?;
    let time = Moment::now().compact();
    let mut tries = 0;
    loop {
        let path = job_folder.join(format!("{time}-{:04x}", beside::random() as u16));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < TRIES => {
                tries += 1;
            }
            Err(error) => return Err(StoreError::io("create", path)(error)),
        }
    }
}

/// Whether a run is named after a later second than another one.
pub fn is_named_later(run: &Path, other: &Path) -> bool {
    let second = |run: &Path| {
        let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.split('-').next().map(str::to_owned)
    };
    second(run) > second(other)
}

/// Makes `latest` point at this run of the job: a symbolic link, or where those cannot be made a
/// text file that holds the run's name.
pub fn point_latest(job_folder: &Path, run: &str) -> Result<(), StoreError> {
    let latest = job_folder.join(LATEST);
    let temporary = beside::temporary(&latest);
    if symlink(run, &temporary).is_err() {
        return beside::replace(&latest, format!("{run}\n").as_bytes());
    }
    fs::rename(&temporary, &latest).map_err(|error| {
        // Nothing better can be done about a leftover that cannot be removed.
        let _ = fs::remove_file(&temporary);
        StoreError::io("switch", &latest)(error)
    })
}

#[cfg(unix)]
fn symlink(target: &str, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(not(unix))]
fn symlink(_: &str, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The newest run of a job: through `latest`; where that is missing or leads nowhere, the newest
/// folder that has a journal.
pub fn newest_run(job_folder: &Path) -> Result<Option<PathBuf>, StoreError> {
    let latest = resolve(&job_folder.join(LATEST));
    if is_run(&latest) {
        return Ok(Some(latest));
    }
    let listing = match fs::read_dir(job_folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("list", job_folder)(error)),
    };
    let mut newest: Option<PathBuf> = None;
    for entry in listing {
        let path = entry.map_err(StoreError::io("list", job_folder))?.path();
        // Names begin with the time, so their order is that of the runs.
        if newest.as_ref().is_none_or(|newest| *newest < path) && is_own_run(&path) {
            newest = Some(path);
        }
    }
    Ok(newest)
}

/// Whether the folder holds a run.
pub fn is_run(path: &Path) -> bool {
    path.join(JOURNAL).is_file()
}

/// Whether the path is a run itself, not a link to one.
fn is_own_run(path: &Path) -> bool {
    !path.is_symlink() && is_run(path)
}

/// The run folder that a path such as `runs/nightly/latest` stands for, so that its own name can
/// be told; any other path as it is.
pub fn resolve(path: &Path) -> PathBuf {
    let parent = path.parent().unwrap_or(Path::new(""));
    if let Ok(target) = fs::read_link(path) {
        return parent.join(target);
    }
    if path.file_name().is_some_and(|name| name == LATEST)
        && path.is_file()
        && let Ok(name) = fs::read_to_string(path)
    {
        return parent.join(name.trim());
    }
    if path.file_name().is_none() {
        return fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jobs_folder_is_named_after_it_unless_that_could_do_harm() {
        for tame in ["nightly", "my job", "v1.2_final", "größe", "日本", "a=b,c+d@e"] {
            assert_eq!(job_folder(tame), tame);
        }
        for hostile in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc",
            ".hidden",
            "-rf",
            "x.",
            "x ",
            "nul",
            "COM1.x",
            "a\0b",
            "a\nb",
            "c:d",
            "\u{202e}x",
        ] {
            let folder = job_folder(hostile);
            assert_ne!(folder, hostile);
            assert!(!folder.contains(['/', '\\', '\0', '\n', ':']), "{folder}");
            assert!(!folder.starts_with(['.', '-']), "{folder}");
        }
        assert_ne!(job_folder("a/b"), job_folder("a-b"));
        assert_ne!(job_folder("a/b"), job_folder("a\\b"));
        let long = ["𝒳".repeat(500), "x".repeat(500)].map(|name| job_folder(&name));
        assert!(long.iter().all(|folder| folder.len() < 255), "{long:?}");
    }

    #[test]
    fn the_newest_run_is_found_without_the_link_too() {
        let folder = tempfile::tempdir().unwrap();
        let job = folder.path().join("job");
        assert_eq!(newest_run(&job).unwrap(), None);
        for name in ["20260101T000000Z-aaaa", "20260102T000000Z-0000", "20260103T000000Z-0000"] {
            fs::create_dir_all(job.join(name)).unwrap();
        }
        assert_eq!(newest_run(&job).unwrap(), None);
        for name in ["20260101T000000Z-aaaa", "20260102T000000Z-0000"] {
            fs::write(job.join(name).join(JOURNAL), "").unwrap();
        }
        assert_eq!(newest_run(&job).unwrap(), Some(job.join("20260102T000000Z-0000")));
        point_latest(&job, "20260101T000000Z-aaaa").unwrap();
        assert_eq!(newest_run(&job).unwrap(), Some(job.join("20260101T000000Z-aaaa")));
        point_latest(&job, "gone").unwrap();
        assert_eq!(newest_run(&job).unwrap(), Some(job.join("20260102T000000Z-0000")));
        fs::remove_file(job.join(LATEST)).unwrap();
        fs::write(job.join(LATEST), "20260101T000000Z-aaaa\n").unwrap();
        assert_eq!(newest_run(&job).unwrap(), Some(job.join("20260101T000000Z-aaaa")));
    }
}
