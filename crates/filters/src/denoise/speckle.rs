use rayon::prelude::*;
use wilhelm_study::{Progress, Raster};

use super::{Edge, Steps};
use crate::FilterError;
use crate::lanes::wide;

/// How long speckle is smoothed, and how much of it there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Despeckle {
    /// Number of steps; 50 to 300 is usual.
    pub iterations: usize,
    /// Length of a step, at most 1; 0.05 to 0.5 is usual.
    pub time_step: f32,
    /// Standard deviation over mean in a region of even tissue, before the first step; 1 for fully developed
    /// speckle that was not averaged.
    pub speckle: f32,
    /// How fast speckle fades: it is `speckle * exp(-decay * time)`; 1/6 in the paper.
    pub decay: f32,
}

/// Smooths multiplicative speckle of ultrasound and keeps borders of tissue (speckle reducing anisotropic
/// diffusion).
///
/// Where the local coefficient of variation is that of speckle, values flow; where it is greater, there is a
/// border, and they do not. The method is made for the envelope before logarithmic compression: a compressed
/// image should be expanded first, or `speckle` set lower. The coefficient of diffusion is kept within 0 to 1,
/// and values within a millionth of the greatest are raised to that, since the method divides by them.
///
/// Every slice (or frame) is filtered for itself. Edge: the outermost pixel is repeated. Not a number: refused.
///
/// # Errors
/// [`FilterError::Parameter`] for a time step outside 0 to 1, a speckle that is not above 0, a decay below 0,
/// more than 100000 iterations, or a value below 0; [`FilterError::NotFinite`]; [`FilterError::Cancelled`].
///
/// # Source
/// Yu and Acton 2002, doi:10.1109/TIP.2002.804276, equations 33 and 55 to 62
pub fn despeckle<R: Raster>(
    image: &R,
    options: &Despeckle,
    progress: &dyn Progress,
) -> Result<R, FilterError> {
    Ok(image.with_values(despeckled(image.values(), image.size(), options, progress)?)?)
}

fn despeckled(
    values: &[f32],
    size: [usize; 3],
    options: &Despeckle,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FilterError> {
    let &Despeckle { iterations, time_step, speckle, decay } = options;
    if !(time_step > 0.0 && time_step <= 1.0) {
        return Err(FilterError::parameter("time step", time_step, "more than 0 and at most 1"));
    }
    if !(speckle > 0.0 && speckle.is_finite()) {
        return Err(FilterError::parameter("speckle", speckle, "more than 0"));
    }
    if !(decay >= 0.0 && decay.is_finite()) {
        return Err(FilterError::parameter("decay", decay, "at least 0"));
    }
    if iterations > 100_000 {
        return Err(FilterError::parameter("iterations", iterations, "at most 100000"));
    }
    let count = values.par_iter().filter(|value| !value.is_finite()).count();
    if count > 0 {
        return Err(FilterError::NotFinite { count });
    }
    let (least, most) = values
        .iter()
        .fold((f32::INFINITY, 0.0_f32), |(least, most), value| (least.min(*value), most.max(*value)));
    if least < 0.0 {
        return Err(FilterError::parameter("least value", least, "at least 0: an envelope has no sign"));
    }
    if most == 0.0 {
        return Ok(values.to_vec());
    }
    let floor = most * 1e-6;
    let mut field: Vec<f32> = values.iter().map(|value| value.max(floor)).collect();
    let mut next = vec![0.0; field.len()];
    let mut coefficients = vec![0.0; field.len()];
    let steps = Steps::new(progress, iterations);
    for iteration in 0..iterations {
        steps.check()?;
        let time = iteration as f64 * f64::from(time_step);
        let scale = f64::from(speckle) * (-f64::from(decay) * time).exp();
        diffuse(&field, &mut coefficients, &mut next, size, (scale * scale) as f32, time_step);
        std::mem::swap(&mut field, &mut next);
        steps.made();
    }
    Ok(field)
}

/// Rows that one task works on.
const LINES: usize = 16;

fn diffuse(
    field: &[f32],
    coefficients: &mut [f32],
    next: &mut [f32],
    [columns, rows, _]: [usize; 3],
    scale: f32,
    time_step: f32,
) {
    let neighbor = |line: usize, away: isize| {
        let row = Edge::Nearest.place((line % rows) as isize + away, rows);
        let start = (line / rows * rows + row) * columns;
        start..start + columns
    };
    let over = |out: &mut [f32], work: &(dyn Fn(usize, &mut [f32]) + Sync)| {
        out.par_chunks_mut(columns * LINES).enumerate().for_each(|(first, chunk)| {
            for (nth, out) in chunk.chunks_exact_mut(columns).enumerate() {
                work(first * LINES + nth, out);
            }
        });
    };
    over(coefficients, &|line, out| {
        let (here, above, below) =
            (&field[neighbor(line, 0)], &field[neighbor(line, -1)], &field[neighbor(line, 1)]);
        wide!({
            let inner = |at: usize, before: usize, after: usize| {
                let around = [above[at], below[at], here[before], here[after]];
                coefficient(here[at], around, scale)
            };
            out[0] = inner(0, 0, 1.min(columns - 1));
            out[columns - 1] = inner(columns - 1, columns.saturating_sub(2), columns - 1);
            if columns > 2 {
                let rows = above[1..].iter().zip(&below[1..]);
                for ((out, three), (above, below)) in
                    out[1..columns - 1].iter_mut().zip(here.windows(3)).zip(rows)
                {
                    *out = coefficient(three[1], [*above, *below, three[0], three[2]], scale);
                }
            }
        });
    });
    let coefficients = &*coefficients;
    over(next, &|line, out| {
        let (here, above, below) =
            (&field[neighbor(line, 0)], &field[neighbor(line, -1)], &field[neighbor(line, 1)]);
        let (own, low) = (&coefficients[neighbor(line, 0)], &coefficients[neighbor(line, 1)]);
        let quarter = 0.25 * time_step;
        wide!({
            let rows = above.iter().zip(below).zip(own).zip(low);
            for ((out, here), (((above, below), own), low)) in out.iter_mut().zip(here).zip(rows) {
                *out = here + quarter * (low * (below - here) + own * (above - here));
            }
            for ((out, pair), own) in out.iter_mut().zip(here.windows(2)).zip(&own[1..]) {
                *out += quarter * own * (pair[1] - pair[0]);
            }
            for ((out, pair), own) in out[1..].iter_mut().zip(here.windows(2)).zip(&own[1..]) {
                *out += quarter * own * (pair[0] - pair[1]);
            }
        });
    });
}

/// How freely values flow at a pixel with its four neighbors; `scale` is the square of speckle's variation.
#[inline(always)]
fn coefficient(here: f32, around: [f32; 4], scale: f32) -> f32 {
    let per = 1.0 / here;
    let differences = around.map(|value| (value - here) * per);
    let squares = differences.iter().map(|difference| difference * difference).sum::<f32>();
    let laplacian = differences.iter().sum::<f32>();
    let mean = 1.0 + 0.25 * laplacian;
    let variation = (0.5 * squares - laplacian * laplacian / 16.0) / (mean * mean);
    let flows = 1.0 / (1.0 + (variation - scale) / (scale * (1.0 + scale)));
    // A negative denominator means less variation than speckle has: free flow.
    if variation <= scale { 1.0 } else { flows.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    #[test]
    fn the_coefficient_of_a_pixel_worked_on_paper() {
        // Around 1: 2, 1, 1, 1. Squares 1, Laplacian 1: (0.5 - 1/16) / (1.25^2) = 0.28; scale 0.07:
        // 1 / (1 + 0.21 / (0.07 * 1.07)) = 0.262898...
        let found = coefficient(1.0, [2.0, 1.0, 1.0, 1.0], 0.07);
        assert!((found - 1.0 / (1.0 + 0.21 / (0.07 * 1.07))).abs() < 1e-6, "{found}");
        assert_eq!(coefficient(1.0, [1.0; 4], 0.5), 1.0);
    }

    #[test]
    fn even_images_stay_and_negative_ones_are_refused() {
        let options = Despeckle { iterations: 5, time_step: 0.5, speckle: 1.0, decay: 0.2 };
        for (columns, rows) in [(1, 1), (1, 5), (5, 1), (2, 2)] {
            let image = Projection::<Arbitrary>::new(columns, rows, vec![3.0; columns * rows], None);
            let image = image.expect("an image");
            assert_eq!(despeckle(&image, &options, &Silent).expect("filtered"), image);
        }
        let image = Projection::<Arbitrary>::new(2, 1, vec![-1.0, 2.0], None).expect("two pixels");
        assert!(despeckle(&image, &options, &Silent).is_err());
    }
}
