use std::fs;
use std::path::{Path, PathBuf};

use super::files::Entry;
use crate::LearnError;
use crate::error::some;

/// The images of `folder/<class>/`, by class and then by name.
///
/// Each entry of a class's folder is an image: a file, or a folder with the slices of one series. Hidden entries are
/// passed over, and so are files beside the classes' folders.
pub(super) fn entries(folder: &Path, classes: &[String]) -> Result<Vec<Entry>, LearnError> {
    let fail = |what: String| LearnError::Data { place: folder.display().to_string(), what };
    let found: Vec<(String, PathBuf)> =
        visible(folder)?.into_iter().filter(|(_, path)| path.is_dir()).collect();
    let names = |wanted: &dyn Fn(&String) -> bool| -> Vec<String> {
        found.iter().map(|(name, _)| name.clone()).filter(|name| wanted(name)).collect()
    };
    let unknown = names(&|name| !classes.contains(name));
    let there = names(&|_| true);
    let missing: Vec<String> = classes.iter().filter(|class| !there.contains(class)).cloned().collect();
    if !missing.is_empty() {
        let there = if there.is_empty() { "no folder at all".to_owned() } else { some(&there, ", ") };
        return Err(fail(format!(
            "no folder for the classes {}; there are {there}: name the folder above the classes' with --data",
            some(&missing, ", ")
        )));
    }
    if !unknown.is_empty() {
        return Err(fail(format!(
            "the folders {} are none of the recipe's classes {}: move them out, or give them a class and a label",
            some(&unknown, ", "),
            classes.join(", ")
        )));
    }
    let (mut entries, mut empty) = (Vec::new(), Vec::new());
    for (label, class) in classes.iter().enumerate() {
        let images = visible(&folder.join(class))?;
        if images.is_empty() {
            empty.push(class.clone());
        }
        entries.extend(images.into_iter().map(|(name, path)| Entry {
            beside: Vec::new(),
            source: format!("{class}/{name}"),
            path,
            line: None,
            patient: None,
            side: None,
            truth: label,
        }));
    }
    if empty.is_empty() {
        return Ok(entries);
    }
    Err(fail(format!("no image in the folders {}: each class needs some", some(&empty, ", "))))
}

/// Names and places of what is in a folder and not hidden, by name.
pub(crate) fn visible(folder: &Path) -> Result<Vec<(String, PathBuf)>, LearnError> {
    let fail = |error: std::io::Error| LearnError::Data {
        place: folder.display().to_string(),
        what: format!("the folder is not readable: {error}"),
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            found.push((name.to_string_lossy().into_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new(files: &[&str]) -> Self {
            let place = Self { folder: tempfile::tempdir().expect("a folder") };
            files.iter().for_each(|file| place.put(file));
            place
        }
        fn put(&self, file: &str) {
            let path = self.folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, b"x").expect("written");
        }
        fn sources(&self) -> Result<Vec<(String, usize)>, String> {
            let classes = ["b".to_owned(), "a".to_owned()];
            let found = entries(self.folder.path(), &classes).map_err(|error| error.to_string())?;
            Ok(found.into_iter().map(|entry| (entry.source, entry.truth)).collect())
        }
        fn refusal(&self) -> String {
            let said = self.sources().expect_err("refused");
            said.replace(&self.folder.path().display().to_string(), "DIR")
        }
    }

    #[test]
    fn classes_have_the_recipe_s_order_and_hidden_files_are_none() {
        let place = Place::new(&["a/2.png", "a/10.png", "a/.DS_Store", "b/x.png", ".git/y.png", "README.md"]);
        let expected = [("b/x.png", 0), ("a/10.png", 1), ("a/2.png", 1)];
        assert_eq!(place.sources(), Ok(expected.map(|(name, label)| (name.to_owned(), label)).to_vec()));
    }

    #[test]
    fn folders_that_do_not_fit_the_classes_are_named() {
        let place = Place::new(&["a/1.png", "b/.hidden"]);
        assert_eq!(place.refusal(), "data in DIR: no image in the folders b: each class needs some");
        place.put("b/1.png");
        place.put("c/1.png");
        assert_eq!(
            place.refusal(),
            "data in DIR: the folders c are none of the recipe's classes b, a: move them out, or give them a class \
             and a label"
        );
        let other = Place::new(&["train/a/1.png"]);
        assert_eq!(
            other.refusal(),
            "data in DIR: no folder for the classes b, a; there are train: name the folder above the classes' with \
             --data"
        );
        let gone = entries(&other.folder.path().join("nowhere"), &[]).expect_err("not there").to_string();
        assert!(gone.contains("nowhere: the folder is not readable"), "{gone}");
    }
}
