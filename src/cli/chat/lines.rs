//! Messages of several lines: a backslash at the end goes on, and so does all between `"""` and
//! `"""`.

/// What begins and ends a text of any lines.
const FENCE: &str = "\"\"\"";

/// Whether more lines belong to this text.
pub(super) fn is_open(text: &str) -> bool {
    match text.trim_start().strip_prefix(FENCE) {
        Some(fenced) => !fenced.trim_end().ends_with(FENCE),
        None => ends_in_backslash(text),
    }
}

/// The message that the lines make. Between fences all stays as it is.
pub(super) fn joined(text: &str) -> String {
    if let Some(fenced) = text.trim_start().strip_prefix(FENCE) {
        let inner = fenced.trim_end().strip_suffix(FENCE).unwrap_or(fenced);
        let inner = inner.strip_prefix('\n').unwrap_or(inner);
        return inner.strip_suffix('\n').unwrap_or(inner).to_owned();
    }
    let mut message = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            Some(body) if ends_in_backslash(body) => {
                message.push_str(&body[..body.len() - 1]);
                message.push('\n');
            }
            _ => message.push_str(line),
        }
    }
    message
}

/// Two backslashes are the text's own.
fn ends_in_backslash(text: &str) -> bool {
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    backslashes % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_make_a_message() {
        for (text, open, message) in [
            ("one", false, "one"),
            ("one\\", true, "one\\"),
            ("one\\\ntwo", false, "one\ntwo"),
            ("C:\\\\", false, "C:\\\\"),
            ("\"\"\"", true, ""),
            ("\"\"\"one", true, "one"),
            ("\"\"\"one\"\"\"", false, "one"),
            ("\"\"\"\none\\\n\n  two\n\"\"\"", false, "one\\\n\n  two"),
            ("say \"\"\"x", false, "say \"\"\"x"),
        ] {
            assert_eq!((is_open(text), joined(text).as_str()), (open, message), "{text:?}");
        }
    }
}
