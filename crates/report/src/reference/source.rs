//! Where general knowledge comes from, for people.

use wilhelm_study::{Evidence, EvidenceSource};

/// A citation in short: `Wang et al. 2005` of `Wang et al. 2005, doi:...`.
pub fn short_citation(citation: &str) -> String {
    let short = citation.split(", ").next().unwrap_or(citation).trim();
    short.chars().take(80).collect()
}

/// The address at which a source is found: its DOI, PubMed's page, or its own address. Nothing else becomes a link.
pub fn link(source: &EvidenceSource) -> Option<String> {
    match source {
        EvidenceSource::Statement { citation, object, subject, .. } => {
            let address = |iri: &Option<String>| iri.as_deref().and_then(address);
            citation
                .as_deref()
                .and_then(doi)
                .or_else(|| address(&object.iri))
                .or_else(|| address(&subject.iri))
        }
        EvidenceSource::Passage { id, source, .. } => {
            let pubmed = id.strip_prefix("pubmed:").map(|rest| rest.split('#').next().unwrap_or_default());
            let number = pubmed.filter(|number| {
                !number.is_empty() && number.len() <= 9 && number.bytes().all(|byte| byte.is_ascii_digit())
            });
            let page = number.map(|number| format!("https://pubmed.ncbi.nlm.nih.gov/{number}/"));
            page.or_else(|| doi(source)).or_else(|| address(source))
        }
        EvidenceSource::Rule { citation, .. } => doi(citation),
        _ => None,
    }
}

/// The DOI in a citation, as an address.
fn doi(citation: &str) -> Option<String> {
    let (_, rest) = citation.split_once("doi:")?;
    let end =
        rest.find(|c: char| !(c.is_ascii_alphanumeric() || "./-_():".contains(c))).unwrap_or(rest.len());
    let name = rest[..end].trim_end_matches(['.', ':']);
    // Brackets belong to a name only in pairs.
    let name =
        if name.matches(')').count() > name.matches('(').count() { name.trim_end_matches(')') } else { name };
    let (registrant, item) = name.split_once('/')?;
    let is_registrant = registrant.strip_prefix("10.").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    });
    (is_registrant && !item.is_empty()).then(|| format!("https://doi.org/{name}"))
}

/// An address of the web that may stand in a page as it is; addresses that lead nowhere (`.invalid`) are none.
fn address(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain = text.len() <= 300
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&()*+,;=%".contains(&byte));
    let is_host = host.contains('.') && !host.ends_with(".invalid") && !host.contains('@');
    (is_plain && is_host).then(|| text.to_owned())
}

/// What general knowledge is, part by part, for who opens it: a name and a text each. Empty for other evidence.
pub(crate) fn parts(source: &EvidenceSource) -> Vec<(&'static str, String)> {
    let term = |term: &wilhelm_study::KnownTerm| match &term.iri {
        Some(iri) => format!("{} ({})", term.label, short(iri)),
        None => format!("\u{201c}{}\u{201d}", term.label),
    };
    match source {
        EvidenceSource::Statement {
            subject,
            predicate,
            object,
            graph,
            source,
            version,
            license,
            citation,
            figures,
            sentence,
        } => {
            let mut found =
                vec![("subject", term(subject)), ("predicate", term(predicate)), ("object", term(object))];
            if let Some(figures) = figures {
                let of = figures.population.as_ref().map_or_else(String::new, |of| format!(", {of}"));
                let text = format!(
                    "in {:.0} % of those with the disease and {:.0} % of those without it{of}",
                    figures.sensitivity * 100.0,
                    figures.false_positive_rate * 100.0
                );
                found.push(("figures", text));
            }
            found.extend(citation.clone().map(|citation| ("cites", citation)));
            found.extend(
                sentence.clone().map(|words| ("found in a text", format!("\u{201c}{words}\u{201d}"))),
            );
            let version = version.as_ref().map_or_else(String::new, |version| format!(", {version}"));
            found.push(("source", format!("{source}{version} ({})", short(graph))));
            found.push(("license", license.clone()));
            found
        }
        EvidenceSource::Passage { id, title, source, license, quote, span } => {
            let mut found = vec![("passage", id.clone())];
            found.extend(title.clone().map(|title| ("title", title)));
            found.push(("source", source.clone()));
            found.push(("words", format!("\u{201c}{quote}\u{201d}")));
            found.push(("place", format!("characters {} to {}", span[0], span[1])));
            found.push(("license", license.clone().unwrap_or_else(|| "not stated".to_owned())));
            found
        }
        EvidenceSource::Rule { version, statement, .. } => {
            let mut found: Vec<(&'static str, String)> = Vec::new();
            found.extend(version.clone().map(|version| ("version", version)));
            found.extend(statement.clone().map(|address| ("in the knowledge base", short(&address))));
            found
        }
        _ => Vec::new(),
    }
}

/// An address as people write it: `DOID:552`, `finding:pneumonia-on-image`; other addresses whole.
fn short(iri: &str) -> String {
    if let Some((space, number)) =
        iri.strip_prefix("http://purl.obolibrary.org/obo/").and_then(|name| name.split_once('_'))
    {
        return format!("{space}:{number}");
    }
    if let Some((kind, name)) =
        iri.strip_prefix("https://wilhelm.invalid/").and_then(|name| name.split_once('/'))
    {
        return format!("{kind}:{name}");
    }
    match iri.strip_prefix("http://www.w3.org/2000/01/rdf-schema#") {
        Some(name) => format!("rdfs:{name}"),
        None => iri.to_owned(),
    }
}

/// General knowledge as a citation in one line: who says so, and where it was found.
pub(crate) fn cited(evidence: &Evidence) -> String {
    match &evidence.source {
        EvidenceSource::Statement { source, version, citation, license, .. } => {
            let version = version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
            let citation = citation.as_ref().map_or_else(String::new, |citation| format!("{citation}; "));
            format!("{citation}{source}{version} ({license})")
        }
        EvidenceSource::Passage { id, title, source, license, .. } => {
            let title = title.as_ref().map_or_else(String::new, |title| format!("{title}; "));
            let license = license.as_ref().map_or_else(String::new, |license| format!(" ({license})"));
            format!("{title}{source}, passage {id}{license}")
        }
        _ => evidence.summary.clone(),
    }
}
