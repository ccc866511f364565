use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a distance between voxels is measured when matrices are weighted by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Sum of the distances along the axes.
    Manhattan,
    /// Straight line.
    Euclidean,
    /// The longest distance along an axis.
    Infinity,
}

/// How the matrices of several directions (GLCM, GLRLM) become one set of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Features of each direction, then their mean, as pyradiomics does: IBSI ITBB in space, JJUI
    /// in slices (2.5-D).
    #[default]
    Averaged,
    /// One matrix of all directions, then its features: IBSI IAZD in space, ZW7Z in slices.
    Merged,
    /// Merged, each direction weighted by `exp(-distance^2)`, the distance in mm (pyradiomics
    /// `weightingNorm`).
    Weighted(Norm),
}

impl Aggregation {
    /// The weight of a direction; none where directions stay apart.
    pub(super) fn weight(self, step: [i32; 3], spacing: [f64; 3]) -> Option<f64> {
        let lengths: [f64; 3] = std::array::from_fn(|axis| f64::from(step[axis].abs()) * spacing[axis]);
        let distance = match self {
            Self::Averaged => return None,
            Self::Merged => return Some(1.0),
            Self::Weighted(Norm::Manhattan) => lengths.iter().sum::<f64>(),
            Self::Weighted(Norm::Euclidean) => {
                lengths.iter().map(|length| length * length).sum::<f64>().sqrt()
            }
            Self::Weighted(Norm::Infinity) => lengths.into_iter().fold(0.0, f64::max),
        };
        Some((-distance * distance).exp())
    }
}

/// One of each pair of opposite steps whose longest component is one of `distances`: 13 for
/// distance 1 in space, 4 in a slice.
///
/// Steps that leave the box from everywhere are left out: they meet no pair.
pub(super) fn steps(distances: &[usize], flat: bool, size: [usize; 3]) -> Vec<[i32; 3]> {
    let mut steps = Vec::new();
    for distance in distances.iter().map(|distance| *distance as i32) {
        let deepest = if flat { 0 } else { distance };
        for slice in 0..=deepest {
            for row in -distance..=distance {
                for column in -distance..=distance {
                    let step = [column, row, slice];
                    let forward = (slice, row, column) > (0, 0, 0);
                    let longest = step.iter().map(|part| part.abs()).max();
                    let fits = (0..3).all(|axis| (step[axis].unsigned_abs() as usize) < size[axis]);
                    if forward && longest == Some(distance) && fits {
                        steps.push(step);
                    }
                }
            }
        }
    }
    steps
}

/// Both directions of every step.
pub(super) fn both_ways(steps: &[[i32; 3]]) -> Vec<[i32; 3]> {
    steps.iter().flat_map(|step| [*step, step.map(|part| -part)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_13_directions_in_space_and_49_more_at_distance_two() {
        let size = [9, 9, 9];
        assert_eq!(steps(&[1], false, size).len(), 13);
        assert_eq!(steps(&[1], true, size).len(), 4);
        assert_eq!(steps(&[1, 2], false, size).len(), 62);
        assert_eq!(steps(&[1], false, [9, 9, 1]).len(), 4);
        assert!(steps(&[1], false, [1, 1, 1]).is_empty());
    }

    #[test]
    fn a_weight_falls_with_the_square_of_the_distance() {
        let weight =
            |norm| Aggregation::Weighted(norm).weight([1, -1, 0], [0.5, 1.0, 3.0]).expect("a weight");
        assert_eq!(weight(Norm::Manhattan), (-2.25_f64).exp());
        assert!((weight(Norm::Euclidean) - (-1.25_f64).exp()).abs() < 1e-15);
        assert_eq!(weight(Norm::Infinity), (-1.0_f64).exp());
        assert_eq!(Aggregation::Averaged.weight([1, 0, 0], [1.0; 3]), None);
    }
}
