//! The files in which Google's tools keep credentials.

use reqwest::Url;
use serde::Deserialize;

use crate::provider::auth::KeyFault;
use crate::wire::google::grant::{Grant, SigningKey};
use crate::wire::secret::Secret;

/// Where tokens are asked for by a file that does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Types that need more than one exchange.
const NOT_YET: &[&str] = &[
    "external_account",
    "external_account_authorized_user",
    "impersonated_service_account",
    "gdch_service_account",
];

/// Credentials, ready to be used.
#[derive(Debug)]
pub(super) struct Credentials {
    /// What a token is asked with.
    pub(super) grant: Grant,
    /// The project to which they belong.
    pub(super) project: Option<String>,
    /// The project that pays, where that is another one.
    pub(super) quota_project: Option<String>,
    /// All that must not be shown.
    pub(super) secrets: Vec<Secret>,
}

/// The fields that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    project_id: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    quota_project_id: Option<String>,
}

impl Credentials {
    /// Reads the JSON of a file; `place` names it for people. No fault quotes it.
    pub(super) fn read(text: &str, place: &str) -> Result<Self, KeyFault> {
        let file: File = serde_json::from_str(text).map_err(|why| {
            // The parser's own words may quote a key.
            let at = format!("line {}, column {}", why.line(), why.column());
            fault(place, &format!("is not the JSON of credentials (at {at})"))
        })?;
        let (grant, secrets) = match file.kind.as_deref() {
            Some("service_account") => file.account(place)?,
            Some("authorized_user") => file.user(place)?,
            Some(kind) if NOT_YET.contains(&kind) => return Err(other_kind(place, kind)),
            Some(kind) => {
                return Err(fault(place, &format!("holds credentials of the type `{kind}`")));
            }
            None => return Err(fault(place, "does not say of which `type` its credentials are")),
        };
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(Self {
            grant,
            project: filled(file.project_id),
            quota_project: filled(file.quota_project_id),
            secrets,
        })
    }
}

impl File {
    fn account(&self, place: &str) -> Result<(Grant, Vec<Secret>), KeyFault> {
        let pem = needed(self.private_key.as_ref(), "private_key", place)?;
        let key = SigningKey::from_pem(pem)
            .map_err(|why| fault(place, &format!("has a `private_key` that is none: {why}")))?;
        let grant = Grant::Account {
            email: needed(self.client_email.as_ref(), "client_email", place)?.to_owned(),
            key,
            key_id: self.private_key_id.clone(),
            token_uri: self.token_uri(place)?,
        };
        // As it stands in a text, and as it stands in JSON.
        Ok((grant, vec![Secret::new(pem), Secret::new(&pem.trim().replace('\n', "\\n"))]))
    }

    fn user(&self, place: &str) -> Result<(Grant, Vec<Secret>), KeyFault> {
        let secret =
            |field: &Option<String>, name| needed(field.as_ref(), name, place).map(Secret::new);
        let client_secret = secret(&self.client_secret, "client_secret")?;
        let refresh_token = secret(&self.refresh_token, "refresh_token")?;
        let secrets = vec![client_secret.clone(), refresh_token.clone()];
        let grant = Grant::User {
            client_id: needed(self.client_id.as_ref(), "client_id", place)?.to_owned(),
            client_secret,
            refresh_token,
            token_uri: self.token_uri(place)?,
        };
        Ok((grant, secrets))
    }

    /// Where tokens are asked for. What is sent there opens the account, so it goes to nobody who
    /// listens on the way.
    fn token_uri(&self, place: &str) -> Result<String, KeyFault> {
        let uri = self.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let is_safe = |url: &Url| match url.scheme() {
            "https" => true,
            "http" => {
                matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
            }
            _ => false,
        };
        match Url::parse(uri).ok().filter(is_safe) {
            Some(_) => Ok(uri.to_owned()),
            None => Err(fault(place, "has a `token_uri` that is no https:// address")),
        }
    }
}

fn needed<'f>(field: Option<&'f String>, name: &str, place: &str) -> Result<&'f str, KeyFault> {
    let field = field.map(|text| text.as_str()).filter(|text| !text.trim().is_empty());
    field.ok_or_else(|| fault(place, &format!("has no `{name}`")))
}

fn fault(place: &str, what: &str) -> KeyFault {
    KeyFault {
        message: format!("no key: {place} {what}"),
        help: "take the JSON file of a service account as the console gives it, or run `gcloud \
               auth application-default login`"
            .to_owned(),
    }
}

fn other_kind(place: &str, kind: &str) -> KeyFault {
    KeyFault {
        message: format!(
            "no key: {place} holds credentials of the type `{kind}`, which are not read"
        ),
        help: "let gcloud make the token: api_key = { command = [\"gcloud\", \"auth\", \
               \"application-default\", \"print-access-token\"] }"
            .to_owned(),
    }
}
