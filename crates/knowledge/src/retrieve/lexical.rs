use std::collections::BTreeMap;

use tantivy::collector::TopDocs;
use tantivy::directory::Directory;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{DocAddress, Index, IndexSettings, IndexWriter, Searcher, TantivyDocument, TantivyError, Term};

use super::fuse::{Ranked, sort};
use super::words;
use crate::passages::Passage;

/// Why the index of words cannot be written or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LexicalError {
    /// What the library says.
    #[error("the index of words: {0}")]
    Index(#[from] TantivyError),
    /// What is kept is not what this program keeps.
    #[error("the index of words is damaged: {0}")]
    Damaged(String),
    /// More passages than can be numbered.
    #[error("the index of words is full: 4294967295 passages are the most")]
    Full,
}

#[derive(Clone, Copy)]
struct Fields {
    words: Field,
    number: Field,
    passage: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
    let words = schema.add_text_field("words", TextOptions::default().set_indexing_options(indexing));
    let number = schema.add_u64_field("number", FAST);
    let passage = schema.add_text_field("passage", STORED);
    (schema.build(), Fields { words, number, passage })
}

/// Writes passages into an index of words, one after the other, in bounded memory.
pub struct LexicalWriter {
    writer: IndexWriter,
    fields: Fields,
    count: u64,
}

impl LexicalWriter {
    /// Memory for words that are not yet written, in bytes.
    const MEMORY: usize = 64 << 20;

    /// Begins an index in a place that is empty.
    ///
    /// # Errors
    /// [`LexicalError::Index`].
    pub fn new(place: impl Into<Box<dyn Directory>>) -> Result<Self, LexicalError> {
        let (schema, fields) = schema();
        let index = Index::create(place, schema, IndexSettings::default())?;
        // One thread, and one merge at the end: the same passages give the same order.
        let writer: IndexWriter = index.writer_with_num_threads(1, Self::MEMORY)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self { writer, fields, count: 0 })
    }

    /// Adds the next passage; it is found by the words of its title and text. Its number, from 0.
    ///
    /// # Errors
    /// [`LexicalError`].
    pub fn add(&mut self, passage: &Passage) -> Result<u32, LexicalError> {
        let number = u32::try_from(self.count).map_err(|_| LexicalError::Full)?;
        let kept =
            serde_json::to_string(passage).map_err(|error| LexicalError::Damaged(error.to_string()))?;
        let mut document = TantivyDocument::default();
        document.add_pre_tokenized_text(self.fields.words, tokenized(&passage.found_by()));
        document.add_u64(self.fields.number, self.count);
        document.add_text(self.fields.passage, kept);
        self.writer.add_document(document)?;
        self.count += 1;
        Ok(number)
    }

    /// Writes what is left, and says how many passages there are.
    ///
    /// # Errors
    /// [`LexicalError::Index`].
    pub fn finish(mut self) -> Result<u64, LexicalError> {
        self.writer.commit()?;
        let segments = self.writer.index().searchable_segment_ids()?;
        if segments.len() > 1 {
            self.writer.merge(&segments).wait()?;
            self.writer.garbage_collect_files().wait()?;
        }
        self.writer.wait_merging_threads()?;
        Ok(self.count)
    }
}

fn tokenized(text: &str) -> PreTokenizedString {
    let tokens = words(text).into_iter().enumerate();
    // Places in the text are not kept, so none are told.
    let tokens = tokens.map(|(position, text)| Token { position, text, ..Token::default() }).collect();
    PreTokenizedString { text: String::new(), tokens }
}

/// Passages found by their words: BM25 with k1 = 1.2 and b = 0.75, every word of the question counted as often as it
/// stands there. Lengths are kept in a byte each, so scores differ from the formula's in the third digit.
///
/// # Source
/// Robertson and Zaragoza 2009, doi:10.1561/1500000019
pub struct Lexical {
    searcher: Searcher,
    fields: Fields,
    /// Of each passage's number.
    addresses: Vec<DocAddress>,
    /// Of each segment, the numbers of its documents.
    numbers: Vec<Vec<u32>>,
}

impl Lexical {
    /// Opens an index as [`LexicalWriter`] left it.
    ///
    /// # Errors
    /// [`LexicalError`].
    pub fn open(place: impl Into<Box<dyn Directory>>) -> Result<Self, LexicalError> {
        let index = Index::open(place)?;
        let (expected, fields) = schema();
        if index.schema() != expected {
            return Err(LexicalError::Damaged("it was made by another version of this program".to_owned()));
        }
        let searcher = index.reader()?.searcher();
        let count = usize::try_from(searcher.num_docs()).unwrap_or(usize::MAX);
        let missing = DocAddress::new(u32::MAX, u32::MAX);
        let mut addresses = vec![missing; count];
        let mut numbers = Vec::new();
        for (segment, reader) in (0_u32..).zip(searcher.segment_readers()) {
            let column = reader.fast_fields().u64("number")?;
            let mut of_segment = Vec::with_capacity(reader.max_doc() as usize);
            for document in 0..reader.max_doc() {
                let number = column.first(document).unwrap_or(u64::MAX);
                let place = usize::try_from(number).ok().and_then(|number| addresses.get_mut(number));
                let Some(place) = place else {
                    return Err(LexicalError::Damaged(format!("a passage has the number {number}")));
                };
                *place = DocAddress::new(segment, document);
                of_segment.push(number as u32);
            }
            numbers.push(of_segment);
        }
        if addresses.contains(&missing) {
            return Err(LexicalError::Damaged("numbers of passages are missing".to_owned()));
        }
        Ok(Self { searcher, fields, addresses, numbers })
    }

    /// How many passages there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.addresses.len()
    }

    /// The first `most` passages for a question; those without any of its words are not among them.
    ///
    /// # Errors
    /// [`LexicalError::Index`].
    pub fn search(&self, question: &str, most: usize) -> Result<Vec<Ranked>, LexicalError> {
        if most == 0 || self.addresses.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        words(question).into_iter().for_each(|word| *counts.entry(word).or_default() += 1);
        let parts: Vec<(Occur, Box<dyn Query>)> = counts
            .into_iter()
            .map(|(word, count)| {
                let term = Term::from_field_text(self.fields.words, &word);
                let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs));
                let query = if count == 1 { query } else { Box::new(BoostQuery::new(query, count as f32)) };
                (Occur::Should, query)
            })
            .collect();
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.searcher.search(
            &BooleanQuery::new(parts),
            &TopDocs::with_limit(most.min(self.addresses.len())).order_by_score(),
        )?;
        let mut found: Vec<Ranked> = found
            .into_iter()
            .map(|(score, at)| Ranked {
                passage: self.numbers[at.segment_ord as usize][at.doc_id as usize],
                score: f64::from(score),
            })
            .collect();
        sort(&mut found);
        Ok(found)
    }

    /// One passage.
    ///
    /// # Errors
    /// [`LexicalError`].
    ///
    /// # Panics
    /// If there is none of this number.
    pub fn passage(&self, number: u32) -> Result<Passage, LexicalError> {
        let kept: TantivyDocument = self.searcher.doc(self.addresses[number as usize])?;
        let text = kept.get_first(self.fields.passage).and_then(|value| value.as_str().map(str::to_owned));
        let text = text.ok_or_else(|| LexicalError::Damaged(format!("passage {number} is empty")))?;
        serde_json::from_str(&text)
            .map_err(|error| LexicalError::Damaged(format!("passage {number}: {error}")))
    }

    /// How rare a word is: ln(1 + (N - n + 0.5) / (n + 0.5)), n of N passages having it.
    ///
    /// # Errors
    /// [`LexicalError::Index`].
    pub fn rarity(&self, word: &str) -> Result<f64, LexicalError> {
        let with = self.searcher.doc_freq(&Term::from_field_text(self.fields.words, word))? as f64;
        let all = self.addresses.len() as f64;
        Ok((1.0 + (all - with + 0.5) / (with + 0.5)).ln())
    }
}

#[cfg(test)]
mod tests {
    use tantivy::directory::RamDirectory;

    use super::*;

    fn index(texts: &[&str]) -> Lexical {
        let place = RamDirectory::create();
        let mut writer = LexicalWriter::new(place.clone()).expect("begun");
        for (at, text) in texts.iter().enumerate() {
            let passage = Passage {
                id: format!("{at}#1"),
                document: at.to_string(),
                title: None,
                section: None,
                source: "here".to_owned(),
                license: None,
                text: (*text).to_owned(),
            };
            assert_eq!(writer.add(&passage).expect("added"), at as u32);
        }
        assert_eq!(writer.finish().expect("written"), texts.len() as u64);
        Lexical::open(place).expect("whole")
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        // Lengths below 40 words are kept exactly.
        let texts =
            ["air in the pleural space", "fluid in the pleural space and fluid elsewhere", "a broken rib"];
        let found = index(&texts).search("Fluid, pleural fluid", 10).expect("searched");
        let average = (5.0 + 8.0 + 3.0) / 3.0;
        let rarity = |with: f64| (1.0 + (3.0 - with + 0.5) / (with + 0.5)).ln();
        let part = |with: f64, times: f64, length: f64| {
            rarity(with) * times * 2.2 / (times + 1.2 * (1.0 - 0.75 + 0.75 * length / average))
        };
        let expected = [(1, 2.0 * part(1.0, 2.0, 8.0) + part(2.0, 1.0, 8.0)), (0, part(2.0, 1.0, 5.0))];
        assert_eq!(found.len(), 2);
        for (one, (passage, score)) in found.iter().zip(expected) {
            assert_eq!(one.passage, passage);
            assert!((one.score - score).abs() < 1e-4, "{} {score}", one.score);
        }
    }

    #[test]
    fn a_question_without_words_and_an_empty_index_find_nothing() {
        assert!(index(&["air"]).search("?! \u{4E00}", 5).expect("searched").is_empty());
        assert!(index(&[]).search("air", 5).expect("searched").is_empty());
        assert_eq!(index(&["air", "fluid"]).passage(1).expect("kept").text, "fluid");
    }
}
