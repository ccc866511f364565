use std::collections::BTreeMap;

use oxigraph::model::{Literal, NamedNode, Triple};

use super::ReadError;
use super::vocabulary::{
    BOOLEAN, CLASS, COMMENT, DEPRECATED, LABEL, OBJECT_PROPERTY, OBO, OBO_IN_OWL, RDF_TYPE, SUB_CLASS_OF,
};

/// What a file of OBO says.
pub(super) struct Obo {
    pub(super) statements: Vec<Triple>,
    /// `data-version`, or the date where there is none.
    pub(super) version: Option<String>,
    /// Tags without a place in the graph, and how often each stood.
    pub(super) passed_over: BTreeMap<String, usize>,
}

/// Which frame the lines belong to.
enum Frame {
    Header,
    Term,
    Typedef,
    /// `[Instance]` and what later formats add.
    Other,
}

/// Reads OBO, line by line: terms and their relations become statements of OWL as the OBO foundry writes them.
///
/// A term without `id`, a name without a term, an id that is no id, a quote that does not end and a relation without
/// both ends are refused with line and tag. Tags that the graph has no place for are counted.
///
/// # Source
/// OBO Flat File Format 1.4, <https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html>
pub(super) fn read(text: &str) -> Result<Obo, ReadError> {
    let mut obo = Obo { statements: Vec::new(), version: None, passed_over: BTreeMap::new() };
    let mut frame = Frame::Header;
    let mut subject: Option<NamedNode> = None;
    let mut opened_at = 0;
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let line = line.trim_end();
        let fail =
            |field: &str, what: String| ReadError::Line { line: number, field: field.to_owned(), what };
        if line.is_empty() || line.starts_with('!') {
            continue;
        }
        if line.starts_with('[') {
            without_id(&frame, subject.as_ref(), opened_at)?;
            frame = match line {
                "[Term]" => Frame::Term,
                "[Typedef]" => Frame::Typedef,
                _ if line.ends_with(']') => Frame::Other,
                _ => return Err(fail("frame", format!("\"{}\" does not end with ]", cut(line)))),
            };
            (subject, opened_at) = (None, number);
            continue;
        }
        let Some((tag, value)) = line.split_once(':') else {
            return Err(fail("tag", format!("\"{}\" has no colon", cut(line))));
        };
        let (tag, value) = (tag.trim(), value.trim());
        match frame {
            Frame::Header => match tag {
                "data-version" => obo.version = Some(value.to_owned()),
                "date" if obo.version.is_none() => obo.version = Some(value.to_owned()),
                _ => {}
            },
            Frame::Other => {}
            Frame::Term | Frame::Typedef => {
                let of_term = matches!(frame, Frame::Term);
                if tag == "id" {
                    let class = if of_term { CLASS } else { OBJECT_PROPERTY };
                    let node = if of_term { identifier(value) } else { relation(value) };
                    let node =
                        node.ok_or_else(|| fail(tag, format!("\"{}\" is no identifier", cut(value))))?;
                    obo.statements.push(Triple::new(node.clone(), named(RDF_TYPE), named(class)));
                    obo.statements.push(Triple::new(node.clone(), in_owl("id"), literal(value)));
                    subject = Some(node);
                    continue;
                }
                let Some(of) = &subject else {
                    return Err(fail(tag, "stands before the id of its term".to_owned()));
                };
                match statement(of, tag, value).map_err(|what| fail(tag, what))? {
                    Some(said) => obo.statements.push(said),
                    None => *obo.passed_over.entry(tag.to_owned()).or_default() += 1,
                }
            }
        }
    }
    without_id(&frame, subject.as_ref(), opened_at)?;
    if opened_at == 0 {
        return Err(ReadError::Empty { what: "no [Term] in it" });
    }
    Ok(obo)
}

fn without_id(frame: &Frame, subject: Option<&NamedNode>, opened_at: usize) -> Result<(), ReadError> {
    match frame {
        Frame::Term | Frame::Typedef if subject.is_none() => Err(ReadError::Line {
            line: opened_at,
            field: "id".to_owned(),
            what: "the term that begins here has none".to_owned(),
        }),
        _ => Ok(()),
    }
}

/// What one line of a term says; none for a tag without a place in the graph.
fn statement(of: &NamedNode, tag: &str, value: &str) -> Result<Option<Triple>, String> {
    let says = |predicate: NamedNode, object: Literal| Ok(Some(Triple::new(of.clone(), predicate, object)));
    let to = |predicate: NamedNode, id: &str| {
        let object = identifier(id).ok_or_else(|| format!("\"{}\" is no identifier", cut(id)))?;
        Ok(Some(Triple::new(of.clone(), predicate, object)))
    };
    match tag {
        "name" if value.is_empty() => Err("is empty".to_owned()),
        "name" => says(named(LABEL), literal(&plain(value))),
        "def" => says(obo("IAO_0000115"), literal(&quoted(value)?.0)),
        "comment" => says(named(COMMENT), literal(&plain(value))),
        "synonym" => {
            let (words, rest) = quoted(value)?;
            let scope = match rest.split_whitespace().next() {
                Some("EXACT") => "hasExactSynonym",
                Some("NARROW") => "hasNarrowSynonym",
                Some("BROAD") => "hasBroadSynonym",
                // The format's own default.
                Some("RELATED") | None => "hasRelatedSynonym",
                Some(bracket) if bracket.starts_with('[') => "hasRelatedSynonym",
                Some(other) => {
                    return Err(format!(
                        "the scope is \"{}\", expected EXACT, NARROW, BROAD or RELATED",
                        cut(other)
                    ));
                }
            };
            says(in_owl(scope), literal(words.trim()))
        }
        // Of the first format.
        "exact_synonym" => says(in_owl("hasExactSynonym"), literal(&quoted(value)?.0)),
        "xref" => says(in_owl("hasDbXref"), literal(&plain(first_word(value)))),
        "alt_id" => says(in_owl("hasAlternativeId"), literal(first_word(value))),
        "subset" => says(in_owl("inSubset"), literal(first_word(value))),
        "namespace" => says(in_owl("hasOBONamespace"), literal(value)),
        "is_obsolete" => match first_word(value) {
            "true" => says(named(DEPRECATED), Literal::new_typed_literal("true", named(BOOLEAN))),
            "false" => Ok(None),
            other => Err(format!("is \"{}\", expected true or false", cut(other))),
        },
        "is_a" => to(named(SUB_CLASS_OF), first_word(value)),
        "replaced_by" => to(obo("IAO_0100001"), first_word(value)),
        "consider" => to(in_owl("consider"), first_word(value)),
        "relationship" => {
            let mut words = value.split('!').next().unwrap_or_default().split_whitespace();
            let (Some(how), Some(target)) = (words.next(), words.next()) else {
                return Err("expected a relation and a term".to_owned());
            };
            let how = relation(how).ok_or_else(|| format!("\"{}\" is no relation", cut(how)))?;
            to(how, target)
        }
        _ => Ok(None),
    }
}

/// The words before a comment or a list of modifiers.
fn first_word(value: &str) -> &str {
    value.split_whitespace().next().unwrap_or_default()
}

/// The text between the first quotes, and what stands behind them.
fn quoted(value: &str) -> Result<(String, &str), String> {
    let inner = value.strip_prefix('"').ok_or_else(|| "expected a text between quotes".to_owned())?;
    let mut escaped = false;
    for (at, character) in inner.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Ok((plain(&inner[..at]), &inner[at + 1..])),
            _ => {}
        }
    }
    Err("the quote does not end".to_owned())
}

/// A text without the backslashes of the format.
fn plain(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('W') => text.push(' '),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => {}
            },
            _ => text.push(character),
        }
    }
    text
}

/// `DOID:4` as the OBO foundry's address; an address stays as it is.
fn identifier(id: &str) -> Option<NamedNode> {
    if id.starts_with("http://") || id.starts_with("https://") {
        return NamedNode::new(id).ok();
    }
    let (space, local) = id.split_once(':')?;
    if space.is_empty() || local.is_empty() {
        return None;
    }
    NamedNode::new(format!("{OBO}{space}_{local}")).ok()
}

/// A relation: `part_of` has no prefix, `RO:0002200` has one.
fn relation(id: &str) -> Option<NamedNode> {
    if id.contains(':') { identifier(id) } else { NamedNode::new(format!("{OBO}{id}")).ok() }
}

fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

fn named(iri: &str) -> NamedNode {
    NamedNode::new_unchecked(iri)
}

fn obo(local: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("{OBO}{local}"))
}

fn in_owl(local: &str) -> NamedNode {
    NamedNode::new_unchecked(format!("{OBO_IN_OWL}{local}"))
}

fn literal(text: &str) -> Literal {
    Literal::new_simple_literal(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "format-version: 1.2\ndata-version: 2013-11-30\n\n";

    fn said(frame: &str) -> Vec<String> {
        let obo = read(&format!("{HEADER}{frame}")).expect("it is OBO");
        assert_eq!(obo.version.as_deref(), Some("2013-11-30"));
        obo.statements.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_term_is_read_with_all_that_the_graph_has_a_place_for() {
        let found = said(concat!(
            "[Term]\nid: DOID:8469\nname: influenza\ndef: \"A \\\"viral\\\" disease.\" [url:http\\://x.y]\n",
            "synonym: \"flu \" EXACT [A:1]\nsynonym: \"grippe\" []\nxref: MSH:D007251 \"Influenza\"\nalt_id: DOID:9\n",
            "is_a: DOID:934 ! viral infectious disease\nrelationship: part_of HP:2 ! x\nis_obsolete: true\n",
        ));
        let expect = [
            "<http://www.w3.org/2000/01/rdf-schema#label> \"influenza\"",
            "<http://purl.obolibrary.org/obo/IAO_0000115> \"A \\\"viral\\\" disease.\"",
            "<http://www.geneontology.org/formats/oboInOwl#hasExactSynonym> \"flu\"",
            "<http://www.geneontology.org/formats/oboInOwl#hasRelatedSynonym> \"grippe\"",
            "<http://www.geneontology.org/formats/oboInOwl#hasDbXref> \"MSH:D007251\"",
            "<http://www.geneontology.org/formats/oboInOwl#hasAlternativeId> \"DOID:9\"",
            "<http://www.w3.org/2000/01/rdf-schema#subClassOf> <http://purl.obolibrary.org/obo/DOID_934>",
            "<http://purl.obolibrary.org/obo/part_of> <http://purl.obolibrary.org/obo/HP_2>",
            "<http://www.w3.org/2002/07/owl#deprecated> \"true\"^^<http://www.w3.org/2001/XMLSchema#boolean>",
        ];
        assert_eq!(found.len(), 2 + expect.len());
        for (line, expected) in found[2..].iter().zip(expect) {
            assert_eq!(line, &format!("<http://purl.obolibrary.org/obo/DOID_8469> {expected}"));
        }
    }

    #[test]
    fn what_is_malformed_is_named_with_line_and_tag() {
        for (frame, sentence) in [
            ("[Term]\nname: flu\n", "line 5, name: stands before the id of its term"),
            ("[Term]\n\n[Term]\nid: A:1\n", "line 4, id: the term that begins here has none"),
            ("[Term]\nid: flu\n", "line 5, id: \"flu\" is no identifier"),
            ("[Term]\nid: A:1\ndef: \"open\n", "line 6, def: the quote does not end"),
            (
                "[Term]\nid: A:1\nsynonym: \"x\" NEAR []\n",
                "line 6, synonym: the scope is \"NEAR\", expected EXACT, NARROW, BROAD or RELATED",
            ),
            ("[Term]\nid: A:1\nis_a:\n", "line 6, is_a: \"\" is no identifier"),
            (
                "[Term]\nid: A:1\nrelationship: part_of\n",
                "line 6, relationship: expected a relation and a term",
            ),
            (
                "[Term]\nid: A:1\nis_obsolete: yes\n",
                "line 6, is_obsolete: is \"yes\", expected true or false",
            ),
            ("[Term\nid: A:1\n", "line 4, frame: \"[Term\" does not end with ]"),
            ("[Term]\nid: A:1\nname\n", "line 6, tag: \"name\" has no colon"),
            ("", "no [Term] in it"),
        ] {
            let error = read(&format!("{HEADER}{frame}")).err().expect("refused");
            assert_eq!(error.to_string(), sentence, "{frame}");
        }
    }

    #[test]
    fn tags_without_a_place_are_counted() {
        let obo = read("[Term]\nid: A:1\ncreated_by: x\ncreated_by: y\n").expect("it is OBO");
        assert_eq!(obo.passed_over, BTreeMap::from([("created_by".to_owned(), 2)]));
    }
}
