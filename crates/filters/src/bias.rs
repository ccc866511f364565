//! Slow brightness changes of MR (bias field), found and divided out: N4.

mod histogram;
mod lattice;

use rayon::prelude::*;
use wilhelm_study::{Arbitrary, Geometry, Mask, Progress, Volume, VoxelError};

use crate::FilterError;
pub(crate) use histogram::otsu;
use lattice::{Basis, Lattice};

/// How [`correct_bias`] works. [`Default`] has the values of the paper and of ITK.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasSettings {
    /// The field is fitted on every n-th voxel of each axis; 4 is usual, 1 takes all. A short axis is taken
    /// more finely, so that it has as many voxels as the finest lattice has control points (if it has).
    pub shrink: usize,
    /// Control points of the coarsest lattice along columns, rows and slices, each 4 to 64; 4 is one span
    /// over the whole image.
    pub control_points: [usize; 3],
    /// Most iterations a level; each further level halves the spans. At most 8 levels.
    pub iterations: Vec<usize>,
    /// A level ends when the field's change (coefficient of variation of its quotient) falls to this.
    pub convergence: f64,
    /// Bins of the histogram of log intensities, 16 to 4096.
    pub bins: usize,
    /// Full width at half maximum of the field's distribution, in log intensity.
    pub width_at_half_maximum: f64,
    /// Noise term of the Wiener filter.
    pub wiener_noise: f64,
}

impl Default for BiasSettings {
    fn default() -> Self {
        Self {
            shrink: 4,
            control_points: [4; 3],
            iterations: vec![50; 4],
            convergence: 0.001,
            bins: 200,
            width_at_half_maximum: 0.15,
            wiener_noise: 0.01,
        }
    }
}

/// How one level of the fit went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BiasLevel {
    /// Iterations made.
    pub iterations: usize,
    /// The field's last change: coefficient of variation of its quotient.
    pub change: f64,
}

/// A smooth factor over a grid, as a cubic B-spline of its logarithm.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasField {
    geometry: Geometry,
    lattice: Lattice,
}

impl BiasField {
    /// The field's natural logarithm at every voxel.
    pub fn log(&self) -> Volume<Arbitrary> {
        let size = self.geometry.size();
        let bases = std::array::from_fn(|axis| Basis::every(size[axis], self.lattice.size()[axis]));
        let values = self.lattice.on(&bases);
        Volume::new(self.geometry, values).expect("a value a voxel")
    }
}

/// What [`correct_bias`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct BiasCorrection {
    /// The image divided by the field.
    pub corrected: Volume<Arbitrary>,
    /// The field.
    pub field: BiasField,
    /// Each level of the fit, coarsest first.
    pub levels: Vec<BiasLevel>,
}

/// N4 bias field correction of an MR volume.
///
/// The image is taken as the product of what is there and of a smooth field. In turns, the histogram of log
/// intensities is sharpened (Wiener deconvolution with a Gaussian), and a cubic B-spline lattice is fitted to
/// what the sharpening took away; each level halves the lattice's spans.
///
/// Without a mask all voxels above Otsu's threshold take part. Voxels that are not above 0, or not finite,
/// never do: they have no logarithm. Every voxel is divided by the field, in the mask or not.
///
/// The lattice spans the full grid, from the first center to the last. (ITK's spans the shrunken grid and is
/// stretched over the full one afterward: half a shrunken voxel's difference; none at `shrink` 1.)
///
/// # Errors
/// [`FilterError::Voxels`] for a mask on another grid, [`FilterError::TooFew`] where fewer than 64 voxels take
/// part, [`FilterError::Constant`] where they are all equal, [`FilterError::Parameter`] for settings out of
/// range, [`FilterError::Cancelled`].
///
/// # Source
/// Tustison et al. 2010, doi:10.1109/TMI.2010.2046908; sharpening: Sled, Zijdenbos, Evans 1998,
/// doi:10.1109/42.668698; lattice: Lee, Wolberg, Shin 1997, doi:10.1109/2945.620490
pub fn correct_bias(
    volume: &Volume<Arbitrary>,
    mask: Option<&Mask>,
    settings: &BiasSettings,
    progress: &dyn Progress,
) -> Result<BiasCorrection, FilterError> {
    check(settings)?;
    if mask.is_some_and(|mask| !mask.geometry().is_same_grid(volume.geometry())) {
        return Err(VoxelError::Grid.into());
    }
    let size = volume.geometry().size();
    let samples = Samples::new(volume, mask, settings)?;
    let (lattice, levels) = fit(&samples, size, settings, progress)?;
    let field = BiasField { geometry: *volume.geometry(), lattice };
    let mut values = field.log().into_voxels();
    let plane = size[0] * size[1];
    values.par_chunks_mut(plane).zip(volume.voxels().par_chunks(plane)).for_each(|(out, source)| {
        out.iter_mut().zip(source).for_each(|(out, value)| *out = value / out.exp());
    });
    let corrected = Volume::new(*volume.geometry(), values)?;
    Ok(BiasCorrection { corrected, field, levels })
}

fn check(settings: &BiasSettings) -> Result<(), FilterError> {
    let refused = |name, found: String, expected| Err(FilterError::parameter(name, found, expected));
    if settings.shrink == 0 {
        return refused("shrink", "0".to_owned(), "1 or more");
    }
    if settings.control_points.iter().any(|count| !(4..=64).contains(count)) {
        return refused("control points", format!("{:?}", settings.control_points), "4 to 64 an axis");
    }
    if settings.iterations.is_empty() || settings.iterations.len() > 8 {
        return refused("levels", settings.iterations.len().to_string(), "1 to 8");
    }
    if settings.iterations.iter().any(|count| *count > 10_000) {
        return refused("iterations", format!("{:?}", settings.iterations), "at most 10000 a level");
    }
    if !(16..=4096).contains(&settings.bins) {
        return refused("bins", settings.bins.to_string(), "16 to 4096");
    }
    for (name, found) in [
        ("convergence", settings.convergence),
        ("width at half maximum", settings.width_at_half_maximum),
        ("wiener noise", settings.wiener_noise),
    ] {
        if !(found > 0.0 && found.is_finite()) {
            return refused(name, found.to_string(), "more than 0");
        }
    }
    Ok(())
}

/// The voxels that the field is fitted on: logarithms on every n-th column, row and slice.
struct Samples {
    /// Which columns, rows and slices.
    places: [Vec<usize>; 3],
    log: Vec<f32>,
    /// Which of them take part: within the mask and above 0.
    taken: Vec<bool>,
    count: usize,
}

/// Fewest voxels that bear a histogram.
const FEWEST: usize = 64;

impl Samples {
    fn new(
        volume: &Volume<Arbitrary>,
        mask: Option<&Mask>,
        settings: &BiasSettings,
    ) -> Result<Self, FilterError> {
        let size = volume.geometry().size();
        let places: [Vec<usize>; 3] = std::array::from_fn(|axis| {
            let count = size[axis];
            let spans = (settings.control_points[axis] - 3) << (settings.iterations.len() - 1);
            let step = settings.shrink.min((count / (spans + 3)).max(1));
            let kept = count / step;
            // The voxels in the middle of the axis, as ITK's `ShrinkImageFilter` takes them.
            let first = (count - ((kept - 1) * step + 1)).div_ceil(2);
            (0..kept).map(|index| first + index * step).collect()
        });
        let (width, plane) = (size[0], size[0] * size[1]);
        let [columns, rows, slices] = &places;
        let offsets = || {
            slices.iter().flat_map(move |slice| {
                rows.iter().flat_map(move |row| {
                    let start = slice * plane + row * width;
                    columns.iter().map(move |column| start + column)
                })
            })
        };
        let values: Vec<f32> = offsets().map(|at| volume.voxels()[at]).collect();
        let usable = |value: f32| value > 0.0 && value.is_finite();
        let taken: Vec<bool> = match mask {
            Some(mask) => {
                values.iter().zip(offsets()).map(|(value, at)| usable(*value) && mask.voxels()[at]).collect()
            }
            None => {
                let threshold = histogram::otsu(&values);
                values.iter().map(|value| usable(*value) && *value > threshold).collect()
            }
        };
        let count = taken.iter().filter(|taken| **taken).count();
        if count < FEWEST {
            return Err(FilterError::TooFew {
                what: "part of the mask above 0",
                found: count,
                expected: FEWEST,
            });
        }
        let log: Vec<f32> =
            values.iter().zip(&taken).map(|(value, taken)| if *taken { value.ln() } else { 0.0 }).collect();
        let first = log.iter().zip(&taken).find(|(_, taken)| **taken).map_or(0.0, |(value, _)| *value);
        if log.iter().zip(&taken).all(|(value, taken)| !taken || *value == first) {
            return Err(FilterError::Constant { value: first.exp() });
        }
        Ok(Self { places, log, taken, count })
    }
}

fn fit(
    samples: &Samples,
    size: [usize; 3],
    settings: &BiasSettings,
    progress: &dyn Progress,
) -> Result<(Lattice, Vec<BiasLevel>), FilterError> {
    let total: usize = settings.iterations.iter().sum();
    let mut lattice = Lattice::zero(settings.control_points);
    let mut field = vec![0.0_f32; samples.log.len()];
    let mut uncorrected = samples.log.clone();
    let mut residual = vec![0.0_f32; samples.log.len()];
    let mut levels = Vec::new();
    let mut before = 0;
    for (level, most) in settings.iterations.iter().enumerate() {
        if level > 0 {
            lattice = lattice.refined();
        }
        let bases: [Basis; 3] =
            std::array::from_fn(|axis| Basis::at(&samples.places[axis], size[axis], lattice.size()[axis]));
        let weight = lattice::weight(&samples.taken, &bases, lattice.size());
        let mut result = BiasLevel { iterations: 0, change: f64::INFINITY };
        while result.iterations < *most && result.change > settings.convergence {
            if progress.cancelled() {
                return Err(FilterError::Cancelled);
            }
            let Some(sharpening) = histogram::Sharpening::new(&uncorrected, samples, settings) else {
                // The corrected image has one value: nothing is left to sharpen.
                result.change = 0.0;
                break;
            };
            sharpening.removed(&uncorrected, &samples.taken, &mut residual);
            lattice.add(&lattice::fitted(&residual, &bases, lattice.size(), &weight));
            let new = lattice.on(&bases);
            result.change = change(&field, &new, &samples.taken);
            field = new;
            uncorrected
                .par_iter_mut()
                .zip(&samples.log)
                .zip(&field)
                .for_each(|((out, log), field)| *out = log - field);
            result.iterations += 1;
            progress.step(before + result.iterations, total);
        }
        before += most;
        levels.push(result);
    }
    progress.step(total, total);
    Ok((lattice, levels))
}

/// Coefficient of variation of the quotient of two fields, over the voxels that take part.
fn change(old: &[f32], new: &[f32], taken: &[bool]) -> f64 {
    // Parts of one length whatever the threads, added in order: the same bytes every time.
    const PART: usize = 1 << 14;
    let parts: Vec<[f64; 3]> = old
        .par_chunks(PART)
        .zip(new.par_chunks(PART))
        .zip(taken.par_chunks(PART))
        .map(|((old, new), taken)| {
            let mut sums = [0.0; 3];
            for ((old, new), _) in old.iter().zip(new).zip(taken).filter(|(_, taken)| **taken) {
                // Around 1, so that the squares keep their digits.
                let off = f64::from((old - new).exp_m1());
                sums[0] += 1.0;
                sums[1] += off;
                sums[2] += off * off;
            }
            sums
        })
        .collect();
    let [count, sum, squares] =
        parts.iter().fold([0.0; 3], |total, part| std::array::from_fn(|at| total[at] + part[at]));
    let mean = sum / count;
    let variance = ((squares - sum * mean) / (count - 1.0)).max(0.0);
    variance.sqrt() / (1.0 + mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Mm, Silent, Spacing};

    fn volume(size: [usize; 3], rule: impl Fn(usize) -> f32) -> Volume<Arbitrary> {
        let spacing = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("positive");
        let grid = Geometry::axis_aligned(size, spacing).expect("a grid");
        Volume::new(grid, (0..grid.voxels()).map(rule).collect()).expect("fits")
    }

    struct Stop;
    impl Progress for Stop {
        fn step(&self, _: usize, _: usize) {}
        fn cancelled(&self) -> bool {
            true
        }
    }

    #[test]
    fn hostile_input_is_refused_or_comes_back_finite() {
        let settings = BiasSettings::default();
        let run =
            |volume: &Volume<Arbitrary>, mask: Option<&Mask>| correct_bias(volume, mask, &settings, &Silent);
        let equal = volume([16, 16, 16], |_| 5.0);
        let all = Mask::none(*equal.geometry()).complement();
        assert_eq!(
            run(&equal, Some(&all)).map(|_| ()),
            Err(FilterError::Constant { value: 5.0_f32.ln().exp() })
        );
        assert!(matches!(run(&equal, None), Err(FilterError::TooFew { .. })));
        assert!(matches!(run(&equal, Some(&all.complement())), Err(FilterError::TooFew { found: 0, .. })));
        assert!(matches!(run(&volume([16, 16, 16], |_| f32::NAN), None), Err(FilterError::TooFew { .. })));
        assert!(matches!(run(&volume([16, 16, 16], |_| -1.0), Some(&all)), Err(FilterError::TooFew { .. })));
        let other = volume([8, 8, 8], |_| 1.0);
        assert_eq!(run(&other, Some(&all)).map(|_| ()), Err(FilterError::Voxels(VoxelError::Grid)));
        let flat =
            volume([40, 40, 1], |at| 100.0 + (at % 7) as f32 + if at == 3 { f32::INFINITY } else { 0.0 });
        let mask = Mask::none(*flat.geometry()).complement();
        let found = run(&flat, Some(&mask)).expect("one slice is enough");
        assert!(found.corrected.voxels()[4..].iter().all(|value| value.is_finite()));
        assert_eq!(
            correct_bias(&flat, Some(&mask), &settings, &Stop).map(|_| ()),
            Err(FilterError::Cancelled)
        );
        let wrong = BiasSettings { shrink: 0, ..BiasSettings::default() };
        assert!(correct_bias(&flat, Some(&mask), &wrong, &Silent).is_err());
        let wrong = BiasSettings { iterations: vec![], ..BiasSettings::default() };
        assert!(correct_bias(&flat, Some(&mask), &wrong, &Silent).is_err());
    }

    #[test]
    fn the_change_is_the_coefficient_of_variation_of_the_quotient() {
        // Quotients 1, 2, 3: mean 2, standard deviation (of a sample) 1.
        let old = [0.0, 2.0_f32.ln(), 3.0_f32.ln(), 9.0];
        let found = change(&old, &[0.0; 4], &[true, true, true, false]);
        assert!((found - 0.5).abs() < 1e-6, "{found}");
    }
}
