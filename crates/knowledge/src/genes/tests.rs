use std::io::Write;

use super::genotypes::normal;
use super::*;

const HEADER: &str = "##fileformat=VCFv4.2\n##reference=GRCh38\n";
const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tNAME-OF-A-PATIENT\n";

/// A gene of five positions: four single bases and a repeat of AT, as in UGT1A1.
const DEFINITION: &str = r#"{"gene": "GENE1", "chromosome": "chr2", "genomeBuild": "GRCh38.p14", "refSeqChromosomeId": "NC_000002.12",
 "version": "by hand", "variants": [
 {"position": 1000, "rsid": "rs1", "ref": "C", "alts": ["T"]},
 {"position": 1010, "rsid": "rs2", "ref": "G", "alts": ["A", "T"]},
 {"position": 1020, "rsid": "rs3", "ref": "CAT", "alts": ["C", "CATAT"]},
 {"position": 1040, "rsid": "rs4", "ref": "A", "alts": ["G"]},
 {"position": 1050, "rsid": null, "ref": "T", "alts": ["C"]}],
 "namedAlleles": [
 {"name": "*1", "alleles": ["C", "G", "CAT", "A", "T"], "reference": true},
 {"name": "*2", "alleles": ["T", null, null, null, null]},
 {"name": "*3", "alleles": [null, "A", null, null, null]},
 {"name": "*4", "alleles": ["T", "A", null, null, null]},
 {"name": "*5", "alleles": [null, null, "CATAT", null, null]},
 {"name": "*6", "alleles": ["Y", null, null, "G", null]},
 {"name": "*7", "alleles": [null, null, null, null, "C"]},
 {"name": "*10", "alleles": [null, null, "C", null, null]}]}"#;

const PHENOTYPES: &str = r#"{"gene": "GENE1", "activityValues": {}, "diplotypes": [
 {"phenotype": "Normal Metabolizer", "diplotypekey": {"*1": 2}},
 {"phenotype": "Intermediate Metabolizer", "diplotypekey": {"*1": 1, "*2": 1}},
 {"phenotype": "Intermediate Metabolizer", "diplotypekey": {"*1": 1, "*3": 1}},
 {"phenotype": "Intermediate Metabolizer", "diplotypekey": {"*1": 1, "*4": 1}},
 {"phenotype": "Intermediate Metabolizer", "diplotypekey": {"*1": 1, "*5": 1}},
 {"phenotype": "Normal Metabolizer", "diplotypekey": {"*1": 1, "*7": 1}},
 {"phenotype": "Normal Metabolizer", "diplotypekey": {"*7": 2}},
 {"phenotype": "Poor Metabolizer", "diplotypekey": {"*2": 1, "*3": 1}},
 {"phenotype": "Poor Metabolizer", "diplotypekey": {"*2": 2}}]}"#;

const DPYD: &str = r#"{"gene": "DPYD", "chromosome": "chr1", "genomeBuild": "GRCh38.p14", "variants": [
 {"position": 97450058, "ref": "C", "alts": ["T"]}, {"position": 97515839, "ref": "T", "alts": ["C"]},
 {"position": 97573863, "ref": "C", "alts": ["T"]}, {"position": 97579893, "ref": "G", "alts": ["C"]}],
 "namedAlleles": [
 {"name": "Reference", "alleles": ["C", "T", "C", "G"], "reference": true},
 {"name": "*2A", "alleles": ["T", null, null, null]}, {"name": "*5", "alleles": [null, "C", null, null]},
 {"name": "c.1129-5923C>G", "alleles": [null, null, null, "C"]},
 {"name": "HapB3", "alleles": [null, null, "T", "C"]}]}"#;

const DPYD_PHENOTYPES: &str = r#"{"gene": "DPYD", "activityValues": {"Reference": "1.0", "*2A": "0.0", "*5": "1.0",
 "HapB3": "0.5", "c.1129-5923C>G": "0.5"}, "diplotypes": [
 {"phenotype": "Normal Metabolizer", "activityScore": "2.0", "diplotypekey": {"Reference": 2}},
 {"phenotype": "Normal Metabolizer", "activityScore": "2.0", "diplotypekey": {"Reference": 1, "*5": 1}},
 {"phenotype": "Intermediate Metabolizer", "activityScore": "1.0", "diplotypekey": {"Reference": 1, "*2A": 1}},
 {"phenotype": "Intermediate Metabolizer", "activityScore": "1.0", "diplotypekey": {"*5": 1, "*2A": 1}},
 {"phenotype": "Intermediate Metabolizer", "activityScore": "1.5", "diplotypekey": {"Reference": 1, "HapB3": 1}},
 {"phenotype": "Poor Metabolizer", "activityScore": "0.5", "diplotypekey": {"*2A": 1, "HapB3": 1}}]}"#;

fn tables() -> GeneTables {
    let mut tables = GeneTables::default();
    tables.add_definition("GENE1_translation.json", DEFINITION).expect("a definition");
    tables.add_phenotypes("GENE1.json", PHENOTYPES).expect("phenotypes");
    tables.add_definition("DPYD_translation.json", DPYD).expect("a definition");
    tables.add_phenotypes("DPYD.json", DPYD_PHENOTYPES).expect("phenotypes");
    tables
}

fn read(text: &str) -> Result<GenesReport, GenesError> {
    let (tables, genes) = (tables(), ["GENE1".to_owned()]);
    let read = read_sample(text.as_bytes(), None, &definitions(&tables, &genes)?)?;
    call(&tables, &read, &genes)
}

/// A line of GENE1: position, REF, ALT, INFO, FORMAT and the sample.
fn line(position: u64, bases: &str, format: &str, sample: &str) -> String {
    let (from, to) = bases.split_once('>').expect("REF>ALT");
    format!("chr2\t{position}\t.\t{from}\t{to}\t.\tPASS\t.\t{format}\t{sample}\n")
}

/// All five positions, each with its GT and what follows it.
fn five(samples: [&str; 5]) -> String {
    let sites = [(1000, "C>T"), (1010, "G>A,T"), (1020, "CAT>C,CATAT"), (1040, "A>G"), (1050, "T>C")];
    sites
        .iter()
        .zip(samples)
        .map(|(&(position, bases), sample)| line(position, bases, "GT:PS", sample))
        .collect()
}

fn of(lines: &str) -> GeneResult {
    read(&format!("{HEADER}{COLUMNS}{lines}")).expect("a call").genes.remove(0)
}

/// Names of the diplotypes, the best with an exclamation mark.
fn shown(result: &GeneResult) -> Vec<String> {
    let name = |one: &Diplotype| format!("{}{}", if one.is_best { "!" } else { "" }, one.name);
    result.diplotypes.iter().map(name).collect()
}

#[track_caller]
fn check(lines: &str, diplotypes: &[&str], phenotype: &str, unread: &[(u64, Reason)]) {
    let result = of(lines);
    assert_eq!(shown(&result), diplotypes);
    assert_eq!(result.phenotype.words(), phenotype);
    let places: Vec<(u64, Reason)> = result.unread.iter().map(|one| (one.position, one.reason)).collect();
    assert_eq!(places, unread);
    assert_eq!(result.read + unread.len(), 5);
}

#[test]
fn all_positions_like_the_reference_give_the_reference_allele_twice() {
    check(&five(["0/0"; 5]), &["!*1/*1"], "Normal Metabolizer", &[]);
}

#[test]
fn without_phase_every_pairing_is_listed_and_the_highest_score_is_best() {
    // *1/*4 has 5 + 2 positions, *2/*3 has 1 + 1.
    let lines = five(["0/1", "1/0", "0/0", "0/0", "0/0"]);
    check(&lines, &["!*1/*4", "*2/*3"], "indeterminate (Poor Metabolizer or Intermediate Metabolizer)", &[]);
    assert_eq!(of(&lines).diplotypes.iter().map(|one| one.score).collect::<Vec<_>>(), [Some(7), Some(2)]);
}

#[test]
fn phase_tells_the_pairings_apart() {
    check(&five(["0|1", "0|1", "0/0", "0/0", "0/0"]), &["!*1/*4"], "Intermediate Metabolizer", &[]);
    check(&five(["0|1", "1|0", "0/0", "0/0", "0/0"]), &["!*2/*3"], "Poor Metabolizer", &[]);
}

#[test]
fn order_holds_within_a_phase_set_and_not_between_sets() {
    let both = &["!*1/*4", "*2/*3"];
    let words = "indeterminate (Poor Metabolizer or Intermediate Metabolizer)";
    check(&five(["0|1:7", "1|0:7", "0/0:.", "0/0:.", "0/0:."]), &["!*2/*3"], "Poor Metabolizer", &[]);
    check(&five(["0|1:7", "1|0:8", "0/0:.", "0/0:.", "0/0:."]), both, words, &[]);
    check(&five(["0|1:7", "1|0:.", "0/0:.", "0/0:.", "0/0:."]), both, words, &[]);
}

#[test]
fn missing_positions_filled_in_as_phased_reference_bind_no_order() {
    // What PharmCAT's missing-to-ref writes: 0|0 beside unphased calls.
    let lines = five(["0/1", "0/1", "0|0", "0|0", "0|0"]);
    assert_eq!(shown(&of(&lines)), ["!*1/*4", "*2/*3"]);
}

#[test]
fn a_missing_position_is_never_the_reference() {
    let lines: String = five(["0/0"; 5]).lines().take(4).map(|line| format!("{line}\n")).collect();
    check(&lines, &["!*1/*1"], "Normal Metabolizer", &[(1050, Reason::Missing)]);
    assert_eq!(of(&lines).not_excluded, ["*7"]);
    // *2 has a poor phenotype, and its position alone was not read.
    let lines: String = five(["0/0"; 5]).lines().skip(1).map(|line| format!("{line}\n")).collect();
    let words = "indeterminate (Normal Metabolizer by the positions read)";
    check(&lines, &["!*1/*1"], words, &[(1000, Reason::Missing)]);
    assert_eq!(of(&lines).not_excluded, ["*2"]);
    assert_eq!(
        of(&lines).phenotype.possible,
        ["Poor Metabolizer", "Intermediate Metabolizer", "Normal Metabolizer"]
    );
}

#[test]
fn no_calls_half_calls_and_foreign_bases_are_named_and_left_out() {
    let cases = [
        (line(1000, "C>T", "GT", "./."), Reason::NoCall),
        (line(1000, "C>T", "DP", "30"), Reason::NoCall),
        (line(1000, "C>T", "GT", "./1"), Reason::HalfCall),
        (line(1000, "C>T", "GT", ".|0"), Reason::HalfCall),
        (line(1000, "C>A", "GT", "0/1"), Reason::UndefinedBases),
        (line(1000, "C><INS>", "GT", "0/1"), Reason::UndefinedBases),
        (line(1000, "C>*", "GT", "0/1"), Reason::Spanned),
        (line(998, "GACG>G", "GT", "0/1"), Reason::Spanned),
        (line(1000, "T>C", "GT", "0/0"), Reason::SwappedReference),
        (line(1000, "G>T", "GT", "0/0"), Reason::OtherReference),
        (line(1000, "C>T", "GT", "0"), Reason::Copies),
        (line(1000, "C>T", "GT", "0/0/1"), Reason::Copies),
        (line(1000, "C>T", "GT", "0/1").replace("PASS", "LowQual"), Reason::Filtered),
        (line(1000, "C>T", "GT", "0/1") + &line(1000, "C>T", "GT", "0/0"), Reason::Contradiction),
    ];
    let rest: String = five(["0/0"; 5]).lines().skip(1).map(|line| format!("{line}\n")).collect();
    for (first, reason) in cases {
        let result = of(&(first.clone() + &rest));
        assert_eq!(result.unread.len(), 1, "{first}");
        assert_eq!(result.unread[0].reason, reason, "{first}");
        assert_eq!(result.phenotype.stated, None, "{first}");
        assert_eq!(shown(&result), ["!*1/*1"], "{first}");
    }
}

#[test]
fn the_same_record_twice_is_read_once() {
    let lines = five(["0/0"; 5]) + &line(1000, "C>T", "GT:PS", "0/0");
    check(&lines, &["!*1/*1"], "Normal Metabolizer", &[]);
}

#[test]
fn blocks_of_a_gvcf_cover_positions_but_the_base_before_a_deletion_does_not() {
    let block = |from: u64, to: u64, base: &str| {
        format!("chr2\t{from}\t.\t{base}\t<NON_REF>\t.\tPASS\tEND={to}\tGT\t0/0\n")
    };
    check(&block(990, 1100, "A"), &["!*1/*1"], "Normal Metabolizer", &[]);
    // The block ends inside CAT: whether AT is deleted is not known.
    let lines = block(990, 1020, "A") + &block(1030, 1100, "A");
    assert_eq!(of(&lines).unread.iter().map(|one| one.position).collect::<Vec<_>>(), [1020]);
    let lines = block(990, 1019, "A") + &line(1020, "C>.", "GT", "0/0") + &block(1030, 1100, "A");
    assert_eq!(of(&lines).unread.iter().map(|one| one.position).collect::<Vec<_>>(), [1020]);
}

#[test]
fn several_alternates_are_compared_by_their_bases_not_their_order() {
    let rest = |text: String| {
        let lines = five(["0/0"; 5]);
        let all: Vec<&str> = lines.lines().collect();
        format!("{}\n{}\n{text}{}\n{}\n", all[0], all[1], all[3], all[4])
    };
    assert_eq!(shown(&of(&rest(line(1020, "CAT>CATAT,C", "GT", "0/1")))), ["!*1/*5"]);
    assert_eq!(shown(&of(&rest(line(1020, "CAT>C,CATAT", "GT", "1/2")))), ["!*5/*10"]);
    // The same insertion without the bases behind it, and written two bases further right.
    assert_eq!(shown(&of(&rest(line(1020, "C>CAT", "GT", "0/1")))), ["!*1/*5"]);
    assert_eq!(shown(&of(&rest(line(1022, "T>TAT", "GT", "0/1")))), ["!*1/*5"]);
}

#[test]
fn an_indel_moves_left_through_the_bases_that_are_known() {
    let known = (100..).zip(*b"GCATATG").collect();
    // GCATATG without one AT, written as the last, is the deletion behind C (101).
    assert_eq!(normal(103, "TAT", "T", &known), normal(101, "CAT", "C", &known));
    assert_ne!(normal(103, "TAT", "T", &known), normal(101, "CA", "C", &known));
}

#[test]
fn letters_for_several_bases_match_each_of_them() {
    assert_eq!(shown(&of(&five(["0|1", "0/0", "0/0", "0|1", "0/0"]))), ["!*1/*6"]);
    assert_eq!(shown(&of(&five(["0/0", "0/0", "0/0", "0|1", "0/0"]))), ["!*1/*6"]);
    assert_eq!(shown(&of(&five(["1|0", "0/0", "0/0", "0|1", "0/0"]))), ["!*2/*6"]);
}

#[test]
fn no_named_pair_is_said_and_nothing_is_guessed() {
    let result = of(&five(["1|0", "2|0", "0/0", "0/0", "0/0"]));
    assert!(result.diplotypes.is_empty());
    assert_eq!(result.phenotype.words(), "none");
    assert_eq!(result.notes, ["no two named alleles together agree with what was read"]);
}

#[test]
fn a_file_of_another_genome_is_refused() {
    let refused = |header: &str, lines: &str| {
        let text = format!("##fileformat=VCFv4.2\n{header}{COLUMNS}{lines}");
        read(&text).expect_err("another genome").to_string()
    };
    let whole = five(["0/0"; 5]);
    for (header, found) in [
        ("##reference=file:///hg19.fa\n", "GRCh37 by its reference"),
        ("##contig=<ID=chr2,length=243199373>\n", "GRCh37 by the length of chromosome 2"),
        ("##contig=<ID=2,length=5000>\n", "another genome by the length of chromosome 2"),
        ("##contig=<ID=2,assembly=b37>\n", "GRCh37 by its reference"),
        ("##reference=GRCh38\n##contig=<ID=2,length=243199373>\n", "GRCh37 by the length of chromosome 2"),
    ] {
        let error = refused(header, &whole);
        assert!(error.contains(&format!("found {found}, expected GRCh38")), "{error}");
    }
    // Nothing in the header, but the bases are others.
    let foreign = whole.replace("\tC\tT\t", "\tA\tT\t").replace("\tG\tA,T\t", "\tC\tA,T\t");
    assert!(refused("", &foreign).contains("2 of 5 reference bases"));
    let unnamed = read(&format!("##fileformat=VCFv4.2\n{COLUMNS}{whole}")).expect("the bases agree");
    assert!(unnamed.build.starts_with("the header does not name the genome; taken for GRCh38, since 5 of 5"));
}

#[test]
fn a_broken_line_is_named_with_its_field_and_no_sample_is() {
    let whole = five(["0/0"; 5]);
    let cases = [
        (whole.clone() + "chr2\t1060\t.\tC\tT\n", "line 9 of the VCF: ALT is the last of 5 fields"),
        (whole.clone() + "chr2\tx\t.\tC\tT\t.\t.\t.\tGT\t0/0\n", "line 9 of the VCF: POS"),
        (whole.clone() + "chr2\t1060\t.\t\tT\t.\t.\t.\tGT\t0/0\n", "line 9 of the VCF: REF is empty"),
        (line(1000, "C>T", "GT", "0/2"), "line 4 of the VCF: sample has a GT"),
        (line(1000, "C>T", "GT", "NAME"), "line 4 of the VCF: sample has a GT"),
        (line(1000, "Q>T", "GT", "0/1"), "line 4 of the VCF: REF has letters"),
    ];
    for (lines, words) in cases {
        let error = read(&format!("{HEADER}{COLUMNS}{lines}")).expect_err("a broken line").to_string();
        assert!(error.starts_with(words), "{error}");
        assert!(!error.contains("NAME"), "{error}");
    }
    for (text, words) in [
        ("hello\n".to_owned(), "not a VCF"),
        (String::new(), "the VCF has no line of column names"),
        (format!("{HEADER}{whole}"), "the VCF has no line of column names"),
        (format!("{HEADER}#CHROM\tPOS\n"), "line 3 of the VCF: ID is missing"),
    ] {
        assert!(read(&text).expect_err("no VCF").to_string().starts_with(words));
    }
}

#[test]
fn a_file_of_several_samples_asks_for_one_by_name() {
    let columns = COLUMNS.trim_end().to_owned() + "\tSECOND-PATIENT\n";
    let lines = five(["0/0"; 5]).replace('\n', "\t0/1\n");
    let text = format!("{HEADER}{columns}{lines}");
    let (tables, genes) = (tables(), ["GENE1".to_owned()]);
    let defined = definitions(&tables, &genes).expect("GENE1");
    let of = |name: Option<&str>| read_sample(text.as_bytes(), name, &defined);
    assert_eq!(of(None).expect_err("two").to_string(), "the VCF has 2 samples: name one with --sample");
    let error = of(Some("THIRD-PATIENT")).expect_err("none such").to_string();
    assert!(!error.contains("PATIENT"), "{error}");
    let second = of(Some("SECOND-PATIENT")).expect("the second");
    assert!(second.records.iter().all(|record| record.genotype.copies == [Some(0), Some(1)]));
}

#[test]
fn line_ends_of_windows_and_compression_change_nothing() {
    let text = format!("{HEADER}{COLUMNS}{}", five(["0|1", "1|0", "0/0", "0/0", "0/0"]));
    let expected = serde_json::to_string(&read(&text).expect("a call")).expect("JSON");
    let (tables, genes) = (tables(), ["GENE1".to_owned()]);
    let defined = definitions(&tables, &genes).expect("GENE1");
    // bgzip writes several members, one behind the other.
    let (head, tail) = text.split_at(200);
    let mut packed = Vec::new();
    for part in [head, tail] {
        let mut writer = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::default());
        writer.write_all(part.as_bytes()).and_then(|()| writer.finish().map(|_| ())).expect("written");
    }
    for bytes in [text.replace('\n', "\r\n").into_bytes(), packed] {
        let read = read_sample(&bytes[..], None, &defined).expect("read");
        let report = call(&tables, &read, &genes).expect("a call");
        assert_eq!(serde_json::to_string(&report).expect("JSON"), expected);
    }
}

fn dpyd(samples: [&str; 4]) -> GeneResult {
    let sites = [(97_450_058, "C\tT"), (97_515_839, "T\tC"), (97_573_863, "C\tT"), (97_579_893, "G\tC")];
    let lines: String = sites
        .iter()
        .zip(samples)
        .filter(|(_, sample)| !sample.is_empty())
        .map(|((position, bases), sample)| {
            format!("chr1\t{position}\t.\t{bases}\t.\tPASS\t.\tGT\t{sample}\n")
        })
        .collect();
    let (tables, genes) = (tables(), ["DPYD".to_owned()]);
    let defined = definitions(&tables, &genes).expect("DPYD");
    let text = format!("{HEADER}{COLUMNS}{lines}");
    let read = read_sample(text.as_bytes(), None, &defined).expect("read");
    call(&tables, &read, &genes).expect("a call").genes.remove(0)
}

#[test]
fn variants_of_dpyd_are_told_for_each_copy() {
    let named = |samples| {
        let result = dpyd(samples);
        (shown(&result).join(" "), result.phenotype.words(), result.phenotype.activity_score)
    };
    let with = |names: &str, words: &str, score: Option<&str>| {
        (names.to_owned(), words.to_owned(), score.map(str::to_owned))
    };
    assert_eq!(named(["0/0"; 4]), with("!Reference/Reference", "Normal Metabolizer", Some("2.0")));
    assert_eq!(
        named(["0|1", "0|1", "0|0", "0|0"]),
        with("!Reference/[*2A + *5]", "Intermediate Metabolizer", Some("1.0"))
    );
    assert_eq!(named(["0|1", "1|0", "0|0", "0|0"]), with("!*2A/*5", "Intermediate Metabolizer", Some("1.0")));
    // Both orders give 1.0.
    assert_eq!(
        named(["0/1", "0/1", "0/0", "0/0"]),
        with("Reference/[*2A + *5] !*2A/*5", "Intermediate Metabolizer", Some("1.0"))
    );
    // In one order 0 + 1, in the other 0 + 0.5.
    let words = "indeterminate (Poor Metabolizer or Intermediate Metabolizer)";
    assert_eq!(named(["0/1", "0/0", "0/1", "1/0"]), with("Reference/[*2A + HapB3] !*2A/HapB3", words, None));
    let notes = dpyd(["0/1", "0/0", "0/1", "1/0"]).notes;
    assert!(notes[0].ends_with("(*2A, HapB3), if on two copies, give Poor Metabolizer, activity score 0.5"));
}

#[test]
fn hapb3_is_told_by_its_stand_in_only_where_the_acting_position_was_not_read() {
    let stood_in = dpyd(["0/0", "0/0", "0/1", ""]);
    assert_eq!(shown(&stood_in), ["!Reference/HapB3"]);
    assert!(stood_in.notes[0].starts_with("HapB3 by c.1236G>A"));
    // The exonic change alone is no HapB3 where the acting position is read as reference.
    assert_eq!(shown(&dpyd(["0/0", "0/0", "0/1", "0/0"])), ["!Reference/Reference"]);
    assert_eq!(shown(&dpyd(["0/0", "0/0", "0/0", "0/1"])), ["!Reference/c.1129-5923C>G"]);
}

#[test]
fn genes_that_small_variants_do_not_tell_are_said_so() {
    let tables = tables();
    let genes = ["CYP2D6", "HLA-B", "MT-RNR1"].map(str::to_owned);
    let report = call(&tables, &SampleVariants::default(), &genes).expect("said so");
    assert!(
        report.genes.iter().all(|one| one.diplotypes.is_empty() && one.notes[0].starts_with("not called: "))
    );
    let error = call(&tables, &SampleVariants::default(), &["NONE".to_owned()]).expect_err("unknown");
    assert_eq!(error.to_string(), "no definition of NONE among the tables: they have DPYD, GENE1");
}

#[test]
fn one_copy_on_x_is_one_allele() {
    let text = DEFINITION.replace("GENE1", "G6PD").replace("chr2", "chrX");
    let mut tables = GeneTables::default();
    tables.add_definition("G6PD_translation.json", &text).expect("a definition");
    let of = |samples| {
        let lines = five(samples).replace("chr2", "chrX");
        let text = format!("{HEADER}{COLUMNS}{lines}");
        let read =
            read_sample(text.as_bytes(), None, &definitions(&tables, &[]).expect("G6PD")).expect("read");
        call(&tables, &read, &[]).expect("a call").genes.remove(0)
    };
    let one = of(["1", "0", "0", "0", "0"]);
    assert_eq!(shown(&one), ["!*2"]);
    assert_eq!(one.notes[0], "one copy read (hemizygous)");
    assert_eq!(shown(&of(["0/1", "0/0", "0/0", "0/0", "0/0"])), ["!*1/*2"]);
    // One copy here and two there: the single ones are not read.
    assert_eq!(of(["1", "0/0", "0/0", "0/0", "0/0"]).unread[0].reason, Reason::Copies);
}

#[test]
fn a_table_that_is_wrong_is_named_with_its_gene() {
    let refused = |from: &str, to: &str| {
        let text = DEFINITION.replace(from, to);
        GeneTables::default().add_definition("a.json", &text).expect_err("wrong").to_string()
    };
    assert!(refused("\"gene\"", "\"jean\"").starts_with("table a.json, gene ?: not a definition of alleles"));
    assert_eq!(
        refused("\"reference\": true", "\"reference\": false"),
        "table a.json, gene GENE1: has 0 reference alleles, expected 1"
    );
    assert_eq!(
        refused("[\"T\", null, null, null, null]", "[\"T\"]"),
        "table a.json, gene GENE1: allele *2 has 1 positions, the file defines 5"
    );
    assert!(refused("\"ref\": \"CAT\"", "\"ref\": \"delAT\"").contains("variant at 1020"));
    let error = GeneTables::default().add_phenotypes("b.json", "[]").expect_err("wrong").to_string();
    assert!(error.starts_with("table b.json, gene ?: not a table of phenotypes"));
}

#[test]
fn guidance_comes_with_level_and_source_and_the_gravest_first() {
    let text = "Gene,phenotype,drug,statement,level,source\n\
        GENE1,Normal Metabolizer,a drug,usual dose,strong,a guideline\n\
        GENE1,Poor Metabolizer,a drug,\"another drug, or half the dose\",moderate,a guideline\n\
        GENE2,Poor Metabolizer,a drug,none,strong,a guideline\n";
    let guidance = Guidance::parse("g.csv", text.as_bytes()).expect("three statements");
    let possible = ["Normal Metabolizer", "Poor Metabolizer"].map(str::to_owned);
    let shown: Vec<&str> = guidance.of("GENE1", &possible).iter().map(|one| one.statement.as_str()).collect();
    assert_eq!(shown, ["another drug, or half the dose", "usual dose"]);
    let error = Guidance::parse("g.csv", text.replace("strong,a", ",a").as_bytes()).expect_err("no level");
    assert_eq!(error.to_string(), "guidance g.csv, line 2 has no level");
    let error = Guidance::parse("g.csv", b"gene,drug\n").expect_err("no column");
    assert_eq!(error.to_string(), "guidance g.csv, line 1 has no column phenotype");
}

#[test]
fn bytes_that_are_no_file_make_no_panic() {
    let (tables, genes) = (tables(), ["GENE1".to_owned()]);
    let defined = definitions(&tables, &genes).expect("GENE1");
    let text = format!("{HEADER}{COLUMNS}{}", five(["0|1:3", "1|2:3", "./.", "0", "1/1"]));
    for cut in 0..text.len() {
        let _ = read_sample(&text.as_bytes()[..cut], None, &defined).map(|read| call(&tables, &read, &genes));
        let mut bytes = text.clone().into_bytes();
        for value in [0, b'\t', b'\n', b'|', b'9', 0xff] {
            bytes[cut] = value;
            let _ = read_sample(&bytes[..], None, &defined).map(|read| call(&tables, &read, &genes));
        }
    }
}
