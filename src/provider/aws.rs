//! What Amazon's own tools would know of this machine: keys, profile, region. Only what is there is
//! looked at here; credentials that must be fetched are fetched when the first request goes out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

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

/// A file of Amazon's tools.
fn file(env: &Env, variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = env.get(variable) {
        return Some(PathBuf::from(path));
    }
    let home = env.get("HOME").or_else(|| env.get("USERPROFILE"))?;
    Some(PathBuf::from(home).join(".aws").join(name))
}

/// What the profile that is in use says under this name in the `config` file.
pub fn in_profile(env: &Env, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file(env, "AWS_CONFIG_FILE", "config")?).ok()?;
    let profile = env.get("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    profile_value(&text, profile.trim(), name)
}

/// A value in the text of a `config` file, whose sections are `[default]` and `[profile x]`. What
/// is indented below a name belongs to that name.
fn profile_value(text: &str, profile: &str, name: &str) -> Option<String> {
    let mut is_in = false;
    let mut found = None;
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#', ';'])) {
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title = title.trim();
            let named = title.strip_prefix("profile").map_or(title, str::trim);
            is_in = named == profile && (named != title || profile == "default");
        } else if let Some((key, value)) = line.split_once('=')
            && is_in
            && key.trim().eq_ignore_ascii_case(name)
        {
            let value = value.split(" #").next().unwrap_or_default().trim();
            found = Some(value.to_owned()).filter(|value| !value.is_empty());
        }
    }
    found
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

    #[test]
    fn a_profile_states_its_region() {
        let text = "; mine\n[default]\nregion = eu-west-1 # home\ns3 =\n  region = nowhere\n\n\
                    [profile work]\noutput=json\nRegion=us-gov-west-1\n[profile bare]\n[work]\nregion=no\n";
        let region = |profile| profile_value(text, profile, "region");
        assert_eq!(region("default").as_deref(), Some("eu-west-1"));
        assert_eq!(region("work").as_deref(), Some("us-gov-west-1"));
        assert_eq!((region("bare"), region("other")), (None, None));
        let folder = tempfile::tempdir().expect("a folder");
        let home = folder.path().to_str().expect("a name").to_owned();
        std::fs::create_dir(folder.path().join(".aws")).expect("a folder");
        std::fs::write(folder.path().join(".aws/config"), text).expect("written");
        let set = env(&[("HOME", &home), ("AWS_PROFILE", "work")]);
        assert_eq!(in_profile(&set, "region").as_deref(), Some("us-gov-west-1"));
    }
}
