//! What attempts are grouped by.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use super::Head;

/// One thing that attempts are grouped by; a column of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The UTC day on which it was sent: `2026-11-22`.
    Day,
    /// The ISO week of that day: `2026-W47`.
    Week,
    /// Its month: `2026-11`.
    Month,
    /// The job's name.
    Job,
    /// The run folder's name.
    Run,
    /// The provider that was asked.
    Provider,
    /// The model's label in the job.
    Model,
    /// `provider/model` that was asked.
    ModelUsed,
    /// The prompt set.
    Prompt,
    /// The matrix parameters.
    Variant,
    /// The value that the job has for this tag.
    Tag(String),
}

/// What begins the name of a tag.
const TAG: &str = "tag.";

/// A word that nothing is grouped by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAGroup;

impl By {
    /// All of them but the tags, by their names.
    pub const NAMES: &'static [(&'static str, Self)] = &[
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("job", Self::Job),
        ("run", Self::Run),
        ("provider", Self::Provider),
        ("model", Self::Model),
        ("model_used", Self::ModelUsed),
        ("prompt", Self::Prompt),
        ("variant", Self::Variant),
    ];

    /// The tag that it is, if it is one.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Tag(name) => Some(name),
            _ => None,
        }
    }

    /// The value of attempts with this head on this day; `None` where they have none.
    pub(super) fn value(
        &self,
        head: &Head,
        day: &str,
        tags: &HashMap<(i64, String), String>,
    ) -> Option<String> {
        match self {
            Self::Day => Some(day.to_owned()),
            Self::Week => Some(week(day)),
            Self::Month => Some(day.get(..7).unwrap_or(day).to_owned()),
            Self::Job => Some(head.job.clone()),
            Self::Run => Some(head.run.clone()),
            Self::Provider => Some(head.provider.clone()),
            Self::Model => Some(head.model.clone()),
            Self::ModelUsed => Some(head.model_used.clone()),
            Self::Prompt => Some(head.prompt.clone()),
            Self::Variant => head.variant.clone(),
            Self::Tag(name) => tags.get(&(head.run_id, name.clone())).cloned(),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Tag(name) = self {
            return write!(f, "{TAG}{name}");
        }
        let name = Self::NAMES.iter().find(|(_, by)| by == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for By {
    type Err = NotAGroup;

    fn from_str(text: &str) -> Result<Self, NotAGroup> {
        if let Some(name) = text.strip_prefix(TAG).filter(|name| !name.is_empty()) {
            return Ok(Self::Tag(name.to_owned()));
        }
        let known = Self::NAMES.iter().find(|(name, _)| *name == text);
        known.map(|(_, by)| by.clone()).ok_or(NotAGroup)
    }
}

/// The ISO week of a day; the day itself where it is none.
fn week(day: &str) -> String {
    let Ok(date) = day.parse::<Date>() else { return day.to_owned() };
    let week = date.iso_week_date();
    format!("{:04}-W{:02}", week.year(), week.week())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        let names = By::NAMES.iter().map(|(name, _)| *name);
        for name in names.chain(["tag.team", "tag.a.b"]) {
            assert_eq!(name.parse::<By>().unwrap().to_string(), name);
        }
        for word in ["", "tag.", "tag", "Day", "cost"] {
            assert_eq!(word.parse::<By>(), Err(NotAGroup), "{word}");
        }
    }

    #[test]
    fn weeks_are_those_of_iso_8601() {
        for (day, expected) in
            [("2026-11-22", "2026-W47"), ("2027-01-03", "2026-W53"), ("2024-12-30", "2025-W01")]
        {
            assert_eq!(week(day), expected);
        }
    }
}
