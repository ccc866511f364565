//! Numbers about numbers: how well a score separates, whether a probability can be believed, whether readers,
//! outlines and groups agree, whether cases have drifted, and how sure each figure is. Scores of generated text are in
//! [`text`], drugs and events that are reported together in [`disproportionality`].
//!
//! The principal type is [`Rows`], a borrowed table of finite numbers with one row a case; everything
//! else is a plain function over slices or such a table. [`ConfusionMatrix`] and [`Mahalanobis`] keep
//! what they were fitted on.
//!
//! Invariants held here: a number that is undefined for the given cases is an error or `None`, never
//! NaN and never a silent 0; ties get half the credit; the same seed gives the same interval on every
//! machine. This crate knows no images, models, patients, files, clocks or network.
//!
//! ```
//! use wilhelm_stats::{bootstrap_interval, roc_auc};
//!
//! let scores = [0.1, 0.4, 0.35, 0.8];
//! let positives = [false, false, true, true];
//! assert_eq!(roc_auc(&scores, &positives)?, 0.75);
//!
//! let interval = bootstrap_interval(scores.len(), 200, 0.95, 7, |rows| {
//!     let scores: Vec<f64> = rows.iter().map(|&row| scores[row]).collect();
//!     let positives: Vec<bool> = rows.iter().map(|&row| positives[row]).collect();
//!     roc_auc(&scores, &positives).ok()
//! })?;
//! assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
//! # Ok::<(), wilhelm_stats::StatsError>(())
//! ```

mod binary_counts;
mod bland_altman;
mod bootstrap;
mod calibration;
mod calibration_line;
mod conformal;
mod confusion;
mod curve;
mod decision_curve;
mod delong;
mod descent;
mod discrepancy;
mod discrimination;
pub mod disproportionality;
mod distribution;
mod error;
mod estimate;
mod froc;
mod intraclass;
mod isotonic;
mod kappa;
mod kolmogorov;
mod logistic;
mod mahalanobis;
mod mcnemar;
mod mean;
mod order;
mod overlap;
mod paired;
mod platt;
mod pool;
mod proportion;
mod recalibration;
mod rows;
mod softmax_regression;
mod sparse;
mod stability;
mod stacking;
mod subgroup;
mod surface;
mod temperature;
pub mod text;
mod threshold;
mod welch;

pub use binary_counts::{BinaryCounts, LikelihoodRatios, PredictiveValues};
pub use bland_altman::{LimitsOfAgreement, limits_of_agreement};
pub use bootstrap::{BootstrapInterval, Resampling, bootstrap_interval, bootstrap_interval_by_group};
pub use calibration::{
    ReliabilityBin, brier_score, brier_score_multiclass, expected_calibration_error, log_loss,
    log_loss_multiclass, reliability, top_label_calibration_error,
};
pub use calibration_line::{CalibrationLine, calibration_line};
pub use conformal::{ConformalCoverage, ConformalFit, ConformalMethod, conformal_coverage, two_class_rows};
pub use confusion::{AverageRates, Averaging, ClassIntervals, ClassRates, ConfusionMatrix, accuracy};
pub use curve::{CurvePoints, PrecisionRecallPoint, RocPoint, precision_recall_curve, roc_curve};
pub use decision_curve::{DecisionPoint, decision_curve};
pub use delong::{AucComparison, AucInterval, AucScale, delong_interval, delong_test};
pub use discrepancy::{DISCREPANCY_LIMIT, MeanDiscrepancy, mean_discrepancy};
pub use discrimination::{average_precision, macro_one_vs_rest_auc, one_vs_rest_auc, roc_auc};
pub use error::StatsError;
pub use estimate::Estimate;
pub use froc::{
    Candidate, DetectedImage, FrocPoint, FrocReading, FrocScore, LUNA16_RATES, froc_curve, froc_score,
};
pub use intraclass::{IccInterval, IccModel, IccUnit, intraclass_correlation};
pub use isotonic::{IsotonicFit, fit_isotonic};
pub use kappa::{KappaInterval, KappaWeights, cohen_kappa, fleiss_kappa};
pub use kolmogorov::{KOLMOGOROV_EXACT_LIMIT, KolmogorovSmirnov, kolmogorov_smirnov};
pub use mahalanobis::Mahalanobis;
pub use mcnemar::{McNemar, mcnemar, mcnemar_of_calls};
pub use mean::mean_interval;
pub use order::{MAD_TO_SIGMA, median, median_absolute_deviation, quantile};
pub use overlap::OverlapCounts;
pub use paired::{
    PairedDifference, PermutationTest, paired_bootstrap, paired_bootstrap_by_group, paired_permutation,
};
pub use platt::{PlattFit, fit_platt};
pub use pool::{Pooled, PooledSource, log_odds, pool_log_odds};
pub use proportion::{normal_quantile, wilson_interval};
pub use recalibration::{RECALIBRATION_PRIOR, RecalibrationFit, fit_recalibration};
pub use rows::Rows;
pub use softmax_regression::{SoftmaxRegression, fit_softmax_regression, fit_sparse_softmax_regression};
pub use sparse::SparseRows;
pub use stability::{PopulationStability, StabilityBin, population_stability};
pub use stacking::{Stacking, fit_stacking};
pub use subgroup::{GroupAudit, GroupFinding, SubgroupAudit, SubgroupGap, audit_subgroups};
pub use surface::{
    SurfaceDistances, average_surface_distance, hausdorff_95, mean_average_surface_distance,
    robust_hausdorff, surface_dice,
};
pub use temperature::{
    TEMPERATURE_RANGE, TemperatureFit, fit_sigmoid_temperature, fit_softmax_temperature, sigmoid, softmax,
};
pub use threshold::{
    MistakeCosts, OperatingPoint, probability_threshold_for_costs, threshold_at_quantile,
    threshold_for_costs, threshold_for_sensitivity, threshold_for_specificity, threshold_for_youden,
};
pub use welch::{WelchTest, holm_adjusted, welch_test};
