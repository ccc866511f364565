use std::collections::BTreeSet;

/// Words that deny.
const DENY: &[&str] = &[
    "no",
    "not",
    "never",
    "neither",
    "nor",
    "without",
    "cannot",
    "none",
    "fail",
    "fails",
    "failed",
    "lack",
    "lacks",
    "lacked",
    "absence",
    "absent",
    "unable",
    "ineffective",
    "denied",
    "excludes",
];
/// Words that leave in doubt.
const DOUBT: &[&str] = &[
    "may",
    "might",
    "could",
    "possibly",
    "possible",
    "perhaps",
    "suggest",
    "suggests",
    "suggested",
    "suspected",
    "unclear",
    "uncertain",
    "appears",
    "appear",
    "hypothesized",
    "potentially",
    "likely",
    "unlikely",
];
/// Words of which one says the opposite of the other; all words of a side say the same.
const OPPOSITES: &[(&[&str], &[&str])] = &[
    (
        &[
            "increase",
            "increases",
            "increased",
            "increasing",
            "rise",
            "rises",
            "rose",
            "elevated",
            "elevates",
            "raises",
        ],
        &[
            "decrease",
            "decreases",
            "decreased",
            "decreasing",
            "reduce",
            "reduces",
            "reduced",
            "reducing",
            "reduction",
            "fall",
            "falls",
            "fell",
            "lowers",
            "lowered",
            "declined",
            "declines",
        ],
    ),
    (&["higher", "highest", "greater", "larger"], &["lower", "lowest", "smaller", "less", "fewer"]),
    (&["more"], &["less", "fewer"]),
    (
        &["better", "improves", "improved", "improve", "improvement"],
        &["worse", "worsens", "worsened", "deterioration"],
    ),
    (&["benign"], &["malignant"]),
    (&["positive"], &["negative"]),
    (&["left"], &["right"]),
    (&["acute"], &["chronic"]),
    (&["safe"], &["unsafe", "harmful", "dangerous"]),
    (&["effective"], &["ineffective"]),
    (
        &["activates", "activated", "activation", "activator"],
        &["inhibits", "inhibited", "inhibition", "inhibitor"],
    ),
    (&["agonist"], &["antagonist"]),
    (&["hypertension", "hypertensive"], &["hypotension", "hypotensive"]),
    (&["hyperthyroidism"], &["hypothyroidism"]),
    (&["upregulated", "upregulates", "upregulation"], &["downregulated", "downregulates", "downregulation"]),
];

/// How a stretch of text means what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Polarity {
    /// Whether it denies: an odd number of denials.
    pub denies: bool,
    /// Whether it leaves in doubt.
    pub doubts: bool,
    /// Side of each pair of opposites that stands in it: number of the pair, first side or not.
    pub sides: BTreeSet<(usize, bool)>,
}

pub(super) fn polarity(text: &str) -> Polarity {
    // "Not only" and "no more than" deny nothing.
    let text = text.to_lowercase().replace("not only", " ").replace('\u{2019}', "'");
    let text = text.replace("n't", " not").replace("cannot", "can not");
    let mut found = Polarity::default();
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    for word in words {
        if DENY.contains(&word) {
            found.denies = !found.denies;
        }
        found.doubts |= DOUBT.contains(&word);
        for (pair, (first, second)) in OPPOSITES.iter().enumerate() {
            if first.contains(&word) {
                found.sides.insert((pair, true));
            }
            if second.contains(&word) {
                found.sides.insert((pair, false));
            }
        }
    }
    found
}

impl Polarity {
    /// A pair of opposites of which this has one side alone and the other has the other side alone.
    pub fn opposite(&self, other: &Self) -> Option<&'static str> {
        let only = |sides: &BTreeSet<(usize, bool)>, pair: usize, side: bool| {
            sides.contains(&(pair, side)) && !sides.contains(&(pair, !side))
        };
        (0..OPPOSITES.len()).find_map(|pair| {
            let against = |side: bool| only(&self.sides, pair, side) && only(&other.sides, pair, !side);
            if against(true) {
                Some(OPPOSITES[pair].0[0])
            } else if against(false) {
                Some(OPPOSITES[pair].1[0])
            } else {
                None
            }
        })
    }
}

/// The parts of a sentence that can be denied by themselves: cut at semicolons, and before "but", "whereas", "although",
/// "while" and "however".
pub(super) fn clauses(sentence: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = sentence;
    let marks = [";", ", but ", " but ", " whereas ", ", although ", " although ", ", while ", " however "];
    while let Some((at, mark)) = marks
        .iter()
        .filter_map(|mark| Some((rest.find(mark)?, *mark)))
        .min_by_key(|(at, mark)| (*at, mark.len()))
    {
        found.push(&rest[..at]);
        rest = &rest[at + mark.len()..];
    }
    found.push(rest);
    found.into_iter().filter(|clause| clause.chars().any(char::is_alphanumeric)).collect()
}
