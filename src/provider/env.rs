//! The environment: what is set, and below it what a `.env` file says.

use std::collections::HashMap;
use std::path::Path;

use crate::wire::secret::Secret;

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
    /// The process's environment, with the `.env` of `folder` below it where there is one.
    pub fn load(folder: &Path) -> Result<Self, EnvFileError> {
        let path = folder.join(".env");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let fault =
            |why: &str| EnvFileError { path: path.display().to_string(), why: why.to_owned() };
        let mut file = HashMap::new();
        for pair in dotenvy::from_path_iter(&path).map_err(|_| fault("it cannot be opened"))? {
            // The crate's own message quotes the line, and with it the key.
            let (name, value) = pair.map_err(|why| match why {
                dotenvy::Error::LineParse(_, at) => {
                    fault(&format!("a line is not `NAME=value` (at character {at} of it)"))
                }
                _ => fault("it cannot be read as text"),
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
    fn a_broken_dotenv_file_is_told_without_its_content() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(".env"), "KEY sk-canary-1\n").expect("written");
        let fault = Env::load(folder.path()).expect_err("no equals sign").to_string();
        assert!(fault.contains(".env") && !fault.contains("canary"), "{fault}");
    }
}
