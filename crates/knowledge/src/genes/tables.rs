use std::collections::BTreeMap;

use serde::Deserialize;

use super::GenesError;

/// The tables that a call rests on: definitions of alleles and phenotypes of diplotypes, by gene.
#[derive(Clone, Debug, Default)]
pub struct GeneTables {
    /// How alleles are defined, by gene.
    pub definitions: BTreeMap<String, Definition>,
    /// What diplotypes mean, by gene.
    pub phenotypes: BTreeMap<String, PhenotypeTable>,
}

/// How the named alleles of a gene are defined.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Symbol of the gene.
    pub gene: String,
    /// As the table names it, such as `chr10`.
    pub chromosome: String,
    /// Accession of the chromosome, such as `NC_000010.11`.
    pub accession: String,
    /// Such as `GRCh38.p14`.
    pub build: String,
    /// Version of the table.
    pub version: String,
    /// Positions, in order.
    pub variants: Vec<Variant>,
    /// Named alleles, in order.
    pub alleles: Vec<NamedAllele>,
    /// Place of the reference allele in `alleles`.
    pub reference: usize,
}

/// A position of a definition, with its bases as a VCF writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// From 1.
    pub position: u64,
    /// Identifier in dbSNP, where it has one.
    pub rsid: Option<String>,
    /// Bases of the reference genome.
    pub reference: String,
    /// Other bases.
    pub alternates: Vec<String>,
}

impl Variant {
    /// Last position that its reference bases cover.
    pub fn end(&self) -> u64 {
        self.position + self.reference.len() as u64 - 1
    }
    /// rsid where there is one, and the position.
    pub fn label(&self) -> String {
        match &self.rsid {
            Some(rsid) => format!("{rsid} ({})", self.position),
            None => self.position.to_string(),
        }
    }
}

/// A named allele, or one of several forms of it: for every variant the bases that it asks for, none where it is as the reference allele.
#[derive(Clone, Debug)]
pub struct NamedAllele {
    /// As the tables write it.
    pub name: String,
    /// As the definition writes them.
    pub bases: Vec<Option<String>>,
}

/// What diplotypes of a gene mean.
#[derive(Clone, Debug, Default)]
pub struct PhenotypeTable {
    /// Symbol of the gene.
    pub gene: String,
    /// Version of the table.
    pub version: String,
    /// Activity value of an allele, where the gene has them.
    pub activity: BTreeMap<String, String>,
    /// By the two names in order.
    pub rows: BTreeMap<Vec<String>, PhenotypeRow>,
}

/// A row of a phenotype table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhenotypeRow {
    /// In the words of the table.
    pub phenotype: String,
    /// Activity score, for genes that have one.
    pub activity_score: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DefinitionFile {
    gene: String,
    chromosome: String,
    genome_build: String,
    #[serde(default)]
    ref_seq_chromosome_id: String,
    #[serde(default)]
    version: String,
    variants: Vec<VariantFile>,
    named_alleles: Vec<AlleleFile>,
    /// Numbered forms of an allele, by which its name is known.
    #[serde(default)]
    suballeles_map: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct VariantFile {
    position: u64,
    rsid: Option<String>,
    #[serde(rename = "ref")]
    reference: String,
    alts: Vec<String>,
}

#[derive(Deserialize)]
struct AlleleFile {
    name: String,
    alleles: Vec<Option<String>>,
    #[serde(default)]
    reference: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhenotypeFile {
    gene: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    activity_values: BTreeMap<String, Option<String>>,
    diplotypes: Vec<DiplotypeFile>,
}

#[derive(Deserialize)]
struct DiplotypeFile {
    #[serde(default)]
    generesult: Option<String>,
    #[serde(default)]
    phenotype: Option<String>,
    #[serde(rename = "activityScore", default)]
    activity_score: Option<String>,
    diplotypekey: BTreeMap<String, usize>,
}

impl GeneTables {
    /// Takes a definition in (`GENE_translation.json` of PharmCAT, format 2).
    ///
    /// # Errors
    /// [`GenesError::Table`] with the file, the gene and what is wrong.
    pub fn add_definition(&mut self, file: &str, text: &str) -> Result<(), GenesError> {
        let read: DefinitionFile = serde_json::from_str(text)
            .map_err(|error| wrong(file, "?", format!("not a definition of alleles: {error}")))?;
        let gene = read.gene.clone();
        let bad = |what: String| Err(wrong(file, &gene, what));
        if read.variants.is_empty() || read.named_alleles.is_empty() {
            return bad("has no variants or no named alleles".to_owned());
        }
        let is_bases =
            |bases: &String| !bases.is_empty() && bases.bytes().all(|base| b"ACGT".contains(&base));
        for variant in &read.variants {
            if variant.position == 0 || !is_bases(&variant.reference) || !variant.alts.iter().all(is_bases) {
                return bad(format!(
                    "variant at {} has a position of 0 or bases other than A, C, G and T",
                    variant.position
                ));
            }
        }
        let count = read.variants.len();
        for allele in &read.named_alleles {
            if allele.alleles.len() != count {
                return bad(format!(
                    "allele {} has {} positions, the file defines {count}",
                    allele.name,
                    allele.alleles.len()
                ));
            }
        }
        let references: Vec<usize> =
            (0..read.named_alleles.len()).filter(|&place| read.named_alleles[place].reference).collect();
        let &[reference] = &references[..] else {
            return bad(format!("has {} reference alleles, expected 1", references.len()));
        };
        if let Some(place) = read.named_alleles[reference]
            .alleles
            .iter()
            .position(|bases| bases.as_deref().is_none_or(str::is_empty))
        {
            return bad(format!("reference allele has no bases at {}", read.variants[place].position));
        }
        let definition = Definition {
            gene: read.gene,
            chromosome: read.chromosome,
            accession: read.ref_seq_chromosome_id,
            build: read.genome_build,
            version: read.version,
            variants: read
                .variants
                .into_iter()
                .map(|one| Variant {
                    position: one.position,
                    rsid: one.rsid.filter(|rsid| !rsid.is_empty()),
                    reference: one.reference,
                    alternates: one.alts,
                })
                .collect(),
            alleles: read
                .named_alleles
                .into_iter()
                .map(|one| NamedAllele {
                    name: read.suballeles_map.get(&one.name).cloned().unwrap_or(one.name),
                    bases: one.alleles,
                })
                .collect(),
            reference,
        };
        if self.definitions.insert(gene.clone(), definition).is_some() {
            return bad("is defined a second time".to_owned());
        }
        Ok(())
    }

    /// Takes a phenotype table in (`GENE.json` of PharmCAT).
    ///
    /// # Errors
    /// [`GenesError::Table`] with the file, the gene and what is wrong.
    pub fn add_phenotypes(&mut self, file: &str, text: &str) -> Result<(), GenesError> {
        let read: PhenotypeFile = serde_json::from_str(text)
            .map_err(|error| wrong(file, "?", format!("not a table of phenotypes: {error}")))?;
        let mut table =
            PhenotypeTable { gene: read.gene.clone(), version: read.version, ..PhenotypeTable::default() };
        table.activity =
            read.activity_values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        for row in read.diplotypes {
            let key: Vec<String> = row
                .diplotypekey
                .iter()
                .flat_map(|(name, &count)| std::iter::repeat_n(name.clone(), count.min(2)))
                .collect();
            let Some(phenotype) = row.phenotype.or(row.generesult).filter(|text| !text.is_empty()) else {
                return Err(wrong(file, &read.gene, format!("diplotype {} has no phenotype", key.join("/"))));
            };
            let row = PhenotypeRow { phenotype, activity_score: row.activity_score };
            if let Some(before) = table.rows.insert(key.clone(), row.clone())
                && before != row
            {
                return Err(wrong(
                    file,
                    &read.gene,
                    format!("diplotype {} has two phenotypes", key.join("/")),
                ));
            }
        }
        if self.phenotypes.insert(read.gene.clone(), table).is_some() {
            return Err(wrong(file, &read.gene, "has a second table of phenotypes".to_owned()));
        }
        Ok(())
    }
}

impl PhenotypeTable {
    /// Phenotype of a diplotype, or of the one allele of a gene with one copy.
    pub fn of(&self, alleles: &[&str]) -> Option<&PhenotypeRow> {
        let mut key: Vec<String> = alleles.iter().map(|&name| name.to_owned()).collect();
        key.sort();
        self.rows.get(&key)
    }
}

fn wrong(file: &str, gene: &str, what: String) -> GenesError {
    GenesError::Table { file: file.to_owned(), gene: gene.to_owned(), what }
}
