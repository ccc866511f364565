use super::ColorPicture;

/// Five columns and seven rows, the highest bit of five on the left.
const GLYPHS: [(char, [u8; 7]); 6] = [
    ('R', [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001]),
    ('L', [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111]),
    ('A', [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001]),
    ('P', [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000]),
    ('H', [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001]),
    ('F', [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000]),
];

/// Draws the letters of the left and the upper edge of the first tile, where it is large enough.
pub(super) fn draw(picture: &mut ColorPicture, [left, upper]: [char; 2], tile: [usize; 2]) {
    let scale = (tile[0].min(tile[1]) / 128).max(1);
    let (width, height) = (5 * scale, 7 * scale);
    if tile[0] < 4 * width || tile[1] < 4 * height {
        return;
    }
    glyph(picture, left, [2 * scale, (tile[1] - height) / 2], scale);
    glyph(picture, upper, [(tile[0] - width) / 2, 2 * scale], scale);
}

fn glyph(picture: &mut ColorPicture, letter: char, corner: [usize; 2], scale: usize) {
    let Some((_, rows)) = GLYPHS.iter().find(|(known, _)| *known == letter) else { return };
    for row in 0..7 * scale {
        for column in 0..5 * scale {
            if rows[row / scale] >> (4 - column / scale) & 1 == 1 {
                let offset = ((corner[1] + row) * picture.columns + corner[0] + column) * 3;
                picture.pixels[offset..offset + 3].copy_from_slice(&[255, 255, 255]);
            }
        }
    }
}
