//! Scorers: their columns, whose answers they score, the texts they take from rows, and whom they
//! ask.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::call::metric::BUILT_IN;
use crate::call::request::Operation;
use crate::call::score::ScorerHead;
use crate::eval::grader::Reach;
use crate::eval::judge::{Grades, Judge};
use crate::eval::spec::{Files, SpecFault, Step};
use crate::eval::table::ScorerSpec;
use crate::job::check::Check;
use crate::job::check::asked::Wanted;
use crate::job::check::models::Models;
use crate::job::check::prompts::Prompts;
use crate::job::check::providers::Providers;
use crate::job::diagnostic::Diagnostic;
use crate::job::file::{JobFile, ModelFile};
use crate::job::file_scorers::{
    CommandFile, CosineFile, EmbeddingPriceFile, JudgeFile, ScorerFile,
};
use crate::job::key_path::KeyPath;
use crate::job::prompts::ExpectedText;
use crate::job::scorers::{How, JobScorer, JudgeTexts, Program};
use crate::job::words;
use crate::report::columns::RESPONSES;

/// How long a program may take, where the job does not say.
const PATIENCE: Duration = Duration::from_secs(30);

/// The grades of a judge, where the job states none.
const USUAL_SCALE: (i64, i64) = (1, 10);

/// What the scorers of a job may name.
pub struct Around<'c> {
    /// The job as it was written.
    pub file: &'c JobFile,
    /// The labels of its models.
    pub labels: Vec<&'c str>,
    /// Its models, and the lanes.
    pub models: &'c mut Models,
    /// Its providers.
    pub providers: &'c mut Providers,
    prompts: &'c mut Prompts,
}

/// A scorer on its way to one that was checked.
struct Stated<'f> {
    column: &'f str,
    kind: &'static str,
    path: KeyPath,
    weight: Option<f64>,
    prompts: Option<&'f [String]>,
    models: Option<&'f [String]>,
    /// Its texts, each with its key and whether it sees the answer.
    texts: Vec<(KeyPath, &'f str, bool)>,
    /// Whether it takes more of a row than its texts.
    takes_columns: bool,
}

impl Check<'_> {
    /// All scorers. Their texts are given to the prompt sets that they score.
    pub fn scorers(
        &mut self,
        file: &JobFile,
        models: &mut Models,
        providers: &mut Providers,
        prompts: &mut Prompts,
    ) -> Vec<JobScorer> {
        let labels = file.models.iter().flatten().filter_map(ModelFile::name).collect();
        let mut around = Around { file, labels, models, providers, prompts };
        let mut scorers = Vec::new();
        for (column, scorer) in &file.scorers.0 {
            self.column(column);
            let path = KeyPath::top().key("scorers").key(column);
            let found = match scorer {
                ScorerFile::Unknown => continue,
                ScorerFile::Several(kinds) => {
                    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
                    let message = format!("a scorer is of one kind, not {}", words::all(&kinds));
                    let help = "give each a column of its own: [scorers.<column>.<kind>]";
                    self.faults.push(Diagnostic::at_key(path, message).help(help));
                    continue;
                }
                ScorerFile::Plain(spec) => self.plain(column, spec, &path, &mut around),
                ScorerFile::Judge(judge) => {
                    self.judge(column, judge, &path.key("judge"), &mut around)
                }
                ScorerFile::Cosine(cosine) => {
                    self.cosine(column, cosine, &path.key("cosine"), &mut around)
                }
                ScorerFile::Command(command) => {
                    self.command(column, command, &path.key("command"), &mut around)
                }
            };
            scorers.extend(found);
        }
        scorers
    }

    fn column(&mut self, column: &str) {
        let is_ours = |name: &str| RESPONSES.iter().any(|known| known.name == name);
        let (why, help) = if column.trim().is_empty() || column.chars().any(char::is_control) {
            ("a scorer needs a name that can be shown", "such as [scorers.right.equals]")
        } else if is_ours(column) {
            ("`responses.csv` has a column of this name", "call the scorer otherwise")
        } else if BUILT_IN.contains(&column) {
            ("gates know a metric of this name", "call the scorer otherwise")
        } else {
            return;
        };
        let path = KeyPath::top().key("scorers").key(column);
        self.faults.push(Diagnostic::at_key(path, why).help(help));
    }

    fn plain(
        &mut self,
        column: &str,
        spec: &ScorerSpec,
        path: &KeyPath,
        around: &mut Around<'_>,
    ) -> Option<JobScorer> {
        let path = path.key(spec.kind());
        let scorer = spec.scorer(&Folder(self.folder()));
        let scorer = scorer.map_err(|fault| self.spec_fault(fault, &path)).ok();
        let common = spec.common();
        let texts = spec.texts();
        let texts = texts.iter().map(|text| (below(&path, &text.at), text.text, false)).collect();
        let stated = Stated {
            column,
            kind: spec.kind(),
            path,
            weight: common.weight,
            prompts: common.prompts,
            models: common.models,
            texts,
            takes_columns: false,
        };
        self.made(&stated, scorer.map(|scorer| How::Plain(scorer.into())), around)
    }

    fn spec_fault(&mut self, fault: SpecFault, path: &KeyPath) {
        let at = below(path, &fault.at);
        let diagnostic = match fault.at.is_empty() {
            true => Diagnostic::at_key(at, fault.message),
            false => Diagnostic::at_value(at, fault.message),
        };
        self.faults.push(diagnostic.help(fault.help));
    }

    fn judge(
        &mut self,
        column: &str,
        file: &JudgeFile,
        path: &KeyPath,
        around: &mut Around<'_>,
    ) -> Option<JobScorer> {
        let wanted = Wanted {
            operation: Operation::Chat,
            label: format!("judge {column}"),
            model: file.model.as_deref(),
            params: &file.params,
            price: file.price.as_ref(),
            limits: &file.limits,
        };
        let asked = self.asked(&wanted, path, around);
        let grades = self.grades(file, path);
        let (mut texts, mut places) = (Vec::new(), JudgeTexts::default());
        for (key, text, place) in [
            ("rubric", &file.rubric, &mut places.rubric),
            ("reference", &file.reference, &mut places.reference),
            ("prompt", &file.prompt, &mut places.prompt),
            ("system", &file.system, &mut places.system),
        ] {
            if let Some(text) = text.as_deref() {
                *place = Some(texts.len());
                texts.push((path.key(key), text, true));
            }
        }
        let judge = Judge {
            grades: grades?,
            votes: file.votes.unwrap_or(1) as u32,
            swap: file.swap.unwrap_or(false),
            threshold: file.threshold,
        };
        let stated = Stated {
            column,
            kind: "judge",
            path: path.clone(),
            weight: file.weight,
            prompts: file.prompts.as_deref(),
            models: file.models.as_deref(),
            texts,
            takes_columns: true,
        };
        let how = asked.map(|asked| How::Judge { judge, texts: places, asked });
        self.made(&stated, how, around)
    }

    fn grades(&mut self, file: &JudgeFile, path: &KeyPath) -> Option<Grades> {
        let is_comparison = file.reference.is_some();
        let clashes = [
            (
                is_comparison && file.prompt.is_some(),
                "prompt",
                "`prompt` replaces the comparison with `reference`",
                "name the column in `prompt`, or leave one of them away",
            ),
            (
                is_comparison && file.scale.is_some(),
                "scale",
                "with `reference` the judge compares, and gives no grade",
                "leave `scale` away, or `reference`",
            ),
            (
                is_comparison && file.choices.is_some(),
                "choices",
                "with `reference` the judge compares, and gives no grade",
                "leave `choices` away, or `reference`",
            ),
            (
                file.scale.is_some() && file.choices.is_some(),
                "choices",
                "grades are numbers or names, not both",
                "leave `scale` or `choices` away",
            ),
            (
                !is_comparison && file.swap == Some(true),
                "swap",
                "there is nothing to swap: the judge sees one answer",
                "add `reference`, or leave `swap` away",
            ),
        ];
        let before = self.faults.len();
        for (_, key, message, help) in clashes.into_iter().filter(|(clashes, ..)| *clashes) {
            self.faults.push(Diagnostic::at_key(path.key(key), message).help(help));
        }
        if self.faults.len() > before {
            return None;
        }
        if is_comparison {
            return Some(Grades::Comparison);
        }
        if let Some(choices) = &file.choices {
            let is_wrong = |(_, value): &&(String, f64)| !(0.0..=1.0).contains(value);
            let wrong = choices.0.iter().find(is_wrong);
            let (at, message) = match wrong {
                Some((name, _)) => (path.key("choices").key(name), "the value is not from 0 to 1"),
                None if choices.0.len() < 2 => (path.key("choices"), "there is nothing to choose"),
                None => return Some(Grades::Choices(choices.0.clone())),
            };
            let help = "name each grade with its value: { good = 1, fair = 0.5, poor = 0 }";
            self.faults.push(Diagnostic::at_value(at, message).help(help));
            return None;
        }
        match file.scale.as_deref() {
            None => Some(Grades::Scale { low: USUAL_SCALE.0, high: USUAL_SCALE.1 }),
            Some([low, high]) if low < high => Some(Grades::Scale { low: *low, high: *high }),
            Some(_) => {
                let fault = Diagnostic::at_value(path.key("scale"), "this is no scale");
                self.faults.push(fault.help("write the lowest and the highest grade: [1, 10]"));
                None
            }
        }
    }

    fn cosine(
        &mut self,
        column: &str,
        file: &CosineFile,
        path: &KeyPath,
        around: &mut Around<'_>,
    ) -> Option<JobScorer> {
        let price = file.price.as_ref().map(EmbeddingPriceFile::whole);
        let wanted = Wanted {
            operation: Operation::Embed,
            label: format!("cosine {column}"),
            model: file.model.as_deref(),
            params: &file.params,
            price: price.as_ref(),
            limits: &file.limits,
        };
        let asked = self.asked(&wanted, path, around);
        let texts = file.value.as_deref().map(|text| (path.key("value"), text, false));
        let stated = Stated {
            column,
            kind: "cosine",
            path: path.clone(),
            weight: file.weight,
            prompts: file.prompts.as_deref(),
            models: file.models.as_deref(),
            texts: texts.into_iter().collect(),
            takes_columns: false,
        };
        let how = asked.map(|asked| How::Cosine { threshold: file.threshold, asked });
        self.made(&stated, how, around)
    }

    fn command(
        &mut self,
        column: &str,
        file: &CommandFile,
        path: &KeyPath,
        around: &mut Around<'_>,
    ) -> Option<JobScorer> {
        let command = file.command.clone().unwrap_or_default();
        if command.first().is_some_and(|program| program.trim().is_empty()) {
            let fault = Diagnostic::at_value(path.key("command"), "there is no program to start");
            self.faults
                .push(fault.help("write it as a list: command = [\"python3\", \"score.py\"]"));
        }
        let timeout = self.duration(file.timeout.as_deref(), &path.key("timeout"));
        let texts = file.value.as_deref().map(|text| (path.key("value"), text, false));
        let program = Program {
            command,
            timeout: timeout.unwrap_or(PATIENCE),
            threshold: file.threshold,
            expects: file.value.is_some(),
        };
        let stated = Stated {
            column,
            kind: "command",
            path: path.clone(),
            weight: file.weight,
            prompts: file.prompts.as_deref(),
            models: file.models.as_deref(),
            texts: texts.into_iter().collect(),
            takes_columns: true,
        };
        self.made(&stated, Some(How::Command(program)), around)
    }

    /// The scorer, with its texts among those of the sets that it scores.
    fn made(
        &mut self,
        stated: &Stated<'_>,
        how: Option<How>,
        around: &mut Around<'_>,
    ) -> Option<JobScorer> {
        let path = &stated.path;
        let names = around.prompts.names.clone();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let sets = self.named(stated.prompts, &names, "prompt set", &path.key("prompts"));
        let labels = &around.labels;
        let models = self.named(stated.models, labels, "model", &path.key("models"));
        let mut templates = Vec::new();
        for (path, text, sees_answer) in &stated.texts {
            let template = self.template(Some(text), path)?;
            templates.push(ExpectedText {
                path: path.clone(),
                template,
                sees_answer: *sees_answer,
            });
        }
        let mut reach = Reach {
            models: models.map(|models| models.into_iter().map(Into::into).collect()),
            ..Reach::default()
        };
        for set in &mut around.prompts.sets {
            if sets.as_ref().is_some_and(|sets| !sets.iter().any(|name| **name == *set.name)) {
                continue;
            }
            let first = set.expected.len();
            Arc::make_mut(&mut set.expected).extend(templates.iter().cloned());
            reach.sets.insert(Arc::clone(&set.name), first..set.expected.len());
            set.keeps_columns |= stated.takes_columns;
        }
        let how = how?;
        let asks_model = matches!(how, How::Judge { .. } | How::Cosine { .. });
        let head = ScorerHead {
            column: stated.column.to_owned(),
            kind: stated.kind.to_owned(),
            weight: stated.weight.unwrap_or(1.0),
            asks_model,
        };
        Some(JobScorer { head, reach, how })
    }
}

/// The place of a key below the table of a kind.
fn below(path: &KeyPath, steps: &[Step]) -> KeyPath {
    steps.iter().fold(path.clone(), |path, step| match step {
        Step::Key(name) => path.key(name),
        Step::Index(nth) => path.index(*nth),
    })
}

/// The folder of the job, from which scorers read files.
struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, String> {
        let full = self.0.join(path);
        std::fs::read_to_string(&full).map_err(|why| format!("`{}`: {why}", full.display()))
    }
}
