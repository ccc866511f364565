use burn::tensor::{Device, Tensor, TensorData};
use sha2::{Digest, Sha256};
use wilhelm_filters::Prepared;
use wilhelm_study::{ProbabilityInterval, UnitError};

use crate::arch::Classifier;
use crate::card::on_disk;
use crate::onnx::{self, OnnxError, Runtime};
use crate::{APPEARANCE, Card, CardError, OutlierDetector, OutlierError, Views, appearance};

/// What stops a model from loading or reading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The outlier detector.
    #[error("model {model}: {source}")]
    Outlier {
        /// The model's name.
        model: String,
        /// What is wrong.
        source: OutlierError,
    },
    /// A file whose content is not what the card vouches for.
    #[error("model {model}: SHA-256 of {file} is {found}, its card says {expected}")]
    Hash {
        /// The model's name.
        model: String,
        /// The file.
        file: String,
        /// What was computed.
        found: String,
        /// What the card says.
        expected: String,
    },
    /// Weights that do not fit the architecture.
    #[error("model {model}: weights do not fit the architecture: {what}")]
    Weights {
        /// The model's name.
        model: String,
        /// The first mismatch.
        what: String,
    },
    /// A file that could not be read.
    #[error("model {model}: {file} is not readable: {what}")]
    File {
        /// The model's name, or its folder's.
        model: String,
        /// The file.
        file: String,
        /// The system's words.
        what: String,
    },
    /// No model of that name.
    #[error("no model is called {name}; there are: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A classifier made by others where one of this program's own is asked for.
    #[error("model {model} was made by others: only predict reads with it")]
    Imported {
        /// The model's name.
        model: String,
    },
    /// A classifier of several inputs where one of one input is asked for.
    #[error("model {model} reads several inputs of a case ({inputs}): only predict reads with it")]
    Several {
        /// The model's name.
        model: String,
        /// Keys of its inputs.
        inputs: String,
    },
    /// A case without an input that is required, or without any.
    #[error("model {model}: input {input} is missing, and no case is read without it")]
    Missing {
        /// The model's name.
        model: String,
        /// Key of the input, or those of all.
        input: String,
    },
    /// A prepared image of another size than the network's.
    #[error("model {model}: image of {columns} x {rows}, expected {side} x {side} in {slices} slices")]
    Size {
        /// The model's name.
        model: String,
        /// Columns found.
        columns: usize,
        /// Rows found, of all slices together.
        rows: usize,
        /// The network's side.
        side: usize,
        /// The network's slices.
        slices: usize,
    },
    /// A model whose labels are not one of all, where only one of all is dealt with.
    #[error(
        "model {model} gives several labels at once, and {what} is for labels of which exactly one is right"
    )]
    SeveralTrue {
        /// The model's name.
        model: String,
        /// What was asked for.
        what: &'static str,
    },
    /// A model of volumes where only flat images can be explained.
    #[error("model {model} reads volumes; only models of flat images are explained")]
    Volumes {
        /// The model's name.
        model: String,
    },
    /// A network that cannot be written as ONNX, or read from it.
    #[error("model {model}: {source}")]
    Onnx {
        /// The model's name.
        model: String,
        /// What is wrong.
        source: OnnxError,
    },
    /// A network output that is no probability.
    #[error("model {model}: {source}")]
    Output {
        /// The model's name.
        model: String,
        /// What is wrong.
        source: UnitError,
    },
}

impl ModelError {
    /// Whether whoever asked can do something about it.
    pub const fn is_callers_fault(&self) -> bool {
        match self {
            Self::Unknown { .. }
            | Self::SeveralTrue { .. }
            | Self::Volumes { .. }
            | Self::Imported { .. }
            | Self::Several { .. }
            | Self::Missing { .. } => true,
            Self::Onnx { source, .. } => source.is_callers_fault(),
            _ => false,
        }
    }
}

/// One label's calibrated probability.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelProbability {
    /// The label's key.
    pub label: String,
    /// Probability and interval.
    pub probability: ProbabilityInterval,
}

/// What a model says of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Every label, in the card's order.
    pub labels: Vec<LabelProbability>,
    /// Raw logits, in the card's order.
    pub logits: Vec<f64>,
    /// Distance from the training data.
    pub outlier_score: f64,
    /// Whether that distance is above the card's threshold: the probabilities then mean nothing.
    pub abstains: bool,
    /// The CNN feature vector.
    pub features: Vec<f32>,
    /// What the outlier detector looked at: channel statistics at every depth, and the appearance.
    pub taps: Vec<Vec<f32>>,
}

/// A network with checked weights, its card and its outlier detector.
#[derive(Debug)]
pub struct Model {
    card: Card,
    pub(crate) network: Classifier,
    outliers: OutlierDetector,
    pub(crate) device: Device,
    /// The same network in ONNX Runtime, where it predicts.
    session: Option<onnx::Session>,
    /// Other ways in which it is shown an image.
    views: Views,
}

impl Model {
    /// Images in one pass: more keep both cores busy, fewer keep memory small.
    const BATCH: usize = 16;

    /// Puts a model together; the hashes on the card are checked before the bytes are parsed.
    ///
    /// # Errors
    /// [`ModelError`] for a wrong hash, or weights that do not fit.
    pub fn from_parts(card: Card, weights: Vec<u8>, detector: &[u8]) -> Result<Self, ModelError> {
        on_disk::check_weights(&card, &weights)?;
        check_hash(&card.name, &card.outlier.file, detector, &card.outlier.sha256)?;
        let widths: Vec<usize> =
            card.architecture.tap_widths().iter().map(|width| 2 * width).chain([APPEARANCE]).collect();
        let outliers = OutlierDetector::from_bytes(detector, &widths)
            .map_err(|source| ModelError::Outlier { model: card.name.clone(), source })?;
        let device = Device::flex();
        let network = Classifier::load(&card.architecture, weights, &device)
            .map_err(|what| ModelError::Weights { model: card.name.clone(), what })?;
        Ok(Self { card, network, outliers, device, session: None, views: Views::default() })
    }

    /// The same model, whose predictions ONNX Runtime computes; it is handed the network as this program exports it.
    ///
    /// # Errors
    /// [`ModelError::Onnx`] if ONNX Runtime refuses it.
    pub fn with_runtime(self, runtime: &Runtime) -> Result<Self, ModelError> {
        let session = onnx::engine_file(&self.network, &self.card)
            .and_then(|file| runtime.session(&file))
            .map_err(|source| ModelError::Onnx { model: self.card.name.clone(), source })?;
        Ok(Self { session: Some(session), ..self })
    }

    /// The same model, whose logits are means over several views of each image.
    #[must_use]
    pub fn with_views(self, views: Views) -> Self {
        Self { views, ..self }
    }

    /// The card.
    pub const fn card(&self) -> &Card {
        &self.card
    }

    /// Reads images that were prepared as the card says.
    ///
    /// # Errors
    /// [`ModelError::Size`] for images of another size.
    pub fn predict(&self, images: &[&Prepared]) -> Result<Vec<Prediction>, ModelError> {
        let mut predictions = Vec::with_capacity(images.len());
        let slices = self.card.architecture.slices;
        // A volume's slices go through the CNN at once.
        let most = if slices == 1 { Self::BATCH } else { (Self::BATCH * 32 / slices).clamp(1, Self::BATCH) };
        for batch in images.chunks(most) {
            let plain = self.forward(batch, false)?;
            let others = self.other_logits(batch)?;
            let looks = 1.0 + others.len() as f64;
            for (place, image) in batch.iter().enumerate() {
                let mut logits = plain.logits[place].clone();
                for other in &others {
                    logits.iter_mut().zip(&other[place]).for_each(|(logit, other)| *logit += other);
                }
                logits.iter_mut().for_each(|logit| *logit /= looks);
                predictions.push(self.prediction(logits, &plain, place, image)?);
            }
        }
        Ok(predictions)
    }

    /// The logits of the mirror images, where the card asks for them, and of each other view: a list a look.
    fn other_logits(&self, batch: &[&Prepared]) -> Result<Vec<Vec<Vec<f64>>>, ModelError> {
        let mut others = Vec::new();
        if self.card.mirror {
            others.push(self.forward(batch, true)?.logits);
        }
        for view in self.views.others() {
            let shown: Vec<Prepared> =
                batch.iter().map(|image| view.of(image, self.card.architecture.slices)).collect();
            let shown: Vec<&Prepared> = shown.iter().collect();
            others.push(self.forward(&shown, false)?.logits);
            if self.card.mirror {
                others.push(self.forward(&shown, true)?.logits);
            }
        }
        Ok(others)
    }

    fn prediction(
        &self,
        logits: Vec<f64>,
        rows: &Rows,
        place: usize,
        image: &Prepared,
    ) -> Result<Prediction, ModelError> {
        let mut taps: Vec<Vec<f32>> = rows.taps.iter().map(|tap| tap[place].clone()).collect();
        let recipe = &self.card.preparation;
        let gray: Vec<f32> =
            image.pixels.iter().map(|pixel| pixel * recipe.deviation + recipe.mean).collect();
        taps.push(appearance(&gray, self.card.architecture.side));
        let outlier_score = self.outliers.score(&taps);
        let labels = self
            .card
            .labels
            .iter()
            .enumerate()
            .map(|(index, label)| {
                let probability = self
                    .card
                    .calibration
                    .interval(index, &logits)
                    .map_err(|source| ModelError::Output { model: self.card.name.clone(), source })?;
                Ok(LabelProbability { label: label.key.clone(), probability })
            })
            .collect::<Result<Vec<_>, ModelError>>()?;
        let abstains = outlier_score > self.card.outlier.threshold;
        Ok(Prediction {
            labels,
            logits,
            outlier_score,
            abstains,
            features: rows.features[place].clone(),
            taps,
        })
    }

    /// Refuses a model of volumes, where only one of flat images can be explained.
    ///
    /// # Errors
    /// [`ModelError::Volumes`].
    pub fn require_flat(&self) -> Result<(), ModelError> {
        if self.card.architecture.slices > 1 {
            return Err(ModelError::Volumes { model: self.card.name.clone() });
        }
        Ok(())
    }

    /// Refuses a model whose labels are not one of all; `what` asks.
    ///
    /// # Errors
    /// [`ModelError::SeveralTrue`].
    pub fn require_one_of(&self, what: &'static str) -> Result<(), ModelError> {
        if self.card.targets.is_one_of() {
            return Ok(());
        }
        Err(ModelError::SeveralTrue { model: self.card.name.clone(), what })
    }

    /// Refuses an image of another size than the network's.
    ///
    /// # Errors
    /// [`ModelError::Size`].
    pub(crate) fn check_size(&self, image: &Prepared) -> Result<(), ModelError> {
        let (side, slices) = (self.card.architecture.side, self.card.architecture.slices);
        if image.columns == side && image.rows == slices * side && image.pixels.len() == slices * side * side
        {
            return Ok(());
        }
        let (columns, rows) = (image.columns, image.rows);
        Err(ModelError::Size { model: self.card.name.clone(), columns, rows, side, slices })
    }

    pub(crate) fn tensor(&self, images: &[&Prepared], mirror: bool) -> Result<Tensor<4>, ModelError> {
        let (shape, values) = self.input(images, mirror)?;
        Ok(Tensor::from_data(TensorData::new(values, shape), &self.device))
    }

    /// The network's input: its shape and its numbers.
    fn input(&self, images: &[&Prepared], mirror: bool) -> Result<([usize; 4], Vec<f32>), ModelError> {
        let (side, slices) = (self.card.architecture.side, self.card.architecture.slices);
        let mut values: Vec<f32> = Vec::with_capacity(images.len() * slices * side * side);
        for image in images {
            self.check_size(image)?;
            for row in image.pixels.chunks_exact(side) {
                if mirror {
                    values.extend(row.iter().rev());
                } else {
                    values.extend(row);
                }
            }
        }
        Ok(([images.len(), slices, side, side], values))
    }

    fn forward(&self, images: &[&Prepared], mirror: bool) -> Result<Rows, ModelError> {
        if let Some(session) = &self.session {
            let (shape, values) = self.input(images, mirror)?;
            return onnx::engine_rows(session, shape, values, &self.card)
                .map(|(logits, features, taps)| Rows { logits: widened(logits), features, taps })
                .map_err(|source| ModelError::Onnx { model: self.card.name.clone(), source });
        }
        let out = self.network.forward(self.tensor(images, mirror)?);
        let logits = widened(rows(out.logits));
        Ok(Rows { logits, features: rows(out.features), taps: out.taps.into_iter().map(rows).collect() })
    }
}

struct Rows {
    logits: Vec<Vec<f64>>,
    features: Vec<Vec<f32>>,
    taps: Vec<Vec<Vec<f32>>>,
}

fn widened(rows: Vec<Vec<f32>>) -> Vec<Vec<f64>> {
    rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
}

pub(crate) fn rows(tensor: Tensor<2>) -> Vec<Vec<f32>> {
    let [_, columns] = tensor.dims();
    let values = tensor.into_data().try_to_vec::<f32>().expect("the CPU backend computes in f32");
    values.chunks_exact(columns).map(<[f32]>::to_vec).collect()
}

/// Compares the SHA-256 of a file with what its card says.
pub(crate) fn check_hash(model: &str, file: &str, bytes: &[u8], expected: &str) -> Result<(), ModelError> {
    let found: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(ModelError::Hash {
        model: model.to_owned(),
        file: file.to_owned(),
        found,
        expected: expected.to_owned(),
    })
}
