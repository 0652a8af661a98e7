//! JSON that can stand inside a `<script>` element whatever its strings say.
//!
//! `<`, `>` and `&` are written as `\u003c`, `\u003e` and `\u0026`, so that no text can end the
//! element or open a comment in it; the line separators U+2028 and U+2029 as well, which were no
//! part of a string in older JavaScript. Any JSON parser gives back the text as it was.

use std::io::{self, Write};

use memchr::{memchr, memchr3};
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes a value as JSON without a character that means something to an HTML parser.
pub(super) fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Guard);
    value.serialize(&mut serializer).map_err(io::Error::from)
}

/// Writes a text the same way. Most texts have nothing in them that JSON or HTML would have written
/// otherwise: those are looked through once, and copied.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    // Without a jump in it, the loop looks at many bytes at once.
    if text.bytes().fold(0, |found, byte| found | special(byte)) > 0 {
        write(out, &text).expect("memory takes all that is written to it");
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

/// 1 for a byte of a text that may have to be written otherwise, else 0.
fn special(byte: u8) -> u8 {
    let is = |other: u8| u8::from(byte == other);
    let of_json = is(b'"') | is(b'\\') | u8::from(byte < b' ');
    of_json | is(b'<') | is(b'>') | is(b'&') | is(0xe2)
}

#[derive(Clone, Copy, Debug)]
struct Guard;

impl Formatter for Guard {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        guarded(out, fragment)
    }

    // Outside of strings, JSON has none of these characters.
    fn write_raw_fragment<W: Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        guarded(out, fragment)
    }
}

fn guarded<W: Write + ?Sized>(out: &mut W, text: &str) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = suspect(rest.as_bytes()) {
        let (plain, tail) = rest.split_at(at);
        out.write_all(plain.as_bytes())?;
        let c = tail.chars().next().unwrap_or_default();
        let (one, after) = tail.split_at(c.len_utf8());
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => write!(out, "\\u{:04x}", u32::from(c))?,
            _ => out.write_all(one.as_bytes())?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// The first byte that may have to be written otherwise. U+2028 and U+2029 begin with 0xe2, and
/// other characters that do are looked at twice.
fn suspect(text: &[u8]) -> Option<usize> {
    let mark = memchr3(b'<', b'>', b'&', text);
    memchr(0xe2, &text[..mark.unwrap_or(text.len())]).or(mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        write(&mut out, value).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_text_can_end_the_element_it_stands_in() {
        for (text, json) in [
            ("</script>", r#""\u003c/script\u003e""#),
            ("<!--<script>", r#""\u003c!--\u003cscript\u003e""#),
            ("]]>&lt;", r#""]]\u003e\u0026lt;""#),
            ("a\u{2028}b\u{2029}c", r#""a\u2028b\u2029c""#),
            ("“quoted” … \u{20ac}", "\"“quoted” … \u{20ac}\""),
            ("`${x}` \"\\", r#""`${x}` \"\\""#),
            ("\0\u{1b}[31m", r#""\u0000\u001b[31m""#),
        ] {
            assert_eq!(written(&text), json);
        }
        let raw = RawValue::from_string(r#"{"</script>":"<\n"}"#.to_owned()).unwrap();
        assert_eq!(written(&raw), r#"{"\u003c/script\u003e":"\u003c\n"}"#);
    }

    proptest! {
        #[test]
        fn every_text_reads_back_as_it_was(text in "\\PC*|[<>&\u{2028}\u{2029}\u{2027}e/\"\\\\]*") {
            let json = written(&text);
            let suspects = ['<', '>', '&', '\u{2028}', '\u{2029}'];
            prop_assert!(!json.contains(suspects));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.as_str());
            let mut out = Vec::new();
            write_text(&mut out, &text);
            prop_assert_eq!(out, json.into_bytes());
        }
    }
}
