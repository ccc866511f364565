use std::collections::BTreeMap;

use super::PdfPage;

/// A line of a page.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub text: String,
    /// Where it begins, from the left, and its baseline, from the top of the page.
    pub left: f64,
    pub baseline: f64,
    /// Size of its largest letters.
    pub size: f64,
    /// Whether it runs from left to right.
    pub level: bool,
}

/// The lines of a page in the order in which they are drawn.
#[derive(Clone, Debug, Default)]
pub(super) struct PageLines {
    pub lines: Vec<Line>,
    pub height: f64,
    pub unreadable: bool,
}

/// Parts of a page's height at its top and bottom where running heads and page numbers stand.
const MARGIN: f64 = 0.1;
/// Pages that must have a line alike before it is one.
const REPEATED: usize = 3;

/// The text of pages without what stands at the top or bottom of at least three of them, a third at least, numbers aside,
/// and without lone page numbers.
pub(super) fn without_running_heads(pages: Vec<PageLines>) -> Vec<PdfPage> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for page in &pages {
        let mut own: Vec<String> =
            page.lines.iter().filter(|line| page.is_margin(line)).map(|line| likeness(&line.text)).collect();
        own.sort();
        own.dedup();
        own.into_iter().for_each(|line| *counts.entry(line).or_default() += 1);
    }
    let least = REPEATED.max(pages.len().div_ceil(3));
    let is_head = |page: &PageLines, line: &Line| {
        page.is_margin(line) && {
            let likeness = likeness(&line.text);
            likeness == "#" || counts.get(&likeness).is_some_and(|count| *count >= least)
        }
    };
    let of_page = |page: &PageLines| {
        let lines: Vec<&Line> = page.lines.iter().filter(|line| !is_head(page, line)).collect();
        PdfPage { text: paragraphs(&lines), unreadable: page.unreadable }
    };
    pages.iter().map(of_page).collect()
}

impl PageLines {
    fn is_margin(&self, line: &Line) -> bool {
        line.level && (line.baseline < MARGIN * self.height || line.baseline > (1.0 - MARGIN) * self.height)
    }
}

/// A line with each number as one sign: `12 Smith et al.` and `14 Smith et al.` are alike.
fn likeness(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        match letter {
            letter if letter.is_ascii_digit() => {
                if !out.ends_with('#') {
                    out.push('#');
                }
            }
            letter => out.push(letter),
        }
    }
    out
}

/// Lines that follow each other closely in one column and size are a paragraph.
fn paragraphs(lines: &[&Line]) -> String {
    let mut text = String::new();
    let mut last: Option<&Line> = None;
    for line in lines {
        let words = line.text.split_whitespace().collect::<Vec<_>>().join(" ");
        match last {
            None => text.push_str(&words),
            Some(before) if follows(before, line, &text) => join(&mut text, &words),
            Some(_) => {
                text.push_str("\n\n");
                text.push_str(&words);
            }
        }
        last = Some(line);
    }
    text
}

fn follows(before: &Line, line: &Line, text: &str) -> bool {
    if before.level != line.level {
        return false;
    }
    let size = before.size.max(line.size);
    let alike = before.size.min(line.size) > 0.85 * size;
    let down = line.baseline - before.baseline;
    // The same line after a gap, the next one below, or the first of the next column.
    let near = down.abs() < 0.3 * size || (down > 0.0 && down < 1.9 * size);
    let column = down < -3.0 * size && line.left > before.left;
    let open = text.ends_with(|c: char| c.is_lowercase() || c == ',' || c == '-');
    let goes_on = line.text.trim_start().starts_with(|c: char| c.is_lowercase());
    alike && near || open && goes_on && (near || column)
}

/// Puts a line behind a text: a word that was parted at the line's end becomes whole.
pub(super) fn join(text: &mut String, line: &str) {
    let goes_on = line.starts_with(char::is_lowercase);
    let mut letters = text.chars().rev();
    let parted = letters.next() == Some('-') && letters.next().is_some_and(char::is_lowercase);
    if parted && goes_on {
        text.pop();
    } else if !text.is_empty() && !(parted && line.starts_with(char::is_alphanumeric)) {
        text.push(' ');
    }
    text.push_str(line);
}
