use std::sync::LazyLock;

use ttf_parser::Face;

/// The faces of the page, by their place in [`FONTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Typeface {
    Regular,
    Bold,
    Italic,
    Mono,
    Chinese,
}

/// Noto Sans SC with the characters of GB 2312 (SIL Open Font License 1.1): see data/fonts/SOURCE.md.
const NOTO_SANS_SC: &[u8] = include_bytes!("../../data/fonts/NotoSansSC-Regular-GB2312.ttf");

/// What stands for a letter that no face has.
const MISSING: char = '\u{25a1}';

/// A face with its measures.
pub(super) struct Font {
    pub bytes: &'static [u8],
    face: Face<'static>,
}

/// Libertinus Serif (SIL Open Font License 1.1) and DejaVu Sans Mono (Bitstream Vera license), as `typst-assets` has
/// them.
static FONTS: LazyLock<Vec<Font>> = LazyLock::new(|| {
    let chinese = Face::parse(NOTO_SANS_SC, 0).expect("a font, which a test reads");
    let mut fonts: Vec<Font> =
        ["LibertinusSerif-Regular", "LibertinusSerif-Bold", "LibertinusSerif-Italic", "DejaVuSansMono"]
            .into_iter()
            .map(|name| {
                typst_assets::fonts()
                    .find_map(|bytes| {
                        let face = Face::parse(bytes, 0).ok()?;
                        let named = face.names().into_iter().any(|entry| {
                            entry.name_id == ttf_parser::name_id::POST_SCRIPT_NAME
                                && entry.to_string().as_deref() == Some(name)
                        });
                        named.then_some(Font { bytes, face })
                    })
                    .expect("the package holds these faces, which a test reads")
            })
            .collect();
    fonts.push(Font { bytes: NOTO_SANS_SC, face: chinese });
    fonts
});

impl Typeface {
    pub(super) const ALL: [Self; 5] = [Self::Regular, Self::Bold, Self::Italic, Self::Mono, Self::Chinese];

    pub(super) fn font(self) -> &'static Font {
        &FONTS[self as usize]
    }

    fn has(self, c: char) -> bool {
        self.font().face.glyph_index(c).is_some_and(|glyph| glyph.0 != 0)
    }

    /// Width of a text that the face has all letters of, in the unit of the size.
    pub(super) fn width(self, text: &str, size: f32) -> f32 {
        let face = &self.font().face;
        let units: u32 = text
            .chars()
            .filter_map(|c| face.glyph_index(c))
            .map(|glyph| u32::from(face.glyph_hor_advance(glyph).unwrap_or(0)))
            .sum();
        units as f32 * size / f32::from(face.units_per_em())
    }
}

/// A text in runs of faces that have its letters; what takes no room or controls is left out.
pub(super) fn runs(text: &str, wanted: Typeface) -> Vec<(Typeface, String)> {
    let mut runs: Vec<(Typeface, String)> = Vec::new();
    for c in text.chars() {
        let unseen = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if unseen {
            continue;
        }
        let c = if c.is_control() { ' ' } else { c };
        let (face, c) = [wanted, Typeface::Regular, Typeface::Chinese, Typeface::Mono]
            .into_iter()
            .find(|face| face.has(c))
            .map_or((Typeface::Mono, MISSING), |face| (face, c));
        match runs.last_mut() {
            Some((last, run)) if *last == face => run.push(c),
            _ => runs.push((face, c.to_string())),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_this_program_writes_in_chinese_has_its_characters() {
        let sources = [
            include_str!("../language/fixed.rs"),
            include_str!("../language/glossary.rs"),
            include_str!("../language/originals.rs"),
            include_str!("../language/sayings.rs"),
            include_str!("../language/chinese.rs"),
            include_str!("../language/page.rs"),
            include_str!("../language/edition.rs"),
            include_str!("content/edition.rs"),
        ];
        for c in sources.iter().flat_map(|text| text.chars()).filter(|c| !c.is_ascii()) {
            assert!(Typeface::Chinese.has(c) || Typeface::Regular.has(c), "{c}");
        }
    }

    #[test]
    fn the_faces_are_there_and_a_letter_they_lack_becomes_a_box() {
        assert!(Typeface::Mono.has(MISSING));
        for face in Typeface::ALL {
            assert!(face.width("The quick brown fox", 10.0) > 60.0);
        }
        assert_eq!(runs("a肺b", Typeface::Regular)[1], (Typeface::Chinese, "肺".to_owned()));
        // Hangul is in none of them.
        assert_eq!(runs("a폐b", Typeface::Regular)[1], (Typeface::Mono, MISSING.to_string()));
        assert_eq!(runs("a\u{202e}\nb", Typeface::Bold), [(Typeface::Bold, "a b".to_owned())]);
    }
}
