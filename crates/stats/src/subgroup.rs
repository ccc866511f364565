use crate::bootstrap::{Resampling, members, percentile_interval};
use crate::{BootstrapInterval, StatsError};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What a group's cases say about a metric.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum GroupFinding {
    /// The metric and its interval over the group's cases.
    Measured(BootstrapInterval),
    /// Fewer cases than asked for: nothing is claimed.
    TooSmall,
    /// The metric has no value for the group, or none for most of its resamples.
    Undefined,
}

/// A group of cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupAudit<G> {
    /// Its name.
    pub group: G,
    /// Its cases.
    pub cases: usize,
    /// What they say.
    pub finding: GroupFinding,
}

/// The largest difference between two groups.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubgroupGap<G> {
    /// The group with the highest metric, the first of equals.
    pub highest: G,
    /// The group with the lowest metric, the first of equals.
    pub lowest: G,
    /// Highest minus lowest metric, with the interval of this difference over resamples within all groups.
    pub gap: BootstrapInterval,
    /// The chance of at least this gap if the groups were drawn at random: cases are dealt anew to groups
    /// of the same sizes.
    pub p: f64,
}

/// A metric group by group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubgroupAudit<G> {
    /// All groups by name, none left out.
    pub groups: Vec<GroupAudit<G>>,
    /// Cases of the smallest group.
    pub smallest_cases: usize,
    /// The largest gap; `None` with fewer than two measured groups, or where most resamples leave one of
    /// them without a value.
    pub gap: Option<SubgroupGap<G>>,
}

/// Measures a metric in each group of cases, and how far the groups lie apart.
///
/// Groups with fewer than `least_cases` cases are listed as too small, those without a value as undefined;
/// neither takes part in the gap. The gap of resamples is never below 0 and leans upward where groups are
/// small, so its interval describes size alone; whether there is a gap at all is answered by
/// [`SubgroupGap::p`].
///
/// # Shapes
/// `group_of[case]` names the group of each case; `metric` is given case numbers, with repeats.
///
/// # Units
/// Those of the metric.
///
/// # Errors
/// [`StatsError`] for no cases, no replicates, or a level outside 0 to 1 (exclusive).
///
/// # Source
/// Davison and Hinkley 1997, doi:10.1017/CBO9780511802843 (section 3.2, several samples; section 4.3,
/// permutation)
pub fn audit_subgroups<G: Ord + Clone>(
    group_of: &[G],
    least_cases: usize,
    settings: Resampling,
    mut metric: impl FnMut(&[usize]) -> Option<f64>,
) -> Result<SubgroupAudit<G>, StatsError> {
    settings.check(group_of.len())?;
    let mut metric = |cases: &[usize]| metric(cases).filter(|value| value.is_finite());
    let groups = members(group_of);
    let mut audits = Vec::new();
    let mut measured: Vec<Measured<G>> = Vec::new();
    for (stream, (group, cases)) in groups.iter().enumerate() {
        let mut finding = GroupFinding::Undefined;
        if cases.len() < least_cases {
            finding = GroupFinding::TooSmall;
        } else if let Some(estimate) = metric(cases) {
            let draws = draw_within(cases, settings, stream as u64, &mut metric);
            let values: Vec<f64> = draws.iter().copied().flatten().collect();
            if let Ok(interval) = percentile_interval(estimate, &values, settings) {
                finding = GroupFinding::Measured(interval);
                measured.push(Measured { group: *group, cases, estimate, draws });
            }
        }
        audits.push(GroupAudit { group: (*group).clone(), cases: cases.len(), finding });
    }
    let gap = if measured.len() < 2 { None } else { gap(&measured, settings, &mut metric) };
    let smallest_cases = groups.values().map(Vec::len).min().unwrap_or(0);
    Ok(SubgroupAudit { groups: audits, smallest_cases, gap })
}

/// A group that takes part in the gap.
struct Measured<'a, G> {
    group: &'a G,
    cases: &'a [usize],
    estimate: f64,
    /// The metric of each resample, in the order of the draws.
    draws: Vec<Option<f64>>,
}

/// The metric of each resample within a group; each group has a stream of draws of its own.
fn draw_within(
    cases: &[usize],
    settings: Resampling,
    stream: u64,
    metric: &mut impl FnMut(&[usize]) -> Option<f64>,
) -> Vec<Option<f64>> {
    let mut generator = ChaCha8Rng::seed_from_u64(settings.seed);
    generator.set_stream(stream + 1);
    let mut drawn = vec![0; cases.len()];
    (0..settings.replicates)
        .map(|_| {
            drawn.iter_mut().for_each(|case| *case = cases[generator.random_range(0..cases.len())]);
            metric(&drawn)
        })
        .collect()
}

/// `None` if most resamples leave a group without a value.
fn gap<G: Clone>(
    measured: &[Measured<'_, G>],
    settings: Resampling,
    metric: &mut impl FnMut(&[usize]) -> Option<f64>,
) -> Option<SubgroupGap<G>> {
    let extreme = |better: fn(f64, f64) -> bool| {
        measured.iter().reduce(|best, next| if better(next.estimate, best.estimate) { next } else { best })
    };
    let (highest, lowest) = (extreme(|a, b| a > b)?, extreme(|a, b| a < b)?);
    let estimate = highest.estimate - lowest.estimate;
    let values: Vec<f64> = (0..settings.replicates)
        .filter_map(|replicate| range(measured.iter().map(|group| group.draws[replicate])))
        .collect();
    let gap = percentile_interval(estimate, &values, settings).ok()?;
    let mut generator = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut dealt: Vec<usize> = measured.iter().flat_map(|group| group.cases).copied().collect();
    let bar = estimate * (1.0 - 1e-12);
    let (mut as_wide, mut defined) = (0_usize, 0_usize);
    for _ in 0..settings.replicates {
        for place in (1..dealt.len()).rev() {
            dealt.swap(place, generator.random_range(0..=place));
        }
        let mut start = 0;
        let of_groups: Vec<Option<f64>> = measured
            .iter()
            .map(|group| {
                start += group.cases.len();
                metric(&dealt[start - group.cases.len()..start])
            })
            .collect();
        if let Some(range) = range(of_groups.into_iter()) {
            defined += 1;
            as_wide += usize::from(range >= bar);
        }
    }
    Some(SubgroupGap {
        highest: highest.group.clone(),
        lowest: lowest.group.clone(),
        gap,
        p: (as_wide as f64 + 1.0) / (defined as f64 + 1.0),
    })
}

/// Largest minus smallest, if all have a value.
fn range(mut values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let ends = values.try_fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        value.map(|value| (low.min(value), high.max(value)))
    });
    ends.map(|(low, high)| high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Resampling = Resampling { replicates: 300, level: 0.95, seed: 2 };

    /// Group a is right in 30 of 40, b in 10 of 40, c has two cases.
    fn cases() -> (Vec<&'static str>, Vec<bool>) {
        let groups = [("b", 40, 10), ("a", 40, 30), ("c", 2, 1)];
        let of = |(name, cases, right): (&'static str, usize, usize)| {
            (0..cases).map(move |case| (name, case < right))
        };
        groups.into_iter().flat_map(of).unzip()
    }

    fn share_right(right: &[bool]) -> impl FnMut(&[usize]) -> Option<f64> + '_ {
        |cases| Some(cases.iter().filter(|&&case| right[case]).count() as f64 / cases.len() as f64)
    }

    #[test]
    fn groups_are_measured_and_small_ones_named() {
        let (group_of, right) = cases();
        let audit = audit_subgroups(&group_of, 10, SETTINGS, share_right(&right)).expect("cases");
        let names: Vec<(&str, usize)> = audit.groups.iter().map(|group| (group.group, group.cases)).collect();
        assert_eq!(names, [("a", 40), ("b", 40), ("c", 2)]);
        assert_eq!((audit.groups[2].finding, audit.smallest_cases), (GroupFinding::TooSmall, 2));
        let GroupFinding::Measured(first) = audit.groups[0].finding else { panic!("a is large enough") };
        assert!(first.estimate == 0.75 && first.low > 0.5 && first.high < 0.95, "{first:?}");
        let gap = audit.gap.expect("two are measured");
        assert_eq!((gap.highest, gap.lowest, gap.gap.estimate), ("a", "b", 0.5));
        assert!(gap.gap.low > 0.2 && gap.gap.high < 0.8, "{gap:?}");
        // None of 300 deals reaches a gap of one half.
        assert_eq!(gap.p, 1.0 / 301.0);
    }

    #[test]
    fn what_one_group_shows_does_not_hang_on_how_others_are_drawn() {
        let (group_of, right) = cases();
        let both = audit_subgroups(&group_of, 10, SETTINGS, share_right(&right)).expect("cases");
        let all = audit_subgroups(&group_of, 1, SETTINGS, share_right(&right)).expect("cases");
        assert_eq!(both.groups[..2], all.groups[..2]);
        assert!(matches!(all.groups[2].finding, GroupFinding::Measured(_)));
    }

    #[test]
    fn groups_alike_have_no_surprising_gap() {
        let group_of: Vec<usize> = (0..80).map(|case| case % 2).collect();
        let right: Vec<bool> = (0..80).map(|case| case % 4 < 2).collect();
        let audit = audit_subgroups(&group_of, 10, SETTINGS, share_right(&right)).expect("cases");
        let gap = audit.gap.expect("two are measured");
        assert_eq!((gap.gap.estimate, gap.p), (0.0, 1.0));
    }

    #[test]
    fn a_group_without_a_value_is_named_and_one_group_has_no_gap() {
        let group_of = ["a", "a", "b", "b"];
        let audit = audit_subgroups(&group_of, 1, SETTINGS, |cases| cases.contains(&0).then_some(1.0));
        let audit = audit.expect("cases");
        assert_eq!((audit.groups[1].finding, audit.gap), (GroupFinding::Undefined, None));
        assert!(audit_subgroups::<u8>(&[], 1, SETTINGS, |_| Some(1.0)).is_err());
    }
}
