//! A template and a row, whatever stands in them: a text of some length at most, or a fault in a
//! place that there is.

use std::sync::Arc;

use runner::job::template::{Columns, Template, TemplateFault};
use serde_json::{Value, json};

/// The template, and behind a NUL the row in JSON.
pub(super) fn holds(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (text, row) = text.split_once('\0').unwrap_or((&text, ""));
    let row = match serde_json::from_str(row) {
        Ok(Value::Object(row)) => row,
        _ => json!({"a": 2, "b": "x", "list": [{"c": 1}, {}], "t": true})
            .as_object()
            .cloned()
            .unwrap_or_default(),
    };
    let fits = |fault: TemplateFault| {
        assert!(!fault.message.is_empty());
        let range = fault.range.unwrap_or(0..0);
        assert!(text.get(range.clone()).is_some(), "{range:?} of {text:?}");
    };
    match Template::new(text) {
        Err(fault) => fits(fault),
        Ok(template) => {
            let columns = Arc::new(Columns(row));
            match template.render(&columns) {
                Err(fault) => fits(fault),
                Ok(rendered) => {
                    assert_eq!(template.render(&columns).as_ref(), Ok(&rendered), "twice the same");
                }
            }
        }
    }
}
