//! A stream of events or lines against the plainest reading of the whole of it.

use runner::wire::frames::{Cutter, Frame, FrameError, Framing};

use super::feed::{Feed, pieces};

/// The first byte picks the framing, the second how many of the following bytes say where the
/// stream is split.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let framing = if feed.flag() { Framing::Lines } else { Framing::Events };
    let cuts: Vec<u8> = (0..feed.byte() % 8).map(|_| feed.byte()).collect();
    let stream = feed.rest();
    let expected = plainly(framing, stream);
    assert_eq!(cut(framing, &pieces(stream, &cuts)), expected);
    assert_eq!(cut(framing, &[stream]), expected);
}

/// The frames, and the error that ended them.
pub(super) fn cut(framing: Framing, pieces: &[&[u8]]) -> (Vec<Frame>, Option<FrameError>) {
    let mut cutter = Cutter::new(framing);
    let mut frames = Vec::new();
    for piece in pieces {
        cutter.push(piece);
        loop {
            match cutter.frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(why) => return (frames, Some(why)),
            }
        }
    }
    loop {
        match cutter.rest() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(why) => return (frames, Some(why)),
        }
    }
}

/// The frames by the words of the standard, line by line over the whole stream. One that lacks its
/// blank line at the end counts: some hosts leave that out.
fn plainly(framing: Framing, stream: &[u8]) -> (Vec<Frame>, Option<FrameError>) {
    let stream = stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream);
    let mut frames = Vec::new();
    let (mut event, mut data) = (String::new(), None::<String>);
    for line in lines(stream).into_iter().chain([Vec::new()]) {
        let Ok(line) = String::from_utf8(line) else { return (frames, Some(FrameError::NotText)) };
        if framing == Framing::Lines {
            let data = line.trim().to_owned();
            frames.extend((!data.is_empty()).then(|| Frame { event: String::new(), data }));
            continue;
        }
        if line.is_empty() {
            let event = std::mem::take(&mut event);
            frames.extend(data.take().map(|data| Frame { event, data }));
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event),
            "data" => {
                data = Some(data.map_or(value.to_owned(), |before| format!("{before}\n{value}")));
            }
            _ => {}
        }
    }
    (frames, None)
}

fn lines(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut bytes = stream.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' {
            bytes.next_if_eq(&b'\n');
        }
        match byte {
            b'\r' | b'\n' => lines.push(Vec::new()),
            _ => lines.last_mut().expect("there is one").push(byte),
        }
    }
    lines
}
