//! Whether left and right may change places.

use crate::LearnError;

/// Parts of the body whose two halves differ inside, as DICOM's Body Part Examined calls them: a mirror image shows a
/// situs that next to nobody has.
const UNLIKE: [&str; 19] = [
    "ABDOMEN",
    "ABDOMENPELVIS",
    "AORTA",
    "CARDIAC",
    "CHEST",
    "CHESTABDOMEN",
    "CHESTABDPELVIS",
    "COLON",
    "CORONARYARTERY",
    "ESOPHAGUS",
    "GALLBLADDER",
    "HEART",
    "LIVER",
    "LUNG",
    "PANCREAS",
    "SPLEEN",
    "STOMACH",
    "THORAX",
    "WHOLEBODY",
];

/// Words of a label that name a side, or the order of the sides.
const SIDES: [&str; 8] =
    ["left", "right", "dextrocardia", "levocardia", "situs", "inversus", "heterotaxy", "isomerism"];

/// What a recipe says of sides.
pub(crate) struct Sides<'a> {
    /// Keys that are set so that images are mirrored.
    pub mirrors: &'a [&'a str],
    /// Whether it says that the side matters.
    pub matter: bool,
    /// Why mirror images are right all the same.
    pub because: Option<&'a str>,
    /// Parts of the body that are shown.
    pub body_parts: &'a [String],
    /// Names, keys and synonyms of what is learned.
    pub names: &'a [&'a str],
}

impl Sides<'_> {
    /// Refuses mirror images where they would be wrong.
    ///
    /// A label that names a side would be wrong of every mirror image, whatever the reason; a part of the body whose halves
    /// differ takes a reason.
    ///
    /// # Errors
    /// [`LearnError::Recipe`].
    pub(crate) fn check(&self) -> Result<(), LearnError> {
        let Some(mirror) = self.mirrors.first() else { return Ok(()) };
        let refuse = |what: String| Err(LearnError::Recipe(what));
        if self.matter {
            return refuse(format!("side_matters and {mirror} contradict each other: set {mirror} to false"));
        }
        if let Some((name, side)) = self.names.iter().find_map(|name| Some((name, side_of(name)?))) {
            return refuse(format!(
                "{name} names a side ({side}), which a mirror image exchanges: set {mirror} to false"
            ));
        }
        let plain = |part: &str| part.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let part = self.body_parts.iter().find(|part| UNLIKE.contains(&plain(part).to_uppercase().as_str()));
        match (part, self.because.map(str::trim)) {
            (None, _) => Ok(()),
            (Some(_), Some(reason)) if !reason.is_empty() => Ok(()),
            (Some(part), _) => refuse(format!(
                "the two halves of {part} differ, and a mirror image shows what is in next to nobody: set {mirror} to false, or \
                 say with mirror_because why it is right here"
            )),
        }
    }
}

/// The word of a name that names a side.
fn side_of(name: &str) -> Option<&'static str> {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase);
    words.into_iter().find_map(|word| SIDES.into_iter().find(|side| *side == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(names: &[&str], part: &str, because: Option<&str>, matter: bool) -> Result<(), String> {
        let sides = Sides { mirrors: &["mirror"], matter, because, body_parts: &[part.to_owned()], names };
        sides.check().map_err(|error| error.to_string())
    }

    #[test]
    fn a_mirror_image_is_refused_where_side_matters_and_asks_for_a_reason_where_halves_differ() {
        assert_eq!(said(&["glioma"], "BRAIN", None, false), Ok(()));
        let side = said(&["nodule", "left_lung"], "BRAIN", Some("any"), false).expect_err("a side");
        assert!(side.contains("left_lung names a side (left)"), "{side}");
        // No word of its own.
        assert_eq!(said(&["bright", "cleft palate", "upright"], "HEAD", None, false), Ok(()));
        let chest = said(&["pneumonia"], "CHEST", None, false).expect_err("halves differ");
        assert!(
            chest.contains("the two halves of CHEST differ") && chest.contains("mirror_because"),
            "{chest}"
        );
        assert!(said(&["pneumonia"], "Chest", Some("  "), false).is_err());
        assert_eq!(said(&["pneumonia"], "CHEST", Some("the label has no side"), false), Ok(()));
        let matter = said(&["glioma"], "BRAIN", Some("any"), true).expect_err("it matters");
        assert!(matter.contains("side_matters and mirror contradict"), "{matter}");
        let still = Sides { mirrors: &[], matter: true, because: None, body_parts: &[], names: &["left"] };
        assert!(still.check().is_ok());
    }
}
