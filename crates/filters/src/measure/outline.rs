//! Convex outlines in a plane: the longest diameter, and the longest across it.

/// A place in a plane, mm.
pub(crate) type Point = [f64; 2];

/// A line between two places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) ends: [Point; 2],
    pub(super) length: f64,
}

impl Line {
    fn new(from: Point, to: Point) -> Self {
        Self { ends: [from, to], length: (to[0] - from[0]).hypot(to[1] - from[1]) }
    }
}

fn cross(from: Point, a: Point, b: Point) -> f64 {
    (a[0] - from[0]) * (b[1] - from[1]) - (a[1] - from[1]) * (b[0] - from[0])
}

/// The convex hull, counterclockwise, by Andrew's monotone chains.
pub(crate) fn hull(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    if points.len() < 3 {
        return points;
    }
    let chain = |points: &mut dyn Iterator<Item = &Point>| {
        let mut chain: Vec<Point> = Vec::new();
        for point in points {
            while let [.., a, b] = chain[..] {
                if cross(a, b, *point) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(*point);
        }
        // Its last point is the other chain's first.
        chain.pop();
        chain
    };
    let mut hull = chain(&mut points.iter());
    hull.extend(chain(&mut points.iter().rev()));
    hull
}

/// Area inside a border whose corners run counterclockwise; below 0 where they run the other way.
pub(crate) fn area(border: &[Point]) -> f64 {
    let next = border.iter().cycle().skip(1);
    border.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0
}

/// The longest diameter of a convex polygon by rotating calipers, and the longest chord at a right
/// angle to it; `None` for fewer than two corners.
pub(super) fn axes(hull: &[Point]) -> Option<[Line; 2]> {
    let count = hull.len();
    let mut longest = Line::new(*hull.first()?, *hull.get(1)?);
    let mut keep = |a: Point, b: Point| {
        let line = Line::new(a, b);
        if line.length > longest.length {
            longest = line;
        }
    };
    let mut far = 1;
    for (place, start) in hull.iter().enumerate() {
        let end = hull[(place + 1) % count];
        // The farthest vertex from an edge moves on as the edge does; it turns once at most.
        for _ in 0..count {
            let next = (far + 1) % count;
            if cross(*start, end, hull[next]) <= cross(*start, end, hull[far]) {
                break;
            }
            far = next;
        }
        // Where an edge lies opposite, both its ends are as far.
        for vertex in [hull[far], hull[(far + 1) % count]] {
            keep(*start, vertex);
            keep(end, vertex);
        }
    }
    let [from, to] = longest.ends;
    let along = [(to[0] - from[0]) / longest.length, (to[1] - from[1]) / longest.length];
    // Each vertex by how far along the long axis it lies, and how far beside it.
    let turned: Vec<Point> = hull
        .iter()
        .map(|point| {
            let (x, y) = (point[0] - from[0], point[1] - from[1]);
            [x * along[0] + y * along[1], y * along[0] - x * along[1]]
        })
        .collect();
    // A chord's length is concave along the axis: the longest stands at a vertex.
    let mut best = (0.0, 0.0, 0.0);
    for vertex in &turned {
        let (low, high) = chord(&turned, vertex[0]);
        if high - low > best.2 - best.1 {
            best = (vertex[0], low, high);
        }
    }
    let back = |beside: f64| {
        [from[0] + best.0 * along[0] - beside * along[1], from[1] + best.0 * along[1] + beside * along[0]]
    };
    Some([longest, Line::new(back(best.1), back(best.2))])
}

/// Both ends of a convex polygon's cut at `x`.
fn chord(polygon: &[Point], x: f64) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for (place, a) in polygon.iter().enumerate() {
        let b = polygon[(place + 1) % polygon.len()];
        if (a[0] - x) * (b[0] - x) > 0.0 {
            continue;
        }
        let run = b[0] - a[0];
        let crossing = if run == 0.0 { [a[1], b[1]] } else { [a[1] + (b[1] - a[1]) * (x - a[0]) / run; 2] };
        for y in crossing {
            (low, high) = (low.min(y), high.max(y));
        }
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_of_points_has_its_diagonal_and_the_longest_cut_across_it() {
        let corners = vec![[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0], [2.0, 1.0]];
        let [long, short] = axes(&hull(corners)).expect("four corners");
        assert!((long.length - 5.0).abs() < 1e-12);
        // Through a corner, at a right angle to the diagonal, to the long side: 3 * 5 / 4.
        assert!((short.length - 3.75).abs() < 1e-12, "{short:?}");
        let of = |line: Line| [line.ends[1][0] - line.ends[0][0], line.ends[1][1] - line.ends[0][1]];
        let (a, b) = (of(long), of(short));
        assert!((a[0] * b[0] + a[1] * b[1]).abs() < 1e-12, "not at a right angle: {long:?}, {short:?}");
    }

    #[test]
    fn two_points_are_a_line_and_one_is_none() {
        let [long, short] = axes(&hull(vec![[1.0, 1.0], [4.0, 5.0], [1.0, 1.0]])).expect("a line");
        assert_eq!((long.length, short.length), (5.0, 0.0));
        assert_eq!(axes(&hull(vec![[1.0, 1.0]])), None);
        assert_eq!(axes(&[]), None);
    }

    #[test]
    fn calipers_find_what_all_pairs_find() {
        for seed in 1..200_u64 {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 59) as f64) * 0.7
            };
            let points: Vec<Point> = (0..3 + seed as usize % 20).map(|_| [next(), next()]).collect();
            let all =
                points.iter().flat_map(|a| points.iter().map(move |b| (a[0] - b[0]).hypot(a[1] - b[1])));
            let expected = all.fold(0.0, f64::max);
            let Some([long, short]) = axes(&hull(points)) else {
                assert_eq!(expected, 0.0, "seed {seed}");
                continue;
            };
            assert!((long.length - expected).abs() < 1e-9, "seed {seed}: {long:?} is not {expected}");
            assert!(short.length <= long.length + 1e-9);
        }
    }
}
