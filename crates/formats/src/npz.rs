//! NPZ: arrays of small pictures with labels, as the MedMNIST collections come.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use npyz::{DType, NpyFile, Order, TypeChar};
use wilhelm_study::{Arbitrary, Geometry, Mm, Projection, Spacing, Volume};

use crate::dicom::{ColorCount, rec_601};
use crate::source::{Source, sha256};
use crate::{FormatError, Limits, archive};

/// The pictures of one NPZ file.
///
/// `file.npz#index` names picture `index` counted from 0 through the splits in the order in which
/// the file stores them; [`NpzImages::locate`] does the counting.
#[derive(Clone, Debug, PartialEq)]
pub struct NpzImages {
    /// The splits in the order stored.
    pub splits: Vec<NpzSplit>,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// One array of pictures with its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct NpzSplit {
    /// `train`, `val`, `test`, or the array's own name where it stands alone.
    pub name: String,
    /// Flat pictures as luminance; empty where the array holds volumes.
    pub images: Vec<Projection<Arbitrary>>,
    /// Volumes (an array N x depth x height x width, depth as slices, spacing 1); empty for pictures.
    pub volumes: Vec<Volume<Arbitrary>>,
    /// Whether any picture had colors that were not gray.
    pub color: bool,
    /// The range a stored value could take.
    pub stored_range: (f32, f32),
    /// One row of labels a picture.
    pub labels: Option<Vec<Vec<i64>>>,
}

impl NpzSplit {
    /// Number of pictures or volumes.
    pub const fn len(&self) -> usize {
        if self.images.is_empty() { self.volumes.len() } else { self.images.len() }
    }
    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl NpzImages {
    /// The split of picture `index` of the file, and its place in that split.
    pub fn locate(&self, index: usize) -> Option<(&NpzSplit, usize)> {
        let mut left = index;
        for split in &self.splits {
            if left < split.len() {
                return Some((split, left));
            }
            left -= split.len();
        }
        None
    }
}

/// Reads an NPZ file: keys like `train_images` with `train_labels`, or one array of any name.
///
/// # Shapes
/// `(N, H, W)` gray, `(N, H, W, 3)` color, `(N, D, H, W)` volumes; 8-bit or 16-bit unsigned.
/// A last axis of 3 is color. Labels are `(N,)` or `(N, K)` integers.
///
/// # Errors
/// [`FormatError`] for anything else, named by the array.
pub fn read_npz(path: &Path, limits: &Limits) -> Result<NpzImages, FormatError> {
    read_source(&Source::File(path.to_owned()), limits)
}

/// The same as [`read_npz`] from wherever the bytes are.
///
/// # Errors
/// As [`read_npz`].
pub(crate) fn read_source(source: &Source, limits: &Limits) -> Result<NpzImages, FormatError> {
    let beginning = source.beginning(4)?;
    if beginning.is_empty() {
        return Err(FormatError::Empty);
    }
    if !archive::is_zip(&beginning) {
        return Err(FormatError::NotAnImage { found: "no NPZ archive".to_owned() });
    }
    let digest = source.with_all(limits, |bytes| Ok(sha256(bytes, limits)))?;
    let stored = source.length()?;
    let mut zip = archive::open_zip(source, limits)?;
    let mut arrays = Vec::new();
    let expanded = AtomicU64::new(0);
    for index in 0..zip.len() {
        let name = zip.name_for_index(index).and_then(Result::ok).unwrap_or_default().into_owned();
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else { continue };
        let content = archive::entry(&mut zip, index, &name, stored, &expanded, limits)?;
        arrays.push((name, content));
    }
    let is_picture = |name: &str| name.ends_with("_images");
    let pictures: Vec<usize> = if arrays.iter().any(|(name, _)| is_picture(name)) {
        (0..arrays.len()).filter(|i| is_picture(&arrays[*i].0)).collect()
    } else {
        let alone: Vec<usize> = (0..arrays.len())
            .filter(|i| matches!(arrays[*i].0.as_str(), "images" | "image" | "x" | "X" | "data" | "arr_0"))
            .collect();
        if alone.is_empty() && arrays.len() == 1 { vec![0] } else { alone }
    };
    if pictures.is_empty() {
        return Err(FormatError::NotAnImage {
            found: "an NPZ archive without an array of images".to_owned(),
        });
    }
    let mut splits = Vec::with_capacity(pictures.len());
    for i in pictures {
        let (key, content) = &arrays[i];
        let name = key.strip_suffix("_images").unwrap_or(key).to_owned();
        let labels_of = [format!("{name}_labels"), "labels".to_owned(), "y".to_owned()];
        let mut split = images(key, content, limits)?;
        if let Some((key, content)) = arrays.iter().find(|(key, _)| labels_of.contains(key)) {
            split.labels = Some(labels(key, content, split.len())?);
        }
        split.name = name;
        splits.push(split);
    }
    Ok(NpzImages { splits, sha256: digest })
}

/// A C-ordered array of integers: its shape, the kind and bytes of one value, its content.
struct Array<'a> {
    shape: Vec<usize>,
    kind: TypeChar,
    width: usize,
    big_endian: bool,
    content: &'a [u8],
}

fn array<'a>(key: &str, bytes: &'a [u8]) -> Result<Array<'a>, FormatError> {
    let place = format!("array {key}");
    let mut rest = bytes;
    let file = NpyFile::new(&mut rest).map_err(|_| FormatError::malformed(&place, "not an NPY array"))?;
    let DType::Plain(kind) = file.dtype() else {
        return Err(FormatError::unsupported(format!("{place} of records"), "plain integers"));
    };
    if file.order() == Order::Fortran && file.shape().len() > 1 {
        return Err(FormatError::unsupported(format!("{place} in Fortran order"), "C order"));
    }
    let shape: Option<Vec<usize>> = file.shape().iter().map(|n| usize::try_from(*n).ok()).collect();
    let width = kind.num_bytes().unwrap_or(0);
    let big_endian = matches!(kind.endianness(), npyz::Endianness::Big);
    let kind = kind.type_char();
    drop(file);
    let shape = shape.ok_or_else(|| FormatError::malformed(&place, "its shape cannot be counted"))?;
    let expected = shape.iter().try_fold(width, |product, n| product.checked_mul(*n));
    // Judged before anything is allocated for it.
    match expected {
        Some(expected) if expected <= rest.len() => {
            Ok(Array { shape, kind, width, big_endian, content: &rest[..expected] })
        }
        _ => Err(FormatError::Truncated {
            place,
            found: rest.len() as u64,
            expected: expected.map_or(u64::MAX, |bytes| bytes as u64),
        }),
    }
}

fn images(key: &str, bytes: &[u8], limits: &Limits) -> Result<NpzSplit, FormatError> {
    let array = array(key, bytes)?;
    let top: f32 = match (array.kind, array.width) {
        (TypeChar::Uint, 1) => 255.0,
        (TypeChar::Uint, 2) => 65_535.0,
        _ => return Err(FormatError::unsupported(format!("value type of array {key}"), "uint8 or uint16")),
    };
    let values = array.content.len() / array.width;
    if values as u64 > limits.voxels {
        return Err(FormatError::TooLarge {
            what: "number of pixels in an array",
            declared: values as u64,
            limit: limits.voxels,
        });
    }
    let value = |i: usize| -> f32 {
        if array.width == 1 {
            return f32::from(array.content[i]);
        }
        let pair = [array.content[2 * i], array.content[2 * i + 1]];
        f32::from(if array.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let mut split = NpzSplit {
        name: String::new(),
        images: Vec::new(),
        volumes: Vec::new(),
        color: false,
        stored_range: (0.0, top),
        labels: None,
    };
    match array.shape.as_slice() {
        &[count, rows, columns] => {
            let plane = rows * columns;
            for image in 0..count {
                let pixels = (image * plane..(image + 1) * plane).map(value).collect();
                split.images.push(Projection::new(columns, rows, pixels, None)?);
            }
        }
        &[count, rows, columns, 3] => {
            let plane = rows * columns;
            for image in 0..count {
                let mut color = ColorCount::new(top);
                let pixels = (image * plane..(image + 1) * plane)
                    .map(|pixel| {
                        let channels = [value(3 * pixel), value(3 * pixel + 1), value(3 * pixel + 2)];
                        color.add(channels);
                        rec_601(channels)
                    })
                    .collect();
                split.color |= color.is_color();
                split.images.push(Projection::new(columns, rows, pixels, None)?);
            }
        }
        &[count, slices, rows, columns] => {
            let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?;
            let geometry = Geometry::axis_aligned([columns, rows, slices], spacing)?;
            let size = geometry.voxels();
            for volume in 0..count {
                let voxels = (volume * size..(volume + 1) * size).map(value).collect();
                split.volumes.push(Volume::new(geometry, voxels)?);
            }
        }
        shape => {
            return Err(FormatError::unsupported(
                format!("shape {shape:?} of array {key}"),
                "(N, H, W), (N, H, W, 3) or (N, D, H, W)",
            ));
        }
    }
    if split.is_empty() {
        return Err(FormatError::malformed(format!("array {key}"), "no images"));
    }
    Ok(split)
}

/// One row of labels for each of `images` pictures.
fn labels(key: &str, bytes: &[u8], images: usize) -> Result<Vec<Vec<i64>>, FormatError> {
    let array = array(key, bytes)?;
    let (count, each) = match array.shape.as_slice() {
        &[count] => (count, 1),
        &[count, each] => (count, each),
        shape => {
            return Err(FormatError::unsupported(
                format!("shape {shape:?} of array {key}"),
                "(N,) or (N, K)",
            ));
        }
    };
    // Judged before rows are made: rows without columns take no bytes, however many are declared.
    if count != images {
        return Err(FormatError::malformed(
            format!("array {key}"),
            format!("{count} rows of labels for {images} images"),
        ));
    }
    let signed = match array.kind {
        TypeChar::Int => true,
        TypeChar::Uint | TypeChar::Bool => false,
        _ => return Err(FormatError::unsupported(format!("value type of array {key}"), "integers")),
    };
    let value = |i: usize| -> i64 {
        let raw = &array.content[i * array.width..(i + 1) * array.width];
        let mut wide = 0_u64;
        let high_first: Vec<u8> =
            if array.big_endian { raw.to_vec() } else { raw.iter().rev().copied().collect() };
        for byte in &high_first {
            wide = wide << 8 | u64::from(*byte);
        }
        let unused = 64 - 8 * array.width as u32;
        if signed { (wide << unused).cast_signed() >> unused } else { wide.cast_signed() }
    };
    if !matches!(array.width, 1 | 2 | 4 | 8) {
        return Err(FormatError::unsupported(format!("value type of array {key}"), "integers"));
    }
    Ok((0..count).map(|row| (0..each).map(|k| value(row * each + k)).collect()).collect())
}
