use crate::StatsError;
use crate::error::{check_finite, check_length, check_range};
use crate::order::{quantile_of_sorted, sorted};

/// The distances from each element of one surface to the nearest point of another, all in one unit.
///
/// Elements are surface voxels that count alike, or patches that count by their area.
///
/// ```
/// use wilhelm_stats::{SurfaceDistances, hausdorff_95, surface_dice};
///
/// let there = SurfaceDistances::new(&[0.0, 0.0, 1.0, 3.0])?;
/// let back = SurfaceDistances::new(&[0.0, 0.0, 1.0, 1.0])?;
/// assert_eq!(surface_dice(there, back, 1.0)?, 7.0 / 8.0);
/// assert!((hausdorff_95(there, back) - 2.7).abs() < 1e-12);
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceDistances<'a> {
    distances: &'a [f64],
    areas: Option<&'a [f64]>,
}

impl<'a> SurfaceDistances<'a> {
    /// Elements that count alike.
    ///
    /// # Errors
    /// [`StatsError`] if there is no element, or a distance is below 0 or not finite.
    pub fn new(distances: &'a [f64]) -> Result<Self, StatsError> {
        check_finite("surface distances", distances)?;
        distances
            .iter()
            .try_for_each(|&distance| check_range("surface distance", distance, 0.0, f64::MAX))?;
        Ok(Self { distances, areas: None })
    }

    /// Elements that count by their area.
    ///
    /// # Errors
    /// As [`SurfaceDistances::new`]; also [`StatsError`] if the lists differ in length, an area is below 0 or
    /// not finite, or all are 0.
    pub fn weighted(distances: &'a [f64], areas: &'a [f64]) -> Result<Self, StatsError> {
        let plain = Self::new(distances)?;
        check_length("surface areas", areas.len(), distances.len())?;
        check_finite("surface areas", areas)?;
        areas.iter().try_for_each(|&area| check_range("surface area", area, 0.0, f64::MAX))?;
        check_range("surface", areas.iter().sum(), f64::MIN_POSITIVE, f64::MAX)?;
        Ok(Self { areas: Some(areas), ..plain })
    }

    /// Distance and area of each element.
    fn elements(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.distances.iter().enumerate().map(|(place, &d)| (d, self.areas.map_or(1.0, |areas| areas[place])))
    }

    fn area(&self) -> f64 {
        self.elements().map(|(_, area)| area).sum()
    }

    /// Integral of the distance over the surface.
    fn moment(&self) -> f64 {
        self.elements().map(|(distance, area)| distance * area).sum()
    }

    fn area_within(&self, tolerance: f64) -> f64 {
        self.elements().filter(|(distance, _)| *distance <= tolerance).map(|(_, area)| area).sum()
    }

    /// The distance within which a share of the surface lies.
    fn reach(&self, share: f64) -> f64 {
        if self.areas.is_none() {
            return quantile_of_sorted(&sorted(self.distances), share);
        }
        let mut elements: Vec<(f64, f64)> = self.elements().collect();
        elements.sort_by(|a, b| a.0.total_cmp(&b.0));
        let needed = share * self.area();
        let mut covered = 0.0;
        let enough = elements.iter().find(|(_, area)| {
            covered += area;
            covered >= needed
        });
        // By rounding the sum may end a trifle short.
        enough.or(elements.last()).expect("a surface has elements").0
    }
}

/// The larger of both distances within which a share of each surface lies; with share 1 the Hausdorff
/// distance.
///
/// Elements that count alike are read as by [`crate::quantile`] (as MONAI does); those with areas at the
/// first element that completes the share, without interpolation (as DeepMind's surface-distance does).
///
/// # Units
/// Those of the distances.
///
/// # Errors
/// [`StatsError::Range`] for a share outside 0 to 1.
///
/// # Source
/// Huttenlocher, Klanderman and Rucklidge 1993, doi:10.1109/34.232073
pub fn robust_hausdorff(
    there: SurfaceDistances<'_>,
    back: SurfaceDistances<'_>,
    share: f64,
) -> Result<f64, StatsError> {
    check_range("share", share, 0.0, 1.0)?;
    Ok(there.reach(share).max(back.reach(share)))
}

/// [`robust_hausdorff`] at 95 %.
///
/// # Units
/// Those of the distances.
///
/// # Source
/// As [`robust_hausdorff`].
pub fn hausdorff_95(there: SurfaceDistances<'_>, back: SurfaceDistances<'_>) -> f64 {
    there.reach(0.95).max(back.reach(0.95))
}

/// Average symmetric surface distance: the mean over both surfaces as one, so that the larger counts more.
///
/// # Units
/// Those of the distances.
///
/// # Source
/// Heimann et al. 2009, doi:10.1109/TMI.2009.2013851
pub fn average_surface_distance(there: SurfaceDistances<'_>, back: SurfaceDistances<'_>) -> f64 {
    (there.moment() + back.moment()) / (there.area() + back.area())
}

/// The mean of the two mean distances, so that both surfaces count alike (MASD; what medpy calls `assd`).
///
/// # Units
/// Those of the distances.
///
/// # Source
/// Maier-Hein et al. 2024, doi:10.1038/s41592-023-02151-z
pub fn mean_average_surface_distance(there: SurfaceDistances<'_>, back: SurfaceDistances<'_>) -> f64 {
    f64::midpoint(there.moment() / there.area(), back.moment() / back.area())
}

/// Normalized surface Dice: the share of both surfaces that lies within `tolerance` of the other.
///
/// # Units
/// The tolerance in the unit of the distances; the result is a share from 0 to 1.
///
/// # Errors
/// [`StatsError::Range`] for a tolerance below 0 or not finite.
///
/// # Source
/// Nikolov et al. 2021, doi:10.2196/26151
pub fn surface_dice(
    there: SurfaceDistances<'_>,
    back: SurfaceDistances<'_>,
    tolerance: f64,
) -> Result<f64, StatsError> {
    check_range("tolerance", tolerance, 0.0, f64::MAX)?;
    Ok((there.area_within(tolerance) + back.area_within(tolerance)) / (there.area() + back.area()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        let there = SurfaceDistances::new(&[0.0, 1.0, 2.0, 5.0]).expect("distances");
        let back = SurfaceDistances::new(&[0.0, 1.0]).expect("distances");
        assert_eq!(robust_hausdorff(there, back, 1.0), Ok(5.0));
        assert_eq!(robust_hausdorff(there, back, 0.5), Ok(1.5));
        assert!((hausdorff_95(there, back) - (2.0 + 0.85 * 3.0)).abs() < 1e-12);
        assert_eq!(average_surface_distance(there, back), 9.0 / 6.0);
        assert_eq!(mean_average_surface_distance(there, back), 1.25);
        assert_eq!(surface_dice(there, back, 1.0), Ok(4.0 / 6.0));
        assert_eq!(surface_dice(there, back, 0.0), Ok(2.0 / 6.0));
    }

    #[test]
    fn areas_weigh_by_hand() {
        // Half of the surface is at 0, a quarter at 1 and a quarter at 4.
        let there = SurfaceDistances::weighted(&[4.0, 0.0, 1.0], &[1.0, 2.0, 1.0]).expect("areas");
        let back = SurfaceDistances::weighted(&[0.5], &[4.0]).expect("areas");
        assert_eq!(robust_hausdorff(there, back, 0.75), Ok(1.0));
        assert_eq!(robust_hausdorff(there, back, 0.76), Ok(4.0));
        assert_eq!(robust_hausdorff(there, back, 0.5), Ok(0.5));
        assert_eq!(average_surface_distance(there, back), 7.0 / 8.0);
        assert_eq!(mean_average_surface_distance(there, back), f64::midpoint(1.25, 0.5));
        assert_eq!(surface_dice(there, back, 0.5), Ok(6.0 / 8.0));
    }

    #[test]
    fn surfaces_that_are_none_are_refused() {
        assert!(SurfaceDistances::new(&[]).is_err() && SurfaceDistances::new(&[-1.0]).is_err());
        assert!(SurfaceDistances::new(&[f64::INFINITY]).is_err());
        assert!(SurfaceDistances::weighted(&[1.0], &[0.0]).is_err());
        assert!(SurfaceDistances::weighted(&[1.0], &[1.0, 1.0]).is_err());
        let one = SurfaceDistances::new(&[1.0]).expect("a distance");
        assert!(surface_dice(one, one, -1.0).is_err() && robust_hausdorff(one, one, 1.5).is_err());
    }
}
