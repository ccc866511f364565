//! Annotation as annotators, adjudicators and programs meet it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use serde_json::{Value, json};
use wilhelm_formats::dicom::objects::{
    Imprint, LabelCoding, Placement, Stamp, label_segmentation, references_of_bytes,
};
use wilhelm_formats::phantom::{CtPhantom, part_10};
use wilhelm_privacy::audit::{Action, Filter, entries, verify};
use wilhelm_server::dimse::Settings as Entity;
use wilhelm_store::Expected;
use wilhelm_study::{CodedConcept, LabelMap, Segment};

use crate::desk::site::of_patient;
use crate::sign_in::{PASSWORD, enter, guarded_with, key};
use crate::site::{Site, served};

/// Status, heads and body.
type Answer = (u16, String, Value);

fn ask(site: &Site, line: &str, heads: &str, body: &Value) -> Answer {
    let head = format!("{line}\nHost: localhost\nContent-Type: application/json\n{heads}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, heads, bytes) = site.request(&head, body.as_bytes());
    (status, heads, serde_json::from_slice(&bytes).unwrap_or_default())
}

fn get(site: &Site, path: &str, heads: &str) -> Value {
    let (status, _, body) = ask(site, &format!("GET /api/annotations{path}"), heads, &Value::Null);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn post(site: &Site, path: &str, seen: u32, heads: &str, body: &Value) -> Answer {
    ask(site, &format!("POST /api/annotations{path}"), &format!("If-Match: \"{seen}\"\n{heads}"), body)
}

fn keep(site: &Site, bytes: &[u8]) {
    let mut arriving = site.store.arrive();
    arriving.write(bytes).expect("written");
    site.store.take(arriving, Expected::default()).expect("taken").pending.wait().expect("kept");
}

/// Six studies of three patients.
fn filled(site: &Site) {
    for number in 1..=6 {
        let patient = format!("P{}", number % 3);
        keep(site, &of_patient(&format!("1.2.840.{number}"), &patient, "20260131"));
    }
}

fn session(site: &Site, name: &str) -> String {
    format!("Cookie: {}\nOrigin: http://localhost", enter(site, name, PASSWORD).expect("let in"))
}

fn project() -> Value {
    json!({
        "title": "Nodules",
        "instructions": "Look twice.",
        "question": { "kind": "labels", "labels": [
            { "key": "benign", "name": "Benign" }, { "key": "malignant", "name": "Malignant" },
        ] },
        "annotators": ["radiologist", "researcher"],
        "adjudicators": ["radiologist"],
        "search": { "level": "instance", "modality": "CT" },
    })
}

/// The files of an archive by their names.
fn unzipped(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    (0..archive.len())
        .map(|place| {
            let mut file = archive.by_index(place).expect("a file");
            let mut content = Vec::new();
            file.read_to_end(&mut content).expect("read");
            (file.name().expect("a name").into_owned(), content)
        })
        .collect()
}

#[test]
fn two_people_answer_one_decides_and_a_training_set_comes_of_it() {
    let site = guarded_with(Entity::default(), |settings| settings);
    filled(&site);
    let [manager, reader, researcher] =
        ["administrator", "radiologist", "researcher"].map(|name| session(&site, name));
    let (status, _, made) = post(&site, "", 0, &manager, &project());
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("a name").to_owned();
    assert_eq!((&made["progress"]["items"], &made["progress"]["decided"]), (&json!(6), &json!(0)));
    // Nobody sees more than pixels and their place.
    let images = get(&site, &format!("/{id}/items/1/images"), &researcher).to_string();
    assert!(
        images.contains("00280010") && !images.contains("Doe") && !images.contains("1.2.840.1.1"),
        "{images}"
    );
    let (status, heads, _) = site.request(
        &format!("GET /api/annotations/{id}/items/1/images/1/frames/1\nHost: localhost\n{researcher}"),
        b"",
    );
    assert_eq!(status, 200, "{heads}");
    let item = get(&site, &format!("/{id}/items/1"), &reader);
    assert!(item.get("study").is_none() && item["answer"].is_null(), "blinded: {item}");
    // Answers: both agree on items 1 to 4, differ on 5, and the second skips 6.
    let answer = |label: &str| json!({ "answer": { "labels": [label] } });
    let tasks = get(&site, &format!("/{id}/tasks"), &reader);
    assert_eq!(tasks["tasks"].as_array().map(Vec::len), Some(6));
    for number in 1..=6_u32 {
        let place = format!("/{id}/items/{number}/answer");
        let label = if number % 2 == 0 { "malignant" } else { "benign" };
        let (status, heads, body) = post(&site, &place, 0, &reader, &answer(label));
        assert_eq!((status, heads.contains("etag: \"1\"")), (200, true), "{body}");
        if number == 1 {
            assert_eq!(post(&site, &place, 0, &reader, &answer(label)).0, 412, "it was at version 1 already");
            assert_eq!(ask(&site, &format!("POST /api/annotations{place}"), &reader, &answer(label)).0, 428);
            let refused = get_status(&site, &format!("/{id}/agreement"), &reader);
            assert_eq!(refused, 403, "who annotates sees no others before");
        }
        let given = match number {
            5 => answer("malignant"),
            6 => json!({ "skipped": "motion" }),
            _ => answer(label),
        };
        assert_eq!(post(&site, &place, 0, &researcher, &given).0, 200);
    }
    let wrong = post(&site, &format!("/{id}/items/1/answer"), 1, &reader, &answer("normal"));
    assert_eq!(
        (wrong.0, wrong.2["error"].as_str()),
        (422, Some("labels: \"normal\" is none of the question's: benign, malignant"))
    );
    // Cohen's kappa of 2 and 2 agreed and 1 not: found 4/5, by chance 3/5 * 2/5 + 2/5 * 3/5 = 12/25.
    let agreed = get(&site, &format!("/{id}/agreement"), &reader);
    let pair = &agreed["agreement"]["tables"][0]["pairs"][0];
    assert_eq!((&pair["items"], &pair["counts"]), (&json!(5), &json!([[2, 1], [0, 2]])));
    let kappa = pair["kappa"]["kappa"].as_f64().expect("a kappa");
    assert!((kappa - (0.8 - 0.48) / 0.52).abs() < 1e-12, "{kappa}");
    assert_eq!(agreed["agreement"]["items"][0]["item"], 5);
    assert_eq!(agreed["skipped"], json!([6]), "one answered it and one skipped it");
    // The adjudicator sees both and takes one; nobody else does.
    let said = get(&site, &format!("/{id}/items/5/answers"), &reader);
    assert_eq!(said["answers"][1]["answer"]["answer"]["labels"], json!(["malignant"]));
    let taken = json!({ "taken_from": "researcher" });
    assert_eq!(post(&site, &format!("/{id}/items/5/final"), 0, &researcher, &taken).0, 403);
    assert_eq!(post(&site, &format!("/{id}/items/5/final"), 0, &reader, &taken).0, 200);
    assert_eq!(post(&site, &format!("/{id}/items/5/final"), 0, &reader, &taken).0, 412);
    assert_eq!(get(&site, &format!("/{id}/agreement"), &reader)["decided"], json!([5]));
    // The training set is for who may have de-identified copies, and holds no name, number or identifier.
    let line = |name: &str| format!("GET /api/annotations/{id}/{name}\nHost: localhost");
    assert_eq!(site.request(&format!("{}\n{manager}", line("training-set")), b"").0, 403);
    let (status, _, bytes) = site.request(&format!("{}\n{researcher}", line("training-set")), b"");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
    let files = unzipped(&bytes);
    let text = |name: &str| String::from_utf8(files[name].clone()).expect("text");
    let labels = text("labels.csv");
    let rows: Vec<&str> = labels.lines().collect();
    assert_eq!(rows[0], "file,class,patient,item,confirmed");
    assert_eq!(rows[1], "images/0001.nii.gz,benign,1,1,agreed");
    assert_eq!(rows[5], "images/0005.nii.gz,malignant,2,5,adjudicated");
    assert_eq!(
        (rows.len(), text("left-out.csv").lines().nth(1)),
        (6, Some("6,\"1 of 2 have answered it, 1 skipped it\""))
    );
    assert!(text("recipe.toml").contains("classes = [\"benign\", \"malignant\"]"));
    assert!(
        text("SOURCE.md").contains("radiologist and researcher on 5 items: the same on 80.0 %"),
        "{}",
        text("SOURCE.md")
    );
    for (name, content) in &files {
        let content = String::from_utf8_lossy(content);
        assert!(!content.contains("Doe") && !content.contains("1.2.840"), "{name}");
    }
    let closed = post(&site, &format!("/{id}/state"), 0, &manager, &json!({ "state": "closed" }));
    assert_eq!((closed.0, &closed.2["state"]), (200, &json!("closed")));
    assert_eq!(post(&site, &format!("/{id}/items/1/answer"), 1, &reader, &answer("benign")).0, 409);
    // The log says who made, saw, answered, decided and exported.
    let log = site.folder.path().join("audit");
    for (action, least) in [
        (Action::AnnotationChanged, 2),
        (Action::AnnotationSeen, 2),
        (Action::AnnotationMade, 12),
        (Action::AnnotationDecided, 1),
        (Action::AnnotationExported, 1),
    ] {
        let found = entries(&log, &Filter { action: Some(action), ..Filter::default() }).expect("entries");
        assert!(found.len() >= least, "{}: {}", action.name(), found.len());
    }
    assert!(verify(&log, Some(&key())).expect("a verdict").flaws.is_empty());
    assert!(site.store.check(false).expect("checked").is_sound());
}

fn get_status(site: &Site, path: &str, heads: &str) -> u16 {
    ask(site, &format!("GET /api/annotations{path}"), heads, &Value::Null).0
}

#[test]
fn only_those_with_a_part_in_a_project_find_it() {
    let site = guarded_with(Entity::default(), |settings| settings);
    filled(&site);
    let names = ["administrator", "radiologist", "researcher", "viewer", "technologist"];
    let [manager, reader, researcher, viewer, technologist] = names.map(|name| session(&site, name));
    let own = json!({ "annotators": ["researcher"], "adjudicators": [] });
    let mut asked = project();
    asked.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
    let (status, _, made) = post(&site, "", 0, &researcher, &asked);
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("a name").to_owned();
    for (heads, expected) in [(&reader, 404), (&viewer, 403), (&technologist, 403), (&manager, 200)] {
        assert_eq!(get_status(&site, &format!("/{id}"), heads), expected);
    }
    assert_eq!(get(&site, "", &reader)["projects"], json!([]));
    assert_eq!(get(&site, "", &reader)["may_make"], false);
    assert_eq!(post(&site, "", 0, &reader, &project()).0, 403);
    // Who makes projects and sees no study sees no image of them.
    assert_eq!(get_status(&site, &format!("/{id}/items/1/images"), &manager), 403);
    assert_eq!(get_status(&site, &format!("/{id}/items/1/images"), &researcher), 200);
    let start = |heads: &str| post(&site, &format!("/{id}/items/1/start"), 0, heads, &Value::Null).0;
    assert_eq!((start(&reader), start(&manager), start(&researcher)), (404, 403, 200));
    for (change, expected) in [
        (
            json!({ "annotators": ["nobody"] }),
            "annotators has \"nobody\", which is no account whose role holds annotation.make",
        ),
        (
            json!({ "annotators": ["viewer"] }),
            "annotators has \"viewer\", which is no account whose role holds annotation.make",
        ),
        (json!({ "title": "" }), "the title has 1 to 120 characters in one line"),
        (json!({ "annotators_per_item": 3 }), "annotators_per_item is 3, expected 1 to the 2 annotators"),
        (
            json!({ "search": { "level": "series", "modality": "MG" } }),
            "no item is named, and the search finds none that has images",
        ),
    ] {
        let mut asked = project();
        asked.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let (status, _, body) = post(&site, "", 0, &manager, &asked);
        assert_eq!((status, body["error"].as_str()), (422, Some(expected)));
    }
}

#[test]
fn outlines_and_segmentations_are_compared_and_become_masks() {
    let site = served(Entity::default());
    let phantom = CtPhantom { columns: 32, rows: 32, slices: 4, noise_hu: 0.0, ..Default::default() };
    let files: Vec<Vec<u8>> =
        (0..4).map(|number| part_10(phantom.slice_object(number)).expect("written")).collect();
    files.iter().for_each(|file| keep(&site, file));
    let asked = json!({
        "title": "Lesions",
        "question": { "kind": "outline", "structures": [{ "key": "lesion", "name": "Lesion", "abnormal": true }] },
        "search": { "level": "series" },
    });
    let (status, _, made) = post(&site, "", 0, "", &asked);
    assert_eq!((status, &made["annotators"]), (201, &json!(["anyone"])), "{made}");
    let id = made["id"].as_str().expect("a name").to_owned();
    // Contours of 10 x 10 pixels on one image.
    let square = json!([[4.5, 4.5], [14.5, 4.5], [14.5, 14.5], [4.5, 14.5]]);
    let given =
        json!({ "answer": { "outlines": [{ "image": 2, "structure": "lesion", "contours": [square] }] } });
    let place = format!("/{id}/items/1/answer");
    let (status, _, body) = post(&site, &place, 0, "", &given);
    assert_eq!(status, 200, "{body}");
    let beyond =
        json!({ "answer": { "outlines": [{ "image": 5, "structure": "lesion", "contours": [square] }] } });
    assert_eq!(post(&site, &place, 1, "", &beyond).0, 422);
    // The same as a segmentation in the study, with a segment of that name.
    let slices: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    let reference = references_of_bytes(&slices, &wilhelm_formats::Limits::default()).expect("references");
    let grid = *reference.geometry().expect("a grid");
    let labels = (0..grid.voxels())
        .map(|at| {
            u16::from((5..15).contains(&(at % 32)) && (5..15).contains(&(at / 32 % 32)) && at / 1024 == 1)
        })
        .collect();
    let lesion = Segment::abnormality("lesion", CodedConcept::new("SCT", "52988006", "Lesion"), "test");
    let map = LabelMap::new(grid, labels, BTreeMap::from([(1, lesion)])).expect("labels");
    let imprint = Imprint::new("segmentation", Stamp::new(7, "20260131", "120000").expect("a stamp"));
    let written = label_segmentation(&map, LabelCoding::Binary, Placement::OnSource, &reference, &imprint);
    let written = written.expect("an object");
    keep(&site, &written.bytes);
    let uid = written.sop_instance.as_str();
    let (status, _, body) = post(&site, &place, 1, "", &json!({ "segmentation": uid }));
    assert_eq!((status, &body["version"]), (200, &json!(2)), "{body}");
    let kept = get(&site, &format!("/{id}/items/1"), "");
    let outline = &kept["answer"]["answer"]["outlines"][0];
    assert_eq!(outline["runs"].as_array().map(Vec::len), Some(10), "{kept}");
    assert_eq!(outline["runs"][0], json!([5 * 32 + 5, 10]));
    // The mask lies where the volume does.
    let (status, _, bytes) =
        site.request(&format!("GET /api/annotations/{id}/training-set\nHost: localhost"), b"");
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&bytes));
    let files = unzipped(&bytes);
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str| {
        let path = folder.path().join(name.rsplit('/').next().expect("a name"));
        std::fs::write(&path, &files[name]).expect("written");
        path
    };
    let mask = wilhelm_formats::read_label_map(&of("masks/0001.nii.gz"), &wilhelm_formats::Limits::default());
    let mask = mask.expect("a label map");
    assert_eq!(mask.mask(1).count(), 100);
    assert!(mask.geometry().is_same_grid(&grid), "{:?} {grid:?}", mask.geometry());
    let text = String::from_utf8(files["masks.csv"].clone()).expect("text");
    assert_eq!(text.lines().nth(1), Some("images/0001.nii.gz,masks/0001.nii.gz,1,1,single"));
    assert!(String::from_utf8_lossy(&files["recipe.toml"]).contains("quantity = \"hounsfield\""));
}

#[test]
fn a_ranking_puts_items_in_its_order_with_its_scores() {
    let site = served(Entity::default());
    filled(&site);
    let mut asked = project();
    for key in ["annotators", "adjudicators"] {
        asked.as_object_mut().expect("an object").remove(key);
    }
    let (status, _, made) = post(&site, "", 0, "", &asked);
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("a name").to_owned();
    let (status, _, bytes) =
        site.request(&format!("GET /api/annotations/{id}/unlabeled-images\nHost: localhost"), b"");
    assert_eq!(status, 200);
    let files = unzipped(&bytes);
    assert!(files.contains_key("images/0006.nii.gz") && files.contains_key("items.csv"));
    let table = "order,image,reason,entropy,score\n1,images/0004.nii.gz,most even,0.69,\n2,images/0002.nii.gz,,0.5,\n";
    let head = format!("PUT /api/annotations/{id}/order\nHost: localhost\nContent-Type: text/csv");
    let (status, _, body) = site.request(&head, table.as_bytes());
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let order = |path: &str| -> Vec<u64> {
        let tasks = get(&site, path, "");
        tasks["tasks"]
            .as_array()
            .expect("tasks")
            .iter()
            .map(|task| task["item"].as_u64().expect("a number"))
            .collect()
    };
    let place = format!("/{id}/tasks");
    assert_eq!(order(&place), [4, 2, 1, 3, 5, 6]);
    let first = &get(&site, &place, "")["tasks"][0];
    assert_eq!((&first["score"], &first["reason"]), (&json!(0.69), &json!("most even")));
    let put = |body: Value| ask(&site, &format!("PUT /api/annotations/{id}/order"), "", &body).0;
    assert_eq!(put(json!({ "order": "random", "seed": 3 })), 200);
    let drawn = order(&place);
    assert_eq!(put(json!({ "order": "random", "seed": 3 })), 200);
    assert_eq!(order(&place), drawn, "the same seed, the same order");
    assert_eq!((put(json!({ "order": "given" })), order(&place)), (200, vec![1, 2, 3, 4, 5, 6]));
    assert_eq!(put(json!({ "ranking": [{ "item": 9 }] })), 422);
    assert_eq!(put(json!({ "order": "alphabetical" })), 422);
}
