use crate::StatsError;
use crate::error::check_range;
use crate::temperature::sigmoid;

/// One source's probability of the same thing, with the share of such cases it was made among.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PooledSource {
    /// What it says, above 0 and below 1.
    pub probability: f64,
    /// How common the thing is where the source was made, above 0 and below 1: what it says when it knows nothing.
    pub base_rate: f64,
    /// How much it counts: 1 takes its word as evidence of its own, 0 leaves it out.
    pub weight: f64,
}

/// What several sources say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// Above 0 and below 1.
    pub probability: f64,
    /// Its log odds: those of the base rate and what each source adds.
    pub log_odds: f64,
    /// What the base rate gives before any source speaks, natural logarithm of the odds.
    pub base: f64,
    /// What each source adds to it, in their order.
    pub added: Vec<f64>,
}

/// Natural logarithm of the odds of a probability.
///
/// # Errors
/// [`StatsError::Range`] for a probability that is not above 0 and below 1.
pub fn log_odds(probability: f64) -> Result<f64, StatsError> {
    check_range("probability", probability, f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0)?;
    Ok(probability.ln() - (-probability).ln_1p())
}

/// Logarithmic pooling: the odds of the base rate, times what each source moves its own base rate by, to the power of its
/// weight.
///
/// With weights of 1 this is Bayes' theorem for sources that are independent given the truth; with weights that add up to 1
/// and one base rate for all it is the logarithmic opinion pool. What each source adds is in the open: the sum is the answer.
///
/// # Units
/// Log odds are natural logarithms.
///
/// # Errors
/// [`StatsError::Range`] for a probability or a base rate that is not above 0 and below 1, or a weight that is not from 0 to
/// 10.
///
/// # Source
/// Bordley 1982, doi:10.1287/mnsc.28.10.1137; Genest and Zidek 1986, doi:10.1214/ss/1177013825
///
/// # Examples
/// ```
/// use wilhelm_stats::{PooledSource, pool_log_odds};
///
/// // A source that says 0.5 where one in ten is usual has odds nine times those of the base rate.
/// let source = PooledSource { probability: 0.5, base_rate: 0.1, weight: 1.0 };
/// let pooled = pool_log_odds(0.5, &[source])?;
/// assert!((pooled.probability - 0.9).abs() < 1e-12);
/// # Ok::<(), wilhelm_stats::StatsError>(())
/// ```
pub fn pool_log_odds(base_rate: f64, sources: &[PooledSource]) -> Result<Pooled, StatsError> {
    let base = log_odds(base_rate)?;
    let mut added = Vec::with_capacity(sources.len());
    for source in sources {
        check_range("weight", source.weight, 0.0, 10.0)?;
        added.push(source.weight * (log_odds(source.probability)? - log_odds(source.base_rate)?));
    }
    let log_odds = base + added.iter().sum::<f64>();
    Ok(Pooled { probability: sigmoid(log_odds, 1.0), log_odds, base, added })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_worked_on_paper() {
        // Odds of 1 in 4; a source that triples the odds, and one that makes them a ninth, taken by half: times 3, by 3.
        let sources = [
            PooledSource { probability: 0.75, base_rate: 0.5, weight: 1.0 },
            PooledSource { probability: 0.1, base_rate: 0.5, weight: 0.5 },
        ];
        let pooled = pool_log_odds(0.2, &sources).expect("probabilities");
        assert!((pooled.probability - 0.2).abs() < 1e-12);
        assert!((pooled.added[0] - 3.0_f64.ln()).abs() < 1e-12);
        assert!((pooled.added[1] + 3.0_f64.ln()).abs() < 1e-12);
        assert!((pooled.base + 4.0_f64.ln()).abs() < 1e-12);
        assert!((pooled.base + pooled.added.iter().sum::<f64>() - pooled.log_odds).abs() < 1e-15);
    }

    #[test]
    fn a_source_that_says_its_base_rate_says_nothing_and_none_leaves_the_base_rate() {
        let silent = PooledSource { probability: 0.3, base_rate: 0.3, weight: 2.0 };
        assert_eq!(pool_log_odds(0.7, &[silent]).expect("fits").added, [0.0]);
        assert!((pool_log_odds(0.7, &[]).expect("fits").probability - 0.7).abs() < 1e-15);
    }

    #[test]
    fn certainty_and_strange_weights_are_refused() {
        for wrong in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(log_odds(wrong).is_err(), "{wrong}");
        }
        let source = |weight| [PooledSource { probability: 0.5, base_rate: 0.5, weight }];
        assert!(pool_log_odds(0.5, &source(-1.0)).is_err());
        assert!(pool_log_odds(0.5, &source(f64::NAN)).is_err());
        assert!(log_odds(1.0 - f64::EPSILON / 2.0).is_ok_and(f64::is_finite));
    }
}
