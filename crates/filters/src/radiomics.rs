//! Radiomic features as the Image Biomarker Standardisation Initiative defines them.
//!
//! [`radiomics()`] measures a mask in a volume, [`flat_radiomics`] one in a flat image. Names and
//! conventions follow pyradiomics where it follows IBSI; [`definitions`] lists every feature with
//! its formula and its IBSI identifier. Resampling is left to the caller.
//!
//! # Source
//! Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145 (IBSI);
//! van Griethuysen et al. 2017, doi:10.1158/0008-5472.CAN-17-0339 (pyradiomics).

mod definition;
mod directions;
mod discretize;
mod first_order;
mod glcm;
mod gldm;
mod glrlm;
mod glszm;
mod ngtdm;
mod region;
mod settings;
mod shape;
mod sized;

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{FlatMask, Mask, Progress, Projection, QuantityKind, Volume, VoxelError, VoxelQuantity};

use crate::FilterError;

pub use definition::{Definition, Family, Feature};
pub use directions::{Aggregation, Norm};
pub use discretize::Discretization;
pub use settings::{Normalization, RadiomicsSettings, Resegmentation};

use definition::Entry;
use discretize::Levels;
use region::{Intensities, Region};

/// Every measured feature, with what it was measured on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Radiomics {
    /// Voxels that took part in intensity and texture features.
    pub voxels: usize,
    /// First column, row and slice of the box around them, counted from 0.
    pub start: [usize; 3],
    /// Columns, rows and slices of the box.
    pub size: [usize; 3],
    /// Highest gray level after discretization, `Ng`.
    pub gray_levels: usize,
    /// Features in the order of [`Family::ALL`], in each family as [`definitions`] has them.
    pub features: Vec<Feature>,
}

impl Radiomics {
    /// The value of a feature; `None` where it was not measured or is not defined.
    pub fn get(&self, family: Family, name: &str) -> Option<f64> {
        self.features.iter().find(|feature| feature.family == family && feature.name == name)?.value
    }
}

/// Every feature that can be measured, with its formula and its IBSI identifier.
pub fn definitions() -> Vec<Definition> {
    Family::ALL
        .into_iter()
        .flat_map(|family| {
            table(family).iter().map(move |entry| Definition {
                family,
                name: entry.name,
                ibsi: entry.ibsi,
                formula: entry.formula,
            })
        })
        .collect()
}

/// Radiomic features of a mask in a volume.
///
/// Where a region is flat (one gray level) features have the values that pyradiomics gives:
/// Correlation and MCC 1, Imc1 and Imc2 0, Coarseness 1 000 000, Busyness, Contrast, Complexity and
/// Strength 0, Skewness and Kurtosis 0. A mask of one voxel has no co-occurrence (its GLCM features
/// are not defined), one run, one zone.
///
/// # Shapes
/// Volume and mask share a grid.
///
/// # Units
/// UCUM, in each [`Feature`]; intensities have the volume's unit, or none once normalized.
///
/// # Errors
/// [`FilterError::Voxels`] if the grids differ, [`FilterError::TooFew`] for an empty mask,
/// [`FilterError::NotFinite`] for NaN or infinity in the mask (in the whole volume where it is
/// normalized), [`FilterError::Constant`] for a volume that cannot be normalized,
/// [`FilterError::Parameter`] for settings out of range or more than 4096 gray levels,
/// [`FilterError::Cancelled`].
///
/// # Source
/// Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145; each formula in [`definitions`].
///
/// # Examples
/// ```
/// use wilhelm_filters::radiomics::{Family, RadiomicsSettings, radiomics};
/// use wilhelm_study::{Geometry, Hu, Mask, Mm, Silent, Spacing, Volume};
///
/// let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(2.0))?;
/// let geometry = Geometry::axis_aligned([4, 4, 3], spacing)?;
/// let volume = Volume::<Hu>::new(geometry, (0..48).map(|value| 10.0 * value as f32).collect())?;
/// let mask = Mask::none(geometry).complement();
/// let found = radiomics(&volume, &mask, &RadiomicsSettings::default(), &Silent)?;
/// assert_eq!(found.get(Family::FirstOrder, "Mean"), Some(235.0));
/// assert_eq!(found.get(Family::Shape, "VoxelVolume"), Some(96.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn radiomics<Q: VoxelQuantity>(
    volume: &Volume<Q>,
    mask: &Mask,
    settings: &RadiomicsSettings,
    progress: &dyn Progress,
) -> Result<Radiomics, FilterError> {
    if !volume.geometry().is_same_grid(mask.geometry()) {
        return Err(VoxelError::Grid.into());
    }
    let grid = Grid {
        size: volume.geometry().size(),
        spacing: Some(volume.geometry().spacing().millimeters()),
        is_volume: true,
        quantity: Q::KIND,
    };
    measure(volume.voxels(), mask.voxels(), &grid, settings, progress)
}

/// Radiomic features of a mask in a flat image.
///
/// As [`radiomics()`], in one slice. TotalEnergy, which needs a thickness, is not defined.
///
/// # Errors
/// As [`radiomics()`]; further [`FilterError::Spacing`] for an image that states no spacing where
/// [`Family::Shape2d`] or [`Aggregation::Weighted`] is asked for, and [`FilterError::Voxels`] if
/// the sizes differ.
pub fn flat_radiomics<Q: VoxelQuantity>(
    image: &Projection<Q>,
    mask: &FlatMask,
    settings: &RadiomicsSettings,
    progress: &dyn Progress,
) -> Result<Radiomics, FilterError> {
    if (image.columns(), image.rows()) != (mask.columns(), mask.rows()) {
        return Err(VoxelError::Grid.into());
    }
    let grid = Grid {
        size: [image.columns(), image.rows(), 1],
        spacing: image.spacing().map(|spacing| [spacing.between_columns.0, spacing.between_rows.0, 1.0]),
        is_volume: false,
        quantity: Q::KIND,
    };
    measure(image.pixels(), mask.pixels(), &grid, settings, progress)
}

/// What is known of the image's grid.
struct Grid {
    size: [usize; 3],
    spacing: Option<[f64; 3]>,
    is_volume: bool,
    quantity: QuantityKind,
}

fn measure(
    image: &[f32],
    mask: &[bool],
    grid: &Grid,
    settings: &RadiomicsSettings,
    progress: &dyn Progress,
) -> Result<Radiomics, FilterError> {
    let distances = settings.checked()?;
    let whole = Region::around(mask, grid.size)?;
    let families: Vec<Family> = settings
        .families
        .iter()
        .copied()
        .filter(|family| match family {
            Family::Shape => grid.is_volume,
            Family::Shape2d => whole.size[2] == 1,
            _ => true,
        })
        .collect();
    let needs_spacing = families.iter().any(|family| matches!(family, Family::Shape | Family::Shape2d))
        || matches!(settings.aggregation, Aggregation::Weighted(_));
    if needs_spacing && grid.spacing.is_none() {
        return Err(FilterError::Spacing);
    }
    let spacing = grid.spacing.unwrap_or([1.0; 3]);
    let voxel_volume = if grid.is_volume { spacing.iter().product() } else { f64::NAN };
    let frame = distances.last().copied().unwrap_or(1);
    let intensities =
        Intensities::read(image, grid.size, &whole, settings.normalization, settings.resegmentation)?;
    let levels = Levels::new(&intensities, settings.discretization, frame)?;
    let steps = directions::steps(&distances, settings.force_2d, levels.size);
    let neighbors = directions::both_ways(&steps);
    let first_order = families.contains(&Family::FirstOrder).then(|| {
        let shift = settings.voxel_array_shift;
        first_order::first_order(&mut intensities.values(), &levels, shift, voxel_volume)
    });

    let done = AtomicUsize::new(0);
    let values: Vec<Option<Vec<f64>>> = families
        .par_iter()
        .map(|family| {
            if progress.cancelled() {
                return None;
            }
            let values = match family {
                Family::FirstOrder => first_order?.to_vec(),
                Family::IntensityHistogram => first_order::histogram(&levels).to_vec(),
                Family::Shape => shape::shape(&whole, spacing).to_vec(),
                Family::Shape2d => shape::flat_shape(&whole, spacing).to_vec(),
                Family::Glcm => glcm::glcm(&levels, &steps, settings.aggregation, spacing).to_vec(),
                Family::Glrlm => {
                    let steps = directions::steps(&[1], settings.force_2d, levels.size);
                    glrlm::glrlm(&levels, &steps, settings.aggregation, spacing).to_vec()
                }
                Family::Glszm => glszm::glszm(&levels, settings.force_2d).to_vec(),
                Family::Gldm => gldm::gldm(&levels, &neighbors, settings.dependence_cutoff).to_vec(),
                Family::Ngtdm => ngtdm::ngtdm(&levels, &neighbors).to_vec(),
            };
            progress.step(done.fetch_add(1, Ordering::Relaxed) + 1, families.len());
            Some(values)
        })
        .collect();
    let quantity = settings.normalization.is_none().then_some(grid.quantity);
    let mut features = Vec::new();
    for (family, values) in families.iter().zip(values) {
        let values = values.ok_or(FilterError::Cancelled)?;
        features.extend(table(*family).iter().zip(values).map(|(entry, value)| Feature {
            family: *family,
            name: entry.name,
            ibsi: entry.ibsi,
            value: value.is_finite().then_some(value),
            unit: entry.dimension.unit(quantity),
        }));
    }
    Ok(Radiomics {
        voxels: levels.voxels,
        start: intensities.region.start,
        size: levels.size,
        gray_levels: levels.highest,
        features,
    })
}

fn table(family: Family) -> &'static [Entry] {
    match family {
        Family::FirstOrder => &first_order::FIRST_ORDER,
        Family::IntensityHistogram => &first_order::HISTOGRAM,
        Family::Shape => &shape::SHAPE,
        Family::Shape2d => &shape::SHAPE_2D,
        Family::Glcm => &glcm::GLCM,
        Family::Glrlm => &glrlm::GLRLM,
        Family::Glszm => &glszm::GLSZM,
        Family::Gldm => &gldm::GLDM,
        Family::Ngtdm => &ngtdm::NGTDM,
    }
}

/// Mean of each feature over directions, leaving out those for which it is not defined; NaN where
/// it is defined for none.
fn mean_of<const N: usize>(directions: &[[f64; N]]) -> [f64; N] {
    std::array::from_fn(|feature| {
        let defined = || directions.iter().map(|values| values[feature]).filter(|value| !value.is_nan());
        defined().sum::<f64>() / defined().count() as f64
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use wilhelm_study::{Arbitrary, Silent};

    #[test]
    fn every_feature_has_its_own_name_and_identifier() {
        let all = definitions();
        let names: BTreeSet<_> = all.iter().map(|one| (one.family, one.name)).collect();
        assert_eq!(names.len(), all.len());
        // Entropy and uniformity stand in two families, as they do in IBSI and pyradiomics.
        let codes: Vec<_> = all.iter().filter_map(|one| one.ibsi).collect();
        let distinct: BTreeSet<_> = codes.iter().collect();
        assert_eq!(distinct.len() + 2, codes.len());
        assert!(codes.iter().all(|code| code.len() == 4));
    }

    #[test]
    fn what_a_flat_image_cannot_give_is_refused_or_undefined() {
        let image = Projection::<Arbitrary>::new(2, 2, vec![1.0, 2.0, 3.0, 4.0], None).expect("an image");
        let mask = FlatMask::new(2, 2, vec![true; 4], None).expect("a mask");
        let all = RadiomicsSettings::default();
        assert_eq!(flat_radiomics(&image, &mask, &all, &Silent), Err(FilterError::Spacing));
        let some = RadiomicsSettings { families: [Family::FirstOrder].into(), ..all };
        let found = flat_radiomics(&image, &mask, &some, &Silent).expect("features");
        assert_eq!(found.get(Family::FirstOrder, "Mean"), Some(2.5));
        assert_eq!(found.get(Family::FirstOrder, "TotalEnergy"), None);
    }
}
