use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wilhelm_stats::{
    BootstrapInterval, Estimate, PairedDifference, Resampling, StatsError, bootstrap_interval,
    bootstrap_interval_by_group, paired_bootstrap, paired_bootstrap_by_group, quantile, wilson_interval,
};

/// How an interval was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Wilson's score interval of a share.
    Wilson,
    /// DeLong's variance of an area.
    Delong,
    /// Percentiles over resamples of cases.
    Bootstrap,
    /// Percentiles over resamples of patients with all of their cases.
    BootstrapByPatient,
    /// Symmetric in standard errors (on the log odds or the logarithm where that is the figure's scale).
    Wald,
    /// By Fisher's distribution of two mean squares.
    Fisher,
    /// Follows from the cases without any doubt.
    Exact,
}

/// A number with its interval, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The number.
    pub value: Option<f64>,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// How the interval was made.
    pub method: Method,
    /// Why a number or an interval is missing, or what to bear in mind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'static, str>>,
}

impl Figure {
    /// A number between its ends.
    pub fn new(value: f64, low: f64, high: f64, method: Method) -> Self {
        Self { value: Some(value), low: Some(low), high: Some(high), method, note: None }
    }

    /// No number, for a reason.
    pub fn missing(method: Method, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { value: None, low: None, high: None, method, note: Some(reason.into()) }
    }

    /// A number without an interval, for a reason.
    pub fn alone(value: f64, method: Method, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { value: Some(value), ..Self::missing(method, reason) }
    }

    pub(super) fn of_estimate(estimate: Option<Estimate>, reason: &'static str) -> Self {
        match estimate {
            Some(Estimate { value, low, high }) => Self::new(value, low, high, Method::Wald),
            None => Self::missing(Method::Wald, reason),
        }
    }

    /// A share by Wilson's interval.
    pub(super) fn share(part: u64, whole: u64, level: f64) -> Self {
        match wilson_interval(part, whole, level) {
            Ok((low, high)) => Self::new(part as f64 / whole as f64, low, high, Method::Wilson),
            Err(_) => Self::missing(Method::Wilson, "no case that counts"),
        }
    }
}

/// What figures are drawn from: cases, or patients with all of their cases.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    cases: usize,
    /// Only where a patient has several cases.
    patients: Option<Vec<usize>>,
    pub settings: Resampling,
}

impl Sampler {
    pub fn new(cases: usize, patients: Option<&[usize]>, settings: Resampling) -> Self {
        let repeated = |patients: &&[usize]| {
            let mut sorted = patients.to_vec();
            sorted.sort_unstable();
            sorted.windows(2).any(|pair| pair[0] == pair[1])
        };
        Self { cases, patients: patients.filter(repeated).map(<[usize]>::to_vec), settings }
    }

    /// Whether cases belong together, so that formulas for independent cases do not hold.
    pub fn is_clustered(&self) -> bool {
        self.patients.is_some()
    }

    pub fn method(&self) -> Method {
        if self.is_clustered() { Method::BootstrapByPatient } else { Method::Bootstrap }
    }

    /// The same over some of the cases, which count from 0 then.
    pub fn of(&self, places: &[usize]) -> Self {
        let patients =
            self.patients.as_ref().map(|all| places.iter().map(|place| all[*place]).collect::<Vec<_>>());
        Self::new(places.len(), patients.as_deref(), self.settings)
    }

    fn resample(
        &self,
        statistic: impl FnMut(&[usize]) -> Option<f64>,
    ) -> Result<BootstrapInterval, StatsError> {
        let Resampling { replicates, level, seed } = self.settings;
        match &self.patients {
            None => bootstrap_interval(self.cases, replicates, level, seed, statistic),
            Some(patients) => bootstrap_interval_by_group(patients, replicates, level, seed, statistic),
        }
    }

    /// Several numbers of the same resamples; a number that is NaN is undefined.
    pub fn figures(&self, count: usize, mut statistic: impl FnMut(&[usize], &mut [f64])) -> Vec<Figure> {
        let mut draws: Vec<Vec<f64>> = vec![Vec::with_capacity(self.settings.replicates + 1); count];
        let mut numbers = vec![f64::NAN; count];
        let watched = self.resample(|rows| {
            numbers.fill(f64::NAN);
            statistic(rows, &mut numbers);
            draws.iter_mut().zip(&numbers).for_each(|(draws, number)| draws.push(*number));
            Some(0.0)
        });
        if let Err(error) = watched {
            return vec![Figure::missing(self.method(), error.to_string()); count];
        }
        draws.into_iter().map(|draws| self.interval(&draws)).collect()
    }

    /// The first draw is that of the cases themselves.
    fn interval(&self, draws: &[f64]) -> Figure {
        let method = self.method();
        let (own, rest) = draws.split_first().expect("the cases themselves come first");
        if !own.is_finite() {
            return Figure::missing(method, "has no value for these cases");
        }
        let defined: Vec<f64> = rest.iter().copied().filter(|value| value.is_finite()).collect();
        if defined.len() * 2 < rest.len() {
            return Figure::alone(*own, method, "has no value in more than half of the resamples");
        }
        if self.patients.as_ref().is_some_and(|all| all.iter().all(|patient| *patient == all[0])) {
            return Figure::alone(*own, method, "one patient has no interval");
        }
        let tail = (1.0 - self.settings.level) / 2.0;
        match (quantile(&defined, tail), quantile(&defined, 1.0 - tail)) {
            (Ok(low), Ok(high)) => Figure::new(*own, low, high, method),
            _ => Figure::alone(*own, method, "no resamples were drawn"),
        }
    }

    pub fn figure(&self, mut statistic: impl FnMut(&[usize]) -> Option<f64>) -> Figure {
        let mut found = self.figures(1, |rows, numbers| numbers[0] = statistic(rows).unwrap_or(f64::NAN));
        found.pop().expect("one number was asked for")
    }

    /// The share of `part` among `whole`: Wilson's interval, or resamples where cases belong together.
    pub fn share(&self, part: &[bool], whole: &[bool]) -> Figure {
        let count = |rows: &mut dyn Iterator<Item = usize>| {
            rows.fold((0_u64, 0_u64), |(hits, all), row| {
                (hits + u64::from(whole[row] && part[row]), all + u64::from(whole[row]))
            })
        };
        if self.is_clustered() {
            return self.figure(|rows| match count(&mut rows.iter().copied()) {
                (_, 0) => None,
                (hits, all) => Some(hits as f64 / all as f64),
            });
        }
        let (hits, all) = count(&mut (0..self.cases));
        Figure::share(hits, all, self.settings.level)
    }

    pub fn difference(
        &self,
        first: impl FnMut(&[usize]) -> Option<f64>,
        second: impl FnMut(&[usize]) -> Option<f64>,
    ) -> Result<PairedDifference, StatsError> {
        match &self.patients {
            None => paired_bootstrap(self.cases, self.settings, first, second),
            Some(patients) => paired_bootstrap_by_group(patients, self.settings, first, second),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Resampling = Resampling { replicates: 400, level: 0.95, seed: 3 };

    #[test]
    fn several_numbers_of_one_pass_are_those_of_one_pass_each() {
        let values = [1.0, 4.0, 2.0, 8.0, 5.0, 7.0];
        let mean = |rows: &[usize]| rows.iter().map(|row| values[*row]).sum::<f64>() / rows.len() as f64;
        let most = |rows: &[usize]| rows.iter().map(|row| values[*row]).fold(0.0, f64::max);
        let sampler = Sampler::new(6, None, SETTINGS);
        let both = sampler.figures(2, |rows, numbers| {
            numbers.copy_from_slice(&[mean(rows), most(rows)]);
        });
        for (found, of) in both.iter().zip([&mean as &dyn Fn(&[usize]) -> f64, &most]) {
            let alone = bootstrap_interval(6, 400, 0.95, 3, |rows| Some(of(rows))).expect("an interval");
            assert_eq!(*found, Figure::new(alone.estimate, alone.low, alone.high, Method::Bootstrap));
        }
    }

    #[test]
    fn cases_of_one_patient_widen_the_interval_of_a_share() {
        let hits: Vec<bool> = (0..60).map(|case| case / 6 % 2 == 0).collect();
        let all = vec![true; 60];
        let patients: Vec<usize> = (0..60).map(|case| case / 6).collect();
        let single: Vec<usize> = (0..60).collect();
        let width = |figure: &Figure| figure.high.expect("an end") - figure.low.expect("an end");
        let alone = Sampler::new(60, Some(&single), SETTINGS).share(&hits, &all);
        let together = Sampler::new(60, Some(&patients), SETTINGS).share(&hits, &all);
        assert_eq!((alone.method, together.method), (Method::Wilson, Method::BootstrapByPatient));
        assert!(width(&together) > 1.8 * width(&alone), "{together:?} {alone:?}");
        assert_eq!((alone.value, together.value), (Some(0.5), Some(0.5)));
    }

    #[test]
    fn a_number_without_a_value_says_why() {
        let sampler = Sampler::new(4, None, SETTINGS);
        let found = sampler.figure(|_| None);
        assert_eq!((found.value, found.note.is_some()), (None, true));
        let seldom = sampler.figure(|rows| (rows == [0, 1, 2, 3]).then_some(1.0));
        assert_eq!((seldom.value, seldom.low), (Some(1.0), None));
        assert_eq!(sampler.share(&[true; 4], &[false; 4]).value, None);
    }
}
