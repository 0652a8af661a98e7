//! What a job file should not hold and sometimes does: keys. They are covered before any line of
//! it is shown, by what stands where, by the names of keys, and by how keys look.

use std::ops::Range;

use crate::job::document::Document;
use crate::job::key_path::{KeyPath, Step};
use crate::job::node::{Data, Node, Origin};

/// Names, without `-` and `_`, whose values are not shown.
const SECRET_NAMES: &[&str] = &[
    "apikey",
    "secret",
    "password",
    "passwd",
    "authorization",
    "bearer",
    "credential",
    "accesskey",
    "accesstoken",
    "authtoken",
    "apitoken",
    "privatekey",
];

/// How the keys of providers begin.
const KEY_STARTS: &[&str] =
    &["sk-", "sk_", "gsk_", "xai-", "AIza", "hf_", "nvapi-", "pplx-", "r8_"];

/// Shorter texts that begin like a key are words.
const SHORTEST_KEY: usize = 16;

/// Whether this is the value of a provider's `api_key`, or of a header that carries a key.
pub fn is_key_place(path: &KeyPath) -> bool {
    match path.steps() {
        [Step::Key(top), _, Step::Key(name)] => top == "providers" && is_secret(name),
        [Step::Key(top), _, Step::Key(headers), Step::Key(name)] => {
            top == "providers" && headers == "headers" && is_secret(name)
        }
        _ => false,
    }
}

/// The job's text with `*` for every byte of a key, so that every position stays.
pub fn cover_document(document: &Document) -> String {
    let mut ranges = Vec::new();
    gather(document.root(), false, Origin::File, &mut ranges);
    cover(&document.text, &ranges)
}

/// The text of the `--set` of this number, covered likewise.
pub fn cover_set(document: &Document, nth: usize) -> String {
    let mut ranges = Vec::new();
    gather(document.root(), false, Origin::Set(nth), &mut ranges);
    cover(&document.sets[nth], &ranges)
}

/// A text of which nothing is known, such as an argument: covered by names and looks alone.
pub fn cover_text(text: &str) -> String {
    cover(text, &[])
}

/// Words about a job, such as a message that quotes it: covered by the looks of keys alone.
pub fn cover_words(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    cover_looks(text, 0, &mut bytes);
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()))
}

/// The ranges of all texts below keys with secret names.
fn gather(node: &Node, secret: bool, origin: Origin, ranges: &mut Vec<Range<usize>>) {
    match &node.data {
        Data::Table(entries) => {
            for entry in entries {
                gather(&entry.node, secret || is_secret(&entry.key), origin, ranges);
            }
        }
        Data::Array(items) => items.iter().for_each(|item| gather(item, secret, origin, ranges)),
        _ if secret && node.spot.origin == origin => ranges.push(node.spot.range.clone()),
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_lowercase();
    matches!(plain.as_str(), "key" | "token" | "auth")
        || SECRET_NAMES.iter().any(|secret| plain.contains(secret))
}

fn cover(text: &str, ranges: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        cover_range(&mut bytes, range.clone());
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        cover_assignments(line, start, &mut bytes);
        cover_looks(line, start, &mut bytes);
        cover_userinfo(line, start, &mut bytes);
        start += line.len();
    }
    // Whole characters were covered, each byte of them, so this is text still.
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()))
}

/// Covers all but quotes, line ends and what holds a list or a table together.
fn cover_range(bytes: &mut [u8], range: Range<usize>) {
    let end = range.end.min(bytes.len());
    for byte in &mut bytes[range.start.min(end)..end] {
        if !matches!(*byte, b'"' | b'\'' | b'\n' | b'\r') {
            *byte = b'*';
        }
    }
}

/// `api_key = ...` in a line that may be no TOML: covers the texts after the equals sign.
fn cover_assignments(line: &str, start: usize, bytes: &mut [u8]) {
    for (at, _) in line.match_indices('=') {
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let name_at = before.rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
        let name = &before
            [name_at.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8))..];
        if !is_secret(name) {
            continue;
        }
        let after = at + 1;
        let value = line[after..].trim_start();
        let value_at = line.len() - value.len();
        if value.starts_with(['{', '[', '"', '\'']) {
            cover_quoted(value, start + value_at, bytes);
        } else {
            let end = value.find(|c: char| c.is_whitespace() || matches!(c, ',' | '}' | '#'));
            let end = value_at + end.unwrap_or(value.len());
            cover_range(bytes, start + value_at..start + end);
        }
    }
}

/// Covers every text in quotes, also one without its end.
fn cover_quoted(value: &str, start: usize, bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(open) = value[at..].find(['"', '\'']).map(|open| at + open) {
        let quote = value.as_bytes()[open];
        let mut end = open + 1;
        while end < value.len() && value.as_bytes()[end] != quote {
            let escaped = quote == b'"' && value.as_bytes()[end] == b'\\';
            end += if escaped { 2 } else { 1 };
        }
        let end = end.min(value.len());
        cover_range(bytes, start + open + 1..start + end);
        at = end + 1;
        if at >= value.len() || !value.is_char_boundary(at) {
            break;
        }
    }
}

/// Covers what looks like a key wherever it stands.
fn cover_looks(line: &str, start: usize, bytes: &mut [u8]) {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut at = 0;
    for word in line.split(|c| !is_inner(c)) {
        let looks = KEY_STARTS.iter().any(|begin| word.starts_with(begin));
        if looks && word.len() >= SHORTEST_KEY {
            cover_range(bytes, start + at..start + at + word.len());
        }
        at += word.len();
        at += line[at..].chars().next().map_or(0, char::len_utf8);
    }
}

/// Covers `user:password` in `https://user:password@host`.
fn cover_userinfo(line: &str, start: usize, bytes: &mut [u8]) {
    for (at, found) in line.match_indices("://") {
        let from = at + found.len();
        let rest = &line[from..];
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?'));
        if let Some(sign) = rest[..end.unwrap_or(rest.len())].rfind('@') {
            cover_range(bytes, start + from..start + from + sign);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(text: &str) -> String {
        let (document, _) = Document::parse("x.toml", text, &[]);
        let covered = cover_document(&document);
        assert_eq!(covered.len(), text.len());
        covered
    }

    #[test]
    fn a_key_is_covered_wherever_it_stands() {
        for text in [
            "[providers.x]\napi_key = \"canary\"",
            "[providers.x]\napi_key = 'canary'",
            "[providers.x]\napi_key = \"\"\"\ncan\"\"\"",
            "[providers.x]\napi_key = { value = \"canary\" }",
            "[providers]\nx = { api_key = { env = [\"canary\", \"canary\"] } }",
            "[providers.x]\napi-key = \"canary",
            "[providers.x]\napi_key = canary",
            "[providers.x]\n\"API_KEY\" = \"a\\\"canary\"",
            "providers.x.api_key = \"canary\" trailing",
            "[providers.x.headers]\nAuthorization = \"Bearer canary\"",
            "[providers.x]\nmodel = \"sk-canary-0123456789\"",
            "[providers.x]\nbase_url = \"https://canary:canary@host/v1\"",
            "[providers.x]\ntoken = \"é canary é\"",
        ] {
            let shown = covered(text);
            assert!(!shown.contains("can"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_key_stays() {
        for text in [
            "max_tokens = 256\nname = \"token\"\n",
            "[prompts.x]\nuser = \"sk-8 boots = 'x' {{ key }}\"\n",
            "[providers.x]\nbase_url = \"https://host/v1\"\n",
        ] {
            assert_eq!(covered(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(.|api_key|=|\"|'|\\\\|\n|://|@){0,40}") {
            covered(&text);
        }
    }
}
