//! Where a key is found. Job files name the place and never hold the key.

mod program;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::provider::env::Env;
use crate::wire::secret::Secret;

/// How a provider is shown who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// With its key, where it has one.
    #[default]
    Key,
    /// With its key, and without one by a signature of Amazon's kind.
    Aws,
    /// With its key, and without one by a token of Microsoft Entra ID.
    Entra,
    /// With an access token of Google; its key is one, or the credentials that it is asked with.
    Google,
}

/// Where a provider's key is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// It needs none.
    None,
    /// The first of these variables that is set; without one the provider cannot be called.
    Env(Vec<String>),
    /// The first of these variables that is set; without one it is called without a key.
    OptionalEnv(Vec<String>),
    /// The content of a file.
    File(PathBuf),
    /// What a program prints; it is run without a shell.
    Command(Vec<String>),
}

/// Why a key was not found, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFault {
    /// What is missing or failed.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl KeySource {
    /// Finds the key; `Ok(None)` when the provider is called without one.
    pub fn find(&self, env: &Env) -> Result<Option<Secret>, KeyFault> {
        self.read(env)?.map(|found| self.sendable(found)).transpose()
    }

    /// What is found where the key is named, whatever it looks like.
    pub fn read(&self, env: &Env) -> Result<Option<Secret>, KeyFault> {
        match self {
            Self::None => Ok(None),
            Self::OptionalEnv(names) => Ok(env.secret(names)),
            Self::Env(names) => env.secret(names).ok_or_else(|| no_variable(names)).map(Some),
            Self::File(path) => self.read_file(path).map(Some),
            Self::Command(words) => self.run_command(words).map(Some),
        }
    }

    /// A key travels in a header, so it is one line of visible ASCII.
    pub fn sendable(&self, key: Secret) -> Result<Secret, KeyFault> {
        if key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(key);
        }
        let message = "no key: what was found is not one line of visible ASCII";
        Err(self.fault(message.to_owned()))
    }

    /// A fault of this place, with what to do about it.
    fn fault(&self, message: String) -> KeyFault {
        let help = match self {
            Self::None => "name a place in `api_key`".to_owned(),
            Self::Env(names) | Self::OptionalEnv(names) => {
                format!("look at what {} holds: a key is one word", quoted(names))
            }
            Self::File(path) => format!("put the key into `{}`, and nothing else", path.display()),
            Self::Command(_) => {
                "run the command by hand: it should print the key alone and end with status 0"
                    .to_owned()
            }
        };
        KeyFault { message, help }
    }

    fn read_file(&self, path: &Path) -> Result<Secret, KeyFault> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|why| self.fault(format!("no key: `{shown}` cannot be read: {why}")))?;
        match Secret::new(&text) {
            key if key.is_empty() => Err(self.fault(format!("no key: `{shown}` is empty"))),
            key => Ok(key),
        }
    }

    fn run_command(&self, words: &[String]) -> Result<Secret, KeyFault> {
        let shown = words.first().map_or("", String::as_str);
        let text = program::printed(words, program::PATIENCE)
            .map_err(|why| self.fault(format!("no key: {why}")))?;
        match Secret::new(&text) {
            key if key.is_empty() => Err(self.fault(format!("no key: `{shown}` printed nothing"))),
            key => Ok(key),
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or ")
}

fn no_variable(names: &[String]) -> KeyFault {
    let all = quoted(names);
    KeyFault {
        message: format!("no key: {all} is not set"),
        help: match names.first() {
            Some(first) => format!("export {first}=..., or write it into a .env file here"),
            None => "name a variable in `api_key = { env = \"...\" }`".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_key_comes_from_the_first_variable_that_is_set() {
        let env = Env::of([("B".to_owned(), "sk-b".to_owned()), ("A".to_owned(), " ".to_owned())]);
        let key = KeySource::Env(words("A B")).find(&env).expect("found").expect("there");
        assert_eq!(key.expose(), "sk-b");
        let fault = KeySource::Env(words("C D")).find(&env).expect_err("none is set");
        assert_eq!(fault.message, "no key: `C` or `D` is not set");
        assert_eq!(KeySource::OptionalEnv(words("C")).find(&env), Ok(None));
    }

    #[test]
    fn a_key_comes_from_what_a_program_prints_without_a_shell() {
        let find = |text| KeySource::Command(words(text)).find(&Env::of([]));
        assert_eq!(find("echo sk-1").expect("found").expect("there").expose(), "sk-1");
        assert!(find("echo $(whoami) two").expect_err("two words").message.contains("one line"));
        assert!(find("false").expect_err("status 1").message.contains("ended with"));
        assert!(find("true").expect_err("silent").message.contains("printed nothing"));
        assert!(find("no-such-program").expect_err("away").message.contains("cannot be run"));
    }

    #[test]
    fn a_key_comes_from_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let source = KeySource::File(path.clone());
        assert!(source.find(&Env::of([])).expect_err("no file").message.contains("cannot be read"));
        std::fs::write(&path, "sk-file\n").expect("written");
        let key = source.find(&Env::of([])).expect("found").expect("there");
        assert_eq!(key.expose(), "sk-file");
    }
}
