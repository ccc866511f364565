use std::path::{Path, PathBuf};

use serde::Serialize;
use tantivy::Directory;
use tantivy::directory::{MmapDirectory, OwnedBytes, RamDirectory};
use wilhelm_knowledge::passages::Passage;
use wilhelm_knowledge::retrieve::{
    DEPTH, Lexical, LexicalError, LexicalWriter, Ranked, Vectors, VectorsError, VectorsWriter, fused,
};
use wilhelm_nets::text::SentenceEncoder;
use wilhelm_study::{Progress, Silent};

use super::{Encoder, LEXICAL, LibraryError, Manifest, VECTORS, manifest};

/// How passages are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By words: BM25.
    Words,
    /// By meaning: the nearest vectors.
    Meaning,
    /// By both, their ranks fused.
    Both,
}

/// A passage that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The passage.
    pub passage: Passage,
    /// On the scale of its way.
    pub score: f64,
    /// Its rank by words, from 1, if it is among the first there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_by_words: Option<usize>,
    /// Its rank by meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_by_meaning: Option<usize>,
}

/// Passages that can be found.
pub struct Library {
    folder: PathBuf,
    words: Lexical,
    meaning: Option<Vectors>,
    manifest: Option<Manifest>,
    threads: usize,
}

impl Library {
    /// What a rank by meaning weighs beside one by words; as much, which was not tuned.
    const WEIGHT_OF_MEANING: f64 = 1.0;

    /// Opens an index as [`build`](super::build) left it, to be asked over so many threads.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn open(folder: &Path, threads: usize) -> Result<Self, LibraryError> {
        let manifest = manifest(folder)?.ok_or_else(|| LibraryError::Missing { path: folder.to_owned() })?;
        let damaged = |what: String| LibraryError::Damaged { path: folder.to_owned(), what };
        let generation = folder.join(&manifest.generation);
        let place =
            MmapDirectory::open(generation.join(LEXICAL)).map_err(|error| damaged(error.to_string()))?;
        let words = Lexical::open(place).map_err(|error| damaged(error.to_string()))?;
        let meaning = match manifest.encoder {
            Some(_) => Some(vectors_of(&generation).map_err(|error| damaged(error.to_string()))?),
            None => None,
        };
        let count = words.count();
        if count as u64 != manifest.passages
            || meaning.as_ref().is_some_and(|meaning| meaning.count() != count)
        {
            return Err(damaged("words, vectors and manifest count differently".to_owned()));
        }
        Ok(Self { folder: folder.to_owned(), words, meaning, manifest: Some(manifest), threads })
    }

    /// A library in memory.
    ///
    /// # Errors
    /// [`LibraryError`].
    pub fn of_passages(
        passages: &[Passage],
        encoder: Option<&SentenceEncoder>,
        threads: usize,
        progress: &dyn Progress,
    ) -> Result<Self, LibraryError> {
        let place = RamDirectory::create();
        let mut writer = LexicalWriter::new(place.clone())?;
        for passage in passages {
            writer.add(passage)?;
        }
        writer.finish()?;
        let meaning = match encoder {
            Some(encoder) => {
                let texts: Vec<String> = passages.iter().map(Passage::found_by).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let mut vectors = VectorsWriter::new(Vec::new(), encoder.width())?;
                for vector in encoder.embed(&texts, progress)? {
                    vectors.add(&vector.numbers)?;
                }
                Some(Vectors::open(OwnedBytes::new(vectors.finish()?))?)
            }
            None => None,
        };
        let folder = PathBuf::from("in memory");
        Ok(Self { folder, words: Lexical::open(place)?, meaning, manifest: None, threads })
    }

    /// How many passages there are.
    pub fn count(&self) -> usize {
        self.words.count()
    }

    /// What it was made of, if it is on disk.
    pub const fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Whether passages have vectors.
    pub const fn has_vectors(&self) -> bool {
        self.meaning.is_some()
    }

    /// Refuses an encoder that did not make the vectors.
    ///
    /// # Errors
    /// [`LibraryError::Encoder`].
    pub fn check_encoder(&self, encoder: &Encoder<'_>) -> Result<(), LibraryError> {
        let made_by = self.manifest.as_ref().and_then(|manifest| manifest.encoder.as_ref());
        match made_by {
            Some(made_by) if made_by.sha256 != encoder.facts.sha256 => Err(LibraryError::Encoder {
                path: self.folder.clone(),
                what: format!(
                    "has vectors of {} and not of {}: make it anew with 'wilhelm kb index'",
                    made_by.name, encoder.facts.name
                ),
            }),
            _ => Ok(()),
        }
    }

    /// Numbers of the passages for a question, the best first.
    ///
    /// # Errors
    /// [`LibraryError::Encoder`] where meaning is asked for without vectors or encoder.
    pub fn rank(
        &self,
        question: &str,
        encoder: Option<&SentenceEncoder>,
        way: Way,
        most: usize,
    ) -> Result<Vec<Ranked>, LibraryError> {
        let (words, meaning) = self.orders(question, encoder, way, most)?;
        Ok(match way {
            Way::Words => words,
            Way::Meaning => meaning,
            Way::Both => fused(&[(&words, 1.0), (&meaning, Self::WEIGHT_OF_MEANING)], most),
        })
    }

    fn orders(
        &self,
        question: &str,
        encoder: Option<&SentenceEncoder>,
        way: Way,
        most: usize,
    ) -> Result<(Vec<Ranked>, Vec<Ranked>), LibraryError> {
        let depth = if way == Way::Both { most.max(DEPTH) } else { most };
        let words = if way == Way::Meaning { Vec::new() } else { self.words.search(question, depth)? };
        let meaning = match (way, encoder, &self.meaning) {
            (Way::Words, ..) => Vec::new(),
            (_, Some(encoder), Some(vectors)) => {
                let vector = encoder.embed(&[question], &Silent)?.remove(0);
                vectors.nearest(&vector.numbers, depth, self.threads)?
            }
            _ => {
                return Err(LibraryError::Encoder {
                    path: self.folder.clone(),
                    what: "has no vectors, or no encoder is at hand: ask by words alone".to_owned(),
                });
            }
        };
        Ok((words, meaning))
    }

    /// The passages for a question, the best first.
    ///
    /// # Errors
    /// As [`rank`](Self::rank).
    pub fn find(
        &self,
        question: &str,
        encoder: Option<&SentenceEncoder>,
        way: Way,
        most: usize,
    ) -> Result<Vec<Found>, LibraryError> {
        let (words, meaning) = self.orders(question, encoder, way, most)?;
        let order = match way {
            Way::Words => words.clone(),
            Way::Meaning => meaning.clone(),
            Way::Both => fused(&[(&words, 1.0), (&meaning, Self::WEIGHT_OF_MEANING)], most),
        };
        let rank = |order: &[Ranked], passage: u32| {
            order.iter().position(|one| one.passage == passage).map(|at| at + 1)
        };
        order
            .into_iter()
            .take(most)
            .map(|one| {
                Ok(Found {
                    passage: self.words.passage(one.passage)?,
                    score: one.score,
                    rank_by_words: rank(&words, one.passage),
                    rank_by_meaning: rank(&meaning, one.passage),
                })
            })
            .collect()
    }

    /// How rare a word is among the passages.
    ///
    /// # Errors
    /// [`LibraryError::Lexical`].
    pub fn rarity(&self, word: &str) -> Result<f64, LibraryError> {
        Ok(self.words.rarity(word)?)
    }
}

/// The vectors of a generation, mapped into memory.
pub(super) fn vectors_of(generation: &Path) -> Result<Vectors, LibraryError> {
    let unreadable = |words: String| LibraryError::Vectors(VectorsError::Damaged(words));
    let place = MmapDirectory::open(generation).map_err(|error| LexicalError::Index(error.into()))?;
    let file = place.open_read(Path::new(VECTORS)).map_err(|error| unreadable(error.to_string()))?;
    let bytes = file.read_bytes().map_err(|error| unreadable(error.to_string()))?;
    Ok(Vectors::open(bytes)?)
}
