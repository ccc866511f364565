use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Hu, Index, Laterality, Mask, PointLps, Progress, Volume, VoxelError};

use super::Lungs;
use crate::FilterError;
use crate::measure::{Measured, in_plane_diameters, intensity_statistics, volume};
use crate::segment::blobs::{BlobMeasure, Blobs, search};
use crate::segment::distance::Metric;
use crate::segment::gray::Polarity;
use crate::segment::{Connectivity, region};

/// What counts as a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct NoduleSettings {
    /// Least and greatest diameter sought, mm.
    pub diameters_mm: [f64; 2],
    /// Densest lung that a nodule's border stands out from, HU.
    pub border_hu: f32,
    /// Least answer of the blob filter, HU.
    pub least_answer: f32,
    /// Least roundness: volume over that of a ball of the long axis.
    pub least_roundness: f64,
    /// Candidates given at most, the strongest first.
    pub most: usize,
}

impl Default for NoduleSettings {
    fn default() -> Self {
        Self {
            diameters_mm: [4.0, 30.0],
            border_hu: -500.0,
            least_answer: 100.0,
            least_roundness: 0.2,
            most: 100,
        }
    }
}

/// A third of a lung by height: a stand-in for the lobe, which needs the fissures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// The upper third.
    Upper,
    /// The middle third.
    Middle,
    /// The lower third.
    Lower,
}

/// A place in the lungs that a nodule could be. Most candidates are vessels: this finds, it does not judge.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct NoduleCandidate {
    /// Its middle in the patient's space.
    pub center: PointLps,
    /// Which lung.
    pub side: Laterality,
    /// Which third of that lung.
    pub zone: Zone,
    /// Long axis in the slice where it is longest, mm.
    pub long_axis: Measured,
    /// Short axis across it, mm.
    pub short_axis: Measured,
    /// Volume, mL.
    pub volume: Measured,
    /// Mean density, HU.
    pub mean_hu: f64,
    /// Standard deviation of the density, HU.
    pub deviation_hu: f64,
    /// Volume over that of a ball as wide as the long axis, 0 to 1.
    pub roundness: f64,
    /// Answer of the blob filter, HU: how much it stands out as a ball.
    pub answer: f32,
    /// Its voxels.
    #[serde(skip)]
    pub mask: Mask,
}

/// Nodule candidates: ball-shaped densities inside the lungs, found at several scales, grown and measured.
///
/// # Errors
/// [`FilterError::Voxels`] if the grids differ, [`FilterError::Parameter`] for diameters that are not
/// above 0 and in order, [`FilterError::Cancelled`].
///
/// # Source
/// Li, Sone, Doi 2003, doi:10.1118/1.1581411 (dot filter)
pub fn nodule_candidates(
    ct: &Volume<Hu>,
    lungs: &Lungs,
    settings: &NoduleSettings,
    progress: &dyn Progress,
) -> Result<Vec<NoduleCandidate>, FilterError> {
    let [least, most] = settings.diameters_mm;
    if !(least > 0.0 && least < most && most.is_finite()) {
        return Err(FilterError::parameter(
            "diameters",
            format!("{least} to {most}"),
            "two lengths above 0 mm, the lesser first",
        ));
    }
    let both = lungs.both()?;
    if !ct.geometry().is_same_grid(both.geometry()) {
        return Err(VoxelError::Grid.into());
    }
    if both.is_empty() {
        return Ok(Vec::new());
    }
    // Only the lungs, with some room for the filter; what is outside them is as dense as lung.
    let (start, size) = bounds(&both, most);
    let geometry = ct.geometry().cropped(start, size)?;
    let lung = cropped(both.voxels(), ct.geometry().size(), start, size);
    let values: Vec<f32> = cropped(ct.voxels(), ct.geometry().size(), start, size)
        .into_iter()
        .zip(&lung)
        .map(
            |(value, inside)| if *inside && value.is_finite() { value.clamp(-1000.0, 200.0) } else { -850.0 },
        )
        .collect();
    let inner = Volume::<Hu>::new(geometry, values)?;
    let spacing = geometry.spacing().millimeters();
    let finest = spacing.iter().copied().fold(f64::INFINITY, f64::min);
    let blobs = Blobs {
        // A ball answers most at its radius over the square root of 3.
        scales: scales((least / 2.0 / 3.0_f64.sqrt()).max(0.5 * finest), most / 2.0 / 3.0_f64.sqrt()),
        metric: Metric::Millimeters,
        polarity: Polarity::Bright,
        measure: BlobMeasure::Dot,
        least: settings.least_answer,
    };
    let found = search(&inner, &blobs, progress)?;
    let mut taken = vec![false; geometry.voxels()];
    let mut candidates = Vec::new();
    for blob in found {
        if candidates.len() == settings.most {
            break;
        }
        let at = geometry.offset(blob.center);
        if taken[at] || inner.voxels()[at] < settings.border_hu {
            continue;
        }
        let grown = grown(&inner, blob.center, (2.0 * blob.radius).min(most), settings.border_hu)?;
        grown.voxels().iter().zip(&mut taken).for_each(|(inside, taken)| *taken |= inside);
        if let Some(candidate) = described(&inner, grown, blob.answer, settings)? {
            candidates.push(candidate);
        }
    }
    for candidate in &mut candidates {
        place(candidate, lungs);
        let whole = pasted(candidate.mask.voxels(), ct.geometry().size(), start, size);
        candidate.mask = Mask::new(*ct.geometry(), whole)?;
    }
    Ok(candidates)
}

/// Scales a quarter larger each.
fn scales(from: f64, to: f64) -> Vec<f64> {
    let mut scales = Vec::new();
    let mut scale = from;
    while scale < to && scales.len() < 12 {
        scales.push(scale);
        scale *= 1.35;
    }
    scales.push(to.max(from));
    scales
}

/// The box of a mask with a margin in mm: start and size.
fn bounds(mask: &Mask, margin: f64) -> ([usize; 3], [usize; 3]) {
    let size = mask.geometry().size();
    let spacing = mask.geometry().spacing().millimeters();
    let (mut low, mut high) = (size, [0; 3]);
    for (at, _) in mask.voxels().iter().enumerate().filter(|(_, inside)| **inside) {
        let place = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        for axis in 0..3 {
            low[axis] = low[axis].min(place[axis]);
            high[axis] = high[axis].max(place[axis] + 1);
        }
    }
    let room = spacing.map(|step| (margin / step).ceil() as usize);
    let start: [usize; 3] = std::array::from_fn(|axis| low[axis].saturating_sub(room[axis]));
    let end: [usize; 3] = std::array::from_fn(|axis| (high[axis] + room[axis]).min(size[axis]));
    (start, std::array::from_fn(|axis| end[axis] - start[axis]))
}

fn cropped<T: Copy>(values: &[T], whole: [usize; 3], start: [usize; 3], size: [usize; 3]) -> Vec<T> {
    let mut part = Vec::with_capacity(size.iter().product());
    for slice in start[2]..start[2] + size[2] {
        for row in start[1]..start[1] + size[1] {
            let from = (slice * whole[1] + row) * whole[0] + start[0];
            part.extend_from_slice(&values[from..from + size[0]]);
        }
    }
    part
}

fn pasted(part: &[bool], whole: [usize; 3], start: [usize; 3], size: [usize; 3]) -> Vec<bool> {
    let mut values = vec![false; whole.iter().product()];
    for slice in 0..size[2] {
        for row in 0..size[1] {
            let from = (slice * size[1] + row) * size[0];
            let to = ((start[2] + slice) * whole[1] + start[1] + row) * whole[0] + start[0];
            values[to..to + size[0]].copy_from_slice(&part[from..from + size[0]]);
        }
    }
    values
}

/// What hangs together with a place above the border's density, within a ball around it.
fn grown(inner: &Volume<Hu>, center: Index, radius: f64, border: f32) -> Result<Mask, FilterError> {
    let geometry = inner.geometry();
    let size = geometry.size();
    let spacing = geometry.spacing().millimeters();
    let middle = [center.column, center.row, center.slice];
    let reach = spacing.map(|step| (radius / step).ceil() as usize);
    let start: [usize; 3] = std::array::from_fn(|axis| middle[axis].saturating_sub(reach[axis]));
    let end: [usize; 3] = std::array::from_fn(|axis| (middle[axis] + reach[axis] + 1).min(size[axis]));
    let part: [usize; 3] = std::array::from_fn(|axis| end[axis] - start[axis]);
    let mut values = cropped(inner.voxels(), size, start, part);
    for (at, value) in values.iter_mut().enumerate() {
        let place = [at % part[0], at / part[0] % part[1], at / (part[0] * part[1])];
        let square: f64 = (0..3)
            .map(|axis| ((start[axis] + place[axis]) as f64 - middle[axis] as f64) * spacing[axis])
            .map(|step| step * step)
            .sum();
        if square > radius * radius {
            *value = f32::NEG_INFINITY;
        }
    }
    let ball = Volume::<Hu>::new(geometry.cropped(start, part)?, values)?;
    let seed = Index { column: middle[0] - start[0], row: middle[1] - start[1], slice: middle[2] - start[2] };
    let grown = region::grow(&ball, &[seed], border, f32::INFINITY, Connectivity::Faces)?;
    Ok(Mask::new(*geometry, pasted(grown.voxels(), size, start, part))?)
}

/// Measures a candidate; `None` where its size or shape is none of a nodule.
fn described(
    inner: &Volume<Hu>,
    mask: Mask,
    answer: f32,
    settings: &NoduleSettings,
) -> Result<Option<NoduleCandidate>, FilterError> {
    if mask.is_empty() {
        return Ok(None);
    }
    let diameters = in_plane_diameters(&mask)?;
    let volume = volume(&mask)?;
    let long = diameters.long_axis.value;
    let ball = std::f64::consts::PI / 6.0 * long.powi(3) / 1000.0;
    let roundness = (volume.value / ball).min(1.0);
    let [least, most] = settings.diameters_mm;
    if diameters.long_axis.high < least || long > most || roundness < settings.least_roundness {
        return Ok(None);
    }
    let statistics = intensity_statistics(inner, &mask)?;
    let [columns, rows, _] = mask.geometry().size();
    let (mut sum, mut count) = ([0.0; 3], 0.0);
    for (at, _) in mask.voxels().iter().enumerate().filter(|(_, inside)| **inside) {
        let place = [at % columns, at / columns % rows, at / (columns * rows)];
        (0..3).for_each(|axis| sum[axis] += place[axis] as f64);
        count += 1.0;
    }
    Ok(Some(NoduleCandidate {
        center: mask.geometry().point_at(sum.map(|sum| sum / count)),
        side: Laterality::Left,
        zone: Zone::Middle,
        long_axis: diameters.long_axis,
        short_axis: diameters.short_axis,
        volume,
        mean_hu: statistics.mean,
        deviation_hu: statistics.standard_deviation,
        roundness,
        answer,
        mask,
    }))
}

/// Side and third of the lung in which a candidate's middle lies.
fn place(candidate: &mut NoduleCandidate, lungs: &Lungs) {
    let geometry = lungs.left.geometry();
    let size = geometry.size();
    let index = geometry.index_at(candidate.center).map(|index| index.round().max(0.0) as usize);
    let index: [usize; 3] = std::array::from_fn(|axis| index[axis].min(size[axis] - 1));
    let near = |lung: &Mask| {
        let reach = |axis: usize| index[axis].saturating_sub(2)..(index[axis] + 3).min(size[axis]);
        reach(2).any(|slice| {
            reach(1).any(|row| reach(0).any(|column| lung.contains(Index { column, row, slice })))
        })
    };
    let inside = |lung: &Mask| lung.contains(Index { column: index[0], row: index[1], slice: index[2] });
    let is_left = inside(&lungs.left) || (!inside(&lungs.right) && near(&lungs.left));
    candidate.side = if is_left { Laterality::Left } else { Laterality::Right };
    let lung = if is_left { &lungs.left } else { &lungs.right };
    let (low, high) = heights(lung);
    let share = (candidate.center.superior - low) / (high - low).max(1e-9);
    candidate.zone = match share {
        share if share >= 2.0 / 3.0 => Zone::Upper,
        share if share >= 1.0 / 3.0 => Zone::Middle,
        _ => Zone::Lower,
    };
}

/// Lowest and highest point of a mask along the patient's head, mm.
fn heights(mask: &Mask) -> (f64, f64) {
    let [columns, rows, slices] = mask.geometry().size();
    let plane = columns * rows;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for slice in 0..slices {
        if mask.voxels()[slice * plane..(slice + 1) * plane].contains(&true) {
            let middle = [(columns / 2) as f64, (rows / 2) as f64, slice as f64];
            let height = mask.geometry().point_at(middle).superior;
            (low, high) = (low.min(height), high.max(height));
        }
    }
    if low > high { (0.0, 0.0) } else { (low, high) }
}
