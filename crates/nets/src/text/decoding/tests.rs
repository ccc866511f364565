use std::collections::BTreeMap;

use super::*;

/// Probabilities of the tokens 0 (the end), 1 and 2 after what was said; a text that is not there ends.
struct Table {
    rows: BTreeMap<Vec<u32>, [f32; 3]>,
    texts: Vec<Vec<u32>>,
    asked: usize,
}

impl Table {
    fn new(rows: &[(&[u32], [f32; 3])]) -> Self {
        let rows = rows.iter().map(|(text, row)| (text.to_vec(), *row)).collect();
        Self { rows, texts: Vec::new(), asked: 0 }
    }

    fn row(&self, text: &[u32]) -> Vec<f32> {
        // Scores need not be logarithms of probabilities: a number more for each is none.
        let row = self.rows.get(text).unwrap_or(&[1.0, 0.0, 0.0]);
        row.iter().map(|probability| probability.ln() + 5.0).collect()
    }
}

impl NextTokens for Table {
    fn start(&mut self) -> Vec<f32> {
        self.texts = vec![Vec::new()];
        self.row(&[])
    }

    fn go_on(&mut self, texts: &[usize], tokens: &[u32]) -> Vec<Vec<f32>> {
        self.asked += 1;
        let longer = |(text, token): (&usize, &u32)| [&self.texts[*text][..], &[*token]].concat();
        self.texts = texts.iter().zip(tokens).map(longer).collect();
        self.texts.iter().map(|text| self.row(text)).collect()
    }

    fn room(&self) -> usize {
        6
    }
}

const LIMITS: Limits = Limits { end: 0, most: 6 };

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
}

/// The likeliest first token leads to no likely text.
fn garden_path() -> Table {
    Table::new(&[
        (&[], [0.1, 0.5, 0.4]),
        (&[1], [0.4, 0.3, 0.3]),
        (&[2], [0.1, 0.9, 0.0]),
        (&[2, 1], [1.0, 0.0, 0.0]),
        (&[1, 1], [0.5, 0.5, 0.0]),
        (&[1, 2], [0.5, 0.5, 0.0]),
    ])
}

#[test]
fn the_likeliest_token_each_time_worked_on_paper() {
    let said = greedy(&mut garden_path(), LIMITS).expect("a text");
    assert_eq!((said.tokens, said.ended), (vec![1], Ended::End));
    close(said.log_probability, 0.2_f64.ln());
    let mut long = Table::new(&[(&[], [0.2, 0.4, 0.4]), (&[1], [0.1, 0.1, 0.8]), (&[1, 2], [0.4, 0.6, 0.0])]);
    let said = greedy(&mut long, Limits { most: 3, ..LIMITS }).expect("a text");
    assert_eq!((said.tokens, said.ended), (vec![1, 2, 1], Ended::Most));
    close(said.log_probability, (0.4 * 0.8 * 0.6_f64).ln());
    assert_eq!(long.asked, 2);
}

#[test]
fn beams_worked_on_paper() {
    let check = |width: usize, length_penalty: f64, expected: &[(&[u32], f64)]| {
        let said = beam(&mut garden_path(), LIMITS, Beams { width, length_penalty }).expect("texts");
        let found: Vec<_> = said.iter().map(|said| &said.tokens[..]).collect();
        assert_eq!(
            found,
            expected.iter().map(|(tokens, _)| *tokens).collect::<Vec<_>>(),
            "{width} {length_penalty}"
        );
        for (said, (_, probability)) in said.iter().zip(expected) {
            close(said.log_probability, probability.ln());
            assert_eq!(said.ended, Ended::End);
        }
    };
    // One text is the greedy one: 0.5 * 0.4.
    check(1, 0.0, &[(&[1], 0.2)]);
    // Two find the likelier: 0.4 * 0.9. Behind it 0.2 comes before everything else.
    check(2, 0.0, &[(&[2, 1], 0.36), (&[1], 0.2)]);
    // By the mean of a token: ln 0.36 / 3 = -0.341, and ln 0.075 / 4 = -0.648 comes before ln 0.2 / 2 = -0.805.
    check(2, 1.0, &[(&[2, 1], 0.36), (&[1, 1, 1], 0.075)]);
    // By length squared, with room for three: ln 0.36 / 9 = -0.114; ln 0.075 / 9 = -0.288 for 1, 1 and for 1, 2;
    // ln 0.075 / 16 = -0.162 for those with one token more, of which the lower numbers come first.
    check(3, 2.0, &[(&[2, 1], 0.36), (&[1, 1, 1], 0.075), (&[1, 2, 1], 0.075)]);
}

#[test]
fn a_beam_stops_when_nothing_better_can_come_and_at_the_most_tokens() {
    let mut table = garden_path();
    beam(&mut table, LIMITS, Beams { width: 1, length_penalty: 0.0 }).expect("a text");
    // 1, then the end with 0.2: what else is kept (0.15) can only become less likely.
    assert_eq!(table.asked, 1);
    let limits = Limits { most: 2, ..LIMITS };
    let said = beam(&mut garden_path(), limits, Beams { width: 2, length_penalty: 0.0 }).expect("texts");
    let found: Vec<_> = said.iter().map(|said| (&said.tokens[..], said.ended)).collect();
    assert_eq!(found, [(&[2, 1][..], Ended::Most), (&[1][..], Ended::End)]);
}

#[test]
fn a_nucleus_worked_on_paper() {
    let probabilities = [0.15, 0.5, 0.05, 0.3];
    assert_eq!(nucleus(&probabilities, 0.5), [(1, 1.0)]);
    let two = nucleus(&probabilities, 0.75);
    assert_eq!((two.len(), two[0].0, two[1].0), (2, 1, 3));
    close(two[0].1, 0.625);
    close(two[1].1, 0.375);
    let three: Vec<usize> = nucleus(&probabilities, 0.9).into_iter().map(|(token, _)| token).collect();
    assert_eq!(three, [1, 3, 0]);
    assert_eq!(nucleus(&probabilities, 1.0).len(), 4);
    // Half the temperature squares: 0.8 and 0.2 become 16/17 and 1/17; twice takes roots: 2/3 and 1/3.
    let logs = [0.8_f64.ln(), 0.2_f64.ln()];
    close(warmed(&logs, 0.5)[0], 16.0 / 17.0);
    close(warmed(&logs, 1.0)[0], 0.8);
    close(warmed(&logs, 2.0)[1], 1.0 / 3.0);
}

#[test]
fn draws_follow_the_probabilities_of_the_nucleus_and_the_seed() {
    let table = || Table::new(&[(&[], [0.1, 0.6, 0.3])]);
    let said = |share: f64, temperature: f64, seed: u64| {
        sample(&mut table(), LIMITS, Nucleus { share, temperature, seed }).expect("a text")
    };
    let counts = |share: f64, temperature: f64| {
        let mut counts = [0_usize; 3];
        for seed in 0..3000 {
            counts[said(share, temperature, seed).tokens.first().map_or(0, |token| *token as usize)] += 1;
        }
        counts
    };
    let near = |found: usize, share: f64| {
        // Four deviations of a binomial distribution.
        let allowed = 4.0 * (3000.0 * share * (1.0 - share)).sqrt();
        assert!((found as f64 - 3000.0 * share).abs() <= allowed, "{found} for {share}");
    };
    let all = counts(1.0, 1.0);
    near(all[0], 0.1);
    near(all[1], 0.6);
    // Two thirds and one third, and the end never first.
    let kept = counts(0.85, 1.0);
    near(kept[1], 2.0 / 3.0);
    assert_eq!(kept[0], 0);
    near(counts(0.85, 0.5)[1], 0.8);
    assert_eq!(counts(0.3, 1.0), [0, 3000, 0]);
    assert_eq!(said(1.0, 1.0, 7), said(1.0, 1.0, 7));
    close(said(0.3, 1.0, 1).log_probability, 0.6_f64.ln());
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let most = |most: usize| {
        greedy(&mut garden_path(), Limits { most, ..LIMITS }).expect_err("out of range").to_string()
    };
    assert_eq!(
        most(7),
        "at most 7 tokens were asked for, expected from 1 to 6, the network's room for what follows"
    );
    assert!(most(0).starts_with("at most 0 tokens"));
    let error = greedy(&mut garden_path(), Limits { end: 3, ..LIMITS }).expect_err("no such token");
    assert_eq!(error.to_string(), "the end token is 3, expected one below the vocabulary's 3");
    let of = Nucleus { share: 0.9, temperature: 1.0, seed: 1 };
    let sampled = |of: Nucleus| sample(&mut garden_path(), LIMITS, of).expect_err("out of range").to_string();
    assert_eq!(
        sampled(Nucleus { share: 1.1, ..of }),
        "the share of the nucleus is 1.1, expected above 0 and up to 1"
    );
    assert!(sampled(Nucleus { share: 0.0, ..of }).starts_with("the share of the nucleus is 0"));
    assert_eq!(sampled(Nucleus { temperature: 0.0, ..of }), "the temperature is 0, expected above 0");
    let beams = |width: usize, length_penalty: f64| {
        beam(&mut garden_path(), LIMITS, Beams { width, length_penalty })
            .expect_err("out of range")
            .to_string()
    };
    assert_eq!(beams(0, 1.0), "the width of the beam is 0, expected at least 1");
    assert_eq!(beams(2, -1.0), "the length penalty is -1, expected at least 0");
    let mut spoilt = Table::new(&[(&[], [0.2, 0.8, 0.0]), (&[1], [f32::NAN, 1.0, 1.0])]);
    let error = greedy(&mut spoilt, LIMITS).expect_err("no numbers");
    assert_eq!(
        error.to_string(),
        "the network's scores after 1 tokens are no numbers: its weights are spoilt"
    );
}
