//! Whether a drug and an event are reported together more often than chance would have it: what spontaneous reports
//! can show, and what they cannot.
//!
//! Reports have no denominator: nobody knows how many took the drug. So nothing here is a risk. A ratio compares how
//! often an event is reported with a drug with how often it is reported at all, and is a reason to look, not a finding.
//!
//! [`PairTable`] counts cases with a drug and an event; [`ReportCounts`] is the fourfold table of one pair, with the
//! proportional reporting ratio, the reporting odds ratio and their tests; [`information_component`] and
//! [`GammaPoissonPrior`] shrink ratios of few reports towards 1; [`likelihood_ratio_test`] asks all events of a drug at
//! once; [`stratified_expected`] and [`mantel_haenszel_odds_ratio`] hold age or sex constant.
//!
//! Invariants: a case counts once for a drug, an event or both, however many rows say so; a ratio that has no value or
//! no variance is a [`SignalRatio::Undefined`] with its reason, and never ranks before one that has both.
//!
//! ```
//! use wilhelm_stats::disproportionality::{ReportCounts, SignalRatio};
//!
//! let counts = ReportCounts { both: 25, drug_alone: 75, event_alone: 200, neither: 9700 };
//! let SignalRatio::Defined(prr) = counts.proportional_reporting_ratio(0.95)? else { panic!("no count is 0") };
//! assert!((prr.value - 12.375).abs() < 1e-12);
//! assert!((prr.low - 8.58).abs() < 0.01 && (prr.high - 17.85).abs() < 0.01);
//! # Ok::<(), wilhelm_stats::StatsError>(())
//! ```

mod counts;
mod fit;
mod gamma;
mod gamma_poisson;
mod information;
mod likelihood_ratio;
mod masking;
mod reports;
mod score;
mod squash;
mod strata;

pub use counts::{ChiSquared, ReportCounts, SignalRatio, UndefinedRatio, rank_by_lower_end};
pub use fit::{CellsCounted, FitStart, GammaPoissonFit, fit_gamma_poisson};
pub use gamma_poisson::{GammaPoissonPrior, ShrunkenRatio};
pub use information::{
    information_component, information_component_approximate, information_component_of_counts,
};
pub use likelihood_ratio::{EventTest, LikelihoodRatioTest, likelihood_ratio_test};
pub use masking::{masking_ratio, without_drug};
pub use reports::{DrugEventPair, PairTable, ReportRow, identical_cases, latest_versions};
pub use score::{PairScore, score_pairs};
pub use squash::{RatePoint, SquashStep, squash, squash_to};
pub use strata::{mantel_haenszel_odds_ratio, stratified_expected};
