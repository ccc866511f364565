//! Claims of change and of counts by hand, in both languages.

use wilhelm_report::{Case, Claim, GroundContext, example, ground, same_meaning, write};

fn check(case: &Case, right: &[&str], wrong: &[&str]) {
    let report = write(case);
    report.check().unwrap();
    let context = GroundContext::of(&report);
    for sentence in right {
        let verdict = ground(sentence, &context);
        assert!(verdict.accepted, "{sentence}: {}", verdict.reason);
    }
    for sentence in wrong {
        let verdict = ground(sentence, &context);
        assert!(!verdict.accepted, "{sentence}: {}", verdict.reason);
        let replaced = report.sentences().find(|(_, s)| same_meaning(&s.claim, sentence, &context).accepted);
        assert!(replaced.is_none(), "{sentence}");
    }
}

#[test]
fn a_change_is_what_the_two_examinations_say() {
    let wrong = [
        "Left renal cyst is stable in size.",
        "Left renal cyst has shrunk.",
        "Left renal cyst is new.",
        "Left renal cyst is no longer seen.",
        "Right renal cyst has grown.",
        "Renal cyst has grown.",
        "Left renal cyst has not grown.",
        "Left renal cyst has probably grown.",
        "Left renal cyst has increased in size from 23 mm to 17 mm.",
        "Left renal cyst has increased in size from 15 mm to 23 mm.",
        "Left renal cyst has increased in size from 17 cm to 23 cm.",
        "Left renal cyst has grown: greatest diameter 23 mm before, 17 mm now.",
        "Left renal cyst has grown: smallest diameter 23 mm now, 17 mm before.",
        "Left renal cyst has grown: greatest diameter 23 mm now.",
        "Left renal cyst has grown and hydronephrosis is new.",
        "Hydronephrosis has grown.",
        "左肾囊肿较前缩小。",
        "左肾囊肿大小较前无明显变化。",
        "新发左肾囊肿。",
        "右肾囊肿较前增大。",
        "肾囊肿较前增大。",
        "左肾囊肿未见增大。",
        "左肾囊肿可能较前增大。",
        "左肾囊肿较前增大，最大径由23mm增至17mm。",
        "左肾囊肿较前增大，最大径由15mm增至23mm。",
        "左肾囊肿较前增大，最大径由17cm增至23cm。",
        "左肾囊肿较前增大，最小径由17mm增至23mm。",
        "肾积水较前增大。",
        "左肾囊肿较前增大，建议随访。",
    ];
    let right = [
        "Left renal cyst has grown: greatest diameter 23 mm now, 17 mm before.",
        "The left renal cyst has grown since the prior examination.",
        "The left renal cyst has increased in size from 17 mm to 23 mm.",
        "Compared with the prior examination, the left renal cyst is larger: greatest diameter 2.3 cm, previously 1.7 cm.",
        "左肾囊肿较前增大。",
        "左肾囊肿较前增大，最大径由17mm增至23mm。",
        "与前次检查相比，左肾囊肿增大，最大径现为23毫米，原为17毫米。",
        "左肾囊肿增大，最大径从1.7cm增至2.3cm。",
    ];
    check(&example::follow_up(17.0), &right, &wrong);
    check(
        &example::follow_up(20.0),
        &["Left renal cyst is stable in size.", "左肾囊肿大小较前无明显变化。"],
        &right,
    );
    check(
        &example::follow_up(40.0),
        &["Left renal cyst has shrunk.", "左肾囊肿较前缩小，最大径由40mm缩至23mm。"],
        &right,
    );
    // Without an earlier examination no change is claimed.
    check(&example::abdomen(), &[], &right);
    check(&example::abdomen(), &[], &wrong);
}

#[test]
fn another_claim_of_change_does_not_stand_in_for_a_sentence() {
    let report = write(&example::follow_up(17.0));
    let context = GroundContext::of(&report);
    let (_, sentence) = report.sentences().find(|(_, s)| matches!(s.claim, Claim::Change { .. })).unwrap();
    assert!(same_meaning(&sentence.claim, "左肾囊肿较前增大，最大径由17mm增至23mm。", &context).accepted);
    // Without its numbers it says less.
    assert!(!same_meaning(&sentence.claim, "左肾囊肿较前增大。", &context).accepted);
}

#[test]
fn a_count_is_that_of_the_finding() {
    let right = [
        "There are two left pulmonary nodules, greatest diameter 9 mm.",
        "2 left pulmonary nodules are seen.",
        "Left pulmonary nodule, count 2.",
        "左肺两枚结节，最大径9mm。",
        "左肺可见2个结节。",
        "左肺结节，数目2，最大径9mm。",
    ];
    let wrong = [
        "There are three left pulmonary nodules.",
        "One left pulmonary nodule is seen.",
        "Left pulmonary nodules are seen.",
        "Left pulmonary nodule, count 3.",
        "左肺三枚结节，最大径9mm。",
        "左肺可见3个结节。",
        "左肺多发结节。",
        "左肺单个结节。",
    ];
    check(&example::nodules(), &right, &wrong);
    check(&example::chest_ct(), &[], &right);
}
