use burn::tensor::{Device, Int, Tensor, TensorData};

use super::Tokens;

/// Texts that go through a network together, as numbers of one length; 0 stands where a text has ended.
#[derive(Debug)]
pub struct TokenBatch {
    /// Numbers of tokens, `[batch, tokens]`.
    pub ids: Tensor<2, Int>,
    /// The kind of each, `[batch, tokens]`.
    pub kinds: Tensor<2, Int>,
    /// 1 for tokens that count and 0 for padding, `[batch, tokens]`.
    pub valid: Tensor<2>,
    /// Whether all count.
    pub even: bool,
}

impl TokenBatch {
    /// The batch of some texts.
    pub fn of(rows: &[&Tokens], device: &Device) -> Self {
        let longest = rows.iter().map(|row| row.ids.len()).max().unwrap_or(0);
        let shape = [rows.len(), longest];
        let whole = |numbers: Vec<i64>| Tensor::<2, Int>::from_data(TensorData::new(numbers, shape), device);
        let counts: Vec<f32> = rows
            .iter()
            .flat_map(|row| (0..longest).map(|at| f32::from(u8::from(at < row.ids.len()))))
            .collect();
        Self {
            ids: whole(padded(rows, longest, |row| &row.ids)),
            kinds: whole(padded(rows, longest, |row| &row.kinds)),
            valid: Tensor::<2>::from_data(TensorData::new(counts, shape), device),
            even: rows.iter().all(|row| row.ids.len() == longest),
        }
    }
}

fn padded(rows: &[&Tokens], longest: usize, of: impl Fn(&Tokens) -> &Vec<u32>) -> Vec<i64> {
    let row = |row: &Tokens| {
        let own = of(row).iter().map(|number| i64::from(*number));
        own.chain(std::iter::repeat(0)).take(longest).collect::<Vec<_>>()
    };
    rows.iter().flat_map(|tokens| row(tokens)).collect()
}
