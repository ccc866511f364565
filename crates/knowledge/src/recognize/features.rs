use super::lexicon::Lexicon;
use super::normal::normal;
use super::token::Token;

/// What holds at each token, as hashes: words, their parts and shapes around it, and what the dictionary finds there.
pub(super) fn features(tokens: &[Token], lexicon: Option<&Lexicon>, hints: &[String]) -> Vec<Vec<u64>> {
    let words: Vec<Word> = tokens.iter().map(Word::new).collect();
    let marks = marks(tokens, lexicon);
    (0..tokens.len()).map(|at| of_place(&words, &marks, hints, at)).collect()
}

struct Word {
    lower: String,
    normal: String,
    shape: String,
    brief: String,
}

impl Word {
    fn new(token: &Token) -> Self {
        let class = |c: char| match c {
            _ if c.is_uppercase() => 'A',
            _ if c.is_alphabetic() && !c.is_ascii() => 'g',
            _ if c.is_alphabetic() => 'a',
            _ if c.is_numeric() => '0',
            other => other,
        };
        let shape: String = token.text.chars().map(class).collect();
        let mut brief = shape.clone();
        brief = brief.chars().fold(String::new(), |mut kept, c| {
            if !kept.ends_with(c) {
                kept.push(c);
            }
            kept
        });
        Self { lower: token.text.to_lowercase(), normal: normal(&token.text), shape, brief }
    }
}

/// Of each token: where in a name of the dictionary it stands, and of which vocabularies.
fn marks(tokens: &[Token], lexicon: Option<&Lexicon>) -> Vec<String> {
    let mut marks = vec![String::new(); tokens.len()];
    let Some(lexicon) = lexicon else { return marks };
    for found in lexicon.find(tokens) {
        let mut kinds: Vec<&str> = found
            .concepts
            .iter()
            .map(|concept| concept.split([':', '_']).next().unwrap_or_default())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        let kinds = kinds.join("+");
        let last = found.tokens.end - 1;
        for at in found.tokens.clone() {
            let place = match (at == found.tokens.start, at == last) {
                (true, true) => 'U',
                (true, false) => 'B',
                (false, true) => 'L',
                (false, false) => 'I',
            };
            marks[at] = format!("{place}{kinds}");
        }
    }
    marks
}

fn of_place(words: &[Word], marks: &[String], hints: &[String], at: usize) -> Vec<u64> {
    let mut found = Vec::with_capacity(80);
    let mut add = |template: &str, parts: &[&str]| found.push(hash(template, parts));
    // Two before the first and behind the last stand for the ends of the sentence.
    let word = |offset: isize| at.checked_add_signed(offset).and_then(|at| words.get(at));
    let lower = |offset: isize| word(offset).map_or("<>", |word| word.lower.as_str());
    let stem = |offset: isize| word(offset).map_or("<>", |word| word.normal.as_str());
    let mark =
        |offset: isize| at.checked_add_signed(offset).and_then(|at| marks.get(at)).map_or("", String::as_str);
    let this = &words[at];
    add("bias", &[]);
    for (name, offset) in [("-3", -3), ("-2", -2), ("-1", -1), ("0", 0), ("1", 1), ("2", 2), ("3", 3)] {
        add("w", &[name, lower(offset)]);
        if (-2..=2).contains(&offset) {
            add("n", &[name, stem(offset)]);
            add("m", &[name, mark(offset)]);
        }
        if (-1..=1).contains(&offset)
            && let Some(word) = word(offset)
        {
            add("s", &[name, &word.shape]);
            add("b", &[name, &word.brief]);
        }
    }
    add("ww-", &[stem(-1), stem(0)]);
    add("ww+", &[stem(0), stem(1)]);
    add("ww--", &[stem(-2), stem(-1)]);
    add("ww++", &[stem(1), stem(2)]);
    add("w-+", &[stem(-1), stem(1)]);
    add("www", &[stem(-1), stem(0), stem(1)]);
    add("mm-", &[mark(-1), mark(0)]);
    add("mm+", &[mark(0), mark(1)]);
    add("mw", &[mark(0), stem(0)]);
    add("mw+", &[mark(0), stem(1)]);
    add("mw-", &[mark(0), stem(-1)]);
    for (name, offset) in [("-1", -1_isize), ("0", 0), ("1", 1)] {
        let hint = at.checked_add_signed(offset).and_then(|at| hints.get(at)).map_or("", String::as_str);
        if !hint.is_empty() {
            add("h", &[name]);
            add("h", &[name, hint]);
        }
    }
    let letters: Vec<char> = this.lower.chars().collect();
    for length in 1..=6 {
        if letters.len() > length {
            add("p", &[&letters[..length].iter().collect::<String>()]);
            add("e", &[&letters[letters.len() - length..].iter().collect::<String>()]);
        }
    }
    for (name, offset) in [("-1", -1_isize), ("1", 1)] {
        let letters: Vec<char> = lower(offset).chars().collect();
        for length in [3, 4] {
            if letters.len() > length {
                add("e", &[name, &letters[letters.len() - length..].iter().collect::<String>()]);
            }
        }
    }
    let framed: Vec<char> = [&['<'][..], &letters, &['>']].concat();
    for length in [3, 4] {
        for part in framed.windows(length) {
            add("c", &[&part.iter().collect::<String>()]);
        }
    }
    let upper = this.shape.chars().filter(|c| *c == 'A').count();
    add("upper", &[&upper.min(6).to_string(), &letters.len().min(8).to_string()]);
    found.sort_unstable();
    found.dedup();
    found
}

/// FNV-1a over the parts, each ended by a byte that no text has.
fn hash(template: &str, parts: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    for part in [template].iter().chain(parts) {
        part.bytes().for_each(&mut eat);
        eat(0xFF);
    }
    hash
}
