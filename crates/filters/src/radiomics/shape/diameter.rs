use rayon::prelude::*;

use crate::radiomics::region::Region;

/// Largest distances between vertices of the mesh, mm.
pub(super) struct Diameters {
    /// Between any two.
    pub(super) in_space: f64,
    /// Between two of the same column, the same row, the same slice.
    pub(super) in_planes: [f64; 3],
}

/// A vertex in half voxels: the middle between a voxel inside and a neighbor outside.
type Vertex = [i32; 3];

/// Largest distances between vertices of the marching cubes mesh.
///
/// Only corners of the convex hull can be ends of a diameter: each plane of vertices is reduced to
/// its own hull first, in whole numbers, and of all these the pairs that could still be longer
/// than the longest so far are compared.
pub(super) fn diameters(region: &Region, spacing: [f64; 3]) -> Diameters {
    let vertices = vertices(region);
    let half = spacing.map(|between| between / 2.0);
    let hulls: Vec<Vec<Vec<Vertex>>> = (0..3).into_par_iter().map(|axis| hulls(&vertices, axis)).collect();
    let in_planes = std::array::from_fn(|axis| {
        hulls[axis].par_iter().map(|hull| longest(hull, half)).reduce(|| 0.0, f64::max)
    });
    // Any of the three reductions keeps the ends: take the smallest.
    let fewest = hulls.iter().min_by_key(|planes| planes.iter().map(Vec::len).sum::<usize>());
    let corners: Vec<Vertex> = fewest.into_iter().flatten().flatten().copied().collect();
    Diameters { in_space: longest(&corners, half), in_planes }
}

/// Vertices of the mesh, in half voxels from the first voxel of the box.
fn vertices(region: &Region) -> Vec<Vertex> {
    let [columns, rows, slices] = region.size;
    let steps = [1, columns, columns * rows];
    let mut vertices = Vec::new();
    for (at, _) in region.inside.iter().enumerate().filter(|(_, inside)| **inside) {
        let index = [at % columns, at / columns % rows, at / (columns * rows)];
        for (axis, count) in [columns, rows, slices].into_iter().enumerate() {
            let before = index[axis] > 0 && region.inside[at - steps[axis]];
            let after = index[axis] + 1 < count && region.inside[at + steps[axis]];
            for (neighbor, move_by) in [(before, -1), (after, 1)] {
                if !neighbor {
                    let mut vertex = index.map(|place| 2 * place as i32);
                    vertex[axis] += move_by;
                    vertices.push(vertex);
                }
            }
        }
    }
    vertices
}

/// Corners of the convex hull of the vertices in each plane across an axis.
fn hulls(vertices: &[Vertex], axis: usize) -> Vec<Vec<Vertex>> {
    let (first, second) = ((axis + 1) % 3, (axis + 2) % 3);
    let mut sorted = vertices.to_vec();
    sorted.sort_unstable_by_key(|vertex| (vertex[axis], vertex[first], vertex[second]));
    sorted.dedup();
    sorted
        .chunk_by(|a, b| a[axis] == b[axis])
        .map(|plane| {
            let mut hull = half_hull(plane.iter(), first, second);
            hull.extend(half_hull(plane.iter().rev(), first, second));
            hull
        })
        .collect()
}

/// One side of a hull of sorted points (Andrew's monotone chain), without its last point where
/// there are several.
fn half_hull<'a>(points: impl Iterator<Item = &'a Vertex>, first: usize, second: usize) -> Vec<Vertex> {
    let mut hull: Vec<Vertex> = Vec::new();
    for point in points {
        while let [.., a, b] = hull[..] {
            let along = i64::from(b[first] - a[first]) * i64::from(point[second] - a[second]);
            let across = i64::from(b[second] - a[second]) * i64::from(point[first] - a[first]);
            if along > across {
                break;
            }
            hull.pop();
        }
        hull.push(*point);
    }
    if hull.len() > 1 {
        hull.pop();
    }
    hull
}

/// The largest distance between two points.
///
/// Points are taken from the outermost inward: once the radii of a pair add up to less than the
/// longest distance so far, no later pair can be longer.
fn longest(points: &[Vertex], half: [f64; 3]) -> f64 {
    let bounds = |pick: fn(i32, i32) -> i32| -> Vertex {
        points
            .iter()
            .copied()
            .reduce(|a, b| std::array::from_fn(|axis| pick(a[axis], b[axis])))
            .unwrap_or_default()
    };
    let (low, high) = (bounds(i32::min), bounds(i32::max));
    let mut placed: Vec<(f64, [f64; 3])> = points
        .iter()
        .map(|point| {
            let from_middle: [f64; 3] = std::array::from_fn(|axis| {
                f64::from(2 * point[axis] - low[axis] - high[axis]) / 2.0 * half[axis]
            });
            (length(from_middle), from_middle)
        })
        .collect();
    placed.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut best = 0.0_f64;
    for (at, (radius, point)) in placed.iter().enumerate() {
        if 2.0 * radius <= best {
            break;
        }
        for (other_radius, other) in &placed[at + 1..] {
            if radius + other_radius <= best {
                break;
            }
            best = best.max(length(std::array::from_fn(|axis| point[axis] - other[axis])));
        }
    }
    best
}

fn length(vector: [f64; 3]) -> f64 {
    vector.iter().map(|part| part * part).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_finds_what_comparing_all_pairs_finds() {
        let size = [9, 8, 7];
        let inside: Vec<bool> = (0..size.iter().product::<usize>()).map(|at| at * 7919 % 11 < 3).collect();
        let spacing = [0.7, 1.1, 2.5];
        let region = Region { start: [0; 3], size, inside };
        let found = diameters(&region, spacing);
        let all = vertices(&region);
        let brute = |same: &dyn Fn(&Vertex, &Vertex) -> bool| {
            let mut best = 0.0_f64;
            for a in &all {
                for b in all.iter().filter(|b| same(a, b)) {
                    best = best.max(length(std::array::from_fn(|axis| {
                        f64::from(a[axis] - b[axis]) / 2.0 * spacing[axis]
                    })));
                }
            }
            best
        };
        assert!((found.in_space - brute(&|_, _| true)).abs() < 1e-12);
        for axis in 0..3 {
            assert!((found.in_planes[axis] - brute(&|a, b| a[axis] == b[axis])).abs() < 1e-12, "axis {axis}");
        }
    }
}
