//! Scores of texts against sacrebleu, rouge-score, NLTK, pycocoevalcap and scikit-learn, on the cases of
//! `golden/text.json`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use wilhelm_stats::text::{
    BleuCounts, BleuRule, BleuSmoothing, CAPTION_BETA, CIDER_SIGMA, CiderDocuments, EmptySets, LabelSets,
    MeteorRule, RougeScore, TextTokenizer, count_bleu, meteor, porter_stem, rouge_l, rouge_l_caption,
    rouge_l_summary, rouge_n,
};
use wilhelm_stats::{Resampling, paired_bootstrap};

/// Sums in another order differ by rounding only.
const ROUNDING: f64 = 1e-12;
/// sacrebleu takes logarithms of percentages.
const PERCENT: f64 = 1e-10;

static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("golden/text.json")).expect("the file is JSON"));

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn word(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn words(value: &Value) -> Vec<&str> {
    list(value).iter().map(word).collect()
}

#[track_caller]
fn check(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().expect("a number");
    assert!((found - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}

/// Texts with their references, cut by one tokenizer.
struct Cases {
    hypotheses: Vec<Vec<String>>,
    references: Vec<Vec<Vec<String>>>,
}

impl Cases {
    fn of(name: &str, tokenizer: TextTokenizer) -> Self {
        let golden = &GOLDEN[name];
        let cut = |text: &Value| tokenizer.tokens(word(text));
        Self {
            hypotheses: list(&golden["hypotheses"]).iter().map(cut).collect(),
            references: list(&golden["references"])
                .iter()
                .map(|of| list(of).iter().map(cut).collect())
                .collect(),
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (&Vec<String>, &Vec<Vec<String>>)> {
        self.hypotheses.iter().zip(&self.references)
    }

    fn counts(&self) -> Vec<BleuCounts> {
        self.pairs().map(|(text, references)| count_bleu(text, references).expect("references")).collect()
    }
}

#[test]
fn tokens_are_those_of_sacrebleu_and_rouge_score() {
    let golden = &GOLDEN["lines"];
    for (key, tokenizer) in [
        ("13a", TextTokenizer::Mteval13a),
        ("alphanumeric", TextTokenizer::Alphanumeric),
        ("stemmed", TextTokenizer::AlphanumericStemmed),
    ] {
        for (text, expected) in list(&golden["text"]).iter().zip(list(&golden[key])) {
            assert_eq!(tokenizer.tokens(word(text)), words(expected), "{key}: {text}");
        }
    }
    let golden = &GOLDEN["treebank"];
    for (text, expected) in list(&golden["text"]).iter().zip(list(&golden["tokens"])) {
        assert_eq!(TextTokenizer::Report.tokens(word(text)), words(expected), "{text}");
    }
}

#[test]
fn stems_are_those_of_nltk() {
    let stems = GOLDEN["stems"].as_object().expect("words");
    assert!(stems.len() > 200);
    for (whole, stem) in stems {
        assert_eq!(porter_stem(whole), word(stem), "{whole}");
    }
}

#[test]
fn bleu_is_that_of_sacrebleu_under_every_smoothing() {
    for name in ["radgraph", "reports"] {
        let counts = Cases::of(name, TextTokenizer::Mteval13a).counts();
        let all: BleuCounts = counts.iter().copied().sum();
        for golden in list(&GOLDEN[name]["sacrebleu"]) {
            let smoothing = match word(&golden["method"]) {
                "none" => BleuSmoothing::None,
                "floor" => BleuSmoothing::Floor { matches: 0.1 },
                "add-k" => BleuSmoothing::Add { added: 1.0 },
                "exp" => BleuSmoothing::Exponential,
                other => panic!("{other} is no smoothing"),
            };
            let what = format!("{name} {smoothing:?}");
            for (order, expected) in (1..).zip(list(&golden["orders"])) {
                let rule = BleuRule { order, smoothing, effective_order: false };
                check(&format!("{what} {order}"), all.score(rule).expect("sound"), expected, PERCENT);
            }
            check(&what, all.brevity_penalty(), &golden["penalty"], ROUNDING);
            check(&what, all.hypothesis_tokens as f64, &golden["lengths"][0], 0.0);
            check(&what, all.reference_tokens as f64, &golden["lengths"][1], 0.0);
            let rule = BleuRule { smoothing, ..BleuRule::SENTENCE };
            for (place, (counts, expected)) in counts.iter().zip(list(&golden["sentences"])).enumerate() {
                check(&format!("{what} text {place}"), counts.score(rule).expect("sound"), expected, PERCENT);
            }
        }
    }
}

#[test]
fn rouge_is_that_of_rouge_score_with_and_without_stems() {
    for (key, tokenizer) in
        [("rouge", TextTokenizer::Alphanumeric), ("rouge_stemmed", TextTokenizer::AlphanumericStemmed)]
    {
        for name in ["radgraph", "reports"] {
            let golden = &GOLDEN[name];
            let sentences = |text: &Value| -> Vec<Vec<String>> {
                word(text).split('\n').map(|line| tokenizer.tokens(line)).collect()
            };
            let cases = Cases::of(name, tokenizer);
            for (place, (text, references)) in cases.pairs().enumerate() {
                let best = |score: &dyn Fn(&Vec<String>) -> RougeScore| {
                    let scores: Vec<RougeScore> = references.iter().map(score).collect();
                    RougeScore::best(&scores).expect("references")
                };
                let summary: Vec<RougeScore> = list(&golden["references"][place])
                    .iter()
                    .map(|of| rouge_l_summary(&sentences(&golden["hypotheses"][place]), &sentences(of)))
                    .collect();
                for (kind, found) in [
                    ("rouge1", best(&|reference| rouge_n(text, reference, 1).expect("sound"))),
                    ("rouge2", best(&|reference| rouge_n(text, reference, 2).expect("sound"))),
                    ("rouge3", best(&|reference| rouge_n(text, reference, 3).expect("sound"))),
                    ("rougeL", best(&|reference| rouge_l(text, reference))),
                    ("rougeLsum", RougeScore::best(&summary).expect("references")),
                ] {
                    let expected = &golden[key][kind][place];
                    for (part, found) in [found.precision, found.recall, found.f].into_iter().enumerate() {
                        check(&format!("{key} {name} {kind} {place}"), found, &expected[part], ROUNDING);
                    }
                }
            }
        }
    }
}

#[test]
fn caption_scores_are_those_of_pycocoevalcap() {
    for name in ["radgraph", "reports"] {
        let golden = &GOLDEN[name]["captions"];
        let cases = Cases::of(name, TextTokenizer::Alphanumeric);
        let counts = cases.counts();
        let all: BleuCounts = counts.iter().copied().sum();
        for (order, (corpus, each)) in (1..).zip(list(&golden["bleu"]).iter().zip(list(&golden["bleu_each"])))
        {
            let rule = BleuRule { order, ..BleuRule::CAPTION };
            check(&format!("{name} BLEU-{order}"), all.score(rule).expect("sound"), corpus, ROUNDING);
            for (counts, expected) in counts.iter().zip(list(each)) {
                check(
                    &format!("{name} BLEU-{order}"),
                    counts.score(rule).expect("sound"),
                    expected,
                    ROUNDING,
                );
            }
        }
        let documents = CiderDocuments::of(&cases.references).expect("several cases");
        let (mut rouge, mut cider) = (Vec::new(), Vec::new());
        for (place, (text, references)) in cases.pairs().enumerate() {
            rouge.push(rouge_l_caption(text, references, CAPTION_BETA).expect("sound"));
            cider.push(documents.score(text, references, CIDER_SIGMA).expect("sound"));
            check(&format!("{name} ROUGE-L {place}"), rouge[place], &golden["rouge_each"][place], ROUNDING);
            check(&format!("{name} CIDEr {place}"), cider[place], &golden["cider_each"][place], 1e-10);
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        check(name, mean(&rouge), &golden["rouge"], ROUNDING);
        check(name, mean(&cider), &golden["cider"], 1e-10);
    }
}

#[test]
fn meteor_is_that_of_nltk_without_synonyms() {
    for name in ["radgraph", "reports"] {
        let cases = Cases::of(name, TextTokenizer::Alphanumeric);
        for golden in list(&GOLDEN[name]["meteor"]) {
            let weight = |place: usize| golden["weights"][place].as_f64().expect("a weight");
            let rule = MeteorRule { alpha: weight(0), beta: weight(1), gamma: weight(2) };
            for (place, (text, references)) in cases.pairs().enumerate() {
                let found = meteor(text, references, rule).expect("sound");
                check(&format!("{name} METEOR {place}"), found, &golden["each"][place], ROUNDING);
            }
        }
    }
}

/// The figures that others have reported for the pairs of radgraph's tests.
#[test]
fn the_published_figures_of_the_pairs_of_radgraph() {
    let near = |found: f64, expected: f64, tolerance: f64| {
        assert!((found - expected).abs() < tolerance, "found {found}, expected {expected}");
    };
    let cases = Cases::of("radgraph", TextTokenizer::Whitespace);
    let all: BleuCounts = cases.counts().into_iter().sum();
    for (order, expected) in (1..).zip([0.455_913_66, 0.403_012_04, 0.355_239_82, 0.309_958_44]) {
        near(all.score(BleuRule { order, ..BleuRule::CAPTION }).expect("sound"), expected, 1e-8);
    }
    near(all.score(BleuRule::CORPUS).expect("sound"), 0.309_958_44, 1e-8);
    // A text without a run of four in common: pycocoevalcap's number is not 0.
    let last = cases.counts()[5].score(BleuRule::CAPTION).expect("sound");
    near(last / 1.880_301_545e-8, 1.0, 1e-9);
    let mean = |score: &dyn Fn(&Vec<String>, &Vec<String>) -> RougeScore, cases: &Cases| {
        cases.pairs().map(|(text, references)| score(text, &references[0]).f).sum::<f64>() / 6.0
    };
    for (tokenizer, expected) in [
        (TextTokenizer::AlphanumericStemmed, [0.688_49, 0.540_07, 0.688_49]),
        (TextTokenizer::Alphanumeric, [0.671_83, 0.521_55, 0.671_83]),
    ] {
        let cases = Cases::of("radgraph", tokenizer);
        near(mean(&|text, of| rouge_n(text, of, 1).expect("sound"), &cases), expected[0], 1e-5);
        near(mean(&|text, of| rouge_n(text, of, 2).expect("sound"), &cases), expected[1], 1e-5);
        near(mean(&|text, of| rouge_l(text, of), &cases), expected[2], 1e-5);
    }
}

#[test]
fn label_scores_are_those_of_scikit_learn() {
    let golden = &GOLDEN["labels"];
    let sets = |value: &Value| -> Vec<BTreeSet<String>> {
        list(value).iter().map(|of| words(of).into_iter().map(str::to_owned).collect()).collect()
    };
    let (predicted, truth) = (sets(&golden["predicted"]), sets(&golden["truth"]));
    let found = LabelSets::new(&predicted, &truth).expect("sound").scores(EmptySets::Disagree);
    let some = |value: Option<f64>| value.expect("labels");
    check("micro", some(found.micro.f1), &golden["micro"], ROUNDING);
    check("precision", some(found.micro.precision), &golden["micro_precision"], ROUNDING);
    check("recall", some(found.micro.recall), &golden["micro_recall"], ROUNDING);
    check("macro", some(found.macro_f1), &golden["macro"], ROUNDING);
    check("samples", found.mean_of_cases, &golden["samples"], ROUNDING);
}

#[test]
fn corpus_scores_of_two_systems_are_compared_on_the_same_resamples() {
    let cases = Cases::of("radgraph", TextTokenizer::Whitespace);
    let own = cases.counts();
    // A system that says of every case what it says of the first.
    let same: Vec<BleuCounts> = cases
        .references
        .iter()
        .map(|references| count_bleu(&cases.hypotheses[0], references).expect("references"))
        .collect();
    let corpus = |counts: &[BleuCounts], rows: &[usize]| {
        rows.iter().map(|&row| counts[row]).sum::<BleuCounts>().score(BleuRule::CORPUS).ok()
    };
    let settings = Resampling { replicates: 500, level: 0.95, seed: 4 };
    let found =
        paired_bootstrap(6, settings, |rows| corpus(&own, rows), |rows| corpus(&same, rows)).expect("sound");
    check("corpus", found.first, &GOLDEN["radgraph"]["sacrebleu"][3]["corpus"], PERCENT);
    assert!(found.difference.low > 0.0, "{found:?}");
    assert!(found.second < 0.05 && found.p < 0.05, "{found:?}");
}
