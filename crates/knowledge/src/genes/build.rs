use super::GenesError;
use super::tables::Definition;
use super::vcf::{Header, SampleVariants};

/// Lengths of the chromosomes in GRCh38 and GRCh37.
///
/// # Source
/// Genome Reference Consortium: GCA_000001405.15 and GCA_000001405.1.
const LENGTHS: [(&str, u64, u64); 24] = [
    ("1", 248_956_422, 249_250_621),
    ("2", 242_193_529, 243_199_373),
    ("3", 198_295_559, 198_022_430),
    ("4", 190_214_555, 191_154_276),
    ("5", 181_538_259, 180_915_260),
    ("6", 170_805_979, 171_115_067),
    ("7", 159_345_973, 159_138_663),
    ("8", 145_138_636, 146_364_022),
    ("9", 138_394_717, 141_213_431),
    ("10", 133_797_422, 135_534_747),
    ("11", 135_086_622, 135_006_516),
    ("12", 133_275_309, 133_851_895),
    ("13", 114_364_328, 115_169_878),
    ("14", 107_043_718, 107_349_540),
    ("15", 101_991_189, 102_531_392),
    ("16", 90_338_345, 90_354_753),
    ("17", 83_257_441, 81_195_210),
    ("18", 80_373_285, 78_077_248),
    ("19", 58_617_616, 59_128_983),
    ("20", 64_444_167, 63_025_520),
    ("21", 46_709_983, 48_129_895),
    ("22", 50_818_468, 51_304_566),
    ("X", 156_040_895, 155_270_560),
    ("Y", 57_227_415, 59_373_566),
];
/// From this many single bases read on, their disagreement speaks against the build.
const ENOUGH_BASES: usize = 4;

/// Whether the positions of a file are those of the definitions; what shows it, as a sentence.
///
/// # Errors
/// [`GenesError::Build`] if the header names another genome or several, or if the reference bases are those of another.
pub fn check_build(read: &SampleVariants, definitions: &[&Definition]) -> Result<String, GenesError> {
    let Some(first) = definitions.first() else { return Ok(String::new()) };
    let expected = first.build.split('.').next().unwrap_or_default().to_owned();
    if let Some(other) = definitions.iter().find(|one| one.build.split('.').next() != Some(&expected)) {
        return Err(GenesError::Build {
            found: format!("definitions of both {expected} and {}", other.build),
            expected,
        });
    }
    let stated = stated(&read.header);
    if let Some((build, by)) = stated.iter().find(|(build, _)| *build != expected) {
        return Err(GenesError::Build { found: format!("{build} by {by}"), expected });
    }
    let (agree, differ) = bases(read, definitions);
    if agree + differ >= ENOUGH_BASES && differ * 4 > agree + differ {
        return Err(GenesError::Build {
            found: format!("{differ} of {} reference bases that are not its own", agree + differ),
            expected,
        });
    }
    Ok(match stated.first() {
        Some((build, by)) => format!("{build} by {by}; {agree} of {} reference bases agree", agree + differ),
        None => format!(
            "the header does not name the genome; taken for {expected}, since {agree} of {} reference bases agree",
            agree + differ
        ),
    })
}

/// Builds that the header names, with what names them.
fn stated(header: &Header) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for text in &header.references {
        let text = text.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        // A path may hold both, as a folder of a later reference in a pipeline named after an earlier one.
        if has(&["grch38", "hg38", "hs38", "gca_000001405.15"]) {
            found.push(("GRCh38".to_owned(), "its reference".to_owned()));
        }
        if has(&["grch37", "hg19", "b37", "hs37", "g1k_v37"]) {
            found.push(("GRCh37".to_owned(), "its reference".to_owned()));
        }
        if has(&["ncbi36", "hg18", "b36"]) {
            found.push(("NCBI36".to_owned(), "its reference".to_owned()));
        }
        if has(&["t2t", "chm13", "hs1."]) {
            found.push(("T2T-CHM13".to_owned(), "its reference".to_owned()));
        }
    }
    for (name, length) in &header.lengths {
        let name = name.trim_start_matches("chr");
        let Some((_, new, old)) = LENGTHS.iter().find(|one| one.0 == name) else { continue };
        let by = format!("the length of chromosome {name}");
        if length == new {
            found.push(("GRCh38".to_owned(), by));
        } else if length == old {
            found.push(("GRCh37".to_owned(), by));
        } else {
            found.push(("another genome".to_owned(), by));
        }
    }
    found
}

/// How many single bases at defined positions are the definition's, and how many are not.
fn bases(read: &SampleVariants, definitions: &[&Definition]) -> (usize, usize) {
    let (mut agree, mut differ) = (0, 0);
    for definition in definitions {
        for variant in &definition.variants {
            let mut here = read.records.iter().filter(|record| {
                record.chromosome == definition.chromosome && record.position == variant.position
            });
            match here.next() {
                Some(record) if record.reference.get(..1) == variant.reference.get(..1) => agree += 1,
                Some(record) if record.reference != "N" => differ += 1,
                _ => {}
            }
        }
    }
    (agree, differ)
}
