//! Parts of a message's content, as Converse's blocks.

use serde_json::{Value, json};

use crate::call::request::Content;
use crate::provider::anthropic::parts::data_url;
use crate::provider::asked;

/// The images that are taken, by the last word of their media type.
const IMAGES: &[&str] = &["png", "jpeg", "gif", "webp"];

/// The documents that are taken: media type, and ending of a file's name.
const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
];

/// The longest name of a document.
const LONGEST_NAME: usize = 200;

/// The blocks of a content, without the blank texts, which are refused.
pub(super) fn blocks(content: &Content) -> Result<Vec<Value>, String> {
    match content {
        Content::Text(text) => Ok(text_block(text).into_iter().collect()),
        Content::Parts(Value::Array(parts)) => {
            let mut blocks = Vec::with_capacity(parts.len());
            for part in parts {
                blocks.extend(block(part)?);
                blocks.extend(part.get("cache_control").map(cache_point));
            }
            Ok(blocks)
        }
        Content::Parts(Value::Null) | Content::Absent => Ok(Vec::new()),
        Content::Parts(_) => Err("a message's content is neither text nor a list".to_owned()),
    }
}

/// What stands after whatever is to be kept in the cache.
pub(super) fn cache_point(mark: &Value) -> Value {
    let mut point = json!({"type": "default"});
    if let Some(ttl) = mark["ttl"].as_str() {
        point["ttl"] = ttl.into();
    }
    json!({"cachePoint": point})
}

fn text_block(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({"text": text}))
}

fn block(part: &Value) -> Result<Option<Value>, String> {
    let text = |key: &str| text_block(part[key].as_str().unwrap_or_default());
    match (part["type"].as_str(), part.as_str()) {
        (None, Some(alone)) => Ok(text_block(alone)),
        // A block in Converse's own words has one key and no type.
        (None, None) if part.is_object() => Ok(Some(part.clone())),
        (Some("text"), _) => Ok(text("text")),
        (Some("refusal"), _) => Ok(text("refusal")),
        (Some("image_url"), _) => image(asked::image_url(part).unwrap_or_default()).map(Some),
        (Some("input_audio"), _) => audio(&part["input_audio"]).map(Some),
        (Some("file"), _) => document(&part["file"]).map(Some),
        (kind, _) => Err(format!("Bedrock knows no part of the type `{}`", kind.unwrap_or("?"))),
    }
}

fn image(url: &str) -> Result<Value, String> {
    let made = |format: &str, source: Value| json!({"image": {"format": format, "source": source}});
    if let Some((kind, data)) = data_url(url) {
        let format = kind.strip_prefix("image/").unwrap_or(kind);
        let format = if format == "jpg" { "jpeg" } else { format };
        return match IMAGES.contains(&format) {
            true => Ok(made(format, json!({"bytes": data}))),
            false => Err(format!("Bedrock takes no image of the type `{kind}`")),
        };
    }
    if url.starts_with("s3://") {
        let ending = url.rsplit('.').next().unwrap_or_default().to_lowercase();
        let format = if ending == "jpg" { "jpeg" } else { ending.as_str() };
        return match IMAGES.contains(&format) {
            true => Ok(made(format, json!({"s3Location": {"uri": url}}))),
            false => Err(format!("`{url}` does not end in png, jpeg, gif or webp")),
        };
    }
    Err("Bedrock fetches no images; give each as a base64 data: URL".to_owned())
}

fn audio(told: &Value) -> Result<Value, String> {
    match (told["format"].as_str(), told["data"].as_str()) {
        (Some(format), Some(data)) => {
            Ok(json!({"audio": {"format": format, "source": {"bytes": data}}}))
        }
        _ => Err("`input_audio` wants `data` and `format`".to_owned()),
    }
}

fn document(file: &Value) -> Result<Value, String> {
    let Some((kind, data)) = file["file_data"].as_str().and_then(data_url) else {
        return Err("Bedrock takes a file as a base64 data: URL in `file_data`".to_owned());
    };
    let full = file["filename"].as_str().unwrap_or_default();
    let (stem, ending) = full.rsplit_once('.').unwrap_or((full, ""));
    let ending = ending.to_lowercase();
    let known = DOCUMENTS.iter().find(|(media, name)| *media == kind || *name == ending);
    let Some((_, format)) = known else {
        return Err(format!("Bedrock takes no file of the type `{kind}`"));
    };
    Ok(json!({"document": {"format": format, "name": name(stem), "source": {"bytes": data}}}))
}

/// A name that is taken: letters, digits, single spaces, hyphens and brackets.
fn name(stem: &str) -> String {
    let legal = |c: char| match c {
        _ if c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']') => c,
        _ if c.is_whitespace() => ' ',
        _ => '-',
    };
    let clean: String = stem.chars().map(legal).take(LONGEST_NAME).collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    if words.is_empty() { "document".to_owned() } else { words.join(" ") }
}
