use std::path::Path;

use wilhelm_nets::FrozenEncoder;
use wilhelm_nets::explain::StoredCases;

use super::encoder_features;
use crate::hash::sha256;
use crate::{Dataset, LearnError, Recipe};

/// The feature vectors of a frozen network, read from `folder` where they were written before for the same weights, images
/// and program, else computed and written there as `name.safetensors`.
///
/// A file that is of other weights or images, or that cannot be read, is written anew.
///
/// # Errors
/// As [`encoder_features`]; [`LearnError::Format`] for a folder that cannot be written.
pub fn cached_features(
    folder: &Path,
    name: &str,
    encoder: &FrozenEncoder,
    recipe: &Recipe,
    data: &Dataset,
    progress: &dyn Fn(usize, usize),
) -> Result<Vec<Vec<f32>>, LearnError> {
    let preparation = encoder.preparation();
    let key = sha256(
        format!(
            "{} {} {} {} {}",
            encoder.weights_sha256(),
            data.sha256,
            preparation.mean,
            preparation.deviation,
            env!("CARGO_PKG_VERSION")
        )
        .as_bytes(),
    );
    cached(folder, name, &key, recipe, data, || encoder_features(encoder, recipe, data, progress))
}

/// Feature vectors of all images, read from `folder` where they were written before under the same key.
pub(crate) fn cached(
    folder: &Path,
    name: &str,
    key: &str,
    recipe: &Recipe,
    data: &Dataset,
    compute: impl FnOnce() -> Result<Vec<Vec<f32>>, LearnError>,
) -> Result<Vec<Vec<f32>>, LearnError> {
    let file = folder.join(format!("{name}.safetensors"));
    let stored = std::fs::read(&file).ok().and_then(|bytes| StoredCases::from_bytes(&bytes).ok());
    if let Some(stored) = stored
        && stored.check_model(name, key).is_ok()
        && stored.len() == data.examples.len()
    {
        return Ok(stored.iter().map(|(.., row)| row.to_vec()).collect());
    }
    let rows = compute()?;
    let mut table = StoredCases::new(name, key);
    for (example, row) in data.examples.iter().zip(&rows) {
        let label = &recipe.labels[example.label].key;
        table.add(&example.source, label, row).map_err(|error| LearnError::Data {
            place: example.place(),
            what: format!("its features by {name}: {error}"),
        })?;
    }
    let bytes = table.to_bytes().map_err(|error| LearnError::Few(format!("features of {name}: {error}")))?;
    std::fs::create_dir_all(folder).map_err(|error| LearnError::run(folder, &error))?;
    wilhelm_formats::write_atomically(&file, true, &bytes)?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::{example, recipe};
    use wilhelm_filters::Preparation;

    #[test]
    fn features_are_read_again_only_for_the_same_weights_and_images() {
        let recipe = recipe(&[("\nside = 28", "\nside = 4")]);
        let preparation = Preparation { columns: 4, rows: 4, fit: recipe.fit, mean: 0.5, deviation: 0.2 };
        let data = |sha256: &str| Dataset {
            examples: (0..5).map(|place| example(place, place % 2)).collect(),
            sha256: sha256.to_owned(),
        };
        let place = tempfile::tempdir().expect("a folder");
        let steps = std::cell::Cell::new(0);
        let asked = |seed: u64, data: &Dataset| {
            steps.set(0);
            let encoder = FrozenEncoder::random(&recipe.architecture, preparation, seed);
            let count = |_: usize, _: usize| steps.set(steps.get() + 1);
            cached_features(place.path(), "random", &encoder, &recipe, data, &count).expect("features")
        };
        let first = asked(1, &data("a"));
        assert_eq!((first.len(), steps.get()), (5, 1));
        assert_eq!((asked(1, &data("a")), steps.get()), (first.clone(), 0));
        assert_eq!((asked(1, &data("b")), steps.get()), (first.clone(), 1), "other images");
        assert_ne!(asked(2, &data("b")), first);
        assert_eq!(steps.get(), 1, "other weights");
        std::fs::write(place.path().join("random.safetensors"), b"spoiled").expect("written");
        assert_eq!((asked(1, &data("a")), steps.get()), (first, 1));
    }
}
