//! The least value of a smooth convex function of many numbers.

use std::collections::VecDeque;

/// Steps that are remembered, each with the change of the gradient along it.
const MEMORY: usize = 12;
/// Share of the promised decrease that a step must bring.
const DECREASE: f64 = 1e-4;
/// Share of the slope that may be left after a step.
const SLOPE: f64 = 0.9;

/// Where a search ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Least {
    /// The place.
    pub at: Vec<f64>,
    /// The greatest number of the gradient there.
    pub gradient: f64,
}

/// Walks down from `at` by the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno until no number of the
/// gradient is above `tolerance`, no step goes further down, or `limit` steps are made.
///
/// `value` gives the function's value and writes its gradient.
///
/// # Source
/// Nocedal and Wright 2006, algorithms 7.4 and 7.5; line search by bisection after Lewis and Overton 2013,
/// doi:10.1007/s10107-012-0514-2
pub(crate) fn least(
    at: Vec<f64>,
    tolerance: f64,
    limit: usize,
    mut value: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Least {
    let mut at = at;
    let mut gradient = vec![0.0; at.len()];
    let mut here = value(&at, &mut gradient);
    let mut memory: VecDeque<Pair> = VecDeque::with_capacity(MEMORY);
    for _ in 0..limit {
        if greatest(&gradient) <= tolerance {
            break;
        }
        let mut direction = downhill(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 {
            // What was remembered misleads: straight down instead.
            memory.clear();
            direction = downhill(&gradient, &memory);
            slope = dot(&direction, &gradient);
        }
        let (mut low, mut high, mut length) = (0.0, f64::INFINITY, 1.0);
        let mut next = vec![0.0; at.len()];
        let mut next_gradient = vec![0.0; at.len()];
        let mut found = None;
        for _ in 0..60 {
            next.iter_mut()
                .zip(at.iter().zip(&direction))
                .for_each(|(next, (at, d))| *next = at + length * d);
            let there = value(&next, &mut next_gradient);
            if !there.is_finite() || there > here + DECREASE * length * slope {
                high = length;
            } else {
                found = Some((there, next.clone(), next_gradient.clone()));
                if dot(&direction, &next_gradient) >= SLOPE * slope {
                    break;
                }
                low = length;
            }
            length = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * length };
        }
        // The last step tried may have been refused: what counts is the last that was not.
        let Some((there, next, next_gradient)) = found else { break };
        let pair = Pair::between((&at, &gradient), (&next, &next_gradient));
        let further = there < here;
        (at, gradient, here) = (next, next_gradient, there);
        if !further {
            break;
        }
        if let Some(pair) = pair {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back(pair);
        }
    }
    Least { gradient: greatest(&gradient), at }
}

/// A step and the change of the gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    /// 1 over their product, which is above 0.
    inverse: f64,
}

impl Pair {
    fn between(from: (&[f64], &[f64]), to: (&[f64], &[f64])) -> Option<Self> {
        let less = |to: &[f64], from: &[f64]| to.iter().zip(from).map(|(to, from)| to - from).collect();
        let (step, change): (Vec<f64>, Vec<f64>) = (less(to.0, from.0), less(to.1, from.1));
        let product = dot(&step, &change);
        let scale = dot(&change, &change);
        (product > 1e-14 * scale && scale > 0.0).then(|| Self { step, change, inverse: 1.0 / product })
    }
}

/// Down, by the curvature that is remembered.
fn downhill(gradient: &[f64], memory: &VecDeque<Pair>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|value| -value).collect();
    let Some(newest) = memory.back() else {
        let length = dot(gradient, gradient).sqrt();
        direction.iter_mut().for_each(|value| *value /= length.max(1.0));
        return direction;
    };
    let mut shares = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let share = pair.inverse * dot(&pair.step, &direction);
        add(&mut direction, -share, &pair.change);
        shares.push(share);
    }
    let scale = 1.0 / (newest.inverse * dot(&newest.change, &newest.change));
    direction.iter_mut().for_each(|value| *value *= scale);
    for (pair, share) in memory.iter().zip(shares.iter().rev()) {
        let other = pair.inverse * dot(&pair.change, &direction);
        add(&mut direction, share - other, &pair.step);
    }
    direction
}

/// Sum of products, in eight lanes that a processor adds up at once.
pub(crate) fn dot(first: &[f64], second: &[f64]) -> f64 {
    let (ones, rest) = first.as_chunks::<8>();
    let (others, last) = second.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for (one, other) in ones.iter().zip(others) {
        lanes.iter_mut().zip(one.iter().zip(other)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    let tail: f64 = rest.iter().zip(last).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + tail
}

/// `to + factor * what`
pub(crate) fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += factor * what);
}

fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_narrow_valley_is_walked_to_its_end() {
        // Least at (3, -2, 0.5), curvatures 1, 1000 and 1/10.
        let (target, curvature) = ([3.0, -2.0, 0.5], [1.0, 1000.0, 0.1]);
        let found = least(vec![0.0; 3], 1e-10, 200, |at, gradient| {
            let mut value = 0.0;
            for axis in 0..3 {
                let off = at[axis] - target[axis];
                gradient[axis] = curvature[axis] * off;
                value += curvature[axis] * off * off / 2.0;
            }
            value
        });
        for (found, target) in found.at.iter().zip(target) {
            assert!((found - target).abs() < 1e-8, "{found} for {target}");
        }
        assert!(found.gradient <= 1e-10);
    }

    #[test]
    fn a_sum_of_products_in_lanes_worked_on_paper() {
        // 1 + 4 + 9 + ... + 121 = 506
        let values: Vec<f64> = (1..=11).map(f64::from).collect();
        assert_eq!(dot(&values, &values), 506.0);
        let mut to = vec![1.0, 2.0];
        add(&mut to, 0.5, &[4.0, -2.0]);
        assert_eq!(to, [3.0, 1.0]);
    }
}
