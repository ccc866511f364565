use std::collections::VecDeque;

/// The minimum of a smooth convex function by L-BFGS with a backtracking line search.
///
/// `function(at, gradient)` writes the gradient and gives the value; `step` is told the number of each iteration and the value.
/// Ends after `most` iterations, or when the value falls by less than `tolerance` of itself.
///
/// # Source
/// Liu and Nocedal 1989, doi:10.1007/BF01589116
pub(super) fn minimize(
    start: Vec<f64>,
    most: usize,
    tolerance: f64,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
    mut step: impl FnMut(usize, f64),
) -> Vec<f64> {
    const MEMORY: usize = 5;
    let mut at = start;
    let mut gradient = vec![0.0; at.len()];
    let mut value = function(&at, &mut gradient);
    let mut pairs: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    for iteration in 1..=most {
        let mut direction: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
        let mut shares = Vec::with_capacity(pairs.len());
        for (moved, turned, curvature) in pairs.iter().rev() {
            let share = dot(moved, &direction) / curvature;
            add(&mut direction, turned, -share);
            shares.push(share);
        }
        if let Some((_, turned, curvature)) = pairs.back() {
            let scale = curvature / dot(turned, turned);
            direction.iter_mut().for_each(|part| *part *= scale);
        }
        for ((moved, turned, curvature), share) in pairs.iter().zip(shares.into_iter().rev()) {
            let correction = share - dot(turned, &direction) / curvature;
            add(&mut direction, moved, correction);
        }
        let slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            return at;
        }
        // The first direction has the gradient's length: as far as 1 at most.
        let mut length = if pairs.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let mut next_gradient = vec![0.0; at.len()];
        let (next, next_value) = loop {
            let mut next = at.clone();
            add(&mut next, &direction, length);
            let next_value = function(&next, &mut next_gradient);
            if next_value <= value + 1e-4 * length * slope {
                break (next, next_value);
            }
            length *= 0.5;
            if length < 1e-12 {
                return at;
            }
        };
        let moved: Vec<f64> = next.iter().zip(&at).map(|(new, old)| new - old).collect();
        let turned: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(new, old)| new - old).collect();
        let curvature = dot(&moved, &turned);
        if curvature > 1e-12 {
            if pairs.len() == MEMORY {
                pairs.pop_front();
            }
            pairs.push_back((moved, turned, curvature));
        }
        let fell = value - next_value;
        (at, gradient, value) = (next, next_gradient, next_value);
        step(iteration, value);
        if fell < tolerance * value.abs() {
            break;
        }
    }
    at
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += times * what);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_valley_is_followed_to_its_end() {
        // A quadratic with curvatures from 1 to 1,000 around (1, 2, 3, 4).
        let found = minimize(
            vec![0.0; 4],
            200,
            1e-15,
            |at, gradient| {
                let mut value = 1.0;
                for (rank, place) in at.iter().enumerate() {
                    let (curvature, off) = (10_f64.powi(rank as i32), place - (rank + 1) as f64);
                    value += 0.5 * curvature * off * off;
                    gradient[rank] = curvature * off;
                }
                value
            },
            |_, _| {},
        );
        for (rank, place) in found.iter().enumerate() {
            assert!((place - (rank + 1) as f64).abs() < 1e-5, "{found:?}");
        }
    }
}
