use std::collections::BTreeMap;

use super::Lesion;

/// Places in two lists that belong together.
type Pairs = Vec<(usize, usize)>;

/// How many voxels of the prior grid two lesions share.
pub(super) struct Overlap {
    shared: BTreeMap<(usize, usize), usize>,
    before: Vec<usize>,
    /// Of the current lesions on the prior grid.
    now: Vec<usize>,
}

impl Overlap {
    pub(super) fn new(before: &[Lesion], now: &[Lesion], prior: &[u16], moved: &[u16]) -> Self {
        let place =
            |lesions: &[Lesion], label: u16| lesions.binary_search_by_key(&label, |lesion| lesion.label).ok();
        let mut shared = BTreeMap::new();
        let mut counts = vec![0; now.len()];
        for (prior, moved) in prior.iter().zip(moved).filter(|(_, moved)| **moved != 0) {
            let Some(c) = place(now, *moved) else { continue };
            counts[c] += 1;
            if let Some(p) = place(before, *prior) {
                *shared.entry((p, c)).or_insert(0) += 1;
            }
        }
        Self { shared, before: before.iter().map(|lesion| lesion.voxels).collect(), now: counts }
    }

    fn shared(&self, p: usize, c: usize) -> usize {
        self.shared.get(&(p, c)).copied().unwrap_or(0)
    }

    /// Dice coefficient on the prior grid.
    pub(super) fn dice(&self, p: usize, c: usize) -> f64 {
        let shared = self.shared(p, c);
        if shared == 0 { 0.0 } else { 2.0 * shared as f64 / (self.before[p] + self.now[c]) as f64 }
    }

    /// Prior lesions that merged and current lesions that split off, each with the *prior* lesion
    /// whose row they join.
    pub(super) fn parts(&self, pairs: &[(usize, usize)], share: f64) -> (Pairs, Pairs) {
        let (mut merged, mut split) = (Vec::new(), Vec::new());
        for p in (0..self.before.len()).filter(|p| pairs.iter().all(|pair| pair.0 != *p)) {
            let host = pairs.iter().max_by_key(|pair| (self.shared(p, pair.1), std::cmp::Reverse(pair.0)));
            if let Some((row, c)) = host {
                let inside = self.shared(p, *c);
                if inside > 0 && inside as f64 >= share * self.before[p] as f64 {
                    merged.push((p, *row));
                }
            }
        }
        for c in (0..self.now.len()).filter(|c| pairs.iter().all(|pair| pair.1 != *c)) {
            let host = pairs.iter().max_by_key(|pair| (self.shared(pair.0, c), std::cmp::Reverse(pair.0)));
            if let Some((row, _)) = host {
                let inside = self.shared(*row, c);
                if inside > 0 && inside as f64 >= share * self.now[c] as f64 {
                    split.push((c, *row));
                }
            }
        }
        (merged, split)
    }
}
