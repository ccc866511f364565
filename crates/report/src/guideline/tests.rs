use std::collections::{BTreeMap, BTreeSet};

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::expr::{Condition, Formula};
use super::unit::snapped;
use super::*;

type Inputs = BTreeMap<String, String>;

/// Cases by hand: `rule: branch` and the inputs, after the inputs that a rule's cases share.
const CASES: &str = include_str!("../../tests/guideline/cases.txt");

/// Sets of inputs looked at, at least, of each rule.
const SAMPLES: usize = 4000;

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split(';')
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or_else(|| panic!("no = in {pair}"));
            (name.trim().to_owned(), value.trim().to_owned())
        })
        .collect()
}

/// The rule, what has to come out, and the inputs of each case by hand.
fn cases() -> Vec<(&'static Guideline, String, Inputs)> {
    let mut shared: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    let mut cases = Vec::new();
    for line in CASES.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (head, inputs) = line.split_once('|').unwrap_or_else(|| panic!("no | in {line}"));
        let (rule, expected) = head.split_once(':').unwrap_or_else(|| panic!("no : in {line}"));
        let (rule, expected) = (rule.trim(), expected.trim());
        if expected == "all" {
            shared.insert(rule, pairs(inputs));
            continue;
        }
        let mut all: Inputs = shared.get(rule).into_iter().flatten().cloned().collect();
        for (name, value) in pairs(inputs) {
            all.insert(name, value);
        }
        let rule = guideline(rule).unwrap_or_else(|| panic!("no rule {rule}"));
        cases.push((rule, expected.to_owned(), all));
    }
    cases
}

/// The branch of an answer, or what there is instead.
fn answer(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Decided { branch, .. } => branch.clone(),
        Outcome::Outside { branch, .. } => branch.clone(),
        Outcome::Undecided { without, .. } => format!("without {}", without.join(", ")),
        Outcome::Uncovered { .. } => "uncovered".to_owned(),
    }
}

#[test]
fn every_case_by_hand_comes_out_of_the_branch_it_should() {
    for (rule, expected, inputs) in cases() {
        let decision = apply(rule, &inputs).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
        assert_eq!(answer(&decision.outcome), expected, "{} of {inputs:?}", rule.id);
    }
}

#[test]
fn every_branch_of_every_rule_has_a_case_by_hand() {
    let tried: BTreeSet<(String, String)> =
        cases().into_iter().map(|(rule, expected, _)| (rule.id.clone(), expected)).collect();
    let ids = |rule: &'static Guideline| {
        rule.outside.iter().map(|o| &o.id).chain(rule.branches.iter().map(|b| &b.id))
    };
    let untried: Vec<String> = guidelines()
        .iter()
        .flat_map(|rule| ids(rule).map(move |id| (rule.id.clone(), id.clone())))
        .filter(|pair| !tried.contains(pair))
        .map(|(rule, id)| format!("{rule}: {id}"))
        .collect();
    assert!(untried.is_empty(), "no case by hand for {}", untried.join("; "));
}

#[test]
fn every_rule_cites_what_it_comes_from_and_says_what_it_leaves_out() {
    let mut ids = BTreeSet::new();
    for rule in guidelines() {
        assert!(ids.insert(&rule.id), "{} is there twice", rule.id);
        assert!(!rule.conventions.is_empty() && !rule.not_covered.is_empty(), "{}", rule.id);
        for source in &rule.sources {
            assert!(source.doi.is_some() || source.url.is_some(), "{}: {}", rule.id, source.cite);
        }
        for branch in &rule.branches {
            if let Some(text) = &branch.recommendation {
                assert!(text.ends_with('.') && text.len() < 250, "{}: {text}", rule.id);
            }
        }
    }
}

fn literals(condition: &Condition, into: &mut Vec<f64>) {
    match condition {
        Condition::Always | Condition::Is(..) => {}
        Condition::Not(inner) => literals(inner, into),
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| literals(part, into)),
        Condition::Compare(a, _, b) => {
            for side in [a, b] {
                if let Formula::Literal(value) = side {
                    into.push(*value);
                }
            }
        }
    }
}

/// Values of an input at and around each bound of the rule.
fn grid(rule: &Guideline, input: &Input) -> Vec<String> {
    let InputKind::Number(measured) = &input.kind else {
        let InputKind::Choice(values) = &input.kind else { unreachable!() };
        return values.clone();
    };
    let mut bounds = Vec::new();
    let conditions =
        rule.outside.iter().map(|o| &o.condition).chain(rule.branches.iter().map(|b| &b.condition));
    conditions.for_each(|condition| literals(condition, &mut bounds));
    for value in &rule.values {
        if let Computed::Points(terms) = &value.how {
            terms.iter().for_each(|term| literals(&term.when, &mut bounds));
        }
    }
    let mut own: Vec<f64> = bounds.iter().map(|bound| snapped(bound / measured.unit.factor)).collect();
    own.extend([measured.least, measured.greatest, 0.0, 12.0, 55.0, 130.0]);
    let step = measured.round.unwrap_or(1.0);
    let around = |bound: &f64| {
        [-1.0, -0.5, -0.05, 0.0, 0.05, 0.5, 1.0].map(|off| snapped(bound + off * step)).to_vec()
    };
    let mut values: Vec<f64> = own.iter().flat_map(around).collect();
    values.retain(|value| *value >= measured.least && *value <= measured.greatest);
    values.retain(|value| !measured.whole || value.fract() == 0.0);
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.iter().map(|value| format!("{value} {}", measured.unit.name)).collect()
}

/// Inputs that are given by themselves, with the values to try.
fn asked(rule: &Guideline) -> Vec<(&Input, Vec<String>)> {
    let given =
        |input: &&Input| !matches!(&input.kind, InputKind::Number(measured) if measured.computed.is_some());
    rule.inputs.iter().filter(given).map(|input| (input, grid(rule, input))).collect()
}

/// Every combination of the inputs that have choices, each several times with numbers drawn by seed from the bounds.
fn combinations(rule: &Guideline) -> Vec<Inputs> {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let asked = asked(rule);
    let of_choices = |input: &Input| matches!(input.kind, InputKind::Choice(_));
    let count: usize = asked.iter().filter(|(i, _)| of_choices(i)).map(|(_, grid)| grid.len()).product();
    let times = (SAMPLES / count).max(2);
    let mut all = Vec::new();
    for at in (0..count).flat_map(|at| std::iter::repeat_n(at, times)) {
        let mut left = at;
        let mut set = Inputs::new();
        for (input, grid) in &asked {
            let value = if of_choices(input) {
                let value = &grid[left % grid.len()];
                left /= grid.len();
                value
            } else {
                grid.choose(&mut random).expect("no grid is empty")
            };
            set.insert(input.name.clone(), value.clone());
        }
        all.push(set);
    }
    all
}

/// Full sets of inputs drawn by seed.
fn sample(rule: &Guideline, count: usize) -> Vec<Inputs> {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let asked = asked(rule);
    let mut set = || -> Inputs {
        let draw = |(input, grid): &(&Input, Vec<String>)| {
            (input.name.clone(), grid.choose(&mut random).expect("no grid is empty").clone())
        };
        asked.iter().map(draw).collect()
    };
    (0..count).map(|_| set()).collect()
}

#[test]
fn a_full_set_of_inputs_has_an_answer_or_a_stated_reason() {
    for rule in guidelines() {
        let mut uncovered = 0;
        let all = combinations(rule);
        for inputs in &all {
            let decision = apply(rule, inputs).unwrap_or_else(|error| panic!("{}: {error}", rule.id));
            match decision.outcome {
                Outcome::Undecided { without, .. } => {
                    panic!("{}: {inputs:?} is undecided without {without:?}", rule.id)
                }
                Outcome::Uncovered { reason } => {
                    assert!(!reason.is_empty());
                    uncovered += 1;
                }
                Outcome::Decided { .. } | Outcome::Outside { .. } => {}
            }
        }
        println!("{:28} {:6} sets of inputs, {uncovered} without an answer", rule.id, all.len());
        let open = ["bosniak-2019-ct", "bosniak-2019-mr", "adrenal-washout", "adrenal-chemical-shift"];
        assert!(uncovered == 0 || open.contains(&rule.id.as_str()), "{}: {uncovered}", rule.id);
    }
}

#[test]
fn a_missing_input_never_changes_an_answer_it_only_leaves_it_open() {
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for rule in guidelines() {
        for full in &sample(rule, 1000) {
            let whole = answer(&apply(rule, full).expect("a grid of allowed values").outcome);
            let mut part = full.clone();
            part.retain(|_, _| random.random_bool(0.6));
            let decision = apply(rule, &part).expect("a part of allowed values");
            match &decision.outcome {
                Outcome::Undecided { without, possible } => {
                    assert!(!without.is_empty(), "{}: {part:?}", rule.id);
                    for name in without {
                        let computed = rule.input(name).is_some_and(
                            |i| matches!(&i.kind, InputKind::Number(measured) if measured.computed.is_some()),
                        );
                        assert!(computed || !part.contains_key(name), "{} asks again for {name}", rule.id);
                    }
                    assert!(
                        whole == "uncovered" || possible.contains(&whole),
                        "{}: {part:?} {whole}",
                        rule.id
                    );
                }
                outcome => assert_eq!(answer(outcome), whole, "{}: {part:?} of {full:?}", rule.id),
            }
        }
    }
}

fn rank(rule: &Guideline, inputs: &Inputs) -> Option<u32> {
    match apply(rule, inputs).expect("a grid of allowed values").outcome {
        Outcome::Decided { rank, .. } => rank,
        _ => None,
    }
}

#[test]
fn more_of_what_is_suspicious_never_gives_a_lower_category() {
    let rising = [
        ("fleischner-2017", &["mean_diameter", "solid_component"][..]),
        ("lung-rads-2022", &["mean_diameter", "solid_component"]),
        ("acr-ti-rads-2017", &["size"]),
        ("bosniak-2019-ct", &["wall_thickness", "septa_thickness", "protrusion_height", "septa"]),
        ("bosniak-2019-mr", &["wall_thickness", "septa_thickness", "protrusion_height", "septa"]),
        ("recist-1.1", &["current_sum"]),
        ("curb-65", &["age", "urea", "respiratory_rate"]),
        ("simplified-pesi", &["age", "heart_rate"]),
        ("revised-geneva", &["age", "heart_rate"]),
        ("wells-pe", &["heart_rate"]),
    ];
    for (id, names) in rising {
        let rule = guideline(id).expect("a rule");
        let mut compared = 0;
        for name in names {
            let values = grid(rule, rule.input(name).expect("an input"));
            for full in &sample(rule, 500) {
                let mut highest = (None, String::new());
                for value in &values {
                    let mut inputs = full.clone();
                    if *name == "mean_diameter" {
                        inputs.retain(|name, _| !name.ends_with("_axis"));
                    }
                    inputs.insert((*name).to_owned(), value.clone());
                    let Some(rank) = rank(rule, &inputs) else { continue };
                    compared += usize::from(highest.0.is_some());
                    assert!(
                        highest.0.is_none_or(|before| before <= rank),
                        "{id}: {name} {value} is below {} in {inputs:?}",
                        highest.1
                    );
                    highest = (Some(rank), value.clone());
                }
            }
        }
        assert!(compared > 500, "{id}: {compared} pairs compared only");
    }
}

fn of(rule: &str, inputs: &str) -> Result<Decision, GuidelineError> {
    apply(guideline(rule).expect("a rule"), &pairs(inputs).into_iter().collect())
}

#[test]
fn what_cannot_be_read_is_refused_with_what_was_expected() {
    let cases = [
        ("mean_diameter = 6", "expected a number in one of the units: mm, cm"),
        ("mean_diameter = 6 HU", "expected a number in one of the units: mm, cm"),
        ("mean_diameter = six mm", "expected a number in mm"),
        ("mean_diameter = -1 mm", "expected 0 to 300 mm"),
        ("mean_diameter = 1e3 mm", "in one of the units"),
        ("mean_diameter = NaN mm", "expected a number in mm"),
        ("mean_diameter = 6,5 mm", "in one of the units"),
        ("mean_diameter = 40 cm", "expected 0 to 300 mm"),
        ("density = soft", "expected one of: solid, part_solid, ground_glass"),
        ("width = 6 mm", "has no input width"),
        ("mean_diameter = 6 mm; long_axis = 7 mm; short_axis = 5 mm", "leave one out"),
    ];
    for (inputs, expected) in cases {
        let error = of("fleischner-2017", inputs).expect_err(inputs).to_string();
        assert!(error.contains(expected), "{inputs}: {error}");
    }
    let error = of("bosniak-2019-ct", "septa = 1.5").expect_err("half a septum").to_string();
    assert!(error.contains("a whole number"), "{error}");
    // 0.9 could be 90 % or less than one: a share has its unit.
    let error = of("simplified-pesi", "oxygen_saturation = 0.9").expect_err("a bare share").to_string();
    assert!(error.contains("one of the units: 1, %"), "{error}");
}

#[test]
fn centimeters_axes_and_spoken_words_are_read_as_what_they_are() {
    let shared = "age = 60 years; known_cancer = no; immunosuppressed = no; screening = no; number = single; risk = low";
    for inputs in [
        "density = ground glass; mean_diameter = 0.6 cm",
        "density = Ground-glass; long_axis = 7 mm; short_axis = 4 mm",
    ] {
        let decision = of("fleischner-2017", &format!("{shared}; {inputs}")).expect("readable");
        assert_eq!(answer(&decision.outcome), "ground-glass-single-from-6");
        assert_eq!(decision.values["mean_diameter"], "6 mm");
    }
}

#[test]
fn a_score_that_is_high_enough_already_does_not_ask_for_the_rest() {
    let most = "composition = solid; echogenicity = very_hypoechoic; shape = taller_than_wide; size = 12 mm";
    let decision = of("acr-ti-rads-2017", most).expect("readable");
    assert_eq!(answer(&decision.outcome), "tr5-from-10-mm");
    let decision = of("acr-ti-rads-2017", "composition = solid; size = 12 mm").expect("readable");
    let Outcome::Undecided { without, possible } = &decision.outcome else { panic!("{decision:?}") };
    let asked = "echogenicity, shape, margin, macrocalcifications, rim_calcifications, punctate_foci";
    assert_eq!(without.join(", "), asked);
    assert!(!possible.iter().any(|id| id == "tr1"), "2 points are there already: {possible:?}");
    assert!(decision.text().contains("cannot be decided without echogenicity"));
}

#[test]
fn a_washout_that_cannot_be_computed_is_said_so() {
    let decision =
        of("adrenal-washout", "unenhanced_made = no; portal = 0 HU; delayed = 0 HU").expect("readable");
    let Outcome::Uncovered { reason } = &decision.outcome else { panic!("{decision:?}") };
    assert_eq!(reason, "relative_washout: a division by zero");
}

#[test]
fn a_broken_rule_file_is_refused_with_its_place() {
    let whole = "id = \"x\"\nversion = \"1\"\ntitle = \"x\"\nscope = \"x\"\n[[source]]\ncite = \"x\"\ndoi = \"x\"\n\
                 [[input]]\nname = \"size\"\nasks = \"size\"\nunit = \"mm\"\n";
    let branch = |when: &str, rest: &str| {
        format!("{whole}[[branch]]\nid = \"b\"\nwhen = \"{when}\"\ncategory = \"c\"\n{rest}")
    };
    assert!(Guideline::read(&branch("size > 3 mm", "")).is_ok());
    for (text, expected) in [
        (branch("size > 3 HU", ""), "b is no part of a rule: \"size > 3 HU\" compares different units"),
        (branch("length > 3 mm", ""), "names nothing"),
        (branch("always", "recommendation = \"Do.\""), "a recommendation has steps"),
        (branch("always", "color = \"red\""), "unknown field"),
        (
            branch("always", "recommendation = \"Do.\"\nnext = [{ act = \"sampling\", with = [\"ct\"] }]"),
            "only an image",
        ),
        (
            branch(
                "always",
                "recommendation = \"Do.\"\nnext = [{ act = \"imaging\", after_months = [9, 3] }]",
            ),
            "from the sooner to the later",
        ),
        (
            whole.replace("mm", "furlongs") + "[[branch]]\nid = \"b\"\nwhen = \"always\"\ncategory = \"c\"",
            "no unit",
        ),
    ] {
        let error = Guideline::read(&text).expect_err("a broken rule").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_page_of_rules_is_that_of_the_data_files() {
    let committed = include_str!("../../../../docs/rules.md");
    let (_, after) = committed.split_once("<!-- rules: begin -->\n").expect("the mark where the rules begin");
    let (rules, _) = after.split_once("<!-- rules: end -->").expect("the mark where they end");
    assert!(
        rules.trim() == page().trim(),
        "docs/rules.md differs; put between its marks what this prints: cargo run -p wilhelm-report --example rules"
    );
}
