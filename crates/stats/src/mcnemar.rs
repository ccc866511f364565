use crate::StatsError;
use crate::distribution::{coin_at_most, coin_exactly};
use crate::error::{check_at_least, check_length, check_range};
use serde::{Deserialize, Serialize};

/// Whether two readers of the same cases are right equally often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Cases that the first alone has right.
    pub only_first: u64,
    /// Cases that the second alone has right.
    pub only_second: u64,
    /// Exact two-sided chance of so uneven a split if both were equally good.
    pub exact_p: f64,
    /// The same with half the weight of the split found: less timid, and seldom above its level.
    pub mid_p: f64,
}

/// McNemar's test from the numbers of cases in which one of two is right and the other wrong.
///
/// Cases in which both are right or both wrong do not count; without others both chances are 1.
///
/// # Units
/// Cases, and chances from 0 to 1.
///
/// # Errors
/// [`StatsError::Range`] for more than a thousand million such cases, where the sums lose digits.
///
/// # Source
/// McNemar 1947, doi:10.1007/BF02295996; Fagerland, Lydersen and Laake 2013,
/// doi:10.1186/1471-2288-13-91 (mid-p)
pub fn mcnemar(only_first: u64, only_second: u64) -> Result<McNemar, StatsError> {
    let counted = only_first as f64 + only_second as f64;
    check_range("cases in which one is right", counted, 0.0, 1e9)?;
    let (less, both) = (only_first.min(only_second), only_first + only_second);
    let tail = 2.0 * coin_at_most(less, both);
    Ok(McNemar {
        only_first,
        only_second,
        exact_p: tail.min(1.0),
        // An even split counts its own weight twice in the tail: what remains is 1.
        mid_p: if only_first == only_second { 1.0 } else { tail - coin_exactly(less, both) },
    })
}

/// McNemar's test of two lists that say in which cases each was right.
///
/// # Errors
/// [`StatsError`] if there is no case or the lists differ in length.
///
/// # Source
/// As [`mcnemar`].
pub fn mcnemar_of_calls(first_right: &[bool], second_right: &[bool]) -> Result<McNemar, StatsError> {
    check_at_least("cases", first_right.len(), 1)?;
    check_length("calls of the second", second_right.len(), first_right.len())?;
    let only = |one: &[bool], other: &[bool]| {
        one.iter().zip(other).filter(|(one, other)| **one && !**other).count() as u64
    };
    mcnemar(only(first_right, second_right), only(second_right, first_right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_against_fifteen_by_hand() {
        // 2 * (1 + 20 + 190 + 1140 + 4845 + 15504) / 2^20, and less 15504 / 2^20.
        let found = mcnemar(5, 15).expect("few");
        assert!((found.exact_p - 43_400.0 / 1_048_576.0).abs() < 1e-13);
        assert!((found.mid_p - 27_896.0 / 1_048_576.0).abs() < 1e-13);
        let mirrored = mcnemar(15, 5).expect("few");
        assert_eq!((mirrored.exact_p, mirrored.mid_p), (found.exact_p, found.mid_p));
    }

    #[test]
    fn an_even_split_proves_nothing() {
        for count in [0, 1, 7] {
            let found = mcnemar(count, count).expect("few");
            assert_eq!((found.exact_p, found.mid_p), (1.0, 1.0));
        }
    }

    #[test]
    fn calls_are_counted_and_lists_that_do_not_fit_are_refused() {
        let found = mcnemar_of_calls(&[true, true, false, false], &[true, false, false, true]);
        assert!(found.is_ok_and(|found| (found.only_first, found.only_second) == (1, 1)));
        assert!(mcnemar_of_calls(&[], &[]).is_err());
        assert!(mcnemar_of_calls(&[true], &[true, false]).is_err());
        assert!(mcnemar(u64::MAX, u64::MAX).is_err());
    }
}
