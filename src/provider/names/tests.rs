//! Names as people write them, and slips of the pen.

use super::*;

fn env(names: &[&str]) -> Env {
    let variable = |name: &&str| {
        let (name, value) = name.split_once('=').unwrap_or((name, "x"));
        (name.to_owned(), value.to_owned())
    };
    Env::of(names.iter().map(variable))
}

fn resolved_in(name: &str, own: &[&str], env: &Env) -> Result<(String, String), Unresolved> {
    let resolved = resolve(name, &Catalog::builtin(), own, env)?;
    Ok((resolved.provider, resolved.model))
}

fn resolved(name: &str) -> Result<(String, String), Unresolved> {
    resolved_in(name, &["lab"], &env(&[]))
}

#[test]
fn names_resolve_by_their_prefix_or_their_shape() {
    for (name, provider, model) in [
        ("gpt-4", "openai", "gpt-4"),
        ("gpt-3.5-turbo", "openai", "gpt-3.5-turbo"),
        ("gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("o3-mini", "openai", "o3-mini"),
        ("ft:gpt-4o-mini:acme::1", "openai", "ft:gpt-4o-mini:acme::1"),
        ("openai/gpt-4", "openai", "gpt-4"),
        ("openrouter/openai/gpt-4", "openrouter", "openai/gpt-4"),
        ("openrouter/auto", "openrouter", "openrouter/auto"),
        ("openrouter/openrouter/auto", "openrouter", "openrouter/auto"),
        ("together_ai/meta-llama/Llama-3.3", "together_ai", "meta-llama/Llama-3.3"),
        ("ollama/llama2", "ollama", "llama2"),
        ("lab/a/b", "lab", "a/b"),
        ("mock/echo", "mock", "echo"),
        ("grok-4", "xai", "grok-4"),
        ("claude-3-opus-20240229", "anthropic", "claude-3-opus-20240229"),
        ("gemini-2.5-pro", "gemini", "gemini-2.5-pro"),
        ("command", "cohere", "command"),
        ("text-embedding-3-small", "openai", "text-embedding-3-small"),
        ("text-embedding-ada-002", "openai", "text-embedding-ada-002"),
        ("text-embedding-005", "vertex_ai", "text-embedding-005"),
        ("text-multilingual-embedding-002", "vertex_ai", "text-multilingual-embedding-002"),
        ("gemini-embedding-001", "gemini", "gemini-embedding-001"),
        ("embed-english-v3.0", "cohere", "embed-english-v3.0"),
        ("mistral-embed", "mistral", "mistral-embed"),
        ("codestral-embed-2505", "mistral", "codestral-embed-2505"),
        ("command-light", "cohere", "command-light"),
        ("command-nightly", "cohere", "command-nightly"),
    ] {
        let expected = Ok((provider.to_owned(), model.to_owned()));
        assert_eq!(resolved(name), expected, "{name}");
    }
}

#[test]
fn names_of_vertex_bedrock_and_replicate_are_known_by_their_shape() {
    let version = "ab".repeat(32);
    let replicate = format!("meta/llama-2-70b-chat:{version}");
    for (name, provider) in [
        ("chat-bison", "vertex_ai"),
        ("chat-bison-32k", "vertex_ai"),
        ("codechat-bison", "vertex_ai"),
        ("text-bison@002", "vertex_ai"),
        ("anthropic.claude-3-haiku-20240307-v1:0", "bedrock"),
        ("us.anthropic.claude-sonnet-4-6", "bedrock"),
        ("apac.amazon.nova-lite-v1:0", "bedrock"),
        ("us-gov.anthropic.claude-opus-4-8", "bedrock"),
        ("amazon.titan-text-express-v1", "bedrock"),
        ("amazon.titan-embed-text-v2:0", "bedrock"),
        ("cohere.embed-english-v3", "bedrock"),
        ("meta.llama3-70b-instruct-v1:0", "bedrock"),
        ("mistral.mistral-7b-instruct-v0:2", "bedrock"),
        ("cohere.command-r-v1:0", "bedrock"),
        ("deepseek.v3.2", "bedrock"),
        ("openai.gpt-oss-120b-1:0", "bedrock"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x", "bedrock"),
        ("arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.x", "bedrock"),
        (replicate.as_str(), "replicate"),
    ] {
        let expected = Ok((provider.to_owned(), name.to_owned()));
        assert_eq!(resolved(name), expected, "{name}");
    }
    let plain = resolved("replicate/meta/llama-2-70b-chat");
    assert_eq!(plain, Ok(("replicate".to_owned(), "meta/llama-2-70b-chat".to_owned())));
    let own = resolved(&format!("lab/x:{version}"));
    assert_eq!(own, Ok(("lab".to_owned(), format!("x:{version}"))));
    for name in ["us.", "anthropic.", "us.nobody.x", "arn:aws:s3:x"] {
        assert!(resolved(name).is_err(), "{name}");
    }
}

#[test]
fn every_row_of_bedrock_is_known_by_its_shape() {
    let ids =
        models::listings().filter(|row| row.provider == "bedrock" && !row.model.contains('/'));
    for row in ids.filter(|row| !row.model.starts_with("claude-")) {
        assert!(is_bedrock_id(row.model), "{}", row.model);
    }
}

#[test]
fn a_bare_gemini_name_goes_through_the_door_that_is_open() {
    for (variables, own, provider) in [
        (&[][..], &[][..], "gemini"),
        (&["GOOGLE_CLOUD_PROJECT"], &[], "vertex_ai"),
        (&["VERTEXAI_PROJECT"], &[], "vertex_ai"),
        (&["VERTEX_PROJECT", "GEMINI_API_KEY"], &[], "gemini"),
        (&["VERTEX_PROJECT", "GOOGLE_API_KEY"], &[], "gemini"),
        (&["GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI=True"], &[], "vertex_ai"),
        (&["GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI=1"], &[], "vertex_ai"),
        (&["GOOGLE_GENAI_USE_VERTEXAI=false"], &[], "gemini"),
        (&[], &["vertex_ai"], "vertex_ai"),
        (&["GOOGLE_CLOUD_PROJECT"], &["gemini"], "gemini"),
    ] {
        let (found, _) = resolved_in("gemini-2.5-pro", own, &env(variables)).expect("a rule");
        assert_eq!(found, provider, "{variables:?} {own:?}");
        let (found, _) = resolved_in("gemini/gemini-2.5-pro", &[], &env(variables)).expect("both");
        assert_eq!(found, "gemini");
    }
}

#[test]
fn an_unknown_provider_is_answered_with_what_is_near() {
    let fault = resolved("opnai/gpt-4").expect_err("a typo");
    assert!(fault.help.starts_with("did you mean `openai`"), "{}", fault.help);
    let fault = resolved("meta-llama/llama-3.3-70b-instruct").expect_err("no provider");
    let host = "/meta-llama/llama-3.3-70b-instruct`";
    assert!(fault.help.to_lowercase().contains(host), "{}", fault.help);
    assert!(fault.help.matches('`').count() <= 2 * (3 + 3), "{}", fault.help);
    assert!(resolved("openai/").is_err() && resolved("/x").is_err());
}

#[test]
fn letters_that_are_too_large_and_white_space_are_told() {
    for (name, help) in [
        ("GPT-4", "did you mean `gpt-4`, "),
        ("Claude-3-Opus-20240229", "did you mean `claude-3-opus-20240229`, "),
        ("Command", "did you mean `command`, "),
        ("OpenAI/gpt-4", "did you mean `openai/gpt-4`? or define it"),
        ("gpt-4 ", "write `gpt-4`"),
        (" gpt-4", "write `gpt-4`"),
        ("openai/ gpt-4\n", "write `openai/gpt-4`"),
        ("lab /x", "write `lab/x`"),
        ("azure", "write `azure/`, and the model's name after it"),
        ("lab", "write `lab/`, and the model's name after it"),
    ] {
        let fault = resolved(name).expect_err(name);
        assert!(fault.help.starts_with(help), "{name}: {}", fault.help);
        let suggested = fault.help.matches('`').count() / 2;
        assert!(!help.ends_with(", ") || suggested == 3 + 1, "{name}: {}", fault.help);
    }
    let deployment = resolved("azure/my deployment").expect("one name");
    assert_eq!(deployment.1, "my deployment");
}

#[test]
fn an_unknown_bare_name_is_answered_with_three_that_are_known() {
    let catalog = Catalog::builtin();
    for (name, first) in [
        ("gtp-4o", "gpt-4o"),
        ("GPT-4O", "gpt-4o"),
        (" GPT-4", "gpt-4"),
        ("cluade-opus-4-8", "claude-opus-4-8"),
        ("gemeni-2.5-pro", "gemini-2.5-pro"),
        ("comand-r7b-12-2024", "command-r7b-12-2024"),
        ("", ""),
        ("no such thing at all", ""),
        ("llama-3.3-70b-versatile", ""),
    ] {
        let suggested = suggestions(name, models::names(), &catalog, &env(&[]));
        assert_eq!(suggested.len(), 3, "{name}: {suggested:?}");
        assert!(first.is_empty() || suggested[0] == first, "{name}: {suggested:?}");
        for known in &suggested {
            assert!(resolved(known).is_ok(), "{name}: {known}");
        }
        let by_rules = suggestions(name, std::iter::empty(), &catalog, &env(&[]));
        assert_eq!(by_rules.len(), 3, "{name}: {by_rules:?}");
    }
    let fault = resolved("gtp-4o").expect_err("a typo");
    assert!(fault.help.starts_with("did you mean `gpt-4o`, "), "{}", fault.help);
    assert!(fault.help.ends_with("? else write `provider/gtp-4o`"), "{}", fault.help);
}

/// Found by fuzzing: the time grew with the length of the name, times that of the table.
#[test]
fn a_name_of_a_megabyte_is_no_model_and_is_told_so_at_once() {
    let name = format!("no-{}", "model-".repeat(200_000));
    let fault = resolved(&name).expect_err("no model");
    assert!(fault.help.starts_with("did you mean `"), "{}", &fault.help[..200]);
}

#[test]
fn the_names_of_the_rules_follow_them() {
    for (start, provider, known) in BARE {
        let (found, _) = resolved(known).expect("a rule");
        assert_eq!((found.as_str(), known.starts_with(start)), (*provider, true), "{known}");
    }
}
