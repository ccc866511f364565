use wilhelm_stats::disproportionality::{PairScore, SignalRatio, UndefinedRatio};

use super::MetRules;

/// What the figures of a pair say in plain words, and what they do not.
pub(super) fn of(drug: &str, event: &str, score: &PairScore, met: MetRules, level: f64) -> String {
    let cases = score.counts.both;
    let noun = if cases == 1 { "case has" } else { "cases have" };
    let mut words =
        format!("{cases} {noun} {drug} and {event}; {} would be expected.", count(score.expected));
    if let Some(ratio) = score.shrunken {
        words.push_str(&format!(
            " Shrunken towards what ratios of this table are like, that is {} times as many (EBGM; 5th to 95th percentile {} to {}).",
            times(ratio.ebgm),
            times(ratio.low),
            times(ratio.high)
        ));
    }
    match score.ror {
        SignalRatio::Defined(ratio) => words.push_str(&format!(
            " The odds of {event} are {} times those of other cases ({} % interval {} to {}).",
            times(ratio.value),
            level * 100.0,
            times(ratio.low),
            times(ratio.high)
        )),
        SignalRatio::Undefined { reason, .. } => {
            words.push_str(&format!(" There is no odds ratio: {}.", why(reason, drug, event)));
        }
    }
    words.push_str(match met.count() {
        0 => " No rule of thumb is met.",
        1 => " One of four rules of thumb is met.",
        2 => " Two of four rules of thumb are met.",
        3 => " Three of four rules of thumb are met.",
        _ => " All four rules of thumb are met.",
    });
    words.push_str(
        " Reports show that both are reported together, not that one causes the other, nor how often.",
    );
    words
}

/// Why a ratio has no value, as the end of a sentence.
fn why(reason: UndefinedRatio, drug: &str, event: &str) -> String {
    match reason {
        UndefinedRatio::NoReports => format!("no case has {drug} and {event}"),
        UndefinedRatio::NoOtherCases => format!("there is no case without {drug}"),
        UndefinedRatio::EventOnlyWithDrug => format!("{event} was reported with {drug} alone"),
        UndefinedRatio::DrugOnlyWithEvent => format!("no case of {drug} was reported without {event}"),
        UndefinedRatio::EventInAllOthers => format!("every case without {drug} has {event}"),
    }
}

/// Expected cases.
fn count(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// A ratio.
fn times(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
