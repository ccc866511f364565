use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

use super::{FONT, PlotError};

/// The face of the words: Libertinus Serif (SIL Open Font License 1.1), as the PDF writer has it.
const FACE: &str = "Libertinus Serif";

/// Most columns or rows of a picture.
const MOST: u32 = 16_384;

/// The faces that come with the program; those of the system would make other bytes on another machine.
static FACES: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut faces = Database::new();
    typst_assets::fonts().for_each(|bytes| faces.load_font_data(bytes.to_vec()));
    faces.set_sans_serif_family(FACE);
    faces.set_serif_family(FACE);
    Arc::new(faces)
});

/// A plot as PNG on white paper, `scale` pixels for each unit of the SVG. The same plot gives the same bytes.
///
/// # Errors
/// [`PlotError`] for what is no SVG, and for a scale that makes more than 16384 columns or rows, or none.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, PlotError> {
    let options = Options { font_family: FONT.to_owned(), fontdb: Arc::clone(&FACES), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(PlotError::of)?;
    let side = |length: f32| {
        let pixels = (length * scale).ceil();
        (1.0..=MOST as f32).contains(&pixels).then_some(pixels as u32)
    };
    let sides = side(tree.size().width()).zip(side(tree.size().height()));
    let mut picture = sides.and_then(|(columns, rows)| Pixmap::new(columns, rows)).ok_or_else(|| {
        PlotError(format!("a picture of it at a scale of {scale} has no pixels, or more than {MOST} a side"))
    })?;
    picture.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
    picture.encode_png().map_err(PlotError::of)
}

/// Plots side by side in one SVG on white paper.
///
/// # Shapes
/// Each plot is `size` wide and high; the whole as wide as all together.
pub(crate) fn beside(plots: &[String], size: (u32, u32)) -> String {
    let (width, height) = size;
    let inner: String = plots
        .iter()
        .zip((0..).step_by(width as usize))
        .map(|(plot, left)| plot.replacen("<svg ", &format!("<svg x=\"{left}\" "), 1))
        .collect();
    let all = width as usize * plots.len();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{all}\" height=\"{height}\" viewBox=\"0 0 {all} {height}\" \
         font-family=\"sans-serif\"><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>{inner}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::{Axis, Line, LinePlot, line_plot};

    fn plot(points: Vec<(f64, f64)>) -> String {
        line_plot(&LinePlot {
            what: "Loss by epoch".to_owned(),
            x: Axis::new("epoch", 0.0, 4.0),
            y: Axis::new("loss", 0.0, 1.0),
            lines: vec![Line::solid("training", points)],
            marks: Vec::new(),
        })
        .expect("drawn")
    }

    /// How many pixels have this color.
    fn count(png: &[u8], color: [u8; 3]) -> usize {
        let picture = Pixmap::decode_png(png).expect("a picture");
        picture.pixels().iter().filter(|one| [one.red(), one.green(), one.blue()] == color).count()
    }

    const BLUE: [u8; 3] = [0x1f, 0x66, 0xb0];

    #[test]
    fn a_picture_has_the_plot_s_size_its_paper_and_its_line_where_it_lies() {
        let svg = plot(vec![(0.0, 0.5), (4.0, 0.5)]);
        let small = png(&svg, 1.0).expect("drawn");
        let picture = Pixmap::decode_png(&small).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (480, 400));
        assert_eq!(png(&svg, 1.0).expect("drawn"), small);
        let wide = Pixmap::decode_png(&png(&svg, 2.0).expect("drawn")).expect("a picture");
        assert_eq!((wide.width(), wide.height()), (960, 800));
        // Half way up between the areas of the labels: a level line, which a line of another height does not have there.
        let at = |picture: &Pixmap, row: u32| {
            let one = picture.pixel(150, row).expect("within");
            [one.red(), one.green(), one.blue()]
        };
        let rows: Vec<u32> = (0..400).filter(|row| at(&picture, *row) == BLUE).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| (165..190).contains(row)), "{rows:?}");
        assert!(count(&small, [0xff; 3]) > 150_000);
    }

    #[test]
    fn words_are_drawn_without_fonts_of_the_system() {
        // The ink of the axes' names is nowhere else; without the faces no word would be there.
        let ink = [0x1b, 0x24, 0x30];
        let of = |label: &str| {
            let (x, y) = (Axis::new(label, 0.0, 4.0), Axis::new(label, 0.0, 1.0));
            let lines = vec![Line::solid("", vec![(0.0, 0.5)])];
            let plot = LinePlot { what: String::new(), x, y, lines, marks: Vec::new() };
            count(&png(&line_plot(&plot).expect("drawn"), 2.0).expect("drawn"), ink)
        };
        assert!(
            of("mmmm") > 100 && of("mmmm") > of("m") && of("") == 0,
            "{} {} {}",
            of("mmmm"),
            of("m"),
            of("")
        );
    }

    #[test]
    fn plots_stand_beside_each_other() {
        let both =
            beside(&[plot(vec![(0.0, 0.5), (4.0, 0.5)]), plot(vec![(0.0, 0.25), (4.0, 0.25)])], (480, 400));
        let picture = Pixmap::decode_png(&png(&both, 1.0).expect("drawn")).expect("a picture");
        assert_eq!((picture.width(), picture.height()), (960, 400));
        let blue = |columns: std::ops::Range<u32>| {
            let is = |(column, row): (u32, u32)| {
                let one = picture.pixel(column, row).expect("within");
                [one.red(), one.green(), one.blue()] == BLUE
            };
            let rows = (0..400).filter(|row| columns.clone().any(|column| is((column, *row))));
            rows.collect::<Vec<u32>>()
        };
        let (left, right) = (blue(150..250), blue(630..730));
        assert!(!left.is_empty() && !right.is_empty() && right[0] > left[0] + 50, "{left:?} {right:?}");
    }

    #[test]
    fn what_is_no_plot_or_no_size_is_refused() {
        assert!(png("no plot", 1.0).is_err());
        let svg = plot(Vec::new());
        for scale in [0.0, f32::NAN, 1e9] {
            let said = png(&svg, scale).expect_err("no size").to_string();
            assert!(said.contains("has no pixels, or more than 16384 a side"), "{said}");
        }
    }
}
