//! Sources put together to one probability: the image, the request, how common the finding is, and the rules that hold them
//! back.

mod readers;
mod settings;
#[cfg(test)]
mod tests;

pub use readers::{RequestReading, RequestSaid, SaidSign, encoder_reading, language_model_reading};
pub use settings::{FusionError, FusionMode, FusionSettings, StackedWeights};

use wilhelm_knowledge::{SignEvidence, SignTable};
use wilhelm_nets::Card;
use wilhelm_report::Caution;
use wilhelm_stats::{PooledSource, Stacking, log_odds, pool_log_odds, sigmoid};
use wilhelm_study::{
    Certainty, Contribution, Contributor, Evidence, EvidenceId, EvidenceSource, Finding, ProbabilityInterval,
};

use crate::findings::Found;

/// Nearest to 0 and to 1 that a probability is taken to be: a network that says less doubt than this has not earned it.
const LEAST: f64 = 1e-6;

/// What was put together for one finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Fused {
    /// The probability by the image alone.
    pub before: f64,
    /// The probability by all sources.
    pub after: f64,
    /// What each adds; together the log odds of `after`.
    pub contributions: Vec<Contribution>,
    /// Why a source has nothing to say, as clauses.
    pub silent: Vec<String>,
}

/// What is put together.
#[derive(Clone, Copy, Debug)]
pub struct FusionInput<'a> {
    /// Key of the finding.
    pub finding: &'a str,
    /// The network's calibrated probability.
    pub image: f64,
    /// Name of the network, for people.
    pub model: &'a str,
    /// How common the finding was where the network was calibrated; none where its card does not say.
    pub calibrated_at: Option<f64>,
    /// The request, line by line.
    pub request: &'a str,
    /// Age of the patient in years, as the image's file states it.
    pub age_years: Option<f64>,
    /// What an encoder and a language model make of the request, where they were asked.
    pub readings: &'a [RequestReading],
}

/// Puts the sources of one finding together.
///
/// Pooled, the base rate speaks first, and the image adds what it moves the base rate of its own calibration by; stacked, both
/// count as was learned. Each sign of the request adds the logarithm of its published likelihood ratio, all together no more
/// than a rule allows.
///
/// # Errors
/// [`FusionError`] for settings out of their range.
///
/// # Source
/// Pooling: Bordley 1982, doi:10.1287/mnsc.28.10.1137; stacking: Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1
pub fn fuse(input: FusionInput<'_>, settings: &FusionSettings) -> Result<Fused, FusionError> {
    settings.check()?;
    let before = input.image;
    let image = before.clamp(LEAST, 1.0 - LEAST);
    let mut silent = Vec::new();
    let learned = settings.stacked.as_ref().filter(|_| settings.mode == FusionMode::Stacked);
    let learned = match learned {
        Some(learned) if learned.finding == input.finding => Some(learned),
        Some(learned) => {
            silent.push(format!("weights were learned for {}, not for {}", learned.finding, input.finding));
            None
        }
        None => None,
    };
    let of_text = learned.map_or(settings.text_weight, |learned| learned.text);
    let found = found(input, &mut silent);
    let mut text = text(input, &found, of_text, learned.map(|learned| learned.learned_on.as_str()));
    if settings.mode == FusionMode::Pool {
        text.extend(readers::by_readers(input, &found.signs, &mut silent)?);
    } else if input.readings.iter().any(|reading| reading.finding == input.finding) {
        silent.push(
            "learned weights know of no encoder and of no language model: they are not counted".to_owned(),
        );
    }
    let mut contributions = match learned {
        Some(learned) => by_stacking(input, image, learned)?,
        None if settings.mode == FusionMode::Stacked => vec![by_image(input, log_odds(image)?, None)],
        None => by_pooling(input, image, settings)?,
    };
    let said: f64 = text.iter().map(|contribution| contribution.log_odds).sum();
    contributions.extend(text);
    let most = settings.most_text_log_odds;
    if said.abs() > most {
        contributions.push(Contribution {
            by: Contributor::Rule,
            words: format!("the request moves no more than {most:.1} in log odds"),
            log_odds: most.copysign(said) - said,
            line: None,
            citation: Some("setting fusion.most_text_log_odds".to_owned()),
        });
    }
    let sum: f64 = contributions.iter().map(|contribution| contribution.log_odds).sum();
    // Sums of logarithms round: what nothing moved is what it was.
    let after = if (sum - log_odds(image)?).abs() < 1e-9 { before } else { sigmoid(sum, 1.0) };
    Ok(Fused { before, after, contributions, silent })
}

fn by_image(input: FusionInput<'_>, log_odds: f64, citation: Option<String>) -> Contribution {
    Contribution {
        by: Contributor::Image,
        words: format!("model {} on this image", input.model),
        log_odds,
        line: None,
        citation,
    }
}

/// Base rate and image. Where the place's base rate is not set it is that of the calibration, and the image's word stands.
fn by_pooling(
    input: FusionInput<'_>,
    image: f64,
    settings: &FusionSettings,
) -> Result<Vec<Contribution>, FusionError> {
    let card = format!("card of model {}", input.model);
    let own = input.calibrated_at.map(|rate| rate.clamp(LEAST, 1.0 - LEAST));
    let calibrated = own.unwrap_or(0.5);
    let (rate, words, citation) = match (settings.base_rates.get(input.finding), own) {
        (Some(rate), Some(_)) => {
            (*rate, format!("{} in this place", percent(*rate)), "setting fusion.base_rates".to_owned())
        }
        (Some(_), None) | (None, None) => {
            (0.5, "the card states no share of the finding: the image alone decides".to_owned(), card)
        }
        (None, Some(rate)) => (rate, format!("{} of the images it was calibrated on", percent(rate)), card),
    };
    let source = PooledSource { probability: image, base_rate: calibrated, weight: 1.0 };
    let pooled = pool_log_odds(rate, &[source])?;
    let base = Contribution {
        by: Contributor::BaseRate,
        words,
        log_odds: pooled.base,
        line: None,
        citation: Some(citation),
    };
    Ok(vec![base, by_image(input, pooled.added[0], None)])
}

fn by_stacking(
    input: FusionInput<'_>,
    image: f64,
    learned: &StackedWeights,
) -> Result<Vec<Contribution>, FusionError> {
    let stacking = Stacking { intercept: learned.intercept, weights: vec![learned.image] };
    let cited = Some(format!("weights learned on {}", learned.learned_on));
    let base = Contribution {
        by: Contributor::BaseRate,
        words: format!("learned on {} cases", learned.cases),
        log_odds: stacking.intercept,
        line: None,
        citation: cited.clone(),
    };
    Ok(vec![base, by_image(input, stacking.added(&[log_odds(image)?])[0], cited)])
}

/// The table of signs of a finding for a request, by the patient's age.
///
/// # Errors
/// Why there is none, as a clause.
fn sign_table(finding: &str, request: &str, age_years: Option<f64>) -> Result<SignTable, String> {
    let tables: Vec<SignTable> =
        SignTable::built_in().into_iter().filter(|table| table.finding == finding).collect();
    if tables.is_empty() {
        return Err(format!("there is no table of signs of {finding}"));
    }
    let age = age_years.or_else(|| wilhelm_knowledge::age_years(request)).ok_or_else(|| {
        "neither the file nor the request states an age, by which a table of signs is chosen".to_owned()
    })?;
    let mut holding = tables.into_iter().filter(|table| table.holds_for(age));
    holding.next().ok_or_else(|| format!("there is no table of signs for an age of {age:.0} years"))
}

/// The signs that the request mentions by a table's phrases, and where they are printed.
struct FoundSigns {
    signs: Vec<SignEvidence>,
    source: String,
}

fn found(input: FusionInput<'_>, silent: &mut Vec<String>) -> FoundSigns {
    let mut nothing = |why: String| {
        silent.push(why);
        FoundSigns { signs: Vec::new(), source: String::new() }
    };
    if input.request.trim().is_empty() {
        return nothing("there is no request".to_owned());
    }
    let table = match sign_table(input.finding, input.request, input.age_years) {
        Ok(table) => table,
        Err(why) => return nothing(why),
    };
    let signs = table.find(input.request);
    if signs.is_empty() {
        nothing(format!("the request mentions none of the {} {}", table.signs.len(), table.words));
    }
    FoundSigns { signs, source: table.source }
}

/// What the request's signs add; what was seen and does not count adds 0 and is listed all the same.
fn text(
    input: FusionInput<'_>,
    found: &FoundSigns,
    weight: f64,
    learned_on: Option<&str>,
) -> Vec<Contribution> {
    let citation = match learned_on {
        Some(data) => format!("{}; weight learned on {data}", found.source),
        None => found.source.clone(),
    };
    found.signs.iter().map(|sign| by_sign(input.request, sign, weight, &citation)).collect()
}

fn by_sign(request: &str, sign: &SignEvidence, weight: f64, citation: &str) -> Contribution {
    let counts = sign.status.and_then(|status| sign.mentions.iter().find(|mention| mention.status == status));
    let mention = counts.or(sign.mentions.first()).expect("a sign that was found has a mention");
    let means = match (sign.status, sign.ratio) {
        (Some(status), Some(ratio)) => {
            let derived = if ratio.derived { ", worked out from sensitivity and specificity" } else { "" };
            format!("{}, likelihood ratio {}{derived}", status.word(), ratio.ratio)
        }
        (Some(status), None) => format!("{}, which the table has no ratio for", status.word()),
        (None, _) => {
            let alone = sign.mentions.iter().all(|other| other.status == mention.status);
            let said = if alone { mention.status.word() } else { "said in more than one way" };
            format!("{said}: not counted")
        }
    };
    let words = format!("{} (\u{201c}{}\u{201d} {means})", sign.words, mention.phrase);
    Contribution {
        by: Contributor::Text,
        words,
        log_odds: weight * sign.log_odds(),
        line: Some(1 + request[..mention.at.start].matches('\n').count()),
        citation: Some(citation.to_owned()),
    }
}

/// Moves the findings of a reading, and says in evidence and in a sentence who moved them.
///
/// Only the one disease of a model that knows one is moved: the probabilities of several labels add up to 1, which sources of
/// one label know nothing of. A finding that a caution made indeterminate stays so.
pub(crate) fn fuse_found(
    found: &mut Found,
    card: &Card,
    (request, age_years): (&[String], Option<f64>),
    (settings, readings): (&FusionSettings, &[RequestReading]),
) -> Result<(), FusionError> {
    let diseases: Vec<&str> =
        card.labels.iter().filter(|label| !label.normal).map(|label| label.key.as_str()).collect();
    if settings.mode == FusionMode::Off || found.findings.is_empty() {
        return Ok(());
    }
    let &[disease] = diseases.as_slice() else {
        found.cautions.push(Caution {
            text: "the request and base rates move no probability of a model of several diseases".to_owned(),
            evidence: vec![EvidenceId("E1".to_owned())],
        });
        return Ok(());
    };
    let lowered = !found.cautions.is_empty();
    let request = request.join("\n");
    let of = |key: &str| card.validation.labels.iter().find(|label| label.label == key);
    let share = of(disease).map(|label| label.images as f64 / card.validation.images.max(1) as f64);
    for finding in found.findings.iter_mut().filter(|finding| finding.observation.key == disease) {
        let fused = fuse(
            FusionInput {
                finding: disease,
                image: finding.probability.estimate.value(),
                model: &card.name,
                calibrated_at: share,
                request: &request,
                age_years,
                readings,
            },
            settings,
        )?;
        let id = EvidenceId(format!("P{}", finding.id.0.trim_start_matches('F')));
        let text = sentence(finding, &fused);
        shift(finding, &fused, lowered)?;
        finding.evidence.push(id.clone());
        found.evidence.push(Evidence {
            id: id.clone(),
            summary: summary(&fused),
            source: EvidenceSource::Fusion {
                observation: disease.to_owned(),
                before: fused.before,
                after: fused.after,
                contributions: fused.contributions,
            },
        });
        let mut evidence = vec![id];
        evidence.extend(finding.evidence.iter().filter(|other| other.0 == "E1").cloned());
        found.cautions.push(Caution { text, evidence });
    }
    Ok(())
}

/// The finding with its probability and its interval moved along the log odds by what was added.
fn shift(finding: &mut Finding, fused: &Fused, lowered: bool) -> Result<(), FusionError> {
    let moved =
        log_odds(fused.after.clamp(LEAST, 1.0 - LEAST))? - log_odds(fused.before.clamp(LEAST, 1.0 - LEAST))?;
    if moved.abs() < 1e-12 {
        return Ok(());
    }
    let of = |end: f64| -> Result<f64, FusionError> {
        Ok(sigmoid(log_odds(end.clamp(LEAST, 1.0 - LEAST))? + moved, 1.0))
    };
    let now = finding.probability;
    let (low, high) = (of(now.low.value())?, of(now.high.value())?);
    let estimate = fused.after.clamp(low, high);
    finding.probability = ProbabilityInterval::new(low, estimate, high, now.level.value())
        .map_err(|error| FusionError::Interval(error.to_string()))?;
    if !lowered {
        finding.certainty = Certainty::of(fused.after);
    }
    Ok(())
}

/// Who moved what, as a sentence without a final period.
fn sentence(finding: &Finding, fused: &Fused) -> String {
    let name = &finding.observation.name;
    let mut text = if (fused.after - fused.before).abs() < 5e-4 {
        format!("the request and base rates leave the probability of {name} at {}", percent(fused.before))
    } else {
        format!(
            "the probability of {name} is {} by the image alone and {} with the request and base rates",
            percent(fused.before),
            percent(fused.after)
        )
    };
    text.push_str(&format!("; added in log odds: {}", listed(&fused.contributions)));
    for why in &fused.silent {
        text.push_str(&format!("; {why}"));
    }
    text.push_str("; this way of putting sources together was not measured on patients who have both");
    text
}

fn summary(fused: &Fused) -> String {
    format!(
        "{} before, {} after: {}",
        percent(fused.before),
        percent(fused.after),
        listed(&fused.contributions)
    )
}

fn listed(contributions: &[Contribution]) -> String {
    let one = |contribution: &Contribution| {
        let by = match contribution.by {
            Contributor::BaseRate => "base rate",
            Contributor::Image => "image",
            Contributor::Text => "request",
            Contributor::Encoder => "encoder",
            Contributor::LanguageModel => "language model",
            _ => "rule",
        };
        let line = contribution.line.map_or_else(String::new, |line| format!(" line {line}"));
        format!("{by}{line} {:+.2} ({})", contribution.log_odds, contribution.words)
    };
    contributions.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
