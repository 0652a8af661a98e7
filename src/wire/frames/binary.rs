//! Amazon's event stream: binary frames, each with its length, its headers and two checksums.
//!
//! A frame is, in big-endian numbers: 4 bytes of its whole length, 4 of its headers' length, 4 of
//! the CRC-32 of these eight, the headers, the payload, and 4 of the CRC-32 of all before.

use bytes::{Buf as _, Bytes, BytesMut};
use serde_json::json;

use super::{Frame, FrameError, LONGEST};

/// Lengths and their checksum.
const PRELUDE: usize = 12;

/// A checksum.
const CRC: usize = 4;

/// What the headers of a frame say of it.
#[derive(Default)]
struct Headers {
    message_type: String,
    /// `:event-type`, or `:exception-type`.
    name: String,
    error_code: String,
    error_message: String,
}

/// Takes the first frame out of the buffer, once all of it is there. A buffer that holds something
/// else is told from its first twelve bytes.
pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    let Some(mut prelude) = buffer.get(..PRELUDE) else { return Ok(None) };
    let checksum = crc32fast::hash(&prelude[..PRELUDE - CRC]);
    let (total, headers) = (prelude.get_u32() as usize, prelude.get_u32() as usize);
    if prelude.get_u32() != checksum {
        return Err(FrameError::Damaged);
    }
    if total > LONGEST {
        return Err(FrameError::TooLong);
    }
    if headers + PRELUDE + CRC > total {
        return Err(FrameError::Damaged);
    }
    if buffer.len() < total {
        return Ok(None);
    }
    let mut whole = buffer.split_to(total).freeze();
    let mut stated = whole.split_off(total - CRC);
    if stated.get_u32() != crc32fast::hash(&whole) {
        return Err(FrameError::Damaged);
    }
    let payload = whole.split_off(PRELUDE + headers);
    whole.advance(PRELUDE);
    frame(Headers::read(whole).ok_or(FrameError::Damaged)?, &payload).map(Some)
}

fn frame(headers: Headers, payload: &[u8]) -> Result<Frame, FrameError> {
    if headers.message_type == "error" {
        // Such a frame has no payload: what it tells stands in its headers.
        let told = json!({"code": headers.error_code, "message": headers.error_message});
        return Ok(Frame { event: "error".to_owned(), data: told.to_string() });
    }
    let data = std::str::from_utf8(payload).map_err(|_| FrameError::NotText)?;
    Ok(Frame { event: headers.name, data: data.to_owned() })
}

impl Headers {
    /// Each header is a name of up to 255 bytes, a type, and a value. `None` when they do not fill
    /// their place.
    fn read(mut bytes: Bytes) -> Option<Self> {
        let mut headers = Self::default();
        while !bytes.is_empty() {
            let name = text(&mut bytes, 1)?;
            let kind = bytes.try_get_u8().ok()?;
            let width = match kind {
                0 | 1 => 0,
                2 => 1,
                3 => 2,
                4 => 4,
                5 | 8 => 8,
                6 => length(&mut bytes, 2)?,
                7 => {
                    headers.keep(&name, text(&mut bytes, 2)?);
                    0
                }
                9 => 16,
                _ => return None,
            };
            (bytes.len() >= width).then(|| bytes.advance(width))?;
        }
        Some(headers)
    }

    fn keep(&mut self, name: &str, value: String) {
        match name {
            ":message-type" => self.message_type = value,
            ":event-type" | ":exception-type" => self.name = value,
            ":error-code" => self.error_code = value,
            ":error-message" => self.error_message = value,
            _ => {}
        }
    }
}

/// A number of this many bytes, one or two.
fn length(bytes: &mut Bytes, width: usize) -> Option<usize> {
    match width {
        1 => bytes.try_get_u8().ok().map(usize::from),
        _ => bytes.try_get_u16().ok().map(usize::from),
    }
}

/// A text after its length.
fn text(bytes: &mut Bytes, width: usize) -> Option<String> {
    let length = length(bytes, width)?;
    let text = (bytes.len() >= length).then(|| bytes.split_to(length))?;
    String::from_utf8(text.into()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Cutter, Framing};
    use super::*;

    const EVENT: &str = "0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f\
        6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576\
        656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a226869227d7d\
        de556953";
    const EXCEPTION: &str = "0000008800000061de0175f40f3a657863657074696f6e2d747970650700137468726f74746c696e6745786365707469\
        6f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970\
        65070009657863657074696f6e7b226d657373616765223a22736c6f7720646f776e227d832ee072";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let byte = |pair: &[u8]| {
            u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hex")
        };
        digits.chunks(2).map(byte).collect()
    }

    /// A frame with these headers of text, and the given bytes before them.
    fn made(odd: &[u8], headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut head = odd.to_vec();
        for (name, value) in headers {
            head.push(name.len() as u8);
            head.extend_from_slice(name.as_bytes());
            head.push(7);
            head.extend_from_slice(&(value.len() as u16).to_be_bytes());
            head.extend_from_slice(value.as_bytes());
        }
        let total = (head.len() + payload.len() + PRELUDE + CRC) as u32;
        let mut frame = total.to_be_bytes().to_vec();
        frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(&head);
        frame.extend_from_slice(payload);
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame
    }

    fn cut(pieces: &[&[u8]]) -> Result<Vec<(String, String)>, FrameError> {
        let mut cutter = Cutter::new(Framing::Binary);
        let mut frames = Vec::new();
        for piece in pieces {
            cutter.push(piece);
            while let Some(frame) = cutter.frame()? {
                frames.push((frame.event, frame.data));
            }
        }
        frames.extend(cutter.rest()?.map(|frame| (frame.event, frame.data)));
        Ok(frames)
    }

    fn pair(event: &str, data: &str) -> (String, String) {
        (event.to_owned(), data.to_owned())
    }

    #[test]
    fn events_and_exceptions_carry_their_names() {
        let both = [bytes(EVENT), bytes(EXCEPTION)].concat();
        let expected = [
            pair("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"text":"hi"}}"#),
            pair("throttlingException", r#"{"message":"slow down"}"#),
        ];
        assert_eq!(cut(&[&both]).expect("whole"), expected);
        let error = made(
            &[],
            &[(":message-type", "error"), (":error-code", "Gone"), (":error-message", "no")],
            b"",
        );
        let told = pair("error", r#"{"code":"Gone","message":"no"}"#);
        assert_eq!(cut(&[&error]).expect("whole"), [told]);
    }

    #[test]
    fn headers_of_every_type_are_stepped_over() {
        let mut odd = Vec::new();
        let widths: [(u8, &[u8]); 9] = [
            (0, &[]),
            (1, &[]),
            (2, &[1]),
            (3, &[1; 2]),
            (4, &[1; 4]),
            (5, &[1; 8]),
            (6, &[0, 2, 7, 7]),
            (8, &[1; 8]),
            (9, &[1; 16]),
        ];
        for (kind, value) in widths {
            odd.extend_from_slice(&[1, b'x', kind]);
            odd.extend_from_slice(value);
        }
        let frame = made(&odd, &[(":event-type", "metadata")], b"{}");
        assert_eq!(cut(&[&frame]).expect("whole"), [pair("metadata", "{}")]);
    }

    #[test]
    fn what_is_damaged_is_refused_at_once() {
        let whole = bytes(EVENT);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(cut(&[&damaged]), Err(FrameError::Damaged), "byte {at}");
        }
        assert_eq!(cut(&[b"<html>no stream</html>"]), Err(FrameError::Damaged));
        let wild = made(&[1, b'x', 77], &[], b"{}");
        assert_eq!(cut(&[&wild]), Err(FrameError::Damaged));
        let short = made(&[9, b'x'], &[], b"{}");
        assert_eq!(cut(&[&short]), Err(FrameError::Damaged));
        assert_eq!(cut(&[&made(&[], &[], b"\xFF")]), Err(FrameError::NotText));
        let mut endless = (u32::MAX).to_be_bytes().to_vec();
        endless.extend_from_slice(&[0; 4]);
        endless.extend_from_slice(&crc32fast::hash(&endless).to_be_bytes());
        assert_eq!(cut(&[&endless]), Err(FrameError::TooLong));
    }

    #[test]
    fn a_frame_that_is_not_whole_is_none() {
        let whole = [bytes(EXCEPTION), bytes(EVENT)].concat();
        let told = cut(&[&whole[..whole.len() - 1]]).expect("the first is whole");
        assert_eq!(told, [pair("throttlingException", r#"{"message":"slow down"}"#)]);
    }

    proptest! {
        #[test]
        fn it_does_not_matter_where_a_stream_is_split(cuts in prop::collection::vec(0_usize..284, 0..9)) {
            let stream = [bytes(EVENT), bytes(EXCEPTION)].concat();
            let mut cuts = cuts;
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(&pieces), cut(&[&stream]));
        }

        #[test]
        fn no_bytes_make_it_panic(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = cut(&[&noise]);
            let _ = cut(&[&made(&noise, &[], b"{}")]);
        }
    }
}
