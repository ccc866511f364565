//! Diameters of a tube across its center line: aorta, other vessels, airways.

use std::f64::consts::{PI, TAU};
use std::ops::Range;

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{Index, Mask, Mm, PointLps, Progress};

use super::{Measured, outline};
use crate::FilterError;
use crate::segment::distance::Metric;
use crate::segment::{Connectivity, components, path};

/// One cut across a tube.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TubeSection {
    /// How far along the center line, from its first end.
    pub along: Mm,
    /// The middle of the cut, in the patient's space.
    pub center: PointLps,
    /// Diameter of the circle of the cut's area, mm.
    pub diameter: Measured,
    /// The longest line within the cut, mm.
    pub long_axis: Measured,
    /// The longest at a right angle to it, mm.
    pub short_axis: Measured,
}

/// A tube from end to end.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Tube {
    /// Length of the center line, mm.
    pub length: Measured,
    /// The cut of the greatest diameter.
    pub widest: TubeSection,
    /// The cut of the least diameter.
    pub narrowest: TubeSection,
    /// Cuts about 1 mm apart, less those at the ends (nearer than the tube's radius) and those that
    /// the image's border cuts.
    pub sections: Vec<TubeSection>,
}

/// Directions in which a cut's border is sought.
const RAYS: usize = 72;

/// Diameters of a tube at right angles to its center line, all along it.
///
/// The largest piece of the mask is taken, with its two ends where they are furthest apart on ways
/// within it; branches are part of the cuts where they leave. The center line is the way that keeps
/// furthest from the surface, then the line through the middles of the cuts across it, smoothed over
/// half the tube's radius. Ends of the ranges are one voxel (edge of a cube of its volume) narrower
/// and wider.
///
/// # Errors
/// [`FilterError::TooFew`] for an empty mask, [`FilterError::NotFound`] where no cut lies further than
/// a radius from both ends, or the line is not 1.5 times as long as the widest cut is wide (a ball is
/// no tube), [`FilterError::Cancelled`].
///
/// # Source
/// The aorta is measured at right angles to its center line: Isselbacher et al. 2022 (ACC/AHA guideline),
/// doi:10.1161/CIR.0000000000001106
pub fn tube_diameters(mask: &Mask, progress: &dyn Progress) -> Result<Tube, FilterError> {
    let whole = components::largest(mask, Connectivity::Faces, 1)?;
    let first = whole.voxels().iter().position(|inside| *inside);
    let first = first.ok_or(FilterError::TooFew { what: "mask", found: 0, expected: 1 })?;
    let (tube, start) = cut_out(&whole)?;
    let [columns, rows, _] = mask.geometry().size();
    let first = [first % columns, first / columns % rows, first / (columns * rows)];
    let first = Index { column: first[0] - start[0], row: first[1] - start[1], slice: first[2] - start[2] };
    let (from, _) = path::farthest(&tube, first, Metric::Millimeters, progress)?;
    let (to, _) = path::farthest(&tube, from, Metric::Millimeters, progress)?;
    let line = path::center_line(&tube, from, to, Metric::Millimeters, progress)?;
    let spacing = tube.geometry().spacing().millimeters();
    let points: Vec<[f64; 3]> = line
        .places
        .iter()
        .map(|at| [at.column, at.row, at.slice])
        .map(|at| std::array::from_fn(|axis| at[axis] as f64 * spacing[axis]))
        .collect();
    let radius = line.to_outside.iter().copied().map(f64::from).sum::<f64>() / line.to_outside.len() as f64;
    let step = spacing.into_iter().fold(f64::INFINITY, f64::min).max(1.0);
    let ends = [points[0], points[points.len() - 1]];
    let middle = in_the_middle(&points, &line.to_outside, 2.0 * radius);
    let (rough, _) = even(&smooth(&points[middle], radius), step);
    let field = Field { mask: &tube, spacing };
    // The way wanders from voxel to voxel: the middles of the cuts across it make a truer line.
    let middles: Vec<[f64; 3]> =
        (0..rough.len()).into_par_iter().filter_map(|place| Some(field.cut(&rough, place)?.center)).collect();
    if middles.len() < 2 {
        let reason = "no cut across it has a border inside the image".to_owned();
        return Err(FilterError::NotFound { structure: "tube", reason });
    }
    let (points, line) = even(&smooth(&middles, radius / 2.0), step);
    let [before, after] = field.beyond(&points, ends);
    let length = before + line + after;
    let voxel = spacing.iter().product::<f64>().cbrt();
    let cuts: Vec<TubeSection> = (0..points.len())
        .into_par_iter()
        .filter_map(|place| {
            let along = before + place as f64 * step;
            let section = field.section(&points, place, along, voxel)?;
            let radius = section.diameter.value / 2.0;
            (along > radius && length - along > radius).then_some(section)
        })
        .collect();
    let by_diameter = |a: &&TubeSection, b: &&TubeSection| a.diameter.value.total_cmp(&b.diameter.value);
    let (Some(widest), Some(narrowest)) = (cuts.iter().max_by(by_diameter), cuts.iter().min_by(by_diameter))
    else {
        let reason = "no place of its center line is further from both ends than its radius".to_owned();
        return Err(FilterError::NotFound { structure: "tube", reason });
    };
    if length < 1.5 * widest.diameter.value {
        let reason = "it is not one and a half times as long as wide".to_owned();
        return Err(FilterError::NotFound { structure: "tube", reason });
    }
    Ok(Tube {
        length: Measured::new(length, (length - 2.0 * voxel).max(0.0), length + 2.0 * voxel, "mm"),
        widest: widest.clone(),
        narrowest: narrowest.clone(),
        sections: cuts,
    })
}

/// The box around a mask, a voxel wider where the grid goes on, and where it starts.
fn cut_out(mask: &Mask) -> Result<(Mask, [usize; 3]), FilterError> {
    let size = mask.geometry().size();
    let (mut start, mut end) = (size, [0; 3]);
    for (at, _) in mask.voxels().iter().enumerate().filter(|(_, inside)| **inside) {
        let place = [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        for axis in 0..3 {
            start[axis] = start[axis].min(place[axis].saturating_sub(1));
            end[axis] = end[axis].max((place[axis] + 2).min(size[axis]));
        }
    }
    let cut: [usize; 3] = std::array::from_fn(|axis| end[axis] - start[axis]);
    let grid = mask.geometry().cropped(start, cut)?;
    let mut voxels = Vec::with_capacity(grid.voxels());
    for slice in start[2]..end[2] {
        for row in start[1]..end[1] {
            let line = (slice * size[1] + row) * size[0];
            voxels.extend_from_slice(&mask.voxels()[line + start[0]..line + end[0]]);
        }
    }
    Ok((Mask::new(grid, voxels)?, start))
}

/// The part of a way that has come to the tube's middle: its ends run there from the tube's corners.
fn in_the_middle(points: &[[f64; 3]], to_outside: &[f32], ahead: f64) -> Range<usize> {
    let at = positions(points);
    let has_come = |place: usize, low: usize, high: usize| {
        let most = to_outside[low..high].iter().copied().fold(0.0, f32::max);
        to_outside[place] >= 0.9 * most
    };
    let start = (0..points.len())
        .find(|place| has_come(*place, *place, at.partition_point(|other| *other <= at[*place] + ahead)))
        .unwrap_or(0);
    let end = (start..points.len())
        .rev()
        .find(|place| has_come(*place, at.partition_point(|other| *other < at[*place] - ahead), place + 1))
        .unwrap_or(start);
    start..end + 1
}

fn between(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt()
}

/// Positions of points along their line.
fn positions(points: &[[f64; 3]]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut positions = vec![0.0];
    for pair in points.windows(2) {
        sum += between(pair[0], pair[1]);
        positions.push(sum);
    }
    positions
}

/// Each point moved onto the straight line that fits its surroundings best, weighed by a Gaussian of
/// the width `sigma` along the way: unlike a mean, this neither shortens the ends nor turns them.
fn smooth(points: &[[f64; 3]], sigma: f64) -> Vec<[f64; 3]> {
    let at = positions(points);
    let smoothed = |place: usize| {
        let low = at.partition_point(|other| *other < at[place] - 3.0 * sigma);
        let high = at.partition_point(|other| *other <= at[place] + 3.0 * sigma);
        let weighed = (low..high).map(|other| {
            let far = at[other] - at[place];
            (far, (-0.5 * (far / sigma).powi(2)).exp(), points[other])
        });
        let (mut weights, mut first, mut second) = (0.0, 0.0, 0.0);
        let (mut sums, mut moments) = ([0.0; 3], [0.0; 3]);
        for (far, weight, point) in weighed {
            weights += weight;
            first += weight * far;
            second += weight * far * far;
            for axis in 0..3 {
                sums[axis] += weight * point[axis];
                moments[axis] += weight * far * point[axis];
            }
        }
        let determinant = weights * second - first * first;
        if determinant.is_nan() || determinant <= 1e-9 * weights * weights {
            return points[place];
        }
        std::array::from_fn(|axis| (second * sums[axis] - first * moments[axis]) / determinant)
    };
    (0..points.len()).map(smoothed).collect()
}

/// Points evenly spaced along a line, and its length.
fn even(points: &[[f64; 3]], step: f64) -> (Vec<[f64; 3]>, f64) {
    let at = positions(points);
    let length = at[at.len() - 1];
    let count = (length / step) as usize + 1;
    let spaced = (0..count).map(|place| {
        let along = place as f64 * step;
        let next = at.partition_point(|other| *other <= along).clamp(1, points.len().max(2) - 1);
        let Some(end) = points.get(next) else { return points[0] };
        let run = at[next] - at[next - 1];
        let share = if run > 0.0 { (along - at[next - 1]) / run } else { 0.0 };
        std::array::from_fn(|axis| points[next - 1][axis] + share * (end[axis] - points[next - 1][axis]))
    });
    (spaced.collect(), length)
}

/// A mask as a field from 0 to 1 between its voxels' centers; places in mm from the first center.
struct Field<'a> {
    mask: &'a Mask,
    spacing: [f64; 3],
}

impl Field<'_> {
    /// How much of a place is inside; `None` outside the grid.
    fn at(&self, place: [f64; 3]) -> Option<f64> {
        let size = self.mask.geometry().size();
        let mut low = [0_usize; 3];
        let mut share = [0.0; 3];
        for axis in 0..3 {
            let index = place[axis] / self.spacing[axis];
            if !(-0.5..=size[axis] as f64 - 0.5).contains(&index) {
                return None;
            }
            let index = index.clamp(0.0, (size[axis] - 1) as f64);
            low[axis] = (index as usize).min(size[axis].saturating_sub(2));
            share[axis] = index - low[axis] as f64;
        }
        let mut sum = 0.0;
        for corner in 0..8_usize {
            let bit = [corner & 1, corner >> 1 & 1, corner >> 2];
            let weight: f64 =
                (0..3).map(|axis| if bit[axis] == 1 { share[axis] } else { 1.0 - share[axis] }).product();
            let [column, row, slice] = std::array::from_fn(|axis| low[axis] + bit[axis]);
            if weight > 0.0 && self.mask.contains(Index { column, row, slice }) {
                sum += weight;
            }
        }
        Some(sum)
    }

    /// How far it is to the border; `None` where the image ends first.
    fn reach(&self, from: [f64; 3], direction: [f64; 3]) -> Option<f64> {
        let step = 0.25 * self.spacing.into_iter().fold(f64::INFINITY, f64::min);
        let place = |far: f64| std::array::from_fn(|axis| from[axis] + far * direction[axis]);
        let mut before = self.at(from)?;
        if before < 0.5 {
            return Some(0.0);
        }
        for number in 1.. {
            let far = f64::from(number) * step;
            let now = self.at(place(far))?;
            if now < 0.5 {
                return Some(far - step * (0.5 - now) / (before - now));
            }
            before = now;
        }
        unreachable!("a place far enough is outside the grid")
    }

    /// How far the tube goes on straight beyond both ends of a line in it; where the image ends first,
    /// as far as the given ends lie.
    fn beyond(&self, points: &[[f64; 3]], ends: [[f64; 3]; 2]) -> [f64; 2] {
        let last = points.len() - 1;
        let straight = |from: usize, to: usize, end: [f64; 3]| {
            let run = between(points[from], points[to]);
            let direction =
                std::array::from_fn(|axis| (points[to][axis] - points[from][axis]) / run.max(1e-9));
            self.reach(points[to], direction).unwrap_or_else(|| between(points[to], end))
        };
        [straight(last.min(4), 0, ends[0]), straight(last.saturating_sub(4), last, ends[1])]
    }

    /// The cut at one point of a line, about the middle of the cut itself; `None` where the image cuts
    /// it or the line lies outside.
    fn cut(&self, points: &[[f64; 3]], place: usize) -> Option<Cut> {
        let (before, after) = (points[place.saturating_sub(2)], points[(place + 2).min(points.len() - 1)]);
        let run = between(before, after);
        if run == 0.0 {
            return None;
        }
        let tangent: [f64; 3] = std::array::from_fn(|axis| (after[axis] - before[axis]) / run);
        let [right, up] = across(tangent);
        let mut center = points[place];
        let mut border = Vec::new();
        for _ in 0..2 {
            border.clear();
            for ray in 0..RAYS {
                let (sin, cos) = (TAU * ray as f64 / RAYS as f64).sin_cos();
                let far =
                    self.reach(center, std::array::from_fn(|axis| cos * right[axis] + sin * up[axis]))?;
                border.push([far * cos, far * sin]);
            }
            let [x, y] = middle(&border)?;
            (0..3).for_each(|axis| center[axis] += x * right[axis] + y * up[axis]);
        }
        Some(Cut { center, border })
    }

    fn section(&self, points: &[[f64; 3]], place: usize, along: f64, voxel: f64) -> Option<TubeSection> {
        let Cut { center, border } = self.cut(points, place)?;
        let area = outline::area(&border);
        let [long, short] = outline::axes(&outline::hull(border))?;
        let measured = |value: f64| Measured::new(value, (value - voxel).max(0.0), value + voxel, "mm");
        let index = std::array::from_fn(|axis| center[axis] / self.spacing[axis]);
        Some(TubeSection {
            along: Mm(along),
            center: self.mask.geometry().point_at(index),
            diameter: measured(2.0 * (area / PI).sqrt()),
            long_axis: measured(long.length),
            short_axis: measured(short.length),
        })
    }
}

/// A cut's middle, mm from the first voxel's center, and its border about that.
struct Cut {
    center: [f64; 3],
    border: Vec<[f64; 2]>,
}

/// Two directions at right angles to a third and to each other.
fn across(tangent: [f64; 3]) -> [[f64; 3]; 2] {
    let cross = |a: [f64; 3], b: [f64; 3]| {
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    };
    let least = (0..3).min_by(|a, b| tangent[*a].abs().total_cmp(&tangent[*b].abs())).expect("three axes");
    let mut other = [0.0; 3];
    other[least] = 1.0;
    let right = cross(tangent, other);
    let length = between(right, [0.0; 3]);
    let right = right.map(|part| part / length);
    [right, cross(tangent, right)]
}

/// The center of mass of a border's inside; `None` where it has none.
fn middle(border: &[[f64; 2]]) -> Option<[f64; 2]> {
    let area = outline::area(border);
    if area <= 0.0 {
        return None;
    }
    let mut sum = [0.0; 2];
    for (a, b) in border.iter().zip(border.iter().cycle().skip(1)) {
        let cross = a[0] * b[1] - b[0] * a[1];
        (0..2).for_each(|axis| sum[axis] += (a[axis] + b[axis]) * cross);
    }
    Some(sum.map(|part| part / (6.0 * area)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Geometry, Silent, Spacing};

    fn shape(size: [usize; 3], spacing: [f64; 3], inside: impl Fn([f64; 3]) -> bool) -> Mask {
        let [x, y, z] = spacing.map(Mm);
        let grid = Geometry::axis_aligned(size, Spacing::new(x, y, z).expect("positive")).expect("a grid");
        let place = |at: usize| [at % size[0], at / size[0] % size[1], at / (size[0] * size[1])];
        let point = |at: [usize; 3]| std::array::from_fn(|axis| at[axis] as f64 * spacing[axis]);
        Mask::new(grid, (0..grid.voxels()).map(|at| inside(point(place(at)))).collect()).expect("fits")
    }

    /// Distance of a point from the middle of an oblique line, and how far along it.
    fn off(point: [f64; 3]) -> (f64, f64) {
        let (middle, axis) = ([30.0, 30.0, 40.0], [0.36, 0.48, 0.8]);
        let from: [f64; 3] = std::array::from_fn(|part| point[part] - middle[part]);
        let along: f64 = (0..3).map(|part| from[part] * axis[part]).sum();
        ((0..3).map(|part| from[part].powi(2)).sum::<f64>() - along * along, along)
    }

    #[test]
    fn an_oblique_cylinder_has_its_diameter_and_its_length() {
        let tube = shape([60, 60, 40], [1.0, 1.0, 2.0], |point| {
            let (square, along) = off(point);
            square <= 144.0 && along.abs() <= 30.0
        });
        let found = tube_diameters(&tube, &Silent).expect("a tube");
        assert!(found.sections.len() > 25);
        for section in &found.sections {
            for (measured, what) in [(section.diameter, "equal area"), (section.long_axis, "long")] {
                assert!((measured.value - 24.0).abs() < 1.0, "{what} at {:?}: {measured:?}", section.along);
                assert!(measured.low <= 24.0 && 24.0 <= measured.high);
            }
        }
        assert!((found.length.value - 60.0).abs() < 2.0, "{:?}", found.length);
    }

    #[test]
    fn a_bend_is_measured_across_and_a_bulge_is_found_where_it_is() {
        // Half a ring of radius 40 mm, tube of radius 8 mm, 11 mm a quarter of the way around.
        let tube = shape([100, 56, 28], [1.0, 1.0, 1.0], |[x, y, z]| {
            let (x, y, z) = (x - 50.0, y - 2.0, z - 14.0);
            let around = y.atan2(x).to_degrees();
            let radius = 8.0 + 3.0 * (-((around - 45.0) / 12.0).powi(2)).exp();
            y >= 0.0 && (x.hypot(y) - 40.0).hypot(z) <= radius
        });
        let found = tube_diameters(&tube, &Silent).expect("a tube");
        assert!((found.widest.diameter.value - 22.0).abs() < 0.8, "{:?}", found.widest);
        let [x, y, z] = found.widest.center.components();
        let around = (y - 2.0).atan2(x - 50.0).to_degrees();
        assert!((around - 45.0).abs() < 4.0 && (z - 14.0).abs() < 1.0, "{around} degrees, {z} mm");
        assert!((found.narrowest.diameter.value - 16.0).abs() < 0.8, "{:?}", found.narrowest);
    }

    #[test]
    fn what_is_no_tube_is_said_to_be_none() {
        let ball = shape([30, 30, 30], [1.0; 3], |point| {
            point.iter().map(|x| (x - 15.0).powi(2)).sum::<f64>() <= 100.0
        });
        assert!(matches!(tube_diameters(&ball, &Silent), Err(FilterError::NotFound { .. })));
        let none = shape([5, 5, 5], [1.0; 3], |_| false);
        assert!(matches!(tube_diameters(&none, &Silent), Err(FilterError::TooFew { .. })));
        let one = shape([5, 5, 1], [1.0; 3], |[x, y, _]| x == 2.0 && y == 2.0);
        assert!(tube_diameters(&one, &Silent).is_err());
    }
}
