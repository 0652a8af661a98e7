//! Tokens of a picture: its size is read from the first bytes of a `data:` URL, and counted by the
//! rules that providers publish. One on the web is taken to be as large as it can be.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::audit::estimate::vocabulary::claude_version;

/// Characters of base64 in which the size of a picture is looked for; cameras put whole previews
/// before it.
const HEAD: usize = 256 << 10;
/// A picture of a model whose rules are not known.
const UNKNOWN: u64 = 1_000;

/// How a model counts pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// So many tokens, and so many for each tile of 512 x 512.
    Tiles { base: u64, tile: u64 },
    /// Patches of 32 x 32 up to a budget, times a factor.
    Patches { most: u64, factor: f64 },
    /// Patches of 28 x 28 after its longer edge is fitted, up to a budget.
    Claude { edge: f64, most: u64 },
    /// 258 for each tile of 768 x 768.
    Gemini,
    /// Nobody knows.
    Unknown,
}

/// The likely tokens of a picture that this part of a message shows to this model.
pub fn tokens(model: &str, part: &Value) -> u64 {
    let image = part.get("image_url");
    let url = image.and_then(|image| image.get("url").unwrap_or(image).as_str());
    let is_low = image.and_then(|image| image.get("detail")).is_some_and(|detail| detail == "low");
    let size = url.and_then(size_of);
    match rule(&model.to_ascii_lowercase()) {
        Rule::Tiles { base, .. } if is_low => base,
        // The most tiles that a picture can have are those of one twice as wide as high.
        Rule::Tiles { base, tile } => base + tile * size.map_or(8, tiles),
        Rule::Patches { most, factor } => {
            let most = if is_low { 256 } else { most };
            let patches = size.map_or(most, |size| patches(size, 32.0).min(most));
            (patches as f64 * factor).ceil() as u64
        }
        Rule::Claude { edge, most } => size.map_or(most, |(width, height)| {
            let scale = (edge / width.max(height)).min(1.0);
            patches((width * scale, height * scale), 28.0).min(most)
        }),
        Rule::Gemini => match size {
            Some((width, height)) if width > 384.0 || height > 384.0 => {
                258 * (width / 768.0).ceil() as u64 * (height / 768.0).ceil() as u64
            }
            _ => 258,
        },
        Rule::Unknown => UNKNOWN,
    }
}

fn rule(model: &str) -> Rule {
    let is = |part: &str| model.contains(part);
    let tiles = |base, tile| Rule::Tiles { base, tile };
    match () {
        () if claude_version(model) >= Some((4, 7)) => Rule::Claude { edge: 2_576.0, most: 4_784 },
        () if is("claude") => Rule::Claude { edge: 1_568.0, most: 1_568 },
        () if is("gemini") => Rule::Gemini,
        () if is("gpt-4.1-mini") => Rule::Patches { most: 6_144, factor: 1.62 },
        () if is("gpt-5.2") => Rule::Patches { most: 6_144, factor: 1.2 },
        () if is("gpt-5.5") => Rule::Patches { most: 10_000, factor: 1.2 },
        () if is("gpt-5.4") || is("gpt-5.6") || is("gpt-6") => {
            Rule::Patches { most: 2_500, factor: 1.2 }
        }
        () if is("gpt-4o-mini") => tiles(2_833, 5_667),
        () if is("gpt-4o") || is("gpt-4.1") || is("gpt-4.5") || is("gpt-4-turbo") => tiles(85, 170),
        () if is("gpt-5") => tiles(70, 140),
        () if is("o1") || is("o3") => tiles(75, 150),
        () => Rule::Unknown,
    }
}

/// Tiles of 512 x 512 once it fits into 2048 x 2048 and its shorter edge into 768.
fn tiles((width, height): (f64, f64)) -> u64 {
    let fit = (2_048.0 / width.max(height)).min(1.0);
    let scale = fit * (768.0 / (width.min(height) * fit)).min(1.0);
    ((width * scale / 512.0).ceil() * (height * scale / 512.0).ceil()) as u64
}

fn patches((width, height): (f64, f64), edge: f64) -> u64 {
    ((width / edge).ceil() * (height / edge).ceil()) as u64
}

/// Width and height of the picture in a `data:` URL, where they can be read.
fn size_of(url: &str) -> Option<(f64, f64)> {
    let (_, base64) = url.strip_prefix("data:")?.split_once(";base64,")?;
    let head = base64.get(..base64.len().min(HEAD) / 4 * 4)?;
    let bytes = STANDARD.decode(head).ok()?;
    let (width, height) =
        png(&bytes).or_else(|| gif(&bytes)).or_else(|| webp(&bytes)).or_else(|| jpeg(&bytes))?;
    (width > 0 && height > 0).then_some((f64::from(width), f64::from(height)))
}

fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    bytes.starts_with(b"\x89PNG").then_some(())?;
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    Some((number(16)?, number(20)?))
}

fn gif(bytes: &[u8]) -> Option<(u32, u32)> {
    bytes.starts_with(b"GIF8").then_some(())?;
    Some((little(bytes, 6)?, little(bytes, 8)?))
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    (bytes.starts_with(b"RIFF") && bytes.get(8..12)? == b"WEBP").then_some(())?;
    match bytes.get(12..16)? {
        b"VP8 " => Some((little(bytes, 26)? & 0x3fff, little(bytes, 28)? & 0x3fff)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(bytes.get(21..25)?.try_into().ok()?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let three = |at| Some(little(bytes, at)? | u32::from(*bytes.get(at + 2)?) << 16);
            Some((three(24)? + 1, three(27)? + 1))
        }
        _ => None,
    }
}

/// Goes from marker to marker until one that tells the size of a frame.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    bytes.starts_with(b"\xff\xd8").then_some(())?;
    let big =
        |at: usize| Some(u32::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((big(at + 7)?, big(at + 5)?));
        }
        at += 2 + big(at + 2)? as usize;
    }
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn png_of(width: u32, height: u32) -> Value {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 2, 0, 0]);
        let url = format!("data:image/png;base64,{}", STANDARD.encode(bytes));
        json!({"type": "image_url", "image_url": {"url": url}})
    }

    #[test]
    fn a_picture_counts_by_its_size_and_its_models_rules() {
        for (model, width, height, expected) in [
            ("gpt-4o", 1_024, 1_024, 765),
            ("gpt-4o", 2_048, 4_096, 1_105),
            ("gpt-4o", 100, 100, 255),
            ("gpt-4o-mini", 1_024, 1_024, 2_833 + 4 * 5_667),
            ("gpt-5.4", 320, 320, 120),
            ("claude-3-5-sonnet", 280, 280, 100),
            ("claude-3-5-sonnet", 4_000, 4_000, 1_568),
            ("claude-sonnet-5", 2_576, 2_576, 4_784),
            ("gemini-2.5-flash", 300, 300, 258),
            ("gemini-2.5-flash", 1_000, 700, 516),
            ("llava", 10, 10, 1_000),
        ] {
            assert_eq!(tokens(model, &png_of(width, height)), expected, "{model} {width}x{height}");
        }
        let mut low = png_of(1_024, 1_024);
        low["image_url"]["detail"] = "low".into();
        assert_eq!(tokens("gpt-4o", &low), 85);
        let remote = json!({"type": "image_url", "image_url": "https://example.com/a.png"});
        assert_eq!(tokens("gpt-4o", &remote), 85 + 8 * 170);
        assert_eq!(tokens("claude-3-haiku", &remote), 1_568);
    }

    #[test]
    fn sizes_are_read_from_the_head_of_every_common_kind() {
        let jpeg_bytes = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x11\x08\x01\x02\x03\x04";
        assert_eq!(jpeg(jpeg_bytes), Some((0x304, 0x102)));
        assert_eq!(gif(b"GIF89a\x05\0\x06\0"), Some((5, 6)));
        let extended = b"RIFF....WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0";
        assert_eq!(webp(extended), Some((16, 32)));
        assert_eq!(webp(b"RIFF....WEBPVP8L\x0a\0\0\0\x2f\x0f\xc0\x07\0"), Some((16, 32)));
        for none in [&b"\xff\xd8\xff"[..], b"", b"\x89PNG", b"\xff\xd8\xff\xe0\xff\xff"] {
            assert_eq!(png(none).or(jpeg(none)).or(gif(none)).or(webp(none)), None);
        }
    }
}
