use wilhelm_study::{Modality, QuantityKind, View};

use crate::{AcceptedInput, Card};

/// What is known of an image before a network sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct InputFacts {
    /// How it was made, where the file says so.
    pub modality: Option<Modality>,
    /// Body part (upper case), where the file says so.
    pub body_part: Option<String>,
    /// View, where the file says so.
    pub view: Option<View>,
    /// What a value means.
    pub quantity: QuantityKind,
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// Slices; 1 for a flat image.
    pub slices: usize,
    /// Whether it has colors.
    pub color: bool,
}

/// Why a card refuses an image: what was found, what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {found}, the model accepts {expected}")]
pub struct Refusal {
    /// Which property.
    pub what: &'static str,
    /// What the image has.
    pub found: String,
    /// What the card asks for.
    pub expected: String,
}

impl Card {
    /// Whether the card accepts an image with these properties; the first mismatch is named.
    ///
    /// A picture file states no modality, body part or view: these are then left to the outlier
    /// detector, which looks at the pixels.
    ///
    /// # Errors
    /// [`Refusal`] with what was found and what is accepted.
    pub fn accepts(&self, facts: &InputFacts) -> Result<(), Refusal> {
        self.input.accepts(facts, self.architecture.slices)
    }
}

impl AcceptedInput {
    /// Whether an image with these properties is accepted by a network of so many slices.
    pub(crate) fn accepts(&self, facts: &InputFacts, slices: usize) -> Result<(), Refusal> {
        let input = self;
        let refuse = |what, found: String, expected: String| Err(Refusal { what, found, expected });
        if let Some(modality) = &facts.modality
            && !input.modalities.contains(modality)
        {
            return refuse(
                "modality",
                modality.to_string(),
                list(input.modalities.iter().map(Modality::term)),
            );
        }
        if let Some(body_part) = &facts.body_part
            && !input.body_parts.contains(body_part)
        {
            return refuse("body part", body_part.clone(), list(input.body_parts.iter().map(String::as_str)));
        }
        if let Some(view) = &facts.view
            && !input.views.is_empty()
            && !input.views.contains(view)
        {
            return refuse("view", view.spoken().to_owned(), list(input.views.iter().map(View::spoken)));
        }
        if facts.quantity != input.quantity {
            return refuse("unit of the values", spoken(facts.quantity), spoken(input.quantity));
        }
        // A volume is brought to the network's slices, within reason.
        let (fewest, most) = if slices == 1 { (1, 1) } else { (slices.div_ceil(4).max(2), slices * 4) };
        if !(fewest..=most).contains(&facts.slices) {
            let expected =
                if slices == 1 { "a single image".to_owned() } else { format!("{fewest} to {most} slices") };
            return refuse("number of slices", facts.slices.to_string(), expected);
        }
        if facts.color && !input.color {
            return refuse("picture", "in color".to_owned(), "gray pictures only".to_owned());
        }
        let (short, long) = (facts.columns.min(facts.rows), facts.columns.max(facts.rows));
        let size = format!("{} x {} pixels", facts.columns, facts.rows);
        if short < input.least_side {
            return refuse("size", size, format!("at least {0} x {0} pixels", input.least_side));
        }
        if long as f64 > short as f64 * input.greatest_aspect {
            let most = format!("a longer side of at most {} times the shorter", input.greatest_aspect);
            return refuse("shape", size, most);
        }
        Ok(())
    }
}

fn list<'a>(terms: impl Iterator<Item = &'a str>) -> String {
    terms.collect::<Vec<_>>().join(", ")
}

fn spoken(quantity: QuantityKind) -> String {
    match quantity {
        QuantityKind::Stored => "unknown (stored values)",
        QuantityKind::Hounsfield => "Hounsfield units",
        QuantityKind::SuvBodyWeight => "SUV",
        QuantityKind::Arbitrary => "a gray scale without a unit",
    }
    .to_owned()
}
