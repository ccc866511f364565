use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Hu, Mask, Volume};

use super::intensity::{inside, percentile};
use super::{Measured, volume};
use crate::FilterError;

/// Low-attenuation measures of the lungs in CT.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Emphysema {
    /// Volume of the lungs, mL.
    pub lung_volume: Measured,
    /// Share of lung voxels below -950 HU (LAA-950), in percent.
    ///
    /// The ends are the shares below -955 and -945 HU: a scanner's scale may be off by 5 HU.
    pub low_attenuation_950: Measured,
    /// 15th percentile of the lung's density, HU.
    pub percentile_15: Measured,
    /// Mean density of the lungs, HU.
    pub mean_density: Measured,
}

/// How far a scanner's scale may be off in water and air by the common tolerance, HU.
///
/// # Source
/// American College of Radiology, CT Quality Control Manual (2017): water 0 +/- 5 HU.
const SCALE_TOLERANCE: f64 = 5.0;

/// Emphysema index of the lungs at full inspiration; the mask holds both lungs without the trachea.
///
/// # Errors
/// As [`intensity_statistics`](super::intensity_statistics).
///
/// # Source
/// LAA-950: Gevenois et al. 1996, doi:10.1164/ajrccm.154.1.8680679;
/// 15th percentile: Parr et al. 2006, doi:10.1164/rccm.200602-177OC
pub fn emphysema(ct: &Volume<Hu>, lungs: &Mask) -> Result<Emphysema, FilterError> {
    let mut values = inside(ct, lungs)?;
    values.sort_unstable_by(f32::total_cmp);
    let share = |below: f64| {
        100.0 * values.partition_point(|value| f64::from(*value) < below) as f64 / values.len() as f64
    };
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let density =
        |value: f64| Measured::new(value, value - SCALE_TOLERANCE, value + SCALE_TOLERANCE, "[hnsf'U]");
    Ok(Emphysema {
        lung_volume: volume(lungs)?,
        low_attenuation_950: Measured::new(
            share(-950.0),
            share(-950.0 - SCALE_TOLERANCE),
            share(-950.0 + SCALE_TOLERANCE),
            "%",
        ),
        percentile_15: density(percentile(&values, 15.0)),
        mean_density: density(mean),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Geometry, Mm, Spacing};

    #[test]
    fn shares_worked_on_paper() {
        let spacing = Spacing::new(Mm(10.0), Mm(10.0), Mm(10.0)).expect("positive");
        let grid = Geometry::axis_aligned([10, 1, 1], spacing).expect("a grid");
        let values = vec![-990.0, -952.0, -950.0, -947.0, -900.0, -880.0, -860.0, -850.0, -800.0, 40.0];
        let ct = Volume::<Hu>::new(grid, values).expect("fits");
        let lungs = Mask::new(grid, (0..10).map(|at| at < 9).collect()).expect("fits");
        let found = emphysema(&ct, &lungs).expect("measured");
        let index = found.low_attenuation_950;
        assert!((index.value - 200.0 / 9.0).abs() < 1e-9, "{index:?}");
        assert!((index.low - 100.0 / 9.0).abs() < 1e-9 && (index.high - 400.0 / 9.0).abs() < 1e-9);
        assert!((found.lung_volume.value - 9.0).abs() < 1e-12);
        // NumPy: np.percentile(values[:9], 15) = -951.6
        assert!((found.percentile_15.value + 951.6).abs() < 1e-3, "{:?}", found.percentile_15);
    }
}
