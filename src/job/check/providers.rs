//! Providers: the catalogue's rows with the job's changes, and those of the job's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::job::check::Check;
use crate::job::check::limits::limits;
use crate::job::diagnostic::{Diagnostic, On, Place};
use crate::job::file::ProviderFile;
use crate::job::file_values::Named;
use crate::job::key_path::KeyPath;
use crate::job::words;
use crate::provider::auth::{Auth, KeySource};
use crate::provider::catalog::{MOCK, Row};
use crate::provider::located::{Changes, checked_url, located};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Provider, table};

/// The dialect of a provider of the user's own that names none, and of the built-in one.
pub const USUAL_DIALECT: &str = "openai";

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

    /// Whether somebody is called so: in the catalogue, in the job, or the built-in provider.
    pub fn knows(&self, name: &str, providers: &Providers) -> bool {
        name == MOCK || providers.stated.contains_key(name) || self.catalog.find(name).is_some()
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
        let before = self.faults.len();
        let changes = section.map(|section| self.changes(section, path)).unwrap_or_default();
        let speaks = changes.dialect.or_else(|| table::dialect(&row.dialect));
        self.heard(name, Some(row), speaks, &changes, path);
        let is_good = self.faults.len() == before;
        match located(name, row, changes, self.env) {
            Ok(provider) => Some(provider).filter(|_| is_good),
            Err(faults) => {
                // What is wrong in the section itself was told, and better.
                for fault in faults.into_iter().filter(|_| is_good) {
                    let told = Diagnostic::at_key(path.clone(), fault.message);
                    self.faults.push(told.help(fault.help));
                }
                None
            }
        }
    }

    /// What a section states, each part of it held against what it may be.
    fn changes(&mut self, section: &ProviderFile, path: &KeyPath) -> Changes {
        let dialect = section.dialect.as_deref();
        let base_url = section.base_url.as_deref();
        let (key_header, key_prefix) = self.key_header(section, path);
        let quirks = Quirks {
            rename: section.rename.clone(),
            unsupported: section.unsupported.iter().cloned().collect(),
            key_header,
            key_prefix,
            ..Quirks::default()
        };
        Changes {
            dialect: dialect.and_then(|name| self.dialect(name, &path.key("dialect"))),
            base_url: base_url.and_then(|url| self.base_url(url, &path.key("base_url"))),
            key: section.api_key.as_ref().and_then(|key| self.key(key, &path.key("api_key"))),
            limits: limits(&section.limits),
            settings: settings(section),
            quirks,
            headers: self.headers(&section.headers, &path.key("headers")),
        }
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
        let changes = self.changes(section, path);
        let dialect = match section.dialect {
            Some(_) => changes.dialect,
            None => table::dialect(USUAL_DIALECT),
        };
        self.heard(name, None, dialect, &changes, path);
        let dialect = dialect?;
        let (key, auth) = match section.api_key {
            Some(_) => (changes.key?, self.catalog.auth_of(dialect.name())),
            None => (KeySource::None, Auth::Key),
        };
        Some(Provider {
            name: name.into(),
            dialect,
            base_url: changes.base_url?.into(),
            key,
            auth,
            limits: changes.limits,
            settings: Arc::new(changes.settings),
            quirks: Arc::new(changes.quirks),
            headers: changes.headers,
        })
    }

    /// Settings that nobody would read, and names that cannot be changed.
    fn heard(
        &mut self,
        name: &str,
        row: Option<&Row>,
        dialect: Option<&'static dyn Dialect>,
        changes: &Changes,
        path: &KeyPath,
    ) {
        let Some(dialect) = dialect else { return };
        if !changes.quirks.rename.is_empty() && !dialect.renames() {
            let message =
                format!("the dialect `{}` has names of its own for parameters", dialect.name());
            let fault = Diagnostic::at_key(path.key("rename"), message);
            self.faults.push(
                fault.help("take `rename` out; what the provider alone knows goes into `extra`"),
            );
        }
        for setting in changes.settings.keys() {
            let of_row = row.is_some_and(|row| row.settings.contains_key(setting));
            if of_row || dialect.settings().contains(&setting.as_str()) {
                continue;
            }
            let message = format!("`{name}` has no `{setting}`");
            let fault = Diagnostic::at_key(path.key(setting), message);
            self.faults.push(fault.help("take it out: nothing reads it there"));
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

    fn base_url(&mut self, text: &str, path: &KeyPath) -> Option<String> {
        let fault = match checked_url(text) {
            Ok(url) => return Some(url),
            Err(why) => Diagnostic::at_value(path.clone(), format!("`base_url` {why}")),
        };
        self.faults.push(fault.help("write scheme, host and path: base_url = \"https://host/v1\""));
        None
    }
}

/// The settings that a section states.
fn settings(section: &ProviderFile) -> BTreeMap<String, String> {
    let stated = [
        ("api_version", &section.api_version),
        ("region", &section.region),
        ("project", &section.project),
        ("location", &section.location),
        ("account", &section.account),
    ];
    let stated = stated.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    stated.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}
