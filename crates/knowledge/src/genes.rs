//! Star alleles and phenotypes of pharmacogenes from a VCF, by tables that the user brings.
//!
//! The principal function is [`call`]. Invariants held here: a position that was not read counts as nothing, never as
//! the reference; every pair of named alleles that agrees with what was read is listed or named; a phenotype is stated
//! only where all of them agree on it; a file of another genome is refused; names of samples are in no error.

mod build;
mod genotypes;
mod guidance;
mod matcher;
mod strands;
mod tables;
#[cfg(test)]
mod tests;
mod vcf;

use std::collections::BTreeSet;

use serde::Serialize;

pub use build::check_build;
pub use genotypes::{Call, Phase, Positions, Reason, Site, positions};
pub use guidance::{Guidance, Statement, concern};
pub use matcher::{Match, matches, not_excluded};
pub use strands::{BY_VARIANT, ByVariant, Strands, by_variant};
pub use tables::{Definition, GeneTables, NamedAllele, PhenotypeRow, PhenotypeTable, Variant};
pub use vcf::{Genotype, Header, SampleVariants, SiteRecord, read_sample};

/// What went wrong with a file of variants or with a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenesError {
    /// A table that is not as it should be.
    #[error("table {file}, gene {gene}: {what}")]
    Table {
        /// Which file.
        file: String,
        /// Which gene.
        gene: String,
        /// What is wrong.
        what: String,
    },
    /// Statements that are not as they should be.
    #[error("guidance {file}, line {line} {what}")]
    Guidance {
        /// Which file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A gene that the tables lack.
    #[error("no definition of {gene} among the tables: they have {known}")]
    UnknownGene {
        /// Which gene.
        gene: String,
        /// Those that are there.
        known: String,
    },
    /// Another kind of file.
    #[error("not a VCF: the first line does not begin with ##fileformat=VCF")]
    NotVcf,
    /// A file without column names.
    #[error("the VCF has no line of column names (#CHROM ...) before its records")]
    NoHeader,
    /// A file without samples.
    #[error("the VCF has no samples: genotypes are needed")]
    NoSample,
    /// A file of several samples, none of which was named.
    #[error("the VCF has {count} samples: name one with --sample")]
    ManySamples {
        /// How many samples there are.
        count: usize,
    },
    /// A sample that the file lacks.
    #[error("none of the {count} samples of the VCF has the name that was asked for")]
    UnknownSample {
        /// How many samples there are.
        count: usize,
    },
    /// A name that several samples have.
    #[error("several samples of the VCF have the name that was asked for")]
    RepeatedSample,
    /// A line that is broken.
    #[error("line {line} of the VCF: {field} {what}")]
    Line {
        /// Line, from 1.
        line: usize,
        /// Which column.
        field: &'static str,
        /// What is wrong.
        what: String,
    },
    /// Bytes that could not be read.
    #[error("the VCF is not readable: {what}")]
    Unreadable {
        /// What is wrong.
        what: String,
    },
    /// Positions of another genome.
    #[error("the positions of the VCF are not those of the tables: found {found}, expected {expected}")]
    Build {
        /// What speaks of another genome.
        found: String,
        /// Genome of the tables.
        expected: String,
    },
}

impl GenesError {
    /// Whether the input is at fault, rather than this program.
    pub fn is_callers_fault(&self) -> bool {
        true
    }
}

/// What was found of every gene.
#[derive(Clone, Debug, Serialize)]
pub struct GenesReport {
    /// How the genome of the positions was told.
    pub build: String,
    /// What is wrong with the file, though it could be read.
    pub notes: Vec<String>,
    /// One result a gene.
    pub genes: Vec<GeneResult>,
}

/// What was found of a gene.
#[derive(Clone, Debug, Serialize)]
pub struct GeneResult {
    /// Symbol of the gene.
    pub gene: String,
    /// Version of the definition, none if there is none.
    pub version: Option<String>,
    /// Those that agree with what was read, the highest score first.
    pub diplotypes: Vec<Diplotype>,
    /// Alleles that unread positions leave open, in no diplotype that is listed.
    pub not_excluded: Vec<String>,
    /// In the words of the table.
    pub phenotype: Phenotype,
    /// Positions of the definition.
    pub positions: usize,
    /// Positions that were read.
    pub read: usize,
    /// Positions that were not read.
    pub unread: Vec<Unread>,
    /// What else is to be known, as sentences.
    pub notes: Vec<String>,
}

/// A pair of named alleles (or one, where one copy was read) that agrees with what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diplotype {
    /// As the tables write it.
    pub name: String,
    /// Named alleles, in order.
    pub alleles: Vec<String>,
    /// Positions that the alleles define, among those read; none for genes whose alleles are single variants.
    pub score: Option<usize>,
    /// Whether no other has a higher score.
    pub is_best: bool,
    /// In the words of the table.
    pub phenotype: Option<String>,
    /// Activity score, for genes that have one.
    pub activity_score: Option<String>,
}

/// A position that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// From 1.
    pub position: u64,
    /// Identifier in dbSNP, where it has one.
    pub rsid: Option<String>,
    /// Why it was not read.
    pub reason: Reason,
}

/// What the diplotypes mean, taken together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Phenotype {
    /// The one phenotype that all diplotypes share, those that unread positions leave open among them.
    pub stated: Option<String>,
    /// The one that the listed diplotypes share, if unread positions have no say.
    pub of_listed: Option<String>,
    /// All that remain possible, the farthest from normal first.
    pub possible: Vec<String>,
    /// Activity score that goes with `stated` or `of_listed`, where all share one.
    pub activity_score: Option<String>,
}

/// Genes that small variants alone do not tell, and why.
const NOT_CALLED: [(&str, &str); 4] = [
    (
        "CYP2D6",
        "not called: copies, deletions and hybrids with CYP2D7 are not seen in small variants; bring a call made for it",
    ),
    ("HLA-A", "not called: HLA types need reads or a typing, not small variants"),
    ("HLA-B", "not called: HLA types need reads or a typing, not small variants"),
    ("MT-RNR1", "not called: heteroplasmy is not told by a genotype, and the tables define no positions"),
];

/// Calls the genes asked for, or all that the tables define.
///
/// # Errors
/// [`GenesError::UnknownGene`] and [`GenesError::Build`].
pub fn call(tables: &GeneTables, read: &SampleVariants, genes: &[String]) -> Result<GenesReport, GenesError> {
    let wanted = wanted(tables, genes)?;
    let defined: Vec<&Definition> = wanted.iter().filter_map(|gene| tables.definitions.get(*gene)).collect();
    let build = check_build(read, &defined)?;
    let genes = wanted.iter().map(|gene| of_gene(tables, gene, read)).collect();
    let mut notes = Vec::new();
    if read.empty_fields > 0 {
        notes.push(format!("{} lines have empty fields, read as \".\"", read.empty_fields));
    }
    Ok(GenesReport { build, notes, genes })
}

/// Definitions that the genes asked for need.
///
/// # Errors
/// [`GenesError::UnknownGene`] for a gene that is neither defined nor known as not callable.
pub fn definitions<'a>(
    tables: &'a GeneTables,
    genes: &'a [String],
) -> Result<Vec<&'a Definition>, GenesError> {
    Ok(wanted(tables, genes)?.iter().filter_map(|gene| tables.definitions.get(*gene)).collect())
}

fn wanted<'a>(tables: &'a GeneTables, genes: &'a [String]) -> Result<Vec<&'a str>, GenesError> {
    if genes.is_empty() {
        return Ok(tables.definitions.keys().map(String::as_str).collect());
    }
    let known = |gene: &str| {
        tables.definitions.contains_key(gene) || NOT_CALLED.iter().any(|(name, _)| *name == gene)
    };
    if let Some(gene) = genes.iter().find(|gene| !known(gene)) {
        let known: Vec<&str> = tables.definitions.keys().map(String::as_str).collect();
        return Err(GenesError::UnknownGene { gene: gene.clone(), known: known.join(", ") });
    }
    Ok(genes.iter().map(String::as_str).collect::<BTreeSet<_>>().into_iter().collect())
}

fn of_gene(tables: &GeneTables, gene: &str, read: &SampleVariants) -> GeneResult {
    let definition = tables.definitions.get(gene);
    let mut result = GeneResult {
        gene: gene.to_owned(),
        version: definition.map(|one| one.version.clone()),
        diplotypes: Vec::new(),
        not_excluded: Vec::new(),
        phenotype: Phenotype { stated: None, of_listed: None, possible: Vec::new(), activity_score: None },
        positions: definition.map_or(0, |one| one.variants.len()),
        read: 0,
        unread: Vec::new(),
        notes: Vec::new(),
    };
    let reason = NOT_CALLED.iter().find(|(name, _)| *name == gene).map(|(_, reason)| *reason);
    let found = definition.map(|definition| positions(definition, read));
    if let (Some(definition), Some(found)) = (definition, &found) {
        count(&mut result, definition, found);
    }
    if let Some(reason) = reason {
        result.notes.push(reason.to_owned());
        return result;
    }
    let (Some(definition), Some(found)) = (definition, &found) else { return result };
    if result.read == 0 {
        result.notes.push("not called: none of its positions was read".to_owned());
        return result;
    }
    let phenotypes = tables.phenotypes.get(gene);
    if BY_VARIANT.contains(&gene) {
        variants(&mut result, definition, found, phenotypes);
    } else {
        pairs(&mut result, definition, found, phenotypes);
    }
    if phenotypes.is_none() {
        result.notes.push("the tables have no phenotypes of this gene".to_owned());
    }
    result
}

fn count(result: &mut GeneResult, definition: &Definition, found: &Positions) {
    for (variant, site) in definition.variants.iter().zip(&found.sites) {
        match site {
            Site::Read(_) => result.read += 1,
            Site::Unread(reason) => result.unread.push(Unread {
                position: variant.position,
                rsid: variant.rsid.clone(),
                reason: *reason,
            }),
        }
    }
    let is_x = definition.chromosome.trim_start_matches("chr") == "X";
    if is_x && found.copies == 1 {
        result.notes.push("one copy read (hemizygous)".to_owned());
    } else if is_x && result.read > 0 {
        result.notes.push(
            "two copies read on X: the file does not say whether one of them is only assumed".to_owned(),
        );
    }
    let outside = result.unread.iter().filter(|one| one.reason == Reason::UndefinedBases).count();
    if outside > 0 {
        result.notes.push(format!(
            "{outside} positions with bases that no named allele has: their effect is not known here"
        ));
    }
}

fn pairs(
    result: &mut GeneResult,
    definition: &Definition,
    found: &Positions,
    phenotypes: Option<&PhenotypeTable>,
) {
    let all = matches(definition, found);
    result.not_excluded = not_excluded(definition, &all);
    let best = all.iter().filter(|one| one.is_read).map(|one| one.score).max();
    let name = |place: usize| definition.alleles[place].name.as_str();
    let mut open = BTreeSet::new();
    for one in &all {
        let mut alleles: Vec<&str> = one.alleles.iter().map(|&place| name(place)).collect();
        alleles.sort_by_key(|name| natural(name));
        let row = phenotypes.and_then(|table| table.of(&alleles));
        open.insert(row.map(|row| row.phenotype.clone()));
        // Forms of one allele give the same name: the one with the most positions stands for it.
        let shown = alleles.join("/");
        if one.is_read && !result.diplotypes.iter().any(|before| before.name == shown) {
            result.diplotypes.push(Diplotype {
                name: shown,
                alleles: alleles.iter().map(|&one| one.to_owned()).collect(),
                score: Some(one.score),
                is_best: Some(one.score) == best,
                phenotype: row.map(|row| row.phenotype.clone()),
                activity_score: row.and_then(|row| row.activity_score.clone()),
            });
        }
    }
    if result.diplotypes.is_empty() {
        result.notes.push("no two named alleles together agree with what was read".to_owned());
    }
    if result.diplotypes.len() > 1 {
        result.notes.push(format!(
            "{} diplotypes agree with what was read; the best by score is marked, none is excluded",
            result.diplotypes.len()
        ));
    }
    if phenotypes.is_some() {
        settle(result, open);
    }
}

fn variants(
    result: &mut GeneResult,
    definition: &Definition,
    found: &Positions,
    phenotypes: Option<&PhenotypeTable>,
) {
    let by = by_variant(definition, found);
    let name = |place: usize| definition.alleles[place].name.as_str();
    let reference = name(definition.reference);
    let activity = |place: &usize| {
        phenotypes.and_then(|table| table.activity.get(name(*place))?.parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    // Of a copy with several variants, the one with the least activity says what the copy does.
    let least = |copy: &[usize]| {
        let least = copy.iter().min_by(|one, other| activity(one).total_cmp(&activity(other)));
        least.map_or(reference, |&place| name(place))
    };
    let has_unknown = by.found.iter().any(|(place, _)| activity(place).is_nan());
    let mut open = BTreeSet::new();
    for order in &by.orders {
        let copy = |copy: &[usize]| match copy {
            [] => reference.to_owned(),
            [one] => name(*one).to_owned(),
            several => format!("[{}]", several.iter().map(|&one| name(one)).collect::<Vec<_>>().join(" + ")),
        };
        let row = phenotypes
            .filter(|_| !has_unknown)
            .and_then(|table| table.of(&[least(&order.copies[0]), least(&order.copies[1])]));
        open.insert(row.map(|row| row.phenotype.clone()));
        let alleles: Vec<String> = order.copies.iter().map(|one| copy(one)).collect();
        let most =
            by.orders.iter().map(|one| one.copies.iter().filter(|copy| !copy.is_empty()).count()).max();
        result.diplotypes.push(Diplotype {
            name: alleles.join("/"),
            alleles,
            score: None,
            is_best: Some(order.copies.iter().filter(|copy| !copy.is_empty()).count()) == most,
            phenotype: row.map(|row| row.phenotype.clone()),
            activity_score: row.and_then(|row| row.activity_score.clone()),
        });
    }
    result.not_excluded = by.unread.iter().map(|&place| name(place).to_owned()).collect();
    if by.by_stand_in {
        result
            .notes
            .push("HapB3 by c.1236G>A, since its acting position c.1129-5923 was not read".to_owned());
    }
    if by.orders.len() > 1 || by.is_cut {
        let mut found: Vec<usize> =
            by.found.iter().flat_map(|&(place, copies)| std::iter::repeat_n(place, copies)).collect();
        found.sort_by(|one, other| activity(one).total_cmp(&activity(other)));
        let two: Vec<&str> = found.iter().take(2).map(|&place| name(place)).collect();
        if let (&[one, other], false) = (&two[..], has_unknown)
            && let Some(row) = phenotypes.and_then(|table| table.of(&[one, other]))
        {
            open.insert(Some(row.phenotype.clone()));
            result.notes.push(format!(
                "which copy carries which variant is not known; the two with the least activity ({one}, {other}), if on two \
                 copies, give {}{}",
                row.phenotype,
                row.activity_score.as_ref().map(|score| format!(", activity score {score}")).unwrap_or_default()
            ));
        }
    }
    if by.is_cut {
        result.notes.push("more variants of unknown order than are listed in full".to_owned());
        open.insert(None);
    }
    let listed: BTreeSet<Option<String>> = open.clone();
    if let Some(table) = phenotypes {
        // An unread variant on either copy, in place of what was read there.
        for order in &by.orders {
            for &unread in &by.unread {
                for copy in 0..2 {
                    let mut copies = order.copies.clone();
                    copies[copy].push(unread);
                    let row = table.of(&[least(&copies[0]), least(&copies[1])]);
                    open.insert(row.map(|row| row.phenotype.clone()));
                    copies[1 - copy].push(unread);
                    let row = table.of(&[least(&copies[0]), least(&copies[1])]);
                    open.insert(row.map(|row| row.phenotype.clone()));
                }
            }
        }
        settle(result, open);
        if listed.len() != 1 {
            result.phenotype.of_listed = None;
        }
    }
}

/// States a phenotype if one alone remains; otherwise lists those that do.
fn settle(result: &mut GeneResult, open: BTreeSet<Option<String>>) {
    let one = |phenotypes: &BTreeSet<Option<String>>| match phenotypes.iter().collect::<Vec<_>>()[..] {
        [Some(phenotype)] => Some(phenotype.clone()),
        _ => None,
    };
    let listed: BTreeSet<Option<String>> =
        result.diplotypes.iter().map(|one| one.phenotype.clone()).collect();
    let is_whole = !result.unread.iter().any(|one| one.reason == Reason::UndefinedBases);
    let mut possible: Vec<String> = open.iter().flatten().cloned().collect();
    possible.sort_by_key(|phenotype| (concern(phenotype), phenotype.clone()));
    let of_listed = one(&listed);
    let scores: BTreeSet<&Option<String>> = result.diplotypes.iter().map(|one| &one.activity_score).collect();
    let activity_score = match scores.iter().collect::<Vec<_>>()[..] {
        [score] if of_listed.is_some() => (*score).clone(),
        _ => None,
    };
    let stated = one(&open).filter(|_| is_whole && of_listed.is_some());
    if result.diplotypes.iter().any(|one| one.phenotype.is_none()) {
        result.notes.push("a diplotype has no row in the table of phenotypes".to_owned());
    }
    result.phenotype = Phenotype { stated, of_listed, possible, activity_score };
}

impl Phenotype {
    /// For people: the phenotype, or that it is indeterminate and why.
    pub fn words(&self) -> String {
        match (&self.stated, &self.of_listed, &self.possible[..]) {
            (Some(phenotype), _, _) => phenotype.clone(),
            (None, Some(phenotype), _) => format!("indeterminate ({phenotype} by the positions read)"),
            (None, None, []) => "none".to_owned(),
            (None, None, several) => format!("indeterminate ({})", several.join(" or ")),
        }
    }
}

/// Order of names in which *2 comes before *10, and a named reference before variants.
fn natural(name: &str) -> (usize, u64, String) {
    let rest = name.trim_start_matches('*');
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let is_reference = name.to_ascii_lowercase().contains("reference");
    (usize::from(!is_reference), digits.parse().unwrap_or(u64::MAX), name.to_owned())
}
