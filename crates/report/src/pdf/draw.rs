use std::collections::BTreeMap;
use std::num::NonZeroU16;

use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, ListNumbering, SpanTag, TableHeaderScope, Tag, TagGroup,
    TagKind, TagTree,
};
use krilla::text::{Font, TextDirection};
use krilla::{Document, SerializeSettings};

use super::PdfError;
use super::fonts::Typeface;
use super::layout::{Child, Layout, Mark, PAGE, Role};
use crate::{Moment, Report};

/// What a document says of itself.
pub(super) struct Cover {
    /// Its title.
    pub title: String,
    /// The language that its words are in.
    pub language: &'static str,
    /// What every report says of itself.
    pub description: String,
    /// Its name among all documents.
    pub name: String,
}

impl Cover {
    /// Of a report in its own words.
    pub(super) fn of(report: &Report) -> Self {
        Self {
            title: format!("{} ({} report {})", report.title, report.state.word(), report.id),
            language: "en",
            description: report.disclaimer.clone(),
            name: format!("{} {}", report.id, report.signatures.len()),
        }
    }
}

/// Writes a laid-out document.
pub(super) fn write(layout: Layout, cover: &Cover, at: &Moment) -> Result<Vec<u8>, PdfError> {
    let standard = |error: &dyn std::fmt::Debug| PdfError::Standard(format!("{error:?}"));
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|error| standard(&error))?;
    let mut document =
        Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let mut fonts = BTreeMap::new();
    for face in Typeface::ALL {
        let font = Font::new(face.font().bytes.into(), 0);
        fonts.insert(face, font.ok_or_else(|| PdfError::Standard("a font is not readable".to_owned()))?);
    }
    let settings = PageSettings::from_wh(PAGE[0], PAGE[1])
        .ok_or_else(|| PdfError::Standard("the page has no size".to_owned()))?;
    let mut identifiers: Vec<Option<Identifier>> = vec![None; layout.marks.len()];
    let mut pictures = 0;
    for number in 0..layout.pages() {
        let mut page = document.start_page_with(settings.clone());
        let mut surface = page.surface();
        for (index, placed) in layout.marks.iter().enumerate().filter(|(_, placed)| placed.page == number) {
            let tag = match (&placed.mark, placed.element) {
                (Mark::Words { .. }, None) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)),
                (_, None) => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
                (Mark::Words { .. }, Some(_)) => ContentTag::Span(SpanTag::empty()),
                (_, Some(_)) => ContentTag::Other,
            };
            let identifier = surface.start_tagged(tag);
            if matches!(placed.mark, Mark::Picture { .. }) {
                pictures += 1;
            }
            let drawn = draw(&mut surface, &placed.mark, &fonts);
            surface.end_tagged();
            drawn.ok_or(PdfError::Picture(pictures))?;
            identifiers[index] = placed.element.map(|_| identifier);
        }
        surface.finish();
        page.finish();
    }
    let mut tree = TagTree::new().with_lang(Some(cover.language.to_owned()));
    for child in &layout.elements[0].children {
        if let Child::Element(number) = child {
            tree.push(group(&layout, *number, &mut identifiers));
        }
    }
    document.set_tag_tree(tree);
    document.set_outline(outline(&layout));
    document.set_metadata(metadata(cover, at));
    document.finish().map_err(|error| standard(&error))
}

/// Draws one mark; `None` for a picture that is none.
fn draw(surface: &mut Surface<'_>, mark: &Mark, fonts: &BTreeMap<Typeface, Font>) -> Option<()> {
    let fill = |[red, green, blue]: [u8; 3]| {
        Some(Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() })
    };
    match mark {
        Mark::Words { at: [x, y], face, size, color, text } => {
            surface.set_fill(fill(*color));
            let font = fonts[face].clone();
            surface.draw_text(Point::from_xy(*x, *y), font, *size, text, false, TextDirection::LeftToRight);
        }
        Mark::Box { area: [left, top, width, height], color } => {
            surface.set_fill(fill(*color));
            let mut path = PathBuilder::new();
            path.push_rect(Rect::from_xywh(*left, *top, *width, *height)?);
            surface.draw_path(&path.finish()?);
        }
        Mark::Picture { area: [left, top, width, height], png } => {
            let image = Image::from_png(png.clone().into(), false).ok()?;
            surface.push_transform(&Transform::from_translate(*left, *top));
            surface.draw_image(image, Size::from_wh(*width, *height)?);
            surface.pop();
        }
    }
    Some(())
}

/// An element with all below it.
fn group(layout: &Layout, number: usize, identifiers: &mut [Option<Identifier>]) -> TagGroup {
    let element = &layout.elements[number];
    let level = |level: u16| NonZeroU16::new(level.max(1)).expect("at least one");
    let tag: TagKind = match &element.role {
        Role::Document => Tag::Part.into(),
        Role::Heading(depth, title) => Tag::Hn(level(*depth), Some(title.clone())).into(),
        Role::Paragraph => Tag::P.into(),
        Role::Figure(words) => Tag::Figure(Some(words.clone())).into(),
        Role::Caption => Tag::Caption.into(),
        Role::Table => Tag::Table.into(),
        Role::Head => Tag::THead.into(),
        Role::Body => Tag::TBody.into(),
        Role::Row => Tag::TR.into(),
        Role::HeaderCell => {
            // Titles over columns in a head; names before rows in a body.
            let in_head = layout.elements.iter().any(|head| {
                head.role == Role::Head
                    && head.children.iter().any(|row| match row {
                        Child::Element(row) => layout.elements[*row]
                            .children
                            .iter()
                            .any(|cell| matches!(cell, Child::Element(cell) if *cell == number)),
                        Child::Mark(_) => false,
                    })
            });
            Tag::TH(if in_head { TableHeaderScope::Column } else { TableHeaderScope::Row }).into()
        }
        Role::Cell => Tag::TD.into(),
        Role::List => Tag::L(ListNumbering::Decimal).into(),
        Role::Item => Tag::LI.into(),
        Role::ItemLabel => Tag::Lbl.into(),
        Role::ItemBody => Tag::LBody.into(),
    };
    let mut group = TagGroup::new(tag);
    for child in &element.children {
        match child {
            Child::Element(number) => group.push(self::group(layout, *number, identifiers)),
            Child::Mark(number) => {
                if let Some(identifier) = identifiers[*number].take() {
                    group.push(identifier);
                }
            }
        }
    }
    group
}

/// The title with the sections below it.
fn outline(layout: &Layout) -> Outline {
    let node = |(title, _, page, height): &(String, u16, usize, f32)| {
        OutlineNode::new(title.clone(), XyzDestination::new(*page, Point::from_xy(0.0, *height)))
    };
    let mut outline = Outline::new();
    let mut headings = layout.outline.iter();
    if let Some(title) = headings.next() {
        let mut root = node(title);
        headings.for_each(|heading| root.push_child(node(heading)));
        outline.push_child(root);
    }
    outline
}

fn metadata(cover: &Cover, at: &Moment) -> Metadata {
    let text = at.as_str();
    let number = |range: std::ops::Range<usize>| text[range].parse::<u8>().unwrap_or(0);
    let sign = if text.as_bytes()[19] == b'-' { -1 } else { 1 };
    let hours = i8::try_from(number(20..22)).unwrap_or(0);
    let date = DateTime::new(text[..4].parse().unwrap_or(0))
        .month(number(5..7))
        .day(number(8..10))
        .hour(number(11..13))
        .minute(number(14..16))
        .second(number(17..19))
        .utc_offset_hour(sign * hours)
        .utc_offset_minute(number(23..25));
    Metadata::new()
        .title(cover.title.clone())
        .language(cover.language.to_owned())
        .creator("Wilhelm, research software".to_owned())
        .producer("krilla".to_owned())
        .description(cover.description.clone())
        .creation_date(date)
        .document_id(cover.name.clone())
}
