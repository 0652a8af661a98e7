//! The scorers of a job: what each of them is, whose answers it scores, and whom it asks.

use std::sync::Arc;
use std::time::Duration;

use crate::call::request::{Message, Operation};
use crate::call::score::ScorerHead;
use crate::call::task::{ContentHash, Target};
use crate::eval::Scorer;
use crate::eval::grader::{Grader, Reach};
use crate::eval::judge::{Brief, Judge};
use crate::job::template::TemplateFault;

/// A scorer that was checked.
#[derive(Clone, Debug)]
pub struct JobScorer {
    /// What reports know of it.
    pub head: ScorerHead,
    /// Whose answers it scores.
    pub reach: Reach,
    /// How it comes to its scores.
    pub how: How,
}

/// How a scorer comes to its scores.
#[derive(Clone, Debug)]
pub enum How {
    /// By looking at the answer.
    Plain(Arc<dyn Scorer>),
    /// By asking a model about it.
    Judge {
        /// What is asked and how its word is read.
        judge: Judge,
        /// Where its texts stand among its own.
        texts: JudgeTexts,
        /// Who is asked.
        asked: Asked,
    },
    /// By asking an embedding model for the answer's and another text's.
    Cosine {
        /// An answer passes from this value on.
        threshold: Option<f64>,
        /// Who is asked.
        asked: Asked,
    },
    /// By asking a program.
    Command(Program),
}

/// A model that a scorer asks.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who.
    pub target: Arc<Target>,
    /// Its part of the name of every call.
    pub hash: ContentHash,
    /// Its lane, as a place in [`Job::lanes`](crate::job::Job::lanes).
    pub lane: usize,
}

/// Where the texts of a judge stand among its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JudgeTexts {
    /// What makes an answer good.
    pub rubric: Option<usize>,
    /// The answer to compare with.
    pub reference: Option<usize>,
    /// The whole message.
    pub prompt: Option<usize>,
    /// The system message.
    pub system: Option<usize>,
}

/// A program that scores.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
    /// An answer passes from this value on, where the program does not say.
    pub threshold: Option<f64>,
    /// Whether its one text states what was expected.
    pub expects: bool,
}

/// What a scorer says about one answer to the model that it asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Says {
    /// What is wanted of that model.
    pub operation: Operation,
    /// What is said in each call.
    pub calls: Vec<Vec<Message>>,
}

impl JobScorer {
    /// What it says about an answer; `None` where it asks no model, and where there is nothing to
    /// hold the answer against. `input` is what was asked, `output` is the answer, and `text` renders
    /// one of its texts.
    pub fn says(
        &self,
        input: &str,
        output: &str,
        text: impl Fn(usize) -> Result<String, TemplateFault>,
    ) -> Result<Option<Says>, TemplateFault> {
        match &self.how {
            How::Plain(_) | How::Command(_) => Ok(None),
            How::Judge { judge, texts, .. } => {
                let text = |nth: Option<usize>| nth.map(&text).transpose();
                let (rubric, reference) = (text(texts.rubric)?, text(texts.reference)?);
                let (prompt, system) = (text(texts.prompt)?, text(texts.system)?);
                if reference.as_ref().is_some_and(|reference| reference.trim().is_empty()) {
                    return Ok(None);
                }
                let brief = Brief {
                    rubric: rubric.as_deref().unwrap_or_default(),
                    reference: reference.as_deref(),
                    prompt: prompt.as_deref(),
                    system: system.as_deref(),
                    input,
                    output,
                };
                let calls = (0..judge.calls()).map(|nth| judge.ask(nth, &brief)).collect();
                Ok(Some(Says { operation: Operation::Chat, calls }))
            }
            How::Cosine { .. } => {
                let other = text(0)?;
                if other.trim().is_empty() || output.trim().is_empty() {
                    return Ok(None);
                }
                let calls = [output, &other].map(|text| vec![Message::text("user", text)]).into();
                Ok(Some(Says { operation: Operation::Embed, calls }))
            }
        }
    }

    /// The model that it asks.
    pub fn asked(&self) -> Option<&Asked> {
        match &self.how {
            How::Judge { asked, .. } | How::Cosine { asked, .. } => Some(asked),
            How::Plain(_) | How::Command(_) => None,
        }
    }

    /// How many calls one answer takes.
    pub fn calls(&self) -> u32 {
        match &self.how {
            How::Judge { judge, .. } => judge.calls(),
            // One for the answer, one for the text that it should be near.
            How::Cosine { .. } => 2,
            How::Plain(_) | How::Command(_) => 0,
        }
    }

    /// Whether its scores are there as soon as the answer is.
    pub fn is_plain(&self) -> bool {
        matches!(self.how, How::Plain(_))
    }
}

/// The scorers whose scores are there as soon as the answer is.
pub fn grader(scorers: &[JobScorer]) -> Grader {
    let mut grader = Grader::default();
    for scorer in scorers {
        if let How::Plain(plain) = &scorer.how {
            grader.add(&scorer.head.column, Arc::clone(plain), scorer.reach.clone());
        }
    }
    grader
}
