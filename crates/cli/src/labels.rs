//! Label maps in and out: what `segment`, `measure`, `radiomics` and `convert` share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wilhelm_filters::{LabelInterpolation, resample_labels};
use wilhelm_formats::dicom::objects::{
    self, Imprint, LabelCoding, Placement, SegmentationContent, Stamp, read_segmentation,
};
use wilhelm_formats::{
    Compression, FormatError, encode_nifti, encode_nrrd, read_label_map, write_atomically,
};
use wilhelm_study::{CodedConcept, Geometry, Image, LabelMap, Mm, Segment, Series, SopInstanceUid, Spacing};

use crate::config::Config;
use crate::exit::Stop;
use crate::output::print;
use crate::pick;

/// Reads a label map onto the grid of a volume: NIfTI, NRRD, MetaImage or DICOM SEG.
///
/// Axes in another order or direction are turned; a map of another resolution is refused.
pub fn read(path: &Path, series: &Series, config: &Config) -> anyhow::Result<LabelMap> {
    let map = read_alone(path, config)?;
    let Some(geometry) = series.image.geometry() else {
        return Err(Stop::input("labels need a volume, and this is a flat picture"));
    };
    if map.geometry().is_same_grid(geometry) {
        return Ok(map);
    }
    let turned = resample_labels(&map, geometry, LabelInterpolation::Nearest)?;
    let count = |map: &LabelMap| map.labels().iter().filter(|label| **label > 0).count();
    let voxel = |map: &LabelMap| map.geometry().voxel_milliliters();
    if count(&turned) != count(&map) || (voxel(&turned) - voxel(&map)).abs() > 1e-3 * voxel(&map) {
        return Err(Stop::input(format!(
            "{} lies on another grid than the volume: {:?} voxels against {:?}, or another place or spacing",
            path.display(),
            map.geometry().size(),
            geometry.size()
        )));
    }
    Ok(turned)
}

/// Reads a label map on its own grid.
pub fn read_alone(path: &Path, config: &Config) -> anyhow::Result<LabelMap> {
    let limits = config.limits();
    if !is_dicom(path)? {
        return Ok(read_label_map(path, &limits)?);
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    match read_segmentation(&bytes, &limits)?.content {
        SegmentationContent::Labels(map) => Ok(map),
        SegmentationContent::Masks(_) => Err(Stop::input(format!(
            "{} has segments that overlap: a label map holds one label a voxel",
            path.display()
        ))),
        _ => Err(Stop::input(format!("{} holds fractions, expected labels", path.display()))),
    }
}

/// Reads a label map on its own grid, or a gray picture whose numbers are labels; distances in a picture that does not
/// say how large its pixels are count pixels.
pub fn read_alone_or_picture(path: &Path, config: &Config) -> anyhow::Result<LabelMap> {
    match read_alone(path, config) {
        Err(error) if matches!(error.downcast_ref(), Some(FormatError::Unsupported { .. })) => {
            picture(path, config)
        }
        other => other,
    }
}

fn picture(path: &Path, config: &Config) -> anyhow::Result<LabelMap> {
    let series = pick::flat(&[path.to_owned()], None, config)?;
    let Image::Flat(flat) = &series.image else {
        return Err(Stop::input(format!("{} is a cine, expected outlines", path.display())));
    };
    let whole =
        |value: &f32| (value.fract() == 0.0 && (0.0..=65535.0).contains(value)).then_some(*value as u16);
    let labels: Option<Vec<u16>> = flat.pixels().iter().map(whole).collect();
    let labels = labels.ok_or_else(|| {
        Stop::input(format!(
            "{} is no picture of labels: its values are no whole numbers from 0",
            path.display()
        ))
    })?;
    let [x, y] =
        flat.spacing().map_or([1.0; 2], |spacing| [spacing.between_columns.0, spacing.between_rows.0]);
    let grid =
        Geometry::axis_aligned([flat.columns(), flat.rows(), 1], Spacing::new(Mm(x), Mm(y), Mm(1.0))?)?;
    let found: BTreeSet<u16> = labels.iter().copied().filter(|label| *label > 0).collect();
    // The code that readers of label maps give to a label of which a file says nothing more.
    let nothing = CodedConcept::new("99WILHELM", "NOT-STATED", "Not stated");
    let segment = |label: u16| (label, Segment::anatomy(&format!("label {label}"), nothing.clone(), ""));
    Ok(LabelMap::new(grid, labels, found.into_iter().map(segment).collect())?)
}

/// Refuses labels that are not in a map; `asked` says who asks for them.
pub fn require(map: &LabelMap, wanted: &[u16], asked: &str) -> anyhow::Result<()> {
    let Some(label) = wanted.iter().find(|label| !map.segments().contains_key(label)) else { return Ok(()) };
    let known: Vec<String> = map.segments().keys().map(u16::to_string).collect();
    Err(Stop::usage(format!("{asked} {label}: the map has the labels {}", known.join(", "))))
}

fn is_dicom(path: &Path) -> anyhow::Result<bool> {
    use std::io::Read;
    let mut beginning = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(132).read_to_end(&mut beginning).map_err(|error| unreadable(path, &error))?;
    Ok(beginning.get(128..) == Some(b"DICM"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Stop::input(format!("label map {} is not readable: {error}", path.display()))
}

/// A label map as the files that other programs read; as DICOM SEG too where the volume came as DICOM.
pub fn files(
    map: &LabelMap,
    series: &Series,
    config: &Config,
) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut files = vec![
        ("labels.nii.gz", encode_nifti(map, Compression::Gzip)),
        ("labels.seg.nrrd", encode_nrrd(map, Compression::Gzip)),
    ];
    if series.sources.iter().all(|source| source.sop_instance_uid.is_some()) && !series.sources.is_empty() {
        let paths: Vec<PathBuf> = series.sources.iter().map(|source| outer(&source.path)).collect();
        let wanted: Vec<SopInstanceUid> =
            series.sources.iter().filter_map(|source| source.sop_instance_uid.clone()).collect();
        files.push(("segmentation.dcm", segmentation(map, &paths, &wanted, config)?));
    }
    Ok(files)
}

/// A label map as DICOM SEG in the study of its source images.
pub fn segmentation(
    map: &LabelMap,
    paths: &[PathBuf],
    wanted: &[SopInstanceUid],
    config: &Config,
) -> anyhow::Result<Vec<u8>> {
    let mut paths = paths.to_vec();
    paths.sort();
    paths.dedup();
    let reference = objects::references(&paths, wanted, &config.limits())?;
    let labels: Vec<u8> = map.labels().iter().flat_map(|label| label.to_le_bytes()).collect();
    let now = chrono::Local::now();
    let (date, time) = (now.format("%Y%m%d").to_string(), now.format("%H%M%S").to_string());
    let series = reference.series().as_str().as_bytes();
    let stamp = Stamp::of_content(&[series, &labels, date.as_bytes(), time.as_bytes()], &date, &time)?;
    let imprint = Imprint::new("segmentation", stamp);
    let written =
        objects::label_segmentation(map, LabelCoding::Binary, Placement::OnSource, &reference, &imprint)?;
    Ok(written.bytes)
}

/// The file on the disk that holds a source: `a.zip!b` lies in `a.zip`.
pub fn outer(path: &str) -> PathBuf {
    PathBuf::from(path.split('!').next().unwrap_or(path))
}

/// Writes a table; `-` is stdout.
pub fn write_table(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return print(text);
    }
    Ok(write_atomically(path, force, text.as_bytes())?)
}
