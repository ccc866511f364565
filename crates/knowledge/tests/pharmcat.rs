//! PharmCAT's own test files against its own tables, where the folder of shared data is at hand.
#![allow(missing_docs)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)] // test data lies in files

use std::path::{Path, PathBuf};

use wilhelm_knowledge::genes::{Diplotype, GeneResult, GeneTables, call, definitions, read_sample};

/// A file, its gene, the diplotypes that its name or header states, and what becomes of them here.
type Case = (&'static str, &'static str, &'static [&'static str], Outcome);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    /// All stated diplotypes are listed, and the best by score is one of them.
    Best,
    /// Listed, but another has a higher score; why.
    Listed(&'static str),
    /// Not listed; why.
    Absent(&'static str),
}
use Outcome::{Absent, Best, Listed};

const OLD: &str = "the name is of an earlier table";

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("WILHELM_PHARMCAT").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/pharmcat"),
        PathBuf::from,
    );
    if !folder.is_dir() {
        eprintln!("skipped: no folder {} with PharmCAT's tables and files", folder.display());
        return None;
    }
    Some(folder)
}

fn tables(folder: &Path) -> GeneTables {
    let mut tables = GeneTables::default();
    for part in ["definition", "phenotype"] {
        let mut files: Vec<PathBuf> = folder
            .join(part)
            .read_dir()
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        for path in files {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            let text = || std::fs::read_to_string(&path).expect("text");
            if name.ends_with("_translation.json") {
                tables.add_definition(&name, &text()).expect("a definition");
            } else if part == "phenotype" {
                tables.add_phenotypes(&name, &text()).expect("phenotypes");
            }
        }
    }
    tables
}

fn of(tables: &GeneTables, path: &Path, gene: &str) -> GeneResult {
    let genes = [gene.to_owned()];
    let file = std::fs::File::open(path).expect("a file");
    let read = read_sample(file, None, &definitions(tables, &genes).expect("a gene")).expect("a VCF");
    call(tables, &read, &genes).expect("a call").genes.remove(0)
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("CYP2B6/s1s34", "CYP2B6", &["*1/*34"], Best),
    ("DPYD/c1129-5923c2846", "DPYD", &["c.1129-5923C>G/c.2846A>T"], Best),
    ("DPYD/c1156het", "DPYD", &["Reference/c.1156G>T (*12)"], Best),
    ("DPYD/c1679c1156", "DPYD", &["c.1156G>T (*12)/c.1679T>G (*13)"], Best),
    ("DPYD/c2846het", "DPYD", &["Reference/c.2846A>T"], Best),
    ("DPYD/novariant", "DPYD", &["Reference/Reference"], Best),
    ("DPYD/s1s2b", "DPYD", &["Reference/[c.1627A>G (*5) + c.1905+1G>A (*2A)]"],
        Listed("*2B is *2A and *5 on one copy; without phase both orders are listed, and *5/*2A is marked")),
    ("IFNL3/rs12979860CC", "IFNL3", &["rs12979860 reference (C)/rs12979860 reference (C)"], Best),
    ("IFNL3/rs12979860CT", "IFNL3", &["rs12979860 reference (C)/rs12979860 variant (T)"], Best),
    ("IFNL3/rs12979860TT", "IFNL3", &["rs12979860 variant (T)/rs12979860 variant (T)"], Best),
    ("NUDT15/refref", "NUDT15", &["*1/*1"], Best),
    ("NUDT15/s2ref", "NUDT15", &["*1/*2"], Best),
    ("NUDT15/s3ref", "NUDT15", &["*1/*3"], Best),
    ("SLCO1B1/SLCO1B1_s14_s19_t1", "SLCO1B1", &["*14/*19"], Best),
    ("SLCO1B1/SLCO1B1_s15_s45_t1", "SLCO1B1", &["*15/*45"],
        Listed("a form of *45 that takes in *15 was defined since: *1/*45 has more positions")),
    ("SLCO1B1/SLCO1B1_s19_s37_t1", "SLCO1B1", &["*19/*37"], Listed("unphased: *1/*20 has more positions")),
    ("SLCO1B1/SLCO1B1_s1_s14_t1", "SLCO1B1", &["*1/*14"], Best),
    ("SLCO1B1/SLCO1B1_s1_s25_t1", "SLCO1B1", &["*1/*25"], Best),
    ("SLCO1B1/SLCO1B1_s37_s40_t1", "SLCO1B1", &["*37/*40"], Best),
    ("SLCO1B1/SLCO1B1_s5_s14_t1", "SLCO1B1", &["*5/*14"], Best),
    ("SLCO1B1/s1as15s1bs5missing", "SLCO1B1", &["*1/*15", "*5/*37"], Best),
    ("SLCO1B1/s1as15s1bs5twomissing", "SLCO1B1", &["*1/*15", "*5/*37"], Best),
    ("SLCO1B1/s1s1", "SLCO1B1", &["*1/*1"], Best),
    ("SLCO1B1/s1s15", "SLCO1B1", &["*1/*15"], Best),
    ("SLCO1B1/s1s44", "SLCO1B1", &["*1/*44"], Best),
    ("SLCO1B1/s2s2", "SLCO1B1", &["*2/*2"], Best),
    ("SLCO1B1/s5s15", "SLCO1B1", &["*5/*15"], Best),
    // Its header says *15/*45, which its calls cannot be: rs2306283 is like the reference on both copies.
    ("SLCO1B1/s5s45", "SLCO1B1", &["*5/*45"], Best),
    ("TPMT/het3a", "TPMT", &["*1/*3A"], Best),
    ("TPMT/hom1s_het3a", "TPMT", &["*1/*3A"], Best),
    ("TPMT/s1s1", "TPMT", &["*1/*1"], Best),
    ("TPMT/s1s1s", "TPMT", &["*1/*1"], Best),
    ("TPMT/s1ss1ss3", "TPMT", &["*1/*3A"], Best),
    ("TPMT/s3as3b", "TPMT", &["*3A/*3B"], Best),
    ("TPMT/s3bs3c", "TPMT", &["*3B/*3C"], Listed("unphased: *1/*3A has more positions")),
    ("TPMT/unexpected.allele.with.s9", "TPMT", &["*9/*9"], Best),
    ("UGT1A1/s1s1", "UGT1A1", &["*1/*1"], Best),
    ("UGT1A1/s1s28s60s80unphased", "UGT1A1", &["*1/*80+*28"], Best),
    ("UGT1A1/s1s37s80s60phased", "UGT1A1", &["*1/*80+*37"], Best),
    ("UGT1A1/s1s60s80phased", "UGT1A1", &["*1/*80"], Best),
    ("UGT1A1/s1s60s80s28s6phased", "UGT1A1", &["*1/*6+*80+*28"], Absent("a copy with *6, *28 and *80 has no name")),
    ("UGT1A1/s1s60s80s6phased", "UGT1A1", &["*1/*6+*80"], Absent("a copy with *6 and *80 has no name")),
    ("UGT1A1/s1s60s80unphased", "UGT1A1", &["*1/*80"], Best),
    ("UGT1A1/s27s28unphaseds80s60missing", "UGT1A1", &["*27/*28"], Best),
    ("UGT1A1/s28het", "UGT1A1", &["*1/*28"], Best),
    ("UGT1A1/s28hets60homounphaseds80missing", "UGT1A1", &["*1/*28"], Best),
    ("UGT1A1/s28s28unphaseds60s80miss", "UGT1A1", &["*28/*28"], Best),
    ("UGT1A1/s28s37", "UGT1A1", &["*28/*37"], Best),
    ("UGT1A1/s28s37unphaseds80s60missing", "UGT1A1", &["*28/*37"], Best),
    ("UGT1A1/s28s60hom", "UGT1A1", &["*1/*28"], Best),
    ("UGT1A1/s28s80s6s60phased", "UGT1A1", &["*6/*80+*28"], Best),
    ("UGT1A1/s28s80s6s60unphased", "UGT1A1", &["*6/*80+*28"], Best),
    ("UGT1A1/s6s6", "UGT1A1", &["*6/*6"], Best),
    ("UGT1A1/s6s60s80s28missingphased", "UGT1A1", &["*6/*80"], Best),
    ("UGT1A1/s6s60s80s28missingunphased", "UGT1A1", &["*6/*80"], Best),
    ("UGT1A1/s80s28missing", "UGT1A1", &["*1/*80"], Best),
    ("VKORC1/-1639A-1639A", "VKORC1", &["rs9923231 variant (T)/rs9923231 variant (T)"], Best),
    ("VKORC1/-1639G-1639A", "VKORC1", &["rs9923231 reference (C)/rs9923231 variant (T)"], Best),
    ("VKORC1/-1639G-1639G", "VKORC1", &["rs9923231 reference (C)/rs9923231 reference (C)"], Best),
    ("cyp2c19/s15s28", "CYP2C19", &["*15/*28"], Best),
    ("cyp2c19/s1s17", "CYP2C19", &["*1/*17"], Best),
    ("cyp2c19/s1s17s1s4bmissing", "CYP2C19", &["*1/*17", "*1/*4"], Best),
    ("cyp2c19/s1s1rs12248560missing", "CYP2C19", &["*1/*1"], Best),
    ("cyp2c19/s1s28", "CYP2C19", &["*1/*28"], Best),
    ("cyp2c19/s1s2rs3758581missing", "CYP2C19", &["*1/*2"], Best),
    ("cyp2c19/s1s2rs3758581missingRs58973490het", "CYP2C19", &["*1/*2"], Best),
    ("cyp2c19/s1s2rs58973490het", "CYP2C19", &["*1/*2"], Best),
    ("cyp2c19/s1s4b", "CYP2C19", &["*1/*4"], Best),
    ("cyp2c19/s1s4s17", "CYP2C19", &["*1/*4", "*4/*17"], Best),
    // *4A and *4B are *4 today.
    ("cyp2c19/s4as4b", "CYP2C19", &["*4/*4"], Best),
    ("cyp2c19/s4bs17", "CYP2C19", &["*4/*17"], Best),
    ("cyp2c19/s4bs17rs28399504missing", "CYP2C19", &["*4/*17"], Best),
    ("cyp2c19/s4s17missingS1", "CYP2C19", &["*4/*17"], Listed("unphased: *1/*4 and *4/*38 have more positions")),
    ("cyp2c9/s1s1", "CYP2C9", &["*1/*1"], Best),
    ("cyp2c9/s1s61", "CYP2C9", &["*1/*61"], Best),
    ("cyp2c9/s24s24", "CYP2C9", &["*24/*24"], Best),
    ("cyp2c9/s24s2pluss24", "CYP2C9", &["*24/*2+*24"], Absent("a copy with *2 and *24 has no name")),
    ("cyp2c9/s2s24", "CYP2C9", &["*2/*24"], Best),
    ("cyp2c9/s2s24only", "CYP2C9", &["*2/*24"], Absent(OLD)),
    ("cyp2c9/s2s25", "CYP2C9", &["*2/*25"], Best),
    ("cyp2c9/s2s3", "CYP2C9", &["*2/*3"], Best),
    ("cyp3a5/s1s1", "CYP3A5", &["*1/*1"], Best),
    ("cyp3a5/s1s3rs776746rs28383479het", "CYP3A5", &["*1/*3"],
        Absent("*9 stands on its own in the table: both changes are *3/*9, or one copy that has no name")),
    ("cyp3a5/s1s3rs776746rs55965422het", "CYP3A5", &["*1/*3"], Best),
    ("cyp3a5/s1s3rs776746rs55965422rs28383479het", "CYP3A5", &["*1/*3"],
        Absent("*9 stands on its own in the table: both changes are *3/*9, or one copy that has no name")),
    ("cyp3a5/s1s7missing", "CYP3A5", &["*1/*7"],
        Absent("the position of *7 is not in the file: *1/*1 is listed, and *7 is named as not excluded")),
    ("cyp3a5/s3s5-homozygous", "CYP3A5", &["*3/*5"], Absent("the table no longer has *5")),
    ("cyp3a5/s3s9", "CYP3A5", &["*3/*9"], Best),
    ("cyp4f2/s1s1", "CYP4F2", &["*1/*1"], Best),
    ("NamedAlleleMatcher-cyp2d6", "CYP2D6", &["*1/*1"], Absent("CYP2D6 is not called from small variants")),
];

#[test]
fn the_diplotypes_that_names_and_headers_state_are_found_and_every_deviation_is_known() {
    let Some(folder) = folder() else { return };
    let tables = tables(&folder);
    let mut best = 0;
    let mut listed = 0;
    for &(file, gene, stated, outcome) in CASES {
        let path = folder.join("vcf/haplotype").join(format!("{file}.vcf"));
        let result = of(&tables, &path, gene);
        let find =
            |name: &str| -> Option<&Diplotype> { result.diplotypes.iter().find(|one| one.name == name) };
        let are_listed = stated.iter().all(|name| find(name).is_some());
        let is_best = stated.iter().any(|name| find(name).is_some_and(|one| one.is_best));
        let found = match outcome {
            Best => are_listed && is_best,
            Listed(_) => are_listed && !is_best,
            Absent(_) => !are_listed,
        };
        let names: Vec<&str> = result.diplotypes.iter().map(|one| one.name.as_str()).collect();
        assert!(found, "{file}: stated {stated:?}, expected {outcome:?}, found {names:?}");
        best += usize::from(outcome == Best);
        listed += usize::from(matches!(outcome, Listed(_)));
    }
    eprintln!("{} files: the stated diplotype best in {best}, listed below another in {listed}", CASES.len());
    assert_eq!((CASES.len(), best, listed), (90, 76, 5));
}

#[test]
fn a_position_that_is_not_in_the_file_leaves_its_allele_open() {
    let Some(folder) = folder() else { return };
    let result = of(&tables(&folder), &folder.join("vcf/haplotype/cyp3a5/s1s7missing.vcf"), "CYP3A5");
    assert_eq!(result.not_excluded, ["*7"]);
    assert_eq!(result.phenotype.stated, None);
    assert!(result.phenotype.possible.contains(&"Intermediate Metabolizer".to_owned()));
}

#[test]
fn two_copies_that_no_pair_of_names_describes_have_no_diplotype() {
    let Some(folder) = folder() else { return };
    for (file, gene) in
        [("UGT1A1/HG00436", "UGT1A1"), ("cyp2c19/noCall", "CYP2C19"), ("SLCO1B1/multi", "SLCO1B1")]
    {
        let path = folder.join("vcf/haplotype").join(format!("{file}.vcf"));
        assert!(of(&tables(&folder), &path, gene).diplotypes.is_empty(), "{file}");
    }
}

#[test]
fn bases_like_the_reference_everywhere_give_the_reference_allele_of_every_gene() {
    let Some(folder) = folder() else { return };
    let tables = tables(&folder);
    for (gene, definition) in &tables.definitions {
        let result = of(&tables, &folder.join("vcf/reference.vcf"), gene);
        assert_eq!(result.read, definition.variants.len(), "{gene}");
        if gene != "CYP2D6" {
            let name = &definition.alleles[definition.reference].name;
            assert_eq!(result.diplotypes.len(), 1, "{gene}");
            assert_eq!(result.diplotypes[0].name, format!("{name}/{name}"), "{gene}");
        }
    }
}
