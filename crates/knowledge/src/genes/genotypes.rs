use std::collections::BTreeMap;

use serde::Serialize;

use super::tables::{Definition, Variant};
use super::vcf::{SampleVariants, SiteRecord};

/// What one sample has at the positions of a definition, in its order.
#[derive(Clone, Debug)]
pub struct Positions {
    /// One a position of the definition.
    pub sites: Vec<Site>,
    /// Copies of the gene that were read: 2, or 1 on a sex chromosome or in mitochondria.
    pub copies: usize,
}

/// A position of a definition in one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// It was read.
    Read(Call),
    /// It was not read.
    Unread(Reason),
}

/// Bases of each copy at a position, as the definition writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// As the definition writes them.
    pub bases: Vec<String>,
    /// Which other positions this one's order goes with; none if the order says nothing.
    pub phase: Option<Phase>,
}

/// Positions whose order goes together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// All that are phased without a set.
    Whole,
    /// Those of one PS.
    Set(String),
}

/// Why a position is not read. It then counts for no allele and against none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No record covers it.
    Missing,
    /// `./.`, or no GT.
    NoCall,
    /// `./1`: one copy alone is called.
    HalfCall,
    /// Bases that the definition does not know.
    UndefinedBases,
    /// A deletion of another record spans it.
    Spanned,
    /// REF is not the definition's base.
    OtherReference,
    /// REF and ALT stand the other way round.
    SwappedReference,
    /// FILTER is neither PASS nor `.`.
    Filtered,
    /// Two records say different things.
    Contradiction,
    /// One copy on a chromosome of which there are two, or more than two.
    Copies,
}

impl Reason {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "no record",
            Self::NoCall => "no call",
            Self::HalfCall => "half call",
            Self::UndefinedBases => "bases outside the definition",
            Self::Spanned => "spanned by a deletion",
            Self::OtherReference => "REF differs from the definition",
            Self::SwappedReference => "REF and ALT swapped against the definition",
            Self::Filtered => "failed its filter",
            Self::Contradiction => "records contradict each other",
            Self::Copies => "unexpected number of copies",
        }
    }
}

/// Reads the positions of a definition out of a sample's records.
///
/// An indel is compared after both sides are cut to the shortest form and moved left as far as the reference bases
/// of the file and of the definition reach: there is no other reference here.
///
/// # Source
/// Tan, Abecasis and Kang 2015, doi:10.1093/bioinformatics/btv112
pub fn positions(definition: &Definition, read: &SampleVariants) -> Positions {
    let records: Vec<&SiteRecord> =
        read.records.iter().filter(|record| record.chromosome == definition.chromosome).collect();
    let known = known_bases(definition, &records);
    let mut sites: Vec<Site> =
        definition.variants.iter().map(|variant| site(variant, &records, &known)).collect();
    let sex_or_mitochondrial =
        matches!(definition.chromosome.trim_start_matches("chr"), "X" | "Y" | "M" | "MT");
    let read_copies = |sites: &[Site], count: usize| {
        sites.iter().any(|site| matches!(site, Site::Read(call) if call.bases.len() == count))
    };
    let copies =
        if sex_or_mitochondrial && read_copies(&sites, 1) && !read_copies(&sites, 2) { 1 } else { 2 };
    for site in &mut sites {
        if matches!(site, Site::Read(call) if call.bases.len() != copies) {
            *site = Site::Unread(Reason::Copies);
        }
    }
    Positions { sites, copies }
}

fn known_bases(definition: &Definition, records: &[&SiteRecord]) -> BTreeMap<u64, u8> {
    let of_definition = definition.variants.iter().map(|one| (one.position, &one.reference));
    let of_records = records.iter().map(|one| (one.position, &one.reference));
    let mut known = BTreeMap::new();
    for (position, bases) in of_records.chain(of_definition) {
        for (place, base) in bases.bytes().enumerate() {
            known.insert(position + place as u64, base);
        }
    }
    known
}

/// A change in its shortest form, as far left as the known bases reach.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    position: u64,
    from: Vec<u8>,
    to: Vec<u8>,
}

pub(super) fn normal(position: u64, from: &str, to: &str, known: &BTreeMap<u64, u8>) -> Change {
    let (mut position, mut from, mut to) = (position, from.as_bytes().to_vec(), to.as_bytes().to_vec());
    loop {
        if from == to {
            break;
        }
        if let (Some(one), Some(other)) = (from.last(), to.last())
            && one == other
        {
            from.pop();
            to.pop();
            continue;
        }
        if !from.is_empty() && !to.is_empty() {
            break;
        }
        // What is left is a pure insertion or deletion: one base further left, if that base is known.
        let Some(&base) = position.checked_sub(1).and_then(|before| known.get(&before)) else { break };
        position -= 1;
        from.insert(0, base);
        to.insert(0, base);
    }
    let same = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let same = same.min(from.len().min(to.len()).saturating_sub(1));
    from.drain(..same);
    to.drain(..same);
    position += same as u64;
    Change { position, from, to }
}

fn site(variant: &Variant, records: &[&SiteRecord], known: &BTreeMap<u64, u8>) -> Site {
    let mut found: Option<Site> = None;
    for record in records {
        let Some(site) = by_record(variant, record, known) else { continue };
        found = Some(match (found, site) {
            (None, site) => site,
            (Some(before), site) => both(before, site),
        });
    }
    found.unwrap_or(Site::Unread(Reason::Missing))
}

/// What two records make of a position: the same call stays, and whatever differs is a contradiction.
fn both(before: Site, site: Site) -> Site {
    match (&before, &site) {
        (Site::Unread(Reason::Filtered), _) => site,
        (_, Site::Unread(Reason::Filtered)) => before,
        (Site::Read(one), Site::Read(other)) => {
            let sorted = |call: &Call| {
                let mut bases = call.bases.clone();
                bases.sort();
                bases
            };
            if one == other
                || (sorted(one) == sorted(other) && one.bases.windows(2).all(|two| two[0] == two[1]))
            {
                before
            } else {
                Site::Unread(Reason::Contradiction)
            }
        }
        (Site::Unread(one), Site::Unread(other)) if one == other => before,
        (Site::Unread(Reason::Contradiction | Reason::Spanned), _) => before,
        (_, Site::Unread(Reason::Spanned)) => site,
        _ => Site::Unread(Reason::Contradiction),
    }
}

/// What a record says of a position, none if it is about something else.
fn by_record(variant: &Variant, record: &SiteRecord, known: &BTreeMap<u64, u8>) -> Option<Site> {
    let changes: Vec<Change> =
        variant.alternates.iter().map(|to| normal(variant.position, &variant.reference, to, known)).collect();
    let is_symbol = |bases: &str| bases.starts_with('<') || bases == "*" || bases.contains(['[', ']']);
    // For every index of the record: the definition's bases, or none for bases that it does not know.
    let mut names: Vec<Option<&str>> = vec![Some(&variant.reference)];
    for to in &record.alternates {
        let name = if is_symbol(to) {
            None
        } else {
            let change = normal(record.position, &record.reference, to, known);
            changes.iter().position(|one| *one == change).map(|place| variant.alternates[place].as_str())
        };
        names.push(name);
    }
    let starts_here = record.position == variant.position;
    let covers = record.position <= variant.position && variant.end() <= record.end;
    let is_about = starts_here || covers || names.iter().skip(1).any(Option::is_some);
    if !is_about {
        return spans(variant, record).then_some(Site::Unread(Reason::Spanned));
    }
    if record.failed_filter.is_some() {
        return Some(Site::Unread(Reason::Filtered));
    }
    let same_base = |record: &SiteRecord| {
        let offset = usize::try_from(variant.position.checked_sub(record.position)?).ok()?;
        let written = record.reference.get(offset..)?;
        let shared = written.len().min(variant.reference.len());
        (shared > 0).then(|| written[..shared] == variant.reference[..shared])
    };
    if same_base(record) == Some(false) {
        let is_swapped = starts_here
            && variant.alternates.contains(&record.reference)
            && record.alternates.contains(&variant.reference);
        return Some(Site::Unread(if is_swapped {
            Reason::SwappedReference
        } else {
            Reason::OtherReference
        }));
    }
    let genotype = &record.genotype;
    let called = genotype.copies.iter().flatten().count();
    if called == 0 {
        return Some(Site::Unread(Reason::NoCall));
    }
    if called < genotype.copies.len() {
        return Some(Site::Unread(Reason::HalfCall));
    }
    if genotype.copies.len() > 2 {
        return Some(Site::Unread(Reason::Copies));
    }
    let used: Vec<usize> = genotype.copies.iter().flatten().copied().collect();
    let is_reference = used.iter().all(|&index| index == 0);
    if is_reference && !covers && names.iter().skip(1).all(Option::is_none) {
        // The base before a deletion says nothing of what is deleted.
        return None;
    }
    if let Some(&index) = used.iter().find(|&&index| names[index].is_none()) {
        let bases = &record.alternates[index - 1];
        // A longer record that covers the position may change other bases alone.
        if !starts_here && !spans(variant, record) && !is_symbol(bases) {
            return None;
        }
        let is_spanning = bases == "*" || (!starts_here && !is_symbol(bases));
        return Some(Site::Unread(if is_spanning { Reason::Spanned } else { Reason::UndefinedBases }));
    }
    let bases: Vec<String> = used.iter().map(|&index| names[index].unwrap_or_default().to_owned()).collect();
    let phase = genotype.phased.then(|| match &genotype.phase_set {
        Some(set) => Phase::Set(set.clone()),
        None => Phase::Whole,
    });
    Some(Site::Read(Call { bases, phase }))
}

/// Whether a record's called change takes bases away that the position has.
fn spans(variant: &Variant, record: &SiteRecord) -> bool {
    record.failed_filter.is_none()
        && record.genotype.copies.iter().flatten().filter(|&&index| index > 0).any(|&index| {
            let to = &record.alternates[index - 1];
            let kept = if to == "<DEL>" { 1 } else { to.len() as u64 };
            let is_bases = to.bytes().all(|base| b"ACGTN".contains(&base));
            let end =
                if to == "<DEL>" { record.end } else { record.position + record.reference.len() as u64 - 1 };
            (is_bases || to == "<DEL>")
                && kept < end - record.position + 1
                && record.position + kept <= variant.end()
                && variant.position <= end
        })
}
