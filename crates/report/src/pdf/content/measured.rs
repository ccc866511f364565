//! The table of what was measured and no finding carries.

use super::{BODY, COLUMNS, LEADING, SMALL, SMALL_LEADING, STRONG, head, heading};
use crate::Measured;
use crate::pdf::layout::{LINE, Layout, MARGIN, Mark, Role, Style, WIDTH, lines};
use crate::write::words;

/// A row that is taller goes on on the next page.
const TALLEST: f32 = 300.0;

/// What was measured and on what, the value, its range and how it came about, and the evidence.
pub(super) fn table(layout: &mut Layout, measured: &[Measured]) {
    heading(layout, "What was measured");
    layout.element(Role::Table, |layout| {
        head(layout, ["Measurement", "Value", "Range", "Borne by"]);
        layout.element(Role::Body, |layout| measured.iter().for_each(|one| row(layout, one)));
    });
    layout.y += 4.0;
}

fn row(layout: &mut Layout, one: &Measured) {
    let (value, range) = (words::quantity(&one.quantity), one.range());
    let cells: [&[(&str, Style, f32)]; 4] = [
        &[(&one.name, STRONG, LEADING), (&one.on, SMALL, SMALL_LEADING)],
        &[(&value, BODY, LEADING)],
        &[(&range, BODY, LEADING), (&one.method, SMALL, SMALL_LEADING)],
        &[(&one.id.0, SMALL, LEADING)],
    ];
    let heights = cells.iter().zip(COLUMNS).map(|(parts, (_, width))| {
        parts
            .iter()
            .map(|(text, style, leading)| lines(&[(text, *style)], width).len() as f32 * leading)
            .sum()
    });
    layout.need(heights.fold(0.0_f32, f32::max).min(TALLEST) + 5.0);
    let top = (layout.page, layout.y);
    let mut end = top;
    layout.element(Role::Row, |layout| {
        for (parts, (left, width)) in cells.into_iter().zip(COLUMNS) {
            (layout.page, layout.y) = top;
            layout.element(Role::Cell, |layout| {
                for (text, style, leading) in parts {
                    layout.words(&[(text, *style)], MARGIN + left, width, *leading);
                }
            });
            if (layout.page, layout.y) > end {
                end = (layout.page, layout.y);
            }
        }
    });
    (layout.page, layout.y) = end;
    layout.y += 2.0;
    layout.decorate(layout.page, Mark::Box { area: [MARGIN, layout.y, WIDTH, 0.4], color: LINE });
    layout.y += 3.0;
}
