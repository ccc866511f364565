use std::path::{Path, PathBuf};

use crate::{Card, Model, ModelError};

/// A model as it stands on the shelf: its card, and its files where it was found.
#[derive(Clone, Debug)]
pub struct ShelfEntry {
    /// The card.
    pub card: Card,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Folder(PathBuf),
    BuiltIn { weights: &'static [u8], detector: &'static [u8] },
}

impl ShelfEntry {
    /// Where it was found, for people.
    pub fn place(&self) -> String {
        match &self.place {
            Place::Folder(folder) => folder.display().to_string(),
            Place::BuiltIn { .. } => "built in".to_owned(),
        }
    }

    /// Loads the weights, checking their hash.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn load(&self) -> Result<Model, ModelError> {
        match &self.place {
            Place::Folder(folder) => {
                let weights = read(&self.card.name, &folder.join(&self.card.weights))?;
                let detector = read(&self.card.name, &folder.join(&self.card.outlier.file))?;
                Model::from_parts(self.card.clone(), weights, &detector)
            }
            Place::BuiltIn { weights, detector } => {
                Model::from_parts(self.card.clone(), weights.to_vec(), detector)
            }
        }
    }
}

/// The models at hand, by name.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    entries: Vec<ShelfEntry>,
}

impl Shelf {
    /// The models of a folder: each subfolder with a `card.toml`.
    ///
    /// # Errors
    /// [`ModelError`] for a folder that cannot be listed or a card that cannot be read.
    pub fn open(folder: &Path) -> Result<Self, ModelError> {
        let fail = |error: std::io::Error| ModelError::File {
            model: "of the folder".to_owned(),
            file: folder.display().to_string(),
            what: error.to_string(),
        };
        let mut shelf = Self::default();
        for entry in std::fs::read_dir(folder).map_err(fail)? {
            let place = entry.map_err(fail)?.path();
            let card = place.join("card.toml");
            if card.is_file() {
                let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let text = read(&name, &card)?;
                let text = String::from_utf8_lossy(&text);
                shelf.add(ShelfEntry { card: Card::from_toml(&text)?, place: Place::Folder(place) });
            }
        }
        Ok(shelf)
    }

    /// Adds a model that is compiled into the program.
    ///
    /// # Errors
    /// [`ModelError::Card`] for a card that cannot be read.
    pub fn add_built_in(
        &mut self,
        card: &str,
        weights: &'static [u8],
        detector: &'static [u8],
    ) -> Result<(), ModelError> {
        let card = Card::from_toml(card)?;
        self.add(ShelfEntry { card, place: Place::BuiltIn { weights, detector } });
        Ok(())
    }

    fn add(&mut self, entry: ShelfEntry) {
        self.entries.push(entry);
        self.entries.sort_by(|a, b| a.card.name.cmp(&b.card.name));
    }

    /// All entries, by name.
    pub fn entries(&self) -> &[ShelfEntry] {
        &self.entries
    }

    /// The entry of that name.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] with the names there are.
    pub fn get(&self, name: &str) -> Result<&ShelfEntry, ModelError> {
        self.entries.iter().find(|entry| entry.card.name == name).ok_or_else(|| ModelError::Unknown {
            name: name.to_owned(),
            known: self.entries.iter().map(|entry| entry.card.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

fn read(model: &str, file: &Path) -> Result<Vec<u8>, ModelError> {
    std::fs::read(file).map_err(|error| ModelError::File {
        model: model.to_owned(),
        file: file.display().to_string(),
        what: error.to_string(),
    })
}
