//! What every kind of scorer in a job file is: keys of its own, three that all share, and the way
//! from there to a scorer.

use std::borrow::Cow;

use crate::call::score::Score;

use super::{Case, Scorer};

/// A kind of scorer as a job states it.
pub(super) trait Spec: Shared {
    /// Every text that is a template over the columns of a row, in the order of `Case::texts`.
    fn texts(&self) -> Vec<Text<'_>>;

    /// The scorer, once all is checked that can be checked before a row is known.
    fn scorer(&self, files: &dyn Files) -> Result<Box<dyn Scorer>, SpecFault>;
}

/// The keys that all kinds share.
pub(super) trait Shared {
    /// What they hold.
    fn common(&self) -> Common<'_>;
}

/// What every scorer can state, whatever its kind.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    /// How much it counts in a weighted overall score.
    pub weight: Option<f64>,
    /// The prompt sets it scores, as names or globs; all when `None`.
    pub prompts: Option<&'a [String]>,
    /// The labels of the models it scores, as names or globs; all when `None`.
    pub models: Option<&'a [String]>,
}

/// One step below the table of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into a table.
    Key(Cow<'static, str>),
    /// Into a list, from 0.
    Index(usize),
}

/// The way to a key.
pub(super) fn key(name: &'static str) -> Vec<Step> {
    vec![Step::Key(Cow::Borrowed(name))]
}

/// A text of a job that is a template over the columns of a row.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    /// Where it stands below the table of its kind.
    pub at: Vec<Step>,
    /// The template; often a text without any variable.
    pub text: &'a str,
}

impl<'a> Text<'a> {
    /// The text of a key.
    pub(super) fn of(name: &'static str, text: &'a str) -> Self {
        Self { at: key(name), text }
    }

    /// The texts of a key that holds a list.
    pub(super) fn all(name: &'static str, texts: &'a [String]) -> impl Iterator<Item = Self> {
        texts.iter().enumerate().map(move |(nth, text)| {
            let at = vec![Step::Key(Cow::Borrowed(name)), Step::Index(nth)];
            Self { at, text }
        })
    }

    /// Whether it depends on the row, so that it cannot be checked before a row is known.
    pub fn is_template(&self) -> bool {
        is_template(self.text)
    }

    /// A fault where nothing stands that any row could change.
    pub(super) fn not_blank(&self) -> Result<(), SpecFault> {
        if !self.text.trim().is_empty() {
            return Ok(());
        }
        let help = "state what an answer is held against: a text, or a column such as \
                    \"{{ answer }}\"";
        Err(SpecFault {
            at: self.at.clone(),
            message: "the text is empty".to_owned(),
            help: help.to_owned(),
        })
    }
}

/// Whether a text depends on the row.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|open| text.contains(open))
}

/// What is wrong about a scorer as a job states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecFault {
    /// Where, below the table of its kind; empty for that table itself.
    pub at: Vec<Step>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl SpecFault {
    /// A fault of one key; of the kind's table itself where `name` is empty.
    pub(super) fn at(
        name: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let at = if name.is_empty() { Vec::new() } else { key(name) };
        Self { at, message: message.into(), help: help.into() }
    }
}

/// Where scorers read the files that a job names.
pub trait Files {
    /// The text of a file, or why it cannot be read.
    fn read(&self, path: &str) -> Result<String, String>;
}

/// The text that a scorer asked for, rendered for the row.
pub(super) fn rendered<'c>(case: &Case<'c>, nth: usize) -> Result<&'c str, Score> {
    case.texts.get(nth).map(String::as_str).ok_or_else(unrendered)
}

/// The score where fewer texts were handed in than were asked for.
pub(super) fn unrendered() -> Score {
    Score::broken("its texts were not rendered; please report this")
}

/// The text that a scorer asked for, where the row has one: an empty text expects nothing.
pub(super) fn expected<'c>(case: &Case<'c>, nth: usize, name: &str) -> Result<&'c str, Score> {
    let text = rendered(case, nth)?.trim();
    if text.is_empty() { Err(nothing_expected(name)) } else { Ok(text) }
}

/// The score of a row that states nothing to hold the answer against.
pub(super) fn nothing_expected(name: &str) -> Score {
    Score::skipped(format!("`{name}` is empty for this row: there is nothing to compare with"))
}

/// The score of a graded kind: it passes from its threshold on, where one is stated.
pub(super) fn graded(value: f64, threshold: Option<f64>) -> Score {
    /// A threshold of 0.8 is met by four of five, whatever the last bit of a division says.
    const HAIR: f64 = 1e-9;
    Score::of(value, threshold.map(|threshold| value + HAIR >= threshold))
}

/// The table of a kind: its own keys and those that all kinds share.
macro_rules! scorer_spec {
    (
        $(#[$about:meta])*
        pub struct $name:ident { $($(#[$doc:meta])* pub $key:ident: $value:ty,)* }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$doc])* pub $key: $value,)*
            /// How much it counts in the overall score, against the weights of the other scorers.
            #[schemars(range(min = 0))]
            pub weight: Option<f64>,
            /// The prompt sets whose answers it scores, by name or by a glob such as `math-*`; all
            /// of them when left out.
            #[schemars(length(min = 1))]
            pub prompts: Option<Vec<String>>,
            /// The models whose answers it scores, by label or by a glob such as `gpt-*`; all of
            /// them when left out.
            #[schemars(length(min = 1))]
            pub models: Option<Vec<String>>,
        }

        impl $crate::eval::spec::Shared for $name {
            fn common(&self) -> $crate::eval::spec::Common<'_> {
                $crate::eval::spec::Common {
                    weight: self.weight,
                    prompts: self.prompts.as_deref(),
                    models: self.models.as_deref(),
                }
            }
        }
    };
}
pub(super) use scorer_spec;
