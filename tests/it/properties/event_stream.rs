//! Amazon's binary frames: any bytes, and whole frames whose headers and payloads are any bytes.

use runner::wire::frames::Framing;

use super::feed::{Feed, pieces};
use super::sse::cut;

/// The first byte says whether frames are made of the rest, with checksums that fit; the second how
/// many of the following bytes say where the stream is split.
pub(super) fn holds(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let is_made = feed.flag();
    let cuts: Vec<u8> = (0..feed.byte() % 8).map(|_| feed.byte()).collect();
    let stream = if is_made { frames(feed) } else { feed.rest().to_vec() };
    let whole = cut(Framing::Binary, &[&stream]);
    assert_eq!(whole, cut(Framing::Binary, &pieces(&stream, &cuts)));
    let length: usize = whole.0.iter().map(|frame| frame.data.len()).sum();
    assert!(length <= stream.len() * 8, "no frame tells more than came");
}

fn frames(mut feed: Feed<'_>) -> Vec<u8> {
    let mut stream = Vec::new();
    while !feed.is_empty() {
        let (headers, payload) = (feed.text(), feed.text());
        let mut head = headers.into_bytes();
        // Headers of text, as Amazon sends them, and then whatever comes.
        if feed.flag() {
            let mut told = Vec::new();
            for name in [":event-type", ":message-type"] {
                told.push(name.len() as u8);
                told.extend_from_slice(name.as_bytes());
                told.extend_from_slice(&[7, 0, head.len().min(255) as u8]);
                told.extend_from_slice(&head[..head.len().min(255)]);
            }
            head = told;
        }
        let total = (head.len() + payload.len() + 16) as u32;
        let mut frame = total.to_be_bytes().to_vec();
        frame.extend_from_slice(&(head.len() as u32).to_be_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        frame.extend_from_slice(&head);
        frame.extend_from_slice(payload.as_bytes());
        frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
        stream.extend_from_slice(&frame);
    }
    stream
}
