//! Contours and runs to pixels, and back.

use crate::Outline;

/// The pixels of an outline on an image of so many columns and rows, columns fastest.
///
/// A pixel is inside where a line from its center to the left crosses contours an odd number of times, so that a contour
/// within another is a hole. A center that lies on a contour is inside where the contour is its left or upper border: two
/// areas that share a border share no pixel, and none is left between them.
pub fn paint(outline: &Outline, columns: u32, rows: u32) -> Vec<bool> {
    let (columns, rows) = (columns as usize, rows as usize);
    let mut pixels = vec![false; columns * rows];
    for [first, count] in &outline.runs {
        let (first, end) = (*first as usize, *first as usize + *count as usize);
        pixels[first.min(columns * rows)..end.min(columns * rows)].fill(true);
    }
    if outline.contours.is_empty() {
        return pixels;
    }
    let mut crossings: Vec<f64> = Vec::new();
    for (row, line) in pixels.chunks_exact_mut(columns.max(1)).enumerate().take(rows) {
        let y = row as f64;
        crossings.clear();
        for contour in &outline.contours {
            let next = contour.iter().cycle().skip(1);
            for ([x0, y0], [x1, y1]) in contour.iter().zip(next) {
                if (*y0 <= y) != (*y1 <= y) {
                    crossings.push(x0 + (y - y0) / (y1 - y0) * (x1 - x0));
                }
            }
        }
        crossings.sort_unstable_by(f64::total_cmp);
        for pair in crossings.chunks_exact(2) {
            let at = |value: f64| (value.ceil().max(0.0) as usize).min(columns);
            let (from, to) = (at(pair[0]), at(pair[1]));
            line[from..to.max(from)].fill(true);
        }
    }
    pixels
}

/// Pixels as runs of `[first, count]`.
pub fn runs_of(pixels: &[bool]) -> Vec<[u32; 2]> {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for (place, _) in pixels.iter().enumerate().filter(|(_, inside)| **inside) {
        let place = place as u32;
        match runs.last_mut() {
            Some([first, count]) if *first + *count == place => *count += 1,
            _ => runs.push([place, 1]),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(contours: Vec<Vec<[f64; 2]>>) -> Outline {
        Outline { image: 1, frame: 1, structure: "x".to_owned(), contours, runs: Vec::new() }
    }

    fn drawn(contours: Vec<Vec<[f64; 2]>>) -> Vec<String> {
        let pixels = paint(&outline(contours), 6, 5);
        pixels
            .chunks(6)
            .map(|row| row.iter().map(|inside| if *inside { '#' } else { '.' }).collect())
            .collect()
    }

    #[test]
    fn a_rectangle_between_centers_and_one_through_them() {
        let between = vec![[0.5, 0.5], [3.5, 0.5], [3.5, 2.5], [0.5, 2.5]];
        assert_eq!(drawn(vec![between]), ["......", ".###..", ".###..", "......", "......"]);
        // Through centers: the left and upper borders are inside, the right and lower ones are the neighbor's.
        let through = vec![[1.0, 1.0], [4.0, 1.0], [4.0, 3.0], [1.0, 3.0]];
        assert_eq!(drawn(vec![through]), ["......", ".###..", ".###..", "......", "......"]);
    }

    #[test]
    fn a_contour_within_another_is_a_hole() {
        let outer = vec![[0.5, -0.5], [5.4, -0.5], [5.4, 4.5], [0.5, 4.5]];
        let inner = vec![[1.5, 1.5], [1.5, 3.5], [3.5, 3.5], [3.5, 1.5]];
        assert_eq!(drawn(vec![outer, inner]), [".#####", ".#####", ".#..##", ".#..##", ".#####"]);
    }

    #[test]
    fn polygons_are_the_pixels_that_scikit_image_draws() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../tests/golden/polygons.json")).expect("JSON");
        let cases = golden["cases"].as_array().expect("a list");
        assert!(cases.len() >= 8);
        for case in cases {
            let size = |key: &str| case[key].as_u64().expect("a size") as u32;
            let contour: Vec<[f64; 2]> = serde_json::from_value(case["contour"].clone()).expect("points");
            let expected: Vec<[u32; 2]> = serde_json::from_value(case["runs"].clone()).expect("runs");
            let found = runs_of(&paint(&outline(vec![contour]), size("columns"), size("rows")));
            assert_eq!(found, expected, "{}", case["name"]);
        }
    }

    #[test]
    fn runs_become_pixels_and_pixels_runs() {
        let runs = vec![[0, 2], [4, 1], [11, 3]];
        let own = Outline { runs: runs.clone(), ..outline(Vec::new()) };
        let pixels = paint(&own, 7, 2);
        assert_eq!(pixels.iter().filter(|inside| **inside).count(), 6);
        assert_eq!(runs_of(&pixels), runs);
    }
}
