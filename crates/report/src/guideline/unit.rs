//! Units of rules: what a literal or an input is measured in, and whether two may be compared.

/// Exponents of length, attenuation, time, pressure, mass and amount of substance.
pub(super) type Dimension = [i8; 6];

/// A bare number.
pub(super) const BARE: Dimension = [0; 6];

/// A unit: its name as written, what it measures, and its size in millimeters, HU, days, mmHg, mg and mmol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    /// As printed.
    pub name: &'static str,
    /// What it measures.
    pub dimension: Dimension,
    /// How many base units it is.
    pub factor: f64,
}

const fn unit(name: &'static str, dimension: Dimension, factor: f64) -> Unit {
    Unit { name, dimension, factor }
}

const LENGTH: Dimension = [1, 0, 0, 0, 0, 0];
const TIME: Dimension = [0, 0, 1, 0, 0, 0];
const RATE: Dimension = [0, 0, -1, 0, 0, 0];
const VOLUME: Dimension = [3, 0, 0, 0, 0, 0];

/// All units. A month is a twelfth of a year of 365.25 days, so that 12 months are 1 year.
const UNITS: &[Unit] = &[
    unit("1", BARE, 1.0),
    unit("%", BARE, 0.01),
    unit("mm", LENGTH, 1.0),
    unit("cm", LENGTH, 10.0),
    unit("HU", [0, 1, 0, 0, 0, 0], 1.0),
    unit("days", TIME, 1.0),
    unit("weeks", TIME, 7.0),
    unit("months", TIME, 30.4375),
    unit("years", TIME, 365.25),
    unit("/min", RATE, 1440.0),
    unit("mmHg", [0, 0, 0, 1, 0, 0], 1.0),
    unit("mL", VOLUME, 1000.0),
    unit("mg/dL", [-3, 0, 0, 0, 1, 0], 1e-5),
    unit("mmol/L", [-3, 0, 0, 0, 0, 1], 1e-6),
    unit("ng/mL", [-3, 0, 0, 0, 1, 0], 1e-9),
];

/// Other spellings of a unit's name.
const SPELLINGS: &[(&str, &str)] = &[
    ("day", "days"),
    ("d", "days"),
    ("week", "weeks"),
    ("wk", "weeks"),
    ("month", "months"),
    ("mo", "months"),
    ("year", "years"),
    ("a", "years"),
    ("y", "years"),
    ("[hnsf'U]", "HU"),
    ("mm[Hg]", "mmHg"),
    ("bpm", "/min"),
    ("ml", "mL"),
    ("cm3", "mL"),
];

/// The unit of a name; case counts.
pub(super) fn named(name: &str) -> Option<Unit> {
    let name = SPELLINGS.iter().find(|(spelling, _)| *spelling == name).map_or(name, |(_, unit)| unit);
    UNITS.iter().find(|unit| unit.name == name).copied()
}

/// The unit that a text starts with, the longest one, and its length as written.
pub(super) fn starting(text: &str) -> Option<(Unit, usize)> {
    let ends = |at: usize| text.get(at..).and_then(|rest| rest.chars().next());
    let names = UNITS.iter().map(|unit| unit.name).chain(SPELLINGS.iter().map(|(spelling, _)| *spelling));
    let fits = |name: &&str| {
        let cut = ends(name.len()).is_none_or(|next| !next.is_alphanumeric() && next != '_');
        *name != "1" && text.starts_with(*name) && cut
    };
    let longest = names.filter(fits).max_by_key(|name| name.len())?;
    named(longest).map(|unit| (unit, longest.len()))
}

/// The units that measure the same, as printed.
pub(super) fn of_dimension(dimension: Dimension) -> Vec<&'static str> {
    UNITS.iter().filter(|unit| unit.dimension == dimension).map(|unit| unit.name).collect()
}

/// Exponents of a product (`sign` 1) or a quotient (`sign` -1).
pub(super) fn combined(left: Dimension, right: Dimension, sign: i8) -> Dimension {
    std::array::from_fn(|axis| left[axis] + sign * right[axis])
}

/// A number without what conversion between units left behind: 0.57 cm is 5.7 mm.
pub(super) fn snapped(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 12 - value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(digits.clamp(0, 300));
    let scaled = value * scale;
    if scaled.is_finite() { scaled.round() / scale } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_found_by_name_and_by_other_spellings() {
        for (name, expected) in [("mm", Some("mm")), ("year", Some("years")), ("[hnsf'U]", Some("HU"))] {
            assert_eq!(named(name).map(|unit| unit.name), expected, "{name}");
        }
        assert_eq!(named("inch"), None);
        assert_eq!(named("MM"), None, "case counts: MM is no millimeter");
    }

    #[test]
    fn conversion_leaves_no_crumbs() {
        for (centimeters, millimeters) in [(0.57, 5.7), (0.6, 6.0), (0.55, 5.5), (2.9, 29.0)] {
            let factor = named("cm").expect("a unit").factor;
            assert!(snapped(centimeters * factor) == millimeters, "{centimeters} cm");
        }
        let months = named("months").expect("a unit").factor;
        assert!(snapped(12.0 * months) == named("years").expect("a unit").factor);
    }
}
