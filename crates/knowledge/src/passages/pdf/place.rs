use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect, Vec2};
use hayro_interpret::{BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask};

use super::lines::{Line, PageLines};

/// Letters of a page at most.
const LETTERS: usize = 2_000_000;
/// Thousandths of a font's size that outlines are given in.
const EM: f64 = 1000.0;
/// Gap between two letters, in sizes of the font, from which they are of two words.
const WORD_GAP: f64 = 0.16;
/// How far a letter may stand above or below a line, in sizes of the larger font, and still be of it: a raised number.
const RAISED: f64 = 0.55;
/// How far back a letter may stand, in sizes of the font, and still be of the line: kerning, an accent.
const BACK: f64 = 0.9;

/// Gathers the letters of a page into lines while it is drawn.
pub(super) struct Letters {
    bounds: Rect,
    lines: Vec<Line>,
    open: Option<Open>,
    letters: usize,
    unknown: usize,
    size: usize,
    most: usize,
    cut: bool,
}

/// The line that letters are added to.
struct Open {
    line: Line,
    /// Where the last letter ended.
    end: Point,
    /// Direction of writing, of length 1.
    along: Vec2,
}

impl Letters {
    /// An empty page within its bounds, of which so many bytes of text are read.
    pub(super) const fn of_page(bounds: Rect, most: usize) -> Self {
        Self { bounds, lines: Vec::new(), open: None, letters: 0, unknown: 0, size: 0, most, cut: false }
    }

    pub(super) const fn size(&self) -> usize {
        self.size
    }

    pub(super) const fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn into_lines(mut self) -> PageLines {
        self.close();
        // A third of the letters unknown: what is left are no words.
        let unreadable = self.letters > 0 && 3 * self.unknown > self.letters;
        if unreadable {
            self.lines.clear();
        }
        PageLines { lines: self.lines, height: self.bounds.height(), unreadable }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take()
            && !open.line.text.trim().is_empty()
        {
            self.lines.push(open.line);
        }
    }

    fn letter(&mut self, glyph: &Glyph<'_>, at: Affine) {
        if self.letters == LETTERS || self.size >= self.most {
            self.cut = true;
            return;
        }
        let begin = at * Point::ZERO;
        let direction = at * Point::new(EM, 0.0) - begin;
        // Of a letter that is made wider or narrower the height tells the size.
        let size = (at * Point::new(0.0, EM) - begin).hypot();
        let usable = begin.is_finite() && size.is_finite() && size > 0.1 && direction.hypot() > 1e-6;
        // What stands beside the page nobody sees.
        if !usable || !self.bounds.inflate(size, size).contains(begin) {
            return;
        }
        self.letters += 1;
        let text = match glyph.as_unicode() {
            Some(BfString::Char(letter)) => plain(letter),
            Some(BfString::String(letters)) => letters.chars().map(plain).collect::<Vec<_>>().concat(),
            None => {
                self.unknown += 1;
                " ".to_owned()
            }
        };
        let along = direction / direction.hypot();
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        // Without a width of its own a letter is half as wide as high.
        let advance = advance.map_or(0.5 * EM, f64::from).clamp(0.0, 4.0 * EM) * direction.hypot() / EM;
        let end = begin + along * advance;
        let goes_on = self.open.as_ref().is_some_and(|open| open.takes(begin, size, along));
        if !goes_on {
            self.close();
            let line =
                Line { text: String::new(), left: begin.x, baseline: begin.y, size, level: along.x > 0.9 };
            self.open = Some(Open { line, end: begin, along });
        }
        let Some(open) = &mut self.open else { return };
        let gap = (begin - open.end).dot(open.along);
        let parted = open.line.text.ends_with(' ') || open.line.text.is_empty();
        if gap > WORD_GAP * size.max(open.line.size) && !parted {
            open.line.text.push(' ');
        }
        // A letter drawn twice in one place to look bold is one.
        let drawn_again = gap < -0.5 * advance && advance > 0.0 && open.line.text.ends_with(text.as_str());
        if !drawn_again {
            open.line.text.push_str(&text);
            self.size += text.len();
        }
        open.line.size = open.line.size.max(size);
        open.end = end;
    }
}

impl Open {
    fn takes(&self, begin: Point, size: f64, along: Vec2) -> bool {
        let step = begin - self.end;
        let larger = size.max(self.line.size);
        let beside = step.cross(self.along).abs();
        let onward = step.dot(self.along);
        along.dot(self.along) > 0.99
            && beside < RAISED * larger
            && onward > -BACK * larger
            && onward < 12.0 * larger
    }
}

/// A letter as it is searched: ligatures in their letters, all spaces one, nothing that only marks where a line may end.
fn plain(letter: char) -> String {
    match letter {
        '\u{FB00}' => "ff".to_owned(),
        '\u{FB01}' => "fi".to_owned(),
        '\u{FB02}' => "fl".to_owned(),
        '\u{FB03}' => "ffi".to_owned(),
        '\u{FB04}' => "ffl".to_owned(),
        '\u{FB05}' | '\u{FB06}' => "st".to_owned(),
        '\u{AD}' => "-".to_owned(),
        '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' => String::new(),
        letter if letter.is_whitespace() || letter.is_control() => " ".to_owned(),
        // Meant by the file's own font alone.
        '\u{E000}'..='\u{F8FF}' | '\u{FFFD}' => " ".to_owned(),
        letter => letter.to_string(),
    }
}

impl<'a> Device<'a> for Letters {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.letter(glyph, props.transform * glyph.transform());
        }
    }
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn draw_rect(&mut self, _: &Rect, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_clip_rect(&mut self, _: &Rect) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
