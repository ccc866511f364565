use burn::module::Module;
use burn::tensor::Tensor;
use wilhelm_filters::{Prepared, Region};

use crate::{Model, ModelError};

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
    /// Grad-CAM of one label on the last feature map.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] for a label the card does not have, [`ModelError::Size`] for an
    /// image of another size.
    ///
    /// # Source
    /// Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74
    pub fn explain(&self, image: &Prepared, label: &str) -> Result<HeatMap, ModelError> {
        let labels = &self.card().labels;
        let index =
            labels.iter().position(|known| known.key == label).ok_or_else(|| ModelError::Unknown {
                name: label.to_owned(),
                known: labels.iter().map(|known| known.key.as_str()).collect::<Vec<_>>().join(", "),
            })?;
        let maps = self.network.feature_maps(self.tensor(&[image], false)?);
        let last = maps.into_iter().next_back().expect("a backbone has at least one stage");
        let [slices, channels, rows, columns] = last.dims();
        let traced_device = self.device.clone().autodiff();
        let traced = Tensor::<4>::from_data(last.to_data(), &traced_device).require_grad();
        let head = self.network.clone().fork(&traced_device);
        let score = head.head(traced.clone(), slices).0.slice([0..1, index..index + 1]).sum();
        let gradient = traced.grad(&score.backward()).expect("the score depends on the map");
        let weights = gradient.mean_dim(3).mean_dim(2);
        let cam = (weights * last).sum_dim(1).reshape([slices * rows * columns]);
        let values = cam.into_data().try_to_vec::<f32>().expect("the CPU backend computes in f32");
        debug_assert!(channels > 0);
        let greatest = values.iter().copied().fold(0.0_f32, f32::max);
        let weights = values
            .iter()
            .map(|value| if greatest > 0.0 { (value / greatest).max(0.0) } else { 0.0 })
            .collect();
        Ok(HeatMap { label: label.to_owned(), columns, rows: slices * rows, weights, region: image.region })
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
