//! Job files in the making: a provider `lab` at a test's server, asked for `lab/m`.

use std::fmt;

use serde_json::Value;

use crate::support::server::Server;

/// A job file named `t`, with quick retries. Each part can be replaced or added to.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    top: String,
    models: Vec<String>,
    provider: String,
    retry: String,
    limits: String,
    prompts: String,
    rest: String,
}

impl Lab {
    /// A job that asks this server.
    pub(crate) fn at(server: &Server) -> Self {
        Self::at_url(&server.base_url())
    }

    /// A job that asks whoever is there.
    pub(crate) fn at_url(base_url: &str) -> Self {
        Self {
            top: "name = \"t\"\n".to_owned(),
            models: Vec::new(),
            provider: format!("dialect = \"openai\"\nbase_url = \"{base_url}\"\n"),
            retry: "initial = \"2ms\"\nmax = \"20ms\"\n".to_owned(),
            limits: String::new(),
            prompts: "inline = [\"hello\"]\n".to_owned(),
            rest: String::new(),
        }
    }

    /// One more key of the job itself.
    pub(crate) fn top(mut self, line: &str) -> Self {
        add(&mut self.top, line);
        self
    }

    /// The keys of one more model. Without any, `lab/m` is asked.
    pub(crate) fn model(mut self, lines: &str) -> Self {
        self.models.push(lines.to_owned());
        self
    }

    /// One more key of `[providers.lab]`.
    pub(crate) fn provider(mut self, line: &str) -> Self {
        add(&mut self.provider, line);
        self
    }

    /// All keys of `[retry]`.
    pub(crate) fn retry(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.retry);
        self
    }

    /// One more key of `[limits]`.
    pub(crate) fn limits(mut self, line: &str) -> Self {
        add(&mut self.limits, line);
        self
    }

    /// The prompts: these texts, in the prompt set `p`.
    pub(crate) fn texts<T: Into<String>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        // JSON's way of quoting is TOML's too, but for one character.
        let quoted = |text: T| Value::String(text.into()).to_string().replace('\u{7f}', "\\u007f");
        let quoted: Vec<String> = texts.into_iter().map(quoted).collect();
        self.prompts(&format!("inline = [{}]", quoted.join(", ")))
    }

    /// The prompts: as many, all different, the first of them `row 1`.
    pub(crate) fn rows(self, count: usize) -> Self {
        self.texts(numbered(count))
    }

    /// All keys of the prompt set `p`.
    pub(crate) fn prompts(mut self, lines: &str) -> Self {
        lines.clone_into(&mut self.prompts);
        self
    }

    /// More tables.
    pub(crate) fn and(mut self, tables: &str) -> Self {
        add(&mut self.rest, tables);
        self
    }
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// The texts `row 1`, `row 2`, ...
pub(crate) fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("row {n}")).collect()
}

impl fmt::Display for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.top)?;
        match self.models.is_empty() {
            true => writeln!(f, "[[models]]\nmodel = \"lab/m\"\n")?,
            false => {
                self.models.iter().try_for_each(|keys| writeln!(f, "[[models]]\n{keys}\n"))?;
            }
        }
        writeln!(f, "[providers.lab]\n{}", self.provider)?;
        writeln!(f, "[retry]\n{}", self.retry)?;
        writeln!(f, "[limits]\n{}", self.limits)?;
        if !self.prompts.is_empty() {
            writeln!(f, "[prompts.p]\n{}\n", self.prompts)?;
        }
        f.write_str(&self.rest)
    }
}
