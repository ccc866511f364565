//! What a training set says of itself.

use serde_json::Value;

use super::Written;
use crate::Question;

/// Where the answers came from.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What the project is called.
    pub title: String,
    /// What people were told to do.
    pub instructions: String,
    /// Program and version that wrote it.
    pub program: String,
    /// When, as RFC 3339 writes it.
    pub at: String,
    /// Who was asked.
    pub annotators: Vec<String>,
    /// How many were asked for each item.
    pub wanted: usize,
    /// Who decided where they did not agree.
    pub adjudicators: Vec<String>,
    /// Whether annotators saw neither names nor dates nor identifiers.
    pub blinded: bool,
    /// How far they agreed, as a page shows it.
    pub agreement: Option<Value>,
    /// The same in a line for each.
    pub agreement_lines: Vec<String>,
}

impl About {
    /// Who drew or chose, in words.
    pub(super) fn truth(&self) -> String {
        let people = if self.annotators.len() == 1 {
            "1 person".to_owned()
        } else {
            format!("{} people", self.annotators.len())
        };
        let each = if self.wanted == 1 { "one".to_owned() } else { self.wanted.to_string() };
        format!("{people} by hand, {each} an item, in the project {}", plain(&self.title))
    }
}

/// A text in one line.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn text(about: &About, question: &Question, written: &Written) -> String {
    let mut out = format!("# {}\n\n", plain(&about.title));
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    line(format!(
        "Annotated with {}, written {}. Research software, not a medical device.",
        about.program, about.at
    ));
    line(String::new());
    line(format!(
        "- {} images of {} items and {} patients; {} items were left out{}",
        written.images,
        written.items,
        written.patients,
        written.left_out.len(),
        if written.left_out.is_empty() { "" } else { " (left-out.csv says why)" }
    ));
    let asked = match question {
        Question::Labels { multiple: false, .. } => "one of the labels",
        Question::Labels { .. } => "none, one or several of the labels",
        Question::Outline { .. } => "outlines of",
    };
    line(format!("- Asked for: {asked} {}", question.keys().join(", ")));
    if !about.instructions.trim().is_empty() {
        line(format!("- Instructions: {}", plain(&about.instructions)));
    }
    line(format!("- Annotated by {}; {} an item", about.annotators.join(", "), about.wanted));
    if !about.adjudicators.is_empty() {
        line(format!("- Adjudicated by {}", about.adjudicators.join(", ")));
    }
    let shown = if about.blinded { "no name, date or identifier" } else { "the studies" };
    line(format!("- Annotators saw {shown}"));
    let counts = |counts: Vec<String>| if counts.is_empty() { "none".to_owned() } else { counts.join(", ") };
    line(format!(
        "- How items were confirmed: {}",
        counts(written.confirmed.iter().map(|(how, count)| format!("{how} {count}")).collect())
    ));
    if !written.counts.is_empty() {
        let of = written.counts.iter().map(|(label, count)| format!("{label} {count}")).collect();
        line(format!("- Images by label: {}", counts(of)));
    }
    for note in &written.notes {
        line(format!("- {note}"));
    }
    if !about.agreement_lines.is_empty() {
        line("\n## Agreement\n".to_owned());
        about.agreement_lines.iter().for_each(|one| line(format!("- {one}")));
        line("\nMore in agreement.json. Intervals of kappa take items as independent.".to_owned());
    }
    line("\n## What is of the patients\n".to_owned());
    line(
        "Pixels, the modality and the body part; of volumes also their place in the scanner. Names, dates, numbers and \
         identifiers are not in it: patients and items are numbers of this folder. What is burned into pixels stays, unless \
         the header says so, when the item is left out; volumes of heads show faces. Look at the images before you hand them on."
            .to_owned(),
    );
    if !written.recipes.is_empty() {
        line("\n## Training\n".to_owned());
        for recipe in &written.recipes {
            line(format!("    wilhelm train {} --recipe {recipe} --data . --out MODEL", written.kind));
        }
        line("\nThe recipe is a beginning: license, citation and what the model must not be used for are yours to say.".to_owned());
    }
    out
}
