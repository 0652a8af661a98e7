//! `summary.md`: the summary for people and pull requests.
//!
//! What is to be known first stands first: the verdict, the gates, the models. Tables that are long
//! are folded, so that a comment below a pull request stays short.

mod scores;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use crate::store::beside::Beside;
use crate::store::error::StoreError;

use super::advice::advice;
use super::figures::{cost, count, millis, tokens};
use super::pace;
use super::ruling;
use super::summary::{Summary, Totals};
use super::{Report, Row};

/// A file of the run folder, and what it holds.
pub type FileNote = (&'static str, &'static str);

/// Tables of more lines than this are folded.
const FOLDED: usize = 12;

/// `summary.md` in the making.
#[derive(Debug)]
pub struct SummaryMarkdown {
    file: Beside,
    files: Vec<FileNote>,
}

impl SummaryMarkdown {
    /// Begins the report, which will link to these files.
    pub fn create(run: &Path, files: Vec<FileNote>) -> Result<Self, StoreError> {
        Ok(Self { file: Beside::create(run.join("summary.md"))?, files })
    }
}

impl Report for SummaryMarkdown {
    fn row(&mut self, _: &Row<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn finish(mut self: Box<Self>, summary: &Summary) -> Result<(), StoreError> {
        let text = markdown(summary, &self.files);
        let written = self.file.write_all(text.as_bytes());
        written.map_err(StoreError::io("write", self.file.place()))?;
        self.file.finish()
    }
}

/// The whole page. Where it stands elsewhere than beside the files, there are none to link to.
pub fn markdown(summary: &Summary, files: &[FileNote]) -> String {
    let mut page = format!("# {}\n\n", escape(&summary.job));
    let (mark, parts) = ruling::verdict(summary);
    line(&mut page, format_args!("{mark} **{}**\n\n{}", parts.join(" · "), headline(summary)));
    scores::gates(&mut page, summary);
    if !summary.by_model.is_empty() {
        models(&mut page, summary);
    }
    scores::scores(&mut page, summary);
    scores::comparisons(&mut page, summary);
    if !summary.errors.is_empty() {
        errors(&mut page, summary);
    }
    pace::table(&mut page, summary);
    if !files.is_empty() {
        page.push_str("\n## Files\n\n");
    }
    for (name, doc) in files {
        line(&mut page, format_args!("- [`{name}`]({name}): {doc}"));
    }
    line(&mut page, format_args!("\nRun `{}`.", summary.run));
    page
}

fn headline(summary: &Summary) -> String {
    let totals = &summary.totals;
    let tasks = summary.planned.unwrap_or(totals.tasks);
    let mut text = format!("{} of {} tasks answered", count(totals.ok), count(tasks));
    let others = [
        (totals.error, "failed"),
        (totals.skipped, "skipped"),
        (tasks.saturating_sub(totals.tasks), "not done"),
    ];
    for (number, what) in others.into_iter().filter(|(number, _)| *number > 0) {
        let _ = write!(text, ", {} {what}", count(number));
    }
    let _ = write!(text, "; {}", all_tokens(totals));
    let _ = write!(text, "; cost {}", cost(totals.cost_usd, totals.unpriced));
    if totals.invalid_answers > 0 {
        let _ = write!(text, "; {}", invalid(totals));
    }
    if let Some(wall) = summary.wall_ms {
        let _ = write!(text, "; in {}", millis(Some(wall)));
    }
    text.push('.');
    if totals.dropped > 0 {
        let dropped = count(totals.dropped);
        let _ =
            write!(text, " Tokens and cost include tasks that the job no longer asks: {dropped}.");
    }
    if summary.damaged.lines > 0 {
        let lines = count(summary.damaged.lines);
        let (noun, are) =
            if summary.damaged.lines == 1 { ("line", "is") } else { ("lines", "are") };
        let _ = write!(
            text,
            " {lines} {noun} of the journal {are} damaged, and what was told there is in no number."
        );
    }
    text
}

/// How many answers did not fit their schema, and what was made good.
fn invalid(totals: &Totals) -> String {
    let (answers, repairs) = (count(totals.invalid_answers), count(totals.repairs));
    let noun = if totals.invalid_answers == 1 { "answer" } else { "answers" };
    format!("{answers} {noun} did not fit the schema, {repairs} made good")
}

fn all_tokens(totals: &Totals) -> String {
    let sum = &totals.tokens;
    match (sum.total_tokens, sum.missing) {
        (None, _) => "tokens unknown".to_owned(),
        (Some(total), 0) => format!("{} tokens", count(total)),
        (Some(total), missing) => {
            format!("{} tokens + {} untold", count(total), count(missing))
        }
    }
}

fn models(page: &mut String, summary: &Summary) {
    let header = "\n| model | ok | failed | skipped | retries | tokens in | tokens out | cost | p50 | p95 |\n\
                  |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
    let lines: Vec<String> =
        summary.lines().iter().map(|(name, totals)| model_line(name, totals)).collect();
    table(page, header, &lines);
}

fn model_line(name: &str, totals: &Totals) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        escape(name),
        count(totals.ok),
        count(totals.error),
        count(totals.skipped),
        count(totals.retries),
        tokens(totals.tokens.prompt_tokens),
        tokens(totals.tokens.completion_tokens),
        cost(totals.cost_usd, totals.unpriced),
        millis(totals.latency_ms.p50),
        millis(totals.latency_ms.p95),
    )
}

fn errors(page: &mut String, summary: &Summary) {
    page.push_str("\n## Errors\n");
    let lines = summary.errors.iter().map(|error| {
        format!(
            "| {} | {} | {} | {} | {} |",
            error.kind,
            count(error.tasks),
            count(error.attempts),
            escape(&error.example),
            advice(error.kind),
        )
    });
    table(
        page,
        "\n| type | failed tasks | failed attempts | for example | what to do |\n\
         |---|--:|--:|---|---|\n",
        &lines.collect::<Vec<_>>(),
    );
}

/// A table; one of many lines is folded.
fn table(page: &mut String, header: &str, lines: &[String]) {
    let is_long = lines.len() > FOLDED;
    if is_long {
        line(
            page,
            format_args!("\n<details><summary>{} lines</summary>", count(lines.len() as u64)),
        );
    }
    page.push_str(header);
    for text in lines {
        line(page, format_args!("{text}"));
    }
    if is_long {
        page.push_str("\n</details>\n");
    }
}

pub(super) fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(page, "{text}");
}

/// Text from outside, so that it can neither end a cell nor become markup.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '!' | '&' | '@' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
