use burn::tensor::{Device, Tensor, TensorData};
use wilhelm_filters::Prepared;

use super::FusionCard;
use crate::arch::{FusedClassifier, Fusion};
use crate::card::on_disk;
use crate::model::{check_hash, rows};
use crate::{APPEARANCE, LabelProbability, ModelError, OutlierDetector, appearance};

/// What a model of several inputs says of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct FusionPrediction {
    /// Every label, in the card's order; none where the model says nothing of cases with these inputs.
    pub labels: Option<Vec<LabelProbability>>,
    /// Distance of each input that is there from the training data.
    pub outlier_scores: Vec<Option<f64>>,
    /// Why the probabilities mean nothing, where they do not.
    pub abstention: Option<String>,
}

impl FusionPrediction {
    /// The greatest distance of any input.
    pub fn outlier_score(&self) -> Option<f64> {
        self.outlier_scores.iter().copied().flatten().reduce(f64::max)
    }
}

/// A network of several inputs with checked weights, its card and the outlier detector of each input.
#[derive(Debug)]
pub struct FusionModel {
    card: FusionCard,
    network: FusedClassifier,
    outliers: Vec<OutlierDetector>,
    device: Device,
}

impl FusionModel {
    /// Images in one pass.
    const BATCH: usize = 16;

    /// Puts a model together; the hashes on the card are checked before the bytes are parsed.
    ///
    /// # Errors
    /// [`ModelError`] for a wrong hash, or weights that do not fit.
    pub fn from_parts(card: FusionCard, weights: Vec<u8>, detectors: &[Vec<u8>]) -> Result<Self, ModelError> {
        on_disk::check_weights(&card, &weights)?;
        let network = &card.architecture.network;
        let widths: Vec<usize> = network.widths.iter().map(|width| 2 * width).chain([APPEARANCE]).collect();
        let detector = |(input, bytes): (&super::InputCard, &Vec<u8>)| {
            check_hash(&card.name, &input.outlier.file, bytes, &input.outlier.sha256)?;
            OutlierDetector::from_bytes(bytes, &widths)
                .map_err(|source| ModelError::Outlier { model: card.name.clone(), source })
        };
        let outliers = card.inputs.iter().zip(detectors).map(detector).collect::<Result<Vec<_>, _>>()?;
        let device = Device::flex();
        let network = FusedClassifier::load(&card.architecture, weights, &device)
            .map_err(|what| ModelError::Weights { model: card.name.clone(), what })?;
        Ok(Self { card, network, outliers, device })
    }

    /// The card.
    pub const fn card(&self) -> &FusionCard {
        &self.card
    }

    /// Reads cases whose inputs were prepared as the card says; one that is missing is none.
    ///
    /// # Errors
    /// [`ModelError::Size`] for images of another size, [`ModelError::Missing`] for a case without an input that is
    /// required, or without any.
    pub fn predict(&self, cases: &[Vec<Option<&Prepared>>]) -> Result<Vec<FusionPrediction>, ModelError> {
        let slices = self.card.architecture.network.slices;
        let most = (Self::BATCH * 32 / slices / self.card.inputs.len()).clamp(1, Self::BATCH);
        let mut predictions = Vec::with_capacity(cases.len());
        for batch in cases.chunks(most) {
            let present = self.present(batch)?;
            let mut outputs = self.outputs(batch, &present, false)?;
            if self.card.mirror {
                let mirrored = self.outputs(batch, &present, true)?;
                for (row, other) in outputs.iter_mut().zip(mirrored) {
                    row.iter_mut().zip(other).for_each(|(output, second)| *output = (*output + second) / 2.0);
                }
            }
            let scores = (0..self.card.inputs.len())
                .map(|input| self.outlier_scores(batch, input))
                .collect::<Result<Vec<_>, _>>()?;
            for (place, (outputs, present)) in outputs.iter().zip(&present).enumerate() {
                let scores = scores.iter().map(|scores| scores[place]).collect();
                predictions.push(self.prediction(outputs, present, scores)?);
            }
        }
        Ok(predictions)
    }

    /// Which inputs each case has.
    fn present(&self, cases: &[Vec<Option<&Prepared>>]) -> Result<Vec<Vec<bool>>, ModelError> {
        let one = |case: &Vec<Option<&Prepared>>| {
            let present: Vec<bool> = case.iter().map(Option::is_some).collect();
            let lacking =
                self.card.inputs.iter().zip(&present).find(|(input, there)| input.required && !**there);
            let input = match lacking {
                Some((input, _)) => input.key.clone(),
                None if present.contains(&true) => return Ok(present),
                None => self.card.keys().join(", "),
            };
            Err(ModelError::Missing { model: self.card.name.clone(), input })
        };
        cases.iter().map(one).collect()
    }

    fn outputs(
        &self,
        cases: &[Vec<Option<&Prepared>>],
        present: &[Vec<bool>],
        mirror: bool,
    ) -> Result<Vec<Vec<f64>>, ModelError> {
        let (side, slices) = (self.card.architecture.network.side, self.card.architecture.network.slices);
        let mut values = Vec::with_capacity(cases.len() * self.card.inputs.len() * slices * side * side);
        for image in cases.iter().flatten() {
            match image {
                Some(image) => self.put(image, mirror, &mut values)?,
                None => values.resize(values.len() + slices * side * side, 0.0),
            }
        }
        let shape = [cases.len(), self.card.inputs.len(), slices, side, side];
        let input = Tensor::<5>::from_data(TensorData::new(values, shape), &self.device);
        let outputs = rows(self.network.forward(input, present));
        Ok(outputs.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect())
    }

    fn put(&self, image: &Prepared, mirror: bool, values: &mut Vec<f32>) -> Result<(), ModelError> {
        let (side, slices) = (self.card.architecture.network.side, self.card.architecture.network.slices);
        if image.columns != side || image.rows != slices * side {
            let (columns, rows) = (image.columns, image.rows);
            return Err(ModelError::Size { model: self.card.name.clone(), columns, rows, side, slices });
        }
        for row in image.pixels.chunks_exact(side) {
            if mirror {
                values.extend(row.iter().rev());
            } else {
                values.extend(row);
            }
        }
        Ok(())
    }

    /// How far an input lies from the training data, of the cases that have it.
    fn outlier_scores(
        &self,
        cases: &[Vec<Option<&Prepared>>],
        input: usize,
    ) -> Result<Vec<Option<f64>>, ModelError> {
        let (side, slices) = (self.card.architecture.network.side, self.card.architecture.network.slices);
        let images: Vec<&Prepared> = cases.iter().filter_map(|case| case[input]).collect();
        if images.is_empty() {
            return Ok(vec![None; cases.len()]);
        }
        let mut values = Vec::with_capacity(images.len() * slices * side * side);
        images.iter().try_for_each(|image| self.put(image, false, &mut values))?;
        let shape = [images.len(), slices, side, side];
        let tensor = Tensor::<4>::from_data(TensorData::new(values, shape), &self.device);
        let taps: Vec<Vec<Vec<f32>>> =
            self.network.taps(input, self.card.inputs.len(), tensor).into_iter().map(rows).collect();
        let recipe = &self.card.inputs[input].preparation;
        let mut scores = images.iter().enumerate().map(|(place, image)| {
            let gray: Vec<f32> =
                image.pixels.iter().map(|pixel| pixel * recipe.deviation + recipe.mean).collect();
            let looks = taps.iter().map(|tap| tap[place].clone()).chain([appearance(&gray, side)]);
            self.outliers[input].score(&looks.collect::<Vec<_>>())
        });
        Ok(cases.iter().map(|case| case[input].and_then(|_| scores.next())).collect())
    }

    fn prediction(
        &self,
        outputs: &[f64],
        present: &[bool],
        outlier_scores: Vec<Option<f64>>,
    ) -> Result<FusionPrediction, ModelError> {
        let card = &self.card;
        let subset = card.subset(present).expect("checked with the card and the required inputs");
        let Some(calibration) = &subset.calibration else {
            let why = subset.nothing.as_deref().unwrap_or_default();
            let abstention =
                Some(format!("of cases with {} alone it says nothing: {why}", subset.inputs.join(", ")));
            return Ok(FusionPrediction { labels: None, outlier_scores, abstention });
        };
        let logits = match &subset.stack {
            Some(stack) if card.architecture.fusion == Fusion::Late => {
                let of_present = outputs.chunks_exact(card.labels.len()).zip(present);
                let of_present = of_present.filter(|(_, there)| **there).flat_map(|(logits, _)| logits);
                stack.logits(&of_present.copied().collect::<Vec<f64>>())
            }
            _ => outputs.to_vec(),
        };
        let label = |(index, label): (usize, &crate::Label)| {
            let probability = calibration
                .interval(index, &logits)
                .map_err(|source| ModelError::Output { model: card.name.clone(), source })?;
            Ok(LabelProbability { label: label.key.clone(), probability })
        };
        let labels = card.labels.iter().enumerate().map(label).collect::<Result<Vec<_>, ModelError>>()?;
        let far = card.inputs.iter().zip(&outlier_scores).find_map(|(input, score)| {
            let score = score.filter(|score| *score > input.outlier.threshold)?;
            Some(format!(
                "input {} lies too far from the images the model was trained on (outlier score {score:.2}, threshold \
                 {:.2})",
                input.key, input.outlier.threshold
            ))
        });
        Ok(FusionPrediction { labels: Some(labels), outlier_scores, abstention: far })
    }
}
