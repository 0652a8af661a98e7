//! What to do about a call that failed at a prompt, where no `--resume` helps: it depends on how
//! the provider is set up here.

use crate::call::failure::{Failure, FailureKind};
use crate::provider::catalog::Catalog;
use crate::provider::env::Env;
use crate::provider::located::{Changes, located};
use crate::wire::secret::REDACTED;

/// Where the best-known providers make keys.
const KEY_PAGES: &[(&str, &str)] = &[
    ("openai", "https://platform.openai.com/api-keys"),
    ("anthropic", "https://platform.claude.com/settings/keys"),
    ("gemini", "https://aistudio.google.com/apikey"),
    ("cohere", "https://dashboard.cohere.com/api-keys"),
    ("mistral", "https://console.mistral.ai/api-keys"),
    ("groq", "https://console.groq.com/keys"),
    ("deepseek", "https://platform.deepseek.com/api_keys"),
    ("xai", "https://console.x.ai"),
    ("openrouter", "https://openrouter.ai/settings/keys"),
    ("together_ai", "https://api.together.ai/settings/api-keys"),
];

/// How a provider is set up here.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    provider: String,
    base_url: String,
    /// The variable that the key was found in, else those that could hold it.
    key_variables: String,
    /// The variable that `base_url` comes from.
    base_url_variable: Option<String>,
    /// The variable to set for another `base_url`.
    base_url_variables: Vec<String>,
    has_proxy: bool,
}

impl Setup {
    /// How a provider of the catalogue is set up in this environment.
    pub fn of(provider: &str, catalog: &Catalog, env: &Env) -> Self {
        let Some((name, row)) = catalog.find(provider) else {
            return Self { provider: provider.to_owned(), ..Self::default() };
        };
        let names = |names: &[String]| {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(" or ")
        };
        let key = env.first(&row.key_env).map(|(variable, _)| format!("`{variable}`"));
        let base = env.first(&row.base_url_env);
        let stated = base.as_ref().map_or(&*row.base_url, |(_, url)| url);
        let base_url = match located(name, row, Changes::default(), env) {
            Ok(provider) => shown(&provider.base_url),
            Err(_) => shown(stated),
        };
        let has_proxy = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
            .iter()
            .any(|variable| env.get(variable).is_some());
        Self {
            provider: name.to_owned(),
            base_url,
            key_variables: key.unwrap_or_else(|| names(&row.key_env)),
            base_url_variable: base.map(|(variable, _)| variable.to_owned()),
            base_url_variables: row.base_url_env.clone(),
            has_proxy,
        }
    }

    /// Whether the user says where the provider is.
    pub fn is_elsewhere(&self) -> bool {
        self.base_url_variable.is_some()
    }

    /// What to do about a failure of this provider; `None` where its own words say it already.
    pub fn help(&self, failure: &Failure) -> Option<String> {
        let was_sent = failure.http_status.is_some();
        let help = match failure.kind {
            FailureKind::Authentication if was_sent => self.another_key(),
            FailureKind::PermissionDenied => {
                format!("use a key that may do this; the key is in {}", self.key_variables)
            }
            FailureKind::NotFound => format!("check the model's name, and {}", self.place()),
            FailureKind::ContextWindowExceeded => {
                "shorten what is said, or take a model with a larger window".to_owned()
            }
            FailureKind::ContentPolicyViolation => {
                "say it differently: the provider blocks it, and will again".to_owned()
            }
            FailureKind::RateLimit => match failure.retry_after {
                Some(wait) => format!("it is set up; ask again in {} s", wait.as_secs().max(1)),
                None => "it is set up, and busy for now; ask again later".to_owned(),
            },
            FailureKind::QuotaExceeded => {
                format!("add credit or raise the quota at `{}`", self.provider)
            }
            FailureKind::Timeout | FailureKind::ApiConnection => self.way(),
            FailureKind::ServiceUnavailable | FailureKind::InternalServer => {
                "the provider has trouble; ask again later".to_owned()
            }
            FailureKind::ApiResponseValidation if !failure.message.contains("max_tokens") => {
                format!("ask again; if it stays so, check {}", self.place())
            }
            _ => return None,
        };
        Some(help)
    }

    fn another_key(&self) -> String {
        let page = KEY_PAGES.iter().find(|(provider, _)| *provider == self.provider);
        let from = match page {
            Some((_, page)) => format!("keys are made at {page}"),
            None => format!("`{}` makes keys for its accounts", self.provider),
        };
        let place = match &self.base_url_variable {
            Some(variable) => format!(", and whether it is for `{variable}`"),
            None => String::new(),
        };
        format!("check the key in {}{place}; {from}", self.key_variables)
    }

    /// The base URL, and what it comes from or could come from.
    fn place(&self) -> String {
        let url = match self.base_url.as_str() {
            "" => "not known",
            url => url,
        };
        match (&self.base_url_variable, self.base_url_variables.first()) {
            (Some(variable), _) => format!("`{variable}`, which is {url}"),
            (None, Some(variable)) => format!("the base URL {url} (`{variable}` changes it)"),
            (None, None) => format!("the base URL {url}"),
        }
    }

    fn way(&self) -> String {
        let is_https = self.base_url.starts_with("https:");
        let proxy = match (is_https, self.has_proxy) {
            (false, _) => "whether something listens there",
            (true, true) => "the proxy that HTTPS_PROXY names",
            (true, false) => "the network; behind a proxy, set HTTPS_PROXY",
        };
        format!("check {}, and {proxy}", self.place())
    }
}

/// A URL as it may be shown: without a user's name and password.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{}", &rest[end..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(variables: &[(&str, &str)]) -> Setup {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let env = Env::of(variables.iter().map(owned));
        Setup::of("openai", &Catalog::builtin(), &env)
    }

    fn refused(kind: FailureKind) -> Failure {
        Failure { http_status: Some(401), ..Failure::new(kind, "no") }
    }

    #[test]
    fn a_wrong_key_is_told_with_its_variable_and_never_with_itself() {
        let here = setup(&[("OPENAI_API_KEY", "sk-canary")]);
        let help = here.help(&refused(FailureKind::Authentication)).expect("a help");
        assert!(help.contains("`OPENAI_API_KEY`") && help.contains("api-keys"), "{help}");
        assert!(!help.contains("canary"), "{help}");
    }

    #[test]
    fn the_way_to_a_provider_is_told_with_its_base_url() {
        let help = |variables: &[(&str, &str)]| {
            setup(variables).help(&refused(FailureKind::ApiConnection)).expect("a help")
        };
        let told = help(&[]);
        assert!(told.contains("api.openai.com") && told.contains("set HTTPS_PROXY"), "{told}");
        let told = help(&[("HTTPS_PROXY", "http://p")]);
        assert!(told.contains("the proxy that HTTPS_PROXY names"), "{told}");
        let told = help(&[("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")]);
        let expected = "check `OPENAI_BASE_URL`, which is http://127.0.0.1:9/v1, and whether \
                        something listens there";
        assert_eq!(told, expected);
        let told = help(&[("OPENAI_BASE_URL", "http://u:pa@ss@h/v1")]);
        assert!(told.contains("which is http://[redacted]@h/v1,"), "{told}");
    }

    #[test]
    fn every_key_page_is_that_of_a_provider() {
        let catalog = Catalog::builtin();
        for (provider, page) in KEY_PAGES {
            assert!(catalog.find(provider).is_some_and(|(name, _)| name == *provider));
            assert!(page.starts_with("https://"));
        }
    }
}
