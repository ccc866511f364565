//! What is asked of a classifier of volumes beyond its answer: its maps as volumes, and the way from one of them.

use burn::tensor::Tensor;

use super::Classifier;

impl Classifier {
    /// Whether the layers between its feature maps are its own, so that each map leads to the logits; of another network's
    /// only the last does.
    pub(crate) fn has_own_stages(&self) -> bool {
        self.backbone.is_some() || self.volume_backbone.is_some()
    }

    /// The feature maps of volumes as volumes, shallowest first.
    ///
    /// # Shapes
    /// `[batch, slices, side, side]` to `[batch, channels, slices, rows, columns]`; a network that reads slices one by one
    /// keeps their number.
    pub(crate) fn maps_of_volumes(&self, input: Tensor<4>) -> Vec<Tensor<5>> {
        let [batch, slices, _, _] = input.dims();
        let deep = |map: Tensor<4>| -> Tensor<5> {
            let [images, channels, rows, columns] = map.dims();
            if images == batch {
                // The slices stand one below the other, and are as high as they are wide.
                return map.reshape([batch, channels, rows / columns, columns, columns]);
            }
            map.reshape([batch, slices, channels, rows, columns]).swap_dims(1, 2)
        };
        self.feature_maps(input).into_iter().map(deep).collect()
    }

    /// The logits that follow from the map of a stage as [`maps_of_volumes`](Self::maps_of_volumes) has it, counted from 0.
    pub(crate) fn logits_of_volume_map(&self, map: Tensor<5>, stage: usize) -> Tensor<2> {
        let [batch, channels, slices, rows, columns] = map.dims();
        if let Some(backbone) = &self.volume_backbone {
            return self.head(stacked(backbone.after(map, stage))).0;
        }
        let Some(backbone) = &self.backbone else {
            // Of another network only the last map is asked, which is as it was given.
            return self.head(stacked(map)).0;
        };
        let images = map.swap_dims(1, 2).reshape([batch * slices, channels, rows, columns]);
        self.head_of_slices(backbone.after(images, stage), slices).0
    }
}

/// The slices of a map one below the other.
fn stacked(map: Tensor<5>) -> Tensor<4> {
    let [batch, channels, slices, rows, columns] = map.dims();
    map.reshape([batch, channels, slices * rows, columns])
}
