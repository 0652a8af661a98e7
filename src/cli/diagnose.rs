//! Draws diagnostics over the text they are about, as compilers do.
//!
//! Keys that a job file should not hold are covered before a line of it is drawn, and nothing in
//! a prompt file can steer the terminal.

use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Origin as PathOnly, Renderer, Snippet,
};

use crate::cli::exit::CliError;
use crate::cli::screen::Screen;
use crate::job::diagnostic::{DataSpot, Diagnostic, On, Place};
use crate::job::document::Document;
use crate::job::key_path::KeyPath;
use crate::job::node::{Data, Origin, Spot};
use crate::job::veil;

/// How the command line is called where a diagnostic is about an argument.
const ARGUMENTS: &str = "command line";

/// What stands before a `--set`'s key and value.
const SET: &str = "--set ";

/// Longer lines of prompt files are shown in part.
const LONGEST_LINE: usize = 400;

/// So many characters of a long line are shown on each side of the fault.
const AROUND: usize = 100;

/// All diagnostics over the text of their job, with a count below them, for stderr.
pub fn draw(document: &Document, diagnostics: &[Diagnostic], coloured: bool) -> String {
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    let covered = Covered {
        document,
        text: veil::cover_document(document),
        sets: (0..document.sets.len())
            .map(|nth| format!("{SET}{}", veil::cover_set(document, nth)))
            .collect(),
    };
    let mut drawn = String::new();
    for diagnostic in diagnostics {
        drawn.push_str(&renderer.render(&[covered.group(diagnostic)]));
        drawn.push_str("\n\n");
    }
    let count = diagnostics.len();
    let noun = if count == 1 { "fault" } else { "faults" };
    let summary = Level::ERROR.primary_title(format!("{count} {noun}; nothing was sent"));
    drawn.push_str(&renderer.render(&[Group::with_title(summary)]));
    drawn.push('\n');
    drawn
}

/// The error that these faults of a job are, drawn.
pub fn error(document: &Document, diagnostics: &[Diagnostic], screen: &Screen) -> CliError {
    CliError::Job(draw(document, diagnostics, screen.is_colored()))
}

/// A document whose keys are covered.
struct Covered<'d> {
    document: &'d Document,
    text: String,
    sets: Vec<String>,
}

/// A text to draw on, and the part of it that is meant.
struct Target<'c> {
    text: Cow<'c, str>,
    path: Cow<'c, str>,
    /// The number of the text's first line.
    first_line: usize,
    range: Range<usize>,
}

impl Covered<'_> {
    fn group<'c>(&'c self, diagnostic: &'c Diagnostic) -> Group<'c> {
        let title = Level::ERROR.primary_title(harmless(&diagnostic.message));
        let mut group = match self.target(&diagnostic.place) {
            Ok(target) => {
                let label = (!diagnostic.label.is_empty()).then(|| harmless(&diagnostic.label));
                let mark = AnnotationKind::Primary.span(target.range.clone()).label(label);
                let other = diagnostic
                    .also
                    .as_ref()
                    .and_then(|(place, label)| Some((self.target(place).ok()?, harmless(label))));
                match other {
                    Some((other, label))
                        if other.text == target.text && other.path == target.path =>
                    {
                        let marks = [mark, AnnotationKind::Context.span(other.range).label(label)];
                        title.element(snippet(target, marks))
                    }
                    Some((other, label)) => {
                        let range = other.range.clone();
                        let also = AnnotationKind::Context.span(range).label(label);
                        title.element(snippet(target, [mark])).element(snippet(other, [also]))
                    }
                    None => title.element(snippet(target, [mark])),
                }
            }
            Err(path) => title.element(PathOnly::path(path)),
        };
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(harmless(help)));
        }
        group
    }

    /// What to draw a place on; `Err` is a path alone.
    fn target<'c>(&'c self, place: &Place) -> Result<Target<'c>, String> {
        let mut target = self.unfitted(place)?;
        // A range comes from many hands, and the renderer panics at one that is not within the text.
        let start = floor(&target.text, target.range.start);
        let end = floor(&target.text, target.range.end.max(start));
        // A value of many lines is known by its first.
        let end = target.text[start..end].find('\n').map_or(end, |length| start + length);
        target.range = start..end;
        Ok(target)
    }

    fn unfitted<'c>(&'c self, place: &Place) -> Result<Target<'c>, String> {
        match place {
            Place::Key { path, on } => self.key(path, on),
            Place::Span(range) => Ok(self.in_file(range.clone())),
            Place::Argument { text, range } => Ok(Target {
                text: one_line(&veil::cover_text(text)).into(),
                path: ARGUMENTS.into(),
                first_line: 1,
                range: range.clone(),
            }),
            Place::Data(spot) if spot.text.is_empty() => {
                Err(format!("{}:{}", shown_path(&spot.file), spot.line))
            }
            Place::Data(spot) => Ok(in_data(spot)),
            Place::File(path) => Err(shown_path(&path.to_string_lossy())),
        }
    }

    fn key<'c>(&'c self, path: &KeyPath, on: &On) -> Result<Target<'c>, String> {
        let Some(located) = self.document.locate(path) else {
            return Err(shown_path(&self.document.name));
        };
        let spot = match on {
            On::Key => located.key,
            On::Value => located.value,
            On::Within(range) => self.within(path, &located.value, range).unwrap_or(located.value),
        };
        match spot.origin {
            Origin::File => Ok(self.in_file(spot.range)),
            Origin::Set(nth) => Ok(Target {
                text: one_line(&self.sets[nth]).into(),
                path: ARGUMENTS.into(),
                first_line: 1,
                range: spot.range.start + SET.len()..spot.range.end + SET.len(),
            }),
        }
    }

    /// A part of a text, where the text stands in the file as it is, without an escape before it.
    fn within(&self, path: &KeyPath, value: &Spot, range: &Range<usize>) -> Option<Spot> {
        let Data::Text(text) = &self.document.node(path)?.data else { return None };
        let source = match value.origin {
            Origin::File => &self.document.text,
            Origin::Set(nth) => &self.document.sets[nth],
        };
        let raw = source.get(value.range.clone())?;
        let quotes = ["\"\"\"", "'''", "\"", "'"];
        let quote = quotes.into_iter().find(|quote| raw.starts_with(quote)).map_or(0, str::len);
        let inner = &raw[quote..];
        let breaks = if quote == 3 { ["\r\n", "\n"] } else { ["", ""] };
        let skipped = breaks.into_iter().find(|end| inner.starts_with(end)).map_or(0, str::len);
        let as_it_is = inner[skipped..].get(..range.end) == text.get(..range.end);
        let start = value.range.start + quote + skipped;
        let range = start + range.start..start + range.end;
        (as_it_is && range.end <= value.range.end).then_some(Spot { origin: value.origin, range })
    }

    fn in_file(&self, range: Range<usize>) -> Target<'_> {
        Target {
            text: Cow::Borrowed(&self.text),
            path: shown_path(&self.document.name).into(),
            first_line: 1,
            range,
        }
    }
}

fn snippet<'c>(
    target: Target<'c>,
    marks: impl IntoIterator<Item = Annotation<'c>>,
) -> Snippet<'c, Annotation<'c>> {
    let text = match target.text {
        Cow::Borrowed(text) => visible(text),
        Cow::Owned(text) => Cow::Owned(visible(&text).into_owned()),
    };
    Snippet::source(text).path(target.path).line_start(target.first_line).annotations(marks)
}

/// A line of a prompt file. Of a long one only what is around the fault is shown; blanks stand in
/// for what is before it, so that the column stays.
fn in_data<'c>(spot: &DataSpot) -> Target<'c> {
    let from = spot.column.saturating_sub(1);
    let mut text = String::new();
    let (mut start, mut end) = (0, 0);
    let is_long = spot.text.len() > LONGEST_LINE;
    let upto = from + spot.length.min(AROUND);
    for (nth, character) in spot.text.chars().chain(std::iter::once(' ')).enumerate() {
        if nth == from {
            start = text.len();
        }
        if nth <= upto {
            end = text.len();
        }
        if is_long && nth > upto + AROUND {
            break;
        }
        let is_far = is_long && nth + AROUND < from;
        text.push(if is_far || matches!(character, '\n' | '\r') { ' ' } else { character });
    }
    let end = end.max(start);
    text.truncate(text.trim_end().len().max(end));
    Target {
        text: Cow::Owned(text),
        path: shown_path(&spot.file).into(),
        first_line: usize::try_from(spot.line).unwrap_or(usize::MAX),
        range: start..end,
    }
}

/// The same text with nothing in it that a terminal obeys. The renderer shows the control
/// characters of ASCII by their pictures; those of Latin 1 it does not know. Both take two bytes, so
/// every position stays.
fn visible(text: &str) -> Cow<'_, str> {
    if text.contains(is_c1) { text.replace(is_c1, "¿").into() } else { text.into() }
}

fn is_c1(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9f}')
}

/// Words of a message, without what looks like a key, and with a picture for every control character.
fn harmless(text: &str) -> String {
    let picture = |c: char| match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(' '),
        '\u{7f}' => '␡',
        c if is_c1(c) => '¿',
        c => c,
    };
    veil::cover_words(text).chars().map(picture).collect()
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn shown_path(path: &str) -> String {
    let escaped = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    path.chars().map(escaped).collect()
}

/// The nearest character boundary at or before a position, within the text.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;

    fn document() -> Document {
        let text = "name = \"x\"\r\n[a]\nkey = \"é{{ x }}\"\nb = \"\"\"\ntwo\nlines\"\"\"\n";
        Document::parse("jobs/x\u{1b}.toml", text, &["a.c=d\u{9b}1m".to_owned()]).0
    }

    fn place() -> impl Strategy<Value = Place> {
        let top = KeyPath::top().key("a");
        let paths = ["key", "b", "c", "nowhere"].map(|name| top.key(name));
        let on = prop_oneof![
            Just(On::Key),
            Just(On::Value),
            (0..12_usize, 0..12_usize)
                .prop_map(|(start, length)| On::Within(start..start + length)),
        ];
        let data = (0..3_u64, 0..600_usize, 0..600_usize, "[ -~é\\x00-\\x1f\u{9b}]{0,500}");
        prop_oneof![
            (prop::sample::select(paths.to_vec()), on)
                .prop_map(|(path, on)| Place::Key { path, on }),
            (0..90_usize, 0..90_usize).prop_map(|(start, end)| Place::Span(start..end.max(start))),
            data.prop_map(|(line, column, length, text)| {
                Place::Data(DataSpot { file: "p\u{7}.csv".into(), line, column, length, text })
            }),
            Just(Place::File(PathBuf::from("x\u{1b}[31m.csv"))),
            Just(Place::Key { path: KeyPath::top(), on: On::Key }),
        ]
    }

    proptest! {
        #[test]
        fn no_place_makes_it_panic_or_steers_the_terminal(
            places in prop::collection::vec((place(), prop::option::of(place())), 1..4),
            message in "[a-z\\x00-\\x1f\u{9b}]{0,20}",
        ) {
            let diagnostics: Vec<Diagnostic> = places
                .into_iter()
                .map(|(place, also)| {
                    let fault = Diagnostic::new(place, message.clone()).label(&*message).help(&*message);
                    match also {
                        Some(also) => fault.also(also, "the other"),
                        None => fault,
                    }
                })
                .collect();
            let drawn = draw(&document(), &diagnostics, false);
            prop_assert!(!drawn.contains(|c: char| c.is_control() && c != '\n'), "{drawn:?}");
        }
    }

    #[test]
    fn colour_is_only_there_when_asked_for() {
        let diagnostics = [Diagnostic::at_key(KeyPath::top().key("a").key("b"), "no")];
        assert!(!draw(&document(), &diagnostics, false).contains('\u{1b}'));
        assert!(draw(&document(), &diagnostics, true).contains('\u{1b}'));
    }
}
