//! The oddities of a host, as data: what it calls otherwise, what it does not take, and how its
//! key travels.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// What is odd about a host. Nothing is, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Parameters that it knows by another name: ours, and its own.
    pub rename: BTreeMap<String, String>,
    /// Parameters that it does not take.
    pub unsupported: BTreeSet<String>,
    /// Whether it is `OpenAI`'s own service, so that the rules of its newer models hold.
    pub openai_rules: bool,
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
