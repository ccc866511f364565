use rayon::prelude::*;

/// Puts images whose thumbnails correlate above `threshold` into one group, transitively.
///
/// # Shapes
/// Thumbnails of one length each, in: the group of each image (the index of its first member), out.
pub fn group_near_duplicates(thumbnails: &[Vec<f32>], threshold: f64) -> Vec<usize> {
    let standardized: Vec<Vec<f32>> = thumbnails.iter().map(|thumbnail| standardize(thumbnail)).collect();
    let pairs: Vec<(usize, usize)> = (0..standardized.len())
        .into_par_iter()
        .flat_map_iter(|first| {
            let standardized = &standardized;
            (first + 1..standardized.len()).filter_map(move |second| {
                let correlation: f32 =
                    standardized[first].iter().zip(&standardized[second]).map(|(a, b)| a * b).sum();
                (f64::from(correlation) > threshold).then_some((first, second))
            })
        })
        .collect();
    let mut group: Vec<usize> = (0..thumbnails.len()).collect();
    for (first, second) in pairs {
        let (first, second) = (root(&group, first), root(&group, second));
        group[first.max(second)] = first.min(second);
    }
    (0..group.len()).map(|place| root(&group, place)).collect()
}

fn root(group: &[usize], mut place: usize) -> usize {
    while group[place] != place {
        place = group[place];
    }
    place
}

/// Mean 0 and norm 1; a flat image becomes zeros, which correlate with nothing.
fn standardize(values: &[f32]) -> Vec<f32> {
    let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
    let norm = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>().sqrt();
    values.iter().map(|value| if norm > 1e-6 { (value - mean) / norm } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_and_contrast_do_not_hide_a_duplicate_and_groups_are_transitive() {
        let base = vec![0.0, 1.0, 2.0, 3.0, 1.0, 0.0];
        let brighter: Vec<f32> = base.iter().map(|value| 2.0 * value + 5.0).collect();
        let mut near = base.clone();
        near[0] = 0.1;
        let other = vec![3.0, 0.0, 0.0, 1.0, 2.0, 3.0];
        let flat = vec![1.0; 6];
        let groups = group_near_duplicates(&[base, other, brighter, near, flat.clone(), flat], 0.99);
        assert_eq!(groups, [0, 1, 0, 0, 4, 5]);
    }
}
