//! Segmentations read back: binary, fractional and label map, with overlaps.

use std::collections::BTreeMap;
use std::sync::Arc;

use dicom_dictionary_std::tags;
use wilhelm_study::{
    Arbitrary, CodedConcept, Defect, DefectKind, Direction, FrameOfReferenceUid, Geometry, LabelMap, Mask,
    Mm, PointLps, Segment, SegmentAlgorithm, SeriesInstanceUid, SopInstanceUid, Spacing, StudyInstanceUid,
    Volume, VoxelError,
};

use super::planes::depth;
use super::reference::{Reference, decoded_in, same_orientation};
use crate::dicom::calibrate;
use crate::dicom::element::DataSet;
use crate::dicom::file::{self, Look, place};
use crate::dicom::functional;
use crate::dicom::header::Plane;
use crate::dicom::instance::{self, FrameFacts, Instance, Wanted};
use crate::dicom::pixels::SampleKind;
use crate::source::{Item, Source};
use crate::{FormatError, Limits};

/// What a fraction of a fractional segmentation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FractionKind {
    /// How probable it is that the voxel is in the segment.
    Probability,
    /// How much of the voxel is in the segment.
    Occupancy,
}

/// The voxels of a segmentation.
#[derive(Clone, Debug, PartialEq)]
pub enum SegmentationContent {
    /// No voxel is in two segments; a label is a segment's number.
    Labels(LabelMap),
    /// Segments that overlap, with their numbers.
    Masks(Vec<(u16, Mask, Segment)>),
    /// A fraction from 0 to 1 for each voxel and segment, with their numbers; where to cut is the
    /// caller's choice.
    Fractions {
        /// What the fractions mean.
        kind: FractionKind,
        /// One volume a segment.
        segments: Vec<(u16, Volume<Arbitrary>, Segment)>,
    },
}

/// A segmentation object, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmentation {
    /// The study it lies in.
    pub study: Option<StudyInstanceUid>,
    /// The space its positions are in.
    pub frame_of_reference: Option<FrameOfReferenceUid>,
    /// The series it was drawn on, where it says so.
    pub source_series: Option<SeriesInstanceUid>,
    /// Its voxels.
    pub content: SegmentationContent,
    /// What was wrong with it.
    pub defects: Vec<Defect>,
}

/// Reads a segmentation on a grid of its own.
///
/// The grid comes from the positions of the frames: it reaches from the first slice that has a
/// frame to the last, and slices without a frame are empty. Frames of a tilted gantry are stacked
/// along their normal, as [`read`](crate::read) stacks slices, and a defect says so; on the source's
/// slices they are right with [`read_segmentation_on`].
///
/// # Errors
/// [`FormatError`] where it is no segmentation, its frames have no place in the patient's space (slide
/// microscopy, radiographs) or make no grid, or more voxels are declared than `limits` allow.
pub fn read_segmentation(bytes: &[u8], limits: &Limits) -> Result<Segmentation, FormatError> {
    let opened = Opened::read(bytes, limits)?;
    let mut defects = Vec::new();
    let (grid, slices) = opened.own_grid(&mut defects)?;
    opened.paint(grid, &slices, defects, limits)
}

/// Reads a segmentation onto the slices of a series: each frame on the slice at its position.
///
/// # Errors
/// As [`read_segmentation`], and [`FormatError::Voxels`] where a frame lies on none of the slices
/// or the series has no grid.
pub fn read_segmentation_on(
    bytes: &[u8],
    reference: &Reference,
    limits: &Limits,
) -> Result<Segmentation, FormatError> {
    let opened = Opened::read(bytes, limits)?;
    let grid = *reference.geometry().ok_or(FormatError::Voxels(VoxelError::Grid))?;
    let format = &opened.instance.store.format;
    let [columns, rows, _] = grid.size();
    if [columns, rows] != [format.columns, format.rows] {
        return Err(FormatError::Voxels(VoxelError::Grid));
    }
    let slices: Option<Vec<usize>> = opened.planes.iter().map(|plane| slice_of(plane, reference)).collect();
    let slices = slices.ok_or(FormatError::Voxels(VoxelError::Grid))?;
    opened.paint(grid, &slices, Vec::new(), limits)
}

/// The image that a plane coincides with.
fn slice_of(plane: &Plane, reference: &Reference) -> Option<usize> {
    let position = plane.position?;
    let [a, b] = plane.spacing?;
    let tolerance = a.min(b) / 100.0;
    let near = |there: [f64; 3]| position.iter().zip(there).all(|(a, b)| (a - b).abs() <= tolerance);
    reference
        .images()
        .iter()
        .position(|image| same_orientation(plane, &image.plane) && image.plane.position.is_some_and(near))
}

/// How the numbers of the pixels are meant.
#[derive(Clone, Copy)]
enum Kind {
    Binary,
    Fractional { kind: FractionKind, most: f32 },
    LabelMap,
}

/// A segmentation whose header is read and whose pixels are where they were.
struct Opened {
    instance: Instance,
    /// The place of each frame.
    planes: Vec<Plane>,
    kind: Kind,
    segments: BTreeMap<u16, Segment>,
    /// The segment of each frame; 0 in a label map.
    numbers: Vec<u16>,
    /// Spacing Between Slices of the first frame.
    declared_step: Option<f64>,
    source_series: Option<SeriesInstanceUid>,
    defects: Vec<Defect>,
}

impl Opened {
    fn read(bytes: &[u8], limits: &Limits) -> Result<Self, FormatError> {
        let item = Item {
            label: "segmentation".to_owned(),
            named: true,
            bytes: bytes.len() as u64,
            source: Source::Memory(Arc::from(bytes)),
        };
        let instance = instance::read(&item, None, Wanted::Anything, limits)?;
        let Look::Opened(opened) = file::look(bytes, bytes.len() as u64, limits)? else {
            let found = bytes.len() as u64;
            return Err(FormatError::Truncated { place: "data set".to_owned(), found, expected: found + 1 });
        };
        let data_set = opened.data_set();
        let mut defects = instance.header.defects.clone();
        let kind = kind(&data_set)?;
        let segments = segments(&data_set, matches!(kind, Kind::LabelMap), &mut defects)?;
        let format = &instance.store.format;
        if format.samples != 1 {
            return Err(FormatError::unsupported("segmentation in colors", "one sample a pixel"));
        }
        if format.kind != SampleKind::Integer {
            return Err(FormatError::unsupported("segmentation of real numbers", "integers"));
        }
        // Not the frames of the instance: those of a palette are of no volume there.
        let own = FrameFacts {
            plane: instance.header.plane.clone(),
            rescale: None,
            rescale_type: None,
            window: None,
            varying: Default::default(),
        };
        let frames = functional::frames(&data_set, &own, format.frames);
        let planes: Vec<Plane> = frames.into_iter().map(|frame| frame.plane).collect();
        if planes.len() != format.frames || !planes.iter().all(Plane::is_placed) {
            return Err(FormatError::unsupported(
                "segmentation whose frames have no place in the patient's space",
                "plane position, orientation and pixel measures of each frame",
            ));
        }
        // Behind the planes, which say how many frames are there and not only declared.
        let numbers = numbers(&data_set, format.frames, kind, &segments)?;
        let source_series = data_set
            .item(tags::REFERENCED_SERIES_SEQUENCE)
            .and_then(|series| series.text(tags::SERIES_INSTANCE_UID))
            .and_then(|uid| SeriesInstanceUid::new(&uid).ok());
        let measures = [tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE]
            .into_iter()
            .find_map(|groups| data_set.item(groups)?.item(tags::PIXEL_MEASURES_SEQUENCE));
        let declared_step = measures.and_then(|measures| measures.number(tags::SPACING_BETWEEN_SLICES));
        Ok(Self { instance, planes, kind, segments, numbers, declared_step, source_series, defects })
    }

    /// The grid of the frames, and the slice of each.
    fn own_grid(&self, defects: &mut Vec<Defect>) -> Result<(Geometry, Vec<usize>), FormatError> {
        let planes = &self.planes;
        let unplaced = || FormatError::malformed(place(tags::PLANE_POSITION_SEQUENCE), "missing");
        let first = planes.first().ok_or_else(unplaced)?;
        let orientation = first.orientation.ok_or_else(unplaced)?;
        let [between_rows, between_columns] = first.spacing.ok_or_else(unplaced)?;
        if !planes.iter().all(|plane| same_orientation(plane, first)) {
            return Err(FormatError::unsupported("segmentation with frames of several planes", "one plane"));
        }
        let positions: Vec<[f64; 3]> = planes.iter().filter_map(|plane| plane.position).collect();
        let depths: Vec<f64> = positions.iter().map(|position| depth(*position, orientation)).collect();
        let lowest =
            (0..depths.len()).min_by(|a, b| depths[*a].total_cmp(&depths[*b])).ok_or_else(unplaced)?;
        let step = self.step(&depths, first)?;
        let slices: Vec<f64> = depths.iter().map(|depth| (depth - depths[lowest]) / step).collect();
        let off = slices.iter().map(|slice| (slice - slice.round()).abs()).fold(0.0, f64::max);
        if off > 0.1 {
            return Err(FormatError::unsupported(
                format!("segmentation with frames {:.3} mm off a regular grid of {step:.3} mm", off * step),
                "frames at equal steps",
            ));
        }
        let count = slices.iter().copied().fold(0.0, f64::max).round() + 1.0;
        // Far more empty slices than frames: a crooked or hostile position, not a result.
        let most = 64.0 * planes.len() as f64 + 4096.0;
        if count > most {
            return Err(FormatError::TooLarge {
                what: "number of slices between the frames",
                declared: count as u64,
                limit: most as u64,
            });
        }
        let format = &self.instance.store.format;
        let ([a, b, c], [d, e, f]) = halves(orientation);
        let (row, column) = (unit([a, b, c]), unit([d, e, f]));
        let normal = unit([b * f - c * e, c * d - a * f, a * e - b * d]);
        let direction = Direction::new(row, column, normal)?;
        let spacing = Spacing::new(Mm(between_columns), Mm(between_rows), Mm(step))?;
        let size = [format.columns, format.rows, count as usize];
        let grid = Geometry::new(size, spacing, PointLps::from_components(positions[lowest]), direction)?;
        let slices: Vec<usize> = slices.iter().map(|slice| slice.round() as usize).collect();
        let lateral = positions.iter().zip(&slices).map(|(position, slice)| {
            let there = grid.point_at([0.0, 0.0, *slice as f64]).components();
            let offset: [f64; 3] = std::array::from_fn(|axis| position[axis] - there[axis]);
            dot(offset, row).hypot(dot(offset, column))
        });
        let lateral = lateral.fold(0.0, f64::max);
        if lateral > 0.01 * between_rows.min(between_columns) {
            let message = format!(
                "frames are stacked off their normal, by {lateral:.2} mm at most: the grid follows the normal, so \
                 that positions in plane hold at the first slice only"
            );
            defects.push(Defect::new(DefectKind::Tilt, "segmentation", message));
        }
        Ok((grid, slices))
    }

    /// The distance between slices: as declared where the frames fit it, else the least between two.
    fn step(&self, depths: &[f64], first: &Plane) -> Result<f64, FormatError> {
        let mut sorted = depths.to_vec();
        sorted.sort_by(f64::total_cmp);
        const SAME_MM: f64 = 1e-3;
        let gaps: Vec<f64> =
            sorted.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > SAME_MM).collect();
        let least = gaps.iter().copied().fold(f64::INFINITY, f64::min);
        let total = sorted[sorted.len() - 1] - sorted[0];
        let declared = self.declared_step.or(first.thickness).filter(|step| *step > SAME_MM);
        if !least.is_finite() {
            return declared.ok_or_else(|| {
                FormatError::malformed(
                    place(tags::SPACING_BETWEEN_SLICES),
                    "missing, and there is one slice only",
                )
            });
        }
        let fits = |step: f64| gaps.iter().all(|gap| (gap / step - (gap / step).round()).abs() <= 0.05);
        let step = match declared {
            Some(step) if fits(step) && (least / step).round() >= 1.0 => step,
            _ => least,
        };
        // The mean over the whole extent, which header rounding cannot move.
        let count = (total / step).round();
        Ok(if count >= 1.0 && (total / count - step).abs() < 0.05 * step { total / count } else { step })
    }

    /// Puts the frames on their slices.
    fn paint(
        self,
        grid: Geometry,
        slices: &[usize],
        mut found: Vec<Defect>,
        limits: &Limits,
    ) -> Result<Segmentation, FormatError> {
        let one = grid.voxels() as u64;
        let too_large = |declared: u64| FormatError::TooLarge {
            what: "number of voxels",
            declared,
            limit: limits.voxels,
        };
        if one > limits.voxels {
            return Err(too_large(one));
        }
        let all = one.saturating_mul(self.segments.len() as u64);
        let content = match self.kind {
            Kind::LabelMap => SegmentationContent::Labels(self.labels(grid, slices, limits)?),
            Kind::Binary => match self.binary(grid, slices, limits)? {
                Some(labels) => SegmentationContent::Labels(labels),
                None if all > limits.voxels => return Err(too_large(all)),
                None => SegmentationContent::Masks(self.masks(grid, slices, limits)?),
            },
            Kind::Fractional { .. } if all > limits.voxels => return Err(too_large(all)),
            Kind::Fractional { kind, most } => {
                let segments = self.fractions(grid, slices, most, limits)?;
                SegmentationContent::Fractions { kind, segments }
            }
        };
        let header = self.instance.header;
        found.splice(0..0, self.defects);
        Ok(Segmentation {
            study: header.study,
            frame_of_reference: header.frame_of_reference,
            source_series: self.source_series,
            content,
            defects: found,
        })
    }

    /// Calls `take` with each frame's number and its pixels as numbers.
    fn frames(
        &self,
        limits: &Limits,
        mut take: impl FnMut(usize, &[u16]) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        let format = &self.instance.store.format;
        let mut pixels = vec![0_u16; format.plane()];
        self.instance.bytes.with_all(limits, |bytes| {
            for number in 0..format.frames {
                let frame = self.instance.store.frame(bytes, number)?;
                if let Some((found, expected)) = frame.truncated {
                    let place = format!("{} frame {}", place(tags::PIXEL_DATA), number + 1);
                    return Err(FormatError::Truncated { place, found, expected });
                }
                let mut raw = frame.bytes.into_owned();
                calibrate::normalize(&mut raw, format);
                if format.bits_allocated <= 8 {
                    pixels.iter_mut().zip(&raw).for_each(|(pixel, byte)| *pixel = u16::from(*byte));
                } else if format.bits_allocated == 16 {
                    let pairs = raw.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
                    pixels.iter_mut().zip(pairs).for_each(|(pixel, value)| *pixel = value);
                } else {
                    let bits = format!("segmentation of {} bits a pixel", format.bits_allocated);
                    return Err(FormatError::unsupported(bits, "1, 8 or 16"));
                }
                take(number, &pixels)?;
            }
            Ok(())
        })
    }

    fn labels(&self, grid: Geometry, slices: &[usize], limits: &Limits) -> Result<LabelMap, FormatError> {
        let plane = self.instance.store.format.plane();
        let mut labels = vec![0_u16; grid.voxels()];
        self.frames(limits, |number, pixels| {
            let target = &mut labels[slices[number] * plane..][..plane];
            for (label, value) in target.iter_mut().zip(pixels).filter(|(_, value)| **value != 0) {
                if *label != 0 && label != value {
                    let message = format!("two frames give one voxel the labels {label} and {value}");
                    return Err(FormatError::malformed("label map", message));
                }
                *label = *value;
            }
            Ok(())
        })?;
        Ok(LabelMap::new(grid, labels, self.segments.clone())?)
    }

    /// The segments as labels; `None` where two of them share a voxel.
    fn binary(
        &self,
        grid: Geometry,
        slices: &[usize],
        limits: &Limits,
    ) -> Result<Option<LabelMap>, FormatError> {
        let plane = self.instance.store.format.plane();
        let mut labels = vec![0_u16; grid.voxels()];
        let mut overlap = false;
        self.frames(limits, |number, pixels| {
            let segment = self.numbers[number];
            let target = &mut labels[slices[number] * plane..][..plane];
            for (label, _) in target.iter_mut().zip(pixels).filter(|(_, value)| **value != 0) {
                overlap |= *label != 0 && *label != segment;
                *label = segment;
            }
            Ok(())
        })?;
        if overlap {
            return Ok(None);
        }
        Ok(Some(LabelMap::new(grid, labels, self.segments.clone())?))
    }

    fn masks(
        &self,
        grid: Geometry,
        slices: &[usize],
        limits: &Limits,
    ) -> Result<Vec<(u16, Mask, Segment)>, FormatError> {
        let plane = self.instance.store.format.plane();
        let mut masks: BTreeMap<u16, Vec<bool>> =
            self.segments.keys().map(|number| (*number, vec![false; grid.voxels()])).collect();
        self.frames(limits, |number, pixels| {
            if let Some(mask) = masks.get_mut(&self.numbers[number]) {
                let target = &mut mask[slices[number] * plane..][..plane];
                target.iter_mut().zip(pixels).for_each(|(inside, value)| *inside |= *value != 0);
            }
            Ok(())
        })?;
        let named = masks.into_iter().zip(self.segments.values());
        named
            .map(|((number, voxels), segment)| Ok((number, Mask::new(grid, voxels)?, segment.clone())))
            .collect()
    }

    fn fractions(
        &self,
        grid: Geometry,
        slices: &[usize],
        most: f32,
        limits: &Limits,
    ) -> Result<Vec<(u16, Volume<Arbitrary>, Segment)>, FormatError> {
        let plane = self.instance.store.format.plane();
        let mut volumes: BTreeMap<u16, Vec<f32>> =
            self.segments.keys().map(|number| (*number, vec![0.0; grid.voxels()])).collect();
        self.frames(limits, |number, pixels| {
            if let Some(volume) = volumes.get_mut(&self.numbers[number]) {
                let target = &mut volume[slices[number] * plane..][..plane];
                for (fraction, value) in target.iter_mut().zip(pixels) {
                    *fraction = fraction.max((f32::from(*value) / most).min(1.0));
                }
            }
            Ok(())
        })?;
        let named = volumes.into_iter().zip(self.segments.values());
        named
            .map(|((number, voxels), segment)| Ok((number, Volume::new(grid, voxels)?, segment.clone())))
            .collect()
    }
}

fn kind(data_set: &DataSet<'_>) -> Result<Kind, FormatError> {
    let declared = data_set.text(tags::SEGMENTATION_TYPE);
    match declared.as_deref() {
        Some("BINARY") => Ok(Kind::Binary),
        Some("LABELMAP") => Ok(Kind::LabelMap),
        Some("FRACTIONAL") => {
            let kind = match data_set.text(tags::SEGMENTATION_FRACTIONAL_TYPE).as_deref() {
                Some("OCCUPANCY") => FractionKind::Occupancy,
                _ => FractionKind::Probability,
            };
            let most =
                data_set.unsigned(tags::MAXIMUM_FRACTIONAL_VALUE).filter(|most| *most > 0).unwrap_or(255);
            Ok(Kind::Fractional { kind, most: most as f32 })
        }
        _ => Err(FormatError::malformed(
            place(tags::SEGMENTATION_TYPE),
            "no segmentation, expected BINARY, FRACTIONAL or LABELMAP",
        )),
    }
}

/// What the segments are, by their numbers; the background that a label map may describe is none.
fn segments(
    data_set: &DataSet<'_>,
    label_map: bool,
    defects: &mut Vec<Defect>,
) -> Result<BTreeMap<u16, Segment>, FormatError> {
    let character_sets = data_set.texts(tags::SPECIFIC_CHARACTER_SET);
    let mut segments = BTreeMap::new();
    for item in data_set.items(tags::SEGMENT_SEQUENCE) {
        let number = item.unsigned(tags::SEGMENT_NUMBER).and_then(|number| u16::try_from(number).ok());
        let number = number.ok_or_else(|| {
            FormatError::malformed(place(tags::SEGMENT_NUMBER), "missing, expected 1 to 65535")
        })?;
        if number == 0 && label_map {
            continue;
        }
        let text = |tag| decoded_in(&item, tag, &character_sets);
        let mut concept = |tag, what: &str| {
            item.item(tag).and_then(|code| code_of(&code, &character_sets)).unwrap_or_else(|| {
                let message = format!("the {what} of segment {number} has no code");
                defects.push(Defect::new(DefectKind::Header, place(tag), message));
                CodedConcept::new("99WILHELM", "UNKNOWN", "Unknown")
            })
        };
        let segment = Segment {
            category: concept(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, "category"),
            property: concept(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, "type"),
            name: text(tags::SEGMENT_LABEL).unwrap_or_else(|| format!("segment {number}")),
            algorithm: match item.text(tags::SEGMENT_ALGORITHM_TYPE).as_deref() {
                Some("AUTOMATIC") => SegmentAlgorithm::Automatic,
                Some("MANUAL") => SegmentAlgorithm::Manual,
                _ => SegmentAlgorithm::Semiautomatic,
            },
            algorithm_name: text(tags::SEGMENT_ALGORITHM_NAME).unwrap_or_default(),
            tracking_uid: item
                .text(tags::TRACKING_UID)
                .and_then(|uid| SopInstanceUid::new(&uid).ok())
                .map(|uid| uid.as_str().to_owned()),
            tracking_id: text(tags::TRACKING_ID),
        };
        if number == 0 || segments.insert(number, segment).is_some() {
            let message = format!("segment {number} is there twice or is the background");
            return Err(FormatError::malformed(place(tags::SEGMENT_NUMBER), message));
        }
    }
    match segments.is_empty() {
        true => Err(FormatError::malformed(place(tags::SEGMENT_SEQUENCE), "no segment is described")),
        false => Ok(segments),
    }
}

fn code_of(item: &DataSet<'_>, character_sets: &[String]) -> Option<CodedConcept> {
    let value = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE];
    let value = value.into_iter().find_map(|tag| item.text(tag))?;
    let scheme = item.text(tags::CODING_SCHEME_DESIGNATOR).unwrap_or_default();
    let meaning = decoded_in(item, tags::CODE_MEANING, character_sets).unwrap_or_else(|| value.clone());
    Some(CodedConcept::new(&scheme, &value, &meaning))
}

/// The segment of each frame; 0 in a label map.
fn numbers(
    data_set: &DataSet<'_>,
    frames: usize,
    kind: Kind,
    segments: &BTreeMap<u16, Segment>,
) -> Result<Vec<u16>, FormatError> {
    if matches!(kind, Kind::LabelMap) {
        return Ok(vec![0; frames]);
    }
    let group = |item: &DataSet<'_>| {
        let identification = item.item(tags::SEGMENT_IDENTIFICATION_SEQUENCE)?;
        u16::try_from(identification.unsigned(tags::REFERENCED_SEGMENT_NUMBER)?).ok()
    };
    let shared = data_set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).as_ref().and_then(group);
    let own = data_set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let numbers: Option<Vec<u16>> = own
        .iter()
        .take(frames)
        .map(|item| group(item).or(shared))
        .map(|n| n.filter(|n| segments.contains_key(n)))
        .collect();
    numbers.filter(|numbers| numbers.len() == frames).ok_or_else(|| {
        FormatError::malformed(
            place(tags::REFERENCED_SEGMENT_NUMBER),
            "a frame has no segment, or one that is not described",
        )
    })
}

const fn halves([a, b, c, d, e, f]: [f64; 6]) -> ([f64; 3], [f64; 3]) {
    ([a, b, c], [d, e, f])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn unit(vector: [f64; 3]) -> [f64; 3] {
    let length = dot(vector, vector).sqrt();
    vector.map(|component| component / length)
}
