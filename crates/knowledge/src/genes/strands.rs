use std::collections::BTreeSet;

use super::genotypes::{Phase, Positions, Site};
use super::matcher::is_one_of;
use super::tables::Definition;

/// Genes whose alleles are single variants, of which a copy may carry several.
pub const BY_VARIANT: [&str; 2] = ["DPYD", "RYR1"];
/// Blocks of unknown order that are tried out in full; with more, none is.
const MOST_BLOCKS: usize = 10;
/// The HapB3 haplotype of DPYD: the intronic change acts, the exonic one stands in where that was not read.
/// Positions in GRCh38.
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
    /// Variants of which a position was not read.
    pub unread: Vec<usize>,
    /// Whether there were too many orders to list.
    pub is_cut: bool,
    /// Whether HapB3 was told by its stand-in.
    pub by_stand_in: bool,
}

/// Finds the variants of each copy, and every order of them that phase allows.
pub fn by_variant(definition: &Definition, positions: &Positions) -> ByVariant {
    let mut result = ByVariant::default();
    let mut stood_in = None;
    let mut carried: Vec<Carried> = Vec::new();
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
            if let (Some(acting), Some(stand_in)) = (at(HAPB3.0), at(HAPB3.1))
                && !is_read(&acting)
                && is_read(&stand_in)
            {
                stood_in = Some(allele);
                places = vec![stand_in];
            }
        }
        let mut on = [true; 2];
        let mut block = None;
        for &place in &places {
            let (Site::Read(call), Some(code)) = (&positions.sites[place], &named.bases[place]) else {
                continue;
            };
            let mut here = [false; 2];
            for (copy, bases) in call.bases.iter().enumerate() {
                here[copy] = is_one_of(bases, code);
            }
            // Without phase, the order in which the bases are written says nothing.
            if call.phase.is_none() && !(on[0] && here[0]) && !(on[1] && here[1]) {
                here.reverse();
            }
            on = [on[0] && here[0], on[1] && here[1]];
            if here[0] != here[1] && !matches!(block, Some(Block::Phased(_))) {
                block = Some(call.phase.clone().map_or(Block::Alone(place), Block::Phased));
            }
        }
        // An allele is there if all that defines it was read; what was read may exclude it sooner.
        if on.contains(&true) && !places.iter().all(is_read) {
            result.unread.push(allele);
        } else if on.contains(&true) {
            carried.push(Carried { allele, on, block: block.filter(|_| on != [true; 2]), places });
        }
    }
    // A variant that is part of another one on the same copies is not a second one.
    let is_free = |one: &Carried| matches!(one.block, Some(Block::Alone(_)));
    let is_part = |one: &Carried| {
        carried.iter().any(|whole| {
            (whole.on == one.on || is_free(whole) && is_free(one))
                && whole.places.len() > one.places.len()
                && one.places.iter().all(|place| whole.places.contains(place))
        })
    };
    let parts: Vec<usize> = carried.iter().filter(|one| is_part(one)).map(|one| one.allele).collect();
    carried.retain(|one| !parts.contains(&one.allele));
    result.found = carried.iter().map(|one| (one.allele, one.on.iter().filter(|&&on| on).count())).collect();
    result.by_stand_in = stood_in.is_some_and(|allele| carried.iter().any(|one| one.allele == allele));
    let blocks: Vec<&Block> =
        carried.iter().filter_map(|one| one.block.as_ref()).collect::<BTreeSet<_>>().into_iter().collect();
    if blocks.len() > MOST_BLOCKS {
        result.is_cut = true;
        return result;
    }
    let mut orders = BTreeSet::new();
    for order in 0..1_u32 << blocks.len().saturating_sub(1) {
        let mut copies = [Vec::new(), Vec::new()];
        for Carried { allele, on, block, .. } in &carried {
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

/// A variant, the copies that carry it, the positions that tell it, and what binds their order.
struct Carried {
    allele: usize,
    on: [bool; 2],
    places: Vec<usize>,
    block: Option<Block>,
}

/// Positions whose order is bound together, or one whose order is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Block {
    Phased(Phase),
    Alone(usize),
}
