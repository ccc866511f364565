use std::collections::BTreeSet;

use super::genotypes::{Phase, Positions, Site};
use super::matcher::is_one_of;
use super::tables::Definition;

/// Genes whose alleles are single variants, of which a copy may carry several.
pub const BY_VARIANT: [&str; 2] = ["DPYD", "RYR1"];
/// Blocks of unknown order that are tried out in full; with more, none is.
const MOST_BLOCKS: usize = 10;
/// The HapB3 haplotype of DPYD: the intronic change acts, the exonic one stands in where that was not read.
///
/// # Source
/// Turner et al. 2024, doi:10.1002/cpt.3273
const HAPB3: (u64, u64) = (97_579_893, 97_573_863);

/// Variants on the two copies of a gene, in one order that agrees with what was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strands {
    /// Places in the definition's alleles, in order; empty for a copy like the reference.
    pub copies: [Vec<usize>; 2],
}

/// What was found of a gene whose alleles are single variants.
#[derive(Clone, Debug, Default)]
pub struct ByVariant {
    /// Every order that agrees, none if there are too many.
    pub orders: Vec<Strands>,
    /// Variants found, with the number of copies that carry them.
    pub found: Vec<(usize, usize)>,
    /// Variants none of whose positions was read.
    pub unread: Vec<usize>,
    /// Whether there were too many orders to list.
    pub is_cut: bool,
    /// Whether HapB3 was told by its stand-in.
    pub by_stand_in: bool,
}

/// Finds the variants of each copy, and every order of them that phase allows.
pub fn by_variant(definition: &Definition, positions: &Positions) -> ByVariant {
    let mut result = ByVariant::default();
    // Which copies carry each variant, and the block whose order says so.
    let mut carried: Vec<(usize, [bool; 2], Option<Block>)> = Vec::new();
    for (allele, named) in definition.alleles.iter().enumerate() {
        if allele == definition.reference {
            continue;
        }
        let mut places: Vec<usize> =
            (0..named.bases.len()).filter(|&place| named.bases[place].is_some()).collect();
        let is_read = |place: &usize| matches!(positions.sites[*place], Site::Read(_));
        if definition.gene == "DPYD" && places.len() > 1 {
            let at = |wanted: u64| {
                places.iter().copied().find(|&place| definition.variants[place].position == wanted)
            };
            if let (Some(acting), Some(stand_in)) = (at(HAPB3.0), at(HAPB3.1)) {
                let is_stood_in = !is_read(&acting) && is_read(&stand_in);
                result.by_stand_in = is_stood_in;
                places = vec![if is_stood_in { stand_in } else { acting }];
            }
        }
        places.retain(is_read);
        if places.is_empty() {
            result.unread.push(allele);
            continue;
        }
        let mut on = [true; 2];
        let mut block = None;
        for &place in &places {
            let (Site::Read(call), Some(code)) = (&positions.sites[place], &named.bases[place]) else {
                continue;
            };
            for (copy, bases) in call.bases.iter().enumerate() {
                on[copy] &= is_one_of(bases, code);
            }
            if call.bases.len() == 1 {
                on[1] = false;
            }
            if call.bases.windows(2).any(|two| two[0] != two[1]) {
                block = Some(call.phase.clone().map_or(Block::Alone(place), Block::Phased));
            }
        }
        if on.contains(&true) {
            result.found.push((allele, on.iter().filter(|&&on| on).count()));
            carried.push((allele, on, block.filter(|_| on != [true; 2])));
        }
    }
    let blocks: Vec<&Block> =
        carried.iter().filter_map(|one| one.2.as_ref()).collect::<BTreeSet<_>>().into_iter().collect();
    if blocks.len() > MOST_BLOCKS {
        result.is_cut = true;
        return result;
    }
    let mut orders = BTreeSet::new();
    for order in 0..1_u32 << blocks.len().saturating_sub(1) {
        let mut copies = [Vec::new(), Vec::new()];
        for (allele, on, block) in &carried {
            let nth = block.as_ref().and_then(|block| blocks.iter().position(|one| *one == block));
            let is_turned = nth.is_some_and(|nth| order >> nth & 1 == 1);
            for copy in 0..2 {
                if on[copy] {
                    copies[copy ^ usize::from(is_turned)].push(*allele);
                }
            }
        }
        copies.sort();
        orders.insert(Strands { copies });
    }
    result.orders = orders.into_iter().collect();
    result
}

/// Positions whose order is bound together, or one whose order is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Block {
    Phased(Phase),
    Alone(usize),
}
