//! How well diseases and chemicals are found in abstracts: `recognition ncbi FOLDER|bc5cdr FOLDER [--hpo FILE] [--json FILE]
//! [--penalty N] [--iterations N] [--least N] [--errors]`. Learns from the training split, counts on the development split, the tagger
//! beside dictionaries alone: exact spans and kinds, with intervals over resampled sentences (NCBI) or abstracts (BC5CDR).

#![expect(clippy::disallowed_methods, reason = "a program that reads files and measures time")]

use std::collections::BTreeSet;
use std::time::Instant;

use wilhelm_knowledge::graph::{
    Graph, Source, SourceName, StatementFormat, built_in_sources, read_statements,
};
use wilhelm_knowledge::recognize::{Document, Labeled, Lexicon, TaggedSpan, Tagger, Token, Training, hints};
use wilhelm_stats::bootstrap_interval;

type Failure = Box<dyn std::error::Error>;

/// A text whose mentions are known.
struct Gold {
    text: String,
    sentences: Option<Vec<Vec<Token>>>,
    /// Kind and bytes.
    mentions: Vec<(String, std::ops::Range<usize>)>,
}

/// Where the ends of abstracts are not known, as many sentences as an abstract has.
const REACH: usize = 10;
/// In how many parts the training split gives the dictionary that the others learn with.
const FOLDS: usize = 10;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        arguments.iter().position(|one| one == name).and_then(|at| arguments.get(at + 1)).map(String::as_str)
    };
    let (corpus, folder) = match &arguments[..] {
        [corpus, folder, ..] => (corpus.as_str(), std::path::Path::new(folder)),
        _ => return Err("expected ncbi FOLDER or bc5cdr FOLDER".into()),
    };
    let (train, test) = match corpus {
        "ncbi" => (iob(&folder.join("train.tsv"))?, iob(&folder.join("devel.tsv"))?),
        "bc5cdr" => (
            pubtator(&folder.join("CDR_TrainingSet.PubTator.txt"))?,
            pubtator(&folder.join("CDR_DevelopmentSet.PubTator.txt"))?,
        ),
        other => return Err(format!("{other} is no corpus of this program").into()),
    };
    let names = ontologies(option("--hpo"))?;
    let ontology = Lexicon::new(names.iter().map(|(name, concept)| (name.as_str(), concept.as_str())))?;
    let learned: Vec<(&str, &str)> = train
        .iter()
        .flat_map(|one| one.mentions.iter().map(|(kind, at)| (&one.text[at.clone()], kind.as_str())))
        .collect();
    let mentions = Lexicon::new(learned.iter().copied())?;
    let both = Lexicon::new(
        names.iter().map(|(name, _)| (name.as_str(), "Disease")).chain(learned.iter().copied()),
    )?;

    let mut training = Training::default();
    if let Some(penalty) = option("--penalty") {
        training.penalty = penalty.parse()?;
    }
    if let Some(iterations) = option("--iterations") {
        training.iterations = iterations.parse()?;
    }
    if let Some(least) = option("--least") {
        training.least_count = least.parse()?;
    }
    let crossed = !arguments.iter().any(|argument| argument == "--no-seen");
    let labeled: Vec<Labeled> = train.iter().flat_map(labeled).collect();
    // A known mention is worth to the tagger what it is worth on texts that it was not taken from.
    let of_place = |at: usize| at * FOLDS / labeled.len();
    let seen = |left_out: Option<usize>| -> Result<Lexicon, Failure> {
        let others = labeled.iter().enumerate().filter(|(at, _)| Some(of_place(*at)) != left_out);
        let words: Vec<(String, String)> = others
            .flat_map(|(_, one)| {
                one.mentions.iter().map(|span| {
                    let words: Vec<&str> =
                        one.tokens[span.tokens.clone()].iter().map(|token| token.text.as_str()).collect();
                    (words.join(" "), format!("seen-{}:", span.kind))
                })
            })
            .collect();
        let words = words.iter().filter(|_| crossed).map(|(name, kind)| (name.as_str(), kind.as_str()));
        Ok(Lexicon::new(names.iter().map(|(name, concept)| (name.as_str(), concept.as_str())).chain(words))?)
    };
    let folds = (0..FOLDS).map(|fold| seen(Some(fold))).collect::<Result<Vec<_>, _>>()?;
    let whole = seen(None)?;
    let started = Instant::now();
    let tagger = Tagger::learn(
        &labeled,
        |at| Some(&folds[of_place(at)]),
        &training,
        |iteration, loss| {
            if iteration % 20 == 0 {
                eprintln!("{iteration}: {loss:.1} after {:.0} s", started.elapsed().as_secs_f64());
            }
        },
    )?;
    let learning_seconds = started.elapsed().as_secs_f64();
    let bytes = tagger.to_bytes().len();
    eprintln!("{} features, {bytes} bytes", tagger.size());

    let mut rows = Vec::new();
    for (name, lexicon) in [
        ("names of the ontologies", &ontology),
        ("mentions of the training split", &mentions),
        ("both dictionaries", &both),
    ] {
        let found = test.iter().map(|one| by_dictionary(one, lexicon)).collect::<Vec<_>>();
        rows.push((name, count(&test, &found)?));
    }
    let started = Instant::now();
    let found: Vec<_> = test.iter().map(|one| by_tagger(one, &tagger, &whole)).collect();
    let seconds = started.elapsed().as_secs_f64();
    rows.push(("tagger", count(&test, &found)?));
    if arguments.iter().any(|argument| argument == "--errors") {
        errors(&test, &found);
    }
    let kibibytes = test.iter().map(|one| one.text.len()).sum::<usize>() as f64 / 1024.0;
    let methods: Vec<String> = rows
        .iter()
        .map(|(name, kinds)| {
            let kinds: Vec<String> =
                kinds.iter().map(|(kind, score)| format!("\"{kind}\": {}", score.json())).collect();
            format!("    {{ \"method\": \"{name}\", {} }}", kinds.join(", "))
        })
        .collect();
    let json = format!(
        "{{\n  \"corpus\": \"{corpus}\",\n  \"learned_from\": {},\n  \"counted_on\": {},\n  \"penalty\": {},\n  \
         \"features\": {},\n  \"learning_seconds\": {learning_seconds:.1},\n  \"kib_per_second\": {:.0},\n  \"methods\": [\n{}\n  ]\n}}\n",
        labeled.len(),
        test.iter().map(|one| document(one).sentences().len()).sum::<usize>(),
        training.penalty,
        tagger.size(),
        kibibytes / seconds,
        methods.join(",\n"),
    );
    match option("--json") {
        Some(file) => std::fs::write(file, &json)?,
        None => std::io::Write::write_all(&mut std::io::stdout(), json.as_bytes())?,
    }
    Ok(())
}

struct Score {
    precision: f64,
    recall: f64,
    f1: wilhelm_stats::BootstrapInterval,
    truth: usize,
}

impl Score {
    fn json(&self) -> String {
        format!(
            "{{ \"precision\": {:.4}, \"recall\": {:.4}, \"f1\": {{ \"estimate\": {:.4}, \"low\": {:.4}, \"high\": {:.4} }}, \"mentions\": {} }}",
            self.precision, self.recall, self.f1.estimate, self.f1.low, self.f1.high, self.truth
        )
    }
}

type Found = BTreeSet<(usize, usize, String)>;

/// Each kind, and all together first.
fn count(test: &[Gold], found: &[Found]) -> Result<Vec<(String, Score)>, Failure> {
    let kinds: BTreeSet<String> =
        test.iter().flat_map(|one| one.mentions.iter().map(|(kind, _)| kind.clone())).collect();
    let mut wanted = vec![("all".to_owned(), None)];
    if kinds.len() > 1 {
        wanted.extend(kinds.into_iter().map(|kind| (kind.clone(), Some(kind))));
    }
    let mut rows = Vec::new();
    for (name, kind) in wanted {
        // Of each unit of resampling: right, found, true.
        let mut units: Vec<[usize; 3]> = Vec::new();
        let of_kind = |one: &str| kind.as_ref().is_none_or(|kind| kind == one);
        for (gold, found) in test.iter().zip(found) {
            let truth: Found = gold
                .mentions
                .iter()
                .filter(|(kind, _)| of_kind(kind))
                .map(|(kind, at)| (at.start, at.end, kind.clone()))
                .collect();
            let found: Found = found.iter().filter(|(.., kind)| of_kind(kind)).cloned().collect();
            match &gold.sentences {
                None => units.push([truth.intersection(&found).count(), found.len(), truth.len()]),
                Some(sentences) => {
                    for tokens in sentences.iter().filter(|tokens| !tokens.is_empty()) {
                        let within = tokens[0].at.start..tokens[tokens.len() - 1].at.end;
                        let inside = |set: &Found| -> Found {
                            set.iter().filter(|(start, ..)| within.contains(start)).cloned().collect()
                        };
                        let (truth, found) = (inside(&truth), inside(&found));
                        units.push([truth.intersection(&found).count(), found.len(), truth.len()]);
                    }
                }
            }
        }
        let sums = |rows: &[usize]| {
            rows.iter().fold([0, 0, 0], |sum, row| [0, 1, 2].map(|at: usize| sum[at] + units[*row][at]))
        };
        let f1 = |rows: &[usize]| {
            let [right, found, truth] = sums(rows);
            (found + truth > 0).then(|| 2.0 * right as f64 / (found + truth) as f64)
        };
        let all: Vec<usize> = (0..units.len()).collect();
        let [right, found, truth] = sums(&all);
        rows.push((
            name,
            Score {
                precision: right as f64 / found.max(1) as f64,
                recall: right as f64 / truth.max(1) as f64,
                f1: bootstrap_interval(units.len(), 1000, 0.95, 7, f1)?,
                truth,
            },
        ));
    }
    Ok(rows)
}

fn errors(test: &[Gold], found: &[Found]) {
    for (gold, found) in test.iter().zip(found) {
        let truth: Found = gold.mentions.iter().map(|(kind, at)| (at.start, at.end, kind.clone())).collect();
        for (what, set) in [("missed", truth.difference(found)), ("false", found.difference(&truth))] {
            for (start, end, kind) in set {
                let around = &gold.text[gold.text.floor_char_boundary(start.saturating_sub(40))
                    ..gold.text.ceil_char_boundary((end + 40).min(gold.text.len()))];
                eprintln!("{what} {kind} [{}] {}", &gold.text[*start..*end], around.replace('\n', " "));
            }
        }
    }
}

fn document(gold: &Gold) -> Document<'_> {
    match &gold.sentences {
        Some(sentences) => Document::of_sentences(&gold.text, sentences.clone(), REACH),
        None => Document::new(&gold.text),
    }
}

fn bytes(tokens: &[Token], span: &TaggedSpan) -> (usize, usize, String) {
    (tokens[span.tokens.start].at.start, tokens[span.tokens.end - 1].at.end, span.kind.clone())
}

fn by_tagger(gold: &Gold, tagger: &Tagger, lexicon: &Lexicon) -> Found {
    let document = document(gold);
    let spans = document.tag(tagger, Some(lexicon));
    let pairs = document.sentences().iter().zip(&spans);
    pairs
        .flat_map(|(tokens, spans)| spans.iter().map(|span| bytes(tokens, span)).collect::<Vec<_>>())
        .collect()
}

fn by_dictionary(gold: &Gold, lexicon: &Lexicon) -> Found {
    let mut all = Found::new();
    for tokens in document(gold).sentences() {
        for found in lexicon.find(tokens) {
            let known =
                ["Chemical", "Disease"].iter().find(|kind| found.concepts.iter().any(|one| one == *kind));
            let kind = (*known.unwrap_or(&"Disease")).to_owned();
            all.insert(bytes(tokens, &TaggedSpan { tokens: found.tokens, kind }));
        }
    }
    all
}

/// The sentences of a text with those of its mentions that begin and end with tokens; of two that overlap the longer.
fn labeled(gold: &Gold) -> Vec<Labeled> {
    let document = document(gold);
    let hints = hints(&document);
    let mut sentences = Vec::new();
    for (tokens, hints) in document.sentences().iter().zip(hints) {
        let mut mentions: Vec<TaggedSpan> = gold
            .mentions
            .iter()
            .filter_map(|(kind, at)| {
                let start = tokens.iter().position(|token| token.at.start == at.start)?;
                let end = 1 + tokens.iter().position(|token| token.at.end == at.end)?;
                (start < end).then(|| TaggedSpan { tokens: start..end, kind: kind.clone() })
            })
            .collect();
        mentions.sort_by_key(|span| std::cmp::Reverse(span.tokens.len()));
        let mut kept: Vec<TaggedSpan> = Vec::new();
        for span in mentions {
            if !kept
                .iter()
                .any(|other| other.tokens.start < span.tokens.end && span.tokens.start < other.tokens.end)
            {
                kept.push(span);
            }
        }
        kept.sort_by_key(|span| span.tokens.start);
        sentences.push(Labeled { tokens: tokens.clone(), mentions: kept, hints });
    }
    sentences
}

/// Names of the Disease Ontology of the program, and of HPO where it is given.
fn ontologies(hpo: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
    let graph = Graph::empty()?;
    for (source, statements) in built_in_sources()? {
        if source.name.as_str() == "disease-ontology" {
            graph.put(&source, &statements)?;
        }
    }
    if let Some(file) = hpo {
        let name = SourceName::new("hpo").ok_or("a name")?;
        let read = read_statements(&std::fs::read(file)?, &StatementFormat::Obo, &name)?;
        let (title, origin, license) = ("HPO".to_owned(), file.to_owned(), "HPO".to_owned());
        let source = Source { name, title, origin, license, version: read.version, sha256: read.sha256 };
        graph.put(&source, &read.statements)?;
    }
    Ok(graph.names()?)
}

/// One token and its tag a line, sentences apart by empty lines: one text, since the corpus does not tell the abstracts apart.
fn iob(file: &std::path::Path) -> Result<Vec<Gold>, Failure> {
    let mut gold = Gold { text: String::new(), sentences: None, mentions: Vec::new() };
    let (mut sentences, mut sentence) = (Vec::new(), Vec::new());
    for (number, line) in std::fs::read_to_string(file)?.lines().chain([""]).enumerate() {
        if line.is_empty() {
            if !sentence.is_empty() {
                sentences.push(std::mem::take(&mut sentence));
                gold.text.push('\n');
            }
            continue;
        }
        let (word, tag) = line.split_once('\t').ok_or_else(|| format!("line {}: no tab", number + 1))?;
        if !sentence.is_empty() {
            gold.text.push(' ');
        }
        let at = gold.text.len()..gold.text.len() + word.len();
        gold.text.push_str(word);
        if let Some(kind) = tag.strip_prefix("B-") {
            gold.mentions.push((kind.to_owned(), at.clone()));
        } else if tag.starts_with("I-") {
            gold.mentions.last_mut().ok_or_else(|| format!("line {}: I before B", number + 1))?.1.end =
                at.end;
        }
        sentence.push(Token { text: word.to_owned(), at });
    }
    gold.sentences = Some(sentences);
    Ok(vec![gold])
}

/// Title, abstract and mentions by character, documents apart by empty lines.
fn pubtator(file: &std::path::Path) -> Result<Vec<Gold>, Failure> {
    let mut all = Vec::new();
    for block in std::fs::read_to_string(file)?.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let mut gold = Gold { text: String::new(), sentences: None, mentions: Vec::new() };
        let mut places: Vec<usize> = Vec::new();
        for line in block.lines() {
            if let [_, part @ ("t" | "a"), text] = line.splitn(3, '|').collect::<Vec<_>>()[..] {
                gold.text.push_str(text);
                if part == "t" {
                    gold.text.push('\n');
                }
                places = gold.text.char_indices().map(|(at, _)| at).chain([gold.text.len()]).collect();
            } else if let [_, from, to, _, kind, _, ..] = line.split('\t').collect::<Vec<_>>()[..] {
                let at = |text: &str| -> Result<usize, Failure> {
                    Ok(*places.get(text.parse::<usize>()?).ok_or("a place outside the text")?)
                };
                gold.mentions.push((kind.to_owned(), at(from)?..at(to)?));
            }
        }
        all.push(gold);
    }
    Ok(all)
}
