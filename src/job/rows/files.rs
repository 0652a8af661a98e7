//! A file a row: the text files of a folder, or those that a glob names.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::job::rows::text::{MARK, only, unreadable};
use crate::job::rows::{At, Row, RowFault, Rows};

/// A file and the name of its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The row's name: the file's, below the folder.
    pub name: String,
    /// The file.
    pub path: Arc<Path>,
}

/// The regular files of a folder, by name; hidden ones are none of them.
pub fn of_folder(folder: &Path) -> std::io::Result<Vec<Named>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !name.starts_with('.') && path.is_file() {
            files.push(Named { name, path: path.into() });
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The regular files that a glob, seen from `folder`, names, by name.
pub fn of_glob(folder: &Path, pattern: &str) -> Result<Vec<Named>, String> {
    let base = folder.join(base_of(pattern));
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::default()
    };
    // The folder is a name, whatever signs stand in it; an absolute pattern replaces it.
    let folder = glob::Pattern::escape(&folder.to_string_lossy());
    let pattern = Path::new(&folder).join(pattern);
    let found = glob::glob_with(&pattern.to_string_lossy(), options);
    let mut files = Vec::new();
    for path in found.map_err(|why| why.msg.to_owned())? {
        let path = path.map_err(|why| why.to_string())?;
        if path.is_file() {
            let below = path.strip_prefix(&base).unwrap_or(&path);
            let name = below.to_string_lossy().into_owned();
            files.push(Named { name, path: path.into() });
        }
    }
    // A link to a folder above leads to the same files again and again, under ever longer names.
    files.sort_by_key(|file| file.name.len());
    let mut known = HashSet::new();
    files.retain(|file| file.path.canonicalize().is_ok_and(|path| known.insert(path)));
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Whether a name has the signs of a glob.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The folders of a pattern before its first sign of a glob.
fn base_of(pattern: &str) -> PathBuf {
    let parts = Path::new(pattern).components();
    parts.take_while(|part| !is_glob(&part.as_os_str().to_string_lossy())).collect()
}

/// The rows: each file's text, without the line ends after it.
pub fn rows(files: &Arc<Vec<Named>>, source: &Arc<str>) -> Rows {
    let (files, source) = (Arc::clone(files), Arc::clone(source));
    let count = files.len();
    Box::new((0..count).map(move |nth| row(&files[nth], &source)))
}

fn row(file: &Named, source: &Arc<str>) -> Result<Row, RowFault> {
    let at = At::File(Arc::clone(&file.path));
    let bytes = fs::read(&file.path).map_err(|why| unreadable(source, at.clone(), &why))?;
    let text = std::str::from_utf8(bytes.strip_prefix(MARK).unwrap_or(&bytes)).map_err(|why| {
        let line = memchr::memchr_iter(b'\n', &bytes[..why.valid_up_to()]).count() + 1;
        let message = format!("the text is not UTF-8 (line {line})");
        RowFault::new(source, at.clone(), message).help("save the file as UTF-8")
    })?;
    // The same text must be the same prompt, whichever system checked it out.
    let text = text.replace("\r\n", "\n");
    let text = text.trim_end_matches('\n');
    if text.trim().is_empty() {
        let fault = RowFault::new(source, at, "the file is empty");
        return Err(fault.help("write the prompt into it, or take it away"));
    }
    Ok(Row { at, name: Some(file.name.clone()), cells: only(text.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_rows_in_the_order_of_their_names() {
        let folder = tempfile::Builder::new().prefix("[a]").tempdir().expect("a folder");
        let write = |name: &str, text: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("b.txt", b"\xEF\xBB\xBFtwo\r\nlines\r\n");
        write("a.txt", b"one\n");
        write(".hidden", b"x");
        write("deep/c.md", b"\xFF");
        let texts = |files: Vec<Named>| -> Vec<(Option<String>, String)> {
            rows(&Arc::new(files), &"x".into())
                .map(|row| match row {
                    Ok(row) => (row.name, row.cells["prompt"].as_str().expect("text").to_owned()),
                    Err(fault) => (None, fault.message),
                })
                .collect()
        };
        let expected = [
            (Some("a.txt".to_owned()), "one".to_owned()),
            (Some("b.txt".to_owned()), "two\nlines".to_owned()),
        ];
        assert_eq!(texts(of_folder(folder.path()).expect("listed")), expected);
        let found = |pattern: &str| of_glob(folder.path(), pattern);
        assert_eq!(texts(found("*.txt").expect("found")), expected);
        let deep = found("**/*.md").expect("found");
        assert_eq!(deep[0].name, "deep/c.md");
        assert_eq!(texts(deep), [(None, "the text is not UTF-8 (line 1)".to_owned())]);
        let below = found("deep/*").expect("found");
        assert_eq!(below[0].name, "c.md");
        assert!(found("***").is_err());
    }
}
