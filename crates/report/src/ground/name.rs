//! The names of findings, and where they stand in a line of words.

use std::collections::BTreeMap;

use wilhelm_study::Finding;

/// A phrase that names findings of the report.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Concept {
    /// Its words in base form.
    pub words: Vec<String>,
    /// The findings it names; `true` where it names the contrary (`tumor` for `no tumor`).
    pub targets: Vec<(usize, bool)>,
}

/// A place where a concept stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mention {
    /// Index of the concept.
    pub concept: usize,
    /// Words covered.
    pub length: usize,
    /// Whether it speaks of more than one.
    pub plural: bool,
    /// Whether the name stands as an adjective (`pneumonic`).
    pub adjective: bool,
}

/// Base form of a word: American, singular, noun; and whether it was plural or an adjective.
pub(crate) fn base(word: &str) -> (String, bool, bool) {
    let american = match word {
        "tumour" | "tumours" => word.replace("tumour", "tumor"),
        _ => word.replace("oedema", "edema").replace("haem", "hem").replace("oesoph", "esoph"),
    };
    let adjectives: &[(&str, &str)] = &[
        ("pneumonic", "pneumonia"),
        ("meningiomatous", "meningioma"),
        ("gliomatous", "glioma"),
        ("tumoral", "tumor"),
        ("tumorous", "tumor"),
        ("hydronephrotic", "hydronephrosis"),
        ("emphysematous", "emphysema"),
    ];
    if let Some((_, noun)) = adjectives.iter().find(|(adjective, _)| *adjective == american) {
        return ((*noun).to_owned(), false, true);
    }
    let plurals: &[(&str, &str)] = &[
        ("metastases", "metastasis"),
        ("diverticula", "diverticulum"),
        ("pneumothoraces", "pneumothorax"),
        ("masses", "mass"),
        ("abscesses", "abscess"),
        ("stenoses", "stenosis"),
        ("thromboses", "thrombosis"),
        ("adenomata", "adenoma"),
        ("gliomata", "glioma"),
        ("meningiomata", "meningioma"),
        ("carcinomata", "carcinoma"),
    ];
    if let Some((_, one)) = plurals.iter().find(|(many, _)| *many == american) {
        return ((*one).to_owned(), true, false);
    }
    if let Some(stem) = american.strip_suffix("ies").filter(|stem| stem.len() > 3) {
        return (format!("{stem}y"), true, false);
    }
    let kept = ["ss", "us", "is", "as"].iter().any(|end| american.ends_with(end)) && american != "gliomas";
    let kept = kept && !["omas", "ias", "eas"].iter().any(|end| american.ends_with(end));
    if american.len() > 3 && american.ends_with('s') && !kept {
        return (american[..american.len() - 1].to_owned(), true, false);
    }
    (american, false, false)
}

/// The words of a phrase in base form, without articles and prepositions.
fn words(phrase: &str) -> Vec<String> {
    phrase
        .to_lowercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !FILLERS.contains(word))
        .map(|word| base(word).0)
        .collect()
}

/// Words that may stand inside a name: `tumor of the pituitary gland`.
const FILLERS: &[&str] = &["of", "the", "a", "an", "in"];

/// The phrases that name the findings of a report.
pub(crate) fn concepts(findings: &[Finding], body_part: Option<&str>) -> Vec<Concept> {
    let part: Vec<String> = body_part.map(words).unwrap_or_default();
    let mut table: BTreeMap<Vec<String>, Vec<(usize, bool)>> = BTreeMap::new();
    let mut add = |words: Vec<String>, target: (usize, bool)| {
        if words.is_empty() {
            return;
        }
        let targets = table.entry(words).or_default();
        if !targets.contains(&target) {
            targets.push(target);
        }
    };
    for (index, finding) in findings.iter().enumerate() {
        let observation = &finding.observation;
        let spoken = observation.key.replace('_', " ");
        // A key may be shorter than the name (`benign`): it names a state of health only.
        let key = (finding.normal || words(&spoken) == words(&observation.name)).then_some(&spoken);
        let phrases = [&observation.name].into_iter().chain(key).chain(&observation.synonyms);
        for phrase in phrases {
            let lower = phrase.trim().to_lowercase();
            let (named, contrary) = match lower.strip_prefix("no ") {
                Some(rest) => (rest, true),
                None => (lower.as_str(), false),
            };
            let full = words(named);
            if full.first().is_some_and(|w| w == "normal") && !contrary {
                add(vec!["normal".to_owned()], (index, false));
                for adverse in ["abnormal", "abnormality"] {
                    add(vec![adverse.to_owned()], (index, true));
                }
            }
            let without: Vec<String> = full.iter().filter(|w| !part.contains(w)).cloned().collect();
            if without.len() >= 2 || (without.len() < full.len() && is_whole(&without)) {
                add(without, (index, contrary));
            }
            add(full, (index, contrary));
        }
    }
    table.into_iter().map(|(words, targets)| Concept { words, targets }).collect()
}

/// Whether what is left of a name without its body part still names a disease: `cancer` does,
/// `lesion` does not.
fn is_whole(words: &[String]) -> bool {
    matches!(words, [one] if ["cancer", "carcinoma", "malignancy"].contains(&one.as_str()))
}

/// The longest name at the start of `line`.
pub(crate) fn longest(concepts: &[Concept], line: &[&str]) -> Option<Mention> {
    let mut best: Option<Mention> = None;
    for (index, concept) in concepts.iter().enumerate() {
        let Some(mention) = covers(concept, index, line) else { continue };
        if best.as_ref().is_none_or(|b| mention.length > b.length) {
            best = Some(mention);
        }
    }
    best
}

/// Whether the start of `line` holds each word of the concept once, with fillers between.
fn covers(concept: &Concept, index: usize, line: &[&str]) -> Option<Mention> {
    let mut left: Vec<&str> = concept.words.iter().map(String::as_str).collect();
    let mut mention = Mention { concept: index, length: 0, plural: false, adjective: false };
    for (at, word) in line.iter().enumerate() {
        if left.is_empty() {
            break;
        }
        let (one, plural, adjective) = base(word);
        if let Some(found) = left.iter().position(|w| *w == one) {
            left.remove(found);
            mention.length = at + 1;
            mention.plural |= plural;
            mention.adjective |= adjective;
        } else if at == 0 || !FILLERS.contains(word) {
            return None;
        }
    }
    if !left.is_empty() {
        return None;
    }
    if concept.words.iter().any(|w| w == "pituitary") && line.get(mention.length) == Some(&"gland") {
        mention.length += 1;
    }
    Some(mention)
}

/// `benign` in `benign or malignant lesion`: the concept that a lone modifier makes with the rest
/// of the name that follows.
pub(crate) fn elliptic(concepts: &[Concept], modifier: &str, following: &Concept) -> Option<usize> {
    let modifier = base(modifier).0;
    if following.words.contains(&modifier) || following.words.len() < 2 {
        return None;
    }
    let last = following.words.len() - 1;
    (0..last).find_map(|replaced| {
        let mut words = following.words.clone();
        words[replaced].clone_from(&modifier);
        concepts.iter().position(|c| c.words == words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_forms_by_hand() {
        let cases = [
            ("gliomas", "glioma"),
            ("meningiomas", "meningioma"),
            ("pneumonic", "pneumonia"),
            ("pneumonias", "pneumonia"),
            ("tumours", "tumor"),
            ("masses", "mass"),
            ("opacities", "opacity"),
            ("hydronephrosis", "hydronephrosis"),
            ("pus", "pus"),
            ("lesions", "lesion"),
            ("metastases", "metastasis"),
        ];
        for (word, expected) in cases {
            assert_eq!(base(word).0, expected, "{word}");
        }
    }
}
