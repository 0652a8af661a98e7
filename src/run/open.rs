//! The run folder at the start and at the end of a session.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use crate::call::moment::Moment;
use crate::engine::lane::LaneView;
use crate::job::plan::Plan;
use crate::job::scorers::grader;
use crate::job::{Job, JobTarget};
use crate::run::books::{Books, Gone};
use crate::run::error::RunError;
use crate::run::scribe::Scribe;
use crate::run::settings::{Resume, Settings};
use crate::store::RunDir;
use crate::store::beside;
use crate::store::commitments::Leftover;
use crate::store::durability::Durability;
use crate::store::error::StoreError;
use crate::store::manifest::{Input, Manifest, Session};

/// How a session ended that left nothing to do.
pub(super) const DONE: &str = "done";

/// A run folder that is being written.
pub(super) struct Opened {
    /// Dropped before the folder, which is somebody else's then.
    pub(super) books: Books,
    pub(super) dir: RunDir,
    pub(super) manifest: Manifest,
    /// Whether it was begun by an earlier session.
    pub(super) resumed: bool,
    /// Whether the last session had scorers.
    pub(super) was_scored: bool,
    /// When the session began, by a clock that nobody sets.
    begun: Instant,
    /// The prompt files as they were when the run began.
    files: Vec<Seen>,
}

/// A file at one time: its length, and when it was changed last.
#[derive(PartialEq)]
struct Seen {
    path: Arc<Path>,
    metadata: Option<(u64, Option<SystemTime>)>,
}

impl Seen {
    fn now(path: &Arc<Path>) -> Self {
        let metadata = std::fs::metadata(path).ok();
        let metadata = metadata.map(|metadata| (metadata.len(), metadata.modified().ok()));
        Self { path: Arc::clone(path), metadata }
    }
}

impl Opened {
    /// Keeps how each lane was paced; it is written when the session is closed.
    pub(super) fn keep_pacing(&mut self, lanes: &[LaneView]) {
        if let Some(session) = self.manifest.sessions.last_mut() {
            session.pacing = lanes.iter().map(LaneView::pacing).collect();
        }
    }

    /// What to say of a run folder that went away while the run was going. One that was removed is
    /// laid out again, so that the run can go on in another session.
    pub(super) fn gone(&mut self, job: &Job) -> Option<RunError> {
        if !self.books.are_gone() {
            return None;
        }
        let path = self.dir.path().to_owned();
        Some(match self.books.gone.take()? {
            Gone::Moved => RunError::Moved { path },
            Gone::Removed(put_back) => {
                let laid_out = put_back.and_then(|()| self.dir.put_back(&job.document.text));
                RunError::Removed { path, lost: laid_out.err() }
            }
        })
    }

    /// Writes `run.json`, as safe as the job wants its answers.
    pub(super) fn keep_manifest(&self) -> Result<(), StoreError> {
        self.dir.write_manifest(&self.manifest)?;
        match self.books.durability {
            Durability::Process => Ok(()),
            Durability::Disk => beside::sync_folder(self.dir.path()),
        }
    }

    /// Prompts that were changed meanwhile may have been asked half in their old form and half in
    /// their new one.
    pub(super) fn warn_of_changes(&self) {
        for file in self.files.iter().filter(|file| **file != Seen::now(&file.path)) {
            tracing::warn!(
                file = %file.path.display(),
                "a prompt file was changed while the job ran: some rows may have been asked as \
                 they were, some as they are now; --resume asks what is new"
            );
        }
    }
}

/// Opens the run that is to go on, or begins one.
pub(super) fn open(job: &Job, plan: &Plan, settings: &Settings) -> Result<Opened, RunError> {
    let out = settings.out.as_deref().unwrap_or(&job.output.dir);
    let (dir, resumed) = if let Some(path) = earlier(job, out, settings)? {
        let dir = RunDir::open(&path)?;
        if let Some(other) = dir.manifest()?.map(|run| run.job).filter(|name| **name != *job.name) {
            return Err(RunError::OtherJob { path, job: other });
        }
        dir.replace_job(&job.document.text)?;
        (dir, true)
    } else {
        if settings.resume.is_some() {
            tracing::warn!(job = &*job.name, "there is no run to resume; a new one begins");
        }
        (RunDir::create(out, &job.name, &job.document.text)?, false)
    };
    let mut journal = dir.journal()?;
    let durability = job.output.durability;
    if durability == Durability::Disk {
        // What earlier sessions wrote counts as done, so it must be there as well.
        journal.sync().map_err(StoreError::io("sync", journal.path()))?;
        dir.sync_folders()?;
    }
    let (sessions, was_scored) = match dir.manifest()? {
        Some(before) => (before.sessions, !before.scorers.is_empty()),
        None => (Vec::new(), false),
    };
    let mut manifest = Manifest::new(&job.name, &dir.name(), &job.document.text, plan.total());
    manifest.inputs = inputs(job, plan)?;
    manifest.prices_hash = prices_hash(plan.targets());
    manifest.tags = (*job.tags).clone();
    manifest.scorers = job.scorers.iter().map(|scorer| scorer.head.clone()).collect();
    manifest.gates.clone_from(&job.gates);
    manifest.sessions = sessions;
    let options = settings.options.clone();
    manifest.sessions.push(Session {
        started_at: Moment::now(),
        ended_at: None,
        ended: None,
        wall_ms: None,
        journal_bytes: None,
        options,
        pacing: Vec::new(),
        budget: Vec::new(),
        lost: Vec::new(),
    });
    dir.write_manifest(&manifest)?;
    let files = plan.files().iter().map(Seen::now).collect();
    let (scribe, grader) = (Scribe::new(journal), grader(&job.scorers));
    let books = Books { scribe, commitments: None, durability, gone: None, grader };
    let begun = Instant::now();
    Ok(Opened { books, dir, manifest, resumed, was_scored, begun, files })
}

/// Writes how the session ended, once the disk has all that it did.
pub(super) fn close(opened: &mut Opened, ending: &str) -> Result<(), RunError> {
    let mut journal = opened.books.scribe.journal();
    journal.sync().map_err(StoreError::io("sync", opened.books.scribe.path()))?;
    if let Some(session) = opened.manifest.sessions.last_mut() {
        session.ended_at = Some(Moment::now());
        session.ended = Some(ending.to_owned());
        session.journal_bytes = Some(journal.length());
        session.wall_ms = u64::try_from(opened.begun.elapsed().as_millis()).ok();
    }
    drop(journal);
    opened.keep_manifest()?;
    // What is left in it is counted now.
    Leftover::remove(opened.dir.path())?;
    Ok(())
}

/// The run that is to go on, if that is what is wanted.
pub(super) fn earlier(
    job: &Job,
    out: &Path,
    settings: &Settings,
) -> Result<Option<PathBuf>, RunError> {
    match &settings.resume {
        None => Ok(None),
        Some(Resume::Latest) => Ok(RunDir::latest(out, &job.name)?),
        Some(Resume::Run(named)) => Ok(Some(RunDir::named(out, &job.name, named))),
    }
}

/// The hash of all prices that costs are counted with, and of whom they are the prices; `None`
/// where no price is known.
pub(super) fn prices_hash(targets: &[JobTarget]) -> Option<String> {
    let mut lines: Vec<String> = targets
        .iter()
        .filter_map(|target| {
            let price = target.target.price.as_ref()?;
            Some(format!("{} {price:?}\n", target.target.model_used()))
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    let all = lines.concat();
    (!all.is_empty()).then(|| blake3::hash(all.as_bytes()).to_hex().to_string())
}

/// What was read for the run, so that a later reader can tell whether it is still the same.
fn inputs(job: &Job, plan: &Plan) -> Result<Vec<Input>, RunError> {
    let files = plan.files();
    files.iter().map(|path| Input::of(path, shown(job, path)).map_err(RunError::from)).collect()
}

/// The path of a file as the job states it.
pub(super) fn shown(job: &Job, path: &Path) -> String {
    path.strip_prefix(&job.folder).unwrap_or(path).display().to_string()
}
