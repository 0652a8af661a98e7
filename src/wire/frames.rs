//! Bytes of a stream to its frames: server-sent events, a line of JSON each, or Amazon's binary
//! frames.

use bytes::{Buf as _, BytesMut};
use memchr::memchr2;

/// How a stream is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events: `data:` lines up to a blank one.
    Events,
    /// A line of JSON each.
    Lines,
    /// Amazon's event stream: binary frames with checksums.
    Binary,
}

/// One frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The event's or exception's name; empty where it has none.
    pub event: String,
    /// What it carries.
    pub data: String,
}

/// The longest frame that is taken; one of today's streams is a thousandth of it.
const LONGEST: usize = 16 * 1024 * 1024;

/// A frame that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It goes on and on.
    #[error("one frame of the stream is longer than 16 MiB")]
    TooLong,
    /// It is no text.
    #[error("the stream is not UTF-8")]
    NotText,
    /// Its lengths or its checksums are wrong.
    #[error("a frame of the stream is damaged, or is none of an event stream")]
    Damaged,
}

/// Cuts a stream, whatever pieces it comes in.
#[derive(Debug)]
pub struct Cutter {
    framing: Framing,
    buffer: BytesMut,
    /// Bytes of the buffer that are known to hold no line end.
    searched: usize,
    pending: Frame,
    has_data: bool,
    begun: bool,
}

impl Cutter {
    /// A cutter at the start of a stream.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            buffer: BytesMut::new(),
            searched: 0,
            pending: Frame::default(),
            has_data: false,
            begun: false,
        }
    }

    /// Takes the next piece of the stream.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole frame, if there is one.
    pub fn frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.framing == Framing::Binary {
            return binary::take(&mut self.buffer);
        }
        while let Some(line) = self.line()? {
            if let Some(frame) = self.take(&line) {
                return Ok(Some(frame));
            }
        }
        if self.buffer.len() + self.pending.data.len() > LONGEST {
            return Err(FrameError::TooLong);
        }
        Ok(None)
    }

    /// What is left when the stream has ended: some hosts leave out the last line end.
    pub fn rest(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.framing == Framing::Binary {
            return self.frame();
        }
        self.buffer.extend_from_slice(b"\n\n");
        self.frame()
    }

    /// The next line without its end: `\n`, `\r\n` or `\r`.
    fn line(&mut self) -> Result<Option<String>, FrameError> {
        if !self.begun {
            if self.buffer.len() < 3 && b"\xEF\xBB\xBF".starts_with(&self.buffer) {
                return Ok(None);
            }
            self.begun = true;
            if self.buffer.starts_with(b"\xEF\xBB\xBF") {
                self.buffer.advance(3);
            }
        }
        let Some(found) = memchr2(b'\n', b'\r', &self.buffer[self.searched..]) else {
            self.searched = self.buffer.len();
            return Ok(None);
        };
        let end = self.searched + found;
        let width = match (self.buffer[end], self.buffer.get(end + 1)) {
            (b'\r', Some(b'\n')) => 2,
            // A `\n` may still come, and would look like a blank line.
            (b'\r', None) => {
                self.searched = end;
                return Ok(None);
            }
            _ => 1,
        };
        let line = self.buffer.split_to(end);
        self.buffer.advance(width);
        self.searched = 0;
        let text = std::str::from_utf8(&line).map_err(|_| FrameError::NotText)?;
        Ok(Some(text.to_owned()))
    }

    fn take(&mut self, line: &str) -> Option<Frame> {
        if self.framing == Framing::Lines {
            let data = line.trim();
            return (!data.is_empty())
                .then(|| Frame { event: String::new(), data: data.to_owned() });
        }
        if line.is_empty() {
            let frame = std::mem::take(&mut self.pending);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.pending.data.push('\n');
                }
                self.pending.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.pending.event),
            // A line that begins with a colon is a comment, sent to keep the connection.
            _ => {}
        }
        None
    }
}

mod binary;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "\u{FEFF}: hello\ndata: one\n\nevent: ping\r\ndata:{\"a\":\r\ndata: 2}\r\n\r\nid: 7\n\ndata: né\r\rdata: [DONE]";

    fn frames(framing: Framing, pieces: &[&[u8]]) -> Vec<(String, String)> {
        let mut cutter = Cutter::new(framing);
        let mut frames = Vec::new();
        for piece in pieces {
            cutter.push(piece);
            while let Some(frame) = cutter.frame().expect("text") {
                frames.push((frame.event, frame.data));
            }
        }
        frames.extend(cutter.rest().expect("text").map(|frame| (frame.event, frame.data)));
        frames
    }

    fn frame(event: &str, data: &str) -> (String, String) {
        (event.to_owned(), data.to_owned())
    }

    #[test]
    fn events_are_cut_at_blank_lines_of_every_kind() {
        let expected =
            [frame("", "one"), frame("ping", "{\"a\":\n2}"), frame("", "né"), frame("", "[DONE]")];
        assert_eq!(frames(Framing::Events, &[STREAM.as_bytes()]), expected);
    }

    #[test]
    fn lines_are_frames() {
        let stream = b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}";
        let expected = [frame("", "{\"a\":1}"), frame("", "{\"b\":2}"), frame("", "{\"c\":3}")];
        assert_eq!(frames(Framing::Lines, &[stream]), expected);
    }

    #[test]
    fn a_frame_without_end_is_refused() {
        let mut cutter = Cutter::new(Framing::Events);
        cutter.push(b"data: ");
        cutter.push(&vec![b'x'; LONGEST + 1]);
        assert_eq!(cutter.frame(), Err(FrameError::TooLong));
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_a_stream_is_split(cuts in prop::collection::vec(0_usize..90, 0..6)) {
            let bytes = STREAM.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(frames(Framing::Events, &pieces), frames(Framing::Events, &[bytes]));
        }
    }
}
