//! Which credentials are found, and what is told where there are none.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::provider::catalog::Catalog;
use crate::provider::located::{Changes, located};

const KEY: &str = include_str!("../../../tests/wire/google/test-key.pem");

fn env(variables: &[(&str, &str)]) -> Env {
    // No test asks the machine on which it runs.
    let quiet = [("NO_GCE_CHECK", "true")];
    let all = quiet.iter().chain(variables);
    Env::of(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn opened(variables: &[(&str, &str)], key: Option<KeySource>) -> Result<Access, KeyFault> {
    let env = env(variables);
    let catalog = Catalog::builtin();
    let (name, row) = catalog.find("vertex_ai").expect("it is catalogued");
    let provider = located(name, row, Changes { key, ..Changes::default() }, &env);
    provider.expect("a provider").access(&env, &Redactor::default())
}

fn account(over: &Value) -> String {
    let mut file = json!({
        "type": "service_account",
        "project_id": "p-1",
        "private_key_id": "k1",
        "private_key": KEY,
        "client_email": "r@p-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    });
    for (name, value) in over.as_object().expect("an object") {
        file[name] = value.clone();
    }
    file.to_string()
}

fn user() -> String {
    json!({"type": "authorized_user", "client_id": "c", "client_secret": "s-1234",
        "refresh_token": "1//refresh", "quota_project_id": "p-2"})
    .to_string()
}

fn project(access: &Access) -> Option<&str> {
    access.settings.get("project").map(String::as_str)
}

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn credentials_are_found_in_googles_order() {
    let home = tempfile::tempdir().expect("a folder");
    let key = written(home.path(), "key.json", &account(&json!({})));
    let login = ".config/gcloud/application_default_credentials.json";
    written(home.path(), login, &user());
    let folder = home.path().display().to_string();
    let machine = ("GCE_METADATA_HOST", "127.0.0.1:1");
    let shown = |variables: &[(&str, &str)]| {
        let access = opened(variables, None).expect("credentials");
        format!("{:?} {:?}", project(&access), access.authorizer.as_ref().expect("it asks"))
    };
    let all = [("GOOGLE_APPLICATION_CREDENTIALS", &*key), ("HOME", &*folder), machine];
    assert!(shown(&all).starts_with("Some(\"p-1\") Google { grant: Account"), "{}", shown(&all));
    assert!(shown(&all[1..]).starts_with("Some(\"p-2\") Google { grant: User"));
    assert!(shown(&all[2..]).starts_with("Some(\"{project}\") Google { grant: Machine"));
    let json = account(&json!({}));
    assert!(shown(&[("VERTEXAI_CREDENTIALS", &*json)]).contains("Account"));
    let moved = written(home.path(), "moved/application_default_credentials.json", &user());
    let moved = moved.trim_end_matches("/application_default_credentials.json");
    assert!(shown(&[("CLOUDSDK_CONFIG", moved)]).contains("User"));
}

#[test]
fn a_stated_project_wins_and_a_payer_is_named() {
    let json = account(&json!({}));
    let credentials = ("VERTEXAI_CREDENTIALS", &*json);
    let access = opened(&[credentials, ("GOOGLE_CLOUD_PROJECT", "mine")], None).expect("access");
    assert_eq!((project(&access), access.headers.len()), (None, 0));
    let user = user();
    let access = opened(&[("VERTEXAI_CREDENTIALS", &*user)], None).expect("access");
    let header = &access.headers[0];
    assert_eq!((&*header.name, header.value.expose()), ("x-goog-user-project", "p-2"));
    let payer = ("GOOGLE_CLOUD_QUOTA_PROJECT", "p-3");
    let access = opened(&[("VERTEXAI_CREDENTIALS", &*user), payer], None).expect("access");
    assert_eq!(access.headers[0].value.expose(), "p-3");
    let nobodys = account(&json!({"project_id": null}));
    let fault = opened(&[("VERTEXAI_CREDENTIALS", &*nobodys)], None).expect_err("no project");
    assert!(fault.message.contains("`project`"), "{fault:?}");
    assert!(fault.help.contains("export VERTEXAI_PROJECT=..."), "{fault:?}");
}

#[test]
fn a_token_is_sent_as_it_is() {
    let source = KeySource::Command(["echo", "ya29.token"].map(str::to_owned).into());
    let access = opened(&[("VERTEXAI_PROJECT", "p")], Some(source.clone())).expect("access");
    assert_eq!(access.key.as_ref().expect("a key").expose(), "ya29.token");
    assert!(access.authorizer.is_none());
    assert!(opened(&[], Some(source)).expect_err("no project").message.contains("`project`"));
    let source = KeySource::Env(vec!["T".to_owned()]);
    let access = opened(&[("T", "AIzaSy-key")], Some(source.clone())).expect("no project needed");
    assert!(access.key.is_some());
    let fault = opened(&[], Some(source)).expect_err("not set");
    assert!(fault.message.contains("`T` is not set"), "{fault:?}");
}

#[test]
fn the_redactor_learns_keys_and_secrets() {
    let redactor = Redactor::default();
    let json = account(&json!({}));
    for (name, shown) in [(&*json, KEY), (&*user(), "1//refresh"), (&*user(), "s-1234")] {
        let env = env(&[("VERTEXAI_CREDENTIALS", name), ("VERTEXAI_PROJECT", "p")]);
        let catalog = Catalog::builtin();
        let (name, row) = catalog.find("vertex_ai_beta").expect("an alias");
        let provider = located(name, row, Changes::default(), &env).expect("a provider");
        provider.access(&env, &redactor).expect("access");
        assert_eq!(redactor.clean_text(shown.trim()), "[redacted]");
    }
    let clean = redactor.clean_text(&json).into_owned();
    assert!(!clean.contains("PRIVATE KEY"), "{clean}");
}

#[test]
fn what_is_wrong_with_credentials_is_told_without_them() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().display().to_string();
    for (text, expected) in [
        ("{\"private_key\": 7, \"x\": \"canary\"}".to_owned(), "is not the JSON of credentials"),
        ("{\"private_key\": \"canary\"}".to_owned(), "does not say of which `type`"),
        (account(&json!({"type": "canary-kind"})), "of the type `canary-kind`"),
        (account(&json!({"type": "external_account"})), "`external_account`, which are not read"),
        (account(&json!({"private_key": "canary"})), "a `private_key` that is none"),
        (account(&json!({"private_key": ""})), "has no `private_key`"),
        (account(&json!({"client_email": null})), "has no `client_email`"),
        (account(&json!({"token_uri": "http://far.test/token"})), "no https:// address"),
        (user().replace("refresh_token", "other"), "has no `refresh_token`"),
    ] {
        let path = written(home.path(), "bad.json", &text);
        let fault = opened(&[("GOOGLE_APPLICATION_CREDENTIALS", &*path)], None).expect_err("bad");
        assert!(fault.message.contains(expected), "{fault:?}");
        assert!(fault.message.contains("bad.json") && !fault.message.contains("canary\""));
        assert!(!fault.message.contains("BEGIN") && !fault.help.is_empty(), "{fault:?}");
    }
    let away = [("GOOGLE_APPLICATION_CREDENTIALS", "no/such.json"), ("HOME", &*folder)];
    let fault = opened(&away, None).expect_err("no file");
    assert!(fault.message.contains("`no/such.json` cannot be read"), "{fault:?}");
    let fault = opened(&away[1..], None).expect_err("nothing");
    let expected = "no key: `GOOGLE_APPLICATION_CREDENTIALS` or `VERTEXAI_CREDENTIALS` is not set";
    assert!(fault.message.starts_with(expected), "{fault:?}");
    assert!(fault.help.contains("gcloud auth application-default login"), "{fault:?}");
}

#[test]
fn a_token_uri_on_this_machine_need_not_be_https() {
    let json = account(&json!({"token_uri": "http://127.0.0.1:1/token"}));
    assert!(opened(&[("VERTEXAI_CREDENTIALS", &*json)], None).is_ok());
}
