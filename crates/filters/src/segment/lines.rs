/// The rows of a volume as slices of their own, those of equal row number together: `[row][slice]`.
///
/// A pass along the stack then works on one row number a thread, in place.
pub(super) fn across_slices<T>(values: &mut [T], [columns, rows, slices]: [usize; 3]) -> Vec<Vec<&mut [T]>> {
    let mut groups: Vec<Vec<&mut [T]>> = (0..rows).map(|_| Vec::with_capacity(slices)).collect();
    for slice in values.chunks_exact_mut(columns * rows) {
        groups.iter_mut().zip(slice.chunks_exact_mut(columns)).for_each(|(group, row)| group.push(row));
    }
    groups
}
