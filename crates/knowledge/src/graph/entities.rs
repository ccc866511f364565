//! Entities of XML that grow beyond reason: the reader of RDF/XML puts their values in as it reads, without a bound of its own.

use std::collections::BTreeMap;

use super::ReadError;

/// Bytes of one entity's value with the entities in it. Files use them for the beginnings of names.
const MOST_VALUE: usize = 4096;
/// Bytes of an entity's name.
const MOST_NAME: usize = 256;
/// All values that a file puts in are at most this many times the file, and this much more.
const MOST_TIMES: usize = 16;
const MOST_MORE: usize = 1 << 20;

/// Refuses a document whose entities would grow beyond the bounds, by what it declares anywhere (`<!ENTITY name "value">`).
///
/// # Errors
/// [`ReadError::Line`] with the line of the declaration, or with line 0 where the uses are too many.
pub(super) fn check(bytes: &[u8]) -> Result<(), ReadError> {
    let mut lengths: BTreeMap<&[u8], usize> = BTreeMap::new();
    let (mut at, mut line) = (0, 1);
    while let Some(found) = find(&bytes[at..], b"<!ENTITY") {
        line += bytes[at..at + found].iter().filter(|byte| **byte == b'\n').count();
        at += found + b"<!ENTITY".len();
        // What is not understood here might be understood by the reader, and grow there.
        let Some((name, value)) = declared(&bytes[at..]).filter(|(name, _)| name.len() <= MOST_NAME) else {
            return Err(ReadError::Line {
                line,
                field: "entity".to_owned(),
                what: format!(
                    "is not declared as <!ENTITY name \"value\">, with a name of at most {MOST_NAME} bytes"
                ),
            });
        };
        let length = value.len() + put_in(value, &lengths);
        if length > MOST_VALUE {
            return Err(ReadError::Line {
                line,
                field: format!("entity {}", String::from_utf8_lossy(name)),
                what: format!("its value grows to more than {MOST_VALUE} bytes"),
            });
        }
        let known = lengths.entry(name).or_default();
        *known = length.max(*known);
    }
    let most = bytes.len().saturating_mul(MOST_TIMES).saturating_add(MOST_MORE);
    if !lengths.is_empty() && put_in(bytes, &lengths) > most {
        return Err(ReadError::Line {
            line: 0,
            field: "entities".to_owned(),
            what: format!("their values grow to more than {MOST_TIMES} times the file"),
        });
    }
    Ok(())
}

/// Name and value of a declaration, from behind `<!ENTITY`.
fn declared(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"%").unwrap_or(rest).trim_ascii_start();
    let (name, rest) = rest.split_at(rest.iter().position(u8::is_ascii_whitespace)?);
    let rest = rest.trim_ascii_start().strip_prefix(b"\"")?;
    Some((name, &rest[..rest.iter().position(|byte| *byte == b'"')?]))
}

/// Bytes of the values that a text's references put in.
fn put_in(text: &[u8], lengths: &BTreeMap<&[u8], usize>) -> usize {
    let longest = lengths.keys().map(|name| name.len()).max().unwrap_or(0);
    text.iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'&')
        .filter_map(|(at, _)| {
            let name = &text[at + 1..text.len().min(at + 2 + longest)];
            lengths.get(&name[..name.iter().position(|byte| *byte == b';')?])
        })
        .fold(0, |sum: usize, length| sum.saturating_add(*length))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(document: &str) -> String {
        check(document.as_bytes()).expect_err("refused").to_string()
    }

    #[test]
    fn namespaces_as_entities_pass_and_entities_of_entities_are_refused_by_line_and_name() {
        let names = r#"<!DOCTYPE r [<!ENTITY owl "http://www.w3.org/2002/07/owl#"><!ENTITY o "&owl;">]><r a="&owl;Class" b="&o;x"/>"#;
        assert!(check(names.as_bytes()).is_ok());
        let mut laughs = String::from("<!DOCTYPE r [\n<!ENTITY a0 \"xxxxxxxxxx\">\n");
        for depth in 1..12 {
            let value = format!("&a{};", depth - 1).repeat(10);
            laughs += &format!("<!ENTITY a{depth} \"{value}\">\n");
        }
        assert_eq!(refusal(&laughs), "line 5, entity a3: its value grows to more than 4096 bytes");
    }

    #[test]
    fn a_declaration_that_is_not_understood_is_refused() {
        for document in [
            "<!ENTITY a \u{b}\"xx\">".to_owned(),
            "<!ENTITY a\u{a0}\"xx\">".to_owned(),
            "<!ENTITY a SYSTEM \"file:///etc/passwd\">".to_owned(),
            format!("<!ENTITY {} \"xx\">", "n".repeat(300)),
        ] {
            assert!(refusal(&document).starts_with("line 1, entity: is not declared as"), "{document}");
        }
    }

    #[test]
    fn one_long_entity_that_is_used_again_and_again_is_refused() {
        let value = "x".repeat(4000);
        let document = |uses: usize| format!("<!ENTITY a \"{value}\"> {}", "&a;".repeat(uses));
        assert!(check(document(200).as_bytes()).is_ok());
        assert_eq!(
            refusal(&document(10_000)),
            "line 0, entities: their values grow to more than 16 times the file"
        );
    }
}
