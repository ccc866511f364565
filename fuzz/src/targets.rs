//! What each fuzz target does with its bytes: one plain function a reader.
//!
//! Each asks for an error or a result that holds together: sizes that agree, values and places that
//! are finite, no more voxels than the limits allow. The room's tests replay the corpus through the
//! same functions (`cargo nextest run -p wilhelm-formats corpus`).

use wilhelm_formats::dicom::objects::{self, SegmentationContent};
use wilhelm_formats::dicom::{self, StoredPixels};
use wilhelm_formats::hl7;
use wilhelm_formats::in_memory::{self, FrameShape, Samples};
use wilhelm_formats::{FormatError, Limits, Reading};
use wilhelm_study::{Geometry, LabelMap, Series};

/// Small enough that one input takes milliseconds and megabytes.
pub const LIMITS: Limits = Limits {
    file_bytes: 1 << 20,
    voxels: 1 << 18,
    expansion_bytes: 4 << 20,
    expansion_ratio: 200,
    archive_entries: 64,
    hash: false,
};

/// A target's name, and what it does with its bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets by their names, which are those of their files and of their corpus.
pub const ALL: [Target; 15] = [
    ("archive", archive),
    ("dicom_decode", dicom_decode),
    ("dicom_frame", dicom_frame),
    ("dicom_series", dicom_series),
    ("hl7_message", hl7_message),
    ("jpeg_extended", jpeg_extended),
    ("jpeg_ls", jpeg_ls),
    ("label_map", label_map),
    ("measurement_report", measurement_report),
    ("metaimage", metaimage),
    ("nifti", nifti),
    ("npz", npz),
    ("nrrd", nrrd),
    ("picture", picture),
    ("segmentation", segmentation),
];

/// A message of HL7 v2 that another system sends: every part of every field.
pub fn hl7_message(bytes: &[u8]) {
    let message = match hl7::Message::read(bytes) {
        Ok(message) => message,
        Err(error) => {
            // What came over the network is not repeated in a message.
            assert!(error.to_string().len() < 200);
            return;
        }
    };
    assert_eq!(message.header().name(), "MSH");
    for segment in message.segments() {
        for number in 0..40 {
            for part in segment.field(number).repetitions() {
                let parts = [part, part.component(1), part.component(3).subcomponent(2)];
                for part in parts {
                    if let Err(error) = part.said() {
                        assert!(error.to_string().len() < 200);
                    }
                }
            }
        }
    }
}

/// A zip archive of images.
pub fn archive(bytes: &[u8]) {
    check_reading(&in_memory::read_files(&[("upload.zip", bytes)], &LIMITS));
}

/// One DICOM file: its stored pixels and its overlays.
pub fn dicom_decode(bytes: &[u8]) {
    if let Some(StoredPixels { columns, rows, frames, samples, bits, bytes, .. }) =
        told(dicom::decode(bytes, &LIMITS))
    {
        assert_eq!(bytes.len(), columns * rows * frames * samples * bits / 8);
        assert!((columns * rows * frames) as u64 <= LIMITS.voxels);
    }
    for overlay in told(dicom::overlays(bytes, &LIMITS)).unwrap_or_default() {
        for mask in &overlay.masks {
            assert_eq!(mask.pixels().len(), mask.columns() * mask.rows());
        }
    }
}

/// One compressed frame: a byte for the transfer syntax, one for the kind of sample, two for the
/// columns and two for the rows (low byte first), then the stream.
pub fn dicom_frame(bytes: &[u8]) {
    let Some(([syntax, sample, a, b, c, d], coded)) = bytes.split_first_chunk::<6>() else { return };
    let syntax = TRANSFER_SYNTAXES[usize::from(*syntax) % TRANSFER_SYNTAXES.len()];
    let shape = FrameShape {
        columns: u16::from_le_bytes([*a, *b]),
        rows: u16::from_le_bytes([*c, *d]),
        samples: if sample & 1 == 0 { 1 } else { 3 },
        bits: [8, 16, 32, 16][usize::from(sample >> 1 & 3)],
    };
    let pixels = usize::from(shape.columns) * usize::from(shape.rows);
    if pixels == 0 || pixels as u64 > LIMITS.voxels {
        return;
    }
    if let Some(decoded) = told(in_memory::frame(syntax, shape, coded)) {
        assert!(decoded.len() >= pixels * shape.samples * shape.bits / 8);
    }
}

/// The transfer syntaxes whose frames are decoded, by the first byte of [`dicom_frame`].
pub const TRANSFER_SYNTAXES: [&str; 11] = [
    "1.2.840.10008.1.2.5",
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.57",
    "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80",
    "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.201",
    "1.2.840.10008.1.2.8.1",
    "1.2.840.10008.1.2.4.110",
];

/// DICOM files one after another, each with its preamble, as one series, and what a result would
/// say of them.
pub fn dicom_series(bytes: &[u8]) {
    let files = split(bytes);
    let names: Vec<String> = (0..files.len()).map(|i| format!("{i}.dcm")).collect();
    let named: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(files.iter().copied()).collect();
    check_reading(&in_memory::read_files(&named, &LIMITS));
    told(objects::references_of_bytes(&files, &LIMITS));
}

/// A segmentation object on a grid of its own.
pub fn segmentation(bytes: &[u8]) {
    let Some(segmentation) = told(objects::read_segmentation(bytes, &LIMITS)) else { return };
    match &segmentation.content {
        SegmentationContent::Labels(map) => check_label_map(map),
        SegmentationContent::Masks(masks) => masks.iter().for_each(|(_, mask, _)| {
            check_geometry(mask.geometry());
            assert_eq!(mask.voxels().len(), mask.geometry().voxels());
        }),
        SegmentationContent::Fractions { segments, .. } => segments.iter().for_each(|(_, volume, _)| {
            check_geometry(volume.geometry());
            assert_eq!(volume.voxels().len(), volume.geometry().voxels());
            assert!(volume.voxels().iter().all(|fraction| (0.0..=1.0).contains(fraction)));
        }),
    }
}

/// A structured report of measurements, and whose it is.
pub fn measurement_report(bytes: &[u8]) {
    told(objects::object_facts(bytes, &LIMITS));
    let Some(report) = told(objects::read_measurement_report(bytes, &LIMITS)) else { return };
    for measured in report.groups.iter().flat_map(|group| &group.measurements) {
        assert!(measured.quantity.value.is_finite(), "{measured:?}");
        if let Some((low, high)) = measured.interval {
            assert!(low.is_finite() && high.is_finite(), "{measured:?}");
        }
    }
}

/// A JPEG-LS stream.
pub fn jpeg_ls(bytes: &[u8]) {
    if let Some(picture) = told(in_memory::jpeg_ls(bytes, &LIMITS)) {
        check_samples(&picture);
    }
}

/// A JPEG stream of 12 bits a sample.
pub fn jpeg_extended(bytes: &[u8]) {
    if let Some(picture) = told(in_memory::jpeg_extended(bytes, &LIMITS)) {
        check_samples(&picture);
    }
}

/// A NIfTI file, packed or not.
pub fn nifti(bytes: &[u8]) {
    check_reading(&in_memory::read_files(&[("volume.nii", bytes)], &LIMITS));
}

/// An NRRD file, alone or with a file `data` beside it.
pub fn nrrd(bytes: &[u8]) {
    check_reading(&in_memory::read_files(&[("a.zip!volume.nhdr", bytes), ("a.zip!data", &DATA)], &LIMITS));
}

/// A MetaImage, alone or with a file `data` beside it.
pub fn metaimage(bytes: &[u8]) {
    check_reading(&in_memory::read_files(&[("a.zip!volume.mhd", bytes), ("a.zip!data", &DATA)], &LIMITS));
}

/// Labels in NIfTI, NRRD or MetaImage.
pub fn label_map(bytes: &[u8]) {
    if let Some(map) = told(in_memory::read_label_map(bytes, &LIMITS)) {
        check_label_map(&map);
    }
}

/// A PNG, JPEG or TIFF picture.
pub fn picture(bytes: &[u8]) {
    check_reading(&in_memory::read_files(&[("picture", bytes)], &LIMITS));
}

/// An NPZ archive.
pub fn npz(bytes: &[u8]) {
    let Some(npz) = told(in_memory::read_npz(bytes, &LIMITS)) else { return };
    for split in &npz.splits {
        assert!(!split.is_empty());
        assert!(split.images.is_empty() || split.volumes.is_empty());
        for image in &split.images {
            assert_eq!(image.pixels().len(), image.columns() * image.rows());
        }
        for volume in &split.volumes {
            check_geometry(volume.geometry());
            assert_eq!(volume.voxels().len(), volume.geometry().voxels());
        }
        assert!(split.labels.as_ref().is_none_or(|labels| labels.len() == split.len()));
    }
}

/// The data beside a header: 512 bytes of every value.
const DATA: [u8; 512] = {
    let mut data = [0; 512];
    let mut i = 0;
    while i < 512 {
        data[i] = (i * 7 % 256) as u8;
        i += 1;
    }
    data
};

/// Cuts at each preamble of 128 bytes with `DICM` behind it.
fn split(bytes: &[u8]) -> Vec<&[u8]> {
    const MOST_FILES: usize = 16;
    let starts: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(at, window)| *window == b"DICM" && *at >= 128)
        .map(|(at, _)| at - 128)
        .take(MOST_FILES)
        .collect();
    if starts.is_empty() {
        return vec![bytes];
    }
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    starts.iter().zip(ends).map(|(start, end)| &bytes[*start..end.max(*start)]).collect()
}

/// A result, or nothing where an error was told in a sentence.
fn told<T>(result: Result<T, FormatError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(error.is_callers_fault(), "{error}");
            None
        }
    }
}

fn check_reading(reading: &Reading) {
    for failure in &reading.failures {
        assert!(!failure.to_string().is_empty());
        assert!(failure.error.is_callers_fault(), "{failure}");
    }
    reading.series.iter().for_each(check_series);
    let told = reading.series.len() + reading.failures.len() + reading.skipped.len();
    assert!(told > 0, "nothing is said of the file");
}

fn check_series(series: &Series) {
    let [columns, rows, slices] = series.image.size();
    let values = series.image.values();
    assert_eq!(values.len(), columns * rows * slices);
    assert!(!values.is_empty() && values.len() as u64 <= LIMITS.voxels, "{} values", values.len());
    assert!(values.iter().all(|value| value.is_finite()), "a value is not finite");
    if let Some(geometry) = series.image.geometry() {
        check_geometry(geometry);
    }
    if let Some((low, high)) = series.stored_range {
        assert!(low.is_finite() && high.is_finite() && low <= high, "range from {low} to {high}");
    }
    if let Some((center, width)) = series.window {
        assert!(center.is_finite() && width.is_finite(), "window {center} of {width}");
    }
    assert!(!series.sources.is_empty());
}

fn check_geometry(geometry: &Geometry) {
    assert!(geometry.spacing().millimeters().iter().all(|step| step.is_finite() && *step > 0.0));
    let [columns, rows, slices] = geometry.size();
    assert!((columns * rows * slices) as u64 <= LIMITS.voxels);
    let last = geometry.point_at([columns as f64, rows as f64, slices as f64]).components();
    let origin = geometry.origin().components();
    assert!(origin.iter().chain(&last).all(|place| place.is_finite()), "a place is not finite");
}

fn check_label_map(map: &LabelMap) {
    check_geometry(map.geometry());
    assert_eq!(map.labels().len(), map.geometry().voxels());
    assert!(!map.segments().contains_key(&0));
    let mut found = vec![false; 1 << 16];
    map.labels().iter().for_each(|label| found[usize::from(*label)] = true);
    assert!((1..=u16::MAX).all(|label| !found[usize::from(label)] || map.segments().contains_key(&label)));
}

fn check_samples(picture: &Samples) {
    assert_eq!(picture.samples.len(), picture.columns * picture.rows * picture.components);
    let most = ((1_u32 << picture.precision) - 1).min(u32::from(u16::MAX));
    assert!(picture.samples.iter().all(|sample| u32::from(*sample) <= most), "above {most}");
    if let Some(row) = picture.cut_at_row {
        assert!(row < picture.rows);
        let stride = picture.columns * picture.components;
        assert!(picture.samples[row * stride..].iter().all(|sample| *sample == 0));
    }
}
