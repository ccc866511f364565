//! What a step of training will hold in memory, said before the first one.

use wilhelm_nets::arch::Activations;

use super::Optimizer;
use crate::{LearnError, Optimization};

/// Bytes of a number.
const NUMBER: f64 = 4.0;
/// Copies of weights and moments while a checkpoint is written: as numbers, and as the bytes of a file.
const COPIES: f64 = 2.0;

/// Memory that may still be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// How much.
    pub bytes: u64,
    /// What sets the limit, for people: "free memory of the machine".
    pub words: String,
}

/// What a network's lessons need, as far as its sizes tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Footprint {
    /// Of one example.
    pub activations: Activations,
    /// Examples looked at together where no gradients are asked for; `None`: as many as in a step.
    pub at_once: Option<usize>,
    /// What makes a step smaller beside the batch, for people.
    pub sizes: &'static str,
}

/// What training will hold beside what is there already, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Needed {
    /// Gradients, moments and the average of the weights.
    weights: f64,
    /// One example of a step.
    example: f64,
    /// One example of a pass without gradients.
    passing: f64,
    /// So many of them at once, where it is not as many as in a step.
    at_once: Option<usize>,
    /// What writing a checkpoint takes for a moment.
    checkpoint: f64,
}

impl Needed {
    fn of<K>(footprint: &Footprint, settings: &Optimization<K>, parameters: usize, examples: usize) -> Self {
        let moments = match settings.optimizer {
            Optimizer::Adamw | Optimizer::Adam => 2.0,
            Optimizer::Sgd { momentum: 0.0, .. } => 0.0,
            Optimizer::Sgd { .. } | Optimizer::Adagrad => 1.0,
        };
        let average = if settings.average > 0.0 { 1.0 } else { 0.0 };
        let numbers = parameters as f64 * NUMBER;
        Self {
            weights: numbers * (1.0 + moments + average),
            example: footprint.activations.kept * NUMBER,
            passing: footprint.activations.passing * NUMBER,
            at_once: footprint.at_once.map(|count| count.min(examples)),
            checkpoint: numbers * (1.0 + moments) * COPIES,
        }
    }

    fn bytes(&self, batch: usize) -> f64 {
        self.weights + (self.example * batch as f64).max(self.pass(batch)).max(self.checkpoint)
    }

    /// The largest pass without gradients.
    fn pass(&self, batch: usize) -> f64 {
        self.passing * self.at_once.unwrap_or(batch) as f64
    }
}

/// Bytes that training will hold beside what is there, of so many examples.
pub(super) fn needed<K>(
    footprint: &Footprint,
    settings: &Optimization<K>,
    parameters: usize,
    examples: usize,
) -> u64 {
    Needed::of(footprint, settings, parameters, examples).bytes(settings.batch.min(examples)) as u64
}

/// Refuses training that would need more than there is, with what to lower.
pub(super) fn check<K>(
    footprint: &Footprint,
    settings: &Optimization<K>,
    parameters: usize,
    examples: usize,
    room: &Room,
) -> Result<(), LearnError> {
    let needed = Needed::of(footprint, settings, parameters, examples);
    let batch = settings.batch.min(examples);
    let free = room.bytes as f64;
    let all = needed.bytes(batch);
    if all <= free {
        return Ok(());
    }
    let sizes = footprint.sizes;
    let of_step = needed.example * batch as f64;
    let of_pass = needed.pass(batch);
    let (what, advice) = if of_step >= of_pass.max(needed.checkpoint) {
        let what = format!(
            "{} for {batch} examples a step, {} each, and {} for gradients and moments of the weights",
            words(of_step),
            words(needed.example),
            words(needed.weights)
        );
        let fits = ((free - needed.weights) / needed.example).max(0.0) as usize;
        let fits = if needed.bytes(fits.max(1)) <= free { fits } else { 0 };
        let advice = match fits {
            0 => format!("not even one example a step fits: lower {sizes}"),
            fits => format!("lower batch under [optimization] to {fits}, or {sizes}"),
        };
        (what, advice)
    } else if of_pass >= needed.checkpoint {
        let at_once = needed.at_once.unwrap_or(batch);
        let what = format!("{} for a pass over {at_once} examples at once", words(of_pass));
        (what, format!("a smaller batch does not change that: lower {sizes}"))
    } else {
        let what = format!(
            "{} for weights, moments and their checkpoint",
            words(needed.weights + needed.checkpoint)
        );
        (what, "a smaller batch does not change that: lower widths or layers".to_owned())
    };
    Err(LearnError::Memory { needed: words(all), free: words(free), limit: room.words.clone(), what, advice })
}

/// Bytes for people.
fn words(bytes: f64) -> String {
    if bytes >= 1e9 { format!("{:.1} GB", bytes / 1e9) } else { format!("{:.0} MB", bytes / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::tests::recipe;

    const FOOTPRINT: Footprint = Footprint {
        activations: Activations { kept: 25e6, passing: 2e6 },
        at_once: Some(64),
        sizes: "side or widths under [architecture]",
    };

    /// A million weights, batches of 16 by Adam: 12 MB of gradients and moments, 100 MB an example, 512 MB a pass.
    fn said(free: u64, change: impl Fn(&mut Footprint, &mut Optimization)) -> Option<String> {
        let (mut footprint, mut settings) = (FOOTPRINT, recipe(&[]).optimization);
        (settings.batch, settings.average, settings.optimizer) = (16, 0.0, Optimizer::Adam);
        change(&mut footprint, &mut settings);
        let room = Room { bytes: free, words: "free memory of the machine".to_owned() };
        check(&footprint, &settings, 1_000_000, 500, &room).err().map(|error| error.to_string())
    }

    #[test]
    fn what_does_not_fit_is_refused_with_numbers_worked_on_paper_and_what_to_lower() {
        let plain = |_: &mut Footprint, _: &mut Optimization| {};
        assert_eq!(said(1_612_000_000, plain), None);
        let one = said(1_611_000_000, plain).expect("one too few");
        assert_eq!(
            one,
            "training would need about 1.6 GB more memory than is held now, and 1.6 GB are there (free memory of the \
             machine): 1.6 GB for 16 examples a step, 100 MB each, and 12 MB for gradients and moments of the weights; \
             lower batch under [optimization] to 15, or side or widths under [architecture]; --no-memory-check trains all \
             the same"
        );
        let little = said(520_000_000, plain).expect("refused");
        // Five examples would fit, but not the pass of 64 without gradients.
        assert!(little.contains("not even one example a step fits: lower side"), "{little}");
        let few = said(600_000_000, plain).expect("refused");
        assert!(few.contains("lower batch under [optimization] to 5, or side"), "{few}");
        // Where a pass takes as many as a step, a smaller batch makes it smaller too.
        let together = said(600_000_000, |footprint, _| footprint.at_once = None).expect("refused");
        assert!(together.contains("lower batch under [optimization] to 5, or side"), "{together}");
        let passing =
            said(3_000_000_000, |footprint, _| footprint.activations.passing = 20e6).expect("refused");
        assert!(
            passing.contains("5.1 GB for a pass over 64 examples at once; a smaller batch does not"),
            "{passing}"
        );
        let weights = said(20_000_000, |footprint, settings| {
            footprint.activations = Activations { kept: 1e3, passing: 1e3 };
            settings.average = 0.9;
        })
        .expect("refused");
        // 16 MB of gradients, moments and average, 24 MB for the copies.
        assert!(weights.contains("40 MB for weights, moments and their checkpoint"), "{weights}");
    }

    #[test]
    fn plain_descent_keeps_no_moments_and_a_batch_is_no_larger_than_the_data() {
        let mut settings = recipe(&[]).optimization;
        (settings.batch, settings.average) = (16, 0.0);
        settings.optimizer = Optimizer::Sgd { momentum: 0.0, nesterov: false };
        assert_eq!(needed(&FOOTPRINT, &settings, 1_000_000, 500), 4_000_000 + 1_600_000_000);
        assert_eq!(needed(&FOOTPRINT, &settings, 1_000_000, 7), 4_000_000 + 700_000_000);
    }
}
