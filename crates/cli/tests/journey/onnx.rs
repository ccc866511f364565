//! Networks out as ONNX, and in again by ONNX Runtime.
//!
//! What needs the library runs in a build with the feature `ort` where `ORT_DYLIB_PATH` names it, and is skipped with a
//! word on stderr elsewhere.

use std::path::{Path, PathBuf};

use crate::{code, json, path, root, stderr, wilhelm};

const MODEL: &str = "chest-pneumonia";

fn export(name: &str, format: &str, out: &Path, more: &[&str]) -> std::process::Output {
    let arguments = ["models", "export", name, "--format", format, "--out", path(out)];
    wilhelm(&[&arguments, more].concat())
}

#[test]
fn a_model_is_exported_once_and_replaced_only_by_force() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let out = place.path().join("chest.onnx");
    let first = export(MODEL, "onnx", &out, &["--json"]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let told = json(&first.stdout);
    let bytes = std::fs::read(&out).expect("it was written");
    assert_eq!(told["bytes"].as_u64(), Some(bytes.len() as u64));
    assert_eq!(told["format"], "onnx");
    assert_eq!(told["sha256"].as_str().map(str::len), Some(64));
    for words in ["research use only", MODEL, "weights_sha256", "probabilities"] {
        assert!(bytes.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
    }
    let again = export(MODEL, "onnx", &out, &[]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    let forced = export(MODEL, "onnx", &out, &["--force", "--json"]);
    assert_eq!(json(&forced.stdout), told, "the same model gives the same bytes");
    assert_eq!(
        std::fs::read_dir(place.path()).expect("listed").count(),
        1,
        "a temporary file was left behind"
    );
}

#[test]
fn weights_are_exported_as_they_are() {
    let place = tempfile::tempdir().expect("a temporary folder");
    for name in [MODEL, "brain-mask"] {
        let out = place.path().join(name);
        let output = export(name, "safetensors", &out, &[]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let own = std::fs::read(root().join("models").join(name).join("weights.safetensors")).expect("there");
        assert!(std::fs::read(&out).expect("it was written") == own, "{name}");
    }
}

#[test]
fn what_cannot_be_exported_is_told_and_nothing_is_written() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let out = place.path().join("out");
    let check = |output: &std::process::Output, exit: i32, expected: &str| {
        assert_eq!(code(output), exit, "{}", stderr(output));
        assert!(stderr(output).contains(expected), "{}", stderr(output));
        assert_eq!(stderr(output).trim_end().lines().count(), 1, "{}", stderr(output));
        assert!(!out.exists());
    };
    check(&export("brain-mask", "onnx", &out, &[]), 3, "is a segmenter");
    check(&export("nothing", "onnx", &out, &[]), 3, "no model is called nothing");
    check(&export(MODEL, "onnx", &place.path().join("no/folder/x.onnx"), &[]), 3, "no/folder");
}

/// A folder with one model by others: our own export with a card that knows nothing of it.
fn imported(folder: &Path, output: &str, gives: &str) -> PathBuf {
    let models = folder.join("models");
    let model = models.join("other");
    std::fs::create_dir_all(&model).expect("made");
    let file = model.join("network.onnx");
    let told = json(&export(MODEL, "onnx", &file, &["--json"]).stdout);
    let own = std::fs::read_to_string(root().join("models").join(MODEL).join("card.toml")).expect("there");
    let table = |name: &str| {
        let start = own.find(&format!("[{name}]")).expect("a table");
        let end = own[start + 1..].find("\n[").map_or(own.len(), |end| start + 1 + end);
        own[start..end].to_owned()
    };
    let card = format!(
        "schema = 1\nkind = \"onnx-classifier\"\nname = \"other\"\nversion = \"2\"\ntitle = \"By others\"\n\
         license = \"CC0-1.0\"\nmust_not = [\"It must not be used.\"]\nweights = \"network.onnx\"\n\
         weights_sha256 = {}\n\n{}\n\n{}\n\n[network]\ninput = \"image\"\nlayout = \"channels-first\"\nchannels = 1\n\
         output = {output:?}\ngives = {gives:?}\n\n[[labels]]\nkey = \"a\"\nname = \"first\"\n\n[[labels]]\nkey = \"b\"\n\
         name = \"second\"\n\n[source]\nurl = \"none\"\ncopyright = \"none\"\ncitation = \"none\"\ndata = \"none\"\n\
         figures = \"none\"\n",
        told["sha256"],
        table("input"),
        table("preparation"),
    );
    std::fs::write(model.join("card.toml"), card).expect("written");
    models
}

fn predict(model: &str, more: &[&str]) -> std::process::Output {
    let arguments = ["predict", "--model", model, "testdata/chest_xray/chest_pa.dcm", "--csv", "-"];
    wilhelm(&[&arguments, more].concat())
}

#[test]
fn a_model_by_others_is_listed_with_what_it_lacks_and_the_program_alone_does_not_compute_it() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let models = imported(place.path(), "logits", "logits");
    let of = ["--models", path(&models)];
    let listed = wilhelm(&[&["models", "list"], &of[..]].concat());
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(text.contains("By others") && text.contains("not calibrated, abstains from nothing"), "{text}");
    let listed = json(&wilhelm(&[&["models", "list", "--json"], &of[..]].concat()).stdout);
    assert_eq!(listed["imported"][0]["card"]["name"], "other");
    let shown = wilhelm(&[&["models", "show", "other"], &of[..]].concat());
    assert!(String::from_utf8_lossy(&shown.stdout).contains("kind = \"onnx-classifier\""));
    let output = predict("other", &[&["--engine", "built-in"], &of[..]].concat());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("only ONNX Runtime computes it"), "{}", stderr(&output));
    let chest = "testdata/chest_xray/chest_pa.dcm";
    let out = place.path().join("out");
    let output = wilhelm(&[&["explain", chest, "--model", "other", "--out", path(&out)], &of[..]].concat());
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("only predict reads with it"), "{}", stderr(&output));
    let output = wilhelm(&[
        "models",
        "export",
        "other",
        "--format",
        "onnx",
        "--out",
        "/nonexistent/x",
        "--models",
        path(&models),
    ]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("is an ONNX file already"), "{}", stderr(&output));
}

#[cfg(not(feature = "ort"))]
#[test]
fn a_build_without_onnx_runtime_says_so() {
    let output = predict(MODEL, &["--engine", "onnx-runtime"]);
    assert_eq!(code(&output), 2);
    assert_eq!(
        stderr(&output).trim_end(),
        "wilhelm: this program was built without ONNX Runtime: build it anew with --features ort"
    );
}

#[cfg(feature = "ort")]
mod with_the_library {
    use super::*;

    fn library() -> Option<String> {
        let named = std::env::var("ORT_DYLIB_PATH").ok().filter(|path| !path.is_empty());
        if named.is_none() {
            eprintln!("skipped: ORT_DYLIB_PATH names no library of ONNX Runtime");
        }
        named
    }

    /// The numbers of the only row.
    fn numbers(output: &std::process::Output) -> Vec<f64> {
        assert_eq!(code(output), 0, "{}", stderr(output));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let row = text.lines().nth(1).expect("a row");
        row.split(',').skip(1).filter_map(|field| field.parse().ok()).collect()
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len(), "{found:?} {expected:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
        }
    }

    #[test]
    fn either_engine_predicts_the_same() {
        let Some(library) = library() else { return };
        for model in ["chest-pneumonia", "breast-ultrasound", "brain-mr-tumor"] {
            let sample = match model {
                "chest-pneumonia" => "testdata/chest_xray/chest_pa.dcm",
                "breast-ultrasound" => "testdata/breast_ultrasound/breast_mass.png",
                _ => "testdata/brain_mr/brain_axial_t1c.jpg",
            };
            let arguments = ["predict", "--model", model, sample, "--csv", "-"];
            let own = wilhelm(&arguments);
            let by_library =
                [&arguments[..], &["--engine", "onnx-runtime", "--onnx-runtime", &library]].concat();
            close(&numbers(&wilhelm(&by_library)), &numbers(&own));
        }
    }

    #[test]
    fn a_model_by_others_predicts_what_its_file_says() {
        let Some(_) = library() else { return };
        let own = numbers(&predict(MODEL, &[]));
        let place = tempfile::tempdir().expect("a temporary folder");
        // The export's calibrated probabilities are our own; there is no outlier score.
        let models = imported(place.path(), "probabilities", "probabilities");
        let output = predict("other", &["--models", path(&models)]);
        assert!(stderr(&output).contains("not calibrated here"), "{}", stderr(&output));
        close(&numbers(&output), &own[..2]);
        // The same gate as for our own models.
        let blank = crate::gray_png(place.path(), "blank.png", 64, &[128; 64 * 64]);
        let arguments =
            ["predict", "--model", "other", "--models", path(&models), path(&blank), "--csv", "-"];
        let refused = wilhelm(&arguments);
        assert_eq!(numbers(&refused), [] as [f64; 0]);
        let text = String::from_utf8_lossy(&refused.stdout).into_owned();
        assert!(text.contains("not fit to be read"), "{text}");
    }

    #[test]
    fn files_that_are_not_as_their_card_says_are_told_in_one_sentence() {
        let Some(_) = library() else { return };
        let place = tempfile::tempdir().expect("a temporary folder");
        let models = imported(place.path(), "logits", "logits");
        let card = models.join("other/card.toml");
        let text = std::fs::read_to_string(&card).expect("there");
        let check = |text: &str, exit: i32, expected: &str| {
            std::fs::write(&card, text).expect("written");
            let output = predict("other", &["--models", path(&models)]);
            assert_eq!(code(&output), exit, "{}", stderr(&output));
            assert!(stderr(&output).contains(expected), "{}", stderr(&output));
            assert_eq!(stderr(&output).trim_end().lines().count(), 1, "{}", stderr(&output));
        };
        let changed = |from: &str, to: &str| {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            changed
        };
        check(
            &changed("output = \"logits\"", "output = \"scores\""),
            3,
            "expected the card's \"scores\" among",
        );
        check(&changed("input = \"image\"", "input = \"x\""), 3, "expected the card's \"x\"");
        check(&changed("channels = 1", "channels = 3"), 3, "shape of input \"image\"");
        check(&changed("output = \"logits\"", "output = \"features\""), 3, "shape of output \"features\"");
        // Cut off, and the card's hash made anew.
        let file = models.join("other/network.onnx");
        let whole = std::fs::read(&file).expect("there");
        std::fs::write(&file, &whole[..whole.len() / 2]).expect("written");
        let output = predict("other", &["--models", path(&models)]);
        assert!(stderr(&output).contains("SHA-256"), "{}", stderr(&output));
    }

    #[test]
    fn libraries_that_are_none_are_told_in_one_sentence() {
        let place = tempfile::tempdir().expect("a temporary folder");
        let check = |library: &Path, expected: &str| {
            let arguments = ["--engine", "onnx-runtime", "--onnx-runtime", path(library)];
            let output = predict(MODEL, &arguments);
            assert_eq!(code(&output), 3, "{}", stderr(&output));
            assert!(stderr(&output).contains(expected), "{}", stderr(&output));
            assert_eq!(stderr(&output).trim_end().lines().count(), 1, "{}", stderr(&output));
        };
        check(&place.path().join("libonnxruntime.so"), "there is no such file");
        check(
            Path::new("libno-such-runtime.so.9"),
            "ONNX Runtime is not loadable from libno-such-runtime.so.9",
        );
        let text = place.path().join("text.so");
        std::fs::write(&text, "this is no library").expect("written");
        check(&text, "ONNX Runtime is not loadable from");
        // A library of another kind, and one that says that it is old.
        for (name, source, expected) in [
            ("other", "int nothing(void) { return 0; }", "is a library, but not ONNX Runtime"),
            (
                "old",
                "static const void *api(unsigned version) { return 0; }\n\
                 static const char *version(void) { return \"1.9.0\"; }\n\
                 static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = \
                 { api, version };\n\
                 const void *OrtGetApiBase(void) { return &base; }",
                "is version 1.9.0, expected 1.17 or newer",
            ),
        ] {
            let (source_file, library) =
                (place.path().join(format!("{name}.c")), place.path().join(format!("{name}.so")));
            std::fs::write(&source_file, source).expect("written");
            let built = std::process::Command::new("cc")
                .args(["-shared", "-fPIC", "-o", path(&library), path(&source_file)])
                .status()
                .is_ok_and(|status| status.success());
            if built {
                check(&library, expected);
            } else {
                eprintln!("skipped: no C compiler makes a library that is {name}");
            }
        }
    }
}
