use wilhelm_filters::{Prepared, Region};
use wilhelm_nets::Model;
use wilhelm_nets::explain::{CertificateSettings, ReadsImage};

use crate::{Division, LearnError, Trained};

/// Resamples of each interval.
const REPLICATES: usize = 500;

/// What a network that was just trained makes of the images held out, and of them shuffled, blank, noisy and flipped:
/// whether it reads the image. It belongs on the card.
///
/// # Errors
/// [`LearnError::Model`] and [`LearnError::Explain`].
pub fn certify(
    trained: &Trained,
    division: &Division<'_>,
    command: &str,
    step: &mut dyn FnMut(usize, usize),
) -> Result<ReadsImage, LearnError> {
    let card = &trained.card;
    let model = Model::from_parts(card.clone(), trained.weights.clone(), &trained.detector)?;
    let (side, slices) = (card.architecture.side, card.architecture.slices);
    let region = Region { column: 0, row: 0, columns: side, rows: side };
    let images: Vec<(Prepared, usize)> = division
        .split
        .validation
        .iter()
        .map(|place| {
            let example = &division.data.examples[*place];
            let normal = |pixel: &f32| (pixel - card.preparation.mean) / card.preparation.deviation;
            let pixels = example.pixels.iter().map(normal).collect();
            (Prepared { pixels, columns: side, rows: slices * side, region }, example.label)
        })
        .collect();
    let settings =
        CertificateSettings { patch: side.div_ceil(8), replicates: REPLICATES, seed: card.training.seed };
    let certificate = model.certificate(&images, &settings, step)?;
    let data = format!("the {} images that were held out", images.len());
    Ok(certificate.on_card(data, command.to_owned()))
}
