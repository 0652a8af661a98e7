//! What a call needs beside its words: the key, the user's own headers, and whoever proves anew for
//! each request who sends it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::provider::auth::{Auth, KeyFault};
use crate::provider::aws;
use crate::provider::entra;
use crate::provider::env::Env;
use crate::provider::google;
use crate::provider::{Endpoint, HeaderSource, Provider};
use crate::wire::authorized::{Authorized, Authorizer};
use crate::wire::http::Http;
use crate::wire::message::AddedHeader;
use crate::wire::secret::{Redactor, Secret};
use crate::wire::transport::Transport;

/// What opens a provider's door.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The key, where one is sent as it is.
    pub key: Option<Secret>,
    /// Headers that go with every request.
    pub headers: Arc<[AddedHeader]>,
    /// Who proves each request, where a key is not enough.
    pub authorizer: Option<Arc<dyn Authorizer>>,
    /// Settings that nobody stated, and that what opens the door knows: the `project` of an account.
    pub settings: BTreeMap<String, String>,
}

impl Provider {
    /// Finds what opens the door. The redactor learns every secret of it, and those that are
    /// fetched later.
    pub fn access(&self, env: &Env, redactor: &Redactor) -> Result<Access, KeyFault> {
        let mut access = match self.auth {
            Auth::Key => Access { key: self.key.find(env)?, ..Access::default() },
            Auth::Aws => {
                let key = self.key.find(env)?;
                let unsigned = key.is_none();
                let signer = || aws::signer::signer(&self.settings, env, redactor);
                Access { key, authorizer: unsigned.then(signer).transpose()?, ..Access::default() }
            }
            Auth::Entra => {
                let key = self.key.find(env)?;
                let keyless = key.is_none();
                let tokens = || entra::authorizer(env, redactor);
                Access { key, authorizer: keyless.then(tokens).transpose()?, ..Access::default() }
            }
            Auth::Google => google::access(self, env, redactor)?,
        };
        access.key.iter().for_each(|key| redactor.learn(key));
        let mut headers = access.headers.to_vec();
        for (name, source) in &self.headers {
            let header = source.header(name, env)?;
            if matches!(source, HeaderSource::Env(_)) {
                redactor.learn(&header.value);
            }
            headers.push(header);
        }
        access.headers = headers.into();
        Ok(access)
    }

    /// The provider with its door open.
    pub fn endpoint(&self, access: &Access) -> Endpoint {
        let mut settings = (*self.settings).clone();
        settings.extend(access.settings.clone());
        Endpoint {
            provider: Arc::clone(&self.name),
            base_url: Arc::clone(&self.base_url),
            key: access.key.clone(),
            headers: Arc::clone(&access.headers),
            settings,
            quirks: Arc::clone(&self.quirks),
        }
    }
}

impl Access {
    /// A transport over `http` that proves each request where that is needed.
    pub fn transport(&self, http: &Arc<Http>) -> Arc<dyn Transport> {
        match &self.authorizer {
            None => Arc::clone(http) as _,
            Some(by) => Arc::new(Authorized::new(Arc::clone(http), Arc::clone(by))),
        }
    }
}

impl HeaderSource {
    fn header(&self, name: &str, env: &Env) -> Result<AddedHeader, KeyFault> {
        let value = match self {
            Self::Text(text) => Secret::new(text),
            Self::Env(variable) => {
                let found = env.get(variable).ok_or_else(|| KeyFault {
                    message: format!("no value for the header `{name}`: `{variable}` is not set"),
                    help: format!("export {variable}=..., or write it into a .env file here"),
                })?;
                Secret::new(&found)
            }
        };
        if value.expose().bytes().any(|byte| byte.is_ascii_control()) {
            return Err(KeyFault {
                message: format!("the value of the header `{name}` cannot be sent"),
                help: "a header is one line of text".to_owned(),
            });
        }
        Ok(AddedHeader { name: name.into(), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::auth::KeySource;
    use crate::provider::table;

    #[test]
    fn every_secret_of_the_door_is_known_to_the_redactor() {
        let dialect = table::dialect("openai").expect("it is there");
        let provider = Provider {
            key: KeySource::Env(vec!["KEY".to_owned()]),
            headers: vec![
                ("X-Team".to_owned(), HeaderSource::Text("search".to_owned())),
                ("X-Pass".to_owned(), HeaderSource::Env("PASS".to_owned())),
            ],
            ..Provider::new("lab", dialect, "http://h")
        };
        let set = [("KEY", "sk-canary"), ("PASS", "pass-canary")];
        let env = Env::of(set.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let redactor = Redactor::default();
        let access = provider.access(&env, &redactor).expect("all is set");
        assert_eq!(access.headers[1].value.expose(), "pass-canary");
        let clean = redactor.clean_text("search sk-canary pass-canary");
        assert_eq!(clean, "search [redacted] [redacted]");
        let fault = provider.access(&Env::of([]), &redactor).expect_err("nothing is set");
        assert!(fault.message.contains("`KEY` is not set"), "{fault:?}");
    }
}
