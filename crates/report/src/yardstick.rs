//! When larger is larger: what two measurements must differ by before a report speaks of change.

use wilhelm_study::{Finding, Quantity};

use crate::change::Change;

/// What the difference of two measurements is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yardstick {
    /// Any length: 20 percent and 5 mm up, 30 percent down.
    Length,
    /// The mean diameter of a lung nodule: more than 1.5 mm.
    NoduleDiameter,
    /// The volume of a lung nodule: 25 percent.
    NoduleVolume,
}

/// A crumb that arithmetic leaves, in the unit of the measurement.
const CRUMB: f64 = 1e-9;

impl Yardstick {
    pub(crate) const ALL: [Self; 3] = [Self::NoduleDiameter, Self::NoduleVolume, Self::Length];

    /// The rule of the program that states it.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Length => "R-CHANGE-LENGTH",
            Self::NoduleDiameter => "R-CHANGE-NODULE",
            Self::NoduleVolume => "R-CHANGE-VOLUME",
        }
    }

    /// The yardstick of a measurement of a finding; `None` where there is no published one.
    pub(crate) fn of(finding: &Finding, name: &str, quantity: &Quantity) -> Option<Self> {
        let is_length = length_mm(quantity).is_some();
        match name {
            "mean diameter" if is_length && is_lung_nodule(finding) => Some(Self::NoduleDiameter),
            "volume" if volume_ml(quantity).is_some() && is_lung_nodule(finding) => Some(Self::NoduleVolume),
            _ => is_length.then_some(Self::Length),
        }
    }

    /// What became of a thing that measured one and now measures the other; `None` for other units than the yardstick's.
    ///
    /// # Source
    /// Lengths: RECIST 1.1, Eisenhauer 2009, doi:10.1016/j.ejca.2008.10.026. Mean diameters of nodules: growth in
    /// Lung-RADS v2022, Christensen 2024, doi:10.1016/j.jacr.2023.09.009; shrinkage by as much is this program's choice.
    /// Volumes of nodules: Callister 2015, doi:10.1136/thoraxjnl-2015-207168.
    pub(crate) fn judge(self, before: &Quantity, now: &Quantity) -> Option<Change> {
        let of = match self {
            Self::NoduleVolume => volume_ml,
            Self::Length | Self::NoduleDiameter => length_mm,
        };
        let (before, now) = (of(before)?, of(now)?);
        let (grown, shrunk) = match self {
            Self::Length => {
                (now + CRUMB >= 1.2 * before && now - before + CRUMB >= 5.0, now - CRUMB <= 0.7 * before)
            }
            Self::NoduleDiameter => (now - before > 1.5 + CRUMB, before - now > 1.5 + CRUMB),
            Self::NoduleVolume => (now + CRUMB >= 1.25 * before, now - CRUMB <= 0.75 * before),
        };
        Some(match (grown, shrunk) {
            (true, _) => Change::Grown,
            (_, true) => Change::Shrunk,
            _ => Change::Stable,
        })
    }
}

fn is_lung_nodule(finding: &Finding) -> bool {
    let name = finding.observation.name.to_lowercase();
    name.contains("nodule") && (name.contains("lung") || name.contains("pulmonary"))
}

/// A number as it is printed.
fn printed(quantity: &Quantity) -> f64 {
    let scale = 10_f64.powi(i32::from(quantity.decimals));
    (quantity.value * scale).round() / scale
}

/// A length as it is printed, in millimeters; `None` for what is no length.
fn length_mm(quantity: &Quantity) -> Option<f64> {
    match quantity.unit.as_str() {
        "mm" => Some(printed(quantity)),
        "cm" => Some(printed(quantity) * 10.0),
        _ => None,
    }
}

/// A volume as it is printed, in milliliters; `None` for what is no volume.
fn volume_ml(quantity: &Quantity) -> Option<f64> {
    match quantity.unit.as_str() {
        "mL" | "cm3" => Some(printed(quantity)),
        "mm3" => Some(printed(quantity) / 1000.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn check(yardstick: Yardstick, unit: &str, before: f64, now: f64, expected: Option<Change>) {
        let quantity = |value| Quantity { value, unit: unit.to_owned(), decimals: 2 };
        let found = yardstick.judge(&quantity(before), &quantity(now));
        assert_eq!(found, expected, "{yardstick:?}: {before} to {now} {unit}");
    }

    #[test]
    fn bounds_by_hand() {
        use Change::{Grown, Shrunk, Stable};
        // 20 percent of 25 mm are 5 mm: both bounds at once.
        check(Yardstick::Length, "mm", 25.0, 30.0, Some(Grown));
        check(Yardstick::Length, "mm", 25.0, 29.99, Some(Stable));
        check(Yardstick::Length, "cm", 2.5, 3.0, Some(Grown));
        check(Yardstick::Length, "mm", 10.0, 7.0, Some(Shrunk));
        check(Yardstick::Length, "mm", 10.0, 7.01, Some(Stable));
        // More than 1.5 mm, not 1.5 mm, where 7.1 - 5.6 leaves a crumb.
        check(Yardstick::NoduleDiameter, "mm", 5.6, 7.1, Some(Stable));
        check(Yardstick::NoduleDiameter, "mm", 5.6, 7.2, Some(Grown));
        check(Yardstick::NoduleDiameter, "mm", 7.2, 5.6, Some(Shrunk));
        check(Yardstick::NoduleDiameter, "mm", 7.1, 5.6, Some(Stable));
        check(Yardstick::NoduleVolume, "mL", 0.4, 0.5, Some(Grown));
        check(Yardstick::NoduleVolume, "mL", 0.4, 0.49, Some(Stable));
        check(Yardstick::NoduleVolume, "mL", 0.4, 0.3, Some(Shrunk));
        check(Yardstick::NoduleVolume, "mm3", 400.0, 500.0, Some(Grown));
        check(Yardstick::NoduleVolume, "mm", 4.0, 5.0, None);
        check(Yardstick::Length, "[hnsf'U]", 4.0, 50.0, None);
    }

    #[test]
    fn nodules_of_the_lung_have_yardsticks_of_their_own() {
        let of = |name: &str, measured: &str, unit: &str| {
            let quantity = Quantity { value: 8.0, unit: unit.to_owned(), decimals: 1 };
            Yardstick::of(&example::finding("F1", name, &[], 0.9, 0.05), measured, &quantity)
        };
        assert_eq!(of("pulmonary nodule", "mean diameter", "mm"), Some(Yardstick::NoduleDiameter));
        assert_eq!(of("pulmonary nodule", "volume", "mL"), Some(Yardstick::NoduleVolume));
        assert_eq!(of("pulmonary nodule", "greatest diameter", "mm"), Some(Yardstick::Length));
        assert_eq!(of("adrenal nodule", "mean diameter", "mm"), Some(Yardstick::Length));
        assert_eq!(of("renal cyst", "volume", "mL"), None);
        assert_eq!(of("renal cyst", "mean attenuation", "[hnsf'U]"), None);
    }
}
