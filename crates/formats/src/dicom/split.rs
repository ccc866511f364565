//! Several images at each position (echoes, b-values, times): which attribute tells them apart.

use std::collections::BTreeMap;

use super::header::VARYING;

/// What splitting looks at, for one image.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Position along the normal, mm.
    pub depth: f64,
    pub varying: [Option<String>; VARYING.len()],
    /// By which repetitions at one position are ordered: acquisition time, then instance number.
    pub order: (Option<String>, Option<i64>),
}

/// How the images of a stack fall apart.
#[derive(Debug, PartialEq)]
pub(crate) struct Parts {
    /// What differs between the parts; `None` where there is one part.
    pub by: Option<&'static str>,
    /// The images of each part, by their place in the input.
    pub members: Vec<Vec<usize>>,
}

/// Splits images so that a part has one at each position, where an attribute explains it.
///
/// Images that nothing tells apart stay together: they are duplicates, and the caller's to report.
pub(crate) fn parts(candidates: &[Candidate], tolerance: f64) -> Parts {
    let all = Parts { by: None, members: vec![(0..candidates.len()).collect()] };
    let position = positions(candidates, tolerance);
    let count = position.iter().max().map_or(0, |last| last + 1);
    // Fewer than one and a half images a position are duplicates, not a fourth dimension.
    if count == 0 || candidates.len() * 2 < count * 3 {
        return all;
    }
    for (attribute, name) in VARYING.iter().enumerate() {
        if let Some(members) = by_key(candidates, &position, count, |candidate| {
            candidate.varying[attribute].clone().unwrap_or_default()
        }) {
            return Parts { by: Some(name), members };
        }
    }
    for (first, name) in VARYING.iter().enumerate() {
        for second in first + 1..VARYING.len() {
            let key = |candidate: &Candidate| {
                let value = |i: usize| candidate.varying[i].clone().unwrap_or_default();
                (value(first), value(second))
            };
            if let Some(members) = by_key(candidates, &position, count, key) {
                return Parts { by: Some(name), members };
            }
        }
    }
    repetitions(candidates, &position, count).map_or(all, |members| Parts { by: Some("repetition"), members })
}

/// For each image, the number of its position from 0, in order of depth.
fn positions(candidates: &[Candidate], tolerance: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|a, b| candidates[*a].depth.total_cmp(&candidates[*b].depth));
    let mut position = vec![0; candidates.len()];
    let (mut number, mut start) = (0, None);
    for i in order {
        let depth = candidates[i].depth;
        match start {
            Some(begin) if depth - begin > tolerance => {
                number += 1;
                start = Some(depth);
            }
            None => start = Some(depth),
            Some(_) => {}
        }
        position[i] = number;
    }
    position
}

/// The parts by a key, if each has at most one image at a position and at least half the positions.
fn by_key<K: Ord>(
    candidates: &[Candidate],
    position: &[usize],
    count: usize,
    key: impl Fn(&Candidate) -> K,
) -> Option<Vec<Vec<usize>>> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (i, candidate) in candidates.iter().enumerate() {
        groups.entry(key(candidate)).or_default().push(i);
    }
    let fits = |members: &Vec<usize>| {
        let mut places: Vec<usize> = members.iter().map(|i| position[*i]).collect();
        places.sort_unstable();
        places.windows(2).all(|pair| pair[0] != pair[1]) && places.len() * 2 >= count
    };
    (groups.len() > 1 && groups.values().all(fits)).then(|| groups.into_values().collect())
}

/// The same number of images at each position, told apart only by when they were acquired.
fn repetitions(candidates: &[Candidate], position: &[usize], count: usize) -> Option<Vec<Vec<usize>>> {
    let mut at: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (i, place) in position.iter().enumerate() {
        at[*place].push(i);
    }
    let each = at.first()?.len();
    if each < 2 || at.iter().any(|images| images.len() != each) {
        return None;
    }
    let mut members = vec![Vec::with_capacity(count); each];
    for images in &mut at {
        images.sort_by(|a, b| candidates[*a].order.cmp(&candidates[*b].order));
        if images.windows(2).any(|pair| candidates[pair[0]].order == candidates[pair[1]].order) {
            return None;
        }
        for (repetition, image) in images.iter().enumerate() {
            members[repetition].push(*image);
        }
    }
    Some(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(depth: f64, attribute: usize, value: &str, instance: i64) -> Candidate {
        let mut varying: [Option<String>; VARYING.len()] = Default::default();
        varying[attribute] = Some(value.to_owned());
        Candidate { depth, varying, order: (None, Some(instance)) }
    }

    #[test]
    fn two_echoes_make_two_parts_and_one_repeated_slice_makes_none() {
        let echoes: Vec<Candidate> = (0..8)
            .map(|i| candidate(f64::from(i / 2), 0, if i % 2 == 0 { "10" } else { "80" }, i64::from(i)))
            .collect();
        assert_eq!(
            parts(&echoes, 0.01),
            Parts { by: Some("echo time"), members: vec![vec![0, 2, 4, 6], vec![1, 3, 5, 7]] }
        );
        let mut single: Vec<Candidate> =
            (0..6).map(|i| candidate(f64::from(i), 0, "10", i64::from(i))).collect();
        single.push(candidate(3.0, 0, "80", 6));
        assert_eq!(parts(&single, 0.01).by, None);
    }

    #[test]
    fn repetitions_without_an_attribute_are_told_apart_by_their_order() {
        let dynamic: Vec<Candidate> =
            (0..6).map(|i| candidate(f64::from(i % 3), 0, "30", i64::from(i))).collect();
        assert_eq!(
            parts(&dynamic, 0.01),
            Parts { by: Some("repetition"), members: vec![vec![0, 1, 2], vec![3, 4, 5]] }
        );
    }
}
