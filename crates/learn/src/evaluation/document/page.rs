use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::{Block, Document, DocumentTable, RESEARCH_USE};
use crate::plots;

const STYLE: &str = include_str!("style.css");

/// A report as one page that asks nothing of the network: style and plots are inside, there is no script.
pub fn html(document: &Document) -> String {
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                title { (document.title) }
                style { (PreEscaped(STYLE)) (PreEscaped(plots::STYLE)) }
            }
            body {
                div.banner role="note" { (RESEARCH_USE) }
                main {
                    header {
                        h1 { (document.title) }
                        @for line in &document.lead { p.lead { (line) } }
                    }
                    @for section in &document.sections {
                        section.card {
                            h2 { (section.title) }
                            (blocks(&section.blocks))
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn blocks(parts: &[Block]) -> Markup {
    markup! {
        @for part in parts {
            @match part {
                Block::Text(words) => p { (words) },
                Block::Table(of) => (table(of)),
                Block::Plots(plots) => @if !plots.is_empty() {
                    div.plots {
                        @for plot in plots {
                            figure.plot { (PreEscaped(&plot.svg)) figcaption { (plot.caption) } }
                        }
                    }
                },
                Block::Folded { title, open, blocks: inner } => details open[*open] {
                    summary { (title) }
                    (blocks(inner))
                },
            }
        }
    }
}

fn table(of: &DocumentTable) -> Markup {
    let class = if of.header.len() > 3 { "wide" } else { "narrow" };
    markup! {
        div class={ "table " (class) } tabindex="0" {
            table {
                thead { tr { @for name in &of.header { th scope="col" { (name) } } } }
                tbody {
                    @for row in &of.rows {
                        tr {
                            @for (place, cell) in row.iter().enumerate() {
                                @if place == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
