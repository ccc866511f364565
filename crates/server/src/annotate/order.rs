//! In which order items are answered: as they were given, by chance, or by a ranking.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use sha2::{Digest, Sha256};
use wilhelm_store::{ItemOrder, ItemRow, Store};

use super::ProjectError;

/// Longest reason in characters; most rows of a ranking.
const LONGEST_REASON: usize = 300;
const MOST_ROWS: usize = 100_000;

/// An item of a ranking.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranked {
    /// The item's number.
    pub item: u32,
    /// By what it was put there.
    #[serde(default)]
    pub score: Option<f64>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
}

/// Puts items in the order in which they were given.
///
/// # Errors
/// [`ProjectError::Store`].
fn set_given(store: &Store, id: &str) -> Result<(), ProjectError> {
    let items = store.annotations().items(id)?;
    let order = items.iter().map(|item| plain(item.number, i64::from(item.number))).collect();
    Ok(store.annotations().set_order(id, "given", order)?)
}

/// Puts items in an order by chance, which follows from the seed alone.
///
/// # Errors
/// [`ProjectError::Store`].
pub fn set_random(store: &Store, id: &str, seed: u64) -> Result<(), ProjectError> {
    let items = store.annotations().items(id)?;
    let mut drawn: Vec<([u8; 32], u32)> = items
        .iter()
        .map(|item| {
            let mut hash = Sha256::new();
            hash.update(seed.to_le_bytes());
            hash.update(item.number.to_le_bytes());
            (hash.finalize().into(), item.number)
        })
        .collect();
    drawn.sort_unstable();
    let order = (1..).zip(&drawn).map(|(rank, (_, number))| plain(*number, rank)).collect();
    Ok(store.annotations().set_order(id, "random", order)?)
}

const fn plain(number: u32, rank: i64) -> ItemOrder {
    ItemOrder { number, rank, score: None, reason: String::new() }
}

/// Puts items in the order of a ranking; those that it does not name come after, as they stood.
///
/// # Errors
/// [`ProjectError::Wrong`] for an empty ranking, an item that the project lacks, and a score that is no number;
/// [`ProjectError::Store`].
pub fn set_ranking(store: &Store, id: &str, ranking: &[Ranked]) -> Result<usize, ProjectError> {
    let items = store.annotations().items(id)?;
    let order = ranked(&items, ranking)?;
    let named = order.iter().filter(|one| one.rank <= ranking.len() as i64).count();
    store.annotations().set_order(id, "ranking", order)?;
    Ok(named)
}

/// As [`set_given`], [`set_random`] or [`set_ranking`], by its name.
pub(crate) fn set_order(store: &Store, id: &str, ordering: &str, seed: u64) -> Result<(), ProjectError> {
    match ordering {
        "given" => set_given(store, id),
        "random" => set_random(store, id, seed),
        _ => Err(ProjectError::Wrong("the order is none of given, random and a ranking".to_owned())),
    }
}

fn ranked(items: &[ItemRow], ranking: &[Ranked]) -> Result<Vec<ItemOrder>, ProjectError> {
    let wrong = |what: String| Err(ProjectError::Wrong(what));
    if ranking.is_empty() || ranking.len() > MOST_ROWS {
        return wrong(format!("the ranking has {} rows, expected 1 to {MOST_ROWS}", ranking.len()));
    }
    let known: BTreeSet<u32> = items.iter().map(|item| item.number).collect();
    let mut order: Vec<ItemOrder> = Vec::new();
    let mut named = BTreeSet::new();
    for one in ranking {
        if !known.contains(&one.item) {
            return wrong(format!("the project has no item {}", one.item));
        }
        if one.score.is_some_and(|score| !score.is_finite()) {
            return wrong(format!("the score of item {} is no finite number", one.item));
        }
        if named.insert(one.item) {
            let reason =
                one.reason.chars().filter(|letter| !letter.is_control()).take(LONGEST_REASON).collect();
            order.push(ItemOrder {
                number: one.item,
                rank: order.len() as i64 + 1,
                score: one.score,
                reason,
            });
        }
    }
    let rest = items.iter().filter(|item| !named.contains(&item.number));
    let behind = order.len() as i64;
    order.extend((1..).zip(rest).map(|(place, item)| plain(item.number, behind + place)));
    Ok(order)
}

/// A table of `wilhelm fewshot rank` over the images of a project, or one with a column `item`: the rows are the order.
///
/// # Errors
/// [`ProjectError::Wrong`].
pub fn parse_ranking(text: &str) -> Result<Vec<Ranked>, ProjectError> {
    let wrong = |what: String| ProjectError::Wrong(what);
    let rows = rows(text.trim_start_matches('\u{feff}')).map_err(wrong)?;
    let Some((head, rows)) = rows.split_first() else {
        return Err(wrong("the ranking is empty".to_owned()));
    };
    let column = |name: &str| head.iter().position(|cell| cell.trim() == name);
    let (item, image) = (column("item"), column("image").or_else(|| column("file")));
    if item.is_none() && image.is_none() {
        return Err(wrong("the ranking has neither a column item nor a column image".to_owned()));
    }
    let mut ranking = Vec::with_capacity(rows.len());
    for (line, row) in (2..).zip(rows) {
        let cell =
            |place: Option<usize>| place.and_then(|place| row.get(place)).map_or("", |cell| cell.trim());
        let number = match item {
            Some(_) => cell(item).parse().ok(),
            None => number_of(cell(image)),
        };
        let number = number.ok_or_else(|| {
            wrong(format!(
                "row {line} of the ranking names no item: expected a number, or a file as images/0007.png"
            ))
        })?;
        let scores: BTreeMap<usize, f64> = ["score", "disagreement", "entropy"]
            .iter()
            .enumerate()
            .filter_map(|(place, name)| Some((place, cell(column(name)).parse().ok()?)))
            .collect();
        let score = scores.into_values().next();
        ranking.push(Ranked { item: number, score, reason: cell(column("reason")).to_owned() });
    }
    Ok(ranking)
}

/// The item of a file that a project's images were written as: `images/0007-2.png` is of item 7.
fn number_of(file: &str) -> Option<u32> {
    let name = file.rsplit(['/', '\\', '!']).next()?;
    let stem = name.split('.').next()?;
    stem.split('-').next()?.parse().ok()
}

/// The rows of a table with commas, whose cells may stand in quotation marks (RFC 4180).
fn rows(text: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut letters = text.chars().peekable();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && letters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            letter => cell.push(letter),
        }
        if rows.len() > MOST_ROWS {
            return Err(format!("the ranking has more than {MOST_ROWS} rows"));
        }
    }
    if quoted {
        return Err("the ranking ends within quotation marks".to_owned());
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|cell| !cell.trim().is_empty()));
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_fewshot_rank_is_an_order_of_items() {
        let text = "order,image,reason,likeliest,probability,entropy,margin,disagreement,score,abstains\r\n\
                    1,out/images/0007.png,\"even, \"\"most\"\"\",benign,0.5,0.693,0.0,,,\r\n\
                    2,0002-1.png,,benign,0.9,0.3,0.8,,0.25,yes\r\n";
        let ranking = parse_ranking(text).expect("a table");
        let first = Ranked { item: 7, score: Some(0.693), reason: "even, \"most\"".to_owned() };
        let second = Ranked { item: 2, score: Some(0.25), reason: String::new() };
        assert_eq!(ranking, [first, second]);
        for (text, expected) in [
            ("", "the ranking is empty"),
            ("a,b\n1,2\n", "the ranking has neither a column item nor a column image"),
            (
                "item\nx\n",
                "row 2 of the ranking names no item: expected a number, or a file as images/0007.png",
            ),
            ("item\n\"1", "the ranking ends within quotation marks"),
        ] {
            assert_eq!(parse_ranking(text).expect_err(text).to_string(), expected);
        }
    }

    #[test]
    fn items_that_a_ranking_does_not_name_come_after() {
        let item = |number| ItemRow {
            number,
            study_uid: String::new(),
            series_uid: String::new(),
            sop_uid: String::new(),
            rank: 0,
            score: None,
            reason: String::new(),
            is_there: true,
            tasks: Vec::new(),
            finals: 0,
        };
        let items = [item(1), item(2), item(3)];
        let named = |item| Ranked { item, score: Some(0.5), reason: "why".to_owned() };
        let order = ranked(&items, &[named(3), named(1), named(3)]).expect("an order");
        let places: Vec<(u32, i64)> = order.iter().map(|one| (one.number, one.rank)).collect();
        assert_eq!(places, [(3, 1), (1, 2), (2, 3)]);
        assert!(ranked(&items, &[named(4)]).is_err() && ranked(&items, &[]).is_err());
    }
}
