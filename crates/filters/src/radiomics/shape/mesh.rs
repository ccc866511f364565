use rayon::prelude::*;

use crate::radiomics::region::Region;

/// Triangles of each of the first 128 ways in which a cube's corners can lie in the mask, three
/// hexadecimal digits a triangle, each digit an edge; seen from the mask's side they turn left.
///
/// Corner `k` is bit `k`: 0 to 3 run around the lower face, 4 to 7 around the upper one. The other
/// 128 ways are the complements of these with their triangles turned over, as pyradiomics has them
/// (a face with two opposite corners inside is then not always cut alike by its two cubes, which
/// leaves small gaps: the price of agreeing).
///
/// # Source
/// Lorensen and Cline 1987, doi:10.1145/37402.37422; the table in the public domain that P. Bourke
/// published with "Polygonising a scalar field", 1994.
#[rustfmt::skip]
const TRIANGLES: [&str; 128] = [
    "", "083", "019", "183981", "12a", "08312a", "92a029", "2832a8a98",
    "3b2", "0b28b0", "19023b", "1b219b98b", "3a1ba3", "0a108a8ba", "3903b9ba9", "98aa8b",
    "478", "430734", "019847", "419471731", "12a847", "34730412a", "92a902847", "2a9297273794",
    "8473b2", "b47b24204", "90184723b", "47b94b9b2921", "3a13ba784", "1ba14b1047b4", "47890b9bab03", "47b4b99ba",
    "954", "954083", "054150", "854835315", "12a954", "30812a495", "52a542402", "2a5325354348",
    "95423b", "0b208b495", "05401523b", "21525828b485", "a3ba13954", "4950818a18ba", "54050b5bab03", "54858aa8b",
    "978579", "930953573", "078017157", "153357", "978957a12", "a12950530573", "802825857a52", "2a5253357",
    "7957893b2", "95797292027b", "23b018178157", "b21b17715", "958857a13a3b", "5705097b010aba0", "ba0b03a50807570", "ba57b5",
    "a65", "0835a6", "9015a6", "1831985a6", "165261", "165126308", "965906026", "598582526328",
    "23ba65", "b08b20a65", "01923b5a6", "5a61929b298b", "63b653513", "08b0b50515b6", "3b6036065059", "65969bb98",
    "5a6478", "43047365a", "1905a6847", "a65197173794", "612651478", "125526304347", "847905065026", "739794329596269",
    "3b2784a65", "5a647242027b", "01947823b5a6", "9219b294b7b45a6", "8473b53515b6", "51b5b610b7b404b", "059065036b63847", "65969b4797b9",
    "a4964a", "4a649a083", "a01a60640", "83181686461a", "149124264", "308129249264", "024426", "832824426",
    "a49a64b23", "08228b49a4a6", "3b201606461a", "64161a48121b8b1", "964936913b63", "8b1810b61914641", "3b6360064", "648b68",
    "7a678a89a", "0730a709a67a", "a671a7178180", "a67a71173", "126168189867", "269291679093739", "780706602", "732672",
    "23ba68a89867", "20727b09767a9a7", "1801781a767a23b", "b21b17a61671", "896867916b63136", "0916b7", "7807063b0b60", "7b6",
];

/// Column, row and slice of the eight corners.
const CORNERS: [[usize; 3]; 8] =
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]];

/// The corners that each of the twelve edges joins; a vertex is halfway.
const EDGES: [[usize; 2]; 12] =
    [[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], [5, 6], [6, 7], [7, 4], [0, 4], [1, 5], [2, 6], [3, 7]];

/// What a mesh encloses.
pub(super) struct Mesh {
    /// mm^3.
    pub(super) volume: f64,
    /// mm^2.
    pub(super) area: f64,
}

/// How often each kind of cube was met, and the sum of the places where.
struct Cubes {
    counts: [u64; 256],
    places: [[u64; 3]; 256],
}

/// Volume and area of the mesh of a mask.
pub(super) fn measure(region: &Region, spacing: [f64; 3]) -> Mesh {
    let cubes = count(region);
    let [mut volume, mut area] = [0.0; 2];
    for kind in 1..255_usize {
        if cubes.counts[kind] == 0 {
            continue;
        }
        let count = cubes.counts[kind] as f64;
        let place: [f64; 3] = std::array::from_fn(|axis| cubes.places[kind][axis] as f64 * spacing[axis]);
        let (row, sign) = if kind < 128 { (kind, -1.0) } else { (255 - kind, 1.0) };
        for [a, b, c] in triangles(row, spacing) {
            let normal = cross(minus(b, a), minus(c, a));
            area += count * 0.5 * dot(normal, normal).sqrt();
            // The volume between the origin and a triangle moved by `t` is that of the triangle
            // where it was and `t` times its normal, which sums over all cubes of a kind.
            volume += sign * (count * dot(cross(a, b), c) + dot(place, normal)) / 6.0;
        }
    }
    Mesh { volume, area }
}

/// Triangles of a kind of cube at the origin, in mm.
fn triangles(row: usize, spacing: [f64; 3]) -> impl Iterator<Item = [[f64; 3]; 3]> {
    TRIANGLES[row].as_bytes().as_chunks::<3>().0.iter().map(move |digits| {
        digits.map(|digit| {
            let edge = (digit as char).to_digit(16).unwrap_or(0) as usize;
            let [from, to] = EDGES[edge].map(|corner| CORNERS[corner]);
            std::array::from_fn(|axis| (from[axis] + to[axis]) as f64 / 2.0 * spacing[axis])
        })
    })
}

/// Meets every cube of the mask in a frame of one voxel.
fn count(region: &Region) -> Cubes {
    let [columns, rows, slices] = region.size;
    let empty = vec![false; columns];
    let row_at = |row: usize, slice: usize| -> &[bool] {
        // Row and slice count the frame; its rows are empty.
        if row == 0 || row > rows || slice == 0 || slice > slices {
            return &empty;
        }
        let from = ((slice - 1) * rows + row - 1) * columns;
        &region.inside[from..from + columns]
    };
    let nothing = || Cubes { counts: [0; 256], places: [[0; 3]; 256] };
    (0..=slices)
        .into_par_iter()
        .fold(nothing, |mut cubes, slice| {
            for row in 0..=rows {
                let beams = [
                    row_at(row, slice),
                    row_at(row + 1, slice),
                    row_at(row, slice + 1),
                    row_at(row + 1, slice + 1),
                ];
                // Corners of the right side of the last cube are those of the left side of the next.
                let mut left = [false; 4];
                for column in 0..=columns {
                    let right = if column < columns { beams.map(|beam| beam[column]) } else { [false; 4] };
                    let kind = usize::from(left[0])
                        | usize::from(right[0]) << 1
                        | usize::from(right[1]) << 2
                        | usize::from(left[1]) << 3
                        | usize::from(left[2]) << 4
                        | usize::from(right[2]) << 5
                        | usize::from(right[3]) << 6
                        | usize::from(left[3]) << 7;
                    left = right;
                    if kind != 0 && kind != 255 {
                        cubes.counts[kind] += 1;
                        for (sum, at) in cubes.places[kind].iter_mut().zip([column, row, slice]) {
                            *sum += at as u64;
                        }
                    }
                }
            }
            cubes
        })
        .reduce(nothing, |mut sum, part| {
            for kind in 0..256 {
                sum.counts[kind] += part.counts[kind];
                sum.places[kind].iter_mut().zip(part.places[kind]).for_each(|(sum, part)| *sum += part);
            }
            sum
        })
}

fn minus(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| a[axis] - b[axis])
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_triangle_lies_on_cut_edges_and_every_cut_edge_has_one() {
        for (kind, row) in TRIANGLES.iter().enumerate() {
            assert_eq!(row.len() % 3, 0, "kind {kind}");
            let mut used = [false; 12];
            for digit in row.chars() {
                used[digit.to_digit(16).expect("an edge") as usize] = true;
            }
            for (edge, [a, b]) in EDGES.iter().enumerate() {
                let cut = (kind >> a & 1) != (kind >> b & 1);
                assert_eq!(used[edge], cut, "kind {kind}, edge {edge}");
            }
        }
    }

    #[test]
    fn triangles_of_a_kind_close_up_inside_the_cube() {
        // Within a cube each side of a triangle is shared with one that runs along it the other
        // way, or lies in a face of the cube.
        for (kind, row) in TRIANGLES.iter().enumerate() {
            let mut sides = std::collections::BTreeMap::new();
            for triangle in row.as_bytes().chunks(3) {
                for side in 0..3 {
                    let (from, to) = (triangle[side], triangle[(side + 1) % 3]);
                    *sides.entry((from, to)).or_insert(0) += 1;
                }
            }
            for ((from, to), times) in &sides {
                assert_eq!(*times, 1, "kind {kind}: a side is used twice one way");
                let back = sides.contains_key(&(*to, *from));
                assert_ne!(back, in_one_face(*from, *to), "kind {kind}: side {from} to {to}");
            }
        }
    }

    fn in_one_face(from: u8, to: u8) -> bool {
        let middle = |digit: u8| -> [usize; 3] {
            let [a, b] = EDGES[(digit as char).to_digit(16).expect("an edge") as usize].map(|at| CORNERS[at]);
            std::array::from_fn(|axis| a[axis] + b[axis])
        };
        let (a, b) = (middle(from), middle(to));
        (0..3).any(|axis| a[axis] == b[axis] && a[axis] != 1)
    }
}
