//! What Amazon's own tools would know of this machine: keys, profile, region. Only what is there is
//! looked at here; credentials that must be fetched are fetched when the first request goes out.

use std::path::PathBuf;

use crate::provider::env::Env;

#[cfg_attr(not(feature = "aws"), path = "aws/unsigned.rs")]
pub mod signer;

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
