//! Gates: what they measure, of whom, and the bound.

use crate::call::gate::{Gate, Since};
use crate::call::metric::{BUILT_IN, Metric};
use crate::job::check::Check;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{JobFile, ModelFile};
use crate::job::file_scorers::GateFile;
use crate::job::key_path::KeyPath;
use crate::job::words;

/// How sure a gate has to be that a metric moved, where it does not say.
const CONFIDENCE: f64 = 0.95;

/// Something is at fault, and was told.
struct Told;

impl Check<'_> {
    /// All gates. `sets` are the names of the prompt sets.
    pub fn gates(&mut self, file: &JobFile, sets: &[String]) -> Vec<Gate> {
        let columns: Vec<&str> = file.scorers.0.iter().map(|(column, _)| &**column).collect();
        let labels: Vec<&str> = file.models.iter().flatten().filter_map(ModelFile::name).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let mut checked = Vec::new();
        for (nth, file) in file.gates.iter().enumerate() {
            let path = KeyPath::top().key("gates").index(nth);
            let models = self.named(file.models.as_deref(), &labels, "model", &path.key("models"));
            let prompts =
                self.named(file.prompts.as_deref(), &sets, "prompt set", &path.key("prompts"));
            let metric = self.metric(file.metric.as_deref(), &columns, &path);
            let Some(metric) = metric else { continue };
            let Ok(since) = self.bounds(file, &metric, &path) else { continue };
            checked.push(Gate {
                metric,
                per: file.per.unwrap_or_default(),
                min: file.min,
                max: file.max,
                since,
                models: models.unwrap_or_default(),
                prompts: prompts.unwrap_or_default(),
                errors: file.errors.unwrap_or_default(),
            });
        }
        checked
    }

    /// The names that fit these, which may be globs; `None` where none is stated.
    pub fn named(
        &mut self,
        stated: Option<&[String]>,
        known: &[&str],
        noun: &str,
        path: &KeyPath,
    ) -> Option<Vec<String>> {
        let mut found: Vec<String> = Vec::new();
        for (nth, text) in stated?.iter().enumerate() {
            let at = path.index(nth);
            let pattern = match glob::Pattern::new(text) {
                Ok(pattern) => pattern,
                Err(why) => {
                    let fault = Diagnostic::at_value(at, format!("this is no glob: {}", why.msg));
                    self.faults
                        .push(fault.help("a `*` stands for anything, `?` for one character"));
                    continue;
                }
            };
            // A label may hold what a glob takes for a sign.
            let fits = |name: &&&str| ***name == **text || pattern.matches(name);
            let fitting: Vec<&&str> = known.iter().filter(fits).collect();
            if fitting.is_empty() {
                let message = format!("no {noun} is called `{}`", text.escape_debug());
                let help = words::suggestion(text, known, "there is");
                self.missing.push(Diagnostic::at_value(at, message).help(help));
            }
            for name in fitting {
                if !found.iter().any(|other| other == name) {
                    found.push((*name).to_owned());
                }
            }
        }
        Some(found)
    }

    fn metric(&mut self, name: Option<&str>, columns: &[&str], path: &KeyPath) -> Option<Metric> {
        let name = name?;
        match Metric::named(name, columns) {
            Ok(metric) => Some(metric),
            Err(why) => {
                let known: Vec<&str> =
                    columns.iter().copied().chain(BUILT_IN.iter().copied()).collect();
                let help = match words::did_you_mean(name, known.iter().copied()) {
                    Some(question) => question,
                    None if columns.is_empty() => {
                        format!("this job has no scorers; there is {}", words::all(BUILT_IN))
                    }
                    None => format!("there is {}", words::all(&known)),
                };
                let fault = Diagnostic::at_value(path.key("metric"), why.to_string()).help(help);
                self.missing.push(fault);
                None
            }
        }
    }

    /// What the gate looks at in another run.
    fn bounds(
        &mut self,
        file: &GateFile,
        metric: &Metric,
        path: &KeyPath,
    ) -> Result<Option<Since>, Told> {
        if let (Some(min), Some(max)) = (file.min, file.max)
            && min > max
        {
            let message = "`min` is above `max`, so nothing can be between them";
            let other = Place::Key { path: path.key("max"), on: On::Value };
            let fault = Diagnostic::at_value(path.key("min"), message).also(other, "the other");
            self.faults.push(fault.help("mend one of them"));
            return Err(Told);
        }
        let since = self.since(file, metric, path)?;
        let is_bounded = file.min.is_some() || file.max.is_some();
        let (message, help) = match (&since, is_bounded) {
            (Some(_), true) => (
                "a gate has bounds of its own or a baseline, not both",
                "make two gates of it: one with `min` or `max`, one with `baseline`",
            ),
            (None, false) => (
                "the gate has no bound",
                "state `min` or `max`; or `baseline` with `max_drop` or `max_rise`",
            ),
            _ => return Ok(since),
        };
        self.faults.push(Diagnostic::at_key(path.clone(), message).help(help));
        Err(Told)
    }

    /// The bound against another run.
    fn since(
        &mut self,
        file: &GateFile,
        metric: &Metric,
        path: &KeyPath,
    ) -> Result<Option<Since>, Told> {
        let (key, slack, other) = match metric.is_better_high() {
            true => ("max_drop", file.max_drop, ("max_rise", file.max_rise)),
            false => ("max_rise", file.max_rise, ("max_drop", file.max_drop)),
        };
        let fault = |at: &str, message: String, help: String| {
            Diagnostic::at_key(path.key(at), message).help(help)
        };
        if other.1.is_some() {
            let better = if metric.is_better_high() { "more" } else { "less" };
            let message = format!("of `{metric}` {better} is better, so this bounds nothing bad");
            self.faults.push(fault(other.0, message, format!("state `{key}`")));
            return Err(Told);
        }
        let Some(baseline) = &file.baseline else {
            let stated = [(key, slack.is_some()), ("confidence", file.confidence.is_some())];
            let Some((key, _)) = stated.into_iter().find(|(_, stated)| *stated) else {
                return Ok(None);
            };
            let message = format!("`{key}` is about another run, and none is named");
            let help = "add baseline = \"pinned\", \"previous\", \"latest~3\" or a run folder";
            self.faults.push(fault(key, message, help.to_owned()));
            return Err(Told);
        };
        if slack.is_some_and(|slack| slack.amount.is_nan()) {
            let fault = Diagnostic::at_value(path.key(key), "this is neither a number nor a share");
            self.faults.push(fault.help("write 0 for not at all, 0.02, or \"5%\""));
            return Err(Told);
        }
        let Some(slack) = slack else {
            let message = format!("how far `{metric}` may move is not said");
            let help = format!("add `{key}`: 0 for not at all, 0.02, or \"5%\"");
            self.faults.push(fault("baseline", message, help));
            return Err(Told);
        };
        let usual = metric.has_interval().then_some(CONFIDENCE);
        Ok(Some(Since {
            baseline: baseline.clone(),
            slack: slack.amount,
            is_relative: slack.is_relative,
            confidence: file.confidence.or(usual),
        }))
    }
}
