//! Which cases to label next: those on which a model hesitates, on which models disagree, or that are unlike all others.
//!
//! [`choose()`] puts cases in the order in which a strategy wants them labeled; [`simulate()`] shows on data whose labels are
//! known whether that order would have been better than chance.

mod choose;
mod page;
mod rank;
mod simulate;

pub use choose::{Choice, Pool, choose};
pub use page::document;
pub use rank::{Ranked, Unlabeled, rank, varied_copies};
pub use simulate::{Simulation, SimulationSettings, StrategyCurve, StrategyPoint, simulate};

use serde::Serialize;

/// By what cases are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// By chance: what every other must beat.
    Random,
    /// The entropy of the labels' probabilities.
    Entropy,
    /// How little the likeliest label leads.
    Margin,
    /// How far the members of a committee are from one another (Houlsby et al. 2011, arXiv:1112.5745).
    Disagreement,
    /// The case farthest from all that are labeled or chosen (Sener and Savarese 2018, arXiv:1708.00489).
    CoreSet,
    /// Cases that would move the linear probe far, and in other directions than those chosen (Ash et al. 2020,
    /// arXiv:1906.03671).
    Badge,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Random, Self::Entropy, Self::Margin, Self::Disagreement, Self::CoreSet, Self::Badge];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Entropy => "entropy",
            Self::Margin => "margin",
            Self::Disagreement => "disagreement",
            Self::CoreSet => "core-set",
            Self::Badge => "badge",
        }
    }
}

/// Entropy of probabilities, in nats: 0 is certain, the logarithm of their number is knowing nothing.
pub fn entropy(probabilities: &[f64]) -> f64 {
    -probabilities.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// By how much the likeliest leads the next: 0 is undecided, 1 is certain.
pub fn margin(probabilities: &[f64]) -> f64 {
    let (mut first, mut second) = (0.0_f64, 0.0_f64);
    for p in probabilities {
        if *p > first {
            (first, second) = (*p, first);
        } else {
            second = second.max(*p);
        }
    }
    first - second
}

/// How far the members of a committee are from one another, in nats: the entropy of their mean less the mean of their
/// entropies. 0 where all say the same; uncertainty that they share does not count.
pub fn disagreement(members: &[Vec<f64>]) -> f64 {
    let count = members.len().max(1) as f64;
    (entropy(&mean(members)) - members.iter().map(|member| entropy(member)).sum::<f64>() / count).max(0.0)
}

/// The mean of the members' probabilities.
pub fn mean(members: &[Vec<f64>]) -> Vec<f64> {
    let count = members.len().max(1) as f64;
    let labels = members.first().map_or(0, Vec::len);
    (0..labels).map(|label| members.iter().map(|member| member[label]).sum::<f64>() / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    #[test]
    fn doubts_worked_on_paper() {
        assert_eq!((entropy(&[1.0, 0.0]), margin(&[1.0, 0.0])), (0.0, 1.0));
        assert!((entropy(&[0.5, 0.5]) - LN_2).abs() < 1e-12);
        assert!((entropy(&[0.5, 0.25, 0.25]) - 1.5 * LN_2).abs() < 1e-12);
        assert!((margin(&[0.2, 0.5, 0.3]) - 0.2).abs() < 1e-12);
        assert_eq!(margin(&[0.5, 0.5]), 0.0);
        // Two members, each certain of another label: as far apart as can be. Two that doubt alike: not at all.
        assert!((disagreement(&[vec![1.0, 0.0], vec![0.0, 1.0]]) - LN_2).abs() < 1e-12);
        assert!(disagreement(&[vec![0.5, 0.5], vec![0.5, 0.5]]).abs() < 1e-12);
        // Means 0.75 and 0.25: 0.562335 less half of ln 2.
        let found = disagreement(&[vec![1.0, 0.0], vec![0.5, 0.5]]);
        assert!((found - (0.562_335_1 - LN_2 / 2.0)).abs() < 1e-6, "{found}");
        assert_eq!(mean(&[vec![1.0, 0.0], vec![0.5, 0.5]]), [0.75, 0.25]);
    }
}
