use crate::ContextRules;

use super::Handbook;

/// Something that a line of a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedSign {
    /// Its address.
    pub iri: String,
    /// Whether it is stated; else it is denied.
    pub present: bool,
    /// Line of the request, from 1.
    pub line: usize,
}

impl Handbook {
    /// What the lines of a request state or deny of the symptoms, signs, drugs, media and devices that the graph names. What is
    /// in doubt, past, only conceivable or of somebody else is none; of two statements the later line counts.
    #[must_use]
    pub fn stated_in(&self, request: &[String]) -> Vec<StatedSign> {
        let mut found: Vec<StatedSign> = Vec::new();
        for (at, line) in request.iter().enumerate() {
            let read = ContextRules::built_in().read(line);
            for iri in &self.named_in_requests {
                let Some(concept) = self.concepts.get(iri) else { continue };
                let names = std::iter::once(&concept.name).chain(&concept.synonyms);
                // A name that says that it is past ("history of heart failure") is reached by no cue: it holds it.
                let meant = names.flat_map(|name| read.find(name)).find_map(|place| read.meaning(place).ok());
                let Some(meaning) = meant else { continue };
                let denied = meaning.negated.is_some();
                let doubtful = meaning.uncertain.is_some()
                    || meaning.historical.is_some()
                    || meaning.hypothetical.is_some()
                    || meaning.of_other.is_some();
                if doubtful {
                    continue;
                }
                found.retain(|known| known.iri != *iri);
                found.push(StatedSign { iri: iri.clone(), present: !denied, line: at + 1 });
            }
        }
        found
    }
}

/// The estimated glomerular filtration rate that the lines of a request state, in mL/min/1.73 m2, with its line from 1; the last
/// one counts. "below 30" and "<30" are just below.
#[must_use]
pub fn egfr_in(request: &[String]) -> Option<(f64, usize)> {
    let of_line = |line: &str| -> Option<f64> {
        let lower = line.to_lowercase();
        let at = lower.find("egfr").or_else(|| lower.find("gfr"))?;
        let rest = lower[at..].trim_start_matches("egfr").trim_start_matches("gfr");
        let start = rest.find(|c: char| c.is_ascii_digit())?;
        let (between, number) = rest.split_at(start);
        // The number belongs to it: few words stand between.
        if between.chars().count() > 12 || between.contains(['.', ';', '?']) {
            return None;
        }
        let end = number.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(number.len());
        let value: f64 = number[..end].trim_end_matches('.').parse().ok()?;
        let below = between.contains('<') || between.contains("below") || between.contains("under");
        (0.0..=250.0).contains(&value).then_some(if below { value - 0.01 } else { value })
    };
    request.iter().enumerate().rev().find_map(|(at, line)| Some((of_line(line)?, at + 1)))
}
