//! Body parts, found without weights or (the brain) with them: from a calibrated image to labels with codes, measured.

use std::collections::BTreeMap;

use serde::Serialize;
use wilhelm_filters::FilterError;
use wilhelm_filters::measure::{self, Measured};
use wilhelm_filters::organs::{self, NoduleCandidate, NoduleSettings};
use wilhelm_nets::Segmenter;
use wilhelm_study::{CodedConcept, Hu, Image, LabelMap, Mask, Progress, QuantityKind, Segment, Volume};

/// What can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// The patient's body in CT.
    Body,
    /// Both lungs and the large airways in CT.
    Lungs,
    /// Bones in CT.
    Bones,
    /// The brain in T1-weighted MR, by thresholds and morphology; see [`brain_by_network`].
    Brain,
    /// Candidates for lung nodules in CT.
    Nodules,
}

/// One number about one structure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StructureMeasurement {
    /// Which structure, by its segment's name.
    pub structure: String,
    /// What was measured, for example `volume`.
    pub name: &'static str,
    /// The number with its range.
    pub measured: Measured,
}

/// What was found in an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Structures {
    /// Labels on the image's own grid.
    pub labels: LabelMap,
    /// Numbers about them.
    pub measurements: Vec<StructureMeasurement>,
    /// Nodule candidates, the strongest first; label `i + 1` is candidate `i`.
    pub candidates: Vec<NoduleCandidate>,
    /// What a reader should know, in words.
    pub notes: Vec<String>,
}

/// Finds a structure in an image, labels it on the image's grid and measures it.
///
/// # Errors
/// [`FilterError`]: an image of another quantity is refused by name; a structure that is not there is
/// said to be not found, with the reason.
pub fn structures(
    image: &Image,
    structure: Structure,
    progress: &dyn Progress,
) -> Result<Structures, FilterError> {
    match structure {
        Structure::Body => {
            let body = organs::body(hounsfield(image)?)?;
            one(body, "body", CodedConcept::new("SCT", "38266002", "Entire body"), &drawn_by("body"))
        }
        Structure::Bones => {
            let ct = hounsfield(image)?;
            let bones = organs::bones(ct, &organs::body(ct)?)?;
            one(bones, "bones", CodedConcept::new("SCT", "272673000", "Bone"), &drawn_by("bones"))
        }
        Structure::Brain => {
            let Image::Arbitrary(mr) = image else { return Err(quantity(image, "an MR volume")) };
            let mask = organs::brain(mr, progress)?;
            brain(mask, CodedConcept::new("SCT", "12738006", "Brain"), &drawn_by("brain by morphology"))
        }
        Structure::Lungs => lungs(hounsfield(image)?, progress),
        Structure::Nodules => nodules(hounsfield(image)?, progress),
    }
}

/// Finds the brain in a T1-weighted image with a network, labels it on the image's grid and measures it.
///
/// # Errors
/// As [`structures`].
pub fn brain_by_network(
    image: &Image,
    network: &Segmenter,
    progress: &dyn Progress,
) -> Result<Structures, FilterError> {
    let Image::Arbitrary(mr) = image else { return Err(quantity(image, "an MR volume")) };
    let mask = network.segment(mr, progress)?;
    let card = network.card();
    let pair = card.pair().ok_or_else(|| FilterError::Parameter {
        name: "model",
        found: card.name.clone(),
        expected: "a pair of networks that outlines the brain",
    })?;
    let drawn_by = drawn_by(&format!("{} {}", card.name, card.version));
    let milliliters = mask.milliliters();
    let mut found = brain(mask, pair.segment.code.clone(), &drawn_by)?;
    found.notes.push(format!(
        "outlined by the network {} ({} {}), made for: {}",
        card.name, pair.source.package, pair.source.version, card.input.population
    ));
    let [least, most] = pair.segment.plausible_milliliters;
    if !(least..=most).contains(&milliliters) {
        found.notes.push(format!(
            "{milliliters:.0} mL is not the size of an adult's brain ({least:.0} to {most:.0} mL): the network outlines \
             something in any image, and this may be no T1-weighted volume of a whole head"
        ));
    }
    Ok(found)
}

/// A brain with its volume and its symmetry.
fn brain(mask: Mask, code: CodedConcept, drawn_by: &str) -> Result<Structures, FilterError> {
    let sides = measure::left_right_asymmetry(&mask)?;
    let mut found = one(mask, "brain", code, drawn_by)?;
    for (name, measured) in [
        ("volume on the left", sides.left),
        ("volume on the right", sides.right),
        ("left-right asymmetry", sides.index),
    ] {
        found.measurements.push(StructureMeasurement { structure: "brain".to_owned(), name, measured });
    }
    Ok(found)
}

fn hounsfield(image: &Image) -> Result<&Volume<Hu>, FilterError> {
    match image {
        Image::Hounsfield(ct) => Ok(ct),
        other => Err(quantity(other, "Hounsfield units (a CT volume)")),
    }
}

fn quantity(image: &Image, expected: &'static str) -> FilterError {
    let found = match image.quantity() {
        _ if image.geometry().is_none() => "of a flat image",
        QuantityKind::Stored => "stored values without calibration",
        QuantityKind::Hounsfield => "Hounsfield units",
        QuantityKind::SuvBodyWeight => "uptake values",
        QuantityKind::Arbitrary => "a scale without a unit",
    };
    FilterError::Parameter { name: "quantity", found: found.to_owned(), expected }
}

fn drawn_by(method: &str) -> String {
    format!("Wilhelm {} {method}", env!("CARGO_PKG_VERSION"))
}

fn one(mask: Mask, name: &str, code: CodedConcept, drawn_by: &str) -> Result<Structures, FilterError> {
    let segment = Segment::anatomy(name, code, drawn_by);
    let volume = measure::volume(&mask)?;
    let labels = mask.voxels().iter().map(|inside| u16::from(*inside)).collect();
    Ok(Structures {
        labels: LabelMap::new(*mask.geometry(), labels, BTreeMap::from([(1, segment)]))?,
        measurements: vec![StructureMeasurement {
            structure: name.to_owned(),
            name: "volume",
            measured: volume,
        }],
        candidates: Vec::new(),
        notes: Vec::new(),
    })
}

fn lungs(ct: &Volume<Hu>, progress: &dyn Progress) -> Result<Structures, FilterError> {
    let found = organs::lungs(ct, progress)?;
    let parts = [
        (1, "left lung", CodedConcept::new("SCT", "44029006", "Left lung"), &found.left),
        (2, "right lung", CodedConcept::new("SCT", "3341006", "Right lung"), &found.right),
        (3, "trachea and main bronchi", CodedConcept::new("SCT", "44567001", "Trachea"), &found.airway),
    ];
    let mut labels = vec![0; ct.geometry().voxels()];
    let mut segments = BTreeMap::new();
    let mut measurements = Vec::new();
    for (label, name, code, mask) in parts {
        if mask.is_empty() {
            continue;
        }
        labels.iter_mut().zip(mask.voxels()).filter(|(_, inside)| **inside).for_each(|(at, _)| *at = label);
        segments.insert(label, Segment::anatomy(name, code, &drawn_by("lungs")));
        let structure = name.to_owned();
        measurements.push(StructureMeasurement {
            structure,
            name: "volume",
            measured: measure::volume(mask)?,
        });
    }
    let both = measure::emphysema(ct, &found.both()?)?;
    for (name, measured) in [
        ("volume", both.lung_volume),
        ("share below -950 HU (LAA-950)", both.low_attenuation_950),
        ("15th percentile of density", both.percentile_15),
        ("mean density", both.mean_density),
    ] {
        measurements.push(StructureMeasurement { structure: "both lungs".to_owned(), name, measured });
    }
    Ok(Structures {
        labels: LabelMap::new(*ct.geometry(), labels, segments)?,
        measurements,
        candidates: Vec::new(),
        notes: found.notes,
    })
}

fn nodules(ct: &Volume<Hu>, progress: &dyn Progress) -> Result<Structures, FilterError> {
    let lungs = organs::lungs(ct, progress)?;
    let candidates = organs::nodule_candidates(ct, &lungs, &NoduleSettings::default(), progress)?;
    let mut labels = vec![0_u16; ct.geometry().voxels()];
    let mut segments = BTreeMap::new();
    let mut measurements = Vec::new();
    for (place, candidate) in candidates.iter().enumerate() {
        let label = place as u16 + 1;
        let name = format!("nodule candidate {label}");
        labels
            .iter_mut()
            .zip(candidate.mask.voxels())
            .filter(|(at, inside)| **inside && **at == 0)
            .for_each(|(at, _)| *at = label);
        let code = CodedConcept::new("SCT", "27925004", "Nodule");
        let mut segment = Segment::abnormality(&name, code, &drawn_by("nodules"));
        segment.tracking_id = Some(name.clone());
        segments.insert(label, segment);
        for (what, measured) in [
            ("long axis", candidate.long_axis),
            ("short axis", candidate.short_axis),
            ("volume", candidate.volume),
        ] {
            measurements.push(StructureMeasurement { structure: name.clone(), name: what, measured });
        }
    }
    let mut notes = lungs.notes;
    notes.push("candidates are places to look at: most are vessels".to_owned());
    Ok(Structures {
        labels: LabelMap::new(*ct.geometry(), labels, segments)?,
        measurements,
        candidates,
        notes,
    })
}
