//! From a picture or volume to what a U-Net sees, and from its logits back to labels on the image's own grid.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use wilhelm_filters::{
    FilterError, Interpolation, LabelInterpolation, Plane, PrepareError, Region, intensity_bounds, reorient,
    reorient_onto, resample, resample_labels, resize, to_spacing,
};
use wilhelm_study::{
    Geometry, Image, LabelMap, Mm, Progress, QuantityKind, Segment, Series, Spacing, Volume, VoxelQuantity,
};

use super::sliding::slide;
use super::trained::{TrainedSegmenter, WindowPreparation};
use super::{Networks, Segmenter, SegmenterArchitecture};
use crate::arch::DenseNetwork;

/// The axes that a network of volumes sees: columns to the left, rows to the back, slices to the head.
const AXES: &str = "LPS";

/// An image on the grid of a network, before its numbers are brought to the training data's.
#[derive(Clone, Debug)]
pub struct NetworkGrid<'a> {
    /// Slices, rows and columns.
    pub size: [usize; 3],
    /// Where a volume lies; flat pictures have no place in space.
    pub geometry: Option<Geometry>,
    values: Cow<'a, [f32]>,
    bounds: (f32, f32),
}

impl NetworkGrid<'_> {
    /// All values on the scale 0 to 1, columns fastest.
    pub fn scaled(&self) -> Vec<f32> {
        self.values.iter().map(|value| scaled(*value, self.bounds)).collect()
    }

    /// A window as the network takes it.
    fn window(&self, place: &[Range<usize>; 3], preparation: &WindowPreparation) -> Vec<f32> {
        let [_, rows, columns] = self.size;
        let mut values = Vec::with_capacity(place.iter().map(Range::len).product());
        for slice in place[0].clone() {
            for row in place[1].clone() {
                let line = (slice * rows + row) * columns;
                let line = &self.values[line + place[2].start..line + place[2].end];
                let normal =
                    |value: &f32| (scaled(*value, self.bounds) - preparation.mean) / preparation.deviation;
                values.extend(line.iter().map(normal));
            }
        }
        values
    }
}

fn scaled(value: f32, (low, high): (f32, f32)) -> f32 {
    // What is no number is black.
    if value.is_nan() { 0.0 } else { ((value - low) / (high - low)).clamp(0.0, 1.0) }
}

/// The values of an image that become 0 and 1: the card's, else those of its file's kind.
///
/// # Errors
/// [`FilterError::Constant`] for an image without a spread.
pub fn bounds_of(series: &Series, preparation: &WindowPreparation) -> Result<(f32, f32), FilterError> {
    if let Some([low, high]) = preparation.bounds {
        return Ok((low, high));
    }
    let found = intensity_bounds(series.image.values(), series.stored_range, series.window);
    if found.low < found.high && (found.high - found.low).is_finite() {
        return Ok((found.low, found.high));
    }
    Err(FilterError::Constant { value: found.low })
}

/// Brings an image onto a network's grid: a flat picture to its rows and columns, a volume to its spacing and axes.
///
/// # Errors
/// [`FilterError`] for a volume where the network sees pictures or the other way round, and for an image without a
/// spread.
pub fn on_network_grid<'a>(
    series: &'a Series,
    preparation: &WindowPreparation,
    flat: bool,
) -> Result<NetworkGrid<'a>, FilterError> {
    let refuse = |found: &str, expected: &'static str| FilterError::Parameter {
        name: "image",
        found: found.to_owned(),
        expected,
    };
    let bounds = bounds_of(series, preparation)?;
    match &series.image {
        Image::Flat(image) if flat => {
            let [_, rows, columns] = preparation.window;
            let size = [image.columns(), image.rows()];
            let values = resized(image.pixels(), size, [columns, rows])?;
            Ok(NetworkGrid { size: [1, rows, columns], geometry: None, values: Cow::Owned(values), bounds })
        }
        Image::Flat(_) => Err(refuse("a flat picture", "a volume")),
        Image::Cine(_) => Err(refuse("a cine", "one picture or volume")),
        _ if flat => Err(refuse("a volume", "a flat picture")),
        Image::Hounsfield(volume) => of_volume(volume, preparation, bounds),
        Image::Uptake(volume) => of_volume(volume, preparation, bounds),
        Image::Arbitrary(volume) => of_volume(volume, preparation, bounds),
        Image::Stored(volume) => of_volume(volume, preparation, bounds),
        _ => Err(refuse("of a kind that this program does not know", "one picture or volume")),
    }
}

fn of_volume<'a, Q: VoxelQuantity>(
    volume: &'a Volume<Q>,
    preparation: &WindowPreparation,
    bounds: (f32, f32),
) -> Result<NetworkGrid<'a>, FilterError> {
    let geometry = network_geometry(volume.geometry(), preparation)?;
    let [columns, rows, slices] = geometry.size();
    let values = if geometry.is_same_grid(volume.geometry()) {
        Cow::Borrowed(volume.voxels())
    } else if preparation.spacing.is_none() {
        Cow::Owned(reorient(volume, AXES)?.into_voxels())
    } else {
        // The rim that lies half a voxel outside is held at black.
        Cow::Owned(resample(volume, &geometry, Interpolation::Linear, bounds.0)?.into_voxels())
    };
    Ok(NetworkGrid { size: [slices, rows, columns], geometry: Some(geometry), values, bounds })
}

/// The grid that a network of volumes sees.
fn network_geometry(native: &Geometry, preparation: &WindowPreparation) -> Result<Geometry, FilterError> {
    // Only the grid is turned: one number a voxel would be a copy of the volume.
    let turned = if native.direction().letters() == AXES { *native } else { turned(native)? };
    match preparation.spacing {
        None => Ok(turned),
        Some([x, y, z]) => to_spacing(&turned, Spacing::new(Mm(x), Mm(y), Mm(z))?),
    }
}

fn turned(native: &Geometry) -> Result<Geometry, FilterError> {
    Ok(*reorient(&wilhelm_study::Mask::none(*native), AXES)?.geometry())
}

/// Labels of a map on the grid that a network sees, each place by the nearest voxel.
///
/// # Errors
/// [`FilterError`] for grids that cannot be brought onto one another.
pub fn labels_at(map: &LabelMap, grid: &NetworkGrid<'_>, turn_only: bool) -> Result<Vec<u16>, FilterError> {
    match &grid.geometry {
        Some(geometry) if geometry.is_same_grid(map.geometry()) => Ok(map.labels().to_vec()),
        Some(_) if turn_only => Ok(reorient(map, AXES)?.into_labels()),
        Some(geometry) => Ok(resample_labels(map, geometry, LabelInterpolation::Nearest)?.into_labels()),
        None => {
            let [columns, rows, _] = map.geometry().size();
            let [_, to_rows, to_columns] = grid.size;
            let at = |place: usize, from: usize, to: usize| (2 * place + 1) * from / (2 * to);
            let mut labels = Vec::with_capacity(to_rows * to_columns);
            for row in 0..to_rows {
                let line = at(row, rows, to_rows) * columns;
                labels.extend(
                    (0..to_columns).map(|column| map.labels()[line + at(column, columns, to_columns)]),
                );
            }
            Ok(labels)
        }
    }
}

fn resized(
    values: &[f32],
    [columns, rows]: [usize; 2],
    [to_columns, to_rows]: [usize; 2],
) -> Result<Vec<f32>, FilterError> {
    let fail = |error: PrepareError| FilterError::Parameter {
        name: "picture",
        found: error.to_string(),
        expected: "one that can be brought to the network's size",
    };
    let plane = Plane::new(values, columns, rows).map_err(fail)?;
    resize(plane, Region { column: 0, row: 0, columns, rows }, to_columns, to_rows).map_err(fail)
}

impl Segmenter {
    /// About how many bytes [`outline`](Self::outline) holds beside the image itself: one window within the network, the
    /// sums of one layer of windows, and values and labels on the network's grid; `None` for a pair of networks, or where the
    /// image has no grid that it could be brought to.
    pub fn bytes_to_outline(&self, series: &Series) -> Option<u64> {
        let trained = self.card().trained.as_ref()?;
        let (SegmenterArchitecture::UNet(config) | SegmenterArchitecture::UNet3d(config)) =
            &self.card().architecture
        else {
            return None;
        };
        let preparation = &trained.preparation;
        let (grid, own) = match &series.image {
            Image::Flat(image) => (preparation.window, image.columns() * image.rows() * trained.classes()),
            image => {
                let native = image.geometry()?;
                let [columns, rows, slices] = network_geometry(native, preparation).ok()?.size();
                let voxels: usize = native.size().iter().product();
                (
                    [slices, rows, columns],
                    preparation.windows().sums([slices, rows, columns], trained.classes()) + voxels,
                )
            }
        };
        let window = preparation.windows().within(grid);
        let seen = config.activations(window).passing;
        let places = grid.iter().product::<usize>();
        Some((4.0 * (seen + own as f64 + 1.5 * places as f64)) as u64)
    }

    /// Outlines what the card of a network that was trained here names, on the image's own grid.
    ///
    /// A flat picture is seen as a whole; a volume window by window, with memory for the sums of one layer of windows
    /// whatever its length.
    ///
    /// # Errors
    /// [`FilterError::Parameter`] for a pair of networks, an image of another quantity, a volume where the network sees
    /// pictures or the other way round; [`FilterError::Constant`] for an image without a spread;
    /// [`FilterError::Cancelled`].
    pub fn outline(&self, series: &Series, progress: &dyn Progress) -> Result<LabelMap, FilterError> {
        let refuse = |name: &'static str, found: String, expected: &'static str| FilterError::Parameter {
            name,
            found,
            expected,
        };
        let Some(trained) = &self.card().trained else {
            return Err(refuse("model", self.card().name.clone(), "a network that train segmenter made"));
        };
        let wanted = self.card().input.quantity;
        if series.image.quantity() != wanted {
            let expected = match wanted {
                QuantityKind::Hounsfield => {
                    "Hounsfield units (of a NIfTI, NRRD or MetaImage file say --units hu)"
                }
                QuantityKind::SuvBodyWeight => "uptake values",
                QuantityKind::Arbitrary => "a scale without a unit",
                QuantityKind::Stored => "stored values",
            };
            return Err(refuse(
                "quantity",
                format!("{:?}", series.image.quantity()).to_lowercase(),
                expected,
            ));
        }
        let flat = match &self.networks {
            Networks::Flat(_) => true,
            Networks::Deep(_) => false,
            Networks::Pair(_) => {
                return Err(refuse("model", self.card().name.clone(), "a network that train segmenter made"));
            }
        };
        let grid = on_network_grid(series, &trained.preparation, flat)?;
        let look = |place: &[Range<usize>; 3]| -> Vec<f32> {
            let size = [1, 1, place[0].len(), place[1].len(), place[2].len()];
            let values = TensorData::new(grid.window(place, &trained.preparation), size);
            let input = Tensor::<5>::from_data(values, &self.device);
            let logits = match &self.networks {
                Networks::Flat(network) => network.logits(input),
                Networks::Deep(network) => network.logits(input),
                Networks::Pair(_) => unreachable!("a pair was refused above"),
            };
            logits.into_data().try_into_vec::<f32>().expect("the CPU backend computes in f32")
        };
        let segments = segments(trained, &self.card().name, &self.card().version);
        let classes = trained.classes();
        match (&series.image, &grid.geometry) {
            (Image::Flat(image), _) => {
                progress.step(0, 1);
                let whole = [0..1, 0..grid.size[1], 0..grid.size[2]];
                let logits = look(&whole);
                let (from, to) = ([grid.size[2], grid.size[1]], [image.columns(), image.rows()]);
                let planes = logits
                    .chunks_exact(from[0] * from[1])
                    .map(|plane| resized(plane, from, to))
                    .collect::<Result<Vec<_>, _>>()?;
                let label = |at: usize| trained.output.label(planes.iter().map(|plane| plane[at]));
                let labels = (0..to[0] * to[1]).map(label).collect();
                let [x, y] = image
                    .spacing()
                    .map_or([1.0; 2], |spacing| [spacing.between_columns.0, spacing.between_rows.0]);
                let geometry =
                    Geometry::axis_aligned([to[0], to[1], 1], Spacing::new(Mm(x), Mm(y), Mm(1.0))?)?;
                progress.step(1, 1);
                Ok(LabelMap::new(geometry, labels, segments)?)
            }
            (image, Some(geometry)) => {
                let windows = trained.preparation.windows();
                let labels =
                    slide(grid.size, &windows, classes, trained.output, |place| Ok(look(place)), progress)?;
                let map = LabelMap::new(*geometry, labels, segments)?;
                let native = image.geometry().ok_or(FilterError::Spacing)?;
                if geometry.is_same_grid(native) {
                    Ok(map)
                } else if trained.preparation.spacing.is_none() {
                    reorient_onto(&map, native)
                } else {
                    resample_labels(&map, native, LabelInterpolation::Nearest)
                }
            }
            (_, None) => Err(FilterError::Spacing),
        }
    }
}

/// What the labels stand for, and who drew them.
fn segments(trained: &TrainedSegmenter, name: &str, version: &str) -> BTreeMap<u16, Segment> {
    let algorithm = format!("Wilhelm {} {name} {version}", env!("CARGO_PKG_VERSION"));
    (1..).zip(trained.segments.iter().map(|class| class.segment(&algorithm))).collect()
}

#[cfg(test)]
pub(crate) mod tests;
