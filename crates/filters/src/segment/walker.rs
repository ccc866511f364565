//! The tool that follows clicks: places inside and outside in, a set and a probability out.
//!
//! A random walker was chosen over graph cut (its result has no probability, and its cost on one
//! thread grows beyond a second) and over geodesic competition (one bright voxel lets a path
//! through). The whole image is solved on a coarse grid; each finer grid only where the answer is
//! still open. Images of up to 2^18 voxels are solved exactly.

mod open;
mod solve;
mod system;

use std::borrow::Cow;
use std::collections::BTreeMap;

use rayon::prelude::*;
use wilhelm_study::{Index, Progress};

use super::binary::{Maskable, offset, refuse_nan, where_value};
use super::runs::{Connectivity, Runs};
use super::steps::Steps;
use crate::FilterError;
use crate::lanes::moments;
use solve::{Level, Rule};

/// What a person marked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clicks {
    /// Voxels inside the structure: at least one.
    pub foreground: Vec<Index>,
    /// Voxels outside it: at least one, or a box.
    pub background: Vec<Index>,
    /// The lowest and the highest voxel of a box around the structure. Everything beyond it, and its
    /// outer layer, is background; where the box ends with the image, the layer is open.
    pub within: Option<[Index; 2]>,
}

/// How a walker moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Walk {
    /// How much a step in value hinders: a step of one standard deviation of the image is taken
    /// `exp(edge / 10)` times less often. Grady's beta, as scikit-image scales it.
    pub edge: f32,
    /// How much of a step is put down to noise: its variance, from the median step of each grid, is
    /// added this many times to what a step is measured by. 0 is Grady's walker.
    pub noise: f32,
    /// How much a voxel's own value counts, by what values the clicks have: 0 is Grady's walker
    /// without it, which needs many clicks in a large structure.
    pub value: f32,
    /// Voxels to either side of a click that are marked with it.
    pub click_radius: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self { edge: 130.0, noise: 4.0, value: 0.02, click_radius: 1 }
    }
}

/// What followed from clicks.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed<I: Maskable> {
    /// Voxels that are more likely inside than not, and hang together with a click inside.
    pub mask: I::Mask,
    /// How likely each voxel is inside: a walker that starts there reaches a click inside first.
    ///
    /// Of a large image, far from the boundary, it comes from a coarser grid.
    pub probability: I::Map,
}

/// Follows clicks.
///
/// # Units
/// Probabilities are 0 to 1.
///
/// # Errors
/// [`FilterError::TooFew`] for no click inside, or neither click outside nor box;
/// [`FilterError::Parameter`] for clicks outside the grid, a click inside that is beyond the box or
/// also marked as outside, a box of fewer than 3 voxels, or an absurd `walk`;
/// [`FilterError::NotFinite`], [`FilterError::Cancelled`].
///
/// # Source
/// Grady 2006, doi:10.1109/TPAMI.2006.233; values as in Grady 2005, doi:10.1109/CVPR.2005.239.
pub fn follow<I: Maskable>(
    image: &I,
    clicks: &Clicks,
    walk: &Walk,
    progress: &dyn Progress,
) -> Result<Followed<I>, FilterError> {
    if !(walk.edge.is_finite() && walk.edge >= 0.0) {
        return Err(FilterError::parameter("edge", walk.edge, "0 or more, and finite"));
    }
    if !(walk.value.is_finite() && (0.0..=100.0).contains(&walk.value)) {
        return Err(FilterError::parameter("value", walk.value, "0 to 100"));
    }
    if !(walk.noise.is_finite() && walk.noise >= 0.0) {
        return Err(FilterError::parameter("noise", walk.noise, "0 or more, and finite"));
    }
    if walk.click_radius > 32 {
        return Err(FilterError::parameter("click radius", walk.click_radius, "at most 32 voxels"));
    }
    let size = image.size();
    let field = Field::of(size, clicks)?;
    let marks = field.marks(clicks, walk.click_radius)?;
    let values = field.cut(image.values(), size);
    let (mean, squares) = moments(&values);
    // Finite numbers of single precision have a finite mean in double precision.
    if !mean.is_finite() {
        refuse_nan(&values, true)?;
    }
    let spacing = image.spacing_mm().unwrap_or([1.0; 3]);
    let variance = squares / values.len() as f64;
    let rule = Rule {
        // The square of the step that is taken 1/e times as often.
        step: if walk.edge > 0.0 { 10.0 * variance / f64::from(walk.edge) } else { f64::INFINITY },
        noise: f64::from(walk.noise),
        value: walk.value,
        likely: (walk.value > 0.0).then(|| solve::Likely::of(&values, field.size, &marks, field.closed)),
    };
    let mut levels = vec![Level::new(field.size, spacing, values)];
    while let Some(coarser) = levels[levels.len() - 1].halved() {
        levels.push(coarser);
    }
    let steps = Steps::new(progress, levels.len());
    let mut probability: Option<(Vec<f32>, &Level)> = None;
    for level in levels.iter().rev() {
        let mut found = match &probability {
            Some((coarse, from)) => level.refined(coarse, from),
            None => vec![0.5; level.voxels()],
        };
        level.solve(&mut found, &marks, field.size, field.closed, &rule);
        probability = Some((found, level));
        steps.made()?;
    }
    let (probability, _) = probability.expect("there is a level");
    let mut inside = where_value(&probability, |value| value > 0.5);
    let runs = Runs::of(field.size, &inside, true, Connectivity::Faces)?;
    let mut keep = vec![false; runs.list.len()];
    let marked = marks.iter().filter(|(_, inside)| **inside).filter_map(|(at, _)| runs.at(*at));
    marked.for_each(|piece| keep[piece] = true);
    runs.cleared(&mut inside, &keep);
    let mask = field.put_back(inside, size);
    Ok(Followed { mask: image.mask(mask)?, probability: image.map(field.put_back(probability, size))? })
}

/// The part of the image that is looked at.
struct Field {
    start: [usize; 3],
    size: [usize; 3],
    /// For each axis, whether the first and the last layer are background.
    closed: [[bool; 2]; 3],
}

impl Field {
    fn of(size: [usize; 3], clicks: &Clicks) -> Result<Self, FilterError> {
        if clicks.foreground.is_empty() {
            return Err(FilterError::TooFew { what: "the list of clicks inside", found: 0, expected: 1 });
        }
        let whole = Self { start: [0; 3], size, closed: [[false; 2]; 3] };
        let Some([low, high]) = clicks.within else {
            if clicks.background.is_empty() {
                return Err(FilterError::TooFew {
                    what: "the list of clicks outside",
                    found: 0,
                    expected: 1,
                });
            }
            return Ok(whole);
        };
        offset("box", high, size)?;
        let (low, high) = ([low.column, low.row, low.slice], [high.column, high.row, high.slice]);
        let mut field = whole;
        for axis in (0..3).filter(|axis| size[*axis] > 1) {
            let closed = [low[axis] > 0, high[axis] + 1 < size[axis]];
            // Between the closed layers there must be a voxel.
            let least = 1 + usize::from(closed[0]) + usize::from(closed[1]);
            if low[axis] > high[axis] || high[axis] - low[axis] + 1 < least {
                let found = format!("{} to {}", low[axis], high[axis]);
                return Err(FilterError::parameter("box", found, "at least 3 voxels along every axis"));
            }
            field.start[axis] = low[axis];
            field.size[axis] = high[axis] - low[axis] + 1;
            field.closed[axis] = closed;
        }
        if clicks.background.is_empty() && !field.closed.as_flattened().contains(&true) {
            return Err(FilterError::TooFew { what: "the list of clicks outside", found: 0, expected: 1 });
        }
        Ok(field)
    }

    /// The marked voxels of the field: `true` inside the structure.
    fn marks(&self, clicks: &Clicks, radius: usize) -> Result<BTreeMap<usize, bool>, FilterError> {
        let [columns, rows, slices] = self.size;
        let radius = radius as isize;
        let mut exact = BTreeMap::new();
        let mut around: BTreeMap<usize, Option<bool>> = BTreeMap::new();
        let all = clicks.foreground.iter().map(|at| (at, true));
        for (at, inside) in all.chain(clicks.background.iter().map(|at| (at, false))) {
            let place = [at.column, at.row, at.slice];
            let local: [isize; 3] =
                std::array::from_fn(|axis| place[axis] as isize - self.start[axis] as isize);
            let found = || format!("({}, {}, {})", at.column, at.row, at.slice);
            let name = if inside { "click inside" } else { "click outside" };
            let at = |local: [isize; 3]| {
                let [column, row, slice] = local.map(|step| usize::try_from(step).ok());
                let (column, row, slice) = (column?, row?, slice?);
                (column < columns && row < rows && slice < slices)
                    .then(|| (slice * rows + row) * columns + column)
            };
            let Some(center) = at(local) else {
                if inside {
                    return Err(FilterError::parameter(name, found(), "a place inside the grid and the box"));
                }
                // Beyond the box all is background.
                continue;
            };
            if exact.insert(center, inside).is_some_and(|other| other != inside) {
                return Err(FilterError::parameter(name, found(), "a place marked once"));
            }
            for slice in -radius..=radius {
                for row in -radius..=radius {
                    for column in -radius..=radius {
                        if slice * slice + row * row + column * column <= radius * radius
                            && let Some(near) = at([local[0] + column, local[1] + row, local[2] + slice])
                        {
                            // A voxel near clicks of both kinds is left open.
                            let mark = around.entry(near).or_insert(Some(inside));
                            *mark = mark.filter(|mark| *mark == inside);
                        }
                    }
                }
            }
        }
        let mut marks: BTreeMap<usize, bool> =
            around.into_iter().filter_map(|(at, inside)| Some((at, inside?))).collect();
        marks.extend(exact);
        Ok(marks)
    }

    fn cut<'a>(&self, values: &'a [f32], size: [usize; 3]) -> Cow<'a, [f32]> {
        if self.size == size {
            return Cow::Borrowed(values);
        }
        let mut cut = vec![0.0; self.size.iter().product()];
        cut.par_chunks_mut(self.size[0]).enumerate().for_each(|(line, row)| {
            let from = self.line(line, size);
            row.copy_from_slice(&values[from..from + self.size[0]]);
        });
        Cow::Owned(cut)
    }

    fn put_back<T: Copy + Default + Send + Sync>(&self, cut: Vec<T>, size: [usize; 3]) -> Vec<T> {
        if self.size == size {
            return cut;
        }
        let mut whole = vec![T::default(); size.iter().product()];
        for (line, row) in cut.chunks_exact(self.size[0]).enumerate() {
            let to = self.line(line, size);
            whole[to..to + self.size[0]].copy_from_slice(row);
        }
        whole
    }

    /// Where the image has a row of the field.
    fn line(&self, line: usize, [columns, rows, _]: [usize; 3]) -> usize {
        let (row, slice) = (line % self.size[1] + self.start[1], line / self.size[1] + self.start[2]);
        (slice * rows + row) * columns + self.start[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wilhelm_study::{Arbitrary, Projection, Silent};

    fn at(column: usize, row: usize) -> Index {
        Index { column, row, slice: 0 }
    }

    const GRADY: Walk = Walk { edge: 0.0, noise: 0.0, value: 0.0, click_radius: 0 };

    fn row(values: &[f32]) -> Projection<Arbitrary> {
        Projection::new(values.len(), 1, values.to_vec(), None).expect("fits")
    }

    #[test]
    fn a_walker_on_a_line_arrives_as_the_paper_says() {
        // Without edges the probability is linear between the clicks, and constant beyond them.
        let clicks = Clicks { foreground: vec![at(1, 0)], background: vec![at(5, 0)], within: None };
        let found = follow(&row(&[3.0; 7]), &clicks, &GRADY, &Silent).expect("followed");
        let expected = [1.0, 1.0, 0.75, 0.5, 0.25, 0.0, 0.0_f32];
        let near = found.probability.pixels().iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-3);
        assert!(near, "{:?}", found.probability.pixels());
    }

    #[test]
    fn a_box_is_background_where_it_ends_inside_the_image() {
        let picture: Vec<f32> =
            (0..100).map(|n| f32::from((3..7).contains(&(n % 10)) && n / 10 > 5)).collect();
        let picture = Projection::<Arbitrary>::new(10, 10, picture, None).expect("fits");
        let clicks =
            Clicks { foreground: vec![at(5, 8)], background: vec![], within: Some([at(1, 3), at(8, 9)]) };
        let found = follow(&picture, &clicks, &Walk::default(), &Silent).expect("followed");
        let expected: Vec<bool> = picture.pixels().iter().map(|value| *value > 0.5).collect();
        assert_eq!(found.mask.pixels(), expected);
    }

    #[test]
    fn rows_and_columns_are_alike_whatever_their_number() {
        // Blocks of eight columns: rows that end within one, and none that is full.
        for [columns, rows] in [[7, 19], [8, 17], [25, 9]] {
            let value =
                |column: usize, row: usize| (column * 7 + row * 13) as f32 % 5.0 + (column + row) as f32;
            let walk = Walk { click_radius: 0, ..Walk::default() };
            let found = |columns: usize, rows: usize, turned: bool| {
                let turn = |a: usize, b: usize| if turned { (b, a) } else { (a, b) };
                let values =
                    (0..columns * rows).map(|n| turn(n % columns, n / columns)).map(|(c, r)| value(c, r));
                let image =
                    Projection::<Arbitrary>::new(columns, rows, values.collect(), None).expect("fits");
                let at = |column, row| {
                    let (column, row) = turn(column, row);
                    at(column, row)
                };
                let clicks = Clicks { foreground: vec![at(1, 1)], background: vec![at(6, 7)], within: None };
                follow(&image, &clicks, &walk, &Silent).expect("followed").probability.pixels().to_vec()
            };
            let (plain, turned) = (found(columns, rows, false), found(rows, columns, true));
            for (n, probability) in plain.iter().enumerate() {
                let other = turned[n % columns * rows + n / columns];
                assert!((probability - other).abs() < 1e-4, "{probability} is not {other} at {n}");
            }
            assert!(plain.iter().any(|probability| (0.2..0.8).contains(probability)));
        }
    }

    #[test]
    fn clicks_that_say_nothing_or_two_things_are_refused() {
        let image = row(&[1.0, 2.0, 3.0]);
        let refuse = |foreground: &[usize], background: &[usize], within| {
            let places = |columns: &[usize]| columns.iter().map(|column| at(*column, 0)).collect();
            let clicks = Clicks { foreground: places(foreground), background: places(background), within };
            assert!(follow(&image, &clicks, &Walk::default(), &Silent).is_err(), "{clicks:?}");
        };
        refuse(&[], &[0], None);
        refuse(&[0], &[], None);
        refuse(&[0], &[0], None);
        refuse(&[3], &[0], None);
        refuse(&[1], &[0], Some([at(1, 0), at(1, 0)]));
        refuse(&[0], &[], Some([at(0, 0), at(2, 0)]));
        refuse(&[0], &[1], Some([at(2, 0), at(0, 0)]));
        refuse(&[0], &[1], Some([at(0, 0), at(9, 0)]));
        let clicks = Clicks { foreground: vec![at(0, 0)], background: vec![at(1, 0)], within: None };
        assert!(follow(&row(&[1.0, 2.0, f32::NAN]), &clicks, &GRADY, &Silent).is_err());
        assert!(follow(&image, &clicks, &Walk { edge: f32::NAN, ..GRADY }, &Silent).is_err());
        assert!(follow(&image, &clicks, &Walk { value: -1.0, ..GRADY }, &Silent).is_err());
    }
}
