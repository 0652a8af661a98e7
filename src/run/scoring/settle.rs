//! The scores of all answers, made of what is in the journal, and written where they are new.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::call::money::Usd;
use crate::call::record::{Record, Status};
use crate::call::score::{Score, ScoreState, Scores};
use crate::call::task::TaskId;
use crate::engine::stop::Stopper;
use crate::eval::cosine;
use crate::eval::grader::Answered;
use crate::job::scorers::{How, JobScorer};
use crate::run::error::RunError;
use crate::run::lanes::Parts;
use crate::run::open::Opened;
use crate::run::scoring::answers::{Answer, Answers};
use crate::run::scoring::is_stopped;
use crate::run::scoring::program::{self, Trial};
use crate::run::scoring::questions;
use crate::store::format::Scored;

/// Scores are written in batches of at most this many.
const BATCH: usize = 256;

/// Answers whose programs run at once.
const AT_ONCE: usize = 8;

/// Makes the scores of all answers anew, and writes down those that are not in the journal yet.
/// Programs are not started once the run is stopped.
pub(super) async fn settle(
    parts: &Parts<'_>,
    opened: &mut Opened,
    stop: &Stopper,
) -> Result<(), RunError> {
    let index = Arc::new(opened.dir.index()?);
    let mut answers = Answers::new(parts.plan, &opened.dir.journal_path(), index)?;
    let mut waiting = FuturesUnordered::new();
    let mut written = Vec::new();
    loop {
        let answer = answers.next().transpose()?;
        let is_last = answer.is_none();
        if let Some(answer) = answer {
            let (draft, trials) = draft(parts, opened, &mut answers, &answer, is_stopped(stop))?;
            match trials.is_empty() {
                true => written.extend(draft.changed()),
                false => waiting.push(tried(draft, trials)),
            }
        }
        while waiting.len() >= AT_ONCE || is_last && !waiting.is_empty() {
            let draft: Option<Draft> = waiting.next().await;
            written.extend(draft.and_then(Draft::changed));
            write(opened, &mut written)?;
        }
        if written.len() >= BATCH || is_last {
            write(opened, &mut written)?;
        }
        if is_last {
            return Ok(());
        }
    }
}

fn write(opened: &mut Opened, written: &mut Vec<Scored>) -> Result<(), RunError> {
    if written.is_empty() {
        return Ok(());
    }
    let path = opened.books.scribe.path().to_owned();
    let failed = |why| RunError::Journal { path, lost: 0, kept: None, why };
    opened.books.scribe.journal().append_scores(written).map_err(failed)?;
    written.clear();
    Ok(())
}

/// The scores of one answer, as far as they are known.
struct Draft {
    task: TaskId,
    line: u64,
    /// What is in the journal.
    stored: Scores,
    scores: Scores,
    made_of: BTreeMap<String, String>,
}

impl Draft {
    /// What is to be written, if anything is new.
    fn changed(self) -> Option<Scored> {
        let Self { task, line, stored, scores, made_of } = self;
        (scores != stored).then_some(Scored { task, line, scores, made_of })
    }
}

/// What is known of an answer's scores, and the programs that are still to be asked.
fn draft(
    parts: &Parts<'_>,
    opened: &Opened,
    answers: &mut Answers,
    answer: &Answer,
    is_stopped: bool,
) -> Result<(Draft, Vec<(String, Trial)>), RunError> {
    let record = &answer.record;
    let earlier = answers.entries().scored_at(answer.line, &record.task)?;
    let made_before = earlier.map(|scored| scored.made_of).unwrap_or_default();
    let mut draft = Draft {
        task: record.task,
        line: answer.line,
        stored: record.scores.clone(),
        scores: opened.books.grader.grade(record, &answer.place.prompt.expected),
        made_of: BTreeMap::new(),
    };
    let mut trials = Vec::new();
    for scorer in &parts.job.scorers {
        let column = scorer.head.column.clone();
        if let How::Command(program) = &scorer.how {
            let Some(range) = scorer.reach.range(&record.prompt, &record.model) else { continue };
            let texts = &answer.place.prompt.expected[range];
            let trial = Trial::new(program, &parts.job.folder, answer, texts);
            let known = record.scores.get(&column);
            let is_same = made_before.get(&column) == Some(&trial.made_of);
            // A program that failed is asked again.
            let holds = |score: &&Score| is_same && score.state != ScoreState::Broken;
            match known.filter(holds) {
                Some(score) => {
                    draft.made_of.insert(column.clone(), trial.made_of);
                    draft.scores.insert(column, score.clone());
                }
                None if is_stopped => {}
                None => trials.push((column, trial)),
            }
            continue;
        }
        let score = of_calls(parts, scorer, answers, answer)?;
        draft.scores.extend(score.map(|score| (column, score)));
    }
    Ok((draft, trials))
}

/// The draft with what the programs say.
async fn tried(mut draft: Draft, trials: Vec<(String, Trial)>) -> Draft {
    for (column, trial) in trials {
        let score = program::run(&trial).await;
        draft.made_of.insert(column.clone(), trial.made_of);
        draft.scores.insert(column, score);
    }
    draft
}

/// The score that comes of a scorer's calls to a model; `None` where it does not score the answer,
/// and where nobody was asked yet.
fn of_calls(
    parts: &Parts<'_>,
    scorer: &JobScorer,
    answers: &mut Answers,
    answer: &Answer,
) -> Result<Option<Score>, RunError> {
    if scorer.is_plain() || !scorer.reach.covers(&answer.record.prompt, &answer.record.model) {
        return Ok(None);
    }
    let about = match questions::asked(parts.plan, scorer, answer) {
        Err(why) => return Ok(Some(Score::broken(why))),
        Ok(None) => {
            let why = "there is nothing to hold this answer against";
            return Ok(Some(Score::skipped(why)));
        }
        Ok(Some(about)) => about,
    };
    let mut said = Vec::new();
    let mut cost = Some(Usd::ZERO);
    let mut is_asked = false;
    for task in about.ids(answer) {
        let Some(line) = answers.entries().judgement(&task)? else {
            said.push(Err("it was not asked yet".to_owned()));
            continue;
        };
        is_asked = true;
        let record: Record = line.read()?;
        let spent = record.cost_usd.or((record.status != Status::Ok).then_some(Usd::ZERO));
        let tried =
            line.tries()?.iter().filter(|tried| tried.was_answered()).map(|t| t.cost_usd).sum();
        cost = [cost, spent, tried].into_iter().sum();
        said.push(match &record.error {
            Some(failure) => Err(format!("{}: {}", failure.kind.as_str(), failure.message)),
            None => Answered::of(&record).map(|answered| answered.text().to_owned()),
        });
    }
    if !is_asked {
        return Ok(None);
    }
    Ok(Some(Score { cost_usd: cost, ..verdict(scorer, &said) }))
}

/// What comes of what was said in each call.
fn verdict(scorer: &JobScorer, said: &[Result<String, String>]) -> Score {
    match &scorer.how {
        How::Judge { judge, .. } => {
            let votes: Vec<_> = said
                .iter()
                .zip(0..)
                .map(|(said, nth)| said.clone().and_then(|said| judge.read(nth, &said)))
                .collect();
            judge.score(&votes)
        }
        How::Cosine { threshold, .. } => {
            let read =
                |said: &Result<String, String>| said.clone().and_then(|text| cosine::read(&text));
            match said.iter().map(read).collect::<Result<Vec<_>, _>>().as_deref() {
                Ok([answer, other]) => cosine::score(answer, other, *threshold),
                Ok(_) => Score::broken("two embeddings were asked for"),
                Err(why) => Score::broken(why),
            }
        }
        How::Plain(_) | How::Command(_) => Score::broken("it asks no model"),
    }
}
