//! Pictures named by a path: read and put into the message, since no provider can see this
//! machine's files.

use std::fs;
use std::path::Path;

use crate::call::picture;
use crate::call::request::Message;

/// The largest file that is sent: the widest limit of today's providers for a whole request.
const LARGEST: u64 = 100 * 1024 * 1024;

/// Why a picture cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PictureFault {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: &'static str,
}

/// The URL of the picture at this path, as what stands in the file; a relative path starts at
/// `folder`. A URL stays as it is.
pub fn url(picture: &str, folder: &Path) -> Result<String, PictureFault> {
    match path_of(picture) {
        Some(path) => data_url(&folder.join(path)),
        None => Ok(picture.to_owned()),
    }
}

/// Reads every picture that the messages name by a path; a relative one starts at `folder`. URLs
/// stay as they are.
pub fn read(messages: &mut [Message], folder: &Path) -> Result<(), PictureFault> {
    for url in picture::urls(messages) {
        if let Some(path) = path_of(url) {
            *url = data_url(&folder.join(path))?;
        }
    }
    Ok(())
}

/// The path that is meant, where it is no URL.
fn path_of(picture: &str) -> Option<&str> {
    if let Some(path) = picture.strip_prefix("file://") {
        return Some(path);
    }
    let is_url = picture.contains("://") || picture.starts_with("data:");
    (!is_url).then_some(picture)
}

fn data_url(path: &Path) -> Result<String, PictureFault> {
    let shown = path.display();
    let unread = |why: std::io::Error| PictureFault {
        message: format!("the picture `{shown}` cannot be read: {why}"),
        help: "relative paths start at the job file's folder",
    };
    let metadata = fs::metadata(path).map_err(unread)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        let what = if metadata.is_file() { "larger than 100 MiB" } else { "no file" };
        let message = format!("the picture `{shown}` is {what}");
        return Err(PictureFault { message, help: "name a PNG, JPEG, GIF or WebP file" });
    }
    let bytes = fs::read(path).map_err(unread)?;
    picture::data_url(&bytes).ok_or_else(|| PictureFault {
        message: format!("`{shown}` is no picture that models take"),
        help: "name a PNG, JPEG, GIF or WebP file",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_becomes_what_stands_in_the_file_and_a_url_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.jpg"), b"\x89PNG\r\n\x1a\nrest").expect("written");
        let url = |url: &str| {
            let part = json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}});
            let content = json!([{"type": "text", "text": "what?"}, part]);
            let message = json!({"role": "user", "content": content});
            let mut messages = [serde_json::from_value(message).expect("a message")];
            read(&mut messages, folder.path())?;
            let value = serde_json::to_value(&messages[0]).expect("JSON");
            assert_eq!(value["content"][1]["image_url"]["detail"], "low");
            Ok(value["content"][1]["image_url"]["url"].as_str().unwrap_or_default().to_owned())
        };
        let read = "data:image/png;base64,iVBORw0KGgpyZXN0";
        assert_eq!(url("a.jpg"), Ok(read.to_owned()));
        let whole = format!("file://{}", folder.path().join("a.jpg").display());
        assert_eq!(url(&whole), Ok(read.to_owned()));
        for same in ["https://h/a.png", "data:image/png;base64,AA==", "gs://b/a.png"] {
            assert_eq!(url(same), Ok(same.to_owned()));
        }
        let missing: Result<_, PictureFault> = url("b.png");
        assert!(missing.expect_err("no file").message.contains("cannot be read"));
        fs::write(folder.path().join("t.png"), "text").expect("written");
        assert!(url("t.png").expect_err("text").message.contains("no picture"));
        assert!(url(".").expect_err("a folder").message.contains("no file"));
    }
}
