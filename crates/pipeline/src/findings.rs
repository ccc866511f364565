use wilhelm_filters::Region;
use wilhelm_nets::{Card, HeatMap, Interval, Prediction};
use wilhelm_report::{Caution, ModelUse};
use wilhelm_study::{Certainty, Evidence, EvidenceId, EvidenceSource, Finding, FindingId, ImageBox, Patient};

/// The findings of one prediction and what bears them.
pub(crate) struct Found {
    pub findings: Vec<Finding>,
    pub evidence: Vec<Evidence>,
    pub cautions: Vec<Caution>,
}

/// The first step that may become a sentence: probabilities to findings.
///
/// A state of health is a finding of its own only beside several diseases; with one disease its
/// absence says it. A patient outside the population a model was trained on lowers every certainty to
/// indeterminate.
pub(crate) fn findings(
    card: &Card,
    prediction: &Prediction,
    patient: &Patient,
    heat_map: Option<(&HeatMap, &str)>,
    input_sha256: &str,
) -> Found {
    let output = EvidenceId("E1".to_owned());
    let mut evidence = vec![Evidence {
        id: output.clone(),
        source: EvidenceSource::Model {
            model: card.name.clone(),
            version: card.version.clone(),
            weights_sha256: card.weights_sha256.clone(),
            input_sha256: input_sha256.to_owned(),
            heatmap: heat_map.map(|(_, file)| file.to_owned()),
        },
        summary: format!("calibrated output of model {} on this image", card.name),
    }];
    let mut cautions = Vec::new();
    if let Some(text) = outside_population(card, patient) {
        let id = EvidenceId("E2".to_owned());
        evidence.push(Evidence {
            id: id.clone(),
            source: EvidenceSource::rule(format!("card of model {}: population", card.name)),
            summary: format!("the model was trained on {}", card.input.population),
        });
        cautions.push(Caution { text, evidence: vec![id] });
    }
    let diseases = card.labels.iter().filter(|label| !label.normal).count();
    let mut findings = Vec::new();
    for (label, given) in card.labels.iter().zip(&prediction.labels) {
        if label.normal && diseases == 1 {
            continue;
        }
        let certainty = Certainty::of(given.probability.estimate.value());
        let place = heat_map
            .filter(|(map, _)| map.label == label.key && certainty.is_positive())
            .and_then(|(map, _)| map.hot_region().filter(|hot| is_a_place(hot, &map.region)))
            .map(image_box);
        findings.push(Finding {
            id: FindingId(format!("F{}", findings.len() + 1)),
            observation: label.observation(),
            probability: given.probability,
            certainty: if cautions.is_empty() { certainty } else { Certainty::Indeterminate },
            laterality: None,
            place: place.filter(|_| cautions.is_empty()),
            measurements: Vec::new(),
            normal: label.normal,
            evidence: vec![output.clone()],
        });
    }
    Found { findings, evidence, cautions }
}

/// Whether a region says where: one that covers more than half of what was read does not.
const fn is_a_place(hot: &Region, read: &Region) -> bool {
    2 * hot.columns * hot.rows <= read.columns * read.rows
}

fn image_box(region: Region) -> ImageBox {
    ImageBox { column: region.column, row: region.row, columns: region.columns, rows: region.rows, slice: 0 }
}

fn outside_population(card: &Card, patient: &Patient) -> Option<String> {
    let [least, most] = card.input.age_years?;
    let age = patient.age_years?;
    (age < least || age > most).then(|| {
        format!(
            "the model was trained on patients of {least:.0} to {most:.0} years; this patient is {age:.0} years old"
        )
    })
}

/// The model as the report names it, with its validation figures in words.
pub(crate) fn model_use(card: &Card) -> ModelUse {
    let figure = |interval: &Interval| {
        format!("{:.3} (95 % interval {:.3} to {:.3})", interval.estimate, interval.low, interval.high)
    };
    let validation = &card.validation;
    ModelUse {
        name: card.name.clone(),
        version: card.version.clone(),
        validation: format!(
            "AUC {}, accuracy {} on {} images held out from its training data",
            figure(&validation.macro_auc),
            figure(&validation.accuracy),
            validation.images
        ),
        limits: card.must_not.clone(),
    }
}
