use rayon::prelude::*;

/// What is denser than this (HU) is body: between fat and lung.
const BODY: f32 = -300.0;
/// Values at or below this (HU) in all four corners are the padding around a round field of view.
const PADDING: f32 = -1100.0;
/// Samples of a round border.
const SAMPLES: usize = 720;
/// Fewest voxels of body that make a slice count: 1 in 100.
const LEAST_SHARE: usize = 100;

/// Share of the border of a CT's field of view that is body, over the slices that hold body: the outermost
/// pixels, or a circle just inside a round field of view (whose corners are padding).
pub(super) fn cut_off(values: &[f32], columns: usize, rows: usize) -> f64 {
    let shares: Vec<f64> =
        values.par_chunks(columns * rows).filter_map(|plane| of_slice(plane, columns, rows)).collect();
    if shares.is_empty() { 0.0 } else { shares.iter().sum::<f64>() / shares.len() as f64 }
}

fn of_slice(plane: &[f32], columns: usize, rows: usize) -> Option<f64> {
    let body = plane.iter().filter(|value| **value > BODY).count();
    if body * LEAST_SHARE < plane.len() {
        return None;
    }
    let corners = [0, columns - 1, (rows - 1) * columns, rows * columns - 1];
    let round = corners.iter().all(|corner| plane[*corner] <= PADDING);
    let border: Vec<usize> = if round {
        // Two pixels inside, where the edge of the padding has no part in the value.
        let radius = (columns.min(rows) as f64 / 2.0 - 2.5).max(0.0);
        let center = [(columns - 1) as f64 / 2.0, (rows - 1) as f64 / 2.0];
        (0..SAMPLES)
            .map(|sample| {
                let (sine, cosine) = (sample as f64 / SAMPLES as f64 * std::f64::consts::TAU).sin_cos();
                let column = (center[0] + radius * cosine).round() as usize;
                let row = (center[1] + radius * sine).round() as usize;
                row.min(rows - 1) * columns + column.min(columns - 1)
            })
            .collect()
    } else {
        let edge = |at: &usize| {
            let (column, row) = (at % columns, at / columns);
            column == 0 || row == 0 || column == columns - 1 || row == rows - 1
        };
        (0..plane.len()).filter(edge).collect()
    };
    let inside = border.iter().filter(|at| plane[**at] > BODY).count();
    Some(inside as f64 / border.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_field_of_view_is_judged_on_its_circle() {
        // 40 x 40, padding outside a circle; the lower half of it is body: half of its border.
        let at = |radius: f64| {
            (0..1600).map(move |at| {
                let (x, y) = ((at % 40) as f64 - 19.5, (at / 40) as f64 - 19.5);
                match x.hypot(y) {
                    far if far > 20.0 => -2000.0,
                    _ if y > 0.0 && x.hypot(y) < radius => 40.0,
                    _ => -1000.0,
                }
            })
        };
        let half = cut_off(&at(20.0).collect::<Vec<f32>>(), 40, 40);
        assert!((half - 0.5).abs() < 0.02, "{half}");
        assert_eq!(cut_off(&at(12.0).collect::<Vec<f32>>(), 40, 40), 0.0);
        assert_eq!(cut_off(&[-1000.0; 1600], 40, 40), 0.0);
    }
}
