//! Where a model is: the part of its URL that its name decides.

use crate::call::failure::{Failure, FailureKind};
use crate::provider::Endpoint;
use crate::provider::google::is_api_key;
use crate::wire::google::ASKED_PROJECT;
use crate::wire::message::KeyHeader;

/// The version in the path unless `api_version` or the base URL names another.
const API_VERSION: &str = "v1";

/// Where models are when nobody says; the same stands in the catalogue.
pub(in crate::provider) const LOCATION: &str = "us-central1";

/// The host of all regions, which alone takes API keys.
const GLOBAL: &str = "https://aiplatform.googleapis.com";

/// Names without a publisher that are not Google's own, by how they begin.
const MAKERS: &[(&str, &str)] = &[
    ("claude-", "anthropic"),
    ("mistral-", "mistralai"),
    ("ministral-", "mistralai"),
    ("codestral", "mistralai"),
    ("magistral-", "mistralai"),
    ("devstral-", "mistralai"),
    ("pixtral-", "mistralai"),
    ("jamba-", "ai21"),
];

/// Families of the time before Gemini, shut down with their call on 2025-04-09.
const RETIRED: &[&str] = &["-bison", "-gecko", "-unicorn", "medlm-"];

/// Where a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'m> {
    /// Among Google's models.
    Gemini(&'m str),
    /// A tuned model at an endpoint of its own: its number, or its whole name.
    Tuned(&'m str),
    /// Among Anthropic's.
    Claude(&'m str),
    /// Among those of a maker who is asked directly.
    Raw { publisher: &'m str, model: &'m str },
    /// Behind the path that speaks like `OpenAI`; with its publisher.
    Open(&'m str),
    /// Nowhere any more.
    Retired,
}

impl<'m> Place<'m> {
    /// The place of a name: `gemini-2.5-pro`, `claude-opus-5@default`, `meta/llama-...-maas`,
    /// `publishers/google/models/gemini-2.5-pro`, `1234567890`, `endpoints/1234567890`,
    /// `projects/p/locations/l/endpoints/1234567890`.
    pub(super) fn of(name: &'m str) -> Self {
        if let Some(rest) = name.strip_prefix("publishers/")
            && let Some((publisher, model)) = rest.split_once("/models/")
        {
            return Self::published(publisher, model, None);
        }
        let number = name.strip_prefix("endpoints/").unwrap_or(name);
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || number != name || name.starts_with("projects/") {
            return Self::Tuned(number);
        }
        if let Some((publisher, model)) = name.split_once('/') {
            return Self::published(publisher, model, Some(name));
        }
        if RETIRED.iter().any(|family| name.contains(family)) {
            return Self::Retired;
        }
        let maker = MAKERS.iter().find(|(start, _)| name.starts_with(start));
        Self::published(maker.map_or("google", |(_, maker)| maker), name, None)
    }

    fn published(publisher: &'m str, model: &'m str, whole: Option<&'m str>) -> Self {
        match publisher {
            "anthropic" => Self::Claude(model),
            "mistralai" | "ai21" => Self::Raw { publisher, model },
            // Google's own open models are served like those of others.
            "google" if whole.is_none() || model.starts_with("gemini-") => Self::Gemini(model),
            _ => Self::Open(whole.unwrap_or(model)),
        }
    }

    /// Its URL, without the method that is asked of it.
    pub(super) fn url(self, endpoint: &Endpoint) -> Result<String, Failure> {
        if let Self::Gemini(model) = self
            && endpoint.key.as_ref().is_some_and(is_api_key)
        {
            let model = part("model", model)?;
            return Ok(format!("{}/publishers/google/models/{model}", keyed_root(endpoint)));
        }
        if let Self::Tuned(whole) = self
            && whole.starts_with("projects/")
        {
            let parts: Vec<&str> =
                whole.split('/').map(|text| part("model", text)).collect::<Result<_, _>>()?;
            return Ok(format!("{}/{}", root(endpoint, &endpoint.base_url), parts.join("/")));
        }
        let below = match self {
            Self::Gemini(model) => format!("publishers/google/models/{}", part("model", model)?),
            Self::Tuned(id) => format!("endpoints/{}", part("model", id)?),
            Self::Claude(model) => {
                format!("publishers/anthropic/models/{}", part("model", model)?)
            }
            Self::Raw { publisher, model } => {
                format!("publishers/{publisher}/models/{}", part("model", model)?)
            }
            Self::Open(_) | Self::Retired => "endpoints/openapi".to_owned(),
        };
        Ok(format!("{}/{below}", parent(endpoint)?))
    }
}

/// How the key travels: an API key in a header of its own, a token as a bearer.
pub(super) fn key(endpoint: &Endpoint) -> Option<KeyHeader> {
    endpoint.key.as_ref().map(|key| match is_api_key(key) {
        true => KeyHeader::plain("x-goog-api-key", key),
        false => KeyHeader::bearer(key),
    })
}

/// The whole name of a cache, which is known here by nothing less: `cachedContents/7` is below the
/// project and the location of the call.
pub(super) fn cache(endpoint: &Endpoint, name: &str) -> Result<String, Failure> {
    let (is_local, is_id) = (name.starts_with("locations/"), name.starts_with("cachedContents/"));
    // Who has an API key states no project, and need not know it.
    if !is_local && !is_id || endpoint.key.as_ref().is_some_and(is_api_key) {
        return Ok(name.to_owned());
    }
    let project = project(endpoint)?;
    if project == ASKED_PROJECT {
        let message = format!(
            "the project is asked of the machine only when a request goes out, too late for the \
             name of a cache; write `projects/<project>/locations/<location>/{name}`"
        );
        return Err(Failure::new(FailureKind::BadRequest, message));
    }
    Ok(match is_local {
        true => format!("projects/{project}/{name}"),
        false => format!("projects/{project}/locations/{}/{name}", location(endpoint)?),
    })
}

/// The URL of the project's location, below which all models are.
fn parent(endpoint: &Endpoint) -> Result<String, Failure> {
    let (project, location) = (project(endpoint)?, location(endpoint)?);
    Ok(format!("{}/projects/{project}/locations/{location}", root(endpoint, &endpoint.base_url)))
}

fn project(endpoint: &Endpoint) -> Result<&str, Failure> {
    let project = endpoint.settings.get("project").ok_or_else(|| {
        let name = &endpoint.provider;
        let message = format!(
            "`{name}` needs to know its `project`; write project = \"...\" in [providers.{name}]"
        );
        // Not the request is at fault: what it says is judged before the project is known.
        Failure::new(FailureKind::NotFound, message)
    })?;
    match project.as_str() {
        // Who authorizes the request knows it, and fills it in.
        ASKED_PROJECT => Ok(project),
        stated => part("project", stated),
    }
}

fn location(endpoint: &Endpoint) -> Result<&str, Failure> {
    part("location", endpoint.settings.get("location").map_or(LOCATION, String::as_str))
}

/// The root of what an API key opens. It knows its project, and no region.
fn keyed_root(endpoint: &Endpoint) -> String {
    let is_regional = endpoint.base_url.starts_with("https://")
        && endpoint.base_url.ends_with("-aiplatform.googleapis.com");
    root(endpoint, if is_regional { GLOBAL } else { &endpoint.base_url })
}

/// The base URL with the version. One that ends in a version already has it.
fn root(endpoint: &Endpoint, base: &str) -> String {
    let base = base.trim_end_matches('/');
    let mut letters = base.rsplit('/').next().unwrap_or_default().chars();
    let is_versioned =
        letters.next() == Some('v') && letters.next().is_some_and(|c| c.is_ascii_digit());
    let stated = endpoint.settings.get("api_version").map(String::as_str);
    match is_versioned {
        true => base.to_owned(),
        false => format!("{base}/{}", stated.unwrap_or(API_VERSION)),
    }
}

/// A word that can be a part of a URL's path.
fn part<'t>(what: &str, text: &'t str) -> Result<&'t str, Failure> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | ':');
    if !text.is_empty() && !text.chars().all(|c| c == '.') && text.chars().all(is_part) {
        return Ok(text);
    }
    let message = format!("the {what} `{text}` cannot be part of an address");
    Err(Failure::new(FailureKind::BadRequest, message))
}
