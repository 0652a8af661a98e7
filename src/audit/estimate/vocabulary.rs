//! How the input of a model is counted: which vocabulary it has, and what is put around a talk.
//!
//! The encodings are those of OpenAI's `tiktoken`; the factors of families that publish none, and
//! what a message costs beside its text, are from the sheet of tokenizers (Anthropic's own figures
//! for Claude, rules of thumb for the rest). What earlier runs told corrects them.

use crate::audit::estimate::{encoded, weights};
use crate::call::estimate::text_tokens;
use crate::provider::catalog::MOCK;
use crate::provider::models;

/// Texts of more characters are counted by samples.
const LONGEST: usize = 100_000;
/// How many samples, and how long each is, in bytes.
const SAMPLES: usize = 64;
const SAMPLE: usize = 1_024;

/// Providers that serve OpenAI's models by their own names, whatever else they serve.
const HOMES: [&str; 2] = ["openai", "azure"];

/// Names that have an encoding, `-` at the end for all names that begin so.
const CL100K: [&str; 9] = [
    "gpt-4",
    "gpt-4-",
    "gpt-3.5-turbo",
    "gpt-3.5-turbo-",
    "gpt-35-turbo",
    "gpt-35-turbo-",
    "gpt-4-32k",
    "davinci-002",
    "babbage-002",
];
/// How names of the newer encoding begin.
const O200K: [&str; 10] = [
    "gpt-6",
    "gpt-5",
    "gpt-4.1",
    "gpt-4.5",
    "gpt-4o",
    "chatgpt-4o",
    "o1",
    "o3",
    "o4-mini",
    "gpt-oss",
];

/// Families without a public vocabulary: a part of the name, the factor on the weights, tokens that
/// each message and each call carry beside the text, and those of the prompt that comes with tools.
const FAMILIES: [(&str, f64, u64, u64, u64); 9] = [
    ("claude", 1.2, 4, 3, 340),
    ("gemini", 1.05, 1, 0, 50),
    ("deepseek", 1.05, 4, 2, 222),
    ("qwen", 1.05, 5, 2, 196),
    ("llama-2", 1.2, 6, 2, 50),
    ("llama2", 1.2, 6, 2, 50),
    ("codellama", 1.2, 6, 2, 50),
    ("mixtral", 1.2, 5, 2, 50),
    ("mistral-7b", 1.2, 5, 2, 50),
];

/// What Claude's newer vocabulary adds: about 30 % (Anthropic, of Sonnet 5 and later).
const NEW_CLAUDE: f64 = 1.3;
/// The system message that `gpt-oss` gets from every host: 61 tokens of `o200k_harmony`.
const HARMONY: u64 = 61;

/// How the input of a model is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vocabulary {
    /// How text is counted.
    pub text: Text,
    /// Tokens that each message carries beside its text, its role included.
    pub per_message: u64,
    /// Tokens that each call carries.
    pub per_call: u64,
    /// Tokens that come with tools, whatever they are.
    pub with_tools: u64,
    /// Whether a talk of plain text is counted exactly.
    pub is_exact: bool,
}

/// How text is counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Text {
    /// As the built-in provider counts.
    Builtin,
    /// By OpenAI's newer vocabulary.
    O200k,
    /// By its older one.
    Cl100k,
    /// By weights of what stands in it, times a factor.
    Weighed(f64),
}

impl Vocabulary {
    /// How the input of this model is counted.
    pub fn of(provider: &str, model: &str) -> Self {
        if provider == MOCK {
            let (per_message, per_call) = (4, 3);
            let text = Text::Builtin;
            return Self { text, per_message, per_call, with_tools: 0, is_exact: true };
        }
        let name = bare(model);
        if let Some(text) = encoding(&name) {
            // 3 for each message and 1 for its role, 3 that begin the answer.
            let own = name.contains("gpt-oss");
            let is_served = || HOMES.contains(&provider) || models::find(provider, model).is_some();
            return Self {
                text,
                per_message: 4,
                per_call: if own { 3 + HARMONY } else { 3 },
                with_tools: 10,
                is_exact: encoded::IS_EXACT && !own && is_known(&name) && is_served(),
            };
        }
        let family = FAMILIES.iter().find(|(part, ..)| name.contains(part));
        let &(part, factor, per_message, per_call, with_tools) =
            family.unwrap_or(&("", 1.1, 5, 2, 50));
        let is_new = part == "claude" && claude_version(&name) >= Some((5, 0));
        let text = Text::Weighed(if is_new { factor * NEW_CLAUDE } else { factor });
        Self { text, per_message, per_call, with_tools, is_exact: false }
    }

    /// The tokens of a text, and whether they were counted one by one.
    pub fn tokens(&self, text: &str) -> (u64, bool) {
        // Bytes are at least as many as characters.
        if self.text == Text::Builtin || text.len() <= LONGEST || text.chars().count() <= LONGEST {
            return (self.whole(text), true);
        }
        let (mut counted, mut tokens) = (0, 0);
        for nth in 0..SAMPLES {
            let sample = sample(text, nth);
            counted += sample.len();
            tokens += self.whole(sample);
        }
        ((tokens as f64 * text.len() as f64 / counted as f64).round() as u64, false)
    }

    fn whole(&self, text: &str) -> u64 {
        match self.text {
            Text::Builtin => text_tokens(text),
            Text::O200k => encoded::o200k(text),
            Text::Cl100k => encoded::cl100k(text),
            Text::Weighed(factor) => (weights::tokens(text) * factor).ceil() as u64,
        }
    }
}

/// One of the evenly spaced samples of a long text.
fn sample(text: &str, nth: usize) -> &str {
    let start = text.floor_char_boundary(text.len() / SAMPLES * nth);
    &text[start..text.floor_char_boundary(start + SAMPLE)]
}

/// The name without what hosts put around it: `us.openai.gpt-5.5`, `openai/gpt-4o:batch`, and the
/// base of a fine-tune.
fn bare(model: &str) -> String {
    let name = model.to_ascii_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    let name = name.strip_prefix("ft:").unwrap_or(name);
    let name = name.split_once("openai.").map_or(name, |(_, name)| name);
    name.split(':').next().unwrap_or_default().to_owned()
}

/// Whether the name is one of a model whose encoding is published.
fn is_known(name: &str) -> bool {
    is_old(name) || O200K.iter().any(|start| name.starts_with(start))
}

fn is_old(name: &str) -> bool {
    CL100K.iter().any(|known| match known.ends_with('-') {
        true => name.starts_with(known),
        false => name == *known,
    })
}

/// The encoding of a model of OpenAI's; what only looks like one has the newest.
fn encoding(name: &str) -> Option<Text> {
    if is_old(name) {
        return Some(Text::Cl100k);
    }
    let rest = name.strip_prefix('o').unwrap_or_default();
    let is_numbered = rest.starts_with(|digit: char| digit.is_ascii_digit());
    let looks_so = ["gpt-", "chatgpt-", "codex-"].iter().any(|start| name.starts_with(start));
    (is_known(name) || looks_so || is_numbered).then_some(Text::O200k)
}

/// The version in the name of a Claude: 4 and 7 of `claude-opus-4-7`, 4 and 0 of
/// `claude-sonnet-4-20250514`.
pub fn claude_version(name: &str) -> Option<(u32, u32)> {
    let (_, rest) = name.split_once("claude")?;
    let parts = rest.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty());
    // Dates are no versions.
    let mut numbers = parts.map(|part| part.parse().ok().filter(|number| *number < 100));
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_encoding_of_its_longest_beginning() {
        for (provider, model, text, is_exact) in [
            ("openai", "gpt-4", Text::Cl100k, true),
            ("openai", "gpt-4-turbo-2024-04-09", Text::Cl100k, true),
            ("openai", "gpt-4o-mini", Text::O200k, true),
            ("openai", "gpt-4.1-nano", Text::O200k, true),
            ("openai", "ft:gpt-4o-mini-2024-07-18:acme::id", Text::O200k, true),
            ("openai", "ft:gpt-3.5-turbo:acme", Text::Cl100k, true),
            ("openai", "gpt-7-preview", Text::O200k, false),
            ("openai", "o3-mini", Text::O200k, true),
            ("azure", "azure/gpt-35-turbo-16k", Text::Cl100k, true),
            ("azure", "eu/gpt-4o", Text::O200k, true),
            ("azure", "our-deployment", Text::Weighed(1.1), false),
            ("openrouter", "openai/gpt-5-pro", Text::O200k, true),
            ("bedrock", "us.openai.gpt-5.5", Text::O200k, true),
            ("groq", "openai/gpt-oss-120b", Text::O200k, false),
            ("lab", "gpt-4o", Text::O200k, false),
            ("anthropic", "claude-3-haiku-20240307", Text::Weighed(1.2), false),
            ("anthropic", "claude-haiku-4-5", Text::Weighed(1.2), false),
            ("anthropic", "claude-sonnet-5", Text::Weighed(1.2 * 1.3), false),
            ("gemini", "gemini-2.5-pro", Text::Weighed(1.05), false),
            ("mock", "gpt-4o", Text::Builtin, true),
        ] {
            let found = Vocabulary::of(provider, model);
            assert_eq!((found.text, found.is_exact), (text, is_exact), "{provider} {model}");
        }
    }

    #[test]
    fn the_version_of_a_claude_is_in_its_name() {
        for (name, version) in [
            ("anthropic.claude-3-5-sonnet-20240620-v1:0", Some((3, 5))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-opus-4-7", Some((4, 7))),
            ("claude-sonnet-5", Some((5, 0))),
            ("claude-instant", None),
            ("gpt-4", None),
        ] {
            assert_eq!(claude_version(name), version, "{name}");
        }
    }

    #[test]
    fn texts_are_counted_as_tiktoken_does() {
        for (text, cl100k, o200k) in [
            ("hello", 1, 1),
            ("Hello, runner!", 4, 4),
            ("The quick brown fox jumps over 13 lazy dogs.", 11, 11),
            ("1234567", 3, 3),
            ("3.14159", 4, 4),
            ("don't DON'T", 4, 2),
            ("fn main() { println!(\"{}\", 42); }", 10, 10),
            (r#"{"id":"x-1","n":[1,2,3]}"#, 15, 15),
            ("snake_case_name camelCaseName", 6, 6),
            ("https://example.com/a?b=c&d=1", 12, 12),
            ("   leading spaces", 3, 3),
            ("日本語のテキスト", 8, 6),
            ("你好,世界", 6, 3),
            ("Привет, мир", 6, 4),
            ("مرحبا", 5, 2),
            ("नमस्ते", 6, 4),
            ("<|endoftext|>", 7, 7),
        ] {
            let of = |model| Vocabulary::of("openai", model).tokens(text);
            assert_eq!((of("gpt-4"), of("gpt-4o")), ((cl100k, true), (o200k, true)), "{text}");
        }
    }

    #[test]
    fn a_long_text_is_counted_by_samples() {
        let counted = Vocabulary::of("openai", "gpt-4o");
        let part = "The quick brown fox jumps over 13 lazy dogs. 日本語のテキスト\n";
        let text = part.repeat(4_000);
        let (tokens, is_whole) = counted.tokens(&text);
        let (of_part, _) = counted.tokens(part);
        assert!(!is_whole);
        assert!(tokens.abs_diff(of_part * 4_000) < of_part * 200, "{tokens}");
        // What would take a backtracking expression long.
        for part in ["A", " ", "aA", "本", "1", "\n ", "/\n", "'"] {
            let text = part.repeat(LONGEST / part.chars().count());
            assert!(counted.tokens(&text).0 > 100, "{part:?}");
        }
    }
}
