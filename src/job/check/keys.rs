//! Keys and headers of a provider: which variable, file or command, and how they travel.

use reqwest::header::{HeaderName, HeaderValue};

use crate::job::check::Check;
use crate::job::diagnostic::Diagnostic;
use crate::job::file::{KeyFile, ProviderFile};
use crate::job::file_values::{HeaderFile, Named};
use crate::job::key_path::KeyPath;
use crate::job::veil;
use crate::provider::HeaderSource;
use crate::provider::auth::KeySource;

impl Check<'_> {
    /// The header that carries the key, and what stands before the key in it.
    pub fn key_header(
        &mut self,
        section: &ProviderFile,
        path: &KeyPath,
    ) -> (Option<String>, String) {
        let Some(stated) = &section.key_header else { return (None, String::new()) };
        let (name, prefix) = match stated.split_once(':') {
            Some((name, prefix)) => (name.trim(), format!("{} ", prefix.trim())),
            None => (stated.trim(), String::new()),
        };
        if HeaderName::try_from(name).is_err() || HeaderValue::from_str(&prefix).is_err() {
            let message = "this is not the name of a header";
            let help = "write key_header = \"x-api-key\", or \"authorization: Token\" for what \
                        stands before the key";
            self.faults.push(Diagnostic::at_value(path.key("key_header"), message).help(help));
        }
        (Some(name.to_owned()), prefix)
    }

    /// Headers that go with every request.
    pub fn headers(
        &mut self,
        stated: &Named<HeaderFile>,
        path: &KeyPath,
    ) -> Vec<(String, HeaderSource)> {
        let mut headers = Vec::new();
        for (name, value) in &stated.0 {
            if HeaderName::try_from(name).is_err() {
                let fault = Diagnostic::at_key(path.key(name), "this is not the name of a header");
                self.faults.push(fault.help("a header is called X-Team, for example"));
            }
            let source = match value {
                HeaderFile::Text(text) => {
                    if veil::is_key_place(&path.key(name)) {
                        let message =
                            "a key does not belong into a job, which is kept with every run";
                        let help = format!("name its variable: {name} = {{ env = \"NAME\" }}");
                        let fault = Diagnostic::at_key(path.key(name), message);
                        self.faults.push(fault.help(help));
                    }
                    if HeaderValue::from_str(text).is_err() {
                        let fault = Diagnostic::at_value(path.key(name), "this cannot be sent");
                        self.faults.push(fault.help("a header is one line of text"));
                    }
                    HeaderSource::Text(text.clone())
                }
                HeaderFile::Env(variable) => HeaderSource::Env(variable.clone()),
            };
            headers.push((name.clone(), source));
        }
        headers
    }

    /// Where the key is found.
    pub fn key(&mut self, key: &KeyFile, path: &KeyPath) -> Option<KeySource> {
        let mut sources = Vec::new();
        if let Some(names) = &key.env {
            let is_name = |name: &String| {
                !name.is_empty()
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            };
            if !names.0.iter().all(is_name) {
                let message = "this is not the name of a variable";
                let help = "name the variable, such as OPENAI_API_KEY, and never the key itself";
                self.faults.push(Diagnostic::at_value(path.key("env"), message).help(help));
            }
            sources.push(KeySource::Env(names.0.clone()));
        }
        if let Some(file) = &key.file {
            sources.push(KeySource::File(self.folder().join(file)));
        }
        if let Some(command) = &key.command {
            if command.first().is_none_or(|program| program.trim().is_empty()) {
                let message = "`command` names no program";
                let help =
                    "a program and its arguments: command = [\"pass\", \"show\", \"openai\"]";
                self.faults.push(Diagnostic::at_value(path.key("command"), message).help(help));
            }
            sources.push(KeySource::Command(command.clone()));
        }
        if sources.len() > 1 {
            let message = "`api_key` names more than one place";
            let help = "keep one of `env`, `file` and `command`; `env` takes a list of variables";
            self.faults.push(Diagnostic::at_key(path.clone(), message).help(help));
        }
        sources.into_iter().next()
    }
}
