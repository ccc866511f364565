use super::{NeighborCorrelation, QualityCard, QualityRemark, Severity};

/// Less than this fraction of the range as standard deviation is blank: one gray level of 255.
const BLANK_DEVIATION: f64 = 0.004;
/// More than this share in one of 256 steps is blank; a text label on black stays below it, as does the least
/// organ mask of a small volume.
const BLANK_SHARE: f64 = 0.999;
/// More than this share in one step is nearly blank; real images have up to 0.6, masks of small organs 0.98.
const NEARLY_BLANK_SHARE: f64 = 0.99;
/// Less than this fraction of the range as standard deviation is faint; real images have 0.038 and more.
const FAINT_DEVIATION: f64 = 0.03;
/// Up to this many levels is a mask or a drawing; real images have 50 and more.
const DRAWING_LEVELS: usize = 8;
/// Neighbors less alike than this (mean of both directions) are noise or a pattern; real images have 0.7 and
/// more, organ masks 0.43, white noise 0.08 at the most.
const NOISE_CORRELATION: f64 = 0.25;
/// Neighboring block means less alike than this (mean of both directions) bear no structure. Of 4,172 real images
/// the least has 0.39 (one MR slice) and 99 in 100 have 0.50 and more; noise smoothed over 3 to 13 pixels of 256,
/// or enlarged so that its grain is at most 1/28 of a side, has 0.32 at the most. Noise of coarser grain is not
/// told from a picture.
const STRUCTURE_CORRELATION: f64 = 0.35;
/// Contrast below this many times the noise is grave; real images have 16 and more, white noise below 5.3.
const POOR_CONTRAST_TO_NOISE: f64 = 10.0;
/// Contrast below this many times the noise is worth a note: 1 real image in 100.
const MODEST_CONTRAST_TO_NOISE: f64 = 25.0;
/// Sharpness below this is blur; real images have 0.09 and more, the same smoothed by 4% of their side 0.02.
const BLURRED_SHARPNESS: f64 = 0.05;
/// Fraction at the high end worth a note and a warning; real images have 0.07 at the most.
const HIGH_NOTE: f64 = 0.03;
const HIGH_WARNING: f64 = 0.10;
/// Fraction at the low end (a black background) that deserves a warning; real images have 0.57 at the most.
const LOW_WARNING: f64 = 0.80;
/// Fewest pixels a side that can be judged.
const FEWEST_SIDE: usize = 16;

/// What follows from the measurements, gravest first.
pub(super) fn remarks(card: &QualityCard, found: usize) -> Vec<QualityRemark> {
    let mut remarks = Vec::new();
    let mut say = |severity, text: String| remarks.push(QualityRemark { severity, text });
    let Some(range) = card.range else {
        say(Severity::Unfit, nothing_to_judge(card, found));
        return remarks;
    };

    if card.columns.min(card.rows) < FEWEST_SIDE {
        say(
            Severity::Warning,
            format!("{} x {} pixels are too few to judge the image", card.columns, card.rows),
        );
    }
    if card.not_finite > 0.0 {
        say(Severity::Warning, format!("{} of the values are not finite numbers", percent(card.not_finite)));
    }
    let width = f64::from(range.high) - f64::from(range.low);
    let relative_deviation = if width > 0.0 { card.standard_deviation / width } else { 0.0 };
    let drawing = card.distinct_levels <= DRAWING_LEVELS;
    let blank = card.distinct_levels < 2
        || (range.stated && relative_deviation < BLANK_DEVIATION && !drawing)
        || card.commonest_share > BLANK_SHARE;
    if blank {
        say(
            Severity::Unfit,
            format!(
                "the image is blank: {} different values, {} of the pixels in one gray step",
                card.distinct_levels,
                percent(card.commonest_share)
            ),
        );
    } else {
        contrast(card, relative_deviation, drawing, &mut say);
        randomness(card, drawing, &mut say);
        noise_and_blur(card, &mut say);
    }
    saturation(card, range.stated && !blank, &mut say);
    // A stable sort: within one severity the order of judgment stays.
    remarks.sort_by_key(|remark| std::cmp::Reverse(remark.severity));
    remarks
}

fn nothing_to_judge(card: &QualityCard, found: usize) -> String {
    if card.slices == 0 {
        format!("{found} values do not fill slices of {} x {} pixels", card.columns, card.rows)
    } else {
        "no value of the image is a finite number".to_owned()
    }
}

fn contrast(card: &QualityCard, relative: f64, drawing: bool, say: &mut impl FnMut(Severity, String)) {
    let stated = card.range.is_some_and(|range| range.stated);
    if drawing {
        let levels = card.distinct_levels;
        say(Severity::Warning, format!("only {levels} different values: a mask or a drawing, not a picture"));
    } else if card.commonest_share > NEARLY_BLANK_SHARE {
        let share = percent(card.commonest_share);
        say(Severity::Warning, format!("nearly blank: {share} of the pixels in one gray step"));
    } else if stated && relative < FAINT_DEVIATION {
        let share = percent(relative);
        say(Severity::Warning, format!("little contrast: the standard deviation is {share} of the range"));
    }
}

fn randomness(card: &QualityCard, drawing: bool, say: &mut impl FnMut(Severity, String)) {
    let mean = |found: NeighborCorrelation| (found.along_rows + found.along_columns) / 2.0;
    if let Some(found) = card.pixel_correlation.map(mean).filter(|found| *found < NOISE_CORRELATION) {
        say(
            Severity::Unfit,
            format!(
                "random noise or a pattern: neighboring pixels correlate by {found:.2}, \
                 in images by {NOISE_CORRELATION} and more"
            ),
        );
        return;
    }
    // A mask of a small organ has little on the coarse grid and is no noise.
    let structure = card.structure_correlation.map(mean).filter(|_| !drawing);
    if let Some(found) = structure.filter(|found| *found < STRUCTURE_CORRELATION) {
        say(
            Severity::Unfit,
            format!(
                "no structure, as in smoothed or enlarged noise: neighboring areas correlate by {found:.2}, \
                 in images by {STRUCTURE_CORRELATION} and more"
            ),
        );
    }
}

fn noise_and_blur(card: &QualityCard, say: &mut impl FnMut(Severity, String)) {
    if let Some(ratio) = card.contrast_to_noise.filter(|ratio| *ratio < MODEST_CONTRAST_TO_NOISE) {
        let (severity, word) = if ratio < POOR_CONTRAST_TO_NOISE {
            (Severity::Warning, "very noisy")
        } else {
            (Severity::Note, "noisy")
        };
        say(severity, format!("{word}: the contrast is {ratio:.1} times the noise"));
    }
    if let Some(sharpness) = card.sharpness.filter(|sharpness| *sharpness < BLURRED_SHARPNESS) {
        say(
            Severity::Warning,
            format!(
                "blurred or without edges: sharpness {sharpness:.3}, in images {BLURRED_SHARPNESS} and more"
            ),
        );
    }
}

fn saturation(card: &QualityCard, judged: bool, say: &mut impl FnMut(Severity, String)) {
    if !judged {
        return;
    }
    let (low, high) = (card.saturated_low, card.saturated_high);
    if high > HIGH_NOTE {
        let severity = if high > HIGH_WARNING { Severity::Warning } else { Severity::Note };
        say(severity, format!("{} of the pixels are saturated white", percent(high)));
    }
    if low > LOW_WARNING {
        say(Severity::Warning, format!("{} of the pixels are black", percent(low)));
    }
}

/// A fraction as a percentage with one decimal.
fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}
