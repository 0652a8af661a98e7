//! Which folders of runs are asked.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::exit::CliError;
use crate::store::folder;

/// Where runs are when nobody says where: `runs` of the working folder, and of the folder `jobs`,
/// since a job's runs stand beside its file.
const USUAL: [&str; 2] = ["runs", "jobs/runs"];

/// The folders that were named, else the usual ones that are there; each once.
pub(super) fn found(named: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let folders: Vec<PathBuf> = match named {
        [] => USUAL.iter().map(PathBuf::from).filter(|folder| folder.is_dir()).collect(),
        named => named.to_vec(),
    };
    if folders.is_empty() {
        let message = "there is no folder of runs here: neither `runs` nor `jobs/runs`";
        return Err(CliError::usage(message, "name the folder of all runs with `--out DIR`"));
    }
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for folder in folders {
        check(&folder)?;
        let whole = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
        if !seen.contains(&whole) {
            seen.push(whole);
            found.push(folder);
        }
    }
    Ok(found)
}

/// A folder of runs holds folders of jobs; a slip that names one of those would find nothing.
fn check(out: &Path) -> Result<(), CliError> {
    if !out.is_dir() {
        let message = format!("there is no folder `{}`", out.display());
        return Err(CliError::usage(message, "name the folder of all runs, such as `--out runs`"));
    }
    let below = fs::read_dir(out).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_of_job = below.into_iter().any(|path| folder::is_run(&path));
    let above =
        if folder::is_run(out) { out.parent().and_then(Path::parent) } else { out.parent() };
    if is_of_job || folder::is_run(out) {
        let message = format!("`{}` has the runs of one job", out.display());
        let above = above.filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let help = format!("`--out {}` and `--job NAME` show them", above.display());
        return Err(CliError::usage(message, help));
    }
    Ok(())
}
