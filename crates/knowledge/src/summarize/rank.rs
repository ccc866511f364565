use std::collections::BTreeSet;

use crate::ask::content_terms;

/// The first sentences.
#[must_use]
pub fn lead(sentences: &[&str], most: usize) -> Vec<usize> {
    (0..sentences.len().min(most)).collect()
}

/// The sentences that most others resemble, in the order of the text.
///
/// Two sentences resemble each other by the content words that they share, over the sum of the logarithms of their numbers
/// of words; ranks are those of a walk with damping 0.85.
///
/// # Source
/// Mihalcea and Tarau 2004, aclanthology.org/W04-3252
#[must_use]
pub fn text_rank(sentences: &[&str], most: usize) -> Vec<usize> {
    const DAMPING: f64 = 0.85;
    const STEPS: usize = 60;
    let terms: Vec<BTreeSet<String>> =
        sentences.iter().map(|sentence| content_terms(sentence).into_iter().collect()).collect();
    let count = sentences.len();
    let mut weights = vec![vec![0.0; count]; count];
    for one in 0..count {
        for other in 0..one {
            let shared = terms[one].intersection(&terms[other]).count() as f64;
            let size = (terms[one].len() as f64 + 1.0).ln() + (terms[other].len() as f64 + 1.0).ln();
            let weight = if size > 0.0 { shared / size } else { 0.0 };
            weights[one][other] = weight;
            weights[other][one] = weight;
        }
    }
    let sums: Vec<f64> = weights.iter().map(|row| row.iter().sum()).collect();
    let mut ranks = vec![1.0; count];
    for _ in 0..STEPS {
        ranks = (0..count)
            .map(|at| {
                let from = (0..count).filter(|other| sums[*other] > 0.0);
                let given: f64 = from.map(|other| weights[other][at] / sums[other] * ranks[other]).sum();
                1.0 - DAMPING + DAMPING * given
            })
            .collect();
    }
    first(&ranks, most)
}

/// The sentences that share most of a question's content words, each new one weighed against what the chosen ones say
/// already (maximal marginal relevance with lambda 0.7 over shared words).
///
/// # Source
/// Carbonell and Goldstein 1998, doi:10.1145/290941.291025
#[must_use]
pub fn to_question(question: &str, sentences: &[&str], most: usize) -> Vec<usize> {
    const LAMBDA: f64 = 0.7;
    let asked: BTreeSet<String> = content_terms(question).into_iter().collect();
    let terms: Vec<BTreeSet<String>> =
        sentences.iter().map(|sentence| content_terms(sentence).into_iter().collect()).collect();
    let alike = |a: &BTreeSet<String>, b: &BTreeSet<String>| -> f64 {
        let size = (a.len() * b.len()) as f64;
        if size == 0.0 { 0.0 } else { a.intersection(b).count() as f64 / size.sqrt() }
    };
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < most.min(sentences.len()) {
        let worth = |at: usize| {
            let again = chosen.iter().map(|other| alike(&terms[at], &terms[*other])).fold(0.0, f64::max);
            LAMBDA * alike(&terms[at], &asked) - (1.0 - LAMBDA) * again
        };
        let best = (0..sentences.len())
            .filter(|at| !chosen.contains(at))
            .max_by(|a, b| worth(*a).total_cmp(&worth(*b)).then(b.cmp(a)));
        let Some(best) = best else { break };
        chosen.push(best);
    }
    chosen.sort_unstable();
    chosen
}

fn first(ranks: &[f64], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ranks.len()).collect();
    order.sort_by(|a, b| ranks[*b].total_cmp(&ranks[*a]).then(a.cmp(b)));
    order.truncate(most);
    order.sort_unstable();
    order
}
