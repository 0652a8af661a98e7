//! What a model of `OpenAI`'s can do, read from its name. Its family and number say it all: a
//! model newer than the ones known here is taken for one like the newest.

/// What a model can do.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) struct Ability {
    /// Its limit of tokens is called `max_completion_tokens`, and `max_tokens` is refused.
    pub(in crate::provider) counts_completion: bool,
    /// When it takes `temperature`, `top_p` and `logprobs`.
    pub(in crate::provider) sampling: Sampling,
    /// It takes stop sequences.
    pub(in crate::provider) stop: bool,
    /// It takes penalties.
    pub(in crate::provider) penalties: bool,
    /// It takes `logit_bias` and `prediction`.
    pub(in crate::provider) bias: bool,
    /// It takes `verbosity`.
    pub(in crate::provider) verbosity: bool,
    /// How hard it can be told to think.
    pub(in crate::provider) efforts: Efforts,
    /// Parameters of other houses are known to be refused.
    pub(in crate::provider) is_known: bool,
}

/// When a model takes the parameters of sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Sampling {
    /// Always.
    Free,
    /// While it does not think; `by_default` says whether that is so when nobody says otherwise.
    Unthinking { by_default: bool },
    /// Never.
    Never,
}

/// The levels of `reasoning_effort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Efforts {
    /// Whatever there is: the model is not known.
    Any,
    /// None: it does not think.
    No,
    /// These.
    Of(&'static [&'static str]),
}

impl Ability {
    /// A model that is not known: it may be another house's behind the same interface.
    const STRANGER: Self = Self {
        counts_completion: false,
        sampling: Sampling::Free,
        stop: true,
        penalties: true,
        bias: true,
        verbosity: true,
        efforts: Efforts::Any,
        is_known: false,
    };

    /// What the model of this name can do. A region before the name, as Azure's prices have it, and
    /// the mark of a fine-tuned model say nothing of it.
    pub(in crate::provider) fn of(model: &str) -> Self {
        let name = bare(model);
        if let Some(rest) = name.strip_prefix("gpt-") {
            return version(rest).map_or_else(|| unnumbered(name), |at| numbered(name, at));
        }
        match series(name) {
            Some(_) => thinker(name),
            None => unnumbered(name),
        }
    }
}

/// Whether a model answers on `/responses` alone (the column `endpoints` of the model facts).
pub(in crate::provider) fn answers_on_responses_alone(model: &str) -> bool {
    let name = bare(model);
    let mut words = name.split('-');
    let is_new = series(name).is_some()
        || name.strip_prefix("gpt-").and_then(version).is_some_and(|at| at >= (5, 0));
    name.starts_with("computer-use-preview")
        || name.starts_with("gpt-daybreak-")
        || name.starts_with("codex-")
        || is_new && (name.contains("-deep-research") || words.any(|w| w == "pro" || w == "codex"))
}

/// The name alone, without what stands around it.
fn bare(model: &str) -> &str {
    let name = model.strip_prefix("responses/").unwrap_or(model);
    let name = name.rsplit('/').next().unwrap_or(name);
    name.strip_prefix("ft:").unwrap_or(name)
}

/// The number of a series of thinking models: `o3-mini` is of the third.
fn series(name: &str) -> Option<u32> {
    let word = name.strip_prefix('o')?.split(['-', ':']).next()?;
    word.parse().ok()
}

/// The number at the start: `5.1-codex-max` is 5.1, and Azure's `35-turbo` is 3.5.
fn version(rest: &str) -> Option<(u32, u32)> {
    let word = rest.split(['-', ':']).next()?;
    // Letters after the number, as in `4o`, make no other number of it.
    let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    match (major.parse().ok()?, minor.parse().ok()?) {
        (35, 0) => Some((3, 5)),
        at => Some(at),
    }
}

/// A model whose name holds no number.
fn unnumbered(name: &str) -> Ability {
    const NEW: &[&str] =
        &["chat-latest", "gpt-chat-latest", "gpt-rosalind", "gpt-daybreak", "daybreak-", "codex-"];
    match () {
        () if NEW.iter().any(|start| name.starts_with(start)) => {
            Ability { counts_completion: true, is_known: true, ..Ability::STRANGER }
        }
        () if name.starts_with("chatgpt-4o") => plain(),
        () => Ability::STRANGER,
    }
}

/// The models before those that think.
fn plain() -> Ability {
    Ability { verbosity: false, efforts: Efforts::No, is_known: true, ..Ability::STRANGER }
}

/// `o1`, `o3-mini`, `o4-mini` and their like.
fn thinker(name: &str) -> Ability {
    let stop = !(name.starts_with("o4-mini") || name.starts_with("o3") && !name.contains("mini"));
    Ability {
        counts_completion: true,
        sampling: Sampling::Never,
        stop,
        penalties: false,
        bias: false,
        efforts: Efforts::Of(&["low", "medium", "high"]),
        is_known: true,
        ..Ability::STRANGER
    }
}

/// `gpt-` with a number.
fn numbered(name: &str, at: (u32, u32)) -> Ability {
    let has = |word| name.split('-').any(|other| other == word);
    if at < (5, 0) {
        return plain();
    }
    if at == (5, 0) && has("chat") {
        // The one that was said to think and does not.
        return Ability { counts_completion: true, is_known: true, ..Ability::STRANGER };
    }
    let (pro, codex) = (has("pro"), has("codex"));
    let thinks_always = at == (5, 0)
        || pro
        || codex && at < (5, 3)
        || has("astra")
        || has("rosalind")
        || has("sol") && at == (6, 1);
    let by_default = !codex && !has("chat") && ((5, 1)..=(5, 4)).contains(&at);
    Ability {
        counts_completion: true,
        sampling: match thinks_always {
            true => Sampling::Never,
            false => Sampling::Unthinking { by_default },
        },
        stop: false,
        penalties: false,
        bias: false,
        verbosity: true,
        efforts: match () {
            // The facts do not say which levels these know.
            () if has("chat") || codex && at < (5, 3) => Efforts::Any,
            () => Efforts::Of(efforts(at, pro, thinks_always)),
        },
        is_known: true,
    }
}

/// The levels of a version (the column `reasoning_effort_flags` of the model facts).
fn efforts(at: (u32, u32), pro: bool, thinks_always: bool) -> &'static [&'static str] {
    match (at, pro, thinks_always) {
        ((5, 0), ..) => &["minimal", "low", "medium", "high"],
        ((5, 1), ..) => &["none", "low", "medium", "high"],
        ((5, 2), true, _) => &["minimal", "low", "medium", "high", "xhigh"],
        ((5, 5), true, _) => &["medium", "high", "xhigh"],
        ((5, _), _, true) => &["low", "medium", "high", "xhigh"],
        ((5, _), ..) => &["none", "low", "medium", "high", "xhigh"],
        (_, _, true) => &["low", "medium", "high", "xhigh", "max"],
        _ => &["none", "low", "medium", "high", "xhigh", "max"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::models::{Listing, listings};

    #[test]
    fn a_name_tells_what_a_model_takes() {
        let unthinking = |by_default| Sampling::Unthinking { by_default };
        for (model, counts_completion, sampling, stop) in [
            ("gpt-3.5-turbo", false, Sampling::Free, true),
            ("gpt-35-turbo-16k", false, Sampling::Free, true),
            ("gpt-4o-mini", false, Sampling::Free, true),
            ("gpt-4.1-nano", false, Sampling::Free, true),
            ("chatgpt-4o-latest", false, Sampling::Free, true),
            ("ft:gpt-4o-mini-2024-07-18:acme::1", false, Sampling::Free, true),
            ("o1", true, Sampling::Never, true),
            ("o3-mini-2025-01-31", true, Sampling::Never, true),
            ("o3", true, Sampling::Never, false),
            ("ft:o4-mini-2025-04-16", true, Sampling::Never, false),
            ("gpt-5-2025-08-07", true, Sampling::Never, false),
            ("gpt-5-chat-latest", true, Sampling::Free, true),
            ("gpt-5.1", true, unthinking(true), false),
            ("gpt-5.4-mini", true, unthinking(true), false),
            ("gpt-5.5", true, unthinking(false), false),
            ("eu/gpt-6-sol", true, unthinking(false), false),
            ("gpt-6.1-sol", true, Sampling::Never, false),
            ("gpt-6-astra-law", true, Sampling::Never, false),
            ("gpt-7", true, unthinking(false), false),
            ("chat-latest", true, Sampling::Free, true),
            ("gpt-oss-120b", false, Sampling::Free, true),
            ("my-deployment", false, Sampling::Free, true),
            ("orca-2", false, Sampling::Free, true),
            ("o", false, Sampling::Free, true),
        ] {
            let ability = Ability::of(model);
            let found = (ability.counts_completion, ability.sampling, ability.stop);
            assert_eq!(found, (counts_completion, sampling, stop), "{model}");
        }
    }

    #[test]
    fn a_name_tells_how_hard_a_model_can_think() {
        for (model, takes, refuses) in [
            ("o3-mini", "low", "minimal"),
            ("gpt-5", "minimal", "none"),
            ("gpt-5.1", "none", "xhigh"),
            ("gpt-5.2", "xhigh", "minimal"),
            ("gpt-5.3-codex", "none", "minimal"),
            ("gpt-5.5-pro", "medium", "low"),
            ("gpt-5.6-terra", "none", "max"),
            ("gpt-6-sol", "max", "minimal"),
            ("gpt-6.1-sol", "max", "none"),
            ("gpt-6.1-terra", "none", "minimal"),
        ] {
            let Efforts::Of(levels) = Ability::of(model).efforts else { panic!("{model}") };
            assert!(levels.contains(&takes) && !levels.contains(&refuses), "{model}: {levels:?}");
        }
        assert_eq!(Ability::of("gpt-4o").efforts, Efforts::No);
        assert_eq!(Ability::of("gpt-5.1-codex-max").efforts, Efforts::Any);
    }

    #[test]
    fn the_table_of_models_knows_no_other_place() {
        let ours = |row: &Listing| matches!(row.provider, "openai" | "azure");
        for row in listings().filter(ours) {
            let answers = |route| row.routes.split(' ').any(|known| known == route);
            // `chat` alone also stands for what is not known.
            if answers("responses") {
                let alone = answers_on_responses_alone(row.model);
                assert_eq!(alone, !answers("chat"), "{}/{}", row.provider, row.model);
            }
        }
    }

    /// The rows of the model facts of 2026-11-22 whose `endpoints` have no chat completions.
    #[test]
    fn a_model_without_chat_completions_is_known_by_its_name() {
        for model in [
            "codex-mini-latest",
            "computer-use-preview",
            "computer-use-preview-2025-03-11",
            "gpt-5-codex",
            "gpt-5-pro",
            "gpt-5-pro-2025-10-06",
            "gpt-5.1-codex",
            "gpt-5.1-codex-max",
            "gpt-5.1-codex-mini",
            "gpt-5.1-codex-mini-2025-11-13",
            "gpt-5.2-codex",
            "gpt-5.2-pro",
            "gpt-5.2-pro-2025-12-11",
            "gpt-5.3-codex",
            "gpt-5.4-pro",
            "gpt-5.4-pro-2026-03-05",
            "gpt-5.5-pro",
            "gpt-5.5-pro-2026-04-23",
            "gpt-daybreak-blue-latest",
            "gpt-daybreak-red-latest",
            "o1-pro",
            "o1-pro-2025-03-19",
            "o3-deep-research",
            "o3-deep-research-2025-06-26",
            "o3-pro",
            "o3-pro-2025-06-10",
            "o4-mini-deep-research",
            "o4-mini-deep-research-2025-06-26",
            "codex-mini",
            "eu/gpt-5-pro",
            "global/gpt-5.1-codex",
        ] {
            assert!(answers_on_responses_alone(model), "{model}");
        }
        for model in [
            "gpt-5",
            "gpt-5.6-sol",
            "gpt-6.1-terra",
            "gpt-5.1-chat-latest",
            "gpt-5-search-api",
            "gpt-4o",
            "gpt-4-turbo-preview",
            "gpt-audio",
            "chat-latest",
            "daybreak-blue-latest",
            "o1",
            "o3-mini",
            "o4-mini",
            "llama-pro",
            "gemini-2.5-pro",
            "ft:gpt-4o-2024-08-06",
        ] {
            assert!(!answers_on_responses_alone(model), "{model}");
        }
    }
}
