//! Pictures as `data:` URLs, which every provider takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::call::request::{Content, Message};

/// How the files that models take begin.
const KINDS: [(&[u8], &str); 6] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xFF\xD8\xFF", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"BM", "image/bmp"),
];

/// The picture as a `data:` URL in base64; `None` when it is none that models take. What it is is
/// told by its content: names lie.
pub fn data_url(bytes: &[u8]) -> Option<String> {
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    let known = KINDS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind);
    let kind = if is_webp { "image/webp" } else { known? };
    Some(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

/// The URLs of the pictures that these messages show, to be read or replaced.
pub fn urls(messages: &mut [Message]) -> impl Iterator<Item = &mut String> {
    let parts = messages.iter_mut().flat_map(|message| match &mut message.content {
        Content::Parts(Value::Array(parts)) => parts.as_mut_slice(),
        _ => &mut [],
    });
    parts.filter(|part| part["type"] == "image_url").filter_map(|part| {
        let url = match &mut part["image_url"] {
            Value::Object(image) => image.get_mut("url")?,
            url => url,
        };
        match url {
            Value::String(url) => Some(url),
            _ => None,
        }
    })
}

/// Whether a picture is named by the place on the web where it is.
pub fn is_on_the_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}
