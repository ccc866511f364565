//! From the axes of a file, in any order, to volumes whose columns vary fastest.

use crate::dicom::{ColorCount, rec_601};

/// What an axis of a file stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AxisRole {
    /// Columns, rows, slices, in the order in which they come.
    Space,
    /// One volume after another: time, b-value, components.
    Volumes,
    /// Red, green and blue (and opacity), which become luminance.
    Color,
}

/// Whether the values of each volume already lie one behind another in the file.
pub(crate) fn is_in_order(roles: &[AxisRole]) -> bool {
    let first_other = roles.iter().position(|role| *role != AxisRole::Space).unwrap_or(roles.len());
    roles[first_other..].iter().all(|role| *role == AxisRole::Volumes)
}

/// The volumes of an array whose first axis varies fastest, and whether it had colors.
///
/// # Panics
/// Where the array does not fit the sizes, or a color axis has fewer than three places.
pub(crate) fn arranged(
    values: &[f32],
    sizes: &[usize],
    roles: &[AxisRole],
    top: f32,
) -> (Vec<Vec<f32>>, bool) {
    assert_eq!(values.len(), sizes.iter().product::<usize>(), "an array of the declared size");
    let stride = |axis: usize| sizes[..axis].iter().product::<usize>();
    let of_role = |wanted: AxisRole| -> Vec<(usize, usize)> {
        (0..sizes.len())
            .filter(|axis| roles[*axis] == wanted)
            .map(|axis| (sizes[axis], stride(axis)))
            .collect()
    };
    let space = offsets(&of_role(AxisRole::Space));
    let color = of_role(AxisRole::Color).first().map(|(_, stride)| *stride);
    let mut count = ColorCount::new(top);
    let volumes = offsets(&of_role(AxisRole::Volumes))
        .into_iter()
        .map(|base| {
            let value = |place: &usize| match color {
                None => values[base + place],
                Some(stride) => {
                    let channels = [0, 1, 2].map(|channel| values[base + place + channel * stride]);
                    count.add(channels);
                    rec_601(channels)
                }
            };
            space.iter().map(value).collect()
        })
        .collect();
    (volumes, color.is_some() && count.is_color())
}

/// Offsets of all places of some axes (size, stride), the first varying fastest.
fn offsets(axes: &[(usize, usize)]) -> Vec<usize> {
    let mut places = vec![0];
    for (size, stride) in axes.iter() {
        let inner = places.len();
        places.reserve(inner * (size - 1));
        for step in 1..*size {
            for i in 0..inner {
                places.push(places[i] + step * stride);
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use AxisRole::{Color, Space, Volumes};

    #[test]
    fn components_that_vary_fastest_become_volumes_and_color_becomes_luminance() {
        let values: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let (volumes, color) = arranged(&values, &[2, 3, 2], &[Volumes, Space, Space], 255.0);
        assert_eq!(volumes, [[0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [1.0, 3.0, 5.0, 7.0, 9.0, 11.0]]);
        assert!(!color);
        // Four pixels with colors are as few as count.
        let colors = [[255.0, 0.0, 0.0], [0.0, 255.0, 0.0], [0.0, 0.0, 255.0], [9.0, 99.0, 9.0]];
        let (volumes, color) = arranged(colors.as_flattened(), &[3, 2, 2], &[Color, Space, Space], 255.0);
        assert!((volumes[0][0] - 76.245).abs() < 1e-3 && (volumes[0][1] - 149.685).abs() < 1e-3);
        assert!(color);
        assert!(is_in_order(&[Space, Space, Space, Volumes]) && !is_in_order(&[Volumes, Space]));
        assert!(!is_in_order(&[Space, Space, Color]));
    }
}
