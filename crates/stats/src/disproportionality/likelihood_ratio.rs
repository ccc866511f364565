use crate::StatsError;
use crate::error::{check_at_least, check_length};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What the likelihood ratio test says of one event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventTest {
    /// Reports expected of the drug, if it were as all drugs are.
    pub expected: f64,
    /// The logarithm of the likelihood ratio; 0 where fewer were reported than expected.
    pub log_ratio: f64,
    /// The chance that any event reaches this ratio if the drug were as all drugs are.
    pub p: f64,
}

/// The likelihood ratio test of all events of one drug.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRatioTest {
    /// Of each event, in the order given.
    pub events: Vec<EventTest>,
    /// Tables drawn.
    pub replicates: usize,
}

/// Tests whether any event is reported more often with a drug than with all drugs, with one error rate for all events.
///
/// The distribution of the greatest ratio comes from tables drawn with the drug's number of reports and the events'
/// shares among all reports; draws are ChaCha8's with the given seed. An event's `p` is its place among the greatest
/// ratios of these tables, so events with `p` below 0.05 are together wrong in at most 5 of 100 drugs.
///
/// # Shapes
/// `of_drug` and `of_all` hold one count an event: the reports of the drug, and of all drugs with it.
///
/// # Errors
/// [`StatsError`] if the lists differ in length, hold fewer than two events, the drug has no report or more reports of
/// an event than all drugs have, or no table is to be drawn.
///
/// # Source
/// Huang, Zalkikar and Tiwari 2011, doi:10.1198/jasa.2011.ap10243
pub fn likelihood_ratio_test(
    of_drug: &[u64],
    of_all: &[u64],
    replicates: usize,
    seed: u64,
) -> Result<LikelihoodRatioTest, StatsError> {
    check_at_least("events", of_drug.len(), 2)?;
    check_length("reports of all drugs", of_all.len(), of_drug.len())?;
    check_at_least("replicates", replicates, 1)?;
    for (&found, &limit) in of_drug.iter().zip(of_all) {
        crate::error::check_range("reports of the drug", found as f64, 0.0, limit as f64)?;
    }
    let (reports, total): (u64, u64) = (of_drug.iter().sum(), of_all.iter().sum());
    check_at_least("reports of the drug", usize::try_from(reports).unwrap_or(usize::MAX), 1)?;
    let expected: Vec<f64> =
        of_all.iter().map(|&count| count as f64 * (reports as f64 / total as f64)).collect();
    let ratios: Vec<f64> = of_drug
        .iter()
        .zip(&expected)
        .map(|(&count, &expected)| log_ratio(count, expected, reports))
        .collect();
    let table = AliasTable::new(of_all, total);
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut drawn = vec![0_u64; of_drug.len()];
    let mut greatest: Vec<f64> = (0..replicates)
        .map(|_| {
            drawn.fill(0);
            (0..reports).for_each(|_| drawn[table.draw(&mut generator)] += 1);
            let ratios = drawn.iter().zip(&expected);
            ratios.map(|(&count, &expected)| log_ratio(count, expected, reports)).fold(0.0, f64::max)
        })
        .collect();
    greatest.sort_by(f64::total_cmp);
    let p = |ratio: f64| {
        // A trifle below, since the same sum in another order may differ by rounding.
        let below = greatest.partition_point(|other| *other < ratio * (1.0 - 1e-12));
        (1 + replicates - below) as f64 / (1 + replicates) as f64
    };
    let events = ratios.iter().zip(expected);
    let events =
        events.map(|(&log_ratio, expected)| EventTest { expected, log_ratio, p: p(log_ratio) }).collect();
    Ok(LikelihoodRatioTest { events, replicates })
}

fn log_ratio(count: u64, expected: f64, reports: u64) -> f64 {
    let (count, reports) = (count as f64, reports as f64);
    if count <= expected {
        return 0.0;
    }
    let others = reports - count;
    let of_others = if others > 0.0 { others * (others / (reports - expected)).ln() } else { 0.0 };
    (count * (count / expected).ln() + of_others).max(0.0)
}

/// Draws an event by its share in one step.
///
/// # Source
/// Walker 1977, doi:10.1145/355744.355749; Vose 1991, doi:10.1109/32.92917
struct AliasTable {
    /// Of each event: the chance to stay, and the event to go to otherwise.
    columns: Vec<(f64, usize)>,
}

impl AliasTable {
    fn new(weights: &[u64], total: u64) -> Self {
        let mut columns: Vec<(f64, usize)> = weights
            .iter()
            .enumerate()
            .map(|(event, &weight)| (weight as f64 * weights.len() as f64 / total as f64, event))
            .collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) =
            (0..columns.len()).partition(|&event| columns[event].0 < 1.0);
        while let (Some(&to_fill), Some(&giver)) = (small.last(), large.last()) {
            small.pop();
            columns[to_fill].1 = giver;
            columns[giver].0 -= 1.0 - columns[to_fill].0;
            if columns[giver].0 < 1.0 {
                large.pop();
                small.push(giver);
            }
        }
        // What is left is 1 but for rounding; an event without a report is never drawn, whatever rounds.
        let most =
            weights.iter().enumerate().max_by_key(|(_, weight)| **weight).map_or(0, |(event, _)| event);
        for event in small.into_iter().chain(large) {
            columns[event] = if weights[event] > 0 { (1.0, event) } else { (0.0, most) };
        }
        Self { columns }
    }

    fn draw(&self, generator: &mut ChaCha8Rng) -> usize {
        let event = generator.random_range(0..self.columns.len());
        let (stay, other) = self.columns[event];
        if generator.random::<f64>() < stay { event } else { other }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_worked_on_paper() {
        // 8 of the drug's 10 reports are of an event that half of all reports are of: 8 ln(8/5) + 2 ln(2/5).
        let found = likelihood_ratio_test(&[8, 2], &[50, 50], 4999, 3).expect("sound");
        let expected = 8.0 * 1.6_f64.ln() + 2.0 * 0.4_f64.ln();
        assert!((found.events[0].log_ratio - expected).abs() < 1e-12);
        assert_eq!((found.events[0].expected, found.events[1].log_ratio, found.events[1].p), (5.0, 0.0, 1.0));
        // Heads or tails eight times or more in ten throws: 2 (45 + 10 + 1) / 1024.
        assert!((found.events[0].p - 112.0 / 1024.0).abs() < 0.02, "{}", found.events[0].p);
    }

    #[test]
    fn draws_follow_the_shares_and_never_meet_an_event_without_reports() {
        let weights = [0, 10, 70, 20, 0];
        let table = AliasTable::new(&weights, 100);
        let mut generator = ChaCha8Rng::seed_from_u64(1);
        let mut drawn = [0_u32; 5];
        (0..100_000).for_each(|_| drawn[table.draw(&mut generator)] += 1);
        for (drawn, weight) in drawn.into_iter().zip(weights) {
            assert!((f64::from(drawn) / 1000.0 - weight as f64).abs() < 1.0, "{drawn} for {weight}");
            assert_eq!(drawn == 0, weight == 0);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_p_and_impossible_tables_are_refused() {
        let run = |seed| likelihood_ratio_test(&[8, 2, 3], &[50, 50, 20], 99, seed).expect("sound");
        assert_eq!(run(5), run(5));
        for (drug, all) in
            [(&[1][..], &[2][..]), (&[1, 2], &[1, 2, 3]), (&[0, 0], &[1, 2]), (&[3, 0], &[2, 2])]
        {
            assert!(likelihood_ratio_test(drug, all, 9, 1).is_err(), "{drug:?} of {all:?}");
        }
        assert!(likelihood_ratio_test(&[1, 2], &[3, 3], 0, 1).is_err());
        // All reports are of this drug: nothing stands out.
        let all = likelihood_ratio_test(&[3, 3], &[3, 3], 9, 1).expect("sound");
        assert!(all.events.iter().all(|event| event.log_ratio == 0.0 && event.p == 1.0));
    }
}
