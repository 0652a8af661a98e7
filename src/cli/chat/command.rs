//! What a line of the talk says: a message, or one of the commands.

use crate::cli::exit::CliError;
use crate::provider::names::nearest;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is blank.
    Nothing,
    /// It is for the model.
    Message(String),
    /// It is for us.
    Command(Command),
}

/// A command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Lists them.
    Help,
    /// Goes on with another model; without a name, tells which one it is.
    Model(Option<String>),
    /// Sets the system message, or takes it out.
    System(Option<String>),
    /// Writes the talk into a file.
    Save(String),
    /// Tells what was spent.
    Cost,
    /// Forgets the talk.
    Reset,
    /// Leaves.
    Exit,
}

/// Each command with its argument and what it does.
const COMMANDS: &[(&str, &str, &str)] = &[
    ("/help", "", "this list"),
    ("/model", "NAME", "go on with another model; the talk stays"),
    ("/system", "TEXT", "set the system message; without TEXT, take it out"),
    ("/save", "FILE", "write the talk: JSON messages, or Markdown when FILE ends in .md"),
    ("/cost", "", "tokens and cost so far, by model"),
    ("/reset", "", "forget the talk"),
    ("/exit", "", "leave; so does Ctrl-D"),
];

/// The commands' names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|(name, ..)| *name)
}

/// What `/help` prints.
pub(super) fn help() -> String {
    let line = |(name, argument, what): &(&str, &str, &str)| {
        let call = format!("{name} {argument}");
        format!("{call:14} {what}\n")
    };
    let list: String = COMMANDS.iter().map(line).collect();
    list + BESIDE
}

/// What else there is to know.
const BESIDE: &str = "\
A line that ends in \\ goes on with the next one; between \"\"\" and \"\"\" a text may have any lines.
A message that begins with a slash: write two. Ctrl-C stops an answer.";

/// Reads a line.
pub(super) fn read(text: &str) -> Result<Said, CliError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Said::Nothing);
    }
    let Some(rest) = text.strip_prefix('/') else { return Ok(Said::Message(text.to_owned())) };
    if rest.starts_with('/') {
        return Ok(Said::Message(rest.to_owned()));
    }
    let (word, argument) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
    let argument = Some(argument.trim().to_owned()).filter(|argument| !argument.is_empty());
    let command = match (word, argument) {
        ("/model", name) => Command::Model(name),
        ("/system", text) => Command::System(text),
        ("/save", Some(path)) => Command::Save(path),
        ("/save", None) => {
            return Err(CliError::usage("`/save` wants a file", "such as /save talk.md"));
        }
        ("/help", None) => Command::Help,
        ("/cost", None) => Command::Cost,
        ("/reset", None) => Command::Reset,
        ("/exit", None) => Command::Exit,
        (word, Some(_)) if names().any(|name| name == word) => {
            return Err(CliError::usage(format!("`{word}` takes nothing after it"), word));
        }
        (word, _) => return Err(unknown(word)),
    };
    Ok(Said::Command(command))
}

fn unknown(word: &str) -> CliError {
    let help = match nearest(word, names(), 1).first() {
        Some(near) => format!("did you mean `{near}`? to send a text with a slash, write two"),
        None => "/help lists the commands; to send a text with a slash, write two".to_owned(),
    };
    CliError::usage(format!("no command is called `{word}`"), help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_message_or_a_command() {
        let message = |text: &str| Said::Message(text.to_owned());
        for (text, said) in [
            (" \t", Said::Nothing),
            ("hi /there", message("hi /there")),
            (" /model x", message(" /model x")),
            ("//etc", message("/etc")),
            ("/model  a/b ", Said::Command(Command::Model(Some("a/b".to_owned())))),
            ("/model", Said::Command(Command::Model(None))),
            ("/system be\nshort", Said::Command(Command::System(Some("be\nshort".to_owned())))),
            ("/system", Said::Command(Command::System(None))),
            ("/save a b.md", Said::Command(Command::Save("a b.md".to_owned()))),
            ("/exit ", Said::Command(Command::Exit)),
        ] {
            assert_eq!(read(text).expect(text), said, "{text:?}");
        }
    }

    #[test]
    fn a_slip_is_told_with_what_was_meant() {
        let told = |text| match read(text) {
            Err(CliError::Usage { message, help }) => format!("{message}; {help}"),
            other => panic!("{text}: {other:?}"),
        };
        assert!(told("/modle x").contains("did you mean `/model`?"), "{}", told("/modle x"));
        assert!(told("/save").contains("/save talk.md"));
        assert!(told("/cost all").contains("takes nothing"));
        assert!(told("/zzz").contains("/help"));
    }
}
