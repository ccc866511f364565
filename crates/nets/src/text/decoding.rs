//! Choosing tokens one after another where a network scores the next one: the best each time ([`greedy`]), the best text
//! among several that are kept ([`beam`]), or by chance among those that together are likely ([`sample`]).
//!
//! All of them stop at the end token or at a stated number of tokens, and say which. The same scores, settings and seed
//! give the same text.

mod beam;
#[cfg(test)]
mod tests;

pub use beam::{Beams, beam};

use crate::explain::draw::Draw;

/// What scores the next token: logarithms of probabilities, but for a number that is the same for all.
pub trait NextTokens {
    /// The scores after what the text begins with.
    fn start(&mut self) -> Vec<f32>;

    /// The scores after each of some texts: the first of `texts` says which text of the last call it is (after
    /// [`NextTokens::start`] there is one, 0), and the first of `tokens` what is appended to it; and so on.
    fn go_on(&mut self, texts: &[usize], tokens: &[u32]) -> Vec<Vec<f32>>;

    /// Most tokens that may follow what the text begins with.
    fn room(&self) -> usize;
}

/// Where a text ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The token that ends a text.
    pub end: u32,
    /// Most tokens, that of the end included.
    pub most: usize,
}

/// What ended a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The end token.
    End,
    /// The most tokens that were allowed.
    Most,
}

/// A text that was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Its tokens, without that of the end.
    pub tokens: Vec<u32>,
    /// The natural logarithm of its probability, that of the end token included where it came to that.
    pub log_probability: f64,
    /// What ended it.
    pub ended: Ended,
}

/// Why no text can be chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The stated most tokens are none, or more than the network has room for.
    #[error(
        "at most {found} tokens were asked for, expected from 1 to {room}, the network's room for what follows"
    )]
    Most {
        /// Asked for.
        found: usize,
        /// What there is room for.
        room: usize,
    },
    /// The end token is none of the network's.
    #[error("the end token is {found}, expected one below the vocabulary's {vocabulary}")]
    End {
        /// Asked for.
        found: u32,
        /// Tokens of the network.
        vocabulary: usize,
    },
    /// A setting of the choice is out of its range.
    #[error("{setting} is {found}, expected {expected}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What it is.
        found: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The network's scores are no numbers.
    #[error("the network's scores after {tokens} tokens are no numbers: its weights are spoilt")]
    Scores {
        /// Tokens chosen before.
        tokens: usize,
    },
}

/// The likeliest token each time; of two alike, the one with the lower number.
///
/// # Errors
/// [`DecodeError`]
pub fn greedy(network: &mut dyn NextTokens, limits: Limits) -> Result<Said, DecodeError> {
    one_by_one(network, limits, |logs| {
        let best = (0..logs.len()).rev().max_by(|a, b| logs[*a].total_cmp(&logs[*b]));
        best.expect("checked to be some")
    })
}

/// How [`sample`] chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nucleus {
    /// Tokens are taken from the likeliest on until together they have this share of the probability, above 0 and up to
    /// 1; the last one taken is the one that reaches it.
    pub share: f64,
    /// What scores are divided by before, above 0: below 1 likely tokens become likelier.
    pub temperature: f64,
    /// Decides every draw.
    pub seed: u64,
}

/// A token by chance each time, among the likeliest ones that together have a share of the probability.
///
/// The logarithm of the probability that it gives is the network's, before temperature and share.
///
/// # Errors
/// [`DecodeError`]
///
/// # Source
/// Holtzman et al. 2020, arXiv:1904.09751
pub fn sample(network: &mut dyn NextTokens, limits: Limits, of: Nucleus) -> Result<Said, DecodeError> {
    setting("the share of the nucleus", of.share, of.share > 0.0 && of.share <= 1.0, "above 0 and up to 1")?;
    let warm = of.temperature > 0.0 && of.temperature.is_finite();
    setting("the temperature", of.temperature, warm, "above 0")?;
    let mut draw = Draw::new(of.seed, "nucleus");
    one_by_one(network, limits, |logs| {
        let kept = nucleus(&warmed(logs, of.temperature), of.share);
        let mut left = draw.uniform();
        let chosen = kept.iter().find(|(_, probability)| {
            left -= probability;
            left < 0.0
        });
        // Rounding may leave a rest beyond the last.
        chosen.or(kept.last()).expect("a nucleus has a token").0
    })
}

/// The likeliest tokens that together have a share of the probability, likeliest first, with what their probabilities
/// are among themselves.
fn nucleus(probabilities: &[f64], share: f64) -> Vec<(usize, f64)> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let mut sum = 0.0;
    let mut kept = Vec::new();
    for at in order {
        sum += probabilities[at];
        kept.push(at);
        if sum >= share {
            break;
        }
    }
    kept.into_iter().map(|at| (at, probabilities[at] / sum)).collect()
}

/// Probabilities after logarithms of probabilities were divided by a temperature.
fn warmed(logs: &[f64], temperature: f64) -> Vec<f64> {
    let most = logs.iter().fold(f64::NEG_INFINITY, |most, log| most.max(*log));
    let raised: Vec<f64> = logs.iter().map(|log| ((log - most) / temperature).exp()).collect();
    let sum: f64 = raised.iter().sum();
    raised.into_iter().map(|value| value / sum).collect()
}

/// A text by one choice after another.
fn one_by_one(
    network: &mut dyn NextTokens,
    limits: Limits,
    mut choose: impl FnMut(&[f64]) -> usize,
) -> Result<Said, DecodeError> {
    let mut scores = begin(network, limits)?;
    let mut said = Said { tokens: Vec::new(), log_probability: 0.0, ended: Ended::Most };
    loop {
        let logs = log_probabilities(&scores, said.tokens.len())?;
        let chosen = choose(&logs);
        said.log_probability += logs[chosen];
        let token = number(chosen);
        if token == limits.end {
            said.ended = Ended::End;
            return Ok(said);
        }
        said.tokens.push(token);
        if said.tokens.len() == limits.most {
            return Ok(said);
        }
        scores = network.go_on(&[0], &[token]).swap_remove(0);
    }
}

/// The first scores, after the limits were checked.
fn begin(network: &mut dyn NextTokens, limits: Limits) -> Result<Vec<f32>, DecodeError> {
    let room = network.room();
    if limits.most == 0 || limits.most > room {
        return Err(DecodeError::Most { found: limits.most, room });
    }
    let scores = network.start();
    if limits.end as usize >= scores.len() {
        return Err(DecodeError::End { found: limits.end, vocabulary: scores.len() });
    }
    Ok(scores)
}

/// Logarithms of probabilities, of scores.
fn log_probabilities(scores: &[f32], tokens: usize) -> Result<Vec<f64>, DecodeError> {
    let most = scores.iter().fold(f32::NEG_INFINITY, |most, score| most.max(*score));
    if !most.is_finite() || scores.iter().any(|score| score.is_nan()) {
        return Err(DecodeError::Scores { tokens });
    }
    let most = f64::from(most);
    let sum: f64 = scores.iter().map(|score| (f64::from(*score) - most).exp()).sum();
    let log_sum = most + sum.ln();
    Ok(scores.iter().map(|score| f64::from(*score) - log_sum).collect())
}

fn setting(
    setting: &'static str,
    found: f64,
    holds: bool,
    expected: &'static str,
) -> Result<(), DecodeError> {
    if holds { Ok(()) } else { Err(DecodeError::Setting { setting, found, expected }) }
}

fn number(token: usize) -> u32 {
    u32::try_from(token).expect("a vocabulary has fewer tokens than 32 bits count")
}
