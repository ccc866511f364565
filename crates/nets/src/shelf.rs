use std::path::{Path, PathBuf};

use crate::{Card, CardError, Model, ModelError, Segmenter, SegmenterCard};

/// A classifier as it stands on the shelf: its card, and its files where it was found.
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

/// A segmenter as it stands on the shelf: its card, and its weights where they were found.
#[derive(Clone, Debug)]
pub struct SegmenterEntry {
    /// The card.
    pub card: SegmenterCard,
    place: SegmenterPlace,
}

#[derive(Clone, Debug)]
enum SegmenterPlace {
    Folder(PathBuf),
    BuiltIn(&'static [u8]),
}

impl SegmenterEntry {
    /// Where it was found, for people.
    pub fn place(&self) -> String {
        match &self.place {
            SegmenterPlace::Folder(folder) => folder.display().to_string(),
            SegmenterPlace::BuiltIn(_) => "built in".to_owned(),
        }
    }

    /// Loads the weights, checking their hash.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn load(&self) -> Result<Segmenter, ModelError> {
        let weights = match &self.place {
            SegmenterPlace::Folder(folder) => read(&self.card.name, &folder.join(&self.card.weights))?,
            SegmenterPlace::BuiltIn(weights) => weights.to_vec(),
        };
        Segmenter::from_parts(self.card.clone(), weights)
    }
}

/// A card of either kind.
enum AnyCard {
    Classifier(Box<Card>),
    Segmenter(Box<SegmenterCard>),
}

impl AnyCard {
    /// A card without a kind is a classifier's: those came first.
    fn from_toml(text: &str) -> Result<Self, CardError> {
        let table: toml::Table =
            toml::from_str(text).map_err(|error| CardError::Form(error.message().to_owned()))?;
        match table.get("kind").map(|kind| kind.as_str().unwrap_or_default()) {
            None => Card::from_toml(text).map(Box::new).map(Self::Classifier),
            Some(SegmenterCard::KIND) => SegmenterCard::from_toml(text).map(Box::new).map(Self::Segmenter),
            Some(other) => Err(CardError::Form(format!(
                "kind is {other:?}, expected {:?}, or no kind for a classifier",
                SegmenterCard::KIND
            ))),
        }
    }
}

/// The models at hand, by name.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    entries: Vec<ShelfEntry>,
    segmenters: Vec<SegmenterEntry>,
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
                match AnyCard::from_toml(&String::from_utf8_lossy(&text))? {
                    AnyCard::Classifier(card) => {
                        shelf.add(ShelfEntry { card: *card, place: Place::Folder(place) })
                    }
                    AnyCard::Segmenter(card) => {
                        shelf.add_segmenter(SegmenterEntry {
                            card: *card,
                            place: SegmenterPlace::Folder(place),
                        });
                    }
                }
            }
        }
        Ok(shelf)
    }

    /// The segmenter of one folder with a `card.toml`.
    ///
    /// # Errors
    /// [`ModelError`] for a card that cannot be read, or that is no segmenter's.
    pub fn segmenter_in(folder: &Path) -> Result<SegmenterEntry, ModelError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = read(&name, &folder.join("card.toml"))?;
        let card = SegmenterCard::from_toml(&String::from_utf8_lossy(&text))?;
        Ok(SegmenterEntry { card, place: SegmenterPlace::Folder(folder.to_owned()) })
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

    /// Adds a segmenter that is compiled into the program.
    ///
    /// # Errors
    /// [`ModelError::Card`] for a card that cannot be read.
    pub fn add_built_in_segmenter(&mut self, card: &str, weights: &'static [u8]) -> Result<(), ModelError> {
        let card = SegmenterCard::from_toml(card)?;
        self.add_segmenter(SegmenterEntry { card, place: SegmenterPlace::BuiltIn(weights) });
        Ok(())
    }

    fn add(&mut self, entry: ShelfEntry) {
        self.entries.push(entry);
        self.entries.sort_by(|a, b| a.card.name.cmp(&b.card.name));
    }

    fn add_segmenter(&mut self, entry: SegmenterEntry) {
        self.segmenters.push(entry);
        self.segmenters.sort_by(|a, b| a.card.name.cmp(&b.card.name));
    }

    /// All classifiers, by name.
    pub fn entries(&self) -> &[ShelfEntry] {
        &self.entries
    }

    /// All segmenters, by name.
    pub fn segmenters(&self) -> &[SegmenterEntry] {
        &self.segmenters
    }

    /// The segmenter of that name, if it is there.
    pub fn segmenter(&self, name: &str) -> Option<&SegmenterEntry> {
        self.segmenters.iter().find(|entry| entry.card.name == name)
    }

    /// The classifier of that name.
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
