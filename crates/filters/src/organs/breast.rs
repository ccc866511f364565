use rayon::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use wilhelm_study::{FlatMask, Progress, Projection, VoxelQuantity};

use crate::FilterError;
use crate::denoise::{Edge, Sigma, gaussian, median};
use crate::measure::outline;
use crate::segment::morphology::Element;
use crate::segment::{Component, Connectivity, components, holes, morphology};

/// What counts as a candidate in a breast ultrasound image. Lengths are relative to the image, since
/// exported pictures seldom say how large a pixel is.
#[derive(Clone, Debug, PartialEq)]
pub struct BreastSettings {
    /// Brightness over that of the surroundings below which a place is dark.
    pub darkness: f32,
    /// Least and greatest share of the image that a candidate covers.
    pub share: [f64; 2],
    /// Least area over that of its convex hull.
    pub solidity: f64,
    /// Candidates given at most, the strongest first.
    pub most: usize,
}

impl Default for BreastSettings {
    fn default() -> Self {
        Self { darkness: 0.62, share: [0.004, 0.35], solidity: 0.6, most: 5 }
    }
}

/// A dark place in the tissue that a lesion could be. It finds, it does not judge.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct BreastCandidate {
    /// Its middle: column and row, counted from 0.
    pub center: [f64; 2],
    /// The box around it: first column and row, and one past the last.
    pub bounds: [[usize; 2]; 2],
    /// Share of the image that it covers.
    pub share: f64,
    /// How much brighter its rim is than it is, over the rim's brightness: 0 (not at all) to 1.
    pub contrast: f64,
    /// Area over that of its convex hull, 0 to 1.
    pub solidity: f64,
    /// Height over width: lesions taller than wide are more suspicious (BI-RADS: not parallel).
    pub height_over_width: f64,
    /// By what the candidates are ordered: contrast times solidity, less towards the image's lower end
    /// and sides, where shadows are.
    pub score: f64,
    /// Its pixels.
    #[serde(skip)]
    pub mask: FlatMask,
}

/// Lesion candidates in a B-mode ultrasound image of the breast: compact dark places in brighter tissue.
///
/// The transducer is at the top. Speckle is smoothed, each place compared with the mean around it,
/// what is dark is opened and filled, and pieces that reach the skin or the lower end are left out: they
/// are shadows. Normal breasts have dark places too (fat lobules, ribs), so that most images have a
/// candidate.
///
/// # Errors
/// [`FilterError::Parameter`] for settings out of range, [`FilterError::TooFew`] for an image of fewer
/// than 32 rows or columns, [`FilterError::Cancelled`].
///
/// # Source
/// Dark, compact, in the middle of the image: Drukker et al. 2002, doi:10.1118/1.1485995 (radial gradient
/// filter); here thresholds against the local mean instead
pub fn breast_candidates<Q: VoxelQuantity>(
    image: &Projection<Q>,
    settings: &BreastSettings,
    progress: &dyn Progress,
) -> Result<Vec<BreastCandidate>, FilterError> {
    const LEAST: usize = 32;
    let (columns, rows) = (image.columns(), image.rows());
    let shorter = columns.min(rows);
    if shorter < LEAST {
        return Err(FilterError::TooFew { what: "shorter side", found: shorter, expected: LEAST });
    }
    check(settings)?;
    let side = ((columns * rows) as f64).sqrt();
    let radius = (side / 128.0).round().clamp(1.0, 16.0) as usize;
    let smooth = median(image, [radius, radius, 0], Edge::Reflect, progress)?;
    let smooth = gaussian(&smooth, Sigma::Voxels(side / 100.0), Edge::Nearest)?;
    let around = gaussian(&smooth, Sigma::Voxels((side / 6.0).min(256.0)), Edge::Nearest)?;
    let least = smooth.pixels().iter().copied().fold(f32::INFINITY, f32::min);
    let dark = smooth
        .pixels()
        .iter()
        .zip(around.pixels())
        .map(|(here, around)| here - least < settings.darkness * (around - least))
        .collect();
    let dark = FlatMask::new(columns, rows, dark, image.spacing())?;
    let opened = morphology::open(&dark, Element::BallVoxels(side * 3.0 / 256.0))?;
    let filled = holes::fill(&opened)?;
    let found = components::label(&filled, Connectivity::Faces)?;
    let judged: Vec<Option<BreastCandidate>> = found
        .list
        .par_iter()
        .enumerate()
        .map(|(place, piece)| {
            if !plausible(piece, columns, rows, settings) {
                return Ok(None);
            }
            let mask = found.labels.iter().map(|label| *label == place as u32 + 1).collect();
            let mask = FlatMask::new(columns, rows, mask, image.spacing())?;
            judge(mask, piece, &smooth, least, settings)
        })
        .collect::<Result<_, FilterError>>()?;
    let mut candidates: Vec<BreastCandidate> = judged.into_iter().flatten().collect();
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(settings.most);
    Ok(candidates)
}

fn check(settings: &BreastSettings) -> Result<(), FilterError> {
    let [least, most] = settings.share;
    if !(0.0..=1.0).contains(&least) || !(least..=1.0).contains(&most) {
        return Err(FilterError::parameter("share", format!("{least} to {most}"), "two shares from 0 to 1"));
    }
    if !(0.0..=1.0).contains(&settings.darkness) {
        return Err(FilterError::parameter("darkness", settings.darkness, "0 to 1"));
    }
    Ok(())
}

fn plausible(piece: &Component, columns: usize, rows: usize, settings: &BreastSettings) -> bool {
    let share = piece.voxels as f64 / (columns * rows) as f64;
    let (width, height) = ((piece.end[0] - piece.start[0]) as f64, (piece.end[1] - piece.start[1]) as f64);
    // What reaches the skin or the lower end, or is drawn out, is a shadow or a layer.
    (settings.share[0]..=settings.share[1]).contains(&share)
        && piece.start[1] > 1
        && piece.end[1] < rows
        && height <= 2.5 * width
        && width <= 5.0 * height
}

fn judge<Q: VoxelQuantity>(
    mask: FlatMask,
    piece: &Component,
    smooth: &Projection<Q>,
    least: f32,
    settings: &BreastSettings,
) -> Result<Option<BreastCandidate>, FilterError> {
    let (columns, rows) = (mask.columns() as f64, mask.rows() as f64);
    let solidity = (piece.voxels as f64 / hull_area(&mask)).min(1.0);
    if solidity < settings.solidity {
        return Ok(None);
    }
    let rim = morphology::dilate(&mask, Element::BallVoxels((columns * rows).sqrt() * 6.0 / 256.0))?;
    let (mut sums, mut counts) = ([0.0_f64; 2], [0.0_f64; 2]);
    for ((value, inside), near) in smooth.pixels().iter().zip(mask.pixels()).zip(rim.pixels()) {
        if *near {
            let side = usize::from(*inside);
            sums[side] += f64::from(value - least);
            counts[side] += 1.0;
        }
    }
    let (outside, inside) = (sums[0] / counts[0].max(1.0), sums[1] / counts[1].max(1.0));
    let contrast = if outside > 0.0 { ((outside - inside) / outside).clamp(0.0, 1.0) } else { 0.0 };
    let center = [piece.centroid[0], piece.centroid[1]];
    // Lesions are scanned in the middle, a third of the way down; shadows lie below and at the sides.
    let below = (center[1] / rows - 0.35).max(0.0) / 0.3;
    let beside = (center[0] / columns - 0.5) / 0.4;
    let place = (-0.5 * (below * below + beside * beside)).exp();
    let cut = if piece.start[0] == 0 || piece.end[0] == mask.columns() { 0.5 } else { 1.0 };
    let (width, height) = (piece.end[0] - piece.start[0], piece.end[1] - piece.start[1]);
    Ok(Some(BreastCandidate {
        center,
        bounds: [[piece.start[0], piece.start[1]], [piece.end[0], piece.end[1]]],
        share: piece.voxels as f64 / (columns * rows),
        contrast,
        solidity,
        height_over_width: height as f64 / width as f64,
        score: contrast * solidity * place * cut,
        mask,
    }))
}

/// Area of the convex hull of a mask's pixels, edges included.
fn hull_area(mask: &FlatMask) -> f64 {
    let mut corners = Vec::new();
    for (row, line) in mask.pixels().chunks_exact(mask.columns()).enumerate() {
        let Some(first) = line.iter().position(|inside| *inside) else { continue };
        let last = line.iter().rposition(|inside| *inside).unwrap_or(first);
        for edge in [row, row + 1] {
            corners.push([first as f64, edge as f64]);
            corners.push([(last + 1) as f64, edge as f64]);
        }
    }
    outline::area(&outline::hull(corners))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Silent};

    /// Tissue of 120 with a texture, darker with depth, and a dark ellipse.
    fn phantom(lesion: Option<([f64; 2], [f64; 2])>) -> Projection<Arbitrary> {
        let (columns, rows) = (200, 160);
        let value = |at: usize| {
            let (x, y) = ((at % columns) as f64, (at / columns) as f64);
            let texture = 12.0 * ((x * 0.9).sin() * (y * 1.3).cos());
            let inside = lesion
                .is_some_and(|([cx, cy], [a, b])| ((x - cx) / a).powi(2) + ((y - cy) / b).powi(2) <= 1.0);
            ((if inside { 30.0 } else { 120.0 }) + texture) as f32 * (1.0 - y as f32 / 400.0)
        };
        Projection::new(columns, rows, (0..columns * rows).map(value).collect(), None).expect("fits")
    }

    #[test]
    fn a_dark_ellipse_is_found_where_it_is_and_as_large_as_it_is() {
        let image = phantom(Some(([90.0, 60.0], [22.0, 14.0])));
        let found = breast_candidates(&image, &BreastSettings::default(), &Silent).expect("candidates");
        let best = found.first().expect("the ellipse");
        assert!((best.center[0] - 90.0).abs() < 2.0 && (best.center[1] - 60.0).abs() < 2.0, "{best:?}");
        let area = std::f64::consts::PI * 22.0 * 14.0 / (200.0 * 160.0);
        assert!((best.share / area - 1.0).abs() < 0.2, "{} is not {area}", best.share);
        assert!(best.height_over_width < 0.8 && best.solidity > 0.9 && best.contrast > 0.4, "{best:?}");
    }

    #[test]
    fn even_tissue_and_even_gray_have_no_candidate() {
        let settings = BreastSettings::default();
        assert_eq!(breast_candidates(&phantom(None), &settings, &Silent), Ok(Vec::new()));
        let flat = Projection::<Arbitrary>::new(64, 64, vec![7.0; 4096], None).expect("fits");
        assert_eq!(breast_candidates(&flat, &settings, &Silent), Ok(Vec::new()));
    }

    #[test]
    fn what_reaches_the_lower_end_is_a_shadow() {
        let image = phantom(Some(([90.0, 130.0], [25.0, 60.0])));
        let found = breast_candidates(&image, &BreastSettings::default(), &Silent).expect("candidates");
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_tiny_image_and_settings_out_of_range_are_refused() {
        let tiny = Projection::<Arbitrary>::new(20, 64, vec![0.0; 1280], None).expect("fits");
        assert!(breast_candidates(&tiny, &BreastSettings::default(), &Silent).is_err());
        let settings = BreastSettings { darkness: 1.5, ..BreastSettings::default() };
        assert!(breast_candidates(&phantom(None), &settings, &Silent).is_err());
    }
}
