//! The oddities of a host, as data: what it calls otherwise, what it does not take, and how its
//! key travels.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What is odd about a host. Nothing is, by default.
#[expect(clippy::struct_excessive_bools, reason = "each is an oddity of its own")]
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Parameters that it knows by another name: ours, and its own.
    pub rename: BTreeMap<String, String>,
    /// Words that it knows by another name, by parameter: `tool_choice`'s `required` is `any`. A
    /// word whose other name is empty is not taken.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Parameters that it does not take.
    pub unsupported: BTreeSet<String>,
    /// Its highest temperature, where it takes less than others.
    pub max_temperature: Option<f64>,
    /// Whether it is `OpenAI`'s own service, so that the rules of its newer models hold.
    pub openai_rules: bool,
    /// Whether thinking is a switch of its own, `thinking`, beside `reasoning_effort`.
    pub thinking_switch: bool,
    /// Whether a message that is all text must be one string and no list of parts.
    pub plain_text: bool,
    /// Whether even the content of a message must not be null.
    pub no_nulls: bool,
    /// Whether it refuses what its schema does not know, in messages and tools too.
    pub strict_schema: bool,
    /// Where chats are, after the base URL, where that is not the dialect's usual place.
    pub path: Option<String>,
    /// The header that carries the key, where it is not the dialect's usual one.
    pub key_header: Option<String>,
    /// What stands before the key in that header, such as `Token `.
    pub key_prefix: String,
}

impl Quirks {
    /// The name under which a parameter goes out.
    pub fn name<'n>(&'n self, name: &'n str) -> &'n str {
        self.rename.get(name).map_or(name, String::as_str)
    }

    /// These, with what a job states over them.
    pub fn overlaid(mut self, stated: Self) -> Self {
        self.rename.extend(stated.rename);
        self.unsupported.extend(stated.unsupported);
        if stated.key_header.is_some() {
            self.key_header = stated.key_header;
            self.key_prefix = stated.key_prefix;
        }
        self
    }
}
