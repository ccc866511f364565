use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Mask, Suv, Volume, VoxelError, VoxelQuantity};

use super::Measured;
use crate::FilterError;

/// Statistics of the values inside a mask, in the volume's own unit.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct IntensityStatistics {
    /// Number of voxels.
    pub voxels: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation (population).
    pub standard_deviation: f64,
    /// Least value.
    pub minimum: f64,
    /// Greatest value.
    pub maximum: f64,
    /// 5th percentile (linear between order statistics, as NumPy's default).
    pub percentile_5: f64,
    /// Median.
    pub median: f64,
    /// 95th percentile.
    pub percentile_95: f64,
    /// Mean without the border voxels, which partial volume mixes with the surroundings; `None` where
    /// nothing is left.
    pub core_mean: Option<f64>,
}

/// Statistics of the values inside a mask.
///
/// # Errors
/// [`FilterError::Voxels`] if the grids differ, [`FilterError::TooFew`] for an empty mask,
/// [`FilterError::NotFinite`] for values inside that are no numbers.
pub fn intensity_statistics<Q: VoxelQuantity>(
    volume: &Volume<Q>,
    mask: &Mask,
) -> Result<IntensityStatistics, FilterError> {
    let mut values = inside(volume, mask)?;
    values.sort_unstable_by(f32::total_cmp);
    let count = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let square = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
    let core = core(mask);
    let in_core: Vec<f64> = volume
        .voxels()
        .iter()
        .zip(&core)
        .filter(|(_, inside)| **inside)
        .map(|(value, _)| f64::from(*value))
        .collect();
    Ok(IntensityStatistics {
        voxels: values.len(),
        mean,
        standard_deviation: square.sqrt(),
        minimum: f64::from(values[0]),
        maximum: f64::from(values[values.len() - 1]),
        percentile_5: percentile(&values, 5.0),
        median: percentile(&values, 50.0),
        percentile_95: percentile(&values, 95.0),
        core_mean: (!in_core.is_empty()).then(|| in_core.iter().sum::<f64>() / in_core.len() as f64),
    })
}

/// Values of the voxels inside a mask.
pub(super) fn inside<Q: VoxelQuantity>(volume: &Volume<Q>, mask: &Mask) -> Result<Vec<f32>, FilterError> {
    if !volume.geometry().is_same_grid(mask.geometry()) {
        return Err(VoxelError::Grid.into());
    }
    let pairs = volume.voxels().iter().zip(mask.voxels());
    let values: Vec<f32> = pairs.filter(|(_, inside)| **inside).map(|(value, _)| *value).collect();
    if values.is_empty() {
        return Err(FilterError::TooFew { what: "mask", found: 0, expected: 1 });
    }
    match values.iter().filter(|value| !value.is_finite()).count() {
        0 => Ok(values),
        count => Err(FilterError::NotFinite { count }),
    }
}

/// A percentile of sorted values, linear between order statistics.
pub(super) fn percentile(sorted: &[f32], percent: f64) -> f64 {
    let place = percent / 100.0 * (sorted.len() - 1) as f64;
    let (below, share) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    f64::from(sorted[below]) * (1.0 - share) + f64::from(sorted[above]) * share
}

/// A mask without its border voxels (those with a neighbor outside that shares a face).
fn core(mask: &Mask) -> Vec<bool> {
    let [columns, rows, slices] = mask.geometry().size();
    let voxels = mask.voxels();
    let plane = columns * rows;
    let mut core = vec![false; voxels.len()];
    for (at, kept) in core.iter_mut().enumerate() {
        let (column, row, slice) = (at % columns, at / columns % rows, at / plane);
        *kept = voxels[at]
            && column > 0
            && column + 1 < columns
            && row > 0
            && row + 1 < rows
            && voxels[at - 1]
            && voxels[at + 1]
            && voxels[at - columns]
            && voxels[at + columns]
            && (slices == 1 || (slice > 0 && slice + 1 < slices && voxels[at - plane] && voxels[at + plane]));
    }
    core
}

/// Uptake of a lesion in PET.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Uptake {
    /// Greatest standardized uptake value, g/mL.
    pub suv_max: f64,
    /// Highest mean over a sphere of 1 mL whose center lies in the mask, g/mL.
    pub suv_peak: f64,
    /// Mean inside the mask, g/mL.
    pub suv_mean: f64,
    /// Mean times volume, g: total lesion glycolysis for FDG.
    pub total_lesion_glycolysis: Measured,
}

/// Standardized uptake values of a mask.
///
/// # Errors
/// As [`intensity_statistics`].
///
/// # Source
/// Wahl et al. 2009 (PERCIST, SUVpeak over 1 cm3), doi:10.2967/jnumed.108.057307
pub fn uptake(volume: &Volume<Suv>, mask: &Mask) -> Result<Uptake, FilterError> {
    let values = inside(volume, mask)?;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let milliliters = super::volume(mask)?;
    Ok(Uptake {
        suv_max: values.iter().fold(f64::NEG_INFINITY, |most, value| most.max(f64::from(*value))),
        suv_peak: peak(volume, mask),
        suv_mean: mean,
        total_lesion_glycolysis: Measured::new(
            mean * milliliters.value,
            mean * milliliters.low,
            mean * milliliters.high,
            "g",
        ),
    })
}

/// The highest mean over a sphere of 1 mL, weighted by how much of each voxel lies within.
fn peak(volume: &Volume<Suv>, mask: &Mask) -> f64 {
    let radius = (3.0 * 1000.0 / (4.0 * std::f64::consts::PI)).cbrt();
    let size = volume.geometry().size();
    let spacing = volume.geometry().spacing().millimeters();
    let kernel = sphere(radius, spacing);
    let (columns, plane) = (size[0] as isize, (size[0] * size[1]) as isize);
    let mut best = f64::NEG_INFINITY;
    for (at, _) in mask.voxels().iter().enumerate().filter(|(_, inside)| **inside) {
        let center = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        let (mut sum, mut weights) = (0.0, 0.0);
        for (step, weight) in &kernel {
            let inside = (0..3).all(|axis| {
                let index = center[axis] as isize + step[axis];
                index >= 0 && index < size[axis] as isize
            });
            if inside {
                let offset = step[0] + step[1] * columns + step[2] * plane;
                let value = volume.voxels()[(at as isize + offset) as usize];
                if value.is_finite() {
                    sum += weight * f64::from(value);
                    weights += weight;
                }
            }
        }
        if weights > 0.0 {
            best = best.max(sum / weights);
        }
    }
    best
}

/// Steps from a voxel to those a sphere reaches, with the share of each that lies within it.
fn sphere(radius: f64, spacing: [f64; 3]) -> Vec<([isize; 3], f64)> {
    const PARTS: usize = 5;
    let reach = spacing.map(|step| (radius / step + 0.5).floor() as isize);
    let mut steps = Vec::new();
    for slice in -reach[2]..=reach[2] {
        for row in -reach[1]..=reach[1] {
            for column in -reach[0]..=reach[0] {
                let step = [column, row, slice];
                let mut within = 0;
                for part in 0..PARTS * PARTS * PARTS {
                    let parts = [part % PARTS, part / PARTS % PARTS, part / (PARTS * PARTS)];
                    let square: f64 = (0..3)
                        .map(|axis| {
                            let shift = (parts[axis] as f64 + 0.5) / PARTS as f64 - 0.5;
                            ((step[axis] as f64 + shift) * spacing[axis]).powi(2)
                        })
                        .sum();
                    within += usize::from(square <= radius * radius);
                }
                if within > 0 {
                    steps.push((step, within as f64 / (PARTS * PARTS * PARTS) as f64));
                }
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Geometry, Hu, Mm, Spacing};

    fn grid(size: [usize; 3], step: f64) -> Geometry {
        let spacing = Spacing::new(Mm(step), Mm(step), Mm(step)).expect("positive");
        Geometry::axis_aligned(size, spacing).expect("a grid")
    }

    #[test]
    fn five_values_worked_on_paper() {
        let grid = grid([5, 1, 1], 1.0);
        let volume = Volume::<Hu>::new(grid, vec![10.0, 20.0, 30.0, 40.0, 1000.0]).expect("fits");
        let mask = Mask::new(grid, vec![true, true, true, true, false]).expect("fits");
        let found = intensity_statistics(&volume, &mask).expect("statistics");
        assert_eq!((found.voxels, found.mean, found.median), (4, 25.0, 25.0));
        assert!((found.standard_deviation - 125.0_f64.sqrt()).abs() < 1e-12);
        assert!((found.percentile_5 - 11.5).abs() < 1e-12 && (found.percentile_95 - 38.5).abs() < 1e-12);
        assert_eq!(found.core_mean, None);
    }

    #[test]
    fn an_empty_mask_and_values_that_are_no_numbers_are_refused() {
        let grid = grid([2, 1, 1], 1.0);
        let volume = Volume::<Hu>::new(grid, vec![f32::NAN, 1.0]).expect("fits");
        assert!(matches!(
            intensity_statistics(&volume, &Mask::none(grid)),
            Err(FilterError::TooFew { found: 0, .. })
        ));
        assert!(matches!(
            intensity_statistics(&volume, &Mask::none(grid).complement()),
            Err(FilterError::NotFinite { count: 1 })
        ));
    }

    #[test]
    fn the_peak_of_a_hot_ball_is_its_value_where_it_holds_a_milliliter() {
        let grid = grid([24, 24, 24], 2.0);
        let ball = |radius: f64| {
            move |at: usize| {
                let square = |i: usize| (2.0 * (i as f64 - 12.0)).powi(2);
                square(at % 24) + square(at / 24 % 24) + square(at / 576) <= radius * radius
            }
        };
        let hot = |radius: f64| {
            let inside = ball(radius);
            let values = (0..24 * 24 * 24).map(|at| if inside(at) { 8.0 } else { 1.0 }).collect();
            Volume::<Suv>::new(grid, values).expect("fits")
        };
        let mask = |radius| Mask::new(grid, (0..24 * 24 * 24).map(ball(radius)).collect()).expect("fits");
        // The sphere of 1 mL has a radius of 6.2 mm.
        let large = uptake(&hot(10.0), &mask(10.0)).expect("uptake");
        assert!((large.suv_peak - 8.0).abs() < 1e-9 && large.suv_max == 8.0 && large.suv_mean == 8.0);
        let small = uptake(&hot(3.0), &mask(3.0)).expect("uptake");
        assert!(small.suv_max == 8.0 && small.suv_peak > 1.3 && small.suv_peak < 2.5, "{small:?}");
    }

    #[test]
    fn the_kernel_of_the_peak_holds_a_milliliter() {
        let radius = (3.0 * 1000.0 / (4.0 * std::f64::consts::PI)).cbrt();
        for spacing in [[1.0, 1.0, 1.0], [2.0, 2.0, 3.0], [4.1, 4.1, 5.0]] {
            let held: f64 = sphere(radius, spacing).iter().map(|(_, weight)| weight).sum();
            let milliliters = held * spacing.iter().product::<f64>() / 1000.0;
            assert!((milliliters - 1.0).abs() < 0.03, "{spacing:?}: {milliliters}");
        }
    }
}
