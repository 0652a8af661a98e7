//! Who signs requests to Amazon, with keys that are stated or found as Amazon's own tools find them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::file;
use crate::provider::auth::KeyFault;
use crate::provider::env::Env;
use crate::wire::authorized::Authorizer;
use crate::wire::aws::{Signer, Source};
use crate::wire::secret::{Redactor, Secret};

/// The service's name in a signature; the host's name is another.
const SERVICE: &str = "bedrock";

/// Variables of which each leads to credentials.
const LEADS: &[&str] = &[
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// Who signs requests. Half a key is a fault, and so is nothing at all where the metadata service
/// of the machine must not be asked.
pub fn signer(
    settings: &BTreeMap<String, String>,
    env: &Env,
    redactor: &Redactor,
) -> Result<Arc<dyn Authorizer>, KeyFault> {
    let region = settings.get("region").cloned();
    let source = match (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Source::Stated {
            id: id.trim().to_owned(),
            secret: Secret::new(&secret),
            session: env.get("AWS_SESSION_TOKEN").map(|token| Secret::new(&token)),
        },
        (Some(_), None) => return Err(half("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")),
        (None, Some(_)) => return Err(half("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")),
        (None, None) if leads_nowhere(env) => return Err(nothing()),
        (None, None) => Source::Found { profile: env.get("AWS_PROFILE") },
    };
    Ok(Arc::new(Signer::new(SERVICE, region, source, redactor)))
}

fn half(missing: &str, there: &str) -> KeyFault {
    KeyFault {
        message: format!("no key: `{there}` is set and `{missing}` is not"),
        help: format!("export {missing}=..., or unset {there}"),
    }
}

fn nothing() -> KeyFault {
    KeyFault {
        message: "no AWS credentials: no variable, no profile and no role leads to any".to_owned(),
        help: "export AWS_BEARER_TOKEN_BEDROCK=..., or AWS_ACCESS_KEY_ID=... and \
               AWS_SECRET_ACCESS_KEY=..., or run `aws configure`"
            .to_owned(),
    }
}

/// Whether it is certain that no credentials will be found: the metadata service may have some
/// wherever it is not switched off.
fn leads_nowhere(env: &Env) -> bool {
    let is_off = env.get("AWS_EC2_METADATA_DISABLED");
    let is_off = is_off.is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let is_there = |path: Option<PathBuf>| path.is_some_and(|path| path.is_file());
    is_off
        && LEADS.iter().all(|name| env.get(name).is_none())
        && !is_there(file(env, "AWS_SHARED_CREDENTIALS_FILE", "credentials"))
        && !is_there(file(env, "AWS_CONFIG_FILE", "config"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn fault(pairs: &[(&str, &str)]) -> Option<String> {
        let made = signer(&BTreeMap::new(), &env(pairs), &Redactor::default());
        made.err().map(|fault| format!("{}; {}", fault.message, fault.help))
    }

    #[test]
    fn half_a_key_and_no_lead_at_all_are_told_before_anything_is_sent() {
        let whole = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret-canary")];
        assert_eq!(fault(&whole), None);
        let told = fault(&whole[..1]).expect("half a key");
        assert!(told.contains("export AWS_SECRET_ACCESS_KEY=..."), "{told}");
        assert!(fault(&whole[1..]).expect("half a key").contains("export AWS_ACCESS_KEY_ID=..."));
        let off = ("AWS_EC2_METADATA_DISABLED", "true");
        assert!(fault(&[off]).expect("nothing").contains("no AWS credentials"));
        assert_eq!(fault(&[off, ("AWS_PROFILE", "work")]), None);
        assert_eq!(fault(&[]), None, "the metadata service may have some");
    }

    #[test]
    fn what_is_stated_is_known_to_the_redactor() {
        let redactor = Redactor::default();
        let set = env(&[
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret-canary"),
            ("AWS_SESSION_TOKEN", "session-canary"),
        ]);
        signer(&BTreeMap::new(), &set, &redactor).expect("a signer");
        assert_eq!(redactor.clean_text("secret-canary session-canary"), "[redacted] [redacted]");
    }
}
