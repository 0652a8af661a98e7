//! The matrix: every combination of its values.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::call::request::Params;
use crate::job::check::Check;
use crate::job::diagnostic::Diagnostic;
use crate::job::key_path::KeyPath;
use crate::job::params;

/// More combinations than this are a slip of the pen.
const MOST_COMBINATIONS: usize = 1_000;

/// One combination of the matrix.
#[derive(Clone, Debug, Default)]
pub struct Combination {
    /// Its name, such as `top_p=0.5`.
    pub variant: Option<Arc<str>>,
    /// Its parameters.
    pub params: Params,
}

impl Combination {
    /// This combination and one more value.
    fn with(&self, name: &str, value: &Value) -> Self {
        let shown = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let variant = match &self.variant {
            Some(before) => format!("{before},{name}={shown}"),
            None => format!("{name}={shown}"),
        };
        let mut params = self.params.clone();
        params.insert(name.to_owned(), value.clone());
        Self { variant: Some(variant.into()), params }
    }
}

impl Check<'_> {
    /// The combinations of the matrix; one without any parameter where there is none.
    pub fn matrix(&mut self, matrix: &Map<String, Value>, path: &KeyPath) -> Vec<Combination> {
        let mut combinations = vec![Combination::default()];
        let mut count = 1_usize;
        for (name, list) in matrix {
            let values = list.as_array().map_or(&[][..], Vec::as_slice);
            let at = path.key(name);
            self.param(name, &at);
            for (nth, value) in values.iter().enumerate() {
                if values[..nth].contains(value) {
                    let fault = Diagnostic::at_value(at.index(nth), "this value stands here twice");
                    self.faults
                        .push(fault.help("to ask more than once, write repeats = 2 at the top"));
                }
            }
            count = count.saturating_mul(values.len().max(1));
            if count > MOST_COMBINATIONS {
                let message = format!("the matrix has more than {MOST_COMBINATIONS} combinations");
                let help = "leave values away, or make two jobs of it";
                self.faults.push(Diagnostic::at_key(path.clone(), message).help(help));
                return vec![Combination::default()];
            }
            let with = |base: &Combination, value: &Value| base.with(name, value);
            combinations = combinations
                .iter()
                .flat_map(|base| values.iter().map(move |value| with(base, value)))
                .collect();
        }
        if let Some([first, second]) = params::stated_twice(matrix) {
            let message = format!("`{first}` and `{second}` are two names for one limit");
            self.faults
                .push(Diagnostic::at_key(path.key(second), message).help("keep one of them"));
        }
        combinations
    }
}
