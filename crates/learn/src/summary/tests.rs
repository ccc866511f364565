use super::measure::{labels_of, lead, tags_of};
use super::*;
use crate::evaluation::Table;
use crate::{EpochReport, LearnError, TrainProgress};

fn text(name: &str) -> String {
    let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/recipes").join(name);
    std::fs::read_to_string(place).expect("a recipe of the project")
}

/// The project's recipe for a very small network.
fn small(name: &str) -> String {
    let changes = [
        ("width = 64", "width = 24"),
        ("heads = 4", "heads = 2"),
        ("layers = 2", "layers = 1"),
        ("dropout = 0.1", "dropout = 0.0"),
        ("epochs = 12", "epochs = 25"),
        ("learning_rate = 0.002", "learning_rate = 0.01"),
        ("most_source = 104", "most_source = 24"),
        ("most_target = 40", "most_target = 12"),
    ];
    changes.into_iter().fold(text(name), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

/// Reports whose impression follows from their findings.
fn reports(recipe: &SummaryRecipe) -> Reports {
    let (mut rows, mut tags) =
        ("id,indication,findings,impression\n".to_owned(), "id,Cardiomegaly,Edema\n".to_owned());
    for case in 0..150 {
        let (finding, impression, tag) = [
            ("the heart is enlarged", "Cardiomegaly.", "1,"),
            ("vessels are congested", "Pulmonary edema.", ",1"),
            ("the lungs are clear", "No acute disease.", ","),
        ][case % 3];
        rows.push_str(&format!("{case},pain,Film {case}. In this view {finding}.,{impression}\n"));
        tags.push_str(&format!("{case},{tag}\n"));
    }
    rows.push_str("150,pain,,No acute disease.\n");
    tags.push_str("150,,\n");
    let table = |name: &str, text: &str| Table::parse(name, text.as_bytes()).expect("a table");
    Reports::of(&recipe.texts, &[table("r.csv", &rows)], &[table("t.csv", &tags)], 1).expect("enough")
}

struct Quiet;

impl TrainProgress for Quiet {
    fn step(&mut self, _: usize, _: usize) {}
    fn epoch(&mut self, _: EpochReport) {}
    fn cancelled(&self) -> bool {
        false
    }
    fn seconds(&self) -> f64 {
        0.0
    }
}

#[test]
fn the_project_s_recipes_are_read_and_faults_are_named() {
    for name in ["report-impression.toml", "report-labels.toml"] {
        assert!(SummaryRecipe::is_one(&text(name)));
        SummaryRecipe::from_toml(&text(name)).expect("a recipe");
    }
    assert!(!SummaryRecipe::is_one(&text("chest-report.toml")));
    let check = |from: &str, to: &str, expected: &str| {
        let wrong = text("report-impression.toml").replace(from, to);
        let refused = SummaryRecipe::from_toml(&wrong).expect_err("refused").to_string();
        assert!(refused.contains(expected), "{refused}");
    };
    check("heads = 4", "heads = 5", "sizes under [network]");
    check("held_out_share = 0.2 ", "held_out_share = 0.9 ", "held_out_share");
    check("least_texts = 3 ", "least_texts = 0 ", "least_texts");
    check("epochs = 12", "epoch = 12", "unknown field");
}

#[test]
fn reports_are_parted_without_copies_on_two_sides_and_incomplete_ones_are_counted() {
    let recipe = SummaryRecipe::from_toml(&small("report-impression.toml")).expect("a recipe");
    let found = reports(&recipe);
    assert_eq!((found.cases.len(), found.incomplete, found.test.len()), (150, 1, 30));
    let mut all = [found.training.clone(), found.stop.clone(), found.test.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..150).collect::<Vec<_>>());
    assert!(found.cases[0].source.starts_with("indication : pain findings : Film 0."));
}

#[test]
fn what_follows_from_the_findings_is_learned_written_kept_in_a_folder_and_measured() -> Result<(), LearnError>
{
    let text = small("report-impression.toml");
    let recipe = SummaryRecipe::from_toml(&text)?;
    let reports = reports(&recipe);
    let trained = train_summary(&recipe, &text, &reports, None, "a test", &mut Quiet)?;
    let figures = &trained.metrics.figures;
    let of = |name: &str| figures.systems.iter().find(|system| system.name == name).expect("a system");
    let label = |name: &str| of(name).label_f1.as_ref().and_then(|of| of.value).expect("a value");
    assert!(label("generator") > 0.95, "{:?}", of("generator"));
    assert!(label("nearest neighbor") > 0.95 && label("constant") < 0.6);
    // The whole section names nothing that the labeler knows but an enlarged heart.
    assert!(label("lead sentence") < label("generator"));
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("written");
    put("card.toml", toml::to_string(&trained.card).expect("a card").as_bytes());
    put("recipe.toml", text.as_bytes());
    put("tokenizer.json", &trained.tokenizer);
    put("weights.safetensors", &trained.weights);
    assert!(SummaryCard::is_in(folder.path()));
    let model = SummaryModel::open(folder.path())?;
    let resampling = wilhelm_stats::Resampling { replicates: 1000, level: 0.95, seed: 1 };
    let (again, texts) = model.measure(&reports, crate::generator::Decoding::Greedy, resampling)?;
    assert_eq!(again.systems[0], figures.systems[0]);
    assert_eq!(texts.len(), 30);
    put("tokenizer.json", b"{}");
    assert!(SummaryModel::open(folder.path()).expect_err("refused").to_string().contains("tokenizer.json"));
    Ok(())
}

#[test]
fn labels_are_written_and_read_as_names() {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        tags_of("Pleural effusion ; lung  opacity; nothing of the kind"),
        set(&["Pleural Effusion", "Lung Opacity"])
    );
    assert_eq!(labels_of("Cardiomegaly. No effusion. Possible edema."), set(&["Cardiomegaly", "Edema"]));
    assert_eq!(lead("Heart of 1.5 size. Lungs clear."), "Heart of 1.5 size.");
    assert_eq!(lead("no stop"), "no stop");
}
