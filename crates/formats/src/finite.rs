//! Values that are not numbers, found and replaced where the unit of the values is still known.

use wilhelm_study::{Defect, DefectKind};

use crate::FormatError;

/// Replaces NaN and infinities by the lowest finite value, and says so.
///
/// # Errors
/// [`FormatError::NoFiniteValue`] where nothing is left to take.
pub(crate) fn mend(values: &mut [f32], place: &str) -> Result<Option<Defect>, FormatError> {
    let Some(first) = values.iter().position(|value| !value.is_finite()) else { return Ok(None) };
    let count = values.iter().filter(|value| !value.is_finite()).count();
    let lowest = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .min_by(f32::total_cmp)
        .ok_or(FormatError::NoFiniteValue { count: values.len() as u64 })?;
    values.iter_mut().filter(|value| !value.is_finite()).for_each(|value| *value = lowest);
    Ok(Some(Defect::new(
        DefectKind::Values,
        place,
        format!(
            "{count} of {} values are not finite, the first at offset {first}: replaced by the lowest finite \
             value {lowest}",
            values.len()
        ),
    )))
}

/// A range or a window in 32-bit floats; nothing where a number of it is beyond them.
pub(crate) fn pair((a, b): (f64, f64)) -> Option<(f32, f32)> {
    let (a, b) = (a as f32, b as f32);
    (a.is_finite() && b.is_finite()).then_some((a, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_becomes_the_lowest_number_and_all_nan_is_an_error() {
        let mut values = [3.0, f32::NAN, -2.0, f32::INFINITY];
        let defect = mend(&mut values, "file").expect("a number is left").expect("a defect");
        assert_eq!(values, [3.0, -2.0, -2.0, -2.0]);
        assert!(
            defect.message.starts_with("2 of 4 values are not finite, the first at offset 1"),
            "{defect}"
        );
        assert!(matches!(mend(&mut [f32::NAN; 3], "file"), Err(FormatError::NoFiniteValue { count: 3 })));
        assert!(matches!(mend(&mut [1.0], "file"), Ok(None)));
    }
}
