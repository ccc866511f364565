//! Huffman codes of a sequential scan, and one block's coefficients (T.81 Sections C, F.2.2).

/// Bits of a scan's data, high bit first; a marker or the end gives zeros without end.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    cache: u32,
    held: u32,
    padded: u32,
}

impl<'a> Bits<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, cache: 0, held: 0, padded: 0 }
    }

    pub(super) const fn is_past_the_end(&self) -> bool {
        self.padded > self.held
    }

    /// Afterward at least 25 bits are held, in the high end of the cache.
    fn fill(&mut self) {
        while self.held <= 24 {
            let byte = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF) | None, _) => {
                    self.padded = self.padded.saturating_add(8);
                    0
                }
                (Some(byte), _) => {
                    self.at += 1;
                    *byte
                }
            };
            self.cache |= u32::from(byte) << (24 - self.held);
            self.held += 8;
        }
    }

    /// Up to 16 bits, not yet taken.
    fn peek(&mut self, count: u32) -> u32 {
        if self.held < count {
            self.fill();
        }
        self.cache >> (32 - count)
    }

    const fn drop(&mut self, count: u32) {
        self.cache <<= count;
        self.held -= count;
    }

    /// A signed value of `size` bits (T.81 F.2.2.1, EXTEND).
    fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let value = self.peek(size).cast_signed();
        self.drop(size);
        if value < 1 << (size - 1) { value - (1 << size) + 1 } else { value }
    }

    /// Goes behind the next restart marker.
    pub(super) fn restart(&mut self) {
        (self.cache, self.held, self.padded) = (0, 0, 0);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let marker = rest.windows(2).position(|pair| pair[0] == 0xFF && matches!(pair[1], 0xD0..=0xD7));
        self.at += marker.map_or(rest.len(), |marker| marker + 2);
    }
}

/// The codes of one table, shorter ones first.
pub(super) struct Table {
    values: Vec<u8>,
    /// By length: the first code behind those of this length, in 16 bits, and what to add to a
    /// code for its place among the values.
    lengths: [(u32, i32); 17],
    /// Length and value of codes of up to 8 bits by the next 8 bits; length 0 is a longer code.
    quick: [(u8, u8); 256],
}

impl Table {
    /// From the number of codes of each length and their values; none if they do not fit 16 bits.
    pub(super) fn new(counts: &[u8; 16], values: &[u8]) -> Option<Self> {
        let mut lengths = [(0, 0); 17];
        let mut quick = [(0, 0); 256];
        let (mut code, mut place) = (0_u32, 0_usize);
        for (length, count) in (1_u32..).zip(counts) {
            lengths[length as usize].1 = place as i32 - code as i32;
            for _ in 0..*count {
                let value = *values.get(place)?;
                if length <= 8 {
                    let start = (code << (8 - length)) as usize;
                    let end = start + (1 << (8 - length));
                    quick.get_mut(start..end)?.fill((length as u8, value));
                }
                code += 1;
                place += 1;
            }
            if code > 1 << length {
                return None;
            }
            lengths[length as usize].0 = code << (16 - length);
            code <<= 1;
        }
        Some(Self { values: values.to_vec(), lengths, quick })
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<u8> {
        let next = bits.peek(16);
        let (length, value) = self.quick[(next >> 8) as usize];
        if length > 0 {
            bits.drop(u32::from(length));
            return Some(value);
        }
        let length = (9..=16).find(|length| next < self.lengths[*length].0)?;
        let code = (next >> (16 - length)) as i32;
        bits.drop(length as u32);
        self.values.get(usize::try_from(code + self.lengths[length].1).ok()?).copied()
    }
}

/// Where the coefficients of a block lie, in the order they are written (T.81 Figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Reads one block and undoes its quantization; none for a code that its table does not have.
pub(super) fn block(
    bits: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    prediction: &mut i32,
    quantizer: &[u16; 64],
    block: &mut [i32; 64],
) -> Option<()> {
    let size = u32::from(dc.read(bits)?);
    if size > 15 {
        return None;
    }
    // A conforming sum has 16 bits; a hostile one must not overflow.
    *prediction = (*prediction + bits.signed(size)).clamp(-32_768, 32_767);
    block[0] = *prediction * i32::from(quantizer[0]);
    let mut at = 1;
    while at < 64 {
        let symbol = ac.read(bits)?;
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run < 15 {
                break;
            }
            at += 16;
            continue;
        }
        at += run;
        let place = usize::from(*ZIGZAG.get(at)?);
        block[place] = bits.signed(size) * i32::from(quantizer[at]);
        at += 1;
    }
    Some(())
}
