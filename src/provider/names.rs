//! From a model's name as the user wrote it to its provider: rules, not price rows.
//!
//! A rule names a provider whether or not the catalogue has it; who wants to ask there says
//! [`not_catalogued`] when it has not. The table of models only helps to guess what was meant.

use crate::provider::catalog::{Catalog, MOCK};
use crate::provider::env::Env;
use crate::provider::models;

/// Names that are known without a prefix: how they begin, who answers to them, and one of them.
/// The first rule that fits wins.
const BARE: &[(&str, &str, &str)] = &[
    ("gpt-", "openai", "gpt-4o-mini"),
    // Google counts its embedding models, OpenAI names them.
    ("text-embedding-00", VERTEX, "text-embedding-005"),
    ("text-multilingual-embedding-", VERTEX, "text-multilingual-embedding-002"),
    ("text-embedding-", "openai", "text-embedding-3-small"),
    ("embed-", "cohere", "embed-v4.0"),
    ("chatgpt-", "openai", "chatgpt-4o-latest"),
    ("o1", "openai", "o1"),
    ("o3", "openai", "o3-mini"),
    ("o4", "openai", "o4-mini"),
    ("ft:gpt-", "openai", "ft:gpt-4o-mini-2024-07-18:..."),
    ("ft:o", "openai", "ft:o4-mini-2025-04-16:..."),
    ("davinci-002", "openai", "davinci-002"),
    ("babbage-002", "openai", "babbage-002"),
    ("claude-", "anthropic", "claude-sonnet-5"),
    ("gemini-", GEMINI, "gemini-2.5-flash"),
    ("command", "cohere", "command-a-03-2025"),
    ("c4ai-", "cohere", "c4ai-aya-expanse-32b"),
    ("mistral-", "mistral", "mistral-large-latest"),
    ("ministral-", "mistral", "ministral-8b-latest"),
    ("codestral-", "mistral", "codestral-latest"),
    ("magistral-", "mistral", "magistral-medium-latest"),
    ("devstral-", "mistral", "devstral-medium-latest"),
    ("pixtral-", "mistral", "pixtral-large-latest"),
    ("deepseek-", "deepseek", "deepseek-v4-flash"),
    ("grok-", "xai", "grok-4.7"),
];

/// What the names of Google's models before Gemini have in common.
const BISON: &str = "-bison";

/// Google's two doors: AI Studio and Vertex AI.
const GEMINI: &str = "gemini";
const VERTEX: &str = "vertex_ai";

/// Variables that say which of the two is meant: Google's own switch, and a project of Vertex AI.
const USE_VERTEX: &str = "GOOGLE_GENAI_USE_VERTEXAI";
const VERTEX_PROJECT: [&str; 3] = ["VERTEXAI_PROJECT", "VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT"];

/// The first part of a Bedrock id, before a dot: who made the model ...
const BEDROCK_MAKERS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];
/// ... and before it, where it may run.
const BEDROCK_PLACES: &[&str] =
    &["us", "eu", "apac", "global", "jp", "au", "us-gov", "in", "ca", "sa", "me", "af"];

/// Hosts whose own models have the host's name before them on the wire too.
const OPENROUTER: &str = "openrouter";
const REPLICATE: &str = "replicate";

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// A name that was resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The provider's proper name.
    pub provider: String,
    /// The model's name as the provider knows it.
    pub model: String,
}

/// A name that no rule fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// Finds the provider of a model. `own` are the providers that the job defines; the environment
/// tells which door of Google's a bare Gemini name means.
pub fn resolve(
    name: &str,
    catalog: &Catalog,
    own: &[&str],
    env: &Env,
) -> Result<Resolved, Unresolved> {
    let plain: Vec<&str> = name.splitn(2, '/').map(str::trim).collect();
    let plain = plain.join("/");
    if plain != name {
        return Err(Unresolved {
            message: format!("the name `{name}` has white space at an end"),
            help: format!("write `{plain}`"),
        });
    }
    if is_bedrock_arn(name) {
        return Ok(found("bedrock", name));
    }
    let Some((prefix, model)) = name.split_once('/') else {
        let provider = bare(name, catalog, own, env);
        return provider.map_or_else(
            || Err(unknown_model(name, catalog, own, env)),
            |provider| Ok(found(provider, name)),
        );
    };
    if prefix.is_empty() || model.is_empty() {
        return Err(Unresolved {
            message: format!("`{name}` lacks a part of `provider/model`"),
            help: "write the provider, a slash, and the model's name".to_owned(),
        });
    }
    if own.contains(&prefix) || prefix == MOCK {
        return Ok(found(prefix, model));
    }
    // An owner at Replicate may be called like a provider.
    if is_replicate_version(model) {
        return Ok(found(REPLICATE, name));
    }
    match catalog.find(prefix) {
        Some((OPENROUTER, _)) if !model.contains('/') => Ok(found(OPENROUTER, name)),
        Some((provider, _)) => Ok(found(provider, model)),
        None if prefix == REPLICATE => Ok(found(REPLICATE, model)),
        None => Err(unknown_provider(prefix, name, catalog, own)),
    }
}

/// What to say when a rule names a provider that the catalogue has not.
pub fn not_catalogued(name: &str, provider: &str) -> Unresolved {
    Unresolved {
        message: format!("`{name}` is a model of `{provider}`, which is not in the catalogue"),
        help: format!(
            "say in a job where it is: [providers.{provider}] with `dialect` and `base_url`"
        ),
    }
}

fn found(provider: &str, model: &str) -> Resolved {
    Resolved { provider: provider.to_owned(), model: model.to_owned() }
}

/// Who answers to a name without a prefix.
fn bare(name: &str, catalog: &Catalog, own: &[&str], env: &Env) -> Option<&'static str> {
    if name.contains(BISON) {
        return Some(VERTEX);
    }
    if is_bedrock_id(name) {
        return Some("bedrock");
    }
    let (_, provider, _) = BARE.iter().find(|(start, ..)| name.starts_with(start))?;
    match *provider {
        GEMINI => Some(google_door(catalog, own, env)),
        provider => Some(provider),
    }
}

fn google_door(catalog: &Catalog, own: &[&str], env: &Env) -> &'static str {
    let is_true = |value: String| value.eq_ignore_ascii_case("true") || value == "1";
    if env.get(USE_VERTEX).is_some_and(is_true) {
        return VERTEX;
    }
    let has_key = own.contains(&GEMINI)
        || catalog.find(GEMINI).is_some_and(|(_, row)| env.first(&row.key_env).is_some());
    let has_project =
        own.contains(&VERTEX) || VERTEX_PROJECT.iter().any(|name| env.get(name).is_some());
    if has_project && !has_key { VERTEX } else { GEMINI }
}

/// `arn:aws:bedrock:...`, in any partition of AWS.
fn is_bedrock_arn(name: &str) -> bool {
    let mut parts = name.split(':');
    parts.next() == Some("arn") && parts.nth(1) == Some("bedrock")
}

/// `anthropic.claude-...`, `us.amazon.nova-...`.
fn is_bedrock_id(name: &str) -> bool {
    let made_by = |name: &str| {
        let parts = name.split_once('.');
        parts.is_some_and(|(maker, rest)| BEDROCK_MAKERS.contains(&maker) && !rest.is_empty())
    };
    let placed = name.split_once('.').filter(|(place, _)| BEDROCK_PLACES.contains(place));
    made_by(name) || placed.is_some_and(|(_, id)| made_by(id))
}

/// `name:<64 hex digits>`.
fn is_replicate_version(model: &str) -> bool {
    let version = model.rsplit_once(':').map_or("", |(_, version)| version);
    version.len() == 64 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn unknown_provider(prefix: &str, name: &str, catalog: &Catalog, own: &[&str]) -> Unresolved {
    // Many hosts call a model by its maker and its name.
    let same = models::names().filter(|(provider, model)| {
        model.eq_ignore_ascii_case(name) && catalog.find(provider).is_some()
    });
    let mut close: Vec<String> =
        same.take(SUGGESTED).map(|(provider, model)| format!("{provider}/{model}")).collect();
    let lower = prefix.to_lowercase();
    if catalog.find(&lower).is_some() || own.contains(&lower.as_str()) {
        close = vec![name.replacen(prefix, &lower, 1)];
    }
    if close.is_empty() {
        let known = catalog.names().chain(own.iter().copied()).chain([MOCK]);
        close = nearest(prefix, known, SUGGESTED);
    }
    let define = format!("or define it: [providers.{prefix}] with `dialect` and `base_url`");
    Unresolved {
        message: format!("no provider is called `{prefix}`"),
        help: match close.is_empty() {
            true => format!("write a known provider before the slash, {define}"),
            false => format!("did you mean {}? {define}", list(&close)),
        },
    }
}

fn unknown_model(name: &str, catalog: &Catalog, own: &[&str], env: &Env) -> Unresolved {
    let lower = name.to_lowercase();
    let is_own = own.contains(&name);
    if is_own || catalog.find(&lower).is_some() {
        let proper = if is_own { name } else { &lower };
        return Unresolved {
            message: format!("`{name}` is a provider, and which of its models is not said"),
            help: format!("write `{proper}/`, and the model's name after it"),
        };
    }
    let close = suggestions(name, models::names(), catalog, env);
    Unresolved {
        message: format!("no provider is known for the bare name `{name}`"),
        help: format!("did you mean {}? else write `provider/{name}`", list(&close)),
    }
}

/// Three names that can be asked, the likest first: those of the table, and where it has none that
/// is like it, those of the rules.
pub fn suggestions<'t>(
    name: &str,
    table: impl Iterator<Item = (&'t str, &'t str)>,
    catalog: &Catalog,
    env: &Env,
) -> Vec<String> {
    /// Half of the letters may be wrong.
    const LIKE: f64 = 0.5;
    /// A name that needs a prefix must be so much liker to go before one that needs none.
    const DETOUR: f64 = 0.15;
    /// No model has a longer name. The time to compare two names grows with both lengths.
    const LONGEST: usize = 120;
    let whole = name.trim().to_lowercase();
    let lower: String = whole.chars().take(LONGEST).collect();
    let length = lower.chars().count();
    let likeness =
        |known: &str| strsim::normalized_damerau_levenshtein(&lower, &known.to_lowercase());
    // Names of which one is twice as long as the other are not alike.
    let score = |known: &str| match known.chars().count() {
        other if other * 2 < length || length * 2 < other => 0.0,
        _ => likeness(known),
    };
    let mut scored: Vec<(f64, bool, String)> = table
        .filter(|(provider, _)| catalog.find(provider).is_some())
        .filter_map(|(provider, model)| {
            let last = model.rsplit('/').next().unwrap_or(model);
            let full = format!("{provider}/{model}");
            let is_bare = bare(model, catalog, &[], env) == Some(provider);
            let score = score(model).max(score(last)).max(score(&full));
            let score = if is_bare { score } else { score - DETOUR };
            let shown = if is_bare { model.to_owned() } else { full };
            (score >= LIKE).then_some((score, is_bare, shown))
        })
        .collect();
    let others =
        BARE.iter().map(|(_, _, known)| (likeness(known) - 1.0, true, (*known).to_owned()));
    scored.extend(others);
    if whole != name && bare(&whole, catalog, &[], env).is_some() {
        // It is a slip of the shift key or of the space bar alone, also where the model is gone.
        scored.push((1.0, true, whole.clone()));
    }
    scored.sort_by(|a, b| {
        b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.len().cmp(&b.2.len())).then(a.2.cmp(&b.2))
    });
    let mut chosen: Vec<String> = Vec::new();
    for (_, is_bare, shown) in scored {
        // Where a bare name will do, other hosts of the same model are no further suggestion.
        let is_said = |said: &String| {
            *said == shown || !is_bare && shown.rsplit('/').next() == Some(said.as_str())
        };
        if chosen.len() < SUGGESTED && !chosen.iter().any(is_said) {
            chosen.push(shown);
        }
    }
    chosen
}

/// The texts most like `text`, best first, those too unlike left out.
pub fn nearest<'k>(text: &str, known: impl Iterator<Item = &'k str>, most: usize) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), name))
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(most).map(|(_, name)| name.to_owned()).collect()
}

/// Names in backticks: `` `a`, `b` or `c` ``.
pub fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
