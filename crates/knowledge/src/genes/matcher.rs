use std::collections::{BTreeMap, BTreeSet};

use super::genotypes::{Call, Phase, Positions, Site};
use super::tables::{Definition, NamedAllele};

/// Named alleles on the copies of a gene that agree with what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Places in the definition's alleles, one a copy.
    pub alleles: Vec<usize>,
    /// Positions that the alleles define and that were read, added up; higher is better.
    pub score: usize,
    /// Whether each allele has a position of its own that was read; others differ from it at unread ones alone.
    pub is_read: bool,
}

/// All pairs of named alleles (or single ones, if one copy was read) that agree with the positions read.
///
/// An allele is as the reference allele where it defines nothing; IUPAC letters stand for several bases. Each pair is
/// checked against every position, where positions phased together must agree in one order, so nothing is enumerated
/// and no bound is needed. The score is PharmCAT's: positions that the two alleles define, among those read.
///
/// # Source
/// Sangkuhl et al. 2020, doi:10.1002/cpt.1568
pub fn matches(definition: &Definition, positions: &Positions) -> Vec<Match> {
    let mut found = Vec::new();
    let read = Read::new(definition, positions);
    let scores: Vec<usize> = definition.alleles.iter().map(|allele| score(allele, positions)).collect();
    let is_read = |place: usize| scores[place] > 0;
    let possible: Vec<usize> =
        (0..definition.alleles.len()).filter(|&place| read.fits_somewhere(place)).collect();
    for (nth, &one) in possible.iter().enumerate() {
        if positions.copies == 1 {
            found.push(Match { alleles: vec![one], score: scores[one], is_read: is_read(one) });
            continue;
        }
        for &other in &possible[nth..] {
            if read.fit(one, other) {
                found.push(Match {
                    alleles: vec![one, other],
                    score: scores[one] + scores[other],
                    is_read: is_read(one) && is_read(other),
                });
            }
        }
    }
    found.sort_by(|one, other| other.score.cmp(&one.score).then_with(|| one.alleles.cmp(&other.alleles)));
    found
}

fn score(allele: &NamedAllele, positions: &Positions) -> usize {
    allele
        .bases
        .iter()
        .zip(&positions.sites)
        .filter(|(bases, site)| bases.is_some() && matches!(site, Site::Read(_)))
        .count()
}

/// Which allele agrees with which copy at every position read.
struct Read {
    /// By allele, then by position read, then by copy.
    agrees: Vec<Vec<Vec<bool>>>,
    /// Positions whose order is bound together.
    blocks: Vec<Vec<usize>>,
}

impl Read {
    fn new(definition: &Definition, positions: &Positions) -> Self {
        let calls: Vec<(usize, &Call)> = positions
            .sites
            .iter()
            .enumerate()
            .filter_map(|(place, site)| match site {
                Site::Read(call) => Some((place, call)),
                Site::Unread(_) => None,
            })
            .collect();
        let reference = &definition.alleles[definition.reference];
        let agrees = definition
            .alleles
            .iter()
            .map(|allele| {
                calls
                    .iter()
                    .map(|&(place, call)| {
                        let wanted = allele.bases[place].as_deref().or(reference.bases[place].as_deref());
                        call.bases
                            .iter()
                            .map(|bases| wanted.is_some_and(|code| is_one_of(bases, code)))
                            .collect()
                    })
                    .collect()
            })
            .collect();
        let mut bound: BTreeMap<&Phase, Vec<usize>> = BTreeMap::new();
        let mut blocks = Vec::new();
        for (place, (_, call)) in calls.iter().enumerate() {
            match &call.phase {
                Some(phase) => bound.entry(phase).or_default().push(place),
                None => blocks.push(vec![place]),
            }
        }
        blocks.extend(bound.into_values());
        Self { agrees, blocks }
    }

    fn fits_somewhere(&self, allele: usize) -> bool {
        self.agrees[allele].iter().all(|copies| copies.contains(&true))
    }

    fn fit(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.agrees[one], &self.agrees[other]);
        self.blocks.iter().all(|block| {
            block.iter().all(|&place| one[place][0] && other[place][1])
                || block.iter().all(|&place| one[place][1] && other[place][0])
        })
    }
}

/// Whether bases are those of a code: themselves, or one that an IUPAC letter stands for.
///
/// # Source
/// Cornish-Bowden 1985, doi:10.1093/nar/13.9.3021
pub(super) fn is_one_of(bases: &str, code: &str) -> bool {
    if bases == code {
        return true;
    }
    let stands_for = match code {
        "R" => "AG",
        "Y" => "CT",
        "S" => "CG",
        "W" => "AT",
        "K" => "GT",
        "M" => "AC",
        "B" => "CGT",
        "D" => "AGT",
        "H" => "ACT",
        "V" => "ACG",
        "N" => "ACGT",
        _ => return false,
    };
    bases.len() == 1 && stands_for.contains(bases)
}

/// Names of alleles that what was read does not exclude, though none of their positions was read.
pub fn not_excluded(definition: &Definition, matches: &[Match]) -> Vec<String> {
    let listed: BTreeSet<usize> =
        matches.iter().filter(|one| one.is_read).flat_map(|one| one.alleles.clone()).collect();
    let all: BTreeSet<usize> = matches.iter().flat_map(|one| one.alleles.clone()).collect();
    all.difference(&listed).map(|&place| definition.alleles[place].name.clone()).collect()
}
