//! Standard input, kept so that it can be read more than once: a file without a name, which is
//! gone when the process is.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was read from standard input.
#[derive(Clone, Debug)]
pub struct Spool {
    file: Arc<File>,
    /// Whether it begins like JSON.
    pub is_json: bool,
}

impl Spool {
    /// Reads all of `input` into a temporary file that only this process can reach.
    pub fn of(mut input: impl Read) -> io::Result<Self> {
        let mut file = nameless()?;
        let mut buffer = vec![0; 64 * 1024];
        let mut first = None;
        loop {
            let length = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => return Err(why),
            };
            let solid =
                |byte: &u8| !byte.is_ascii_whitespace() && !super::text::MARK.contains(byte);
            first = first.or_else(|| buffer[..length].iter().copied().find(solid));
            file.write_all(&buffer[..length])?;
        }
        file.flush()?;
        Ok(Self { file: Arc::new(file), is_json: first == Some(b'{') })
    }

    /// A reader from the beginning, independent of every other.
    pub fn open(&self) -> impl Read + Send + use<> {
        Reader { file: Arc::clone(&self.file), at: 0 }
    }
}

struct Reader {
    file: Arc<File>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = read_at(&self.file, buffer, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// A new file in the temporary folder, with its name taken away at once.
fn nameless() -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("runner-stdin-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        match options.open(&path) {
            Ok(file) => {
                // Where an open file keeps its name, it stays behind for the system to clear.
                drop(std::fs::remove_file(&path));
                return Ok(file);
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {}
            Err(why) => return Err(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_can_be_read_again() {
        let spool = Spool::of(&b"\xEF\xBB\xBF\n {\"a\": 1}\n"[..]).expect("kept");
        assert!(spool.is_json);
        let mut texts = [String::new(), String::new()];
        let [mut one, mut two] = [spool.open(), spool.open()];
        one.read_to_string(&mut texts[0]).expect("read");
        two.read_to_string(&mut texts[1]).expect("read");
        assert_eq!(texts[0], "\u{feff}\n {\"a\": 1}\n");
        assert_eq!(texts[0], texts[1]);
        assert!(!Spool::of(&b"hi {"[..]).expect("kept").is_json);
    }
}
