use serde::Serialize;
use wilhelm_learn::{Recipe, Run, divide, load, pretrain};
use wilhelm_nets::{ContrastiveFigures, EncoderCard};

use crate::args::TrainPretrain;
use crate::exit::{Exit, Stop};
use crate::output::{print, print_json, read_text, write_folder};
use crate::verbs::train::{Progress, beside, keeping};

/// `metrics.json`
#[derive(Serialize)]
struct Metrics<'a> {
    name: &'a str,
    method: &'a str,
    seed: u64,
    parameters: usize,
    seconds: f64,
    weights_sha256: &'a str,
    data_sha256: &'a str,
    validation: Option<ContrastiveFigures>,
}

/// `wilhelm train pretrain`
pub fn run(wanted: &TrainPretrain) -> anyhow::Result<Exit> {
    let TrainPretrain { recipe, data, out, run, resume, checkpoint_every, computing, force, json } = wanted;
    if !force && out.join(EncoderCard::FILE).exists() {
        return Err(Stop::usage(format!("{} holds an encoder: add --force to replace it", out.display())));
    }
    let text = read_text(recipe, "recipe")?;
    // Images without labels are what it learns from.
    let parsed = Recipe { labeled_share: None, ..Recipe::from_toml(&text)? };
    let name = recipe.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut progress = Progress::new(*computing)?;
    let examples = load(&parsed, data)?;
    // A split that is refused leaves no run behind.
    let division = divide(&parsed, &examples)?;
    let folder = run.clone().unwrap_or_else(|| beside(out));
    // A classifier's run of the same recipe is another run.
    let text = format!("{text}\n# Of `wilhelm train pretrain`\n");
    let run = Run::open(&folder, &text, &examples.sha256, &keeping(computing, *resume, *checkpoint_every)?)?;
    let trained = pretrain(&division, Some(&run), &name, &mut progress)?;
    drop(progress);
    let card = &trained.card;
    let text = card.to_toml()?;
    let held_out: String = division
        .split
        .validation
        .iter()
        .map(|place| examples.examples[*place].source.clone() + "\n")
        .collect();
    let files = [
        (EncoderCard::FILE, text.as_bytes()),
        (card.weights.as_str(), trained.weights.as_slice()),
        ("validation.txt", held_out.as_bytes()),
    ];
    write_folder(out, &files, *force)?;
    let metrics = Metrics {
        name: &card.name,
        method: &card.method,
        seed: card.training.seed,
        parameters: trained.parameters,
        seconds: trained.seconds,
        weights_sha256: &card.weights_sha256,
        data_sha256: &card.training.data_sha256,
        validation: card.validation,
    };
    run.finish(&metrics)?;
    if *json {
        print_json(&metrics)?;
    } else if let Some(figures) = card.validation {
        print(&format!(
            "{}: on {} images held out the NT-Xent loss is {:.3} ({:.3} is chance), and {:.1} % of views find their image's other \
             view\n",
            out.display(),
            figures.images,
            figures.loss,
            figures.loss_of_chance,
            100.0 * figures.accuracy
        ))?;
    }
    Ok(Exit::Done)
}
