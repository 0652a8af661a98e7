//! Providers: the catalogue's rows with the job's changes, and those of the job's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Url;

use crate::call::duration::{DurationText, parse_duration};
use crate::job::check::Check;
use crate::job::check::limits::limits;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::{KeyFile, LimitsFile, ProviderFile};
use crate::job::file_values::Named;
use crate::job::key_path::KeyPath;
use crate::job::words;
use crate::mock::faults::Faults;
use crate::mock::limits::Limits as Enforced;
use crate::mock::script::Script;
use crate::pace::Limits;
use crate::provider::auth::KeySource;
use crate::provider::catalog::{MOCK, Row};
use crate::provider::{Dialect, Provider, table};

/// The dialect of a provider of the user's own that names none, and of the built-in one.
const USUAL_DIALECT: &str = "openai";

/// Where the built-in provider is before it is started.
const MOCK_URL: &str = "http://127.0.0.1/v1";

/// The providers that the job speaks of, by proper name; `None` for one that is at fault.
#[derive(Debug, Default)]
pub struct Providers {
    stated: BTreeMap<String, Option<Arc<Provider>>>,
}

impl Providers {
    /// The names that are the job's own, or may be.
    pub fn names(&self) -> Vec<&str> {
        self.stated.keys().map(String::as_str).collect()
    }
}

/// Whether this is the built-in provider.
pub fn is_mock(provider: &Provider) -> bool {
    *provider.name == *MOCK
}

impl Check<'_> {
    /// All that the job states of providers.
    pub fn providers(&mut self, file: &Named<ProviderFile>) -> Providers {
        let mut providers = Providers::default();
        let mut first: BTreeMap<String, KeyPath> = BTreeMap::new();
        for (stated, section) in &file.0 {
            let path = KeyPath::top().key("providers").key(stated);
            let row = self.catalog.find(stated).map(|(name, row)| (name.to_owned(), row.clone()));
            let name = row.as_ref().map_or_else(|| stated.clone(), |(name, _)| name.clone());
            if let Some(other) = first.insert(name.clone(), path.clone()) {
                let place = Place::Key { path: other, on: On::Key };
                let message = format!("`{stated}` and `{name}` are the same provider");
                let fault = Diagnostic::at_key(path.clone(), message).also(place, "stated here");
                self.faults.push(fault.help("join the two tables"));
                continue;
            }
            let before = self.faults.len();
            if name != MOCK {
                self.not_mock(section, &path);
            }
            let provider = match row {
                _ if name == MOCK => Some(self.mock_provider(section, &path)),
                Some((_, row)) => self.catalogued(&name, &row, Some(section), &path),
                None => self.own(&name, section, &path),
            };
            let is_good = self.faults.len() == before;
            providers.stated.insert(name, provider.filter(|_| is_good).map(Arc::new));
        }
        providers
    }

    /// A provider by its proper name; `None` when it is at fault, which was told. What is at fault
    /// in a row that the job does not state is told at `asked`.
    pub fn provider(
        &mut self,
        providers: &mut Providers,
        name: &str,
        asked: &KeyPath,
    ) -> Option<Arc<Provider>> {
        if let Some(provider) = providers.stated.get(name) {
            return provider.clone();
        }
        let provider = if name == MOCK {
            Some(self.mock_provider(&ProviderFile::default(), asked))
        } else {
            let (name, row) = self.catalog.find(name)?;
            let (name, row) = (name.to_owned(), row.clone());
            self.catalogued(&name, &row, None, asked)
        };
        let provider = provider.map(Arc::new);
        providers.stated.insert(name.to_owned(), provider.clone());
        provider
    }

    fn catalogued(
        &mut self,
        name: &str,
        row: &Row,
        section: Option<&ProviderFile>,
        path: &KeyPath,
    ) -> Option<Provider> {
        let stated_dialect = section.and_then(|section| section.dialect.as_deref());
        let dialect = match stated_dialect {
            Some(dialect) => self.dialect(dialect, &path.key("dialect")),
            None => self.row_dialect(name, row, path),
        };
        let base_url = match section.and_then(|section| section.base_url.as_deref()) {
            Some(url) => self.base_url(url, &path.key("base_url")),
            None => match self.env.first(&row.base_url_env) {
                Some((variable, url)) => self.url_of_variable(variable, &url, path),
                None => Some(row.base_url.trim_end_matches('/').to_owned()),
            },
        };
        let key = match section.and_then(|section| section.api_key.as_ref()) {
            Some(key) => self.key(key, &path.key("api_key")),
            None => Some(row.key_source()),
        };
        Some(Provider {
            name: name.into(),
            dialect: dialect?,
            base_url: base_url?.into(),
            key: key?,
            limits: section.map_or_else(Limits::default, |section| limits(&section.limits)),
        })
    }

    fn own(&mut self, name: &str, section: &ProviderFile, path: &KeyPath) -> Option<Provider> {
        if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
            let message = "a provider's name is the part of a model's name before the slash";
            self.faults.push(Diagnostic::at_key(path.clone(), message).help("take another name"));
        }
        if !self.document.states(&path.key("base_url")) {
            let message = format!("`{name}` is not in the catalogue and has no `base_url`");
            let known = self.catalog.names().chain([MOCK]);
            let help = match words::did_you_mean(name, known) {
                Some(question) => {
                    format!("{question} else write where it is: base_url = \"https://...\"")
                }
                None => "write where it is: base_url = \"https://host/v1\"".to_owned(),
            };
            self.missing.push(Diagnostic::at_key(path.clone(), message).help(help));
        }
        let dialect = section.dialect.as_deref().unwrap_or(USUAL_DIALECT);
        let dialect = self.dialect(dialect, &path.key("dialect"));
        let base_url =
            section.base_url.as_deref().and_then(|url| self.base_url(url, &path.key("base_url")));
        let key = match &section.api_key {
            Some(key) => self.key(key, &path.key("api_key")),
            None => Some(KeySource::None),
        };
        Some(Provider {
            name: name.into(),
            dialect: dialect?,
            base_url: base_url?.into(),
            key: key?,
            limits: limits(&section.limits),
        })
    }

    /// The built-in provider. Its limits are what it enforces, so nobody paces by them.
    fn mock_provider(&mut self, section: &ProviderFile, path: &KeyPath) -> Provider {
        let foreign = [
            ("dialect", section.dialect.is_some()),
            ("base_url", section.base_url.is_some()),
            ("api_key", section.api_key.is_some()),
        ];
        for (key, _) in foreign.into_iter().filter(|(_, stated)| *stated) {
            let message =
                format!("the built-in provider has no `{key}`: it runs inside this process");
            let help = "for a provider elsewhere, take another name: [providers.lab]";
            self.faults.push(Diagnostic::at_key(path.key(key), message).help(help));
        }
        let dialect = table::dialect(USUAL_DIALECT).expect("the usual dialect is in the table");
        Provider {
            name: MOCK.into(),
            dialect,
            base_url: MOCK_URL.into(),
            key: KeySource::None,
            limits: Limits::default(),
        }
    }

    /// How the built-in provider behaves.
    pub fn mock(&mut self, file: &Named<ProviderFile>) -> Script {
        let Some((_, section)) = file.0.iter().find(|(name, _)| name == MOCK) else {
            return Script::default();
        };
        let path = KeyPath::top().key("providers").key(MOCK);
        let answers = section.answers.as_ref().and_then(|answers| {
            let file = self.folder().join(answers);
            self.must_be_file(&file, &path.key("answers")).then_some(file)
        });
        let retry_after = section.retry_after.as_deref();
        Script {
            latency: self.latency(section.latency.as_deref(), &path.key("latency")),
            latency_sigma: None,
            faults: self.shares(section.faults, &path.key("faults")),
            limits: enforced(&section.limits),
            retry_after: self.duration(retry_after, &path.key("retry_after")).map(DurationText),
            answers,
            seed: section.seed.unwrap_or(0),
        }
    }

    /// A duration that may be none at all.
    fn latency(&mut self, text: Option<&str>, path: &KeyPath) -> DurationText {
        let latency = match text.map(parse_duration) {
            Some(Ok(latency)) if latency.is_zero() => Some(latency),
            _ => self.duration(text, path),
        };
        DurationText(latency.unwrap_or_default())
    }

    fn shares(&mut self, shares: Option<Faults>, path: &KeyPath) -> Faults {
        let shares = shares.unwrap_or_default();
        for (_, why) in shares.faults() {
            let fault = Diagnostic::at_key(path.clone(), why);
            self.faults.push(fault.help("0.2 is every fifth call"));
        }
        shares
    }

    /// Keys that only the built-in provider takes.
    fn not_mock(&mut self, section: &ProviderFile, path: &KeyPath) {
        let foreign = [
            ("latency", section.latency.is_some()),
            ("faults", section.faults.is_some()),
            ("retry_after", section.retry_after.is_some()),
            ("answers", section.answers.is_some()),
            ("seed", section.seed.is_some()),
        ];
        for (key, _) in foreign.into_iter().filter(|(_, stated)| *stated) {
            let message = format!("`{key}` belongs to the built-in provider alone");
            let help = "move it to [providers.mock]; a model of it is `mock/echo`";
            self.faults.push(Diagnostic::at_key(path.key(key), message).help(help));
        }
    }

    fn dialect(&mut self, name: &str, path: &KeyPath) -> Option<&'static dyn Dialect> {
        let found = table::dialect(name);
        if found.is_none() {
            let names: Vec<&str> = table::DIALECTS.iter().map(|dialect| dialect.name()).collect();
            let help = words::suggestion(name, &names, "there is");
            let message = format!("no dialect is called {name:?}");
            self.faults.push(Diagnostic::at_value(path.clone(), message).help(help));
        }
        found
    }

    fn row_dialect(
        &mut self,
        name: &str,
        row: &Row,
        path: &KeyPath,
    ) -> Option<&'static dyn Dialect> {
        let found = table::dialect(&row.dialect);
        if found.is_none() {
            let message = format!("`{name}` speaks a dialect that is not supported yet");
            let help = "state another `dialect`, or leave the provider out";
            self.faults.push(Diagnostic::at_key(path.clone(), message).help(help));
        }
        found
    }

    fn base_url(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        let fault = match checked_url(text) {
            Ok(url) => return Some(url),
            Err(why) => Diagnostic::at_value(path.clone(), format!("`base_url` {why}")),
        };
        self.faults.push(fault.help("write scheme, host and path: base_url = \"https://host/v1\""));
        None
    }

    fn url_of_variable(&mut self, variable: &str, text: &str, path: &KeyPath) -> Option<String> {
        let fault = match checked_url(text) {
            Ok(url) => return Some(url),
            // The value is not shown: it may hold a password.
            Err(why) => {
                Diagnostic::at_key(path.clone(), format!("the variable `{variable}` {why}"))
            }
        };
        self.faults.push(fault.help(format!("export {variable}=https://host/v1, or unset it")));
        None
    }

    fn key(&mut self, key: &KeyFile, path: &KeyPath) -> Option<KeySource> {
        let mut sources = Vec::new();
        if let Some(names) = &key.env {
            let is_name = |name: &String| {
                !name.is_empty()
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            if !names.0.iter().all(is_name) {
                let message = "this is not the name of a variable";
                let help = "name the variable, such as OPENAI_API_KEY, and never the key itself";
                self.faults.push(Diagnostic::at_value(path.key("env"), message).help(help));
            }
            sources.push(KeySource::Env(names.0.clone()));
        }
        if let Some(file) = &key.file {
            sources.push(KeySource::File(self.folder().join(file)));
        }
        if let Some(command) = &key.command {
            if command.first().is_none_or(|program| program.trim().is_empty()) {
                let message = "`command` names no program";
                let help =
                    "a program and its arguments: command = [\"pass\", \"show\", \"openai\"]";
                self.faults.push(Diagnostic::at_value(path.key("command"), message).help(help));
            }
            sources.push(KeySource::Command(command.clone()));
        }
        if sources.len() > 1 {
            let message = "`api_key` names more than one place";
            let help = "keep one of `env`, `file` and `command`; `env` takes a list of variables";
            self.faults.push(Diagnostic::at_key(path.clone(), message).help(help));
        }
        sources.into_iter().next()
    }
}

/// A URL to which paths can be added, without a slash at its end.
fn checked_url(text: &str) -> Result<String, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or a password, which does not belong into a URL");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("holds a `?` or a `#`, and a path is added to it");
    }
    Ok(text.trim().trim_end_matches('/').to_owned())
}

/// The limits of the job file, as the built-in provider enforces them.
fn enforced(file: &LimitsFile) -> Enforced {
    Enforced {
        rps: file.rps.map(|rate| rate.ceil() as u64),
        rpm: file.rpm,
        rpd: file.rpd,
        tpm: file.tpm,
        itpm: file.itpm,
        otpm: file.otpm,
        concurrency: file.concurrency,
        burst: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_a_place_to_which_a_path_is_added() {
        assert_eq!(checked_url(" https://host/v1/ "), Ok("https://host/v1".to_owned()));
        assert_eq!(checked_url("http://127.0.0.1:8000"), Ok("http://127.0.0.1:8000".to_owned()));
        for text in [
            "host/v1",
            "ftp://host",
            "https://",
            "https://a:b@host",
            "https://a@host",
            "https://host/?a=b",
            "https://host/#a",
            "",
            "localhost:8000",
        ] {
            assert!(checked_url(text).is_err(), "{text}");
        }
    }
}
