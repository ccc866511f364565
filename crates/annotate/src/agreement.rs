use std::collections::BTreeMap;

use serde::Serialize;
use wilhelm_stats::{
    ConfusionMatrix, KappaInterval, KappaWeights, StatsError, cohen_kappa, fleiss_kappa, wilson_interval,
};

use crate::{AnnotateError, Answer, Choice, Question};

/// Coverage of every interval.
pub(crate) const LEVEL: f64 = 0.95;

/// What somebody said of an item.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The item's number.
    pub item: u32,
    /// Who.
    pub annotator: &'a str,
    /// What.
    pub answer: &'a Answer,
}

/// How far people agree on labels.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// One table where one label is chosen; one for each label, absent or present, where several may hold.
    pub tables: Vec<LabelTable>,
    /// The items that two or more people answered, those on which they agree least first.
    pub items: Vec<ItemAgreement>,
}

/// Agreement on one choice among classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelTable {
    /// The label that is absent or present; `None` where one of all is chosen.
    pub label: Option<String>,
    /// The classes, in the order of rows and columns.
    pub classes: Vec<String>,
    /// Each pair of people who answered an item in common.
    pub pairs: Vec<PairTable>,
    /// Fleiss' kappa of the items that everybody answered who was asked; `None` where it says nothing.
    pub fleiss: Option<KappaInterval>,
    /// How many items and people are behind it, and why there is none.
    pub fleiss_items: usize,
    /// See `fleiss_items`.
    pub fleiss_raters: usize,
    /// Why there is no Fleiss' kappa.
    pub fleiss_missing: Option<String>,
}

/// Two people on one choice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairTable {
    /// Who they are: the first by row, the second by column.
    pub annotators: [String; 2],
    /// Items that both answered.
    pub items: usize,
    /// How often which two classes were chosen.
    pub counts: Vec<Vec<u64>>,
    /// Share of items on which they agree, with its Wilson score interval of 95 %.
    pub agreed: [f64; 3],
    /// Cohen's kappa; `None` where it says nothing.
    pub kappa: Option<KappaInterval>,
    /// Why there is none.
    pub kappa_missing: Option<String>,
}

/// How far people agree on an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemAgreement {
    /// Its number.
    pub item: u32,
    /// How many answered.
    pub answers: usize,
    /// Share of the pairs of people who say the same.
    pub share: f64,
}

/// Agreement on labels.
///
/// Kappa's intervals take items as independent; where several are of one patient they are too narrow.
///
/// # Units
/// Kappa: 1 is full agreement, 0 what chance gives.
///
/// # Errors
/// [`AnnotateError::Question`] for a question of outlines.
///
/// # Source
/// As [`cohen_kappa`] and [`fleiss_kappa`].
pub fn agreement(question: &Question, raters: usize, said: &[Said<'_>]) -> Result<Agreement, AnnotateError> {
    let Question::Labels { labels, multiple } = question else {
        return Err(AnnotateError::question(
            "kind",
            "labels are compared, and the question asks for outlines",
        ));
    };
    let mut by_item: BTreeMap<u32, BTreeMap<&str, &Answer>> = BTreeMap::new();
    for one in said {
        by_item.entry(one.item).or_default().insert(one.annotator, one.answer);
    }
    let tables = if *multiple {
        labels.iter().map(|label| table(Some(label), labels, raters, &by_item)).collect()
    } else {
        vec![table(None, labels, raters, &by_item)]
    };
    let tables = tables.into_iter().collect::<Result<Vec<_>, StatsError>>()?;
    let mut items: Vec<ItemAgreement> = by_item
        .iter()
        .filter(|(_, answers)| answers.len() > 1)
        .map(|(item, answers)| {
            let all: Vec<&Option<Vec<String>>> = answers.values().map(|answer| &answer.labels).collect();
            let pairs = pairs(all.len());
            let same = pairs.iter().filter(|[one, other]| all[*one] == all[*other]).count();
            ItemAgreement { item: *item, answers: all.len(), share: same as f64 / pairs.len() as f64 }
        })
        .collect();
    items.sort_by(|one, other| one.share.total_cmp(&other.share).then(one.item.cmp(&other.item)));
    Ok(Agreement { tables, items })
}

/// All pairs of places below a number.
pub(crate) fn pairs(count: usize) -> Vec<[usize; 2]> {
    (0..count).flat_map(|one| (one + 1..count).map(move |other| [one, other])).collect()
}

/// The class that an answer chooses.
fn class(label: Option<&Choice>, labels: &[Choice], answer: &Answer) -> Option<usize> {
    let chosen = answer.labels.as_ref()?;
    match label {
        Some(label) => Some(usize::from(chosen.contains(&label.key))),
        None => labels.iter().position(|one| chosen.first() == Some(&one.key)),
    }
}

fn table(
    label: Option<&Choice>,
    labels: &[Choice],
    raters: usize,
    by_item: &BTreeMap<u32, BTreeMap<&str, &Answer>>,
) -> Result<LabelTable, StatsError> {
    let classes: Vec<String> = match label {
        Some(_) => vec!["absent".to_owned(), "present".to_owned()],
        None => labels.iter().map(|one| one.key.clone()).collect(),
    };
    let mut columns: BTreeMap<[&str; 2], [Vec<usize>; 2]> = BTreeMap::new();
    let (mut ratings, mut items) = (Vec::new(), 0);
    for answers in by_item.values() {
        let chosen: Vec<(&str, usize)> =
            answers.iter().filter_map(|(who, answer)| Some((*who, class(label, labels, answer)?))).collect();
        for [one, other] in pairs(chosen.len()) {
            let [first, second] = columns.entry([chosen[one].0, chosen[other].0]).or_default();
            first.push(chosen[one].1);
            second.push(chosen[other].1);
        }
        if chosen.len() == raters {
            items += 1;
            ratings.extend(chosen.iter().map(|(_, class)| *class));
        }
    }
    let pairs = columns
        .into_iter()
        .map(|(annotators, [first, second])| {
            let counts = ConfusionMatrix::new(classes.len(), &first, &second)?;
            let same = (0..classes.len()).map(|class| counts.count(class, class)).sum();
            let (low, high) = wilson_interval(same, counts.total(), LEVEL)?;
            let (kappa, kappa_missing) = told(cohen_kappa(&counts, KappaWeights::None, LEVEL))?;
            Ok(PairTable {
                annotators: annotators.map(str::to_owned),
                items: first.len(),
                agreed: [same as f64 / first.len() as f64, low, high],
                counts: counts.counts().to_vec(),
                kappa,
                kappa_missing,
            })
        })
        .collect::<Result<_, StatsError>>()?;
    let (fleiss, fleiss_missing) = told(fleiss_kappa(classes.len(), raters, &ratings, LEVEL))?;
    let label = label.map(|label| label.key.clone());
    Ok(LabelTable {
        label,
        classes,
        pairs,
        fleiss,
        fleiss_items: items,
        fleiss_raters: raters,
        fleiss_missing,
    })
}

/// A kappa, or why there is none.
fn told(
    kappa: Result<KappaInterval, StatsError>,
) -> Result<(Option<KappaInterval>, Option<String>), StatsError> {
    match kappa {
        Ok(kappa) => Ok((Some(kappa), None)),
        Err(error @ (StatsError::NoValue { .. } | StatsError::TooFew { .. })) => {
            Ok((None, Some(error.to_string())))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of some people to items 1, 2, ...; `-` is none.
    fn table_of<'a>(people: &[(&'a str, &str)], answers: &'a [Answer]) -> Vec<Said<'a>> {
        let mut said = Vec::new();
        for (annotator, given) in people {
            for (item, letter) in (1..).zip(given.chars()) {
                if letter != '-' {
                    let place = letter as usize - 'a' as usize;
                    said.push(Said { item, annotator, answer: &answers[place] });
                }
            }
        }
        said
    }

    #[test]
    fn kappa_is_that_of_scikit_learn_and_statsmodels() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../tests/golden/agreement.json")).expect("JSON");
        let question = Question::labels(&["a", "b", "c"]);
        let answers = [Answer::label("a"), Answer::label("b"), Answer::label("c")];
        let people: Vec<(&str, &str)> = golden["people"]
            .as_object()
            .expect("people")
            .iter()
            .map(|(name, given)| (name.as_str(), given.as_str().expect("letters")))
            .collect();
        let found = agreement(&question, people.len(), &table_of(&people, &answers)).expect("sound");
        let table = &found.tables[0];
        let near = |one: f64, other: &serde_json::Value| {
            let other = other.as_f64().expect("a number");
            assert!((one - other).abs() < 1e-9, "{one} {other}");
        };
        for pair in &table.pairs {
            let expected = &golden["pairs"][pair.annotators.join(" ")];
            near(pair.kappa.expect("a kappa").kappa, &expected["kappa"]);
            near(pair.kappa.expect("a kappa").standard_error, &expected["standard_error"]);
            near(pair.agreed[0], &expected["accuracy"]);
            near(pair.agreed[1], &expected["wilson"][0]);
            near(pair.agreed[2], &expected["wilson"][1]);
            assert_eq!(serde_json::json!(pair.counts), expected["counts"]);
        }
        assert_eq!(table.pairs.len(), 3);
        near(table.fleiss.expect("a kappa").kappa, &golden["fleiss"]);
        assert_eq!(table.fleiss_items as u64, golden["fleiss_items"].as_u64().expect("a number"));
    }

    #[test]
    fn items_on_which_people_agree_least_come_first() {
        let question = Question::labels(&["a", "b", "c"]);
        let answers = [Answer::label("a"), Answer::label("b"), Answer::label("c")];
        let said = table_of(&[("x", "aaba-"), ("y", "aac-a"), ("z", "abaa-")], &answers);
        let found = agreement(&question, 3, &said).expect("sound");
        let order: Vec<(u32, f64)> = found.items.iter().map(|one| (one.item, one.share)).collect();
        // Item 3 has three answers, item 2 one of three pairs, item 4 two that are alike; item 5 was answered once.
        assert_eq!(order, [(3, 0.0), (2, 1.0 / 3.0), (1, 1.0), (4, 1.0)]);
        let pair = &found.tables[0].pairs[0];
        assert_eq!((pair.items, pair.counts.clone()), (3, vec![vec![2, 0, 0], vec![0, 0, 1], vec![0; 3]]));
        assert_eq!(found.tables[0].fleiss_items, 3);
    }

    #[test]
    fn where_several_labels_may_hold_each_has_its_own_table() {
        let choice = |key: &str| Choice { key: key.to_owned(), name: key.to_owned(), normal: false };
        let question = Question::Labels { labels: vec![choice("a"), choice("b")], multiple: true };
        let of = |keys: &[&str]| Answer {
            labels: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
            ..Answer::default()
        };
        let answers = [of(&[]), of(&["a"]), of(&["a", "b"])];
        let said = table_of(&[("x", "abcb"), ("y", "abbb")], &answers);
        let found = agreement(&question, 2, &said).expect("sound");
        let labels: Vec<_> = found.tables.iter().map(|table| table.label.clone().expect("a label")).collect();
        assert_eq!(labels, ["a", "b"]);
        assert_eq!(found.tables[0].pairs[0].counts, [[1, 0], [0, 3]]);
        assert_eq!(found.tables[1].pairs[0].counts, [[3, 0], [1, 0]]);
        // The second never says present: kappa is 0 by its formula, found as by chance.
        assert_eq!(found.tables[1].pairs[0].kappa.expect("a kappa").kappa, 0.0);
        assert_eq!(found.items[0].item, 3);
    }
}
