//! Networks that outline something in a picture or volume, with their cards.

mod card;
mod cube;
pub(crate) mod outline;
mod sliding;
mod trained;

use burn::tensor::{Device, Tensor, TensorData};
use wilhelm_filters::segment::{Connectivity, components, holes};
use wilhelm_filters::{FilterError, reorient, reorient_onto};
use wilhelm_study::{Geometry, Mask, Mm, Modality, Progress, Spacing, Volume, VoxelQuantity};

use crate::ModelError;
use crate::accept::Refusal;
use crate::arch::{LinkNet, LinkNetPair, UNet, UNet3d, load_torch};
use crate::card::on_disk;

pub use card::{
    AcceptedVolume, Agreement, PairCard, PairPreparation, SegmentLabel, SegmenterArchitecture, SegmenterCard,
    Source,
};
pub use outline::{NetworkGrid, bounds_of, labels_at, on_network_grid};
pub use sliding::{OutputKind, Windows, slide};
pub use trained::{
    DistanceUnit, SegmentBaseline, SegmentClass, SegmentMetric, SegmenterValidation, TrainedSegmenter,
    WindowPreparation,
};

/// A segmentation network with checked weights and its card.
#[derive(Debug)]
pub struct Segmenter {
    card: SegmenterCard,
    pub(crate) networks: Networks,
    device: Device,
}

/// The networks of a card.
#[derive(Debug)]
pub(crate) enum Networks {
    Pair(Box<LinkNetPair>),
    Flat(UNet),
    Deep(UNet3d),
}

impl Segmenter {
    /// Puts a segmenter together; the hash on the card is checked before the bytes are parsed.
    ///
    /// # Errors
    /// [`ModelError`] for a wrong hash, or weights that do not fit.
    pub fn from_parts(card: SegmenterCard, weights: Vec<u8>) -> Result<Self, ModelError> {
        on_disk::check_weights(&card, &weights)?;
        let device = Device::flex();
        let networks = match &card.architecture {
            SegmenterArchitecture::LinkNetPair => {
                LinkNetPair::load(weights, &device).map(|pair| Networks::Pair(Box::new(pair)))
            }
            SegmenterArchitecture::UNet(config) => load_torch(UNet::new(config, &device), weights)
                .map(Networks::Flat)
                .map_err(|error| error.to_string()),
            SegmenterArchitecture::UNet3d(config) => load_torch(UNet3d::new(config, &device), weights)
                .map(Networks::Deep)
                .map_err(|error| error.to_string()),
        };
        let networks = networks.map_err(|what| ModelError::Weights { model: card.name.clone(), what })?;
        Ok(Self { card, networks, device })
    }

    /// The card.
    pub const fn card(&self) -> &SegmenterCard {
        &self.card
    }

    /// Whether the card accepts images of this modality; a file that states none is let through.
    ///
    /// # Errors
    /// [`Refusal`] with what was found and what is accepted.
    pub fn accepts(&self, modality: Option<&Modality>) -> Result<(), Refusal> {
        let accepted = &self.card.input.modalities;
        match modality {
            Some(found) if !accepted.contains(found) => Err(Refusal {
                what: "modality",
                found: found.to_string(),
                expected: accepted.iter().map(Modality::term).collect::<Vec<_>>().join(", "),
            }),
            _ => Ok(()),
        }
    }

    /// Outlines the segment of a pair's card in a volume: its largest piece, without holes, on the volume's own grid.
    ///
    /// The order in which the volume stores its axes does not matter: it is turned to its closest canonical
    /// orientation first, and the mask is turned back.
    ///
    /// # Errors
    /// [`FilterError::Constant`] for an image without a spread, [`FilterError::NotFound`] where the first network
    /// sees too little, [`FilterError::Parameter`] for a network that is no pair, [`FilterError::Cancelled`].
    ///
    /// # Source
    /// Fisch et al. 2024, doi:10.1016/j.compbiomed.2024.108845, step by step as deepbet 1.0.2 does it.
    pub fn segment<Q: VoxelQuantity>(
        &self,
        volume: &Volume<Q>,
        progress: &dyn Progress,
    ) -> Result<Mask, FilterError> {
        const STEPS: usize = 4;
        let step = |done: usize| {
            progress.step(done, STEPS);
            if progress.cancelled() { Err(FilterError::Cancelled) } else { Ok(()) }
        };
        let (Networks::Pair(networks), Some(card)) = (&self.networks, self.card.pair()) else {
            return Err(FilterError::Parameter {
                name: "model",
                found: self.card.name.clone(),
                expected: "a pair of networks that outlines one structure",
            });
        };
        let recipe = card.preparation;
        let missing = |reason: String| FilterError::NotFound { structure: "segment", reason };
        let name = &card.segment.name;
        // Slices run to the right, rows to the front, columns up: the axes of nibabel's canonical array, whose last
        // axis is its fastest.
        let canonical = reorient(volume, "SAR")?;
        let grid = *canonical.geometry();
        let [superior, anterior, right] = grid.size();
        let size = [right, anterior, superior];
        let values: Vec<f32> = canonical.into_voxels().into_iter().map(finite).collect();
        step(1)?;

        let whole = size.map(|count| 0..count);
        let side = recipe.coarse_side;
        let mut coarse = cube::resized(&values, size, &whole, [side; 3]);
        let bounds = cube::quantiles(&coarse, recipe.quantiles);
        if bounds[0] >= bounds[1] {
            return Err(FilterError::Constant { value: bounds[0] });
        }
        cube::normalize(&mut coarse, bounds, recipe.mean, recipe.deviation);
        let likely = self.foreground(&networks.coarse, coarse, side);
        let inside = likely.iter().map(|probability| *probability > 0.5).collect();
        let inside = largest_piece(inside, [side; 3])?;
        let found = cube::box_with_margin(inside.voxels(), side, size, recipe.least_share, recipe.margin);
        let Some(part) = found else {
            return Err(missing(format!("the first network sees too little {name} to put a box around")));
        };
        step(2)?;

        let side = recipe.fine_side;
        let mut fine = cube::resized(&values, size, &part, [side; 3]);
        drop(values);
        cube::normalize(&mut fine, bounds, recipe.mean, recipe.deviation);
        let likely = self.foreground(&networks.fine, fine, side);
        step(3)?;

        let extent = [part[0].len(), part[1].len(), part[2].len()];
        let inside = cube::resized(&likely, [side; 3], &[0..side, 0..side, 0..side], extent)
            .into_iter()
            .map(|probability| probability > recipe.threshold)
            .collect();
        let largest = largest_piece(inside, extent)?;
        if largest.is_empty() {
            return Err(missing(format!("the second network sees no {name} in the box of the first")));
        }
        let filled = holes::fill(&largest)?;
        let mut voxels = vec![false; grid.voxels()];
        for (line, inside) in filled.voxels().chunks_exact(extent[2]).enumerate() {
            let (x, y) = (part[0].start + line / extent[1], part[1].start + line % extent[1]);
            let start = (x * size[1] + y) * size[2] + part[2].start;
            voxels[start..start + extent[2]].copy_from_slice(inside);
        }
        let mask = Mask::new(grid, voxels)?;
        let mask = reorient_onto(&mask, volume.geometry())?;
        step(STEPS)?;
        Ok(mask)
    }

    /// Probability of the foreground for each voxel of a cube.
    fn foreground(&self, network: &LinkNet, cube: Vec<f32>, side: usize) -> Vec<f32> {
        let input = Tensor::<5>::from_data(TensorData::new(cube, [1, 1, side, side, side]), &self.device);
        let logits = network.forward(input).into_data();
        let logits = logits.try_into_vec::<f32>().expect("the CPU backend computes in f32");
        let (background, foreground) = logits.split_at(side * side * side);
        // A softmax over two classes.
        background.iter().zip(foreground).map(|(no, yes)| 1.0 / (1.0 + (no - yes).exp())).collect()
    }
}

/// deepbet's numbers for what is none: 0, or the greatest there are.
fn finite(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(f32::MIN, f32::MAX) }
}

/// The largest piece, neighbors by corners too, of an array whose last axis is its fastest.
fn largest_piece(inside: Vec<bool>, [x, y, z]: [usize; 3]) -> Result<Mask, FilterError> {
    let one = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0))?;
    let mask = Mask::new(Geometry::axis_aligned([z, y, x], one)?, inside)?;
    components::largest(&mask, Connectivity::Corners, 1)
}
