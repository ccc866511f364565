use std::path::Path;

use wilhelm_report::{example, write};
use wilhelm_study::Silent;

use super::*;

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn made(texts: &Path, into: &Path) -> Built {
    let settings =
        BuildSettings { places: &[texts.to_owned()], reports: &[], license: Some("CC0"), encoder: None };
    build(&settings, into, &Silent).expect("built")
}

#[test]
fn an_index_is_made_asked_and_made_anew_only_where_something_changed() {
    let place = tempfile::tempdir().expect("a folder");
    let (texts, into) = (place.path().join("texts"), place.path().join("index"));
    put(&texts, "a.txt", "Air in the pleural space is called pneumothorax.");
    put(&texts, "sub/b.md", "# Ribs\n\nA rib can break.");
    put(&texts, "c.pdf", "%PDF-1.7");
    let built = made(&texts, &into);
    assert!(built.changed);
    assert_eq!(built.left_out, [texts.join("c.pdf")]);
    assert_eq!(built.manifest.passages, 2);
    let library = Library::open(&into, 1).expect("whole");
    let found = library.find("What is a pneumothorax?", None, Way::Words, 5).expect("asked");
    assert_eq!(found[0].passage.id, "file:texts/a.txt@81227061#1");
    assert_eq!(found[0].passage.license.as_deref(), Some("CC0"));
    assert_eq!(found[0].rank_by_words, Some(1));
    assert!(matches!(library.find("a", None, Way::Both, 5), Err(LibraryError::Encoder { .. })));

    assert!(!made(&texts, &into).changed);
    put(&texts, "a.txt", "Fluid in the pleural space is called effusion.");
    assert!(made(&texts, &into).changed);
    // The one that is open still reads what it opened.
    assert_eq!(library.find("pneumothorax", None, Way::Words, 5).expect("asked").len(), 1);
    let library = Library::open(&into, 1).expect("whole");
    assert!(library.find("pneumothorax", None, Way::Words, 5).expect("asked").is_empty());
    let generations =
        std::fs::read_dir(&into).expect("listed").flatten().filter(|entry| entry.path().is_dir());
    assert_eq!(generations.count(), 1, "the old generation is gone");
}

#[test]
fn files_of_one_path_in_two_folders_keep_passages_of_their_own() {
    let place = tempfile::tempdir().expect("a folder");
    let (one, other, into) =
        (place.path().join("one/texts"), place.path().join("other/texts"), place.path().join("index"));
    put(&one, "a.txt", "Air in the pleural space is called pneumothorax.");
    put(&other, "a.txt", "Fluid in the pleural space is called effusion.");
    let places = [one.clone(), other];
    let settings = BuildSettings { places: &places, reports: &[], license: None, encoder: None };
    let built = build(&settings, &into, &Silent).expect("built");
    assert_eq!((built.manifest.passages, built.manifest.doubles), (2, 0));
    let found = |index: &Path| -> String {
        let library = Library::open(index, 1).expect("whole");
        library.find("pneumothorax", None, Way::Words, 5).expect("asked")[0].passage.id.clone()
    };
    // What else is indexed does not change how a passage is called.
    let alone = place.path().join("alone");
    made(&one, &alone);
    assert_eq!(found(&into), found(&alone));
}

#[test]
fn a_malformed_file_is_named_and_the_others_are_there() {
    let place = tempfile::tempdir().expect("a folder");
    let (texts, into) = (place.path().join("texts"), place.path().join("index"));
    put(
        &texts,
        "a.jsonl",
        "{\"id\": \"one\", \"text\": \"Air.\"}\n{\"id\": \"one\", \"text\": \"Air again.\"}\n{broken\n",
    );
    put(&texts, "b.txt", "Fluid.");
    let built = made(&texts, &into);
    let defects: Vec<_> = built.manifest.files.iter().filter_map(|file| file.defect.as_deref()).collect();
    assert_eq!(defects, ["texts/a.jsonl line 3: key must be a string"]);
    assert_eq!((built.manifest.passages, built.manifest.doubles), (2, 1));
}

#[test]
fn what_is_no_index_and_what_is_damaged_is_said() {
    let place = tempfile::tempdir().expect("a folder");
    let missing = Library::open(place.path(), 1).err().expect("none there").to_string();
    assert!(missing.contains("is no index: 'wilhelm kb index FOLDER --into"), "{missing}");
    std::fs::write(place.path().join("index.json"), "{").expect("written");
    let damaged = Library::open(place.path(), 1).err().expect("damaged").to_string();
    assert!(damaged.contains("is damaged: index.json"), "{damaged}");
    let empty = place.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    let settings = BuildSettings { places: &[empty], reports: &[], license: None, encoder: None };
    assert!(matches!(
        build(&settings, &place.path().join("index"), &Silent),
        Err(LibraryError::Nothing { .. })
    ));
}

#[test]
fn a_reports_sentences_are_passages_a_section() {
    let report = write(&example::pneumonia(0.03));
    let passages = report_passages("report:one", &report);
    assert!(passages.iter().any(|one| one.text.contains("No evidence of pneumonia.")), "{passages:?}");
    assert!(passages.windows(2).all(|two| two[0].section != two[1].section));
    assert_eq!(passages[0].id, "report:one#1");
}
