use std::collections::BTreeMap;

use serde::Serialize;
use wilhelm_filters::measure::{SurfaceElement, surface_distances};
use wilhelm_stats::{OverlapCounts, bootstrap_interval_by_group, hausdorff_95, median};
use wilhelm_study::Mask;

use crate::agreement::{LEVEL, pairs};
use crate::{AnnotateError, Answer, Canvas, Question};

/// Of a structure and two annotators: the items that both outlined, how far they agree there, and what is counted beside.
type Rows<'a> = BTreeMap<(usize, [&'a str; 2]), Vec<(usize, Option<PairOverlap>, usize)>>;

/// Draws behind each interval.
const REPLICATES: usize = 1000;

/// What people outlined of an item.
#[derive(Clone, Debug)]
pub struct Drawn<'a> {
    /// The item's number.
    pub item: u32,
    /// Whose images they are, as a number: items of one patient are drawn together.
    pub patient: usize,
    /// Its images.
    pub canvas: Canvas,
    /// Who outlined what.
    pub answers: Vec<(&'a str, &'a Answer)>,
}

/// How far outlines agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlineAgreement {
    /// Each structure and pair of people.
    pub tables: Vec<StructureOverlap>,
    /// The items that two or more people answered, those on which they agree least first.
    pub items: Vec<ItemOverlap>,
}

/// Two people on one structure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StructureOverlap {
    /// Key of the structure.
    pub structure: String,
    /// Who they are.
    pub annotators: [String; 2],
    /// Items that both answered.
    pub items: usize,
    /// Items where both, the first alone, the second alone and neither outlined it.
    pub outlined: [usize; 4],
    /// Mean Dice over the items where at least one outlined it (0 where one alone did), with its interval over patients.
    pub dice: Option<Spread>,
    /// Median 95 % Hausdorff distance over the items where both did, mm.
    pub hausdorff_95_mm: Option<f64>,
    /// The same in pixels, of images whose spacing is not known.
    pub hausdorff_95_pixels: Option<f64>,
}

/// A mean, with its interval of 95 % where there are two patients or more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// Lower and upper end.
    pub interval: Option<[f64; 2]>,
    /// How many items it is of.
    pub items: usize,
}

/// How far people agree on an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemOverlap {
    /// Its number.
    pub item: u32,
    /// How many answered.
    pub answers: usize,
    /// The least Dice of all pairs and structures; 1 where nobody outlined anything.
    pub least_dice: f64,
    /// Each pair and structure that at least one of the two outlined.
    pub pairs: Vec<PairOverlap>,
}

/// Two people on one structure of one item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairOverlap {
    /// Who they are.
    pub annotators: [String; 2],
    /// Key of the structure.
    pub structure: String,
    /// Dice over all pixels of the item.
    pub dice: f64,
    /// 95 % Hausdorff distance, on an item of several flat images the greatest; `None` where one of the two is empty.
    pub hausdorff_95: Option<f64>,
    /// Whether that is in mm; else in pixels.
    pub in_millimeters: bool,
}

/// Agreement on outlines.
///
/// # Errors
/// [`AnnotateError::Question`] for a question of labels.
///
/// # Source
/// As [`OverlapCounts::dice`] and [`hausdorff_95`]; border voxels.
pub fn outline_agreement(
    question: &Question,
    items: &[Drawn<'_>],
) -> Result<OutlineAgreement, AnnotateError> {
    let Question::Outline { structures } = question else {
        return Err(AnnotateError::question(
            "kind",
            "outlines are compared, and the question asks for labels",
        ));
    };
    let keys: Vec<&str> = structures.iter().map(|one| one.key.as_str()).collect();
    let mut found = Vec::new();
    let mut rows: Rows<'_> = BTreeMap::new();
    for one in items.iter().filter(|one| one.answers.len() > 1) {
        let mut own = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            let masks: Vec<Vec<Option<Mask>>> = one
                .answers
                .iter()
                .map(|(_, answer)| {
                    let pieces = one.canvas.pieces.iter();
                    pieces.map(|piece| piece.has(answer, key).then(|| piece.mask(answer, key))).collect()
                })
                .collect();
            for [first, second] in pairs(one.answers.len()) {
                let annotators = [one.answers[first].0, one.answers[second].0];
                let (overlap, kind) = compared(&one.canvas, &masks[first], &masks[second])?;
                let overlap = overlap.map(|(dice, distance, in_millimeters)| PairOverlap {
                    annotators: annotators.map(str::to_owned),
                    structure: (*key).to_owned(),
                    dice,
                    hausdorff_95: distance,
                    in_millimeters,
                });
                rows.entry((place, annotators)).or_default().push((one.patient, overlap.clone(), kind));
                own.extend(overlap);
            }
        }
        let least_dice = own.iter().map(|pair| pair.dice).fold(1.0, f64::min);
        found.push(ItemOverlap { item: one.item, answers: one.answers.len(), least_dice, pairs: own });
    }
    found.sort_by(|one, other| one.least_dice.total_cmp(&other.least_dice).then(one.item.cmp(&other.item)));
    let tables =
        rows.into_iter().map(|((place, annotators), rows)| summed(keys[place], annotators, &rows)).collect();
    Ok(OutlineAgreement { tables, items: found })
}

/// Dice, distance and whether it is in mm, and who outlined something: 0 both, 1 the first, 2 the second, 3 neither.
type Compared = (Option<(f64, Option<f64>, bool)>, usize);

fn compared(
    canvas: &Canvas,
    one: &[Option<Mask>],
    other: &[Option<Mask>],
) -> Result<Compared, AnnotateError> {
    let (mut own, mut others, mut shared) = (0_u64, 0_u64, 0_u64);
    let (mut distance, mut in_millimeters) = (None::<f64>, true);
    for ((piece, one), other) in canvas.pieces.iter().zip(one).zip(other) {
        let count = |mask: &Option<Mask>| mask.as_ref().map_or(0, Mask::count) as u64;
        own += count(one);
        others += count(other);
        let (Some(one), Some(other)) = (one, other) else { continue };
        let both = one.voxels().iter().zip(other.voxels()).filter(|(one, other)| **one && **other);
        shared += both.count() as u64;
        if one.is_empty() || other.is_empty() {
            continue;
        }
        let surfaces = surface_distances(one, other, SurfaceElement::BorderVoxels)?;
        let here = hausdorff_95(surfaces.there(), surfaces.back());
        distance = Some(distance.map_or(here, |so_far| so_far.max(here)));
        in_millimeters &= piece.in_millimeters;
    }
    let kind = match (own > 0, others > 0) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    };
    let dice = OverlapCounts::of_sizes(own, others, shared).and_then(|counts| counts.dice());
    Ok((dice.map(|dice| (dice, distance, in_millimeters)), kind))
}

fn summed(
    structure: &str,
    annotators: [&str; 2],
    rows: &[(usize, Option<PairOverlap>, usize)],
) -> StructureOverlap {
    let mut outlined = [0; 4];
    rows.iter().for_each(|(.., kind)| outlined[*kind] += 1);
    let own: Vec<(usize, &PairOverlap)> =
        rows.iter().filter_map(|(patient, overlap, _)| Some((*patient, overlap.as_ref()?))).collect();
    let distances = |in_millimeters: bool| {
        let of = own.iter().filter(|(_, pair)| pair.in_millimeters == in_millimeters);
        let distances: Vec<f64> = of.filter_map(|(_, pair)| pair.hausdorff_95).collect();
        median(&distances).ok()
    };
    StructureOverlap {
        structure: structure.to_owned(),
        annotators: annotators.map(str::to_owned),
        items: rows.len(),
        outlined,
        dice: spread(&own),
        hausdorff_95_mm: distances(true),
        hausdorff_95_pixels: distances(false),
    }
}

fn spread(own: &[(usize, &PairOverlap)]) -> Option<Spread> {
    let patients: Vec<usize> = own.iter().map(|(patient, _)| *patient).collect();
    let mean = |rows: &[usize]| {
        (!rows.is_empty()).then(|| rows.iter().map(|row| own[*row].1.dice).sum::<f64>() / rows.len() as f64)
    };
    let all: Vec<usize> = (0..own.len()).collect();
    let is_one = patients.iter().all(|one| Some(one) == patients.first());
    let interval = (!is_one).then(|| bootstrap_interval_by_group(&patients, REPLICATES, LEVEL, 0, mean).ok());
    let interval = interval.flatten().map(|interval| [interval.low, interval.high]);
    Some(Spread { mean: mean(&all)?, interval, items: own.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageSize, Outline, Structure};
    use wilhelm_formats::Limits;

    fn rectangle(image: u32, [left, top, right, bottom]: [f64; 4]) -> Outline {
        let corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
        let contours = vec![corners.map(|[x, y]| [x - 0.5, y - 0.5]).to_vec()];
        Outline { image, frame: 1, structure: "lesion".to_owned(), contours, runs: Vec::new() }
    }

    fn answer(outlines: Vec<Outline>) -> Answer {
        Answer { outlines: Some(outlines), ..Answer::default() }
    }

    fn question() -> Question {
        let lesion = Structure { key: "lesion".into(), name: "Lesion".into(), code: None, abnormal: true };
        Question::Outline { structures: vec![lesion] }
    }

    #[test]
    fn overlap_by_hand() {
        let size = ImageSize { columns: 20, rows: 20, frames: 1 };
        let canvas = Canvas::new(&[("1.2", size, Some([0.5, 0.5]))], &[], &Limits::default()).expect("flat");
        // 10 x 4 pixels, moved by 2 rows of 0.5 mm: 20 shared of 40 and 40.
        let (one, other) = (
            answer(vec![rectangle(1, [2.0, 2.0, 12.0, 6.0])]),
            answer(vec![rectangle(1, [2.0, 4.0, 12.0, 8.0])]),
        );
        let nothing = answer(vec![]);
        let items: Vec<Drawn> = [
            vec![("x", &one), ("y", &one)],
            vec![("x", &one), ("y", &other)],
            vec![("x", &one), ("y", &nothing)],
            vec![("x", &nothing), ("y", &nothing)],
            vec![("x", &one)],
        ]
        .into_iter()
        .zip(1..)
        .map(|(answers, item)| Drawn { item, patient: item as usize, canvas: canvas.clone(), answers })
        .collect();
        let found = outline_agreement(&question(), &items).expect("sound");
        let order: Vec<(u32, f64)> = found.items.iter().map(|one| (one.item, one.least_dice)).collect();
        assert_eq!(order, [(3, 0.0), (2, 0.5), (1, 1.0), (4, 1.0)]);
        let pair = &found.items[1].pairs[0];
        assert_eq!((pair.hausdorff_95, pair.in_millimeters), (Some(1.0), true));
        assert_eq!(found.items[0].pairs[0].hausdorff_95, None);
        let table = &found.tables[0];
        assert_eq!((table.items, table.outlined), (4, [2, 1, 0, 1]));
        let dice = table.dice.expect("a mean");
        assert_eq!((dice.mean, dice.items), (0.5, 3));
        let [low, high] = dice.interval.expect("three patients");
        assert!(low < 0.5 && 0.5 < high);
        assert_eq!((table.hausdorff_95_mm, table.hausdorff_95_pixels), (Some(0.5), None));
    }
}
