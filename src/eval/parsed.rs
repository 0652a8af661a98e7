//! The JSON that an answer is, or holds in its one fenced block.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// A fenced block of Markdown; what follows its opening on that line names the language.
static FENCED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?ms)^[ \t]*```[ \t]*([A-Za-z0-9_+-]*)[ \t]*\n(.*?)^[ \t]*```[ \t]*$")
        .expect("it is a regular expression")
});

/// The JSON of an answer, or why there is none.
pub(super) fn json(answer: &str, fenced: bool) -> Result<Value, String> {
    let why = match serde_json::from_str(answer.trim()) {
        Ok(value) => return Ok(value),
        Err(why) => why,
    };
    let mut blocks = FENCED
        .captures_iter(answer)
        .filter(|block| ["", "json", "json5", "jsonc"].contains(&block[1].to_lowercase().as_str()));
    match (blocks.next().filter(|_| fenced), blocks.next()) {
        (Some(block), None) => serde_json::from_str(block[2].trim())
            .map_err(|why| format!("the fenced block is no JSON: {why}")),
        (Some(_), Some(_)) => Err("has more than one fenced block".to_owned()),
        (None, _) if answer.trim().is_empty() => Err("is empty".to_owned()),
        (None, _) => Err(format!("is no JSON: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_whole_answer_is_json_or_its_one_fenced_block() {
        let text = r#"{"a": [1]}"#;
        for answer in [
            text.to_owned(),
            format!("\n {text}\n"),
            format!("```json\n{text}\n```"),
            format!("Here it is:\n\n```JSON\n{text}\n```\nAnything else?"),
            format!("```\r\n{text}\r\n```\r\n").replace('\r', ""),
            format!("```python\nx\n```\n```json\n{text}\n```"),
        ] {
            assert_eq!(json(&answer, true), Ok(json!({"a": [1]})), "{answer}");
        }
        for (answer, why) in [
            ("", "is empty"),
            ("{", "is no JSON: EOF"),
            ("It is {\"a\": 1}", "is no JSON: expected value"),
            ("```json\n{\n```", "the fenced block is no JSON: EOF"),
            ("```json\n1\n```\n```json\n2\n```", "has more than one fenced block"),
            (&"[".repeat(1_000_000), "is no JSON: recursion limit exceeded"),
        ] {
            let found = json(answer, true).expect_err("no JSON");
            assert!(found.starts_with(why), "{found}");
        }
        assert!(json("```json\n1\n```", false).is_err());
    }
}
