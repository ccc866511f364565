//! Texts become vectors, by the tiny network of `crates/nets/tests/golden/bert`.

use super::{code, json, path, stderr, wilhelm};

const MODEL: &str = "crates/nets/tests/golden/bert";

#[test]
fn texts_become_the_vectors_of_sentence_transformers() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let (file, table) = (place.path().join("texts.txt"), place.path().join("vectors.csv"));
    std::fs::write(&file, "Right\n\n  The heart is normal in size; 12 mm nodule, LEFT lung!  \n")
        .expect("written");
    let texts = ["embed", "No focal consolidation.", "--file", path(&file), "--model", MODEL];
    let output = wilhelm(&[&texts[..], &["--json", "--csv", path(&table)]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = json(&output.stdout);
    let golden =
        json(&std::fs::read("../nets/tests/golden/bert/expected.json").expect("a file of the repository"));
    // The texts 0, 5 and 1 of the golden file.
    for (at, golden_at) in [0, 5, 1].into_iter().enumerate() {
        let expected = golden["sentences"][golden_at].as_array().expect("a vector");
        let vector = found["texts"][at]["vector"].as_array().expect("a vector");
        assert_eq!(vector.len(), expected.len());
        for (found, expected) in vector.iter().zip(expected) {
            let apart = found.as_f64().expect("a number") - expected.as_f64().expect("a number");
            assert!(apart.abs() < 2e-6, "{found} for {expected}");
        }
        assert_eq!(found["texts"][at]["cut"], 0);
    }
    let table = std::fs::read_to_string(&table).expect("it was written");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("text,tokens,cut,v0,v1,") && lines[0].ends_with(",v31"));
    assert!(lines[3].starts_with("\"The heart is normal in size; 12 mm nodule, LEFT lung!\",22,0,"));
}

#[test]
fn two_texts_are_compared_and_a_long_one_is_said_to_be_cut() {
    let output =
        wilhelm(&["embed", "--compare", "No pleural effusion", "no PLEURAL effusion", "--model", MODEL]);
    assert_eq!((code(&output), &output.stdout[..]), (0, &b"1.0000\n"[..]), "{}", stderr(&output));
    let long = "no pleural effusion ".repeat(6);
    let output = wilhelm(&["embed", "Right", &long, "--model", MODEL]);
    assert_eq!(code(&output), 1);
    assert_eq!(stderr(&output), "wilhelm: text 2 is long: 26 tokens past the first 24 were not read\n");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.lines().count() == 3 && shown.contains(" and 28 more"), "{shown}");
}

#[test]
fn what_cannot_be_read_is_one_sentence() {
    let check = |arguments: &[&str], expected: i32, sentence: &str| {
        let output = wilhelm(&[&["embed"], arguments].concat());
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert!(stderr(&output).contains(sentence), "{}", stderr(&output));
    };
    check(&["one"], 3, "wilhelm models fetch minilm");
    check(&["one", "--compare", "--model", MODEL], 2, "--compare takes two texts, and there are 1");
    check(&["one", "--model", "crates/nets/tests/golden/gpt2"], 3, "gpt2/modules.json is not readable");
    check(&["--file", "/no/such/file"], 3, "text file /no/such/file is not readable");
    check(&[], 2, "required arguments");
}
