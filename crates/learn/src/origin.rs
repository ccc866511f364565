use wilhelm_nets::Training;

/// What decides weights, for their card: the data in a recipe's words, and how long and from which seed they were fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The data set, in words.
    pub data: &'a str,
    /// Its license.
    pub data_license: &'a str,
    /// How to cite it.
    pub citation: &'a str,
    /// Passes over it.
    pub epochs: usize,
    /// Seed of everything random.
    pub seed: u64,
}

impl Origin<'_> {
    /// What the card says of weights that this program fitted to `images` images by a recipe of this name.
    pub fn training(&self, images: usize, data_sha256: &str, recipe: &str) -> Training {
        Training {
            data: self.data.to_owned(),
            data_license: self.data_license.to_owned(),
            citation: self.citation.to_owned(),
            images,
            data_sha256: data_sha256.to_owned(),
            epochs: self.epochs,
            seed: self.seed,
            program: format!("wilhelm {}", env!("CARGO_PKG_VERSION")),
            recipe: recipe.to_owned(),
        }
    }
}

/// Mean and deviation of the values of several images; the deviation is never 0.
pub(crate) fn mean_and_deviation<'a>(images: impl Iterator<Item = &'a [f32]>) -> (f32, f32) {
    let (mut sum, mut squares, mut count) = (0.0_f64, 0.0_f64, 0.0_f64);
    for value in images.flatten() {
        sum += f64::from(*value);
        squares += f64::from(*value).powi(2);
        count += 1.0;
    }
    let mean = sum / count;
    let deviation = (squares / count - mean * mean).max(1e-6).sqrt();
    (mean as f32, deviation as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_worked_on_paper() {
        // 1, 2, 3 and 6: mean 3, squares 1 + 4 + 9 + 36 = 50, variance 12.5 - 9.
        let found = mean_and_deviation([&[1.0, 2.0][..], &[3.0, 6.0]].into_iter());
        assert!((found.0 - 3.0).abs() < 1e-6 && (found.1 - 3.5_f32.sqrt()).abs() < 1e-6, "{found:?}");
        assert_eq!(mean_and_deviation([&[2.0, 2.0][..]].into_iter()), (2.0, 1e-3));
    }
}
