//! The page as a text: what it carries, and that nothing in it can break out.

use std::fs;

use serde_json::{Value, json};

use crate::call::money::CostStatus;
use crate::call::record::Entry;
use crate::call::request::Message;
use crate::call::score::Score;
use crate::report::Report;
use crate::report::html::{BOUNDS, Bounds, HtmlPage};
use crate::report::table::read_rows;
use crate::store::RunDir;
use crate::store::journal::Journal;
use crate::store::testing;

/// What a page carries, and the page.
struct Page {
    text: String,
}

/// The page of a run with these outcomes.
fn page(entries: &[Entry], bounds: Bounds) -> Page {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nightly").join("20261122T020000Z-0000");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("journal.jsonl"), "").unwrap();
    Journal::open_append(path.join("journal.jsonl")).unwrap().append(entries).unwrap();
    let mut page = Box::new(HtmlPage::bounded(&path, bounds).unwrap());
    let run = RunDir::read(&path).unwrap();
    let summary = read_rows(&run, &mut |row| page.row(row).unwrap()).unwrap();
    page.finish(&summary).unwrap();
    let left: Vec<_> = fs::read_dir(&path).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the journal and the page: {left:?}");
    Page { text: fs::read_to_string(path.join("report.html")).unwrap() }
}

impl Page {
    fn block(&self, id: &str) -> Value {
        let (_, rest) = self.text.split_once(&format!("id=\"{id}\">")).expect("a block");
        serde_json::from_str(rest.split("</script>").next().unwrap()).expect("JSON")
    }
}

/// Two prompts to two models, one of which fails once.
fn entries() -> Vec<Entry> {
    let mut first = testing::ok(0, "2");
    first.record.scores.insert("right".to_owned(), Score::verdict(true));
    let mut second = testing::failed(1, "slow down");
    second.record.row = "1".to_owned();
    second.record.model = "haiku".into();
    second.record.variant = Some("top_p=0.5".into());
    let mut third = testing::ok(2, "</script><script>alert(1)</script>");
    third.record.row = "2".to_owned();
    third.record.messages = vec![Message::text("user", "<!--<script>\u{2028}`${x}`")];
    third.record.cost_usd = None;
    third.record.cost_status = CostStatus::UnknownPrice;
    third
        .record
        .scores
        .insert("right".to_owned(), Score::verdict(false).with_note("not </script>"));
    third.record.scores.insert("near".to_owned(), Score::of(0.25, None));
    vec![first, second, third]
}

#[test]
fn the_index_has_a_column_for_every_number() {
    let page = page(&entries(), BOUNDS);
    insta::assert_snapshot!("index", serde_json::to_string_pretty(&page.block("index")).unwrap());
    let texts = page.block("texts-0");
    assert_eq!(texts[0][0], json!([["user", "What is 1 + 1?"]]));
    assert_eq!(texts[0][1][0]["answer"], "2");
    assert_eq!(texts[0][1][1]["error"], "slow down");
    assert_eq!(texts[1][0], json!([["user", "<!--<script>\u{2028}`${x}`"]]));
    assert_eq!(texts[1][1][0]["answer"], "</script><script>alert(1)</script>");
    assert_eq!(texts[1][1][0]["notes"], json!({"right": "not </script>"}));
    assert_eq!(page.block("summary")["totals"]["tasks"], 3);
}

#[test]
fn no_text_of_a_run_is_markup() {
    let page = page(&entries(), BOUNDS);
    // Two scripts that run, the summary, the index and one block of texts; no other can come in.
    assert_eq!(page.text.matches("<script").count(), 5);
    assert_eq!(page.text.matches("</script").count(), 5);
    assert_eq!(page.text.matches("<!--").count(), 0);
    assert!(!page.text.contains(['\u{2028}', '\u{2029}']));
    for part in ["http-equiv=\"Content-Security-Policy\"", "default-src 'none'", "sha256-"] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains("unsafe") && !page.text.contains("sourceMappingURL"));
}

#[test]
fn a_prompt_is_kept_once_and_a_twin_of_its_name_apart() {
    let entry = |index: u64, row: &str, model: &str, asked: &str| {
        let mut entry = testing::ok(index, "x");
        entry.record.row = row.to_owned();
        entry.record.model = model.into();
        entry.record.messages = vec![Message::text("user", asked)];
        entry
    };
    let entries = [
        entry(0, "1", "a", "same"),
        entry(1, "1", "b", "same"),
        entry(2, "1", "a", "same"),
        entry(3, "1", "b", "another"),
        entry(4, "2", "a", "another"),
    ];
    let page = page(&entries, BOUNDS);
    assert_eq!(page.block("index")["groups"]["rows"], json!([2, 1, 1, 1]));
    assert_eq!(page.text.matches("same").count(), 2 + script_says("same"));
}

/// How often the page itself says a word, whatever it carries.
fn script_says(word: &str) -> usize {
    page(&[], BOUNDS).text.matches(word).count()
}

#[test]
fn what_is_too_much_for_a_browser_is_counted_and_left_out() {
    let long = "é".repeat(30);
    let entries: Vec<Entry> = (0..6).map(|index| testing::ok(index, &long)).collect();
    let some = Bounds { rows: 4, bytes: 300, characters: 10 };
    let page = page(&entries, some);
    let index = page.block("index");
    assert_eq!((&index["listed"], &index["left_out"]), (&json!(4), &json!(2)));
    assert_eq!(page.block("texts-0")[0][1][0]["answer"], json!(["é".repeat(10), 30]));
    let texts = page.block("texts-0");
    let held = texts.as_array().unwrap().iter().filter(|group| !group[1][0].is_null()).count();
    assert_eq!(index["without_texts"], 4 - held);
    assert!((1..4).contains(&held), "{held}");
    assert_eq!(page.block("summary")["totals"]["tasks"], 6, "the summary covers every row");
}

#[test]
fn texts_stand_in_blocks_that_are_read_one_by_one() {
    let long = "word ".repeat(4_000);
    let entries: Vec<Entry> = (0..40).map(|index| testing::ok(index, &long)).collect();
    let page = page(&entries, BOUNDS);
    let blocks = page.block("index")["blocks"].as_array().unwrap().clone();
    assert_eq!(blocks[0], 0);
    assert!(blocks.len() > 2, "{blocks:?}");
    let lengths =
        (0..blocks.len()).map(|nth| page.block(&format!("texts-{nth}")).as_array().unwrap().len());
    assert_eq!(lengths.sum::<usize>(), 40);
    assert_eq!(
        page.block("texts-1").as_array().unwrap().len() as u64,
        blocks[2].as_u64().unwrap() - blocks[1].as_u64().unwrap()
    );
}

#[test]
fn a_run_without_outcomes_has_a_page_too() {
    let page = page(&[], BOUNDS);
    assert_eq!(page.block("index")["listed"], 0);
    assert!(!page.text.contains("id=\"texts-0\""));
}
