//! The text of PDF files: letters with their places become lines, paragraphs and pages.
//!
//! A PDF from outside may be made to take hours or gigabytes: whoever reads one does it in a process with limits of its own.

mod lines;
mod place;

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, RenderContent, TransformExt, interpret_page,
};
use serde::{Deserialize, Serialize};

use super::{Document, Origin, Passage, PassageError, Take, pieces};
use crate::recognize::sentences;
use lines::{PageLines, without_running_heads};
use place::Letters;

/// Pages that are read of a file.
const PAGES: usize = 5000;
/// Bytes of text that are read of a file.
const TEXT: usize = 64 << 20;

/// The text of a PDF file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PdfText {
    /// As the file itself says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// All pages in their order.
    pub pages: Vec<PdfPage>,
    /// Whether there was more than is read: pages or text.
    #[serde(default)]
    pub cut: bool,
}

/// A page of a PDF file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PdfPage {
    /// Its lines in paragraphs, an empty line between two of them; running heads and page numbers are left out.
    pub text: String,
    /// Whether it has letters of which the file does not say which they are, too many for its text to be read.
    #[serde(default)]
    pub unreadable: bool,
}

/// Why a PDF has no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PdfError {
    /// It is none.
    #[error("it is no PDF, or damaged beyond reading")]
    NoPdf,
    /// It is locked.
    #[error("it is locked with a password: save it without one")]
    Locked,
    /// It is locked in a way that is not read.
    #[error("it is encrypted in a way that is not read: save it without encryption")]
    Encrypted,
}

/// The text of a PDF, page by page, in the order in which the file draws it.
///
/// Memory and time are bounded by the file's own doing alone: see the module.
///
/// # Errors
/// [`PdfError`].
pub fn pdf_text(bytes: Vec<u8>) -> Result<PdfText, PdfError> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => PdfError::Locked,
        LoadPdfError::Decryption(_) => PdfError::Encrypted,
        LoadPdfError::Invalid => PdfError::NoPdf,
    })?;
    let settings =
        InterpreterSettings { render_content: RenderContent::PAGE, ..InterpreterSettings::default() };
    let cache = InterpreterCache::new();
    let mut pages: Vec<PageLines> = Vec::new();
    let (mut cut, mut size) = (false, 0);
    for page in pdf.pages().iter() {
        if pages.len() == PAGES || size >= TEXT {
            cut = true;
            break;
        }
        let (width, height) = page.render_dimensions();
        let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let begin: Affine = page.initial_transform(true).to_kurbo();
        let mut context = Context::new(begin, bounds, &cache, pdf.xref(), settings.clone());
        let mut letters = Letters::of_page(bounds, TEXT - size);
        interpret_page(page, &mut context, &mut letters);
        size += letters.size();
        cut |= letters.is_cut();
        pages.push(letters.into_lines());
    }
    let mut pages = without_running_heads(pages);
    join_sentences(&mut pages);
    Ok(PdfText { title: title_of(&pdf), pages, cut })
}

fn title_of(pdf: &Pdf) -> Option<String> {
    let bytes = pdf.metadata().title.as_deref()?;
    let title = match bytes {
        [0xFE, 0xFF, units @ ..] => {
            let (pairs, _) = units.as_chunks::<2>();
            String::from_utf16_lossy(&pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect::<Vec<_>>())
        }
        [0xEF, 0xBB, 0xBF, text @ ..] => String::from_utf8_lossy(text).into_owned(),
        // Bytes that are no UTF-8 are in an encoding that agrees with Latin-1 where it matters.
        text => std::str::from_utf8(text)
            .map_or_else(|_| text.iter().map(|byte| char::from(*byte)).collect(), str::to_owned),
    };
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    // What word processors write where nobody gave a title.
    let lower = title.to_ascii_lowercase();
    let of_a_program = lower.starts_with("microsoft word")
        || lower.starts_with("untitled")
        || [".doc", ".docx", ".tex", ".dvi", ".indd", ".qxd", ".pdf"].iter().any(|end| lower.ends_with(end));
    let said = title.chars().any(char::is_alphabetic) && !title.chars().any(char::is_control);
    (said && !of_a_program && title.len() <= 500).then_some(title)
}

/// Puts the end of a sentence that goes on over a page's end to where it begins.
fn join_sentences(pages: &mut [PdfPage]) {
    for at in 1..pages.len() {
        let (before, behind) = pages.split_at_mut(at);
        let (Some(last), Some(next)) = (before.last_mut(), behind.first_mut()) else { continue };
        let open = last
            .text
            .trim_end()
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || c == ',' || c == '-');
        let goes_on = next.text.trim_start().chars().next().is_some_and(char::is_lowercase);
        let Some(first) = sentences(&next.text).into_iter().next().filter(|_| open && goes_on) else {
            continue;
        };
        let rest = next.text.split_off(first.end);
        lines::join(&mut last.text, next.text.trim());
        next.text = rest.trim_start().to_owned();
    }
}

/// Hands the passages of a PDF over, each with the page that it begins on: `file:texts/a.pdf@3f2a91c0#p3.1` is the first of
/// page 3.
///
/// # Errors
/// [`PassageError::Empty`] where no page has text; what the taker says.
pub fn pdf_passages(text: &PdfText, origin: &Origin, take: &mut Take<'_>) -> Result<(), PassageError> {
    let id = format!("file:{}", origin.name());
    let document = Document { id, title: text.title.clone(), ..Document::of(origin) };
    let mut any = false;
    for (at, page) in text.pages.iter().enumerate() {
        for (number, piece) in pieces(&page.text).into_iter().enumerate() {
            any = true;
            take(Passage {
                id: format!("{}#p{}.{}", document.id, at + 1, number + 1),
                document: document.id.clone(),
                title: document.title.clone(),
                section: Some(format!("page {}", at + 1)),
                source: document.source.clone(),
                license: document.license.clone(),
                text: piece.text,
            })?;
        }
    }
    if any {
        return Ok(());
    }
    let expected = if text.pages.iter().any(|page| page.unreadable) {
        "letters that the file names (its fonts only draw them: recognize its text first, for instance with ocrmypdf)"
    } else {
        "text beside its pictures (it is scanned or blank: recognize its text first, for instance with ocrmypdf)"
    };
    Err(PassageError::Empty { file: origin.file.clone(), expected })
}

impl PdfText {
    /// Numbers, from 1, of pages without any text, and of those whose letters cannot be read.
    #[must_use]
    pub fn pages_without_text(&self) -> Vec<u32> {
        let numbered = (1..).zip(&self.pages);
        numbered.filter(|(_, page)| page.text.trim().is_empty()).map(|(number, _)| number).collect()
    }
}
