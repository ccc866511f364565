use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wilhelm_study::{EvidenceId, Quantity};

use crate::guideline::MeasuredInput;
use crate::write::words;

/// Something measured on the image that no finding carries, such as an axis of an outlined lesion that a rule asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// Its evidence, which is its name in the report.
    pub id: EvidenceId,
    /// What was measured, for example `long axis`.
    pub name: String,
    /// The number.
    pub quantity: Quantity,
    /// The lower end of its range, in the number's unit.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How it was measured.
    pub method: String,
    /// On what: the label, the plane, the mask by its hash.
    pub on: String,
}

impl Measured {
    /// Decimals that a measurement is said with: rules compare hundredths, which nobody measures.
    pub const DECIMALS: u8 = 1;

    /// What a sentence about measurements begins with.
    pub(crate) const LEAD: &str = "Measured on ";

    /// A rule's measured input as a measurement of the report; `None` where its three numbers have no common unit.
    pub(crate) fn of(input: &MeasuredInput, id: EvidenceId) -> Option<Self> {
        let number = |text: &str| -> Option<(f64, String)> {
            let (number, unit) = text.split_once(' ').unwrap_or((text, "1"));
            Some((number.parse().ok().filter(|value: &f64| value.is_finite())?, unit.to_owned()))
        };
        let [(value, unit), (low, of_low), (high, of_high)] =
            [number(&input.value)?, number(&input.low)?, number(&input.high)?];
        if of_low != unit || of_high != unit {
            return None;
        }
        let unit = if unit == "HU" { "[hnsf'U]".to_owned() } else { unit };
        Some(Self {
            id,
            name: input.input.replace('_', " "),
            quantity: Quantity { value, unit, decimals: Self::DECIMALS },
            low,
            high,
            method: input.method.clone(),
            on: input.on.clone(),
        })
    }

    /// `7.6 to 8.3 mm`.
    pub(crate) fn range(&self) -> String {
        let [low, high] = [self.low, self.high].map(|end| Quantity { value: end, ..self.quantity.clone() });
        let unit = words::unit(&self.quantity.unit);
        let low = words::quantity(&low);
        format!("{} to {}", low.strip_suffix(unit).unwrap_or(&low).trim_end(), words::quantity(&high))
    }

    /// `long axis 7.9 mm (7.6 to 8.3 mm)`.
    pub(crate) fn said(&self) -> String {
        format!("{} {} ({})", self.name, words::quantity(&self.quantity), self.range())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(value: &str, low: &str, high: &str) -> MeasuredInput {
        MeasuredInput {
            input: "long_axis".to_owned(),
            value: value.to_owned(),
            low: low.to_owned(),
            high: high.to_owned(),
            method: "by hand".to_owned(),
            on: "label 1".to_owned(),
        }
    }

    #[test]
    fn a_measurement_is_said_to_a_tenth_with_its_range() {
        let of = |value, low, high| {
            Measured::of(&input(value, low, high), EvidenceId("N1".to_owned())).map(|m| m.said())
        };
        let said = of("7.94 mm", "7.55 mm", "8.30 mm");
        assert_eq!(said.as_deref(), Some("long axis 7.9 mm (7.5 to 8.3 mm)"));
        let said = of("8 HU", "-2 HU", "18 HU");
        assert_eq!(said.as_deref(), Some("long axis 8.0 HU (-2.0 to 18.0 HU)"));
        assert_eq!(of("3", "2", "4").as_deref(), Some("long axis 3.0 (2.0 to 4.0)"));
        assert_eq!(of("7.94 mm", "0.7 cm", "8.30 mm"), None);
        assert_eq!(of("many mm", "7 mm", "8 mm"), None);
    }
}
