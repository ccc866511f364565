use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Document, Origin, PassageError, Take};

/// Elements inside elements at most.
const DEPTH: usize = 256;
/// Most bytes of text of one article.
const ARTICLE: usize = 16 << 20;
/// Most bytes of one tag, comment or stretch of text between tags: what is read at once.
const NODE: usize = 4 << 20;

/// Articles of PubMed (`PubmedArticle`), of JATS (`article`) and MedQuAD's documents (`Document` with `QAPair`), streamed.
/// No entity of a document's own is resolved, so none can swell.
pub(super) fn read(
    input: &mut dyn BufRead,
    origin: &Origin,
    take: &mut Take<'_>,
) -> Result<(), PassageError> {
    let mut reader = Reader::from_reader(Lines { input, line: 1, since: 0 });
    reader.config_mut().check_end_names = true;
    let mut article = Article::default();
    let mut path: Vec<String> = Vec::new();
    let mut buffer = Vec::new();
    let wrong = |line: usize, what: String| PassageError::Malformed { file: origin.file.clone(), line, what };
    loop {
        buffer.clear();
        reader.get_mut().since = 0;
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) if error.kind() == std::io::ErrorKind::FileTooLarge => {
                return Err(PassageError::TooLarge {
                    file: format!("{} line {}", origin.file, reader.get_ref().line),
                    most: NODE >> 20,
                    form: "a tag, a comment or a text between tags",
                    instead: "leave it out",
                });
            }
            Err(quick_xml::Error::Io(error)) => {
                let reason = std::io::Error::new(error.kind(), error.to_string());
                return Err(PassageError::Unreadable { file: origin.file.clone(), reason });
            }
            Err(error) => return Err(wrong(reader.get_ref().line, error.to_string())),
        };
        match event {
            Event::Start(element) => {
                let name = local_name(&element);
                path.push(name);
                if path.len() > DEPTH {
                    let line = reader.get_ref().line;
                    return Err(wrong(line, format!("more than {DEPTH} elements inside each other")));
                }
                article.begin(&path, &element);
            }
            Event::Empty(_) => article.text(" "),
            Event::End(_) => {
                if let Some(document) = article.end(&path, origin) {
                    let (document, sections) = document;
                    document.hand_over(&sections, take)?;
                }
                path.pop();
            }
            Event::Text(text) => {
                let text = reader
                    .decoder()
                    .decode(&text)
                    .map_err(|error| wrong(reader.get_ref().line, error.to_string()))?;
                // References that are not XML's own stay as they are written.
                match quick_xml::escape::unescape(&text) {
                    Ok(plain) => article.text(&plain),
                    Err(_) => article.text(&text),
                }
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|error| wrong(reader.get_ref().line, error.to_string()))?;
                article.text(&text);
            }
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => {
                let open = path.last().map_or("", String::as_str);
                return Err(wrong(
                    reader.get_ref().line,
                    format!("the file ends within <{open}>: it is cut"),
                ));
            }
            _ => {}
        }
        if article.size > ARTICLE {
            return Err(PassageError::TooLarge {
                file: format!("{} line {}", origin.file, reader.get_ref().line),
                most: ARTICLE >> 20,
                form: "an article",
                instead: "leave it out",
            });
        }
    }
}

/// Counts lines as they are consumed, and ends what would be read at once without a bound.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    line: usize,
    /// Bytes since the last event.
    since: usize,
}

impl std::io::Read for Lines<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(into)?;
        self.since += read;
        self.line += into[..read].iter().filter(|byte| **byte == b'\n').count();
        Ok(read)
    }
}

impl BufRead for Lines<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.since > NODE {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        let left = NODE + 1 - self.since;
        let buffer = self.input.fill_buf()?;
        Ok(&buffer[..buffer.len().min(left)])
    }
    fn consume(&mut self, amount: usize) {
        if let Ok(buffer) = self.input.fill_buf() {
            self.line += buffer[..amount.min(buffer.len())].iter().filter(|byte| **byte == b'\n').count();
        }
        self.since += amount;
        self.input.consume(amount);
    }
}

fn local_name(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.local_name().as_ref()).into_owned()
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found =
        element.attributes().flatten().find(|one| one.key.local_name().as_ref() == name.as_bytes())?;
    let value = found.unescape_value().ok()?;
    (!value.trim().is_empty()).then(|| value.trim().to_owned())
}

/// Each section's title and text.
type Sections = Vec<(Option<String>, String)>;
/// An article that ended.
type Closed = (Document, Sections);

/// What is gathered of an article while its elements pass.
#[derive(Default)]
struct Article {
    id: Option<String>,
    title: Option<String>,
    journal: Option<String>,
    year: Option<String>,
    license: Option<String>,
    sections: Sections,
    /// Titles of the sections of JATS that are open.
    open_titles: Vec<Option<String>>,
    label: Option<String>,
    id_kind: Option<String>,
    /// Text of the elements that are gathered now, the innermost last.
    gathered: Vec<String>,
    size: usize,
}

/// What an element's text is for.
enum For {
    Id,
    Title,
    Journal,
    Year,
    License,
    Section,
    SectionTitle,
}

fn purpose(path: &[String]) -> Option<For> {
    let name = path.last()?.as_str();
    let under = |above: &str| path[..path.len() - 1].iter().any(|one| one == above);
    let parent = path.len().checked_sub(2).map_or("", |at| path[at].as_str());
    // What a cited article is called is not what this one is.
    if under("ref-list") || under("ReferenceList") || under("CommentsCorrectionsList") {
        return None;
    }
    Some(match name {
        "PMID" if parent == "MedlineCitation" => For::Id,
        "ArticleTitle" | "Focus" => For::Title,
        "article-title" if under("article-meta") => For::Title,
        "AbstractText" | "Answer" => For::Section,
        "Title" if parent == "Journal" => For::Journal,
        "journal-title" => For::Journal,
        "Year" if parent == "PubDate" => For::Year,
        "year" if parent == "pub-date" => For::Year,
        "license-p" | "CopyrightInformation" => For::License,
        "article-id" if under("article-meta") => For::Id,
        "title" if parent == "sec" => For::SectionTitle,
        "p" if (under("body") || under("abstract")) && !under("p") => For::Section,
        _ => return None,
    })
}

impl Article {
    fn begin(&mut self, path: &[String], element: &BytesStart<'_>) {
        let name = path.last().map_or("", String::as_str);
        match name {
            "PubmedArticle" | "article" | "Document" => {
                *self = Self::default();
                if name == "Document" {
                    self.id = attribute(element, "id").map(|id| format!("medquad:{id}"));
                    self.journal = attribute(element, "url").or_else(|| attribute(element, "source"));
                }
            }
            "AbstractText" => self.label = attribute(element, "Label"),
            "Question" => self.label = attribute(element, "qtype"),
            "article-id" => self.id_kind = attribute(element, "pub-id-type"),
            "sec" => self.open_titles.push(None),
            "license" => {
                self.license = attribute(element, "href").or_else(|| attribute(element, "license-type"))
            }
            _ => {}
        }
        if purpose(path).is_some() {
            self.gathered.push(String::new());
        } else if self.gathered.len() == 1 && is_block(name) {
            self.text(" ");
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(into) = self.gathered.last_mut() {
            into.push_str(text);
            self.size += text.len();
        }
    }

    fn end(&mut self, path: &[String], origin: &Origin) -> Option<Closed> {
        let name = path.last().map_or("", String::as_str);
        if let Some(purpose) = purpose(path) {
            let text = self.gathered.pop().unwrap_or_default();
            let even = text.split_whitespace().collect::<Vec<_>>().join(" ");
            if !even.is_empty() {
                self.put(purpose, even, text, path);
            }
        }
        match name {
            "sec" => {
                self.open_titles.pop();
            }
            "PubmedArticle" | "article" | "Document" => return self.close(origin),
            _ => {}
        }
        None
    }

    fn put(&mut self, purpose: For, even: String, as_written: String, path: &[String]) {
        match purpose {
            For::Id if path.last().is_some_and(|name| name == "PMID") => {
                self.id = Some(format!("pubmed:{even}"));
            }
            For::Id => match self.id_kind.as_deref() {
                Some("pmc" | "pmcid") => self.id = Some(format!("pmc:{even}")),
                Some("pmid") if !self.id.as_deref().is_some_and(|id| id.starts_with("pmc:")) => {
                    self.id = Some(format!("pubmed:{even}"));
                }
                Some("doi") if self.id.is_none() => self.id = Some(format!("doi:{even}")),
                _ => {}
            },
            For::Title => self.title = Some(even),
            For::Journal => self.journal = Some(even),
            For::Year if self.year.is_none() => self.year = Some(even),
            For::Year => {}
            For::License if self.license.is_none() => self.license = Some(even),
            For::License => {}
            For::SectionTitle => {
                if let Some(open) = self.open_titles.last_mut() {
                    *open = Some(even);
                }
            }
            For::Section => {
                let title = self.open_titles.iter().rev().find_map(Clone::clone);
                let in_abstract = path.iter().any(|one| one == "abstract");
                let section =
                    self.label.clone().or(title).or_else(|| in_abstract.then(|| "Abstract".to_owned()));
                match self.sections.last_mut() {
                    // Paragraphs of one section stand together, with a line between them.
                    Some((last, text)) if *last == section && path.last().is_some_and(|name| name == "p") => {
                        text.push_str("\n\n");
                        text.push_str(&even);
                    }
                    // An answer's own lines tell where its lists end.
                    _ => self.sections.push((section, as_written)),
                }
                if path.last().is_some_and(|name| name == "Answer") {
                    self.label = None;
                }
            }
        }
    }

    fn close(&mut self, origin: &Origin) -> Option<Closed> {
        let found = std::mem::take(self);
        if found.sections.is_empty() {
            return None;
        }
        let named = found.journal.unwrap_or_else(|| origin.file.clone());
        let document = Document {
            id: found.id.unwrap_or_else(|| format!("file:{}", origin.name())),
            title: found.title,
            source: found.year.map_or_else(|| named.clone(), |year| format!("{named}, {year}")),
            license: found.license.or_else(|| origin.license.clone()),
        };
        Some((document, found.sections))
    }
}

/// Elements inside a paragraph that part words.
fn is_block(name: &str) -> bool {
    matches!(name, "list" | "list-item" | "p" | "table" | "tr" | "td" | "th" | "label" | "caption" | "break")
}
