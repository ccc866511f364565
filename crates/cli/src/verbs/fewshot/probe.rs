use wilhelm_learn::evaluation::document::{html, markdown};
use wilhelm_learn::fewshot::{
    CASES, CurveSettings, LearningCurves, Method, MethodSettings, csv, document, learning_curves,
    pixel_features, radiomic_features,
};
use wilhelm_learn::{Recipe, divide, load};

use super::Source;
use crate::args::FewshotProbe;
use crate::config::Config;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::progress::Line;
use crate::table;

/// `wilhelm fewshot probe`
pub fn run(wanted: &FewshotProbe, config: &Config) -> anyhow::Result<Exit> {
    crate::memory::keep_freed();
    let report = wanted.out.join("fewshot.json");
    if !wanted.force && report.exists() {
        return Err(Stop::usage(format!("{} is already there: add --force to replace it", report.display())));
    }
    let recipe = Recipe::from_toml(&read_text(&wanted.set.recipe, "recipe")?)?;
    recipe.require_one_of("curves over few labels are")?;
    let data = load(&recipe, &wanted.set.data)?;
    let division = divide(&recipe, &data)?;
    let mut sources = Vec::new();
    for named in &wanted.sources {
        let source = Source::read(named, wanted.set.models.as_deref(), &division, config)?;
        sources.push(source.features(&division, &wanted.out)?);
    }
    sources.push(Source::random(&division, recipe.seed).features(&division, &wanted.out)?);
    if recipe.architecture.slices == 1 {
        sources.push(pixel_features(&recipe, &data)?);
        let line = Line::new("radiomics");
        sources.push(radiomic_features(&recipe, &data, &|done, total| line.at(done, total))?);
    }
    let settings = CurveSettings {
        as_far_as_there_are: wanted.cases.is_none(),
        cases: wanted.cases.clone().unwrap_or_else(|| CASES.to_vec()),
        repeats: wanted.repeats,
        seed: wanted.seed,
        method: MethodSettings { strength: wanted.strength, neighbors: wanted.neighbors },
    };
    let line = Line::new("fitting");
    let curves = learning_curves(&division, &sources, &settings, &|done, total| line.at(done, total))?;
    drop(line);
    let page = document(&curves)?;
    let (json, text, html, csv) =
        (serde_json::to_vec_pretty(&curves)?, markdown(&page), html(&page), csv(&curves));
    let files = [
        ("fewshot.json", json.as_slice()),
        ("fewshot.csv", csv.as_bytes()),
        ("fewshot.md", text.as_bytes()),
        ("fewshot.html", html.as_bytes()),
    ];
    write_folder(&wanted.out, &files, wanted.force)?;
    curves.notes.iter().for_each(|note| eprintln!("wilhelm: {note}"));
    if wanted.json {
        print_json(&curves)?;
    } else {
        print(&summary(&curves))?;
        print(&format!("{}\n", wanted.out.join("fewshot.html").display()))?;
    }
    Ok(Exit::Done)
}

/// The linear probe's AUC in columns; the pages have the rest.
fn summary(curves: &LearningCurves) -> String {
    let probes: Vec<_> = curves.curves.iter().filter(|curve| curve.method == Method::LinearProbe).collect();
    let mut header = vec!["AUC, linear probe".to_owned()];
    header.extend(probes.first().into_iter().flat_map(|curve| &curve.points).map(
        |point| match point.cases {
            Some(cases) => format!("{cases} a label"),
            None => "all".to_owned(),
        },
    ));
    let rows: Vec<Vec<String>> = probes
        .iter()
        .map(|curve| {
            let cells = curve.points.iter().map(|point| format!("{:.3}", point.auc.mean));
            let saw = curves.sources.iter().any(|source| source.saw_labels && source.name == curve.source);
            let name = if saw { format!("{} (saw all labels)", curve.source) } else { curve.source.clone() };
            std::iter::once(name).chain(cells).collect()
        })
        .collect();
    let blind = &curves.blind;
    format!(
        "{}without a look at any image: AUC 0.500, accuracy {:.3} by always calling {}, {:.3} by prevalence\n",
        table::columns(&header.iter().map(String::as_str).collect::<Vec<_>>(), &rows),
        blind.majority_accuracy,
        blind.majority,
        blind.prevalence_accuracy
    )
}
