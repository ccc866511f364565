//! Instances to series: grouped, split, sorted along the normal, decoded, calibrated.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use wilhelm_study::{
    Arbitrary, Defect, DefectKind, Hu, Image, Modality, Series, SourceFile, Stored, Suv, Volume,
};
use wilhelm_study::{Mm, VoxelQuantity};

use super::calibrate::{self, Mapping};
use super::flat;
use super::header::Rescale;
use super::instance::{FrameFacts, Instance};
use super::pixels::{Photometric, SampleKind};
use super::split::{self, Candidate};
use super::stack;
use crate::finite;
use crate::source::sha256;
use crate::{Failure, FormatError, Limits};

/// One frame of one file.
#[derive(Clone)]
struct Slice {
    instance: Arc<Instance>,
    frame: usize,
}

impl Slice {
    fn facts(&self) -> &FrameFacts {
        &self.instance.frames[self.frame]
    }
    fn depth(&self) -> f64 {
        stack::depth(&self.facts().plane)
    }
}

/// What assembling asks of its caller.
pub(crate) struct Watch<'a> {
    /// Called once for each file whose pixels were read.
    pub decoded: &'a (dyn Fn() + Sync),
    pub cancelled: &'a (dyn Fn() -> bool + Sync),
}

/// All series that `instances` make, in the order of their identifiers, and what failed.
pub(crate) fn assemble(
    instances: Vec<Instance>,
    limits: &Limits,
    watch: &Watch<'_>,
) -> (Vec<Series>, Vec<Failure>) {
    let mut groups: BTreeMap<(String, String), Vec<Arc<Instance>>> = BTreeMap::new();
    for instance in instances {
        let study = instance.header.study.as_ref().map_or("", |uid| uid.as_str()).to_owned();
        let series = instance
            .header
            .series
            .as_ref()
            .map_or_else(|| without_identifier(&instance), |uid| uid.as_str().to_owned());
        groups.entry((study, series)).or_default().push(Arc::new(instance));
    }
    let mut series = Vec::new();
    let mut failures = Vec::new();
    for mut members in groups.into_values() {
        members.sort_by(|a, b| (&a.header.sop_instance, &a.label).cmp(&(&b.header.sop_instance, &b.label)));
        one_series(&members, limits, watch, &mut series, &mut failures);
    }
    (series, failures)
}

/// What stands for a Series Instance UID that was removed.
///
/// Slices of one folder that share a frame of reference, a modality and a series number belong
/// together; without a frame of reference a file is a series of its own. Neither text is a UID.
fn without_identifier(instance: &Instance) -> String {
    let header = &instance.header;
    let folder = instance.label.rfind(['/', '\\', '!']).map_or("", |end| &instance.label[..end]);
    match &header.frame_of_reference {
        Some(frame) => {
            let modality = header.modality.as_ref().map_or("", Modality::term);
            format!("folder {folder} {} {modality} {:?}", frame.as_str(), header.series_number)
        }
        None => format!("file {}", instance.label),
    }
}

/// A stack to be decoded: its slices, what tells it from its siblings, and what is known to be wrong.
struct Stack {
    slices: Vec<Slice>,
    note: Option<String>,
    defects: Vec<Defect>,
}

fn one_series(
    members: &[Arc<Instance>],
    limits: &Limits,
    watch: &Watch<'_>,
    series: &mut Vec<Series>,
    failures: &mut Vec<Failure>,
) {
    let name = name(&members[0]);
    let (volumetric, flat): (Vec<_>, Vec<_>) = members.iter().partition(|member| member.volumetric);
    let slices: Vec<Slice> = volumetric
        .into_iter()
        .flat_map(|instance| {
            (0..instance.frames.len()).map(|frame| Slice { instance: Arc::clone(instance), frame })
        })
        .collect();
    let (stacks, left_out) = stacks(slices, &name);
    if left_out > 0 {
        let path = members[0].label.clone();
        let what = "number of orientations and sizes in the series";
        let (declared, limit) = ((MOST_GROUPS + left_out) as u64, MOST_GROUPS as u64);
        failures.push(Failure { path, error: FormatError::TooLarge { what, declared, limit } });
    }
    for stack in stacks {
        if (watch.cancelled)() {
            return;
        }
        match volume(stack, &name, limits, watch, failures) {
            Ok(Some(volume)) => series.push(volume),
            Ok(None) => {}
            Err((path, error)) => failures.push(Failure { path, error }),
        }
    }
    let count = flat.len();
    let pictures: Vec<Result<Series, Failure>> = flat
        .par_iter()
        .enumerate()
        .map(|(i, instance)| {
            let place = if count > 1 { format!("{name}, image {} of {count}", i + 1) } else { name.clone() };
            let result = if (watch.cancelled)() {
                Err(FormatError::Cancelled)
            } else {
                flat::picture(instance, place, limits)
            };
            (watch.decoded)();
            result.map_err(|error| Failure { path: instance.label.clone(), error })
        })
        .collect();
    for picture in pictures {
        match picture {
            Ok(picture) => series.push(picture),
            Err(failure) => failures.push(failure),
        }
    }
}

/// `series 3: CT`, of attributes that identify nobody.
fn name(instance: &Instance) -> String {
    let number = instance.header.series_number.map_or_else(|| "series".to_owned(), |n| format!("series {n}"));
    let modality = instance.header.modality.as_ref().map_or("unknown modality", Modality::term);
    let view = instance.header.view.as_ref().map(|view| format!(" {}", view.spoken())).unwrap_or_default();
    format!("{number}: {modality}{view}")
}

/// More orientations and sizes than any real series has; each slice is compared with all of them.
const MOST_GROUPS: usize = 4096;

/// Slices to stacks of one grid and orientation, with one image at each position; and how many
/// slices are left out because they would make too many.
fn stacks(slices: Vec<Slice>, name: &str) -> (Vec<Stack>, usize) {
    let mut groups: Vec<Vec<Slice>> = Vec::new();
    let mut left_out = 0;
    for slice in slices {
        match groups.iter().position(|group| fits(&group[0], &slice)) {
            Some(at) => groups[at].push(slice),
            None if groups.len() >= MOST_GROUPS => left_out += 1,
            None => groups.push(vec![slice]),
        }
    }
    let total: usize = groups.iter().map(Vec::len).sum();
    let several = groups.len() > 1;
    let turned = groups.iter().skip(1).any(|group| !same_orientation(&groups[0][0], &group[0]));
    let resized = groups.iter().skip(1).any(|group| !same_grid(&groups[0][0], &group[0]));
    let number = groups.len();
    let mut stacks = Vec::new();
    for (i, group) in groups.into_iter().enumerate() {
        let mut defects = Vec::new();
        let share = format!("this part {} of {number} has {} of {total} images", i + 1, group.len());
        if turned {
            let message = format!("images of more than one orientation in one series: {share}");
            defects.push(Defect::new(DefectKind::MixedOrientation, name, message));
        }
        if resized {
            let message = format!("images of more than one size or pixel spacing in one series: {share}");
            defects.push(Defect::new(DefectKind::MixedGrid, name, message));
        }
        let part = several.then(|| format!("part {} of {number}", i + 1));
        stacks.extend(repeats(group, part, defects, name));
    }
    (stacks, left_out)
}

fn same_grid(a: &Slice, b: &Slice) -> bool {
    let (p, q) = (&a.instance.store.format, &b.instance.store.format);
    let close = |x: f64, y: f64| (x - y).abs() <= 1e-3 * x.abs().max(y.abs());
    let spacing = match (a.facts().plane.spacing, b.facts().plane.spacing) {
        (Some(x), Some(y)) => close(x[0], y[0]) && close(x[1], y[1]),
        (x, y) => x == y,
    };
    p.columns == q.columns && p.rows == q.rows && spacing
}

fn same_orientation(a: &Slice, b: &Slice) -> bool {
    match (a.facts().plane.orientation, b.facts().plane.orientation) {
        (Some(x), Some(y)) => x.iter().zip(y).all(|(x, y)| (x - y).abs() < 5e-3),
        _ => false,
    }
}

fn fits(a: &Slice, b: &Slice) -> bool {
    let frame_of_reference = |slice: &Slice| slice.instance.header.frame_of_reference.clone();
    same_grid(a, b) && same_orientation(a, b) && frame_of_reference(a) == frame_of_reference(b)
}

/// Splits a fourth dimension off, drops duplicates, sorts along the normal.
fn repeats(group: Vec<Slice>, part: Option<String>, defects: Vec<Defect>, name: &str) -> Vec<Stack> {
    let tolerance = stack::same_position_tolerance(&group[0].facts().plane);
    let candidates: Vec<Candidate> = group
        .iter()
        .map(|slice| Candidate {
            depth: slice.depth(),
            varying: slice.facts().varying.clone(),
            order: (
                slice.instance.header.acquired.clone(),
                slice.instance.header.instance_number.map(|number| number.saturating_add(slice.frame as i64)),
            ),
        })
        .collect();
    let parts = split::parts(&candidates, tolerance);
    let count = parts.members.len();
    let mut stacks = Vec::with_capacity(count);
    for (i, members) in parts.members.iter().enumerate() {
        let mut defects = defects.clone();
        let mut slices: Vec<Slice> = members.iter().map(|member| group[*member].clone()).collect();
        // Stable: slices at one position keep the order of their identifiers.
        slices.sort_by(|a, b| a.depth().total_cmp(&b.depth()));
        let mut kept: Vec<Slice> = Vec::with_capacity(slices.len());
        for slice in slices {
            match kept.last() {
                Some(last) if slice.depth() - last.depth() <= tolerance => defects.push(Defect::new(
                    DefectKind::DuplicateSlice,
                    &slice.instance.label,
                    format!(
                        "a second slice at {:.2} mm along the normal (slice {}): the one with the lower \
                         identifier is kept",
                        slice.depth(),
                        kept.len()
                    ),
                )),
                _ => kept.push(slice),
            }
        }
        let repeat = parts.by.map(|by| format!("{by} {} of {count}", i + 1));
        let note = match (&part, repeat) {
            (Some(part), Some(repeat)) => Some(format!("{part}, {repeat}")),
            (part, repeat) => repeat.or_else(|| part.clone()),
        };
        let _ = name;
        stacks.push(Stack { slices: kept, note, defects });
    }
    stacks
}

/// What a volume's values mean, and how each slice gets there.
enum Calibration {
    Hounsfield,
    Uptake,
    Arbitrary,
    Stored,
}

fn calibration(slices: &[Slice], name: &str, defects: &mut Vec<Defect>) -> Calibration {
    let header = &slices[0].instance.header;
    let mut uncalibrated =
        |reason: &str| defects.push(Defect::new(DefectKind::Uncalibrated, name, reason.to_owned()));
    match header.modality {
        Some(Modality::Ct) => {
            let reason = if slices.iter().any(|slice| slice.facts().rescale.is_none()) {
                "rescale slope and intercept are missing: values are as stored, not Hounsfield units"
            } else if slices
                .iter()
                .any(|slice| !matches!(slice.facts().rescale_type.as_deref(), None | Some("HU" | "US")))
            {
                "the rescale type is not HU: values are as stored, not Hounsfield units"
            } else if header.image_type.iter().any(|value| value == "LOCALIZER") {
                "a localizer is a projection: values are as stored, not Hounsfield units"
            } else {
                return Calibration::Hounsfield;
            };
            uncalibrated(reason);
            Calibration::Stored
        }
        Some(Modality::Pt) => {
            let refused = slices.iter().find_map(|slice| match &slice.instance.header.uptake {
                Some(uptake) => uptake.factor().err(),
                None => Some("the header is not of a PET image"),
            });
            match refused {
                None => Calibration::Uptake,
                Some(reason) => {
                    uncalibrated(&format!("no standardized uptake value: {reason}"));
                    Calibration::Arbitrary
                }
            }
        }
        _ => Calibration::Arbitrary,
    }
}

fn mapping<'a>(slice: &'a Slice, calibration: &Calibration) -> Mapping<'a> {
    let rescale = slice.facts().rescale.unwrap_or(Rescale::NONE);
    match calibration {
        Calibration::Stored => Mapping::Linear(Rescale::NONE),
        Calibration::Uptake => {
            let uptake = slice.instance.header.uptake.as_ref();
            let factor = uptake.and_then(|uptake| uptake.factor().ok()).unwrap_or(1.0);
            Mapping::Linear(Rescale { slope: rescale.slope * factor, intercept: rescale.intercept * factor })
        }
        _ => match (&slice.facts().rescale, &slice.instance.header.modality_table) {
            (None, Some(table)) => Mapping::Table(table),
            _ => Mapping::Linear(rescale),
        },
    }
}

/// A slice's digest, and how much of its pixels was missing.
struct SliceRead {
    sha256: String,
    truncated: Option<(u64, u64)>,
}

fn volume(
    stack: Stack,
    name: &str,
    limits: &Limits,
    watch: &Watch<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Option<Series>, (String, FormatError)> {
    let Stack { mut slices, note, mut defects } = stack;
    let first_label = slices[0].instance.label.clone();
    let format = slices[0].instance.store.format;
    let plane = format.plane();
    let declared = plane as u64 * slices.len() as u64;
    if declared > limits.voxels {
        let error = FormatError::TooLarge { what: "number of voxels", declared, limit: limits.voxels };
        return Err((first_label, error));
    }
    let calibration = calibration(&slices, name, &mut defects);
    let mut voxels = vec![0.0_f32; plane * slices.len()];
    let mut reads: Vec<Result<SliceRead, FormatError>> = voxels
        .par_chunks_mut(plane)
        .zip(&slices)
        .map(|(out, slice)| {
            let read = if (watch.cancelled)() {
                Err(FormatError::Cancelled)
            } else {
                read_slice(slice, &calibration, limits, out)
            };
            (watch.decoded)();
            read
        })
        .collect();
    if (watch.cancelled)() {
        return Ok(None);
    }
    drop_unread(&mut slices, &mut reads, &mut voxels, plane, failures);
    let reads: Vec<SliceRead> = reads.into_iter().flatten().collect();
    if slices.is_empty() {
        return Ok(None);
    }
    for (slice, read) in slices.iter().zip(&reads) {
        if let Some((found, expected)) = read.truncated {
            defects.push(truncation(&slice.instance.label, found, expected));
        }
    }
    let planes: Vec<_> = slices.iter().map(|slice| &slice.facts().plane).collect();
    let fail = |error| (first_label.clone(), error);
    let (geometry, crooked) = stack::grid(&planes, format.columns, format.rows, name).map_err(fail)?;
    defects.extend(crooked);
    let can_overflow = |slice: &Slice| mapping(slice, &calibration).can_overflow();
    if slices
        .iter()
        .any(|slice| slice.instance.store.format.kind != SampleKind::Integer || can_overflow(slice))
    {
        defects.extend(finite::mend(&mut voxels, name).map_err(fail)?);
    }
    if format.photometric == Photometric::Monochrome1 {
        let message = "MONOCHROME1 in a volume: values are kept as they are, high is meant to be shown dark";
        defects.push(Defect::new(DefectKind::Header, name, message));
    }
    let mut seen: Vec<*const Instance> = Vec::new();
    let mut sources = Vec::with_capacity(slices.len());
    for (slice, read) in slices.iter().zip(&reads) {
        let instance = Arc::as_ptr(&slice.instance);
        // The frames of one file are one source.
        if seen.last() != Some(&instance) && (slice.instance.frames.len() == 1 || !seen.contains(&instance)) {
            seen.push(instance);
            sources.push(source(&slice.instance, read.sha256.clone()));
            defects.extend(slice.instance.header.defects.iter().cloned());
        }
    }
    let letters = geometry.direction().through_slices();
    let title = title(name, letters, geometry.size()[2], geometry.spacing().between_slices(), note);
    let image = wrap(&calibration, geometry, voxels).map_err(fail)?;
    let range = stored_range(&slices, &calibration);
    let window = slices
        .get(slices.len() / 2)
        .and_then(|slice| slice.facts().window)
        .filter(|_| !matches!(calibration, Calibration::Stored))
        .and_then(finite::pair);
    let header = &slices[0].instance.header;
    Ok(Some(Series {
        study: header.study.clone(),
        series: header.series.clone(),
        frame_of_reference: header.frame_of_reference.clone(),
        title,
        modality: header.modality.clone(),
        body_part: header.body_part.clone(),
        view: header.view.clone(),
        color: false,
        stored_range: range,
        window,
        patient: header.patient.clone(),
        sources,
        image,
        defects: merged(defects),
    }))
}

/// Takes slices that could not be read out of the volume; each is a failure of its file.
fn drop_unread(
    slices: &mut Vec<Slice>,
    reads: &mut Vec<Result<SliceRead, FormatError>>,
    voxels: &mut Vec<f32>,
    plane: usize,
    failures: &mut Vec<Failure>,
) {
    if reads.iter().all(Result::is_ok) {
        return;
    }
    let mut kept = Vec::new();
    let (old_slices, old_reads) = (std::mem::take(slices), std::mem::take(reads));
    for (i, (slice, read)) in old_slices.into_iter().zip(old_reads).enumerate() {
        match read {
            Ok(read) => {
                voxels.copy_within(i * plane..(i + 1) * plane, kept.len() * plane);
                slices.push(slice);
                kept.push(Ok(read));
            }
            Err(error) => failures.push(Failure { path: slice.instance.label.clone(), error }),
        }
    }
    voxels.truncate(kept.len() * plane);
    *reads = kept;
}

fn read_slice(
    slice: &Slice,
    calibration: &Calibration,
    limits: &Limits,
    out: &mut [f32],
) -> Result<SliceRead, FormatError> {
    let instance = &slice.instance;
    instance.bytes.with_all(limits, |bytes| {
        let frame = instance.store.frame(bytes, slice.frame)?;
        calibrate::write_values(&frame, &instance.store.format, mapping(slice, calibration), out);
        // One digest a file, with its first frame.
        let digest = match &instance.sha256 {
            Some(digest) => digest.clone(),
            None if slice.frame == 0 || instance.frames.len() == 1 => sha256(bytes, limits),
            None => String::new(),
        };
        Ok(SliceRead { sha256: digest, truncated: frame.truncated })
    })
}

pub(super) fn truncation(label: &str, found: u64, expected: u64) -> Defect {
    let message =
        format!("pixels end after {found} bytes, expected {expected}: stored 0 stands for what is missing");
    Defect::new(DefectKind::Truncated, label, message)
}

pub(super) fn source(instance: &Instance, sha256: String) -> SourceFile {
    SourceFile {
        path: instance.label.clone(),
        sha256,
        sop_instance_uid: instance.header.sop_instance.clone(),
    }
}

fn title(name: &str, through: [f64; 3], slices: usize, step: Mm, note: Option<String>) -> String {
    let axis = through.map(f64::abs);
    let plane = if axis[2] > 0.8 {
        "axial"
    } else if axis[1] > 0.8 {
        "coronal"
    } else if axis[0] > 0.8 {
        "sagittal"
    } else {
        "oblique"
    };
    let step = (step.0 * 100.0).round() / 100.0;
    let count = if slices == 1 { "1 slice".to_owned() } else { format!("{slices} slices of {step} mm") };
    let note = note.map(|note| format!(", {note}")).unwrap_or_default();
    format!("{name} {plane}, {count}{note}")
}

fn wrap(
    calibration: &Calibration,
    geometry: wilhelm_study::Geometry,
    voxels: Vec<f32>,
) -> Result<Image, FormatError> {
    fn volume<Q: VoxelQuantity>(
        geometry: wilhelm_study::Geometry,
        voxels: Vec<f32>,
    ) -> Result<Volume<Q>, FormatError> {
        Ok(Volume::new(geometry, voxels)?)
    }
    Ok(match calibration {
        Calibration::Hounsfield => Image::Hounsfield(volume::<Hu>(geometry, voxels)?),
        Calibration::Uptake => Image::Uptake(volume::<Suv>(geometry, voxels)?),
        Calibration::Arbitrary => Image::Arbitrary(volume::<Arbitrary>(geometry, voxels)?),
        Calibration::Stored => Image::Stored(volume::<Stored>(geometry, voxels)?),
    })
}

/// The range that stored values could take, after calibration, where all slices agree.
fn stored_range(slices: &[Slice], calibration: &Calibration) -> Option<(f32, f32)> {
    let of = |slice: &Slice| {
        let (low, high) = slice.instance.store.format.stored_range()?;
        let mapping = mapping(slice, calibration);
        let (a, b) = finite::pair((mapping.value(low), mapping.value(high)))?;
        matches!(mapping, Mapping::Linear(_)).then_some((a.min(b), a.max(b)))
    };
    let first = of(&slices[0])?;
    slices.iter().all(|slice| of(slice) == Some(first)).then_some(first)
}

/// The same header defect in each of many files is said once, with how many files it is in.
fn merged(defects: Vec<Defect>) -> Vec<Defect> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let key = |defect: &Defect| {
        let element = defect.place.rsplit_once(" element ").map_or("", |(_, element)| element);
        format!("{:?} {element} {}", defect.kind, defect.message)
    };
    for defect in &defects {
        *counts.entry(key(defect)).or_default() += 1;
    }
    let mut merged = Vec::new();
    for mut defect in defects {
        if let Some(count) = counts.remove(&key(&defect)) {
            if count > 1 {
                defect.message = format!("{} (in {count} files)", defect.message);
            }
            merged.push(defect);
        }
    }
    merged
}
