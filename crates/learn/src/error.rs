use wilhelm_formats::FormatError;
use wilhelm_nets::{CardError, ModelError, OutlierError};
use wilhelm_stats::StatsError;

/// What stops a training run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnError {
    /// The recipe.
    #[error("recipe is not readable: {0}")]
    Recipe(String),
    /// What shall compute the network is not there.
    #[error(transparent)]
    Processor(#[from] wilhelm_nets::ProcessorError),
    /// The description of a sweep.
    #[error("sweep: {0}")]
    Sweep(String),
    /// The data are not what the recipe says.
    #[error("data in {place}: {what}")]
    Data {
        /// The file or folder.
        place: String,
        /// What was found and expected.
        what: String,
    },
    /// Images that cannot be parted into training and validation.
    #[error("split: {0}")]
    Split(String),
    /// A stated split with the same image or patient on two sides.
    #[error(
        "the stated split leaks, since what is trained on would be measured too; {count} {}: {pairs}; move all copies \
         of an image and all images of a patient to one side",
        if *.count == 1 { "pair" } else { "pairs" }
    )]
    Leak {
        /// Pairs of copies, and of first images of a patient on both sides.
        count: usize,
        /// The first ten, by file and line.
        pairs: String,
    },
    /// A table of the data, or figures of predictions.
    #[error(transparent)]
    Evaluation(#[from] crate::evaluation::EvaluationError),
    /// A file of the data.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A figure that cannot be computed from these data.
    #[error("validation figures: {0}")]
    Stats(#[from] StatsError),
    /// A card that contradicts itself.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A model that cannot be put together.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The outlier detector.
    #[error(transparent)]
    Outlier(#[from] OutlierError),
    /// A certificate that cannot be made.
    #[error(transparent)]
    Explain(#[from] wilhelm_nets::explain::ExplainError),
    /// Weights that cannot be written.
    #[error("weights: {0}")]
    Weights(String),
    /// Weights to start from that do not fit the recipe.
    #[error("weights to start from do not fit the recipe's architecture: {what}")]
    Start {
        /// The first mismatch.
        what: String,
    },
    /// The loss is no number any more.
    #[error(
        "loss is {loss} in epoch {epoch}, expected a finite number: lower the learning rate{}",
        if *.kept { "; the run's folder keeps the last good checkpoint" } else { "" }
    )]
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
        /// The loss.
        loss: f32,
        /// Whether a checkpoint is left to go on from.
        kept: bool,
    },
    /// The loss is a number, and grows beyond all bounds.
    #[error(
        "loss is {loss} in epoch {epoch} and was above {times} times that of the first step ({first}) for {passes} passes: \
         lower the learning rate, or clip gradients (clip_norm){}",
        if *.kept { "; the run's folder keeps the last good checkpoint" } else { "" }
    )]
    Exploded {
        /// The epoch, from 1.
        epoch: usize,
        /// Its mean loss.
        loss: f32,
        /// Loss of the first step.
        first: f32,
        /// The multiple that counts as an explosion.
        times: f32,
        /// Passes one after another above it.
        passes: usize,
        /// Whether a checkpoint is left to go on from.
        kept: bool,
    },
    /// More memory would be needed than there is.
    #[error(
        "training would need about {needed} more memory than is held now, and {free} are there ({limit}): {what}; {advice}; \
         --no-memory-check trains all the same"
    )]
    Memory {
        /// How much.
        needed: String,
        /// How much there is.
        free: String,
        /// What sets the limit.
        limit: String,
        /// What it is needed for.
        what: String,
        /// What to lower.
        advice: String,
    },
    /// A run's folder that cannot be read or written.
    #[error("run in {place}: {what}")]
    Run {
        /// The file or folder.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// Words that cannot be made numbers, or numbers words.
    #[error(transparent)]
    Text(#[from] wilhelm_nets::text::TextError),
    /// Words that cannot be chosen.
    #[error(transparent)]
    Decode(#[from] wilhelm_nets::text::decoding::DecodeError),
    /// Few labels, or too few, or features that cannot be compared.
    #[error("few labels: {0}")]
    Few(String),
    /// Curves that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] crate::plots::PlotError),
    /// A checkpoint of another run.
    #[error("the checkpoint is not one of this recipe: it {what}")]
    Checkpoint {
        /// The first mismatch.
        what: String,
    },
    /// Logits that say nothing, or the opposite, of the validation labels.
    #[error(
        "calibration slope is {slope}, expected above 0: the network learned nothing that holds on validation"
    )]
    NoSignal {
        /// The fitted slope.
        slope: f64,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl LearnError {
    pub(crate) fn run(place: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Run { place: place.display().to_string(), what: error.to_string() }
    }

    /// Whether the input is at fault rather than this program.
    pub const fn is_callers_fault(&self) -> bool {
        !matches!(
            self,
            Self::Weights(_) | Self::Model(_) | Self::Outlier(_) | Self::Explain(_) | Self::Plot(_)
        )
    }
}

/// The first ten of many things, for a message.
pub(crate) fn some(things: &[String], separator: &str) -> String {
    const SHOWN: usize = 10;
    let shown = things.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(separator);
    match things.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown}{separator}and {more} more"),
        _ => shown,
    }
}
