//! Numbers, texts and pieces out of the bytes that a fuzzer makes.

/// Bytes of which one takes from the front; zeros where there are none left.
#[derive(Clone, Copy)]
pub(super) struct Feed<'b>(&'b [u8]);

impl<'b> Feed<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A number of four bytes.
    pub(super) fn number(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// A number of eight bytes.
    pub(super) fn large(&mut self) -> u64 {
        u64::from(self.number()) << 32 | u64::from(self.number())
    }

    /// A number below `end`, of two bytes.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % end.max(1)
    }

    /// A text of up to 255 bytes, after its length; what is no UTF-8 in it is replaced.
    pub(super) fn text(&mut self) -> String {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    /// All that is left.
    pub(super) fn rest(self) -> &'b [u8] {
        self.0
    }
}

/// The bytes cut into pieces: after as many bytes as the cuts say, over and over; whole where there
/// are none.
pub(super) fn pieces<'b>(mut bytes: &'b [u8], cuts: &[u8]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut cuts = cuts.iter().cycle();
    while let Some(cut) = cuts.next().filter(|_| !bytes.is_empty()) {
        let (piece, rest) = bytes.split_at(usize::from(*cut).clamp(1, bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces.push(bytes);
    pieces
}
