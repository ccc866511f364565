use rand::seq::SliceRandom;

use super::CurveSettings;
use crate::seed::generator;
use crate::{LearnError, Recipe};

/// Stream of randomness of the draws, above those of training.
const DRAWS: u64 = 1 << 40;

/// Labeled cases to learn from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    /// Of each label; none for all there are.
    pub cases: Option<usize>,
    /// Places of the cases, label by label.
    pub places: Vec<usize>,
}

/// All draws, by the number of cases and then by the repeat, and what was left out.
///
/// Of each label the first so many in an order that the seed, the repeat and the label decide: a larger draw holds the
/// smaller ones of its repeat.
pub(super) fn draws(
    recipe: &Recipe,
    label_of: &[usize],
    training: &[usize],
    settings: &CurveSettings,
) -> Result<(Vec<Draw>, Vec<String>), LearnError> {
    let mut sizes = settings.cases.clone();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.first() == Some(&0) {
        return Err(LearnError::Few("0 cases of each label were asked for, expected at least 1".to_owned()));
    }
    if settings.repeats == 0 {
        return Err(LearnError::Few("0 draws of each number were asked for, expected at least 1".to_owned()));
    }
    let of_label: Vec<Vec<usize>> = (0..recipe.labels.len())
        .map(|label| training.iter().copied().filter(|place| label_of[*place] == label).collect())
        .collect();
    let mut notes = Vec::new();
    let (fewest, rarest) = of_label
        .iter()
        .map(Vec::len)
        .zip(&recipe.labels)
        .min_by_key(|(count, _)| *count)
        .ok_or_else(|| LearnError::Few("the recipe has no label".to_owned()))?;
    if fewest == 0 {
        return Err(LearnError::Few(format!("label {} has no case to learn from: add some", rarest.key)));
    }
    if let Some(most) = sizes.last().filter(|most| **most > fewest) {
        let words = format!("label {} has {fewest} cases to learn from, {most} were asked for", rarest.key);
        if !settings.as_far_as_there_are {
            return Err(LearnError::Few(format!("{words}: ask for at most {fewest}")));
        }
        sizes.retain(|size| *size <= fewest);
        notes.push(format!("{words}: numbers above {fewest} are left out"));
    }
    let orders: Vec<Vec<Vec<usize>>> = (0..settings.repeats)
        .map(|repeat| {
            let order = |(label, places): (usize, &Vec<usize>)| {
                let mut places = places.clone();
                places.shuffle(&mut generator(settings.seed, DRAWS + repeat as u64, label as u64));
                places
            };
            of_label.iter().enumerate().map(order).collect()
        })
        .collect();
    let mut draws = Vec::new();
    for size in sizes {
        for order in &orders {
            let places = order.iter().flat_map(|places| places[..size].iter().copied()).collect();
            draws.push(Draw { cases: Some(size), places });
        }
    }
    draws.push(Draw { cases: None, places: of_label.concat() });
    Ok((draws, notes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::recipe;
    use crate::fewshot::tests::settings;

    #[test]
    fn draws_are_nested_balanced_and_repeatable() {
        let recipe = recipe(&[]);
        let label_of: Vec<usize> = (0..60).map(|place| usize::from(place % 3 == 0)).collect();
        let training: Vec<usize> = (0..50).collect();
        let settings = CurveSettings { cases: vec![5, 1, 5], repeats: 3, ..settings() };
        let (found, notes) = draws(&recipe, &label_of, &training, &settings).expect("draws");
        assert!(notes.is_empty());
        assert_eq!(
            found.iter().map(|draw| draw.cases).collect::<Vec<_>>()[..4],
            [Some(1), Some(1), Some(1), Some(5)]
        );
        assert_eq!(found.len(), 7);
        for repeat in 0..3 {
            let (small, large) = (&found[repeat].places, &found[3 + repeat].places);
            assert!(small.iter().all(|place| large.contains(place)));
            for draw in [small, large] {
                let positive = draw.iter().filter(|place| label_of[**place] == 1).count();
                assert_eq!(2 * positive, draw.len());
                assert!(draw.iter().all(|place| *place < 50));
            }
        }
        assert_ne!(found[3], found[4]);
        assert_eq!((found[6].cases, found[6].places.len()), (None, 50));
        assert_eq!(draws(&recipe, &label_of, &training, &settings).expect("again").0, found);
    }

    #[test]
    fn more_cases_than_there_are_are_refused_or_left_out_and_named() {
        let recipe = recipe(&[]);
        let label_of: Vec<usize> = (0..20).map(|place| usize::from(place < 4)).collect();
        let training: Vec<usize> = (0..20).collect();
        let asked = |as_far_as_there_are: bool| {
            let settings = CurveSettings { cases: vec![2, 10], as_far_as_there_are, ..settings() };
            draws(&recipe, &label_of, &training, &settings)
        };
        let said = asked(false).expect_err("refused").to_string();
        assert_eq!(
            said,
            "few labels: label pneumonia has 4 cases to learn from, 10 were asked for: ask for at most 4"
        );
        let (found, notes) = asked(true).expect("draws");
        assert!(found.iter().all(|draw| draw.cases.is_none_or(|cases| cases == 2)));
        assert!(notes[0].contains("above 4 are left out"), "{notes:?}");
        let one = draws(&recipe, &[0; 20], &training, &settings()).expect_err("one label only").to_string();
        assert!(one.contains("label pneumonia has no case to learn from"), "{one}");
        let none = CurveSettings { cases: vec![0], ..settings() };
        assert!(draws(&recipe, &label_of, &training, &none).is_err());
        let never = CurveSettings { repeats: 0, ..settings() };
        assert!(draws(&recipe, &label_of, &training, &never).is_err());
    }
}
