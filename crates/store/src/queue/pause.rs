use std::time::Duration;

/// The first pause in seconds; each further one is twice as long.
const FIRST: u64 = 10;
/// The longest pause in seconds.
const LONGEST: u64 = 3600;

/// How long a job rests after its attempt `attempts` (from 1) failed: 10 s, 20 s, 40 s, up to an hour, of which the second half is
/// drawn by chance, so that jobs that failed together do not come back together.
///
/// The chance is drawn from `seed` and the number of the attempt alone: the same job rests as long each time it is asked.
///
/// # Source
/// Exponential backoff with jitter: Brooker 2015, AWS Architecture Blog ("equal jitter"); the numbers are drawn by SplitMix64
/// (Steele et al. 2014, doi:10.1145/2660193.2660195).
pub fn pause(attempts: u32, seed: u64) -> Duration {
    let doubled = 1_u64.checked_shl(attempts.saturating_sub(1)).unwrap_or(u64::MAX);
    let whole = Duration::from_secs(FIRST.saturating_mul(doubled).min(LONGEST));
    let drawn = split_mix(seed.wrapping_add(u64::from(attempts) << 32));
    whole / 2 + (whole / 2).mul_f64((drawn >> 11) as f64 / (1_u64 << 53) as f64)
}

fn split_mix(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_half_of_each_is_chance() {
        for (attempts, whole) in [(1, 10), (2, 20), (3, 40), (9, 2560), (10, 3600), (500, 3600)] {
            let found: Vec<Duration> = (0..100).map(|seed| pause(attempts, seed)).collect();
            let within = Duration::from_secs(whole) / 2..Duration::from_secs(whole);
            assert!(found.iter().all(|one| within.contains(one)), "{attempts}: {found:?}");
            let mut apart = found.clone();
            apart.sort();
            apart.dedup();
            assert_eq!(apart.len(), 100, "no two jobs rest alike");
        }
        assert_eq!(pause(3, 7), pause(3, 7));
        // The first number that SplitMix64 draws from 0, as its authors' C code prints it.
        assert_eq!(split_mix(0), 0xE220_A839_7B1D_CDAF);
    }
}
