use std::collections::BTreeMap;

use rayon::prelude::*;

/// A set of voxels with one bit each; every row begins a new word, and bits past its end are 0.
#[derive(Clone)]
pub(super) struct Bits {
    size: [usize; 3],
    words_per_row: usize,
    words: Vec<u64>,
}

/// What is joined to a voxel: for each step in rows and slices, how many columns to either side.
pub(super) struct Footprint(pub(super) Vec<(isize, isize, usize)>);

impl Bits {
    /// The voxels that equal `wanted`.
    pub(super) fn packed(size: [usize; 3], inside: &[bool], wanted: bool) -> Self {
        let [columns, rows, _] = size;
        let words_per_row = columns.div_ceil(64);
        let mut words = vec![0; words_per_row * rows * size[2]];
        words.par_chunks_mut(words_per_row * rows).zip(inside.par_chunks(columns * rows)).for_each(
            |(words, inside)| {
                for (words, row) in words.chunks_mut(words_per_row).zip(inside.chunks(columns)) {
                    pack(row, wanted, words);
                }
            },
        );
        Self { size, words_per_row, words }
    }

    /// One `bool` a voxel, `when_set` where the bit is 1.
    pub(super) fn unpacked(&self, when_set: bool) -> Vec<bool> {
        let [columns, rows, slices] = self.size;
        let mut inside = vec![false; columns * rows * slices];
        let plane = self.words_per_row * rows;
        inside.par_chunks_mut(columns * rows).zip(self.words.par_chunks(plane)).for_each(
            |(inside, words)| {
                for (row, words) in inside.chunks_mut(columns).zip(words.chunks(self.words_per_row)) {
                    for (cells, word) in row.chunks_mut(64).zip(words) {
                        let word = if when_set { *word } else { !*word };
                        for (cells, byte) in cells.chunks_mut(8).zip(word.to_le_bytes()) {
                            cells.copy_from_slice(&BYTES[usize::from(byte)][..cells.len()]);
                        }
                    }
                }
            },
        );
        inside
    }

    /// The voxels of the grid that are not in the set.
    pub(super) fn complement(mut self) -> Self {
        let last = last_word(self.size[0]);
        self.words.par_chunks_mut(self.words_per_row).with_min_len(1024).for_each(|row| {
            row.iter_mut().for_each(|word| *word = !*word);
            if let Some(word) = row.last_mut() {
                *word &= last;
            }
        });
        self
    }

    /// The set with the footprint laid on each of its voxels; what leaves the grid is lost.
    ///
    /// Footprints are symmetric here, so that no mirror image is needed.
    pub(super) fn dilated(&self, footprint: &Footprint) -> Self {
        let [_, rows, slices] = self.size;
        let mut spread: BTreeMap<usize, Self> =
            footprint.0.iter().map(|(.., w)| (*w, self.clone())).collect();
        let (mut reach, mut last) = (0, self.clone());
        for (width, bits) in &mut spread {
            last.spread(reach, *width);
            reach = *width;
            bits.words.copy_from_slice(&last.words);
        }
        let plane = self.words_per_row * rows;
        let mut words = vec![0; self.words.len()];
        words.par_chunks_mut(plane).enumerate().for_each(|(slice, target)| {
            for (by_row, by_slice, width) in &footprint.0 {
                let Some(from) = slice.checked_add_signed(*by_slice).filter(|from| *from < slices) else {
                    continue;
                };
                let source = &spread[width].words[from * plane..(from + 1) * plane];
                // Target row r takes source row r + by_row: two overlapping blocks of rows.
                let skip = by_row.unsigned_abs().min(rows) * self.words_per_row;
                let (target, source) = if *by_row >= 0 {
                    (&mut target[..plane - skip], &source[skip..])
                } else {
                    (&mut target[skip..], &source[..plane - skip])
                };
                target.iter_mut().zip(source).for_each(|(target, source)| *target |= source);
            }
        });
        Self { size: self.size, words_per_row: self.words_per_row, words }
    }

    /// Widens each row from a reach of `reach` columns to either side to one of `wanted`.
    fn spread(&mut self, reach: usize, wanted: usize) {
        let last = last_word(self.size[0]);
        let per_row = self.words_per_row;
        self.words.par_chunks_mut(per_row).with_min_len(256).for_each_init(
            || vec![0; per_row],
            |before, row| {
                let mut reach = reach;
                while reach < wanted {
                    // A step of up to the width leaves no gap; 63 keeps it to one neighboring word.
                    let step = (2 * reach + 1).min(wanted - reach).min(63) as u32;
                    before.copy_from_slice(row);
                    for (at, word) in row.iter_mut().enumerate() {
                        let lower = if at > 0 { before[at - 1] >> (64 - step) } else { 0 };
                        let upper = before.get(at + 1).map_or(0, |next| next << (64 - step));
                        *word |= (before[at] << step) | lower | (before[at] >> step) | upper;
                    }
                    if let Some(word) = row.last_mut() {
                        *word &= last;
                    }
                    reach += step as usize;
                }
            },
        );
    }
}

/// Packs a row: bit `n` of word `w` is column `64 w + n`.
pub(super) fn pack(row: &[bool], wanted: bool, words: &mut [u64]) {
    for (word, cells) in words.iter_mut().zip(row.chunks(64)) {
        let mut bits = 0_u64;
        let (eights, rest) = cells.as_chunks::<8>();
        for (at, eight) in eights.iter().enumerate() {
            // Each byte is 0 or 1: the product gathers them in its highest byte.
            let gathered = u64::from_le_bytes(eight.map(u8::from)).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits |= gathered << (8 * at);
        }
        for (at, cell) in rest.iter().enumerate() {
            bits |= u64::from(*cell) << (8 * eights.len() + at);
        }
        *word = if wanted { bits } else { !bits };
    }
    if let (Some(word), false) = (words.last_mut(), wanted) {
        *word &= last_word(row.len());
    }
}

/// The bits of a row's last word that stand for columns.
fn last_word(columns: usize) -> u64 {
    if columns.is_multiple_of(64) { u64::MAX } else { (1 << (columns % 64)) - 1 }
}

/// The eight cells of every byte.
const BYTES: [[bool; 8]; 256] = {
    let mut table = [[false; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut bit = 0;
        while bit < 8 {
            table[byte][bit] = byte >> bit & 1 == 1;
            bit += 1;
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_and_unpacking_give_the_set_back_at_every_width() {
        for columns in [1, 7, 8, 63, 64, 65, 130] {
            let inside: Vec<bool> = (0..columns * 6).map(|at| at * 7 % 5 < 2).collect();
            for wanted in [true, false] {
                let bits = Bits::packed([columns, 3, 2], &inside, wanted);
                assert_eq!(bits.unpacked(wanted), inside, "{columns} columns");
                assert_eq!(bits.complement().unpacked(!wanted), inside, "{columns} columns");
            }
        }
    }

    #[test]
    fn a_row_spreads_across_words_and_stops_at_its_end() {
        let mut inside = vec![false; 130];
        inside[63] = true;
        inside[128] = true;
        let wide =
            Bits::packed([130, 1, 1], &inside, true).dilated(&Footprint(vec![(0, 0, 5)])).unpacked(true);
        let expected: Vec<bool> = (0..130).map(|at| (58..=68).contains(&at) || at >= 123).collect();
        assert_eq!(wide, expected);
    }
}
