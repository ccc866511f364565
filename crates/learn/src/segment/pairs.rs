//! Which mask belongs to which image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::recipe::MaskSource;
use crate::LearnError;
use crate::dataset::files::Entry;
use crate::dataset::folders::visible;
use crate::dataset::table::{listed, parse};
use crate::error::some;

/// A mask before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MaskFile {
    /// Its name in messages.
    pub source: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Images with their masks.
pub(super) fn pairs(folder: &Path, source: &MaskSource) -> Result<Vec<Entry<MaskFile>>, LearnError> {
    match source {
        MaskSource::Table { table, patient, split, .. } => {
            let mask = |cell: &str| match cell {
                "" => Err("empty, expected the name of a mask".to_owned()),
                name => Ok(MaskFile { source: name.to_owned(), path: folder.join(name) }),
            };
            let parsed = parse(folder, table)?;
            Ok(listed(folder, &parsed, "mask", patient.as_deref(), split.as_deref(), mask)?)
        }
        MaskSource::Folders { images, masks, suffix, .. } => {
            of_folders(folder, images, masks.as_ref().unwrap_or(images), suffix)
        }
    }
}

fn of_folders(
    folder: &Path,
    images: &str,
    masks: &str,
    suffix: &str,
) -> Result<Vec<Entry<MaskFile>>, LearnError> {
    let fail = |what: String| LearnError::Data { place: folder.display().to_string(), what };
    let named =
        |below: &str, name: &str| if below == "." { name.to_owned() } else { format!("{below}/{name}") };
    let together = images == masks;
    let is_mask = |name: &str| !suffix.is_empty() && stem(name).ends_with(suffix);
    let mut found: BTreeMap<String, (String, PathBuf)> = BTreeMap::new();
    for (name, path) in visible(&folder.join(masks))? {
        if (together && !is_mask(&name)) || (masks == "." && path.is_dir()) {
            continue;
        }
        let key = stem(&name).to_owned();
        if let Some((other, _)) = found.insert(key, (name.clone(), path)) {
            return Err(fail(format!(
                "the masks {} and {} differ by their ending alone: take one out",
                named(masks, &other),
                named(masks, &name)
            )));
        }
    }
    let (mut entries, mut alone, mut used) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (name, path) in visible(&folder.join(images))? {
        if (together && is_mask(&name)) || (images == "." && path.is_dir()) {
            continue;
        }
        let key = format!("{}{suffix}", stem(&name));
        let source = named(images, &name);
        match found.get(&key) {
            Some((mask, place)) => {
                used.insert(key);
                let truth = MaskFile { source: named(masks, mask), path: place.clone() };
                entries.push(Entry {
                    source,
                    path,
                    beside: Vec::new(),
                    line: None,
                    patient: None,
                    side: None,
                    truth,
                });
            }
            None => alone.push(source),
        }
    }
    let left: Vec<String> = found
        .iter()
        .filter(|(key, _)| !used.contains(*key))
        .map(|(_, (name, _))| named(masks, name))
        .collect();
    if !alone.is_empty() {
        return Err(fail(format!(
            "{} images have no mask: {}; a mask has its image's name with {suffix:?} before the ending, in {masks}; \
             draw an empty one where there is nothing",
            alone.len(),
            some(&alone, ", ")
        )));
    }
    if !left.is_empty() {
        return Err(fail(format!(
            "{} masks have no image: {}; take them out or add their images to {images}",
            left.len(),
            some(&left, ", ")
        )));
    }
    if entries.is_empty() {
        return Err(fail(format!("no image in {images}")));
    }
    Ok(entries)
}

/// A file's name without its ending, of which `.nii.gz` and `.seg.nrrd` are one.
fn stem(name: &str) -> &str {
    let lower = name.to_lowercase();
    for ending in [".nii.gz", ".seg.nrrd"] {
        if lower.ends_with(ending) {
            return &name[..name.len() - ending.len()];
        }
    }
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &[&str]) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = place.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, b"x").expect("written");
        }
        place
    }

    fn found(
        place: &tempfile::TempDir,
        images: &str,
        masks: &str,
        suffix: &str,
    ) -> Result<Vec<(String, String)>, String> {
        let entries = of_folders(place.path(), images, masks, suffix)
            .map_err(|error| error.to_string().replace(&place.path().display().to_string(), "DIR"))?;
        Ok(entries.into_iter().map(|entry| (entry.source, entry.truth.source)).collect())
    }

    fn names(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(image, mask)| ((*image).to_owned(), (*mask).to_owned())).collect()
    }

    #[test]
    fn masks_lie_beside_their_images_or_in_a_folder_of_their_own() {
        let beside =
            place(&["b (1).jpg", "b (1)_mask.png", "a.nii.gz", "a_mask.seg.nrrd", ".hidden", "more/x"]);
        let expected = names(&[("a.nii.gz", "a_mask.seg.nrrd"), ("b (1).jpg", "b (1)_mask.png")]);
        assert_eq!(found(&beside, ".", ".", "_mask"), Ok(expected));
        let apart = place(&["images/1.png", "masks/1.png"]);
        assert_eq!(found(&apart, "images", "masks", ""), Ok(names(&[("images/1.png", "masks/1.png")])));
    }

    #[test]
    fn images_without_masks_and_masks_without_images_are_named() {
        let images = place(&["1.png", "2.png", "1_mask.png"]);
        assert_eq!(
            found(&images, ".", ".", "_mask").expect_err("refused"),
            "data in DIR: 1 images have no mask: 2.png; a mask has its image's name with \"_mask\" before the ending, \
             in .; draw an empty one where there is nothing"
        );
        let masks = place(&["1.png", "1_mask.png", "3_mask.png"]);
        assert_eq!(
            found(&masks, ".", ".", "_mask").expect_err("refused"),
            "data in DIR: 1 masks have no image: 3_mask.png; take them out or add their images to ."
        );
        let twice = place(&["1.png", "1_mask.png", "1_mask.nii"]);
        let said = found(&twice, ".", ".", "_mask").expect_err("refused");
        assert!(said.contains("1_mask.nii and 1_mask.png differ by their ending alone"), "{said}");
        let none = found(&place(&["more/1.png"]), ".", ".", "_mask").expect_err("refused");
        assert_eq!(none, "data in DIR: no image in .");
    }
}
