use std::io::BufRead;

use serde_json::Value;

use super::{Document, Origin, PassageError, Take};

/// Most bytes of a line.
const LINE: u64 = 16 << 20;

/// One JSON value: PubMedQA's object (identifier to question, contexts, long answer), a list of documents, or a document.
pub(super) fn read(text: &str, origin: &Origin, take: &mut Take<'_>) -> Result<(), PassageError> {
    let value: Value = serde_json::from_str(text).map_err(|error| malformed(origin, error.line(), &error))?;
    match &value {
        Value::Object(by_id) if by_id.values().any(|one| one.get("CONTEXTS").is_some()) => {
            for (id, one) in by_id {
                pubmedqa(id, one, origin, take)?;
            }
        }
        Value::Array(list) => {
            for (at, one) in list.iter().enumerate() {
                document(one, &format!("{}:{}", origin.name(), at + 1), origin, take)?;
            }
        }
        one => document(one, &origin.name(), origin, take)?,
    }
    Ok(())
}

/// A JSON value a line; empty lines are none.
pub(super) fn read_lines(
    input: &mut dyn BufRead,
    origin: &Origin,
    take: &mut Take<'_>,
) -> Result<(), PassageError> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = std::io::Read::take(&mut *input, LINE + 1).read_until(b'\n', &mut bytes);
        let read = read.map_err(|reason| PassageError::Unreadable { file: origin.file.clone(), reason })?;
        if read == 0 {
            break;
        }
        if read as u64 > LINE {
            let most = (LINE >> 20) as usize;
            return Err(PassageError::TooLarge {
                file: format!("{} line {line}", origin.file),
                most,
                form: "a line",
                instead: "cut the document into several",
            });
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| malformed(origin, line, &error))?;
        document(&value, &format!("{}:{line}", origin.name()), origin, take)?;
    }
    Ok(())
}

fn malformed(origin: &Origin, line: usize, error: &serde_json::Error) -> PassageError {
    // The library's own words end with a place of its own.
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or(&said).to_owned();
    PassageError::Malformed { file: origin.file.clone(), line, what }
}

/// An abstract with the labels of its parts. The question stays out: it is the article's title, and whoever asks it would
/// find it by itself.
fn pubmedqa(id: &str, one: &Value, origin: &Origin, take: &mut Take<'_>) -> Result<(), PassageError> {
    let texts = |key: &str| -> Vec<String> {
        let list = one.get(key).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let labels = texts("LABELS");
    let mut sections: Vec<(Option<String>, String)> =
        texts("CONTEXTS").into_iter().enumerate().map(|(at, text)| (labels.get(at).cloned(), text)).collect();
    if let Some(conclusion) = one.get("LONG_ANSWER").and_then(Value::as_str) {
        sections.push((Some("CONCLUSIONS".to_owned()), conclusion.to_owned()));
    }
    let year = one.get("YEAR").and_then(Value::as_str).map_or_else(String::new, |year| format!(", {year}"));
    let document =
        Document { id: format!("pubmed:{id}"), source: format!("PubMed{year}"), ..Document::of(origin) };
    document.hand_over(&sections, take)
}

/// A document of our own make (`id`, `title`, `text`, `source`, `license`), MedQuAD's (`qid`, `focus`, `answer`, `url`) or
/// BioASQ's (`snippets` with `document` and `text`).
fn document(one: &Value, place: &str, origin: &Origin, take: &mut Take<'_>) -> Result<(), PassageError> {
    let of = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(snippets) = one.get("snippets").and_then(Value::as_array) {
        let question = of(one, "id").unwrap_or_else(|| place.to_owned());
        for (at, snippet) in snippets.iter().enumerate() {
            let (Some(text), Some(url)) = (of(snippet, "text"), of(snippet, "document")) else { continue };
            let number = url.rsplit('/').next().unwrap_or(&url);
            let document = Document {
                id: format!("bioasq:{question}-{}-{number}", at + 1),
                source: format!("PubMed {number}"),
                ..Document::of(origin)
            };
            document.hand_over(&[(of(snippet, "beginSection"), text)], take)?;
        }
        return Ok(());
    }
    let text = of(one, "text").or_else(|| of(one, "answer"));
    let Some(text) = text else { return Ok(()) };
    let id = match (of(one, "id"), of(one, "qid")) {
        (Some(id), _) => id,
        (None, Some(id)) => format!("medquad:{id}"),
        (None, None) => place.to_owned(),
    };
    let document = Document {
        id,
        title: of(one, "title").or_else(|| of(one, "focus")),
        source: of(one, "url").or_else(|| of(one, "source")).unwrap_or_else(|| origin.file.clone()),
        license: of(one, "license").or_else(|| origin.license.clone()),
    };
    document.hand_over(&[(of(one, "section").or_else(|| of(one, "qtype")), text)], take)
}
