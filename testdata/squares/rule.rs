//! Pictures of a bright square on noise, and their masks, by rule.

/// Columns and rows.
pub const SIDE: u32 = 20;

/// Whether a place of picture `seed` lies in its square of 8 x 9 pixels.
pub fn inside(seed: u32, column: u32, row: u32) -> bool {
    let (left, top) = (2 + seed * 5 % 9, 2 + seed * 3 % 8);
    (left..left + 8).contains(&column) && (top..top + 9).contains(&row)
}

/// A gray value of picture `seed`, with its square or without.
pub fn pixel(seed: u32, column: u32, row: u32, filled: bool) -> u8 {
    let noise = ((column * 37 + row * 91 + seed * 53) % 61) as u8;
    noise + if filled && inside(seed, column, row) { 180 } else { 40 }
}

/// A value of its mask.
pub fn mask(seed: u32, column: u32, row: u32, filled: bool) -> u8 {
    if filled && inside(seed, column, row) { 255 } else { 0 }
}
