//! The environment: what is set, and below it what a `.env` file says.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::wire::secret::Secret;

/// No `.env` file of variables is larger.
const LARGEST: u64 = 1 << 20;

/// Variables by name. A value from `.env` never overrides one that is set.
#[derive(Clone, Default)]
pub struct Env {
    file: HashMap<String, String>,
    ignores_process: bool,
}

/// A `.env` file that cannot be read; never with its content.
#[derive(Debug, thiserror::Error)]
#[error("read `{path}`: {why}")]
pub struct EnvFileError {
    /// The file.
    pub path: String,
    /// What is wrong, without any value.
    pub why: String,
}

impl Env {
    /// The process's environment, with the `.env` of `folder` below it where there is one. What has
    /// this name and is no file, such as the folder of a virtual environment, is let be.
    pub fn load(folder: &Path) -> Result<Self, EnvFileError> {
        let path = folder.join(".env");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let fault =
            |why: &str| EnvFileError { path: path.display().to_string(), why: why.to_owned() };
        let mut text = Vec::new();
        let opened = File::open(&path).map_err(|_| fault("it cannot be opened"))?;
        let read = opened.take(LARGEST + 1).read_to_end(&mut text);
        read.map_err(|_| fault("it cannot be read"))?;
        if text.len() as u64 > LARGEST {
            return Err(fault("it is larger than 1 MiB, and holds no variables then"));
        }
        // Editors of Windows put a byte-order mark before the first name.
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
        let mut file = HashMap::new();
        for pair in dotenvy::from_read_iter(text) {
            // The crate's own message quotes the line, and with it the key.
            let (name, value) = pair.map_err(|why| match why {
                dotenvy::Error::LineParse(_, at) => {
                    fault(&format!("a line is not `NAME=value` (at character {at} of it)"))
                }
                _ => fault("it is not UTF-8 text"),
            })?;
            file.entry(name).or_insert(value);
        }
        Ok(Self { file, ignores_process: false })
    }

    /// An environment of these variables alone, for tests and for programs with their own.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { file: variables.into_iter().collect(), ignores_process: true }
    }

    /// The value of a variable; one that is set and empty counts as not set.
    pub fn get(&self, name: &str) -> Option<String> {
        let set = if self.ignores_process { None } else { std::env::var(name).ok() };
        set.or_else(|| self.file.get(name).cloned()).filter(|value| !value.trim().is_empty())
    }

    /// The first of these variables that is set, with its name.
    pub fn first<'n>(&self, names: &'n [String]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    /// The first of these variables that is set, as a key.
    pub fn secret(&self, names: &[String]) -> Option<Secret> {
        self.first(names).map(|(_, value)| Secret::new(&value))
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Env({} variables from .env)", self.file.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dotenv_file_fills_what_is_not_set() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "# keys\nRUNNER_TEST_A=from-file\nexport RUNNER_TEST_B=\"b c\"\nPATH=nowhere\n";
        std::fs::write(folder.path().join(".env"), text).expect("written");
        let env = Env::load(folder.path()).expect("read");
        assert_eq!(env.get("RUNNER_TEST_A").as_deref(), Some("from-file"));
        assert_eq!(env.get("RUNNER_TEST_B").as_deref(), Some("b c"));
        assert_ne!(env.get("PATH").as_deref(), Some("nowhere"));
        assert_eq!(env.get("RUNNER_TEST_C"), None);
    }

    #[test]
    fn a_dotenv_file_may_come_from_any_system() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "\u{feff}RT_A=one\r\n\r\nexport RT_B='two $x'\r\nRT_C=\"three\"  # why\r\nRT_D=a#b\r\nRT_E=\r\nRT_A=again";
        std::fs::write(folder.path().join(".env"), text).expect("written");
        let env = Env::load(folder.path()).expect("read");
        let values = ["RT_A", "RT_B", "RT_C", "RT_D", "RT_E"].map(|name| env.get(name));
        let expected = [Some("one"), Some("two $x"), Some("three"), Some("a#b"), None];
        assert_eq!(values.each_ref().map(Option::as_deref), expected);
    }

    #[test]
    fn a_dotenv_that_is_no_list_of_variables_is_told_or_let_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(".env");
        std::fs::create_dir(&path).expect("a folder");
        assert!(Env::load(folder.path()).is_ok());
        std::fs::remove_dir(&path).expect("removed");
        std::fs::write(&path, "A=".to_owned() + &"x".repeat(1 << 20)).expect("written");
        let fault = Env::load(folder.path()).expect_err("too large").to_string();
        assert!(fault.contains("larger than 1 MiB"), "{fault}");
        std::fs::write(&path, b"\xff\xfeA\0=\0b\0").expect("written");
        let fault = Env::load(folder.path()).expect_err("UTF-16").to_string();
        assert!(fault.contains("not UTF-8"), "{fault}");
    }

    #[test]
    fn a_broken_dotenv_file_is_told_without_its_content() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".env"), "KEY sk-canary-1\n").expect("written");
        let fault = Env::load(folder.path()).expect_err("no equals sign").to_string();
        assert!(fault.contains(".env") && !fault.contains("canary"), "{fault}");
    }
}
