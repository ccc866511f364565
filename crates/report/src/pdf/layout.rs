use super::fonts::{Typeface, runs};

/// Size of a page: A4, in points (1/72 inch), as all lengths here.
pub(super) const PAGE: [f32; 2] = [595.276, 841.89];
/// Left and right margin.
pub(super) const MARGIN: f32 = 56.0;
/// Where the first line may begin, and where the last must end.
const TOP: f32 = 54.0;
const BOTTOM: f32 = PAGE[1] - 64.0;
/// Room for lines.
pub(super) const WIDTH: f32 = PAGE[0] - 2.0 * MARGIN;

/// Red, green, blue.
pub(super) type Rgb = [u8; 3];

pub(super) const INK: Rgb = [0x1b, 0x24, 0x30];
pub(super) const SOFT: Rgb = [0x4d, 0x58, 0x66];
pub(super) const LINE: Rgb = [0xd3, 0xda, 0xe2];

/// How words look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Style {
    pub face: Typeface,
    pub size: f32,
    pub color: Rgb,
}

impl Style {
    pub(super) const fn new(face: Typeface, size: f32, color: Rgb) -> Self {
        Self { face, size, color }
    }
}

/// What an element of the document is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    Document,
    Heading(u16, String),
    Paragraph,
    /// A picture with the words that stand for it.
    Figure(String),
    Caption,
    Table,
    Head,
    Body,
    Row,
    HeaderCell,
    Cell,
    List,
    Item,
    ItemLabel,
    ItemBody,
}

/// Something on a page.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Words on one line, from their left end on the baseline.
    Words { at: [f32; 2], face: Typeface, size: f32, color: Rgb, text: String },
    /// A filled box: left, top, width, height.
    Box { area: [f32; 4], color: Rgb },
    /// A PNG in a box.
    Picture { area: [f32; 4], png: Vec<u8> },
}

/// A mark on its page; without an element it is decoration.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub page: usize,
    pub mark: Mark,
    pub element: Option<usize>,
}

/// A child of an element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Child {
    Element(usize),
    Mark(usize),
}

/// An element of the document's structure.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub role: Role,
    pub children: Vec<Child>,
}

/// A document in the making: marks on pages and the tree of what they are.
pub(super) struct Layout {
    pub marks: Vec<Placed>,
    pub elements: Vec<Element>,
    /// Headings for the outline: title, level, page, height.
    pub outline: Vec<(String, u16, usize, f32)>,
    open: Vec<usize>,
    pub page: usize,
    /// Where the next line begins.
    pub y: f32,
}

impl Layout {
    pub(super) fn new() -> Self {
        let document = Element { role: Role::Document, children: Vec::new() };
        Self {
            marks: Vec::new(),
            elements: vec![document],
            outline: Vec::new(),
            open: vec![0],
            page: 0,
            y: TOP,
        }
    }

    /// Number of pages so far.
    pub(super) const fn pages(&self) -> usize {
        self.page + 1
    }

    /// Puts what `inside` writes into an element.
    pub(super) fn element(&mut self, role: Role, inside: impl FnOnce(&mut Self)) {
        if let Role::Heading(level, title) = &role {
            self.outline.push((title.clone(), *level, self.page, self.y));
        }
        let number = self.elements.len();
        let parent = *self.open.last().expect("the document is open");
        self.elements.push(Element { role, children: Vec::new() });
        self.elements[parent].children.push(Child::Element(number));
        self.open.push(number);
        inside(self);
        self.open.pop();
    }

    /// Goes to the next page where the rest of this one is lower than a height.
    pub(super) fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP {
            self.page += 1;
            self.y = TOP;
        }
    }

    /// A mark that is part of the open element.
    pub(super) fn mark(&mut self, mark: Mark) {
        let element = *self.open.last().expect("the document is open");
        self.elements[element].children.push(Child::Mark(self.marks.len()));
        self.marks.push(Placed { page: self.page, mark, element: Some(element) });
    }

    /// A mark without meaning of its own.
    pub(super) fn decorate(&mut self, page: usize, mark: Mark) {
        self.marks.push(Placed { page, mark, element: None });
    }

    /// Words in lines between a left end and a width, from the current height on, which moves below them.
    pub(super) fn words(&mut self, spans: &[(&str, Style)], left: f32, width: f32, leading: f32) {
        for line in lines(spans, width) {
            self.need(leading);
            self.line(&line, left, leading);
            self.y += leading;
        }
    }

    /// One line at the current height, which stays.
    pub(super) fn line(&mut self, line: &[Span], left: f32, leading: f32) {
        let mut x = left;
        // The baseline: three quarters down the line.
        let baseline = self.y + leading * 0.75;
        for span in line {
            for (face, text) in runs(&span.text, span.style.face) {
                let advance = face.width(&text, span.style.size);
                let at = [x, baseline];
                let (size, color) = (span.style.size, span.style.color);
                self.mark(Mark::Words { at, face, size, color, text });
                x += advance;
            }
        }
    }
}

/// Words of one look on a line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub text: String,
    pub style: Style,
}

fn measured(text: &str, style: Style) -> f32 {
    runs(text, style.face).iter().map(|(face, run)| face.width(run, style.size)).sum()
}

/// Breaks words into lines of a width; a word that is wider than a line is cut. Lines end with the blank that
/// separates them from the next, so that a reader of the file finds the words apart.
pub(super) fn lines(spans: &[(&str, Style)], width: f32) -> Vec<Vec<Span>> {
    let mut lines: Vec<Vec<Span>> = vec![Vec::new()];
    let mut used = 0.0;
    for (text, style) in spans {
        let blank = measured(" ", *style);
        for word in text.split_inclusive(char::is_whitespace) {
            let bare = word.trim_end();
            let is_spaced = bare.len() < word.len();
            for piece in units(bare).into_iter().flat_map(|unit| pieces(unit, *style, width)) {
                let wide = measured(&piece, *style);
                if used > 0.0 && used + wide > width {
                    lines.push(Vec::new());
                    used = 0.0;
                }
                used += wide;
                push(lines.last_mut().expect("never empty"), &piece, *style);
            }
            if is_spaced && used > 0.0 {
                push(lines.last_mut().expect("never empty"), " ", *style);
                used += blank;
            }
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// Whether a character is set in a square of its own, so that a line may end beside it.
const fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}')
}

/// The parts of a word between which a line may end: beside Chinese characters, but not before a mark that closes nor
/// after one that opens.
///
/// # Source
/// W3C, Requirements for Chinese Text Layout, Section 3.1.3 (prohibition rules for line start and line end)
fn units(word: &str) -> Vec<&str> {
    const CLOSES: &str = "，。、；：？！）》」』】”’％～…%),.;:";
    const OPENS: &str = "（《「『【“‘(";
    let mut units = Vec::new();
    let mut start = 0;
    let mut before: Option<char> = None;
    for (at, c) in word.char_indices() {
        let may_end = before.is_some_and(|before| {
            (is_wide(before) || is_wide(c)) && !CLOSES.contains(c) && !OPENS.contains(before)
        });
        if may_end {
            units.push(&word[start..at]);
            start = at;
        }
        before = Some(c);
    }
    units.push(&word[start..]);
    units
}

/// A word in pieces that fit a width.
fn pieces(word: &str, style: Style, width: f32) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0.0;
    for c in word.chars() {
        let wide = measured(c.encode_utf8(&mut [0; 4]), style);
        if used + wide > width && used > 0.0 {
            pieces.push(String::new());
            used = 0.0;
        }
        used += wide;
        pieces.last_mut().expect("never empty").push(c);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

fn push(line: &mut Vec<Span>, text: &str, style: Style) {
    match line.last_mut() {
        Some(last) if last.style == style => last.text.push_str(text),
        _ => line.push(Span { text: text.to_owned(), style }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style::new(Typeface::Regular, 10.0, INK);

    #[test]
    fn no_line_is_wider_than_its_room_and_no_word_is_lost() {
        let text =
            "Appearance consistent with pneumonia; estimated probability 93 % (95 % interval 89 to 97 %). ";
        let long = text.repeat(5) + &"x".repeat(300);
        for width in [40.0, 120.0, 483.0] {
            let lines = lines(&[(&long, STYLE)], width);
            let joined: String = lines.iter().flatten().map(|span| span.text.as_str()).collect();
            assert_eq!(joined, long);
            for line in &lines {
                let text: String = line.iter().map(|span| span.text.as_str()).collect();
                assert!(measured(text.trim_end(), STYLE) <= width + 1e-3, "{text}");
            }
        }
    }

    #[test]
    fn chinese_breaks_between_characters_and_no_line_begins_with_a_mark() {
        let text = "影像表现符合肺炎；估计概率93%（95%区间89%～97%）。未见“气胸”征象，请结合临床。".repeat(6);
        let lines = lines(&[(&text, STYLE)], 100.0);
        assert!(lines.len() > 10);
        let joined: String = lines.iter().flatten().map(|span| span.text.as_str()).collect();
        assert_eq!(joined, text);
        for line in &lines {
            let text: String = line.iter().map(|span| span.text.as_str()).collect();
            assert!(measured(&text, STYLE) <= 100.0 + 1e-3, "{text}");
            assert!(!text.starts_with(['，', '。', '；', '）', '”', '～', '%']), "{text}");
            assert!(!text.ends_with(['（', '“']), "{text}");
        }
    }

    #[test]
    fn a_page_that_is_full_gives_way_to_the_next() {
        let mut layout = Layout::new();
        layout.words(&[(&"word ".repeat(4000), STYLE)], MARGIN, WIDTH, 13.0);
        assert!(layout.pages() > 2);
        for placed in &layout.marks {
            let Mark::Words { at, .. } = &placed.mark else { panic!("words alone") };
            assert!(at[1] > TOP && at[1] < BOTTOM);
        }
    }
}
