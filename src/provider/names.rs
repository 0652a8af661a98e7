//! From a model's name as the user wrote it to its provider: rules, not price rows.

use crate::provider::catalog::{Catalog, MOCK};

/// Names that are known without a prefix, by how they begin, and who answers to them. The first
/// rule that fits wins.
const BARE: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("ft:gpt-", "openai"),
    ("ft:o", "openai"),
    ("davinci-002", "openai"),
    ("babbage-002", "openai"),
    ("claude-", "anthropic"),
    ("gemini-", "gemini"),
    ("command", "cohere"),
    ("c4ai-", "cohere"),
    ("mistral-", "mistral"),
    ("ministral-", "mistral"),
    ("codestral-", "mistral"),
    ("magistral-", "mistral"),
    ("devstral-", "mistral"),
    ("pixtral-", "mistral"),
    ("deepseek-", "deepseek"),
    ("grok-", "xai"),
];

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

/// Finds the provider of a model. `own` are the providers that the job defines.
pub fn resolve(name: &str, catalog: &Catalog, own: &[&str]) -> Result<Resolved, Unresolved> {
    let found = |provider: &str, model: &str| Resolved {
        provider: provider.to_owned(),
        model: model.to_owned(),
    };
    if let Some((prefix, model)) = name.split_once('/') {
        if prefix.is_empty() || model.is_empty() {
            return Err(Unresolved {
                message: format!("`{name}` lacks a part of `provider/model`"),
                help: "write the provider, a slash, and the model's name".to_owned(),
            });
        }
        if own.contains(&prefix) || prefix == MOCK {
            return Ok(found(prefix, model));
        }
        return match catalog.find(prefix) {
            Some((provider, _)) => Ok(found(provider, model)),
            None => Err(unknown_provider(prefix, catalog, own)),
        };
    }
    let fits = |(start, _): &&(&str, &str)| name.starts_with(start);
    match BARE.iter().find(fits) {
        Some((_, provider)) => Ok(found(provider, name)),
        None => Err(unknown_model(name)),
    }
}

fn unknown_provider(prefix: &str, catalog: &Catalog, own: &[&str]) -> Unresolved {
    let known = catalog.names().chain(own.iter().copied()).chain([MOCK]);
    let close = nearest(prefix, known, 3);
    let define = format!("or define it: [providers.{prefix}] with `dialect` and `base_url`");
    Unresolved {
        message: format!("no provider is called `{prefix}`"),
        help: match close.is_empty() {
            true => format!("write a known provider before the slash, {define}"),
            false => format!("did you mean {}? {define}", list(&close)),
        },
    }
}

fn unknown_model(name: &str) -> Unresolved {
    let starts = BARE.iter().map(|(start, _)| *start);
    let close: Vec<String> =
        nearest_start(name, starts, 3).into_iter().map(|start| format!("{start}...")).collect();
    Unresolved {
        message: format!("no provider is known for the bare name `{name}`"),
        help: format!(
            "write `provider/{name}`; bare names are known that begin with {}",
            list(&close)
        ),
    }
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

fn nearest_start<'k>(
    name: &str,
    starts: impl Iterator<Item = &'k str>,
    most: usize,
) -> Vec<&'k str> {
    let mut scored: Vec<(f64, &str)> = starts
        .map(|start| {
            let head: String = name.chars().take(start.chars().count()).collect();
            (strsim::jaro_winkler(&head, start), start)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(most).map(|(_, start)| start).collect()
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(name: &str) -> Result<(String, String), Unresolved> {
        let resolved = resolve(name, &Catalog::builtin(), &["lab"])?;
        Ok((resolved.provider, resolved.model))
    }

    #[test]
    fn names_resolve_by_their_prefix_or_their_shape() {
        for (name, provider, model) in [
            ("gpt-4o-mini", "openai", "gpt-4o-mini"),
            ("o3-mini", "openai", "o3-mini"),
            ("ft:gpt-4o-mini:acme::1", "openai", "ft:gpt-4o-mini:acme::1"),
            ("openai/gpt-4", "openai", "gpt-4"),
            ("openrouter/openai/gpt-4", "openrouter", "openai/gpt-4"),
            ("lab/a/b", "lab", "a/b"),
            ("mock/echo", "mock", "echo"),
            ("grok-4", "xai", "grok-4"),
            ("claude-3-opus-20240229", "anthropic", "claude-3-opus-20240229"),
            ("gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
            ("command", "cohere", "command"),
            ("command-light", "cohere", "command-light"),
            ("command-nightly", "cohere", "command-nightly"),
        ] {
            let expected = Ok((provider.to_owned(), model.to_owned()));
            assert_eq!(resolved(name), expected, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_what_is_near() {
        let fault = resolved("opnai/gpt-4").expect_err("a typo");
        assert!(fault.help.starts_with("did you mean `openai`"), "{}", fault.help);
        let fault = resolved("gtp-4o").expect_err("a typo");
        assert!(fault.help.contains("`gpt-...`"), "{}", fault.help);
        assert!(resolved("openai/").is_err() && resolved("/x").is_err());
    }
}
