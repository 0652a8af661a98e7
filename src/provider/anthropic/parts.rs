//! Parts of a message's content, as Anthropic's blocks.

use serde_json::{Value, json};

use crate::call::request::Content;

/// The images that are taken.
const IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// The blocks of a content, without the empty texts, which are refused.
pub(super) fn blocks(content: &Content) -> Result<Vec<Value>, String> {
    match content {
        Content::Text(text) => Ok(text_block(text).into_iter().collect()),
        Content::Parts(Value::Array(parts)) => {
            parts.iter().filter_map(|part| block(part).transpose()).collect()
        }
        Content::Parts(Value::Null) | Content::Absent => Ok(Vec::new()),
        Content::Parts(_) => Err("a message's content is neither text nor a list".to_owned()),
    }
}

/// Blocks as a content: a lone text as a string.
pub(super) fn content(blocks: Vec<Value>) -> Value {
    match plain(&blocks) {
        Some(text) if blocks.len() == 1 => text.into(),
        _ => blocks.into(),
    }
}

/// The texts of blocks that hold nothing else, joined by blank lines.
pub(super) fn plain(blocks: &[Value]) -> Option<String> {
    let text = |block: &Value| {
        let is_bare = block["type"] == "text" && block.as_object()?.len() == 2;
        block["text"].as_str().filter(|_| is_bare).map(str::to_owned)
    };
    blocks.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.join("\n\n"))
}

fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"type": "text", "text": text}))
}

fn block(part: &Value) -> Result<Option<Value>, String> {
    let made = match part["type"].as_str() {
        None => return Ok(part.as_str().and_then(text_block)),
        Some("text") => text_block(part["text"].as_str().unwrap_or_default()),
        Some("refusal") => text_block(part["refusal"].as_str().unwrap_or_default()),
        Some("image_url") => Some(image(&part["image_url"])?),
        Some("file") => Some(document(&part["file"])?),
        Some("input_audio") => return Err("Anthropic takes no audio".to_owned()),
        // A block in Anthropic's own words.
        Some(_) => return Ok(Some(part.clone())),
    };
    Ok(made.map(|mut made| {
        for key in ["cache_control", "citations"] {
            if let Some(value) = part.get(key) {
                made[key] = value.clone();
            }
        }
        made
    }))
}

fn image(told: &Value) -> Result<Value, String> {
    let url = told["url"].as_str().or(told.as_str()).unwrap_or_default();
    if let Some((kind, data)) = data_url(url) {
        let kind = if kind == "image/jpg" { "image/jpeg" } else { kind };
        if !IMAGES.contains(&kind) {
            return Err(format!("Anthropic takes no image of the type `{kind}`"));
        }
        let source = json!({"type": "base64", "media_type": kind, "data": data});
        return Ok(json!({"type": "image", "source": source}));
    }
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(json!({"type": "image", "source": {"type": "url", "url": url}}));
    }
    Err("an image is neither an https URL nor a base64 data: URL".to_owned())
}

fn document(file: &Value) -> Result<Value, String> {
    let data = file["file_data"].as_str().and_then(data_url);
    let Some(("application/pdf", data)) = data else {
        return Err("Anthropic takes files as PDF in `file_data`, a base64 data: URL".to_owned());
    };
    let source = json!({"type": "base64", "media_type": "application/pdf", "data": data});
    let mut made = json!({"type": "document", "source": source});
    if let Some(name) = file["filename"].as_str() {
        made["title"] = name.into();
    }
    Ok(made)
}

/// Media type and data of `data:image/png;base64,...`.
pub(in crate::provider) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let (kind, encoding) = head.rsplit_once(';')?;
    let kind = kind.split(';').next().unwrap_or(kind);
    encoding.eq_ignore_ascii_case("base64").then_some((kind, data))
}
