//! What a network's figures are compared with: the training masks' mean shape, and a threshold of brightness.

use wilhelm_filters::segment::threshold::otsu_of;
use wilhelm_nets::SegmentBaseline;

use super::figures::mean_of;
use super::masks::Outline;
use super::recipe::SegmenterRecipe;

/// Slices, rows and columns of the mean shape.
const SHAPE: [usize; 3] = [16, 32, 32];
/// Shares of the training masks above which a place belongs to the mean shape; the best of them is taken.
const SHARES: [f32; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// Every baseline of every segment, fitted on the training images and measured on the others.
pub(super) fn baselines(
    recipe: &SegmenterRecipe,
    training: &[&Outline],
    validation: &[&Outline],
    patients: Option<&[usize]>,
) -> Vec<SegmentBaseline> {
    let mut all = Vec::new();
    for (label, segment) in (1_u16..).zip(&recipe.segments) {
        let mut add = |name: &str, dice: Vec<Option<f64>>| {
            let dice = mean_of(&dice, patients, recipe.seed);
            all.push(SegmentBaseline { name: name.to_owned(), segment: segment.name.clone(), dice });
        };
        let shape = MeanShape::of(training, label);
        let share = best(&SHARES, |share| mean(&shape.dice(training, label, *share)));
        add("mean shape of the training masks", shape.dice(validation, label, share));
        if recipe.segments.len() == 1 {
            let above = best(&[true, false], |above| mean(&by_threshold(training, *above)));
            let side = if above { "brighter" } else { "darker" };
            add(&format!("{side} than Otsu's threshold"), by_threshold(validation, above));
        }
    }
    all
}

fn best<T: Copy>(choices: &[T], score: impl Fn(&T) -> f64) -> T {
    let mut best = (choices[0], f64::NEG_INFINITY);
    for choice in choices {
        let found = score(choice);
        if found > best.1 {
            best = (*choice, found);
        }
    }
    best.0
}

fn mean(values: &[Option<f64>]) -> f64 {
    let there: Vec<f64> = values.iter().copied().flatten().collect();
    there.iter().sum::<f64>() / there.len().max(1) as f64
}

/// How often each place belongs to a segment, on a grid that every image is stretched onto.
struct MeanShape {
    shares: Vec<f32>,
}

impl MeanShape {
    fn of(outlines: &[&Outline], label: u16) -> Self {
        let mut shares = vec![0.0_f32; SHAPE.iter().product()];
        for outline in outlines {
            for (at, share) in shares.iter_mut().enumerate() {
                let [_, rows, columns] = SHAPE;
                let place = [at / (rows * columns), at / columns % rows, at % columns];
                let from = nearest(place, SHAPE, outline.size);
                *share += f32::from(u8::from(outline.labels[from] == label));
            }
        }
        shares.iter_mut().for_each(|share| *share /= outlines.len().max(1) as f32);
        Self { shares }
    }

    fn dice(&self, outlines: &[&Outline], label: u16, share: f32) -> Vec<Option<f64>> {
        let one = |outline: &&Outline| {
            let [_, rows, columns] = outline.size;
            let seen = (0..outline.labels.len()).map(|at| {
                let place = [at / (rows * columns), at / columns % rows, at % columns];
                self.shares[nearest(place, outline.size, SHAPE)] > share
            });
            dice(seen, outline.labels.iter().map(|found| *found == label))
        };
        outlines.iter().map(one).collect()
    }
}

/// The place of another grid over the same image that lies nearest.
fn nearest(place: [usize; 3], from: [usize; 3], to: [usize; 3]) -> usize {
    let [slice, row, column] =
        std::array::from_fn(|axis| (2 * place[axis] + 1) * to[axis] / (2 * from[axis]));
    (slice * to[1] + row) * to[2] + column
}

/// What is brighter, or darker, than Otsu's threshold of each image, against its only segment.
fn by_threshold(outlines: &[&Outline], above: bool) -> Vec<Option<f64>> {
    let one = |outline: &&Outline| {
        let threshold = otsu_of(&outline.values, 256).ok()?;
        let seen = outline.values.iter().map(|value| (*value > threshold) == above);
        dice(seen, outline.labels.iter().map(|label| *label > 0))
    };
    outlines.iter().map(one).collect()
}

/// Of two sets; none where the truth is empty.
fn dice(seen: impl Iterator<Item = bool>, truth: impl Iterator<Item = bool>) -> Option<f64> {
    let (mut sizes, mut both) = ([0_u64; 2], 0_u64);
    for (seen, truth) in seen.zip(truth) {
        sizes[0] += u64::from(seen);
        sizes[1] += u64::from(truth);
        both += u64::from(seen && truth);
    }
    (sizes[1] > 0).then(|| 2.0 * both as f64 / (sizes[0] + sizes[1]) as f64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::outline;
    use super::*;

    #[test]
    fn the_mean_shape_and_a_threshold_worked_on_paper() {
        // A square of 4 x 4 in 8 x 8, twice in the middle and once in a corner.
        let square = |first: usize| {
            outline([1, 8, 8], move |[_, row, column]| {
                let inside = (first..first + 4).contains(&row) && (first..first + 4).contains(&column);
                (if inside { 0.9 } else { 0.2 }, u16::from(inside))
            })
        };
        let all = [square(2), square(2), square(0)];
        let outlines: Vec<&Outline> = all.iter().collect();
        let shape = MeanShape::of(&outlines, 1);
        // Above a half of the masks: the middle square. Above a quarter: both, 28 places, of which 16 overlap each.
        assert_eq!(shape.dice(&outlines, 1, 0.5), [Some(1.0), Some(1.0), Some(0.25)]);
        assert_eq!(shape.dice(&outlines, 1, 0.3), [Some(32.0 / 44.0); 3]);
        assert_eq!(by_threshold(&outlines, true), [Some(1.0); 3]);
        assert_eq!(by_threshold(&outlines, false), [Some(0.0); 3]);
        assert!(best(&[true, false], |above| mean(&by_threshold(&outlines, *above))));
        assert_eq!(dice([true, true].into_iter(), [false, false].into_iter()), None);
    }
}
