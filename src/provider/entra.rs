//! Where a token of Microsoft Entra ID is found: handed in, or fetched by a service principal.

use std::sync::Arc;

use reqwest::Url;

use crate::provider::auth::KeyFault;
use crate::provider::env::Env;
use crate::wire::authorized::Authorizer;
use crate::wire::entra::{Entra, Principal};
use crate::wire::secret::{Redactor, Secret};

/// The key without which a token is wanted.
const KEY: &str = "AZURE_API_KEY";

/// Tokens that others fetched, such as `az account get-access-token`.
const TOKENS: [&str; 2] = ["AZURE_AD_TOKEN", "AZURE_OPENAI_AD_TOKEN"];

/// Who asks for tokens.
const PRINCIPAL: [&str; 3] = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"];

/// Where tokens are asked for when `AZURE_AUTHORITY_HOST` does not say: other clouds have their own.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// What tokens are for when `AZURE_SCOPE` does not say.
const SCOPE: &str = "https://cognitiveservices.azure.com/.default";

/// Whoever adds a token to each request of an endpoint without a key, by what the environment says.
pub fn authorizer(env: &Env, redactor: &Redactor) -> Result<Arc<dyn Authorizer>, KeyFault> {
    if let Some(token) = TOKENS.iter().find_map(|name| env.get(name)) {
        return Ok(Arc::new(Entra::given(&Secret::new(&token), redactor)));
    }
    let set = PRINCIPAL.map(|name| env.get(name).map(|value| value.trim().to_owned()));
    let [Some(tenant), Some(client_id), Some(secret)] = set.clone() else {
        return Err(missing(&set));
    };
    let setting = |name, usual: &str| env.get(name).unwrap_or_else(|| usual.to_owned());
    let authority = authority(setting("AZURE_AUTHORITY_HOST", AUTHORITY).trim())?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if !tenant.chars().all(is_plain) {
        return Err(KeyFault {
            message: "`AZURE_TENANT_ID` is no name of a tenant".to_owned(),
            help: "a tenant is a GUID, or a domain such as contoso.onmicrosoft.com".to_owned(),
        });
    }
    let principal = Principal {
        token_url: format!("{authority}/{tenant}/oauth2/v2.0/token"),
        client_id,
        client_secret: Secret::new(&secret),
        scope: setting("AZURE_SCOPE", SCOPE).trim().to_owned(),
    };
    Ok(Arc::new(Entra::of(principal, redactor)))
}

/// What is missing: of a principal that was begun, its other parts.
fn missing(set: &[Option<String>; 3]) -> KeyFault {
    let missing = PRINCIPAL.iter().zip(set).filter(|(_, value)| value.is_none());
    let missing: Vec<String> = missing.map(|(name, _)| format!("`{name}`")).collect();
    match missing.len() < PRINCIPAL.len() {
        true => KeyFault {
            message: format!("no token of Entra ID: {} is not set", missing.join(" and ")),
            help: format!("export all of {}, or a key", PRINCIPAL.join(", ")),
        },
        false => KeyFault {
            message: format!("no key and no token: neither `{KEY}` nor `{}` is set", TOKENS[0]),
            help: format!(
                "export {KEY}=..., {}=..., or all of {}",
                TOKENS[0],
                PRINCIPAL.join(", ")
            ),
        },
    }
}

/// The place of a login: a secret goes there, so it is `https`, or this machine.
fn authority(text: &str) -> Result<String, KeyFault> {
    let fault = || KeyFault {
        message: "`AZURE_AUTHORITY_HOST` is no https address".to_owned(),
        help: format!("unset it, or export AZURE_AUTHORITY_HOST={AUTHORITY}"),
    };
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&whole).map_err(|_| fault())?;
    let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_local;
    let is_bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    match is_safe && is_bare {
        true => Ok(whole.trim_end_matches('/').to_owned()),
        false => Err(fault()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(set: &[(&str, &str)]) -> Result<Arc<dyn Authorizer>, KeyFault> {
        let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        authorizer(&Env::of(set), &Redactor::default())
    }

    #[test]
    fn a_token_is_handed_in_or_fetched_by_a_whole_principal() {
        let whole = [
            ("AZURE_TENANT_ID", "contoso.onmicrosoft.com"),
            ("AZURE_CLIENT_ID", "app"),
            ("AZURE_CLIENT_SECRET", "s3cret"),
        ];
        assert!(made(&[("AZURE_AD_TOKEN", "eyJ")]).is_ok());
        assert!(made(&whole).is_ok());
        let half = made(&whole[1..]).expect_err("no tenant");
        assert_eq!(half.message, "no token of Entra ID: `AZURE_TENANT_ID` is not set");
        let none = made(&[]).expect_err("nothing");
        assert!(none.message.contains("neither `AZURE_API_KEY` nor `AZURE_AD_TOKEN`"), "{none:?}");
        assert!(none.help.contains("AZURE_AD_TOKEN=..., or all of AZURE_TENANT_ID"), "{none:?}");
        let evil = [("AZURE_TENANT_ID", "../x"), whole[1], whole[2]];
        assert!(made(&evil).expect_err("no tenant").message.contains("no name of a tenant"));
    }

    #[test]
    fn a_secret_goes_to_https_or_to_this_machine() {
        for (text, expected) in [
            ("https://login.microsoftonline.us/", Some("https://login.microsoftonline.us")),
            ("login.chinacloudapi.cn", Some("https://login.chinacloudapi.cn")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://login.microsoftonline.com", None),
            ("https://a@b", None),
            ("https://h/?x", None),
        ] {
            assert_eq!(authority(text).ok().as_deref(), expected, "{text}");
        }
    }
}
