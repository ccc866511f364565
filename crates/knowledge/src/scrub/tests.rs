use super::*;

fn check(text: &str, expected: &str) {
    let known = KnownValues::default().with_name("Doe-Miller^Jane Ann").with_value("PX-77/1");
    let found = scrub(text, &known);
    assert_eq!(found.text, expected);
    for passage in &found.removed {
        assert!(text.get(passage.at.clone()).is_some_and(|gone| !gone.is_empty()), "{passage:?}");
    }
}

#[test]
fn known_values_go_wherever_they_stand() {
    check("JANE has a mass; doe's mother.", "[name] has a mass; [name]'s mother.");
    check("Doe-Miller, Jane: px-77/1.", "[name]: [number].");
    check("Does the janet Annex fit?", "Does the janet Annex fit?");
}

#[test]
fn days_go_and_years_stay() {
    check("Seen 2021-03-04 and 3/4/21, 04.03.2021, 20210304.", "Seen [date] and [date], [date], [date].");
    check("On 3 March 2021, March 3, 2021 and the 3rd of March.", "On [date], [date] and the [date].");
    check(
        "Since 3/14 worse; in March 2021 and 2019 stable.",
        "Since [date] worse; in March 2021 and 2019 stable.",
    );
    check("At 2021-03-04T10:20 and 3-Mar-2021.", "At [date] and [date].");
    check("am 3. Mai 2020 aufgenommen", "am [date] aufgenommen");
}

#[test]
fn measurements_are_no_dates_and_no_numbers_of_persons() {
    for text in [
        "Strength 5/5, BP 120/80 mmHg, SpO2 98 %, 1/2 tablet.",
        "A nodule of 8 x 6 x 5 mm, SUV 12.5, L4/5 disc, T2/FLAIR.",
        "Platelets 250000 /ul, dose 1250000 units, HbA1c 6.5-7.0 %.",
        "There may be 2 lesions; CT of the chest; C5-C6, Th12.",
        "the probability is 93 % (95 % interval 89 to 97 %).",
        "An 89-year-old with 90 mg daily; Child-Pugh B; BI-RADS 4.",
        "WBC 11.2, CRP 110, Na 138, sizes 10 20 30 mm.",
        "No mass. Right lower lobe. Dr. to review.",
    ] {
        check(text, text);
    }
}

#[test]
fn telephones_links_and_numbers_go() {
    check("Call (617) 555-0123 or +49 89 123 4567.", "Call [phone] or [phone].");
    check("Tel. 555-0199, ext 4471; fax: 617.555.0123", "Tel. [phone], ext [phone]; fax: [phone]");
    check("Mail jane@example.org, https://a.example/x", "Mail [link], [link]");
    check(
        "MRN 4471-22, SSN 123-45-6789, ID: A12345, case no. 881",
        "MRN [number], SSN [number], ID: [number], case no. [number]",
    );
    check("MRN:447122 and #99123 and 12345678", "MRN:[number] and #[number] and [number]");
}

#[test]
fn addresses_go_and_scans_stay() {
    check("Lives at 12 North Elm Street Apt 4, Boston, MA 02115.", "Lives at [address].");
    check("of 4 Rose Ct, seen by CT", "of [address], seen by CT");
    check("wohnt Hauptstraße 12a, 80331 München", "wohnt [address]");
    check("at SW1A 1AA; PO Box 551", "at [address]; PO [address]");
    check("She lives in New Haven with 2 cats.", "She lives in [address] with 2 cats.");
    check("2 Chest CT and 3 Views Of Abdomen", "2 Chest CT and 3 Views Of Abdomen");
}

#[test]
fn announced_names_go() {
    check("Seen by Dr. A. Smith-Jones and Prof. van der Berg.", "Seen by Dr. [name] and Prof. [name].");
    check("Signed: Mary O'Neil, MD", "Signed: [name], MD");
    check("His wife Anna called. Patient: Roe, Max", "His wife [name] called. Patient: [name]");
    check("ROE^MAX was read by R. Miller RN.", "[name] was read by [name] RN.");
    check("The patient Denies pain. Patient has No fever.", "The patient Denies pain. Patient has No fever.");
}

#[test]
fn ages_above_89_go() {
    check(
        "A 92-year-old, aged 93, 94 years old, 91 yo.",
        "A [above 89]-year-old, aged [above 89], [above 89] years old, [above 89] yo.",
    );
}

#[test]
fn a_scrubbed_text_is_not_changed_again_and_nothing_panics() {
    let known = KnownValues::default().with_name("\u{130}k\u{131}^\u{df}x").with_value("a\u{301}b");
    for text in [
        "",
        " ",
        "^^^",
        "Dr.",
        "Dr. ",
        "(((",
        "+",
        "\u{130}K\u{131} A\u{301}B",
        "by: by: by:",
        "12 ",
        "Mr ,",
        "box 1",
    ] {
        let once = scrub(text, &known).text;
        assert_eq!(scrub(&once, &known).text, once, "{text:?}");
    }
}

#[test]
fn known_values_are_never_printed() {
    assert_eq!(format!("{:?}", KnownValues::default().with_name("Doe").with_value("12345")), "<known>");
}
