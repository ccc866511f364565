//! From the positions of slices to a grid: order, spacing, and what is crooked about it.

use wilhelm_study::{Defect, DefectKind, Direction, Geometry, Mm, PointLps, Spacing};

use super::header::Plane;
use crate::FormatError;

/// A slice's position along the normal of its stack, mm.
pub(crate) fn depth(plane: &Plane) -> f64 {
    let normal = normal(plane.orientation.unwrap_or([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]));
    dot(plane.position.unwrap_or_default(), normal)
}

/// The vector product of the row and the column direction, of unit length.
fn normal([a, b, c, d, e, f]: [f64; 6]) -> [f64; 3] {
    unit([b * f - c * e, c * d - a * f, a * e - b * d])
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn unit(vector: [f64; 3]) -> [f64; 3] {
    let length = dot(vector, vector).sqrt();
    vector.map(|component| component / length)
}

/// Two slices nearer to each other than this are at one position, mm.
pub(crate) fn same_position_tolerance(plane: &Plane) -> f64 {
    let finest = plane.spacing.map_or(1.0, |spacing| spacing[0].min(spacing[1]));
    (0.05 * finest).min(0.01)
}

/// The grid of slices that are sorted by [`depth`], no two at one position.
///
/// The slices are stacked as they are: where one is missing, none is invented, and the defect says
/// by how much the slices behind the gap are off. The step between slices comes from their
/// positions; a header's slice thickness is used for a single slice only.
///
/// # Errors
/// [`FormatError::Geometry`] where the planes make no grid.
pub(crate) fn grid(
    planes: &[&Plane],
    columns: usize,
    rows: usize,
    place: &str,
) -> Result<(Geometry, Vec<Defect>), FormatError> {
    let first = planes.first().ok_or_else(|| FormatError::malformed(place, "no slice is left"))?;
    let missing = || FormatError::malformed(place, "a slice has no place in space");
    let orientation = first.orientation.ok_or_else(missing)?;
    let [between_rows, between_columns] = first.spacing.ok_or_else(missing)?;
    let origin = first.position.ok_or_else(missing)?;
    let [a, b, c, d, e, f] = orientation;
    let through = normal(orientation);
    let direction = Direction::new(unit([a, b, c]), unit([d, e, f]), through)?;
    let depths: Vec<f64> = planes.iter().map(|plane| depth(plane)).collect();
    let mut defects = Vec::new();
    let between_slices = match step(&depths, place, &mut defects) {
        Some(step) => step,
        None => first.thickness.unwrap_or_else(|| {
            defects.push(Defect::new(
                DefectKind::Header,
                place,
                "a single slice without a thickness: 1 mm is assumed",
            ));
            1.0
        }),
    };
    shear(planes, direction, place, &mut defects);
    let spacing = Spacing::new(Mm(between_columns), Mm(between_rows), Mm(between_slices))?;
    let origin = PointLps::from_components(origin);
    Ok((Geometry::new([columns, rows, planes.len()], spacing, origin, direction)?, defects))
}

/// The distance between slices, with a defect for each gap and for a step that varies.
fn step(depths: &[f64], place: &str, defects: &mut Vec<Defect>) -> Option<f64> {
    let steps: Vec<f64> = depths.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let median = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    let tolerance = (0.02 * median).max(0.02).min(0.2 * median);
    let odd: Vec<(usize, f64)> =
        steps.iter().copied().enumerate().filter(|(_, step)| (step - median).abs() > tolerance).collect();
    if odd.is_empty() {
        // The mean of all steps, which header rounding cannot move.
        return Some((depths[depths.len() - 1] - depths[0]) / steps.len() as f64);
    }
    let mut irregular = Vec::new();
    for (i, step) in odd {
        let multiple = (step / median).round();
        if multiple >= 2.0 && (step - multiple * median).abs() <= 0.1 * median {
            let lacking = multiple - 1.0;
            defects.push(Defect::new(
                DefectKind::MissingSlice,
                format!("{place} slice {}", i + 1),
                format!(
                    "{lacking} missing between slices {} and {}, at {:.2} mm to {:.2} mm along the normal: \
                     found a step of {step:.3} mm, expected {median:.3} mm; slices behind it are off by {:.3} mm",
                    i + 1,
                    i + 2,
                    depths[i],
                    depths[i + 1],
                    step - median
                ),
            ));
        } else {
            irregular.push((i, step));
        }
    }
    if let Some((worst, step)) =
        irregular.iter().copied().max_by(|a, b| (a.1 - median).abs().total_cmp(&(b.1 - median).abs()))
    {
        defects.push(Defect::new(
            DefectKind::IrregularSpacing,
            format!("{place} slice {}", worst + 1),
            format!(
                "{} of {} steps differ from the usual {median:.3} mm; the farthest is {step:.3} mm, behind slice {} at {:.2} mm",
                irregular.len(),
                steps.len(),
                worst + 1,
                depths[worst]
            ),
        ));
    }
    Some(median)
}

/// Slices that do not follow each other along the normal: a tilted gantry, or slices shifted in plane.
fn shear(planes: &[&Plane], direction: Direction, place: &str, defects: &mut Vec<Defect>) {
    let positions: Vec<[f64; 3]> = planes.iter().filter_map(|plane| plane.position).collect();
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else { return };
    let along = |position: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|i| position[i] - first[i]) };
    let in_plane = |position: &[f64; 3]| {
        let offset = along(position);
        [dot(offset, direction.along_row()), dot(offset, direction.down_column())]
    };
    let total = dot(along(last), direction.through_slices());
    if total <= 0.0 {
        return;
    }
    let shift = in_plane(last);
    let lateral = shift[0].hypot(shift[1]);
    let degrees = lateral.atan2(total).to_degrees();
    let tilted = lateral > 0.1 && degrees > 0.1;
    if tilted {
        defects.push(Defect::new(
            DefectKind::Tilt,
            place,
            format!(
                "slices are stacked {degrees:.2} degrees off their normal (gantry tilt), {lateral:.2} mm over the \
                 stack: the grid follows the normal, so that positions in plane hold at the first slice only"
            ),
        ));
    }
    // What is left once a straight tilt is taken off.
    let finest = planes[0].spacing.map_or(1.0, |spacing| spacing[0].min(spacing[1]));
    let off_line = |position: &[f64; 3]| {
        let share = dot(along(position), direction.through_slices()) / total;
        let [row, column] = in_plane(position);
        (row - share * shift[0]).hypot(column - share * shift[1])
    };
    let farthest =
        positions.iter().map(off_line).enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
    if farthest.1 > (0.5 * finest).max(0.1) {
        defects.push(Defect::new(
            DefectKind::IrregularSpacing,
            format!("{place} slice {}", farthest.0 + 1),
            format!("slices are shifted in their plane, the farthest by {:.2} mm", farthest.1),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(position: [f64; 3]) -> Plane {
        Plane {
            position: Some(position),
            orientation: Some([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
            spacing: Some([0.8, 0.7]),
            thickness: Some(5.0),
        }
    }

    fn check(positions: &[[f64; 3]]) -> (f64, Vec<DefectKind>) {
        let planes: Vec<Plane> = positions.iter().copied().map(plane).collect();
        let planes: Vec<&Plane> = planes.iter().collect();
        let (geometry, defects) = grid(&planes, 4, 3, "series").expect("a grid");
        assert_eq!(geometry.spacing().between_columns(), Mm(0.7));
        assert_eq!(geometry.spacing().between_rows(), Mm(0.8));
        (geometry.spacing().between_slices().0, defects.iter().map(|defect| defect.kind).collect())
    }

    #[test]
    fn the_step_comes_from_positions_and_what_is_crooked_is_named() {
        let at = |z: f64| [0.0, 0.0, z];
        assert_eq!(check(&[at(-3.0), at(-0.5), at(2.0)]), (2.5, vec![]));
        assert_eq!(check(&[at(1.0)]), (5.0, vec![]));
        assert_eq!(
            check(&[at(0.0), at(2.0), at(4.0), at(8.0), at(10.0)]),
            (2.0, vec![DefectKind::MissingSlice])
        );
        assert_eq!(
            check(&[at(0.0), at(2.0), at(4.0), at(6.9), at(8.9)]),
            (2.0, vec![DefectKind::IrregularSpacing])
        );
        let tilted: Vec<[f64; 3]> =
            (0..5).map(|i| f64::from(i) * 2.0).map(|z| [0.0, z * 20_f64.to_radians().tan(), z]).collect();
        assert_eq!(check(&tilted), (2.0, vec![DefectKind::Tilt]));
        let shifted = [at(0.0), at(2.0), [0.0, 3.0, 4.0], at(6.0), at(8.0)];
        assert_eq!(check(&shifted), (2.0, vec![DefectKind::IrregularSpacing]));
    }

    #[test]
    fn header_rounding_is_no_irregularity() {
        let positions: Vec<[f64; 3]> =
            (0..300).map(|i| [0.0, 0.0, (f64::from(i) * 0.6333 * 100.0).round() / 100.0]).collect();
        let (step, defects) = check(&positions);
        assert!((step - 0.6333).abs() < 1e-4, "{step}");
        assert_eq!(defects, vec![]);
    }
}
