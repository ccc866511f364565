use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use wilhelm_filters::{Prepared, Region};

use super::network::{Attending, Mapped};
use super::of_volumes::OfVolumes;
use super::{
    Attribution, Completeness, ExplainError, Faithfulness, NoiseSettings, OrderSettings,
    ParameterRandomization, PathSettings, Placement, RandomOrders, WindowSettings, attention_rollout,
    deletion_insertion, grad_cam, grad_cam_plus_plus, integrated_gradients, occlusion,
    parameter_randomization, smooth_grad,
};
use crate::arch::Stage;
use crate::{Model, ModelError};

/// How a map is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// [`grad_cam`]
    GradCam,
    /// [`grad_cam_plus_plus`]
    GradCamPlusPlus,
    /// [`integrated_gradients`]
    IntegratedGradients,
    /// [`smooth_grad`]
    SmoothGrad,
    /// [`occlusion()`]
    Occlusion,
    /// [`attention_rollout`]
    Rollout,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::GradCam,
        Self::GradCamPlusPlus,
        Self::IntegratedGradients,
        Self::SmoothGrad,
        Self::Occlusion,
        Self::Rollout,
    ];

    /// As a command line writes it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::GradCam => "grad-cam",
            Self::GradCamPlusPlus => "grad-cam-plus-plus",
            Self::IntegratedGradients => "integrated-gradients",
            Self::SmoothGrad => "smooth-grad",
            Self::Occlusion => "occlusion",
            Self::Rollout => "rollout",
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GradCam => "Grad-CAM",
            Self::GradCamPlusPlus => "Grad-CAM++",
            Self::IntegratedGradients => "Integrated gradients",
            Self::SmoothGrad => "SmoothGrad",
            Self::Occlusion => "Occlusion",
            Self::Rollout => "Attention rollout",
        }
    }

    /// What a bright place of its map says.
    pub const fn says(self) -> &'static str {
        match self {
            Self::GradCam => "features of this layer raised the logit here",
            Self::GradCamPlusPlus => {
                "features of this layer raised the logit here, several places seen alike"
            }
            Self::IntegratedGradients => "these gray values raised the logit, against a picture of even gray",
            Self::SmoothGrad => "a small change here would change the logit most, up or down",
            Self::Occlusion => "the logit fell most when this was covered",
            Self::Rollout => "the network fetched most from here, whether it raised or lowered the logit",
        }
    }

    /// Whether it looks at one of the layers with maps.
    pub const fn has_layer(self) -> bool {
        matches!(self, Self::GradCam | Self::GradCamPlusPlus)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(slices: &usize) -> bool {
    *slices == 1
}

/// A layer whose maps can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct MapLayer {
    /// Its number from 1, the shallowest and finest.
    pub number: usize,
    /// Columns of its maps.
    pub columns: usize,
    /// Rows of its maps.
    pub rows: usize,
    /// Slices of its maps; 1 of flat images.
    #[serde(skip_serializing_if = "is_one")]
    pub slices: usize,
    /// Its maps.
    pub channels: usize,
}

/// How maps and their scores are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExplainSettings {
    /// The layer of Grad-CAM and Grad-CAM++.
    pub layer: usize,
    /// Integrated gradients.
    pub path: PathSettings,
    /// SmoothGrad.
    pub noise: NoiseSettings,
    /// Occlusion.
    pub window: WindowSettings,
    /// Deletion and insertion.
    pub orders: OrderSettings,
    /// How many times the network forgets more, for parameter randomization.
    pub checkpoints: usize,
    /// Start of all draws.
    pub seed: u64,
}

/// What a method made of one image and label.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The method.
    pub method: Method,
    /// The label's key.
    pub label: String,
    /// The layer it looked at, where it looks at one.
    pub layer: Option<MapLayer>,
    /// Columns, rows and slices on which it was computed, before it was brought to the grid of the network's input.
    pub own_size: [usize; 3],
    /// The map on the grid of the network's input.
    pub map: Attribution,
    /// The native pixels that the network's input shows.
    pub region: Region,
    /// For integrated gradients, whether the map adds up.
    pub completeness: Option<Completeness>,
    /// For attention rollout, the share of attention that went to the feature vector of the whole image.
    pub elsewhere: Option<f64>,
}

impl Explanation {
    /// Where the map lies on the native grid, which has so many slices: all of them, since a network of volumes sees all.
    pub const fn placement(&self, slices: usize) -> Placement {
        let Region { column, row, columns, rows } = self.region;
        Placement { start: [column, row, 0], size: [columns, rows, slices] }
    }
}

/// What a map is worth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SanityScores {
    /// How like the map stays when the network forgets.
    pub randomization: ParameterRandomization,
    /// How fast the probability falls and rises in the order of the map.
    pub faithfulness: Faithfulness,
}

impl SanityScores {
    /// What the scores warn of, as clauses: a map that stays alike (rank correlation above a half) when every layer is
    /// randomized, and one whose order is within what 95 % of random orders do, or worse.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let correlation = self.randomization.steps.last().and_then(|step| step.rank_correlation);
        if let Some(correlation) = correlation.filter(|correlation| correlation.abs() > 0.5) {
            warnings.push(format!(
                "stays alike (rank correlation {correlation:.2}) when all weights are shuffled, so that much of it shows \
                 the image and not what was learned"
            ));
        }
        if self.faithfulness.deletion.area >= self.faithfulness.deletion_random.low {
            warnings.push(
                "deleting in its order does not lower the probability faster than the middle 95 % of random orders"
                    .to_owned(),
            );
        }
        if self.faithfulness.insertion.area <= self.faithfulness.insertion_random.high {
            warnings.push(
                "inserting in its order does not raise the probability faster than the middle 95 % of random orders"
                    .to_owned(),
            );
        }
        warnings
    }
}

impl Model {
    /// The layers whose maps Grad-CAM can read, finest first.
    pub fn map_layers(&self) -> Vec<MapLayer> {
        if !self.network.reads_its_map() {
            return Vec::new();
        }
        let stages = self.card().architecture.stages();
        let first = if self.network.has_stages() { 0 } else { stages.len().saturating_sub(1) };
        let layer = |(place, stage): (usize, &Stage)| MapLayer {
            number: place + 1,
            columns: stage.side,
            rows: stage.side,
            slices: stage.slices,
            channels: stage.channels,
        };
        stages[first..].iter().enumerate().map(layer).collect()
    }

    /// Settings that fit the network: a layer of at least 7 places a side (the deepest such, since deeper features
    /// mean more), 32 steps, 24 samples, windows of an eighth of the side (of volumes a quarter), 20 random orders in 10
    /// shares.
    pub fn explain_settings(&self, seed: u64) -> ExplainSettings {
        const BATCH: usize = 16;
        let layers = self.map_layers();
        let fine = layers.iter().rev().find(|layer| layer.columns >= 7).or(layers.first());
        let side = self.card().architecture.side;
        let eighth = side.div_ceil(8);
        // A volume has as many windows as an image to the power of three halves.
        let window = if self.card().architecture.slices > 1 { side.div_ceil(4) } else { eighth };
        ExplainSettings {
            layer: fine.map_or(1, |layer| layer.number),
            path: PathSettings { baseline: 0.0, steps: 32, batch: BATCH },
            noise: NoiseSettings { samples: 24, noise: 0.1, seed, batch: BATCH },
            window: WindowSettings { window, stride: window.div_ceil(2), baseline: 0.0, batch: BATCH },
            orders: OrderSettings {
                steps: 10,
                repeats: 20,
                cell: eighth,
                baseline: 0.0,
                blur: (side as f64 / 12.0).max(1.0),
                seed,
                batch: BATCH,
            },
            checkpoints: 4,
            seed,
        }
    }

    /// The map of one label by one method, of the image as it stands (models that also read the mirror image are
    /// explained for the one side).
    ///
    /// # Errors
    /// [`ExplainError`] for a label that the card does not have, an image of another size, or a setting out of range.
    pub fn attribution(
        &self,
        image: &Prepared,
        label: &str,
        method: Method,
        settings: &ExplainSettings,
    ) -> Result<Explanation, ExplainError> {
        let index = self.label_index(label)?;
        self.check_method(method)?;
        let made = match self.seen(image)? {
            Seen::Flat(input) => made(&self.network, &input, index, method, settings)?,
            Seen::Deep(network, input) => made(&*network, &input, index, method, settings)?,
        };
        let layer = method.has_layer().then(|| self.map_layers()[settings.layer - 1]);
        Ok(Explanation {
            method,
            label: label.to_owned(),
            layer,
            own_size: made.map.size(),
            map: made.map.resampled(self.input_size())?,
            region: image.region,
            completeness: made.completeness,
            elsewhere: made.elsewhere,
        })
    }

    /// The areas of random orders for one image and label; they serve all maps of it.
    ///
    /// # Errors
    /// As [`attribution`](Self::attribution).
    pub fn random_orders(
        &self,
        image: &Prepared,
        label: &str,
        settings: &ExplainSettings,
    ) -> Result<RandomOrders, ExplainError> {
        let index = self.label_index(label)?;
        match self.seen(image)? {
            Seen::Flat(input) => RandomOrders::new(&self.network, &input, index, &settings.orders),
            Seen::Deep(network, input) => RandomOrders::new(&*network, &input, index, &settings.orders),
        }
    }

    /// What a map of this image is worth.
    ///
    /// # Errors
    /// As [`attribution`](Self::attribution).
    pub fn sanity(
        &self,
        image: &Prepared,
        explanation: &Explanation,
        random: &RandomOrders,
        settings: &ExplainSettings,
    ) -> Result<SanityScores, ExplainError> {
        let index = self.label_index(&explanation.label)?;
        match self.seen(image)? {
            Seen::Flat(input) => sane(&self.network, &input, index, explanation, random, settings),
            Seen::Deep(network, input) => sane(&*network, &input, index, explanation, random, settings),
        }
    }

    /// Only how faithful a map of this image is; see [`deletion_insertion`].
    ///
    /// # Errors
    /// As [`attribution`](Self::attribution).
    pub fn faithfulness(
        &self,
        image: &Prepared,
        explanation: &Explanation,
        random: &RandomOrders,
        settings: &ExplainSettings,
    ) -> Result<Faithfulness, ExplainError> {
        let index = self.label_index(&explanation.label)?;
        let (map, orders) = (&explanation.map, &settings.orders);
        match self.seen(image)? {
            Seen::Flat(input) => deletion_insertion(&self.network, &input, index, map, random, orders),
            Seen::Deep(network, input) => deletion_insertion(&*network, &input, index, map, random, orders),
        }
    }

    /// Whether a method has something to say of the network: attention rollout has not where slices are read one by one, and
    /// tokens are slices.
    ///
    /// # Errors
    /// [`ExplainError::Parameter`].
    pub fn check_method(&self, method: Method) -> Result<(), ExplainError> {
        self.require_method(method)?;
        let sizes = &self.card().architecture;
        if method == Method::Rollout && sizes.slices > 1 && !sizes.volumetric {
            let expected =
                "another: the network reads slices one by one, and attends to slices, not to places";
            return Err(ExplainError::parameter("method", method.key(), expected));
        }
        Ok(())
    }

    /// Columns, rows and slices of the network's input.
    pub fn input_size(&self) -> [usize; 3] {
        let sizes = &self.card().architecture;
        [sizes.side, sizes.side, sizes.slices]
    }

    /// The input as the network that reads it takes it.
    fn seen(&self, image: &Prepared) -> Result<Seen, ModelError> {
        let input = self.tensor(&[image], false)?;
        let [batch, slices, rows, columns] = input.dims();
        if slices == 1 {
            return Ok(Seen::Flat(input));
        }
        Ok(Seen::Deep(
            Box::new(OfVolumes::new(&self.network)),
            input.reshape([batch, 1, slices, rows, columns]),
        ))
    }

    /// The methods that fit the network: Grad-CAM where a feature map leads to the logits, rollout where there is attention.
    pub fn methods(&self) -> Vec<Method> {
        let attends = self.network.attends();
        let fits = |method: &Method| match method {
            Method::GradCam | Method::GradCamPlusPlus => self.network.reads_its_map(),
            Method::Rollout => attends,
            _ => true,
        };
        Method::ALL.into_iter().filter(fits).collect()
    }

    fn require_method(&self, method: Method) -> Result<(), ExplainError> {
        let fit = self.methods();
        if fit.contains(&method) {
            return Ok(());
        }
        let keys: Vec<&str> = fit.into_iter().map(Method::key).collect();
        let why = match method {
            Method::Rollout => "its network has no attention",
            _ => "its linear head reads a class token and no feature map",
        };
        Err(ExplainError::parameter("method", method.key(), format!("one of {}: {why}", keys.join(", "))))
    }

    /// Where a label stands on the card.
    pub(super) fn label_index(&self, label: &str) -> Result<usize, ModelError> {
        let labels = &self.card().labels;
        labels.iter().position(|known| known.key == label).ok_or_else(|| ModelError::Unknown {
            name: label.to_owned(),
            known: labels.iter().map(|known| known.key.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// One input of a network of images, or of one of volumes.
enum Seen {
    Flat(Tensor<4>),
    Deep(Box<OfVolumes>, Tensor<5>),
}

fn sane<const D: usize, N: Mapped<D> + Attending<D>>(
    network: &N,
    input: &Tensor<D>,
    index: usize,
    explanation: &Explanation,
    random: &RandomOrders,
    settings: &ExplainSettings,
) -> Result<SanityScores, ExplainError> {
    let again = |network: &N| {
        made(network, input, index, explanation.method, settings)?.map.resampled(explanation.map.size())
    };
    let map = &explanation.map;
    Ok(SanityScores {
        randomization: parameter_randomization(network, map, settings.checkpoints, settings.seed, again)?,
        faithfulness: deletion_insertion(network, input, index, map, random, &settings.orders)?,
    })
}

/// A map on its own grid, with what its method says beside it.
struct Made {
    map: Attribution,
    completeness: Option<Completeness>,
    elsewhere: Option<f64>,
}

fn made<const D: usize, N: Mapped<D> + Attending<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    method: Method,
    settings: &ExplainSettings,
) -> Result<Made, ExplainError> {
    let alone = |map| Made { map, completeness: None, elsewhere: None };
    Ok(match method {
        Method::GradCam => alone(grad_cam(network, input, label, settings.layer)?),
        Method::GradCamPlusPlus => alone(grad_cam_plus_plus(network, input, label, settings.layer)?),
        Method::IntegratedGradients => {
            let (map, completeness) = integrated_gradients(network, input, label, &settings.path)?;
            Made { map, completeness: Some(completeness), elsewhere: None }
        }
        Method::SmoothGrad => alone(smooth_grad(network, input, label, &settings.noise)?),
        Method::Occlusion => alone(occlusion(network, input, label, &settings.window)?),
        Method::Rollout => {
            let rollout = attention_rollout(network, input, label)?;
            Made { map: rollout.map, completeness: None, elsewhere: Some(rollout.elsewhere) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::faithfulness::{OrderCurve, RandomAreas};
    use super::super::randomize::RandomizationStep;
    use super::*;

    fn scores(correlation: f64, deletion: f64, insertion: f64) -> SanityScores {
        let step = RandomizationStep {
            randomized: 1,
            layer: "x".to_owned(),
            rank_correlation: Some(correlation),
            structural_similarity: 0.1,
        };
        let curve = |area| OrderCurve { probabilities: vec![], area };
        let random = RandomAreas { mean: 0.5, low: 0.4, high: 0.6, beaten: 0.5 };
        SanityScores {
            randomization: ParameterRandomization { steps: vec![step], layers: 1 },
            faithfulness: Faithfulness {
                deletion: curve(deletion),
                deletion_random: random.clone(),
                insertion: curve(insertion),
                insertion_random: random,
                repeats: 40,
                cell: 4,
            },
        }
    }

    #[test]
    fn each_score_that_is_no_better_than_chance_is_warned_of() {
        assert_eq!(scores(0.2, 0.3, 0.7).warnings(), Vec::<String>::new());
        assert_eq!(scores(0.9, 0.3, 0.7).warnings().len(), 1);
        assert_eq!(scores(-0.9, 0.4, 0.6).warnings().len(), 3);
    }

    #[test]
    fn every_method_has_a_key_of_its_own_that_json_has_too() {
        for method in Method::ALL {
            assert_eq!(serde_json::to_value(method).expect("a text"), method.key());
        }
    }
}
