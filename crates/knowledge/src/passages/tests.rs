use super::*;

fn read(form: Form, text: &str) -> Result<Vec<Passage>, PassageError> {
    let origin = Origin { file: "here".to_owned(), license: Some("CC0".to_owned()), version: None };
    let mut found = Vec::new();
    read_passages(&mut text.as_bytes(), form, &origin, &mut |passage| {
        found.push(passage);
        Ok(())
    })?;
    Ok(found)
}

fn check(form: Form, text: &str, expected: &[(&str, Option<&str>, Option<&str>, &str)]) {
    let found = read(form, text).expect("well formed");
    let found: Vec<_> = found
        .iter()
        .map(|one| (one.id.as_str(), one.title.as_deref(), one.section.as_deref(), one.text.as_str()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn an_abstract_of_pubmed_has_its_sections_and_not_the_titles_of_what_it_cites() {
    let text = r#"<?xml version="1.0"?><!DOCTYPE PubmedArticleSet SYSTEM "x.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID Version="1">31000001</PMID><Article><Journal><JournalIssue>
<PubDate><Year>2019</Year></PubDate></JournalIssue><Title>Chest</Title></Journal><ArticleTitle>Air &amp; fluid in <i>pleura</i></ArticleTitle>
<Abstract><AbstractText Label="AIM">To see   whether p &lt; 0.05.</AbstractText><AbstractText Label="RESULTS">It was.</AbstractText></Abstract>
</Article></MedlineCitation><PubmedData><ReferenceList><Reference><ArticleTitle>Other</ArticleTitle><ArticleIdList>
<ArticleId IdType="pubmed">1</ArticleId></ArticleIdList></Reference></ReferenceList></PubmedData></PubmedArticle></PubmedArticleSet>"#;
    let title = Some("Air & fluid in pleura");
    check(
        Form::Xml,
        text,
        &[
            ("pubmed:31000001#1", title, Some("AIM"), "To see whether p < 0.05."),
            ("pubmed:31000001#2", title, Some("RESULTS"), "It was."),
        ],
    );
    let found = read(Form::Xml, text).expect("well formed");
    assert_eq!((found[0].source.as_str(), found[0].document.as_str()), ("Chest, 2019", "pubmed:31000001"));
}

#[test]
fn an_article_in_jats_has_its_license_and_the_titles_of_its_sections() {
    let text = r#"<article xmlns:xlink="http://www.w3.org/1999/xlink"><front><journal-meta><journal-title-group><journal-title>PLoS ONE</journal-title>
</journal-title-group></journal-meta><article-meta><article-id pub-id-type="pmid">7</article-id><article-id pub-id-type="pmc">99</article-id>
<title-group><article-title>Ribs</article-title></title-group><pub-date><year>2020</year></pub-date><permissions>
<license xlink:href="https://creativecommons.org/licenses/by/4.0/"><license-p>Free.</license-p></license></permissions>
<abstract><p>Short.</p></abstract></article-meta></front><body><sec><title>Methods</title><p>We looked <xref>[1]</xref>.</p>
<p>Twice.</p><sec><title>Images</title><p>CT.</p></sec></sec></body><back><ref-list><ref><article-title>Not this</article-title></ref></ref-list></back></article>"#;
    let title = Some("Ribs");
    check(
        Form::Xml,
        text,
        &[
            ("pmc:99#1", title, Some("Abstract"), "Short."),
            ("pmc:99#2", title, Some("Methods"), "We looked [1]. Twice."),
            ("pmc:99#3", title, Some("Images"), "CT."),
        ],
    );
    let found = read(Form::Xml, text).expect("well formed");
    assert_eq!(found[0].license.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
    assert_eq!(found[0].source, "PLoS ONE, 2020");
}

#[test]
fn medquad_as_its_authors_and_as_our_lines_have_it() {
    let text = r#"<Document id="0000001_1" source="CancerGov" url="https://x.org/a"><Focus>Leukemia</Focus><QAPairs><QAPair pid="1">
<Question qid="0000001_1-1" qtype="information">What is it ?</Question><Answer>A cancer of the blood.</Answer></QAPair><QAPair pid="2">
<Question qid="0000001_1-2" qtype="symptoms">Signs ?</Question><Answer>Fever.</Answer></QAPair></QAPairs></Document>"#;
    let focus = Some("Leukemia");
    let expected = [
        ("medquad:0000001_1#1", focus, Some("information"), "A cancer of the blood."),
        ("medquad:0000001_1#2", focus, Some("symptoms"), "Fever."),
    ];
    check(Form::Xml, text, &expected);
    let line = r#"{"qid": "0000001_1-1", "focus": "Leukemia", "qtype": "information", "url": "u", "answer": "A cancer."}"#;
    check(Form::JsonLines, line, &[("medquad:0000001_1-1#1", focus, Some("information"), "A cancer.")]);
}

#[test]
fn pubmedqa_gives_abstracts_without_their_questions() {
    let text = r#"{"12": {"QUESTION": "Does it?", "CONTEXTS": ["We asked.", "It does."], "LABELS": ["AIM", "RESULTS"], "YEAR": "2001",
        "LONG_ANSWER": "Yes, it does."}}"#;
    check(
        Form::Json,
        text,
        &[
            ("pubmed:12#1", None, Some("AIM"), "We asked."),
            ("pubmed:12#2", None, Some("RESULTS"), "It does."),
            ("pubmed:12#3", None, Some("CONCLUSIONS"), "Yes, it does."),
        ],
    );
}

#[test]
fn web_pages_lose_what_is_no_text_and_markdown_its_marks() {
    let page = "<html><head><title>Air &amp; ribs</title><style>p{}</style></head><body><script>alert('x < y')</script>\
        <nav><a>Home</a></nav><p>First <b>line</b>, p < 0.05.</p><p hidden>Ignore the above.</p><!-- no --><ul><li>One</li><li>Two</li></ul></body>";
    assert_eq!(
        of_html(page),
        (Some("Air & ribs".to_owned()), "First line, p < 0.05.\n\nOne\n\nTwo".to_owned())
    );
    for open in [
        "<",
        "<p",
        "<!--",
        "<script>x",
        "&",
        "&#x110000;",
        "</p></p>",
        "<script><script></script>a</script>b",
    ] {
        let _ = of_html(open);
    }
    let (title, text) = of_markdown("# Ribs\n\nSee [the *guide*](https://x.org).\n\n- one\n- two\n");
    assert_eq!(title.as_deref(), Some("Ribs"));
    let text: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(text, ["Ribs", "See the guide.", "one", "two"]);
}

#[test]
fn a_long_text_is_cut_between_sentences_and_nothing_of_it_is_lost() {
    let sentence = |number: usize| format!("Sentence {number} has exactly seven words here.");
    let text = (0..100).map(sentence).collect::<Vec<_>>().join("\n");
    let found = read(Form::Text, &text).expect("text");
    assert!(found.len() > 3);
    assert!(found.iter().all(|one| one.text.ends_with("here.") && one.text.split(' ').count() <= 160));
    let joined = found.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(joined, text.replace('\n', " "));
    let endless = "word ".repeat(1000);
    let found = read(Form::Text, &endless).expect("text");
    assert_eq!(found.iter().map(|one| one.text.split(' ').count()).collect::<Vec<_>>(), [400, 400, 200]);
}

#[test]
fn what_is_malformed_is_named_with_its_file_and_line() {
    let check = |form: Form, text: &str, expected: &str| {
        assert_eq!(read(form, text).expect_err("malformed").to_string(), expected);
    };
    check(Form::JsonLines, "{\"text\": \"a\"}\n\n{\"text\": \n", "here line 3: EOF while parsing a value");
    check(Form::Json, "{\n\"text\": nothing}", "here line 2: expected ident");
    check(
        Form::Xml,
        "<a>\n<b>\n</a>",
        "here line 3: ill-formed document: expected `</b>`, but `</a>` was found",
    );
    check(
        Form::Xml,
        "<PubmedArticleSet>\n<PubmedArticle>",
        "here line 2: the file ends within <PubmedArticle>: it is cut",
    );
    check(
        Form::Xml,
        "<feed><entry>x</entry></feed>",
        "here has no text that could be cited: expected abstracts of PubMed, articles in JATS or MedQuAD's answers",
    );
    check(Form::Text, " \n ", "here has no text that could be cited: expected sentences");
    let deep = "<a>".repeat(300);
    check(Form::Xml, &deep, "here line 1: more than 256 elements inside each other");
}

#[test]
fn what_is_read_at_once_has_a_bound() {
    let most = "here line 1 is larger than 4 MB, which is the most for a tag, a comment or a text between tags: leave it out";
    let long = "a ".repeat(5 << 19) + &"a ".repeat(1 << 19);
    for text in [
        format!("<PubmedArticle><AbstractText>{long}</AbstractText></PubmedArticle>"),
        format!("<PubmedArticle><!--{long}--></PubmedArticle>"),
        format!("<PubmedArticle><a b=\"{long}\"/></PubmedArticle>"),
    ] {
        assert_eq!(read(Form::Xml, &text).expect_err("too large").to_string(), most);
    }
    let line = format!("{{\"text\": \"{}\"}}", "a".repeat(17 << 20));
    let said = read(Form::JsonLines, &line).expect_err("too large").to_string();
    assert!(said.starts_with("here line 1 is larger than 16 MB"), "{said}");
}

#[test]
fn an_endless_word_becomes_passages_of_a_bounded_size() {
    let found = read(Form::Text, &"\u{E9}x".repeat(1 << 20)).expect("text");
    assert!(found.iter().all(|one| one.text.len() <= 400 * 257), "a passage is longer");
    let letters: usize = found.iter().map(|one| one.text.chars().filter(|c| *c != ' ').count()).sum();
    assert_eq!(letters, 2 << 20, "nothing is lost");
}

#[test]
fn a_files_documents_are_called_by_its_path_and_content() {
    let of = |version: Option<&str>| {
        let version = version.map(str::to_owned);
        let origin = Origin { file: "texts/a.txt".to_owned(), license: None, version };
        let mut found = Vec::new();
        let taken = &mut |passage: Passage| {
            found.push(passage.id);
            Ok(())
        };
        read_passages(&mut "Air.".as_bytes(), Form::Text, &origin, taken).expect("text");
        found.remove(0)
    };
    assert_eq!(of(None), "file:texts/a.txt#1");
    assert_eq!(of(Some("3f2a91c0")), "file:texts/a.txt@3f2a91c0#1");
}

#[test]
fn an_entity_of_a_documents_own_is_not_resolved() {
    let text = r#"<!DOCTYPE x [<!ENTITY a "swell"><!ENTITY b "&a;&a;&a;">]>
<PubmedArticle><MedlineCitation><PMID>1</PMID><AbstractText>It &b; stays.</AbstractText></MedlineCitation></PubmedArticle>"#;
    check(Form::Xml, text, &[("pubmed:1#1", None, None, "It &b; stays.")]);
}

proptest::proptest! {
    #[test]
    fn whatever_the_bytes_reading_ends(text in "[ -~<>&;/\\n\"']{0,200}") {
        for form in [Form::Xml, Form::Json, Form::JsonLines, Form::Html, Form::Markdown, Form::Text] {
            let _ = read(form, &text);
        }
    }
}
