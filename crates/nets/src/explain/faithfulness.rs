use burn::tensor::Tensor;
use serde::Serialize;
use wilhelm_filters::denoise::{Edge, Sigma, gaussian};
use wilhelm_stats::{quantile, softmax};
use wilhelm_study::{Arbitrary, Geometry, Mm, Spacing, Volume};

use super::draw::Draw;
use super::gradients::within;
use super::network::{Case, Explained};
use super::{Attribution, ExplainError};

/// How [`RandomOrders::new`] and [`deletion_insertion`] remove and bring back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OrderSettings {
    /// Equal shares in which the places go or come.
    pub steps: usize,
    /// Random orders.
    pub repeats: usize,
    /// Side of the cells that go or come together, of maps and of random orders, in pixels of the input.
    pub cell: usize,
    /// What stands where a place was deleted, in the unit of the input.
    pub baseline: f32,
    /// Deviation of the blur that insertion begins with, in pixels of the input.
    pub blur: f64,
    /// Start of the draws.
    pub seed: u64,
    /// Inputs in one pass.
    pub batch: usize,
}

/// The probability of one label while places go or come.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OrderCurve {
    /// The probability (softmax of the logits, not calibrated) after each equal share of the places, from none to all.
    pub probabilities: Vec<f64>,
    /// The area below it, from 0 to 1.
    pub area: f64,
}

/// The areas of random orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RandomAreas {
    /// Mean.
    pub mean: f64,
    /// What 2.5 % of the orders lie below.
    pub low: f64,
    /// What 2.5 % of the orders lie above.
    pub high: f64,
    /// The share of random orders that the map's own order is better than.
    pub beaten: f64,
}

/// How much faster the probability of a label falls (deletion) and rises (insertion) in the order of a map than in
/// random orders.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Faithfulness {
    /// The greatest of the map first deleted: the smaller the area, the better.
    pub deletion: OrderCurve,
    /// The same of random orders.
    pub deletion_random: RandomAreas,
    /// The greatest of the map first put into a blurred copy: the larger the area, the better.
    pub insertion: OrderCurve,
    /// The same of random orders.
    pub insertion_random: RandomAreas,
    /// Random orders drawn.
    pub repeats: usize,
    /// Side of the cells that went or came together.
    pub cell: usize,
}

/// The areas of random orders for one input and label: the same for every map of it.
///
/// Cells go together. Single pixels in a random order would look like noise to the network, which fools it faster
/// than any map does.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomOrders {
    deletion: Vec<f64>,
    insertion: Vec<f64>,
}

impl RandomOrders {
    /// Deletes and inserts in `settings.repeats` random orders.
    ///
    /// # Errors
    /// [`ExplainError`] for a label that the network does not have, numbers that are none, or settings out of range.
    pub fn new<const D: usize, N: Explained<D>>(
        network: &N,
        input: &Tensor<D>,
        label: usize,
        settings: &OrderSettings,
    ) -> Result<Self, ExplainError> {
        within("repeats", settings.repeats)?;
        within("cell", settings.cell)?;
        let walk = Walk::new(network, input, label, settings)?;
        let mut draw = Draw::new(settings.seed, "orders");
        let mut orders = Self { deletion: Vec::new(), insertion: Vec::new() };
        for _ in 0..settings.repeats {
            let order = random_order(walk.case.size(), settings.cell, &mut draw);
            orders.deletion.push(walk.deleted(network, &order).area);
            orders.insertion.push(walk.inserted(network, &order).area);
        }
        Ok(orders)
    }
}

/// Deletes and inserts the cells of an input in the order of a map's mean there, against random orders of the same
/// cells.
///
/// Cells of equal mean go in a random order. Both have one grain: a map that were followed pixel by pixel would fool the
/// network faster than cells do, whatever it shows.
///
/// # Errors
/// [`ExplainError::Grid`] for a map on another grid than the input; as [`RandomOrders::new`].
///
/// # Source
/// Petsiuk et al. 2018, arXiv:1806.07421
pub fn deletion_insertion<const D: usize, N: Explained<D>>(
    network: &N,
    input: &Tensor<D>,
    label: usize,
    map: &Attribution,
    random: &RandomOrders,
    settings: &OrderSettings,
) -> Result<Faithfulness, ExplainError> {
    within("cell", settings.cell)?;
    let walk = Walk::new(network, input, label, settings)?;
    if map.size() != walk.case.size() {
        return Err(ExplainError::grid("the map", map.size(), walk.case.size()));
    }
    let order = map_order(map, settings.cell, settings.seed);
    let (deletion, insertion) = (walk.deleted(network, &order), walk.inserted(network, &order));
    let better_low = |area: &&f64| deletion.area < **area;
    let better_high = |area: &&f64| insertion.area > **area;
    Ok(Faithfulness {
        deletion_random: areas(&random.deletion, random.deletion.iter().filter(better_low).count())?,
        insertion_random: areas(&random.insertion, random.insertion.iter().filter(better_high).count())?,
        deletion,
        insertion,
        repeats: random.deletion.len(),
        cell: settings.cell,
    })
}

fn areas(areas: &[f64], beaten: usize) -> Result<RandomAreas, ExplainError> {
    Ok(RandomAreas {
        mean: areas.iter().sum::<f64>() / areas.len() as f64,
        low: quantile(areas, 0.025)?,
        high: quantile(areas, 0.975)?,
        beaten: beaten as f64 / areas.len() as f64,
    })
}

/// One input, and what it becomes where places are missing.
struct Walk<const D: usize> {
    case: Case<D>,
    label: usize,
    blurred: Vec<f32>,
    settings: OrderSettings,
}

impl<const D: usize> Walk<D> {
    fn new<N: Explained<D>>(
        network: &N,
        input: &Tensor<D>,
        label: usize,
        settings: &OrderSettings,
    ) -> Result<Self, ExplainError> {
        within("steps", settings.steps)?;
        within("batch", settings.batch)?;
        if !settings.baseline.is_finite() {
            return Err(ExplainError::NotFinite("the baseline"));
        }
        if !(settings.blur > 0.0 && settings.blur <= 256.0) {
            return Err(ExplainError::parameter("blur", settings.blur, "above 0 and at most 256 pixels"));
        }
        let case = Case::new(network, input, label)?;
        let blurred = blurred(&case.values, case.size(), settings.blur)?;
        Ok(Self { case, label, blurred, settings: *settings })
    }

    fn deleted<N: Explained<D>>(&self, network: &N, order: &[usize]) -> OrderCurve {
        let empty = vec![self.settings.baseline; self.case.values.len()];
        self.curve(network, &self.case.values, &empty, order)
    }

    fn inserted<N: Explained<D>>(&self, network: &N, order: &[usize]) -> OrderCurve {
        self.curve(network, &self.blurred, &self.case.values, order)
    }

    /// The probability while the places of one input are replaced with those of another.
    fn curve<N: Explained<D>>(&self, network: &N, from: &[f32], to: &[f32], order: &[usize]) -> OrderCurve {
        let steps = self.settings.steps.min(order.len());
        let places = order.len();
        let mut current = from.to_vec();
        let mut done = 0;
        let inputs = (0..=steps).map(|step| {
            let until = step * places / steps;
            for place in &order[done..until] {
                for channel in (0..current.len()).step_by(places) {
                    current[channel + place] = to[channel + place];
                }
            }
            done = until;
            current.clone()
        });
        let logits = self.case.logits_of(network, inputs, self.settings.batch);
        let probabilities: Vec<f64> = logits.iter().map(|logits| probability(logits, self.label)).collect();
        let area = probabilities.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).sum::<f64>() / steps as f64;
        OrderCurve { probabilities, area }
    }
}

/// Softmax; a single logit is its own label's against the rest.
fn probability(logits: &[f32], label: usize) -> f64 {
    let logit = |logit: &f32| f64::from(*logit);
    if let [only] = logits {
        return 1.0 / (1.0 + (-logit(only)).exp());
    }
    softmax(&logits.iter().map(logit).collect::<Vec<f64>>(), 1.0)[label]
}

/// The cell of each place, and how many cells there are.
fn cells([columns, rows, slices]: [usize; 3], cell: usize) -> (Vec<usize>, usize) {
    let (across, down) = (columns.div_ceil(cell), rows.div_ceil(cell));
    let of = |place: usize| {
        let (column, row, slice) = (place % columns, place / columns % rows, place / (columns * rows));
        (slice / cell * down + row / cell) * across + column / cell
    };
    ((0..columns * rows * slices).map(of).collect(), across * down * slices.div_ceil(cell))
}

/// The places of cells, in the order in which `ranked` lists the cells.
fn by_cell(cell_of: &[usize], ranked: &[usize]) -> Vec<usize> {
    let mut rank = vec![0; ranked.len()];
    ranked.iter().enumerate().for_each(|(at, cell)| rank[*cell] = at);
    let mut order: Vec<usize> = (0..cell_of.len()).collect();
    order.sort_by_key(|place| rank[cell_of[*place]]);
    order
}

/// Cells by the falling mean of a map; equals in a random order.
fn map_order(map: &Attribution, cell: usize, seed: u64) -> Vec<usize> {
    let (cell_of, count) = cells(map.size(), cell);
    let (mut sums, mut places) = (vec![0.0_f64; count], vec![0_u32; count]);
    for (cell, value) in cell_of.iter().zip(map.values()) {
        sums[*cell] += f64::from(*value);
        places[*cell] += 1;
    }
    let mean = |cell: usize| sums[cell] / f64::from(places[cell]);
    let mut ranked: Vec<usize> = (0..count).collect();
    Draw::new(seed, "ties").shuffle(&mut ranked);
    ranked.sort_by(|a, b| mean(*b).total_cmp(&mean(*a)));
    by_cell(&cell_of, &ranked)
}

/// Cells in a random order, each with its places.
fn random_order(size: [usize; 3], cell: usize, draw: &mut Draw) -> Vec<usize> {
    let (cell_of, count) = cells(size, cell);
    let mut ranked: Vec<usize> = (0..count).collect();
    draw.shuffle(&mut ranked);
    by_cell(&cell_of, &ranked)
}

fn blurred(values: &[f32], size: [usize; 3], sigma: f64) -> Result<Vec<f32>, ExplainError> {
    let unit = Spacing::new(Mm(1.0), Mm(1.0), Mm(1.0)).expect("1 is above 0");
    let too_large =
        || ExplainError::parameter("input", format!("of size {size:?}"), "one that can be blurred");
    let grid = Geometry::axis_aligned(size, unit).map_err(|_| too_large())?;
    let mut all = Vec::with_capacity(values.len());
    for channel in values.chunks_exact(grid.voxels()) {
        let volume = Volume::<Arbitrary>::new(grid, channel.to_vec())?;
        let blurred = gaussian(&volume, Sigma::Voxels(sigma), Edge::Nearest).map_err(|_| too_large())?;
        all.extend_from_slice(blurred.voxels());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_worked_on_paper() {
        assert!((probability(&[0.0, 3.0_f32.ln()], 1) - 0.75).abs() < 1e-7);
        assert!((probability(&[3.0_f32.ln()], 0) - 0.75).abs() < 1e-7);
        assert_eq!(probability(&[1e30, -1e30], 0), 1.0);
    }

    #[test]
    fn cells_stay_together_and_every_place_comes_once() {
        let order = random_order([5, 4, 1], 2, &mut Draw::new(1, "test"));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
        let cell = |place: &usize| (place % 5 / 2, place / 5 / 2);
        let changes = order.windows(2).filter(|pair| cell(&pair[0]) != cell(&pair[1])).count();
        assert_eq!(changes, 5, "{order:?}");
    }

    #[test]
    fn the_greatest_of_a_map_go_first_and_equals_in_a_random_order() {
        let map =
            Attribution::new([40, 1, 1], (0..40).map(|at| f32::from(at == 17)).collect()).expect("a map");
        let order = map_order(&map, 1, 2);
        assert_eq!(order[0], 17);
        assert!(order[1..].windows(2).any(|pair| pair[0] > pair[1]));
        // In cells of four, 17 takes its neighbors along.
        assert_eq!(map_order(&map, 4, 2)[..4], [16, 17, 18, 19]);
    }
}
