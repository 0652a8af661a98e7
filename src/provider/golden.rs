//! Holds a dialect against the parameter files of its folder in `tests/wire`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::call::request::{Message, Params, Request};
use crate::provider::quirks::Quirks;
use crate::provider::{Dialect, Endpoint};

/// Every parameter of `OpenAI`'s chat API: each has a file.
const PARAMS: &[&str] = &[
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "n",
    "stop",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "seed",
    "user",
    "reasoning_effort",
    "verbosity",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "stream",
    "stream_options",
    "service_tier",
    "store",
    "metadata",
    "prediction",
    "modalities",
    "audio",
    "web_search_options",
    "prompt_cache_key",
    "functions",
    "function_call",
];

/// Reads `tests/wire/<dialect>/params`; each file says what is sent for a parameter, or that it is
/// refused. An expected null means that nothing is sent there; `beside` holds other parameters that
/// the call has, and `quirks` what is odd about the host.
pub fn check_params(dialect: &dyn Dialect) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let folder = folder.join(dialect.name()).join("params");
    let mut seen = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("it is text");
        let case: Value = serde_json::from_str(&text).expect("it is JSON");
        check(dialect, &case, &path.display().to_string());
        seen.insert(case["param"].as_str().unwrap_or_default().to_owned());
    }
    let missing: Vec<_> = PARAMS.iter().filter(|name| !seen.contains(**name)).collect();
    assert!(missing.is_empty(), "no file for {missing:?} in {}", folder.display());
}

fn check(dialect: &dyn Dialect, case: &Value, file: &str) {
    let model = case["model"].as_str().expect("a model");
    let name = case["param"].as_str().expect("a parameter");
    let quirks: Quirks = serde_json::from_value(case["quirks"].clone()).unwrap_or_default();
    let mut params = case["beside"].as_object().cloned().unwrap_or_default();
    params.insert(name.to_owned(), case["value"].clone());
    let params = Params::from(params);
    let alone = dialect.accepts(&quirks, model, name, &case["value"]);
    let clash = dialect.clashes(&quirks, model, &params).into_iter().find(|(one, _)| *one == name);
    let accepted = alone.and(clash.map_or(Ok(()), |(_, why)| Err(why)));
    if case["expect"]["refused"] == true {
        assert!(accepted.is_err_and(|why| !why.is_empty()), "{file}: it is accepted");
        return;
    }
    assert_eq!(accepted, Ok(()), "{file}");
    let request = Request {
        model: model.into(),
        messages: vec![Message::text("user", "hi")],
        params: params.into(),
        ..Request::default()
    };
    let settings = ["project", "location"].map(|name| (name.to_owned(), "lab".to_owned()));
    let endpoint = Endpoint {
        provider: "lab".into(),
        base_url: "http://h".into(),
        key: None,
        settings: settings.into(),
        quirks: quirks.into(),
        ..Endpoint::default()
    };
    let sent = dialect.encode(&endpoint, &request).expect(file);
    let body: Value = serde_json::from_slice(&sent.body).expect("JSON is sent");
    for (pointer, expected) in case["expect"]["sent"].as_object().expect("what is sent") {
        let found = body.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, expected, "{file}: {pointer}");
    }
}
