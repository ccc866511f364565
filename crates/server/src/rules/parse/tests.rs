use super::*;
use crate::dimse::Peer;

fn reach() -> Reach {
    let peer = Peer { ae_title: "PACS".to_owned(), host: "192.0.2.7".to_owned(), port: 104 };
    let web = vec!["https://pacs.example/dicom-web".to_owned()];
    Reach { peers: vec![peer], notify: vec!["http://192.0.2.8/hook".to_owned()], web }
}

const WHOLE: &str = r#"
[[rule]]
name = "chest"
when = { modality = ["CT", "DX"], body_part = "CHEST", description = "*thorax*", calling_ae = "CT1", min_instances = 20 }
after_quiet_seconds = 120
do = [{ read = {} }, { send = { to = "PACS@192.0.2.7:104" } }, { send_web = { to = "https://pacs.example/dicom-web" } }, { deidentify_and_send = { to = "PACS@192.0.2.7:104" } }, { deidentify_and_send = { to = "https://pacs.example/dicom-web" } }, { notify = { url = "http://127.0.0.1:9000/x" } }]

[[rule]]
name = "all"
enabled = false
once = true
after_quiet_seconds = 1
do = [{ notify = { url = "http://192.0.2.8/hook" } }]
"#;

#[test]
fn a_whole_file_is_read() {
    let rules = Rules::parse(WHOLE, &reach()).expect("rules").rules;
    assert_eq!(rules.len(), 2);
    assert_eq!(
        rules[0].then.iter().map(Do::kind).collect::<Vec<_>>(),
        ["read", "send", "send-web", "send", "send-web", "notify"]
    );
    assert_eq!(rules[0].when.modality, ["CT", "DX"]);
    assert!(rules[0].enabled && !rules[0].once && !rules[1].enabled && rules[1].once);
    assert_eq!(rules[1].when, When::default());
    assert_eq!(
        rules[0].when_words(),
        "modality CT or DX, body part CHEST, sent by CT1, description like *thorax*, 20 objects at least, 120 s after its last object"
    );
    let jobs = rules[0].jobs("1.2.3", 1);
    assert_eq!(jobs[1].by, "rule chest");
    assert_eq!(jobs[1].details["to"], "PACS@192.0.2.7:104");
    assert_eq!(jobs[2].details, serde_json::json!({ "to": "https://pacs.example/dicom-web" }));
    assert_eq!(jobs[3].details["deidentify"], true);
    assert_ne!(jobs[1].key, jobs[3].key, "one with the patient and one without are two");
    assert_eq!(Rules::parse("", &reach()).expect("none").rules.len(), 0);
}

#[test]
fn the_example_is_what_it_says() {
    let text = include_str!("../../../../../config/rules.example.toml");
    let peer =
        |ae_title: &str, host: &str| Peer { ae_title: ae_title.to_owned(), host: host.to_owned(), port: 104 };
    let peers = vec![peer("NEURO", "192.0.2.7"), peer("ARCHIVE", "192.0.2.8")];
    let rules = Rules::parse(
        text,
        &Reach { peers, web: vec!["https://second.example/dicom-web".to_owned()], ..Reach::default() },
    )
    .expect("rules")
    .rules;
    let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["chest films", "head CT to neurology", "long term", "trial", "second reading"]);
    assert_eq!(rules[1].then_words(), "send to NEURO@192.0.2.7:104, notify http://127.0.0.1:9000/studies");
    assert!(rules[2].once && !rules[2].enabled);
    assert_eq!(rules[3].then_words(), "de-identify and send to ARCHIVE@192.0.2.8:104");
    assert_eq!(rules[4].then_words(), "send to https://second.example/dicom-web");
}

#[test]
fn a_mistake_is_named_with_its_line_and_key() {
    let base = "[[rule]]\nname = \"a\"\nafter_quiet_seconds = 9\n";
    let read = "do = [{ read = {} }]\n";
    for (text, line, key, words) in [
        (format!("{base}{read}wen = {{}}\n"), 5, "rule.wen", "expected name, enabled, when"),
        (format!("{base}{read}when = {{ modalty = \"CT\" }}\n"), 5, "rule.when.modalty", "no such key"),
        (format!("{base}{read}when = {{ modality = 7 }}\n"), 5, "rule.when.modality", "a list"),
        (format!("{base}{read}when = {{ modality = [] }}\n"), 5, "rule.when.modality", "0 entries"),
        (format!("{base}{read}when = {{ min_instances = 0 }}\n"), 5, "rule.when.min_instances", "found 0"),
        (
            format!("{base}{read}when = {{ description_matches = \"(\" }}\n"),
            5,
            "rule.when.description_matches",
            "unclosed",
        ),
        (
            format!("{base}{read}when = {{ description_matches = \"(a{{500}}){{500}}\" }}\n"),
            5,
            "rule.when.description_matches",
            "shorter",
        ),
        (format!("{base}do = []\n"), 4, "rule.do", "0 entries"),
        (
            format!("{base}do = [{{ reed = {{}} }}]\n"),
            4,
            "rule.do.reed",
            "read, send, send_web, deidentify_and_send, notify",
        ),
        (format!("{base}do = [{{ read = {{ model = 1 }} }}]\n"), 4, "rule.do.read.model", "no such key"),
        (format!("{base}do = [{{ read = {{}}, send = {{}} }}]\n"), 4, "rule.do", "2 keys"),
        (
            format!("{base}do = [{{ send = {{ to = \"X@192.0.2.9:104\" }} }}]\n"),
            4,
            "rule.do.send.to",
            "PACS@192.0.2.7:104",
        ),
        (
            format!("{base}do = [{{ send = {{ to = \"https://x/dicom-web\" }} }}]\n"),
            4,
            "rule.do.send.to",
            "server.web_peers lists (https://pacs.example/dicom-web)",
        ),
        (
            format!("{base}do = [{{ deidentify_and_send = {{ to = \"x\" }} }}]\n"),
            4,
            "rule.do.deidentify_and_send.to",
            "server.peers lists",
        ),
        (
            format!("{base}do = [{{ send = {{ to = \"https://pacs.example/dicom-web\" }} }}]\n"),
            4,
            "rule.do.send.to",
            "by send_web",
        ),
        (
            format!("{base}do = [{{ send_web = {{ to = \"PACS@192.0.2.7:104\" }} }}]\n"),
            4,
            "rule.do.send_web.to",
            "by send = ",
        ),
        (
            format!("{base}do = [{{ send_web = {{ to = \"http://pacs.example/dicom-web\" }} }}]\n"),
            4,
            "rule.do.send_web.to",
            "wants https",
        ),
        (
            format!("{base}do = [{{ notify = {{ url = \"http://192.0.2.9/\" }} }}]\n"),
            4,
            "rule.do.notify.url",
            "server.notify",
        ),
        (format!("{base}{base}"), 1, "rule.do", "missing"),
        (format!("{base}{read}\n{base}{read}"), 6, "rule.name", "two rules"),
        (base.replace('9', "0"), 3, "rule.after_quiet_seconds", "found 0"),
        (base.replace("\"a\"", "\"a/b\""), 2, "rule.name", "another sign"),
        ("[rule]\nname = \"a\"\n".to_owned(), 1, "rule", "[[rule]]"),
        ("x = 1\n".to_owned(), 1, "x", "expected rule"),
        ("\n[[rule]\n".to_owned(), 2, "file", ""),
    ] {
        let wrong = Rules::parse(&text, &reach()).expect_err(&text);
        assert_eq!((wrong.line, wrong.key.as_str()), (line, key), "{wrong}\n{text}");
        assert!(wrong.message.contains(words), "{wrong}");
    }
}

#[test]
fn whatever_is_cut_or_changed_is_read_or_refused() {
    for end in 0..WHOLE.len() {
        let _ = Rules::parse(&WHOLE[..end], &reach());
        for other in ["\"", "\\", "[", "}", "=", "\n", "9", "\u{fc}", "\0"] {
            let changed = format!("{}{other}{}", &WHOLE[..end], &WHOLE[end + 1..]);
            if let Err(wrong) = Rules::parse(&changed, &reach()) {
                assert!(wrong.line >= 1 && wrong.line <= changed.lines().count() + 1, "{wrong}");
            }
        }
    }
}
