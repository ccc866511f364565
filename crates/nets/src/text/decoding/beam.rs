use super::{DecodeError, Ended, Limits, NextTokens, Said, begin, log_probabilities, number, setting};

/// How [`beam`] searches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beams {
    /// Texts that are kept at once, at least 1.
    pub width: usize,
    /// The power of a text's length that the logarithm of its probability is divided by, at least 0: with 0 short texts
    /// win, since each token makes a text less likely; with 1 the mean of a token counts.
    pub length_penalty: f64,
}

/// A text that is not at its end.
struct Live {
    tokens: Vec<u32>,
    log_probability: f64,
}

/// The best texts, best first, of a search that keeps some of them at each length; as many as the width where there are
/// so many.
///
/// A text counts by the logarithm of its probability, divided by a power of its length (its end token included). The
/// search goes on until no text that is kept can come before the last of those that have ended, whatever follows.
///
/// # Errors
/// [`DecodeError`]
///
/// # Source
/// Graves 2012, arXiv:1211.3711; the length by Wu et al. 2016, arXiv:1609.08144, without their constants
pub fn beam(network: &mut dyn NextTokens, limits: Limits, of: Beams) -> Result<Vec<Said>, DecodeError> {
    setting("the width of the beam", of.width as f64, of.width > 0, "at least 1")?;
    let holds = of.length_penalty >= 0.0 && of.length_penalty.is_finite();
    setting("the length penalty", of.length_penalty, holds, "at least 0")?;
    let by_length =
        |log_probability: f64, length: usize| log_probability / (length as f64).powf(of.length_penalty);
    let mut rows = vec![begin(network, limits)?];
    let mut live = vec![Live { tokens: Vec::new(), log_probability: 0.0 }];
    let mut ended: Vec<(f64, Said)> = Vec::new();
    for length in 1..=limits.most {
        let (mut next, mut texts) = (Vec::new(), Vec::new());
        for (rank, (log_probability, text, token)) in
            best(&live, &rows, 2 * of.width)?.into_iter().enumerate()
        {
            let mut tokens = live[text].tokens.clone();
            let at_end = token == limits.end;
            if !at_end {
                tokens.push(token);
            }
            if at_end || length == limits.most {
                if rank < of.width {
                    let ended_by = if at_end { Ended::End } else { Ended::Most };
                    let said = Said { tokens, log_probability, ended: ended_by };
                    ended.push((by_length(log_probability, length), said));
                }
            } else if next.len() < of.width {
                next.push(Live { tokens, log_probability });
                texts.push(text);
            }
        }
        ended.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        ended.truncate(of.width);
        let Some(first) = next.first() else { break };
        // What follows cannot raise the logarithm, and dividing by the greatest length leaves the most of it.
        let hope = by_length(first.log_probability, limits.most);
        if ended.len() == of.width && ended.last().is_some_and(|(last, _)| hope <= *last) {
            break;
        }
        let tokens: Vec<u32> = next.iter().filter_map(|text| text.tokens.last().copied()).collect();
        rows = network.go_on(&texts, &tokens);
        live = next;
    }
    Ok(ended.into_iter().map(|(_, said)| said).collect())
}

/// The likeliest continuations: logarithm of the probability, which text, and the token.
fn best(live: &[Live], rows: &[Vec<f32>], count: usize) -> Result<Vec<(f64, usize, u32)>, DecodeError> {
    let mut all = Vec::new();
    for (text, (so_far, row)) in live.iter().zip(rows).enumerate() {
        let logs = log_probabilities(row, so_far.tokens.len())?;
        all.extend(
            logs.into_iter()
                .enumerate()
                .map(|(token, log)| (so_far.log_probability + log, text, number(token))),
        );
    }
    // What cannot come is no continuation.
    all.retain(|(log, ..)| *log > f64::NEG_INFINITY);
    // A stable sort: of two alike, the one of the better text, then the one with the lower number.
    all.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    all.truncate(count);
    Ok(all)
}
