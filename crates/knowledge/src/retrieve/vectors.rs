use std::io::Write;

use tantivy::directory::OwnedBytes;

use super::fuse::{Ranked, sort};

const MARK: &[u8; 8] = b"WVECTOR1";
const HEAD: usize = 12;
const SCALE: usize = 4;

/// Why vectors cannot be read or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VectorsError {
    /// The bytes are no vectors.
    #[error("the vectors are damaged: {0}")]
    Damaged(String),
    /// A vector of another network.
    #[error("a vector has {found} numbers, expected {expected}: the index was made with another encoder")]
    Width {
        /// Numbers of the vector.
        found: usize,
        /// Those of the index.
        expected: usize,
    },
    /// They could not be written.
    #[error("the vectors could not be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Writes vectors one after the other, each as bytes with a scale of its own: largest number to 127.
pub struct VectorsWriter<W: Write> {
    out: W,
    width: usize,
}

impl<W: Write> VectorsWriter<W> {
    /// Begins with vectors of `width` numbers.
    ///
    /// # Errors
    /// [`VectorsError::Write`].
    pub fn new(mut out: W, width: usize) -> Result<Self, VectorsError> {
        out.write_all(MARK)?;
        out.write_all(&u32::try_from(width).unwrap_or(u32::MAX).to_le_bytes())?;
        Ok(Self { out, width })
    }

    /// Adds the vector of the next passage, scaled to length 1.
    ///
    /// # Errors
    /// [`VectorsError::Width`], [`VectorsError::Write`].
    pub fn add(&mut self, vector: &[f32]) -> Result<(), VectorsError> {
        if vector.len() != self.width {
            return Err(VectorsError::Width { found: vector.len(), expected: self.width });
        }
        Ok(self.out.write_all(&row(vector))?)
    }

    /// Adds the bytes of a row of vectors that are there already.
    ///
    /// # Errors
    /// [`VectorsError::Width`], [`VectorsError::Write`].
    pub fn add_row(&mut self, row: &[u8]) -> Result<(), VectorsError> {
        if row.len() != SCALE + self.width {
            return Err(VectorsError::Width { found: row.len().saturating_sub(SCALE), expected: self.width });
        }
        Ok(self.out.write_all(row)?)
    }

    /// Ends, and gives the place back that was written to.
    ///
    /// # Errors
    /// [`VectorsError::Write`].
    pub fn finish(mut self) -> Result<W, VectorsError> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn row(vector: &[f32]) -> Vec<u8> {
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    let length = if length > 0.0 && length.is_finite() { length } else { 1.0 };
    let unit: Vec<f32> = vector.iter().map(|number| (f64::from(*number) / length) as f32).collect();
    let largest = unit.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
    let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    let mut bytes = scale.to_le_bytes().to_vec();
    bytes.extend(unit.iter().map(|number| ((number / scale).round() as i8).cast_unsigned()));
    bytes
}

/// A vector a passage, and the nearest ones exactly: every one is looked at.
///
/// The bytes may be a file that is mapped into memory. Cosines are those of the rounded vectors: off by less than 0.01
/// (the tests hold that).
pub struct Vectors {
    bytes: OwnedBytes,
    width: usize,
}

impl Vectors {
    /// Vectors as [`VectorsWriter`] left them.
    ///
    /// # Errors
    /// [`VectorsError::Damaged`].
    pub fn open(bytes: OwnedBytes) -> Result<Self, VectorsError> {
        let damaged = |what: &str| Err(VectorsError::Damaged(what.to_owned()));
        if bytes.len() < HEAD || &bytes[..8] != MARK {
            return damaged("they begin with no mark of this program");
        }
        let width = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize;
        if width == 0 || width > 1 << 16 {
            return damaged("their width is out of all reason");
        }
        if !(bytes.len() - HEAD).is_multiple_of(SCALE + width) {
            return damaged("the last one is cut");
        }
        Ok(Self { bytes, width })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        (self.bytes.len() - HEAD) / (SCALE + self.width)
    }

    /// Numbers of a vector.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The bytes of one vector, for [`VectorsWriter::add_row`].
    #[must_use]
    pub fn row(&self, passage: u32) -> Option<&[u8]> {
        self.bytes[HEAD..].chunks_exact(SCALE + self.width).nth(passage as usize)
    }

    /// The nearest `most` passages by cosine, over so many threads.
    ///
    /// # Errors
    /// [`VectorsError::Width`].
    pub fn nearest(&self, query: &[f32], most: usize, threads: usize) -> Result<Vec<Ranked>, VectorsError> {
        if query.len() != self.width {
            return Err(VectorsError::Width { found: query.len(), expected: self.width });
        }
        if most == 0 || self.count() == 0 {
            return Ok(Vec::new());
        }
        let (query, scale) = finer(query);
        let rows = &self.bytes[HEAD..];
        let step = SCALE + self.width;
        let part = self.count().div_ceil(threads.max(1)).max(1);
        let mut found: Vec<Ranked> = std::thread::scope(|scope| {
            let hands: Vec<_> = rows
                .chunks(part * step)
                .enumerate()
                .map(|(at, rows)| {
                    let query = &query;
                    scope.spawn(move || {
                        pulp::Arch::new().dispatch(Scan(
                            #[inline(always)]
                            || best_of(rows, step, query, scale, at * part, most),
                        ))
                    })
                })
                .collect();
            hands.into_iter().flat_map(|hand| hand.join().expect("a scan of bytes does not fail")).collect()
        });
        sort(&mut found);
        found.truncate(most);
        Ok(found)
    }
}

/// The query in 16 bits: 384 products with 8 bits fit 32.
fn finer(query: &[f32]) -> (Vec<i16>, f32) {
    const MOST: f32 = 8191.0;
    let length = query.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt().max(1e-12) as f32;
    let largest = query.iter().fold(0.0_f32, |largest, number| largest.max(number.abs())).max(1e-12);
    let numbers = query.iter().map(|number| (number / largest * MOST).round() as i16).collect();
    (numbers, largest / MOST / length)
}

/// A scan that is compiled for each kind of processor; the one it runs on is asked.
struct Scan<F>(F);

impl<T, F: FnMut() -> T> pulp::NullaryFnOnce for Scan<F> {
    type Output = T;

    #[inline(always)]
    fn call(mut self) -> T {
        (self.0)()
    }
}

#[inline(always)]
fn best_of(rows: &[u8], step: usize, query: &[i16], scale: f32, first: usize, most: usize) -> Vec<Ranked> {
    let most = most.clamp(1, (rows.len() / step).max(1));
    let mut best: Vec<Ranked> = Vec::with_capacity(2 * most);
    let mut least = f64::NEG_INFINITY;
    for (at, row) in rows.chunks_exact(step).enumerate() {
        let (of_row, numbers) = row.split_at(SCALE);
        let of_row = f32::from_le_bytes([of_row[0], of_row[1], of_row[2], of_row[3]]);
        let score = f64::from(product(numbers, query) as f32 * of_row * scale);
        if score > least {
            best.push(Ranked { passage: u32::try_from(first + at).unwrap_or(u32::MAX), score });
            if best.len() == 2 * most {
                sort(&mut best);
                best.truncate(most);
                least = best[most - 1].score;
            }
        }
    }
    sort(&mut best);
    best.truncate(most);
    best
}

/// Written so that the compiler makes vector instructions of it.
#[inline(always)]
fn product(row: &[u8], query: &[i16]) -> i32 {
    row.iter().zip(query).map(|(byte, number)| i32::from(byte.cast_signed()) * i32::from(*number)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(count: usize, width: usize) -> Vec<Vec<f32>> {
        let mut state = 12345_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 40) as f32 / (1 << 24) as f32) - 0.5
        };
        (0..count).map(|_| (0..width).map(|_| next()).collect()).collect()
    }

    fn of(vectors: &[Vec<f32>], width: usize) -> Vectors {
        let mut writer = VectorsWriter::new(Vec::new(), width).expect("a vector");
        vectors.iter().for_each(|vector| writer.add(vector).expect("its width"));
        Vectors::open(OwnedBytes::new(writer.finish().expect("a vector"))).expect("whole")
    }

    #[test]
    fn the_nearest_are_those_of_exact_arithmetic_and_the_threads_change_nothing() {
        let vectors = drawn(500, 384);
        let kept = of(&vectors, 384);
        assert_eq!((kept.count(), kept.width()), (500, 384));
        let length = |a: &[f32]| a.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        for query in drawn(520, 384).into_iter().skip(500) {
            let found = kept.nearest(&query, 10, 1).expect("its width");
            assert_eq!(found, kept.nearest(&query, 10, 3).expect("its width"));
            for one in &found {
                let vector = &vectors[one.passage as usize];
                let product: f64 =
                    vector.iter().zip(&query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                let cosine = product / length(vector) / length(&query);
                assert!((cosine - one.score).abs() < 0.01, "{cosine} {}", one.score);
            }
        }
        let itself = kept.nearest(&vectors[77], 1, 2).expect("its width");
        assert_eq!(itself[0].passage, 77);
        assert!((itself[0].score - 1.0).abs() < 0.01);
    }

    #[test]
    fn vectors_of_another_width_and_cut_bytes_are_refused() {
        let kept = of(&drawn(3, 8), 8);
        assert!(matches!(kept.nearest(&[0.0; 4], 1, 1), Err(VectorsError::Width { found: 4, expected: 8 })));
        let whole = kept.bytes.to_vec();
        for cut in [0, 5, whole.len() - 1] {
            assert!(Vectors::open(OwnedBytes::new(whole[..cut].to_vec())).is_err(), "{cut}");
        }
        assert_eq!(kept.row(2).map(<[u8]>::len), Some(12));
        assert!(kept.row(3).is_none());
    }
}
