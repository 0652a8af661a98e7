//! The parts of a message: text, images, sound, files.

use serde_json::{Map, Value, json};

/// The types of files by the ends of their names.
const TYPES: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("pdf", "application/pdf"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("json", "application/json"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("aac", "audio/aac"),
    ("aiff", "audio/aiff"),
    ("mp4", "video/mp4"),
    ("mov", "video/mov"),
    ("webm", "video/webm"),
    ("mpeg", "video/mpeg"),
];

/// One part of a message in Gemini's form.
pub(super) fn part(part: &Value) -> Result<Value, String> {
    let Some(kind) = part.get("type").and_then(Value::as_str) else {
        // One of Gemini's own, such as `fileData`.
        return part.is_object().then(|| part.clone()).ok_or_else(|| "a part is no object".into());
    };
    match kind {
        "text" | "refusal" => match part[kind].as_str() {
            Some(text) => Ok(json!({"text": text})),
            None => Err(format!("a part of the type {kind} has no `{kind}`")),
        },
        "image_url" | "video_url" => {
            let source = &part[kind];
            let url = source.as_str().or_else(|| source["url"].as_str());
            let url = url.ok_or_else(|| format!("a part of the type {kind} has no URL"))?;
            located(url, source["format"].as_str())
        }
        "input_audio" => {
            let (data, format) = (&part[kind]["data"], &part[kind]["format"]);
            let data = data.as_str().ok_or_else(|| "a sound has no `data`".to_owned())?;
            let format = format.as_str().unwrap_or("wav");
            Ok(inline(&format!("audio/{format}"), data))
        }
        "file" => file(&part[kind]),
        _ => Err(format!("Gemini takes no part of the type {kind}")),
    }
}

fn file(file: &Value) -> Result<Value, String> {
    let stated = file["format"].as_str();
    let named = || file["filename"].as_str().and_then(type_of);
    match (file["file_data"].as_str(), file["file_id"].as_str()) {
        (Some(data), _) if data.starts_with("data:") => located(data, stated),
        (Some(data), _) => match stated.or_else(named) {
            Some(kind) => Ok(inline(kind, data)),
            None => Err("a file's type is unknown; give `file_data` as a data: URL".to_owned()),
        },
        (None, Some(uri)) => located(uri, stated.or_else(named)),
        (None, None) => Err("a file has neither `file_data` nor `file_id`".to_owned()),
    }
}

/// What stands at a URL: in a `data:` URL itself, else where Gemini fetches it.
fn located(url: &str, stated: Option<&str>) -> Result<Value, String> {
    if let Some(rest) = url.strip_prefix("data:") {
        let (kind, data) = rest
            .split_once(',')
            .and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data)))
            .ok_or_else(|| "a data: URL is not in base64".to_owned())?;
        let kind = stated.or_else(|| kind.split(';').next().filter(|kind| !kind.is_empty()));
        return Ok(inline(kind.unwrap_or("text/plain"), data));
    }
    let mut located = Map::new();
    if let Some(kind) = stated.or_else(|| type_of(url)) {
        located.insert("mimeType".to_owned(), kind.into());
    }
    located.insert("fileUri".to_owned(), url.into());
    Ok(json!({"fileData": located}))
}

fn inline(kind: &str, data: &str) -> Value {
    json!({"inlineData": {"mimeType": kind, "data": data}})
}

fn type_of(name: &str) -> Option<&'static str> {
    let path = name.split(['?', '#']).next().unwrap_or(name);
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_ascii_lowercase();
    TYPES.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
}
