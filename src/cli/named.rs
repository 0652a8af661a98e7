//! Which run somebody means: a folder, `latest`, `previous`, `latest~3` or `pinned`, of which job.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::exit::CliError;
use crate::cli::run::broke;
use crate::job::words;
use crate::run::error::RunError;
use crate::store::RunDir;
use crate::store::error::StoreError;
use crate::store::folder;
use crate::store::runs::{JobRuns, NoRun, RunName, job_folder};

/// Where runs are looked for that are named otherwise than by a path.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// The job whose runs `latest`, `previous`, `latest~3` and `pinned` are; left out, the job of the
    /// other run that is named, or the only one there is.
    #[arg(long, value_name = "NAME")]
    pub job: Option<String>,
    /// Where the folders of jobs are.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    pub out: PathBuf,
}

/// A run as it was named.
enum Named {
    /// By its folder.
    Path(PathBuf),
    /// By its part in a job, whose folder is known where the job was named too.
    Name(Option<PathBuf>, RunName),
}

impl Place {
    /// The one run that is meant.
    pub fn run(&self, text: &str) -> Result<RunDir, CliError> {
        match self.read(text) {
            Named::Path(path) => self.open(&path, None),
            Named::Name(folder, name) => {
                let folder = folder.map_or_else(|| self.folder(), Ok)?;
                open(&find(&folder, &name, None)?)
            }
        }
    }

    /// The two runs that are meant: the base, and the new one that it is of.
    pub fn runs(&self, base: &str, new: &str) -> Result<[RunDir; 2], CliError> {
        let (base, new) = (self.read(base), self.read(new));
        let beside = |named: &Named| match named {
            Named::Path(path) => RunDir::read(path).ok().map(|run| job_folder(run.path())),
            Named::Name(folder, _) => folder.clone(),
        };
        let of_base = beside(&base);
        let new = match new {
            Named::Path(path) => self.open(&path, of_base.as_deref())?,
            Named::Name(folder, name) => {
                let own = folder.or_else(|| self.named_folder()).or(of_base);
                open(&find(&own.map_or_else(|| self.folder(), Ok)?, &name, None)?)?
            }
        };
        let of_new = job_folder(new.path());
        let base = match base {
            Named::Path(path) => self.open(&path, Some(&of_new))?,
            Named::Name(folder, name) => {
                let folder = folder.or_else(|| self.named_folder()).unwrap_or(of_new);
                open(&find(&folder, &name, Some(&new.name()))?)?
            }
        };
        Ok([base, new])
    }

    /// The folder of the job that is meant.
    pub fn folder(&self) -> Result<PathBuf, CliError> {
        if let Some(folder) = self.named_folder() {
            return Ok(folder);
        }
        let jobs = self.jobs()?;
        match jobs.as_slice() {
            [job] => Ok(self.out.join(job)),
            [] => Err(CliError::usage(
                format!("there is no run in `{}`", self.out.display()),
                "name the folder of a run, or where they are with `--out DIR`",
            )),
            jobs => {
                let help = format!(
                    "say which with `--job NAME`, or write `{}/latest`; there are {}",
                    jobs[0],
                    words::all(jobs)
                );
                Err(CliError::usage("it is not said which job's runs are meant", help))
            }
        }
    }

    /// The folders of jobs that have runs, by name.
    pub fn jobs(&self) -> Result<Vec<String>, CliError> {
        let listing = match fs::read_dir(&self.out) {
            Ok(listing) => listing,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(why) => {
                return Err(CliError::world(&format!("list `{}`", self.out.display()), why));
            }
        };
        let mut jobs = Vec::new();
        for entry in listing.flatten().filter(|entry| entry.path().is_dir()) {
            if !JobRuns::of(&entry.path()).map_err(store)?.names().is_empty() {
                jobs.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        jobs.sort_unstable();
        Ok(jobs)
    }

    fn named_folder(&self) -> Option<PathBuf> {
        self.job.as_ref().map(|job| self.out.join(folder::job_folder(job)))
    }

    fn read(&self, text: &str) -> Named {
        let path = Path::new(text);
        // What is there by this very path is meant by it, as `runs/nightly/latest` is.
        if RunDir::read(path).is_ok() {
            return Named::Path(path.to_owned());
        }
        if let Some(name) = RunName::read(text) {
            return Named::Name(None, name);
        }
        if let Some((job, name)) = text.rsplit_once('/')
            && let Some(name) = RunName::read(name)
        {
            let is_there = Path::new(job).is_dir();
            let own = || self.out.join(folder::job_folder(job));
            let folder = if is_there { PathBuf::from(job) } else { own() };
            return Named::Name(Some(folder), name);
        }
        Named::Path(path.to_owned())
    }

    /// Opens a run by its path, or by its name within a job or below the folder of runs.
    fn open(&self, path: &Path, job: Option<&Path>) -> Result<RunDir, CliError> {
        let named = self.named_folder();
        let folders = [named.as_deref(), job, Some(&*self.out)];
        let others = folders.into_iter().flatten().map(|folder| folder.join(path));
        let there = others.filter(|_| !path.exists()).find(|path| RunDir::read(path).is_ok());
        open(&there.unwrap_or_else(|| path.to_owned()))
    }
}

/// Why a run cannot be read.
pub fn store(why: StoreError) -> CliError {
    broke(&RunError::Store(why))
}

fn open(path: &Path) -> Result<RunDir, CliError> {
    RunDir::read(path).map_err(store)
}

fn find(folder: &Path, name: &RunName, new: Option<&str>) -> Result<PathBuf, CliError> {
    let runs = JobRuns::of(folder).map_err(store)?;
    runs.find(name, new).map_err(|why| match (why.help(), why) {
        (_, NoRun::Store(why)) => store(why),
        (help, why) => CliError::usage(why.to_string(), help.unwrap_or_default()),
    })
}
