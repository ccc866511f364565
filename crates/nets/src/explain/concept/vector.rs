use wilhelm_stats::{Rows, fit_softmax_regression};

use super::super::ExplainError;

/// Parts of which each is left out once.
const FOLDS: usize = 5;

/// The direction from random images to those of a concept, of length 1: the weights of a linear classifier (logistic
/// regression, L2) that parts them; all 0 where nothing does.
///
/// A layer's numbers are first brought to mean 0 and all together to deviation 1, so that the strength means the same
/// whatever their size; their ratios stay.
///
/// # Errors
/// [`ExplainError`] for no image on one side, or no end of the search.
///
/// # Source
/// Kim et al. 2018, arXiv:1711.11279, section 3.2
pub fn concept_vector<R: AsRef<[f32]>>(
    concept: &[R],
    random: &[R],
    strength: f64,
) -> Result<Vec<f64>, ExplainError> {
    Ok(Line::fit(concept, random, strength)?.direction)
}

/// Share of gradients with a positive part along a vector: of images whose logit rises where the layer moves that way.
pub fn concept_share(gradients: &[Vec<f32>], vector: &[f64]) -> f64 {
    let rises = |gradient: &&Vec<f32>| product(gradient, vector) > 0.0;
    gradients.iter().filter(rises).count() as f64 / gradients.len().max(1) as f64
}

/// How many images are called rightly by a vector that was made without them and others.
pub(super) fn right_when_left_out(
    concept: &[&[f32]],
    random: &[&[f32]],
    strength: f64,
) -> Result<usize, ExplainError> {
    let mut right = 0;
    for fold in 0..FOLDS {
        let line = Line::fit(&kept(concept, fold), &kept(random, fold), strength)?;
        let out = |of: &[&[f32]], is: bool| {
            let places = of.iter().enumerate().filter(|(place, _)| place % FOLDS == fold);
            places.filter(|(_, row)| (line.of(row) > 0.0) == is).count()
        };
        right += out(concept, true) + out(random, false);
    }
    Ok(right)
}

/// What is not left out.
fn kept<'a>(of: &[&'a [f32]], fold: usize) -> Vec<&'a [f32]> {
    of.iter().enumerate().filter(|(place, _)| place % FOLDS != fold).map(|(_, row)| *row).collect()
}

/// A direction, and where between two kinds of images it is 0.
struct Line {
    direction: Vec<f64>,
    middle: f64,
}

impl Line {
    fn fit<R: AsRef<[f32]>>(concept: &[R], random: &[R], strength: f64) -> Result<Self, ExplainError> {
        let (Some(width), Some(_)) = (concept.first().map(|row| row.as_ref().len()), random.first()) else {
            return Err(ExplainError::Empty("a set of images of a concept"));
        };
        let all = || random.iter().chain(concept).map(AsRef::as_ref);
        let count = (random.len() + concept.len()) as f64;
        let mut means = vec![0.0; width];
        all().for_each(|row| {
            means.iter_mut().zip(row).for_each(|(mean, value)| *mean += f64::from(*value) / count)
        });
        let centered = |row: &[f32]| -> Vec<f64> {
            row.iter().zip(&means).map(|(value, mean)| f64::from(*value) - mean).collect()
        };
        let mut values: Vec<f64> = all().flat_map(centered).collect();
        let scale = (values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64).sqrt();
        if scale <= 0.0 {
            return Ok(Self { direction: vec![0.0; width], middle: 0.0 });
        }
        values.iter_mut().for_each(|value| *value /= scale);
        let labels: Vec<usize> =
            all().enumerate().map(|(place, _)| usize::from(place >= random.len())).collect();
        let fitted = fit_softmax_regression(Rows::new(&values, width)?, &labels, 2, strength)?;
        let weights = fitted.weights();
        let length = weights.iter().map(|weight| weight * weight).sum::<f64>().sqrt();
        if length <= 0.0 {
            return Ok(Self { direction: vec![0.0; width], middle: 0.0 });
        }
        let direction: Vec<f64> = weights.iter().map(|weight| weight / length).collect();
        // Where the log odds are 0: weights of (x - mean) / scale, and the intercept.
        let middle = means.iter().zip(&direction).map(|(mean, d)| mean * d).sum::<f64>()
            - fitted.intercepts()[0] * scale / length;
        Ok(Self { direction, middle })
    }

    /// How far an image lies on the concept's side.
    fn of(&self, row: &[f32]) -> f64 {
        product(row, &self.direction) - self.middle
    }
}

fn product(row: &[f32], direction: &[f64]) -> f64 {
    row.iter().zip(direction).map(|(value, d)| f64::from(*value) * d).sum()
}
