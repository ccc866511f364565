//! The versions of a report, each chained to the one before by its hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Report, ReportError, Revision, State, changes};

/// One version of a report: what stands in one file, which nothing ever writes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Version of this file's form.
    pub schema_version: String,
    /// Its number, from 1.
    pub number: usize,
    /// SHA-256 of the file of the version before; `None` for the first.
    pub previous_sha256: Option<String>,
    /// What differs in its words from the version before.
    pub changes: Vec<Revision>,
    /// The report.
    pub report: Report,
}

/// What is wrong with a row of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A file that is no version.
    #[error("version {number} is not readable: {reason}")]
    Form {
        /// Its place, from 1.
        number: usize,
        /// Why.
        reason: String,
    },
    /// A version whose number is not its place.
    #[error("version {found} stands where version {expected} was expected")]
    Number {
        /// The number it says.
        found: usize,
        /// Its place.
        expected: usize,
    },
    /// A version that was changed after the next was made.
    #[error(
        "version {0} was changed after it was written: its hash is not the one that the next version names"
    )]
    Hash(usize),
    /// A version that is no step from the one before.
    #[error("version {number} does not follow from the one before: {what}")]
    Step {
        /// Its number.
        number: usize,
        /// What differs that may not.
        what: &'static str,
    },
    /// A report that breaks its own invariant.
    #[error("version {number}: {error}")]
    Report {
        /// Its number.
        number: usize,
        /// What is wrong.
        error: ReportError,
    },
}

impl Version {
    /// The first version.
    pub fn first(report: Report) -> Self {
        Self { schema_version: "1".to_owned(), number: 1, previous_sha256: None, changes: Vec::new(), report }
    }

    /// The version that follows this one, whose file has these bytes.
    pub fn next(&self, own_bytes: &[u8], report: Report) -> Self {
        Self {
            schema_version: "1".to_owned(),
            number: self.number + 1,
            previous_sha256: Some(sha256(own_bytes)),
            changes: changes(&self.report, &report),
            report,
        }
    }

    /// Its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut json =
            serde_json::to_string_pretty(self).expect("a version holds no map with other keys than text");
        json.push('\n');
        json.into_bytes()
    }
}

/// Reads the files of a report's versions, in order, and asserts that each follows from the one before: by number and
/// hash, with the earlier signatures kept, the findings untouched and the words changed only as it says.
///
/// # Errors
/// [`ChainError`], for the first thing that is wrong.
pub fn verify(files: &[Vec<u8>]) -> Result<Vec<Version>, ChainError> {
    let mut versions: Vec<Version> = Vec::new();
    for (index, bytes) in files.iter().enumerate() {
        let number = index + 1;
        let version: Version = serde_json::from_slice(bytes)
            .map_err(|error| ChainError::Form { number, reason: error.to_string() })?;
        if version.number != number {
            return Err(ChainError::Number { found: version.number, expected: number });
        }
        version.report.check().map_err(|error| ChainError::Report { number, error })?;
        let step = |what| Err(ChainError::Step { number, what });
        match versions.last() {
            None if version.previous_sha256.is_some() => return step("it names a version before the first"),
            None => {}
            Some(before) => {
                if version.previous_sha256.as_deref() != Some(sha256(&files[index - 1]).as_str()) {
                    return Err(ChainError::Hash(index));
                }
                let (earlier, later) = (&before.report.signatures, &version.report.signatures);
                if later.len() != earlier.len() + 1 || !later.starts_with(earlier) {
                    return step("it has not the earlier signatures with one more");
                }
                if later.last().map(|signature| signature.state) != Some(version.report.state) {
                    return step("its state is not that of its last signature");
                }
                if before.report.state.is_final() && !version.report.state.is_final() {
                    return step("what was final is no longer");
                }
                if version.report.state == State::Addendum
                    && version.changes.iter().any(|change| change.before.is_some())
                {
                    return step("an addendum changes words that stood");
                }
                if before.report.findings != version.report.findings || before.report.id != version.report.id
                {
                    return step("its findings or its name differ");
                }
                if version.changes != changes(&before.report, &version.report) {
                    return step("its list of changes is not what differs");
                }
            }
        }
        versions.push(version);
    }
    Ok(versions)
}

/// SHA-256 of a version's file, to note down elsewhere: the last file of a chain is held by nothing else.
pub fn version_sha256(bytes: &[u8]) -> String {
    sha256(bytes)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Edit, Moment, Signer, amend, example, sign, write};

    fn chain() -> Vec<Vec<u8>> {
        let at = Moment::parse("2026-11-26T22:05:00+01:00").expect("a moment");
        let signer = Signer { by: "Doe^Jane".to_owned(), organization: None, at };
        let draft = Version::first(write(&example::pneumonia(0.93)));
        let first = draft.to_bytes();
        let signed = sign(&draft.report, State::Final, &signer).expect("signed");
        let signed = draft.next(&first, signed);
        let second = signed.to_bytes();
        let edits = [Edit::Replace { sentence: "S1".to_owned(), text: "Cough.".to_owned() }];
        let amended = amend(&signed.report, &edits, &signer, "wording").expect("amended");
        let third = signed.next(&second, amended).to_bytes();
        vec![first, second, third]
    }

    #[test]
    fn a_chain_holds_and_says_what_was_changed() {
        let versions = verify(&chain()).expect("a chain");
        let states: Vec<State> = versions.iter().map(|version| version.report.state).collect();
        assert_eq!(states, [State::Draft, State::Final, State::Amended]);
        assert!(versions[1].changes.is_empty());
        assert_eq!(versions[2].changes[0].after.as_deref(), Some("Cough."));
    }

    #[test]
    fn a_byte_that_was_changed_is_found_wherever_it_is() {
        let good = chain();
        let replaced = |number: usize, from: &str, to: &str| {
            let mut files = good.clone();
            let text = String::from_utf8(files[number].clone()).expect("JSON");
            assert!(text.contains(from), "{from}");
            files[number] = text.replacen(from, to, 1).into_bytes();
            verify(&files).expect_err("changed")
        };
        assert_eq!(replaced(0, "fever", "fewer"), ChainError::Hash(1));
        assert_eq!(replaced(1, "Doe^Jane", "Doe^Joan"), ChainError::Hash(2));
        let what = |error| match error {
            ChainError::Step { number: 3, what } => what,
            other => panic!("{other}"),
        };
        assert_eq!(what(replaced(2, "\"Cough.\"", "\"Fever.\"")), "its list of changes is not what differs");
        assert_eq!(
            what(replaced(2, "\"id\": \"example\"", "\"id\": \"other\"")),
            "its findings or its name differ"
        );
        let mut shorter = good.clone();
        shorter.remove(1);
        assert_eq!(verify(&shorter), Err(ChainError::Number { found: 3, expected: 2 }));
        assert!(matches!(verify(&[b"{".to_vec()]), Err(ChainError::Form { number: 1, .. })));
    }
}
