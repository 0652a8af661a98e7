//! The page around the data: markup, style and scripts.
//!
//! A content security policy names the two scripts and the style by their hashes. So nothing else
//! can run, whatever an answer says, and nothing can be asked of any server.

use std::fs::File;
use std::io::{self, Write};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::summary::Summary;
use super::guard;
use super::index::IndexPage;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const CHART: &str = include_str!("chart.min.js");

/// The page's own scripts, in the order in which they build on one another.
const SCRIPTS: &[&str] = &[
    include_str!("script/words.js"),
    include_str!("script/data.js"),
    include_str!("script/view.js"),
    include_str!("script/select.js"),
    include_str!("script/verdict.js"),
    include_str!("script/models.js"),
    include_str!("script/charts.js"),
    include_str!("script/diff.js"),
    include_str!("script/answers.js"),
    include_str!("script/cells.js"),
    include_str!("script/detail.js"),
    include_str!("script/controls.js"),
    include_str!("script/keys.js"),
    include_str!("script/main.js"),
];

/// The chart library, without the note where its source map is: there is none to be had.
fn chart() -> &'static str {
    // Found from the end, where it stands.
    CHART.rsplit_once("//# sourceMappingURL").map_or(CHART, |(chart, _)| chart)
}

fn script() -> String {
    format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPTS.concat())
}

/// The page up to its texts, in the pieces between what is filled in.
struct Parts {
    script: String,
    policy: String,
}

static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let script = script();
    let policy = format!(
        "default-src 'none'; script-src '{}' '{}'; style-src '{}'; img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(chart()),
        hash(&script),
        hash(STYLE)
    );
    Parts { script, policy }
});

fn hash(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}

/// Writes the page up to where its texts stand; `file` has what was set aside of the index.
pub(super) fn write_head(
    out: &mut impl Write,
    summary: &Summary,
    index: &mut IndexPage,
    file: &mut File,
) -> io::Result<()> {
    let title = escaped(&format!("{} · {}", summary.job, summary.run));
    for (nth, piece) in head().split('%').enumerate() {
        match (nth % 2, piece) {
            (0, text) => out.write_all(text.as_bytes())?,
            (_, "title") => out.write_all(title.as_bytes())?,
            (_, "policy") => out.write_all(PARTS.policy.as_bytes())?,
            (_, "style") => out.write_all(STYLE.as_bytes())?,
            (_, "chart") => out.write_all(chart().as_bytes())?,
            (_, "script") => out.write_all(PARTS.script.as_bytes())?,
            (_, "summary") => guard::write(out, summary)?,
            (_, "index") => index.write(file, out)?,
            (_, other) => unreachable!("the page has no `{other}` to be filled in"),
        }
    }
    Ok(())
}

/// Writes what stands behind the texts.
pub(super) fn write_tail(out: &mut impl Write) -> io::Result<()> {
    out.write_all(split().1.as_bytes())
}

fn head() -> &'static str {
    split().0
}

fn split() -> (&'static str, &'static str) {
    PAGE.split_once("%texts%").expect("the page says where its texts stand")
}

/// Text for the page's title.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
