use std::path::{Path, PathBuf};

use crate::card::on_disk;
use crate::onnx::{MOST_BYTES, OnnxError, Runtime};
use crate::{
    AdoptedCard, AdoptedClassifier, Card, CardError, FusionCard, FusionModel, Model, ModelError, OnnxCard,
    OnnxClassifier, Segmenter, SegmenterCard,
};

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

    /// The weights as they stand there, a safetensors file, with their hash checked.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Hash`].
    pub fn weights(&self) -> Result<Vec<u8>, ModelError> {
        let card = &self.card;
        let weights = match &self.place {
            Place::Folder(folder) => read(&card.name, &folder.join(&card.weights))?,
            Place::BuiltIn { weights, .. } => weights.to_vec(),
        };
        on_disk::check_weights(card, &weights)?;
        Ok(weights)
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

    /// The weights as they stand there, a safetensors file, with their hash checked.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Hash`].
    pub fn weights(&self) -> Result<Vec<u8>, ModelError> {
        let weights = self.unchecked()?;
        on_disk::check_weights(&self.card, &weights)?;
        Ok(weights)
    }

    fn unchecked(&self) -> Result<Vec<u8>, ModelError> {
        match &self.place {
            SegmenterPlace::Folder(folder) => read(&self.card.name, &folder.join(&self.card.weights)),
            SegmenterPlace::BuiltIn(weights) => Ok(weights.to_vec()),
        }
    }

    /// Loads the weights, checking their hash.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn load(&self) -> Result<Segmenter, ModelError> {
        let weights = self.unchecked()?;
        Segmenter::from_parts(self.card.clone(), weights)
    }
}

/// A classifier made by others as it stands on the shelf: its card, and the folder with its ONNX file.
#[derive(Clone, Debug)]
pub struct OnnxEntry {
    /// The card.
    pub card: OnnxCard,
    folder: PathBuf,
}

impl OnnxEntry {
    /// Where it was found, for people.
    pub fn place(&self) -> String {
        self.folder.display().to_string()
    }

    /// Loads the ONNX file, checking its hash before anything parses it.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn load(&self, runtime: &Runtime) -> Result<OnnxClassifier, ModelError> {
        let (name, file) = (&self.card.name, self.folder.join(&self.card.weights));
        let fail = |error: std::io::Error| ModelError::File {
            model: name.clone(),
            file: file.display().to_string(),
            what: error.to_string(),
        };
        // A file that is too large is refused before it is read.
        let bytes = std::fs::metadata(&file).map_err(fail)?.len();
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > MOST_BYTES {
            let source = OnnxError::Large { bytes, most: MOST_BYTES };
            return Err(ModelError::Onnx { model: name.clone(), source });
        }
        OnnxClassifier::from_parts(self.card.clone(), &read(name, &file)?, runtime)
    }
}

/// A classifier whose weights others trained as it stands on the shelf: its card, and the folder with its weights.
#[derive(Clone, Debug)]
pub struct AdoptedEntry {
    /// The card.
    pub card: AdoptedCard,
    folder: PathBuf,
}

impl AdoptedEntry {
    /// Where it was found, for people.
    pub fn place(&self) -> String {
        self.folder.display().to_string()
    }

    /// Loads the weights, checking their hash before anything parses them.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn load(&self) -> Result<AdoptedClassifier, ModelError> {
        let weights = read(&self.card.name, &self.folder.join(&self.card.weights))?;
        AdoptedClassifier::from_parts(self.card.clone(), weights)
    }
}

/// A classifier of several inputs as it stands on the shelf: its card, and the folder with its files.
#[derive(Clone, Debug)]
pub struct FusionEntry {
    /// The card.
    pub card: FusionCard,
    folder: PathBuf,
}

impl FusionEntry {
    /// Where it was found, for people.
    pub fn place(&self) -> String {
        self.folder.display().to_string()
    }

    /// The weights as they stand there, a safetensors file, with their hash checked.
    ///
    /// # Errors
    /// [`ModelError::File`], [`ModelError::Hash`].
    pub fn weights(&self) -> Result<Vec<u8>, ModelError> {
        let card = &self.card;
        let weights = read(&card.name, &self.folder.join(&card.weights))?;
        on_disk::check_weights(card, &weights)?;
        Ok(weights)
    }

    /// Loads weights and outlier detectors, checking their hashes.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn load(&self) -> Result<FusionModel, ModelError> {
        let card = &self.card;
        let weights = read(&card.name, &self.folder.join(&card.weights))?;
        let detector = |input: &crate::InputCard| read(&card.name, &self.folder.join(&input.outlier.file));
        let detectors = card.inputs.iter().map(detector).collect::<Result<Vec<_>, _>>()?;
        FusionModel::from_parts(card.clone(), weights, &detectors)
    }
}

/// A card of any kind.
enum AnyCard {
    Classifier(Box<Card>),
    Segmenter(Box<SegmenterCard>),
    Onnx(Box<OnnxCard>),
    Adopted(Box<AdoptedCard>),
    Fusion(Box<FusionCard>),
}

impl AnyCard {
    /// A card without a kind is a classifier's: those came first.
    fn from_toml(text: &str) -> Result<Self, CardError> {
        let table: toml::Table =
            toml::from_str(text).map_err(|error| CardError::Form(error.message().to_owned()))?;
        match table.get("kind").map(|kind| kind.as_str().unwrap_or_default()) {
            None => Card::from_toml(text).map(Box::new).map(Self::Classifier),
            Some(SegmenterCard::KIND) => SegmenterCard::from_toml(text).map(Box::new).map(Self::Segmenter),
            Some(OnnxCard::KIND) => OnnxCard::from_toml(text).map(Box::new).map(Self::Onnx),
            Some(AdoptedCard::KIND) => AdoptedCard::from_toml(text).map(Box::new).map(Self::Adopted),
            Some(FusionCard::KIND) => FusionCard::from_toml(text).map(Box::new).map(Self::Fusion),
            Some(other) => Err(CardError::Form(format!(
                "kind is {other:?}, expected {:?}, {:?}, {:?}, {:?}, or no kind for a classifier of one input",
                SegmenterCard::KIND,
                OnnxCard::KIND,
                AdoptedCard::KIND,
                FusionCard::KIND
            ))),
        }
    }
}

/// The models at hand, by name.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    entries: Vec<ShelfEntry>,
    segmenters: Vec<SegmenterEntry>,
    imported: Vec<OnnxEntry>,
    adopted: Vec<AdoptedEntry>,
    fused: Vec<FusionEntry>,
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
                    AnyCard::Onnx(card) => {
                        shelf.imported.push(OnnxEntry { card: *card, folder: place });
                        shelf.imported.sort_by(|a, b| a.card.name.cmp(&b.card.name));
                    }
                    AnyCard::Adopted(card) => {
                        shelf.adopted.push(AdoptedEntry { card: *card, folder: place });
                        shelf.adopted.sort_by(|a, b| a.card.name.cmp(&b.card.name));
                    }
                    AnyCard::Fusion(card) => {
                        shelf.fused.push(FusionEntry { card: *card, folder: place });
                        shelf.fused.sort_by(|a, b| a.card.name.cmp(&b.card.name));
                    }
                }
            }
        }
        Ok(shelf)
    }

    /// The classifier of one folder with a `card.toml`.
    ///
    /// # Errors
    /// [`ModelError`] for a card that cannot be read, or that is no classifier's.
    pub fn classifier_in(folder: &Path) -> Result<ShelfEntry, ModelError> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = read(&name, &folder.join("card.toml"))?;
        let card = Card::from_toml(&String::from_utf8_lossy(&text))?;
        Ok(ShelfEntry { card, place: Place::Folder(folder.to_owned()) })
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

    /// All classifiers made by others, by name.
    pub fn imported(&self) -> &[OnnxEntry] {
        &self.imported
    }

    /// The classifier made by others of that name, if it is there.
    pub fn imported_by_name(&self, name: &str) -> Option<&OnnxEntry> {
        self.imported.iter().find(|entry| entry.card.name == name)
    }

    /// All classifiers whose weights others trained, by name.
    pub fn adopted(&self) -> &[AdoptedEntry] {
        &self.adopted
    }

    /// The classifier whose weights others trained of that name, if it is there.
    pub fn adopted_by_name(&self, name: &str) -> Option<&AdoptedEntry> {
        self.adopted.iter().find(|entry| entry.card.name == name)
    }

    /// All classifiers of several inputs, by name.
    pub fn fused(&self) -> &[FusionEntry] {
        &self.fused
    }

    /// The classifier of several inputs of that name, if it is there.
    pub fn fused_by_name(&self, name: &str) -> Option<&FusionEntry> {
        self.fused.iter().find(|entry| entry.card.name == name)
    }

    /// The classifier of one input of that name, of this program's own.
    ///
    /// # Errors
    /// [`ModelError::Unknown`] with the names there are, [`ModelError::Imported`] for a classifier made by others,
    /// [`ModelError::Several`] for one of several inputs.
    pub fn get(&self, name: &str) -> Result<&ShelfEntry, ModelError> {
        if self.imported_by_name(name).is_some() || self.adopted_by_name(name).is_some() {
            return Err(ModelError::Imported { model: name.to_owned() });
        }
        if let Some(entry) = self.fused_by_name(name) {
            let inputs = entry.card.keys().join(", ");
            return Err(ModelError::Several { model: name.to_owned(), inputs });
        }
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
