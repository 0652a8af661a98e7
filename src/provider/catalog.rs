//! The catalogue: `catalog.toml`, one row a provider.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::provider::auth::{Auth, KeySource};
use crate::provider::env::Env;
use crate::provider::quirks::Quirks;

/// The rows as they are built in.
const CATALOG: &str = include_str!("catalog.toml");

/// The provider that is built in and answers on loopback.
pub const MOCK: &str = "mock";

/// What is known of the providers out there.
#[derive(Clone, Debug)]
pub struct Catalog {
    rows: BTreeMap<String, Row>,
}

/// One provider, as the catalogue knows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// How people call it.
    pub title: String,
    /// Other prefixes for the same provider.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The tongue it speaks.
    pub dialect: String,
    /// Where it is; `{region}` stands for a setting, and nothing for a place that is not the same
    /// for everybody.
    pub base_url: String,
    /// Where it is when a setting has a certain value.
    #[serde(default)]
    pub base_url_when: Vec<BaseUrlWhen>,
    /// Variables that override `base_url`.
    #[serde(default)]
    pub base_url_env: Vec<String>,
    /// Variables that hold the key.
    #[serde(default)]
    pub key_env: Vec<String>,
    /// Variables that lead to another way in than a key, such as a login of the provider's tools.
    #[serde(default)]
    pub login_env: Vec<String>,
    /// Whether it needs a key.
    pub key: KeyNeed,
    /// How it is shown who asks.
    #[serde(default)]
    pub auth: Auth,
    /// What it needs beside the key.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// Headers that go with every request, by name.
    #[serde(default)]
    pub headers: BTreeMap<String, RowHeader>,
    /// What is odd about it.
    #[serde(default)]
    pub quirks: Quirks,
}

/// The value of a header that a provider wants or knows.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowHeader {
    /// Always this.
    Text(String),
    /// What this variable holds, where it is set.
    Env(String),
}

/// Something that a provider needs to know beside the key, such as its `region`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Variables that state it.
    #[serde(default)]
    pub env: Vec<String>,
    /// Its name in a profile of Amazon's tools, which states it where no variable does.
    pub aws_profile: Option<String>,
    /// Whether a model's name can state it too, so that the dialect fills it into the address.
    #[serde(default)]
    pub by_model: bool,
    /// What it is when nobody states it.
    pub default: Option<String>,
}

/// Another address for one value of a setting.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseUrlWhen {
    /// The setting.
    pub setting: String,
    /// Its value.
    pub value: String,
    /// Where the provider is then.
    pub base_url: String,
}

/// Whether a provider needs a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyNeed {
    /// It answers nobody without one.
    Required,
    /// It answers with and without.
    Optional,
    /// It knows none.
    None,
}

impl Catalog {
    /// The rows that are built in; nothing is fetched.
    pub fn builtin() -> Self {
        static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| Catalog {
            rows: toml::from_str(CATALOG).expect("a test reads the built-in catalogue"),
        });
        BUILTIN.clone()
    }

    /// The row of a provider, by its name or an alias, with its proper name.
    pub fn find(&self, name: &str) -> Option<(&str, &Row)> {
        let (name, row) = self.rows.get_key_value(name).or_else(|| {
            self.rows.iter().find(|(_, row)| row.aliases.iter().any(|alias| alias == name))
        })?;
        Some((name, row))
    }

    /// All rows by their proper names, in order.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Row)> {
        self.rows.iter().map(|(name, row)| (name.as_str(), row))
    }

    /// How those who speak this tongue know who asks.
    pub fn auth_of(&self, dialect: &str) -> Auth {
        let speaks = self.rows.values().filter(|row| row.dialect == dialect);
        speaks.map(|row| row.auth).find(|auth| *auth != Auth::Key).unwrap_or_default()
    }

    /// All names and aliases, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().flat_map(|(name, row)| {
            std::iter::once(name.as_str()).chain(row.aliases.iter().map(String::as_str))
        })
    }
}

impl Row {
    /// The variable that opens its door, where one is set.
    pub fn opened_by(&self, env: &Env) -> Option<&str> {
        let names = [&self.key_env, &self.login_env];
        let is_keyless = self.key == KeyNeed::None;
        let set = || names.into_iter().find_map(|names| env.first(names));
        if is_keyless { None } else { set().map(|(variable, _)| variable) }
    }

    /// Where it is with these settings, their places in it not filled in.
    pub fn base_url_for(&self, settings: &BTreeMap<String, String>) -> &str {
        let fits = |when: &&BaseUrlWhen| settings.get(&when.setting) == Some(&when.value);
        self.base_url_when.iter().find(fits).map_or(&self.base_url, |when| &when.base_url)
    }

    /// Where the key of this provider is found when the job does not say.
    pub fn key_source(&self) -> KeySource {
        match self.key {
            KeyNeed::Required => KeySource::Env(self.key_env.clone()),
            KeyNeed::Optional => KeySource::OptionalEnv(self.key_env.clone()),
            KeyNeed::None => KeySource::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::provider::table;

    fn check_url(name: &str, url: &str, row: &Row) {
        let mut whole = url.to_owned();
        for setting in row.settings.keys() {
            whole = whole.replace(&format!("{{{setting}}}"), setting);
        }
        assert!(!whole.contains(['{', '}']), "{name}: {url} needs a setting that is not listed");
        let parsed = reqwest::Url::parse(&whole).expect(name);
        let loopback = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1"));
        assert!(parsed.scheme() == "https" || loopback, "{name}: {url}");
        assert!(!url.ends_with('/'), "{name}: {url}");
    }

    #[test]
    fn every_row_can_be_used() {
        let catalog = Catalog::builtin();
        assert!(catalog.rows.len() >= 110, "{} rows", catalog.rows.len());
        let mut names = BTreeSet::new();
        for name in catalog.names() {
            assert!(names.insert(name.to_owned()), "`{name}` names two providers");
        }
        for (name, row) in &catalog.rows {
            assert!(table::dialect(&row.dialect).is_some(), "{name}: dialect {}", row.dialect);
            let whens = row.base_url_when.iter().map(|when| &when.base_url);
            for url in std::iter::once(&row.base_url).chain(whens) {
                assert!(!url.is_empty() || !row.base_url_env.is_empty(), "{name}: nowhere");
                if !url.is_empty() {
                    check_url(name, url, row);
                }
            }
            assert_eq!(row.key == KeyNeed::Required, matches!(row.key_source(), KeySource::Env(_)));
            assert!(row.key != KeyNeed::Required || !row.key_env.is_empty(), "{name}: no key_env");
        }
    }
}
