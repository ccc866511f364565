//! Connected components: the pieces of a set, their sizes and places, and choosing among them.

use wilhelm_study::Index;

use super::binary::{BinaryRaster, offset};
use super::runs::{Component, Connectivity, Runs};
use crate::FilterError;

/// The pieces of a set, and to which of them each voxel belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct Components {
    /// 0 outside the set, else one more than the piece's place in [`Components::list`]; columns fastest.
    pub labels: Vec<u32>,
    /// The pieces in the order of their first voxels.
    pub list: Vec<Component>,
}

/// Finds the connected pieces of a set.
///
/// Pieces are numbered in the order of their first voxels (columns fastest), whatever the number of
/// threads.
///
/// # Errors
/// [`FilterError::Parameter`] for a grid of more than 2^32 - 1 voxels.
///
/// # Source
/// Runs and union-find as in He, Chao, Suzuki 2008, doi:10.1109/TIP.2008.917204.
pub fn label(set: &impl BinaryRaster, connectivity: Connectivity) -> Result<Components, FilterError> {
    let runs = Runs::of(set.size(), set.inside(), true, connectivity)?;
    let labels = runs.filled((1..=runs.list.len() as u32).collect());
    Ok(Components { labels, list: runs.list })
}

/// The pieces of a set in the order of their first voxels, without labels: quicker than [`label`].
///
/// # Errors
/// As [`label`].
pub fn list(set: &impl BinaryRaster, connectivity: Connectivity) -> Result<Vec<Component>, FilterError> {
    Ok(Runs::of(set.size(), set.inside(), true, connectivity)?.list)
}

/// The `count` largest pieces of a set; of equal ones the first counts as larger.
///
/// An empty set stays empty, and a set of fewer pieces stays as it is.
///
/// # Errors
/// As [`label`].
pub fn largest<S: BinaryRaster>(set: &S, connectivity: Connectivity, count: usize) -> Result<S, FilterError> {
    let runs = Runs::of(set.size(), set.inside(), true, connectivity)?;
    let mut order: Vec<usize> = (0..runs.list.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(runs.list[*at].voxels), *at));
    let mut keep = vec![false; order.len()];
    order.iter().take(count).for_each(|at| keep[*at] = true);
    Ok(set.with_inside(runs.filled(keep))?)
}

/// A set without its pieces of fewer than `least_voxels` voxels.
///
/// # Errors
/// As [`label`].
pub fn remove_small<S: BinaryRaster>(
    set: &S,
    connectivity: Connectivity,
    least_voxels: usize,
) -> Result<S, FilterError> {
    keep(set, connectivity, |piece| piece.voxels >= least_voxels)
}

/// The pieces of a set that a rule keeps, for example those that do not touch the border.
///
/// # Errors
/// As [`label`].
pub fn keep<S: BinaryRaster>(
    set: &S,
    connectivity: Connectivity,
    rule: impl Fn(&Component) -> bool,
) -> Result<S, FilterError> {
    let runs = Runs::of(set.size(), set.inside(), true, connectivity)?;
    Ok(set.with_inside(runs.painted(|at| rule(&runs.list[at])))?)
}

/// The pieces of a set that hold one of the places; places outside the set choose nothing.
///
/// # Errors
/// As [`label`], and [`FilterError::Parameter`] for a place outside the grid.
pub fn containing<S: BinaryRaster>(
    set: &S,
    connectivity: Connectivity,
    places: &[Index],
) -> Result<S, FilterError> {
    let size = set.size();
    let offsets: Vec<usize> =
        places.iter().map(|place| offset("place", *place, size)).collect::<Result<_, _>>()?;
    let runs = Runs::of(size, set.inside(), true, connectivity)?;
    let mut keep = vec![false; runs.list.len()];
    offsets.iter().filter_map(|offset| runs.at(*offset)).for_each(|at| keep[at] = true);
    Ok(set.with_inside(runs.filled(keep))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::FlatMask;

    /// Rows of `#` and `.`.
    fn picture(rows: &[&str]) -> FlatMask {
        let pixels = rows.iter().flat_map(|row| row.bytes().map(|cell| cell == b'#')).collect();
        FlatMask::new(rows[0].len(), rows.len(), pixels, None).expect("fits")
    }

    #[test]
    fn pieces_worked_on_paper_have_numbers_sizes_boxes_and_centers() {
        let set = picture(&["#..##", "#.#..", "....#"]);
        let found = label(&set, Connectivity::Faces).expect("labels");
        assert_eq!(found.labels, [1, 0, 0, 2, 2, 1, 0, 3, 0, 0, 0, 0, 0, 0, 4]);
        let second = found.list[1];
        assert_eq!((second.voxels, second.start, second.end), (2, [3, 0, 0], [5, 1, 1]));
        assert_eq!(second.centroid, [3.5, 0.0, 0.0]);
        let joined = label(&set, Connectivity::Corners).expect("labels");
        assert_eq!(joined.labels, [1, 0, 0, 2, 2, 1, 0, 2, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(joined, label(&set, Connectivity::Edges).expect("labels"));
    }

    #[test]
    fn pieces_are_chosen_by_size_place_and_rule() {
        let set = picture(&["#..##", "#.#..", "....#"]);
        let by = Connectivity::Faces;
        assert_eq!(largest(&set, by, 1).expect("one"), picture(&["#....", "#....", "....."]));
        assert_eq!(remove_small(&set, by, 2).expect("two"), picture(&["#..##", "#....", "....."]));
        let inner = keep(&set, by, |piece| !piece.is_on_border([5, 3, 1])).expect("one");
        assert_eq!(inner, picture(&[".....", "..#..", "....."]));
        let place = |column, row| Index { column, row, slice: 0 };
        let chosen = containing(&set, by, &[place(4, 2), place(1, 1)]).expect("one");
        assert_eq!(chosen, picture(&[".....", ".....", "....#"]));
        assert!(containing(&set, by, &[place(5, 0)]).is_err());
    }

    #[test]
    fn an_empty_set_has_no_pieces_and_a_full_one_has_one() {
        let empty = picture(&["...", "..."]);
        assert!(list(&empty, Connectivity::Corners).expect("none").is_empty());
        assert_eq!(largest(&empty, Connectivity::Corners, 1).expect("none"), empty);
        let full = picture(&["###", "###"]);
        assert_eq!(list(&full, Connectivity::Faces).expect("one")[0].voxels, 6);
    }
}
