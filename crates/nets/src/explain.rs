//! What a network looked at, how far that can be believed, and whether it looks at all.
//!
//! A map is an [`Attribution`]: how much each place did for one logit, by [`grad_cam`], [`grad_cam_plus_plus`],
//! [`integrated_gradients`], [`smooth_grad`], [`occlusion()`] or [`attention_rollout`], of any network that is
//! [`Explained`], in two and three dimensions. With each come its scores: [`parameter_randomization`],
//! [`deletion_insertion`] and, where a truth exists, [`pointing()`]. [`on_projection`] and [`on_volume`] carry a map to
//! the grid of the image that was explained, [`overlay`] draws it. [`StoredCases`] has the cases nearest to an image,
//! a [`Certificate`] what a model makes of images that are none, a [`ConceptScore`] which way a logit goes with what
//! examples have in common.
//!
//! A map shows what raised a number, not what causes disease.

mod agreement;
mod architectures;
mod attribution;
mod cam;
mod certificate;
mod concept;
mod disturb;
pub(crate) mod draw;
mod error;
mod faithfulness;
#[cfg(test)]
mod golden;
mod gradients;
mod native;
mod network;
mod occlusion;
mod of_model;
mod of_volumes;
mod over_cases;
mod picture;
mod pointing;
mod randomize;
mod rollout;
mod similar;

use wilhelm_filters::{Prepared, Region};

use crate::Model;

pub use attribution::{Attribution, Placement};
pub use cam::{grad_cam, grad_cam_plus_plus};
pub use certificate::{Certificate, CertificateRow, CertificateSettings, ReadsImage};
pub use concept::{
    Concept, ConceptLayer, ConceptScore, ConceptSettings, LEAST_IMAGES, Scores, concept_scores,
    concept_share, concept_vector, pooled_gradients, pooled_maps,
};
pub use disturb::Disturbance;
pub use error::ExplainError;
pub use faithfulness::{
    Faithfulness, OrderCurve, OrderSettings, RandomAreas, RandomOrders, deletion_insertion,
};
pub use gradients::{Completeness, NoiseSettings, PathSettings, integrated_gradients, smooth_grad};
pub use native::{on_projection, on_volume};
pub use network::{Attending, AttentionTrace, Explained, Mapped};
pub use occlusion::{WindowSettings, occlusion};
pub use of_model::{ExplainSettings, Explanation, MapLayer, Method, SanityScores};
pub use over_cases::{CaseScores, CasesSummary, OrderSummary, Share, middle_map, pointed};
pub use picture::{contact_sheet, display_weights, heat_color, heat_over, map_picture, overlay};
pub use pointing::{Pointing, PointingGame, pointing};
pub use randomize::{ParameterRandomization, RandomizationStep, parameter_randomization};
pub use rollout::{Rollout, attention_rollout};
pub use similar::{Metric, Neighbor, SimilarCases, StoredCases};

/// Where a network looked: how much each place of the input raised one label's logit.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// The label explained.
    pub label: String,
    /// Columns of the map.
    pub columns: usize,
    /// Rows of the map; those of a volume's slices one below the other.
    pub rows: usize,
    /// Weights from 0 to 1, columns fastest; all 0 where nothing raised the logit.
    pub weights: Vec<f32>,
    /// The native pixels it covers.
    pub region: Region,
}

impl HeatMap {
    /// The native rectangle of the places above half of the greatest weight.
    pub fn hot_region(&self) -> Option<Region> {
        let hot: Vec<(usize, usize)> = (0..self.rows)
            .flat_map(|row| (0..self.columns).map(move |column| (column, row)))
            .filter(|(column, row)| self.weights[row * self.columns + column] >= 0.5)
            .collect();
        let first_column = hot.iter().map(|place| place.0).min()?;
        let last_column = hot.iter().map(|place| place.0).max()?;
        let first_row = hot.iter().map(|place| place.1).min()?;
        let last_row = hot.iter().map(|place| place.1).max()?;
        let along = |place: usize, of: usize, size: usize| place * size / of;
        let column = along(first_column, self.columns, self.region.columns);
        let row = along(first_row, self.rows, self.region.rows);
        Some(Region {
            column: self.region.column + column,
            row: self.region.row + row,
            columns: along(last_column + 1, self.columns, self.region.columns) - column,
            rows: along(last_row + 1, self.rows, self.region.rows) - row,
        })
    }
}

impl Model {
    /// Grad-CAM of one label on the last feature map; attention rollout of a vision transformer with a linear head, which
    /// reads no map.
    ///
    /// # Errors
    /// [`ExplainError::Model`] for a label the card does not have or an image of another size.
    ///
    /// # Source
    /// Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74
    pub fn explain(&self, image: &Prepared, label: &str) -> Result<HeatMap, ExplainError> {
        self.require_flat()?;
        let index = self.label_index(label)?;
        let input = self.tensor(&[image], false)?;
        let map = match self.map_layers().len() {
            0 => attention_rollout(&self.network, &input, index)?.map,
            last => grad_cam(&self.network, &input, index, last)?,
        };
        let [columns, rows, _] = map.size();
        Ok(HeatMap { label: label.to_owned(), columns, rows, weights: map.weights(), region: image.region })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_region_is_carried_back_to_native_pixels() {
        let mut weights = vec![0.0; 16];
        weights[5] = 1.0;
        weights[6] = 0.6;
        let map = HeatMap {
            label: "x".to_owned(),
            columns: 4,
            rows: 4,
            weights,
            region: Region { column: 100, row: 50, columns: 400, rows: 200 },
        };
        assert_eq!(map.hot_region(), Some(Region { column: 200, row: 100, columns: 200, rows: 50 }));
    }
}
