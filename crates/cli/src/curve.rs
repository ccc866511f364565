//! A curve as a row of letters, for a line on a terminal.

/// Heights, the least first.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same where the terminal may know no others.
const PLAIN: [char; 8] = ['_', '.', ',', '-', '~', '+', '*', '#'];

/// Values as heights between `low` and `high`, a letter each; of more than `width` neighbors are averaged.
pub fn curve(values: &[f32], (low, high): (f32, f32), width: usize, letters: &[char; 8]) -> String {
    let width = width.min(values.len());
    let height = |value: f32| {
        let share = if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        letters[(share * 7.0).round() as usize]
    };
    (0..width)
        .map(|at| {
            let own = &values[at * values.len() / width..(at + 1) * values.len() / width];
            height(own.iter().sum::<f32>() / own.len() as f32)
        })
        .collect()
}

/// Training and validation loss so far on one scale: `loss ▇▄▂▁, validation █▅▃▃`.
pub fn losses(training: &[f32], validation: &[f32], letters: &[char; 8]) -> String {
    const WIDTH: usize = 24;
    let all = || training.iter().chain(validation).copied().filter(|value| value.is_finite());
    let range = (all().fold(f32::INFINITY, f32::min), all().fold(f32::NEG_INFINITY, f32::max));
    if training.is_empty() {
        return String::new();
    }
    let of = |values: &[f32]| curve(values, range, WIDTH, letters);
    format!("loss {}, validation {}", of(training), of(validation))
}

/// The letters that the terminal shows, by the settings of its language.
pub fn letters() -> &'static [char; 8] {
    let language =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|text| !text.is_empty());
    let knows = language.is_some_and(|text| {
        let text = text.to_string_lossy().to_ascii_lowercase();
        text.contains("utf-8") || text.contains("utf8")
    });
    if knows { &BLOCKS } else { &PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_as_worked_on_paper() {
        let values: Vec<f32> = (0..8).map(|at| at as f32).collect();
        assert_eq!(curve(&values, (0.0, 7.0), 8, &BLOCKS), "▁▂▃▄▅▆▇█");
        // Neighbors are averaged: 0, 2, 4 and 7 of 7.
        let pairs = [0.0, 0.0, 1.0, 3.0, 4.0, 4.0, 7.0, 7.0];
        assert_eq!(curve(&pairs, (0.0, 7.0), 4, &PLAIN), "_,~#");
        assert_eq!(curve(&[3.0, 3.0], (3.0, 3.0), 9, &PLAIN), "__");
        assert_eq!(curve(&[], (0.0, 1.0), 9, &PLAIN), "");
        assert_eq!(curve(&[f32::NAN, 9.0], (0.0, 1.0), 9, &PLAIN).chars().count(), 2);
    }

    #[test]
    fn both_losses_have_one_scale() {
        assert_eq!(losses(&[1.0, 0.0], &[1.0, 0.5], &PLAIN), "loss #_, validation #~");
        assert_eq!(losses(&[], &[], &PLAIN), "");
    }
}
