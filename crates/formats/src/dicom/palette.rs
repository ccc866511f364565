//! Palettes: the color that an index stands for, from whole or segmented tables.
//!
//! Source: PS3.3 Sections C.7.6.3.1.5, C.7.6.3.1.6 and C.7.9.2.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::element::DataSet;
use super::file::place;
use crate::FormatError;

/// Red, green and blue of palette entries, with the entries' range.
#[derive(Clone, Debug)]
pub(crate) struct Palette {
    first: i32,
    entries: Vec<[f32; 3]>,
    /// Highest value an entry can take.
    pub top: f32,
}

/// Descriptor, whole table, segmented table.
const TABLES: [(Tag, Tag, Tag); 3] = [
    (
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
];

impl Palette {
    /// Reads the three tables.
    ///
    /// # Errors
    /// [`FormatError`] for missing, short or broken tables.
    pub(crate) fn read(data_set: &DataSet<'_>) -> Result<Self, FormatError> {
        let signed = data_set.unsigned(tags::PIXEL_REPRESENTATION) == Some(1);
        let mut channels = Vec::with_capacity(3);
        let (mut first_value, mut top) = (0, 255.0_f32);
        for (descriptor, whole, segmented) in TABLES {
            let missing = || FormatError::malformed(place(descriptor), "palette table is missing or short");
            let [entries, first, bits] = data_set.words(descriptor).try_into().map_err(|_| missing())?;
            let entries = if entries == 0 { 1 << 16 } else { usize::from(entries) };
            first_value = if signed { i32::from(first.cast_signed()) } else { i32::from(first) };
            let channel: Vec<u16> = if let Some(raw) = data_set.raw(whole) {
                // A table declared with 16 bits and written with 8 is met.
                if raw.len() < 2 * entries {
                    data_set.bytes(whole).into_iter().map(u16::from).collect()
                } else {
                    if bits > 8 {
                        top = 65_535.0;
                    }
                    data_set.words(whole)
                }
            } else if data_set.find(segmented).is_some() {
                let wide = bits > 8;
                if wide {
                    top = 65_535.0;
                }
                let coded = if wide {
                    data_set.words(segmented)
                } else {
                    data_set.bytes(segmented).into_iter().map(u16::from).collect()
                };
                expand(&coded, wide, entries)
                    .map_err(|message| FormatError::malformed(place(segmented), message))?
            } else {
                return Err(missing());
            };
            if channel.len() < entries {
                return Err(missing());
            }
            channels.push(channel);
        }
        let length = channels.iter().map(Vec::len).min().unwrap_or(0);
        let entry = |i: usize| [0, 1, 2].map(|channel: usize| f32::from(channels[channel][i]));
        Ok(Self { first: first_value, entries: (0..length).map(entry).collect(), top })
    }

    /// The entry of a stored value; below the first it is the first, above the last the last.
    pub(crate) fn at(&self, stored: f64) -> [f32; 3] {
        let index = (stored as i64 - i64::from(self.first)).clamp(0, self.entries.len() as i64 - 1);
        self.entries[index as usize]
    }
}

/// The entries of a segmented table; stops once there are `entries`.
fn expand(coded: &[u16], wide: bool, entries: usize) -> Result<Vec<u16>, String> {
    let mut table = Vec::with_capacity(entries);
    let mut at = 0;
    while at < coded.len() && table.len() < entries {
        // One byte of padding makes the length even.
        if !wide && at + 1 == coded.len() {
            break;
        }
        at = segment(coded, at, wide, entries, &mut table, true)?;
    }
    table.truncate(entries);
    Ok(table)
}

/// Appends one segment and gives the place behind it.
fn segment(
    coded: &[u16],
    at: usize,
    wide: bool,
    entries: usize,
    table: &mut Vec<u16>,
    may_refer: bool,
) -> Result<usize, String> {
    let short = || format!("a segment at place {at} is cut");
    let [kind, count] = *coded.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or_else(short)?;
    let count = usize::from(count);
    let room = entries - table.len().min(entries);
    match kind {
        // Discrete: the entries themselves.
        0 => {
            let values = coded.get(at + 2..at + 2 + count).ok_or_else(short)?;
            table.extend(values.iter().take(room));
            Ok(at + 2 + count)
        }
        // Linear: from the entry before, in `count` equal steps.
        1 => {
            let end = i64::from(*coded.get(at + 2).ok_or_else(short)?);
            let start =
                i64::from(*table.last().ok_or("the first segment is linear, expected a discrete one")?);
            let line = |step: usize| start as f64 + (end - start) as f64 * step as f64 / count as f64;
            table.extend((1..=count).take(room).map(|step| line(step).round_ties_even() as u16));
            Ok(at + 3)
        }
        // Indirect: `count` segments that stand earlier, at an offset in bytes.
        2 => {
            if !may_refer {
                return Err("an indirect segment refers to another".to_owned());
            }
            let (words, start) = if wide {
                let [low, high] =
                    *coded.get(at + 2..).and_then(|rest| rest.first_chunk::<2>()).ok_or_else(short)?;
                (2, (usize::from(high) << 16 | usize::from(low)) / 2)
            } else {
                let [a, b, c, d] =
                    *coded.get(at + 2..).and_then(|rest| rest.first_chunk::<4>()).ok_or_else(short)?;
                (4, usize::from(d) << 24 | usize::from(c) << 16 | usize::from(b) << 8 | usize::from(a))
            };
            let mut place = start;
            for _ in 0..count {
                if table.len() >= entries {
                    break;
                }
                place = segment(coded, place, wide, entries, table, false)?;
            }
            Ok(at + 2 + words)
        }
        kind => Err(format!("a segment of kind {kind}, expected 0, 1 or 2")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_worked_on_paper() {
        // 0, 10 discrete; to 20 in 4 steps; the first segment again; to 0 in 3 steps.
        let coded = [0, 2, 0, 10, 1, 4, 20, 2, 1, 0, 0, 1, 3, 0];
        // 12.5 and 17.5 round to the even number; 10 to 0 in thirds.
        let expected = [0, 10, 12, 15, 18, 20, 0, 10, 7, 3, 0];
        assert_eq!(expand(&coded, true, 11).as_deref(), Ok(&expected[..]));
        // In bytes the offset of an indirect segment takes four.
        let coded = [0, 2, 0, 10, 1, 4, 20, 2, 1, 0, 0, 0, 0, 1, 3, 0];
        assert_eq!(expand(&coded, false, 11).as_deref(), Ok(&expected[..]));
    }

    #[test]
    fn hostile_segments_end() {
        for coded in [
            &[1, 4, 20][..],
            &[0, 9, 1],
            &[7, 1, 1],
            &[0, 1, 5, 2, 9, 6, 0],
            &[0, 1, 5, 2, 65_535, 0, 0, 2, 65_535, 65_535, 65_535],
            &[2],
        ] {
            let table = expand(coded, true, 1000);
            assert!(table.is_err() || table.is_ok_and(|table| table.len() <= 1000), "{coded:?}");
        }
        // A count of 0 adds nothing.
        assert_eq!(expand(&[0, 1, 5, 1, 0, 9], true, 1000).as_deref(), Ok(&[5][..]));
        let all = [0, 1, 5, 1, 65_535, 9, 1, 65_535, 0];
        assert_eq!(expand(&all, true, 70_000).map(|table| table.len()), Ok(70_000));
    }
}
