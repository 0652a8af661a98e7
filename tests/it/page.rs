//! `report.html` in a real browser: it opens from disk, asks nobody for anything, and does what it
//! says, whatever prompts and answers say.

use serde_json::{Value, json};

use crate::support::chromium::Browser;
use crate::support::job::JobDir;
use crate::support::night::Night;

const MODELS: [&str; 3] = ["small", "haiku", "ours"];

/// Forty prompts to three models: one errs, one is refused, one is slow, one is of unknown cost.
fn ordinary() -> Night {
    let mut night = Night::of(&MODELS);
    for n in 0..40 {
        let set = if n < 20 { "sums" } else { "letters" };
        let right = format!("The answer is {n}.");
        night.prompt(set, &format!("What is question {n}?"), &[&right, &right, &right]);
        let score =
            |right: bool| json!({"scores": {"right": {"value": u8::from(right), "pass": right}}});
        for model in MODELS {
            night.change(model, &score(model != "ours" || n % 4 != 0));
        }
        night.change("ours", &json!({"cost_usd": null, "cost_status": "unknown_price"}));
    }
    night.prompt(
        "letters",
        "What is a needle?",
        &["A haystack.", "A thin thing of steel.", "A thick thing of steel."],
    );
    night.change("small", &json!({"latency_ms": 9000}));
    night.fail("haiku", "RateLimitError", "slow down, please");
    night.change("ours", &json!({"cost_usd": null, "cost_status": "unknown_price"}));
    night.scorers = json!([{"column": "right", "kind": "contains", "weight": 1.0}]);
    night.gates = json!([
        {"metric": "right", "per": "model", "min": 0.9},
        {"metric": "error_rate", "per": "run", "max": 0.1},
    ]);
    night
}

/// A browser with the page of a run, or nothing where there is no browser.
fn opened(night: &Night, dir: &JobDir) -> Option<Browser> {
    let mut browser = Browser::start(1280, 800)?;
    browser.open(&night.page(dir), "");
    Some(browser)
}

/// What the page says of how many prompts it shows.
fn found(browser: &mut Browser) -> String {
    browser.until("!document.querySelector('#found').innerText.includes('searching')");
    browser.text("#found")
}

/// The name of the first prompt in the list.
fn first(browser: &mut Browser) -> String {
    browser
        .eval(
            "[...document.querySelectorAll('.group')].sort((a, b) => a.ariaRowIndex - b.ariaRowIndex)[0]\
             .querySelector('.name').innerText",
        )
        .as_str()
        .expect("a name")
        .to_owned()
}

#[test]
fn the_verdict_and_the_gates_come_first() {
    let dir = JobDir::new();
    let Some(mut browser) = opened(&ordinary(), &dir) else { return };
    assert_eq!(browser.text("#verdict-line"), "1 gate of 4 failed");
    let gates = browser.text("#gates");
    let failed = gates.lines().find(|line| line.contains("failed")).expect("a gate that failed");
    for part in ["right", "0.75", "min 0.9", "ours", "40"] {
        assert!(failed.contains(part), "{part} in {failed}");
    }
    let order = "document.querySelector('#gates').compareDocumentPosition(document.querySelector('#models')) & 4";
    assert_eq!(browser.eval(order), 4);
    let models = browser.text("#models");
    for part in ["small", "haiku", "ours", "unknown", "to 1"] {
        assert!(models.contains(part), "{part} in {models}");
    }
    assert_eq!(browser.count("#charts canvas"), 4, "score against cost, latency, cost, errors");
    browser.expect_quiet();
}

#[test]
fn answers_are_filtered_searched_and_sorted() {
    let dir = JobDir::new();
    let Some(mut browser) = opened(&ordinary(), &dir) else { return };
    assert_eq!(found(&mut browser), "41 prompts · 123 answers");
    browser.click("#fail");
    assert_eq!(found(&mut browser), "11 of 41 prompts · 123 answers");
    browser.choose("#by-score", "right:failed");
    assert_eq!(found(&mut browser), "10 of 41 prompts · 123 answers");
    browser.choose("#by-score", "");
    browser.choose("#by-error", "RateLimitError");
    assert_eq!(found(&mut browser), "1 of 41 prompts · 123 answers");
    assert!(browser.text(".group .cell.failed").contains("slow down, please"));
    browser.click("#fail");
    browser.choose("#by-error", "");
    browser.choose("#by-set", "letters");
    assert_eq!(found(&mut browser), "21 of 41 prompts · 123 answers");
    browser.choose("#by-set", "");

    browser.press("/");
    browser.write("THIN thing");
    browser.until("document.querySelector('#found').innerText.startsWith('0 of')");
    browser.press("Escape");
    browser.press("/");
    browser.write("THICK thing");
    browser.until("document.querySelector('#found').innerText.startsWith('1 of')");
    browser.press("Escape");
    browser.until("document.querySelector('#found').innerText.startsWith('41 ')");

    assert_eq!(first(&mut browser), "sums / 1");
    browser.choose("#by-sort", "latency");
    assert_eq!(first(&mut browser), "letters / 41");
    browser.click("#up");
    assert_ne!(first(&mut browser), "letters / 41");
    browser.choose("#by-sort", "score");
    assert_eq!(first(&mut browser), "sums / 1", "the least comes first");
    browser.click(".models button:nth-child(2)");
    assert_eq!(browser.count("#strip .line > div"), 2, "the prompt and one model");
    browser.expect_quiet();
}

#[test]
fn an_address_brings_back_what_was_looked_at() {
    let dir = JobDir::new();
    let night = ordinary();
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    let page = night.page(&dir);
    browser.open(&page, "#q=steel&fail=1&sort=latency&model=ours&open=3&diff=9-11");
    assert_eq!(browser.text("#detail-title"), "sums / 4");
    assert_eq!(browser.text("#diff"), "Hide differences");
    assert_eq!(browser.eval("document.querySelector('#q').value"), "steel");
    assert_eq!(browser.eval("document.querySelector('#fail').ariaPressed"), "true");
    browser.press("Escape");
    browser.until("!document.querySelector('#detail').open");
    let address = browser.eval("location.hash");
    assert_eq!(address, "#q=steel&model=ours&fail=1&sort=latency");
    browser.click("#reset");
    assert_eq!(found(&mut browser), "41 prompts · 123 answers");
    browser.open(
        &page,
        "#set=nobody&status=odd&error=X&score=%22%3E&model=none&sort=__proto__&open=999&diff=a",
    );
    assert_eq!(browser.text("#verdict-line"), "1 gate of 4 failed");
    browser.expect_quiet();
}

#[test]
fn two_answers_are_compared_word_by_word() {
    let dir = JobDir::new();
    let mut night = Night::of(&["a", "b"]);
    night.prompt("p", "Tell.", &["The quick brown fox jumps.", "The slow brown fox jumps high."]);
    night.prompt("p", "Again.", &["same", "same"]);
    let long: Vec<String> = (0..9000).map(|n| format!("word{n}")).collect();
    let other: Vec<String> = (0..9000).rev().map(|n| format!("wort{n}")).collect();
    night.prompt("p", "Long.", &[&long.join(" "), &other.join(" ")]);
    let Some(mut browser) = opened(&night, &dir) else { return };
    browser.press("j");
    browser.press("Enter");
    browser.until("document.querySelector('#detail').open");
    browser.press("d");
    let marked = |browser: &mut Browser, tag: &str| {
        browser.eval(&format!(
            "[...document.querySelectorAll('.diff {tag}')].map((e) => e.innerText).join('|')"
        ))
    };
    assert_eq!(
        (marked(&mut browser, "del"), marked(&mut browser, "ins")),
        (json!("quick"), json!("slow| high"))
    );
    browser.press("j");
    assert_eq!(browser.text("#detail-title"), "p / 2");
    browser.press("d");
    assert_eq!(browser.text(".compare p.diff"), "The two texts are the same.");
    browser.press("j");
    browser.press("d");
    assert_eq!(browser.count(".diff del"), 1, "too unlike to be told apart word by word");
    browser.press("k");
    browser.press("k");
    assert_eq!(browser.text("#detail-title"), "p / 1");
    browser.expect_quiet();
}

#[test]
fn hostile_texts_harm_nothing() {
    let dir = JobDir::new();
    let attacks = [
        "<script>window.harmed = 1</script>",
        "</script><script>window.harmed = 1</script>",
        "<!--<script>",
        "-->]]></textarea></title><img src=x onerror='window.harmed = 1'>",
        "<svg onload=window.harmed=1><iframe src=javascript:window.harmed=1>",
        "`${window.harmed = 1}` ' \" \\ \\u003cscript\\u003e &lt;b&gt; &amp;",
        "line\u{2028}and\u{2029}paragraph \u{0} \u{1b}[31mred\u{1b}[0m \u{202e}drow\u{202c} \u{feff}",
        "שלום עולם مرحبا بالعالم \u{200f}x",
        "{{ constructor.constructor('window.harmed = 1')() }} __proto__",
    ];
    let mut night = Night::of(&attacks[..3]);
    for attack in attacks {
        night.prompt(attack, attack, &[attack, attack, attack]);
        let note = json!({"scores": {attack: {"value": 0.5, "pass": false, "note": attack}}, "row": attack, "request_id": attack});
        night.change(attacks[0], &note).change(attacks[1], &note);
        night
            .fail(attacks[2], "BadRequestError", attack)
            .change(attacks[2], &json!({"row": attack}));
    }
    let huge = format!("{}{}", "<b>ü".repeat(200_000), "the end");
    night.prompt("huge", &huge, &[&huge, &"x".repeat(1 << 20), &huge]);
    let Some(mut browser) = opened(&night, &dir) else { return };
    assert_eq!(found(&mut browser), "10 prompts · 30 answers");
    for (nth, attack) in attacks.iter().enumerate() {
        browser.press("j");
        browser.press("Enter");
        browser.until("document.querySelector('#detail').open");
        browser.press("d");
        let shown = browser.text("#detail .asked .text");
        let plain = !attack.contains(['\u{0}', '\u{2028}']);
        assert!(!plain || shown == *attack, "{nth}: {shown}");
        browser.press("Escape");
        browser.until("!document.querySelector('#detail').open");
    }
    let colours = browser.eval("[...document.querySelectorAll('.excerpt')].some((e) => e.innerText.includes('␛[31mred') && e.innerText.includes('⟨U+202E⟩'))");
    assert_eq!(colours, true, "control characters are in sight");
    browser.press("G");
    browser.press("Enter");
    let notice = browser.text("#detail .notice");
    assert_eq!(
        notice,
        "The first 20,000 of 800,007 characters; the whole stands in responses.jsonl."
    );
    browser.press("d");
    browser.press("Escape");
    browser.choose("#by-status", "error");
    assert_eq!(found(&mut browser), "9 of 10 prompts · 30 answers");
    browser.press("/");
    browser.write("</script><script>");
    browser.until("document.querySelector('#found').innerText.startsWith('1 of')");
    assert_eq!(browser.eval("window.harmed"), Value::Null);
    let foreign = "document.querySelectorAll('img, svg, iframe, textarea, b:not(.note b, .whisker b)').length";
    assert_eq!(browser.eval(foreign), 0);
    browser.expect_quiet();
}

#[test]
fn light_and_dark_follow_the_machine_and_the_switch() {
    let dir = JobDir::new();
    let night = ordinary();
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    browser.prefer("dark");
    browser.open(&night.page(&dir), "");
    let page =
        |browser: &mut Browser| browser.eval("getComputedStyle(document.body).backgroundColor");
    let dark = page(&mut browser);
    browser.click("#theme");
    let light = page(&mut browser);
    assert_ne!(dark, light);
    browser.prefer("light");
    assert_eq!(page(&mut browser), light);
    browser.press("t");
    assert_eq!(page(&mut browser), dark);
    assert_eq!(browser.text("#theme"), "Light");
    browser.press("?");
    assert!(browser.text("#help").contains("failures only"));
    browser.press("Escape");
    browser.expect_quiet();
}

#[test]
fn a_phone_shows_all_of_it_without_scrolling_sideways() {
    let dir = JobDir::new();
    let night = ordinary();
    let Some(mut browser) = Browser::start(360, 740) else { return };
    browser.open(&night.page(&dir), "");
    assert_eq!(browser.eval("document.documentElement.scrollWidth"), 360);
    assert!(browser.text(".group").contains("haiku"), "models stand one below the other");
    browser.click(".group .prompt");
    browser.until("document.querySelector('#detail').open");
    assert_eq!(browser.eval("document.querySelector('#detail').scrollWidth <= 360"), true);
    browser.click("#detail-close");
    browser.expect_quiet();
}

#[test]
fn a_run_that_is_not_over_says_so_at_the_top() {
    let dir = JobDir::new();
    let mut night = Night::of(&["a"]);
    night.prompt("p", "One?", &["1"]);
    night.left = 4;
    for (ended, text) in [
        (
            None,
            "The run was still going, or was killed, when this page was written. 4 tasks of 5 had no outcome yet.",
        ),
        (
            Some("budget"),
            "The run stopped early: its budget was used up. 4 tasks of 5 had no outcome yet.",
        ),
    ] {
        night.ended = ended;
        let Some(mut browser) = opened(&night, &dir) else { return };
        assert_eq!(browser.text("#verdict .notice"), text);
        assert_eq!(browser.text("#verdict-line"), "1 of 5 tasks answered");
        browser.expect_quiet();
    }
    let empty = Night::of(&["a"]);
    let Some(mut browser) = opened(&empty, &dir) else { return };
    assert_eq!(browser.text("#verdict-line"), "Nothing is answered yet");
    browser.expect_quiet();
}

#[test]
fn lines_of_the_journal_that_are_damaged_are_told_at_the_top() {
    let dir = JobDir::new();
    let mut night = Night::of(&["a"]);
    night.prompt("p", "One?", &["1"]);
    for (damaged, text) in [
        (1, "1 line of the journal is damaged, and what was told there is in no number."),
        (3, "3 lines of the journal are damaged, and what was told there is in no number."),
    ] {
        (night.damaged, night.left) = (damaged, damaged);
        let Some(mut browser) = opened(&night, &dir) else { return };
        let notice = browser.text("#verdict .notice + .notice");
        assert!(notice.starts_with(text), "{notice}");
        browser.expect_quiet();
    }
}

/// A run of so many prompts to three models.
fn large(prompts: usize) -> Night {
    let mut night = Night::of(&MODELS);
    let filler = "committee postponed decision budget settled river traffic noise study ".repeat(6);
    for n in 0..prompts {
        let answer = format!("Answer {n}: {filler}");
        night.prompt("many", &format!("Question {n}: {filler}"), &[&answer, &answer, &answer]);
    }
    night
}

#[test]
fn thousands_of_answers_keep_few_rows_in_the_page() {
    let dir = JobDir::new();
    let Some(mut browser) = opened(&large(3_000), &dir) else { return };
    assert_eq!(found(&mut browser), "3,000 prompts · 9,000 answers");
    assert!(browser.count(".group") < 40);
    browser.press("G");
    browser.until("[...document.querySelectorAll('.group')].some((e) => e.innerText.includes('Question 2999'))");
    assert!(browser.count(".group") < 40);
    browser.press("/");
    browser.write("answer 1234:");
    browser.until("document.querySelector('#found').innerText.startsWith('1 of')");
    browser.until("document.querySelector('.group').innerText.includes('Question 1234')");
    browser.expect_quiet();
}

/// By hand: `cargo test --release --test it page -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, which says nothing on a busy machine"]
#[expect(clippy::print_stderr, reason = "it is there to be read")]
fn how_long_a_hundred_thousand_answers_take_to_open() {
    let dir = JobDir::new();
    let page = large(33_334).page(&dir);
    let bytes = std::fs::metadata(&page).expect("the page").len();
    let Some(mut browser) = Browser::start(1280, 800) else { return };
    for _ in 0..3 {
        eprintln!("{} MB: drawn after {:?}", bytes >> 20, browser.open(&page, ""));
    }
    browser.expect_quiet();
}
