//! From a row of the catalogue, with what a job changes of it, to a provider that can be called.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Url;

use crate::pace::Limits;
use crate::provider::auth::{Auth, KeySource};
use crate::provider::aws;
use crate::provider::catalog::{Row, RowHeader};
use crate::provider::env::Env;
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, HeaderSource, Provider, table};

/// What a job states over a row of the catalogue; every part of it was checked.
#[derive(Debug, Default)]
pub struct Changes {
    /// Another tongue.
    pub dialect: Option<&'static dyn Dialect>,
    /// Another place, without a slash at the end.
    pub base_url: Option<String>,
    /// Another place of the key.
    pub key: Option<KeySource>,
    /// What it allows.
    pub limits: Limits,
    /// What it needs beside the key.
    pub settings: BTreeMap<String, String>,
    /// What is odd about it.
    pub quirks: Quirks,
    /// Headers that go with every request.
    pub headers: Vec<(String, HeaderSource)>,
}

/// Why a provider cannot be called, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// The provider of this row; every fault of it at once.
pub fn located(name: &str, row: &Row, changes: Changes, env: &Env) -> Result<Provider, Vec<Fault>> {
    let mut faults = Vec::new();
    let dialect = changes.dialect.or_else(|| table::dialect(&row.dialect));
    if dialect.is_none() {
        faults.push(Fault {
            message: format!("`{name}` speaks a dialect that is not supported yet"),
            help: "state another `dialect`, or leave the provider out".to_owned(),
        });
    }
    let settings = settings(row, changes.settings, env);
    let base_url = match changes.base_url {
        Some(url) => Ok(url),
        None => base_url(name, row, &settings, env),
    };
    let base_url = base_url.map_err(|fault| faults.push(fault)).unwrap_or_default();
    let Some(dialect) = dialect.filter(|_| faults.is_empty()) else { return Err(faults) };
    Ok(Provider {
        name: name.into(),
        dialect,
        base_url: base_url.into(),
        auth: match row.auth {
            // A key that the job names is the way in, whatever else the environment holds.
            Auth::Entra if changes.key.is_some() => Auth::Key,
            auth => auth,
        },
        key: changes.key.unwrap_or_else(|| row.key_source()),
        limits: changes.limits,
        settings: Arc::new(settings),
        quirks: Arc::new(row.quirks.clone().overlaid(changes.quirks)),
        headers: headers(row, changes.headers, env),
    })
}

/// The row's own headers and, over them, those of the job.
fn headers(
    row: &Row,
    stated: Vec<(String, HeaderSource)>,
    env: &Env,
) -> Vec<(String, HeaderSource)> {
    let known = row.headers.iter().filter_map(|(name, header)| {
        let source = match header {
            RowHeader::Text(text) => HeaderSource::Text(text.clone()),
            RowHeader::Env(variable) => {
                env.get(variable)?;
                HeaderSource::Env(variable.clone())
            }
        };
        let is_stated = stated.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        (!is_stated).then(|| (name.clone(), source))
    });
    let known: Vec<_> = known.collect();
    known.into_iter().chain(stated).collect()
}

/// What is stated, then what the environment says, then what is usual.
fn settings(
    row: &Row,
    mut stated: BTreeMap<String, String>,
    env: &Env,
) -> BTreeMap<String, String> {
    for (name, setting) in &row.settings {
        if stated.contains_key(name) {
            continue;
        }
        let found = env.first(&setting.env).map(|(_, value)| value.trim().to_owned());
        let in_profile = || aws::in_profile(env, setting.aws_profile.as_deref()?);
        let found = found.or_else(in_profile).or_else(|| setting.default.clone());
        if let Some(value) = found {
            stated.insert(name.clone(), value);
        }
    }
    stated
}

fn base_url(
    name: &str,
    row: &Row,
    settings: &BTreeMap<String, String>,
    env: &Env,
) -> Result<String, Fault> {
    if let Some((variable, url)) = env.first(&row.base_url_env) {
        return checked_url(&url).map_err(|why| Fault {
            // The value is not shown: it may hold a password.
            message: format!("the variable `{variable}` {why}"),
            help: format!("export {variable}=https://host/v1, or unset it"),
        });
    }
    let usual = row.base_url_for(settings);
    if usual.is_empty() {
        let export = row.base_url_env.first().map(|name| format!("export {name}=https://..., or "));
        return Err(Fault {
            message: format!("`{name}` has no address that is the same for everybody"),
            help: format!(
                "{}write base_url = \"https://...\" in [providers.{name}]",
                export.unwrap_or_default()
            ),
        });
    }
    filled(name, usual, row, settings)
}

/// The address with its `{settings}` filled in, but for those that a model's name may state.
fn filled(
    name: &str,
    usual: &str,
    row: &Row,
    settings: &BTreeMap<String, String>,
) -> Result<String, Fault> {
    let mut url = String::new();
    let mut rest = usual;
    while let Some((before, after)) = rest.split_once('{') {
        let (setting, after) = after.split_once('}').expect("a test reads every row");
        if row.settings.get(setting).is_some_and(|setting| setting.by_model) {
            url.extend([before, "{", setting, "}"]);
            rest = after;
            continue;
        }
        let value = settings.get(setting).ok_or_else(|| missing(name, setting, row))?;
        if !is_part(value) {
            return Err(Fault {
                message: format!("the `{setting}` of `{name}` cannot be part of an address"),
                help: format!("write letters, digits, `-` and `.`: {setting} = \"...\""),
            });
        }
        url.push_str(before);
        url.push_str(value);
        rest = after;
    }
    url.push_str(rest);
    Ok(url)
}

/// Whether a setting can stand in an address.
pub fn is_part(value: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !value.is_empty() && value.chars().all(is_safe)
}

/// A setting that the address needs and nobody stated.
fn missing(name: &str, setting: &str, row: &Row) -> Fault {
    let variable = row.settings.get(setting).and_then(|setting| setting.env.first());
    let export = variable.map(|name| format!("export {name}=..., or ")).unwrap_or_default();
    Fault {
        message: format!("`{name}` needs to know its `{setting}`"),
        help: format!("{export}write {setting} = \"...\" in [providers.{name}]"),
    }
}

/// A URL to which paths can be added, without a slash at its end.
pub fn checked_url(text: &str) -> Result<String, &'static str> {
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

/// A text as one segment of a path: all but the letters, digits and four signs that every server
/// takes as they are is escaped.
pub fn segment(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        let usual = "title = \"Lab\"\ndialect = \"openai\"\nkey = \"none\"\n";
        toml::from_str(&format!("{usual}{text}")).expect("a row")
    }

    fn url(row: &Row, variables: &[(&str, &str)]) -> Result<String, String> {
        let set = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let located = located("lab", row, Changes::default(), &Env::of(set));
        let first = |faults: Vec<Fault>| format!("{}; {}", faults[0].message, faults[0].help);
        located.map(|provider| provider.base_url.to_string()).map_err(first)
    }

    #[test]
    fn an_address_is_filled_with_what_is_set() {
        let row = row("base_url = \"https://api.{region}.test\"\nbase_url_env = [\"LAB_URL\"]\n\
             base_url_when = [{ setting = \"region\", value = \"all\", base_url = \"https://api.test\" }]\n\
             settings = { region = { env = [\"LAB_REGION\"] } }");
        assert_eq!(url(&row, &[("LAB_REGION", "eu-1")]), Ok("https://api.eu-1.test".to_owned()));
        assert_eq!(url(&row, &[("LAB_REGION", "all")]), Ok("https://api.test".to_owned()));
        assert_eq!(url(&row, &[("LAB_URL", "http://h/v1/")]), Ok("http://h/v1".to_owned()));
        let missing = url(&row, &[]).expect_err("no region");
        assert!(missing.contains("`region`; export LAB_REGION=..., or write region"), "{missing}");
        for evil in ["evil.test/x", "a@b", "a b", "#"] {
            assert!(url(&row, &[("LAB_REGION", evil)]).is_err(), "{evil}");
        }
        assert!(
            url(&row, &[("LAB_URL", "h/v1")]).expect_err("no URL").contains("`LAB_URL` is not")
        );
    }

    #[test]
    fn a_row_has_headers_that_the_job_can_change() {
        let row = row("base_url = \"http://h\"\n\
             headers = { X-Kind = { text = \"a\" }, X-Org = { env = \"ORG\" } }");
        let headers = |changes: Changes, set: &[(&str, &str)]| {
            let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            located("lab", &row, changes, &Env::of(set)).expect("a provider").headers
        };
        let text = |text: &str| HeaderSource::Text(text.to_owned());
        assert_eq!(headers(Changes::default(), &[]), [("X-Kind".to_owned(), text("a"))]);
        assert_eq!(headers(Changes::default(), &[("ORG", "o")])[1].0, "X-Org");
        let stated = vec![("x-kind".to_owned(), text("b"))];
        let changes = Changes { headers: stated.clone(), ..Changes::default() };
        assert_eq!(headers(changes, &[]), stated);
    }

    #[test]
    fn an_address_that_nobody_can_know_is_asked_for() {
        let row = row("base_url = \"\"\nbase_url_env = [\"LAB_URL\"]");
        let missing = url(&row, &[]).expect_err("no address");
        assert!(missing.contains("export LAB_URL=https://..., or write base_url"), "{missing}");
        assert_eq!(url(&row, &[("LAB_URL", "http://h")]), Ok("http://h".to_owned()));
    }

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
