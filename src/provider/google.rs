//! How calls are proven to Google: which credentials there are, found before anything is sent, in
//! the order of Google's own libraries.
//!
//! The variables come first, then the login of `gcloud`, then the machine's own account. What the
//! key's place holds is a file's path, the JSON of such a file, a token, or an API key.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::provider::Provider;
use crate::provider::access::Access;
use crate::provider::auth::{KeyFault, KeySource};
use crate::provider::env::Env;
use crate::wire::google::grant::Grant;
use crate::wire::google::{ASKED_PROJECT, Google};
use crate::wire::message::AddedHeader;
use crate::wire::secret::{Redactor, Secret};

mod credentials;
#[cfg(test)]
mod tests;

use credentials::Credentials;

/// Where the metadata server is on Google's machines.
const METADATA_HOST: &str = "metadata.google.internal";

/// Variables that Google's services without a machine of one's own set.
const SERVICES: &[&str] = &["K_SERVICE", "CLOUD_RUN_JOB", "GAE_SERVICE"];

/// How an API key begins; tokens begin otherwise.
const API_KEYS: &[&str] = &["AIza", "AQ."];

/// Whether this is an API key, which travels in a header of its own and knows its project.
pub(super) fn is_api_key(key: &Secret) -> bool {
    API_KEYS.iter().any(|start| key.expose().starts_with(start))
}

/// What opens Google's door for this provider. The redactor learns all that is secret.
pub(super) fn access(
    provider: &Provider,
    env: &Env,
    redactor: &Redactor,
) -> Result<Access, KeyFault> {
    let mut access = Access::default();
    let mut knows = None;
    let mut quota = env.get("GOOGLE_CLOUD_QUOTA_PROJECT");
    let grant = match find(provider, env)? {
        Found::Token(token) => {
            access.key = Some(token);
            None
        }
        Found::Credentials(found) => {
            found.secrets.iter().for_each(|secret| redactor.learn(secret));
            quota = quota.or_else(|| found.quota_project.clone());
            knows = found.project.or(found.quota_project);
            Some(found.grant)
        }
        Found::Machine { host } => {
            let asks_project = !provider.settings.contains_key("project");
            knows = Some(ASKED_PROJECT.to_owned());
            Some(Grant::Machine { host, asks_project })
        }
    };
    if !provider.settings.contains_key("project") {
        match knows.or_else(|| quota.clone()) {
            Some(project) => drop(access.settings.insert("project".to_owned(), project)),
            None if access.key.as_ref().is_some_and(is_api_key) => {}
            None => return Err(no_project(provider)),
        }
    }
    if let Some(project) = quota {
        let header =
            AddedHeader { name: "x-goog-user-project".into(), value: Secret::new(&project) };
        access.headers = Arc::new([header]);
    }
    if let Some(grant) = grant {
        access.authorizer = Some(Arc::new(Google::new(grant, redactor.clone())));
    }
    Ok(access)
}

/// What there is to prove calls with.
enum Found {
    Token(Secret),
    Credentials(Box<Credentials>),
    Machine { host: String },
}

fn find(provider: &Provider, env: &Env) -> Result<Found, KeyFault> {
    if let Some(found) = provider.key.read(env)? {
        return stated(&provider.key, found);
    }
    let login = login(env);
    if let Some(path) = login.filter(|path| path.is_file()) {
        return read(&path);
    }
    match metadata_host(env) {
        Some(host) => Ok(Found::Machine { host }),
        None => Err(nothing(&provider.key)),
    }
}

/// What the key's place holds.
fn stated(source: &KeySource, found: Secret) -> Result<Found, KeyFault> {
    let text = found.expose();
    if text.starts_with('{') {
        return credentials(text, &place(source));
    }
    let is_variable = matches!(source, KeySource::Env(_) | KeySource::OptionalEnv(_));
    let is_path = || {
        let path = Path::new(text);
        let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        text.contains(['/', '\\']) || is_json || path.is_file()
    };
    match is_variable && is_path() {
        true => read(Path::new(text)),
        false => source.sendable(found).map(Found::Token),
    }
}

/// The place of a key, for people.
fn place(source: &KeySource) -> String {
    match source {
        KeySource::None => "`api_key`".to_owned(),
        KeySource::Env(names) | KeySource::OptionalEnv(names) => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(" or ")
        }
        KeySource::File(path) => format!("`{}`", path.display()),
        KeySource::Command(words) => {
            format!("what `{}` prints", words.first().map_or("", String::as_str))
        }
    }
}

/// The credentials in this JSON.
fn credentials(text: &str, place: &str) -> Result<Found, KeyFault> {
    Credentials::read(text, place).map(|found| Found::Credentials(Box::new(found)))
}

fn read(path: &Path) -> Result<Found, KeyFault> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|why| KeyFault {
        message: format!("no key: `{shown}` cannot be read: {why}"),
        help: "name the JSON file of a service account: export \
               GOOGLE_APPLICATION_CREDENTIALS=key.json"
            .to_owned(),
    })?;
    credentials(&text, &format!("`{shown}`"))
}

/// Where `gcloud auth application-default login` leaves what it learns.
fn login(env: &Env) -> Option<PathBuf> {
    let folder = env.get("CLOUDSDK_CONFIG").map(PathBuf::from).or_else(|| match cfg!(windows) {
        true => Some(PathBuf::from(env.get("APPDATA")?).join("gcloud")),
        false => Some(PathBuf::from(env.get("HOME")?).join(".config/gcloud")),
    })?;
    Some(folder.join("application_default_credentials.json"))
}

/// The metadata server, where this is one of Google's machines or somebody says where it is.
fn metadata_host(env: &Env) -> Option<String> {
    if let Some(host) = env.get("GCE_METADATA_HOST") {
        let host = host.trim();
        return Some(host.strip_prefix("http://").unwrap_or(host).trim_end_matches('/').to_owned());
    }
    if env.get("NO_GCE_CHECK").is_some_and(|set| set.trim().eq_ignore_ascii_case("true")) {
        return None;
    }
    // The maker of the machine is asked, and not the network: nothing is sent before a run is sound.
    let maker = || std::fs::read_to_string("/sys/class/dmi/id/product_name").unwrap_or_default();
    let is_googles =
        SERVICES.iter().any(|name| env.get(name).is_some()) || maker().starts_with("Google");
    is_googles.then(|| METADATA_HOST.to_owned())
}

fn nothing(source: &KeySource) -> KeyFault {
    let variables = match source {
        KeySource::Env(_) | KeySource::OptionalEnv(_) => format!("{} is not set, ", place(source)),
        _ => String::new(),
    };
    KeyFault {
        message: format!("no key: {variables}and nobody has logged in by `gcloud`"),
        help: "run `gcloud auth application-default login`, or name the JSON file of a service \
               account: export GOOGLE_APPLICATION_CREDENTIALS=key.json"
            .to_owned(),
    }
}

fn no_project(provider: &Provider) -> KeyFault {
    let name = &provider.name;
    KeyFault {
        message: format!("`{name}` needs to know its `project`, and its credentials name none"),
        help: format!(
            "export VERTEXAI_PROJECT=..., or write project = \"...\" in [providers.{name}]"
        ),
    }
}
