//! Every kind of scorer, whatever a job states of it and whatever is answered: a value from 0 to 1, or
//! why there is none.

use runner::eval::Case;
use runner::eval::spec::Files;
use runner::eval::table::ScorerSpec;
use serde_json::{Value, json};

/// The table of a scorer in JSON, the answer, and the text that was expected, with a NUL between
/// them. The first byte picks a table where there is none.
pub(super) fn holds(bytes: &[u8]) {
    let Some((way, rest)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let mut parts = text.splitn(3, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let (table, answer, expected) = (part(), part(), part());
    let usual = usual();
    let usual = &usual[usize::from(*way) % usual.len()];
    let spec = serde_json::from_str::<ScorerSpec>(table);
    let spec = spec.or_else(|_| serde_json::from_value(usual.clone()));
    let spec = spec.expect("the usual ones are scorers");
    let texts: Vec<String> = spec.texts().iter().map(|_| expected.to_owned()).collect();
    let scorer = match spec.scorer(&NoFile) {
        Ok(scorer) => scorer,
        Err(fault) => {
            assert!(!fault.message.is_empty() && !fault.help.is_empty(), "{fault:?}");
            return;
        }
    };
    let calls = [json!({"function": {"name": expected, "arguments": answer}})];
    let case = Case { answer, texts: &texts, tool_calls: &calls, ..Case::default() };
    let score = scorer.score(&case);
    let is_scored = score.value.is_some_and(|value| (0.0..=1.0).contains(&value));
    assert_eq!(is_scored, score.state.is_scored(), "{score:?}");
    let note = score.note.as_deref().unwrap_or_default();
    assert!(note.len() < 4_000 && !note.contains('\n'), "{note:?}");
    assert_eq!(scorer.score(&case), score, "twice the same");
}

fn usual() -> Vec<Value> {
    vec![
        json!({"equals": {"value": "{{ x }}", "ignore_case": true, "ignore_punctuation": true}}),
        json!({"contains": {"all": ["{{ x }}"], "none": ["b"], "ignore_case": true}}),
        json!({"numeric": {"value": "{{ x }}", "relative_tolerance": 0.01}}),
        json!({"numeric": {"value": 1234.5, "tolerance": 1e-300}}),
        json!({"choice": {"value": "{{ x }}"}}),
        json!({"json": {}}),
        json!({"json_path": {"path": "$..a", "value": "{{ x }}"}}),
        json!({"tool_call": {"name": "{{ x }}", "arguments": {"a": "{{ y }}"}}}),
        json!({"refusal": {}}),
        json!({"levenshtein": {"value": "{{ x }}", "threshold": 0.5}}),
        json!({"rouge_l": {"value": "{{ x }}", "stemmer": true}}),
        json!({"bleu": {"value": "{{ x }}", "tokenize": "char", "smooth": "add_k"}}),
        json!({"length": {"max": 10, "unit": "words"}}),
        json!({"regex": {"pattern": "(a+)+$|{{ x }}"}}),
    ]
}

/// A machine without files.
struct NoFile;

impl Files for NoFile {
    fn read(&self, path: &str) -> Result<String, String> {
        Err(format!("there is no `{path}`"))
    }
}
