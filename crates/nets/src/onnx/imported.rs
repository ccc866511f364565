use wilhelm_filters::Prepared;

use super::card::{Layout, OnnxCard, OnnxOutput};
use super::check::check;
use super::session::{Numbers, Port, spoken};
use super::{OnnxError, Runtime, Session};
use crate::ModelError;
use crate::calibration::softmax;
use crate::card::on_disk;

/// How far the sum of a network's probabilities may be from 1.
const SUM_TOLERANCE: f64 = 1e-3;

/// A classifier made by others, an ONNX file with its [`OnnxCard`], computed by ONNX Runtime.
///
/// The file's hash is checked before anything parses it. It has no calibration and no outlier detector.
#[derive(Debug)]
pub struct OnnxClassifier {
    card: OnnxCard,
    session: Session,
    /// Whether it takes one image at a time.
    one_by_one: bool,
}

impl OnnxClassifier {
    /// Images in one pass, at most.
    const BATCH: usize = 16;
    /// Numbers in one pass, at most, where it has more than one image: a quarter of a gibibyte.
    const NUMBERS: usize = 1 << 26;

    /// Puts a classifier together.
    ///
    /// # Errors
    /// [`ModelError::Hash`] for another file than the card's, [`ModelError::Onnx`] for one that is no ONNX, that ONNX
    /// Runtime refuses, or whose input or output is not as the card says.
    pub fn from_parts(card: OnnxCard, file: &[u8], runtime: &Runtime) -> Result<Self, ModelError> {
        on_disk::check_weights(&card, file)?;
        let fail = |source: OnnxError| ModelError::Onnx { model: card.name.clone(), source };
        check(file).map_err(fail)?;
        let session = runtime.session(file).map_err(fail)?;
        let one_by_one = fits(&card, session.inputs(), session.outputs()).map_err(fail)?;
        Ok(Self { card, session, one_by_one })
    }

    /// The card.
    pub const fn card(&self) -> &OnnxCard {
        &self.card
    }

    /// Probabilities of images that were prepared as the card says, a number for each label, in the card's order.
    ///
    /// # Errors
    /// [`ModelError::Onnx`] for images of another size, a network that fails, or one that gives something that is no
    /// probability.
    pub fn predict(&self, images: &[&Prepared]) -> Result<Vec<Vec<f64>>, ModelError> {
        let fail = |source: OnnxError| ModelError::Onnx { model: self.card.name.clone(), source };
        let (labels, output) = (self.card.labels.len(), self.card.network.output.as_str());
        let mut all = Vec::with_capacity(images.len());
        let each = shape(&self.card, 1).iter().product::<usize>();
        let most = if self.one_by_one { 1 } else { (Self::NUMBERS / each.max(1)).clamp(1, Self::BATCH) };
        for batch in images.chunks(most) {
            let input = self.input(batch)?;
            let made = self.session.run(&self.card.network.input, input, &[output]).map_err(fail)?;
            for numbers in made {
                for row in numbers.rows(output, [batch.len(), labels]).map_err(fail)? {
                    all.push(probabilities(&row, self.card.network.gives, output).map_err(fail)?);
                }
            }
        }
        Ok(all)
    }

    fn input(&self, images: &[&Prepared]) -> Result<Numbers, ModelError> {
        let (recipe, network) = (&self.card.preparation, &self.card.network);
        let (rows, columns, channels) = (recipe.rows, recipe.columns, network.channels);
        let mut values = Vec::with_capacity(images.len() * channels * rows * columns);
        let of_channel = |pixel: f32, channel: usize| {
            let mean = network.channel_means.get(channel).unwrap_or(&0.0);
            (pixel - mean) / network.channel_deviations.get(channel).unwrap_or(&1.0)
        };
        for image in images {
            if (image.columns, image.rows) != (columns, rows) {
                let source = OnnxError::Graph {
                    what: "size of a prepared image".to_owned(),
                    found: format!("{} columns and {} rows", image.columns, image.rows),
                    expected: format!("{columns} and {rows}"),
                };
                return Err(ModelError::Onnx { model: self.card.name.clone(), source });
            }
            match network.layout {
                Layout::ChannelsFirst => {
                    for channel in 0..channels {
                        values.extend(image.pixels.iter().map(|pixel| of_channel(*pixel, channel)));
                    }
                }
                Layout::ChannelsLast => {
                    for pixel in &image.pixels {
                        values.extend((0..channels).map(|channel| of_channel(*pixel, channel)));
                    }
                }
            }
        }
        Ok(Numbers { shape: shape(&self.card, images.len()), values })
    }
}

/// The input's shape for so many images.
fn shape(card: &OnnxCard, images: usize) -> Vec<usize> {
    let (rows, columns, channels) = (card.preparation.rows, card.preparation.columns, card.network.channels);
    match card.network.layout {
        Layout::ChannelsFirst => vec![images, channels, rows, columns],
        Layout::ChannelsLast => vec![images, rows, columns, channels],
    }
}

/// Whether input and output are as the card says; gives whether the network takes one image at a time.
fn fits(card: &OnnxCard, inputs: &[Port], outputs: &[Port]) -> Result<bool, OnnxError> {
    let names = |ports: &[Port]| {
        let names: Vec<String> = ports.iter().take(20).map(|port| format!("{:?}", port.name)).collect();
        names.join(", ")
    };
    let network = &card.network;
    let [input] = inputs else {
        return Err(OnnxError::Graph {
            what: "number of the network's inputs".to_owned(),
            found: format!("{} ({})", inputs.len(), names(inputs)),
            expected: format!("1, the card's {:?}", network.input),
        });
    };
    if input.name != network.input {
        return Err(OnnxError::Graph {
            what: "name of the network's input".to_owned(),
            found: format!("{:?}", input.name),
            expected: format!("the card's {:?}", network.input),
        });
    }
    let output = outputs.iter().find(|port| port.name == network.output).ok_or_else(|| OnnxError::Graph {
        what: "list of the network's outputs".to_owned(),
        found: names(outputs),
        expected: format!("the card's {:?} among them", network.output),
    })?;
    let of_input: Vec<Option<usize>> = shape(card, 0).into_iter().map(Some).collect();
    let batch = agree(&format!("shape of input {:?}", input.name), input, &of_input[1..])?;
    let of_output = [Some(card.labels.len())];
    let of_rows = agree(&format!("shape of output {:?}", output.name), output, &of_output)?;
    // An output that is fixed to one row says so of its input.
    Ok([batch, of_rows].contains(&Some(1)))
}

/// Compares declared axes with those that the card asks for after the first; gives the length of the first.
fn agree(what: &str, port: &Port, expected: &[Option<usize>]) -> Result<Option<usize>, OnnxError> {
    let wrong = |found: String| {
        let expected: Vec<_> = std::iter::once(None).chain(expected.iter().copied()).collect();
        let expected = format!("{} by its card, ? being 1 or free", spoken(&expected));
        Err(OnnxError::Graph { what: what.to_owned(), found, expected })
    };
    let Some(axes) = &port.axes else {
        return wrong("none: it is no tensor of single-precision numbers".to_owned());
    };
    let Some((batch, others)) = axes.split_first() else { return wrong(spoken(axes)) };
    let fit = others.len() == expected.len()
        && others.iter().zip(expected).all(|(found, expected)| found.is_none() || found == expected)
        && matches!(batch, None | Some(1));
    if fit { Ok(*batch) } else { wrong(spoken(axes)) }
}

fn probabilities(row: &[f32], gives: OnnxOutput, output: &str) -> Result<Vec<f64>, OnnxError> {
    let wrong = |found: String, expected: &str| {
        Err(OnnxError::Graph {
            what: format!("a number of output {output:?}"),
            found,
            expected: expected.to_owned(),
        })
    };
    let row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
    if let Some(value) = row.iter().find(|value| !value.is_finite()) {
        return wrong(value.to_string(), "a finite one");
    }
    match gives {
        OnnxOutput::Logits => Ok(softmax(&row)),
        OnnxOutput::Probabilities => {
            if let Some(value) =
                row.iter().find(|value| !(-SUM_TOLERANCE..=1.0 + SUM_TOLERANCE).contains(*value))
            {
                return wrong(
                    value.to_string(),
                    "a probability: its card may have to say that it gives logits",
                );
            }
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return wrong(format!("one of {sum} in all"), "probabilities that add up to 1");
            }
            Ok(row.into_iter().map(|value| value.clamp(0.0, 1.0)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, axes: &[Option<usize>]) -> Port {
        Port { name: name.to_owned(), axes: Some(axes.to_vec()) }
    }

    fn card() -> OnnxCard {
        OnnxCard::from_toml(super::super::tests::CARD).expect("a card")
    }

    #[test]
    fn inputs_and_outputs_are_compared_with_the_card() {
        let input = || port("x", &[None, Some(3), Some(16), Some(24)]);
        let output = || port("y", &[None, Some(2)]);
        assert_eq!(fits(&card(), &[input()], &[output()]), Ok(false));
        assert_eq!(fits(&card(), &[input()], &[port("z", &[]), output()]), Ok(false));
        let one = port("x", &[Some(1), Some(3), Some(16), Some(24)]);
        assert_eq!(fits(&card(), &[one], &[output()]), Ok(true));
        let free = port("x", &[None, None, None, None]);
        assert_eq!(fits(&card(), &[free], &[output()]), Ok(false));
        let check = |inputs: &[Port], outputs: &[Port], expected: &str| {
            let error = fits(&card(), inputs, outputs).expect_err("it does not fit");
            assert_eq!(error.to_string(), expected);
        };
        check(
            &[input(), port("mask", &[])],
            &[output()],
            "number of the network's inputs is 2 (\"x\", \"mask\"), expected 1, the card's \"x\"",
        );
        check(
            &[port("input", &[])],
            &[output()],
            "name of the network's input is \"input\", expected the card's \"x\"",
        );
        check(
            &[input()],
            &[port("logits", &[None, Some(2)])],
            "list of the network's outputs is \"logits\", expected the card's \"y\" among them",
        );
        check(
            &[port("x", &[None, Some(1), Some(16), Some(24)])],
            &[output()],
            "shape of input \"x\" is [?, 1, 16, 24], expected [?, 3, 16, 24] by its card, ? being 1 or free",
        );
        check(
            &[input()],
            &[port("y", &[None, Some(3)])],
            "shape of output \"y\" is [?, 3], expected [?, 2] by its card, ? being 1 or free",
        );
        check(
            &[input()],
            &[Port { name: "y".to_owned(), axes: None }],
            "shape of output \"y\" is none: it is no tensor of single-precision numbers, expected [?, 2] by its card, ? \
             being 1 or free",
        );
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        let found = probabilities(&[0.0, 0.0], OnnxOutput::Logits, "y").expect("logits");
        assert_eq!(found, [0.5, 0.5]);
        let found = probabilities(&[0.25, 0.750_01], OnnxOutput::Probabilities, "y").expect("probabilities");
        assert!((found[1] - 0.75).abs() < 1e-4);
        let check = |row: &[f32], gives, expected: &str| {
            let error = probabilities(row, gives, "y").expect_err("it is none").to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(&[f32::NAN, 0.0], OnnxOutput::Logits, "is NaN, expected a finite one");
        check(&[3.5, -2.5], OnnxOutput::Probabilities, "is 3.5, expected a probability");
        check(&[0.5, 0.25], OnnxOutput::Probabilities, "0.75 in all");
    }
}
