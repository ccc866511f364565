//! Names of statements in the graph: those of RDF, of OBO in OWL, of RadLex, and ours.

/// Where the OBO foundry's terms live: `DOID:4` is this with `DOID_4`.
pub(super) const OBO: &str = "http://purl.obolibrary.org/obo/";
pub(super) const OBO_IN_OWL: &str = "http://www.geneontology.org/formats/oboInOwl#";
pub(super) const RDF_TYPE: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type";
pub(super) const LABEL: &str = "http://www.w3.org/2000/01/rdf-schema#label";
pub(super) const COMMENT: &str = "http://www.w3.org/2000/01/rdf-schema#comment";
pub(super) const SUB_CLASS_OF: &str = "http://www.w3.org/2000/01/rdf-schema#subClassOf";
pub(super) const CLASS: &str = "http://www.w3.org/2002/07/owl#Class";
pub(super) const OBJECT_PROPERTY: &str = "http://www.w3.org/2002/07/owl#ObjectProperty";
pub(super) const DEPRECATED: &str = "http://www.w3.org/2002/07/owl#deprecated";
pub(super) const VERSION_INFO: &str = "http://www.w3.org/2002/07/owl#versionInfo";
pub(super) const BOOLEAN: &str = "http://www.w3.org/2001/XMLSchema#boolean";
pub(super) const TITLE: &str = "http://purl.org/dc/terms/title";
pub(super) const SOURCE: &str = "http://purl.org/dc/terms/source";
pub(super) const LICENSE: &str = "http://purl.org/dc/terms/license";

/// Ours: sources are named graphs below `source/`, relations below `is/`.
pub(super) const OURS: &str = "https://wilhelm.invalid/";
pub(super) const SOURCES: &str = "https://wilhelm.invalid/source/";
pub(super) const SHA_256: &str = "https://wilhelm.invalid/is/sha256";

/// What names a concept first, in the order of preference.
pub(super) const NAMES: [&str; 4] = [
    LABEL,
    "http://www.w3.org/2004/02/skos/core#prefLabel",
    "http://www.radlex.org/RID/Preferred_name",
    "http://radlex.org/RID/Preferred_name",
];

/// What names a concept too, the closest first.
pub(super) const SYNONYMS: [&str; 7] = [
    "http://www.geneontology.org/formats/oboInOwl#hasExactSynonym",
    "http://www.w3.org/2004/02/skos/core#altLabel",
    "http://www.radlex.org/RID/Synonym",
    "http://radlex.org/RID/Synonym",
    "http://www.geneontology.org/formats/oboInOwl#hasNarrowSynonym",
    "http://www.geneontology.org/formats/oboInOwl#hasBroadSynonym",
    "http://www.geneontology.org/formats/oboInOwl#hasRelatedSynonym",
];

/// Prefixes that a query, a mapping and a printed name may use.
pub(super) const PREFIXES: [(&str, &str); 12] = [
    ("wilhelm", OURS),
    ("source", SOURCES),
    ("is", "https://wilhelm.invalid/is/"),
    ("obo", OBO),
    ("oboInOwl", OBO_IN_OWL),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("radlex", "http://www.radlex.org/RID/"),
];

/// A name as people write it: `DOID:4`, `is:suggests`, or the whole address where no prefix fits.
pub(super) fn short(iri: &str) -> String {
    if let Some(local) = iri.strip_prefix(OBO)
        && let Some((space, number)) = local.split_once('_')
        && !number.contains(['/', '#'])
    {
        return format!("{space}:{number}");
    }
    let longest =
        PREFIXES.iter().filter(|(_, whole)| iri.starts_with(whole)).max_by_key(|(_, whole)| whole.len());
    match longest {
        Some((prefix, whole)) => format!("{prefix}:{}", &iri[whole.len()..]),
        None => iri.to_owned(),
    }
}

/// The address of a name as people write it; none where it has no colon.
///
/// A prefix that is not in the list is one of the OBO foundry: `HP:0000118`.
pub(super) fn whole(name: &str) -> Option<String> {
    let name = name.trim();
    let inner = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inner {
        return Some(inner.to_owned());
    }
    let (prefix, local) = name.split_once(':')?;
    let plain =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if local.starts_with("//") || prefix == "urn" {
        return Some(name.to_owned());
    }
    if let Some((_, whole)) = PREFIXES.iter().find(|(known, _)| *known == prefix) {
        return Some(format!("{whole}{local}"));
    }
    (plain(prefix) && plain(local)).then(|| format!("{OBO}{prefix}_{local}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_short_and_read_back() {
        for (iri, written) in [
            ("http://purl.obolibrary.org/obo/DOID_4", "DOID:4"),
            ("https://wilhelm.invalid/is/suggests", "is:suggests"),
            ("http://www.w3.org/2000/01/rdf-schema#label", "rdfs:label"),
            ("http://www.geneontology.org/formats/oboInOwl#hasDbXref", "oboInOwl:hasDbXref"),
        ] {
            assert_eq!(short(iri), written);
            assert_eq!(whole(written).as_deref(), Some(iri));
        }
        assert_eq!(short("https://example.org/x"), "https://example.org/x");
        assert_eq!(whole("https://example.org/x").as_deref(), Some("https://example.org/x"));
        assert_eq!(whole("pleural effusion"), None);
    }
}
