/// The words that passages are found by: runs of ASCII letters and digits in lower case, nothing left out, nothing cut.
///
/// ```
/// use wilhelm_knowledge::retrieve::words;
///
/// assert_eq!(words("TNF-alpha, 5.5 mg"), ["tnf", "alpha", "5", "5", "mg"]);
/// ```
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let runs = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty());
    runs.map(str::to_ascii_lowercase).collect()
}
