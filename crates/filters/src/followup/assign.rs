//! One-to-one pairs with the greatest sum of scores.

/// Pairs of rows and columns, each used at most once, whose scores add up to the most; a pair
/// whose score is 0 or less is none.
///
/// # Source
/// The Hungarian method in the form of Jonker and Volgenant's shortest paths, cubic in the larger count.
pub(super) fn greatest(
    rows: usize,
    columns: usize,
    score: impl Fn(usize, usize) -> f64,
) -> Vec<(usize, usize)> {
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    let side = rows.max(columns);
    // A square of costs: what is beyond either list, and what is no pair, costs nothing.
    let mut costs = vec![0.0; side * side];
    for row in 0..rows {
        for column in 0..columns {
            costs[row * side + column] = -score(row, column).max(0.0);
        }
    }
    let column_of = least(&costs, side);
    (0..rows)
        .map(|row| (row, column_of[row]))
        .filter(|(row, column)| *column < columns && costs[row * side + column] < 0.0)
        .collect()
}

/// The column of each row of a square with the least sum of finite costs.
fn least(costs: &[f64], side: usize) -> Vec<usize> {
    // Rows and columns count from 1: 0 is the root of each search.
    let mut row_price = vec![0.0; side + 1];
    let mut column_price = vec![0.0; side + 1];
    let mut row_of = vec![0; side + 1];
    let mut way = vec![0; side + 1];
    for row in 1..=side {
        row_of[0] = row;
        let mut column = 0;
        let mut slack = vec![f64::INFINITY; side + 1];
        let mut seen = vec![false; side + 1];
        while row_of[column] != 0 {
            seen[column] = true;
            let from = row_of[column];
            let (mut lowest, mut next) = (f64::INFINITY, 0);
            for other in (1..=side).filter(|other| !seen[*other]) {
                let reduced = costs[(from - 1) * side + other - 1] - row_price[from] - column_price[other];
                if reduced < slack[other] {
                    slack[other] = reduced;
                    way[other] = column;
                }
                if slack[other] < lowest {
                    lowest = slack[other];
                    next = other;
                }
            }
            for other in 0..=side {
                if seen[other] {
                    row_price[row_of[other]] += lowest;
                    column_price[other] -= lowest;
                } else {
                    slack[other] -= lowest;
                }
            }
            column = next;
        }
        while column != 0 {
            let before = way[column];
            row_of[column] = row_of[before];
            column = before;
        }
    }
    let mut column_of = vec![0; side];
    (1..=side).for_each(|column| column_of[row_of[column] - 1] = column - 1);
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_sum_wins_over_the_greatest_single_score() {
        // On paper: 0.9 alone leaves 0.1 (sum 1.0); 0.8 and 0.7 give 1.5.
        let scores = [[0.9, 0.8], [0.7, 0.1]];
        assert_eq!(greatest(2, 2, |row, column| scores[row][column]), [(0, 1), (1, 0)]);
        assert_eq!(greatest(2, 1, |row, _| scores[row][0]), [(0, 0)]);
        assert_eq!(greatest(1, 3, |_, column| [0.0, 0.0, 0.2][column]), [(0, 2)]);
        assert!(greatest(2, 2, |_, _| 0.0).is_empty());
        assert!(greatest(2, 2, |_, _| f64::NAN).is_empty());
        assert!(greatest(0, 3, |_, _| 1.0).is_empty());
    }

    #[test]
    fn no_other_order_of_five_has_a_greater_sum() {
        let score =
            |row: usize, column: usize| ((row * 37 + column * 61 + row * column * 17) % 23) as f64 + 1.0;
        let found: f64 = greatest(5, 5, score).iter().map(|(row, column)| score(*row, *column)).sum();
        let mut order = [0, 1, 2, 3, 4];
        let mut most = 0.0_f64;
        permute(&mut order, 0, &mut |order| {
            most = most.max(order.iter().enumerate().map(|(row, column)| score(row, *column)).sum());
        });
        assert_eq!(found, most);
    }

    fn permute(order: &mut [usize; 5], from: usize, visit: &mut dyn FnMut(&[usize; 5])) {
        if from == 5 {
            return visit(order);
        }
        for other in from..5 {
            order.swap(from, other);
            permute(order, from + 1, visit);
            order.swap(from, other);
        }
    }
}
